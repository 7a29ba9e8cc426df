package environment

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// A legal hold on a person holds what the policy says is theirs: every row from which a related rule of any subject leads to
// them, by a lookup, over other rows, as a party, by a value, or by '*', and the other rows of the same human being. What
// leads to such a row is held as well.

// Holds are the persons on whose rows a legal hold stands, as they were read at one time.
type Holds struct {
	tables *Tables
	from   Reader
	held   map[Ref]bool
	values map[heldValue][]Ref // held persons by what stands in a column
	alike  map[string][]Ref    // by identity
	merged map[Ref][]Ref       // by the row that they were merged into
}

// heldValue is a value in a column of a subject table.
type heldValue struct{ table, column, value string }

// Holds reads on whom a legal hold stands.
func (t *Tables) Holds(ctx context.Context, from Reader) (*Holds, error) {
	h := &Holds{tables: t, from: from, held: make(map[Ref]bool), values: make(map[heldValue][]Ref), alike: make(map[string][]Ref), merged: make(map[Ref][]Ref)}
	defer t.seen.first()()
	began := t.client.Now()
	var subjects []*compile.Subject
	var qs []dataverse.Query
	for i := range t.Policy.Subjects {
		s := &t.Policy.Subjects[i]
		if s.Own.LegalHold == "" || slices.Contains(s.Unprovisioned, s.Own.LegalHold) {
			continue
		}
		filters, err := t.holdFilters(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, f := range filters {
			subjects = append(subjects, s)
			qs = append(qs, dataverse.Query{Table: s.Table, Set: s.EntitySet, Select: s.Persons.Select, Filter: f})
		}
	}
	answers, err := from.Queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	for i, rows := range answers {
		s := subjects[i]
		for _, row := range rows {
			who := Ref{s.Table, row.ID(s.PrimaryID)}
			if h.held[who] {
				continue // found by its id and by its change
			}
			h.held[who] = true
			if v := Fold(row.Text(s.Identity)); s.Identity != "" && v != "" {
				h.alike[v] = append(h.alike[v], who)
			}
			if s.Master != "" && !row.Null(s.Master) {
				into := Ref{s.Table, row.ID(s.Master)}
				h.merged[into] = append(h.merged[into], who)
			}
			for _, rule := range s.Related {
				for _, c := range rule.Person.Columns {
					if v := Fold(row.Text(c)); v != "" {
						at := heldValue{s.Table, c, v}
						h.values[at] = with(h.values[at], who)
					}
				}
			}
		}
	}
	t.saw(h, began)
	return h, nil
}

// seenHolds are the rows on which a hold was seen, and until when. No index leads to the few rows with a hold, and each chunk
// asks for them more than once: the whole table is read once a run, then the rows that had a hold, and those that were
// written since.
type seenHolds struct {
	whole  sync.Mutex // held by who reads the whole table
	mu     sync.Mutex
	rows   map[Ref]bool
	before time.Time // holds that were set earlier have been seen; zero: none were
}

const (
	// maxSeenHolds is how many rows with a hold are asked for by id; where there are more, the whole table is read.
	maxSeenHolds = 500
	// holdsOverlap is how far back changed rows are asked for: a row bears the time at which its write began, and the time that
	// answers tell may be up to a day ahead before a run is stopped for it.
	holdsOverlap = 36 * time.Hour
)

// first lets one at a time look as long as no look has ended, so that chunks side by side do not each read the whole table.
// What it returns is called after the look.
func (s *seenHolds) first() func() {
	s.whole.Lock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before.IsZero() {
		return s.whole.Unlock
	}
	s.whole.Unlock()
	return func() {}
}

// holdFilters find the rows of a subject on which a hold stands.
func (t *Tables) holdFilters(ctx context.Context, s *compile.Subject) ([]string, error) {
	held := s.Own.LegalHold + " eq true"
	def, err := t.Table(ctx, s.Table)
	if err != nil {
		return nil, err
	}
	t.seen.mu.Lock()
	defer t.seen.mu.Unlock()
	if t.seen.before.IsZero() || len(t.seen.rows) > maxSeenHolds || def.Attributes["modifiedon"] == nil {
		return []string{held}, nil
	}
	filters := []string{held + " and modifiedon ge " + t.seen.before.UTC().Format("2006-01-02T15:04:05Z")}
	for ids := range slices.Chunk(ByTable(t.seen.rows)[s.Table], MaxIDs) {
		filters = append(filters, held+" and ("+IDFilter(s.PrimaryID, ids)+")")
	}
	return filters, nil
}

// saw remembers the rows with a hold of a look that has begun at a time of the service.
func (t *Tables) saw(h *Holds, began time.Time) {
	if began.IsZero() {
		return
	}
	t.seen.mu.Lock()
	defer t.seen.mu.Unlock()
	for who := range h.held {
		t.seen.rows[who] = true
	}
	if before := began.Add(-holdsOverlap); before.After(t.seen.before) {
		t.seen.before = before
	}
}

func with(refs []Ref, more ...Ref) []Ref {
	for _, r := range more {
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	return refs
}

// None tells that nobody is held.
func (h *Holds) None() bool { return len(h.held) == 0 }

// Adds tells whether somebody is held here who was not before.
func (h *Holds) Adds(before *Holds) bool {
	for who := range h.held {
		if before == nil || !before.held[who] {
			return true
		}
	}
	return false
}

// Protects tells which of some rows the holds protect, and whose hold it is. Rows that were asked for are not asked for
// again, so that it ends however far they lead.
func (h *Holds) Protects(ctx context.Context, rows []Ref) (map[Ref]Ref, error) {
	if h.None() || len(rows) == 0 {
		return nil, nil
	}
	from := make(map[Ref][]Ref) // which rows lead to a row
	asked := make(map[Ref]bool)
	for open := rows; len(open) > 0; {
		var fresh []Ref
		for _, r := range open {
			if !asked[r] && !h.held[r] {
				asked[r] = true
				fresh = append(fresh, r)
			}
		}
		open = nil
		err := h.follow(ctx, fresh, func(at, to Ref) {
			if at == to {
				return
			}
			from[to] = with(from[to], at)
			if !asked[to] {
				open = append(open, to)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	by := make(map[Ref]Ref)
	open := slices.SortedFunc(maps.Keys(h.held), Ref.Compare)
	for _, who := range open {
		by[who] = who
	}
	for len(open) > 0 {
		at := open[0]
		open = open[1:]
		for _, r := range from[at] {
			if _, known := by[r]; !known {
				by[r] = by[at]
				open = append(open, r)
			}
		}
	}
	maps.DeleteFunc(by, func(r, _ Ref) bool { return !asked[r] && !slices.Contains(rows, r) })
	return by, nil
}

// follow calls found for every row of a subject table to which some rows lead.
func (h *Holds) follow(ctx context.Context, rows []Ref, found func(from, to Ref)) error {
	set := make(map[Ref]bool, len(rows))
	for _, r := range rows {
		set[r] = true
		for _, who := range h.merged[r] {
			found(r, who)
		}
	}
	var qs []dataverse.Query
	var take []func(dataverse.Row)
	ask := func(q dataverse.Query, fn func(dataverse.Row)) { qs, take = append(qs, q), append(take, fn) }
	tables := ByTable(set)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		for ids := range slices.Chunk(tables[table], MaxIDs) {
			for i := range h.tables.Policy.Subjects {
				s := &h.tables.Policy.Subjects[i]
				for j := range s.Related {
					switch rule := &s.Related[j]; {
					case rule.Table != table, rule.Do == policy.Leave:
					case rule.Behind != "":
						h.byPerson(s, rule, ids, ask, found)
					default:
						h.byRule(s, rule, ids, ask, found)
					}
				}
			}
			if err := h.byLookup(ctx, table, ids, ask, found); err != nil {
				return err
			}
		}
	}
	answers, err := h.from.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, answer := range answers {
		for _, row := range answer {
			take[i](row)
		}
	}
	return nil
}

// byRule asks where a rule of a subject leads from some rows of its table.
func (h *Holds) byRule(s *compile.Subject, rule *compile.Rule, ids []uuid.UUID, ask func(dataverse.Query, func(dataverse.Row)), found func(from, to Ref)) {
	read := rule.Leading(ids)
	ask(Query(read), func(row dataverse.Row) {
		at := Ref{rule.Table, FieldID(row, read.ID)}
		if rule.Person.ByValue() {
			value := Fold(FieldText(row, rule.Person.Value))
			for _, c := range rule.Person.Columns {
				for _, who := range h.values[heldValue{s.Table, c, value}] {
					found(at, who)
				}
			}
			return
		}
		for _, f := range rule.Person.Fields {
			if id := FieldID(row, f); id != uuid.Nil {
				found(at, Ref{s.Table, id})
			}
		}
	})
}

// byPerson asks whose own lookup leads to some rows.
func (h *Holds) byPerson(s *compile.Subject, rule *compile.Rule, ids []uuid.UUID, ask func(dataverse.Query, func(dataverse.Row)), found func(from, to Ref)) {
	ask(dataverse.Query{Table: s.Table, Set: s.EntitySet, Select: []string{s.PrimaryID, rule.Behind}, Filter: IDFilter(rule.Behind, ids)}, func(row dataverse.Row) {
		found(Ref{rule.Table, row.ID(rule.Behind)}, Ref{s.Table, row.ID(s.PrimaryID)})
	})
}

// byLookup asks where some rows of a table lead by what a rule '*' speaks of, and whose rows they are themselves.
func (h *Holds) byLookup(ctx context.Context, table string, ids []uuid.UUID, ask func(dataverse.Query, func(dataverse.Row)), found func(from, to Ref)) error {
	leads := make(map[string][]string) // to which subject tables, by lookup
	for _, s := range h.tables.Policy.Judged() {
		if !slices.ContainsFunc(s.Related, func(r compile.Rule) bool { return r.Table == policy.AnyTable }) {
			continue
		}
		over, err := h.tables.Reaches(ctx, s.Table)
		if err != nil {
			return err
		}
		links, err := h.tables.Links(ctx, h.from, s)
		if err != nil {
			return err
		}
		over = append(over, links...)
		for _, r := range over {
			if r.Referencing == table {
				leads[r.Wire] = append(leads[r.Wire], s.Table)
			}
		}
	}
	self := h.tables.Policy.Subject(table)
	if len(leads) == 0 && self == nil {
		return nil
	}
	t, err := h.tables.Table(ctx, table)
	if err != nil {
		return err
	}
	cols := append([]string{t.PrimaryID}, slices.Sorted(maps.Keys(leads))...)
	if self != nil {
		for _, c := range []string{self.Identity, self.Master} {
			if c != "" && !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
	}
	ask(dataverse.Query{Table: table, Set: t.EntitySet, Select: cols, Filter: IDFilter(t.PrimaryID, ids)}, func(row dataverse.Row) {
		at := Ref{table, row.ID(t.PrimaryID)}
		for wire, subjects := range leads {
			for _, subject := range subjects {
				if id := row.ID(wire); id != uuid.Nil {
					found(at, Ref{subject, id})
				}
			}
		}
		if self == nil {
			return
		}
		if self.Master != "" && !row.Null(self.Master) {
			found(at, Ref{table, row.ID(self.Master)})
		}
		if v := Fold(row.Text(self.Identity)); self.Identity != "" && v != "" {
			for _, who := range h.alike[v] {
				found(at, who)
			}
		}
	})
	return nil
}
