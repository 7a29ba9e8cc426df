package emulator

import (
	"bytes"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/tidwall/btree"
)

// store holds every row. Readers take a snapshot and keep it as long as they like; one writer at a time works in a
// transaction, which becomes the next snapshot when it commits and leaves no trace when it does not.
type store struct {
	writer sync.Mutex
	now    atomic.Pointer[snapshot]
}

// snapshot is the whole content at one moment: metadata, rows, and what deletes have left. It is immutable.
type snapshot struct {
	schema   *schema
	data     map[string]*rows // by logical name; a table without rows may be absent
	bin      map[string]*rows // the recycle bin, by logical name
	retained map[string]*rows // long-term retention, by logical name
	pending  *pendingAudits   // audit rows that do not show yet
	version  int64            // the newest row version
	restored int64            // the version at which a backup was put in place; 0: never
}

// rows is one table's content: the rows by id, and the rows that point somewhere, by lookup column and target.
type rows struct {
	byID    *btree.BTreeG[*row]
	links   map[int]*btree.BTreeG[link]
	keys    map[string]*keyIndex    // by the name of the alternate key
	gone    *btree.BTreeG[deletion] // what was taken away, of a table whose changes are tracked; nil: nothing yet
	layouts *layouts                // the copies of a tree have them in common
}

// link is an entry of a lookup's index.
type link struct{ target, id uuid.UUID }

func lessRow(a, b *row) bool { return bytes.Compare(a.id[:], b.id[:]) < 0 }

func lessLink(a, b link) bool {
	if c := bytes.Compare(a.target[:], b.target[:]); c != 0 {
		return c < 0
	}
	return bytes.Compare(a.id[:], b.id[:]) < 0
}

// Trees are not locked: a snapshot is never written, and a transaction belongs to one goroutine.
var treeOptions = btree.Options{NoLocks: true}

func newRows(t *table) *rows {
	r := &rows{byID: btree.NewBTreeGOptions(lessRow, treeOptions), links: map[int]*btree.BTreeG[link]{}, keys: map[string]*keyIndex{}, layouts: newLayouts()}
	for _, i := range t.indexed {
		r.links[i] = btree.NewBTreeGOptions(lessLink, treeOptions)
	}
	for _, k := range t.keys {
		r.keys[k.Name] = newKeyIndex(t, k)
	}
	return r
}

func (r *rows) copy() *rows {
	c := &rows{byID: r.byID.Copy(), links: make(map[int]*btree.BTreeG[link], len(r.links)), keys: make(map[string]*keyIndex, len(r.keys)), layouts: r.layouts}
	for i, t := range r.links {
		c.links[i] = t.Copy()
	}
	for name, x := range r.keys {
		c.keys[name] = x.copy()
	}
	if r.gone != nil {
		c.gone = r.gone.Copy()
	}
	return c
}

// get is the row with that id, nil if there is none.
func (r *rows) get(id uuid.UUID) *row {
	if r == nil {
		return nil
	}
	found, _ := r.byID.Get(&row{id: id})
	return found
}

// len is the number of rows.
func (r *rows) len() int {
	if r == nil {
		return 0
	}
	return r.byID.Len()
}

// scan calls fn for every row in the order of ids, from the first id after `after` on, until fn returns false.
func (r *rows) scan(after uuid.UUID, fn func(*row) bool) {
	if r == nil {
		return
	}
	if after == uuid.Nil {
		r.byID.Scan(fn)
		return
	}
	r.byID.Ascend(&row{id: after}, func(x *row) bool {
		return x.id == after || fn(x)
	})
}

// pointing calls fn for every row whose lookup column points at target, in the order of ids. It reports false, and
// calls nothing, when the column has no index.
func (r *rows) pointing(column int, target uuid.UUID, fn func(*row) bool) bool {
	if r == nil {
		return true
	}
	tree := r.links[column]
	if tree == nil {
		return false
	}
	tree.Ascend(link{target: target}, func(l link) bool {
		if l.target != target {
			return false
		}
		return fn(r.get(l.id))
	})
	return true
}

// table is the rows of a table, nil-safe to read.
func (s *snapshot) table(name string) *rows { return s.data[name] }

// view is what a reader works on: a snapshot, or a transaction's own work so far.
func (s *store) view() *snapshot { return s.now.Load() }

// tx is a transaction: a snapshot that is still being written, seen by nobody else.
type tx struct {
	store *store
	snapshot
	owned   map[*rows]bool // trees that this transaction has copied already
	written int            // rows put and removed
}

// begin waits for the writer before and starts a transaction on the newest snapshot.
func (s *store) begin() *tx {
	s.writer.Lock()
	base := s.now.Load()
	t := &tx{store: s, snapshot: *base, owned: map[*rows]bool{}}
	t.data = cloneMap(base.data)
	t.bin = cloneMap(base.bin)
	t.retained = cloneMap(base.retained)
	return t
}

// commit publishes the transaction.
func (t *tx) commit() {
	done := t.snapshot
	t.store.now.Store(&done)
	t.store.writer.Unlock()
}

// rollback forgets the transaction.
func (t *tx) rollback() { t.store.writer.Unlock() }

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m)+1)
	for k, v := range m {
		c[k] = v
	}
	return c
}

// writable is the rows of a table in content (data, bin or retained), copied on the first write.
func (t *tx) writable(content map[string]*rows, tab *table) *rows {
	r := content[tab.Name]
	switch {
	case r == nil:
		r = newRows(tab)
	case t.owned[r]:
		return r
	default:
		r = r.copy()
	}
	content[tab.Name] = r
	t.owned[r] = true
	return r
}

// nextVersion is the row version of the next change.
func (t *tx) nextVersion() int64 {
	t.version++
	return t.version
}

// put stores r, in place of the row with the same id if there is one. It knows nothing of rules, cascades or audit.
func (t *tx) put(tab *table, r *row) {
	t.written++
	t.store.put(t.writable(t.data, tab), r)
}

func (s *store) put(into *rows, r *row) {
	r = into.layouts.share(r)
	old, replaced := into.byID.Set(r)
	for i, tree := range into.links {
		var before, after any
		if replaced {
			before = old.get(i)
		}
		after = r.get(i)
		if before == after {
			continue
		}
		if b, ok := pointsAt(before); ok {
			tree.Delete(link{b, r.id})
		}
		if a, ok := pointsAt(after); ok {
			tree.Set(link{a, r.id})
		}
	}
	for _, x := range into.keys {
		x.change(old, r)
	}
}

// pointsAt is the row that a lookup, or an id column of an intersect table, points at.
func pointsAt(v any) (uuid.UUID, bool) {
	switch v := v.(type) {
	case ref:
		return v.ID, true
	case uuid.UUID:
		return v, true
	}
	return uuid.Nil, false
}

// remove takes the row with that id out and returns it, nil if there was none.
func (t *tx) remove(tab *table, id uuid.UUID) *row {
	if t.data[tab.Name].get(id) == nil {
		return nil
	}
	t.written++
	r := t.writable(t.data, tab)
	if tab.tracked {
		r.forget(id, t.nextVersion())
	}
	return r.take(id)
}

// savepoint is where a transaction can go back to; what was written since is forgotten.
type savepoint struct{ snapshot }

func (t *tx) savepoint() savepoint {
	s := savepoint{t.snapshot}
	s.data, s.bin, s.retained = cloneMap(t.data), cloneMap(t.bin), cloneMap(t.retained)
	clear(t.owned) // trees written from here on are copies: the savepoint keeps the ones it has
	return s
}

func (t *tx) restore(s savepoint) {
	t.snapshot = s.snapshot
	clear(t.owned)
}

// take removes a row from the table and its indexes and returns it, nil if there was none.
func (r *rows) take(id uuid.UUID) *row {
	old, found := r.byID.Delete(&row{id: id})
	if !found {
		return nil
	}
	for i, tree := range r.links {
		if to, ok := pointsAt(old.get(i)); ok {
			tree.Delete(link{to, id})
		}
	}
	for _, x := range r.keys {
		x.change(old, nil)
	}
	return old
}

// deletion is a row that is there no more: all that is known of it.
type deletion struct {
	version int64 // of the delete
	id      uuid.UUID
}

func lessDeletion(a, b deletion) bool { return a.version < b.version }

// forget notes that a row goes.
func (r *rows) forget(id uuid.UUID, version int64) {
	if r.gone == nil {
		r.gone = btree.NewBTreeGOptions(lessDeletion, treeOptions)
	}
	r.gone.Set(deletion{version, id})
}

// clone is the newest snapshot for another store. The two have rows in common, which nobody changes, but no trees, which
// the writer of each copies before it writes, and no layouts, which it looks into.
func (s *store) clone() *snapshot {
	s.writer.Lock()
	defer s.writer.Unlock()
	c := *s.now.Load()
	for _, content := range []*map[string]*rows{&c.data, &c.bin, &c.retained} {
		*content = maps.Clone(*content)
		for name, r := range *content {
			own := r.copy()
			own.layouts = r.layouts.clone()
			(*content)[name] = own
		}
	}
	if c.pending != nil {
		c.pending = &pendingAudits{c.pending.tree.Copy()}
	}
	return &c
}
