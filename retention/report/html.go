package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the page and its looks
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

//go:embed report.css
var pageCSS string

//go:embed report.html.tmpl
var pageText string

// What a page holds of long lists; the workbook has them whole.
const (
	shownPersons = 10000 // of all owners together
	shownTrouble = 500
	shownWeeks   = 10 // a notice of two months, and some
	shownMost    = 12 // owners and grounds of a summary: those with the most persons
)

// WriteHTML writes the report as one page that needs nothing else: no script, no font, no picture. Its own content security
// policy forbids all but its style sheet.
func (r *Report) WriteHTML(w io.Writer) error {
	p, err := newPage(r)
	if err != nil {
		return err
	}
	return p.write(w, "report", p)
}

// WriteSummary writes what fits on two sheets of A4, in the same way: how many, when, what would stop a run, and how the last
// one ended.
func (r *Report) WriteSummary(w io.Writer) error {
	p, err := newPage(r)
	if err != nil {
		return err
	}
	p.Nameless = true
	return p.write(w, "summary", p)
}

// write writes one of the pages.
func (p *page) write(w io.Writer, name string, data any) error {
	if p.text == nil {
		t, err := template.New("pages").Funcs(p.funcs()).Parse(pageText)
		if err != nil {
			return err
		}
		p.text = t
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := p.text.ExecuteTemplate(out, name, data); err != nil {
		return err
	}
	return out.Flush()
}

// page is what the template shows.
type page struct {
	*Report
	CSP    string
	CSS    template.CSS
	Chart  template.HTML
	Legend []legendEntry
	Owners []ownerPage
	// PlaceMaps are the maps in words and pictures.
	PlaceMaps []*PlaceMap
	Status    string // of the last run
	Canary    string

	Trouble     []RunEvent
	MoreTrouble int

	Nameless bool // it names no person, whatever the report does

	text *template.Template
}

// ownerView is a page about one owner's persons.
type ownerView struct {
	*page
	Owner ownerPage
}

// Of is what the list of an owner is made of.
func (p *page) Of(o ownerPage) ownerView { return ownerView{p, o} }

type legendEntry struct {
	Colour  int
	Name    string
	Persons int
}

// ownerPage is an owner's list as far as the page shows it.
type ownerPage struct {
	OwnerList
	Name          string
	Href          string
	Rescued, Held int
	Shown         []*Person
	More          int
}

func newPage(r *Report) (*page, error) {
	css := pageCSS + ChartCSS
	sum := sha256.Sum256([]byte(css))
	p := &page{Report: r, CSS: template.CSS(css), //nolint:gosec // our own text
		CSP: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"}
	if err := p.timeline(); err != nil {
		return nil, err
	}
	for _, m := range r.Maps {
		v, err := NewPlaceMap(m, r.Lang, r.Names)
		if err != nil {
			return nil, err
		}
		p.PlaceMaps = append(p.PlaceMaps, v)
	}
	p.owners()
	if r.Last != nil {
		p.Status = string(r.Last.Status)
		p.Canary = r.canary()
		p.Trouble = r.Last.Events[:r.Last.Persons(HasFailed)+r.Last.Persons(WasLeft)] // they come first
		if n := len(p.Trouble); n > shownTrouble {
			p.Trouble, p.MoreTrouble = p.Trouble[:shownTrouble], n-shownTrouble
		}
	}
	return p, nil
}

func (p *page) timeline() error {
	weeks := p.Coming.Timeline(ByGround, shownWeeks, Colours, nil)
	chart := p.chart(weeks)
	for i, s := range weeks.Series {
		p.Legend = append(p.Legend, legendEntry{i, chart.Series[i], s.Persons})
	}
	var b strings.Builder
	if err := Timeline(&b, chart); err != nil {
		return err
	}
	p.Chart = template.HTML(b.String()) //nolint:gosec // Timeline escapes
	return nil
}

// chart says the weeks in words.
func (r *Report) chart(weeks Weeks) Chart {
	c := Chart{ID: "timeline", Title: r.Lang.T("chart.title")}
	for _, s := range weeks.Series {
		name := r.Lang.T("other-grounds")
		if s.Index >= 0 {
			name = r.Lang.GroundName(&r.Coming.Grounds[s.Index])
		}
		c.Series = append(c.Series, name)
	}
	var said []string
	for _, w := range weeks.Weeks {
		label := r.Lang.Day(w.Monday)
		switch {
		case w.Monday.IsZero():
			label = r.Lang.T("due-now")
		case w.Later:
			label = r.Lang.T("later")
		}
		title := label + ": " + r.persons(w.Persons)
		if w.Persons > 0 {
			said = append(said, title)
		}
		c.Bars = append(c.Bars, Bar{Label: label, Title: title, Parts: w.Shares})
	}
	c.Desc = r.Lang.T("chart.description")
	if len(said) > 0 {
		c.Desc += " " + strings.Join(said, "; ") + "."
	}
	return c
}

// persons is a number of persons in words.
func (r *Report) persons(n int) string { return r.Lang.words().N("chart.persons", n, Number(n)) }

func (p *page) owners() {
	lists := p.Coming.ByOwner()
	most := len(p.Coming.Persons)
	if most > shownPersons {
		most = max(1, shownPersons/len(lists))
	}
	for _, l := range lists {
		o := ownerPage{OwnerList: l, Name: p.CalledOwner(l.Owner), Href: p.Link(l.Owner.Table, l.Owner.ID)}
		for _, person := range l.Persons {
			switch person.Action {
			case retention.Clear:
				o.Rescued++
			case retention.Hold:
				o.Held++
			}
		}
		o.Shown = l.Persons[:min(most, len(l.Persons))]
		o.More = len(l.Persons) - len(o.Shown)
		p.Owners = append(p.Owners, o)
	}
}

// canary says what became of the first persons that a run purges alone.
func (r *Report) canary() string {
	switch {
	case slices.ContainsFunc(r.Last.Stopped, func(s RunStop) bool { return s.Rail == "residue" }):
		return r.Lang.T("canary.residue")
	case r.Last.Purged() == 0:
		return r.Lang.T("canary.nobody")
	case r.Last.Status == ledger.Done || r.Last.Status == ledger.Partial:
		return r.Lang.T("canary.passed")
	}
	return r.Lang.T("canary.unknown")
}

func (p *page) funcs() template.FuncMap {
	return template.FuncMap{
		"T":      p.Lang.T,
		"Reason": func(why string) string { return policy.Reason(string(p.Lang), why) },
		"N":      Number,
		"Date":   p.Lang.Date,
	}
}

// PersonLink is the address of the person's row.
func (p *page) PersonLink(x *Person) string { return p.Link(p.Coming.TableOf(x), x.ID) }

// TableName is the person's table in words.
func (p *page) TableName(x *Person) string { return p.TableCalled(p.Coming.TableOf(x)) }

// MadeOn is when the report was made.
func (p *page) MadeOn() string { return p.Made.UTC().Format("2006-01-02 15:04 MST") }

// Short is as much of a hash as people compare.
func (p *page) Short(hash string) string {
	const shown = len("sha256:") + 12
	return hash[:min(len(hash), shown)]
}

// NoticeWords is the notice period in words.
func (p *page) NoticeWords() string { return p.Lang.Period(p.Facts.Notice) }

// Acted tells whether the ledger knows who ran the job.
func (p *page) Acted() bool { return p.Last.Actor != uuid.Nil }
