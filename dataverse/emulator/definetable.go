package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// defineTable makes a custom table with everything that the platform adds to one. Page:
// create-update-entity-definitions-using-web-api.
func (ch *change) defineTable(_ *table, body map[string]any) error {
	if _, err := metaBody(body, "EntityMetadata"); err != nil {
		return err
	}
	t := &table{SchemaName: textOf(body, "SchemaName"), Ownership: textOf(body, "OwnershipType"), custom: true, defined: madeNow(ch.now()),
		byName: map[string]*column{}, toOne: map[string]*relationship{}, toMany: map[string]*relationship{}, across: map[string]*manyToMany{}}
	t.Name = strings.ToLower(t.SchemaName)
	t.ID = t.Name + "id"
	t.Set = t.Name + "s"
	if s := textOf(body, "EntitySetName"); s != "" {
		t.Set = s
	}
	t.TypeCode = customTypeCode(t.Name)
	for ch.schema.hasTypeCode(t.TypeCode) {
		t.TypeCode++
	}
	if err := ch.checkName(t.SchemaName, ch.publisher); err != nil {
		return err
	}
	if ch.schema.tables[t.Name] != nil {
		return newFault(http.StatusBadRequest, "0x80047010", "An entity with the specified name %s already exists.", t.Name)
	}
	if ch.schema.sets[t.Set] != nil {
		return newFault(http.StatusBadRequest, "0x8006088e", "The entity set name %s is already used.", t.Set)
	}
	if t.Ownership != "UserOwned" && t.Ownership != "OrganizationOwned" {
		return badArgument("The OwnershipType of a custom table is UserOwned or OrganizationOwned.")
	}
	for _, name := range []string{"IsActivity", "HasActivities", "HasNotes"} {
		if _, ok := body[name].(bool); !ok {
			return badArgument("%s is missing.", name)
		}
	}
	if t.Activity = boolOf(body["IsActivity"], false); t.Activity {
		t.ID = "activityid"
		if err := ch.checkActivity(t, body); err != nil {
			return err
		}
	}
	t.Label, t.labels = texts(body["DisplayName"])
	t.plural, _ = texts(body["DisplayCollectionName"])
	if t.Label == "" && len(t.labels) == 0 || t.plural == "" {
		return badArgument("DisplayName or DisplayCollectionName is missing.")
	}
	t.description = allTexts(body["Description"])
	t.audited = boolOf(valueOf(body, "IsAuditEnabled"), false)
	t.tracked = boolOf(body["ChangeTrackingEnabled"], false)
	if err := ch.firstColumns(t, body); err != nil {
		return err
	}
	ch.schema.put(t)
	if !t.Activity {
		ch.ownColumns(t)
	} else if err := ch.activityColumns(t); err != nil {
		return err
	}
	if boolOf(body["HasNotes"], false) {
		ch.mayPoint("annotation", "objectid", t, "_Annotations", "Cascade")
	}
	if boolOf(body["HasActivities"], false) {
		for _, name := range ch.schema.names() {
			if a := ch.schema.tables[name]; a.Activity || name == "activitypointer" {
				ch.mayPoint(name, "regardingobjectid", t, "_"+a.SchemaName+"s", "Cascade")
			}
		}
	}
	ch.schema.privileges[t.Name] = ch.schema.madePrivileges(t)
	if !t.Activity { // those of activities are there
		ch.grantNew(t)
	}
	ch.made(componentTable, t.metadataID, "EntityDefinitions("+t.metadataID.String()+")")
	return nil
}

func (s *schema) hasTypeCode(code int) bool {
	for _, t := range s.tables {
		if t.TypeCode == code {
			return true
		}
	}
	return false
}

// firstColumns reads the columns in the body: exactly one is the primary name, a text.
func (ch *change) firstColumns(t *table, body map[string]any) error {
	list, _ := body["Attributes"].([]any)
	key := t.SchemaName + "Id"
	if t.Activity {
		key = "ActivityId"
	}
	t.add(&column{Name: t.ID, SchemaName: key, Label: t.Label, Type: "Uniqueidentifier", Required: "SystemRequired", NoUpdate: true, audit: true, custom: true, defined: madeNow(ch.now())})
	for _, x := range list {
		m, _ := x.(map[string]any)
		c, err := ch.column(m)
		if err != nil {
			return err
		}
		if !t.Activity || c.SchemaName != "Subject" {
			if err := ch.checkName(c.SchemaName, ch.publisher); err != nil {
				return err
			}
		}
		if boolOf(m["IsPrimaryName"], false) {
			if t.PrimaryName != "" || c.Type != "String" {
				return badArgument("A table has exactly one primary name, and it is a text.")
			}
			t.PrimaryName = c.Name
		}
		if t.column(c.Name) != nil {
			return newFault(http.StatusBadRequest, "0x80047013", "An attribute with the specified name %s already exists for entity %s.", c.Name, t.Name)
		}
		c.custom = true
		labels, description := c.labels, c.description
		c.defined = madeNow(ch.now())
		c.labels, c.description = labels, description
		t.add(c)
	}
	if t.PrimaryName == "" {
		return badArgument("The body must hold the primary name: a StringAttributeMetadata with IsPrimaryName true.")
	}
	return nil
}

// ownColumns adds the columns that every table has, with their relationships.
func (ch *change) ownColumns(t *table) {
	add := func(name, schemaName, typ string, writable string, f func(*column)) {
		c := &column{Name: name, SchemaName: schemaName, Type: typ, audit: true, NoCreate: !strings.Contains(writable, "C"), NoUpdate: !strings.Contains(writable, "U"), defined: madeNow(ch.now())}
		if f != nil {
			f(c)
		}
		t.add(c)
	}
	points := func(name, schemaName string, writable string, relation string, targets ...string) {
		add(name, schemaName, "Lookup", writable, func(c *column) {
			c.Targets = targets
			if name == "ownerid" {
				c.Type, c.Required = "Owner", "SystemRequired"
			}
			c.Logical = name == "owninguser" || name == "owningteam"
		})
		if name != "ownerid" { // the owner has no relationship of its own: those are of owninguser and owningteam
			ch.schema.addRelation(&relationship{Name: relation + t.Name, Referenced: targets[0], Referencing: t.Name, Attribute: name, Nav: name,
				Collection: relation + t.Name, Delete: "NoCascade", defined: madeNow(ch.now())})
			t = ch.schema.tables[t.Name]
		}
	}
	points("createdby", "CreatedBy", "", "lk_createdby_", "systemuser")
	points("createdonbehalfby", "CreatedOnBehalfBy", "", "lk_createdonbehalfby_", "systemuser")
	points("modifiedby", "ModifiedBy", "", "lk_modifiedby_", "systemuser")
	points("modifiedonbehalfby", "ModifiedOnBehalfBy", "", "lk_modifiedonbehalfby_", "systemuser")
	moment := func(format string) func(*column) {
		return func(c *column) { c.Format, c.Behavior = format, "UserLocal" }
	}
	add("createdon", "CreatedOn", "DateTime", "", moment("DateAndTime"))
	add("modifiedon", "ModifiedOn", "DateTime", "", moment("DateAndTime"))
	add("overriddencreatedon", "OverriddenCreatedOn", "DateTime", "C", moment("DateOnly"))
	add("importsequencenumber", "ImportSequenceNumber", "Integer", "C", nil)
	add("timezoneruleversionnumber", "TimeZoneRuleVersionNumber", "Integer", "CU", nil)
	add("utcconversiontimezonecode", "UTCConversionTimeZoneCode", "Integer", "CU", nil)
	add("versionnumber", "VersionNumber", "BigInt", "", nil)
	if t.Ownership == "UserOwned" {
		points("ownerid", "OwnerId", "CU", "owner_", "systemuser", "team")
		points("owningbusinessunit", "OwningBusinessUnit", "", "business_unit_", "businessunit")
		points("owningteam", "OwningTeam", "", "team_", "team")
		points("owninguser", "OwningUser", "", "user_", "systemuser")
	} else {
		points("organizationid", "OrganizationId", "", "organization_", "organization")
	}
	active, inactive := 0, 1
	add("statecode", "statecode", "State", "CU", func(c *column) {
		c.Required, c.Options = "SystemRequired", []option{{Value: 0, Label: "Active"}, {Value: 1, Label: "Inactive"}}
	})
	add("statuscode", "statuscode", "Status", "CU", func(c *column) {
		c.Options = []option{{Value: 1, Label: "Active", State: &active}, {Value: 2, Label: "Inactive", State: &inactive}}
	})
}

// mayPoint lets a lookup of many targets, such as a note's objectid, point at a new table.
func (ch *change) mayPoint(from, attribute string, to *table, suffix, onDelete string) {
	f := ch.schema.tables[from]
	c := f.column(attribute)
	if c == nil {
		return
	}
	nav := attribute + "_" + to.Name
	if from == "annotation" || from == "activitypointer" {
		nav = attribute + "_" + to.Name
	} else {
		nav += "_" + from
	}
	next := *c
	next.Targets = append(slices.Clone(c.Targets), to.Name)
	ch.schema.edit(from).replace(&next)
	ch.schema.addRelation(&relationship{Name: to.Name + suffix, Referenced: to.Name, Referencing: from, Attribute: attribute, Nav: nav,
		Collection: to.Name + suffix, Delete: onDelete, Merge: "NoCascade", defined: madeNow(ch.now())})
}

// grantNew makes the rows of a new table's privileges; the administrator's roles get them at once.
func (ch *change) grantNew(t *table) {
	roles := ch.tx.rolesOf(templateAdministrator)
	for _, right := range rightNames {
		p, found := ch.schema.privileges[t.Name][right]
		if !found {
			continue
		}
		id := privilegeID(p.Name)
		ch.tx.placePrivilege(namedPrivilege{p, right})
		for _, role := range roles {
			ch.tx.grant(role, id, depthMasks["Global"])
		}
	}
}
