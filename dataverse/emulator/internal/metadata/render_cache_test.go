package metadata

import (
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// TestColumnsAreKeptOfFewTables renders those of every table there is.
func TestColumnsAreKeptOfFewTables(t *testing.T) {
	s := schema.BaseSchema()
	kept := func() (n int) {
		for _, name := range s.TableNames() {
			if r := RenderedOf(s, s.Tables[name]); r.columns != nil {
				n++
			}
		}
		return n
	}
	for i, name := range s.TableNames() {
		first, again := metaColumns(s, s.Tables[name]), metaColumns(s, s.Tables[name])
		if len(first) != len(again) {
			t.Errorf("%s has %d columns, then %d", name, len(first), len(again))
		}
		if n := kept(); n > MaxColumns || n < min(i+1, MaxColumns) {
			t.Fatalf("after %d tables the columns of %d are kept", i+1, n)
		}
	}
	// A new version of a table begins with the columns of the one before, and counts as well.
	last := RenderedOf(s, s.Tables[s.TableNames()[len(s.Tables)-1]])
	before := kept()
	if next := last.columnsOf(); next.columns == nil || kept() != before-1 {
		t.Errorf("%d tables are kept beside the new version, %d were before", kept(), before)
	}
}
