package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

// address is the row that a URL names, whether it exists or not.
func (s *snapshot) address(text string) (ref, error) {
	bad := payloadFault("", fmt.Sprintf("The URI '%s' is not a valid reference to a record.", text))
	rest := text
	if i := strings.Index(rest, "://"); i >= 0 {
		u, err := url.Parse(text)
		if err != nil {
			return ref{}, bad
		}
		_, rest, _ = strings.Cut(u.EscapedPath(), apiRoot)
		_, rest, _ = strings.Cut(rest, "/")
	} else if after, found := strings.CutPrefix(rest, apiRoot); found {
		_, rest, _ = strings.Cut(after, "/")
	}
	p, err := parsePath(rest)
	if err != nil || len(p.segments) != 1 || !p.segments[0].hasKey {
		return ref{}, bad
	}
	t, err := s.schema.set(p.segments[0].name)
	if err != nil {
		return ref{}, err
	}
	k, err := s.key(t, p.segments[0])
	if err != nil {
		return ref{}, err
	}
	if k.id == uuid.Nil {
		return ref{}, noKeyedRow(t)
	}
	return ref{t.Name, k.id}, nil
}

// set is the table behind an entity set's name.
func (s *schema) set(name string) (*table, error) {
	if t := s.sets[name]; t != nil {
		return t, nil
	}
	return nil, noSegment(name)
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

func noKeyedRow(t *table) *fault {
	return newFault(http.StatusNotFound, "0x80060891", "A record with the specified key values does not exist in %s entity", t.Name)
}

// rowKey is what a segment's key says: a row's id, or the values of an alternate key and the row they lead to.
type rowKey struct {
	id     uuid.UUID // uuid.Nil: no row has these key values
	values values    // of an alternate key
}

// key reads the key of a segment: contacts(id), contacts(contactid=id), contacts(key='value',…).
func (s *snapshot) key(t *table, seg segment) (rowKey, error) {
	if id, ok := seg.id(); ok {
		return rowKey{id: id}, nil
	}
	names, texts, err := splitKey(seg.key)
	if err != nil {
		return rowKey{}, err
	}
	if len(names) == 1 && names[0] == t.ID {
		id, err := uuid.Parse(strings.Trim(texts[0], "'"))
		if err != nil {
			return rowKey{}, badQuery("Bad Request - Error in query syntax.")
		}
		return rowKey{id: id}, nil
	}
	return s.alternateKey(t, names, texts)
}

// splitKey takes a named key apart: a='x',b=2.
func splitKey(key string) (names, texts []string, err error) {
	quoted, start := false, 0
	var parts []string
	for i := range len(key) {
		switch {
		case key[i] == '\'':
			quoted = !quoted
		case key[i] == ',' && !quoted:
			parts = append(parts, key[start:i])
			start = i + 1
		}
	}
	parts = append(parts, key[start:])
	for _, p := range parts {
		name, text, found := strings.Cut(p, "=")
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		if !found || name == "" || text == "" || quoted || slices.Contains(names, name) {
			return nil, nil, badQuery("Bad Request - Error in query syntax.")
		}
		names, texts = append(names, name), append(texts, text)
	}
	return names, texts, nil
}
