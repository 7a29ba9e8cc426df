package emulator

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// env is what one query is evaluated in. It belongs to one goroutine.
type env struct {
	engine   *engine
	call     *call // whose rights decide what is seen; nil where the platform itself reads
	snap     *snapshot
	bin      bool // rows come from the recycle bin
	retained bool // rows come from long-term retention
	user     uuid.UUID
	now      time.Time
	zone     *time.Location
	rows     []*row // the row at hand, by slot: 0 is the queried table's, others belong to lambdas and links

	probe   row    // a key to search with, so that a search allocates nothing
	scratch []byte // for a folded text
	sources map[*table]*source
	names   map[*table]*source // for the names behind lookups
	ctx     context.Context
	steps   int   // rows looked at, each as often as it was
	spent   bool  // the caller has gone, or the query takes too much
	refused error // the caller may not read a table that the query needs
}

// maxSteps is where a query takes too much: the service's database gives up after two minutes.
const maxSteps = 200_000_000

func (e *env) maxSteps() int {
	if e.engine.maxSteps > 0 {
		return e.engine.maxSteps
	}
	return maxSteps
}

// step counts a row that is looked at; false when the query must end.
func (e *env) step() bool {
	if e.steps++; e.steps > e.maxSteps() || e.steps&0xffff == 0 && e.ctx != nil && e.ctx.Err() != nil {
		e.spent = true
	}
	return !e.spent
}

// finished is the fault of a query that was ended, or that needs what the caller may not read.
func (e *env) finished() error {
	if e.refused != nil {
		return e.refused
	}
	if !e.spent {
		return nil
	}
	return newFault(http.StatusInternalServerError, "0x80044151", "SQL timeout expired.")
}

// newEnv is an env for the call, at this moment.
func newEnv(c *call) *env {
	return &env{
		ctx: c.ctx, engine: c.engine, call: c, snap: c.view(), user: c.user, now: c.engine.clock.now(), zone: c.engine.zone(),
		sources: map[*table]*source{},
	}
}

// slot makes room for one more row at hand and returns its number.
func (e *env) slot() int {
	e.rows = append(e.rows, nil)
	return len(e.rows) - 1
}

// source is where the rows of one table come from.
type source struct {
	tab     *table
	rows    *rows
	union   []unionPart     // instead of rows, where the table is made of others
	see     func(*row) bool // the rows that the caller may read; nil: all
	mask    map[int]bool    // the secured columns that are null for the caller
	reverse map[int]map[uuid.UUID][]*row
}

// source is the rows of t in the env's snapshot, as the caller may see them.
func (e *env) source(t *table) *source {
	if s := e.sources[t]; s != nil {
		return s
	}
	s := e.everything(t)
	if e.call != nil {
		var err error
		if s.see, err = e.call.visible(t); err != nil {
			e.refused = err
			s.rows, s.union = nil, nil
		}
		s.mask = e.call.hidden(t)
	}
	e.sources[t] = s
	return s
}

// pass is a row as the caller may see it, nil if he may not.
func (s *source) pass(r *row) *row {
	switch {
	case r == nil, s.see != nil && !s.see(r):
		return nil
	case s.mask == nil:
		return r
	}
	var b rowBuilder
	for i, v := range r.all() {
		if !s.mask[i] {
			b.add(i, v)
		}
	}
	return b.row(r.id, r.version)
}

// passing is fn for the rows that the caller may see.
func (s *source) passing(fn func(*row) bool) func(*row) bool {
	if s.see == nil && s.mask == nil {
		return fn
	}
	return func(r *row) bool {
		r = s.pass(r)
		return r == nil || fn(r)
	}
}

// everything is the rows of t, whoever asks.
func (e *env) everything(t *table) *source {
	s := &source{tab: t}
	data := e.snap.data
	switch {
	case e.bin:
		data = e.snap.bin
	case e.retained:
		data = e.snap.retained
	}
	if t.Name == activityPointer {
		s.union = activityUnion(e.snap.schema, data, t)
	} else {
		s.rows = data[t.Name]
	}
	return s
}

// get is the row with that id, nil if there is none.
func (s *source) get(e *env, id uuid.UUID) *row {
	if s.union != nil {
		for _, p := range s.union {
			if r := find(e, p.rows, id); r != nil {
				return s.pass(p.convert(r))
			}
		}
		return nil
	}
	return s.pass(find(e, s.rows, id))
}

func find(e *env, in *rows, id uuid.UUID) *row {
	if in == nil {
		return nil
	}
	e.probe.id = id
	r, _ := in.byID.Get(&e.probe)
	return r
}

// scan calls fn for every row in the order of ids, from the first id after `after` on, until fn returns false.
func (s *source) scan(after uuid.UUID, fn func(*row) bool) {
	fn = s.passing(fn)
	if s.union != nil {
		scanUnion(s.union, after, fn)
		return
	}
	s.rows.scan(after, fn)
}

// pointing calls fn for the rows whose column holds the id target, in the order of ids. A column without an index gets
// one for this query.
func (s *source) pointing(e *env, column int, target uuid.UUID, fn func(*row) bool) {
	if s.union != nil {
		s.pointingUnion(e, column, target, s.passing(fn))
		return
	}
	if s.rows == nil || s.mask[column] {
		return
	}
	if tree := s.rows.links[column]; tree != nil {
		pass := s.passing(fn)
		tree.Ascend(link{target: target}, func(l link) bool {
			return l.target == target && pass(find(e, s.rows, l.id))
		})
		return
	}
	for _, r := range s.reversed(column)[target] {
		if !fn(r) {
			return
		}
	}
}

func (s *source) reversed(column int) map[uuid.UUID][]*row {
	if m := s.reverse[column]; m != nil {
		return m
	}
	m := map[uuid.UUID][]*row{}
	s.scan(uuid.Nil, func(r *row) bool {
		if id, ok := pointsAt(r.get(column)); ok {
			m[id] = append(m[id], r)
		}
		return true
	})
	if s.reverse == nil {
		s.reverse = map[int]map[uuid.UUID][]*row{}
	}
	s.reverse[column] = m
	return m
}

// indexed tells whether the rows that point at something through the column are found without a scan.
func (s *source) indexed(column int) bool { return slices.Contains(s.tab.indexed, column) }

// access is where to look for the rows that can match: nil is everywhere.
type access struct{ probes []probe }

// probe is one place: the row with an id (column -1), or the rows that point at it through a lookup.
type probe struct {
	column int
	id     uuid.UUID
}

// both is the better of the places of two conditions that must both hold.
func (a *access) both(b *access) *access {
	switch {
	case a == nil:
		return b
	case b == nil || len(a.probes) <= len(b.probes):
		return a
	}
	return b
}

// either is the places of two conditions of which one must hold.
func (a *access) either(b *access) *access {
	if a == nil || b == nil {
		return nil
	}
	return &access{slices.Concat(a.probes, b.probes)}
}

// walk calls fn for the rows that can match, once each in the order of ids, from the first id after `after` on, until
// fn returns false.
func (s *source) walk(e *env, a *access, after uuid.UUID, fn func(*row) bool) {
	count := func(r *row) bool {
		return e.step() && fn(r)
	}
	switch {
	case a == nil:
		s.scan(after, count)
	case len(a.probes) == 1 && a.probes[0].column >= 0:
		s.pointing(e, a.probes[0].column, a.probes[0].id, func(r *row) bool {
			return after != uuid.Nil && bytes.Compare(r.id[:], after[:]) <= 0 || count(r)
		})
	default:
		for _, id := range s.candidates(e, a) {
			if after != uuid.Nil && bytes.Compare(id[:], after[:]) <= 0 {
				continue
			}
			if r := s.get(e, id); r != nil && !count(r) {
				return
			}
		}
	}
}

func (s *source) candidates(e *env, a *access) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(a.probes))
	for _, p := range a.probes {
		if p.column < 0 {
			ids = append(ids, p.id)
			continue
		}
		s.pointing(e, p.column, p.id, func(r *row) bool {
			ids = append(ids, r.id)
			return true
		})
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// lookupName is the name behind a lookup of a row: of a retained row the one that it was kept with.
func (e *env) lookupName(r *row, c *column, to ref) (string, bool) {
	if e.retained && r != nil {
		names, _ := r.get(retainedNames).(map[string]string)
		name, found := names[c.Name]
		return name, found
	}
	return e.primaryName(to)
}

func (e *env) primaryName(r ref) (string, bool) {
	t := e.snap.schema.tables[r.Table]
	if t == nil {
		return "", false
	}
	c := t.byName[t.PrimaryName]
	if c == nil {
		return "", false
	}
	x := e.live(t).get(e, r.ID)
	if x == nil {
		return "", false
	}
	name, ok := x.get(c.index).(string)
	return name, ok
}

// live is the rows of t that are not deleted, whatever the query reads, and whoever asks: the name behind a lookup shows
// also where its row does not.
func (e *env) live(t *table) *source {
	if s := e.names[t]; s != nil {
		return s
	}
	all := env{snap: e.snap}
	s := all.everything(t)
	if e.names == nil {
		e.names = map[*table]*source{}
	}
	e.names[t] = s
	return s
}
