package emulator_test

const (
	definitions = "Microsoft.Dynamics.CRM."
	english     = `{"@odata.type":"Microsoft.Dynamics.CRM.Label","LocalizedLabels":[{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"L","LanguageCode":1033}]}`
)

// tableBody is the definition of a table with a name.
func tableBody(name string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"` + name + `","DisplayName":` + english + `,"DisplayCollectionName":` + english + `,"Description":` + english + `,"OwnershipType":"UserOwned","IsActivity":false,"HasActivities":false,"HasNotes":false,
		"Attributes":[{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"sample_Name","IsPrimaryName":true,"MaxLength":100,"DisplayName":` + english + `,"RequiredLevel":{"Value":"None"}}]}`
}

func columnBody(kind, name, more string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.` + kind + `AttributeMetadata","SchemaName":"` + name + `","DisplayName":` + english + `,"RequiredLevel":{"Value":"None"}` + more + `}`
}

// inSolution puts what is made into the samples' solution.
var inSolution = []string{"MSCRM.SolutionUniqueName", "examplesolution"}

// drawnPages are the first pages that were drawn, of which nobody had read one while the emulator was built.
var drawnPages = []pageStatements{
	{"webapi/retrieve-metadata-name-metadataid", []statement{
		{says: "a table by LogicalName", method: "GET", path: "EntityDefinitions(LogicalName='account')?$select=LogicalName", status: 200, has: []string{`"LogicalName":"account"`}, keep: "accounttable=MetadataId"},
		{says: "a column by LogicalName", method: "GET", path: "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='emailaddress1')?$select=LogicalName", status: 200, has: []string{"StringAttributeMetadata"}},
		{says: "a relationship by SchemaName", method: "GET", path: "RelationshipDefinitions(SchemaName='Account_Tasks')", status: 200, has: []string{`"SchemaName":"Account_Tasks"`}, keep: "relation=MetadataId"},
		{says: "a global choice by name", method: "GET", path: "GlobalOptionSetDefinitions(Name='metric_goaltype')", status: 200, has: []string{`"Name":"metric_goaltype"`}},
		{says: "choices of a column, expanded", method: "GET", path: "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='accountcategorycode')/" + definitions + "PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)", status: 200,
			has: []string{`$metadata#EntityDefinitions('account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata(LogicalName,OptionSet(Options),GlobalOptionSet(Options))/$entity`, `"Value":1`, `"Label":"Preferred Customer"`, `"ExternalValue":null`, `"ParentValues":[]`, `"UserLocalizedLabel":null`}},
		{says: "a global choice gives what a local one has", method: "GET", path: "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='accountcategorycode')/" + definitions + "PicklistAttributeMetadata?$select=LogicalName&$expand=GlobalOptionSet($select=Options)", status: 200, has: []string{`"Label":"Standard"`}, amiss: true},
		{says: "tables filtered by name", method: "GET", path: "EntityDefinitions?$filter=LogicalName eq 'account'&$select=MetadataId", status: 200, has: []string{"$metadata#EntityDefinitions(MetadataId)", "{accounttable}"}},
		{says: "columns filtered by name, below a table's id", method: "GET", path: "EntityDefinitions({accounttable})/Attributes?$filter=LogicalName eq 'accountcategorycode'&$select=MetadataId", status: 200, has: []string{"#Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "$metadata#EntityDefinitions({accounttable})/Attributes(MetadataId)"}, keep: "category=MetadataId"},
		{says: "a column by two ids", method: "GET", path: "EntityDefinitions({accounttable})/Attributes({category})/" + definitions + "PicklistAttributeMetadata?$select=LogicalName", status: 200, has: []string{`"LogicalName":"accountcategorycode"`}},
		{says: "a relationship by id", method: "GET", path: "RelationshipDefinitions({relation})?$select=SchemaName", status: 200, has: []string{`"SchemaName":"Account_Tasks"`}},
	}},
	{"webapi/web-api-entitytypes", []statement{
		{says: "a type inherits from crmbaseentity and has its key", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`<EntityType Name="account" BaseType="mscrm.crmbaseentity"`, `<PropertyRef Name="accountid"`}},
		{says: "crmbaseentity is abstract", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`Name="crmbaseentity" Abstract="true"`}},
		{says: "expando is open", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`Name="expando" BaseType="mscrm.crmbaseentity" OpenType="true"`}},
		{says: "crmmodelbaseentity is abstract", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`Name="crmmodelbaseentity" Abstract="true"`}},
		{says: "users and teams inherit from principal, whose key is ownerid", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`<EntityType Name="systemuser" BaseType="mscrm.principal"`, `<EntityType Name="team" BaseType="mscrm.principal"`, `<PropertyRef Name="ownerid"`}},
		{says: "activities inherit from activitypointer, whose key is activityid", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`<EntityType Name="phonecall" BaseType="mscrm.activitypointer"`, `<PropertyRef Name="activityid"`}},
		{says: "MetadataBase inherits from crmmodelbaseentity", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`Name="MetadataBase" BaseType="mscrm.crmmodelbaseentity"`}},
		{says: "an alternate key can be made", method: "POST", path: "EntityDefinitions(LogicalName='account')/Keys", body: `{"SchemaName":"new_number","DisplayName":` + english + `,"KeyAttributes":["accountnumber"]}`, status: 204},
		{says: "and is an annotation of its type", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{"OData.Community.Keys.V1.AlternateKeys", `Property="Alias" String="accountnumber"`, `Property="Name" PropertyPath="accountnumber"`}},
	}},
	{"webapi/samples/conditional-operations-powershell", []statement{
		{says: "an account is created", method: "POST", path: "accounts", body: `{"name":"Contoso Ltd","telephone1":"555-0000","revenue":5000000}`, status: 204, keep: "account"},
		{says: "and read with its ETag", method: "GET", path: "accounts({account})?$select=name,revenue,telephone1", status: 200, has: []string{`"@odata.etag":"W/`, `"revenue":5000000`}, keep: "tag=@odata.etag"},
		{says: "304 while it is the same", method: "GET", path: "accounts({account})?$select=name", headers: []string{"If-None-Match", "{tag}"}, status: 304},
		{says: "the phone number is set", method: "PUT", path: "accounts({account})/telephone1", body: `{"value":"555-0001"}`, status: 204},
		{says: "the whole row once it has changed", method: "GET", path: "accounts({account})?$select=telephone1", headers: []string{"If-None-Match", "{tag}"}, status: 200, has: []string{"555-0001"}},
		{says: "a delete of another version", method: "DELETE", path: "accounts({account})", headers: []string{"If-Match", "{tag}"}, status: 412, has: []string{"0x80060882"}},
		{says: "an update of another version", method: "PATCH", path: "accounts({account})", body: `{"revenue":6000000}`, headers: []string{"If-Match", "{tag}"}, status: 412, has: []string{"The version of the existing record doesn't match the RowVersion property provided."}},
		{says: "an update of any version", method: "PATCH", path: "accounts({account})", body: `{"revenue":6000000}`, headers: []string{"If-Match", "*"}, status: 204},
		{says: "which the row shows", method: "GET", path: "accounts({account})?$select=revenue", status: 200, has: []string{`"revenue":6000000`}},
	}},
	{"webapi/web-api-complex-enum-types", []statement{
		{says: "WhoAmIResponse is a complex type of three ids", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`<ComplexType Name="WhoAmIResponse"`, `<Property Name="BusinessUnitId" Type="Edm.Guid" Nullable="false"`, `<Property Name="OrganizationId" Type="Edm.Guid" Nullable="false"`}},
		{says: "AccessRights is an enumeration with these values", method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: []string{`<EnumType Name="AccessRights"`, `<Member Name="AppendToAccess" Value="16"`, `<Member Name="DeleteAccess" Value="65536"`, `<Member Name="AssignAccess" Value="524288"`}},
		{says: "ModifyAccess with a list of rights", method: "POST", path: "ModifyAccess", body: `{"Target":{"accountid":"{account}","@odata.type":"Microsoft.Dynamics.CRM.account"},"PrincipalAccess":{"Principal":{"systemuserid":"{user}","@odata.type":"Microsoft.Dynamics.CRM.systemuser"},"AccessMask":"ReadAccess,WriteAccess,DeleteAccess,AppendAccess,AssignAccess"}}`, status: 204},
		{says: "which the user then has", method: "GET", path: "systemusers({user})/" + definitions + "RetrievePrincipalAccess(Target=@t)?@t={\"@odata.id\":\"accounts({account})\"}", status: 200, has: []string{"ReadAccess", "DeleteAccess", "AssignAccess"}},
	}},
	{"webapi/samples/query-data-powershell", []statement{
		{says: "an account with contacts, which have tasks", method: "POST", path: "accounts", body: `{"name":"Contoso, Ltd. (sample)","primarycontactid":{"firstname":"Yvonne","lastname":"McKay (sample)","jobtitle":"Coffee Master","annualincome":45000,"Contact_Tasks":[{"subject":"Task 1","actualdurationminutes":5},{"subject":"Task 2","actualdurationminutes":5}]},"contact_customer_accounts":[{"firstname":"Susanna","lastname":"Stubberod (sample)","jobtitle":"Senior Purchaser","annualincome":52000},{"firstname":"Nancy","lastname":"Anderson (sample)","jobtitle":"Activities Manager","annualincome":55500}]}`, status: 204, keep: "contoso"},
		{says: "formatted values", method: "GET", path: "contacts?$select=fullname,annualincome&$filter=contains(fullname,'(sample)') and endswith(jobtitle,'Master')", headers: withNames, status: 200, has: []string{"annualincome@OData.Community.Display.V1.FormattedValue", "45,000.00"}},
		{says: "startswith", method: "GET", path: "contacts?$select=fullname&$filter=startswith(fullname,'Yvonne')", status: 200, has: []string{"McKay"}},
		{says: "LastXHours", method: "GET", path: "contacts?$select=fullname&$filter=" + definitions + "LastXHours(PropertyName=@p1,PropertyValue=@p2)&@p1='createdon'&@p2=1", status: 200, has: []string{"McKay"}},
		{says: "Last7Days", method: "GET", path: "contacts?$select=fullname&$filter=" + definitions + "Last7Days(PropertyName='createdon')", status: 200, has: []string{"value"}},
		{says: "Today", method: "GET", path: "contacts?$select=fullname&$filter=" + definitions + "Today(PropertyName='createdon')", status: 200, has: []string{"McKay"}},
		{says: "Between", method: "GET", path: "contacts?$select=fullname&$filter=" + definitions + "Between(PropertyName='annualincome',PropertyValues=['50000','54000'])", status: 200, has: []string{"Stubberod"}, lacks: []string{"McKay"}},
		{says: "In", method: "GET", path: "contacts?$select=fullname&$filter=" + definitions + "In(PropertyName=@p1,PropertyValues=@p2)&@p1='lastname'&@p2=['McKay (sample)','Nobody']", status: 200, has: []string{"Yvonne"}, lacks: []string{"Susanna"}},
		{says: "parentheses set the precedence", method: "GET", path: "contacts?$select=fullname&$filter=contains(fullname,'(sample)') and (contains(jobtitle,'senior') or contains(jobtitle,'manager')) and annualincome gt 55000", status: 200, has: []string{"Anderson"}, lacks: []string{"Stubberod"}},
		{says: "two orders", method: "GET", path: "contacts?$select=fullname,annualincome&$filter=contains(fullname,'(sample)')&$orderby=jobtitle asc,annualincome desc", status: 200, has: []string{"Nancy"}},
		{says: "aliases in filter and order", method: "GET", path: "contacts?$select=fullname&$filter=contains(@p1,'(sample)')&$orderby=@p2 asc,@p3 desc&@p1=fullname&@p2=jobtitle&@p3=annualincome", status: 200, has: []string{"McKay"}},
		{says: "$top", method: "GET", path: "contacts?$select=fullname&$filter=contains(fullname,'(sample)')&$top=1", status: 200, lacks: []string{"nextLink"}},
		{says: "the count beside the rows", method: "GET", path: "contacts?$select=fullname&$filter=contains(fullname,'(sample)')&$count=true", status: 200, has: []string{`"@odata.count":3`}},
		{says: "the count alone", method: "GET", path: "contacts/$count?$filter=contains(fullname,'(sample)')", status: 200, has: []string{"3"}},
		{says: "pages", method: "GET", path: "contacts?$select=fullname&$filter=contains(fullname,'(sample)')", headers: []string{"Prefer", "odata.maxpagesize=2"}, status: 200, has: []string{"@odata.nextLink", "odata.maxpagesize=2"}},
		{says: "a lookup expanded", method: "GET", path: "accounts({contoso})?$select=name&$expand=primarycontactid($select=fullname,jobtitle)", status: 200, has: []string{`"fullname":"Yvonne McKay (sample)"`}},
		{says: "a collection and a lookup expanded", method: "GET", path: "accounts({contoso})?$select=name&$expand=contact_customer_accounts($select=fullname),primarycontactid($select=fullname)", status: 200, has: []string{"Stubberod", "McKay"}},
		{says: "expanded over two levels", method: "GET", path: "accounts?$select=name&$filter=accountid eq {contoso}&$expand=primarycontactid($select=fullname;$expand=Contact_Tasks($select=subject))", status: 200, has: []string{"Task 2"}},
		{says: "aggregates", method: "GET", path: "accounts({contoso})/contact_customer_accounts?$apply=aggregate(annualincome with average as average,annualincome with sum as total,annualincome with min as minimum,annualincome with max as maximum)", status: 200, has: []string{`"total":107500`, `"minimum":52000`, `"maximum":55500`, `"average":53750`}},
		{says: "FetchXML with pages", method: "GET", path: "contacts?fetchXml=%3Cfetch page='2' count='1'%3E%3Centity name='contact'%3E%3Cattribute name='fullname'/%3E%3Corder attribute='fullname'/%3E%3C/entity%3E%3C/fetch%3E", status: 200, has: []string{"Susanna"}},
		{says: "a saved query is found", method: "GET", path: "savedqueries?$select=name,savedqueryid&$filter=name eq 'Active Accounts'", status: 200, keep: "view=savedqueryid"},
		{says: "and run", method: "GET", path: "accounts?savedQuery={view}", status: 200, has: []string{"Contoso"}},
		{says: "a user query is made", method: "POST", path: "userqueries", body: `{"name":"My User Query","querytype":0,"returnedtypecode":"contact","fetchxml":"<fetch><entity name='contact'><attribute name='fullname'/><filter><condition attribute='jobtitle' operator='like' value='%Coffee%'/></filter></entity></fetch>"}`, status: 204, keep: "query"},
		{says: "and run", method: "GET", path: "contacts?userQuery={query}", status: 200, has: []string{"McKay"}, lacks: []string{"Stubberod"}},
	}},
	{"transaction-currency-currency-entity", []statement{
		{says: "currencies with a rate are made", method: "POST", path: "transactioncurrencies", body: `{"currencyname":"Krona","isocurrencycode":"SEK","currencysymbol":"kr","currencyprecision":2,"exchangerate":10}`, status: 204, keep: "crowns"},
		{says: "a row has a currency of its own", method: "POST", path: "accounts", body: `{"name":"Kronor","creditlimit":500,"transactioncurrencyid@odata.bind":"/transactioncurrencies({crowns})"}`, status: 204, keep: "priced"},
		{says: "creditlimit_base = creditlimit / exchangerate", method: "GET", path: "accounts({priced})?$select=creditlimit,creditlimit_base,exchangerate", status: 200, has: []string{`"creditlimit_base":50`, `"exchangerate":10`}},
		{says: "the base amount is read-only", method: "PATCH", path: "accounts({priced})", body: `{"creditlimit_base":1}`, status: 204},
		{says: "and stays", method: "GET", path: "accounts({priced})?$select=creditlimit_base", status: 200, has: []string{`"creditlimit_base":50`}},
		{says: "the base currency stands in the organisation", method: "GET", path: "organizations?$select=_basecurrencyid_value", status: 200, has: []string{"_basecurrencyid_value"}},
		{says: "and cannot be changed", method: "PATCH", path: "organizations({organization})", body: `{"basecurrencyid@odata.bind":"/transactioncurrencies({crowns})"}`, status: 400},
	}},
}
