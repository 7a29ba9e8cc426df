// Package access tells what a user may do: privileges of roles and teams by depth, rows that were shared, columns that are
// secured. Every answer follows from a snapshot and a user.
package access
