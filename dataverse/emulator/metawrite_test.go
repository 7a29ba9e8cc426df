package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// label, level and the like write the bodies of definitions as the pages have them.
func label(text string) map[string]any {
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []any{
		map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

func define(typ, schemaName string, more map[string]any) map[string]any {
	body := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM." + typ + "AttributeMetadata", "SchemaName": schemaName,
		"DisplayName": label(schemaName), "Description": label("Made in a test"),
		"RequiredLevel": map[string]any{"Value": "None", "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func choices(values ...int) map[string]any {
	var list []any
	for _, v := range values {
		list = append(list, map[string]any{"Value": v, "Label": label("Option")})
	}
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "Options": list, "IsGlobal": false, "OptionSetType": "Picklist"}
}

// withSolution makes the publisher and the solution of web-api-metadata-operations-sample.
func (o *org) withSolution() {
	o.Helper()
	pub := o.must("POST", "publishers", map[string]any{"friendlyname": "Sample", "uniquename": "samplepublisher", "customizationprefix": "sample", "customizationoptionvalueprefix": 72700})
	id := pub.header.Get("OData-EntityId")
	o.must("POST", "solutions", map[string]any{"friendlyname": "Sample", "uniquename": "samplesolution", "version": "1.0.0.0", "publisherid@odata.bind": id[strings.Index(id, "publishers("):]})
}

const contactColumns = "EntityDefinitions(LogicalName='contact')/Attributes"

// Pages: create-update-column-definitions-using-web-api, web-api-metadata-operations-sample.
func TestDefineColumns(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	solution := []string{"MSCRM.SolutionUniqueName", "samplesolution"}
	value := func(v string) map[string]any { return map[string]any{"Value": v} }
	for _, c := range []struct {
		body map[string]any
		set  any
		want any
	}{
		{define("String", "sample_Reason", map[string]any{"AttributeType": "String", "AttributeTypeName": value("StringType"), "FormatName": value("Text"), "MaxLength": 100}), "why", "why"},
		{define("Memo", "sample_Notes", map[string]any{"AttributeType": "Memo", "Format": "TextArea", "ImeMode": "Disabled", "MaxLength": 500, "IsLocalizable": false}), "long", "long"},
		{define("Boolean", "sample_Hold", map[string]any{"AttributeTypeName": value("BooleanType"), "DefaultValue": false, "OptionSet": map[string]any{"OptionSetType": "Boolean",
			"TrueOption": map[string]any{"Value": 1, "Label": label("Yes")}, "FalseOption": map[string]any{"Value": 0, "Label": label("No")}}}), true, true},
		{define("DateTime", "sample_PurgeOn", map[string]any{"Format": "DateOnly", "DateTimeBehavior": value("DateOnly")}), "2026-11-24", "2026-11-24"},
		{define("DateTime", "sample_SeenOn", map[string]any{"Format": "DateOnly"}), "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"},
		{define("Picklist", "sample_Why", map[string]any{"SourceTypeMask": 0, "OptionSet": choices(727000000, 727000001)}), 727000001, 727000001.0},
		{define("MultiSelectPicklist", "sample_Many", map[string]any{"AttributeType": "Virtual", "AttributeTypeName": value("MultiSelectPicklistType"), "OptionSet": choices(1, 2)}), "1,2", "1,2"},
		{define("Integer", "sample_Months", map[string]any{"MinValue": 0, "MaxValue": 120, "Format": "None"}), 24, 24.0},
		{define("Decimal", "sample_Share", map[string]any{"MinValue": 0, "MaxValue": 1, "Precision": 4}), 0.25, 0.25},
		{define("Double", "sample_Score", map[string]any{"Precision": 2}), 1.5, 1.5},
		{define("Money", "sample_Price", map[string]any{"MinValue": 0, "Precision": 2, "PrecisionSource": 0}), 12.5, 12.5},
		{define("BigInt", "sample_Big", nil), 9007199254740993, 9007199254740993.0},
	} {
		name := strings.ToLower(c.body["SchemaName"].(string))
		r := o.must("POST", contactColumns, c.body, solution...)
		at := r.header.Get("OData-EntityId")
		if r.status != 204 || !strings.HasPrefix(at, o.url+"/api/data/v9.2/"+contactColumns+"(") {
			t.Errorf("%s: %d %s", name, r.status, at)
		}
		read := o.get(at[len(o.url+"/api/data/v9.2/"):])
		if read.at("LogicalName") != name || read.at("IsCustomAttribute") != true || read.at("DisplayName", "UserLocalizedLabel", "Label") != c.body["SchemaName"] {
			t.Errorf("%s: %s", name, read.text)
		}
		row := o.must("POST", "contacts", map[string]any{"lastname": "Test", name: c.set}, "Prefer", "return=representation")
		if row.at(name) != c.want {
			t.Errorf("%s: wrote %v, read %v", name, c.set, row.at(name))
		}
	}
	// Format alone leaves the behaviour UserLocal, which is stored as a moment. Page: behavior-format-date-time-attribute.
	r := o.get(contactColumns + "(LogicalName='sample_seenon')/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata?$select=Format,DateTimeBehavior")
	if r.at("Format") != "DateOnly" || r.at("DateTimeBehavior", "Value") != "UserLocal" {
		t.Error(r.text)
	}
	if n := len(o.get("solutioncomponents?$select=componenttype&$filter=_solutionid_value ne null and componenttype eq 2").list()); n != 12 {
		t.Errorf("%d columns in the solution", n)
	}
	if r := o.get("contacts?$select=sample_price_base&$filter=sample_price gt 1"); len(r.list()) != 1 || r.at("value", 0, "sample_price_base") != 12.5 {
		t.Errorf("the base amount: %s", r.text)
	}
}

func TestRefuseColumns(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	text := map[string]any{"MaxLength": 100}
	o.must("POST", contactColumns, define("String", "sample_Known", text))
	for _, tt := range []struct {
		name        string
		code, words string
		path        string
		body        any
		headers     []string
	}{
		{"known", "0x80047013", "sample_known", contactColumns, define("String", "sample_Known", text), nil},
		{"no prefix", "0x80040203", "prefix", contactColumns, define("String", "Reason", text), nil},
		{"not the solution's prefix", "0x80040203", "has the customization prefix 'sample'", contactColumns, define("String", "new_Reason", text), []string{"MSCRM.SolutionUniqueName", "samplesolution"}},
		{"no such solution", "0x8004f002", "'nope'", contactColumns, define("String", "sample_Reason", text), []string{"MSCRM.SolutionUniqueName", "nope"}},
		{"too long", "0x80044203", "between 1 and 4000", contactColumns, define("String", "sample_Reason", map[string]any{"MaxLength": 4001}), nil},
		{"unknown property", "0x80048d19", "'MaxLenght'", contactColumns, define("String", "sample_Reason", map[string]any{"MaxLenght": 1}), nil},
		{"unknown type", "0x80048d19", "NopeAttributeMetadata", contactColumns, define("Nope", "sample_Reason", nil), nil},
		{"no type", "0x80048d19", "@odata.type", contactColumns, map[string]any{"SchemaName": "sample_Reason"}, nil},
		{"lookup by itself", "0x80040203", "RelationshipDefinitions", contactColumns, define("Lookup", "sample_LookId", nil), nil},
		{"date with a time", "0x80040203", "DateAndTime", contactColumns, define("DateTime", "sample_On", map[string]any{"Format": "DateAndTime", "DateTimeBehavior": map[string]any{"Value": "DateOnly"}}), nil},
		{"one value twice", "0x80044310", "unique", contactColumns, define("Picklist", "sample_Why", map[string]any{"OptionSet": choices(1, 1)}), nil},
		{"intersect", "0x8004f026", "cancreateattributes", "EntityDefinitions(LogicalName='listmember')/Attributes", define("String", "sample_Reason", text), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			(&org{T: t, url: o.url, token: o.token}).refused(400, tt.code, tt.words, "POST", tt.path, tt.body, tt.headers...)
		})
	}
	o.refused(405, "0x80060888", "method", "PATCH", "EntityDefinitions(LogicalName='contact')", map[string]any{})
}

// Pages: create-update-column-definitions-using-web-api (PUT, MergeLabels), behavior-format-date-time-attribute.
func TestReplaceColumn(t *testing.T) {
	o := newOrg(t, emulator.Options{Languages: []int{1031}})
	o.must("POST", contactColumns, define("String", "new_Reason", map[string]any{"MaxLength": 100}))
	at := contactColumns + "(LogicalName='new_reason')"
	german := map[string]any{"LocalizedLabels": []any{map[string]any{"Label": "Grund", "LanguageCode": 1031}}}

	labels := func() string {
		var out []string
		for _, l := range o.get(at+"?$select=DisplayName").list("DisplayName", "LocalizedLabels") {
			out = append(out, l["Label"].(string))
		}
		return strings.Join(out, " ")
	}
	o.must("PUT", at, define("String", "new_Reason", map[string]any{"MaxLength": 200, "DisplayName": german}), "MSCRM.MergeLabels", "true")
	if got := labels(); got != "new_Reason Grund" {
		t.Errorf("merged: %s", got)
	}
	o.must("PUT", at, define("String", "new_Reason", map[string]any{"MaxLength": 200, "DisplayName": german}))
	if got := labels(); got != "Grund" {
		t.Errorf("replaced: %s", got)
	}
	// A definition that was read with its cast can go back as it came.
	read := o.get(at + "/Microsoft.Dynamics.CRM.StringAttributeMetadata")
	read.body["@odata.type"] = "#Microsoft.Dynamics.CRM.StringAttributeMetadata"
	read.body["MaxLength"] = 50
	read.body["IsAuditEnabled"] = map[string]any{"Value": false, "CanBeChanged": true}
	o.must("PUT", at, read.body)
	o.refused(400, "0x80044331", "'50'", "POST", "contacts", map[string]any{"lastname": "T", "new_reason": strings.Repeat("x", 51)})
	if r := o.get(at + "?$select=IsAuditEnabled"); r.at("IsAuditEnabled", "Value") != false {
		t.Error(r.text)
	}
	o.refused(400, "0x80040203", "cannot be changed", "PUT", at, define("Memo", "new_Reason", map[string]any{"MaxLength": 50}))

	o.must("POST", contactColumns, define("DateTime", "new_On", map[string]any{"Format": "DateOnly"}))
	day := define("DateTime", "new_On", map[string]any{"Format": "DateOnly", "DateTimeBehavior": map[string]any{"Value": "DateOnly"}})
	o.must("PUT", contactColumns+"(LogicalName='new_on')", day)
	day["DateTimeBehavior"] = map[string]any{"Value": "TimeZoneIndependent"}
	o.refused(400, "0x80040203", "any more", "PUT", contactColumns+"(LogicalName='new_on')", day)
}

func TestDeleteColumn(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	for _, name := range []string{"new_A", "new_B", "new_C"} {
		o.must("POST", contactColumns, define("String", name, map[string]any{"MaxLength": 10}))
	}
	id := o.must("POST", "contacts", map[string]any{"lastname": "T", "new_a": "a", "new_b": "b", "new_c": "c"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("DELETE", contactColumns+"(LogicalName='new_b')", nil)
	r := o.get("contacts(" + id + ")?$select=new_a,new_c,lastname")
	if r.at("new_a") != "a" || r.at("new_c") != "c" || r.at("lastname") != "T" {
		t.Errorf("the columns beside it: %s", r.text)
	}
	o.refused(400, "0x80060888", "'new_b'", "GET", "contacts?$select=new_b", nil)
	o.refused(400, "0x8004f026", "Attribute", "DELETE", contactColumns+"(LogicalName='emailaddress1')", nil)
	// A new column after it starts empty.
	o.must("POST", contactColumns, define("String", "new_D", map[string]any{"MaxLength": 10}))
	if r := o.get("contacts(" + id + ")?$select=new_c,new_d"); r.at("new_c") != "c" || r.at("new_d") != nil {
		t.Error(r.text)
	}
	o.must("POST", "savedqueries", map[string]any{"name": "V", "returnedtypecode": "contact", "querytype": 0,
		"fetchxml":  "<fetch><entity name='contact'><attribute name='contactid'/><attribute name='new_c'/></entity></fetch>",
		"layoutxml": "<grid name='resultset' object='2' jump='fullname' select='1' icon='1' preview='1'><row name='result' id='contactid'><cell name='new_c' width='100'/></row></grid>"})
	o.refused(400, "0x8004f01f", "referenced by 1", "DELETE", contactColumns+"(LogicalName='new_c')", nil)
}

// Page: web-api-metadata-operations-sample (create a one-to-many relationship, a many-to-many relationship).
func TestDefineRelationships(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	id := o.must("POST", "contacts", map[string]any{"lastname": "Before"}, "Prefer", "return=representation").at("contactid").(string)
	account := o.must("POST", "accounts", map[string]any{"name": "A"}, "Prefer", "return=representation").at("accountid").(string)
	body := func() map[string]any {
		return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_account_contact", "ReferencedEntity": "account", "ReferencedAttribute": "accountid",
			"ReferencingEntity": "contact", "CascadeConfiguration": map[string]any{"Assign": "NoCascade", "Delete": "Restrict", "Merge": "Cascade"}, "Lookup": define("Lookup", "new_Account", map[string]any{"AttributeType": "Lookup"})}
	}
	at := o.must("POST", "RelationshipDefinitions", body()).header.Get("OData-EntityId")
	r := o.get(at[len(o.url+"/api/data/v9.2/"):] + "/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata")
	if r.at("ReferencingAttribute") != "new_account" || r.at("ReferencingEntityNavigationPropertyName") != "new_Account" || r.at("CascadeConfiguration", "Delete") != "Restrict" {
		t.Error(r.text)
	}
	o.refused(400, "0x80047009", "new_account_contact", "POST", "RelationshipDefinitions", body())
	// Rows that were there before can be linked, found by the new lookup, and restrict the delete.
	o.must("PATCH", "contacts("+id+")", map[string]any{"new_Account@odata.bind": "/accounts(" + account + ")"}, "If-Match", "*")
	if r := o.get("contacts?$select=lastname&$filter=_new_account_value eq " + account); len(r.list()) != 1 {
		t.Error(r.text)
	}
	if r := o.get("accounts(" + account + ")?$select=name&$expand=new_account_contact($select=lastname)"); r.at("new_account_contact", 0, "lastname") != "Before" {
		t.Error(r.text)
	}
	o.refused(405, "0x80040227", "associated", "DELETE", "accounts("+account+")", nil)
	// The relationship goes with its lookup, and the account is free.
	o.must("DELETE", "RelationshipDefinitions(SchemaName='new_account_contact')", nil)
	o.refused(404, "0x80040217", "new_account", "GET", contactColumns+"(LogicalName='new_account')", nil)
	o.must("DELETE", "accounts("+account+")", nil)

	o.must("POST", "RelationshipDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", "SchemaName": "new_contact_product", "Entity1LogicalName": "contact", "Entity2LogicalName": "competitor", "IntersectEntityName": "new_contact_competitor"})
	rival := o.must("POST", "competitors", map[string]any{"name": "R"}, "Prefer", "return=representation").at("competitorid").(string)
	o.must("POST", "contacts("+id+")/new_contact_product/$ref", map[string]any{"@odata.id": o.url + "/api/data/v9.2/competitors(" + rival + ")"})
	if r := o.get("competitors(" + rival + ")?$select=name&$expand=new_contact_product($select=lastname)"); r.at("new_contact_product", 0, "lastname") != "Before" {
		t.Error(r.text)
	}
	o.refused(400, "0x80040203", "Cascade", "POST", "RelationshipDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_x", "ReferencedEntity": "competitor", "ReferencingEntity": "contact",
		"CascadeConfiguration": map[string]any{"Merge": "Cascade"}, "Lookup": define("Lookup", "new_Rival", nil)})
}

func TestCustomerLookup(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	relation := func(to string) map[string]any {
		return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_lead_" + to, "ReferencedEntity": to, "ReferencingEntity": "lead"}
	}
	r := o.must("POST", "CreateCustomerRelationships", map[string]any{"OneToManyRelationships": []any{relation("account"), relation("contact")},
		"Lookup": define("Lookup", "new_CustomerId", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata"})})
	if ids, _ := r.at("RelationshipIds").([]any); r.status != 200 || len(ids) != 2 || r.at("AttributeId") == nil {
		t.Fatal(r.text)
	}
	id := o.must("POST", "contacts", map[string]any{"lastname": "C"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("POST", "leads", map[string]any{"lastname": "L", "subject": "S", "new_CustomerId_contact@odata.bind": "/contacts(" + id + ")"})
	if r := o.get("leads?$select=lastname&$filter=_new_customerid_value eq " + id); len(r.list()) != 1 {
		t.Error(r.text)
	}
}

// Page: multitable-lookup.
func TestLookupToSeveralTables(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	type object = map[string]any
	relation := func(to, on string) object {
		return object{"SchemaName": "new_task_holder_" + to, "ReferencedEntity": to, "ReferencingEntity": "lead", "CascadeConfiguration": object{"Delete": on}}
	}
	lookup := func() object {
		return define("Lookup", "new_HolderId", object{"@odata.type": "Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata", "AttributeTypeName": object{"Value": "LookupType"}})
	}
	o.refused(400, "0x80040203", "takes a relationship for each", "POST", "CreatePolymorphicLookupAttribute", object{"OneToManyRelationships": []any{}, "Lookup": lookup()})
	o.refused(400, "0x80040203", "a name of its own", "POST", "CreatePolymorphicLookupAttribute", object{"OneToManyRelationships": []any{relation("contact", "RemoveLink"), relation("contact", "RemoveLink")}, "Lookup": lookup()})
	r := o.must("POST", "CreatePolymorphicLookupAttribute", object{"OneToManyRelationships": []any{relation("contact", "RemoveLink"), relation("competitor", "Restrict")}, "Lookup": lookup()})
	if ids, _ := r.at("RelationshipIds").([]any); r.status != 200 || len(ids) != 2 || r.at("AttributeId") == nil {
		t.Fatal(r.text)
	}
	further := relation("account", "RemoveLink")
	further["@odata.type"] = "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
	further["Lookup"] = define("Lookup", "new_HolderId", nil)
	o.must("POST", "RelationshipDefinitions", further)
	further["SchemaName"] = "new_again"
	o.refused(400, "0x80040203", "already", "POST", "RelationshipDefinitions", further)
	if r := o.get("EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='new_holderid')/Microsoft.Dynamics.CRM.LookupAttributeMetadata"); len(r.at("Targets").([]any)) != 3 || r.at("AttributeType") != "Lookup" {
		t.Error(r.text)
	}
	person := o.must("POST", "contacts", object{"lastname": "C"}, "Prefer", "return=representation").at("contactid").(string)
	rival := o.must("POST", "competitors", object{"name": "R"}, "Prefer", "return=representation").at("competitorid").(string)
	firm := o.must("POST", "accounts", object{"name": "F"}, "Prefer", "return=representation").at("accountid").(string)
	lead := func(nav, to string) string {
		return o.must("POST", "leads", object{"lastname": "L", "subject": "S", nav + "@odata.bind": to}, "Prefer", "return=representation").at("leadid").(string)
	}
	of := map[string]string{"contact": lead("new_HolderId_contact", "/contacts("+person+")"), "competitor": lead("new_HolderId_competitor", "/competitors("+rival+")"), "account": lead("new_HolderId_account", "/accounts("+firm+")")}
	for table, id := range of {
		r := o.get("leads("+id+")?$select=_new_holderid_value&$expand=new_HolderId_contact($select=lastname)", "Prefer", `odata.include-annotations="*"`)
		if r.at("_new_holderid_value@Microsoft.Dynamics.CRM.lookuplogicalname") != table || (r.at("new_HolderId_contact") != nil) != (table == "contact") {
			t.Errorf("%s: %s", table, r.text)
		}
	}
	o.refused(405, "0x80040227", "associated", "DELETE", "competitors("+rival+")", nil)
	o.must("DELETE", "contacts("+person+")", nil)
	if r := o.get("leads(" + of["contact"] + ")?$select=_new_holderid_value"); r.at("_new_holderid_value") != nil {
		t.Error(r.text)
	}
	o.must("DELETE", "RelationshipDefinitions(SchemaName='new_task_holder_account')", nil)
	if r := o.get("EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='new_holderid')/Microsoft.Dynamics.CRM.LookupAttributeMetadata"); len(r.at("Targets").([]any)) != 2 {
		t.Error(r.text)
	}
	o.must("DELETE", "EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='new_holderid')", nil)
	o.refused(404, "0x80040217", "Could not find", "DELETE", "RelationshipDefinitions(SchemaName='new_task_holder_contact')", nil)
}

// Pages: web-api-metadata-operations-sample and compose-http-requests-handle-errors (Consistency: Strong).
func TestMetadataLag(t *testing.T) {
	o := newOrg(t, emulator.Options{MetadataLag: time.Hour})
	o.must("POST", contactColumns, define("String", "new_Late", map[string]any{"MaxLength": 10}))
	at := contactColumns + "(LogicalName='new_late')"
	o.refused(404, "0x80040217", "new_late", "GET", at, nil)
	o.get(at, "Consistency", "Strong")
}

// The lock is a 429 that is no service protection limit. Facts: metadata-provisioning, section 8.
func TestCustomizationLock(t *testing.T) {
	now := time.Now()
	o := newOrg(t, emulator.Options{CustomizationLock: time.Minute, Now: func() time.Time { return now }})
	o.must("POST", "PublishAllXml", nil)
	o.refused(429, "0x80071151", "another [PublishAll] running", "POST", contactColumns, define("String", "new_A", map[string]any{"MaxLength": 10}))
	now = now.Add(time.Minute)
	o.must("POST", contactColumns, define("String", "new_A", map[string]any{"MaxLength": 10}))
}

// Pages: publish-request-schema, publish-customizations.
func TestPublish(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	publish := func(xml string) map[string]any { return map[string]any{"ParameterXml": xml} }
	o.must("POST", "PublishXml", publish("<importexportxml><entities><entity>contact</entity></entities></importexportxml>"))
	o.refused(400, "0x80060888", "'nope'", "POST", "PublishXml", publish("<importexportxml><entities><entity>nope</entity></entities></importexportxml>"))
	o.refused(400, "0x80044203", "unknown element tables", "POST", "PublishXml", publish("<importexportxml><tables/></importexportxml>"))
	o.refused(400, "0x80044203", "not XML", "POST", "PublishXml", publish("<importexportxml>"))
	o.refused(400, "0x80048d19", "ParameterXml", "POST", "PublishXml", map[string]any{})
}

// What deletes have left fits the metadata of the day on which it is taken back.
func TestRestoreAfterChangeOfMetadata(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.must("POST", contactColumns, define("String", "new_First", map[string]any{"MaxLength": 10}))
	o.must("POST", "RelationshipDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_account_contact", "ReferencedEntity": "account",
		"ReferencingEntity": "contact", "Lookup": define("Lookup", "new_Account", nil)})
	o.must("POST", contactColumns, define("String", "new_Last", map[string]any{"MaxLength": 10}))
	account := o.must("POST", "accounts", map[string]any{"name": "A"}, "Prefer", "return=representation").at("accountid").(string)
	contact := o.must("POST", "contacts", map[string]any{"lastname": "T", "new_first": "f", "new_last": "l", "new_Account@odata.bind": "/accounts(" + account + ")"}, "Prefer", "return=representation").at("contactid").(string)
	gone := o.must("POST", "contacts", map[string]any{"lastname": "G", "new_first": "f", "new_last": "l"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("DELETE", "accounts("+account+")", nil)
	o.must("DELETE", "contacts("+gone+")", nil)
	o.must("DELETE", contactColumns+"(LogicalName='new_first')", nil)
	restore := func(table, id string) {
		o.must("POST", "Restore", map[string]any{"Target": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM." + table, table + "id": id}})
	}
	restore("account", account)
	restore("contact", gone)
	if r := o.get("contacts(" + contact + ")?$select=new_last,_new_account_value"); r.at("_new_account_value") != account || r.at("new_last") != "l" {
		t.Error(r.text)
	}
	if r := o.get("contacts?$select=new_last&$filter=_new_account_value eq " + account); len(r.list()) != 1 {
		t.Errorf("the index of the lookup: %s", r.text)
	}
	if r := o.get("contacts(" + gone + ")?$select=new_last,lastname"); r.at("new_last") != "l" || r.at("lastname") != "G" {
		t.Error(r.text)
	}
}
