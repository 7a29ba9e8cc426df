package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
)

// Effect is what another policy would change for a person.
type Effect string

// The effects, in the words of --json.
const (
	Earlier Effect = "earlier" // the date lies earlier
	Later   Effect = "later"   // the date lies later
	Newly   Effect = "newly"   // open until now: the person gets a date
	NoMore  Effect = "no-more" // open from now on: the person has no date any more
)

// Effects are all effects, in the order in which people care.
var Effects = []Effect{Newly, Earlier, Later, NoMore}

// Change is a person whose date another policy would change.
type Change struct {
	Table    string
	ID       uuid.UUID
	From, To retention.Date // retain until: Open, a date, or zero for a person whom nothing ever justified
	Effect   Effect
	// FromGround and ToGround gave the dates; as [Planned.GroundID].
	FromGround, ToGround string
}

// Simulation is two policies over the same data on the same day.
type Simulation struct {
	AsOf         retention.Date
	TimeZone     string
	Organization uuid.UUID
	Policy, With string // hashes of the one in force and of the other
	Changes      []Change
	// Purges counts the persons whom nothing justifies on that day, by table: under the policy in force and the other.
	Purges map[string][2]int
	// Persons counts everybody, by table.
	Persons map[string]int
	// Rows are the rules for rows with a period of their own, where somebody has asked what they would do.
	Rows []RowsChange
	// Asks is whom both policies ask before their purge, and Words are those of the other policy, where somebody has asked for them.
	Asks  []AsksChange
	Words []Word
}

// Simulate compares what two policies give everybody. A table that a policy does not name is one whose persons it keeps
// for ever. The evaluations must be of the same day.
func Simulate(now *compile.Policy, evaluation *evaluate.Evaluation, with *compile.Policy, other *evaluate.Evaluation) *Simulation {
	s := &Simulation{AsOf: evaluation.Today, TimeZone: now.Policy.TimeZone.String(), Organization: now.Organization,
		Policy: now.Policy.Hash, With: with.Policy.Hash, Purges: map[string][2]int{}, Persons: map[string]int{}}
	tables := []string{}
	for _, c := range []*compile.Policy{now, with} {
		for i := range c.Subjects {
			if t := c.Subjects[i].Table; !slices.Contains(tables, t) {
				tables = append(tables, t)
			}
		}
	}
	for _, table := range tables {
		a, b := standings(now, evaluation, table), standings(with, other, table)
		s.Persons[table] = max(len(a), len(b))
		s.Purges[table] = [2]int{ended(a, s.AsOf), ended(b, s.AsOf)}
		s.compare(table, a, b, now.Subject(table) != nil, with.Subject(table) != nil)
	}
	return s
}

// standing is what a policy gives a person.
type standing struct {
	id     uuid.UUID
	until  retention.Date
	ground string
}

// standings are the persons of a table in the order of their ids.
func standings(c *compile.Policy, e *evaluate.Evaluation, table string) []standing {
	var all []standing
	rules := rulesOf(c)
	for row := range e.Persons(evaluate.EvaluateOptions{Today: e.Today}) {
		if row.Table != table {
			continue
		}
		p := planned(c, rules(row), e, row)
		all = append(all, standing{row.ID, p.Until, p.GroundID()})
	}
	return all
}

func ended(all []standing, day retention.Date) int {
	n := 0
	for _, p := range all {
		if p.until <= day {
			n++
		}
	}
	return n
}

// compare goes through two lists side by side. Whoever is in one only came or went while the tables were read, unless a
// policy does not judge the table at all.
func (s *Simulation) compare(table string, a, b []standing, judgedNow, judgedThen bool) {
	for len(a) > 0 || len(b) > 0 {
		var from, to standing
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = bytes.Compare(a[0].id[:], b[0].id[:])
		}
		switch {
		case order < 0:
			from, to, a = a[0], standing{id: a[0].id, until: retention.Open}, a[1:]
			if judgedThen {
				continue
			}
		case order > 0:
			from, to, b = standing{id: b[0].id, until: retention.Open}, b[0], b[1:]
			if judgedNow {
				continue
			}
		default:
			from, to, a, b = a[0], b[0], a[1:], b[1:]
		}
		if from.until == to.until {
			continue
		}
		s.Changes = append(s.Changes, Change{Table: table, ID: from.id, From: from.until, To: to.until,
			Effect: effect(from.until, to.until), FromGround: from.ground, ToGround: to.ground})
	}
}

func effect(from, to retention.Date) Effect {
	switch {
	case from == retention.Open:
		return Newly
	case to == retention.Open:
		return NoMore
	case to < from:
		return Earlier
	}
	return Later
}

// Count is how many persons have that effect; table "" counts all tables.
func (s *Simulation) Count(table string, e Effect) int {
	n := 0
	for _, c := range s.Changes {
		if c.Effect == e && (table == "" || c.Table == table) {
			n++
		}
	}
	return n
}

// Tables are the tables of the simulation, in order.
func (s *Simulation) Tables() []string { return slices.Sorted(maps.Keys(s.Persons)) }

// GroundEffect counts persons by the effect, the ground that gave their date and the one that would.
type GroundEffect struct {
	Table    string
	From, To string
	Effect   Effect
	Persons  int
	Example  uuid.UUID // the first of them
}

// ByGround sums the changes up, the most frequent first.
func (s *Simulation) ByGround() []GroundEffect {
	type key struct {
		table, from, to string
		effect          Effect
	}
	index := map[key]int{}
	var all []GroundEffect
	for _, c := range s.Changes {
		k := key{c.Table, c.FromGround, c.ToGround, c.Effect}
		i, ok := index[k]
		if !ok {
			i = len(all)
			index[k] = i
			all = append(all, GroundEffect{Table: c.Table, From: c.FromGround, To: c.ToGround, Effect: c.Effect, Example: c.ID})
		}
		all[i].Persons++
	}
	slices.SortStableFunc(all, func(a, b GroundEffect) int {
		return cmp.Or(cmp.Compare(b.Persons, a.Persons), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Effect, b.Effect), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return all
}

// WriteJSON prints the simulation as JSON Lines: a header, a line a change, the totals.
func (s *Simulation) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Kind         string         `json:"kind"`
		AsOf         retention.Date `json:"asOf"`
		TimeZone     string         `json:"timeZone"`
		Organization uuid.UUID      `json:"organization"`
		Policy       string         `json:"policy"`
		With         string         `json:"with"`
	}{"simulation", s.AsOf, s.TimeZone, s.Organization, s.Policy, s.With})
	if err != nil {
		return err
	}
	for _, c := range s.Changes {
		err := e.Encode(struct {
			Kind       string          `json:"kind"`
			Table      string          `json:"table"`
			ID         uuid.UUID       `json:"id"`
			From       *retention.Date `json:"from"`
			To         *retention.Date `json:"to"`
			Effect     Effect          `json:"effect"`
			FromGround *string         `json:"fromGround"`
			ToGround   *string         `json:"toGround"`
		}{"change", c.Table, c.ID, known(c.From), known(c.To), c.Effect, named(c.FromGround), named(c.ToGround)})
		if err != nil {
			return err
		}
	}
	for _, c := range s.Rows {
		if err := e.Encode(c.line()); err != nil {
			return err
		}
	}
	for _, line := range s.asksLines() {
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	type tableLine struct {
		Table   string         `json:"table"`
		Persons int            `json:"persons"`
		Purges  [2]int         `json:"unjustified"` // under the policy in force, and under the other
		Effects map[Effect]int `json:"effects"`
	}
	tables := []tableLine{}
	for _, t := range s.Tables() {
		line := tableLine{Table: t, Persons: s.Persons[t], Purges: s.Purges[t], Effects: map[Effect]int{}}
		for _, f := range Effects {
			line.Effects[f] = s.Count(t, f)
		}
		tables = append(tables, line)
	}
	return e.Encode(struct {
		Kind    string      `json:"kind"`
		Changes int         `json:"changes"`
		Tables  []tableLine `json:"tables"`
	}{"totals", len(s.Changes), tables})
}

// named is nil, null in JSON, for no name.
func named(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
