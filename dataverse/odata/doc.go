// Package odata reads and writes the query options of the Dataverse Web API: text to tree, tree to text, and a check of a
// tree against a schema. It does no I/O and knows no table of its own.
//
// [ParseFilter], [ParseSelect], [ParseOrderBy], [ParseExpand] and [ParseApply] take the decoded text of one option.
// [Check] says the first thing that Dataverse would refuse, [Problems] says all that a careful reader would.
//
// # Dialect
//
// This is Dataverse's dialect and no general OData. Of functions there are contains, startswith, endswith and the
// Microsoft.Dynamics.CRM query functions of [Functions]; there is no arithmetic, no has, no date or type function. The
// sources are the pages of the Microsoft Learn "Use the Microsoft Dataverse Web API" guide: webapi/query/filter-rows,
// join-tables, order-rows, aggregate-data, select-columns and overview, webapi/use-web-api-functions, and for each query
// function webapi/reference. Where they give the text of a refusal it is used here to the letter; elsewhere the text is that
// of Microsoft's OData library, on which the service is built.
//
// # Precedence
//
// The standard binds and tighter than or. The page webapi/web-api-query-data-sample says instead that all operators have
// one precedence and run left to right. ParseFilter follows the standard, and String never leaves the choice to the
// reader: a term of another operator always stands in parentheses.
//
// # Promises
//
// A tree that was parsed prints as text that parses to an equal tree. No input makes a parser panic, recurse deeper than
// [MaxDepth], or read more than [MaxLength]. Trees are not changed by any function of this package and may be shared.
// TestRoundTrip and the fuzz targets hold any change to this.
package odata

const (
	// MaxLength is the longest text that a parser reads, in bytes: the longest URL that Dataverse takes, in a $batch.
	MaxLength = 65536
	// MaxDepth bounds how deep parentheses, not and lambdas nest, and the steps of a path.
	MaxDepth = 128
	// MaxConditions is how many conditions a filter may have (webapi/query/filter-rows).
	MaxConditions = 500
	// MaxExpand is how many tables one query may expand, nested ones included (webapi/query/join-tables). An older page
	// says ten.
	MaxExpand = 15
)

// Namespace is what Dataverse puts before the names of its types and functions.
const Namespace = "Microsoft.Dynamics.CRM."
