// Package metadata answers with definitions and changes them: tables, columns, relationships, keys, global choices,
// solutions, CSDL. A definition is rendered once for each immutable table (render_cache.go).
package metadata
