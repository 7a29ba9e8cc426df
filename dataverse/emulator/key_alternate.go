package emulator

import (
	"net/http"
	"strings"
)

// checkKeys refuses a row whose alternate key another row has. A key of which a column is null holds nothing.
func (w *writer) checkKeys(t *table, r *row) error {
	for _, k := range t.keys {
		if k.failed {
			continue
		}
		v := values{}
		for _, name := range k.Columns {
			c := t.column(name)
			if c == nil || r.get(c.index) == nil {
				v = nil
				break
			}
			v[c.index] = r.get(c.index)
		}
		if v != nil && w.keyed(t, v, r.id) != nil {
			return newFault(http.StatusPreconditionFailed, "0x80060892", "Entity Key %s violated. A record with the same value for %s already exists. A duplicate record cannot be created. Select one or more unique values and try again.", k.Label, strings.Join(k.Columns, ", "))
		}
	}
	return nil
}
