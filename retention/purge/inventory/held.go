package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// readHolds takes the holds that the look at the persons read, or reads them.
func (inv *List) readHolds(ctx context.Context) (err error) {
	inv.holds = nil
	for _, p := range inv.Persons {
		if inv.holds = p.Holds; inv.holds == nil {
			break
		}
	}
	if inv.holds == nil {
		if inv.holds, err = inv.Tables.Holds(ctx, inv.Reader); err != nil {
			return err
		}
	}
	for _, p := range inv.Persons {
		p.Holds = inv.holds
	}
	return nil
}

// judged tells who of other persons is justified. Whoever leads to somebody under a legal hold is held with them.
func (inv *List) judged(ctx context.Context, others map[string][]uuid.UUID) (Judgement, error) {
	out, err := inv.Justify(ctx, others)
	if err != nil || inv.holds.None() {
		return out, err
	}
	var rows []environment.Ref
	for _, table := range slices.Sorted(maps.Keys(others)) {
		for _, id := range others[table] {
			rows = append(rows, environment.Ref{Table: table, ID: id})
		}
	}
	held, err := inv.holds.Protects(ctx, rows)
	for r := range held {
		out.By[r] = true
	}
	out.held = held
	return out, err
}

// spareHeld spares the rows from which the policy's links lead to somebody under a legal hold, whoever else they belong to. A
// row that would go stays without its persons, as one that others need; one that would be changed is left as it is.
func (inv *List) spareHeld(ctx context.Context) error {
	if inv.holds.None() {
		return nil
	}
	var rows []environment.Ref
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		if it := inv.Items[r]; (it.Fate == Delete || it.Fate == Anonymize) && !personmap.Is(it.Table, personmap.Part) {
			rows = append(rows, r)
		}
	}
	held, err := inv.holds.Protects(ctx, rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		it := inv.Items[r]
		if _, is := held[r]; !is {
			continue
		}
		switch {
		case it.Table == "connection":
			it.keep()
			if half := inv.Items[environment.Ref{Table: it.Table, ID: it.Row.ID("relatedconnectionid")}]; half != nil {
				half.keep()
			}
		case it.Fate == Anonymize, inv.Tables.Persons[it.Table], it.Found == FoundUnder:
			it.keep()
			it.lead(foundDirect)
		default:
			it.Fate, it.needed = TakeOff, true
		}
	}
	return nil
}
