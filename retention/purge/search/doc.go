// Package search looks for what is left of persons who were purged. [Searcher.PurgedPersons] is the search after a purge,
// [Refilled] the one for anonymous rows that somebody has written to since.
//
// # Promises
//
// It is told what should be gone and what stays, and finds out the rest with queries of its own: how rows were erased, and which
// columns of them, it cannot know, since it may not import the packages that do it (architecture_test.go). In a row of a
// person whatever the service shows counts as left, unless the policy retains it, it is a placeholder, or the service
// alone writes it. What cannot be read is named. It cannot write.
package search
