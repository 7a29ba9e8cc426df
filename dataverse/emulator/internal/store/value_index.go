package store

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/tidwall/btree"
)

// Indexes over the values of a column: texts without regard to case, moments in their order. A table gets one when a query
// asks for it first, and keeps it from then on: most columns are never asked for, and an index costs memory for every row.

// valueIndexes are those of one state of a table. Readers that share the state share what one of them has built.
type valueIndexes struct {
	mu    sync.Mutex
	trees map[int]*btree.BTreeG[keyEntry] // by column
}

// indexedValues remembers which columns were asked for. All states of a table have it in common, so that an index that was
// built for a state which a writer had left behind already is built once more and no oftener.
type indexedValues struct {
	mu      sync.Mutex
	columns map[int]bool
}

// valueKey is a value as it is ordered; false for what has no index.
func valueKey(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return FoldText(v), true
	case Instant:
		return instantKey(v), true
	}
	return "", false
}

func instantKey(i Instant) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i)^(math.MaxInt64+1)) // the earliest first
	return string(b[:])
}

// values is the index over a column, built where there is none.
func (r *Rows) values(column int) *btree.BTreeG[keyEntry] {
	r.byValue.mu.Lock()
	defer r.byValue.mu.Unlock()
	tree := r.byValue.trees[column]
	if tree == nil {
		tree = r.index(column)
		r.byValue.trees[column] = tree
		r.asked.mu.Lock()
		r.asked.columns[column] = true
		r.asked.mu.Unlock()
	}
	return tree
}

func (r *Rows) index(column int) *btree.BTreeG[keyEntry] {
	var all []keyEntry
	r.ByID.Scan(func(row *Row) bool {
		if key, ok := valueKey(row.Get(column)); ok {
			all = append(all, keyEntry{key, row.ID})
		}
		return true
	})
	slices.SortFunc(all, func(a, b keyEntry) int {
		if lessKey(a, b) {
			return -1
		}
		return 1
	})
	tree := btree.NewBTreeGOptions(lessKey, TreeOptions)
	for _, e := range all {
		tree.Load(e)
	}
	return tree
}

// copyValues are the indexes for a copy of the table that is about to be written to.
func (r *Rows) copyValues() *valueIndexes {
	r.byValue.mu.Lock()
	defer r.byValue.mu.Unlock()
	r.asked.mu.Lock()
	defer r.asked.mu.Unlock()
	c := &valueIndexes{trees: make(map[int]*btree.BTreeG[keyEntry], len(r.asked.columns))}
	for column := range r.asked.columns {
		if tree := r.byValue.trees[column]; tree != nil {
			c.trees[column] = tree.Copy()
		} else {
			c.trees[column] = r.index(column)
		}
	}
	return c
}

// change brings the indexes in line with a row that was put, changed or removed; nil is no row.
func (x *valueIndexes) change(before, after *Row) {
	for column, tree := range x.trees {
		var was, is string
		var had, has bool
		if before != nil {
			was, had = valueKey(before.Get(column))
		}
		if after != nil {
			is, has = valueKey(after.Get(column))
		}
		if had && has && was == is {
			continue
		}
		if had {
			tree.Delete(keyEntry{was, before.ID})
		}
		if has {
			tree.Set(keyEntry{is, after.ID})
		}
	}
}

// Loaded brings the indexes in line with a row that was put into the table without [Store.Put].
func (r *Rows) Loaded(row *Row) {
	for _, x := range r.Keys {
		x.Change(nil, row)
	}
	r.byValue.change(nil, row)
}

// WithText calls fn for the rows whose column holds the text, in the order of ids, until fn returns false.
func (r *Rows) WithText(column int, text string, fn func(uuid.UUID) bool) {
	if r == nil {
		return
	}
	key := FoldText(text)
	r.values(column).Ascend(keyEntry{key: key}, func(e keyEntry) bool { return e.key == key && fn(e.id) })
}

// Since calls fn for the rows whose column holds a moment from that one on, until fn returns false.
func (r *Rows) Since(column int, from Instant, fn func(uuid.UUID) bool) {
	if r == nil {
		return
	}
	r.values(column).Ascend(keyEntry{key: instantKey(from)}, func(e keyEntry) bool { return fn(e.id) })
}
