package search

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/gallra/gallra/dataverse"
	_ "github.com/gallra/gallra/internal/seeds"
	"pgregory.net/rapid"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"+46 70 123 45 67", "070-123 45 67", true},
		{"+46 (0)70-123 45 67", "0046701234567", true},
		{"46701234567", "0701234567", true},
		{"070-123 45 67 ankn. 12", "+46701234567", true},
		{"Mobil: 070-123 45 67", "+46701234567", true},
		{"701234567", "+46701234567", true},
		{"(555) 010-1234", "+1 555.010.1234", true},
		{"1-555-010-1234", "555 010 1234", true},
		{"+46 70 123 45 67", "+47 70 123 45 67", false},
		{"+46 70 123 45 67", "070-123 45 68", false},
		{"+46 70 123 45 67", "123 45 67", false}, // no area: could be anybody's
		{"+46 8 123 45 67", "0708 123 45 67", false},
		{"08-12 34 56", "08-12 34 56", true},
		{"123 456", "123-456", true},
		{"46701234567", "+47701234567", false},
		{"112", "112", false}, // nobody's
		{"n/a", "n/a", false},
	} {
		a, ok1 := readNumber(c.a)
		b, ok2 := readNumber(c.b)
		if got := ok1 && ok2 && a.same(b); got != c.same {
			t.Errorf("%q and %q: same is %v", c.a, c.b, got)
		}
		if ok1 && ok2 && a.same(b) != b.same(a) {
			t.Errorf("%q and %q: not the same both ways", c.a, c.b)
		}
		if c.same && a.tail() != b.tail() {
			t.Errorf("%q and %q have different tails", c.a, c.b)
		}
	}
}

// Whatever way a number is looked for, it is taken for the number; and what is the same has the same tail.
func TestNotationsAreTheNumber(t *testing.T) {
	ahead := rapid.SampledFrom([]string{"+46 ", "+1 ", "0", "00358", "", "(0", "+"})
	body := rapid.StringMatching(`[1-9][0-9]{1,2}[ -]?[0-9]{3}[ -]?[0-9]{2,4}( ?[0-9]{2})?`)
	numbers := rapid.Custom(func(t *rapid.T) string { return ahead.Draw(t, "ahead") + body.Draw(t, "number") }).
		Filter(func(text string) bool { _, ok := readNumber(text); return ok }) // some are too short for one
	rapid.Check(t, func(t *rapid.T) {
		text := numbers.Draw(t, "number")
		n, _ := readNumber(text)
		all := n.notations(text, []string{"46", "1"})
		if !slices.Contains(all, text) {
			t.Fatalf("%q is not looked for as it is written", text)
		}
		for _, spelled := range all {
			o, ok := readNumber(spelled)
			if !ok || !n.same(o) || n.tail() != o.tail() {
				t.Fatalf("%q is looked for as %q, which is not taken for it", text, spelled)
			}
		}
	})
}

// Numbers are looked for in every column that may hold one: a query stays as short as the strictest page says of its URL, and asks
// for each value once.
func TestValueGroups(t *testing.T) {
	table := &dataverse.Table{LogicalName: "contact", PrimaryID: "contactid"}
	var columns, values []string
	for i := range 30 {
		columns = append(columns, fmt.Sprintf("address1_telephone%d", i))
	}
	for i := range 120 {
		values = append(values, fmt.Sprintf("+46 (0)8 123 45 %02d & <%d>", i%100, i))
	}
	groups := valueGroups(table, columns, values)
	for _, g := range groups {
		if n := len(url.PathEscape(valuesFetch(table, columns, g))); n > maxQuery || len(g) > maxValues {
			t.Errorf("a query of %d values and %d characters", len(g), n)
		}
	}
	if got := slices.Concat(groups...); !slices.Equal(got, values) || len(groups) > 30 {
		t.Errorf("%d values in %d groups", len(got), len(groups))
	}
	if n := len(valueGroups(table, columns[:1], values[:maxValues])); n != 1 {
		t.Errorf("%d queries where one would do", n)
	}
}
