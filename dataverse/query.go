package dataverse

// Query is a read of rows.
type Query struct {
	Table string // logical name
	Set   string // the entity set, instead of Table; may be a path to a collection

	Select  []string
	Filter  string // OData, as it goes into $filter, not yet escaped
	OrderBy string
	Expand  string
	Apply   string
	// FetchXML replaces all of the options above.
	FetchXML string

	Top      int
	PageSize int // 5,000 when zero, which is also the most that the service gives
	// Annotations asks for formatted values and the target tables of lookups as well.
	Annotations bool
	// Strong asks past the service's caches; slow, for reads right after a schema write.
	Strong bool
}
