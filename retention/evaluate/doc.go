// Package evaluate reads what the CRM holds about the persons of a policy and about their grounds, and works out until
// when each may be kept. [Evaluate] does so for everybody, one query a ground; [Gather] for some, with every row that
// was found; [EvaluatePersons] for those about to be purged, seconds before the write.
//
// Memory is one entry of 44 bytes a person; pages of rows are folded as they come.
//
// # Promises
//
// A ground is read whole or the evaluation fails: half an answer never decides. The last look decides as an evaluation at
// the same moment would (TestLastLookSaysWhatTheEvaluationSaid), and a second evaluator, written without regard to this one, agrees with it over
// random CRMs (TestSecondImplementationAgrees).
package evaluate
