// Package policy is the language in which a company says who may be kept: one YAML file, read strictly, checked by its
// looks alone, and printed as a record for people.
//
// [Load] reads a policy with the files that it includes, [LoadTests] a file of tests for one. Both tell every mistake at
// once, as [Problems] with file, line, column and a hint. Nothing here knows an environment: whether the tables and
// columns that a policy names exist is for package compile.
//
// # Promises
//
// An unknown key, a value of the wrong type or a rule that cannot mean anything is a problem, never a default; TestLoadRefuses
// holds that. The hash of a policy is over its text and that of every file that it includes.
package policy
