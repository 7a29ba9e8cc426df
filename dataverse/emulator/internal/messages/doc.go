// Package messages are the actions and functions with a will of their own: cases, quotes, orders, leads, merges, lists, bulk
// writes, file blocks, sharing, audit history, and the jobs of bulk deletes and of long-term retention.
package messages
