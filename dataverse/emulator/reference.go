package emulator

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

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
