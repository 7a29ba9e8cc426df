// Package store keeps the rows: immutable snapshots, one writer at a time, the indexes of lookups and of alternate keys, the
// order and the equality of texts, and the values of a row by column.
//
// A reader holds a [Snapshot] and reads whole change sets only. Nobody reads a [Tx] until it commits.
package store
