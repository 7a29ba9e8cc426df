package inventory

import (
	"context"
	"fmt"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Quotes, orders and invoices are read-only once they have left their first state. Only a system administrator may still
// write to them, which is meant for requests like these; everybody else is answered 0x8004022e. Page:
// dynamics-365-sales-privacy. Opening them again would be a way round that fires what the owner has built on their states.

// closed tells whether the row is locked for everybody but administrators.
func (it *Item) closed() bool {
	state, known := it.Row.Int("statecode")
	return personmap.Is(it.Table, personmap.Locked) && known && state != 0
}

// Unwritable tells whether the row cannot be emptied before its delete.
func (it *Item) Unwritable() bool {
	return personmap.Is(it.Table, personmap.Fixed) || it.Bin == binSealed
}

// sealClosed finds the closed rows that the purge would have to write to and may not. Those that are to be deleted go without
// being emptied, by a job that leaves nothing in the recycle bin; for any other their persons are left alone before anything
// is written.
func (inv *List) sealClosed(ctx context.Context) error {
	for _, it := range inv.Items {
		if !it.closed() {
			continue
		}
		writes := it.Fate == Delete && it.Binned()
		for _, p := range it.Owners {
			writes = writes || inv.writes(p, it)
		}
		if !writes {
			continue
		}
		switch may, err := inv.Administers(ctx); {
		case err != nil:
			return err
		case may:
			return nil
		}
		if it.Fate == Delete && inv.Lasts(it) {
			it.Bin = binSealed
			continue
		}
		for _, p := range it.Owners {
			if p.Err == nil && (it.Fate == Delete || inv.writes(p, it)) {
				p.Err = ErrClosed
			}
		}
	}
	return nil
}

// writes tells whether the purge of the person would change the row, which stays.
func (inv *List) writes(p *Person, it *Item) bool {
	if it.Fate == Delete {
		return false
	}
	freed := len(inv.Freed(p, inv.Disposition(p), it)) > 0
	if it.Fate == TakeOff {
		body, _ := inv.Emptied(it, p.ID)
		return freed || len(body) > 0
	}
	if it.Fate != Anonymize {
		return freed
	}
	e := inv.Eraser(it)
	return freed || len(e.Patch(it.ID, it.Row)) > 0 || len(e.Files(it.Row)) > 0
}

// ClosedTable is a table with closed and locked rows that the policy wants to write to.
type ClosedTable struct {
	Table string
	Rows  int
}

// ClosedRows counts the closed quotes, orders and invoices that the policy's rules would write to and the caller may not.
// An administrator may, so that there are none.
func ClosedRows(ctx context.Context, client dataverse.Reader, checked *compile.Policy) ([]ClosedTable, error) {
	written := make(map[string]bool)
	for i := range checked.Subjects {
		for _, rule := range checked.Subjects[i].Related {
			if rule.Do == policy.Anonymize && personmap.Is(rule.Table, personmap.Locked) {
				written[rule.Table] = true
			}
		}
	}
	if len(written) == 0 {
		return nil, nil
	}
	if may, err := environment.Administers(ctx, client); may || err != nil {
		return nil, err
	}
	var out []ClosedTable
	for _, table := range personmap.Tables(personmap.Locked) {
		if !written[table] {
			continue
		}
		n, err := client.Count(ctx, dataverse.Query{Table: table, Filter: "statecode ne 0"})
		if err != nil {
			return nil, fmt.Errorf("count the closed rows of %s: %w", table, err)
		}
		if n > 0 {
			out = append(out, ClosedTable{table, n})
		}
	}
	return out, nil
}

// Lasts tells whether the row can be found again from an anonymous person: not if it is joined by a value of theirs, or
// over another row that may be gone before.
func (inv *List) Lasts(it *Item) bool {
	if inv.Anonymous && it.settled || it.Rule == NoRule || inv.Subject.Related[it.Rule].Table == policy.AnyTable {
		return true
	}
	rule := &inv.Subject.Related[it.Rule]
	return !it.behind && !rule.Person.ByValue() && !strings.Contains(rule.Link, "/")
}
