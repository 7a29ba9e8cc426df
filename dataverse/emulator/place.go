package emulator

import (
	"slices"

	"github.com/google/uuid"
)

// fields are a row's values by column name, in the types of row.go.
type fields map[string]any

// place puts a row into a table without any rule: what the platform itself has put there.
func (t *tx) place(table string, id uuid.UUID, f fields) {
	tab := t.schema.tables[table]
	v := values{tab.idColumn().index: id}
	for name, x := range f {
		c := tab.column(name)
		if c == nil {
			panic("emulator: table " + table + " has no column " + name)
		}
		v[c.index] = x
	}
	n := t.nextVersion()
	if c := tab.column("versionnumber"); c != nil {
		v[c.index] = n
	}
	t.put(tab, (&row{id: id}).with(v, n))
}

// grant gives a role a privilege.
func (t *tx) grant(role, privilege uuid.UUID, mask int64) {
	id := uuid.NewSHA1(role, privilege[:])
	t.place("roleprivileges", id, fields{"roleid": role, "privilegeid": privilege, "privilegedepthmask": mask, "componentstate": int64(0)})
}

// placePrivilege makes the row of a privilege.
func (t *tx) placePrivilege(p namedPrivilege) {
	f := fields{"name": p.Name, "accessright": rightMasks[p.right], "canbeentityreference": false, "canbeparententityreference": false,
		"componentstate": int64(0), "ismanaged": true}
	for column, depth := range map[string]string{"canbebasic": "Basic", "canbelocal": "Local", "canbedeep": "Deep", "canbeglobal": "Global"} {
		f[column] = slices.Contains(p.Depths, depth)
	}
	t.place("privilege", privilegeID(p.Name), f)
}

// rolesOf are the roles made from a template, one in each business unit.
func (t *tx) rolesOf(template uuid.UUID) []uuid.UUID {
	tab := t.schema.tables["role"]
	var out []uuid.UUID
	t.table(tab.Name).scan(uuid.Nil, func(r *row) bool {
		if tab.ref(r, "roletemplateid").ID == template {
			out = append(out, r.id)
		}
		return true
	})
	return out
}
