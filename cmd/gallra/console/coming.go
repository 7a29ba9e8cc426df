package console

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/report"
)

// weeksAhead is how far the first page looks: the usual notice and some more.
const weeksAhead = 12

// week is whose day lies in one week, on the first page.
type week struct {
	report.Week
	Label  string
	Filter filter // whose list it is
}

// group is a ground or an owner on the first page.
type group struct {
	Name    string
	Why     string
	Persons int
	Filter  filter
	Rest    bool // all the others
}

// timeline is the coming weeks by ground or by owner. Its numbers are those of the lists that they lead to.
type timeline struct {
	By           string
	Groups       []group
	Weeks        []week
	Total        int
	Wide, Narrow template.HTML
}

func (b *reading) timeline(t tongue, by string) (timeline, error) {
	kind := report.ByGround
	if by == "owner" {
		kind = report.ByOwner
	}
	counted := b.Timeline(kind, weeksAhead, report.Colours, nil)
	out := timeline{By: by}
	for _, s := range counted.Series {
		out.Groups = append(out.Groups, b.group(t, kind, s))
		out.Total += s.Persons
	}
	for i, w := range counted.Weeks {
		x := week{Week: w, Filter: filter{State: announced, Sort: "date"}}
		switch {
		case w.Monday.IsZero():
			x.Label, x.Filter.State = t.T("coming.due"), string(retention.Purge)
		case w.Later:
			x.Label, x.Filter.From = t.T("coming.later"), w.Monday
		default:
			x.Label, x.Filter.From, x.Filter.To = t.day(w.Monday), w.Monday, w.Monday+6
			if i == 1 {
				x.Filter.From = 0 // whoever is late comes now
			}
		}
		out.Weeks = append(out.Weeks, x)
	}
	var err error
	if out.Wide, err = out.draw(t, "wide", 960, 280); err != nil {
		return out, err
	}
	out.Narrow, err = out.draw(t, "narrow", 340, 260)
	return out, err
}

// draw is the chart, which the table beside it tells in numbers.
func (l *timeline) draw(t tongue, id string, width, height int) (template.HTML, error) {
	c := report.Chart{ID: id, Title: t.T("coming.chart"), Desc: t.T("coming.desc." + l.By), Width: width, Height: height}
	for _, g := range l.Groups {
		c.Series = append(c.Series, g.Name)
	}
	for i := range l.Weeks {
		w := &l.Weeks[i]
		bar := report.Bar{Label: w.Label, Title: w.Label + ": " + t.N("persons", w.Persons), Parts: w.Shares}
		if w.Persons > 0 {
			bar.Href = "/people?" + string(w.Filter.Query())
		}
		c.Bars = append(c.Bars, bar)
	}
	var svg bytes.Buffer
	if err := report.Timeline(&svg, c); err != nil {
		return "", err
	}
	return template.HTML(svg.String()), nil // the chart escapes what it is given
}

func (b *reading) group(t tongue, by report.By, s report.Series) group {
	g := group{Persons: s.Persons, Filter: filter{State: comingAll, Sort: "date"}}
	switch {
	case s.Index < 0:
		g.Name, g.Rest = t.T("coming.others"), true
	case by == report.ByOwner:
		o := &b.Owners[s.Index]
		g.Name, g.Filter.Owner = ownerWords(t, o), ownerFilter(o)
	default:
		x := &b.Grounds[s.Index]
		g.Name, g.Filter.Ground, g.Why = b.groundWords(t, x.ID), groundFilter(x), x.Why
	}
	return g
}

func ownerFilter(o *report.Owner) string {
	if o.ID == (report.Owner{}).ID {
		return none
	}
	return o.ID.String()
}

func ownerWords(t tongue, o *report.Owner) string {
	switch {
	case o.Name != "":
		return o.Name
	case ownerFilter(o) == none:
		return t.T("owner.none")
	}
	return o.ID.String()
}

func groundFilter(g *report.Ground) string {
	if g.ID == "" {
		return none
	}
	return g.ID
}

// groundWords is a ground as a reader knows it: by the event that it counts from, or its id.
func (b *reading) groundWords(t tongue, id string) string {
	switch id {
	case "":
		return t.T("ground.none")
	case retention.ManualExtension:
		return t.T("ground.byhand")
	}
	for i := range b.checked.Subjects {
		for j := range b.checked.Subjects[i].Grounds {
			if g := b.checked.Subjects[i].Grounds[j].Ground; g.ID == id && g.Trigger != "" {
				return g.Trigger
			}
		}
	}
	return id
}

// comingPage is what the first page shows.
type comingPage struct {
	timeline
	Tables   []report.Table
	Changes  plan.Changes
	Rails    []plan.GuardRail
	Today    retention.Date
	Due      int
	Held     int
	Everyone int
	Kept     bool // the lists hold persons who are kept
	Linked   bool // numbers lead to their lists
	NoLedger bool
	States   []retention.Action
	Rows     []plan.RowTotals // of rows with a period of their own
}

func (c *Console) coming(w http.ResponseWriter, r *http.Request, b *reading) {
	by := "ground"
	if r.FormValue("by") == "owner" {
		by = "owner"
	}
	line, err := b.timeline(c.tongue(r), by)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, http.StatusOK, "coming", comingPage{timeline: line, Tables: b.Tables, Changes: b.changes, Rails: b.rails, Today: b.AsOf,
		Due: b.Count(retention.Purge), Held: b.Count(retention.Hold), Everyone: b.Everybody(), Kept: b.kept, Linked: true, NoLedger: !b.evidence.existed, States: actions, Rows: b.ended})
}
