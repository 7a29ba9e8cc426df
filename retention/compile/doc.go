// Package compile holds a policy against an environment and turns it into queries. [Check] finds every name, type,
// option, filter and path of the policy that the environment's own definitions do not bear out; what it returns, a
// [Policy], is what evaluation and purge work with: each ground and each rule with the read that finds its rows.
//
// It reads definitions, options and views, and no row of a person, except where a caller asks for it by name
// ([SuspiciousData], [Starter]).
//
// # Promises
//
// A policy that names what is not there is never compiled. A column that decides about persons and that the running user
// may not read is a problem, not an empty column ([Policy.ColumnsRead]). TestCheckRefuses and TestErasedColumns hold that.
package compile
