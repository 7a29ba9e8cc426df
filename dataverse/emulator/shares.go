package emulator

import "github.com/google/uuid"

// shares calls fn for every share of a row.
func (s *snapshot) shares(of uuid.UUID, fn func(*row) bool) {
	t := s.schema.tables["principalobjectaccess"]
	s.data[t.Name].pointing(t.column("objectid").index, of, fn)
}

// shareWith is the share of a row with a user or a team, nil if there is none.
func (s *snapshot) shareWith(of uuid.UUID, principal ref) *row {
	t := s.schema.tables["principalobjectaccess"]
	var found *row
	s.shares(of, func(r *row) bool {
		if t.get(r, "principalid") == any(principal.ID) {
			found = r
		}
		return found == nil
	})
	return found
}

func (s *snapshot) sharedFor(of uuid.UUID, principal ref) int64 {
	return s.schema.tables["principalobjectaccess"].int(s.shareWith(of, principal), "accessrightsmask")
}
