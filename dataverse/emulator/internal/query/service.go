package query

import (
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Service answers what reads rows.
type Service struct {
	*store.Engine
	File func(c *wire.Call, t *schema.Table, r *store.Row, column *schema.Column, property bool) (*wire.Answer, error) // reads a file column
}

// Routes are the shapes of the requests that it answers, one line each.
func (s *Service) Routes() map[string]wire.Handler {
	return map[string]wire.Handler{
		// odata_row.go
		"GET set/$count":               s.countSet,
		"GET set(key)":                 s.getRow,
		"GET set(key)/property":        s.getProperty,
		"GET set(key)/property/$value": s.getValue,
		"GET set(key)/property/$count": s.countRelated,
		"GET set(key)/property/$ref":   s.getReference,
		// odata_list.go
		"GET set": s.listSet,
		// unpublished.go
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUnpublished":    s.unpublished(s.getRow),
		"GET set/Microsoft.Dynamics.CRM.RetrieveUnpublishedMultiple": s.unpublished(s.listSet),
	}
}
