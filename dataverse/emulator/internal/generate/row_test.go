package generate

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	_ "github.com/gallra/gallra/internal/seeds"
)

// TestRowsWithAndWithoutABase: what a row holds does not depend on what it shares with others.
func TestRowsWithAndWithoutABase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const columns = 12
		drawn := func(name string) store.Values {
			v := store.Values{}
			for i, x := range rapid.MapOfN(rapid.IntRange(0, columns-1), rapid.IntRange(0, 3), 0, columns).Draw(t, name) {
				v[i] = nil
				if x > 0 {
					v[i] = int64(x)
				}
			}
			return v
		}
		b := &load.RowBase{Vals: make([]any, columns), Layouts: map[string]*store.Layout{}}
		want := map[int]any{}
		for i, x := range drawn("base") {
			b.Vals[i] = x
			want[i] = x
		}
		l := &load.Loader{Writer: &platform.Writer{Tx: &store.Tx{}}, Rows: map[*schema.Table][]*store.Row{}}
		first := drawn("own")
		maps.Copy(want, first)
		l.AddWithBase(b, nil, uuid.Nil, first)
		r := l.Rows[nil][0]
		hold := func(r *store.Row, want map[int]any) {
			t.Helper()
			maps.DeleteFunc(want, func(_ int, x any) bool { return x == nil })
			if d := cmp.Diff(want, maps.Collect(r.All())); d != "" {
				t.Errorf("all (-want +got):\n%s", d)
			}
			for i := range columns + 2 {
				if got := r.Get(i); got != want[i] {
					t.Errorf("get(%d) is %v, want %v", i, got, want[i])
				}
			}
		}
		hold(r, want)
		for n := range 4 {
			before := maps.Clone(want)
			changes := drawn("changes")
			next := r.With(changes, int64(n))
			hold(r, before)
			maps.Copy(want, changes)
			hold(next, want)
			r = next
		}
		gone := rapid.IntRange(0, columns-1).Draw(t, "gone")
		moved := map[int]any{}
		for i, x := range want {
			switch {
			case i < gone:
				moved[i] = x
			case i > gone:
				moved[i-1] = x
			}
		}
		hold(metadata.RowWithoutColumn(r, gone, columns-1, map[*store.Layout]*store.Layout{}), moved)
	})
}
