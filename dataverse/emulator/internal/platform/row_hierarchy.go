package platform

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// hierarchies are the lookups of a table to itself that make a tree, with the error that keeps it one. Page:
// web-service-error-codes.
var hierarchies = map[string]struct{ column, code, of string }{
	"account":      {"parentaccountid", "0x80040507", "Accounts"},
	"contact":      {"parentcustomerid", "0x8004050a", "Contacts"},
	"businessunit": {"parentbusinessunitid", "0x80041d21", "business"},
	"systemuser":   {"parentsystemuserid", "0x80041d21", "business"},
	"subject":      {"parentsubject", "0x80043e01", "Subjects"},
	"territory":    {"parentterritoryid", "0x80040387", "this entity"},
	"incident":     {"parentcaseid", "0x80040387", "this entity"},
}

// checkLoop refuses a row that would stand below itself.
func (w *Writer) checkLoop(t *schema.Table, before, r *store.Row) error {
	h := hierarchies[t.Name]
	to := store.Lookup(t, r, h.column)
	if h.column == "" || to.Table != t.Name || before == nil && to.ID != r.ID || before != nil && store.Lookup(t, before, h.column) == to {
		return nil
	}
	seen := map[uuid.UUID]bool{} // what was loaded may go round already
	for at := to; at.Table == t.Name && at.ID != uuid.Nil && !seen[at.ID]; at = store.Lookup(t, w.Data[t.Name].Get(at.ID), h.column) {
		if at.ID == r.ID {
			return wire.NewError(http.StatusBadRequest, h.code, "Creating this parental association would create a loop in %s hierarchy.", h.of)
		}
		seen[at.ID] = true
	}
	return nil
}

// mayGo refuses the delete of a business unit that is in use. Page: web-service-error-codes.
func (w *Writer) mayGo(t *schema.Table, r *store.Row) error {
	if t.Name != "businessunit" {
		return nil
	}
	below, owns := false, false
	w.Data[t.Name].Scan(uuid.Nil, func(x *store.Row) bool {
		below = store.Lookup(t, x, "parentbusinessunitid").ID == r.ID
		return !below
	})
	off, _ := store.Value(t, r, "isdisabled").(bool)
	if team := w.defaultTeam(r.ID); team != uuid.Nil {
		for _, other := range w.Schema.Tables {
			if c := other.Column("ownerid"); c != nil && other.Ownership == "UserOwned" && w.Data[other.Name].Len() > 0 {
				EachPointing(&w.Tx.Snapshot, other, c, store.Ref{Table: "team", ID: team}, func(*store.Row) bool { owns = true; return false })
			}
		}
	}
	switch {
	case below:
		return wire.NewError(http.StatusBadRequest, "0x80041d61", "Business unit has a child business unit and cannot be deleted.")
	case !off:
		return wire.NewError(http.StatusBadRequest, "0x80041d60", "Not disabled business unit cannot be deleted.")
	case owns:
		return wire.NewError(http.StatusBadRequest, "0x80041d62", "Business unit default team owns records. Business unit (Id = %s) cannot be deleted. Reassign the records owned by default team and try again.", r.ID)
	}
	return nil
}
