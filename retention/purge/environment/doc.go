// Package environment is what a purge and the proof of it both know of a Dataverse environment: how rows are named and read,
// what its tables say of themselves, and what gallra writes into it. It decides nothing and writes nothing.
package environment
