// Package messages answers the actions and functions that do more than write a row: cases, quotes, orders, leads,
// merges, lists, bulk writes, file blocks, sharing, audit history, and the jobs of bulk deletes and of long-term
// retention.
package messages
