package plan

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

// Plan is what a run would do: a value made of a policy, an evaluation and a day, without I/O. What it says of a person
// holds for the moment of the evaluation; before anybody is purged the last look judges them anew.
type Plan struct {
	AsOf         retention.Date
	TimeZone     string
	Organization uuid.UUID
	Policy       string // hash
	// Decisions are in the order of the policy's subjects, then by id. Persons who are kept and need nothing are left out
	// unless they were asked for.
	Decisions []Planned
	Tables    []TableTotals
	Grounds   []GroundTotals
	Rows      []RowTotals // of rows with a period of their own, where somebody has asked for them
	// Unreadable are the persons about whom a date cannot be read. They count as kept, and nothing is done about them.
	Unreadable []evaluate.PersonRef

	// Held is what the ledger is to learn of grounds that go on after they were lost.
	Held []evaluate.HeldChange
	// Changes is what the ledger is to learn of changes that grounds count from.
	Changes []evaluate.Change

	rules retention.Rules
}

// Planned is the decision about one person.
type Planned struct {
	Person evaluate.PersonRow
	retention.Decision
	Ground *compile.Ground // nil: none justifies the person; or they are kept by hand
	// Stuck is the code of why the purge that is due cannot be carried out: "bound". Empty where nothing is known to be in its way.
	Stuck string
	Class string // the id of the person's class; empty where all are alike
	// Unapproved tells that the purge is due and waits for somebody else's approval.
	Unapproved bool
	// Unspread is the purge date that notice and grounds give, where limits.spread has made a later one of it; zero: it has not.
	Unspread retention.Date
	// Stage is what comes on the purge date instead of the purge; nil: the purge. Restored tells that a ground has returned for
	// somebody who was archived.
	Stage    *compile.Stage
	Restored bool
	// Asked is the word to the person that stands, Ask tells that the run asks them, and Unasked that the purge is due and waits
	// since they were not asked in time.
	Asked        retention.Asked
	Ask, Unasked bool
	rules        *retention.Rules // shared: a plan has many decisions
	in           *words.Words     // the language of the reason, English if nil
}

// Stuck is the state of persons whose purge is due and cannot be carried out: no action of its own, but what lists call it.
const Stuck retention.Action = "stuck"

// State is the action, or [Stuck].
func (p *Planned) State() retention.Action {
	if p.Stuck != "" && p.Action == retention.Purge {
		return Stuck
	}
	return p.Action
}

// Reason is why, in words for the sales staff: as it is written onto the row.
func (p *Planned) Reason() string {
	if p.in == nil {
		return p.ReasonIn(words.In("reason", ""))
	}
	return p.ReasonIn(p.in)
}

// ReasonIn is [Planned.Reason] in other words of the subject reason, for a reader of another language than the row's.
func (p *Planned) ReasonIn(in *words.Words) string {
	var rules retention.Rules
	if p.rules != nil {
		rules = *p.rules
	}
	d := p.Decision
	if !p.Unspread.IsZero() {
		d.PurgeOn = p.Unspread
	}
	text := Reason(in, d, p.Ground, p.Person.Columns, rules)
	if g := p.Ground; g != nil && g.Change != nil && !d.Trigger.IsZero() && d.Until != retention.Open {
		decided := in.T("by-run")
		if p.Person.ByHistory {
			decided = in.T("by-history")
		}
		text = policy.Shorten(text+". "+decided, policy.MaxReason)
	}
	if p.Stage != nil && !p.PurgeOn.IsZero() {
		if what, ok := in.Lookup("stage." + string(p.Stage.Do)); ok {
			text = policy.Shorten(text+". "+what, policy.MaxReason)
		}
	}
	return text
}

// GroundID is the ground as reports and --json name it: its id, manual-extension, or empty.
func (p *Planned) GroundID() string {
	switch {
	case p.Decision.Ground == retention.ByHand:
		return retention.ManualExtension
	case p.Ground != nil:
		return p.Ground.ID
	}
	return ""
}

// TableTotals are the numbers of one subject table.
type TableTotals struct {
	Table   string
	Persons int
	Actions map[retention.Action]int
	Stuck   int // of those to be purged: who cannot be
	Waiting int // of those to be purged: who wait for somebody else's approval
	Unasked int // of those to be purged: who wait since they were not asked in time
	// Ask are the persons whom the run asks, and AskLater those whom a later one does, since one run has so many asked.
	Ask, AskLater int
	// Unlooked are those to be purged of whom nobody has looked whether they can be, since limits stop the run in any case.
	Unlooked int
}

// GroundTotals are the numbers of one ground.
type GroundTotals struct {
	Table, Ground string
	Rows          int // rows that lead to a person
	Persons       int // persons to whom the ground gives their date
	Gaps          int // rows that lack the date that the ground counts from
	MayBeEmpty    bool
	Undated       int // persons who lack the date that is all that the ground speaks of
	evaluate.OddDates
}

// PlanOptions are what a plan needs besides the policy and the evaluation.
type PlanOptions struct {
	// Traces is what the ledger proves about a person's purge date; nil: nothing, as for a ledger that was lost.
	Traces func(table string, id uuid.UUID) retention.Trace
	// Stages is how far persons are on the way to their purge, by the ledger; nil: nobody is.
	Stages func(table string, id uuid.UUID) retention.Stage
	// Asked is what the ledger knows of words to persons; nil: nothing.
	Asked Asked
	// All plans persons who are kept as well, for those who want to see everybody.
	All bool
}

// NewPlan decides about every person of an evaluation.
func NewPlan(c *compile.Policy, e *evaluate.Evaluation, o PlanOptions) *Plan {
	p := &Plan{AsOf: e.Today, TimeZone: c.Policy.TimeZone.String(), Organization: c.Organization, Policy: c.Policy.Hash, rules: c.Policy.Rules(), Held: e.Held, Changes: e.Changes}
	totals := map[string]*TableTotals{}
	p.Tables = make([]TableTotals, len(c.Subjects))
	for i := range c.Subjects {
		s := &c.Subjects[i]
		p.Tables[i] = TableTotals{Table: s.Table, Persons: e.Count(s.Table), Actions: map[retention.Action]int{}}
		totals[s.Table] = &p.Tables[i]
	}
	for _, g := range e.Grounds() {
		p.Grounds = append(p.Grounds, GroundTotals{Table: g.Table, Ground: g.Ground.ID, Rows: g.Rows, Persons: g.Persons, Gaps: g.Gaps, MayBeEmpty: g.Ground.MayBeEmpty, Undated: g.Undated, OddDates: g.OddDates})
	}
	persons := e.Persons(evaluate.EvaluateOptions{Today: e.Today, Traces: o.Traces, Stages: o.Stages})
	rules := rulesOf(c)
	told := 0 // counted first: growing, the list would for a moment be there twice, and it is the largest thing in memory
	for row := range persons {
		if d := planned(c, rules(row), e, row); d.Action != retention.Keep || d.Restored || o.All {
			told++
		}
	}
	p.Decisions = make([]Planned, 0, told)
	for row := range persons {
		d := planned(c, rules(row), e, row)
		if d.Unreadable {
			p.Unreadable = append(p.Unreadable, evaluate.PersonRef{Table: row.Table, ID: row.ID})
		}
		totals[row.Table].Actions[d.Action]++
		if d.Action != retention.Keep || d.Restored || o.All {
			p.Decisions = append(p.Decisions, d)
		}
	}
	order := func(table string) int {
		return slices.IndexFunc(c.Subjects, func(s compile.Subject) bool { return s.Table == table })
	}
	slices.SortStableFunc(p.Decisions, func(a, b Planned) int {
		return cmp.Or(cmp.Compare(order(a.Person.Table), order(b.Person.Table)), slices.Compare(a.Person.ID[:], b.Person.ID[:]))
	})
	p.spread(c.Policy.Limits)
	p.ask(c, e, o.Asked)
	return p
}

// planned is the decision about one person of an evaluation, with the ground that it rests on.
func planned(c *compile.Policy, rules *retention.Rules, e *evaluate.Evaluation, row evaluate.PersonRow) Planned {
	p := Planned{Person: row, Decision: retention.Decide(row.Person, *rules, e.Today), rules: rules, in: Reasons(c.Policy)}
	if p.Decision.Ground != retention.ByHand && p.Decision.Ground != retention.NoGround {
		p.Ground = e.GroundOf(row)
	}
	if s := c.Subject(row.Table); s != nil {
		p.Class = s.Class(row.Class)
		done := row.Stage.Done
		if p.Restored = done > 0 && row.Ended > e.Today; p.Restored {
			done = 0 // the stages begin anew
		}
		p.Stage = s.For(row.Class).Coming(done)
	}
	return p
}

// Count is how many persons of all tables get that action.
func (p *Plan) Count(a retention.Action) int {
	n := 0
	for _, t := range p.Tables {
		n += t.Actions[a]
	}
	return n
}

// MarkStuck notes who cannot be purged, with why, and how many of each table were not looked at.
func (p *Plan) MarkStuck(codes map[evaluate.PersonRef]string, unlooked map[string]int) {
	for i := range p.Tables {
		p.Tables[i].Unlooked = unlooked[p.Tables[i].Table]
	}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		d.Stuck = codes[evaluate.PersonRef{Table: d.Person.Table, ID: d.Person.ID}]
		if d.State() != Stuck {
			continue
		}
		for j := range p.Tables {
			if p.Tables[j].Table == d.Person.Table {
				p.Tables[j].Stuck++
			}
		}
	}
}

// MarkUnapproved notes who is due and may not go yet. It answers how many they are.
func (p *Plan) MarkUnapproved(may func(table string, id uuid.UUID, purgeOn retention.Date) bool) (all int) {
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if d.Unapproved = d.State() == retention.Purge && !may(d.Person.Table, d.Person.ID, d.PurgeOn); !d.Unapproved {
			continue
		}
		all++
		for j := range p.Tables {
			if p.Tables[j].Table == d.Person.Table {
				p.Tables[j].Waiting++
			}
		}
	}
	return all
}

// Able is the plan as far as it can happen: limits count neither who is stuck nor who waits, for an approval or to be asked.
func (p *Plan) Able() *Plan {
	if !slices.ContainsFunc(p.Tables, func(t TableTotals) bool { return t.Stuck+t.Waiting+t.Unasked > 0 }) {
		return p
	}
	return p.Only(func(d *Planned) bool { return d.State() != Stuck && !d.Unapproved && !d.Unasked })
}

// Only is the plan without the decisions that keep refuses; its counts are of what is left.
func (p *Plan) Only(keep func(*Planned) bool) *Plan {
	only := *p
	only.Decisions = nil
	only.Tables = make([]TableTotals, len(p.Tables))
	for i, t := range p.Tables {
		only.Tables[i] = TableTotals{Table: t.Table, Persons: t.Persons, Actions: map[retention.Action]int{retention.Keep: t.Actions[retention.Keep]}}
	}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if !keep(d) {
			continue
		}
		only.Decisions = append(only.Decisions, *d)
		for j := range only.Tables {
			if only.Tables[j].Table == d.Person.Table && d.Action != retention.Keep {
				only.Tables[j].Actions[d.Action]++
				if d.State() == Stuck {
					only.Tables[j].Stuck++
				}
				if d.Unapproved {
					only.Tables[j].Waiting++
				}
				if d.Unasked {
					only.Tables[j].Unasked++
				}
				if d.Ask {
					only.Tables[j].Ask++
				}
			}
		}
	}
	return &only
}

// rulesOf are the date rules for a person, each once for all persons of a table and class.
func rulesOf(c *compile.Policy) func(evaluate.PersonRow) *retention.Rules {
	type key struct {
		table string
		class int
	}
	known := map[key]*retention.Rules{}
	return func(row evaluate.PersonRow) *retention.Rules {
		k := key{row.Table, row.Class}
		if known[k] == nil {
			r := c.RulesFor(row.Table, row.Class)
			known[k] = &r
		}
		return known[k]
	}
}
