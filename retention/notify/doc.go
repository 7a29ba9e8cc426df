// Package notify tells the owners of people who have a purge date about them, inside Dynamics 365: one digest an owner, with
// counts and links to their view, and no names.
//
// # Promises
//
// Nobody is told twice of the same person and date. What a digest tells stands in the ledger before it is sent, and that it
// was sent afterwards: a run that was killed in between leaves a digest whose id is known, and the next run looks whether it
// is there before it sends it again. Without a ledger nobody is told, since nobody knows who was.
//
// A team's people are told to its members; the default team of a business unit is everybody, and is left out. Users who are
// disabled and applications are left out as well. People under a legal hold are told to nobody: they are not purged.
package notify
