package metadata

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// compileMetaFilter makes a test of a $filter on definitions. Only primitive values, enumerations and, by a path, what
// lies in a managed property can be compared; labels cannot. Page: query-metadata-web-api.
func compileMetaFilter(e odata.Expr, t *metaType) (func(object) bool, error) {
	switch e := e.(type) {
	case *odata.Logic:
		terms := make([]func(object) bool, len(e.Terms))
		for i, x := range e.Terms {
			var err error
			if terms[i], err = compileMetaFilter(x, t); err != nil {
				return nil, err
			}
		}
		any := e.Op == odata.Or
		return func(o object) bool {
			for _, f := range terms {
				if f(o) == any {
					return any
				}
			}
			return !any
		}, nil
	case *odata.Not:
		f, err := compileMetaFilter(e.X, t)
		if err != nil {
			return nil, err
		}
		return func(o object) bool { return !f(o) }, nil
	case *odata.Compare:
		return compileMetaCompare(e, t)
	case *odata.Path: // a property of type Boolean by itself
		return compileMetaCompare(&odata.Compare{Op: odata.Eq, Left: e, Right: &odata.Literal{Kind: odata.Bool, Value: true}}, t)
	case *odata.Call:
		return nil, wire.BadQuery("The query node SingleValueFunctionCall is not supported.")
	default:
		return nil, wire.BadQuery("The query node %s is not supported.", strings.TrimPrefix(fmt.Sprintf("%T", e), "*odata."))
	}
}

func compileMetaCompare(e *odata.Compare, t *metaType) (func(object) bool, error) {
	path, ok := e.Left.(*odata.Path)
	lit, isLit := e.Right.(*odata.Literal)
	op := e.Op
	if !ok {
		path, ok = e.Right.(*odata.Path)
		lit, isLit = e.Left.(*odata.Literal)
		op = [...]odata.Op{odata.Eq: odata.Eq, odata.Ne: odata.Ne, odata.Gt: odata.Lt, odata.Ge: odata.Le, odata.Lt: odata.Gt, odata.Le: odata.Ge}[op]
	}
	if !ok || !isLit {
		return nil, wire.BadQuery("A filter on definitions compares a property with a literal.")
	}
	typ, err := metaPathType(path, t)
	if err != nil {
		return nil, err
	}
	if err := fitsMeta(typ, lit, op); err != nil {
		return nil, err
	}
	want := metaComparable(lit.Value)
	return func(o object) bool {
		v := any(o.props)
		for _, name := range path.Segments {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		return metaHolds(op, metaComparable(v), want)
	}, nil
}

// metaPathType is the type of the property that a path of one or two segments leads to.
func metaPathType(p *odata.Path, t *metaType) (string, error) {
	typ := t.prop(p.Segments[0])
	if typ == "" {
		return "", wire.NoProperty(p.Segments[0], t.name)
	}
	if name, found := strings.CutPrefix(typ, "C:"); found && len(p.Segments) == 2 {
		for _, f := range strings.Fields(metaComplex[name]) {
			i := strings.LastIndexByte(f, ':')
			if f[i+1:] == p.Segments[1] && name != "Label" {
				return f[:i], nil
			}
		}
		if name != "Label" {
			return "", wire.NoProperty(p.Segments[1], name)
		}
	}
	if len(p.Segments) > 1 && !strings.HasPrefix(typ, "C:") || strings.HasPrefix(typ, "[]") || strings.HasPrefix(typ, "N") || strings.HasPrefix(typ, "C:") {
		return "", wire.BadQuery("The property '%s' of type '%s' cannot be used in the $filter query option.", strings.Join(p.Segments, "/"), metaTypeName(typ))
	}
	return typ, nil
}

// edmTypes are the primitive types of metaTypes in the words of the service.
var edmTypes = map[string]string{"string": "Edm.String", "bool": "Edm.Boolean", "int": "Edm.Int32", "long": "Edm.Int64", "binary": "Edm.Binary",
	"decimal": "Edm.Decimal", "double": "Edm.Double", "guid": "Edm.Guid", "time": "Edm.DateTimeOffset"}

func metaTypeName(typ string) string {
	if edm := edmTypes[typ]; edm != "" {
		return edm
	}
	if rest, found := strings.CutPrefix(typ, "[]"); found {
		return "Collection(" + metaTypeName(rest) + ")"
	}
	if rest, found := strings.CutPrefix(typ, "N[]:"); found {
		return "Collection(" + wire.CRMNamespace + rest + ")"
	}
	if i := strings.IndexByte(typ, ':'); i >= 0 {
		typ = typ[i+1:]
	}
	return wire.CRMNamespace + typ
}

// fitsMeta checks that the literal is of the property's type: an enumeration takes its own members, written with the
// namespace or as a text.
func fitsMeta(typ string, lit *odata.Literal, op odata.Op) error {
	found := lit.Kind.String()
	fits := lit.Kind == odata.Null
	switch {
	case typ == "string":
		fits = fits || lit.Kind == odata.String
	case typ == "bool":
		fits = fits || lit.Kind == odata.Bool
	case typ == "guid":
		fits = fits || lit.Kind == odata.GUID
	case typ == "time":
		fits = fits || lit.Kind == odata.DateTimeOffset || lit.Kind == odata.Date
	case strings.HasPrefix(typ, "E:"):
		if v, ok := lit.Value.(odata.EnumValue); ok {
			found = wire.CRMNamespace + v.Type
			fits = v.Type == typ[2:]
			if fits && !hasMember(v.Type, v.Member) {
				return wire.BadQuery("The string '%s' is not a valid enumeration type constant.", wire.CRMNamespace+v.Type+"'"+v.Member+"'")
			}
		}
		if lit.Kind == odata.String { // Microsoft's SDK for Python leaves the type out
			if fits = hasMember(typ[2:], lit.Text()); !fits {
				return wire.BadQuery("The string '%s' is not a valid enumeration type constant.", lit.Text())
			}
		}
	default:
		fits = fits || lit.Kind == odata.Int || lit.Kind == odata.Decimal
	}
	if !fits {
		kinds := [...]string{"Equal", "NotEqual", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"}
		return wire.BadQuery("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", metaTypeName(typ), found, kinds[op])
	}
	return nil
}

func hasMember(enum, member string) bool {
	for _, m := range strings.Fields(metaEnums[enum]) {
		name, _, _ := strings.Cut(m, "=")
		if name == member {
			return true
		}
	}
	return false
}

// metaComparable makes values of definitions and literals comparable: text, number or bool.
func metaComparable(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string, bool, float64:
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case odata.EnumValue:
		return v.Member
	case uuid.UUID:
		return v.String()
	case interface{ Float64() (float64, error) }:
		f, err := v.Float64()
		if err == nil {
			return f
		}
	case time.Time:
		return timeText(v)
	}
	return fmt.Sprint(v)
}

func metaHolds(op odata.Op, a, b any) bool {
	switch op {
	case odata.Eq:
		return a == b
	case odata.Ne:
		return a != b
	}
	if a == nil || b == nil {
		return false
	}
	c := 0
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		if !ok {
			return false
		}
		switch {
		case a < b:
			c = -1
		case a > b:
			c = 1
		}
	case string:
		b, ok := b.(string)
		if !ok {
			return false
		}
		c = strings.Compare(a, b)
	default:
		return false
	}
	switch op {
	case odata.Gt:
		return c > 0
	case odata.Ge:
		return c >= 0
	case odata.Lt:
		return c < 0
	default:
		return c <= 0
	}
}
