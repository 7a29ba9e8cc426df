package emulator

import (
	"bytes"
	"time"

	"github.com/tidwall/btree"
)

// pendingAudit is an audit row that has been written but does not show yet.
type pendingAudit struct {
	due int64
	row *row
}

// pendingAudits are the audit rows that do not show yet, by the second when they will. It is immutable; nil is none.
type pendingAudits struct {
	tree *btree.BTreeG[pendingAudit]
}

func lessPending(a, b pendingAudit) bool {
	if a.due != b.due {
		return a.due < b.due
	}
	return bytes.Compare(a.row.id[:], b.row.id[:]) < 0
}

// add is l with one row more.
func (l *pendingAudits) add(r pendingAudit) *pendingAudits {
	t := btree.NewBTreeGOptions(lessPending, treeOptions)
	if l != nil {
		t = l.tree.Copy()
	}
	t.Set(r)
	return &pendingAudits{t}
}

// due are the rows that show from now on, and what is left.
func (l *pendingAudits) due(now int64) ([]*row, *pendingAudits) {
	if l == nil {
		return nil, nil
	}
	var rows []*row
	l.tree.Scan(func(r pendingAudit) bool {
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
	return rows, &pendingAudits{t}
}

// showAudit lets the audit rows appear whose time has come.
func (e *engine) showAudit(now time.Time) {
	if rows, _ := e.store.view().pending.due(now.Unix()); len(rows) > 0 {
		t := e.store.begin()
		rows, rest := t.pending.due(now.Unix())
		t.pending = rest
		for _, r := range rows {
			t.put(t.schema.tables["audit"], r)
		}
		t.commit()
	}
}
