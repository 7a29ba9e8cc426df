package odata

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genExpr(t, 4)
		text := e.String()
		got, err := ParseFilter(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(e, got, samePlace); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", text, diff)
		}
	})
}

func TestOptionsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := genExpand(t, 2, rapid.Bool().Draw(t, "nested"))
		got, err := ParseExpand(x.String())
		if diff := cmp.Diff(x, got, samePlace); err != nil || diff != "" {
			t.Fatalf("%s: %v (-want +got):\n%s", x, err, diff)
		}
		a := genApply(t)
		again, err := ParseApply(a.String())
		if diff := cmp.Diff(a, again, samePlace); err != nil || diff != "" {
			t.Fatalf("%s: %v (-want +got):\n%s", a, err, diff)
		}
	})
}

var names = rapid.SampledFrom([]string{"a", "name", "_x_value", "new_Column1", "Account_Tasks", "order", "anything", "nullable", "b2"})

func genPath(t *rapid.T) *Path { return &Path{Segments: rapid.SliceOfN(names, 1, 3).Draw(t, "path")} }

func genLiteral(t *rapid.T) *Literal {
	k := Kind(rapid.IntRange(0, int(Enum)).Draw(t, "kind"))
	l := &Literal{Kind: k}
	switch k {
	case Bool:
		l.Value = rapid.Bool().Draw(t, "bool")
	case Int:
		l.Value = rapid.Int64().Draw(t, "int")
	case Decimal:
		l.Value = json.Number(fmt.Sprintf("%d.%04d", rapid.Int32().Draw(t, "whole"), rapid.IntRange(0, 9999).Draw(t, "part")))
	case String:
		l.Value = genText(t)
	case GUID:
		l.Value = uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "guid"))
	case Date:
		l.Value = time.Date(1753, 1, 1+rapid.IntRange(0, 400_000).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	case DateTimeOffset:
		l.Value = time.Unix(rapid.Int64Range(-6_000_000_000, 60_000_000_000).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano")).UTC()
	case Enum:
		l.Value = EnumValue{"OwnershipTypes", genText(t)}
	}
	return l
}

func genText(t *rapid.T) string {
	return strings.ToValidUTF8(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"O'Brian", "''", `"`, `\`, "a,b];)"})).Draw(t, "text"), "")
}

// genOperand draws what stands beside a comparison.
func genOperand(t *rapid.T) Expr {
	switch rapid.IntRange(0, 3).Draw(t, "operand") {
	case 0:
		return genLiteral(t)
	case 1:
		return &Alias{Name: "p1"}
	}
	return genPath(t)
}

func genExpr(t *rapid.T, depth int) Expr {
	n := 4
	if depth > 0 {
		n = 8
	}
	switch rapid.IntRange(0, n).Draw(t, "node") {
	case 0, 1:
		return &Compare{Op: Op(rapid.IntRange(0, int(Le)).Draw(t, "op")), Left: genOperand(t), Right: genOperand(t)}
	case 2:
		return &Call{Name: rapid.SampledFrom([]string{"contains", "startswith", "endswith"}).Draw(t, "call"), Args: []Expr{genOperand(t), genOperand(t)}}
	case 3:
		in := &In{X: genPath(t), List: []Expr{&Alias{Name: "v"}}}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			in.List = append(in.List, genLiteral(t))
		}
		return in
	case 4:
		return genFunction(t)
	case 5:
		x := genExpr(t, depth-1)
		if hasFunction(x) {
			return x
		}
		return &Not{X: x}
	case 6:
		l := &Lambda{Path: genPath(t), All: rapid.Bool().Draw(t, "all")}
		if l.All || rapid.Bool().Draw(t, "body") {
			l.Var, l.Body = "o", genExpr(t, depth-1)
		}
		return l
	}
	l := &Logic{Op: LogicOp(rapid.IntRange(0, 1).Draw(t, "logic"))}
	for range rapid.IntRange(2, 4).Draw(t, "terms") {
		l.Terms = append(l.Terms, genExpr(t, depth-1))
	}
	return l
}

func genFunction(t *rapid.T) *Function {
	f := &Function{Name: rapid.SampledFrom(Functions()).Draw(t, "function")}
	sig := functions[f.Name]
	for _, name := range paramNames[sig.Params] {
		var v Expr
		switch {
		case rapid.Bool().Draw(t, "alias"):
			v = &Alias{Name: "v"}
		case name == "PropertyName", sig.Params == OneText:
			v = &Literal{Kind: String, Value: genText(t)}
		case sig.Params == ManyTexts:
			a := &Array{}
			for range rapid.IntRange(0, 3).Draw(t, "values") {
				a.Items = append(a.Items, &Literal{Kind: String, Value: genText(t)})
			}
			v = a
		default:
			v = &Literal{Kind: Int, Value: rapid.Int64().Draw(t, "number")}
		}
		f.Params = append(f.Params, Param{Name: name, Value: v})
	}
	return f
}

func genExpand(t *rapid.T, depth int, nested bool) Expand {
	var x Expand
	for range rapid.IntRange(1, 3-nestedInt(nested)).Draw(t, "items") {
		item := &ExpandItem{Path: &Path{Segments: []string{names.Draw(t, "nav")}}}
		if rapid.Bool().Draw(t, "select") {
			item.Select = Select{genPath(t), genPath(t)}
		}
		if rapid.Bool().Draw(t, "filter") {
			item.Filter = genExpr(t, 1)
		}
		if nested && depth > 0 && rapid.Bool().Draw(t, "nest") {
			item.Expand = genExpand(t, depth-1, true)
		}
		if !nested && rapid.Bool().Draw(t, "order") {
			item.OrderBy = OrderBy{{By: genPath(t), Desc: rapid.Bool().Draw(t, "desc")}}
			top := rapid.IntRange(0, 100).Draw(t, "top")
			item.Top = &top
		}
		if item.Select == nil && item.Filter == nil && item.Expand == nil && item.Top == nil {
			item.Ref = rapid.Bool().Draw(t, "ref")
		}
		x = append(x, item)
	}
	return x
}

func nestedInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func genApply(t *rapid.T) Apply {
	var a Apply
	for range rapid.IntRange(0, 2).Draw(t, "filters") {
		a = append(a, &FilterStep{Filter: genExpr(t, 1)})
	}
	list := []Aggregate{{Method: Count, As: "n"}, {Method: Method(rapid.IntRange(int(Sum), int(Max)).Draw(t, "method")), Path: genPath(t), As: "total"}}
	switch rapid.IntRange(0, 2).Draw(t, "step") {
	case 0:
		return append(a, &AggregateStep{Aggregates: list})
	case 1:
		return append(a, &GroupStep{By: []*Path{genPath(t), genPath(t)}, Aggregates: list})
	}
	return append(a, &GroupStep{By: []*Path{genPath(t)}})
}
