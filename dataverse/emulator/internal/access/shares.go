package access

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Shares calls fn for every share of a row.
func Shares(s *store.Snapshot, of uuid.UUID, fn func(*store.Row) bool) {
	t := s.Schema.Tables["principalobjectaccess"]
	s.Data[t.Name].Pointing(t.Column("objectid").Index, of, fn)
}

// ShareWith is the share of a row with a user or a team, nil if there is none.
func ShareWith(s *store.Snapshot, of uuid.UUID, principal store.Ref) *store.Row {
	t := s.Schema.Tables["principalobjectaccess"]
	var found *store.Row
	Shares(s, of, func(r *store.Row) bool {
		if store.Get(t, r, "principalid") == any(principal.ID) {
			found = r
		}
		return found == nil
	})
	return found
}

func SharedFor(s *store.Snapshot, of uuid.UUID, principal store.Ref) int64 {
	return store.Int(s.Schema.Tables["principalobjectaccess"], ShareWith(s, of, principal), "accessrightsmask")
}
