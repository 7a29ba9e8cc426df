package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Assessment is one row of somebody whose erasure is asked for, and what stands against it.
type Assessment struct {
	evaluate.PersonRef
	Master uuid.UUID // the row that this one was merged into
	Class  int       // the number of their class
	Held   bool      // a legal hold: on this row, on another one of the same human being, or on somebody whom the row leads to
	// HeldBy is the row on which the hold stands.
	HeldBy  evaluate.PersonRef
	Holding []plan.Holding
}

// Forbids are the grounds that forbid the erasure and are not named in despite.
func (a *Assessment) Forbids(despite []string) []plan.Holding {
	return slices.DeleteFunc(slices.Clone(a.Holding), func(h plan.Holding) bool { return slices.Contains(despite, h.Ground) })
}

// AllRows finds every row of the human beings to whom some rows belong, in all subject tables: those that the policy
// judges together with them, those that were merged, and those that have their identifying address in any column for
// addresses. Other addresses of theirs are not followed: these may be shared with other people.
//
// The rows come in the order of the policy and by id. A row that is not there is an error that wraps
// [dataverse.ErrNotFound].
func AllRows(ctx context.Context, client dataverse.Reader, policy *compile.Policy, today retention.Date, who []evaluate.PersonRef) ([]evaluate.PersonRef, error) {
	all, err := together(ctx, client, policy, today, who)
	if err != nil {
		return nil, err
	}
	addresses, err := identities(ctx, client, policy, all)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		more, err := evaluate.FindByEmail(ctx, client, policy, address)
		if err != nil && !errors.Is(err, evaluate.ErrNobody) {
			return nil, err
		}
		all = append(all, more...)
	}
	if all, err = together(ctx, client, policy, today, all); err != nil {
		return nil, err
	}
	return all, nil
}

// together adds the other rows of the same human beings.
func together(ctx context.Context, client dataverse.Reader, policy *compile.Policy, today retention.Date, who []evaluate.PersonRef) ([]evaluate.PersonRef, error) {
	xs, err := plan.ExplainAll(ctx, client, policy, inOrder(policy, who), evaluate.EvaluateOptions{Today: today, Lasting: true})
	if err != nil {
		return nil, err
	}
	all := slices.Clone(who)
	for _, x := range xs {
		for _, o := range x.Others {
			all = append(all, evaluate.PersonRef{Table: o.Table, ID: o.ID})
		}
	}
	return inOrder(policy, all), nil
}

// inOrder sorts rows by the policy's subjects and by id, each once.
func inOrder(policy *compile.Policy, who []evaluate.PersonRef) []evaluate.PersonRef {
	place := func(table string) int {
		return slices.IndexFunc(policy.Subjects, func(s compile.Subject) bool { return s.Table == table })
	}
	who = slices.Clone(who)
	slices.SortFunc(who, func(a, b evaluate.PersonRef) int {
		return cmp.Or(cmp.Compare(place(a.Table), place(b.Table)), slices.Compare(a.ID[:], b.ID[:]))
	})
	return slices.Compact(who)
}

// identities are the identifying addresses of some rows.
func identities(ctx context.Context, client dataverse.Reader, policy *compile.Policy, who []evaluate.PersonRef) ([]string, error) {
	var out []string
	seen := make(map[string]bool)
	for i := range policy.Subjects {
		s := &policy.Subjects[i]
		var ids []uuid.UUID
		for _, p := range who {
			if p.Table == s.Table {
				ids = append(ids, p.ID)
			}
		}
		if s.Identity == "" {
			continue
		}
		for some := range slices.Chunk(ids, environment.MaxIDs) {
			q := dataverse.Query{Table: s.Table, Select: []string{s.PrimaryID, s.Identity}, Filter: environment.IDFilter(s.PrimaryID, some)}
			for row, err := range client.Rows(ctx, q) {
				if err != nil {
					return nil, fmt.Errorf("read %s: %w", s.Table, err)
				}
				if v := strings.TrimSpace(row.Text(s.Identity)); v != "" && !seen[environment.Fold(v)] {
					seen[environment.Fold(v)] = true
					out = append(out, v)
				}
			}
		}
	}
	return out, nil
}

// Assess tells for every row what stands against its erasure on the day of known, which holds what the ledger knows: grounds that go on
// after they were lost, or count from changes, stand against it as the others do. The answers are in the order of the rows.
func Assess(ctx context.Context, client dataverse.Reader, policy *compile.Policy, known evaluate.EvaluateOptions, who []evaluate.PersonRef) ([]Assessment, error) {
	var out []Assessment
	known.Lasting = true
	for some := range slices.Chunk(who, environment.MaxIDs) {
		xs, err := plan.ExplainAll(ctx, client, policy, some, known)
		if err != nil {
			return nil, err
		}
		held, err := HeldBy(ctx, client, policy, some)
		if err != nil {
			return nil, err
		}
		for _, x := range xs {
			p := evaluate.PersonRef{Table: x.Person.Table, ID: x.Person.ID}
			by, protected := held[p]
			out = append(out, Assessment{
				PersonRef: p, Master: x.Person.Master, Class: x.Person.Class,
				Held: x.Person.LegalHold || x.Person.HeldWith || protected, HeldBy: by, Holding: x.Holding(policy.Policy.Rules(), known.Today),
			})
		}
	}
	return out, nil
}

// assessThere is [Assess] of those rows that are still there.
func assessThere(ctx context.Context, client dataverse.Reader, policy *compile.Policy, known evaluate.EvaluateOptions, who []evaluate.PersonRef) ([]Assessment, error) {
	all, err := Assess(ctx, client, policy, known, who)
	if !errors.Is(err, dataverse.ErrNotFound) {
		return all, err
	}
	all = nil
	for _, p := range who {
		one, err := Assess(ctx, client, policy, known, []evaluate.PersonRef{p})
		if errors.Is(err, dataverse.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// HeldBy tells whose legal hold protects some rows: their own, that of another row of the same human being, or that of somebody to
// whom the policy's rules lead from the row. Rows that no hold protects are left out.
func HeldBy(ctx context.Context, client dataverse.Reader, policy *compile.Policy, who []evaluate.PersonRef) (map[evaluate.PersonRef]evaluate.PersonRef, error) {
	tables, err := environment.ReadTables(ctx, client, policy)
	if err != nil {
		return nil, err
	}
	holds, err := tables.Holds(ctx, environment.From(client))
	if err != nil {
		return nil, err
	}
	rows := make([]environment.Ref, len(who))
	for i, p := range who {
		rows[i] = environment.Ref{Table: p.Table, ID: p.ID}
	}
	held, err := holds.Protects(ctx, rows)
	if err != nil {
		return nil, err
	}
	out := make(map[evaluate.PersonRef]evaluate.PersonRef)
	for _, r := range rows {
		if by, ok := held[r]; ok {
			out[evaluate.PersonRef{Table: r.Table, ID: r.ID}] = evaluate.PersonRef{Table: by.Table, ID: by.ID}
		}
	}
	return out, nil
}

// People groups rows by the name that they bear: one address can be that of several human beings (info@). A row without a
// name, or with a part of another one's (McKay beside Yvonne McKay), may be anybody of the first group that it fits. One
// group means that nothing speaks for more than one human being. A row that is not there is left out.
func People(ctx context.Context, client dataverse.Reader, policy *compile.Policy, rows []evaluate.PersonRef) ([][]evaluate.PersonRef, error) {
	names := make(map[evaluate.PersonRef][]string)
	for i := range policy.Subjects {
		s := &policy.Subjects[i]
		var ids []uuid.UUID
		for _, p := range rows {
			if p.Table == s.Table {
				ids = append(ids, p.ID)
			}
		}
		if s.PrimaryName == "" {
			continue
		}
		for some := range slices.Chunk(ids, environment.MaxIDs) {
			q := dataverse.Query{Table: s.Table, Select: []string{s.PrimaryID, s.PrimaryName}, Filter: environment.IDFilter(s.PrimaryID, some)}
			for row, err := range client.Rows(ctx, q) {
				if err != nil {
					return nil, fmt.Errorf("read %s: %w", s.Table, err)
				}
				names[evaluate.PersonRef{Table: s.Table, ID: row.ID(s.PrimaryID)}] = strings.Fields(environment.Fold(row.Text(s.PrimaryName)))
			}
		}
	}
	var known []evaluate.PersonRef
	for _, p := range rows {
		if _, ok := names[p]; ok {
			known = append(known, p)
		}
	}
	// The fullest names first, so that a part of one finds it.
	slices.SortStableFunc(known, func(a, b evaluate.PersonRef) int { return len(names[b]) - len(names[a]) })
	var groups [][]evaluate.PersonRef
	for _, p := range known {
		i := slices.IndexFunc(groups, func(g []evaluate.PersonRef) bool { return partOf(names[p], names[g[0]]) })
		if i < 0 {
			groups = append(groups, []evaluate.PersonRef{p})
			continue
		}
		groups[i] = append(groups[i], p)
	}
	return groups, nil
}

func partOf(name, whole []string) bool {
	return !slices.ContainsFunc(name, func(word string) bool { return !slices.Contains(whole, word) })
}
