package compile

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// ruleFor is the first rule that speaks of the table, else the last rule `*` where that covers it, else -1.
func ruleFor(s *policy.Subject, table string) int {
	for i, r := range s.Related {
		if r.Table == table || r.Table == policy.AnyTable && !Business(table) {
			return i
		}
	}
	return -1
}

// AddressColumns are the columns of a subject table that hold addresses.
func (s *Subject) AddressColumns(ctx context.Context, r dataverse.Reader) ([]string, error) {
	t, err := r.Table(ctx, s.Table)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if a.ForRead && a.Type == "String" && wireName(a) != "" && (strings.EqualFold(a.Format, "Email") || name == s.Identity) {
			names = append(names, name)
		}
	}
	return names, nil
}

// GroundNames are the names by which a ground of the policy can be asked for, each once: the ids in the order of the
// policy, and ManualExtension.
func (c *Policy) GroundNames() []string {
	var names []string
	for _, s := range c.Subjects {
		for _, g := range s.Grounds {
			if !slices.Contains(names, g.ID) {
				names = append(names, g.ID)
			}
		}
	}
	return append(names, retention.ManualExtension)
}
