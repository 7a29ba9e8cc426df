package emulator

import (
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/tidwall/btree"
)

// keyIndex finds the rows of a table by an alternate key.
type keyIndex struct {
	columns []int // ascending
	tree    *btree.BTreeG[keyEntry]
}

// keyEntry is a row under the values of its key. Two rows have the same only where they were there before the key.
type keyEntry struct {
	key string
	id  uuid.UUID
}

func lessKey(a, b keyEntry) bool {
	if a.key != b.key {
		return a.key < b.key
	}
	return lessLink(link{id: a.id}, link{id: b.id})
}

func newKeyIndex(t *table, k *alternateKey) *keyIndex {
	x := &keyIndex{tree: btree.NewBTreeGOptions(lessKey, treeOptions)}
	for _, c := range t.Columns {
		for _, name := range k.Columns {
			if c.Name == name {
				x.columns = append(x.columns, c.index)
			}
		}
	}
	return x
}

func (x *keyIndex) copy() *keyIndex { return &keyIndex{x.columns, x.tree.Copy()} }

// of is the row's key; false where a column is null: such a row is not in the index.
func (x *keyIndex) of(r *row) (string, bool) {
	return x.key(func(column int) any { return r.get(column) })
}

// key writes the values of the columns so that equal ones, case aside, are equal.
func (x *keyIndex) key(value func(column int) any) (string, bool) {
	var b strings.Builder
	for _, i := range x.columns {
		switch v := value(i).(type) {
		case string:
			b.WriteString(foldText(v))
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case instant:
			b.WriteString(strconv.FormatInt(int64(v), 10))
		case day:
			b.WriteString(strconv.FormatInt(int64(v), 10))
		case float64:
			b.WriteString(strconv.FormatUint(math.Float64bits(v+0), 16)) // -0 is 0
		case ref:
			b.Write(v.ID[:])
		case uuid.UUID:
			b.Write(v[:])
		default:
			return "", false
		}
		b.WriteByte(0)
	}
	return b.String(), len(x.columns) > 0
}

// rows calls fn for the rows with the key, in the order of ids, until fn returns false.
func (x *keyIndex) rows(key string, fn func(uuid.UUID) bool) {
	x.tree.Ascend(keyEntry{key: key}, func(e keyEntry) bool { return e.key == key && fn(e.id) })
}

// change brings the index in line with a row that was put, changed or removed; nil is no row.
func (x *keyIndex) change(before, after *row) {
	var was, is string
	var had, has bool
	if before != nil {
		was, had = x.of(before)
	}
	if after != nil {
		is, has = x.of(after)
	}
	if had && has && was == is {
		return
	}
	if had {
		x.tree.Delete(keyEntry{was, before.id})
	}
	if has {
		x.tree.Set(keyEntry{is, after.id})
	}
}

// keyed is the index over exactly these columns, nil if there is none.
func (r *rows) keyed(columns func(int) bool, count int) *keyIndex {
	if r == nil {
		return nil
	}
next:
	for _, x := range r.keys {
		if len(x.columns) != count {
			continue
		}
		for _, c := range x.columns {
			if !columns(c) {
				continue next
			}
		}
		return x
	}
	return nil
}

// collides tells whether two rows of a table have the same values in a key's columns.
func (t *tx) collides(tab *table, k *alternateKey) bool {
	x, seen, twice := newKeyIndex(tab, k), map[string]bool{}, false
	t.data[tab.Name].scan(uuid.Nil, func(r *row) bool {
		if key, ok := x.of(r); ok {
			twice = seen[key]
			seen[key] = true
		}
		return !twice
	})
	return twice
}

// keyed is the row, other than one, whose columns hold the values; texts compare without case. nil if there is none.
func (s *snapshot) keyed(t *table, v values, except uuid.UUID) *row {
	var found *row
	in := s.data[t.Name]
	if x := in.keyed(func(i int) bool { return v[i] != nil }, len(v)); x != nil {
		if key, ok := x.key(func(i int) any { return v[i] }); ok {
			x.rows(key, func(id uuid.UUID) bool {
				if id != except {
					found = in.get(id)
				}
				return found == nil
			})
			return found
		}
	}
	in.scan(uuid.Nil, func(r *row) bool {
		if r.id == except {
			return true
		}
		for i, want := range v {
			if !sameKeyValue(r.get(i), want) {
				return true
			}
		}
		found = r
		return false
	})
	return found
}

func sameKeyValue(a, b any) bool {
	x, isText := a.(string)
	y, alsoText := b.(string)
	if isText && alsoText {
		return strings.EqualFold(x, y)
	}
	if m, ok := a.(ref); ok {
		n, ok := b.(ref)
		return ok && m.ID == n.ID
	}
	return a == b
}
