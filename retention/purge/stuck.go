package purge

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Persons whose day has come can be stuck: bound by what is kept, protected by somebody's legal hold, with rows that no rule
// names. They stay due every night and are never purged, so limits, which count what can happen, do not count them.

// Due is what previews tell of persons whose day has come.
type Due struct {
	Stuck  []Forecast   // who cannot be purged, with why
	Places []TableTally // what would become of the rows of the others, by place of the person map
	// Unlooked are those, by table, whose rows were not looked into: the limits of one run are exceeded without them.
	Unlooked map[string]int
}

// leastPreviewed is how many persons are looked at although the limits are exceeded by fewer.
const leastPreviewed = 1000

// LookIntoDue previews persons whose day has come, until more can be purged than the limits let one run purge.
func LookIntoDue(ctx context.Context, client dataverse.Reader, checked *compile.Policy, planned *plan.Plan, known evaluate.EvaluateOptions) (*Due, error) {
	out := &Due{Unlooked: make(map[string]int)}
	ids := make(map[string][]uuid.UUID)
	for i := range planned.Decisions {
		if d := &planned.Decisions[i]; d.Action == retention.Purge {
			ids[d.Person.Table] = append(ids[d.Person.Table], d.Person.ID)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	preview, err := newPreviewer(ctx, client, checked, known)
	if err != nil {
		return nil, err
	}
	can, looked := none(planned), 0
	for i := range can.Tables {
		t := &can.Tables[i]
		for some := range slices.Chunk(ids[t.Table], previewsAtOnce*environment.MaxIDs) {
			if looked >= leastPreviewed && exceeds(can, checked.Policy.Limits) {
				out.Unlooked[t.Table] += len(some)
				continue
			}
			all, err := preview.of(ctx, t.Table, some)
			if err != nil {
				return nil, err
			}
			looked += len(some)
			t.Actions[retention.Purge] += len(some)
			for _, f := range all {
				if f.Code != "" {
					out.Stuck = append(out.Stuck, f)
					t.Actions[retention.Purge]--
					continue
				}
				for what, n := range f.Places {
					effect, place := cut(what)
					tally(&out.Places, place).count(effect, n)
				}
			}
		}
	}
	slices.SortFunc(out.Places, func(a, b TableTally) int { return strings.Compare(a.Table, b.Table) })
	return out, nil
}

// MarkStuck is [LookIntoDue] that marks in the plan who is stuck, and counts who was not looked at.
func MarkStuck(ctx context.Context, client dataverse.Reader, checked *compile.Policy, planned *plan.Plan, known evaluate.EvaluateOptions) (*Due, error) {
	due, err := LookIntoDue(ctx, client, checked, planned, known)
	if err != nil {
		return nil, err
	}
	codes := make(map[evaluate.PersonRef]string, len(due.Stuck))
	for _, f := range due.Stuck {
		codes[evaluate.PersonRef{Table: f.Table, ID: f.ID}] = f.Code
	}
	planned.MarkStuck(codes, due.Unlooked)
	return due, nil
}

// none is a plan of the same persons by which nothing is done.
func none(planned *plan.Plan) *plan.Plan {
	can := *planned
	can.Tables = slices.Clone(planned.Tables)
	for i := range can.Tables {
		can.Tables[i].Actions = map[retention.Action]int{}
	}
	return &can
}

// exceeds tells whether more would be purged than one run may.
func exceeds(p *plan.Plan, limits policy.Limits) bool {
	return slices.ContainsFunc(p.GuardRails(limits, nil), func(g plan.GuardRail) bool { return g.Rail == policy.TooMany || g.Rail == policy.TooLarge })
}

// able is the plan as far as it can happen. Only where a limit would stop the run are the due gone through, until as many as
// the limit allows can be purged; who is stuck is told so, and is due no more in this run.
func (r *runner) able(ctx context.Context, planned *plan.Plan) (*plan.Plan, error) {
	all := r.onlyDue(planned)
	limits := r.limits()
	if !exceeds(all, limits) {
		return all, nil
	}
	can := none(all)
	codes := make(map[environment.Ref]string)
	for i := range can.Tables {
		t := &can.Tables[i]
		subject := r.Policy.Subject(t.Table)
		ids := make(map[int][]uuid.UUID)
		for _, d := range r.due {
			if d.Table == t.Table {
				ids[d.class] = append(ids[d.class], d.ID)
			}
		}
		for number, rules := range subject.Judged() {
			for some := range slices.Chunk(ids[number], r.Chunk) {
				found, err := forecast(ctx, environment.Batched{Client: r.Client}, r.tables, rules, r.justified, r.Today, some)
				if err != nil {
					return nil, err
				}
				t.Actions[retention.Purge] += len(some)
				for _, f := range found {
					if f.Code != "" {
						codes[environment.Ref{Table: f.Table, ID: f.ID}] = f.Code
						t.Actions[retention.Purge]--
					}
				}
				if exceeds(can, limits) {
					return all, nil
				}
			}
		}
	}
	r.due = slices.DeleteFunc(r.due, func(d due) bool {
		code, stuck := codes[d.Ref]
		if stuck {
			r.leave(d.Ref, environment.Reason(code))
			r.taken[d.Ref] = true
		}
		return stuck
	})
	return can, nil
}

// againRail is the guard rail of purges that an earlier run began and this one could not finish either.
func againRail(found []Outcome) plan.GuardRail {
	return plan.NewRail(Residue, "again", words.Count("purges", len(found)), found[0].Code).At(found[0].Table, "")
}
