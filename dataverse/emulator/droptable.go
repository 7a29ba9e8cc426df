package emulator

import "github.com/google/uuid"

// dropRowsAbout removes the rows that stand for a table which is deleted: its privileges, what gives them to roles, and
// its places and those of its columns, keys and relationships in solutions. No page says what becomes of these rows; a
// privilege without its table could be asked for by nobody.
func (ch *change) dropRowsAbout(t *table) {
	gone := map[uuid.UUID]bool{t.metaID(): true}
	for _, c := range t.Columns {
		gone[c.metaID(t)] = true
	}
	for _, k := range t.keys {
		gone[k.metaID(t)] = true
	}
	for _, r := range ch.schema.relations {
		if r.Referencing == t.Name || r.Referenced == t.Name {
			gone[r.metaID()] = true
		}
	}
	for _, m := range ch.schema.many {
		if m.Table1 == t.Name || m.Table2 == t.Name {
			gone[m.metaID()] = true
		}
	}
	if !t.Activity { // all activities share theirs
		for _, p := range ch.schema.privileges[t.Name] {
			gone[privilegeID(p.Name)] = true
		}
	}
	for name, column := range map[string]string{"privilege": "privilegeid", "roleprivileges": "privilegeid", "solutioncomponent": "objectid"} {
		rows := ch.tx.schema.tables[name]
		var about []uuid.UUID
		ch.tx.table(name).scan(uuid.Nil, func(r *row) bool {
			id := r.id
			if name != "privilege" {
				id, _ = rows.get(r, column).(uuid.UUID)
			}
			if gone[id] {
				about = append(about, r.id)
			}
			return true
		})
		for _, id := range about {
			ch.tx.remove(rows, id)
		}
	}
}
