package access

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// EachShare calls fn for every share of a row.
func EachShare(s *store.Snapshot, of uuid.UUID, fn func(*store.Row) bool) {
	t := s.Schema.Tables["principalobjectaccess"]
	s.Data[t.Name].Pointing(t.Column("objectid").Index, of, fn)
}

// FindShare is the share of a row with a user or a team, nil if there is none.
func FindShare(s *store.Snapshot, of uuid.UUID, principal store.Ref) *store.Row {
	t := s.Schema.Tables["principalobjectaccess"]
	var found *store.Row
	EachShare(s, of, func(r *store.Row) bool {
		if store.Value(t, r, "principalid") == any(principal.ID) {
			found = r
		}
		return found == nil
	})
	return found
}

// SharedMask is the rights on a row that are shared with a user or a team, as a mask; 0 is none.
func SharedMask(s *store.Snapshot, of uuid.UUID, principal store.Ref) int64 {
	return store.Int(s.Schema.Tables["principalobjectaccess"], FindShare(s, of, principal), "accessrightsmask")
}
