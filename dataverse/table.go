package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const attributeSelect = "LogicalName,SchemaName,DisplayName,AttributeType,AttributeTypeName,AttributeOf,RequiredLevel,IsValidForRead," +
	"IsValidForCreate,IsValidForUpdate,IsCustomAttribute,IsLogical,IsPrimaryId,IsSecured,IsAuditEnabled,ColumnNumber,SourceType"

const relationshipSelect = "SchemaName,ReferencedEntity,ReferencedAttribute,ReferencingEntity,ReferencingAttribute," +
	"ReferencedEntityNavigationPropertyName,ReferencingEntityNavigationPropertyName,CascadeConfiguration," +
	"IsCustomRelationship,IsHierarchical"

// typedReads are the casts that a table's columns are read through: what is particular to a type is not to be had
// from the list of all columns, and the base type of all choices cannot be cast to.
var typedReads = []struct{ cast, options string }{
	{"String", "$select=LogicalName,MaxLength,FormatName"},
	{"Memo", "$select=LogicalName,MaxLength,Format"},
	{"DateTime", "$select=LogicalName,Format,DateTimeBehavior"},
	{"Integer", "$select=LogicalName,Format"},
	{"Lookup", "$select=LogicalName,Targets"},
	{"Picklist", "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"},
	{"MultiSelectPicklist", "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"},
	{"State", "$select=LogicalName&$expand=OptionSet($select=Options)"},
	{"Status", "$select=LogicalName&$expand=OptionSet($select=Options)"},
	{"Boolean", "$select=LogicalName&$expand=OptionSet($select=TrueOption,FalseOption)"},
}

// Table is the definition of a table, with its columns, relationships and keys: one request, and remembered. A table
// that does not exist is [ErrNoTable]. The value is shared: leave it as it is.
func (c *Client) Table(ctx context.Context, logical string) (*Table, error) {
	if !tableName(logical) {
		return nil, noTable(logical)
	}
	c.Schema.mu.Lock()
	t, file := c.Schema.tables[logical], c.Schema.file
	if t == nil {
		known, told := file.table(logical)
		switch {
		case known != nil:
			c.Schema.keep(known)
			t = known
		case told:
			c.Schema.mu.Unlock()
			return nil, noTable(logical)
		}
	}
	c.Schema.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := c.readTable(ctx, logical)
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	if file != nil && file == c.Schema.file {
		switch {
		case err == nil:
			file.read[logical], file.changed = t, true
		case errors.Is(err, ErrNoTable):
			file.missing[logical], file.changed = true, true
		}
	}
	if err != nil {
		return nil, err
	}
	c.Schema.keep(t)
	return t, nil
}

func (s *schema) keep(t *Table) {
	if s.tables == nil {
		s.tables = map[string]*Table{}
	}
	s.tables[t.LogicalName] = t
}

func (c *Client) readTable(ctx context.Context, logical string) (*Table, error) {
	path := "EntityDefinitions(LogicalName='" + logical + "')"
	header := c.Schema.header()
	get := func(path string) Part {
		return Part{Op: &Operation{Method: http.MethodGet, Path: path, Header: header}}
	}
	parts := []Part{
		get(path + "?$select=" + summarySelect + ",DisplayCollectionName,OwnershipType,Privileges"),
		get(path + "/Attributes?$select=" + attributeSelect),
		get(path + "/OneToManyRelationships?$select=" + relationshipSelect),
		get(path + "/ManyToOneRelationships?$select=" + relationshipSelect),
		get(path + "/ManyToManyRelationships?$select=SchemaName,IntersectEntityName,Entity1LogicalName," +
			"Entity1IntersectAttribute,Entity1NavigationPropertyName,Entity2LogicalName,Entity2IntersectAttribute,Entity2NavigationPropertyName"),
		get(path + "/Keys?$select=LogicalName,SchemaName,KeyAttributes,EntityKeyIndexStatus"),
	}
	for _, r := range typedReads {
		parts = append(parts, get(path+"/Attributes/Microsoft.Dynamics.CRM."+r.cast+"AttributeMetadata?"+r.options))
	}
	results, err := c.Batch(ctx, parts)
	if err != nil {
		return nil, fmt.Errorf("definition of %s: %w", logical, err)
	}
	if errors.Is(results[0].Err, ErrNotFound) {
		return nil, noTable(logical)
	}
	for _, r := range results {
		if r.Err != nil {
			return nil, fmt.Errorf("definition of %s: %w", logical, r.Err)
		}
	}
	t, err := c.definitions.table(c.Root, results, func() (*Table, error) {
		b := tableBuilder{results: results, labels: c.labels}
		t := b.table()
		return t, b.err
	})
	if err != nil {
		return nil, fmt.Errorf("definition of %s: %w", logical, err)
	}
	if t.LogicalName != logical || len(t.Attributes) == 0 {
		return nil, fmt.Errorf("definition of %s: %w: of another table", logical, ErrAnswer)
	}
	return t, nil
}

// tableBuilder takes the answers in the order of the reads.
type tableBuilder struct {
	results []Result
	labels  int
	at      int
	err     error
}

func (b *tableBuilder) next(out any) {
	r := b.results[b.at]
	b.at++
	if b.err != nil {
		return
	}
	if len(r.Bodies) != 1 {
		b.err = fmt.Errorf("%w: no body", ErrAnswer)
		return
	}
	b.err = decodeDefinition(r.Bodies[0], out)
}

// decodeDefinition is decodeJSON for the definitions of a table, of which a verb reads megabytes before it begins.
func decodeDefinition(body []byte, out any) error {
	err := jsonx.Unmarshal(body, out, jsonx.MatchCaseInsensitiveNames(true), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var wrong *jsonx.SemanticError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%w: %s is of another type than expected", ErrAnswer, wrong.JSONPointer)
	case err != nil:
		return broken("no whole JSON document")
	}
	return nil
}

func (b *tableBuilder) table() *Table {
	var e entityJSON
	b.next(&e)
	if b.err == nil && e.EntitySetName != "" && !setName(e.EntitySetName) {
		b.err = errSetName()
	}
	t := &Table{
		ID: e.MetadataId, LogicalName: e.LogicalName, SchemaName: e.SchemaName, DisplayName: e.DisplayName.in(b.labels),
		DisplayCollectionName: e.DisplayCollectionName.in(b.labels), EntitySet: e.EntitySetName,
		PrimaryID: e.PrimaryIdAttribute, PrimaryName: e.PrimaryNameAttribute, Ownership: e.OwnershipType,
		ObjectTypeCode: e.ObjectTypeCode, Activity: e.IsActivity, Audited: e.IsAuditEnabled.Value,
		Custom: e.IsCustomEntity, OptimisticConcurrency: e.IsOptimisticConcurrencyEnabled, Tracked: e.ChangeTrackingEnabled,
		Attributes: map[string]*Attribute{},
	}
	for _, p := range e.Privileges {
		t.Privileges = append(t.Privileges, TablePrivilege{
			ID: p.PrivilegeId, Name: p.Name, Type: p.PrivilegeType,
			Basic: p.CanBeBasic, Local: p.CanBeLocal, Deep: p.CanBeDeep, Global: p.CanBeGlobal,
		})
	}
	b.attributes(t)
	t.OneToMany = b.relationships()
	t.ManyToOne = b.relationships()
	t.ManyToMany = b.manyToMany()
	t.Keys = b.keys()
	for range typedReads {
		b.typed(t)
	}
	return t
}

func (b *tableBuilder) attributes(t *Table) {
	var body struct {
		Value []struct {
			LogicalName, SchemaName, AttributeType               string
			DisplayName                                          label
			AttributeTypeName, RequiredLevel                     struct{ Value string }
			AttributeOf                                          string
			IsValidForRead, IsValidForCreate, IsValidForUpdate   bool
			IsCustomAttribute, IsLogical, IsPrimaryId, IsSecured bool
			IsAuditEnabled                                       flag
			ColumnNumber                                         int
			SourceType                                           int // null where the type of column cannot be computed
		}
	}
	b.next(&body)
	for _, a := range body.Value {
		kind := strings.TrimSuffix(a.AttributeTypeName.Value, "Type")
		if kind == "" {
			kind = a.AttributeType
		}
		t.Attributes[a.LogicalName] = &Attribute{
			LogicalName: a.LogicalName, SchemaName: a.SchemaName, DisplayName: a.DisplayName.in(b.labels), Type: kind,
			Required: a.RequiredLevel.Value, AttributeOf: a.AttributeOf,
			ForRead: a.IsValidForRead, ForCreate: a.IsValidForCreate, ForUpdate: a.IsValidForUpdate,
			Custom: a.IsCustomAttribute, Logical: a.IsLogical, Primary: a.IsPrimaryId, Secured: a.IsSecured,
			Audited: a.IsAuditEnabled.Value, Number: a.ColumnNumber, Computed: a.SourceType != 0,
		}
	}
}

func (b *tableBuilder) relationships() []Relationship {
	var body struct {
		Value []struct {
			SchemaName, ReferencedEntity, ReferencedAttribute                               string
			ReferencingEntity, ReferencingAttribute                                         string
			ReferencedEntityNavigationPropertyName, ReferencingEntityNavigationPropertyName string
			IsCustomRelationship, IsHierarchical                                            bool
			CascadeConfiguration                                                            struct{ Delete, Merge, Assign, Reparent, Share, Unshare string }
		}
	}
	b.next(&body)
	list := make([]Relationship, 0, len(body.Value))
	for _, r := range body.Value {
		cascade := r.CascadeConfiguration
		list = append(list, Relationship{
			SchemaName: r.SchemaName, Referenced: r.ReferencedEntity, ReferencedAttribute: r.ReferencedAttribute,
			Referencing: r.ReferencingEntity, ReferencingAttribute: r.ReferencingAttribute,
			ReferencingNav: r.ReferencingEntityNavigationPropertyName, ReferencedNav: r.ReferencedEntityNavigationPropertyName,
			Delete: cascade.Delete, Merge: cascade.Merge, Assign: cascade.Assign, Reparent: cascade.Reparent,
			Share: cascade.Share, Unshare: cascade.Unshare, Custom: r.IsCustomRelationship, Hierarchical: r.IsHierarchical,
		})
	}
	return list
}

func (b *tableBuilder) manyToMany() []ManyToMany {
	var body struct {
		Value []struct {
			SchemaName, IntersectEntityName                                              string
			Entity1LogicalName, Entity1IntersectAttribute, Entity1NavigationPropertyName string
			Entity2LogicalName, Entity2IntersectAttribute, Entity2NavigationPropertyName string
		}
	}
	b.next(&body)
	list := make([]ManyToMany, 0, len(body.Value))
	for _, r := range body.Value {
		list = append(list, ManyToMany{
			SchemaName: r.SchemaName, Intersect: r.IntersectEntityName,
			Entity1: r.Entity1LogicalName, Entity1Attribute: r.Entity1IntersectAttribute, Entity1Nav: r.Entity1NavigationPropertyName,
			Entity2: r.Entity2LogicalName, Entity2Attribute: r.Entity2IntersectAttribute, Entity2Nav: r.Entity2NavigationPropertyName,
		})
	}
	return list
}

func (b *tableBuilder) keys() []Key {
	var body struct {
		Value []struct {
			LogicalName, SchemaName, EntityKeyIndexStatus string
			KeyAttributes                                 []string
		}
	}
	b.next(&body)
	list := make([]Key, 0, len(body.Value))
	for _, k := range body.Value {
		list = append(list, Key{
			LogicalName: k.LogicalName, SchemaName: k.SchemaName, Attributes: k.KeyAttributes,
			Active: k.EntityKeyIndexStatus == "Active",
		})
	}
	return list
}

type optionJSON struct {
	Value int
	Label label
	State int
}

type optionSetJSON struct {
	Options                 []optionJSON
	TrueOption, FalseOption *optionJSON
}

// typed adds what one cast brings.
func (b *tableBuilder) typed(t *Table) {
	var body struct {
		Value []struct {
			LogicalName                string
			MaxLength                  int
			Format                     json.RawMessage
			FormatName                 *struct{ Value string }
			DateTimeBehavior           *struct{ Value string }
			Targets                    []string
			OptionSet, GlobalOptionSet *optionSetJSON
		}
	}
	b.next(&body)
	for _, v := range body.Value {
		a := t.Attributes[v.LogicalName]
		if a == nil {
			continue
		}
		if v.MaxLength > 0 {
			a.MaxLength = v.MaxLength
		}
		json.Unmarshal(v.Format, &a.Format) // a name, or nothing
		if v.FormatName != nil {
			a.Format = v.FormatName.Value
		}
		if v.DateTimeBehavior != nil {
			a.DateTimeBehavior = v.DateTimeBehavior.Value
		}
		if v.Targets != nil {
			a.Targets = v.Targets
		}
		for _, set := range []*optionSetJSON{v.OptionSet, v.GlobalOptionSet} {
			if set == nil || a.Options != nil {
				continue
			}
			for _, o := range set.Options {
				a.Options = append(a.Options, Option{Value: o.Value, Label: o.Label.in(b.labels), State: o.State})
			}
			for _, o := range []*optionJSON{set.FalseOption, set.TrueOption} {
				if o != nil {
					a.Options = append(a.Options, Option{Value: o.Value, Label: o.Label.in(b.labels)})
				}
			}
		}
	}
}
