package purge

import (
	"context"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// tables is what the environment says about its tables, read once.
type tables struct {
	client   dataverse.Reader
	policy   *retention.Checked
	all      map[string]dataverse.TableSummary
	settings dataverse.Settings
	persons  map[string]bool // tables whose rows are persons
	admin    administrator
}

func readTables(ctx context.Context, client dataverse.Reader, policy *retention.Checked) (*tables, error) {
	all, err := client.Tables(ctx)
	if err != nil {
		return nil, err
	}
	t := &tables{client: client, policy: policy, admin: administrator{turn: newTurn()}, all: make(map[string]dataverse.TableSummary, len(all)), persons: map[string]bool{"contact": true, "lead": true}}
	for _, s := range all {
		if s.EntitySet != "" {
			t.all[s.LogicalName] = s
		}
	}
	for i := range policy.Subjects {
		t.persons[policy.Subjects[i].Table] = true
	}
	if t.settings, err = client.Settings(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *tables) table(ctx context.Context, name string) (*dataverse.Table, error) {
	return t.client.Table(ctx, name)
}

func (t *tables) exists(name string) bool { return t.all[name].EntitySet != "" }

// binned tells whether deleted rows of a table are kept for a while.
func (t *tables) binned(table string) bool {
	_, on := t.settings.Binned(table)
	return on
}

// reach is a relationship by which the delete of a row takes rows of another table along, or is refused because of them.
type reach struct {
	dataverse.Relationship
	child dataverse.TableSummary
	wire  string // how the lookup reads: _regardingobjectid_value
}

func (r reach) cascades() bool { return r.Delete == "Cascade" }

// reaches lists what a delete of a row of the table reaches, ordered by table and lookup. The definitions of the tables
// behind are not read: of most there is no row.
func (t *tables) reaches(ctx context.Context, name string) ([]reach, error) {
	table, err := t.table(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []reach
	for _, r := range table.OneToMany {
		switch {
		case r.Delete != "Cascade" && r.Delete != "Restrict", retention.PlatformTable(r.Referencing), !t.exists(r.Referencing):
		case r.Referencing == "activitypointer": // the lookup that all activities have; the concrete tables decide
		default:
			out = append(out, reach{Relationship: r, child: t.all[r.Referencing], wire: "_" + r.ReferencingAttribute + "_value"})
		}
	}
	slices.SortFunc(out, func(a, b reach) int {
		return compareStrings(a.Referencing, b.Referencing, a.ReferencingAttribute, b.ReferencingAttribute)
	})
	return slices.CompactFunc(out, func(a, b reach) bool {
		return a.Referencing == b.Referencing && a.ReferencingAttribute == b.ReferencingAttribute
	}), nil
}

// freeable tells whether the row that points over r can be kept while what it points at is deleted: whether the lookup
// can be emptied. The customer of a row of business is part of the business.
func (t *tables) freeable(ctx context.Context, r reach) (bool, error) {
	child, err := t.table(ctx, r.Referencing)
	if err != nil {
		return false, err
	}
	a := child.Attributes[r.ReferencingAttribute]
	return a.ForUpdate && !required(a) && !(a.Type == "Customer" && retention.Business(r.Referencing)), nil
}

// partiesNav is the name by which the parties of an activity are replaced, empty for a table that has none.
func partiesNav(t *dataverse.Table) string {
	for _, r := range t.OneToMany {
		if r.Referencing == "activityparty" && r.ReferencingAttribute == "activityid" {
			return r.ReferencedNav
		}
	}
	return ""
}

// openStatus is the state and status that make a closed activity writable: never one that would send it.
func openStatus(t *dataverse.Table) (status int, ok bool) {
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

// lookupNav is the navigation property by which a lookup to a row of target is written.
func lookupNav(t *dataverse.Table, lookup, target string) string {
	for _, r := range t.ManyToOne {
		if r.ReferencingAttribute == lookup && r.Referenced == target && r.ReferencingNav != "" {
			return r.ReferencingNav
		}
	}
	return ""
}
