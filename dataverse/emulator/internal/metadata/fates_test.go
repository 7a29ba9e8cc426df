package metadata

import "testing"

// Every property of a table's and a column's definition is stored, inert or refused, and none of them twice.
func TestEveryPropertyHasAFate(t *testing.T) {
	for name, mt := range metaTypes() {
		within := ""
		switch {
		case mt.is("EntityMetadata"):
			within = "EntityMetadata"
		case mt.is("AttributeMetadata"):
			within = "AttributeMetadata"
		default:
			continue
		}
		mt.all(func(property, _ string) {
			if fates()[within][property] == "" {
				t.Errorf("%s.%s: neither stored, inert nor refused", name, property)
			}
		})
	}
	if n := len(fates()["EntityMetadata"]); n < 90 {
		t.Errorf("%d properties of tables", n)
	}
}
