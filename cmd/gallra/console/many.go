package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

// maxMany is for how many persons something is done at once: each is written about by itself, and each has its entry in the ledger.
const maxMany = 200

// acts are what can be done to a person: to one on their page, to many from a list.
var acts = []string{"extend", "takeback", "hold", "release"}

// many is what somebody is about to do to several persons.
type many struct {
	act  string
	list []evaluate.PersonRef
}

// manyPage shows whom it is about, or what became of it.
type manyPage struct {
	Act      string
	Key      string // what the form confirms
	Rows     []listRow
	Left     int // whom it does not fit: no hold stands on them, or it stands already
	Reason   string
	Until    string
	Tomorrow retention.Date
	LastDay  retention.Date
	Job      watched
	Done     *manyDone
}

// manyDone is what became of it.
type manyDone struct {
	Act    string
	Done   int
	Failed []manyFailed
}

type manyFailed struct {
	Path, Name string
	Notice     *notice
}

// chooseMany takes the persons that were chosen in a list, or everybody in it, and asks back.
func (c *Console) chooseMany(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	act, query := r.PostForm.Get("act"), r.PostForm.Get("list")
	if !slices.Contains(acts, act) {
		c.refuse(w, r, errFilter)
		return
	}
	back := "/people"
	if query != "" {
		back += "?" + query
	}
	list, err := c.chosen(r, b, query)
	switch {
	case err != nil:
		c.refuse(w, r, err)
	case len(list) == 0:
		c.tell(w, r, local(back), true, "many.none")
	case len(list) > maxMany:
		c.tell(w, r, local(back), true, "many.toomany", maxMany, len(list))
	default:
		c.askMany(w, r, b, &many{act, list}, "", "")
	}
}

// chosen are the persons that a form of a list names.
func (c *Console) chosen(r *http.Request, b *reading, query string) ([]evaluate.PersonRef, error) {
	var list []evaluate.PersonRef
	if r.PostForm.Get("all") == "yes" {
		v, err := url.ParseQuery(query)
		if err != nil {
			return nil, errFilter
		}
		f, err := readFilter(v, sessionOf(r))
		if err != nil {
			return nil, err
		}
		for _, i := range b.list(f) {
			list = append(list, evaluate.PersonRef{Table: b.TableOf(&b.Persons[i]), ID: b.Persons[i].ID})
		}
		return list, nil
	}
	for _, key := range r.PostForm["who"] {
		table, text, _ := strings.Cut(key, "/")
		id, err := uuid.Parse(text)
		if err != nil || b.checked.Subject(table) == nil {
			return nil, errFilter
		}
		if p := (evaluate.PersonRef{Table: table, ID: id}); !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list, nil
}

// askMany asks back: whom it is about, and why.
func (c *Console) askMany(w http.ResponseWriter, r *http.Request, b *reading, m *many, reason, until string) {
	t := c.tongue(r)
	today := c.today(b)
	page := manyPage{Act: m.act, Reason: reason, Until: until, Tomorrow: today + 1, LastDay: today.Add(b.checked.Policy.ManualExtension)}
	var fits []evaluate.PersonRef
	for _, p := range m.list {
		i, ok := b.find(p.Table, p.ID)
		held := ok && b.Persons[i].Action == retention.Hold
		if ok && (m.act == "hold" && held || m.act == "release" && !held) {
			page.Left++
			continue
		}
		fits = append(fits, p)
		row := listRow{Name: p.ID.String(), Path: personPath(p.Table, p.ID), Table: p.Table}
		if ok {
			row = b.row(t, i, 0)
		}
		page.Rows = append(page.Rows, row)
	}
	page.Key = sessionOf(r).deal(&many{m.act, fits})
	c.show(w, r, http.StatusOK, "several", page)
}

// many does it once it is confirmed.
func (c *Console) doMany(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	m := dealt[many](sessionOf(r), r.PostForm.Get("deal"))
	if m == nil || r.PostForm.Get("confirm") != "yes" {
		c.tell(w, r, "/people", true, "deal.old")
		return
	}
	reason, until, key, args := c.given(r, m.act)
	if key != "" {
		sessionOf(r).tell(&notice{true, c.tongue(r).T(key, args...)})
		c.askMany(w, r, b, m, reason, r.PostForm.Get("until"))
		return
	}
	to := c.once.do("many"+r.PostForm.Get("deal"), func() string {
		t := c.tongue(r)
		if _, begun := c.begin("many", func(ctx context.Context, j *job) error { return c.carryOutMany(ctx, j, b, t, m, reason, until) }); !begun {
			sessionOf(r).tell(&notice{true, t.T("many.busy")})
		}
		return "/people/many"
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// given are the reason and the day that a form gives; key says what is wrong with them.
func (c *Console) given(r *http.Request, act string) (reason string, until retention.Date, key string, args []any) {
	reason = strings.Join(strings.Fields(report.Plain(r.PostForm.Get("reason"))), " ")
	switch {
	case act == "takeback": // what is taken back needs no reason
		return "", 0, "", nil
	case act == "extend":
		var err error
		if until, err = retention.ParseDate(r.PostForm.Get("until")); err != nil {
			return reason, 0, "act.nodate", nil
		}
	}
	switch {
	case reason == "":
		return reason, until, "act.noreason", nil
	case len([]rune(reason)) > maxReason:
		return reason, until, "act.longreason", []any{maxReason}
	}
	return reason, until, "", nil
}

// carryOutMany does it to one after the other. Whoever it cannot be done to is told, and the others go on.
func (c *Console) carryOutMany(ctx context.Context, j *job, b *reading, t tongue, m *many, reason string, until retention.Date) error {
	out := &manyDone{Act: m.act}
	c.mu.Lock()
	c.many = nil
	c.mu.Unlock()
	j.phase("act", len(m.list))
	l, err := c.o.Ledger()
	if err != nil {
		return err
	}
	var done []evaluate.PersonRef
	for _, p := range m.list {
		if ctx.Err() != nil {
			break
		}
		if err := do(context.WithoutCancel(ctx), c.o.Deps(m.act, b.checked, l), p, m.act, reason, until); err != nil {
			name, unread := c.nameOf(ctx, b, p)
			if unread != nil {
				name = p.ID.String()
			}
			out.Failed = append(out.Failed, manyFailed{personPath(p.Table, p.ID), name, c.outcomeOf(t, m.act, err)})
			j.update(func(p *progress) { p.Failed++ })
		} else {
			done = append(done, p)
		}
		j.update(func(p *progress) { p.Done++ })
	}
	out.Done = len(done)
	c.learn(context.WithoutCancel(ctx), b, l, done)
	c.mu.Lock()
	c.many = out
	c.mu.Unlock()
	return nil
}

// do does something to a person, by the functions of the command line.
func do(ctx context.Context, d purge.Deps, p evaluate.PersonRef, act, reason string, until retention.Date) (err error) {
	switch act {
	case "hold":
		_, err = purge.Hold(ctx, d, p, reason)
	case "release":
		_, err = purge.Release(ctx, d, p, reason)
	case "extend":
		err = purge.Extend(ctx, d, p, until, reason)
	case "takeback":
		err = purge.TakeBack(ctx, d, p)
	}
	return err
}

// learn brings what the console knows of persons up to date after something was done to them.
func (c *Console) learn(ctx context.Context, b *reading, l *ledger.Ledger, who []evaluate.PersonRef) {
	o := evaluate.Known(l, c.today(b))
	var decisions []*plan.Planned
	var others []evaluate.PersonRef
	take := func(who []evaluate.PersonRef, follow bool) {
		for some := range slices.Chunk(who, 50) {
			all, err := plan.ExplainAll(ctx, c.o.Client, b.checked, some, o)
			if err != nil {
				return // it is done; what it means is read anew with the plan
			}
			for _, x := range all {
				decisions = append(decisions, &x.Decision)
				for _, other := range x.Others {
					if p := (evaluate.PersonRef{Table: other.Table, ID: other.ID}); follow && !slices.Contains(who, p) && !slices.Contains(others, p) {
						others = append(others, p)
					}
				}
			}
		}
	}
	take(who, true)
	take(others, false) // what justifies or holds one row counts for all rows of a human being
	found, err := readEvidence(ctx, l, b.evidence)
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.reading().with(decisions...)
	next.traces, next.held, next.histories, next.stages, next.asked = l.Trace, l.Held, l.Changes, l.Stage, l.Asked
	if err == nil {
		next.evidence = found
	}
	c.keep(next)
}

// manyDone shows how far it has come, or what became of it.
func (c *Console) manyDone(w http.ResponseWriter, r *http.Request, _ *reading) {
	page := manyPage{Job: c.watch("many")}
	c.mu.Lock()
	page.Done = c.many
	c.mu.Unlock()
	if page.Job.Err != nil {
		c.fail(w, r, page.Job.Err)
		return
	}
	c.show(w, r, http.StatusOK, "several-done", page)
}

// stopMany stops after the person who is being written about.
func (c *Console) stopMany(w http.ResponseWriter, r *http.Request) {
	c.stopJob("many")
	http.Redirect(w, r, "/people/many", http.StatusSeeOther)
}

// findNamed looks for persons in the whole CRM by a part of their name or address: those that no list holds.
func (c *Console) findNamed(ctx context.Context, b *reading, text string) (found []listRow, more bool, err error) {
	for i := range b.checked.Subjects {
		s := &b.checked.Subjects[i]
		table, err := c.o.Client.Table(ctx, s.Table)
		if err != nil {
			return nil, false, err
		}
		company := report.CompanyColumn(table)
		cols, filter := []string{s.PrimaryID}, []string{}
		for _, name := range []string{s.PrimaryName, "emailaddress1"} {
			if table.Attributes[name] != nil {
				cols, filter = append(cols, name), append(filter, "contains("+name+","+odata.Quote(text)+")")
			}
		}
		if company != "" {
			cols = append(cols, company)
		}
		q := dataverse.Query{Table: s.Table, Select: cols, Filter: strings.Join(filter, " or "), OrderBy: s.PrimaryName, Top: shownFound + 1, Annotations: true}
		n := 0
		for row, err := range c.o.Client.Rows(ctx, q) {
			if err != nil {
				return nil, false, err
			}
			if n++; n > shownFound {
				more = true
				break
			}
			x := listRow{Table: s.Table, Path: personPath(s.Table, row.ID(s.PrimaryID)), Name: report.Plain(row.Text(s.PrimaryName)), Email: report.Plain(row.Text("emailaddress1")), Company: report.Plain(row.Text(company))}
			if strings.HasPrefix(company, "_") {
				x.Company = report.Plain(row.Formatted(company))
			}
			found = append(found, x)
		}
	}
	return found, more, nil
}

// shownFound is how many persons of a table a search of the whole CRM shows.
const shownFound = 100
