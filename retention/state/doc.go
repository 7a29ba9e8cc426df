// Package state keeps from one night to the next what an evaluation reads, so that the next one asks only for what has
// changed: [Open] begins a [Night], whose Scan takes the place of the client's, and [Night.Keep] keeps what it read.
//
// What is kept of a row is its id, its version, and of the columns that an evaluation looks at numbers, truths, dates and
// ids; of a text that something is joined by a keyed hash, of any other that there is one. All of it is sealed.
//
// # What has changed
//
// A query's rows change because a row of its table changes, because a row does to which a path of it leads, or because time
// passes. The first two the service tells, table by table (change tracking). For these rows the query itself is asked anew,
// restricted to their ids: a filter is never worked out here. A query of which anything else can change the answer is read in
// full each night; [Look] says of each query why.
//
// # Promises
//
// Whatever is odd is read in full: a link that the service takes no more, rows of another policy, organisation, user or
// form, definitions that have changed, six days without a night, a file that does not open. A night's rows are those that a
// full read at the same moment would give, in another order; TestNightsAgree holds plans made of both against each other,
// byte by byte. Nothing here decides about a person: whoever is purged is looked at anew before.
package state
