package metadata

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// postRelationshipDefinitions makes a relationship, a one-to-many one together with its lookup column. Pages:
// web-api-metadata-operations-sample, create-update-entity-relationships-using-web-api.
func (s *Service) postRelationshipDefinitions(c *wire.Call) (*wire.Answer, error) {
	if len(c.Path.Segments) != 1 || c.Path.Segments[0].HasKey {
		return nil, wrongMethod()
	}
	ch, err := s.changeMetadata(c, "prvCreateRelationship", func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		mt, err := metaBody(body, "RelationshipMetadataBase")
		if err != nil {
			return err
		}
		if mt.is("ManyToManyRelationshipMetadata") {
			return ch.defineManyToMany(body)
		}
		lookup, _ := body["Lookup"].(map[string]any)
		r, err := ch.relation(body)
		if err != nil {
			return err
		}
		if col := ch.multiTable(r.Referencing, lookup); col != nil {
			return ch.addTarget(r, col)
		}
		col, err := ch.lookup(lookup, r.Referencing, r.Referenced)
		if err != nil {
			return err
		}
		return ch.newRelation(r, col, col.SchemaName)
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent().SetHeader("OData-EntityId", ch.address).SetHeader("Location", ch.address), nil
}

// cascades are the behaviours that an action can have. Page: configure-entity-relationship-cascading-behavior.
var cascades = map[string][]string{
	"Assign": {"Active", "Cascade", "NoCascade", "UserOwned"}, "Reparent": {"Active", "Cascade", "NoCascade", "UserOwned"},
	"Share": {"Active", "Cascade", "NoCascade", "UserOwned"}, "Unshare": {"Active", "Cascade", "NoCascade", "UserOwned"},
	"Delete": {"Cascade", "RemoveLink", "Restrict"}, "Merge": {"Cascade", "NoCascade"},
	"RollupView": {"NoCascade", "Cascade"}, "Archive": {"RemoveLink", "Cascade", "Restrict", "NoCascade"},
}

// relation reads a one-to-many relationship without its lookup.
func (ch *change) relation(body map[string]any) (*schema.Relationship, error) {
	r := &schema.Relationship{Name: textOf(body, "SchemaName"), Referenced: textOf(body, "ReferencedEntity"), Referencing: textOf(body, "ReferencingEntity"),
		Delete: "RemoveLink", Merge: "NoCascade", Cascade: map[string]string{}, Custom: true, Defined: madeNow(ch.now())}
	to, from := ch.schema.Tables[r.Referenced], ch.schema.Tables[r.Referencing]
	if to == nil || from == nil {
		name := r.Referenced
		if to != nil {
			name = r.Referencing
		}
		return nil, wire.NoTable(http.StatusNotFound, "0x80060888", name)
	}
	if a := textOf(body, "ReferencedAttribute"); a != "" && a != to.ID {
		return nil, wire.BadArgument("The ReferencedAttribute '%s' is not the primary key of '%s'.", a, to.Name)
	}
	if err := ch.checkName(r.Name, ch.publisher); err != nil {
		return nil, err
	}
	if hasRelation(ch.schema, r.Name) {
		return nil, wire.NewError(http.StatusBadRequest, "0x80047009", "A relationship with the name %s already exists.", r.Name)
	}
	if mergeable[r.Referenced] {
		r.Merge = "Cascade"
	}
	if err := configure(r, body); err != nil {
		return nil, err
	}
	if err := ch.inHierarchy(r, body); err != nil {
		return nil, err
	}
	return r, checkParents(ch.schema, r)
}

// inHierarchy reads IsHierarchical: a table has one such relationship, to itself. Pages: entity-relationship-metadata,
// query-hierarchical-data.
func (ch *change) inHierarchy(r *schema.Relationship, body map[string]any) error {
	was := r.InHierarchy()
	r.Hierarchical = boolOf(body["IsHierarchical"], was)
	if !r.Hierarchical || was {
		return nil
	}
	if r.Referenced != r.Referencing {
		return wire.BadArgument("The relationship '%s' cannot be hierarchical: it is not of a table to itself.", r.Name)
	}
	if t := ch.schema.Tables[r.Referenced]; t.Above() != nil {
		return wire.BadArgument("The relationship '%s' cannot be hierarchical: the table '%s' has such a relationship.", r.Name, t.Name)
	}
	return nil
}

// configure reads the CascadeConfiguration of a body.
func configure(r *schema.Relationship, body map[string]any) error {
	config, _ := body["CascadeConfiguration"].(map[string]any)
	for action := range config {
		allowed, known := cascades[action]
		value := textOf(config, action)
		if !known {
			return wire.BadPayload("", "The property '"+action+"' does not exist on type '"+wire.CRMNamespace+"CascadeConfiguration'.")
		}
		if !slices.Contains(allowed, value) || action == "Merge" && value == "Cascade" && !mergeable[r.Referenced] {
			return wire.BadArgument("The cascade '%s' is not valid for %s.", value, action)
		}
		switch action {
		case "Delete":
			r.Delete = value
		case "Merge":
			r.Merge = value
		default:
			r.Cascade[action] = value
		}
	}
	for _, action := range []string{"Assign", "Reparent", "Share", "Unshare"} {
		if r.Cascade[action] == "" {
			r.Cascade[action] = "NoCascade"
		}
	}
	return nil
}

// mergeable are the tables whose rows can be merged.
var mergeable = map[string]bool{"account": true, "contact": true, "lead": true, "incident": true}

func hasRelation(s *schema.Schema, name string) bool {
	return slices.ContainsFunc(s.Relations, func(r *schema.Relationship) bool { return strings.EqualFold(r.Name, name) }) ||
		slices.ContainsFunc(s.ManyToMany, func(m *schema.ManyToMany) bool { return strings.EqualFold(m.Name, name) })
}

// cascading tells whether an action goes on from a row to those that point at it along the relationship.
func cascading(r *schema.Relationship) bool {
	for _, action := range []string{"Assign", "Reparent", "Share", "Unshare"} {
		if r.Cascades(action) != "NoCascade" {
			return true
		}
	}
	return r.Delete == "Cascade"
}

// checkParents refuses a relationship that cascades where rows go with those of another table already, and one from a custom
// table to a table of the platform. Pages: create-edit-entity-relationships ("Limitations on behaviors you can set"),
// web-service-error-codes.
func checkParents(s *schema.Schema, r *schema.Relationship) error {
	to, from := s.Tables[r.Referenced], s.Tables[r.Referencing]
	if !cascading(r) {
		return nil
	}
	has := slices.ContainsFunc(from.Outgoing, func(o *schema.Relationship) bool { return (o.Custom || !from.Custom) && cascading(o) })
	switch {
	case !from.Custom && (to.Custom || has):
		return wire.NewError(http.StatusBadRequest, "0x8004432d", "This entity is either not valid as a child in a custom parental relationship or is already a child in a parental relationship")
	case has:
		return wire.NewError(http.StatusBadRequest, "0x80047007", "The entity %s already has a parental relationship. Only one is supported.", from.Name)
	}
	return nil
}

// lookup reads the lookup column of a relationship.
func (ch *change) lookup(body map[string]any, from string, targets ...string) (*schema.Column, error) {
	if body == nil {
		return nil, wire.BadArgument("The Lookup of the relationship is missing.")
	}
	if textOf(body, "@odata.type") == "" {
		body["@odata.type"] = wire.CRMNamespace + "LookupAttributeMetadata"
	}
	c, err := ch.column(body)
	if err != nil {
		return nil, err
	}
	if c.Type != "Lookup" {
		return nil, wire.BadArgument("The Lookup of a relationship must be a LookupAttributeMetadata.")
	}
	c.Targets = targets
	return c, ch.newColumn(ch.schema.Tables[from], c)
}

// newRelation adds a relationship over a lookup column; nav is its single-valued navigation property.
func (ch *change) newRelation(r *schema.Relationship, c *schema.Column, nav string) error {
	r.Attribute, r.Nav, r.Collection = c.Name, nav, r.Name
	addRelation(ch.schema, r)
	ch.made(componentRelationship, r.MetadataID, "RelationshipDefinitions("+r.MetadataID.String()+")")
	return nil
}

// defineManyToMany makes a many-to-many relationship with its intersect table.
func (ch *change) defineManyToMany(body map[string]any) error {
	m := &schema.ManyToMany{Name: textOf(body, "SchemaName"), Table1: textOf(body, "Entity1LogicalName"), Table2: textOf(body, "Entity2LogicalName"),
		Intersect: strings.ToLower(textOf(body, "IntersectEntityName")), Custom: true, Defined: madeNow(ch.now())}
	if m.Intersect == "" {
		m.Intersect = strings.ToLower(m.Name)
	}
	if err := ch.checkName(m.Name, ch.publisher); err != nil {
		return err
	}
	if err := ch.checkName(m.Intersect, ch.publisher); err != nil {
		return err
	}
	t1, t2 := ch.schema.Tables[m.Table1], ch.schema.Tables[m.Table2]
	switch {
	case t1 == nil:
		return wire.NoTable(http.StatusNotFound, "0x80060888", m.Table1)
	case t2 == nil:
		return wire.NoTable(http.StatusNotFound, "0x80060888", m.Table2)
	}
	if hasRelation(ch.schema, m.Name) || ch.schema.Tables[m.Intersect] != nil {
		return wire.NewError(http.StatusBadRequest, "0x80047009", "A relationship with the name %s already exists.", m.Name)
	}
	m.Attribute1, m.Attribute2, m.Nav1, m.Nav2 = t1.ID, t2.ID, m.Name, m.Name
	if t1 == t2 {
		m.Attribute1, m.Attribute2, m.Nav2 = t1.ID+"one", t1.ID+"two", m.Name+"_Referencing"
	}
	x := &schema.Table{Name: m.Intersect, SchemaName: textOf(body, "IntersectEntityName"), Set: m.Intersect + "set", ID: m.Intersect + "id", Ownership: "None",
		Intersect: true, Custom: true, TypeCode: schema.CustomTypeCode(m.Intersect), Defined: madeNow(ch.now()),
		ByName: map[string]*schema.Column{}, ToOne: map[string]*schema.Relationship{}, ToMany: map[string]*schema.Relationship{}, Across: map[string]*schema.ManyToMany{}}
	if x.SchemaName == "" {
		x.SchemaName = m.Name
	}
	for _, name := range []string{x.ID, m.Attribute1, m.Attribute2} {
		addColumn(x, &schema.Column{Name: name, SchemaName: name, Type: "Uniqueidentifier", Required: "SystemRequired", NoCreate: true, NoUpdate: true, Custom: true, Defined: madeNow(ch.now())})
	}
	addColumn(x, &schema.Column{Name: "versionnumber", SchemaName: "VersionNumber", Type: "BigInt", NoCreate: true, NoUpdate: true, Defined: madeNow(ch.now())})
	putTable(ch.schema, x)
	ch.schema.Privileges[x.Name] = map[string]schema.Privilege{}
	addManyToMany(ch.schema, m)
	ch.made(componentRelationship, m.MetadataID, "RelationshipDefinitions("+m.MetadataID.String()+")")
	return nil
}

// putRelationshipDefinitions replaces what may change of a relationship: its cascades.
func (s *Service) putRelationshipDefinitions(c *wire.Call) (*wire.Answer, error) {
	if len(c.Path.Segments) != 1 || !c.Path.Segments[0].HasKey {
		return nil, wrongMethod()
	}
	_, err := s.changeMetadata(c, "prvWriteRelationship", func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		old, _, err := relationByKey(ch.schema, c.Path.Segments[0].Key)
		if err != nil {
			return err
		}
		if old == nil {
			return wire.NotEmulated(ch.engine, "update of many-to-many relationships")
		}
		if _, err := metaBody(body, "RelationshipMetadataBase"); err != nil {
			return err
		}
		dropRelation(ch.schema, old)
		changed := *old
		changed.Cascade = maps.Clone(old.Cascade)
		if changed.Cascade == nil {
			changed.Cascade = map[string]string{}
		}
		if err := configure(&changed, body); err != nil {
			return err
		}
		if err := ch.inHierarchy(&changed, body); err != nil {
			return err
		}
		if old.Custom {
			if err := checkParents(ch.schema, &changed); err != nil {
				return err
			}
		}
		changed.MetadataID = relationshipID(old)
		addRelation(ch.schema, &changed)
		ch.done = append(ch.done, component{componentRelationship, changed.MetadataID})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// relationByKey finds a relationship by SchemaName='x' or MetadataId.
func relationByKey(s *schema.Schema, key string) (*schema.Relationship, *schema.ManyToMany, error) {
	name, byName := cutKey(key, "SchemaName")
	id, isID := (wire.Segment{Key: key}).ID()
	if !byName && !isID {
		return nil, nil, wire.BadQuery("The key '%s' is not valid for RelationshipDefinitions.", key)
	}
	for _, r := range s.Relations {
		if byName && strings.EqualFold(r.Name, name) || !byName && relationshipID(r) == id {
			return r, nil, nil
		}
	}
	for _, m := range s.ManyToMany {
		if byName && strings.EqualFold(m.Name, name) || !byName && manyToManyID(m) == id {
			return nil, m, nil
		}
	}
	return nil, nil, wire.NewError(http.StatusNotFound, "0x80040217", "Could not find Relationship '%s'.", key)
}

// deleteRelationshipDefinitions deletes a custom relationship with its lookup or intersect table.
func (s *Service) deleteRelationshipDefinitions(c *wire.Call) (*wire.Answer, error) {
	if len(c.Path.Segments) != 1 || !c.Path.Segments[0].HasKey {
		return nil, wrongMethod()
	}
	_, err := s.changeMetadata(c, "prvDeleteRelationship", func(ch *change) error {
		r, m, err := relationByKey(ch.schema, c.Path.Segments[0].Key)
		switch {
		case err != nil:
			return err
		case m != nil && !m.Custom:
			return notCustom("Relationship", manyToManyID(m).String())
		case m != nil:
			dropManyToMany(ch.schema, m)
			ch.tx.Replace(store.Live, m.Intersect, nil)
			return nil
		case !r.Custom:
			return notCustom("Relationship", relationshipID(r).String())
		}
		t := ch.schema.Tables[r.Referencing]
		col := t.Column(r.Attribute)
		if len(slices.DeleteFunc(slices.Clone(t.Outgoing), func(x *schema.Relationship) bool { return x.Attribute != r.Attribute })) > 1 {
			dropRelation(ch.schema, r)
			next := *col
			next.Targets = slices.DeleteFunc(slices.Clone(col.Targets), func(name string) bool { return name == r.Referenced })
			replaceInTable(editTable(ch.schema, t.Name), &next)
			return nil
		}
		return ch.deleteColumn(t, col)
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}
