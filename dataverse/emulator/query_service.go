package emulator

// queryService answers what reads rows.
type queryService struct {
	*engine
	file func(c *call, t *table, r *row, column *column, property bool) (*answer, error) // reads a file column
}

// routes are the shapes of the requests that it answers, one line each.
func (s *queryService) routes() map[string]handler {
	return map[string]handler{
		// get.go
		"GET set/$count":               s.countSet,
		"GET set(key)":                 s.getRow,
		"GET set(key)/property":        s.getProperty,
		"GET set(key)/property/$value": s.getValue,
		"GET set(key)/property/$count": s.countRelated,
		"GET set(key)/property/$ref":   s.getReference,
		// query.go
		"GET set": s.listSet,
	}
}
