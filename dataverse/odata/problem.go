package odata

import "fmt"

// NameError is a name that the schema does not have. Callers that know the schema can suggest another.
type NameError struct {
	Pos  int
	Name string
	On   string // logical name of the table; "" if Name is a table itself
}

func (e *NameError) Error() string {
	if e.On == "" {
		return fmt.Sprintf("The entity with a name = '%s' was not found.", e.Name)
	}
	return fmt.Sprintf("Could not find a property named '%s' on type '%s%s'.", e.Name, Namespace, e.On)
}

// TypeError is an operator or function over what it cannot work on.
type TypeError struct {
	Pos int
	Msg string // as Dataverse words it
}

func (e *TypeError) Error() string { return e.Msg }

// OptionError is a choice column compared with a value that is none of its options. Dataverse lets it pass: no row
// matches.
type OptionError struct {
	Pos      int
	Property string
	Value    string
	Options  []int
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("'%s' has no option %s.", e.Property, e.Value)
}

// noProperty is what Microsoft's library says to a path that goes on behind a collection.
func noProperty(name string) string {
	return fmt.Sprintf("The parent value for a property access of a property '%s' is not a single value. Property access can only be applied to a single value.", name)
}

func incompatible(kind, left, right string) string {
	return fmt.Sprintf("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", left, right, kind)
}
