// Package retention decides who may be kept. A [Policy] says which grounds justify a person and for how long; an
// evaluation reads what the CRM holds about those grounds; [Decide] turns both into one [Decision] a person. Package
// purge carries the decisions out.
//
// # Dates
//
// All dates are calendar dates in the policy's time zone. The package never asks what day it is: callers pass today,
// which they take from the service's own clock.
//
// # Promises
//
// A person whom a ground still justifies is never decided [Purge], and nobody is before the purge date has stood, with
// a trace in the ledger, for the whole notice period. A purge date never moves earlier. Deciding twice decides the same.
// TestDecideLaws holds any change to this.
package retention
