package policy

import (
	"fmt"

	"github.com/gallra/gallra/retention"
)

// Ask is the word to a person before their purge: a task in a queue.
type Ask struct {
	retention.Asking
	Queue string

	At map[string]Place `json:"-"`
}

// ask reads how persons are asked, under a notice. Nil: they are not.
func (l *loader) ask(f *fileAsk, notice retention.Period) *Ask {
	bad := func(key, message, hint string) {
		if at := f.At[key].Pos; !l.blamed(at) {
			l.problem(at, message, hint)
		}
	}
	const day = retention.Date(1)
	switch {
	case !f.has("before"):
	case f.Before.IsZero():
		bad("before", "`before` of no time leaves nobody the time to answer", "such as before: 30 days")
	case day.Add(f.Before) > day.Add(notice):
		bad("before", fmt.Sprintf("nobody can be asked %s before: a purge date stands for %s, and is not known earlier", f.Before, notice), "a longer `notice`, or a shorter `before`")
	case f.has("required") && f.Required.IsZero():
		bad("required", "`required` of no time asks for nothing", "leave it out, or such as required: 14 days")
	case f.has("required") && day.Add(f.Required) > day.Add(f.Before):
		bad("required", fmt.Sprintf("whoever is asked %s before the purge date was not asked %s ago when it comes, and nobody would ever go on it", f.Before, f.Required), "at most as long as `before`")
	}
	return &Ask{Asking: retention.Asking{Before: f.Before, Required: f.Required}, Queue: f.Queue, At: f.At}
}

// Asks tells whether anybody is asked before the purge.
func (p *Policy) Asks() bool {
	for i := range p.Subjects {
		for _, s := range p.Subjects[i].Judged() {
			if s.Ask != nil {
				return true
			}
		}
	}
	return false
}
