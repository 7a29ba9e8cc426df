package environment

import (
	"context"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
)

// Tables is what the environment says about its tables, read once.
type Tables struct {
	client   dataverse.Reader
	Policy   *compile.Policy
	all      map[string]dataverse.TableSummary
	Settings dataverse.Settings
	Persons  map[string]bool // tables whose rows are persons
	admin    administrator
	occupied occupancy
	seen     seenHolds
	// Padded remembers the values with blanks around them, once a run.
	Padded *compile.PaddedTexts
}

func ReadTables(ctx context.Context, client dataverse.Reader, policy *compile.Policy) (*Tables, error) {
	all, err := client.Tables(ctx)
	if err != nil {
		return nil, err
	}
	t := &Tables{client: client, Policy: policy, admin: administrator{turn: NewTurn()}, Padded: compile.NewPaddedTexts(), seen: seenHolds{rows: make(map[Ref]bool)}, occupied: occupancy{turn: NewTurn(), known: make(map[string]bool)}, all: make(map[string]dataverse.TableSummary, len(all)), Persons: map[string]bool{"contact": true, "lead": true}}
	for _, s := range all {
		if s.EntitySet != "" {
			t.all[s.LogicalName] = s
		}
	}
	for i := range policy.Subjects {
		t.Persons[policy.Subjects[i].Table] = true
	}
	if t.Settings, err = client.Settings(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tables) Table(ctx context.Context, name string) (*dataverse.Table, error) {
	return t.client.Table(ctx, name)
}

// Padding are the conditions for rows of a table whose texts in some columns are one of the values with blanks around it.
func (t *Tables) Padding(ctx context.Context, table string, columns, values []string) (compile.Padding, error) {
	return t.Padded.Padding(ctx, t.client, table, columns, values)
}

// RulePadding is the same for the rows of a rule.
func (t *Tables) RulePadding(ctx context.Context, rule *compile.Rule, values []string) (compile.Padding, error) {
	return rule.Padding(ctx, t.client, t.Padded, values)
}

// Exists tells whether the environment keeps rows of a table where a run can read and delete them.
func (t *Tables) Exists(name string) bool {
	return t.all[name].EntitySet != "" && !t.all[name].Elsewhere
}

// Binned tells whether deleted rows of a table are kept for a while.
func (t *Tables) Binned(table string) bool {
	_, on := t.Settings.Binned(table)
	return on
}

// Reach is a relationship by which the delete of a row takes rows of another table along, or is refused because of them.
type Reach struct {
	dataverse.Relationship
	Child dataverse.TableSummary
	Wire  string // how the lookup reads: _regardingobjectid_value
}

func (r Reach) Cascades() bool { return r.Delete == "Cascade" }

// Reached tells whether a delete takes the rows along or is refused because of them; of others the service clears the link.
func (r Reach) Reached() bool { return r.Delete == "Cascade" || r.Delete == "Restrict" }

// Reaches lists what a delete of a row of the table reaches, ordered by table and lookup. The definitions of the tables
// behind are not read: of most there is no row.
func (t *Tables) Reaches(ctx context.Context, name string) ([]Reach, error) {
	table, err := t.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []Reach
	for _, r := range table.OneToMany {
		switch {
		case r.Delete != "Cascade" && r.Delete != "Restrict", personmap.Is(r.Referencing, personmap.Keeper), !t.Exists(r.Referencing):
		case r.Referencing == "activitypointer": // the lookup that all activities have; the concrete tables decide
		default:
			out = append(out, Reach{Relationship: r, Child: t.all[r.Referencing], Wire: "_" + r.ReferencingAttribute + "_value"})
		}
	}
	slices.SortFunc(out, func(a, b Reach) int {
		return CompareStrings(a.Referencing, b.Referencing, a.ReferencingAttribute, b.ReferencingAttribute)
	})
	return slices.CompactFunc(out, func(a, b Reach) bool {
		return a.Referencing == b.Referencing && a.ReferencingAttribute == b.ReferencingAttribute
	}), nil
}

// Freeable tells whether the row that points over r can be kept while what it points at is deleted: whether the lookup
// can be emptied. The customer of a row of business is part of the business.
func (t *Tables) Freeable(ctx context.Context, r Reach) (bool, error) {
	child, err := t.Table(ctx, r.Referencing)
	if err != nil {
		return false, err
	}
	a := child.Attributes[r.ReferencingAttribute]
	return personmap.Freeable(r.Referencing, a), nil
}

// PartiesNav is the name by which the parties of an activity are replaced, empty for a table that has none.
func PartiesNav(t *dataverse.Table) string {
	for _, r := range t.OneToMany {
		if r.Referencing == "activityparty" && r.ReferencingAttribute == "activityid" {
			return r.ReferencedNav
		}
	}
	return ""
}

// OpenStatus is the state and status that make a closed activity writable: never one that would send it.
func OpenStatus(t *dataverse.Table) (status int, ok bool) {
	a := t.Attributes["statuscode"]
	if a == nil {
		return 0, false
	}
	for _, o := range a.Options {
		if o.State == 0 && (!ok || o.Value < status) {
			status, ok = o.Value, true
		}
	}
	return status, ok
}

// LookupNav is the navigation property by which a lookup to a row of target is written.
func LookupNav(t *dataverse.Table, lookup, target string) string {
	for _, r := range t.ManyToOne {
		if r.ReferencingAttribute == lookup && r.Referenced == target && r.ReferencingNav != "" {
			return r.ReferencingNav
		}
	}
	return ""
}
