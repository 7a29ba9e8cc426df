package load

import (
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/snapshot"
)

// SnapshotSchema is the schema of the environment that a file was taken of.
func SnapshotSchema(in *snapshot.Reader) (*schema.Schema, error) {
	exists := map[string]bool{}
	for _, t := range in.Head.Tables {
		exists[t.Name] = true
	}
	var tables []*schema.Table
	var relations []*schema.Relationship
	var many []*schema.ManyToMany
	for i := range in.Tables {
		d := &in.Tables[i]
		tables = append(tables, tableOf(d))
		for _, r := range d.Relations {
			relations = append(relations, relationOf(r))
		}
		for _, m := range d.ManyToMany {
			many = append(many, &schema.ManyToMany{Name: m.Name, Intersect: m.Intersect, Table1: m.Table1, Attribute1: m.Attribute1, Nav1: m.Nav1,
				Table2: m.Table2, Attribute2: m.Attribute2, Nav2: m.Nav2})
		}
	}
	known, err := schema.Assemble(tables, relations, many, func(name string) bool { return exists[name] || kept[name] })
	if err != nil {
		return nil, err
	}
	for i := range in.Tables {
		if d := &in.Tables[i]; known.Tables[d.Name] != nil {
			known.Tables[d.Name].Tracked, known.Tables[d.Name].Unguarded = d.Tracked, d.Unguarded
		}
	}
	return known, nil
}

// kept are the tables without which there is no emulator.
var kept = map[string]bool{
	"organization": true, "businessunit": true, "systemuser": true, "team": true, "teammembership": true, "role": true, "privilege": true,
	"roleprivileges": true, "systemuserroles": true, "teamroles": true, "transactioncurrency": true, "publisher": true, "solution": true,
	"solutioncomponent": true, "savedquery": true, "userquery": true, "usersettings": true, "recyclebinconfig": true, "deleteditemreference": true, "audit": true,
	"asyncoperation": true, "bulkdeleteoperation": true, "bulkdeletefailure": true, "fieldsecurityprofile": true, "fieldpermission": true,
	"systemuserprofiles": true, "teamprofiles": true, "principalobjectaccess": true, "activitypointer": true, "activityparty": true, "fileattachment": true,
	"duplicaterule": true, "duplicaterulecondition": true, "duplicaterecord": true, "retentionconfig": true, "retentionoperation": true,
	"retentionoperationdetail": true, "retentionfailuredetail": true, "workflow": true, "mailbox": true, "queue": true, "queueitem": true,
}

func tableOf(d *snapshot.Table) *schema.Table {
	t := &schema.Table{Name: d.Name, SchemaName: d.SchemaName, Label: d.Label, Plural: d.Plural, Set: d.Set, ID: d.ID, PrimaryName: d.PrimaryName,
		Ownership: d.Ownership, Type: d.Type, Activity: d.Activity, Intersect: d.Intersect, Custom: d.Custom, Audited: d.Audited}
	base := schema.BaseSchema().Tables[d.Name]
	if base != nil {
		t.TypeCode = base.TypeCode
	}
	for i := range d.Columns {
		c := &d.Columns[i]
		var like *schema.Column
		if base != nil {
			like = base.Column(c.Name)
		}
		if like == nil && mirrors(c) {
			continue // the platform makes it of the column that it mirrors
		}
		if made := columnOf(c, like); made != nil {
			t.Columns = append(t.Columns, made)
		}
	}
	for _, k := range d.Keys {
		if slices.ContainsFunc(k.Columns, func(name string) bool {
			return !slices.ContainsFunc(t.Columns, func(c *schema.Column) bool { return c.Name == name })
		}) {
			continue // of a column that the emulator does not hold
		}
		t.Keys = append(t.Keys, &schema.AlternateKey{Name: k.Name, SchemaName: k.SchemaName, Columns: k.Columns, Failed: k.Failed})
	}
	return t
}

// mirrors tells whether a column only shows another one in words.
func mirrors(c *snapshot.Column) bool {
	rest, of := strings.CutPrefix(c.Name, c.AttributeOf)
	return c.AttributeOf != "" && of && (rest == "name" || rest == "yominame" || rest == "type")
}

// columnOf is a column as the environment defines it. like is the column of that name that every environment has, nil if none has it.
func columnOf(c *snapshot.Column, like *schema.Column) *schema.Column {
	if _, known := schema.KindNames[c.Type]; !known {
		return nil // of a type that nothing is known of: it is a gap
	}
	made := &schema.Column{Name: c.Name, SchemaName: c.SchemaName, Label: c.Label, Type: c.Type, Format: c.Format, MaxLength: c.MaxLength, Min: c.Min, Max: c.Max,
		Precision: c.Precision, Behavior: c.Behavior, AttributeOf: c.AttributeOf, CalculationOf: c.CalculationOf, AutoNumber: c.AutoNumber, Required: c.Required, NoRead: c.NoRead, NoCreate: c.NoCreate, NoUpdate: c.NoUpdate,
		Logical: c.Logical, Custom: c.Custom, Audit: c.Audited, Secured: c.Secured, Targets: c.Targets, Default: c.Default, Source: c.Source}
	for _, o := range c.Options {
		made.Options = append(made.Options, schema.Option{Value: o.Value, Label: o.Label, State: o.State})
	}
	if like != nil && len(made.Targets) == 0 {
		made.Targets = like.Targets
	}
	made.Several = c.Type == "Lookup" && c.Custom && len(c.Targets) > 1
	return made
}

func relationOf(r snapshot.Relation) *schema.Relationship {
	made := &schema.Relationship{Name: r.Name, Referenced: r.Referenced, Referencing: r.Referencing, Attribute: r.Attribute, Nav: r.Nav, Collection: r.Collection,
		Delete: r.Delete, Merge: r.Merge, Custom: r.Custom, Cascade: map[string]string{}}
	for action, value := range map[string]string{"Assign": r.Assign, "Reparent": r.Reparent, "Share": r.Share, "Unshare": r.Unshare} {
		if value != "" {
			made.Cascade[action] = value
		}
	}
	return made
}

// activities are the tables of activities, sorted.
func (l *Loader) activities() []string {
	names := slices.Sorted(maps.Keys(l.Schema.Tables))
	return slices.DeleteFunc(names, func(name string) bool { return !l.Schema.Tables[name].Activity })
}
