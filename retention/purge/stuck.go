package purge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Persons whose day has come can be stuck: bound by what is kept, protected by somebody's legal hold, with rows that no rule
// names. They stay due every night and are never purged, so limits, which count what can happen, do not count them.

// Stuck previews persons whose day has come, and answers those who cannot be purged, with why; and what would become of the rows of
// the others, by place of the person map.
func Stuck(ctx context.Context, client dataverse.Reader, checked *compile.Policy, planned *plan.Plan) (stuck []Forecast, places []TableTally, err error) {
	ids := make(map[string][]uuid.UUID)
	for i := range planned.Decisions {
		if d := &planned.Decisions[i]; d.Action == retention.Purge {
			ids[d.Person.Table] = append(ids[d.Person.Table], d.Person.ID)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(ids)) {
		all, err := Preview(ctx, client, checked, planned.AsOf, table, ids[table])
		if err != nil {
			return nil, nil, err
		}
		for _, f := range all {
			if f.Code != "" {
				stuck = append(stuck, f)
				continue
			}
			for what, n := range f.Places {
				effect, place := cut(what)
				tally(&places, place).count(effect, n)
			}
		}
	}
	slices.SortFunc(places, func(a, b TableTally) int { return strings.Compare(a.Table, b.Table) })
	return stuck, places, nil
}

// MarkStuck is [Stuck] that marks them in the plan.
func MarkStuck(ctx context.Context, client dataverse.Reader, checked *compile.Policy, planned *plan.Plan) (stuck []Forecast, places []TableTally, err error) {
	stuck, places, err = Stuck(ctx, client, checked, planned)
	if err != nil {
		return nil, nil, err
	}
	codes := make(map[evaluate.PersonRef]string, len(stuck))
	for _, f := range stuck {
		codes[evaluate.PersonRef{Table: f.Table, ID: f.ID}] = f.Code
	}
	planned.MarkStuck(codes)
	return stuck, places, nil
}

// able is the plan as far as it can happen. Only where a limit would stop the run are the due gone through, until as many as
// the limit allows can be purged; who is stuck is told so, and is due no more in this run.
func (r *runner) able(ctx context.Context, planned *plan.Plan) (*plan.Plan, error) {
	all := r.onlyDue(planned)
	limits := r.limits()
	over := func(p *plan.Plan) bool {
		return slices.ContainsFunc(p.GuardRails(limits, nil), func(g plan.GuardRail) bool { return g.Rail == policy.TooMany || g.Rail == policy.TooLarge })
	}
	if !over(all) {
		return all, nil
	}
	can := *all
	can.Tables = slices.Clone(all.Tables)
	for i := range can.Tables {
		can.Tables[i].Actions = map[retention.Action]int{}
	}
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
				if over(&can) {
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
	return &can, nil
}

// againRail is the guard rail of purges that an earlier run began and this one could not finish either.
func againRail(found []Outcome) plan.GuardRail {
	return plan.GuardRail{Rail: Residue, Table: found[0].Table,
		Sentence: fmt.Sprintf("%s that an earlier run began could not be finished again (%s): nobody else is begun", policy.Count(len(found), "purge"), found[0].Code),
		Remedy:   "see in the report who they are and what refused it: a plug-in, a workflow or a missing right; the next run tries them again first"}
}
