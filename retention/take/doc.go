// Package take reads an environment into a file: its definitions and, where they are asked for, its rows, masked on the way. It
// writes nothing to the environment.
//
// # Promises
//
// No address, name, number of a person, id (unless they are to be kept) or text of a row gets into the file, but for texts that the
// policy itself compares with. Free text and files are not read at all. What was equal is equal afterwards, as far as gallra and the
// service take values for equal: without regard to case, blanks around them aside. The key of the masking lives in a file of its own
// until the snapshot is whole, and is deleted with its last part.
//
// Memory does not grow with the rows, and requests are pages of them. A snapshot that was cut goes on with the first table that was
// not read to its end: the rows of one table are always of one reading.
package take
