package metadata

import (
	"bytes"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// csdlCache keeps the $metadata of the newest schema that it was asked for.
type csdlCache struct {
	mu     sync.Mutex
	schema *schema.Schema
	text   []byte
}

// serviceDocument lists the entity sets. Page: web-api-service-documents.
func (s *Service) serviceDocument(c *wire.Call) (*wire.Answer, error) {
	sn := c.View()
	names := slices.Sorted(maps.Keys(sn.Schema.Sets))
	names = append(names, "EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions")
	slices.Sort(names)
	sets := make([]any, len(names))
	for i, n := range names {
		sets[i] = map[string]any{"name": n, "kind": "EntitySet", "url": n}
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata", "value": sets}), nil
}

// metadataDocument answers $metadata: CSDL 4.0 of all tables, of the metadata sets, and of the operations that the
// emulator covers. Page: web-api-service-documents.
func (s *Service) metadataDocument(c *wire.Call) (*wire.Answer, error) {
	for name := range c.Query {
		if name == "annotations" {
			return nil, wire.NotEmulated(s.Engine, "$metadata?annotations")
		}
	}
	meta := schemaFor(c)
	s.csdl.mu.Lock()
	defer s.csdl.mu.Unlock()
	if s.csdl.schema != meta {
		s.csdl.schema, s.csdl.text = meta, csdl(meta)
	}
	return (&wire.Answer{Status: http.StatusOK, Body: s.csdl.text}).SetHeader("Content-Type", "application/xml"), nil
}

// csdlWriter writes elements with attributes in pairs.
type csdlWriter struct{ bytes.Buffer }

func (w *csdlWriter) tag(name string, closed bool, attrs ...string) {
	w.WriteByte('<')
	w.WriteString(name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.WriteByte(' ')
		w.WriteString(attrs[i])
		w.WriteString(`="`)
		_ = xml.EscapeText(w, []byte(attrs[i+1])) // a Buffer never fails
		w.WriteByte('"')
	}
	if closed {
		w.WriteString("/>\n")
		return
	}
	w.WriteString(">\n")
}

func (w *csdlWriter) end(name string) { w.WriteString("</" + name + ">\n") }

// csdlType is a type of metaTypes and operationText in CSDL.
func csdlType(typ string) string {
	if edm := edmTypes[typ]; edm != "" {
		return edm
	}
	if rest, found := strings.CutPrefix(typ, "N[]:"); found {
		return "Collection(mscrm." + rest + ")"
	}
	if rest, found := strings.CutPrefix(typ, "[]"); found {
		return "Collection(" + csdlType(rest) + ")"
	}
	if i := strings.IndexByte(typ, ':'); i >= 0 {
		typ = typ[i+1:]
	}
	return "mscrm." + typ
}

func csdl(s *schema.Schema) []byte {
	w := &csdlWriter{}
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	w.tag("edmx:Edmx", false, "Version", "4.0", "xmlns:edmx", "http://docs.oasis-open.org/odata/ns/edmx")
	w.tag("edmx:DataServices", false)
	w.tag("Schema", false, "Namespace", "Microsoft.Dynamics.CRM", "Alias", "mscrm", "xmlns", "http://docs.oasis-open.org/odata/ns/edm")
	w.tag("EntityType", true, "Name", "crmbaseentity", "Abstract", "true")
	w.tag("EntityType", true, "Name", "expando", "BaseType", "mscrm.crmbaseentity", "OpenType", "true")
	w.tag("EntityType", true, "Name", "crmmodelbaseentity", "Abstract", "true")
	w.tag("EntityType", false, "Name", schema.Principal, "BaseType", "mscrm.crmbaseentity")
	w.key("ownerid")
	w.tag("Property", true, "Name", "ownerid", "Type", "Edm.Guid", "Nullable", "false")
	w.end("EntityType")
	for _, name := range s.TableNames() {
		csdlTable(s, w, s.Tables[name])
	}
	csdlMeta(w)
	list := operations()
	for _, o := range list {
		w.operation(o)
	}
	csdlContainer(s, w, list)
	w.end("Schema")
	w.end("edmx:DataServices")
	w.end("edmx:Edmx")
	return w.Bytes()
}

func (w *csdlWriter) key(name string) {
	w.tag("Key", false)
	w.tag("PropertyRef", true, "Name", name)
	w.end("Key")
}

// baseTable is the table that an activity derives from, nil for other tables.
func baseTable(s *schema.Schema, t *schema.Table) *schema.Table {
	if t.Activity && t.Name != schema.ActivityPointer {
		return s.Tables[schema.ActivityPointer]
	}
	return nil
}

// csdlTable is a table's entity type. What it has from its base type is not declared again.
func csdlTable(s *schema.Schema, w *csdlWriter, t *schema.Table) {
	base := baseTable(s, t)
	baseName := "crmbaseentity"
	switch {
	case base != nil:
		baseName = base.Name
	case schema.IsPrincipal(t):
		baseName = schema.Principal
	}
	w.tag("EntityType", false, "Name", t.Name, "BaseType", "mscrm."+baseName)
	if base == nil && !schema.IsPrincipal(t) {
		w.key(t.ID)
	}
	for _, c := range t.Columns {
		if !c.Visible() || base != nil && base.PropertyColumn(c.Property()) != nil {
			continue
		}
		edm := schema.PropertyTypes[c.Kind].String()
		if c.DateOnly() {
			edm = "Edm.Date"
		}
		if c.Kind == schema.KindManaged {
			edm = "mscrm.BooleanManagedProperty"
		}
		attrs := []string{"Name", c.Property(), "Type", edm}
		if edm == "Edm.Decimal" {
			attrs = append(attrs, "Scale", "Variable")
		}
		if c.Name == t.ID && !schema.IsPrincipal(t) {
			attrs = append(attrs, "Nullable", "false")
		}
		w.tag("Property", true, attrs...)
	}
	for _, n := range navigations(s, t) {
		if base != nil && base.Navigation(s, n.Name) != nil {
			continue
		}
		csdlNavigation(s, w, t, n)
	}
	csdlKeys(w, t)
	w.end("EntityType")
}

// csdlKeys says by an annotation of a type which alternate keys it has. Page: webapi/web-api-entitytypes.
func csdlKeys(w *csdlWriter, t *schema.Table) {
	if !slices.ContainsFunc(t.Keys, func(k *schema.AlternateKey) bool { return !k.Failed }) {
		return
	}
	w.tag("Annotation", false, "Term", "OData.Community.Keys.V1.AlternateKeys")
	w.tag("Collection", false)
	for _, k := range t.Keys {
		if k.Failed {
			continue
		}
		w.tag("Record", false, "Type", "OData.Community.Keys.V1.AlternateKey")
		w.tag("PropertyValue", false, "Property", "Key")
		w.tag("Collection", false)
		for _, name := range k.Columns {
			property := t.Column(name).Property()
			w.tag("Record", false, "Type", "OData.Community.Keys.V1.PropertyRef")
			w.tag("PropertyValue", true, "Property", "Alias", "String", property)
			w.tag("PropertyValue", true, "Property", "Name", "PropertyPath", property)
			w.end("Record")
		}
		w.end("Collection")
		w.end("PropertyValue")
		w.end("Record")
	}
	w.end("Collection")
	w.end("Annotation")
}

// navigations are the navigation properties that a table declares, sorted by name.
func navigations(s *schema.Schema, t *schema.Table) []*schema.Navigation {
	names := map[string]bool{}
	if c := t.Column("ownerid"); c != nil && c.Type == "Owner" {
		names["ownerid"] = true
	}
	for n := range t.ToOne {
		names[n] = true
	}
	for n := range t.ToMany {
		names[n] = true
	}
	for n := range t.Across {
		names[n] = true
	}
	var out []*schema.Navigation
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if nav := t.OwnNavigation(s, n); nav != nil {
			out = append(out, nav)
		}
	}
	return out
}

// csdlNavigation declares a navigation property with the one that leads back, and what a lookup's value refers to.
func csdlNavigation(s *schema.Schema, w *csdlWriter, t *schema.Table, n *schema.Navigation) {
	target := n.Target.Name
	if n.Owner {
		target = schema.Principal
	}
	typ := "mscrm." + target
	if n.Collection {
		typ = "Collection(" + typ + ")"
	}
	attrs := []string{"Name", n.Name, "Type", typ}
	if !n.Collection && n.Many == nil { // the service says so of every lookup: web-api-navigation-properties
		attrs = append(attrs, "Nullable", "false")
	}
	if partner := partner(s, t, n); partner != "" {
		attrs = append(attrs, "Partner", partner)
	}
	if n.Collection || n.Many != nil {
		w.tag("NavigationProperty", true, attrs...)
		return
	}
	w.tag("NavigationProperty", false, attrs...)
	key := n.Target.ID
	switch {
	case n.Owner:
		key = "ownerid"
	case baseTable(s, n.Target) != nil:
		key = baseTable(s, n.Target).ID
	}
	w.tag("ReferentialConstraint", true, "Property", t.Columns[n.Column].Property(), "ReferencedProperty", key)
	w.end("NavigationProperty")
}

// partner is the navigation property that leads back, "" where none does that is of these two tables alone.
func partner(s *schema.Schema, t *schema.Table, n *schema.Navigation) string {
	back := ""
	switch {
	case n.Owner:
	case n.Many != nil && n.Many.Table1 == t.Name && n.Name == n.Many.Nav1:
		back = n.Many.Nav2
	case n.Many != nil:
		back = n.Many.Nav1
	case n.Collection:
		if r := t.ToMany[n.Name]; r != nil {
			back = r.Nav
		}
	default:
		if r := t.ToOne[n.Name]; r != nil {
			back = r.Collection
		}
	}
	if back == "" {
		return ""
	}
	other := n.Target.OwnNavigation(s, back)
	if other == nil || other.Owner || other.Target != t || other.Collection == n.Collection && n.Many == nil {
		return ""
	}
	return back
}

// csdlMeta declares the types of the metadata sets.
func csdlMeta(w *csdlWriter) {
	types := metaTypes()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t := types[name]
		attrs := []string{"Name", name, "BaseType", "mscrm.crmmodelbaseentity"}
		if t.base != nil {
			attrs[3] = "mscrm." + t.base.name
		}
		if name == "MetadataBase" || name == "EnumAttributeMetadata" {
			attrs = append(attrs, "Abstract", "true")
		}
		w.tag("EntityType", false, attrs...)
		if name == "MetadataBase" {
			w.key("MetadataId")
		}
		for _, p := range t.names {
			typ := t.props[p]
			element := "Property"
			if strings.HasPrefix(typ, "N") {
				element = "NavigationProperty"
			}
			attrs := []string{"Name", p, "Type", csdlType(typ)}
			if p == "MetadataId" {
				attrs = append(attrs, "Nullable", "false")
			}
			if typ == "decimal" {
				attrs = append(attrs, "Scale", "Variable")
			}
			w.tag(element, true, attrs...)
		}
		w.end("EntityType")
	}
	complexTypes := maps.Clone(metaComplex)
	maps.Copy(complexTypes, operationTypes)
	for _, name := range slices.Sorted(maps.Keys(complexTypes)) {
		w.complex(name, complexTypes)
	}
	enums := maps.Clone(metaEnums)
	maps.Copy(enums, operationEnums)
	for _, name := range slices.Sorted(maps.Keys(enums)) {
		w.tag("EnumType", false, "Name", name)
		next := 0
		for _, m := range strings.Fields(enums[name]) {
			member, number, given := strings.Cut(m, "=")
			if given {
				next, _ = strconv.Atoi(number)
			}
			w.tag("Member", true, "Name", member, "Value", strconv.Itoa(next))
			next++
		}
		w.end("EnumType")
	}
}

// complex declares a complex type; the options of states and status reasons derive from those of choices.
func (w *csdlWriter) complex(name string, all map[string]string) {
	attrs := []string{"Name", name}
	inherited := map[string]bool{}
	if name == "StatusOptionMetadata" || name == "StateOptionMetadata" {
		attrs = append(attrs, "BaseType", "mscrm.OptionMetadata")
		for _, f := range strings.Fields(all["OptionMetadata"]) {
			inherited[f] = true
		}
	}
	if openTypes[name] {
		attrs = append(attrs, "OpenType", "true")
	}
	w.tag("ComplexType", false, attrs...)
	for _, f := range strings.Fields(all[name]) {
		if inherited[f] {
			continue
		}
		i := strings.LastIndexByte(f, ':')
		element := "Property"
		if strings.HasPrefix(f, "T:") {
			element = "NavigationProperty"
		}
		attrs := []string{"Name", f[i+1:], "Type", csdlType(f[:i])}
		if strings.HasSuffix(name, "Response") && slices.Contains([]string{"guid", "int", "long", "bool"}, f[:i]) { // an answer always has them
			attrs = append(attrs, "Nullable", "false")
		}
		w.tag(element, true, attrs...)
	}
	w.end("ComplexType")
}

func (w *csdlWriter) operation(o operation) {
	element := "Function"
	if o.action {
		element = "Action"
	}
	attrs := []string{"Name", o.name}
	if o.bound != "" {
		attrs = append(attrs, "IsBound", "true")
	}
	if strings.HasPrefix(o.name, "RetrieveUnpublished") { // query options may follow: web-api-functions
		attrs = append(attrs, "IsComposable", "true")
	}
	w.tag(element, false, attrs...)
	if o.bound != "" {
		name := "entity"
		if strings.HasPrefix(o.bound, "[]") {
			name = "entityset"
		}
		w.tag("Parameter", true, "Name", name, "Type", csdlType(o.bound), "Nullable", "false")
	}
	for _, p := range o.params {
		typ, optional := strings.CutSuffix(p[1], "?")
		attrs := []string{"Name", p[0], "Type", csdlType(typ)}
		if !optional {
			attrs = append(attrs, "Nullable", "false")
		}
		w.tag("Parameter", true, attrs...)
	}
	if o.returns != "" {
		w.tag("ReturnType", true, "Type", csdlType(o.returns), "Nullable", "false")
	}
	w.end(element)
}

// metaSets are the sets of definitions, with the type of each.
var metaSets = [][2]string{{"EntityDefinitions", "EntityMetadata"}, {"GlobalOptionSetDefinitions", "OptionSetMetadataBase"}, {"RelationshipDefinitions", "RelationshipMetadataBase"}}

// csdlContainer lists the entity sets, with the set that each navigation property leads to, and the imports.
func csdlContainer(s *schema.Schema, w *csdlWriter, list []operation) {
	w.tag("EntityContainer", false, "Name", "System")
	for _, set := range slices.Sorted(maps.Keys(s.Sets)) {
		t := s.Sets[set]
		navs := navigations(s, t)
		if base := baseTable(s, t); base != nil {
			for _, n := range navigations(s, base) {
				if t.OwnNavigation(s, n.Name) == nil {
					navs = append(navs, n)
				}
			}
		}
		w.tag("EntitySet", false, "Name", set, "EntityType", "mscrm."+t.Name)
		for _, n := range navs {
			if !n.Owner {
				w.tag("NavigationPropertyBinding", true, "Path", n.Name, "Target", n.Target.Set)
			}
		}
		w.end("EntitySet")
	}
	for _, m := range metaSets {
		w.tag("EntitySet", true, "Name", m[0], "EntityType", "mscrm."+m[1])
	}
	for _, o := range list {
		if o.bound != "" {
			continue
		}
		if o.action {
			w.tag("ActionImport", true, "Name", o.name, "Action", "mscrm."+o.name)
		} else {
			w.tag("FunctionImport", true, "Name", o.name, "Function", "mscrm."+o.name)
		}
	}
	w.end("EntityContainer")
}
