package emulator_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnTenthTime goes on in the order of the eighth draw.
func TestPagesDrawnTenthTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, bearer := o.person("cook")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "bearer": bearer, "unit": o.server.Rows("businessunit")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	o.tryPages(known, "", drawnTenth)
}

// userChart is a chart of one's own over accounts.
func userChart(name string) string {
	return strings.Replace(strings.Replace(chartBody(chartData, chartLook, ""), "By week", name, 1), "{", `{"description":"D",`, 1)
}

// drawnTenth are the pages of the tenth draw.
var drawnTenth = []pageStatements{
	{"webapi/web-api-properties", []statement{
		csdl("names are lower case", `<Property Name="name" Type="Edm.String"`),
		csdl("lookups", `<Property Name="_primarycontactid_value" Type="Edm.Guid"`),
		csdl("types", `Type="Edm.Boolean"`, `Type="Edm.Date"`, `Type="Edm.DateTimeOffset"`, `Type="Edm.Decimal"`, `Type="Edm.Double"`, `Type="Edm.Guid"`, `Type="Edm.Int32"`, `Type="Edm.Int64"`, `Type="Edm.String"`, `Type="Edm.Binary"`),
		csdl("texts of ASCII", `Unicode="false"`).known(),
		asked("with annotations", "$metadata?annotations=true", 501, "annotations").as("Accept", "application/xml"),
		sent("a company", "POST", "accounts", `{"name":"Contoso","primarycontactid":{"lastname":"First"}}`, 204).kept("contoso"),
		asked("a lookup's value", "accounts({contoso})?$select=_primarycontactid_value", 200, `"_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact"`, `"_primarycontactid_value@OData.Community.Display.V1.FormattedValue":"First"`).as(withNames...).kept("first=_primarycontactid_value"),
		asked("filters", "accounts?$select=name&$filter=_primarycontactid_value eq {first}", 200, "Contoso"),
	}},
	{"org-service/samples/import-data-complex-data-map", []statement{
		sent("a map", "POST", "importmaps", `{"name":"Import Map","source":"Import Accounts.csv","entitiesperfile":1}`, 501, "importmaps"),
		sent("a column of it", "POST", "columnmappings", `{}`, 501, "columnmappings"),
		sent("a lookup of it", "POST", "lookupmappings", `{}`, 501, "lookupmappings"),
		sent("a file", "POST", "importfiles", `{}`, 501, "importfiles"),
		asked("its headings", "GetHeaderColumnsImportFile(ImportFileId={guid})", 501, "GetHeaderColumnsImportFile"),
		sent("read", "POST", "ParseImport", `{"ImportId":"{guid}"}`, 501, "ParseImport"),
		asked("what was read", "RetrieveParsedDataImportFile(ImportFileId={guid})", 501, "RetrieveParsedDataImportFile"),
		sent("transformed", "POST", "TransformImport", `{"ImportId":"{guid}"}`, 501, "TransformImport"),
		sent("imported", "POST", "ImportRecordsImport", `{"ImportId":"{guid}"}`, 501, "ImportRecordsImport"),
	}},
	{"org-service/samples/create-retrieve-update-delete-charts", []statement{
		sent("a chart of one's own", "POST", "userqueryvisualizations", `{"name":"Sample User Visualization"}`, 501, "userqueryvisualizations"),
		asked("as it is read", "userqueryvisualizations({guid})?$select=name", 501, "userqueryvisualizations"),
		sent("changed", "PATCH", "userqueryvisualizations({guid})", `{"name":"Updated"}`, 501, "userqueryvisualizations"),
		sent("for all", "POST", "savedqueryvisualizations", userChart("Sample Visualization"), 204).kept("chart"),
		asked("as it is read", "savedqueryvisualizations({chart})?$select=name,primaryentitytypecode", 200, "Sample Visualization"),
		sent("it goes", "DELETE", "savedqueryvisualizations({chart})", "", 204),
	}},
	{"field-security-entities", []statement{
		sent("a profile", "POST", "fieldsecurityprofiles", `{"name":"Profile"}`, 204).kept("profile"),
		linked("a user of it", "fieldsecurityprofiles({profile})", "systemuserprofiles_association", "systemusers({user})"),
		asked("what can be secured", "EntityDefinitions(LogicalName='contact')/Attributes?$select=LogicalName,CanBeSecuredForCreate,CanBeSecuredForRead,CanBeSecuredForUpdate&$filter=CanBeSecuredForRead eq true", 200, `"CanBeSecuredForRead":true`),
		sent("a secured column", "POST", "EntityDefinitions(LogicalName='contact')/Attributes", columnBody("String", "new_Secret", secret), 204),
		sent("published", "POST", "PublishAllXml", `{}`, 204),
		sent("a permission", "POST", "fieldpermissions", `{"attributelogicalname":"new_secret","entityname":"contact","canread":4,"cancreate":4,"canupdate":0,"fieldsecurityprofileid@odata.bind":"/fieldsecurityprofiles({profile})"}`, 204),
		sent("shared", "POST", "principalobjectattributeaccessset", `{}`, 501, "principalobjectattributeaccessset"),
	}},
	{"org-service/samples/book-appointment", []statement{
		sent("booked", "POST", "Book", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.appointment","subject":"Test Appointment","scheduledstart":"2026-12-01T09:00:00Z","scheduledend":"2026-12-01T10:00:00Z"}}`, 501, "Book"),
	}},
	{"org-service/samples/specify-queue-item-work-early-bound", []statement{
		sent("a private queue", "POST", "queues", `{"name":"Example Queue","queueviewtype":1}`, 204).kept("queue"),
		sent("a call", "POST", "phonecalls", `{"subject":"Example call"}`, 204).kept("call"),
		sent("an item", "POST", "queueitems", `{"queueid@odata.bind":"/queues({queue})","objectid_phonecall@odata.bind":"/phonecalls({call})"}`, 204).kept("item"),
		sent("picked", "POST", "queueitems({item})/"+definitions+"PickFromQueue", `{"SystemUser":{"systemuserid":"{admin}"},"RemoveQueueItem":false}`, 501, "PickFromQueue"),
	}},
	{"org-service/samples/get-report-history-limit", []statement{
		asked("a report", "reports?$select=reportid&$filter=name eq 'Sample'", 501, "reports"),
		asked("its limit", "reports({guid})/"+definitions+"GetReportHistoryLimit()", 501, "reports"),
	}},
	{"org-service/samples/query-working-hours-multiple-users", []statement{
		asked("hours", "QueryMultipleSchedules(ResourceIds=@p1,Start=@p2,End=@p3,TimeCodes=@p4)?@p1=[{admin}]&@p2=2026-12-01T00:00:00Z&@p3=2026-12-08T00:00:00Z&@p4=['0']", 501, "QueryMultipleSchedules"),
	}},
	{"annotation-note-entity", []statement{
		sent("a table without notes", "POST", "EntityDefinitions", tableBody("new_Plain"), 204),
		sent("a row", "POST", "new_plains", `{"sample_name":"x"}`, 204).kept("plain"),
		sent("takes none", "POST", "annotations", `{"subject":"n","objectid_new_plain@odata.bind":"/new_plains({plain})"}`, 400),
		sent("with notes from now on", "PUT", "EntityDefinitions(LogicalName='new_plain')", strings.Replace(tableBody("new_Plain"), `"HasNotes":false`, `"HasNotes":true`, 1), 204),
		sent("a note", "POST", "annotations", `{"subject":"n","notetext":"t","filename":"a.txt","mimetype":"text/plain","documentbody":"QQ==","objectid_new_plain@odata.bind":"/new_plains({plain})"}`, 204).kept("note"),
		asked("who made it, and whether there is a file", "annotations({note})?$select=notetext,isdocument,filename,_createdby_value", 200, `"isdocument":true`, `"_createdby_value":"{admin}"`),
		asked("how large", "organizations?$select=maxuploadfilesize", 200, `"maxuploadfilesize":5242880`),
	}},
	{"org-service/samples/query-connections-reciprocal-roles-early-bound", []statement{
		sent("a role", "POST", "connectionroles", `{"name":"Example Primary Role","category":1}`, 204).kept("primary"),
		sent("for accounts", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"account","connectionroleid@odata.bind":"/connectionroles({primary})"}`, 204),
		sent("another", "POST", "connectionroles", `{"name":"Example Reciprocal Role","category":1}`, 204).kept("reciprocal"),
		linked("each the other's", "connectionroles({reciprocal})", "connectionroleassociation_association", "connectionroles({primary})"),
		fetched("roles that have this as theirs", "connectionroles", `<fetch><entity name='connectionrole'><attribute name='name'/><link-entity name='connectionroleassociation' from='connectionroleid' to='connectionroleid'><filter><condition attribute='associatedconnectionroleid' operator='eq' value='{primary}'/></filter></link-entity></entity></fetch>`, 200, "Example Reciprocal Role"),
	}},
	{"org-service/samples/rollup-goal-data-fiscal-period-stretch-target-count", []statement{
		sent("an account", "POST", "accounts", `{"name":"Margie's Travel"}`, 204).kept("margie"),
		sent("a call", "POST", "phonecalls", `{"subject":"Sample Phone Call","directioncode":false,"regardingobjectid_account@odata.bind":"/accounts({margie})","phonecall_activity_parties":[{"partyid_account@odata.bind":"/accounts({margie})","participationtypemask":2},{"partyid_systemuser@odata.bind":"/systemusers({admin})","participationtypemask":1}]}`, 204).kept("call"),
		sent("closed", "PATCH", "phonecalls({call})", `{"statecode":1,"statuscode":4}`, 204),
		sent("a metric", "POST", "metrics", `{"name":"Sample Count Metric","isstretchtracked":true,"isamount":false}`, 501, "metrics"),
		sent("a goal", "POST", "goals", `{}`, 501, "goals"),
		asked("computed", "goals({guid})", 501, "goals"),
	}},
	{"webapi/samples/webapiservice-basic-operations", []statement{
		sent("a contact", "POST", "contacts", `{"firstname":"Rafel","lastname":"Shillo"}`, 204).kept("rafel"),
		sent("changed", "PATCH", "contacts({rafel})", `{"annualincome":80000,"jobtitle":"Junior Developer"}`, 204),
		asked("as it is read", "contacts({rafel})?$select=fullname,annualincome,jobtitle,description", 200, `"fullname":"Rafel Shillo"`, `"jobtitle":"Junior Developer"`),
		sent("one property", "PUT", "contacts({rafel})/telephone1", `{"value":"555-0105"}`, 204),
		asked("as it is read", "contacts({rafel})/telephone1", 200, `"value":"555-0105"`),
		sent("one for another", "POST", "accounts", `{"name":"Contoso Inc","telephone1":"555-5555","primarycontactid@odata.bind":"/contacts({rafel})"}`, 204).kept("inc"),
		sent("all at once", "POST", "accounts", `{"name":"Fourth Coffee","primarycontactid":{"firstname":"Susie","lastname":"Curtis","Contact_Tasks":[{"subject":"Sign invoice"}]}}`, 204).kept("fourth"),
		asked("as they are read", "accounts({fourth})?$select=name&$expand=primarycontactid($select=fullname;$expand=Contact_Tasks($select=subject))", 200, "Susie Curtis", "Sign invoice"),
		linked("added", "accounts({fourth})", "contact_customer_accounts", "contacts({rafel})"),
		asked("as it is read", "accounts({fourth})/contact_customer_accounts?$select=fullname", 200, "Rafel Shillo"),
		sent("removed", "DELETE", "accounts({fourth})/contact_customer_accounts/$ref?$id={root}contacts({rafel})", "", 204),
		asked("a role", "roles?$select=name&$filter=name eq 'Salesperson' and _businessunitid_value eq {unit}", 200, `"roleid":"`).kept("role=roleid"),
		linked("given", "systemusers({user})", "systemuserroles_association", "roles({role})"),
		sent("taken", "DELETE", "systemusers({user})/systemuserroles_association/$ref?$id={root}roles({role})", "", 204),
	}},
	{"use-feedback-entity-manage-feedback-ratings-records", []statement{
		sent("a table with feedback", "POST", "EntityDefinitions", strings.Replace(tableBody("new_Rated"), `"HasNotes":false`, `"HasNotes":false,"HasFeedback":true`, 1), 204),
		asked("as it is read", "EntityDefinitions(LogicalName='new_rated')?$select=HasFeedback", 200, `"HasFeedback":true`),
		sent("a row", "POST", "new_rateds", `{"sample_name":"x"}`, 204).kept("rated"),
		sent("is rated", "POST", "feedback", `{"title":"Good","comments":"C","rating":4,"minrating":1,"maxrating":5,"regardingobjectid_new_rated@odata.bind":"/new_rateds({rated})"}`, 204).kept("feedback"),
		asked("between 0 and 1", "feedback({feedback})?$select=normalizedrating,statecode,source", 200, `"normalizedrating":0.75`, `"statecode":0`),
	}},
	{"org-service/samples/retrieve-valid-status-transitions", []statement{
		asked("states of cases", "EntityDefinitions(LogicalName='incident')/Attributes(LogicalName='statuscode')/"+definitions+"StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet", 200, `"TransitionData":`, `"State":`),
		asked("whether they are kept", "EntityDefinitions(LogicalName='incident')?$select=EnforceStateTransitions", 200, `"EnforceStateTransitions":false`),
	}},
	{"org-service/samples/clean-up-history-queue-early-bound", []statement{
		sent("a queue", "POST", "queues", `{"name":"History","queueviewtype":1}`, 204).kept("history"),
		sent("a call", "POST", "phonecalls", `{"subject":"Done"}`, 204).kept("done"),
		sent("an item", "POST", "queueitems", `{"queueid@odata.bind":"/queues({history})","objectid_phonecall@odata.bind":"/phonecalls({done})"}`, 204).kept("old"),
		sent("completed", "PATCH", "phonecalls({done})", `{"statecode":1,"statuscode":2}`, 204),
		asked("inactive items", "queueitems?$select=queueitemid&$filter=_queueid_value eq {history} and statecode eq 1", 200, `"queueitemid":"{old}"`),
		sent("removed", "POST", "queueitems({old})/"+definitions+"RemoveFromQueue", `{}`, 204),
		asked("gone", "queueitems({old})?$select=title", 404),
	}},
	{"org-service/samples/retrieve-currency-exchange-rate", []statement{
		sent("a currency", "POST", "transactioncurrencies", `{"currencyname":"Australian Dollar","currencyprecision":2,"exchangerate":1.5,"isocurrencycode":"AUD","currencysymbol":"$"}`, 204).kept("aud"),
		asked("its rate", "RetrieveExchangeRate(TransactionCurrencyId={aud})", 501, "RetrieveExchangeRate"),
		sent("it goes", "DELETE", "transactioncurrencies({aud})", "", 204),
	}},
	{"webapi/samples/powershell-web-api-samples", []statement{
		asked("who I am", "WhoAmI", 200, `"UserId":"{admin}"`),
		asked("three", "accounts?$select=name&$top=3", 200, `"accountid":"`).as("Prefer", `odata.include-annotations="*"`, "If-None-Match", ""),
		sent("one made", "POST", "accounts", `{"name":"Example Account","accountcategorycode":1}`, 204).kept("example"),
		asked("as it is read", "accounts({example})?$select=name,accountcategorycode", 200, `"accountcategorycode@OData.Community.Display.V1.FormattedValue":"Preferred Customer"`).as("Prefer", `odata.include-annotations="*"`),
		sent("changed", "PATCH", "accounts({example})", `{"name":"Updated Example account","accountcategorycode":2}`, 204).as("If-Match", "*"),
		asked("as it is read", "accounts({example})?$select=accountcategorycode", 200, `FormattedValue":"Standard"`).as("Prefer", `odata.include-annotations="*"`),
		sent("it goes", "DELETE", "accounts({example})", "", 204),
		asked("an error", "accounts({example})", 404, `"code":"0x80040217"`, `"message":"`),
	}},
	{"org-service/samples/retrieve-time-zone-information", []statement{
		asked("my settings", "usersettingscollection({admin})?$select=timezonecode,localeid", 200, `"timezonecode":`, `"localeid":`),
		asked("all zones", "GetAllTimeZonesWithDisplayName(LocaleId=1033)", 501, "GetAllTimeZonesWithDisplayName"),
		asked("by name", "GetTimeZoneCodeByLocalizedName(LocalizedStandardName='Pacific Standard Time',LocaleId=1033)", 200, `"TimeZoneCode":4`),
		asked("one", "timezonedefinitions?$select=timezonedefinitionid,standardname&$filter=timezonecode eq 4", 200, "Pacific").kept("zone=timezonedefinitionid"),
		asked("by its id", "timezonedefinitions({zone})?$select=timezonecode,standardname", 200, `"timezonecode":4`),
		asked("below 50", "timezonedefinitions?$select=timezonecode&$filter=timezonecode lt 50", 200, `"timezonecode":4`).without(`"timezonecode":110`),
		asked("local of UTC", "LocalTimeFromUtcTime(TimeZoneCode=4,UtcTime=2026-12-01T12:00:00Z)", 501, "LocalTimeFromUtcTime"),
		asked("and back", "UtcTimeFromLocalTime(TimeZoneCode=4,LocalTime=2026-12-01T12:00:00Z)", 501, "UtcTimeFromLocalTime"),
	}},
	{"webapi/multi-level-expand", []statement{
		sent("a company of a user", "POST", "accounts", `{"name":"Litware, Inc.","ownerid@odata.bind":"/systemusers({user})","Account_Tasks":[{"subject":"Task 1"},{"subject":"Task 2"},{"subject":"Task 3"}]}`, 204).kept("litware"),
		sent("another", "POST", "accounts", `{"name":"Adventure Works","ownerid@odata.bind":"/systemusers({user})"}`, 204),
		sent("and one more", "POST", "accounts", `{"name":"Fabrikam, Inc.","ownerid@odata.bind":"/systemusers({user})"}`, 204),
		asked("one level", "accounts?$filter=_ownerid_value eq {user}&$select=name&$orderby=name desc&$expand=Account_Tasks($select=subject)", 200, `$metadata#accounts(name,Account_Tasks(subject))"`, `"Task 3"`, `"_regardingobjectid_value":"{litware}"`, `"Account_Tasks@odata.nextLink":"{root}accounts({litware})/Account_Tasks?$select=subject"`, `"@odata.nextLink":"{root}accounts?`, "odata.maxpagesize=2").as("Prefer", "odata.maxpagesize=2", "If-None-Match", "null"),
		asked("of a user", "systemusers({user})/user_accounts?$select=name&$expand=Account_Tasks($select=subject)", 200, `$metadata#accounts(name,Account_Tasks(subject))"`, `"@odata.nextLink":"{root}systemusers({user})/user_accounts?`).as("Prefer", "odata.maxpagesize=2"),
		asked("two levels", "systemusers?$filter=systemuserid eq {user}&$select=fullname&$expand=user_accounts($select=name;$expand=Account_Tasks($select=subject))", 200, `$metadata#systemusers(fullname,user_accounts(name,Account_Tasks(subject)))"`, `"ownerid":"{user}"`, `"user_accounts@odata.nextLink":"{root}systemusers({user})/user_accounts?$select=name`, "skiptoken").as("Prefer", "odata.maxpagesize=2"),
		asked("no order", "systemusers?$select=fullname&$expand=user_accounts($select=name;$orderby=name;$expand=Account_Tasks($select=subject))", 400),
	}},
	{"org-service/samples/export-ribbon-definitions", []statement{
		asked("of the application", "RetrieveApplicationRibbon()", 501, "RetrieveApplicationRibbon"),
		asked("of a table", "RetrieveEntityRibbon(EntityName='account',RibbonLocationFilter=Microsoft.Dynamics.CRM.RibbonLocationFilters'All')", 501, "RetrieveEntityRibbon"),
	}},
}
