package platform

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// reference is the row that a URL names: relative, rooted, absolute, or $1 for a row of the same change set. The row
// must exist.
func (w *Writer) reference(text string) (store.Ref, error) {
	r, err := w.address(text)
	if err != nil {
		return store.Ref{}, err
	}
	if r.Table == "activitypointer" {
		if t := activityTable(&w.Tx.Snapshot, r.ID); t != nil {
			return store.Ref{Table: t.Name, ID: r.ID}, nil
		}
	}
	if w.Data[r.Table].Get(r.ID) == nil {
		return store.Ref{}, wire.NoRow(r.Table, r.ID.String())
	}
	return r, nil
}

// address is reference without asking whether the row exists.
func (w *Writer) address(text string) (store.Ref, error) {
	if strings.HasPrefix(text, "$") {
		head, _, _ := strings.Cut(text, "/")
		r, ok := w.contents[head[1:]]
		if !ok {
			return store.Ref{}, UnknownContentID(head)
		}
		return r, nil
	}
	return wire.ReadAddress(&w.Snapshot, text)
}

// activityTable is the table of the activity with that id.
func activityTable(s *store.Snapshot, id uuid.UUID) *schema.Table {
	for _, t := range s.Schema.Tables {
		if t.Activity && t.Name != "activitypointer" && s.Data[t.Name].Get(id) != nil {
			return t
		}
	}
	return nil
}

// UnknownContentID is the error for a $id that no part of the change set before has.
func UnknownContentID(ref string) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x80060888", "Content-ID Reference: '%s' does not exist in the batch context.", ref)
}
