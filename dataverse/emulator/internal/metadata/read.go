package metadata

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// schemaFor is what a read of definitions sees: with Options.MetadataLag the schema of a while ago, as the service's
// cache may, unless the caller asks for Consistency: Strong. Pages: web-api-metadata-operations-sample,
// compose-http-requests-handle-errors.
func schemaFor(c *wire.Call) *schema.Schema {
	s := c.View().Schema
	if c.Engine.Options.MetadataLag <= 0 || strings.EqualFold(c.Header.Get("Consistency"), "Strong") {
		return s
	}
	seen := c.Engine.Clock.Now().Add(-c.Engine.Options.MetadataLag)
	for s.Previous != nil && s.Since.After(seen) {
		s = s.Previous
	}
	return s
}

// definition is a place in the tree of definitions that a path leads to.
type definition struct {
	typ     string   // the declared type
	list    []object // one if single
	single  bool
	value   any    // of a property
	isValue bool   // the path ended at a property
	context string // what follows $metadata#
}

// resolve follows a path through the definitions.
func resolve(s *schema.Schema, segments []wire.Segment) (definition, error) {
	first := segments[0]
	d := definition{context: first.Name}
	switch first.Name {
	case "EntityDefinitions":
		d.typ = "EntityMetadata"
		if first.HasKey {
			t, err := tableByKey(s, first.Key)
			if err != nil {
				return d, err
			}
			d.list, d.single = []object{metaTable(s, t)}, true
			if len(segments) > 1 {
				d.context = "EntityDefinitions('" + t.Name + "')"
				if _, byName := cutKey(first.Key, "LogicalName"); !byName { // as the address has it: webapi/retrieve-metadata-name-metadataid
					d.context = "EntityDefinitions(" + TableID(t).String() + ")"
				}
			}
			break
		}
		for _, name := range s.TableNames() {
			d.list = append(d.list, metaTable(s, s.Tables[name]))
		}
	case "RelationshipDefinitions":
		d.typ = "RelationshipMetadataBase"
		for _, r := range s.Relations {
			d.list = append(d.list, metaOneToMany(s, r))
		}
		for _, m := range s.ManyToMany {
			d.list = append(d.list, metaManyToMany(s, m))
		}
		if first.HasKey {
			if err := d.pick(first.Key, "SchemaName", "Relationship"); err != nil {
				return d, err
			}
		}
	case "GlobalOptionSetDefinitions":
		d.typ = "OptionSetMetadataBase"
		for _, name := range s.OptionSetNames() {
			d.list = append(d.list, metaOptionSet(s, s.OptionSets[name]))
		}
		if first.HasKey {
			if err := d.pick(first.Key, "Name", "OptionSet"); err != nil {
				return d, err
			}
		}
	default:
		return d, wire.NewError(http.StatusNotImplemented, "0x80040315", "The emulator does not cover this: %s.", first.Name)
	}
	for _, next := range segments[1:] {
		if err := resolveStep(s, &d, next); err != nil {
			return d, err
		}
	}
	return d, nil
}

// resolveStep follows one more segment of a path.
func resolveStep(s *schema.Schema, d *definition, next wire.Segment) error {
	if d.isValue {
		if next.Name != "$value" || strings.HasSuffix(d.context, "/$value") {
			return wire.NoSegment(next.Name)
		}
		d.context += "/$value"
		return nil
	}
	if name, found := strings.CutPrefix(next.Name, wire.CRMNamespace); found {
		t := metaTypes()[name]
		if t == nil || !t.is(d.typ) || name == "EnumAttributeMetadata" {
			return wire.NoSegment(next.Name)
		}
		var kept []object
		for _, o := range d.list {
			if metaTypes()[o.typ].is(name) {
				kept = append(kept, o)
			}
		}
		if d.single && len(kept) == 0 {
			return wire.NoSegment(next.Name)
		}
		d.list, d.typ, d.context = kept, name, d.context+"/"+next.Name
		return nil
	}
	if !d.single {
		return wire.NoSegment(next.Name)
	}
	typ := metaTypes()[d.typ].prop(next.Name)
	o := d.list[0]
	switch {
	case typ == "":
		return wire.NoSegment(next.Name)
	case strings.HasPrefix(typ, "N[]:"):
		*d = definition{typ: typ[len("N[]:"):], list: navigate(s, o, next.Name), context: d.context + "/" + next.Name}
		if next.HasKey {
			by := map[string]string{"Attributes": "LogicalName", "Keys": "LogicalName"}[next.Name]
			if by == "" {
				by = "SchemaName"
			}
			kind := map[string]string{"Attributes": "Attribute", "Keys": "EntityKey"}[next.Name]
			if kind == "" {
				kind = "Relationship"
			}
			return d.pick(next.Key, by, kind)
		}
	case strings.HasPrefix(typ, "N:"):
		v, _ := o.props[next.Name].(map[string]any)
		if v == nil {
			return wire.NewError(http.StatusNotFound, "0x8004024a", "Metadata not found.")
		}
		*d = definition{typ: typ[len("N:"):], list: []object{{typ[len("N:"):], v}}, single: true, context: d.context + "/" + next.Name}
	default:
		*d = definition{value: o.props[next.Name], isValue: true, context: d.context + "/" + next.Name}
	}
	return nil
}

// pick keeps the one definition with the key: MetadataId, or the alternate key by name.
func (d *definition) pick(key, by, kind string) error {
	name, isName := cutKey(key, by)
	id := uuid.Nil
	if !isName {
		var ok bool
		if id, ok = (wire.Segment{Key: key}).ID(); !ok {
			return wire.BadQuery("The key '%s' is not valid for %sDefinitions.", key, kind)
		}
	}
	for _, o := range d.list {
		if isName && strings.EqualFold(fmt.Sprint(o.props[by]), name) || !isName && o.props["MetadataId"] == id.String() {
			d.list, d.single = []object{o}, true
			return nil
		}
	}
	if isName {
		return wire.NewError(http.StatusNotFound, "0x80040217", "Could not find %s with %s = '%s'.", kind, by, name)
	}
	return wire.NewError(http.StatusNotFound, "0x80040217", "Could not find %s with MetadataId = '%s'.", kind, id)
}

// cutKey reads a key written Name='value'.
func cutKey(key, by string) (string, bool) {
	rest, found := strings.CutPrefix(strings.TrimSpace(key), by)
	if !found {
		return "", false
	}
	rest, found = strings.CutPrefix(strings.TrimSpace(rest), "=")
	rest = strings.TrimSpace(rest)
	if !found || len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
		return "", false
	}
	return strings.ReplaceAll(rest[1:len(rest)-1], "''", "'"), true
}

// tableByKey finds a table by LogicalName='x' or MetadataId.
func tableByKey(s *schema.Schema, key string) (*schema.Table, error) {
	if name, found := cutKey(key, "LogicalName"); found {
		if t := s.Tables[strings.ToLower(name)]; t != nil {
			return t, nil
		}
		// Not 501, although the platform may have it: who asks for one definition asks whether its app is there, and the list has it not.
		return nil, wire.NewError(http.StatusNotFound, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", name)
	}
	id, ok := (wire.Segment{Key: key}).ID()
	if !ok {
		return nil, wire.BadQuery("The key '%s' is not valid for EntityDefinitions.", key)
	}
	for _, t := range s.Tables {
		if TableID(t) == id {
			return t, nil
		}
	}
	return nil, wire.NewError(http.StatusNotFound, "0x80040217", "Could not find an entity with specified entity id: %s", id)
}

// navigate is what a collection-valued navigation property of a table leads to.
func navigate(s *schema.Schema, o object, name string) []object {
	t := s.Tables[fmt.Sprint(o.props["LogicalName"])]
	if o.typ != "EntityMetadata" || t == nil {
		return nil
	}
	var list []object
	switch name {
	case "Attributes":
		return metaColumns(s, t)
	case "Keys":
		for _, k := range t.Keys {
			list = append(list, metaKey(s, t, k))
		}
	case "OneToManyRelationships":
		for _, r := range t.Incoming {
			list = append(list, metaOneToMany(s, r))
		}
	case "ManyToOneRelationships":
		for _, r := range t.Outgoing {
			list = append(list, metaOneToMany(s, r))
		}
	case "ManyToManyRelationships":
		for _, m := range s.ManyToMany {
			if m.Table1 == t.Name || m.Table2 == t.Name {
				list = append(list, metaManyToMany(s, m))
			}
		}
	}
	return list
}

// metaQuery is the query of definitions, checked against the type it is asked of.
type metaQuery struct {
	sel    []string
	filter func(object) bool
	expand []metaExpand
}

type metaExpand struct {
	name  string
	query metaQuery
}

// context is the part of @odata.context that lists the selected properties.
func (q metaQuery) context() string {
	list := append([]string(nil), q.sel...)
	for _, e := range q.expand {
		list = append(list, e.name+e.query.context())
	}
	if len(list) == 0 {
		return ""
	}
	return "(" + strings.Join(list, ",") + ")"
}

// parseMetaQuery reads the options of a query of definitions. There is no paging, no order, no count.
func parseMetaQuery(c *wire.Call, typ string) (metaQuery, error) {
	var q metaQuery
	for name := range c.Query {
		switch name {
		case "$select", "$filter", "$expand":
		case "LabelLanguages":
			return q, wire.NotEmulated(c.Engine, "LabelLanguages")
		default:
			if strings.HasPrefix(name, "$") {
				return q, wire.BadQuery("The query parameter %s is not supported", name)
			}
		}
	}
	t := metaTypes()[typ]
	if text := c.Query.Get("$select"); text != "" {
		sel, err := odata.ParseSelect(text)
		if err != nil {
			return q, wire.BadQuery("%v", err)
		}
		if q.sel, err = checkMetaSelect(sel, t); err != nil {
			return q, err
		}
	}
	if text := c.Query.Get("$filter"); text != "" {
		expr, err := odata.ParseFilter(text)
		if err != nil {
			return q, wire.BadQuery("%v", err)
		}
		if q.filter, err = compileMetaFilter(expr, t); err != nil {
			return q, err
		}
	}
	if text := c.Query.Get("$expand"); text != "" {
		expand, err := odata.ParseExpand(text)
		if err != nil {
			return q, wire.BadQuery("%v", err)
		}
		if q.expand, err = checkMetaExpand(expand, t); err != nil {
			return q, err
		}
	}
	return q, nil
}

func checkMetaSelect(sel odata.Select, t *metaType) ([]string, error) {
	var names []string
	for _, p := range sel {
		name := p.Segments[0]
		if name == "*" {
			return nil, nil
		}
		switch typ := t.prop(name); {
		case typ == "" || len(p.Segments) > 1:
			return nil, wire.NoProperty(strings.Join(p.Segments, "/"), t.name)
		case strings.HasPrefix(typ, "N"):
			continue // selecting a navigation property selects nothing
		}
		names = append(names, name)
	}
	return names, nil
}

func checkMetaExpand(items odata.Expand, t *metaType) ([]metaExpand, error) {
	var out []metaExpand
	for _, item := range items {
		name := item.Path.Segments[0]
		typ := t.prop(name)
		target, found := strings.CutPrefix(typ, "N[]:")
		if !found {
			target, found = strings.CutPrefix(typ, "N:")
		}
		if !found || len(item.Path.Segments) > 1 {
			return nil, wire.NoProperty(strings.Join(item.Path.Segments, "/"), t.name)
		}
		if item.Top != nil || len(item.OrderBy) > 0 || item.Ref {
			return nil, wire.BadQuery("Only $select, $filter and $expand are supported in the $expand of '%s'.", name)
		}
		e := metaExpand{name: name}
		of := metaTypes()[target]
		var err error
		if e.query.sel, err = checkMetaSelect(item.Select, of); err != nil {
			return nil, err
		}
		if item.Filter != nil {
			if e.query.filter, err = compileMetaFilter(item.Filter, of); err != nil {
				return nil, err
			}
		}
		if e.query.expand, err = checkMetaExpand(item.Expand, of); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// project is the JSON of one definition. MetadataId is always there. Within an expand a derived type shows only what
// its declared type has.
func project(s *schema.Schema, o object, declared string, q metaQuery, expanded bool) (map[string]any, error) {
	body := make(map[string]any, len(o.props))
	if o.typ != declared {
		body["@odata.type"] = "#" + wire.CRMNamespace + o.typ
	}
	switch {
	case q.sel != nil:
		for _, name := range q.sel {
			body[name] = o.props[name]
		}
		if id, found := o.props["MetadataId"]; found {
			body["MetadataId"] = id
		}
	default:
		show := o.typ
		if expanded {
			show = declared
		}
		metaTypes()[show].all(func(name, typ string) {
			if v, found := o.props[name]; found && !strings.HasPrefix(typ, "N") {
				body[name] = v
			}
		})
		for name, v := range o.props {
			if strings.HasPrefix(name, "@") {
				body[name] = v
			}
		}
	}
	for _, e := range q.expand {
		typ := metaTypes()[o.typ].prop(e.name)
		if target, found := strings.CutPrefix(typ, "N:"); found {
			v, _ := o.props[e.name].(map[string]any)
			if v == nil {
				body[e.name] = nil
				continue
			}
			inner, err := project(s, object{target, v}, target, e.query, true)
			if err != nil {
				return nil, err
			}
			body[e.name] = inner
			continue
		}
		target := strings.TrimPrefix(typ, "N[]:")
		list := []any{}
		for _, x := range navigate(s, o, e.name) {
			if e.query.filter != nil && !e.query.filter(x) {
				continue
			}
			inner, err := project(s, x, target, e.query, true)
			if err != nil {
				return nil, err
			}
			list = append(list, inner)
		}
		body[e.name] = list
	}
	return body, nil
}
