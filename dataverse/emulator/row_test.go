package emulator

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestRowsWithAndWithoutABase: what a row holds does not depend on what it shares with others.
func TestRowsWithAndWithoutABase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const columns = 12
		drawn := func(name string) values {
			v := values{}
			for i, x := range rapid.MapOfN(rapid.IntRange(0, columns-1), rapid.IntRange(0, 3), 0, columns).Draw(t, name) {
				v[i] = nil
				if x > 0 {
					v[i] = int64(x)
				}
			}
			return v
		}
		b := &base{vals: make([]any, columns), layouts: map[string]*layout{}}
		want := map[int]any{}
		for i, x := range drawn("base") {
			b.vals[i] = x
			want[i] = x
		}
		l := &loader{writer: &writer{tx: &tx{}}, rows: map[*table][]*row{}}
		first := drawn("own")
		maps.Copy(want, first)
		l.addTo(b, nil, uuid.Nil, first)
		r := l.rows[nil][0]
		hold := func(r *row, want map[int]any) {
			t.Helper()
			maps.DeleteFunc(want, func(_ int, x any) bool { return x == nil })
			if d := cmp.Diff(want, maps.Collect(r.all())); d != "" {
				t.Errorf("all (-want +got):\n%s", d)
			}
			for i := range columns + 2 {
				if got := r.get(i); got != want[i] {
					t.Errorf("get(%d) is %v, want %v", i, got, want[i])
				}
			}
		}
		hold(r, want)
		for n := range 4 {
			before := maps.Clone(want)
			changes := drawn("changes")
			next := r.with(changes, int64(n))
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
		hold(r.without(gone, columns-1, map[*layout]*layout{}), moved)
	})
}
