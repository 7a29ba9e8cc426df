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

// A relative date means another day every day: a ground with one loses persons without anything having happened to their rows, so
// that every forecast of when is wrong. A ground says the same by a date and a period.

// RollingHint says what to write instead.
const RollingHint = "count from the date: `after: COLUMN` and `keep: 2 years`; if the ground really is to move with today, say rolling: true on it"

// refusal is a kind of operators that a rule may not have.
type refusal struct {
	operator func(fetchxml.Operator) bool
	message  func(operator, where string) string
	hint     string
}

var (
	ofCaller = refusal{fetchxml.Operator.OfCaller, callerMessage, CallerHint}
	rolling  = refusal{fetchxml.Operator.Rolling, func(operator, where string) string {
		return fmt.Sprintf("`%s`%s moves with today: whoever it keeps is lost on a day that nothing foretells", operator, where)
	}, RollingHint}
)

// refusals are what a ground may not have.
func (g *Ground) refusals() []refusal {
	if g.Rolling {
		return []refusal{ofCaller}
	}
	return []refusal{ofCaller, rolling}
}

// RefusedFetch finds operators in a ground's FetchXML that a ground may not have.
func (p *Policy) RefusedFetch(q *fetchxml.Fetch, g *Ground, at Pos) (problems Problems) {
	file := NewFetchFile(g, at)
	for _, r := range g.refusals() {
		var found []string
		note := func(f *fetchxml.Filter) {
			for _, c := range f.Conditions {
				if r.operator(c.Operator) {
					found = append(found, string(c.Operator))
				}
			}
		}
		q.Entity.Walk(note, func(*fetchxml.Link) {})
		switch {
		case len(found) == 0:
		case file.Root == nil:
			problems = append(problems, p.Problem(at, r.message(found[0], fmt.Sprintf(" in the view `%s`", g.View)), r.hint))
		default:
			file.Root.each("condition", func(e *Element) {
				if o := fetchxml.Operator(e.attribute("operator")); r.operator(o) {
					problems = append(problems, p.Problem(file.Of(e, "operator"), r.message(string(o), ""), r.hint))
				}
			})
		}
	}
	return problems
}

// refusedFilter finds the query functions that mean the same in a filter.
func (p *Policy) refusedFilter(e odata.Expr, text string, at Place, refused []refusal) (problems Problems) {
	odata.Walk(e, func(n odata.Expr) bool {
		f, ok := n.(*odata.Function)
		if !ok {
			return true
		}
		for _, r := range refused {
			if fetchxml.AnyNamed(f.Name, r.operator) {
				problems = append(problems, p.Problem(at.Inside(text, f.Pos()), r.message(f.Name, ""), r.hint))
			}
		}
		return true
	})
	return problems
}
