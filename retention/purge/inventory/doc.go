// Package inventory lists the rows that belong to persons and decides what becomes of each. [List.Take] shows the order in
// which one decision rests on another.
//
// # Promises
//
// It reads through its reader alone and writes nothing, neither to the environment nor to a ledger: a preview and a purge get
// the same answer from it. A row that a rule keeps, or that somebody who is still justified needs, is never among those
// that go. What cannot be decided for certain stays.
package inventory
