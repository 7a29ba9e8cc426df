package load

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Service puts rows in without a request: what a test loads, or what is generated.
type Service struct {
	*platform.Service
	Metadata *metadata.Service
}

// Load adds rows in one transaction: all or none. The rows may come in any order. An error is a [*RecordError].
func (s *Service) Load(records ...Record) error { return s.Fill(loads(records)) }

// LoadInto is Load inside a transaction, which its caller ends.
func (s *Service) LoadInto(t *store.Tx, records ...Record) error { return s.fill(t, loads(records)) }

// loads puts records into a loader.
func loads(records []Record) func(*Loader) error {
	return func(l *Loader) error {
		var late []Record // what copies names and addresses of other rows
		var activities []store.Ref
		records = slices.Clone(records)
		for i, r := range records {
			if r.ID == uuid.Nil {
				records[i].ID = uuid.New()
			}
			l.noteAddress(records[i])
		}
		for _, r := range records {
			t := l.Schema.Tables[r.Table]
			if t == nil {
				return &RecordError{Table: r.Table, ID: r.ID, Why: "there is no such table"}
			}
			if t.Activity {
				activities = append(activities, store.Ref{Table: t.Name, ID: r.ID})
				parties, rest, err := l.partyLists(t, r)
				if err != nil {
					return err
				}
				late, r.Values = append(late, parties...), rest
			}
			if copiesOthers[t.Name] {
				late = append(late, r)
				continue
			}
			if err := l.record(t, r); err != nil {
				return err
			}
		}
		if err := l.store(); err != nil {
			return err
		}
		for _, r := range records {
			if t := l.Schema.Tables["systemuser"]; r.Table == t.Name {
				l.Writer.PlaceSettings(r.ID, store.Lookup(t, l.Writer.Data[t.Name].Get(r.ID), "businessunitid"))
			}
		}
		for _, r := range late {
			if err := l.record(l.Schema.Tables[r.Table], r); err != nil {
				return err
			}
		}
		if err := l.store(); err != nil {
			return err
		}
		for _, a := range activities {
			if err := l.Writer.FinishActivity(l.Schema.Tables[a.Table], a.ID); err != nil {
				return err
			}
		}
		return nil
	}
}

// copiesOthers are the tables whose rows hold names and addresses of the rows that they point at.
var copiesOthers = map[string]bool{"activityparty": true, "connection": true}

// record adds a checked and completed record.
func (l *Loader) record(t *schema.Table, r Record) error {
	v, err := l.typed(t, r)
	if err != nil {
		return err
	}
	if t.Name == "activityparty" {
		return l.party(t, r.ID, v)
	}
	if t.Name == "systemuser" { // who signs in stands somewhere in the organisation
		v.SetDefault(t, "businessunitid", l.ref("businessunit", l.Writer.Engine.RootBusiness))
		v.SetDefault(t, "organizationid", l.Writer.Engine.OrganizationID)
	}
	if err := l.complete(t, r.ID, v); err != nil {
		return &RecordError{Table: t.Name, ID: r.ID, Why: "a column that the platform demands is missing, or state and status do not fit"}
	}
	l.add(t, r.ID, v)
	return nil
}

// party adds a party of an activity that is stored already, with the name and address that the platform copies.
func (l *Loader) party(t *schema.Table, id uuid.UUID, v store.Values) error {
	activity, ok := v.After(t, nil, "activityid").(store.Ref)
	mask, typed := v.After(t, nil, "participationtypemask").(int64)
	if !ok || !typed || l.Writer.Data[activity.Table].Get(activity.ID) == nil {
		return &RecordError{t.Name, id, "activityid", "a party needs an activity and a type"}
	}
	if l.Writer.Data[t.Name].Get(id) != nil {
		return &RecordError{Table: t.Name, ID: id, Why: "there is a row with this id"}
	}
	if to, resolved := v.After(t, nil, "partyid").(store.Ref); resolved && mask <= 4 {
		if address := platform.DefaultEmail(&l.Writer.Tx.Snapshot, to); address != "" {
			v.SetDefault(t, "addressused", address)
		}
	}
	v[t.IDColumn().Index] = id
	l.Writer.PutParty(activity, v)
	return nil
}

// Fill runs fn with a loader and stores what it was given.
func (s *Service) Fill(fn func(*Loader) error) error {
	t := s.Store.Begin()
	done := false
	defer func() {
		if !done {
			t.Rollback()
		}
	}()
	if err := s.fill(t, fn); err != nil {
		return err
	}
	t.Commit()
	done = true
	return nil
}

// fill runs fn with a loader into a transaction.
func (s *Service) fill(t *store.Tx, fn func(*Loader) error) error {
	now := store.Instant(s.Clock.Now().Unix())
	l := &Loader{
		Writer: &platform.Writer{Tx: t, Engine: s.Engine, User: s.Administrator, Now: now, Rules: s.Rules}, Schema: t.Schema,
		Rows: map[*schema.Table][]*store.Row{}, bases: map[*schema.Table]*RowBase{}, slots: map[*schema.Table][]AddressSlot{}, ownAddress: map[addressAt]uuid.UUID{}, Refs: map[store.Ref]any{},
	}
	if err := fn(l); err != nil {
		return err
	}
	return l.store()
}

// Loader collects rows by table and stores them in the order of their ids, which makes the trees in one pass.
type Loader struct {
	Writer *platform.Writer
	Schema *schema.Schema
	Rows   map[*schema.Table][]*store.Row
	bases  map[*schema.Table]*RowBase
	slots  map[*schema.Table][]AddressSlot
	Refs   map[store.Ref]any // references that many rows hold: boxed once

	ownAddress map[addressAt]uuid.UUID // addresses that have records of their own

	Trusted bool // the rows are known to point at rows
	slab    slab
	key     []byte
	order   []int
}

// ref is a lookup's value. Values of columns are interfaces: an owner that a million rows share is one allocation.
func (l *Loader) ref(table string, id uuid.UUID) any {
	r := store.Ref{Table: table, ID: id}
	if v, known := l.Refs[r]; known {
		return v
	}
	var v any = r
	if len(l.Refs) < 1<<16 { // beyond that they are not the few that are shared
		l.Refs[r] = v
	}
	return v
}

// given are the columns that a record may say and that the platform would otherwise set, whatever a create says.
var given = []string{"createdon", "modifiedon", "createdby", "modifiedby", "statecode", "statuscode"}

// complete adds what the platform sets itself. A row that says no modifiedon was last changed when it was made.
func (l *Loader) complete(t *schema.Table, id uuid.UUID, v store.Values) error {
	said := [8]any{}
	for n, name := range given {
		if c := t.Column(name); c != nil {
			if said[n] = v[c.Index]; said[n] != nil {
				delete(v, c.Index)
			}
		}
	}
	if err := l.Writer.CompleteNew(t, id, v); err != nil {
		return err
	}
	if said[1] == nil {
		said[1] = said[0]
	}
	for n, name := range given {
		if said[n] != nil {
			v.Set(t, name, said[n])
		}
	}
	if t.Column("statecode") == nil {
		return nil
	}
	state, _ := v.After(t, nil, "statecode").(int64)
	if said[5] == nil {
		v.Set(t, "statuscode", platform.FirstStatus(t, state))
	}
	if status, ok := v.After(t, nil, "statuscode").(int64); ok && !platform.StatusFits(t, state, status) {
		return platform.BadStatus(t, state, status)
	}
	return nil
}

// Base is what most rows of a table hold: its defaults, and what the platform sets alike in all of them. Each row keeps
// only what is otherwise in it.
func (l *Loader) Base(t *schema.Table) *RowBase {
	if b := l.bases[t]; b != nil {
		return b
	}
	v := store.Values{}
	admin := store.Ref{Table: "systemuser", ID: l.Writer.User}
	v.Set(t, "createdby", admin)
	v.Set(t, "modifiedby", admin)
	if t.Column("statecode") != nil {
		state, status := platform.InitialState(t)
		v.Set(t, "statecode", state)
		v.Set(t, "statuscode", status)
	}
	l.Writer.SetDefaults(t, uuid.Nil, v)
	if n, ok := platform.NumberedColumns[t.Name]; ok {
		v.Set(t, n[0], nil)
	}
	l.Writer.ComputeOwner(t, nil, v)
	l.bases[t] = newBase(t, v)
	return l.bases[t]
}

func newBase(t *schema.Table, v store.Values) *RowBase {
	b := &RowBase{Vals: make([]any, len(t.Columns)), Layouts: map[string]*store.Layout{}}
	for i, x := range v {
		b.Vals[i] = x
	}
	return b
}

// RowBase is the values that a table's rows have in common, and the layouts of these rows.
type RowBase struct {
	Vals    []any
	Layouts map[string]*store.Layout // by the columns of their own
}

// add takes a row whose values are all given, with its address rows.
func (l *Loader) add(t *schema.Table, id uuid.UUID, v store.Values) {
	l.Addresses(t, id, store.Ref{Table: t.Name, ID: id}, v, stableAddress(id))
	b := l.Base(t)
	for i, x := range b.Vals {
		if _, given := v[i]; x != nil && !given {
			v[i] = nil
		}
	}
	l.AddWithBase(b, t, id, v)
}

// AddWithBase adds a row that has the values, and else those of the base.
func (l *Loader) AddWithBase(b *RowBase, t *schema.Table, id uuid.UUID, v store.Values) {
	l.order = l.order[:0]
	for i, x := range v {
		if x != b.Vals[i] {
			l.order = append(l.order, i)
		}
	}
	slices.Sort(l.order)
	l.key = l.key[:0]
	for _, i := range l.order {
		l.key = append(l.key, byte(i), byte(i>>8))
	}
	f := b.Layouts[string(l.key)]
	if f == nil {
		f = &store.Layout{Cols: make([]uint16, len(l.order)), Base: b.Vals}
		for n, i := range l.order {
			f.Cols[n] = uint16(i)
		}
		f.Index()
		b.Layouts[string(l.key)] = f
	}
	r := l.slab.row(len(l.order))
	r.ID, r.Version, r.Layout = id, l.Writer.Tx.NextVersion(), f
	for n, i := range l.order {
		r.Vals[n] = v[i]
	}
	l.Rows[t] = append(l.Rows[t], r)
}

// slab hands out rows and their values from blocks: a tenth less memory, and fewer objects to collect.
type slab struct {
	rows []store.Row
	vals []any
}

func (s *slab) row(n int) *store.Row {
	if len(s.rows) == 0 {
		s.rows = make([]store.Row, 128)
	}
	if len(s.vals) < n {
		s.vals = make([]any, max(n, 2048))
	}
	r := &s.rows[0]
	s.rows = s.rows[1:]
	r.Vals, s.vals = s.vals[:n:n], s.vals[n:]
	return r
}

// store puts all rows into the transaction.
func (l *Loader) store() error {
	for t, rows := range l.Rows {
		slices.SortFunc(rows, func(a, b *store.Row) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		into := l.Writer.Tx.Apart(store.Live, t)
		for n, r := range rows {
			if n > 0 && rows[n-1].ID == r.ID || into.Get(r.ID) != nil {
				return &RecordError{Table: t.Name, ID: r.ID, Why: "there is a row with this id"}
			}
		}
		for _, r := range rows {
			into.ByID.Load(r)
		}
		links := make([]store.Link, 0, len(rows))
		for i, tree := range into.Links {
			links = links[:0]
			for _, r := range rows {
				if target, ok := store.TargetID(r.Get(i)); ok {
					links = append(links, store.Link{Target: target, ID: r.ID})
				}
			}
			slices.SortFunc(links, func(a, b store.Link) int {
				if c := bytes.Compare(a.Target[:], b.Target[:]); c != 0 {
					return c
				}
				return bytes.Compare(a.ID[:], b.ID[:])
			})
			for _, x := range links {
				tree.Load(x)
			}
		}
		for _, r := range rows {
			into.Loaded(r)
		}
	}
	if !l.Trusted {
		if err := l.checkTargets(); err != nil {
			return err
		}
	}
	clear(l.Rows)
	return nil
}

// checkTargets refuses lookups that point at nothing, but for those that a delete would leave dangling.
func (l *Loader) checkTargets() error {
	for t, rows := range l.Rows {
		dangling := map[int]map[string]bool{}
		for _, r := range t.Outgoing {
			if r.Delete == "NoCascade" {
				i := t.Column(r.Attribute).Index
				if dangling[i] == nil {
					dangling[i] = map[string]bool{}
				}
				dangling[i][r.Referenced] = true
			}
		}
		for _, r := range rows {
			for c, v := range r.All() {
				to, ok := v.(store.Ref)
				if !ok || dangling[c][to.Table] || l.Writer.Tx.Data[to.Table].Get(to.ID) != nil {
					continue
				}
				return &RecordError{t.Name, r.ID, t.Columns[c].Name, fmt.Sprintf("there is no %s %s", to.Table, to.ID)}
			}
		}
	}
	return nil
}
