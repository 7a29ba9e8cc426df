// Package naive is a second reading of the policy language, for tests alone: it downloads every row of every table over plain HTTP
// and joins in memory with maps and loops. It is written from docs/policy.md and shares no code with what it checks: it reads the
// policy into maps, knows no definitions, and its dates are time.Time at midnight UTC. It is slow, and meant to be obvious.
package naive
