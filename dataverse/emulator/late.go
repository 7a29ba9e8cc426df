package emulator

import (
	"bytes"
	"time"

	"github.com/tidwall/btree"
)

// lateRow is an audit row that has been written but does not show yet.
type lateRow struct {
	due int64
	row *row
}

// late are the audit rows that do not show yet, by the second when they will. It is immutable; nil is none.
type late struct {
	tree *btree.BTreeG[lateRow]
}

func lessLate(a, b lateRow) bool {
	if a.due != b.due {
		return a.due < b.due
	}
	return bytes.Compare(a.row.id[:], b.row.id[:]) < 0
}

// add is l with one row more.
func (l *late) add(r lateRow) *late {
	t := btree.NewBTreeGOptions(lessLate, treeOptions)
	if l != nil {
		t = l.tree.Copy()
	}
	t.Set(r)
	return &late{t}
}

// due are the rows that show from now on, and what is left.
func (l *late) due(now int64) ([]*row, *late) {
	if l == nil {
		return nil, nil
	}
	var rows []*row
	l.tree.Scan(func(r lateRow) bool {
		if r.due > now {
			return false
		}
		rows = append(rows, r.row)
		return true
	})
	if len(rows) == 0 {
		return nil, l
	}
	t := l.tree.Copy()
	for range rows {
		t.PopMin()
	}
	if t.Len() == 0 {
		return rows, nil
	}
	return rows, &late{t}
}

// showAudit lets the audit rows appear whose time has come.
func (e *engine) showAudit(now time.Time) {
	if rows, _ := e.store.view().late.due(now.Unix()); len(rows) > 0 {
		t := e.store.begin()
		rows, rest := t.late.due(now.Unix())
		t.late = rest
		for _, r := range rows {
			t.put(t.schema.tables["audit"], r)
		}
		t.commit()
	}
}
