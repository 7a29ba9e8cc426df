package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

// policyPage is the rules in words beside the file.
type policyPage struct {
	Policy   *policy.Policy
	Subjects []subjectView
	Files    []fileView
	Slider   *slider // the period that is being tried; nil: none
	Sim      simView

	Documents bool // the record of processing and the privacy notice can be had
}

// subjectView is what the policy says about a table of persons.
type subjectView struct {
	*policy.Subject
	Identity policy.Spelled // the columns that make rows one human being
	Retain   policy.Spelled // those that survive
	Grounds  []ruleView
	Related  []ruleView
}

// ruleView is one rule in words.
type ruleView struct {
	ID, Why, Basis string
	Period         policy.Spelled
	Rows, Do       policy.Spelled
	Line           string // the anchor of its line in the file
	Number         int
	Try            string // the address that tries another period; empty where that cannot be
	Persons        int
}

// fileView is one file of the policy.
type fileView struct {
	Name  string
	Lines []lineView
}

type lineView struct {
	Number int
	Anchor string
	Text   string
	Mark   bool // the period that is being tried stands here
}

// slider is a period that can be moved.
type slider struct {
	Table, Ground string
	Why           string
	Unit          string // months, weeks or days
	Now, Value    int
	Max           int
	File          string // the address of the changed file
}

func (c *Console) policy(w http.ResponseWriter, r *http.Request, b *reading) {
	t := c.tongue(r)
	p := b.checked.Policy
	page := policyPage{Policy: p, Documents: c.o.Document != nil, Sim: c.simView(r, t, b)}
	table, ground, _ := strings.Cut(r.FormValue("try"), "/")
	if s, ok := c.slider(b, table, ground, r.FormValue("n")); ok {
		page.Slider = s
	}
	speller := c.speller(r.Context(), t)
	files := map[string]int{}
	for i, f := range p.Files {
		files[f] = i
	}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		v := subjectView{Subject: s, Identity: speller.Columns(s.Table, s.Identity), Retain: speller.Columns(s.Table, s.Retain...)}
		for j := range s.Grounds {
			g := &s.Grounds[j]
			x := ruleView{ID: g.ID, Why: g.Why, Basis: g.Basis, Line: anchor(files[g.Pos.File], g.Pos.Line), Number: g.Pos.Line}
			x.Rows, x.Period = speller.Ground(s, g)
			if _, ok := c.slider(b, s.Table, g.ID, ""); ok {
				x.Try = "/policy?try=" + s.Table + "/" + g.ID + "#try"
			}
			for _, total := range b.totals {
				if total.Table == s.Table && total.Ground == g.ID {
					x.Persons = total.Persons
				}
			}
			v.Grounds = append(v.Grounds, x)
		}
		for _, rule := range speller.Related(s) {
			v.Related = append(v.Related, ruleView{Why: rule.Why, Rows: rule.Rows, Do: rule.Do, Line: anchor(files[rule.Pos.File], rule.Pos.Line), Number: rule.Pos.Line})
		}
		page.Subjects = append(page.Subjects, v)
	}
	page.Files = c.files(b, page.Slider)
	c.show(w, r, http.StatusOK, "policy", page)
}

func anchor(file, line int) string { return fmt.Sprintf("f%d-%d", file, line) }

func (c *Console) files(b *reading, s *slider) []fileView {
	var mark policy.Pos
	if s != nil {
		if _, edited, err := b.checked.Policy.WithPeriod(s.Table, s.Ground, s.period()); err == nil {
			mark.Line = edited.Line
			for _, g := range b.checked.Policy.Subject(s.Table).Grounds {
				if g.ID == s.Ground {
					mark.File = g.Pos.File
				}
			}
		}
	}
	var all []fileView
	for i, name := range b.checked.Policy.Files {
		v := fileView{Name: name[strings.LastIndexAny(name, `/\`)+1:]}
		for n, line := range strings.Split(strings.TrimRight(b.checked.Policy.Source(name), "\n"), "\n") {
			v.Lines = append(v.Lines, lineView{n + 1, anchor(i, n+1), line, name == mark.File && n+1 == mark.Line})
		}
		all = append(all, v)
	}
	return all
}

// slider is the period of a ground as something to move; it is not ok where there is none, or one in mixed units.
func (c *Console) slider(b *reading, table, ground, value string) (*slider, bool) {
	s := b.checked.Policy.Subject(table)
	if s == nil {
		return nil, false
	}
	i := slices.IndexFunc(s.Grounds, func(g policy.Ground) bool { return g.ID == ground })
	if i < 0 {
		return nil, false
	}
	g := &s.Grounds[i]
	v := &slider{Table: table, Ground: ground, Why: g.Why}
	switch k := g.Keep; {
	case k.IsZero():
		return nil, false
	case k.Weeks == 0 && k.Days == 0:
		v.Unit, v.Now, v.Max = "months", 12*k.Years+k.Months, 36
	case k.Years == 0 && k.Months == 0 && k.Days == 0:
		v.Unit, v.Now, v.Max = "weeks", k.Weeks, 52
	case k.Years == 0 && k.Months == 0 && k.Weeks == 0:
		v.Unit, v.Now, v.Max = "days", k.Days, 90
	default:
		return nil, false
	}
	v.Max = max(v.Max, 2*v.Now)
	v.Value = v.Now
	if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= v.Max {
		v.Value = n
	}
	v.File = fmt.Sprintf("/policy/file?try=%s/%s&n=%d", table, ground, v.Value)
	return v, true
}

// period is the one that the slider stands at.
func (s *slider) period() retention.Period {
	switch s.Unit {
	case "months":
		return retention.Period{Months: s.Value}
	case "weeks":
		return retention.Period{Weeks: s.Value}
	}
	return retention.Period{Days: s.Value}
}

// changedFile is the policy's file with the period that was tried, for whoever decides about it.
func (c *Console) changedFile(w http.ResponseWriter, r *http.Request, b *reading) {
	table, ground, _ := strings.Cut(r.FormValue("try"), "/")
	s, ok := c.slider(b, table, ground, r.FormValue("n"))
	if !ok {
		c.refuse(w, r, errFilter)
		return
	}
	_, edited, err := b.checked.Policy.WithPeriod(table, ground, s.period())
	if err != nil {
		c.tell(w, r, "/policy", true, "policy.notedited")
		return
	}
	attach(w, "application/yaml; charset=utf-8", fileNameOf(edited.Name))
	_, _ = w.Write([]byte(edited.Text))
}

// fileNameOf keeps what a header may hold.
func fileNameOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/`, r) {
			return '-'
		}
		return r
	}, name)
}

// simulation is what another period would change, for the policy page.
type simulation struct {
	slider slider
	book   string
	result *plan.Simulation
}

// simView is a simulation as the page shows it.
type simView struct {
	Running bool
	Slider  slider
	Trouble *trouble
	Result  *plan.Simulation
	Tables  []simTable
	Grounds []plan.GroundEffect
	Effects []plan.Effect
	People  []simRow
	Total   int
}

type simTable struct {
	Table                 string
	Persons, Before, Then int
	Counts                []int // by effect
}

type simRow struct {
	Name, Path, Table string
	From, To          retention.Date
	Effect            plan.Effect
}

// shownMoves is how many people a simulation lists.
const shownMoves = 50

// simulate begins to find out who would move. A new question takes the place of the one before.
func (c *Console) simulate(w http.ResponseWriter, r *http.Request, b *reading) {
	table, ground, _ := strings.Cut(r.FormValue("try"), "/")
	s, ok := c.slider(b, table, ground, r.FormValue("n"))
	if !ok {
		c.refuse(w, r, errFilter)
		return
	}
	if j := c.job("simulate"); !j.ended() {
		j.cancel()
		j.wait(r.Context())
	}
	c.begin("simulate", func(ctx context.Context, j *job) error {
		j.phase("evaluate", 0)
		c.keepSimulation(nil)
		policy, _, err := b.checked.Policy.WithPeriod(table, ground, s.period())
		if err != nil {
			return err
		}
		with, err := compile.Check(ctx, policy, c.o.Client)
		if err != nil {
			return err
		}
		e, err := evaluate.Evaluate(ctx, c.o.Client, with, evaluate.EvaluateOptions{Today: b.AsOf, Held: b.held, Changes: b.histories, Progress: j.rows})
		if err != nil {
			return err
		}
		c.keepSimulation(&simulation{*s, b.id, plan.Simulate(b.checked, b.evaluation, with, e)})
		return nil
	})
	if r.Header.Get("HX-Request") != "" {
		c.simulated(w, r, b)
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/policy?try=%s/%s&n=%d#try", table, ground, s.Value), http.StatusSeeOther)
}

// keepSimulation keeps the result.
func (c *Console) keepSimulation(s *simulation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sims = s
}

// simulated is the part of the page that tells who moves.
func (c *Console) simulated(w http.ResponseWriter, r *http.Request, b *reading) {
	c.piece(w, r, "simulation", c.simView(r, c.tongue(r), b))
}

func (c *Console) simView(r *http.Request, t tongue, b *reading) simView {
	j := c.job("simulate")
	if j == nil {
		return simView{}
	}
	if p, _ := j.now(); !p.Ended {
		return simView{Running: true}
	} else if p.Err != nil {
		return simView{Trouble: c.trouble(p.Err)}
	}
	c.mu.Lock()
	s := c.sims
	c.mu.Unlock()
	if s == nil || s.book != b.id {
		return simView{} // of a plan that is not shown any more
	}
	v := simView{Slider: s.slider, Result: s.result, Grounds: s.result.ByGround(), Effects: plan.Effects, Total: len(s.result.Changes)}
	for _, table := range s.result.Tables() {
		x := simTable{Table: table, Persons: s.result.Persons[table], Before: s.result.Purges[table][0], Then: s.result.Purges[table][1]}
		for _, e := range plan.Effects {
			x.Counts = append(x.Counts, s.result.Count(table, e))
		}
		v.Tables = append(v.Tables, x)
	}
	changes := s.result.Changes
	if len(changes) > shownMoves {
		changes = mostMoved(changes)
	}
	names, err := c.names(r.Context(), b, changes)
	if err != nil {
		c.log.Warn("console: names were not read", "error", err)
	}
	for _, x := range changes {
		name := names[x.ID]
		if name == "" {
			name = t.T("person.unnamed")
		}
		v.People = append(v.People, simRow{name, personPath(x.Table, x.ID), x.Table, x.From, x.To, x.Effect})
	}
	return v
}

// mostMoved are some of the changes: what people care about most comes first.
func mostMoved(all []plan.Change) []plan.Change {
	var some []plan.Change
	for _, e := range plan.Effects {
		for _, x := range all {
			if len(some) == shownMoves {
				return some
			}
			if x.Effect == e {
				some = append(some, x)
			}
		}
	}
	return some
}

// names are what some people are called: of the plan where they stand in it, else read from the CRM.
func (c *Console) names(ctx context.Context, b *reading, who []plan.Change) (map[uuid.UUID]string, error) {
	names := map[uuid.UUID]string{}
	missing := map[string][]string{}
	for _, x := range who {
		if i, ok := b.find(x.Table, x.ID); ok {
			names[x.ID] = b.Persons[i].Name
			continue
		}
		missing[x.Table] = append(missing[x.Table], x.ID.String())
	}
	for _, table := range sortedKeys(missing) {
		s := b.checked.Subject(table)
		if s == nil {
			continue
		}
		q := dataverse.Query{Table: table, Select: []string{s.PrimaryID, s.PrimaryName}, Filter: s.PrimaryID + " eq " + strings.Join(missing[table], " or "+s.PrimaryID+" eq ")}
		for row, err := range c.o.Client.Rows(ctx, q) {
			if err != nil {
				return names, err
			}
			names[row.ID(s.PrimaryID)] = report.Plain(row.Text(s.PrimaryName))
		}
	}
	return names, nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
