// Package conformance holds what Microsoft's pages say of the Dataverse Web API as cases: a request, what the answer must
// be, and the page that says so. [Run] sends them to the emulator or to an environment of Dataverse, and reports where an
// answer differs. docs/conformance.md tells a customer how to run it.
//
// # What it promises
//
// Without [Options.Write] nothing is sent but GET and batches of GET, and only definitions and the platform's own tables
// are read. With it, the run makes a publisher, a solution and two tables of its own, writes to these tables alone, and
// removes all of it, also after a failure and when the context ends; what it could not remove stands in [Report.Left].
// A client that does not keep to this refuses the request before it is sent. TestReadOnlySendsOnlyReads,
// TestNothingStays and TestNothingStaysWhereverItStops hold this.
//
// Requests are sent one after the other and wait as long as Retry-After says. A report holds nothing that was read: no
// value of a row and no message, only statuses, codes, kinds of values, and names that the suite gave itself.
//
// The package knows neither the emulator nor the product's client: what both got wrong in the same way would not show.
package conformance
