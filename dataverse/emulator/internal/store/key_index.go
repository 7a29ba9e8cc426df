package store

import (
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/tidwall/btree"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// KeyIndex finds the rows of a table by an alternate key.
type KeyIndex struct {
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
	return LessLink(Link{ID: a.id}, Link{ID: b.id})
}

// NewKeyIndex is an empty index of an alternate key.
func NewKeyIndex(t *schema.Table, k *schema.AlternateKey) *KeyIndex {
	x := &KeyIndex{tree: btree.NewBTreeGOptions(lessKey, TreeOptions)}
	for _, c := range t.Columns {
		for _, name := range k.Columns {
			if c.Name == name {
				x.columns = append(x.columns, c.Index)
			}
		}
	}
	return x
}

func (x *KeyIndex) copy() *KeyIndex { return &KeyIndex{x.columns, x.tree.Copy()} }

// of is the row's key; false where a column is null: such a row is not in the index.
func (x *KeyIndex) of(r *Row) (string, bool) {
	return x.key(func(column int) any { return r.Get(column) })
}

// key writes the values of the columns so that equal ones, case aside, are equal.
func (x *KeyIndex) key(value func(column int) any) (string, bool) {
	var b strings.Builder
	for _, i := range x.columns {
		switch v := value(i).(type) {
		case string:
			b.WriteString(FoldText(v))
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case Instant:
			b.WriteString(strconv.FormatInt(int64(v), 10))
		case Day:
			b.WriteString(strconv.FormatInt(int64(v), 10))
		case float64:
			b.WriteString(strconv.FormatUint(math.Float64bits(v+0), 16)) // -0 is 0
		case Ref:
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
func (x *KeyIndex) rows(key string, fn func(uuid.UUID) bool) {
	x.tree.Ascend(keyEntry{key: key}, func(e keyEntry) bool { return e.key == key && fn(e.id) })
}

// Change brings the index in line with a row that was put, changed or removed; nil is no row.
func (x *KeyIndex) Change(before, after *Row) {
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
		x.tree.Delete(keyEntry{was, before.ID})
	}
	if has {
		x.tree.Set(keyEntry{is, after.ID})
	}
}

// keyed is the index over exactly these columns, nil if there is none.
func (r *Rows) keyed(columns func(int) bool, count int) *KeyIndex {
	if r == nil {
		return nil
	}
next:
	for _, x := range r.Keys {
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

// HasDuplicateKey tells whether two rows of a table have the same values in a key's columns.
func (t *Tx) HasDuplicateKey(tab *schema.Table, k *schema.AlternateKey) bool {
	x, seen, twice := NewKeyIndex(tab, k), map[string]bool{}, false
	t.Data[tab.Name].Scan(uuid.Nil, func(r *Row) bool {
		if key, ok := x.of(r); ok {
			twice = seen[key]
			seen[key] = true
		}
		return !twice
	})
	return twice
}

// FindByKey is the row, other than one, whose columns hold the values; texts compare without case. nil if there is none.
func (s *Snapshot) FindByKey(t *schema.Table, v Values, except uuid.UUID) *Row {
	var found *Row
	in := s.Data[t.Name]
	if x := in.keyed(func(i int) bool { return v[i] != nil }, len(v)); x != nil {
		if key, ok := x.key(func(i int) any { return v[i] }); ok {
			x.rows(key, func(id uuid.UUID) bool {
				if id != except {
					found = in.Get(id)
				}
				return found == nil
			})
			return found
		}
	}
	in.Scan(uuid.Nil, func(r *Row) bool {
		if r.ID == except {
			return true
		}
		for i, want := range v {
			if !EqualKeyValue(r.Get(i), want) {
				return true
			}
		}
		found = r
		return false
	})
	return found
}

// EqualKeyValue tells whether two values are the same in a key: texts compare without case.
func EqualKeyValue(a, b any) bool {
	x, isText := a.(string)
	y, alsoText := b.(string)
	if isText && alsoText {
		return strings.EqualFold(x, y)
	}
	if m, ok := a.(Ref); ok {
		n, ok := b.(Ref)
		return ok && m.ID == n.ID
	}
	return a == b
}
