// Package console is the admin console: pages on loopback for the administrator and the data protection officer, who see
// what is coming, understand every case, mend it, and start and watch a run.
//
// [New] makes one, [Console.Serve] serves it. It works with the engine of the command line: what a page shows is what
// gallra plan, explain, simulate, doctor and ledger tell, and what it does is what gallra run, hold, release, erase, reapply, notify, approve
// and report do, by the functions of package verb.
//
// # Names
//
// The names of people are read for display only. They are held in memory, never logged, never in an address or a page's
// title (the browser keeps those on disk), and answers forbid the browser to store them. Only an export writes them.
//
// # Who gets in
//
// A link holds a token that counts once and for a short time; it starts a session, which a cookie names and which ends
// when nobody works in it. The Host header must name the console itself, every request but a read must come from its
// own pages, and no page runs a script or takes a style that is not a file of the console.
package console
