// Package rows finds the rows whose own period is over, and tells which of them have to stay all the same. It reads and decides,
// writes nothing, and asks by tables: what a plan counts and what a run ends is found by the same code.
package rows
