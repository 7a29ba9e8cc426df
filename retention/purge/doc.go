// Package purge carries decisions out: it writes purge dates, and erases the persons whose day has come.
//
// # How a person is purged
//
// A chunk of due persons gets a last look seconds before the write: their grounds, holds and extensions are evaluated
// again and their rows read with their versions. The rows that belong to them are listed by the policy's rules and by what the
// environment's own metadata says a delete would take along. Then the intent goes into the ledger, and each person's
// erasure into one change set: kept rows freed, related rows handled, the person's columns anonymised, all under the
// version of the last look. Only when that has been carried out is the anonymous row deleted, and the audit history of
// every touched row after it.
//
// # Promises
//
// Nobody is purged for whom the last look finds a ground, an extension or a legal hold, or whose row changed after it. A
// person whose change set fails stays whole, and the others go on. What a killed run began is found again by the next
// one, from the ledger and the rows, and finished first; nothing is done blindly twice: what became of a write that got
// no answer is read from the row.
//
// What belongs to a person, and what becomes of it, package inventory decides; what is left of them, package search finds
// out without knowing how they were purged. purge.go shows a purge from top to end.
//
// [Run] is the job. [Preview] shows what would happen to the related rows of some persons and writes nothing.
package purge
