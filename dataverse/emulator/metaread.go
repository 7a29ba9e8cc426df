package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/google/uuid"
)

// metadata is what a read of definitions sees: with Options.MetadataLag the schema of a while ago, as the service's
// cache may, unless the caller asks for Consistency: Strong. Pages: web-api-metadata-operations-sample,
// compose-http-requests-handle-errors.
func (c *call) metadata() *schema {
	s := c.view().schema
	if c.engine.options.MetadataLag <= 0 || strings.EqualFold(c.header.Get("Consistency"), "Strong") {
		return s
	}
	seen := c.engine.clock.now().Add(-c.engine.options.MetadataLag)
	for s.previous != nil && s.since.After(seen) {
		s = s.previous
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
func (s *schema) resolve(segments []segment) (definition, error) {
	first := segments[0]
	d := definition{context: first.name}
	switch first.name {
	case "EntityDefinitions":
		d.typ = "EntityMetadata"
		if first.hasKey {
			t, err := s.tableByKey(first.key)
			if err != nil {
				return d, err
			}
			d.list, d.single = []object{s.metaTable(t)}, true
			if len(segments) > 1 {
				d.context = "EntityDefinitions('" + t.Name + "')"
			}
			break
		}
		for _, name := range s.names() {
			d.list = append(d.list, s.metaTable(s.tables[name]))
		}
	case "RelationshipDefinitions":
		d.typ = "RelationshipMetadataBase"
		for _, r := range s.relations {
			d.list = append(d.list, s.metaOneToMany(r))
		}
		for _, m := range s.many {
			d.list = append(d.list, s.metaManyToMany(m))
		}
		if first.hasKey {
			if err := d.pick(first.key, "SchemaName", "Relationship"); err != nil {
				return d, err
			}
		}
	case "GlobalOptionSetDefinitions":
		d.typ = "OptionSetMetadataBase"
		for _, name := range s.optionSetNames() {
			d.list = append(d.list, s.metaOptionSet(s.optionSets[name]))
		}
		if first.hasKey {
			if err := d.pick(first.key, "Name", "OptionSet"); err != nil {
				return d, err
			}
		}
	default:
		return d, newFault(http.StatusNotImplemented, "0x80040315", "The emulator does not cover this: %s.", first.name)
	}
	for _, next := range segments[1:] {
		if err := s.step(&d, next); err != nil {
			return d, err
		}
	}
	return d, nil
}

// step follows one more segment of a path.
func (s *schema) step(d *definition, next segment) error {
	if d.isValue {
		if next.name != "$value" || strings.HasSuffix(d.context, "/$value") {
			return noSegment(next.name)
		}
		d.context += "/$value"
		return nil
	}
	if name, found := strings.CutPrefix(next.name, crmNamespace); found {
		t := metaTypes()[name]
		if t == nil || !t.is(d.typ) || name == "EnumAttributeMetadata" {
			return noSegment(next.name)
		}
		var kept []object
		for _, o := range d.list {
			if metaTypes()[o.typ].is(name) {
				kept = append(kept, o)
			}
		}
		if d.single && len(kept) == 0 {
			return noSegment(next.name)
		}
		d.list, d.typ, d.context = kept, name, d.context+"/"+next.name
		return nil
	}
	if !d.single {
		return noSegment(next.name)
	}
	typ := metaTypes()[d.typ].prop(next.name)
	o := d.list[0]
	switch {
	case typ == "":
		return noSegment(next.name)
	case strings.HasPrefix(typ, "N[]:"):
		*d = definition{typ: typ[len("N[]:"):], list: s.navigate(o, next.name), context: d.context + "/" + next.name}
		if next.hasKey {
			by := map[string]string{"Attributes": "LogicalName", "Keys": "LogicalName"}[next.name]
			if by == "" {
				by = "SchemaName"
			}
			kind := map[string]string{"Attributes": "Attribute", "Keys": "EntityKey"}[next.name]
			if kind == "" {
				kind = "Relationship"
			}
			return d.pick(next.key, by, kind)
		}
	case strings.HasPrefix(typ, "N:"):
		v, _ := o.props[next.name].(map[string]any)
		if v == nil {
			return newFault(http.StatusNotFound, "0x8004024a", "Metadata not found.")
		}
		*d = definition{typ: typ[len("N:"):], list: []object{{typ[len("N:"):], v}}, single: true, context: d.context + "/" + next.name}
	default:
		*d = definition{value: o.props[next.name], isValue: true, context: d.context + "/" + next.name}
	}
	return nil
}

// pick keeps the one definition with the key: MetadataId, or the alternate key by name.
func (d *definition) pick(key, by, kind string) error {
	name, isName := cutKey(key, by)
	id := uuid.Nil
	if !isName {
		var ok bool
		if id, ok = (segment{key: key}).id(); !ok {
			return badQuery("The key '%s' is not valid for %sDefinitions.", key, kind)
		}
	}
	for _, o := range d.list {
		if isName && strings.EqualFold(fmt.Sprint(o.props[by]), name) || !isName && o.props["MetadataId"] == id.String() {
			d.list, d.single = []object{o}, true
			return nil
		}
	}
	if isName {
		return newFault(http.StatusNotFound, "0x80040217", "Could not find %s with %s = '%s'.", kind, by, name)
	}
	return newFault(http.StatusNotFound, "0x80040217", "Could not find %s with MetadataId = '%s'.", kind, id)
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
func (s *schema) tableByKey(key string) (*table, error) {
	if name, found := cutKey(key, "LogicalName"); found {
		if t := s.tables[strings.ToLower(name)]; t != nil {
			return t, nil
		}
		return nil, newFault(http.StatusNotFound, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", name)
	}
	id, ok := (segment{key: key}).id()
	if !ok {
		return nil, badQuery("The key '%s' is not valid for EntityDefinitions.", key)
	}
	for _, t := range s.tables {
		if t.metaID() == id {
			return t, nil
		}
	}
	return nil, newFault(http.StatusNotFound, "0x80040217", "Could not find an entity with specified entity id: %s", id)
}

// navigate is what a collection-valued navigation property of a table leads to.
func (s *schema) navigate(o object, name string) []object {
	t := s.tables[fmt.Sprint(o.props["LogicalName"])]
	if o.typ != "EntityMetadata" || t == nil {
		return nil
	}
	var list []object
	switch name {
	case "Attributes":
		return s.metaColumns(t)
	case "Keys":
		for _, k := range t.keys {
			list = append(list, s.metaKey(t, k))
		}
	case "OneToManyRelationships":
		for _, r := range t.childs {
			list = append(list, s.metaOneToMany(r))
		}
	case "ManyToOneRelationships":
		for _, r := range t.parents {
			list = append(list, s.metaOneToMany(r))
		}
	case "ManyToManyRelationships":
		for _, m := range s.many {
			if m.Table1 == t.Name || m.Table2 == t.Name {
				list = append(list, s.metaManyToMany(m))
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

// context is the part of @odata.context that lists what was selected.
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
func parseMetaQuery(c *call, typ string) (metaQuery, error) {
	var q metaQuery
	for name := range c.query {
		switch name {
		case "$select", "$filter", "$expand":
		case "LabelLanguages":
			return q, c.engine.notEmulated("LabelLanguages")
		default:
			if strings.HasPrefix(name, "$") {
				return q, badQuery("The query parameter %s is not supported", name)
			}
		}
	}
	t := metaTypes()[typ]
	if text := c.query.Get("$select"); text != "" {
		sel, err := odata.ParseSelect(text)
		if err != nil {
			return q, badQuery("%v", err)
		}
		if q.sel, err = checkMetaSelect(sel, t); err != nil {
			return q, err
		}
	}
	if text := c.query.Get("$filter"); text != "" {
		expr, err := odata.ParseFilter(text)
		if err != nil {
			return q, badQuery("%v", err)
		}
		if q.filter, err = compileMetaFilter(expr, t); err != nil {
			return q, err
		}
	}
	if text := c.query.Get("$expand"); text != "" {
		expand, err := odata.ParseExpand(text)
		if err != nil {
			return q, badQuery("%v", err)
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
			return nil, noProperty(strings.Join(p.Segments, "/"), t.name)
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
			return nil, noProperty(strings.Join(item.Path.Segments, "/"), t.name)
		}
		if item.Top != nil || len(item.OrderBy) > 0 || item.Ref {
			return nil, badQuery("Only $select, $filter and $expand are supported in the $expand of '%s'.", name)
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
func (s *schema) project(o object, declared string, q metaQuery, expanded bool) (map[string]any, error) {
	body := make(map[string]any, len(o.props))
	if o.typ != declared {
		body["@odata.type"] = "#" + crmNamespace + o.typ
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
			inner, err := s.project(object{target, v}, target, e.query, true)
			if err != nil {
				return nil, err
			}
			body[e.name] = inner
			continue
		}
		target := strings.TrimPrefix(typ, "N[]:")
		list := []any{}
		for _, x := range s.navigate(o, e.name) {
			if e.query.filter != nil && !e.query.filter(x) {
				continue
			}
			inner, err := s.project(x, target, e.query, true)
			if err != nil {
				return nil, err
			}
			list = append(list, inner)
		}
		body[e.name] = list
	}
	return body, nil
}
