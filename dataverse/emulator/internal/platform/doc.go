// Package platform is what the service does to rows when they are written: the stages of a create, an update and a delete
// (write_stages.go), cascades, computed values, parties, states, duplicates, files, audit history and the recycle bin.
//
// Everything that changes rows goes through a [Writer].
package platform
