package conformance

import "fmt"

const (
	pageFunctions   = "webapi/use-web-api-functions"
	pageMetadata    = "webapi/query-metadata-web-api"
	pageMetaColumns = "entity-attribute-metadata"
	pageDocuments   = "web-api-service-documents"
	pageErrors      = "webapi/compose-http-requests-handle-errors"
)

func identityCases() []Case {
	l := list{area: "identity"}
	who := ok("UserId = {user}", "BusinessUnitId = {unit}", "OrganizationId = {organization}", "@odata.context url")
	l.add("WhoAmI", pageFunctions, get("WhoAmI", who))
	l.add("WhoAmI with parentheses", pageFunctions, get("WhoAmI()", who))
	l.add("RetrieveVersion", pageFunctions, get("RetrieveVersion()", ok("Version string")))
	organization := ok("Detail object", "Detail>OrganizationId = {organization}", "Detail>UniqueName string", "Detail>OrganizationType string", "Detail>EnvironmentId string", "Detail>Endpoints object")
	const page = "RetrieveCurrentOrganization Function"
	l.add("RetrieveCurrentOrganization by alias", page, get("RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'", organization))
	l.add("RetrieveCurrentOrganization with the enumeration", page, get("RetrieveCurrentOrganization(AccessType=Microsoft.Dynamics.CRM.EndpointAccessType'Default')", organization))
	l.add("RetrieveCurrentOrganization without its parameter", page, get("RetrieveCurrentOrganization", refused(404, "0x80060888")))
	l.add("the service document", pageDocuments, get("", ok("@odata.context url", "value some", "value>*>name string", "value>*>kind = EntitySet", "value>*>url string")))
	l.add("the CSDL", pageDocuments, get("$metadata", want{status: 200, text: "xml"}, "Accept", "application/xml"))
	l.add("the user's own row", "systemuser (reference)", get("systemusers({user})?$select=systemuserid,_businessunitid_value,isdisabled", ok("systemuserid = {user}", "_businessunitid_value = {unit}", "isdisabled bool", "ownerid = {user}", "@odata.etag etag")))
	l.add("the user's own row, by path", "systemuser (reference)", get("systemusers({user})/businessunitid?$select=businessunitid", ok("businessunitid = {unit}")))
	l.add("the user's privilege by name", "RetrieveUserPrivilegeByPrivilegeName Function",
		get("systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=@p)?@p='prvReadUser'", ok("RolePrivileges array")))
	l.add("the user's privileges", "RetrieveUserPrivileges Function",
		get("systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", ok("RolePrivileges some", "RolePrivileges>*>PrivilegeId guid", "RolePrivileges>*>Depth string")))
	return l.cases
}

func definitionCases() []Case {
	l := list{area: "definitions"}
	for _, t := range []struct{ name, set, id, label, owner, code string }{
		{"account", "accounts", "accountid", "name", "UserOwned", "1"},
		{"contact", "contacts", "contactid", "fullname", "UserOwned", "2"},
		{"systemuser", "systemusers", "systemuserid", "fullname", "BusinessOwned", "8"},
		{"team", "teams", "teamid", "name", "BusinessOwned", "9"},
		{"businessunit", "businessunits", "businessunitid", "name", "BusinessOwned", "10"},
		{"annotation", "annotations", "annotationid", "subject", "UserOwned", "5"},
		{"task", "tasks", "activityid", "subject", "UserOwned", "4212"},
		{"email", "emails", "activityid", "subject", "UserOwned", "4202"},
		{"role", "roles", "roleid", "name", "BusinessOwned", "1036"},
		{"organization", "organizations", "organizationid", "name", "OrganizationOwned", "1019"},
		{"savedquery", "savedqueries", "savedqueryid", "name", "OrganizationOwned", "1039"},
		{"activitypointer", "activitypointers", "activityid", "subject", "UserOwned", "4200"},
	} {
		one := "EntityDefinitions(LogicalName='" + t.name + "')"
		l.add("table "+t.name, pageMetadata, get(one+"?$select=EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,OwnershipType,ObjectTypeCode,LogicalName",
			ok("EntitySetName = "+t.set, "PrimaryIdAttribute = "+t.id, "PrimaryNameAttribute = "+t.label, "OwnershipType = "+t.owner, "ObjectTypeCode = "+t.code, "LogicalName = "+t.name, "MetadataId guid", "SchemaName absent")))
		l.add("table "+t.name+", a property's value alone", pageMetadata, get(one+"/ObjectTypeCode/$value", want{status: 200, text: "= " + t.code}))
	}
	for _, c := range []struct{ table, column, kind, name string }{
		{"account", "name", "String", "StringType"}, {"account", "accountid", "Uniqueidentifier", "UniqueidentifierType"}, {"account", "revenue", "Money", "MoneyType"},
		{"account", "numberofemployees", "Integer", "IntegerType"}, {"account", "description", "Memo", "MemoType"}, {"account", "parentaccountid", "Lookup", "LookupType"},
		{"account", "statecode", "State", "StateType"}, {"account", "statuscode", "Status", "StatusType"}, {"account", "ownerid", "Owner", "OwnerType"},
		{"account", "createdon", "DateTime", "DateTimeType"}, {"account", "donotemail", "Boolean", "BooleanType"}, {"account", "exchangerate", "Decimal", "DecimalType"},
		{"account", "customertypecode", "Picklist", "PicklistType"}, {"account", "address1_latitude", "Double", "DoubleType"}, {"account", "versionnumber", "BigInt", "BigIntType"},
		{"account", "entityimage", "Virtual", "ImageType"}, {"contact", "parentcustomerid", "Customer", "CustomerType"}, {"contact", "birthdate", "DateTime", "DateTimeType"},
		{"email", "to", "PartyList", "PartyListType"}, {"systemuser", "businessunitid", "Lookup", "LookupType"}, {"savedquery", "returnedtypecode", "EntityName", "EntityNameType"},
	} {
		l.add("column "+c.table+"."+c.column, pageMetaColumns, get("EntityDefinitions(LogicalName='"+c.table+"')/Attributes(LogicalName='"+c.column+"')?$select=LogicalName,AttributeType,AttributeTypeName",
			ok("LogicalName = "+c.column, "AttributeType = "+c.kind, "AttributeTypeName>Value = "+c.name, "MetadataId guid")))
	}
	contact := "EntityDefinitions(LogicalName='contact')/Attributes"
	l.add("a typed read of a text", pageMetadata, get(contact+"(LogicalName='emailaddress1')/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=MaxLength,FormatName,RequiredLevel",
		ok("MaxLength = 100", "FormatName>Value = Email", "RequiredLevel>Value string", "RequiredLevel>CanBeChanged bool")))
	l.add("the context of a typed read", pageMetadata, get(contact+"(LogicalName='emailaddress1')/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=MaxLength",
		ok("@odata.context = {root}$metadata#EntityDefinitions('contact')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata(MaxLength)/$entity")))
	l.add("a day's behavior", "behavior-format-date-time-attribute", get(contact+"(LogicalName='birthdate')/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata?$select=Format,DateTimeBehavior", ok("Format = DateOnly", "DateTimeBehavior>Value = DateOnly")))
	l.add("a lookup's targets", pageMetadata, get(contact+"(LogicalName='parentcustomerid')/Microsoft.Dynamics.CRM.LookupAttributeMetadata?$select=Targets", ok("Targets>0 string", "Targets>1 string", "Targets>2 absent")))
	l.add("the options of a status", pageMetadata, get(contact+"(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata/OptionSet?$select=Options",
		ok("Options some", "Options>*>Value number", "Options>*>State number", "Options>0>Label>UserLocalizedLabel object")))
	l.add("options, expanded", pageMetadata, get(contact+"(LogicalName='gendercode')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet,GlobalOptionSet",
		ok("LogicalName = gendercode", "OptionSet>Options some", "OptionSet>IsGlobal = false", "GlobalOptionSet null")))
	l.add("a cast filters by type", pageMetadata, get(contact+"/Microsoft.Dynamics.CRM.StateAttributeMetadata?$select=LogicalName", ok("value>0>LogicalName = statecode", "value>1 absent")))
	l.add("columns that mirror another", pageMetaColumns, get(contact+"?$select=LogicalName,IsValidODataAttribute&$filter=AttributeOf eq 'statuscode'", ok("value>0>LogicalName = statuscodename", "value>0>IsValidODataAttribute = false", "value>1 absent")))
	l.add("a filter by a managed property", pageMetadata, get(contact+"?$select=LogicalName&$filter=RequiredLevel/Value eq Microsoft.Dynamics.CRM.AttributeRequiredLevel'SystemRequired'", ok("value some", "value>*>MetadataId guid")))
	l.add("a filter by an enumeration", pageMetadata, get("EntityDefinitions?$select=LogicalName&$filter=OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'OrganizationOwned' and LogicalName eq 'savedquery'", ok("value>0>LogicalName = savedquery", "@odata.nextLink absent")))
	l.add("columns, expanded with options", pageMetadata, get("EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=LogicalName eq 'websiteurl')", ok("Attributes>0>LogicalName = websiteurl", "Attributes>1 absent")))
	l.add("keys, expanded", "define-alternate-keys-entity", get("EntityDefinitions(LogicalName='account')?$select=SchemaName&$expand=Keys($select=KeyAttributes)", ok("Keys array", "SchemaName = Account")))
	l.add("a table by its MetadataId", pageMetadata,
		get("EntityDefinitions(LogicalName='contact')?$select=LogicalName", ok("MetadataId guid")).saving("id", "MetadataId"),
		get("EntityDefinitions({id})?$select=LogicalName", ok("LogicalName = contact", "MetadataId = {id}")))
	relation := "RelationshipDefinitions(SchemaName='contact_customer_accounts')"
	l.add("a relationship", pageMetadata, get(relation+"/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
		ok("ReferencedEntity = account", "ReferencedAttribute = accountid", "ReferencingEntity = contact", "ReferencingAttribute = parentcustomerid", "ReferencingEntityNavigationPropertyName = parentcustomerid_account", "CascadeConfiguration>Delete string", "CascadeConfiguration>Merge string")))
	l.add("relationships by a cast and a filter", pageMetadata, get("RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata?$select=SchemaName&$filter=SchemaName eq 'contact_customer_accounts'", ok("value>0>SchemaName = contact_customer_accounts")))
	l.add("relationships of a table", pageMetadata, get("EntityDefinitions(LogicalName='contact')/ManyToOneRelationships?$select=SchemaName,ReferencingAttribute&$filter=SchemaName eq 'contact_customer_accounts'", ok("value>0>ReferencingAttribute = parentcustomerid", "value>1 absent")))
	l.add("many-to-many relationships", pageMetadata, get("EntityDefinitions(LogicalName='systemuser')/ManyToManyRelationships?$select=SchemaName,IntersectEntityName&$filter=SchemaName eq 'teammembership_association'", ok("value>0>IntersectEntityName = teammembership")))
	l.add("a table's privileges", pageMetadata, get("EntityDefinitions(LogicalName='account')?$select=Privileges", ok("Privileges some", "Privileges>*>Name string", "Privileges>*>PrivilegeType string", "Privileges>*>CanBeGlobal bool")))
	l.add("RetrieveMetadataChanges", "query-schema-definitions", get(`RetrieveMetadataChanges(Query=@p1)?@p1={"Properties":{"AllProperties":false,"PropertyNames":["SchemaName"]},"Criteria":{"FilterOperator":"Or","Conditions":[{"ConditionOperator":"Equals","PropertyName":"LogicalName","Value":{"Type":"System.String","Value":"contact"}}]}}`,
		ok("ServerVersionStamp string", "EntityMetadata>0>LogicalName = contact", "EntityMetadata>0>SchemaName = Contact", "EntityMetadata>0>MetadataId guid", "EntityMetadata>1 absent")))
	return l.cases
}

func definitionErrorCases() []Case {
	l := list{area: "definition errors"}
	for _, t := range []struct {
		name, path string
		status     int
		code       string
	}{
		{"no such table", "EntityDefinitions(LogicalName='nope')", 404, "0x80060888"},
		{"no such segment", "EntityDefinitions(LogicalName='contact')/Nope", 404, "0x80060888"},
		{"no such column", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='nope')", 404, "0x80040217"},
		{"no such relationship", "RelationshipDefinitions(SchemaName='nope')", 404, ""},
		{"no such global choice", "GlobalOptionSetDefinitions(Name='nope')", 404, ""},
		{"no table of that id", "EntityDefinitions({missing})", 404, ""},
		{"an abstract cast", "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata", 404, "0x80060888"},
		{"a derived property without a cast", "EntityDefinitions(LogicalName='contact')/Attributes?$select=MaxLength", 400, "0x80060888"},
		{"no such property", "EntityDefinitions?$select=Nope", 400, "0x80060888"},
		{"a filter by a label", "EntityDefinitions?$filter=DisplayName eq 'Contact'", 400, "0x80060888"},
		{"a function in a filter", "EntityDefinitions?$filter=contains(LogicalName,'c')", 400, "0x80060888"},
		{"$top", "EntityDefinitions?$top=1", 400, "0x80060888"},
		{"$orderby", "EntityDefinitions?$orderby=LogicalName", 400, "0x80060888"},
		{"$count", "EntityDefinitions?$count=true", 400, "0x80060888"},
		{"a filter on global choices", "GlobalOptionSetDefinitions?$filter=Name eq 'x'", 400, "0x80060888"},
		{"a derived property in a filter of relationships", "RelationshipDefinitions?$filter=ReferencedEntity eq 'contact'", 400, "0x80060888"},
	} {
		l.add(t.name, pageMetadata, get(t.path, refused(t.status, t.code)))
	}
	for _, o := range []string{"$top=1", "$skip=1", "$orderby=Name"} {
		l.add("global choices with "+o, pageMetadata, get("GlobalOptionSetDefinitions?"+o, refused(400, "0x80060888")))
	}
	l.add("a function bound to a definition", unsaid, get("EntityDefinitions(LogicalName='contact')/Microsoft.Dynamics.CRM.Nope()", refused(404, "")))
	return l.cases
}

// platformCases read tables that every environment has, without a word about whose rows they are.
func platformCases() []Case {
	l := list{area: "platform rows"}
	const rows = "webapi/query/overview"
	l.add("the organization", rows, get("organizations?$select=organizationid,languagecode", ok("value>0>organizationid = {organization}", "value>0>languagecode number", "value>0>@odata.etag etag", "value>1 absent")))
	l.add("the caller's business unit", rows, get("businessunits({unit})?$select=businessunitid,isdisabled", ok("businessunitid = {unit}", "isdisabled bool", "@odata.context = {root}$metadata#businessunits(businessunitid,isdisabled)/$entity")))
	l.add("the context of a collection", rows, get("businessunits?$select=businessunitid&$top=1", ok("@odata.context = {root}$metadata#businessunits(businessunitid)", "value>0>businessunitid guid")))
	l.add("exactly one root unit", rows, get("businessunits?$select=businessunitid&$filter=_parentbusinessunitid_value eq null", ok("value>0>businessunitid guid", "value>1 absent")))
	l.add("a filter by the key", rows, get("systemusers?$select=systemuserid&$filter=systemuserid eq {user}", ok("value>0>systemuserid = {user}", "value>1 absent")))
	l.add("the key as a text", rows, get("systemusers?$select=systemuserid&$filter=systemuserid eq '{user}'", ok("value>0>systemuserid = {user}", "value>1 absent")))
	l.add("$top", "webapi/query/overview", get("roles?$select=roleid&$top=1", ok("value>0>roleid guid", "value>1 absent", "@odata.nextLink absent")))
	l.add("$count beside rows", "webapi/query/count-rows", get("organizations?$select=organizationid&$count=true", ok("@odata.count = 1", "value>0>organizationid guid")))
	l.add("/$count", "webapi/query/count-rows", get("organizations/$count", want{status: 200, text: "= 1"}))
	l.add("/$count with a filter", "webapi/query/count-rows", get("systemusers/$count?$filter=systemuserid eq {user}", want{status: 200, text: "= 1"}))
	l.add("an expanded lookup", "webapi/query/join-tables", get("systemusers({user})?$select=systemuserid&$expand=businessunitid($select=businessunitid)", ok("businessunitid>businessunitid = {unit}")))
	l.add("an expanded collection", "webapi/query/join-tables", get("businessunits({unit})?$select=businessunitid&$expand=business_unit_system_users($select=systemuserid;$filter=systemuserid eq {user})", ok("business_unit_system_users>0>systemuserid = {user}", "business_unit_system_users>1 absent")))
	l.add("a path over a lookup", "webapi/query/filter-rows", get("systemusers?$select=systemuserid&$filter=systemuserid eq {user} and businessunitid/businessunitid eq {unit}", ok("value>0>systemuserid = {user}")))
	l.add("a property", "webapi/retrieve-entity-using-web-api", get("businessunits({unit})/isdisabled", ok("@odata.context = {root}$metadata#businessunits({unit})/isdisabled", "value bool")))
	l.add("a property's value", "webapi/retrieve-entity-using-web-api", get("systemusers({user})/systemuserid/$value", want{status: 200, text: "= {user}"}))
	l.add("a link", "webapi/retrieve-entity-using-web-api", get("systemusers({user})/businessunitid/$ref", ok("@odata.id = {root}businessunits({unit})")))
	l.add("annotations", "webapi/query/select-columns", get("systemusers({user})?$select=isdisabled,_businessunitid_value",
		ok("isdisabled@OData.Community.Display.V1.FormattedValue string", "_businessunitid_value@OData.Community.Display.V1.FormattedValue string", "_businessunitid_value@Microsoft.Dynamics.CRM.lookuplogicalname = businessunit", "_businessunitid_value@Microsoft.Dynamics.CRM.associatednavigationproperty = businessunitid"),
		"Prefer", `odata.include-annotations="*"`))
	l.add("one annotation alone", "webapi/query/select-columns", get("systemusers({user})?$select=_businessunitid_value",
		ok("_businessunitid_value@Microsoft.Dynamics.CRM.lookuplogicalname = businessunit", "_businessunitid_value@OData.Community.Display.V1.FormattedValue absent"), "Prefer", `odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"`))
	l.add("no annotations without asking", "webapi/query/select-columns", get("systemusers({user})?$select=_businessunitid_value", ok("_businessunitid_value@Microsoft.Dynamics.CRM.lookuplogicalname absent")))
	l.add("aggregate of all", "webapi/query/aggregate-data", get("organizations?$apply=aggregate($count as n)", ok("value>0>n = 1", "value>1 absent", "value>0>@odata.etag absent")))
	l.add("groups of units", "webapi/query/aggregate-data", get("systemusers?$apply=filter(systemuserid eq {user})/groupby((isdisabled),aggregate($count as n))", ok("value>0>n = 1", "value>0>isdisabled bool", "value>1 absent")))
	l.add("the condition equal to the user", "fetchxml/reference/operators", get("systemusers?$select=systemuserid&$filter=Microsoft.Dynamics.CRM.EqualUserId(PropertyName='systemuserid')", ok("value>0>systemuserid = {user}", "value>1 absent")))
	l.add("the condition equal to the unit", "fetchxml/reference/operators", get("businessunits?$select=businessunitid&$filter=Microsoft.Dynamics.CRM.EqualBusinessId(PropertyName='businessunitid')", ok("value>0>businessunitid = {unit}", "value>1 absent")))
	for name, f := range map[string]string{
		"eq-userid": `<fetch><entity name="systemuser"><attribute name="systemuserid"/><filter><condition attribute="systemuserid" operator="eq-userid"/></filter></entity></fetch>`,
		"a link":    `<fetch><entity name="systemuser"><attribute name="systemuserid"/><link-entity name="businessunit" from="businessunitid" to="businessunitid" alias="u"><attribute name="businessunitid"/></link-entity><filter><condition attribute="systemuserid" operator="eq-userid"/></filter></entity></fetch>`,
		"distinct":  `<fetch distinct="true"><entity name="systemuser"><attribute name="systemuserid"/><filter><condition attribute="systemuserid" operator="eq-userid"/></filter></entity></fetch>`,
	} {
		w := ok("value>0>systemuserid = {user}", "value>1 absent")
		if name == "a link" {
			w.shape = append(w.shape, "value>0>u.businessunitid = {unit}")
		}
		l.add("FetchXML: "+name, "fetchxml/reference/operators", get("systemusers?fetchXml="+encoded(f), w))
	}
	l.add("FetchXML: count", "fetchxml/aggregate-data", get("organizations?fetchXml="+encoded(`<fetch aggregate="true"><entity name="organization"><attribute name="organizationid" aggregate="count" alias="n"/></entity></fetch>`), ok("value>0>n = 1", "value>1 absent")))
	for _, x := range []string{"accounts", "contacts", "systemusers", "teams", "annotations", "activitypointers"} {
		l.add("a row that is not there: "+x, pageErrors, get(x+"({missing})", refused(404, "0x80040217")))
	}
	for _, n := range []int{1, 5} {
		l.add(fmt.Sprintf("a page of %d", n), "webapi/query/page-results", get("privileges?$select=privilegeid&$filter=contains(name,'Account')", ok(fmt.Sprintf("value>%d>privilegeid guid", n-1), fmt.Sprintf("value>%d absent", n), "@odata.nextLink url").headed(fmt.Sprintf("Preference-Applied = odata.maxpagesize=%d", n)), "Prefer", fmt.Sprintf("odata.maxpagesize=%d", n)))
	}
	return l.cases
}
