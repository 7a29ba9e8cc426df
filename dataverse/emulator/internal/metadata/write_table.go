package metadata

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// defineTable makes a custom table with everything that the platform adds to one. Page:
// create-update-entity-definitions-using-web-api.
func (ch *change) defineTable(_ *schema.Table, body map[string]any) error {
	if _, err := metaBody(body, "EntityMetadata"); err != nil {
		return err
	}
	if err := ch.standardOnly(body); err != nil {
		return err
	}
	if err := takes(ch.engine, "EntityMetadata", body); err != nil {
		return err
	}
	t := &schema.Table{SchemaName: textOf(body, "SchemaName"), Ownership: textOf(body, "OwnershipType"), Custom: true, Defined: madeNow(ch.now()),
		ByName: map[string]*schema.Column{}, ToOne: map[string]*schema.Relationship{}, ToMany: map[string]*schema.Relationship{}, Across: map[string]*schema.ManyToMany{}}
	t.Name = strings.ToLower(t.SchemaName)
	t.ID = t.Name + "id"
	t.Set = t.Name + "s"
	if s := textOf(body, "EntitySetName"); s != "" {
		t.Set = s
	}
	t.TypeCode = schema.CustomTypeCode(t.Name)
	for hasTypeCode(ch.schema, t.TypeCode) {
		t.TypeCode++
	}
	if err := ch.checkName(t.SchemaName, ch.publisher); err != nil {
		return err
	}
	if ch.schema.Tables[t.Name] != nil {
		return wire.NewError(http.StatusBadRequest, "0x80047010", "An entity with the specified name %s already exists.", t.Name)
	}
	if ch.schema.Sets[t.Set] != nil {
		return wire.NewError(http.StatusBadRequest, "0x8006088e", "The entity set name %s is already used.", t.Set)
	}
	if t.Ownership != "UserOwned" && t.Ownership != "OrganizationOwned" {
		return wire.BadArgument("The OwnershipType of a custom table is UserOwned or OrganizationOwned.")
	}
	for _, name := range []string{"IsActivity", "HasActivities", "HasNotes"} {
		if _, ok := body[name].(bool); !ok {
			return wire.BadArgument("%s is missing.", name)
		}
	}
	if t.Activity = boolOf(body["IsActivity"], false); t.Activity {
		t.ID = "activityid"
		if err := ch.checkActivity(t, body); err != nil {
			return err
		}
	}
	t.Label, t.Labels = labelTexts(body["DisplayName"])
	t.Plural, _ = labelTexts(body["DisplayCollectionName"])
	if t.Label == "" && len(t.Labels) == 0 || t.Plural == "" {
		return wire.BadArgument("DisplayName or DisplayCollectionName is missing.")
	}
	t.Description = allTexts(body["Description"])
	t.Audited = boolOf(valueOf(body, "IsAuditEnabled"), false)
	t.Tracked = boolOf(body["ChangeTrackingEnabled"], false)
	t.Unguarded = !boolOf(body["IsOptimisticConcurrencyEnabled"], true)
	t.Transitions = boolOf(body["EnforceStateTransitions"], false)
	t.Shown = shownBy(nil, body)
	if err := ch.firstColumns(t, body); err != nil {
		return err
	}
	putTable(ch.schema, t)
	if !t.Activity {
		ch.ownColumns(t)
	} else if err := ch.activityColumns(t); err != nil {
		return err
	}
	ch.regards(t, boolOf(body["HasNotes"], false), boolOf(body["HasActivities"], false))
	if boolOf(body["IsActivityParty"], false) {
		ch.takesPart(t)
	}
	if boolOf(body["HasFeedback"], false) {
		ch.isRated(t)
	}
	ch.schema.Privileges[t.Name] = ch.schema.GeneratedPrivileges(t)
	if !t.Activity { // those of activities are there
		ch.grantNew(t)
	}
	PlaceLooks(ch.tx, t, store.Instant(ch.now().Unix()))
	ch.made(componentTable, t.MetadataID, "EntityDefinitions("+t.MetadataID.String()+")")
	return nil
}

// regards lets notes and activities be about a table.
func (ch *change) regards(t *schema.Table, notes, activities bool) {
	if notes {
		ch.mayPoint("annotation", "objectid", t, "_Annotations", "Cascade")
	}
	if activities {
		for _, name := range ch.schema.TableNames() {
			if a := ch.schema.Tables[name]; a.Activity || name == "activitypointer" {
				ch.mayPoint(name, "regardingobjectid", t, "_"+a.SchemaName+"s", "Cascade")
			}
		}
	}
}

// takesPart lets the rows of a table be parties of activities. Page: org-service/samples/create-update-emailable-entity.
func (ch *change) takesPart(t *schema.Table) {
	ch.mayPoint("activityparty", "partyid", t, "_activity_parties", "NoCascade")
}

// isRated lets feedback be about a table. Page: use-feedback-entity-manage-feedback-ratings-records.
func (ch *change) isRated(t *schema.Table) {
	ch.mayPoint("feedback", "regardingobjectid", t, "_Feedback", "Cascade")
}

// standardOnly refuses tables whose rows are kept elsewhere. An elastic table has partitions and no transactions, the rows of a
// virtual one are another system's: a standard table in its place would prove nothing. Pages: create-elastic-tables,
// virtual-entities/get-started-ve.
func (ch *change) standardOnly(body map[string]any) error {
	if typ := textOf(body, "TableType"); typ != "" && typ != "Standard" {
		return wire.NotEmulated(ch.engine, "tables of the TableType "+typ+", whose rows are not kept in the environment's own database")
	}
	for _, name := range []string{"DataProviderId", "DataSourceId", "ExternalName", "ExternalCollectionName"} {
		if v := body[name]; v != nil && v != "" {
			return wire.NotEmulated(ch.engine, "virtual tables ("+name+"), whose rows are another system's")
		}
	}
	return nil
}

func hasTypeCode(s *schema.Schema, code int) bool {
	for _, t := range s.Tables {
		if t.TypeCode == code {
			return true
		}
	}
	return false
}

// firstColumns reads the columns in the body: exactly one is the primary name, a text.
func (ch *change) firstColumns(t *schema.Table, body map[string]any) error {
	list, _ := body["Attributes"].([]any)
	key := t.SchemaName + "Id"
	if t.Activity {
		key = "ActivityId"
	}
	addColumn(t, &schema.Column{Name: t.ID, SchemaName: key, Label: t.Label, Type: "Uniqueidentifier", Required: "SystemRequired", NoUpdate: true, Audit: true, Custom: true, Defined: madeNow(ch.now())})
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
				return wire.BadArgument("A table has exactly one primary name, and it is a text.")
			}
			if c.Format != "Text" { // "string column must be formatted as Text": customize-entity-metadata
				return wire.BadArgument("The primary name of a table has the format Text.")
			}
			t.PrimaryName = c.Name
		}
		if c.Name == t.PrimaryName && !boolOf(m["IsPrimaryName"], false) && c.Type == "String" {
			continue // the primary name once more: Microsoft's SDK for Python sends it so
		}
		if t.Column(c.Name) != nil {
			return wire.NewError(http.StatusBadRequest, "0x80047013", "An attribute with the specified name %s already exists for entity %s.", c.Name, t.Name)
		}
		c.Custom = true
		labels, description := c.Labels, c.Description
		c.Defined = madeNow(ch.now())
		c.Labels, c.Description = labels, description
		addColumn(t, c)
	}
	if t.PrimaryName == "" {
		return wire.BadArgument("The body must hold the primary name: a StringAttributeMetadata with IsPrimaryName true.")
	}
	return nil
}

// ownColumns adds the columns that every table has, with their relationships.
func (ch *change) ownColumns(t *schema.Table) {
	add := func(name, schemaName, typ string, writable string, f func(*schema.Column)) {
		c := &schema.Column{Name: name, SchemaName: schemaName, Type: typ, Audit: true, NoCreate: !strings.Contains(writable, "C"), NoUpdate: !strings.Contains(writable, "U"), Defined: madeNow(ch.now())}
		if f != nil {
			f(c)
		}
		addColumn(t, c)
	}
	points := func(name, schemaName string, writable string, relation string, targets ...string) {
		add(name, schemaName, "Lookup", writable, func(c *schema.Column) {
			c.Targets = targets
			if name == "ownerid" {
				c.Type, c.Required = "Owner", "SystemRequired"
			}
			c.Logical = name == "owninguser" || name == "owningteam"
		})
		if name != "ownerid" { // the owner has no relationship of its own: those are of owninguser and owningteam
			addRelation(ch.schema, &schema.Relationship{Name: relation + t.Name, Referenced: targets[0], Referencing: t.Name, Attribute: name, Nav: name,
				Collection: relation + t.Name, Delete: "NoCascade", Defined: madeNow(ch.now())})
			t = ch.schema.Tables[t.Name]
		}
	}
	points("createdby", "CreatedBy", "", "lk_createdby_", "systemuser")
	points("createdonbehalfby", "CreatedOnBehalfBy", "", "lk_createdonbehalfby_", "systemuser")
	points("modifiedby", "ModifiedBy", "", "lk_modifiedby_", "systemuser")
	points("modifiedonbehalfby", "ModifiedOnBehalfBy", "", "lk_modifiedonbehalfby_", "systemuser")
	moment := func(format string) func(*schema.Column) {
		return func(c *schema.Column) { c.Format, c.Behavior = format, "UserLocal" }
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
	add("statecode", "statecode", "State", "CU", func(c *schema.Column) {
		c.Required, c.Options = "SystemRequired", []schema.Option{{Value: 0, Label: "Active"}, {Value: 1, Label: "Inactive"}}
	})
	add("statuscode", "statuscode", "Status", "CU", func(c *schema.Column) {
		c.Options = []schema.Option{{Value: 1, Label: "Active", State: &active}, {Value: 2, Label: "Inactive", State: &inactive}}
	})
}

// mayPoint lets a lookup of many targets, such as a note's objectid, point at a new table.
func (ch *change) mayPoint(from, attribute string, to *schema.Table, suffix, onDelete string) {
	f := ch.schema.Tables[from]
	c := f.Column(attribute)
	if c == nil {
		return
	}
	nav := attribute + "_" + to.Name
	if f.Activity { // regardingobjectid_account_task
		nav += "_" + from
	}
	next := *c
	next.Targets = append(slices.Clone(c.Targets), to.Name)
	replaceInTable(editTable(ch.schema, from), &next)
	addRelation(ch.schema, &schema.Relationship{Name: to.Name + suffix, Referenced: to.Name, Referencing: from, Attribute: attribute, Nav: nav,
		Collection: to.Name + suffix, Delete: onDelete, Merge: "NoCascade", Defined: madeNow(ch.now())})
}

// grantNew makes the rows of a new table's privileges; the administrator's roles get them at once.
func (ch *change) grantNew(t *schema.Table) {
	roles := ch.tx.RolesOf(schema.TemplateAdministrator)
	for _, right := range schema.RightNames {
		p, found := ch.schema.Privileges[t.Name][right]
		if !found {
			continue
		}
		id := schema.PrivilegeID(p.Name)
		ch.tx.PlacePrivilege(schema.NamedPrivilege{Privilege: p, Right: right})
		for _, role := range roles {
			ch.tx.Grant(role, id, schema.DepthMasks["Global"])
		}
	}
}
