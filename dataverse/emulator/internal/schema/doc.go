// Package schema is what an environment's tables are: tables, columns, relationships, keys and choices as values, the
// tables that every environment has (tables/*.json, [BaseSchema]), and the model of them that package odata asks for.
//
// A published [Schema] and its [Table]s are immutable: a change of metadata makes new ones and shares the rest. Servers of
// one process share the base schema by pointer.
package schema
