package fetchxml

import "fmt"

// Error is a query that Dataverse refuses before it looks at any table.
type Error struct {
	Pos  int    // byte offset of the element
	Code string // Dataverse's own, such as 0x8004430D; "" where none is known
	Msg  string // as Dataverse words it where that is known; it may quote the query
}

func (e *Error) Error() string { return e.Msg }

// Dataverse's codes.
const (
	codeInvalidArgument   = "0x80040203"
	codeInvalidXML        = "0x80040201"
	codeNoEntity          = "0x80041102"
	codeNeitherGroup      = "0x80041107" // QueryBuilderAttribute_With_Aggregate
	codeInvalidAlias      = "0x80041109" // QueryBuilderInvalid_Alias
	codeNoAlias           = "0x8004110b" // QueryBuilderNoAlias
	codeInvalidLinkType   = "0x80041117" // QueryBuilderDeserializeInvalidLinkType
	codeInvalidAggregate  = "0x8004111a" // QueryBuilderDeserializeInvalidAggregate
	codeInvalidNode       = "0x8004111c" // QueryBuilderDeserializeInvalidNode
	codeInvalidOperator   = "0x80041120" // QueryBuilderInvalidConditionOperator
	codeInvalidFilterType = "0x80041122" // QueryBuilderInvalidFilterType
	codeTooManyConditions = "0x8004430C"
	codeTooManyLinks      = "0x8004430D"
	codePagingCookie      = "0x8004112a" // QueryBuilderInvalidPagingCookie
)

func failf(pos int, code, format string, args ...any) *Error {
	return &Error{Pos: pos, Code: code, Msg: fmt.Sprintf(format, args...)}
}
