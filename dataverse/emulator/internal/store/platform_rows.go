package store

import (
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// Fields are a row's values by column name, in the types of row.go.
type Fields map[string]any

// Place puts a row into a table without any rule: what the platform itself has put there.
func (t *Tx) Place(table string, id uuid.UUID, f Fields) {
	tab := t.Schema.Tables[table]
	v := Values{tab.IDColumn().Index: id}
	for name, x := range f {
		c := tab.Column(name)
		if c == nil {
			panic("emulator: table " + table + " has no column " + name)
		}
		v[c.Index] = x
	}
	n := t.NextVersion()
	if c := tab.Column("versionnumber"); c != nil {
		v[c.Index] = n
	}
	t.Put(tab, (&Row{ID: id}).With(v, n))
}

// Grant gives a role a privilege.
func (t *Tx) Grant(role, privilege uuid.UUID, mask int64) {
	id := uuid.NewSHA1(role, privilege[:])
	t.Place("roleprivileges", id, Fields{"roleid": role, "privilegeid": privilege, "privilegedepthmask": mask, "componentstate": int64(0)})
}

// PlacePrivilege makes the row of a privilege.
func (t *Tx) PlacePrivilege(p schema.NamedPrivilege) {
	f := Fields{"name": p.Name, "accessright": schema.RightMasks[p.Right], "canbeentityreference": false, "canbeparententityreference": false,
		"componentstate": int64(0), "ismanaged": true}
	for column, depth := range map[string]string{"canbebasic": "Basic", "canbelocal": "Local", "canbedeep": "Deep", "canbeglobal": "Global"} {
		f[column] = slices.Contains(p.Depths, depth)
	}
	t.Place("privilege", schema.PrivilegeID(p.Name), f)
}

// Alike are rows that every environment begins with, the same in each. They are made once; environments have them in common until they
// write to their tables.
type Alike struct {
	mu      sync.Mutex
	tables  map[string]*Rows
	version int64
}

// Begin puts the rows into a transaction whose tables of these names are empty. make makes them the first time, and writes to no other
// table.
func (a *Alike) Begin(t *Tx, make func(), tables ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tables == nil {
		t.Version = max(t.Version, 1000) // the same versions for everybody, above those of rows that come before
		make()
		a.tables, a.version = map[string]*Rows{}, t.Version
		for _, name := range tables {
			a.tables[name] = t.Data[name].separate()
		}
		return
	}
	for name, rows := range a.tables {
		t.Replace(Live, name, rows.separate())
	}
	t.Version = max(t.Version, a.version)
}

// separate is a copy that nobody else writes to.
func (r *Rows) separate() *Rows {
	own := r.copy()
	own.layouts = r.layouts.clone()
	return own
}

// RolesOf are the roles made from a template, one in each business unit.
func (t *Tx) RolesOf(template uuid.UUID) []uuid.UUID {
	tab := t.Schema.Tables["role"]
	var out []uuid.UUID
	t.Rows(tab.Name).Scan(uuid.Nil, func(r *Row) bool {
		if Lookup(tab, r, "roletemplateid").ID == template {
			out = append(out, r.ID)
		}
		return true
	})
	return out
}
