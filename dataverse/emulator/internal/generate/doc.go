// Package generate makes a CRM of any size from a seed: the same numbers and seed make the same rows.
package generate
