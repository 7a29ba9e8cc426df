// Package personmap knows every place where a person can stand: what leads to the rows of a subject table, what those rows can
// hold, what a purge does with them, and which rule of the policy says so. It is pure: the environment's definitions, the policy
// and what is known of the standard tables go in, a [Map] comes out. Whoever needs a list of places takes it from here.
package personmap
