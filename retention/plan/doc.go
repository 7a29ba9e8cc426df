// Package plan tells what a run would do and why: [NewPlan] makes a plan of a policy, an evaluation and a day, without I/O;
// [Explain] says everything that decides about one person; [Simulate] holds one policy against another, and [NewBackCast]
// asks whom today's policy would have purged who became active again since.
//
// # Promises
//
// A plan is a value: the same policy, evaluation and day give the same plan, byte by byte, and its guard rails are judged on
// it alone. What it says of a person holds for the moment of the evaluation; the last look judges anew.
package plan
