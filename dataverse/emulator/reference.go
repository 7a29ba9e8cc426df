package emulator

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// singles are the relationships behind a single-valued navigation property. ownerid has two: to a user and to a team.
// An activity also has the names that it inherits from activitypointer: regardingobjectid_contact beside
// regardingobjectid_contact_email. Names are case-sensitive. Page: create-entity-web-api.
func (s *schema) singles(t *table, nav string) []*relationship {
	var found []*relationship
	for _, r := range t.parents {
		if r.Nav == nav {
			found = append(found, r)
		}
	}
	if c := t.column("ownerid"); found == nil && nav == "ownerid" && c != nil && c.Type == "Owner" {
		// In metadata these lead to the table owner, which stands for both.
		for _, to := range []string{"systemuser", "team"} {
			found = append(found, &relationship{Name: "owner_" + t.Set, Referenced: to, Referencing: t.Name, Attribute: "ownerid", Nav: "ownerid"})
		}
	}
	if found != nil || !t.Activity {
		return found
	}
	base := s.tables["activitypointer"]
	if base == nil {
		return nil
	}
	for _, r := range base.parents {
		if r.Nav != nav || t.column(r.Attribute) == nil {
			continue
		}
		for _, own := range t.parents {
			if own.Attribute == r.Attribute && own.Referenced == r.Referenced {
				found = append(found, own)
			}
		}
	}
	return found
}

// reaches tells whether a row of table may stand behind the relationship.
func (s *schema) reaches(r *relationship, table string) bool {
	if r.Referenced == table {
		return true
	}
	t := s.tables[table]
	return r.Referenced == "activitypointer" && t != nil && t.Activity
}

// reference is the row that a URL names: relative, rooted, absolute, or $1 for a row of the same change set. The row
// must exist.
func (w *writer) reference(text string) (ref, error) {
	r, err := w.address(text)
	if err != nil {
		return ref{}, err
	}
	if r.Table == "activitypointer" {
		if t := w.activity(r.ID); t != nil {
			return ref{t.Name, r.ID}, nil
		}
	}
	if w.data[r.Table].get(r.ID) == nil {
		return ref{}, noRow(r.Table, r.ID.String())
	}
	return r, nil
}

// address is reference without asking whether the row exists.
func (w *writer) address(text string) (ref, error) {
	if strings.HasPrefix(text, "$") {
		head, _, _ := strings.Cut(text, "/")
		r, ok := w.contents[head[1:]]
		if !ok {
			return ref{}, noContentID(head)
		}
		return r, nil
	}
	return w.snapshot.address(text)
}

// activity is the table of the activity with that id.
func (s *snapshot) activity(id uuid.UUID) *table {
	for _, t := range s.schema.tables {
		if t.Activity && t.Name != "activitypointer" && s.data[t.Name].get(id) != nil {
			return t
		}
	}
	return nil
}

func noContentID(ref string) *fault {
	return newFault(http.StatusBadRequest, "0x80060888", "Content-ID Reference: '%s' does not exist in the batch context.", ref)
}
