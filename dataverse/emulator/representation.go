package emulator

import "time"

// representation is the row that an answer to a write carries.
func (c *call) representation(sn *snapshot, t *table, r *row) (any, error) {
	m := map[string]any{"@odata.context": c.base + "/$metadata#" + t.Set + "/$entity", "@odata.etag": etag(r), t.ID: r.id}
	for _, col := range t.Columns {
		if col.NoRead || col.kind == kindPartyList || col.kind == kindVirtual || col.Name == t.ID {
			continue
		}
		switch v := t.get(r, col.Name).(type) {
		case ref:
			m[col.property()] = v.ID
		case instant:
			m[col.Name] = v.time().Format(time.RFC3339)
		case day:
			m[col.Name] = v.time().Format(time.DateOnly)
		default:
			m[col.property()] = v
		}
	}
	return m, nil
}
