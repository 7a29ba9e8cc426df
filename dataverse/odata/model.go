package odata

// Type is the type of a property.
type Type uint8

// The types of properties that Dataverse has.
const (
	TypeUnknown Type = iota // compares with everything
	TypeBoolean
	TypeInt32
	TypeInt64
	TypeDecimal // also money
	TypeDouble
	TypeString
	TypeGUID
	TypeDate
	TypeDateTimeOffset
	TypeBinary
	TypeEnum // only in metadata
)

var typeNames = [...]string{"<unknown>", "Edm.Boolean", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double", "Edm.String",
	"Edm.Guid", "Edm.Date", "Edm.DateTimeOffset", "Edm.Binary", "Edm.Enum"}

// String is the name of the type in OData, such as Edm.Guid.
func (t Type) String() string { return typeNames[t] }

// Model is the schema that a query is held against.
type Model interface {
	// Table returns the table of a logical name.
	Table(logical string) (Table, bool)
}

// Table is one table of a Model. Names are case-sensitive.
type Table interface {
	// Property returns a column by its name in the Web API: a lookup is _x_value.
	Property(name string) (Property, bool)
	// Navigation returns a navigation property.
	Navigation(name string) (Navigation, bool)
}

// Property is a column as the Web API shows it.
type Property struct {
	Type Type
	// Options are the values of a choice column. With none, every number compares well: a model that only wants what
	// Dataverse itself refuses leaves them out.
	Options []int
}

// Navigation leads from one table to another.
type Navigation struct {
	Table      string // logical name
	Collection bool
}
