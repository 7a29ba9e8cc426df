package compile

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

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

// names is a set of names.
func names(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}
