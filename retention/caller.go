package retention

import (
	"fmt"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// Some operators mean whoever asks: the user, their teams, their business unit, their language. A rule with one would keep
// other persons when the job runs than when somebody looks, so that a policy may not have any.

// callerHint says what to write instead.
const callerHint = "compare with the id of the user, team or business unit that is meant (operator eq), or with a column that marks the rows"

func callerMessage(operator, where string) string {
	return fmt.Sprintf("`%s`%s means whoever runs the query: the job would keep others than the person who looks at it", operator, where)
}

// callerFetch finds such operators in a ground's FetchXML.
func (p *Policy) callerFetch(q *fetchxml.Fetch, g *Ground, at Pos) Problems {
	file := newFetchFile(g, at)
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
	if file.root == nil {
		return Problems{p.problem(at, callerMessage(found[0], fmt.Sprintf(" in the view `%s`", g.View)), callerHint)}
	}
	var problems Problems
	file.root.each("condition", func(e *element) {
		if o := fetchxml.Operator(e.attribute("operator")); o.OfCaller() {
			problems = append(problems, p.problem(file.of(e, "operator"), callerMessage(string(o), ""), callerHint))
		}
	})
	return problems
}

// callerFilter finds the query functions that mean the same in a filter.
func (p *Policy) callerFilter(e odata.Expr, text string, at place) (problems Problems) {
	odata.Walk(e, func(n odata.Expr) bool {
		if f, ok := n.(*odata.Function); ok && fetchxml.FunctionOfCaller(f.Name) {
			problems = append(problems, p.problem(at.inside(text, f.Pos()), callerMessage(f.Name, ""), callerHint))
		}
		return true
	})
	return problems
}
