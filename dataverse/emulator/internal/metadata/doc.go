// Package metadata answers with definitions and changes them: tables, columns, relationships, keys, global choices,
// solutions, CSDL. A definition is rendered once for each immutable table (rendered.go).
package metadata
