// Package dataverse is a client for the Dataverse Web API. [New] makes a [Client]; code that only reads should take it as
// a [Reader], which cannot write.
//
// # Reading
//
// [Client.Rows] iterates over all pages of a query. [Client.Scan] does the same for the columns that the caller names,
// without an allocation per row. [Client.Get] reads one row, [Client.Table] the definition of a table.
//
// # Writing
//
// [Client.Batch] carries change sets, each a transaction of its own, and reads the status of every part. [Client.Call]
// and [Client.Do] run single requests.
//
// # Promises
//
// A fault costs a retry and never a wrong or a half answer: pages are handed out only once they were read whole. A write
// is sent again only where doing it twice is as good as doing it once; otherwise the error is an [*Uncertain], and the
// caller has to look. The service's limits are respected as it asks: nothing is sent into a window that it closed.
//
// No error text and no log line holds a query string, a token, a body or the service's own message, since these may
// quote rows.
package dataverse
