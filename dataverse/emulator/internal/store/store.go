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
	Labels   map[LabelKey]string
	Spoken   []int // the languages that are provisioned beside the base language
}

// LabelKey names what a column of a row says in a language beside the base language, of columns that can say several.
type LabelKey struct {
	Row      uuid.UUID
	Column   string
	Language int
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
	writer  *Tx            // the transaction that writes to it; nil as soon as readers can see it
	walks   int            // under way, of the writer's own
}

// walk calls fn, which goes through the rows. What the writer changes meanwhile it changes in a copy.
func (r *Rows) walk(fn func()) {
	if r.writer == nil {
		fn()
		return
	}
	r.walks++
	defer func() { r.walks-- }()
	fn()
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
	r.walk(func() {
		if after == uuid.Nil {
			r.ByID.Scan(fn)
			return
		}
		r.ByID.Ascend(&Row{ID: after}, func(x *Row) bool {
			return x.ID == after || fn(x)
		})
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
	r.walk(func() {
		tree.Ascend(Link{Target: target}, func(l Link) bool {
			return l.Target == target && fn(r.Get(l.ID))
		})
	})
	return true
}

// Rows is the rows of a table, nil-safe to read.
func (s *Snapshot) Rows(name string) *Rows { return s.Data[name] }

// View is what a reader works on: a snapshot, or a transaction's own work so far.
func (s *Store) View() *Snapshot { return s.Now.Load() }

// SetLabel makes a row's column say something in a language; an empty text takes it away.
func (t *Tx) SetLabel(key LabelKey, text string) {
	t.Labels = cloneMap(t.Labels)
	if text == "" {
		delete(t.Labels, key)
		return
	}
	t.Labels[key] = text
}

// DropLabels takes away what a row says in other languages.
func (t *Tx) DropLabels(of uuid.UUID) {
	said := false
	for k := range t.Labels {
		said = said || k.Row == of
	}
	if !said {
		return
	}
	t.Labels = cloneMap(t.Labels)
	maps.DeleteFunc(t.Labels, func(k LabelKey, _ string) bool { return k.Row == of })
}

// NextVersion is the row version of the next change.
func (t *Tx) NextVersion() int64 {
	t.Version++
	return t.Version
}

// Put stores r among the rows given, in place of the one with the same id, which it returns.
func (s *Store) Put(into *Rows, r *Row) (before *Row) {
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
	return old
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
			(*content)[name] = r.separate()
		}
	}
	if c.Pending != nil {
		c.Pending = &PendingAudits{c.Pending.Tree.Copy()}
	}
	return &c
}
