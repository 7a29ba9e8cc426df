// Package fetchxml reads and writes FetchXML, the query language that Dataverse takes where OData cannot say what is meant,
// and the cookies that page through answers. It does no I/O and knows no table.
//
// [Parse] is strict: an element, an attribute or an operator that no page names is an error, with Dataverse's own code
// where one is known. What is only noise of editors (mapping, version, output-format, uiname and its like) is read and
// dropped. The sources are the pages fetchxml/* and fetchxml/reference/* of the Dataverse developer guide on Microsoft
// Learn, and, for the texts of errors, public traces.
//
// # Meaning
//
// Two names say the opposite of what they do. Link type "not all" is the same as "any"; "all" wants at least one related
// row and none that matches (fetchxml/filter-rows, which gives the SQL; an older reference page words it otherwise).
// Operator "ne" also matches where the column is null.
//
// # Promises
//
// A tree that was parsed prints as XML that parses to an equal tree. No input makes the parser panic, recurse deeper than
// [MaxDepth], or expand an entity: a document type is refused. A cookie survives its three encodings.
package fetchxml

const (
	// MaxLength is the longest query that is read, in bytes.
	MaxLength = 1 << 20
	// MaxDepth bounds how deep elements nest.
	MaxDepth = 64
	// MaxLinks is how many link-entity elements a query may have (fetchxml/join-tables).
	MaxLinks = 15
	// MaxConditions is how many condition and link-entity elements together a query may have (fetchxml/filter-rows).
	MaxConditions = 500
	// MaxValues is how many values a condition may have (use-fetchxml-construct-query).
	MaxValues = 2000
	// MaxRows is the most rows of one page, and the most that top may ask for.
	MaxRows = 5000
)
