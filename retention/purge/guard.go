package purge

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// guard holds the plan against the guard rails that stop the run now. A ground that suddenly matches nothing stops it
// before anything is written; too many purges stop it after the purge dates were written.
func (r *runner) guard(planned *plan.Plan, rails ...policy.Rail) error {
	found := append(planned.GuardRails(r.limits(), Matched(r.Ledger, r.Policy)), Undecided(r.Policy)...)
	found = slices.DeleteFunc(found, func(g plan.GuardRail) bool { return !slices.Contains(rails, g.Rail) })
	if len(found) == 0 {
		return nil
	}
	return r.halt(found)
}

// Undecided are the guard rails of a policy that nobody may act by, and of subjects of whose persons rows stand in places that no rule speaks of.
func Undecided(c *compile.Policy) []plan.GuardRail {
	var rails []plan.GuardRail
	for _, u := range c.Unsafe {
		rails = append(rails, plan.GuardRail{Rail: policy.UnsafePolicy, Sentence: words.Say("rail.unsafe-policy", u.Message), Remedy: words.Quote(u.Hint)})
	}
	for _, u := range c.Undecided {
		rails = append(rails, plan.GuardRail{Rail: policy.UndecidedPlace, Table: u.Table, Sentence: words.Say("rail.undecided", u.Problem.Message), Remedy: words.Quote(u.Problem.Hint)})
	}
	return rails
}

// halt stops the run unless every guard rail is bypassed, by the flag and by the policy. Each that is stands in the ledger.
func (r *runner) halt(found []plan.GuardRail) error {
	var stopping []plan.GuardRail
	var passed []ledger.Entry
	for _, g := range found {
		if !slices.Contains(r.Bypass, g.Rail) || !slices.Contains(r.Policy.Policy.Bypass, g.Rail) || !slices.Contains(policy.Bypassable, g.Rail) {
			stopping = append(stopping, plan.Bypassing(r.Policy.Policy, g))
			continue
		}
		passed = append(passed, ledger.Entry{Kind: ledger.Bypass, Guard: string(g.Rail), Table: g.Table, Ground: g.Ground})
	}
	if len(stopping) > 0 {
		return r.stop(stopping...)
	}
	r.summary.Bypassed = append(r.summary.Bypassed, found...)
	return r.Ledger.Append(passed...)
}

// onlyDue is the plan as far as it will be carried out: of a reviewed plan, or under an approved list, only whoever it names counts
// against the limits.
func (r *runner) onlyDue(plan *plan.Plan) *plan.Plan {
	if r.Only == nil && r.listed == nil {
		return plan
	}
	due := make(map[string]int)
	for _, d := range r.due {
		due[d.Table]++
	}
	only := *plan
	only.Tables = slices.Clone(plan.Tables)
	for i := range only.Tables {
		only.Tables[i].Actions = map[retention.Action]int{retention.Purge: due[only.Tables[i].Table]}
	}
	return &only
}

// Matched tells how many rows a ground is expected to match by what the last run wrote down: less those that purges have
// taken since. A ground that lost every row to purges is not a broken ground.
func Matched(l *ledger.Ledger, c *compile.Policy) func(table, ground string) (rows int, known bool) {
	return func(table, ground string) (int, bool) {
		rows, known := l.GroundRows(table, ground)
		subject := c.Subject(table)
		if !known || subject == nil {
			return rows, known
		}
		rows -= l.Touched(table) // the rows of a ground lead to persons, and these are gone
		for i := range subject.Grounds {
			g := &subject.Grounds[i]
			if g.ID != ground {
				continue
			}
			taken := slices.DeleteFunc(takenOf(subject, g), func(of string) bool { return of == table })
			for _, of := range taken {
				rows -= l.Touched(of)
			}
			if l.Touched(table) > 0 && untold(l, subject, g, taken) {
				rows = min(rows, 1) // that it matches nothing at all still stops the run
			}
		}
		return max(rows, 0), true
	}
}

// takenOf are the tables as whose rows purges take the rows of a ground: all activities have a table in common, and each is of its own.
func takenOf(s *compile.Subject, g *compile.Ground) []string {
	of := cmp.Or(g.Table, g.All().Table)
	if of != "activitypointer" {
		return []string{of}
	}
	var tables []string
	for _, kind := range s.Judged() {
		for _, p := range kind.Map.Places {
			if p.Kind == personmap.Party && !slices.Contains(tables, p.Table) {
				tables = append(tables, p.Table)
			}
		}
	}
	return tables
}

// untold tells whether the ledger cannot say how many rows of a ground purges have taken: where the policy has them left, so that no
// run lists them, or where purges have had to do with the rows by which they lead to the person.
func untold(l *ledger.Ledger, s *compile.Subject, g *compile.Ground, taken []string) bool {
	if slices.ContainsFunc(g.Person.Between, func(table string) bool { return l.Touched(table) > 0 }) {
		return true
	}
	return slices.ContainsFunc(s.Judged(), func(kind *compile.Subject) bool {
		return slices.ContainsFunc(kind.Map.Aside(), func(p personmap.Place) bool { return slices.Contains(taken, p.Table) })
	})
}

// limits are those of the policy; a flag may only lower them.
func (r *session) limits() policy.Limits {
	l := r.Policy.Policy.Limits
	if r.Limits != nil {
		l.Purges, l.Share = min(l.Purges, r.Limits.Purges), min(l.Share, r.Limits.Share)
		l.Rows, l.RowShare = min(l.Rows, r.Limits.Rows), min(l.RowShare, r.Limits.RowShare)
	}
	return l
}

// clock asks again whether the day can be relied on: many answers have told the time since the run began.
func (r *session) clock(ctx context.Context) error {
	if stop := clock(&r.Deps); stop != nil {
		return r.stop(stop.Rails...)
	}
	err := r.witness.confirm(ctx, &r.Deps)
	var stop *StopError
	if errors.As(err, &stop) {
		return r.stop(stop.Rails...)
	}
	return err
}

func (r *session) stop(rails ...plan.GuardRail) error { return r.stopBecause(nil, rails...) }

// stopBecause is stop for guard rails that stand for an answer of the service.
func (r *session) stopBecause(cause error, rails ...plan.GuardRail) error {
	var entries []ledger.Entry
	for _, g := range rails {
		entries = append(entries, ledger.Entry{Kind: ledger.Stopped, Guard: string(g.Rail), Table: g.Table, Ground: g.Ground})
	}
	stop := &StopError{Rails: rails, Cause: cause}
	return errors.Join(stop, r.Ledger.Append(entries...))
}

// matched writes down what the grounds matched, for the next run to compare with. A run that was stopped does not, so
// that the next one compares with the same figures again.
func (r *runner) matched(plan *plan.Plan) error {
	var entries []ledger.Entry
	for _, g := range plan.Grounds {
		entries = append(entries, ledger.Entry{Kind: ledger.Ground, Table: g.Table, Ground: g.Ground, Counts: map[string]int{"rows": g.Rows}})
	}
	entries = append(entries, heldEntries(plan.Held, r.Today)...)
	return r.Ledger.Append(append(entries, changeEntries(plan.Changes)...)...)
}

// changeEntries are what the ledger learns of changes that grounds count from: one for those of a ground, table and day, as far as they
// go into one.
func changeEntries(changes []evaluate.Change) (entries []ledger.Entry) {
	filling := make(map[evaluate.Change]int) // by all but the id: the entry
	for _, c := range changes {
		key := c
		key.ID = uuid.Nil
		at, ok := filling[key]
		if !ok || len(entries[at].Rows[c.Table]) == heldAtOnce {
			at = len(entries)
			filling[key] = at
			entries = append(entries, ledger.Entry{Kind: ledger.Changed, Table: c.Subject, Ground: c.Ground, Today: c.On})
		}
		if c.ID != uuid.Nil {
			if entries[at].Rows == nil {
				entries[at].Rows = make(map[string][]uuid.UUID)
			}
			entries[at].Rows[c.Table] = append(entries[at].Rows[c.Table], c.ID)
		}
	}
	return entries
}

// heldAtOnce is how many persons one entry of the ledger names.
const heldAtOnce = 1000

// heldEntries are what the ledger learns of grounds that go on after they were lost.
func heldEntries(changes []evaluate.HeldChange, today retention.Date) (entries []ledger.Entry) {
	filling := make(map[evaluate.HeldChange]int) // by all but the person: the entry
	for _, c := range changes {
		key := evaluate.HeldChange{Table: c.Table, Ground: c.Ground, Now: c.Now}
		at, ok := filling[key]
		if !ok || len(entries[at].Rows[c.Table]) == heldAtOnce {
			kind := ledger.Lost
			if c.Now {
				kind = ledger.Gained
			}
			at = len(entries)
			filling[key] = at
			entries = append(entries, ledger.Entry{Kind: kind, Ground: c.Ground, Today: today, Rows: make(map[string][]uuid.UUID)})
		}
		entries[at].Rows[c.Table] = append(entries[at].Rows[c.Table], c.ID)
	}
	return entries
}

// Clock is the guard rail for the day itself: every date rests on it, and so does every notice.
const Clock policy.Rail = "clock"

// clock stops a run that would write dates, or purge, on a day that cannot be relied on: the service's answers contradict each
// other, or the ledger has seen later days than this one. A day may seem to go back by one where the policy's time zone
// changed.
func clock(d *Deps) *StopError {
	rail := plan.GuardRail{Rail: Clock, Remedy: words.Say("rail.clock.do")}
	if err := d.Client.ClockErr(); err != nil {
		rail.Sentence = words.Say("rail.undecided", err)
		return &StopError{Rails: []plan.GuardRail{rail}}
	}
	if last := lastDay(d.Ledger); d.Today < last-1 {
		rail = plan.NewRail(Clock, "clock.back", d.Today, last)
		return &StopError{Rails: []plan.GuardRail{rail}}
	}
	return nil
}

// lastDay is the latest day on which a run may have written anything.
func lastDay(l *ledger.Ledger) retention.Date {
	var last retention.Date
	for _, run := range l.Runs() {
		if run.Status != ledger.Halted {
			last = max(last, run.Today)
		}
	}
	return last
}

// written is the day on which a date that is written now is first visible. A run is of the day of its start, however long
// it lasts: once midnight has passed, the notice of what it writes counts from the day after.
func (r *session) written() retention.Date {
	if at := r.Client.Now(); !at.IsZero() {
		return max(r.Today, retention.DateOf(at, r.Policy.Policy.TimeZone))
	}
	return r.Today
}
