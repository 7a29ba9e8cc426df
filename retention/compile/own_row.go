package compile

import (
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
)

// OwnRow is the filter of a ground about the person's own row, worked out from the row that is read anyway: the ground needs
// no query. It exists only where nobody can doubt what the service would say: for whole numbers, choices and truth values
// that are compared with a value by eq or an order, for columns that are asked whether they are empty, and for and and or of
// these. What compares texts depends on the environment's collation; ne and not of a value depend on how the service takes
// empty columns; dates depend on time zones. Those are asked.
type OwnRow struct {
	Columns []Field // what the filter looks at
	sound   []func(dataverse.Value) bool
	holds   func(row []dataverse.Value) bool
}

// Holds tells whether the filter holds for a row, of which the values of Columns are given. It is not sound if one of them is
// of another kind than its column: then nobody knows.
func (o *OwnRow) Holds(row []dataverse.Value) (holds, sound bool) {
	for i, v := range row {
		if !v.Null() && !o.sound[i](v) {
			return false, false
		}
	}
	return o.holds == nil || o.holds(row), true
}

// OwnRow is nil where the ground is not about the person's own row, or has to be asked.
func (g *Ground) OwnRow() *OwnRow { return g.own }

// ownRow makes a filter an OwnRow, nil where it has to be asked.
func ownRow(t *table, g *Ground, where string) *OwnRow {
	o := &OwnRow{}
	for _, d := range []*DateField{g.Date, g.Instead, g.Bound} {
		if d != nil && len(d.lookups) > 0 {
			return nil
		}
	}
	if where == "" {
		return o
	}
	e, err := odata.ParseFilter(where)
	if err != nil {
		return nil // it was told
	}
	if o.holds = o.take(e, t); o.holds == nil {
		return nil
	}
	return o
}

func (o *OwnRow) take(e odata.Expr, t *table) func([]dataverse.Value) bool {
	switch e := e.(type) {
	case *odata.Logic:
		terms := make([]func([]dataverse.Value) bool, len(e.Terms))
		for i, x := range e.Terms {
			if terms[i] = o.take(x, t); terms[i] == nil {
				return nil
			}
		}
		decides := e.Op == odata.Or // one term that holds is enough, or one that does not
		return func(row []dataverse.Value) bool {
			for _, term := range terms {
				if term(row) == decides {
					return decides
				}
			}
			return !decides
		}
	case *odata.Compare:
		return o.compare(e, t)
	}
	return nil
}

func (o *OwnRow) compare(e *odata.Compare, t *table) func([]dataverse.Value) bool {
	path, ok := e.Left.(*odata.Path)
	value, literal := e.Right.(*odata.Literal)
	if !ok || !literal || len(path.Segments) != 1 {
		return nil
	}
	a := t.properties[path.Segments[0]]
	if a == nil {
		return nil
	}
	number, sound := false, func(v dataverse.Value) bool { _, ok := v.GUID(); return ok }
	switch a.Type {
	case "State", "Status", "Picklist", "Integer", "BigInt":
		number, sound = true, func(v dataverse.Value) bool { _, ok := v.Int(); return ok }
	case "Boolean":
		sound = func(v dataverse.Value) bool { _, ok := v.Bool(); return ok }
	case "DateTime":
		sound = func(v dataverse.Value) bool { return len(v.Text()) > 0 }
	default:
		if !isLookup(a) {
			return nil // an empty text may or may not be none
		}
	}
	at := slices.Index(o.Columns, Field(path.Segments[0]))
	if at < 0 {
		at = len(o.Columns)
		o.Columns, o.sound = append(o.Columns, Field(path.Segments[0])), append(o.sound, sound)
	}
	switch want := value.Value.(type) {
	case nil:
		switch e.Op {
		case odata.Eq:
			return func(row []dataverse.Value) bool { return row[at].Null() }
		case odata.Ne:
			return func(row []dataverse.Value) bool { return !row[at].Null() }
		}
	case bool:
		if a.Type == "Boolean" && e.Op == odata.Eq {
			return func(row []dataverse.Value) bool {
				have, ok := row[at].Bool()
				return ok && have == want
			}
		}
	case int64:
		if compares := orders[e.Op]; number && compares != nil {
			return func(row []dataverse.Value) bool {
				have, ok := row[at].Int()
				return ok && compares(have, want)
			}
		}
	}
	return nil
}

// orders are the comparisons of which nobody doubts what they say of an empty column: they do not hold.
var orders = map[odata.Op]func(have, want int64) bool{
	odata.Eq: func(have, want int64) bool { return have == want },
	odata.Gt: func(have, want int64) bool { return have > want },
	odata.Ge: func(have, want int64) bool { return have >= want },
	odata.Lt: func(have, want int64) bool { return have < want },
	odata.Le: func(have, want int64) bool { return have <= want },
}
