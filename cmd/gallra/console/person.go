package console

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

// personPage is everything about one person.
type personPage struct {
	Table, Path, Link string
	ID                uuid.UUID
	Name, Email       string
	Company           string
	Owner             string
	Sentence          string // what becomes of them, and why
	Reason            string // why they have their date, in the reader's language
	Row               rowFacts
	Kind              string // what the row is called
	Unapproved        bool   // they are due and wait for somebody else's approval
	Today             retention.Date
	Decision          *plan.Planned
	State             retention.Action
	Held              bool
	HeldWith          bool
	HeldBy            *otherRow // whose hold it is, where it stands on another row
	Others            []otherRow
	Grounds           []groundView
	Nothing           []groundView // grounds that found nothing
	Rescues           []rescueView
	LastDay           retention.Date // the furthest day of an extension
	Tomorrow          retention.Date
	RescueBy          retention.Date
	Wide, Narrow      template.HTML
	Evidence          []proofView
	Unprovisioned     []string
	Becomes           []policy.Spelled // what happens once nothing justifies them, by the rules of their class
	Periods           []periodView     // rows of theirs that go by a date of their own
}

// periodView is a rule by which rows of a person go by a date of their own.
type periodView struct {
	Table  string
	Words  policy.Spelled
	Kept   bool // what a purge of the person has kept
	EvenIf bool
}

// otherRow is another row of the same human being.
type otherRow struct{ Table, Path, Name string }

// groundView is one ground and what it found.
type groundView struct {
	ID, Why, Basis, Table string
	Until                 retention.Date
	Holds                 bool
	Rows                  []rowView
	More                  int
}

type rowView struct {
	Table, Link, Words string
}

// shownRows is how many rows of a ground a page shows.
const shownRows = 10

// link is a row's form in Dynamics 365.
func (c *Console) link(table string, id uuid.UUID) string {
	return c.o.URL + "/main.aspx?" + url.Values{"pagetype": {"entityrecord"}, "etn": {table}, "id": {id.String()}}.Encode()
}

// who is the person that a request is about.
func who(r *http.Request, b *reading) (evaluate.PersonRef, bool) {
	id, err := uuid.Parse(r.PathValue("id"))
	table := r.PathValue("table")
	return evaluate.PersonRef{Table: table, ID: id}, err == nil && b.checked.Subject(table) != nil
}

func (c *Console) today(b *reading) retention.Date {
	return retention.DateOf(c.o.Client.Now(), b.checked.Policy.TimeZone)
}

func (c *Console) person(w http.ResponseWriter, r *http.Request, b *reading) {
	p, ok := who(r, b)
	if !ok {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	page, err := c.describe(r.Context(), c.tongue(r), b, p)
	switch {
	case errors.Is(err, dataverse.ErrNotFound):
		c.show(w, r, http.StatusNotFound, "gone", nil)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.show(w, r, http.StatusOK, "person", page)
	}
}

// describe reads a person's grounds, as gallra explain does, and who they are.
func (c *Console) describe(ctx context.Context, t tongue, b *reading, p evaluate.PersonRef) (*personPage, error) {
	today := c.today(b)
	x, err := plan.Explain(ctx, c.o.Client, b.checked, p.Table, p.ID, b.known(today))
	if err != nil {
		return nil, err
	}
	subject := b.checked.Subject(p.Table)
	page := &personPage{Table: p.Table, ID: p.ID, Path: personPath(p.Table, p.ID), Link: c.link(p.Table, p.ID), Today: today, Tomorrow: today + 1,
		Decision: &x.Decision, State: x.Decision.State(), Held: x.Person.LegalHold, HeldWith: x.Person.HeldWith, LastDay: today.Add(b.checked.Policy.ManualExtension), Unprovisioned: subject.Unprovisioned}
	if err := c.introduce(ctx, t, b, page); err != nil {
		return nil, err
	}
	if i, ok := b.find(p.Table, p.ID); ok && b.Persons[i].Action == plan.Stuck && page.State == retention.Purge {
		page.State = plan.Stuck
	}
	if page.HeldBy, err = c.heldBy(ctx, b, p); err != nil {
		return nil, err
	}
	for _, o := range x.Others {
		name, err := c.nameOf(ctx, b, evaluate.PersonRef{Table: o.Table, ID: o.ID})
		if err != nil {
			return nil, err
		}
		page.Others = append(page.Others, otherRow{o.Table, personPath(o.Table, o.ID), name})
	}
	page.Unapproved = b.unapprovedAt(page)
	page.Reason = x.Decision.ReasonIn(words.In("reason", t.Language))
	page.Sentence = t.sentence(page, x, today)
	page.RescueBy = max(x.Decision.PurgeOn, today)
	for _, f := range x.Findings {
		g := groundView{ID: f.Ground.ID, Why: f.Ground.Why, Basis: f.Ground.Basis, Until: f.Until(), Holds: f.Until() > today}
		if f.Table != p.Table {
			g.Table = f.Table
		}
		for i, row := range f.Rows {
			if i == shownRows {
				g.More = len(f.Rows) - i
				break
			}
			g.Rows = append(g.Rows, rowView{row.Table, c.link(row.Table, row.ID), c.arithmetic(t, f, row)})
		}
		if len(g.Rows) > 0 {
			page.Grounds = append(page.Grounds, g)
		} else {
			page.Nothing = append(page.Nothing, g)
		}
		if f.Table == p.Table {
			rescue, err := c.rescue(ctx, t, f, page)
			if err != nil {
				return nil, err
			}
			page.Rescues = append(page.Rescues, rescue)
		}
	}
	speller := c.speller(ctx, t)
	page.Becomes = speller.Becomes(b.checked.Subject(p.Table).For(x.Person.Class).Subject, b.checked.Policy.Notice)
	for _, r := range b.checked.RowsOf(p.Table, x.Person.Class) {
		page.Periods = append(page.Periods, periodView{r.Table, r.Says(speller), r.Of != "", r.EvenIf == policy.EvenIfJustified})
	}
	slices.SortStableFunc(page.Grounds, func(a, b groundView) int { return cmp.Compare(b.Until, a.Until) })
	page.Wide, page.Narrow = drawTimeline(t, x, today, "wide", 960), drawTimeline(t, x, today, "narrow", 340)
	for _, i := range b.evidence.list(proofFilter{Row: p.ID}) {
		page.Evidence = append(page.Evidence, b.evidence.view(t, b, i))
	}
	return page, nil
}

// heldBy is the person whose legal hold protects the row, nil where none does or it is the row's own.
func (c *Console) heldBy(ctx context.Context, b *reading, p evaluate.PersonRef) (*otherRow, error) {
	held, err := purge.HeldBy(ctx, c.o.Client, b.checked, []evaluate.PersonRef{p})
	if err != nil {
		return nil, err
	}
	by, ok := held[p]
	if !ok || by == p {
		return nil, nil
	}
	name, err := c.nameOf(ctx, b, by)
	if err != nil && !errors.Is(err, dataverse.ErrNotFound) { // gone meanwhile
		return nil, err
	}
	return &otherRow{by.Table, personPath(by.Table, by.ID), cmp.Or(name, by.ID.String())}, nil
}

// arithmetic is how a row's date became an end, in the reader's language.
func (c *Console) arithmetic(t tongue, f evaluate.Finding, r evaluate.FoundRow) string {
	if t.Language == words.All()[0] {
		return f.Arithmetic(r)
	}
	g := f.Ground
	switch {
	case r.Until == retention.Open && g.Date != nil:
		return t.T("ground.nodate")
	case r.Until == retention.Open:
		return t.T("ground.aslong")
	case r.Date.IsZero():
		return t.T("ground.atmost", t.period(g.AtMost.Period), g.AtMost.After, t.date(r.Until))
	}
	name := g.Trigger
	if name == "" {
		name = t.T("ground.date")
	}
	text := name + " " + t.date(r.Date)
	switch {
	case g.Bounded(r.Date, r.Until):
		text += ": " + t.T("ground.atmost", t.period(g.AtMost.Period), g.AtMost.After, t.date(r.Until))
	case g.Keep.From != retention.TheDate:
		text += ": " + t.T("ground.fromend", t.period(g.Keep.Period), t.date(g.Keep.Start(r.Date)-1), t.date(r.Until))
	case !g.Keep.IsZero():
		text += " + " + t.period(g.Keep.Period) + " = " + t.date(r.Until)
	}
	return text
}

// rowFacts are what stands on a person's row now: what gallra and the staff have written there, whatever a run would say today.
type rowFacts struct {
	PurgeOn, NoticedOn, Until retention.Date
	Reason, Note              string // why the person has the date, and why the staff keep them
	Held                      bool
}

// Extended tells whether an extension by hand stands on the row, or a half of one.
func (r rowFacts) Extended() bool { return !r.Until.IsZero() || r.Note != "" }

// Empty tells whether nothing stands there.
func (r rowFacts) Empty() bool { return r == rowFacts{} }

// introduce reads who the person is, and what stands on their row.
func (c *Console) introduce(ctx context.Context, t tongue, b *reading, page *personPage) error {
	subject := b.checked.Subject(page.Table)
	table, err := c.o.Client.Table(ctx, page.Table)
	if err != nil {
		return err
	}
	own, company := subject.Own, report.CompanyColumn(table)
	cols := []string{subject.PrimaryName}
	for _, name := range []string{"emailaddress1", own.PurgeScheduledOn, own.PurgeNoticedOn, own.PurgeReason, own.RetainUntil, own.RetainReason, own.LegalHold} {
		if name != "" && table.Attributes[name] != nil && !slices.Contains(cols, name) {
			cols = append(cols, name)
		}
	}
	owned := table.Attributes["ownerid"] != nil
	if owned {
		cols = append(cols, "_ownerid_value")
	}
	if company != "" {
		cols = append(cols, company)
	}
	row, err := c.o.Client.Get(ctx, page.Table, page.ID, dataverse.Query{Select: cols, Annotations: true})
	if err != nil {
		return err
	}
	page.Kind = cmp.Or(table.DisplayName, page.Table)
	if word, ok := t.Lookup("one." + page.Table); ok {
		page.Kind = word
	}
	page.Name, page.Email = report.Plain(row.Text(subject.PrimaryName)), report.Plain(row.Text("emailaddress1"))
	if page.Company = report.Plain(row.Text(company)); strings.HasPrefix(company, "_") {
		page.Company = report.Plain(row.Formatted(company))
	}
	if page.Name == "" {
		page.Name = t.T("person.unnamed")
	}
	if owned {
		page.Owner = report.Plain(row.Formatted("_ownerid_value"))
	}
	day := func(column string) retention.Date {
		d, _ := retention.DateOnly.Date(row.Text(column), nil)
		return d
	}
	page.Row = rowFacts{PurgeOn: day(own.PurgeScheduledOn), NoticedOn: day(own.PurgeNoticedOn), Until: day(own.RetainUntil), Held: row.Bool(own.LegalHold),
		Reason: report.Plain(row.Text(own.PurgeReason)), Note: report.Plain(row.Text(own.RetainReason))}
	return nil
}

// nameOf is what a row of a subject table is called.
func (c *Console) nameOf(ctx context.Context, b *reading, p evaluate.PersonRef) (string, error) {
	if i, ok := b.find(p.Table, p.ID); ok && b.Persons[i].Name != "" {
		return b.Persons[i].Name, nil
	}
	name := b.checked.Subject(p.Table).PrimaryName
	row, err := c.o.Client.Get(ctx, p.Table, p.ID, dataverse.Query{Select: []string{name}})
	if err != nil {
		return "", err
	}
	return report.Plain(row.Text(name)), nil
}

// forecastView is what a purge of the person would do to the rows that belong to them.
type forecastView struct {
	Gone  bool
	Do    policy.Disposition
	Bound string // the tables of the rows that bind the person
	Code  string
	Rows  []forecastRow
}

type forecastRow struct {
	Do, Table string
	Count     int
}

func (c *Console) forecast(w http.ResponseWriter, r *http.Request, b *reading) {
	p, ok := who(r, b)
	if !ok {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	all, err := purge.Preview(r.Context(), c.o.Client, b.checked, b.known(c.today(b)), p.Table, []uuid.UUID{p.ID})
	if err != nil {
		c.log.Warn("console: the forecast failed", "error", err)
		c.showForecast(w, r, p, nil, c.trouble(err))
		return
	}
	if len(all) == 0 {
		c.showForecast(w, r, p, &forecastView{Gone: true}, nil)
		return
	}
	f := all[0]
	v := forecastView{Do: f.Do, Code: f.Code}
	if f.Bound {
		v.Bound = c.tables(c.tongue(r), f.By)
	}
	for _, key := range sortedKeys(f.Counts) {
		do, table, _ := strings.Cut(key, " ")
		v.Rows = append(v.Rows, forecastRow{do, table, f.Counts[key]})
	}
	c.showForecast(w, r, p, &v, nil)
}

// showForecast answers with a piece where the person's page asks for one, and else, as where no script runs, with a page of its own.
func (c *Console) showForecast(w http.ResponseWriter, r *http.Request, p evaluate.PersonRef, v *forecastView, wrong *trouble) {
	switch {
	case r.Header.Get("HX-Request") == "":
		c.show(w, r, http.StatusOK, "forecast-page", map[string]any{"Path": personPath(p.Table, p.ID), "View": v, "Trouble": wrong})
	case wrong != nil:
		c.piece(w, r, "trouble", wrong)
	default:
		c.piece(w, r, "forecast", v)
	}
}
