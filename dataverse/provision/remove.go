package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// Removal is one component that provisioning made and a removal takes back.
type Removal struct {
	What string // "column contact.gallra_legalhold"
	Rows int    // how many rows hold something in the column: their data goes with it
	Done bool   // it is gone
	Left string // why it stays, in words
	// Foreign is somebody else's component in the solution: it is left alone.
	Foreign bool

	path  string
	undo  func(context.Context) error // instead of a delete of the path: what is somebody else's and loses a part
	table string                      // whose column, view or form it is
}

// Removals lists what a removal would take back, in the order in which it does: dashboards, charts, what stands on forms, views and role first, columns that hold
// data last, then the solution and its publisher. Only what stands in gallra's own solution and carries its prefix or its
// names is listed; what others have put into the solution is listed as foreign and stays, and so does the solution then.
func Removals(ctx context.Context, c *dataverse.Client, p Provisioning) ([]Removal, error) {
	c.Schema.Forget()
	publisher, err := one(ctx, c, dataverse.Query{Set: "publishers", Select: []string{"publisherid", "customizationprefix"}, Filter: "uniquename eq " + quote(p.Publisher.UniqueName)})
	if publisher == nil || err != nil {
		return nil, err
	}
	if prefix := publisher.Text("customizationprefix"); !strings.EqualFold(prefix, p.Publisher.Prefix) {
		return nil, fmt.Errorf("publisher %s has the prefix %q: somebody else made it", p.Publisher.UniqueName, prefix)
	}
	id := publisher.ID("publisherid")
	container := []Removal{{What: "publisher " + p.Publisher.UniqueName, path: "publishers(" + id.String() + ")"}}
	var list []Removal
	shared := false
	for row, err := range c.Rows(ctx, dataverse.Query{Set: "solutions", Select: []string{"solutionid", "uniquename", "ismanaged"}, Filter: "_publisherid_value eq " + id.String()}) {
		switch name := row.Text("uniquename"); {
		case err != nil:
			return nil, fmt.Errorf("read the publisher's solutions: %w", err)
		case !strings.EqualFold(name, p.Solution.UniqueName):
			list, shared = append(list, Removal{What: "solution " + name, Foreign: true, Left: "another solution of the same publisher"}), true
		case row.Bool("ismanaged"):
			return nil, fmt.Errorf("solution %s is managed: removing it in the maker portal takes everything back", name)
		default:
			parts, err := removals(ctx, c, p, row.ID("solutionid"))
			if err != nil {
				return nil, err
			}
			list = append(parts, list...)
			container = append([]Removal{{What: "solution " + name, path: "solutions(" + row.ID("solutionid").String() + ")"}}, container...)
		}
	}
	if shared {
		container = container[:len(container)-1]
	}
	own, err := ownNote(ctx, c)
	if err != nil {
		return nil, err
	}
	list = append(list, own...)
	if len(container) > 0 && slices.ContainsFunc(list, func(r Removal) bool { return r.Foreign && strings.HasPrefix(r.What, "component") }) {
		container = nil
	}
	return append(list, container...), nil
}

// ownNote is what runs have left: it goes although the solution may have to stay.
func ownNote(ctx context.Context, c *dataverse.Client) ([]Removal, error) {
	var list []Removal
	n, err := ReadNote(ctx, c)
	switch {
	case err == nil && n.Ledger != "":
		list = append(list, Removal{What: "checkpoint of the ledger in solution " + gallraSolution, path: "solutions(" + n.solution.String() + ")/description"})
	case err != nil && !errors.Is(err, ErrNoSolution):
		return nil, err
	}
	_, err = c.Get(ctx, "annotation", FormerNote, dataverse.Query{Select: []string{"annotationid"}})
	switch {
	case err == nil:
		list = append(list, Removal{What: "checkpoint of the ledger in a note", path: "annotations(" + FormerNote.String() + ")"})
	case !errors.Is(err, dataverse.ErrNotFound) && !errors.Is(err, dataverse.ErrNoTable) && !errors.Is(err, dataverse.ErrForbidden):
		return nil, fmt.Errorf("look for gallra's former note: %w", err)
	}
	return list, nil
}

// removals are the components of the solution.
func removals(ctx context.Context, c *dataverse.Client, p Provisioning, solution uuid.UUID) ([]Removal, error) {
	components, err := components(ctx, c, solution)
	if err != nil {
		return nil, err
	}
	columns, err := customColumnsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	var dashboards, charts, forms, views, roles, empty, full, foreign []Removal
	tables := map[string]bool{} // that gallra has put something on
	for _, k := range components {
		switch k.kind {
		case tableComponent: // comes along with its first column
			if t, custom := columns.tables[k.id]; custom {
				foreign = append(foreign, Removal{What: "component table " + t, Foreign: true, Left: "gallra made no table"})
			}
		case columnComponent:
			at, ok := columns.byID[k.id]
			if !ok {
				continue // gone already
			}
			r := Removal{What: "column " + at.table + "." + at.column, table: at.table,
				path: "EntityDefinitions(LogicalName='" + at.table + "')/Attributes(LogicalName='" + at.column + "')"}
			if !slices.ContainsFunc(GallraColumns(), func(c Column) bool { return c.LogicalName() == at.column }) {
				foreign = append(foreign, Removal{What: "component " + r.What, Foreign: true, Left: "gallra did not make it"})
				continue
			}
			tables[at.table] = true
			if r.Rows, err = filled(ctx, c, at); err != nil {
				return nil, fmt.Errorf("count the rows with %s: %w", at.column, err)
			}
			if r.Rows > 0 {
				full = append(full, r)
			} else {
				empty = append(empty, r)
			}
		case viewComponent:
			row, err := one(ctx, c, dataverse.Query{Set: "savedqueries", Select: []string{"name", "returnedtypecode"}, Filter: "savedqueryid eq " + k.id.String()})
			if err != nil {
				return nil, fmt.Errorf("read a view: %w", err)
			}
			if row == nil {
				continue
			}
			table := row.Text("returnedtypecode")
			r := Removal{What: fmt.Sprintf("view %q of %s", row.Text("name"), table), path: "savedqueries(" + k.id.String() + ")", table: table}
			if !slices.ContainsFunc(OwnColumns{}.views(), func(v View) bool { return v.id(table) == k.id }) {
				foreign = append(foreign, Removal{What: "component " + r.What, Foreign: true, Left: "gallra did not make it"})
				continue
			}
			tables[table] = true
			views = append(views, r)
		case chartComponent, formComponent:
			r, own, err := removalOf(ctx, c, k)
			switch {
			case err != nil:
				return nil, err
			case r == nil:
			case !own:
				foreign = append(foreign, Removal{What: "component " + r.What, Foreign: true, Left: "gallra did not make it"})
			case k.kind == chartComponent:
				tables[r.table], charts = true, append(charts, *r)
			case r.table == "":
				dashboards = append(dashboards, *r)
			default:
				tables[r.table], forms = true, append(forms, *r)
			}
		case roleComponent:
			row, err := one(ctx, c, dataverse.Query{Set: "roles", Select: []string{"name"}, Filter: "roleid eq " + k.id.String()})
			if err != nil {
				return nil, fmt.Errorf("read a role: %w", err)
			}
			if row == nil {
				continue
			}
			r := Removal{What: fmt.Sprintf("role %q", row.Text("name")), path: "roles(" + k.id.String() + ")"}
			if k.id != componentID("role") {
				foreign = append(foreign, Removal{What: "component " + r.What, Foreign: true, Left: "gallra did not make it"})
				continue
			}
			roles = append(roles, r)
		default:
			foreign = append(foreign, Removal{What: fmt.Sprintf("component %s of the type %d", k.id, k.kind), Foreign: true, Left: "gallra did not make it"})
		}
	}
	sections, err := formRemovals(ctx, c, tables)
	if err != nil {
		return nil, err
	}
	byName := func(a, b Removal) int { return cmp.Or(cmp.Compare(a.Rows, b.Rows), cmp.Compare(a.What, b.What)) }
	for _, list := range [][]Removal{dashboards, charts, forms, views, roles, empty, full, foreign} {
		slices.SortFunc(list, byName)
	}
	return slices.Concat(foreign, dashboards, charts, sections, forms, views, roles, empty, full), nil
}

// removalOf is a chart, a form or a dashboard of the solution, nil if it is gone, and whether gallra made it.
func removalOf(ctx context.Context, c *dataverse.Client, k solutionComponent) (_ *Removal, own bool, err error) {
	r := &provisioner{c: c}
	if k.kind == chartComponent {
		row, err := r.unpublished(ctx, "savedqueryvisualizations", "savedqueryvisualizationid", k.id, "name", "primaryentitytypecode")
		if row == nil || err != nil {
			return nil, false, err
		}
		table := row.Text("primaryentitytypecode")
		return &Removal{What: chartStep(row.Text("name"), table), path: "savedqueryvisualizations(" + k.id.String() + ")", table: table}, k.id == ChartID(table), nil
	}
	row, err := r.unpublished(ctx, "systemforms", "formid", k.id, "name", "type", "objecttypecode", "formxml")
	if row == nil || err != nil {
		return nil, false, err
	}
	path := "systemforms(" + k.id.String() + ")"
	if kind, _ := row.Int("type"); kind == 0 {
		_, table, _ := strings.Cut(row.Text("formxml"), "<TargetEntityType>")
		table, _, _ = strings.Cut(table, "<")
		return &Removal{What: dashboardStep(row.Text("name")), path: path}, k.id == DashboardID(table), nil
	}
	table := row.Text("objecttypecode")
	return &Removal{What: fmt.Sprintf("form %q of %s", row.Text("name"), table), path: path, table: table}, k.id == FormID(table), nil
}

type columnPlace struct{ table, set, column, kind string }

// customColumns are the columns that customisers have made, and the tables.
type customColumns struct {
	byID   map[uuid.UUID]columnPlace
	tables map[uuid.UUID]string
}

func customColumnsOf(ctx context.Context, c *dataverse.Client) (customColumns, error) {
	out := customColumns{map[uuid.UUID]columnPlace{}, map[uuid.UUID]string{}}
	var body struct {
		Value []struct {
			MetadataId                 uuid.UUID
			LogicalName, EntitySetName string
			IsCustomEntity             bool
			Attributes                 []struct {
				MetadataId        uuid.UUID
				LogicalName       string
				AttributeTypeName struct{ Value string }
			}
		}
	}
	op := dataverse.Operation{Method: http.MethodGet, Header: http.Header{"Consistency": {"Strong"}},
		Path: "EntityDefinitions?$select=LogicalName,EntitySetName,IsCustomEntity&$expand=Attributes($select=LogicalName,AttributeTypeName;$filter=IsCustomAttribute%20eq%20true)"}
	if err := c.Do(ctx, op, &body); err != nil {
		return out, fmt.Errorf("read the columns that were made here: %w", err)
	}
	for _, t := range body.Value {
		if t.IsCustomEntity {
			out.tables[t.MetadataId] = t.LogicalName
		}
		for _, a := range t.Attributes {
			out.byID[a.MetadataId] = columnPlace{t.LogicalName, t.EntitySetName, a.LogicalName, a.AttributeTypeName.Value}
		}
	}
	return out, nil
}

// filled counts the rows that hold something in the column.
func filled(ctx context.Context, c *dataverse.Client, at columnPlace) (int, error) {
	filter := at.column + " ne null"
	if at.kind == "BooleanType" {
		filter = at.column + " eq true" // false is what every row has of itself
	}
	return c.Count(ctx, dataverse.Query{Set: at.set, Filter: filter})
}

// Remove takes back what [Client.Removals] has listed, in that order, and tells report of each as it ends. What another
// component still needs stays, with the reason; the solution and the publisher stay then as well. The rest goes on.
func Remove(ctx context.Context, c *dataverse.Client, list []Removal, report func(Removal)) ([]Removal, error) {
	r := &provisioner{c: c}
	left := false
	var tables []string
	for i := range list {
		x := &list[i]
		switch {
		case x.Foreign:
		case left && (strings.HasPrefix(x.What, "solution ") || strings.HasPrefix(x.What, "publisher ")):
			x.Left = "not everything that is in it could be removed"
		default:
			err := r.make(ctx, func(context.Context) (bool, error) { return false, nil }, func(ctx context.Context) error {
				if x.undo != nil {
					return x.undo(ctx)
				}
				err := c.Do(ctx, dataverse.Operation{Method: http.MethodDelete, Path: x.path, Repeatable: true}, nil)
				if errors.Is(err, dataverse.ErrNotFound) {
					return nil
				}
				return err
			})
			var refused *dataverse.Error
			switch {
			case err == nil:
				x.Done = true
				if x.table != "" {
					tables = append(tables, x.table)
				}
			case errors.As(err, &refused) && refused.Code == dataverse.CodeDependency:
				x.Left, left = "still used by "+dependents(ctx, c, x), true
			default:
				return list[:i], fmt.Errorf("%s: %w", x.What, err)
			}
		}
		if report != nil {
			report(*x)
		}
	}
	c.Schema.Forget()
	if len(tables) == 0 {
		return list, nil
	}
	slices.Sort(tables)
	return list, r.make(ctx, func(context.Context) (bool, error) { return false, nil }, func(ctx context.Context) error {
		return publish(ctx, c, slices.Compact(tables), nil)
	})
}

// componentNames are what people call the types of components that use columns.
var componentNames = map[int64]string{tableComponent: "a table", columnComponent: "a column", 14: "a key", 24: "a form", 60: "a form",
	viewComponent: "a view", 29: "a workflow", 59: "a chart", 92: "a plug-in step", 300: "an app"}

// dependents says what still uses a column.
func dependents(ctx context.Context, c *dataverse.Client, x *Removal) string {
	const unknown = "another component: take it off there first"
	var column struct{ MetadataId uuid.UUID }
	if !strings.HasPrefix(x.What, "column ") || c.Read(ctx, x.path+"?$select=MetadataId", &column) != nil {
		return unknown
	}
	var body struct {
		Value []struct {
			Type int64 `json:"dependentcomponenttype"`
		} `json:"value"`
	}
	path := fmt.Sprintf("RetrieveDependenciesForDelete(ObjectId=%s,ComponentType=%d)", column.MetadataId, columnComponent)
	if c.Read(ctx, path, &body) != nil || len(body.Value) == 0 {
		return unknown
	}
	counts := map[string]int{}
	for _, d := range body.Value {
		counts[cmp.Or(componentNames[d.Type], fmt.Sprintf("a component of the type %d", d.Type))]++
	}
	var parts []string
	for name, n := range counts {
		if n > 1 {
			name = fmt.Sprintf("%s (%d times)", name, n)
		}
		parts = append(parts, name)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ") + ": take it off there first"
}
