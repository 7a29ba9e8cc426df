package compile

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// readsAhead is how many definitions are asked for side by side. The client sends no more than the service recommends.
const readsAhead = 16

// readAhead has the client read the definitions of tables side by side that are about to be asked for one by one. What goes
// wrong is told there.
func readAhead(ctx context.Context, r dataverse.Reader, names []string) {
	all, err := r.Tables(ctx)
	if err != nil {
		return
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var group errgroup.Group
	group.SetLimit(readsAhead)
	for _, t := range all {
		if _, wanted := slices.BinarySearch(names, t.LogicalName); wanted {
			group.Go(func() error {
				_, err := r.Table(ctx, t.LogicalName)
				return err
			})
		}
	}
	_ = group.Wait()
}

// named are the tables that a policy names, and those that their parties lead over.
func named(p *policy.Policy) []string {
	var out []string
	add := func(table, party string) {
		out = append(out, table)
		if party != "" {
			out = append(out, "activityparty", "activitypointer")
		}
	}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		add(s.Table, "")
		for _, g := range s.Grounds {
			add(g.Table, string(g.Party))
		}
		for _, r := range s.Related {
			add(r.Table, string(r.Party))
			if set := policy.SetOf(r.Set); set != nil {
				for _, sr := range set.Rules {
					add(sr.Table, string(sr.Party))
				}
			}
		}
	}
	return out
}

// hanging are the tables whose rows a delete of a table's rows reaches, as far as rights to them are asked for.
func hanging(t *dataverse.Table) []string {
	var out []string
	for _, over := range t.OneToMany {
		if (over.Delete == "Cascade" || over.Delete == "Restrict") && !personmap.Is(over.Referencing, personmap.Keeper) && over.Referencing != "activitypointer" {
			out = append(out, over.Referencing)
		}
	}
	return out
}
