package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// postRelationshipDefinitions makes a relationship, a one-to-many one together with its lookup column. Pages:
// web-api-metadata-operations-sample, create-update-entity-relationships-using-web-api.
func (s *metadataService) postRelationshipDefinitions(c *call) (*answer, error) {
	if len(c.path.segments) != 1 || c.path.segments[0].hasKey {
		return nil, wrongMethod()
	}
	ch, err := s.changeMetadata(c, "prvCreateRelationship", func(ch *change) error {
		body, err := c.decode()
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
		col, err := ch.lookup(lookup, r.Referencing, r.Referenced)
		if err != nil {
			return err
		}
		return ch.newRelation(r, col, col.SchemaName)
	})
	if err != nil {
		return nil, err
	}
	return noContent().set("OData-EntityId", ch.address).set("Location", ch.address), nil
}

// cascades are the behaviours that an action can have. Page: configure-entity-relationship-cascading-behavior.
var cascades = map[string][]string{
	"Assign": {"Active", "Cascade", "NoCascade", "UserOwned"}, "Reparent": {"Active", "Cascade", "NoCascade", "UserOwned"},
	"Share": {"Active", "Cascade", "NoCascade", "UserOwned"}, "Unshare": {"Active", "Cascade", "NoCascade", "UserOwned"},
	"Delete": {"Cascade", "RemoveLink", "Restrict"}, "Merge": {"Cascade", "NoCascade"},
	"RollupView": {"NoCascade", "Cascade"}, "Archive": {"RemoveLink", "Cascade", "Restrict", "NoCascade"},
}

// relation reads a one-to-many relationship without its lookup.
func (ch *change) relation(body map[string]any) (*relationship, error) {
	r := &relationship{Name: textOf(body, "SchemaName"), Referenced: textOf(body, "ReferencedEntity"), Referencing: textOf(body, "ReferencingEntity"),
		Delete: "RemoveLink", Merge: "NoCascade", cascade: map[string]string{}, custom: true, defined: madeNow(ch.now())}
	to, from := ch.schema.tables[r.Referenced], ch.schema.tables[r.Referencing]
	if to == nil || from == nil {
		name := r.Referenced
		if to != nil {
			name = r.Referencing
		}
		return nil, newFault(http.StatusNotFound, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", name)
	}
	if a := textOf(body, "ReferencedAttribute"); a != "" && a != to.ID {
		return nil, badArgument("The ReferencedAttribute '%s' is not the primary key of '%s'.", a, to.Name)
	}
	if err := ch.checkName(r.Name, ch.publisher); err != nil {
		return nil, err
	}
	if ch.schema.hasRelation(r.Name) {
		return nil, newFault(http.StatusBadRequest, "0x80047009", "A relationship with the name %s already exists.", r.Name)
	}
	if mergeable[r.Referenced] {
		r.Merge = "Cascade"
	}
	if err := r.configure(body); err != nil {
		return nil, err
	}
	if r.Delete == "Cascade" && ch.schema.parental(from) {
		return nil, newFault(http.StatusBadRequest, "0x80047007", "The entity %s already has a parental relationship. Only one is supported.", from.Name)
	}
	return r, nil
}

// configure reads the CascadeConfiguration of a body.
func (r *relationship) configure(body map[string]any) error {
	config, _ := body["CascadeConfiguration"].(map[string]any)
	for action := range config {
		allowed, known := cascades[action]
		value := textOf(config, action)
		if !known {
			return payloadFault("", "The property '"+action+"' does not exist on type '"+crmNamespace+"CascadeConfiguration'.")
		}
		if !slices.Contains(allowed, value) || action == "Merge" && value == "Cascade" && !mergeable[r.Referenced] {
			return badArgument("The cascade '%s' is not valid for %s.", value, action)
		}
		switch action {
		case "Delete":
			r.Delete = value
		case "Merge":
			r.Merge = value
		default:
			r.cascade[action] = value
		}
	}
	for _, action := range []string{"Assign", "Reparent", "Share", "Unshare"} {
		if r.cascade[action] == "" {
			r.cascade[action] = "NoCascade"
		}
	}
	return nil
}

// mergeable are the tables whose rows can be merged.
var mergeable = map[string]bool{"account": true, "contact": true, "lead": true, "incident": true}

func (s *schema) hasRelation(name string) bool {
	return slices.ContainsFunc(s.relations, func(r *relationship) bool { return strings.EqualFold(r.Name, name) }) ||
		slices.ContainsFunc(s.many, func(m *manyToMany) bool { return strings.EqualFold(m.Name, name) })
}

// parental tells whether a custom table's rows already go with the rows of another.
func (s *schema) parental(t *table) bool {
	return slices.ContainsFunc(t.parents, func(r *relationship) bool { return r.custom && r.Delete == "Cascade" })
}

// lookup reads the lookup column of a relationship.
func (ch *change) lookup(body map[string]any, from string, targets ...string) (*column, error) {
	if body == nil {
		return nil, badArgument("The Lookup of the relationship is missing.")
	}
	if textOf(body, "@odata.type") == "" {
		body["@odata.type"] = crmNamespace + "LookupAttributeMetadata"
	}
	c, err := ch.column(body)
	if err != nil {
		return nil, err
	}
	if c.Type != "Lookup" {
		return nil, badArgument("The Lookup of a relationship must be a LookupAttributeMetadata.")
	}
	c.Targets = targets
	return c, ch.newColumn(ch.schema.tables[from], c)
}

// newRelation adds a relationship over a lookup column; nav is its single-valued navigation property.
func (ch *change) newRelation(r *relationship, c *column, nav string) error {
	r.Attribute, r.Nav, r.Collection = c.Name, nav, r.Name
	ch.schema.addRelation(r)
	ch.made(componentRelationship, r.metadataID, "RelationshipDefinitions("+r.metadataID.String()+")")
	return nil
}

// defineManyToMany makes a many-to-many relationship with its intersect table.
func (ch *change) defineManyToMany(body map[string]any) error {
	m := &manyToMany{Name: textOf(body, "SchemaName"), Table1: textOf(body, "Entity1LogicalName"), Table2: textOf(body, "Entity2LogicalName"),
		Intersect: strings.ToLower(textOf(body, "IntersectEntityName")), custom: true, defined: madeNow(ch.now())}
	if m.Intersect == "" {
		m.Intersect = strings.ToLower(m.Name)
	}
	if err := ch.checkName(m.Name, ch.publisher); err != nil {
		return err
	}
	if err := ch.checkName(m.Intersect, ch.publisher); err != nil {
		return err
	}
	t1, t2 := ch.schema.tables[m.Table1], ch.schema.tables[m.Table2]
	if t1 == nil || t2 == nil {
		return newFault(http.StatusNotFound, "0x80060888", "The entity with a name = '%s' or '%s' with namemapping = 'Logical' was not found in the MetadataCache.", m.Table1, m.Table2)
	}
	if ch.schema.hasRelation(m.Name) || ch.schema.tables[m.Intersect] != nil {
		return newFault(http.StatusBadRequest, "0x80047009", "A relationship with the name %s already exists.", m.Name)
	}
	m.Attribute1, m.Attribute2, m.Nav1, m.Nav2 = t1.ID, t2.ID, m.Name, m.Name
	if t1 == t2 {
		m.Attribute1, m.Attribute2, m.Nav2 = t1.ID+"one", t1.ID+"two", m.Name+"_Referencing"
	}
	x := &table{Name: m.Intersect, SchemaName: textOf(body, "IntersectEntityName"), Set: m.Intersect + "set", ID: m.Intersect + "id", Ownership: "None",
		Intersect: true, custom: true, TypeCode: customTypeCode(m.Intersect), defined: madeNow(ch.now()),
		byName: map[string]*column{}, toOne: map[string]*relationship{}, toMany: map[string]*relationship{}, across: map[string]*manyToMany{}}
	if x.SchemaName == "" {
		x.SchemaName = m.Name
	}
	for _, name := range []string{x.ID, m.Attribute1, m.Attribute2} {
		x.add(&column{Name: name, SchemaName: name, Type: "Uniqueidentifier", Required: "SystemRequired", NoCreate: true, NoUpdate: true, custom: true, defined: madeNow(ch.now())})
	}
	x.add(&column{Name: "versionnumber", SchemaName: "VersionNumber", Type: "BigInt", NoCreate: true, NoUpdate: true, defined: madeNow(ch.now())})
	ch.schema.put(x)
	ch.schema.privileges[x.Name] = map[string]privilege{}
	ch.schema.addManyToMany(m)
	ch.made(componentRelationship, m.metadataID, "RelationshipDefinitions("+m.metadataID.String()+")")
	return nil
}

// putRelationshipDefinitions replaces what may change of a relationship: its cascades.
func (s *metadataService) putRelationshipDefinitions(c *call) (*answer, error) {
	if len(c.path.segments) != 1 || !c.path.segments[0].hasKey {
		return nil, wrongMethod()
	}
	_, err := s.changeMetadata(c, "prvWriteRelationship", func(ch *change) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		old, _, err := ch.schema.relationByKey(c.path.segments[0].key)
		if err != nil {
			return err
		}
		if old == nil {
			return ch.engine.notEmulated("update of many-to-many relationships")
		}
		if _, err := metaBody(body, "RelationshipMetadataBase"); err != nil {
			return err
		}
		ch.schema.dropRelation(old)
		changed := *old
		changed.cascade = maps.Clone(old.cascade)
		if changed.cascade == nil {
			changed.cascade = map[string]string{}
		}
		if err := changed.configure(body); err != nil {
			return err
		}
		if from := ch.schema.tables[old.Referencing]; changed.Delete == "Cascade" && old.custom && ch.schema.parental(from) {
			return newFault(http.StatusBadRequest, "0x80047007", "The entity %s already has a parental relationship. Only one is supported.", from.Name)
		}
		changed.metadataID = old.metaID()
		ch.schema.addRelation(&changed)
		ch.done = append(ch.done, component{componentRelationship, changed.metadataID})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return noContent(), nil
}

// relationByKey finds a relationship by SchemaName='x' or MetadataId.
func (s *schema) relationByKey(key string) (*relationship, *manyToMany, error) {
	name, byName := cutKey(key, "SchemaName")
	id, isID := (segment{key: key}).id()
	if !byName && !isID {
		return nil, nil, badQuery("The key '%s' is not valid for RelationshipDefinitions.", key)
	}
	for _, r := range s.relations {
		if byName && strings.EqualFold(r.Name, name) || !byName && r.metaID() == id {
			return r, nil, nil
		}
	}
	for _, m := range s.many {
		if byName && strings.EqualFold(m.Name, name) || !byName && m.metaID() == id {
			return nil, m, nil
		}
	}
	return nil, nil, newFault(http.StatusNotFound, "0x80040217", "Could not find Relationship '%s'.", key)
}

// deleteRelationshipDefinitions takes a custom relationship away, and with it its lookup or intersect table.
func (s *metadataService) deleteRelationshipDefinitions(c *call) (*answer, error) {
	if len(c.path.segments) != 1 || !c.path.segments[0].hasKey {
		return nil, wrongMethod()
	}
	_, err := s.changeMetadata(c, "prvDeleteRelationship", func(ch *change) error {
		r, m, err := ch.schema.relationByKey(c.path.segments[0].key)
		switch {
		case err != nil:
			return err
		case m != nil && !m.custom:
			return notCustom("Relationship", m.metaID().String())
		case m != nil:
			ch.schema.dropManyToMany(m)
			delete(ch.tx.data, m.Intersect)
			return nil
		case !r.custom:
			return notCustom("Relationship", r.metaID().String())
		}
		t := ch.schema.tables[r.Referencing]
		col := t.column(r.Attribute)
		if len(slices.DeleteFunc(slices.Clone(t.parents), func(x *relationship) bool { return x.Attribute != r.Attribute })) > 1 {
			ch.schema.dropRelation(r)
			next := *col
			next.Targets = slices.DeleteFunc(slices.Clone(col.Targets), func(name string) bool { return name == r.Referenced })
			ch.schema.edit(t.Name).replace(&next)
			return nil
		}
		return ch.deleteColumn(t, col)
	})
	if err != nil {
		return nil, err
	}
	return noContent(), nil
}

// createCustomerRelationships makes a lookup that points at accounts and contacts, with its two relationships. Page:
// create-update-column-definitions-using-web-api.
func (s *metadataService) createCustomerRelationships(c *call) (*answer, error) {
	var ids []string
	var column string
	_, err := s.changeMetadata(c, "prvCreateRelationship", func(ch *change) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		list, _ := body["OneToManyRelationships"].([]any)
		lookup, _ := body["Lookup"].(map[string]any)
		if len(list) != 2 {
			return badArgument("CreateCustomerRelationships takes two relationships.")
		}
		var relations []*relationship
		for _, x := range list {
			m, _ := x.(map[string]any)
			r, err := ch.relation(m)
			if err != nil {
				return err
			}
			relations = append(relations, r)
		}
		targets := []string{relations[0].Referenced, relations[1].Referenced}
		slices.Sort(targets)
		if !slices.Equal(targets, []string{"account", "contact"}) || relations[0].Referencing != relations[1].Referencing || strings.EqualFold(relations[0].Name, relations[1].Name) {
			return badArgument("The relationships of a customer lookup lead from one table to account and to contact.")
		}
		col, err := ch.lookup(lookup, relations[0].Referencing, targets...)
		if err != nil {
			return err
		}
		customer := *col
		customer.Type = "Customer"
		ch.schema.edit(relations[0].Referencing).replace(&customer)
		column = col.metadataID.String()
		for _, r := range relations {
			if err := ch.newRelation(r, &customer, col.SchemaName+"_"+r.Referenced); err != nil {
				return err
			}
			ids = append(ids, r.metadataID.String())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.CreateCustomerRelationshipsResponse", "RelationshipIds": ids, "AttributeId": column}), nil
}
