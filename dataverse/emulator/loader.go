package emulator

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// loadService puts rows in without a request: what a test loads, or what is generated.
type loadService struct {
	*platformService
	metadata *metadataService
}

// load adds rows in one transaction: all or none. The rows may come in any order. An error is a [*RecordError].
func (s *loadService) load(records ...Record) error {
	return s.fill(func(l *loader) error {
		var late []Record // what copies names and addresses of other rows
		var activities []ref
		records = slices.Clone(records)
		for i, r := range records {
			if r.ID == uuid.Nil {
				records[i].ID = uuid.New()
			}
			l.noteAddress(records[i])
		}
		for _, r := range records {
			t := l.schema.tables[r.Table]
			if t == nil {
				return &RecordError{Table: r.Table, ID: r.ID, Why: "there is no such table"}
			}
			if t.Activity {
				activities = append(activities, ref{t.Name, r.ID})
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
		for _, r := range late {
			if err := l.record(l.schema.tables[r.Table], r); err != nil {
				return err
			}
		}
		if err := l.store(); err != nil {
			return err
		}
		for _, a := range activities {
			if err := l.writer.finishActivity(l.schema.tables[a.Table], a.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// copiesOthers are the tables whose rows hold names and addresses of the rows that they point at.
var copiesOthers = map[string]bool{"activityparty": true, "connection": true}

// record adds a checked and completed record.
func (l *loader) record(t *table, r Record) error {
	v, err := l.typed(t, r)
	if err != nil {
		return err
	}
	if t.Name == "activityparty" {
		return l.party(t, r.ID, v)
	}
	if err := l.complete(t, r.ID, v); err != nil {
		return &RecordError{Table: t.Name, ID: r.ID, Why: "a column that the platform demands is missing, or state and status do not fit"}
	}
	l.add(t, r.ID, v)
	return nil
}

// party adds a party of an activity that is stored already, with the name and address that the platform copies.
func (l *loader) party(t *table, id uuid.UUID, v values) error {
	activity, ok := v.of(t, nil, "activityid").(ref)
	mask, typed := v.of(t, nil, "participationtypemask").(int64)
	if !ok || !typed || l.writer.data[activity.Table].get(activity.ID) == nil {
		return &RecordError{t.Name, id, "activityid", "a party needs an activity and a type"}
	}
	if l.writer.data[t.Name].get(id) != nil {
		return &RecordError{Table: t.Name, ID: id, Why: "there is a row with this id"}
	}
	if to, resolved := v.of(t, nil, "partyid").(ref); resolved && mask <= 4 {
		if address := l.writer.address1(to); address != "" {
			v.setDefault(t, "addressused", address)
		}
	}
	v[t.idColumn().index] = id
	l.writer.putParty(activity, v)
	return nil
}

// fill runs fn with a loader and stores what it was given.
func (s *loadService) fill(fn func(*loader) error) error {
	t := s.store.begin()
	done := false
	defer func() {
		if !done {
			t.rollback()
		}
	}()
	now := instant(s.clock.now().Unix())
	l := &loader{
		writer: &writer{tx: t, engine: s.engine, user: s.administrator, now: now, rules: s.rules}, schema: t.schema,
		rows: map[*table][]*row{}, bases: map[*table]*base{}, slots: map[*table][]addressSlot{}, ownAddress: map[addressAt]uuid.UUID{}, refs: map[ref]any{},
	}
	if err := fn(l); err != nil {
		return err
	}
	if err := l.store(); err != nil {
		return err
	}
	t.commit()
	done = true
	return nil
}

// loader collects rows by table and stores them in the order of their ids, which makes the trees in one pass.
type loader struct {
	writer *writer
	schema *schema
	rows   map[*table][]*row
	bases  map[*table]*base
	slots  map[*table][]addressSlot
	refs   map[ref]any // references that many rows hold: boxed once

	ownAddress map[addressAt]uuid.UUID // addresses that have records of their own

	trusted bool // the rows are known to point at rows
	slab    slab
	key     []byte
	order   []int
}

// ref is a lookup's value. Values of columns are interfaces: an owner that a million rows share is one allocation.
func (l *loader) ref(table string, id uuid.UUID) any {
	r := ref{table, id}
	if v, known := l.refs[r]; known {
		return v
	}
	var v any = r
	if len(l.refs) < 1<<16 { // beyond that they are not the few that are shared
		l.refs[r] = v
	}
	return v
}

// given are the columns that a record may say and that the platform would otherwise set, whatever a create says.
var given = []string{"createdon", "modifiedon", "createdby", "modifiedby", "statecode", "statuscode"}

// complete adds what the platform sets itself. A row that says no modifiedon was last changed when it was made.
func (l *loader) complete(t *table, id uuid.UUID, v values) error {
	said := [8]any{}
	for n, name := range given {
		if c := t.column(name); c != nil {
			if said[n] = v[c.index]; said[n] != nil {
				delete(v, c.index)
			}
		}
	}
	if err := l.writer.complete(t, id, v); err != nil {
		return err
	}
	if said[1] == nil {
		said[1] = said[0]
	}
	for n, name := range given {
		if said[n] != nil {
			v.set(t, name, said[n])
		}
	}
	if t.column("statecode") == nil {
		return nil
	}
	state, _ := v.of(t, nil, "statecode").(int64)
	if said[5] == nil {
		v.set(t, "statuscode", t.firstStatus(state))
	}
	if status, ok := v.of(t, nil, "statuscode").(int64); ok && !t.fits(state, status) {
		return t.badPair(state, status)
	}
	return nil
}

// base is what most rows of a table hold: its defaults, and what the platform sets alike in all of them. Each row keeps
// only what is otherwise in it.
func (l *loader) base(t *table) *base {
	if b := l.bases[t]; b != nil {
		return b
	}
	v := values{}
	admin := ref{"systemuser", l.writer.user}
	v.set(t, "createdby", admin)
	v.set(t, "modifiedby", admin)
	if t.column("statecode") != nil {
		state, status := t.initialState()
		v.set(t, "statecode", state)
		v.set(t, "statuscode", status)
	}
	l.writer.defaults(t, uuid.Nil, v)
	if n, ok := numbered[t.Name]; ok {
		v.set(t, n[0], nil)
	}
	l.writer.computeOwner(t, nil, v)
	l.bases[t] = newBase(t, v)
	return l.bases[t]
}

func newBase(t *table, v values) *base {
	b := &base{vals: make([]any, len(t.Columns)), layouts: map[string]*layout{}}
	for i, x := range v {
		b.vals[i] = x
	}
	return b
}

// base is what the rows of a table have in common, and the layouts that they come in.
type base struct {
	vals    []any
	layouts map[string]*layout // by the columns of their own
}

// add takes a row whose values are all given, with its address rows.
func (l *loader) add(t *table, id uuid.UUID, v values) {
	l.addresses(t, id, ref{t.Name, id}, v, stableAddress(id))
	b := l.base(t)
	for i, x := range b.vals {
		if _, given := v[i]; x != nil && !given {
			v[i] = nil
		}
	}
	l.addTo(b, t, id, v)
}

// addTo takes a row that is like a base but for the values.
func (l *loader) addTo(b *base, t *table, id uuid.UUID, v values) {
	l.order = l.order[:0]
	for i, x := range v {
		if x != b.vals[i] {
			l.order = append(l.order, i)
		}
	}
	slices.Sort(l.order)
	l.key = l.key[:0]
	for _, i := range l.order {
		l.key = append(l.key, byte(i), byte(i>>8))
	}
	f := b.layouts[string(l.key)]
	if f == nil {
		f = &layout{cols: make([]uint16, len(l.order)), base: b.vals}
		for n, i := range l.order {
			f.cols[n] = uint16(i)
		}
		f.index()
		b.layouts[string(l.key)] = f
	}
	r := l.slab.row(len(l.order))
	r.id, r.version, r.layout = id, l.writer.tx.nextVersion(), f
	for n, i := range l.order {
		r.vals[n] = v[i]
	}
	l.rows[t] = append(l.rows[t], r)
}

// slab hands out rows and their values from blocks: a tenth less memory, and fewer objects to collect.
type slab struct {
	rows []row
	vals []any
}

func (s *slab) row(n int) *row {
	if len(s.rows) == 0 {
		s.rows = make([]row, 128)
	}
	if len(s.vals) < n {
		s.vals = make([]any, max(n, 2048))
	}
	r := &s.rows[0]
	s.rows = s.rows[1:]
	r.vals, s.vals = s.vals[:n:n], s.vals[n:]
	return r
}

// store puts all rows into the transaction.
func (l *loader) store() error {
	for t, rows := range l.rows {
		slices.SortFunc(rows, func(a, b *row) int { return bytes.Compare(a.id[:], b.id[:]) })
		into := l.writer.tx.writable(l.writer.tx.data, t)
		for n, r := range rows {
			if n > 0 && rows[n-1].id == r.id || into.get(r.id) != nil {
				return &RecordError{Table: t.Name, ID: r.id, Why: "there is a row with this id"}
			}
		}
		for _, r := range rows {
			into.byID.Load(r)
		}
		links := make([]link, 0, len(rows))
		for i, tree := range into.links {
			links = links[:0]
			for _, r := range rows {
				if target, ok := pointsAt(r.get(i)); ok {
					links = append(links, link{target, r.id})
				}
			}
			slices.SortFunc(links, func(a, b link) int {
				if c := bytes.Compare(a.target[:], b.target[:]); c != 0 {
					return c
				}
				return bytes.Compare(a.id[:], b.id[:])
			})
			for _, x := range links {
				tree.Load(x)
			}
		}
		for _, x := range into.keys {
			for _, r := range rows {
				x.change(nil, r)
			}
		}
	}
	if !l.trusted {
		if err := l.checkTargets(); err != nil {
			return err
		}
	}
	clear(l.rows)
	return nil
}

// checkTargets refuses lookups that point at nothing, but for those that a delete would leave dangling.
func (l *loader) checkTargets() error {
	for t, rows := range l.rows {
		dangling := map[int]map[string]bool{}
		for _, r := range t.parents {
			if r.Delete == "NoCascade" {
				i := t.column(r.Attribute).index
				if dangling[i] == nil {
					dangling[i] = map[string]bool{}
				}
				dangling[i][r.Referenced] = true
			}
		}
		for _, r := range rows {
			for c, v := range r.all() {
				to, ok := v.(ref)
				if !ok || dangling[c][to.Table] || l.writer.tx.data[to.Table].get(to.ID) != nil {
					continue
				}
				return &RecordError{t.Name, r.id, t.Columns[c].Name, fmt.Sprintf("there is no %s %s", to.Table, to.ID)}
			}
		}
	}
	return nil
}
