package emulator

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestRowsShareForms: rows with the same columns have one layout however they came about, a row keeps what it holds, and
// one that somebody may be reading is not touched.
func TestRowsShareForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shared := newLayouts()
		byColumns := map[string]*layout{}
		r := &row{}
		for n := range 6 {
			changes := values{}
			for i, x := range rapid.MapOfN(rapid.IntRange(0, 9), rapid.IntRange(0, 3), 0, 10).Draw(t, "changes") {
				changes[i] = nil
				if x > 0 {
					changes[i] = int64(x)
				}
			}
			made := r.with(changes, int64(n))
			formOfMade, want := made.layout, maps.Collect(made.all())
			r = shared.share(made)
			if made.layout != formOfMade || len(made.vals) > 0 && formOfMade != nil && formOfMade.at == nil && made == r {
				t.Fatal("the row itself was changed")
			}
			if d := cmp.Diff(want, maps.Collect(r.all())); d != "" || r.version != made.version {
				t.Fatalf("(-made +shared):\n%s", d)
			}
			for i := range 12 {
				if got := r.get(i); got != want[i] {
					t.Fatalf("get(%d) is %v, want %v", i, got, want[i])
				}
			}
			if r.layout == nil {
				continue
			}
			key := string(shared.key[:0])
			for _, c := range r.layout.cols {
				key += string(rune(c))
			}
			if before := byColumns[key]; before != nil && before != r.layout {
				t.Fatal("two layouts of the same columns")
			}
			byColumns[key] = r.layout
		}
	})
}

// Values beyond the columns, and tables whose rows all differ, go without.
func TestFormsAreBounded(t *testing.T) {
	s := newLayouts()
	names := map[string]string{"a": "b"}
	r := s.share((&row{}).with(values{1: "x", retainedNames: names}, 1))
	if r.layout.at != nil || r.get(1) != "x" || r.get(retainedNames) == nil {
		t.Errorf("%v", r)
	}
	for n := range 1 << 13 {
		v := values{}
		for bit := range 13 {
			if n>>bit&1 == 1 {
				v[bit] = int64(bit)
			}
		}
		r := s.share((&row{id: uuid.Nil}).with(v, 1))
		for bit := range 13 {
			if (r.get(bit) == int64(bit)) != (n>>bit&1 == 1) {
				t.Fatalf("row %d: column %d is %v", n, bit, r.get(bit))
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
		if got, want := containsText(s, foldText(part)), strings.Contains(foldText(s), foldText(part)); got != want {
			t.Fatalf("%q in %q: %v, want %v", part, s, got, want)
		}
	})
}
