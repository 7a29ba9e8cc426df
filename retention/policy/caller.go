package policy

import (
	"fmt"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// Some operators mean whoever asks: the user, their teams, their business unit, their language. A rule with one would keep
// other persons when the job runs than when somebody looks, so that a policy may not have any.

// CallerHint says what to write instead.
const CallerHint = "compare with the id of the user, team or business unit that is meant (operator eq), or with a column that marks the rows"

func callerMessage(operator, where string) string {
	return fmt.Sprintf("`%s`%s means whoever runs the query: the job would keep others than the person who looks at it", operator, where)
}

// CallerFetch finds such operators in a ground's FetchXML.
func (p *Policy) CallerFetch(q *fetchxml.Fetch, g *Ground, at Pos) Problems {
	file := NewFetchFile(g, at)
	var found []string
	note := func(f *fetchxml.Filter) {
		for _, c := range f.Conditions {
			if c.Operator.OfCaller() {
				found = append(found, string(c.Operator))
			}
		}
	}
	q.Entity.Walk(note, func(*fetchxml.Link) {})
	if len(found) == 0 {
		return nil
	}
	if file.Root == nil {
		return Problems{p.Problem(at, callerMessage(found[0], fmt.Sprintf(" in the view `%s`", g.View)), CallerHint)}
	}
	var problems Problems
	file.Root.each("condition", func(e *Element) {
		if o := fetchxml.Operator(e.attribute("operator")); o.OfCaller() {
			problems = append(problems, p.Problem(file.Of(e, "operator"), callerMessage(string(o), ""), CallerHint))
		}
	})
	return problems
}

// callerFilter finds the query functions that mean the same in a filter.
func (p *Policy) callerFilter(e odata.Expr, text string, at Place) (problems Problems) {
	odata.Walk(e, func(n odata.Expr) bool {
		if f, ok := n.(*odata.Function); ok && fetchxml.FunctionOfCaller(f.Name) {
			problems = append(problems, p.Problem(at.Inside(text, f.Pos()), callerMessage(f.Name, ""), CallerHint))
		}
		return true
	})
	return problems
}
