package evaluate

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/state"
)

// EvaluateOptions are what an evaluation needs besides the environment.
type EvaluateOptions struct {
	Today retention.Date
	// Traces is what the ledger proves about a person's purge date; nil: nothing, as for a ledger that was lost.
	Traces func(table string, id uuid.UUID) retention.Trace
	// Held is what the ledger knows of grounds that go on for a time after they were lost; nil: nothing.
	Held func(table string, id uuid.UUID, ground string) retention.Held
	// Changes is what the ledger remembers of changes that grounds count from; nil: nothing.
	Changes func(subject, ground string) retention.History
	// Stages is how far persons are on the way to their purge, by the ledger; nil: nobody is.
	Stages func(table string, id uuid.UUID) retention.Stage
	// Asked is what the ledger knows of words to persons before their purge; nil: nothing. It justifies nobody: explanations tell it.
	Asked func(table string, id uuid.UUID) retention.Asked
	// Progress is called with every page's rows, from several goroutines; nil: nobody watches.
	Progress func(what string, rows int)
	// Lasting leaves out rows whose retention has ended by today, as far as the server can tell. That is enough to decide
	// what to do about a person and not to tell which ground ended last; only a look at some persons takes it.
	Lasting bool
	// Padded remembers the values with blanks around them, for looks at some persons after the others; nil: each look asks.
	Padded *compile.PaddedTexts
	// Night reads what [Evaluate] asks for, of what was kept as far as that goes; nil: the client does.
	Night *state.Night
}

// Ledger is what a ledger tells an evaluation.
type Ledger interface {
	Trace(table string, id uuid.UUID) retention.Trace
	Held(table string, id uuid.UUID, ground string) retention.Held
	Changes(subject, ground string) retention.History
	Stage(table string, id uuid.UUID) retention.Stage
	Asked(table string, id uuid.UUID) retention.Asked
}

// Known are the options of an evaluation that knows all that a ledger tells: without it grounds that go on after they were lost, or
// count from changes, justify fewer persons than they do.
func Known(l Ledger, today retention.Date) EvaluateOptions {
	return EvaluateOptions{Today: today, Traces: l.Trace, Held: l.Held, Changes: l.Changes, Stages: l.Stage, Asked: l.Asked}
}

func (o EvaluateOptions) trace(table string, id uuid.UUID) retention.Trace {
	if o.Traces == nil {
		return retention.Trace{}
	}
	return o.Traces(table, id)
}

func (o EvaluateOptions) progress(what string, rows int) {
	if o.Progress != nil && rows > 0 {
		o.Progress(what, rows)
	}
}

// Evaluation is what the CRM says about every person at one time: who they are and what their grounds give them.
//
// Its tables are read side by side while people work in the CRM, page after page, so it is no picture of a single
// moment. A person may be in it whose justifying row was written after that row's page was read: they get a purge date,
// which the next run takes back. A row that was taken away meanwhile keeps its person until the next run. Nobody is
// purged on the strength of an evaluation: the last look reads the grounds again, and the row's ETag guards the person.
type Evaluation struct {
	Today   retention.Date
	Checked *compile.Policy
	tables  []*personTable
	// numbered are the grounds of all subjects, one after the other.
	numbered []*compile.Ground
	// Held are the persons for whom grounds that go on after they were lost have been gained or lost since the last run.
	Held []HeldChange
	// Changes is what the audit history told of grounds that count from changes, and the ledger does not know.
	Changes []Change
}

// PersonRow is one person of an evaluation.
type PersonRow struct {
	retention.Person
	Table string
	ETag  string
	Class int             // the number of the person's class; zero where all are alike
	Stage retention.Stage // how far the person is on the way to their purge
	// Ended is the end of the grounds and of an extension by hand; Until is the day of the next stage, where stages were done.
	Ended retention.Date
	// ByHistory tells that the audit history gave the day that the ground counts from.
	ByHistory bool
	// Master is the row that this one was merged into, zero if it was not.
	Master uuid.UUID

	number int32 // the ground among those of all subjects
}

// GroundOf is the ground that gives the person their date, whichever of their rows it was found for; nil when no
// ground of the policy does.
func (e *Evaluation) GroundOf(p PersonRow) *compile.Ground {
	if p.number < 0 {
		return nil
	}
	return e.numbered[p.number]
}

// GroundResult is what the evaluation of one ground found.
type GroundResult struct {
	Table   string // the subject table
	Ground  *policy.Ground
	Rows    int // rows of the ground that lead to a person
	Persons int // persons to whom the ground gives their date
	// Gaps counts rows that match but lack the date that the ground counts from.
	Gaps int
	OddDates
	// Undated counts persons who lack the date that is all that the ground speaks of.
	Undated int
}

// Evaluate reads every person and every ground, all side by side and each page once; what it keeps in memory is one
// small entry a person. Rows of grounds that come before their persons are known wait for them, in bounded number.
//
// Rows whose retention has ended are read as well: the plan tells of every person which ground ended last, and when.
func Evaluate(ctx context.Context, r dataverse.Reader, c *compile.Policy, o EvaluateOptions) (*Evaluation, error) {
	e := newEvaluation(c, o.Today)
	if err := e.histories(ctx, r, o, false); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range e.tables {
		group.Go(func() error {
			reads := []compile.Read{t.subject.Persons}
			if o.Night != nil {
				reads = t.subject.PersonsApart()
			}
			if err := t.read(ctx, r, reads, o); err != nil {
				return err
			}
			if err := t.classify(ctx, r, nil, o); err != nil {
				return err
			}
			close(t.ready)
			return nil
		})
	}
	all, err := e.queries(ctx, o, func(g *compile.Ground, _ *personTable) ([]compile.Read, error) { return []compile.Read{g.All()}, nil })
	if err != nil {
		return nil, err
	}
	for _, t := range e.tables {
		for _, own := range t.own {
			group.Go(func() error { return own.fold(ctx) })
		}
	}
	for _, s := range all {
		group.Go(func() error { return s.fold(ctx, r, o) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	e.afterwards(o)
	e.join()
	return e, nil
}

func newEvaluation(c *compile.Policy, today retention.Date) *Evaluation {
	e := &Evaluation{Today: today, Checked: c}
	for i := range c.Subjects {
		t := newPersonTable(c.Subjects[i], int32(i), int32(len(e.numbered)), c.Policy.TimeZone, today)
		t.rules = c.Policy.Rules()
		e.tables = append(e.tables, t)
		for j := range c.Subjects[i].Grounds {
			e.numbered = append(e.numbered, &c.Subjects[i].Grounds[j])
		}
	}
	return e
}

// queries are the queries for all grounds that need one, each ground by those that reads makes for it. Grounds of the same query share
// it.
func (e *Evaluation) queries(ctx context.Context, o EvaluateOptions, reads func(*compile.Ground, *personTable) ([]compile.Read, error)) ([]*shared, error) {
	room := newRoom(waitingRows)
	var all []*shared
	for _, t := range e.tables {
		for i := range t.subject.Grounds {
			g := &t.subject.Grounds[i]
			if g.OwnRow() != nil {
				continue
			}
			some, err := reads(g, t)
			if err != nil {
				return nil, err
			}
			for _, read := range some {
				f, fields := newFolding(ctx, t, g, read, e.Checked.Policy.TimeZone, room, o)
				if !slices.ContainsFunc(all, func(s *shared) bool { return s.add(f, read, fields) }) {
					s := &shared{read: read}
					s.begin(f, fields)
					all = append(all, s)
				}
			}
		}
	}
	return all, nil
}

// scan runs a query, of what was kept where there is a night. Keeps is what is kept of its columns.
func (o EvaluateOptions) scan(ctx context.Context, r dataverse.Reader, s dataverse.Selection, keeps []state.Keep) error {
	if o.Night == nil {
		return r.Scan(ctx, s.Query, s.Columns, s.Take)
	}
	var room [128]byte
	return o.Night.Scan(ctx, state.Reading{Selection: s, Keeps: keeps, Same: func(text []byte) []byte { return sameValue(text, room[:0]) }})
}

// InFull is a query that nights read in full although they keep what they read, and why.
type InFull struct {
	What, Why string
	Off       []string // tables whose changes are not tracked
}

// ReadInFull tells of the queries of an evaluation which nights read in full. Those for rows that are marked as anonymised are not
// told: they give few.
func ReadInFull(ctx context.Context, r dataverse.Reader, c *compile.Policy) (all []InFull, err error) {
	e := newEvaluation(c, 0)
	queries, err := e.queries(ctx, EvaluateOptions{}, func(g *compile.Ground, _ *personTable) ([]compile.Read, error) { return []compile.Read{g.All()}, nil })
	if err != nil {
		return nil, err
	}
	var asked []dataverse.Selection
	for _, t := range e.tables {
		s, _, _ := t.reading(t.subject.PersonsApart()[0], nil, EvaluateOptions{})
		asked = append(asked, s)
		for _, k := range t.subject.Classes {
			if k.Members.Table != "" {
				asked = append(asked, t.members(&k, k.Members, 0))
			}
		}
	}
	for _, q := range queries {
		s, _ := q.selection()
		asked = append(asked, s)
	}
	for _, s := range asked {
		why, off, err := state.Look(ctx, r, s)
		if err != nil {
			return nil, err
		}
		if why != "" {
			all = append(all, InFull{s.What, why, off})
		}
	}
	return all, nil
}

// selection is a Read as a streaming query, and what it is called in errors.
func selection(what string, read compile.Read, fields []compile.Field, take func([]dataverse.Value) error) dataverse.Selection {
	cols := make([]string, len(fields))
	for i, f := range fields {
		cols[i] = string(f)
	}
	return dataverse.Selection{What: what, Query: read.Query(), Columns: cols, Take: take}
}

// Grounds is what was found for each ground, in the order of the policy.
func (e *Evaluation) Grounds() []GroundResult {
	var all []GroundResult
	for _, t := range e.tables {
		results := append([]GroundResult(nil), t.results...)
		for i := range results {
			results[i].OddDates = t.oddDates(i)
		}
		for i := range t.entries.len() {
			if g := int32(t.entries.at(i).ground) - t.base; g >= 0 && int(g) < len(results) {
				results[g].Persons++
			}
		}
		all = append(all, results...)
	}
	return all
}

// Count is the number of persons in a subject table.
func (e *Evaluation) Count(table string) int {
	for _, t := range e.tables {
		if t.subject.Table == table {
			return t.entries.len()
		}
	}
	return 0
}

// Person is the evaluation of one person; false if the table holds no such person.
func (e *Evaluation) Person(table string, id uuid.UUID, o EvaluateOptions) (PersonRow, bool) {
	for _, t := range e.tables {
		if t.subject.Table != table {
			continue
		}
		if at, ok := t.find(id); ok {
			return t.person(at, o), true
		}
	}
	return PersonRow{}, false
}

// Persons are all persons of the evaluation, in the order of the policy's subjects and by id.
func (e *Evaluation) Persons(o EvaluateOptions) func(yield func(PersonRow) bool) {
	return func(yield func(PersonRow) bool) {
		for _, t := range e.tables {
			for i := range t.entries.len() {
				if !yield(t.person(int32(i), o)) {
					return
				}
			}
		}
	}
}
