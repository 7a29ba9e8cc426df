package purge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// Quotes, orders and invoices are read-only once they have left their first state. Only a system administrator may still
// write to them, which is meant for requests like these; everybody else is answered 0x8004022e. Page:
// dynamics-365-sales-privacy. Opening them again would be a way round that fires what the owner has built on their states.

// unwritable tables take creates and deletes, but no updates: their rows cannot be emptied before their delete. (The
// name on a list's member is the person's.)
var unwritable = map[string]bool{"listmember": true, "attachment": true}

// closable are the tables whose rows are locked so, in the order in which they are told.
var closable = []string{"quote", "salesorder", "invoice"}

// closed tells whether the row is locked for everybody but administrators.
func (it *item) closed() bool {
	state, known := it.row.Int("statecode")
	return slices.Contains(closable, it.table) && known && state != 0
}

// unwritable tells whether the row cannot be emptied before its delete.
func (it *item) unwritable() bool { return unwritable[it.table] || it.bin == binSealed }

// sealClosed finds the closed rows that the purge would have to write to and may not. Those that are to be deleted go without
// being emptied, by a job that leaves nothing in the recycle bin; for any other their persons are left alone before anything
// is written.
func (inv *inventory) sealClosed(ctx context.Context) error {
	for _, it := range inv.items {
		if !it.closed() {
			continue
		}
		writes := it.fate == fateDelete && it.binned()
		for _, p := range it.owners {
			writes = writes || inv.writes(p, it)
		}
		if !writes {
			continue
		}
		switch may, err := inv.administers(ctx); {
		case err != nil:
			return err
		case may:
			return nil
		}
		if it.fate == fateDelete && inv.lasts(it) {
			it.bin = binSealed
			continue
		}
		for _, p := range it.owners {
			if p.err == nil && (it.fate == fateDelete || inv.writes(p, it)) {
				p.err = errClosed
			}
		}
	}
	return nil
}

// writes tells whether the purge of the person would change the row, which stays.
func (inv *inventory) writes(p *person, it *item) bool {
	if it.fate == fateDelete {
		return false
	}
	freed := len(inv.freed(p, inv.disposition(p), it)) > 0
	if it.fate != fateAnonymize {
		return freed
	}
	e := inv.eraser(it)
	return freed || len(e.patch(it.id, it.row)) > 0 || len(e.files(it.row)) > 0
}

// ClosedTable is a table of which rows are closed and locked, although the policy has something to write to them.
type ClosedTable struct {
	Table string
	Rows  int
}

// ClosedRemedy says what helps persons who are left alone because of closed rows.
const ClosedRemedy = "give the user that the job runs as the System Administrator role, or let a rule keep them as they are (do: keep)"

// ClosedRows counts the closed quotes, orders and invoices that the policy's rules would write to and the caller may not.
// An administrator may, so that there are none.
func ClosedRows(ctx context.Context, client dataverse.Reader, policy *retention.Checked) ([]ClosedTable, error) {
	written := make(map[string]bool)
	for i := range policy.Subjects {
		for _, rule := range policy.Subjects[i].Related {
			if rule.Do == retention.Anonymize && slices.Contains(closable, rule.Table) {
				written[rule.Table] = true
			}
		}
	}
	if len(written) == 0 {
		return nil, nil
	}
	if may, err := administers(ctx, client); may || err != nil {
		return nil, err
	}
	var out []ClosedTable
	for _, table := range closable {
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

// lasts tells whether the row can be found again from an anonymous person: not if it is joined by a value of theirs, or
// over another row that may be gone before.
func (inv *inventory) lasts(it *item) bool {
	if inv.anonymous && it.settled || it.rule == noRule || inv.subject.Related[it.rule].Table == retention.AnyTable {
		return true
	}
	rule := &inv.subject.Related[it.rule]
	return !rule.Person.ByValue() && !strings.Contains(rule.Link, "/")
}
