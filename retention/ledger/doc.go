// Package ledger keeps the evidence of what was scheduled, rescued and purged.
//
// A ledger is an append-only list of entries, one JSON object a line, one file a run. Every line carries the hash of the
// line before it, across files, so that a line that was changed, taken out or moved shows. [Verify] proves the chain with
// code of its own.
//
// The schema is closed and has no free text: table names, row ids, dates, ids of grounds, counts and codes. No personal
// data can stand in a ledger, because it could not be erased from it.
//
// # Durability
//
// When [Ledger.Append] returns nil, the entries are on stable storage. When it returns an error, some of them may be; the
// ledger then takes no more, and the next [Ledger.Begin] cuts an unfinished last line off and says so in the ledger.
//
// # Reading and writing
//
// [Open] only reads. [Ledger.Begin] takes the lock, begins a file and makes the ledger writable; [Ledger.End] writes the
// run's last line and gives the lock back.
package ledger
