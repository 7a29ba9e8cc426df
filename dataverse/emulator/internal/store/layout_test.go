package store

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

// TestRowsShareForms: rows with the same columns have one layout however they came about, a row keeps what it holds, and
// one that somebody may be reading is not touched.
func TestRowsShareForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shared := newLayouts()
		byColumns := map[string]*Layout{}
		r := &Row{}
		for n := range 6 {
			changes := Values{}
			for i, x := range rapid.MapOfN(rapid.IntRange(0, 9), rapid.IntRange(0, 3), 0, 10).Draw(t, "changes") {
				changes[i] = nil
				if x > 0 {
					changes[i] = int64(x)
				}
			}
			made := r.With(changes, int64(n))
			formOfMade, want := made.Layout, maps.Collect(made.All())
			r = shared.share(made)
			if made.Layout != formOfMade || len(made.Vals) > 0 && formOfMade != nil && formOfMade.at == nil && made == r {
				t.Fatal("the row itself was changed")
			}
			if d := cmp.Diff(want, maps.Collect(r.All())); d != "" || r.Version != made.Version {
				t.Fatalf("(-made +shared):\n%s", d)
			}
			for i := range 12 {
				if got := r.Get(i); got != want[i] {
					t.Fatalf("get(%d) is %v, want %v", i, got, want[i])
				}
			}
			if r.Layout == nil {
				continue
			}
			key := string(shared.key[:0])
			for _, c := range r.Layout.Cols {
				key += string(rune(c))
			}
			if before := byColumns[key]; before != nil && before != r.Layout {
				t.Fatal("two layouts of the same columns")
			}
			byColumns[key] = r.Layout
		}
	})
}

// Values beyond the columns, and tables whose rows all differ, go without.
func TestFormsAreBounded(t *testing.T) {
	s := newLayouts()
	names := map[string]string{"a": "b"}
	r := s.share((&Row{}).With(Values{1: "x", RetainedNames: names}, 1))
	if r.Layout.at != nil || r.Get(1) != "x" || r.Get(RetainedNames) == nil {
		t.Errorf("%v", r)
	}
	for n := range 1 << 13 {
		v := Values{}
		for bit := range 13 {
			if n>>bit&1 == 1 {
				v[bit] = int64(bit)
			}
		}
		r := s.share((&Row{ID: uuid.Nil}).With(v, 1))
		for bit := range 13 {
			if (r.Get(bit) == int64(bit)) != (n>>bit&1 == 1) {
				t.Fatalf("row %d: column %d is %v", n, bit, r.Get(bit))
			}
		}
	}
	if s.count > maxLayouts {
		t.Errorf("%d layouts", s.count)
	}
}

// A text is found as among folded ones, also where letters beyond ASCII fold to one in it: the sign K of kelvin, the long
// s, the dotted and the dotless i.
func TestContainsFolds(t *testing.T) {
	letter := rapid.SampledFrom([]rune("aAkKKsSſiIİıéÉßẞ ."))
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOfN(letter, 0, 12).Draw(t, "text"))
		part := string(rapid.SliceOfN(letter, 1, 3).Draw(t, "part"))
		if got, want := containsText(s, FoldText(part)), strings.Contains(FoldText(s), FoldText(part)); got != want {
			t.Fatalf("%q in %q: %v, want %v", part, s, got, want)
		}
	})
}
