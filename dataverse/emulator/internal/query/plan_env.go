package query

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Env is what one query is evaluated in. It belongs to one goroutine.
type Env struct {
	Engine   *store.Engine
	Call     *wire.Call // whose rights decide which rows are read; nil where the platform itself reads
	Snap     *store.Snapshot
	bin      bool // rows come from the recycle bin
	retained bool // rows come from long-term retention
	User     uuid.UUID
	Now      time.Time
	Zone     *time.Location
	Rows     []*store.Row // the row at hand, by slot: 0 is the queried table's, others belong to lambdas and links

	probe   store.Row // a key to search with, so that a search allocates nothing
	scratch []byte    // for a folded text
	Sources map[*schema.Table]*Source
	names   map[*schema.Table]*Source // for the names behind lookups
	ctx     context.Context
	steps   int   // rows looked at, each as often as it was
	spent   bool  // the caller has gone, or the query takes too much
	refused error // the caller may not read a table that the query needs
}

// maxSteps is how many rows a query may look at, where the service's database gives up after two minutes.
const maxSteps = 200_000_000

func (e *Env) maxSteps() int {
	if e.Engine.MaxSteps > 0 {
		return e.Engine.MaxSteps
	}
	return maxSteps
}

// step counts a row that is looked at, found by an index or in a scan of its table; false when the query must end.
func (e *Env) step(by wire.Found) bool {
	if e.Call != nil {
		e.Call.Looked[by]++
	}
	if e.steps++; e.steps > e.maxSteps() || e.steps&0xfff == 0 && e.ctx != nil && e.ctx.Err() != nil {
		e.spent = true
	}
	return !e.spent
}

// Err is why the query has no answer: it looked at too many rows, or needs what the caller may not read.
func (e *Env) Err() error {
	if e.refused != nil {
		return e.refused
	}
	if !e.spent {
		return nil
	}
	return wire.NewError(http.StatusInternalServerError, "0x80044151", "SQL timeout expired.")
}

// NewEnv is an env for the call, at this moment.
func NewEnv(c *wire.Call) *Env {
	return &Env{
		ctx: c.Ctx, Engine: c.Engine, Call: c, Snap: c.View(), User: c.User, Now: c.Engine.Clock.Now(), Zone: zoneOf(c.Engine, c.View(), c.User),
		Sources: map[*schema.Table]*Source{},
	}
}

// Slot makes room for one more row at hand and returns its number.
func (e *Env) Slot() int {
	e.Rows = append(e.Rows, nil)
	return len(e.Rows) - 1
}

// Source is where the rows of one table come from.
type Source struct {
	tab     *schema.Table
	rows    *store.Rows
	union   []unionPart           // instead of rows, where the table is made of others
	see     func(*store.Row) bool // the rows that the caller may read; nil: all
	mask    map[int]bool          // the secured columns that are null for the caller
	reverse map[int]map[uuid.UUID][]*store.Row
}

// Source is the rows of t in the env's snapshot, as the caller may see them.
func (e *Env) Source(t *schema.Table) *Source {
	if s := e.Sources[t]; s != nil {
		return s
	}
	s := e.allRows(t)
	if e.Call != nil {
		var err error
		if s.see, err = access.RowFilter(e.Call, t); err != nil {
			e.refused = err
			s.rows, s.union = nil, nil
		}
		s.mask = access.HiddenColumns(e.Call, t)
	}
	e.Sources[t] = s
	return s
}

// Visible is a row as the caller may read it, nil if he may not.
func (s *Source) Visible(r *store.Row) *store.Row {
	switch {
	case r == nil, s.see != nil && !s.see(r):
		return nil
	case s.mask == nil:
		return r
	}
	var b store.RowBuilder
	for i, v := range r.All() {
		if !s.mask[i] {
			b.Add(i, v)
		}
	}
	return b.Row(r.ID, r.Version)
}

// passing is fn for the rows that the caller may see.
func (s *Source) passing(fn func(*store.Row) bool) func(*store.Row) bool {
	if s.see == nil && s.mask == nil {
		return fn
	}
	return func(r *store.Row) bool {
		r = s.Visible(r)
		return r == nil || fn(r)
	}
}

// allRows is the rows of t, without regard to the caller's rights.
func (e *Env) allRows(t *schema.Table) *Source {
	s := &Source{tab: t}
	data := e.Snap.Data
	switch {
	case e.bin:
		data = e.Snap.Bin
	case e.retained:
		data = e.Snap.Retained
	}
	if fill := derivedTables[t.Name]; fill != nil && !e.bin && !e.retained {
		s.rows = e.Engine.RowsOf(e.Snap.Schema, t.Name, fill)
	} else if t.Name == schema.ActivityPointer {
		s.union = activityUnion(e.Snap.Schema, data, t)
	} else {
		s.rows = data[t.Name]
	}
	return s
}

// Get is the row with that id, nil if there is none.
func (s *Source) Get(e *Env, id uuid.UUID) *store.Row {
	if s.union != nil {
		for _, p := range s.union {
			if r := find(e, p.rows, id); r != nil {
				return s.Visible(p.convert(r))
			}
		}
		return nil
	}
	return s.Visible(find(e, s.rows, id))
}

func find(e *Env, in *store.Rows, id uuid.UUID) *store.Row {
	if in == nil {
		return nil
	}
	e.probe.ID = id
	r, _ := in.ByID.Get(&e.probe)
	return r
}

// Scan calls fn for every row in the order of ids, from the first id after `after` on, until fn returns false.
func (s *Source) Scan(e *Env, after uuid.UUID, fn func(*store.Row) bool) {
	pass := s.passing(fn)
	fn = func(r *store.Row) bool { return e.step(wire.ByScan) && pass(r) }
	if s.union != nil {
		scanUnion(s.union, after, fn)
		return
	}
	s.rows.Scan(after, fn)
}

// pointing calls fn for the rows whose column holds the id target, in the order of ids. A column without an index gets
// one for this query.
func (s *Source) pointing(e *Env, column int, target uuid.UUID, fn func(*store.Row) bool) {
	if s.union != nil {
		s.pointingUnion(e, column, target, s.passing(fn))
		return
	}
	if s.rows == nil || s.mask[column] {
		return
	}
	if tree := s.rows.Links[column]; tree != nil {
		pass := s.passing(fn)
		tree.Ascend(store.Link{Target: target}, func(l store.Link) bool {
			return l.Target == target && pass(find(e, s.rows, l.ID))
		})
		return
	}
	for _, r := range s.reversed(e, column)[target] {
		if !fn(r) {
			return
		}
	}
}

func (s *Source) reversed(e *Env, column int) map[uuid.UUID][]*store.Row {
	if m := s.reverse[column]; m != nil {
		return m
	}
	m := map[uuid.UUID][]*store.Row{}
	s.Scan(e, uuid.Nil, func(r *store.Row) bool {
		if id, ok := store.TargetID(r.Get(column)); ok {
			m[id] = append(m[id], r)
		}
		return true
	})
	if s.reverse == nil {
		s.reverse = map[int]map[uuid.UUID][]*store.Row{}
	}
	s.reverse[column] = m
	return m
}

// indexed tells whether the rows that point at something through the column are found without a scan.
func (s *Source) indexed(column int) bool { return slices.Contains(s.tab.Indexed, column) }

// accessPath is where to look for the rows that can match: nil is everywhere.
type accessPath struct {
	probes []probe
	rows   int // how many there are, as far as it was counted
}

// probe is one place: the row with an id (column -1), or the rows that point at it through a lookup.
type probe struct {
	column int
	id     uuid.UUID
}

// both is where to look for rows that meet two conditions: the better place of the two.
func (a *accessPath) both(b *accessPath) *accessPath {
	switch {
	case a == nil:
		return b
	case b == nil || a.rows <= b.rows:
		return a
	}
	return b
}

// anyPath is where to look for rows that meet one of several conditions: the places of all.
func anyPath(of []*accessPath) *accessPath {
	if len(of) == 1 {
		return of[0]
	}
	all := &accessPath{}
	for _, a := range of {
		if a == nil {
			return nil
		}
		all.probes = append(all.probes, a.probes...)
		all.rows += a.rows
	}
	return all
}

// walk calls fn for the rows that can match, once each in the order of ids, from the first id after `after` on, until
// fn returns false.
func (s *Source) walk(e *Env, a *accessPath, after uuid.UUID, fn func(*store.Row) bool) {
	count := func(r *store.Row) bool {
		return e.step(wire.ByIndex) && fn(r)
	}
	switch {
	case a == nil:
		s.Scan(e, after, fn)
	case len(a.probes) == 1 && a.probes[0].column >= 0:
		s.pointing(e, a.probes[0].column, a.probes[0].id, func(r *store.Row) bool {
			return after != uuid.Nil && bytes.Compare(r.ID[:], after[:]) <= 0 || count(r)
		})
	default:
		for _, id := range s.candidates(e, a) {
			if after != uuid.Nil && bytes.Compare(id[:], after[:]) <= 0 {
				continue
			}
			if r := s.Get(e, id); r != nil && !count(r) {
				return
			}
		}
	}
}

func (s *Source) candidates(e *Env, a *accessPath) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(a.probes))
	for _, p := range a.probes {
		if p.column < 0 {
			ids = append(ids, p.id)
			continue
		}
		s.pointing(e, p.column, p.id, func(r *store.Row) bool {
			ids = append(ids, r.ID)
			return true
		})
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// lookupName is the name behind a lookup of a row: of a retained row the one that it was kept with.
func (e *Env) lookupName(r *store.Row, c *schema.Column, to store.Ref) (string, bool) {
	if e.retained && r != nil {
		names, _ := r.Get(store.RetainedNames).(map[string]string)
		name, found := names[c.Name]
		return name, found
	}
	return e.PrimaryName(to)
}

// PrimaryName is the name of the row that a lookup shows, false if there is none.
func (e *Env) PrimaryName(r store.Ref) (string, bool) {
	t := e.Snap.Schema.Tables[r.Table]
	if t == nil {
		return "", false
	}
	c := t.ByName[t.PrimaryName]
	if c == nil {
		return "", false
	}
	x := e.liveRows(t).Get(e, r.ID)
	if x == nil {
		return "", false
	}
	name, ok := x.Get(c.Index).(string)
	return name, ok
}

// liveRows is the rows of t that are not deleted, without regard to the query or the caller: the name behind a lookup shows
// also where its row does not.
func (e *Env) liveRows(t *schema.Table) *Source {
	if s := e.names[t]; s != nil {
		return s
	}
	all := Env{Engine: e.Engine, Snap: e.Snap}
	s := all.allRows(t)
	if e.names == nil {
		e.names = map[*schema.Table]*Source{}
	}
	e.names[t] = s
	return s
}
