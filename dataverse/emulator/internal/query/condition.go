package query

import (
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// Condition is an OData filter as a question about single rows of a table, asked by the platform itself.
func Condition(e *store.Engine, sn *store.Snapshot, t *schema.Table, filter string) (func(*store.Row) bool, error) {
	x, err := odata.ParseFilter(filter)
	if err != nil {
		return nil, wire.QueryError(err)
	}
	env := &Env{Engine: e, Snap: sn, User: e.Administrator, Now: e.Clock.Now(), Zone: e.Zone(), Rows: make([]*store.Row, 1), Sources: map[*schema.Table]*Source{}}
	p, _, err := NewCompiler(env).filter(x, rootScope(t, 0))
	if err != nil {
		return nil, err
	}
	return func(r *store.Row) bool {
		env.Rows[0] = r
		return p(env) == yes
	}, nil
}
