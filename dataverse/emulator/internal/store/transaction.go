package store

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// Tx is a transaction: a snapshot that is still being written, which nobody else can read. It copies a table when it first writes to
// it, and from then on writes in place: what an operation within it costs does not depend on the operations before.
type Tx struct {
	Store *Store
	Snapshot
	Written int // rows put and removed
	own     [3]bool
	tables  []*Rows  // which it may write to
	after   []func() // what follows when it is committed
	points  int      // savepoints that are neither released nor gone back to
	changes []change // since the first of them, the newest last
}

// Content is one of the places where a snapshot keeps rows.
type Content int

// The rows that are there, those of the recycle bin, and those of long-term retention.
const (
	Live Content = iota
	Binned
	Archived
)

// Contents are all of them.
var Contents = []Content{Live, Binned, Archived}

// change is what has to be done to take a change back.
type change struct {
	in    Content
	table *schema.Table
	name  string
	id    uuid.UUID
	row   *Row // as it was; nil: there was none
	rows  *Rows
	what  undoing
	mark  int64
}

type undoing int

const (
	undoRow undoing = iota
	undoTable
	undoDeletion
)

// Begin waits for the writer before and starts a transaction on the newest snapshot.
func (s *Store) Begin() *Tx {
	s.writer.Lock()
	return &Tx{Store: s, Snapshot: *s.Now.Load()}
}

// Commit publishes the transaction.
func (t *Tx) Commit() {
	for _, r := range t.tables {
		r.writer = nil
	}
	done := t.Snapshot
	t.Store.Now.Store(&done)
	t.Store.writer.Unlock()
	for _, fn := range t.after {
		fn()
	}
}

// After calls fn when the transaction has been committed, and not if it is rolled back to before now.
func (t *Tx) After(fn func()) { t.after = append(t.after, fn) }

// Rollback forgets the transaction.
func (t *Tx) Rollback() { t.Store.writer.Unlock() }

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m)+1)
	for k, v := range m {
		c[k] = v
	}
	return c
}

// In are the tables of a content, to be read.
func (t *Tx) In(c Content) map[string]*Rows { return *t.content(c) }

func (t *Tx) content(c Content) *map[string]*Rows {
	switch c {
	case Binned:
		return &t.Bin
	case Archived:
		return &t.Retained
	default:
		return &t.Data
	}
}

// set puts a table in the place of another one; nil takes it away.
func (t *Tx) set(c Content, name string, rows *Rows) {
	m := t.content(c)
	if !t.own[c] {
		*m, t.own[c] = cloneMap(*m), true
	}
	if rows == nil {
		delete(*m, name)
		return
	}
	(*m)[name] = rows
}

// Replace puts rows that nobody else has in the place of a table's; nil takes the table away.
func (t *Tx) Replace(c Content, name string, rows *Rows) {
	t.note(change{in: c, name: name, rows: (*t.content(c))[name], what: undoTable})
	if rows != nil {
		t.take(rows)
	}
	t.set(c, name, rows)
}

func (t *Tx) take(rows *Rows) {
	rows.writer = t
	t.tables = append(t.tables, rows)
}

// Apart is the rows of a table, for changes that are not of single rows.
func (t *Tx) Apart(c Content, tab *schema.Table) *Rows {
	r := (*t.content(c))[tab.Name]
	if r != nil && r.writer == t && r.walks == 0 && t.points == 0 {
		return r
	}
	if r == nil {
		r = NewRows(tab)
	} else {
		r = r.copy()
	}
	t.Replace(c, tab.Name, r)
	return r
}

// writable is the rows of a table, copied on the first write, and once more while the writer walks through them.
func (t *Tx) writable(c Content, tab *schema.Table) *Rows {
	r := (*t.content(c))[tab.Name]
	switch {
	case r == nil:
		r = NewRows(tab)
		t.Replace(c, tab.Name, r)
		return r
	case r.writer == t && r.walks == 0:
		return r
	}
	r = r.copy()
	t.take(r)
	t.set(c, tab.Name, r)
	return r
}

func (t *Tx) note(c change) {
	if t.points > 0 {
		t.changes = append(t.changes, c)
	}
}

// Put stores r, in place of the row with the same id if there is one. It knows nothing of rules, cascades or audit.
func (t *Tx) Put(tab *schema.Table, r *Row) {
	t.Written++
	t.PutIn(Live, tab, r)
}

// PutIn is Put in any content; only what is put among the live rows counts as written.
func (t *Tx) PutIn(c Content, tab *schema.Table, r *Row) {
	into := t.writable(c, tab)
	old := t.Store.Put(into, r)
	t.note(change{in: c, table: tab, id: r.ID, row: old})
}

// Remove takes the row with that id out and returns it, nil if there was none.
func (t *Tx) Remove(tab *schema.Table, id uuid.UUID) *Row {
	if t.Data[tab.Name].Get(id) == nil {
		return nil
	}
	t.Written++
	r := t.writable(Live, tab)
	if tab.Tracked {
		version := t.NextVersion()
		r.forget(id, version)
		t.note(change{in: Live, table: tab, mark: version, what: undoDeletion})
	}
	return t.RemoveFrom(Live, tab, id)
}

// RemoveFrom takes a row out of any content, without a trace.
func (t *Tx) RemoveFrom(c Content, tab *schema.Table, id uuid.UUID) *Row {
	if (*t.content(c))[tab.Name].Get(id) == nil {
		return nil
	}
	old := t.writable(c, tab).Remove(id)
	t.note(change{in: c, table: tab, id: id, row: old})
	return old
}

// Savepoint is where a transaction can go back to.
type Savepoint struct {
	now     Snapshot
	after   int
	changes int
}

// Savepoint notes where the transaction is, for [Tx.RollbackTo] or [Tx.Release]: one of them has to follow, the last savepoint's first.
func (t *Tx) Savepoint() Savepoint {
	t.points++
	return Savepoint{t.Snapshot, len(t.after), len(t.changes)}
}

// Release lets what was written after the savepoint stand.
func (t *Tx) Release(Savepoint) {
	if t.points--; t.points == 0 {
		clear(t.changes) // the rows are not held
		t.changes = t.changes[:0]
	}
}

// RollbackTo undoes what was written after the savepoint.
func (t *Tx) RollbackTo(s Savepoint) {
	undo := t.changes[s.changes:]
	t.points-- // of the undoing nothing is noted for this savepoint, and an earlier one has all it needs
	noting := t.points
	t.points = 0
	for i := len(undo) - 1; i >= 0; i-- {
		t.undo(&undo[i])
	}
	t.points = noting
	clear(undo)
	t.changes = t.changes[:s.changes]
	t.after = t.after[:s.after]
	data, bin, retained := t.Data, t.Bin, t.Retained
	t.Snapshot = s.now
	t.Data, t.Bin, t.Retained = data, bin, retained
}

func (t *Tx) undo(c *change) {
	switch c.what {
	case undoTable:
		t.set(c.in, c.name, c.rows)
	case undoDeletion:
		t.writable(c.in, c.table).Deleted.Delete(Deletion{Version: c.mark})
	default:
		rows := t.writable(c.in, c.table)
		if c.row == nil {
			rows.Remove(c.id)
		} else {
			t.Store.Put(rows, c.row)
		}
	}
}
