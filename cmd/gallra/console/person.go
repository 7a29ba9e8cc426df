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
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
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
	Owner             string
	Note              string // the reason of an extension by hand
	Today             retention.Date
	Decision          *plan.Planned
	State             retention.Action
	Held              bool
	HeldWith          bool
	HeldBy            *otherRow // whose hold it is, where it stands on another row
	Others            []otherRow
	Grounds           []groundView
	Nothing           []groundView // grounds that found nothing
	Rescues           []string
	LastDay           retention.Date // the furthest day of an extension
	Tomorrow          retention.Date
	RescueBy          retention.Date
	Wide, Narrow      template.HTML
	Evidence          []proofView
	Unprovisioned     []string
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
	x, err := plan.Explain(ctx, c.o.Client, b.checked, p.Table, p.ID, evaluate.EvaluateOptions{Today: today, Traces: b.traces, Held: b.held, Stages: b.stages})
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
			page.Rescues = append(page.Rescues, f.Rescue(page.RescueBy))
		}
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
	if t.Language == languages()[0] {
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

// introduce reads who the person is.
func (c *Console) introduce(ctx context.Context, t tongue, b *reading, page *personPage) error {
	subject := b.checked.Subject(page.Table)
	table, err := c.o.Client.Table(ctx, page.Table)
	if err != nil {
		return err
	}
	cols := []string{subject.PrimaryName}
	for _, name := range []string{"emailaddress1", subject.Own.RetainReason} {
		if name != "" && table.Attributes[name] != nil {
			cols = append(cols, name)
		}
	}
	owned := table.Attributes["ownerid"] != nil
	if owned {
		cols = append(cols, "_ownerid_value")
	}
	row, err := c.o.Client.Get(ctx, page.Table, page.ID, dataverse.Query{Select: cols, Annotations: true})
	if err != nil {
		return err
	}
	page.Name, page.Email, page.Note = report.Plain(row.Text(subject.PrimaryName)), report.Plain(row.Text("emailaddress1")), report.Plain(row.Text(subject.Own.RetainReason))
	if page.Name == "" {
		page.Name = t.T("person.unnamed")
	}
	if owned {
		page.Owner = report.Plain(row.Formatted("_ownerid_value"))
	}
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
	all, err := purge.Preview(r.Context(), c.o.Client, b.checked, c.today(b), p.Table, []uuid.UUID{p.ID})
	if err != nil {
		c.log.Warn("console: the forecast failed", "error", err)
		c.piece(w, r, "trouble", c.trouble(err))
		return
	}
	if len(all) == 0 {
		c.piece(w, r, "forecast", forecastView{Gone: true})
		return
	}
	f := all[0]
	v := forecastView{Do: f.Do, Code: f.Code}
	if f.Bound {
		v.Bound = strings.Join(f.By, ", ")
	}
	for _, key := range sortedKeys(f.Counts) {
		do, table, _ := strings.Cut(key, " ")
		v.Rows = append(v.Rows, forecastRow{do, table, f.Counts[key]})
	}
	c.piece(w, r, "forecast", v)
}

// act is what somebody does to a person: hold, release, extend. It is asked back first.
func (c *Console) act(w http.ResponseWriter, r *http.Request, b *reading) {
	p, ok := who(r, b)
	act := r.PathValue("act")
	if !ok || act != "hold" && act != "release" && act != "extend" {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	path := personPath(p.Table, p.ID)
	reason := strings.Join(strings.Fields(report.Plain(r.PostForm.Get("reason"))), " ")
	var until retention.Date
	if act == "extend" {
		var err error
		if until, err = retention.ParseDate(r.PostForm.Get("until")); err != nil {
			c.tell(w, r, path, true, "act.nodate")
			return
		}
	}
	switch {
	case reason == "":
		c.tell(w, r, path, true, "act.noreason")
		return
	case len([]rune(reason)) > maxReason:
		c.tell(w, r, path, true, "act.longreason", maxReason)
		return
	}
	if r.PostForm.Get("confirm") != "yes" {
		name, err := c.nameOf(r.Context(), b, p)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.show(w, r, http.StatusOK, "confirm", map[string]any{"Act": act, "Path": path, "Name": name, "Table": p.Table, "Reason": reason, "Until": until, "Column": b.checked.Subject(p.Table).Own})
		return
	}
	once := r.PostForm.Get("once")
	if once == "" {
		c.refuse(w, r, errFilter)
		return
	}
	t, s := c.tongue(r), sessionOf(r)
	to := c.once.do(act+path+once, func() string {
		err := c.carryOut(context.WithoutCancel(r.Context()), b, p, act, reason, until)
		s.tell(c.outcomeOf(t, act, err))
		return path
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// maxReason leaves room on the row for what gallra says itself.
const maxReason = 300

// carryOut does it, and brings what the console knows of the person up to date.
func (c *Console) carryOut(ctx context.Context, b *reading, p evaluate.PersonRef, act, reason string, until retention.Date) error {
	l, err := c.o.Ledger()
	if err != nil {
		return err
	}
	deps := c.o.Deps(act, b.checked, l)
	switch act {
	case "hold":
		_, err = purge.Hold(ctx, deps, p, reason)
	case "release":
		_, err = purge.Release(ctx, deps, p, reason)
	case "extend":
		err = purge.Extend(ctx, deps, p, until, reason)
	}
	if err != nil {
		return err
	}
	x, err := plan.Explain(ctx, c.o.Client, b.checked, p.Table, p.ID, evaluate.EvaluateOptions{Today: deps.Today, Traces: l.Trace, Held: l.Held, Stages: l.Stage})
	if err != nil {
		return nil // it is done; what it means is read anew with the plan
	}
	decisions := []*plan.Planned{&x.Decision}
	if len(x.Others) > 0 { // what justifies or holds one row counts for all rows of a human being
		var others []evaluate.PersonRef
		for _, o := range x.Others {
			others = append(others, evaluate.PersonRef{Table: o.Table, ID: o.ID})
		}
		all, err := plan.ExplainAll(ctx, c.o.Client, b.checked, others, evaluate.EvaluateOptions{Today: deps.Today, Traces: l.Trace, Held: l.Held, Stages: l.Stage})
		if err == nil {
			for _, o := range all {
				decisions = append(decisions, &o.Decision)
			}
		}
	}
	found, err := readEvidence(ctx, l, b.evidence)
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.reading().with(decisions...)
	next.traces, next.held, next.stages = l.Trace, l.Held, l.Stage
	if err == nil {
		next.evidence = found
	}
	c.keep(next)
	return nil
}

// outcomeOf says what became of an act.
func (c *Console) outcomeOf(t tongue, act string, err error) *notice {
	var locked *ledger.LockedError
	switch {
	case err == nil:
		return &notice{text: t.T("act." + act + ".done")}
	case errors.As(err, &locked):
		return &notice{true, t.T("act.locked", locked.Holder.Run)}
	case errors.Is(err, purge.ErrNotHeld):
		return &notice{true, t.T("act.notheld")}
	case errors.Is(err, purge.ErrAnonymized), errors.Is(err, dataverse.ErrNotFound):
		return &notice{true, t.T("act.gone")}
	case errors.Is(err, purge.ErrExtensionPast):
		return &notice{true, t.T("act.past")}
	case errors.Is(err, purge.ErrExtensionTooFar):
		return &notice{true, t.T("act.toofar")}
	case errors.Is(err, purge.ErrUnprovisioned):
		return &notice{true, t.T("act.unprovisioned")}
	}
	c.log.Warn("console: an action failed", "act", act, "error", err)
	return &notice{true, t.T("act.failed", strings.TrimSpace(err.Error()+" "+dataverse.Hint(err)))}
}
