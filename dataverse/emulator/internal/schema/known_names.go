package schema

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed entity_sets.txt
var entitySetText string

//go:embed operations.txt
var operationText string

//go:embed unheld_properties.txt
var propertyText string

// PlatformSets are the entity sets of a Dynamics 365 environment whose rows are not held here.
var PlatformSets = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(entitySetText) {
		if names := strings.Fields(line); len(names) > 0 {
			out[names[0]] = true
		}
	}
	return out
})

// PlatformTables are the logical names of their tables.
var PlatformTables = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(entitySetText) {
		if names := strings.Fields(line); len(names) > 1 {
			out[names[1]] = true
		}
	}
	return out
})

// PlatformOperations are the functions and actions of the platform, covered here or not.
var PlatformOperations = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(operationText) {
		out[name] = true
	}
	return out
})

// platformProperties are navigation properties of tables held here that lead to tables that are not, by the table's name.
var platformProperties = sync.OnceValue(func() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for line := range strings.Lines(propertyText) {
		names := strings.Fields(line)
		if len(names) == 0 {
			continue
		}
		out[names[0]] = map[string]bool{}
		for _, name := range names[1:] {
			out[names[0]][name] = true
		}
	}
	return out
})

// IsPlatformProperty tells whether a table has a navigation property that leads to a table of the platform which is not held here.
func IsPlatformProperty(table, name string) bool {
	if platformProperties()[table][name] {
		return true
	}
	for _, shared := range []string{"regardingobjectid_", "objectid_", "record1id_", "record2id_"} {
		if to, found := strings.CutPrefix(name, shared); found { // regardingobjectid_contract, regardingobjectid_contract_email
			for ; to != ""; to = to[:max(0, strings.LastIndexByte(to, '_'))] {
				if PlatformTables()[to] {
					return true
				}
			}
		}
	}
	return false
}
