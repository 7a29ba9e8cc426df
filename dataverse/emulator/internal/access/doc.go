// Package access tells what a user may do: privileges of roles and teams by depth, rows that were shared, columns that are
// secured. All of it are functions of a snapshot and a user.
package access
