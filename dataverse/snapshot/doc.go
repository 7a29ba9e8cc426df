// Package snapshot is the file that an environment is kept in, with its definitions and, where they were asked for, its
// rows: written by gallra snapshot, read by the emulator. docs/rehearsal.md describes the format.
//
// The file is JSON, a line each, in gzip members: the head, the definitions of tables, views, then the rows of one table
// after the other, and a last line with a digest of all lines before it. Writer and Reader hold one row at a time.
//
// # Promises
//
// A file that was cut or edited, of a newer format, or that is none of these files is refused with an error that says which
// of them it is: a [FileError]. A [Writer] that was cut goes on behind the last part that it had finished. Neither looks at what
// the values are: masking is the business of whoever writes.
package snapshot
