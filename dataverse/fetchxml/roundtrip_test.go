package fetchxml

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFetch(t)
		got, err := Parse([]byte(f.String()))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if diff := cmp.Diff(f, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", f, diff)
		}
	})
}

func TestCookieRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cookie{Page: rapid.IntRange(1, 10000).Draw(t, "page"), CountOfRecords: rapid.IntRange(0, 3).Draw(t, "count")}
		for range rapid.IntRange(1, 3).Draw(t, "columns") {
			col := CookieColumn{Name: name(t), FirstNull: rapid.Bool().Draw(t, "null")}
			if !col.FirstNull {
				col.First, col.Last = text(t), text(t)
			}
			c.Columns = append(c.Columns, col)
		}
		p := NextPage{Number: c.Page + 1, Cookie: c, Tracking: rapid.Bool().Draw(t, "tracking")}
		if got, err := ParseCookie(c.String()); err != nil || !cmp.Equal(c, got) {
			t.Fatalf("%s: %v %s", c, err, cmp.Diff(c, got))
		}
		for _, form := range []string{p.Annotation(), p.SkipToken()} {
			if got, err := ParseNextPage(form); err != nil || !cmp.Equal(p, got) {
				t.Fatalf("%s: %v %s", form, err, cmp.Diff(p, got))
			}
		}
	})
}

func name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"contactid", "fullname", "new_x", "Account1"}).Draw(t, "name")
}

// text is what XML can hold.
func text(t *rapid.T) string {
	s := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `<"&'>`, "%25", "a\n\tb", " x ", "]]>", "+"})).Draw(t, "text")
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff || r == 0xfffd {
			return -1
		}
		return r
	}, s)
}

func genFetch(t *rapid.T) *Fetch {
	f := &Fetch{Distinct: rapid.Bool().Draw(t, "distinct"), PagingCookie: text(t), Options: text(t),
		Count: rapid.IntRange(0, MaxRows).Draw(t, "count"), Page: rapid.IntRange(0, 9).Draw(t, "page"), LateMaterialize: rapid.Bool().Draw(t, "late"),
		DataSource: rapid.SampledFrom([]string{"", "bin", "retained"}).Draw(t, "source"), RawOrderBy: rapid.Bool().Draw(t, "raw")}
	f.Entity = Entity{Name: name(t), Body: genBody(t, 2)}
	return f
}

func genBody(t *rapid.T, depth int) Body {
	b := Body{AllAttributes: rapid.Bool().Draw(t, "all")}
	for range rapid.IntRange(0, 2).Draw(t, "attributes") {
		b.Attributes = append(b.Attributes, Attribute{Name: name(t)})
		b.Orders = append(b.Orders, Order{Attribute: name(t), Descending: rapid.Bool().Draw(t, "desc")})
	}
	if rapid.Bool().Draw(t, "filter") {
		b.Filters = []Filter{genFilter(t, depth)}
	}
	if depth > 0 && rapid.Bool().Draw(t, "link") {
		b.Links = []Link{genLink(t, depth-1, []LinkType{Inner, Outer, Natural, Exists, InType, MatchFirstRowUsingCrossApply})}
	}
	return b
}

func genLink(t *rapid.T, depth int, types []LinkType) Link {
	return Link{Name: name(t), From: name(t), To: name(t), Alias: text(t), Type: rapid.SampledFrom(types).Draw(t, "type"),
		Intersect: rapid.Bool().Draw(t, "intersect"), Body: genBody(t, depth)}
}

func genFilter(t *rapid.T, depth int) Filter {
	f := Filter{Or: rapid.Bool().Draw(t, "or"), QuickFind: rapid.Bool().Draw(t, "quick")}
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		f.Conditions = append(f.Conditions, genCondition(t))
	}
	if depth > 0 && rapid.Bool().Draw(t, "nested") {
		f.Filters = []Filter{genFilter(t, depth-1)}
		f.Links = []Link{genLink(t, depth-1, []LinkType{Any, NotAny, All, NotAll})}
	}
	return f
}

func genCondition(t *rapid.T) Condition {
	c := Condition{Attribute: name(t), Operator: rapid.SampledFrom(Operators()).Draw(t, "operator"), EntityName: rapid.SampledFrom([]string{"", "a1"}).Draw(t, "entity")}
	if c.Operator.ComparesColumns() && rapid.Bool().Draw(t, "valueof") {
		c.ValueOf = "a1.name"
		return c
	}
	switch info, _ := c.Operator.Info(); info.Arity {
	case OneValue:
		c.Value = text(t)
	case OneNumber:
		c.Value = "12"
	case TwoValues:
		c.Values = []string{text(t), text(t)}
	case TwoNumbers:
		c.Values = []string{"1", "2023"}
	case ManyValues:
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			c.Values = append(c.Values, text(t))
		}
	}
	return c
}
