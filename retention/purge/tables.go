package purge

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
)

// unwritable tables take creates and deletes, but no updates: their rows cannot be emptied before their delete. (The
// name on a list's member is the person's.)
var unwritable = map[string]bool{"listmember": true, "attachment": true}

// withPerson tables are part of the person's own row in all but storage: they are emptied before, and go with it.
var withPerson = map[string]bool{"customeraddress": true, "leadaddress": true}

// tables is what the environment says about its tables, read once.
type tables struct {
	client   dataverse.Reader
	policy   *compile.Policy
	all      map[string]dataverse.TableSummary
	settings dataverse.Settings
	persons  map[string]bool // tables whose rows are persons
	admin    administrator
	jobTexts jobTexts
	feedsOff atomic.Bool // the activity feed could not be searched, and is not asked again
}

func readTables(ctx context.Context, client dataverse.Reader, policy *compile.Policy) (*tables, error) {
	all, err := client.Tables(ctx)
	if err != nil {
		return nil, err
	}
	t := &tables{client: client, policy: policy, admin: administrator{turn: newTurn()}, jobTexts: jobTexts{turn: newTurn()}, all: make(map[string]dataverse.TableSummary, len(all)), persons: map[string]bool{"contact": true, "lead": true}}
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
		case r.Delete != "Cascade" && r.Delete != "Restrict", compile.PlatformTable(r.Referencing), !t.exists(r.Referencing):
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
	return a.ForUpdate && !required(a) && !(a.Type == "Customer" && compile.Business(r.Referencing)), nil
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
