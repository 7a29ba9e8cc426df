package compile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/policy"
)

// day is a text that begins as a date does; zoned tells whether it ends with a time zone.
var (
	day   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T[\d:.]*)?`)
	zoned = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})`)
)

const zoneHint = "write the instant with its zone, such as %sT00:00:00Z or %sT00:00:00+01:00"

// holdsInstants tells whether the values of a column are moments, which are another day elsewhere.
func holdsInstants(a *dataverse.Attribute) bool {
	return a != nil && a.Type == "DateTime" && a.DateTimeBehavior != "DateOnly" && a.DateTimeBehavior != "TimeZoneIndependent"
}

func (c *checker) zoneless(at policy.Pos, value string, a *dataverse.Attribute) {
	date := value[:min(len(value), len("2006-01-02"))]
	c.problem(at, fmt.Sprintf("`%s` has no time zone, and `%s` holds instants: which one is meant depends on who asks", value, a.LogicalName), fmt.Sprintf(zoneHint, date, date))
}

// instants refuses literals without a zone that are compared with instants.
func (x *empties) instants(_ odata.Expr, in around, operands ...odata.Expr) {
	var a *dataverse.Attribute
	for _, o := range operands {
		if path, ok := o.(*odata.Path); ok {
			if t, _ := x.end(path.Segments, in); t != nil {
				a = t.column(path.Segments[len(path.Segments)-1])
			}
		}
	}
	if !holdsInstants(a) {
		return
	}
	for _, o := range operands {
		l, ok := o.(*odata.Literal)
		if !ok || l.Kind != odata.Date && l.Kind != odata.DateTimeOffset {
			continue
		}
		if rest := x.text[min(l.Pos(), len(x.text)):]; !zoned.MatchString(rest) {
			x.zoneless(x.at.Inside(x.text, l.Pos()), day.FindString(rest), a)
		}
	}
}

// functionInstants does so for the values of a query function, which are texts.
func (x *empties) functionInstants(n *odata.Function, in around) {
	segments := strings.Split(n.Property(), "/")
	t, _ := x.end(segments, in)
	if t == nil || !holdsInstants(t.column(segments[len(segments)-1])) {
		return
	}
	a := t.column(segments[len(segments)-1])
	for _, p := range n.Params {
		if p.Name == "PropertyName" {
			continue
		}
		odata.Walk(p.Value, func(e odata.Expr) bool {
			if l, ok := e.(*odata.Literal); ok && day.MatchString(l.Text()) && !(l.Kind == odata.String && zoned.MatchString(l.Text())) && l.Kind != odata.Int {
				if l.Kind == odata.String || !zoned.MatchString(x.text[min(l.Pos(), len(x.text)):]) {
					x.zoneless(x.at.Inside(x.text, l.Pos()), l.Text(), a)
				}
			}
			return true
		})
	}
}

// fetchedInstant does so for a condition of FetchXML.
func (f *fetchCheck) fetchedInstant(a *dataverse.Attribute, c *fetchxml.Condition, at policy.Pos) {
	if !holdsInstants(a) {
		return
	}
	for _, value := range append([]string{c.Value}, c.Values...) {
		if day.MatchString(value) && !zoned.MatchString(value) {
			f.zoneless(at, value, a)
		}
	}
}
