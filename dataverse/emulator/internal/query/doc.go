// Package query answers reads: OData and FetchXML are compiled to one plan, the plan finds rows of a snapshot, and rows are
// written as the JSON of the Web API. Null logic stands in compare.go and condition.go, aggregates in aggregate.go and
// fetchaggregate.go, paging in get.go and fetchanswer.go, change tracking in tracking.go.
//
// It has no transaction: a query cannot write.
package query
