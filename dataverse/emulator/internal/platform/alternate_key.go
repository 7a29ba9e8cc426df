package platform

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// checkKeys refuses a row whose alternate key another row has. A key of which a column is null holds nothing.
func (w *Writer) checkKeys(t *schema.Table, r *store.Row) error {
	for _, k := range t.Keys {
		if k.Failed || k.Name == schema.DirectoryKey && store.Value(t, r, "applicationid") != nil { // applications have a rule of their own
			continue
		}
		v := store.Values{}
		for _, name := range k.Columns {
			c := t.Column(name)
			if c == nil || r.Get(c.Index) == nil {
				v = nil
				break
			}
			v[c.Index] = r.Get(c.Index)
		}
		if v != nil && w.FindByKey(t, v, r.ID) != nil {
			return wire.NewError(http.StatusPreconditionFailed, "0x80060892", "Entity Key %s violated. A record with the same value for %s already exists. A duplicate record cannot be created. Select one or more unique values and try again.", k.Label, strings.Join(k.Columns, ", "))
		}
	}
	return nil
}
