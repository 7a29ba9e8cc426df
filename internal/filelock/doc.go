// Package filelock locks a file for one process by the operating system's own means: [Take] says whether it is taken, and does not wait.
// The lock ends by [Release], or with its process, however that ends. Others can still read the file.
package filelock
