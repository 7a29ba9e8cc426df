package take

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/retention/personmap"
)

// reach are the tables that a file defines, sorted: persons, what leads to them or hangs on what leads to them, activities, what holds
// addresses and numbers anywhere, what the persons' own lookups lead to, and what the policy reads. It is more than the map of any one policy
// reaches, so that a file serves others as well.
func (t *taker) reach(ctx context.Context) ([]string, error) {
	known := map[string]dataverse.TableSummary{}
	for _, s := range t.tables {
		known[s.LogicalName] = s
	}
	in := map[string]bool{}
	var queue []string
	add := func(name string) {
		if s, ok := known[name]; ok && s.EntitySet != "" && !in[name] {
			in[name] = true
			queue = append(queue, name)
		}
	}
	for name := range t.persons {
		if _, ok := known[name]; !ok {
			return nil, fmt.Errorf("the environment has no table %s", name)
		}
		add(name)
	}
	for _, name := range slices.Sorted(maps.Keys(t.reads)) {
		add(name)
	}
	for _, s := range t.tables {
		if s.Activity {
			add(s.LogicalName)
		}
	}
	// What a run reads of its own accord, whatever the policy says.
	for _, name := range []string{"account", "activityparty", "customeraddress", "leadaddress", "annotation", "connection", "connectionrole", "attachment"} {
		add(name)
	}
	addresses, err := t.client.AddressColumns(ctx)
	if err != nil {
		return nil, fmt.Errorf("read which columns hold addresses: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		if !personmap.Skipped(name) && !personmap.Is(name, personmap.Own) {
			add(name)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if personmap.Skipped(name) && !t.persons[name] {
			continue // what hangs on it is the platform's
		}
		d, err := t.client.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, r := range d.OneToMany {
			if (t.persons[name] || r.Delete == "Cascade" || r.Delete == "Restrict" || r.Custom) && !personmap.Skipped(r.Referencing) {
				add(r.Referencing)
			}
		}
		for _, m := range d.ManyToMany {
			other := m.Entity1
			if other == name {
				other = m.Entity2
			}
			if !personmap.Is(other, personmap.Platform) {
				add(m.Intersect)
			}
		}
		if t.persons[name] {
			for _, a := range d.Attributes {
				for _, target := range a.Targets {
					if a.Custom && !personmap.Skipped(target) {
						add(target)
					}
				}
			}
		}
		t.progress("definitions", 1)
	}
	return slices.Sorted(maps.Keys(in)), nil
}

// define is the definition of a table, with what the client needs nowhere else.
func (t *taker) define(ctx context.Context, name string) (snapshot.Table, error) {
	d, err := t.client.Table(ctx, name)
	if err != nil {
		return snapshot.Table{}, err
	}
	more, err := t.details(ctx, name)
	if err != nil {
		return snapshot.Table{}, fmt.Errorf("definition of %s: %w", name, err)
	}
	i := slices.IndexFunc(t.tables, func(s dataverse.TableSummary) bool { return s.LogicalName == name })
	out := snapshot.Table{Name: name, SchemaName: d.SchemaName, Label: d.DisplayName, Plural: d.DisplayCollectionName, Set: d.EntitySet, ID: d.PrimaryID,
		PrimaryName: d.PrimaryName, Ownership: d.Ownership, Activity: d.Activity, Intersect: t.tables[i].Intersect, Custom: d.Custom, Audited: d.Audited, Tracked: d.Tracked, Unguarded: !d.OptimisticConcurrency}
	if more.Type != snapshot.Standard {
		out.Type = more.Type
	}
	for _, column := range slices.Sorted(maps.Keys(d.Attributes)) {
		a := d.Attributes[column]
		c := snapshot.Column{Name: column, SchemaName: a.SchemaName, Label: a.DisplayName, Type: a.Type, Format: a.Format, MaxLength: a.MaxLength, Behavior: a.DateTimeBehavior,
			AttributeOf: a.AttributeOf, Required: a.Required, NoRead: !a.ForRead, NoCreate: !a.ForCreate, NoUpdate: !a.ForUpdate, Logical: a.Logical, Custom: a.Custom,
			Audited: a.Audited, Secured: a.Secured, Targets: a.Targets}
		if c.Required == "None" {
			c.Required = ""
		}
		for _, o := range a.Options {
			option := snapshot.Option{Value: o.Value, Label: o.Label}
			if a.Type == "Status" {
				state := o.State
				option.State = &state
			}
			c.Options = append(c.Options, option)
		}
		more.complete(&c)
		if more.hidden[column] && c.AttributeOf == "" {
			t.hidden[name+"."+column] = true
		}
		if c.Source != 0 {
			c.NoCreate, c.NoUpdate = true, true
		}
		out.Columns = append(out.Columns, c)
	}
	for _, r := range slices.Concat(d.ManyToOne, d.OneToMany) {
		out.Relations = append(out.Relations, snapshot.Relation{Name: r.SchemaName, Referenced: r.Referenced, Referencing: r.Referencing, Attribute: r.ReferencingAttribute,
			Nav: r.ReferencingNav, Collection: r.ReferencedNav, Delete: r.Delete, Merge: r.Merge, Assign: r.Assign, Reparent: r.Reparent, Share: r.Share, Unshare: r.Unshare, Custom: r.Custom})
	}
	for _, m := range d.ManyToMany {
		out.ManyToMany = append(out.ManyToMany, snapshot.ManyToMany{Name: m.SchemaName, Intersect: m.Intersect, Table1: m.Entity1, Attribute1: m.Entity1Attribute, Nav1: m.Entity1Nav,
			Table2: m.Entity2, Attribute2: m.Entity2Attribute, Nav2: m.Entity2Nav})
	}
	for _, k := range d.Keys {
		out.Keys = append(out.Keys, snapshot.Key{Name: k.LogicalName, SchemaName: k.SchemaName, Columns: k.Attributes, Failed: !k.Active})
	}
	return out, nil
}

// details is what the definition of a table says beyond what the client reads of it.
type details struct {
	Type    string
	sources map[string]int
	hidden  map[string]bool // columns that the Web API does not have
	numbers map[string]number
	options map[string]int
	truths  map[string]bool
	formats map[string]string // of texts that the platform makes
}

type number struct {
	LogicalName, CalculationOf string
	MinValue, MaxValue         *float64
	Precision                  *int
}

func (m *details) complete(c *snapshot.Column) {
	c.Source, c.AutoNumber = m.sources[c.Name], m.formats[c.Name]
	if n, ok := m.numbers[c.Name]; ok {
		c.Min, c.Max, c.Precision, c.CalculationOf = n.MinValue, n.MaxValue, n.Precision, n.CalculationOf
	}
	if n, ok := m.options[c.Name]; ok && n >= 0 {
		c.Default = n
	}
	if truth, ok := m.truths[c.Name]; ok {
		c.Default = truth
	}
}

// numeric are the types of columns that have bounds.
var numeric = []struct{ cast, columns string }{
	{"Integer", "MinValue,MaxValue"}, {"Decimal", "MinValue,MaxValue,Precision"}, {"Double", "MinValue,MaxValue,Precision"},
	{"Money", "MinValue,MaxValue,Precision,CalculationOf"},
}

// details asks for it in one request.
func (t *taker) details(ctx context.Context, name string) (*details, error) {
	path := "EntityDefinitions(LogicalName='" + name + "')"
	get := func(path string) dataverse.Part {
		return dataverse.Part{Op: &dataverse.Operation{Method: http.MethodGet, Path: path}}
	}
	cast := func(kind, columns string) dataverse.Part {
		return get(path + "/Attributes/Microsoft.Dynamics.CRM." + kind + "AttributeMetadata?$select=LogicalName," + columns)
	}
	parts := []dataverse.Part{get(path + "?$select=LogicalName,TableType"), get(path + "/Attributes?$select=LogicalName,SourceType,IsValidODataAttribute"),
		cast("Picklist", "DefaultFormValue"), cast("Boolean", "DefaultValue"), cast("String", "AutoNumberFormat")}
	for _, n := range numeric {
		parts = append(parts, cast(n.cast, n.columns))
	}
	results, err := t.client.Batch(ctx, parts)
	if err != nil {
		return nil, err
	}
	m := &details{sources: map[string]int{}, hidden: map[string]bool{}, numbers: map[string]number{}, options: map[string]int{}, truths: map[string]bool{}, formats: map[string]string{}}
	take := func(i int, out any) error {
		switch r := results[i]; {
		case r.Err != nil:
			return r.Err
		case len(r.Bodies) != 1:
			return dataverse.ErrAnswer
		default:
			return json.Unmarshal(r.Bodies[0], out)
		}
	}
	var kind struct{ TableType string }
	if err := take(0, &kind); err != nil {
		return nil, err
	}
	m.Type = kind.TableType
	var sources struct {
		Value []struct {
			LogicalName           string
			SourceType            *int
			IsValidODataAttribute *bool
		}
	}
	if err := take(1, &sources); err != nil {
		return nil, err
	}
	for _, v := range sources.Value {
		if v.SourceType != nil && *v.SourceType != 0 {
			m.sources[v.LogicalName] = *v.SourceType
		}
		if v.IsValidODataAttribute != nil && !*v.IsValidODataAttribute {
			m.hidden[v.LogicalName] = true
		}
	}
	var choices struct {
		Value []struct {
			LogicalName      string
			DefaultFormValue *int
		}
	}
	if err := take(2, &choices); err != nil {
		return nil, err
	}
	for _, v := range choices.Value {
		if v.DefaultFormValue != nil {
			m.options[v.LogicalName] = *v.DefaultFormValue
		}
	}
	var truths struct {
		Value []struct {
			LogicalName  string
			DefaultValue *bool
		}
	}
	if err := take(3, &truths); err != nil {
		return nil, err
	}
	for _, v := range truths.Value {
		if v.DefaultValue != nil {
			m.truths[v.LogicalName] = *v.DefaultValue
		}
	}
	var formats struct {
		Value []struct{ LogicalName, AutoNumberFormat string }
	}
	if err := take(4, &formats); err != nil {
		return nil, err
	}
	for _, v := range formats.Value {
		if v.AutoNumberFormat != "" {
			m.formats[v.LogicalName] = v.AutoNumberFormat
		}
	}
	for i := range numeric {
		var body struct{ Value []number }
		if err := take(5+i, &body); err != nil {
			return nil, err
		}
		for _, v := range body.Value {
			m.numbers[v.LogicalName] = v
		}
	}
	return m, nil
}

// views are the system views of a table, which a policy may name.
func (t *taker) views(ctx context.Context, table string) ([]snapshot.View, error) {
	var out []snapshot.View
	q := dataverse.Query{Set: "savedqueries", Select: []string{"savedqueryid", "name", "returnedtypecode", "fetchxml", "querytype"},
		Filter: "returnedtypecode eq '" + table + "' and querytype eq 0"}
	for row, err := range t.client.Rows(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read the views of %s: %w", table, err)
		}
		id := row.ID("savedqueryid")
		if id == uuid.Nil || row.Text("fetchxml") == "" {
			continue
		}
		kind, _ := row.Int("querytype")
		out = append(out, snapshot.View{ID: id, Name: row.Text("name"), Table: table, FetchXML: row.Text("fetchxml"), Type: int(kind)})
	}
	slices.SortFunc(out, func(a, b snapshot.View) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	return out, nil
}
