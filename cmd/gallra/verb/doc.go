// Package verb holds what verbs do, for whoever says them: the command line prints it, the console shows it, and neither has a
// rule of its own. Nothing here prints, asks back or reads flags.
//
// [Plan] is what a run would do and what stands in its way, [Report] what gallra report writes, [Find], [Weigh] and [Erase] are a data
// subject's request from its look to its receipt, [Reapply] is what follows a restore, [Checkpoint] the line that is filed elsewhere.
package verb
