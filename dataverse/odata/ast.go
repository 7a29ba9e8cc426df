package odata

// Expr is a node of a filter: one of *Compare, *Logic, *Not, *In, *Call, *Function, *Lambda, *Path, *Literal, *Array
// and *Alias.
type Expr interface {
	// Pos is the byte offset at which the node's text begins; 0 in trees that were not parsed.
	Pos() int
	// String is the node as canonical OData. It is not percent-encoded.
	String() string

	appendTo(b []byte) []byte
}

// Position is the byte offset of a node in the text it was parsed from.
type Position int

// Pos returns p as a number.
func (p Position) Pos() int { return int(p) }

// Op is a comparison operator.
type Op uint8

// The comparison operators.
const (
	Eq Op = iota
	Ne
	Gt
	Ge
	Lt
	Le
)

var opNames = [...]string{Eq: "eq", Ne: "ne", Gt: "gt", Ge: "ge", Lt: "lt", Le: "le"}

// opKinds and logicKinds are the names that Dataverse's errors give the operators.
var opKinds = [...]string{Eq: "Equal", Ne: "NotEqual", Gt: "GreaterThan", Ge: "GreaterThanOrEqual", Lt: "LessThan", Le: "LessThanOrEqual"}

var logicKinds = [...]string{And: "And", Or: "Or"}

func (o Op) String() string { return opNames[o] }

// Compare compares two operands; either side may be a column or a value.
type Compare struct {
	Position
	Op          Op
	Left, Right Expr
}

// LogicOp joins the terms of a Logic.
type LogicOp uint8

// The joining operators.
const (
	And LogicOp = iota
	Or
)

func (o LogicOp) String() string {
	if o == Or {
		return "or"
	}
	return "and"
}

// Logic joins two or more terms with one operator. Terms of the same operator that stood in parentheses stay nested.
type Logic struct {
	Position
	Op    LogicOp
	Terms []Expr
}

// Not negates its operand.
type Not struct {
	Position
	X Expr
}

// In tests whether a column equals one of some literals or aliases. The pages on queries do not name this operator: use
// the query function [In] where a request must work on every version of the service.
type In struct {
	Position
	X    Expr
	List []Expr
}

// Call is contains, startswith or endswith over two operands.
type Call struct {
	Position
	Name string
	Args []Expr
}

// Function is a query function of Dataverse.
type Function struct {
	Position
	Name   string // without the namespace, such as LastXMonths
	Params []Param
}

// Param is a named parameter of a Function.
type Param struct {
	Position
	Name  string
	Value Expr // *Literal, *Array or *Alias
}

// Param returns the value of the named parameter, nil if there is none.
func (f *Function) Param(name string) Expr {
	for _, p := range f.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return nil
}

// Property is the column the function looks at, "" while it is an alias.
func (f *Function) Property() string {
	if l, ok := f.Param("PropertyName").(*Literal); ok && l.Kind == String {
		return l.Value.(string)
	}
	return ""
}

// Lambda is any or all over a collection.
type Lambda struct {
	Position
	All  bool
	Path *Path  // to the collection
	Var  string // "" in any(): not empty
	Body Expr   // nil in any()
}

// Path names a column, or a navigation property, perhaps over others: primarycontactid/fullname. Within a lambda the
// first segment can be the lambda's variable.
type Path struct {
	Position
	Segments []string
}

// Array is a list of literals, as parameter of a query function.
type Array struct {
	Position
	Items []*Literal
}

// Alias is a parameter alias, @p1, whose value is an option of its own.
type Alias struct {
	Position
	Name string // without the @
}

// Walk calls f for e and, while f returns true, for the nodes below it, in the order of the text.
func Walk(e Expr, f func(Expr) bool) {
	if !f(e) {
		return
	}
	switch e := e.(type) {
	case *Compare:
		Walk(e.Left, f)
		Walk(e.Right, f)
	case *Logic:
		for _, t := range e.Terms {
			Walk(t, f)
		}
	case *Not:
		Walk(e.X, f)
	case *In:
		Walk(e.X, f)
		for _, x := range e.List {
			Walk(x, f)
		}
	case *Call:
		for _, x := range e.Args {
			Walk(x, f)
		}
	case *Function:
		for _, p := range e.Params {
			Walk(p.Value, f)
		}
	case *Lambda:
		Walk(e.Path, f)
		if e.Body != nil {
			Walk(e.Body, f)
		}
	case *Array:
		for _, x := range e.Items {
			Walk(x, f)
		}
	}
}
