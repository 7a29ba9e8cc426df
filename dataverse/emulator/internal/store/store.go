package store

import (
	"bytes"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/tidwall/btree"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// Store holds every row. Readers take a snapshot and keep it as long as they like; one writer at a time works in a
// transaction, which becomes the next snapshot when it commits and leaves no trace when it does not.
type Store struct {
	writer sync.Mutex
	Now    atomic.Pointer[Snapshot]
}

// Snapshot is the whole content at one moment: metadata, rows, and what deletes have left. It is immutable.
type Snapshot struct {
	Schema   *schema.Schema
	Data     map[string]*Rows // by logical name; a table without rows may be absent
	Bin      map[string]*Rows // the recycle bin, by logical name
	Retained map[string]*Rows // long-term retention, by logical name
	Pending  *PendingAudits   // audit rows that do not show yet
	Version  int64            // the newest row version
	Restored int64            // the version at which a backup was put in place; 0: never
}

// Rows is one table's content: the rows by id, and the rows that point somewhere, by lookup column and target.
type Rows struct {
	ByID    *btree.BTreeG[*Row]
	Links   map[int]*btree.BTreeG[Link]
	Keys    map[string]*KeyIndex    // by the name of the alternate key
	Deleted *btree.BTreeG[Deletion] // what was taken away, of a table whose changes are tracked; nil: nothing yet
	layouts *layouts                // the copies of a tree have them in common
	byValue *valueIndexes
	asked   *indexedValues // the copies have it in common
}

// Link is an entry of a lookup's index.
type Link struct{ Target, ID uuid.UUID }

func lessRow(a, b *Row) bool { return bytes.Compare(a.ID[:], b.ID[:]) < 0 }

// LessLink orders links by target, then by row.
func LessLink(a, b Link) bool {
	if c := bytes.Compare(a.Target[:], b.Target[:]); c != 0 {
		return c < 0
	}
	return bytes.Compare(a.ID[:], b.ID[:]) < 0
}

// TreeOptions leave trees unlocked: a snapshot is never written, and a transaction belongs to one goroutine.
var TreeOptions = btree.Options{NoLocks: true}

// NewRows is an empty table with its indexes.
func NewRows(t *schema.Table) *Rows {
	r := &Rows{ByID: btree.NewBTreeGOptions(lessRow, TreeOptions), Links: map[int]*btree.BTreeG[Link]{}, Keys: map[string]*KeyIndex{}, layouts: newLayouts(),
		byValue: &valueIndexes{trees: map[int]*btree.BTreeG[keyEntry]{}}, asked: &indexedValues{columns: map[int]bool{}}}
	for _, i := range t.Indexed {
		r.Links[i] = btree.NewBTreeGOptions(LessLink, TreeOptions)
	}
	for _, k := range t.Keys {
		r.Keys[k.Name] = NewKeyIndex(t, k)
	}
	return r
}

func (r *Rows) copy() *Rows {
	c := &Rows{ByID: r.ByID.Copy(), Links: make(map[int]*btree.BTreeG[Link], len(r.Links)), Keys: make(map[string]*KeyIndex, len(r.Keys)), layouts: r.layouts,
		byValue: r.copyValues(), asked: r.asked}
	for i, t := range r.Links {
		c.Links[i] = t.Copy()
	}
	for name, x := range r.Keys {
		c.Keys[name] = x.copy()
	}
	if r.Deleted != nil {
		c.Deleted = r.Deleted.Copy()
	}
	return c
}

// Get is the row with that id, nil if there is none.
func (r *Rows) Get(id uuid.UUID) *Row {
	if r == nil {
		return nil
	}
	found, _ := r.ByID.Get(&Row{ID: id})
	return found
}

// Len is the number of rows.
func (r *Rows) Len() int {
	if r == nil {
		return 0
	}
	return r.ByID.Len()
}

// Scan calls fn for every row in the order of ids, from the first id after `after` on, until fn returns false.
func (r *Rows) Scan(after uuid.UUID, fn func(*Row) bool) {
	if r == nil {
		return
	}
	if after == uuid.Nil {
		r.ByID.Scan(fn)
		return
	}
	r.ByID.Ascend(&Row{ID: after}, func(x *Row) bool {
		return x.ID == after || fn(x)
	})
}

// Pointing calls fn for every row whose lookup column points at target, in the order of ids. It reports false, and
// calls nothing, when the column has no index.
func (r *Rows) Pointing(column int, target uuid.UUID, fn func(*Row) bool) bool {
	if r == nil {
		return true
	}
	tree := r.Links[column]
	if tree == nil {
		return false
	}
	tree.Ascend(Link{Target: target}, func(l Link) bool {
		if l.Target != target {
			return false
		}
		return fn(r.Get(l.ID))
	})
	return true
}

// Rows is the rows of a table, nil-safe to read.
func (s *Snapshot) Rows(name string) *Rows { return s.Data[name] }

// View is what a reader works on: a snapshot, or a transaction's own work so far.
func (s *Store) View() *Snapshot { return s.Now.Load() }

// Tx is a transaction: a snapshot that is still being written, which nobody else can read.
type Tx struct {
	Store *Store
	Snapshot
	Owned   map[*Rows]bool // trees that this transaction has copied already
	Written int            // rows put and removed
}

// Begin waits for the writer before and starts a transaction on the newest snapshot.
func (s *Store) Begin() *Tx {
	s.writer.Lock()
	base := s.Now.Load()
	t := &Tx{Store: s, Snapshot: *base, Owned: map[*Rows]bool{}}
	t.Data = cloneMap(base.Data)
	t.Bin = cloneMap(base.Bin)
	t.Retained = cloneMap(base.Retained)
	return t
}

// Commit publishes the transaction.
func (t *Tx) Commit() {
	done := t.Snapshot
	t.Store.Now.Store(&done)
	t.Store.writer.Unlock()
}

// Rollback forgets the transaction.
func (t *Tx) Rollback() { t.Store.writer.Unlock() }

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m)+1)
	for k, v := range m {
		c[k] = v
	}
	return c
}

// Writable is the rows of a table in content (data, bin or retained), copied on the first write.
func (t *Tx) Writable(content map[string]*Rows, tab *schema.Table) *Rows {
	r := content[tab.Name]
	switch {
	case r == nil:
		r = NewRows(tab)
	case t.Owned[r]:
		return r
	default:
		r = r.copy()
	}
	content[tab.Name] = r
	t.Owned[r] = true
	return r
}

// NextVersion is the row version of the next change.
func (t *Tx) NextVersion() int64 {
	t.Version++
	return t.Version
}

// Put stores r, in place of the row with the same id if there is one. It knows nothing of rules, cascades or audit.
func (t *Tx) Put(tab *schema.Table, r *Row) {
	t.Written++
	t.Store.Put(t.Writable(t.Data, tab), r)
}

// Put stores r among the rows given, in place of the one with the same id.
func (s *Store) Put(into *Rows, r *Row) {
	r = into.layouts.share(r)
	old, replaced := into.ByID.Set(r)
	for i, tree := range into.Links {
		var before, after any
		if replaced {
			before = old.Get(i)
		}
		after = r.Get(i)
		if before == after {
			continue
		}
		if b, ok := TargetID(before); ok {
			tree.Delete(Link{b, r.ID})
		}
		if a, ok := TargetID(after); ok {
			tree.Set(Link{a, r.ID})
		}
	}
	for _, x := range into.Keys {
		x.Change(old, r)
	}
	into.byValue.change(old, r)
}

// TargetID is the row that a lookup, or an id column of an intersect table, points at.
func TargetID(v any) (uuid.UUID, bool) {
	switch v := v.(type) {
	case Ref:
		return v.ID, true
	case uuid.UUID:
		return v, true
	}
	return uuid.Nil, false
}

// Remove takes the row with that id out and returns it, nil if there was none.
func (t *Tx) Remove(tab *schema.Table, id uuid.UUID) *Row {
	if t.Data[tab.Name].Get(id) == nil {
		return nil
	}
	t.Written++
	r := t.Writable(t.Data, tab)
	if tab.Tracked {
		r.forget(id, t.NextVersion())
	}
	return r.Remove(id)
}

// Savepoint is where a transaction can go back to; what was written since is forgotten.
type Savepoint struct{ Snapshot }

// Savepoint notes the transaction's work so far, for [Tx.RollbackTo].
func (t *Tx) Savepoint() Savepoint {
	s := Savepoint{t.Snapshot}
	s.Data, s.Bin, s.Retained = cloneMap(t.Data), cloneMap(t.Bin), cloneMap(t.Retained)
	clear(t.Owned) // trees written from here on are copies: the savepoint keeps the ones it has
	return s
}

// RollbackTo undoes what was written after the savepoint.
func (t *Tx) RollbackTo(s Savepoint) {
	t.Snapshot = s.Snapshot
	clear(t.Owned)
}

// Remove removes a row from the table and its indexes and returns it, nil if there was none.
func (r *Rows) Remove(id uuid.UUID) *Row {
	old, found := r.ByID.Delete(&Row{ID: id})
	if !found {
		return nil
	}
	for i, tree := range r.Links {
		if to, ok := TargetID(old.Get(i)); ok {
			tree.Delete(Link{to, id})
		}
	}
	for _, x := range r.Keys {
		x.Change(old, nil)
	}
	r.byValue.change(old, nil)
	return old
}

// Deletion is all that is known of a deleted row.
type Deletion struct {
	Version int64 // of the delete
	ID      uuid.UUID
}

func lessDeletion(a, b Deletion) bool { return a.Version < b.Version }

// forget notes that a row goes.
func (r *Rows) forget(id uuid.UUID, version int64) {
	if r.Deleted == nil {
		r.Deleted = btree.NewBTreeGOptions(lessDeletion, TreeOptions)
	}
	r.Deleted.Set(Deletion{version, id})
}

// Clone is the newest snapshot for another store. The two have rows in common, which nobody changes, but no trees, which
// the writer of each copies before it writes, and no layouts, which it looks into.
func (s *Store) Clone() *Snapshot {
	s.writer.Lock()
	defer s.writer.Unlock()
	c := *s.Now.Load()
	for _, content := range []*map[string]*Rows{&c.Data, &c.Bin, &c.Retained} {
		*content = maps.Clone(*content)
		for name, r := range *content {
			own := r.copy()
			own.layouts = r.layouts.clone()
			(*content)[name] = own
		}
	}
	if c.Pending != nil {
		c.Pending = &PendingAudits{c.Pending.Tree.Copy()}
	}
	return &c
}
