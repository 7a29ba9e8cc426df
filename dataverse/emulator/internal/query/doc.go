// Package query answers reads: OData and FetchXML are compiled to one plan, the plan finds rows of a snapshot, and rows
// are written as the JSON of the Web API. Null logic stands in plan_compare.go and plan_condition.go, aggregates in
// plan_aggregate.go and fetch_aggregate.go, paging in odata_row.go and fetch_answer.go, change tracking in
// change_tracking.go.
//
// It has no transaction: a query cannot write.
package query
