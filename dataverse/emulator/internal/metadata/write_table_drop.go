package metadata

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// dropRowsAbout removes the rows about a deleted table: its privileges, their grants to roles, and the solution components
// of the table and its columns, keys and relationships. No page says what becomes of these rows; nothing could ask for a
// privilege without its table.
func (ch *change) dropRowsAbout(t *schema.Table) {
	gone := map[uuid.UUID]bool{TableID(t): true}
	for _, c := range t.Columns {
		gone[columnID(c, t)] = true
	}
	for _, k := range t.Keys {
		gone[keyID(k, t)] = true
	}
	for _, r := range ch.schema.Relations {
		if r.Referencing == t.Name || r.Referenced == t.Name {
			gone[relationshipID(r)] = true
		}
	}
	for _, m := range ch.schema.ManyToMany {
		if m.Table1 == t.Name || m.Table2 == t.Name {
			gone[manyToManyID(m)] = true
		}
	}
	if !t.Activity { // all activities share theirs
		for _, p := range ch.schema.Privileges[t.Name] {
			gone[schema.PrivilegeID(p.Name)] = true
		}
	}
	for name, column := range map[string]string{"privilege": "privilegeid", "roleprivileges": "privilegeid", "solutioncomponent": "objectid"} {
		rows := ch.tx.Schema.Tables[name]
		var about []uuid.UUID
		ch.tx.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			id := r.ID
			if name != "privilege" {
				id, _ = store.Value(rows, r, column).(uuid.UUID)
			}
			if gone[id] {
				about = append(about, r.ID)
			}
			return true
		})
		for _, id := range about {
			ch.tx.Remove(rows, id)
		}
	}
}
