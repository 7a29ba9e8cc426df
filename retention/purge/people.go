package purge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge/environment"
)

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
