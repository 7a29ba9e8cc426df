// Package rehearse lives the coming months of a CRM in the emulator: what gallra provision and the nightly runs would do to an
// environment of which there is a snapshot, by the code that does it there. Nothing real is touched.
//
// # What it foretells, and what not
//
// Nothing changes in a rehearsed CRM but by gallra and by the calendar: no deal comes in, nobody is rescued by staff, and nobody sets a
// hold. So it foretells the first wave well, and a night a year from now as far as the CRM of today decides it.
//
// The ledger begins empty, as before the first run. Guard rails stop a night as they would for real; the rehearsal notes what
// stopped it and what it would have taken to go on, and goes on.
package rehearse
