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

// PlatformSets are the entity sets of a Dynamics 365 environment whose rows are not held here.
var PlatformSets = sync.OnceValue(func() map[string]bool { return nameSet(entitySetText) })

// PlatformOperations are the functions and actions of the platform, covered here or not.
var PlatformOperations = sync.OnceValue(func() map[string]bool { return nameSet(operationText) })

func nameSet(text string) map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(text) {
		out[name] = true
	}
	return out
}
