package store

import (
	"bytes"
	"time"

	"github.com/tidwall/btree"
)

// PendingAudit is an audit row that has been written but does not show yet.
type PendingAudit struct {
	Due int64
	Row *Row
}

// PendingAudits are the audit rows that do not show yet, by the second when they will. It is immutable; nil is none.
type PendingAudits struct {
	Tree *btree.BTreeG[PendingAudit]
}

func lessPending(a, b PendingAudit) bool {
	if a.Due != b.Due {
		return a.Due < b.Due
	}
	return bytes.Compare(a.Row.ID[:], b.Row.ID[:]) < 0
}

// Add is l with one row more.
func (l *PendingAudits) Add(r PendingAudit) *PendingAudits {
	t := btree.NewBTreeGOptions(lessPending, TreeOptions)
	if l != nil {
		t = l.Tree.Copy()
	}
	t.Set(r)
	return &PendingAudits{t}
}

// due are the rows that show from now on, and what is left.
func (l *PendingAudits) due(now int64) ([]*Row, *PendingAudits) {
	if l == nil {
		return nil, nil
	}
	var rows []*Row
	l.Tree.Scan(func(r PendingAudit) bool {
		if r.Due > now {
			return false
		}
		rows = append(rows, r.Row)
		return true
	})
	if len(rows) == 0 {
		return nil, l
	}
	t := l.Tree.Copy()
	for range rows {
		t.PopMin()
	}
	if t.Len() == 0 {
		return rows, nil
	}
	return rows, &PendingAudits{t}
}

// ShowAudit lets the audit rows appear whose time has come.
func (e *Engine) ShowAudit(now time.Time) {
	if rows, _ := e.Store.View().Pending.due(now.Unix()); len(rows) > 0 {
		t := e.Store.Begin()
		rows, rest := t.Pending.due(now.Unix())
		t.Pending = rest
		for _, r := range rows {
			t.Put(t.Schema.Tables["audit"], r)
		}
		t.Commit()
	}
}
