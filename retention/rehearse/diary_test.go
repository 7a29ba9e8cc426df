package rehearse

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
)

// A night that a guard rail stops before it writes is run again without the rail, and plans the same once more: it counts once.
func TestANightThatIsRunTwiceCountsOnce(t *testing.T) {
	r := &recorder{Result: &Result{}, who: map[uuid.UUID]group{}, dates: map[uuid.UUID]retention.Date{}}
	p := &plan.Plan{Tables: []plan.TableTotals{{Table: "contact", Persons: 3}}}
	for i, do := range []retention.Action{retention.Schedule, retention.Move, retention.Clear} {
		d := plan.Planned{Person: evaluate.PersonRow{Person: retention.Person{ID: uuid.UUID{byte(i + 1)}}, Table: "contact"}}
		d.Action = do
		p.Decisions = append(p.Decisions, d)
	}
	const night = retention.Date(20000)
	r.planned(night, p)
	r.planned(night, p)
	m, n := r.Months[0], r.Diary[0]
	if m.Scheduled != 1 || m.Moved != 1 || m.Rescued != 1 || n.Scheduled != 1 || n.Moved != 1 || n.Rescued != 1 {
		t.Errorf("run twice, the month counts %+v and the night %+v", m, n)
	}
	scheduled, rescued := 0, 0
	for _, g := range m.Groups {
		scheduled, rescued = scheduled+g.Scheduled, rescued+g.Rescued
	}
	if scheduled != 1 || rescued != 1 {
		t.Errorf("by group %d scheduled and %d rescued", scheduled, rescued)
	}
	r.planned(night+1, p) // another night is another
	if m := r.Months[0]; m.Scheduled != 2 || len(r.Diary) != 2 {
		t.Errorf("the next night counts %+v", m)
	}
}
