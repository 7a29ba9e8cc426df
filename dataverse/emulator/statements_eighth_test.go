package emulator_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnEighthTime goes on with the pages that the draws before left, shuffled again by their seed.
func TestPagesDrawnEighthTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, bearer := o.person("cook")
	other, _ := o.person("baker")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "bearer": bearer, "other": other, "unit": o.server.Rows("businessunit")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	o.tryPages(known, "", drawnEighth, drawnEighthRows)
}

// drawnEighth are the first pages of the eighth draw.
var drawnEighth = []pageStatements{
	{"webapi/samples/webapiservice-query-data", []statement{
		sent("a company with contacts that have tasks", "POST", "accounts", `{"name":"Contoso, Ltd. (sample)","primarycontactid":{"firstname":"Yvonne","lastname":"McKay (sample)","jobtitle":"Coffee Master","annualincome":45000,"Contact_Tasks":[{"subject":"Task 1","description":"Task 1 description"},{"subject":"Task 2"},{"subject":"Task 3"}]},"contact_customer_accounts":[{"firstname":"Susanna","lastname":"Stubberod (sample)","jobtitle":"Senior Purchaser","annualincome":52000},{"firstname":"Nancy","lastname":"Anderson (sample)","jobtitle":"Activities Manager","annualincome":55500}]}`, 204).kept("company"),
		asked("as it is read", "accounts({company})?$select=name&$expand=primarycontactid($select=contactid)", 200, `"contactid":"`).kept("yvonne=contactid"),
		asked("some properties, with names", "contacts({yvonne})?$select=fullname,jobtitle,annualincome", 200, `"fullname":"Yvonne McKay (sample)"`, `"annualincome@OData.Community.Display.V1.FormattedValue":"`).as(withNames...),
		asked("contains", "contacts?$select=fullname,jobtitle,annualincome&$filter=contains(fullname,'(sample)') and _parentcustomerid_value eq {company}", 200, "Susanna", "Nancy"),
		asked("a function of the platform", "contacts?$select=fullname&$filter=Microsoft.Dynamics.CRM.LastXHours(PropertyName=@p1,PropertyValue=@p2)&@p1='createdon'&@p2='1'", 200, "Yvonne"),
		asked("of a week", "contacts?$select=fullname&$filter=Microsoft.Dynamics.CRM.Last7Days(PropertyName='createdon')", 200, "Yvonne"),
		asked("of today", "contacts?$select=fullname&$filter=Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", 200, "Yvonne"),
		asked("between", "contacts?$select=fullname&$filter=Microsoft.Dynamics.CRM.Between(PropertyName='annualincome',PropertyValues=['50000','53000'])", 200, "Susanna").without("Nancy"),
		asked("in", "contacts?$select=fullname&$filter=Microsoft.Dynamics.CRM.In(PropertyName='jobtitle',PropertyValues=['Coffee Master','none'])", 200, "Yvonne").without("Nancy"),
		asked("operators", "contacts?$select=fullname&$filter=contains(fullname,'(sample)') and annualincome gt 55000", 200, "Nancy").without("Yvonne"),
		asked("precedence", "contacts?$select=fullname&$filter=contains(fullname,'(sample)') and (contains(jobtitle,'senior') or contains(jobtitle,'manager')) and annualincome gt 53000", 200, "Nancy").without("Susanna"),
		asked("order", "contacts?$select=fullname,annualincome&$filter=contains(fullname,'(sample)')&$orderby=jobtitle asc,annualincome desc", 200, "Nancy"),
		asked("aliases", "contacts?$select=fullname&$filter=contains(@p1,'(sample)') and @p2 gt 53000&$orderby=@p1 desc&@p1=fullname&@p2=annualincome", 200, "Nancy").without("Susanna"),
		asked("top", "contacts?$select=fullname&$filter=contains(fullname,'(sample)')&$top=1&$orderby=fullname", 200, "Nancy").without("Yvonne"),
		asked("a count", "contacts?$select=fullname&$filter=contains(fullname,'(sample)')&$count=true", 200, `"@odata.count":3`),
		asked("a count alone", "contacts/$count?$filter=contains(fullname,'(sample)')", 200, "3"),
		asked("a page", "contacts?$select=fullname&$filter=contains(fullname,'(sample)')&$count=true", 200, `"@odata.nextLink":"`).as("Prefer", "odata.maxpagesize=2").kept("next=@odata.nextLink"),
		asked("the next one", "{next}", 200).without("nextLink").as("Prefer", "odata.maxpagesize=2"),
		asked("single-valued", "accounts({company})?$select=name&$expand=primarycontactid($select=fullname,jobtitle)", 200, "Yvonne"),
		asked("the partner", "contacts({yvonne})?$select=fullname&$expand=account_primary_contact($select=name)", 200, "Contoso"),
		asked("collection-valued", "accounts({company})?$select=name&$expand=contact_customer_accounts($select=fullname)", 200, "Susanna", "Nancy"),
		asked("several", "accounts({company})?$select=name&$expand=primarycontactid($select=fullname),contact_customer_accounts($select=fullname),Account_Tasks($select=subject)", 200, "Yvonne", `"Account_Tasks":[]`),
		asked("nested", "contacts({yvonne})?$select=fullname&$expand=Contact_Tasks($select=subject;$expand=regardingobjectid_contact_task($select=fullname))", 200, `"subject":"Task 1"`),
		asked("both nested", "accounts?$select=name&$filter=accountid eq {company}&$expand=primarycontactid($select=fullname;$expand=Contact_Tasks($select=subject))", 200, "Task 2"),
		asked("aggregates", "accounts({company})/contact_customer_accounts?$apply=aggregate(annualincome with average as average,annualincome with sum as total,annualincome with min as minimum,annualincome with max as maximum)", 200, `"total":107500`, `"average":53750`, `"minimum":52000`),
		fetched("FetchXML, by pages", "contacts", `<fetch count='2' page='1'><entity name='contact'><attribute name='fullname'/><order attribute='fullname'/><filter><condition attribute='fullname' operator='like' value='%(sample)%'/></filter></entity></fetch>`, 200, "Nancy", "Susanna").without("Yvonne"),
		fetched("the second", "contacts", `<fetch count='2' page='2'><entity name='contact'><attribute name='fullname'/><order attribute='fullname'/><filter><condition attribute='fullname' operator='like' value='%(sample)%'/></filter></entity></fetch>`, 200, "Yvonne"),
		asked("a view", "savedqueries?$select=name,savedqueryid&$filter=name eq 'Active Accounts'", 200, `"Active Accounts"`).kept("view=savedqueryid"),
		asked("is run", "accounts?savedQuery={view}", 200, "Contoso"),
		sent("a view of one's own", "POST", "userqueries", `{"name":"My User Query","querytype":0,"returnedtypecode":"contact","fetchxml":"<fetch><entity name='contact'><attribute name='fullname'/><filter><condition attribute='jobtitle' operator='eq' value='Coffee Master'/></filter></entity></fetch>"}`, 204).kept("mine"),
		asked("is run too", "contacts?userQuery={mine}", 200, "Yvonne").without("Nancy"),
	}},
	{"org-service/samples/create-retrieve-update-delete-recurring-appointment", []statement{
		sent("a series", "POST", "recurringappointmentmasters", `{"subject":"Sample Recurring Appointment","starttime":"2026-11-30T09:00:00Z","endtime":"2026-11-30T10:00:00Z","recurrencepatterntype":1,"interval":1,"daysofweekmask":16,"patternstartdate":"2026-11-30T00:00:00Z","patternendtype":2,"occurrences":10}`, 501, "recurringappointmentmasters"),
		asked("as it is read", "recurringappointmentmasters?$select=subject,interval,occurrences&$filter=subject eq 'Sample Recurring Appointment'", 200, `"value":[`),
		asked("patterns", "EntityDefinitions(LogicalName='recurringappointmentmaster')/Attributes(LogicalName='recurrencepatterntype')/"+definitions+"PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"Daily"`, `"Label":"Weekly"`, `"Label":"Monthly"`, `"Label":"Yearly"`),
		asked("ends", "EntityDefinitions(LogicalName='recurringappointmentmaster')/Attributes(LogicalName='patternendtype')/"+definitions+"PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"No End Date"`, `"Label":"Occurrences"`, `"Label":"Pattern End Date"`),
		sent("changed", "PATCH", "recurringappointmentmasters({guid})", `{"subject":"Updated","occurrences":5,"interval":2}`, 501, "recurringappointmentmasters"),
	}},
	{"org-service/samples/assign-record-to-new-owner", []statement{
		sent("an account", "POST", "accounts", `{"name":"Fourth Coffee Account"}`, 204).kept("coffee"),
		asked("its owner", "accounts({coffee})?$select=name,_ownerid_value", 200, `"_ownerid_value":"{admin}"`),
		sent("another", "PATCH", "accounts({coffee})", `{"ownerid@odata.bind":"/systemusers({other})"}`, 204),
		asked("as it is read", "accounts({coffee})?$select=_ownerid_value,_owninguser_value", 200, `"_ownerid_value":"{other}"`, `"_owninguser_value":"{other}"`),
		sent("it goes", "DELETE", "accounts({coffee})", "", 204),
	}},
	{"org-service/samples/workflow-operations", []statement{
		sent("a workflow", "POST", "workflows", `{"name":"Sample Workflow","type":1,"category":0,"primaryentity":"account","mode":0,"scope":1,"xaml":"<Activity/>"}`, 204).kept("flow"),
		asked("is a draft", "workflows({flow})?$select=statecode,statuscode", 200, `"statecode":0`, `"statuscode":1`),
		sent("activated", "PATCH", "workflows({flow})", `{"statecode":1,"statuscode":2}`, 501, "workflow"),
		sent("it goes", "DELETE", "workflows({flow})", "", 204),
		asked("what there is", "workflows?$select=name,statecode,statuscode,category,type", 200, `"value":[`),
		sent("run", "POST", "workflows({guid})/"+definitions+"ExecuteWorkflow", `{"EntityId":"{guid}"}`, 501, "ExecuteWorkflow"),
		sent("from a template", "POST", "workflows({guid})/"+definitions+"CreateWorkflowFromTemplate", `{"WorkflowName":"Sample Workflow"}`, 501, "CreateWorkflowFromTemplate"),
		asked("states", "EntityDefinitions(LogicalName='workflow')/Attributes(LogicalName='statecode')/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"Draft"`, `"Label":"Activated"`),
	}},
	{"businessunit-entity", []statement{
		asked("the root has no parent", "businessunits?$select=name&$filter=_parentbusinessunitid_value eq null", 200, `"businessunitid":"{unit}"`),
		sent("a child", "POST", "businessunits", `{"name":"North","parentbusinessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("north"),
		sent("its child", "POST", "businessunits", `{"name":"Far North","parentbusinessunitid@odata.bind":"/businessunits({north})"}`, 204).kept("far"),
		asked("children of the root", "businessunits({unit})/business_unit_parent_business_unit?$select=name", 200, `"North"`).without("Far North"),
		sent("the root is not deleted", "DELETE", "businessunits({unit})", "", 400),
		asked("roles are a unit's", "roles?$select=name&$filter=_businessunitid_value eq {north} and name eq 'Basic User'", 200, `"Basic User"`),
		asked("the unit of the caller", "WhoAmI", 200, `"BusinessUnitId":"{unit}"`),
		sent("disabled first", "PATCH", "businessunits({far})", `{"isdisabled":true}`, 204),
		sent("then deleted", "DELETE", "businessunits({far})", "", 204),
		asked("tables that a unit owns", "EntityDefinitions(LogicalName='team')?$select=OwnershipType", 200, `"OwnershipType":"BusinessOwned"`),
	}},
	{"org-service/samples/create-update-emailable-entity", []statement{
		sent("a table for mails", "POST", "EntityDefinitions", emailable("new_Instructor"), 204).kept("table"),
		asked("as it is read", "EntityDefinitions(LogicalName='new_instructor')?$select=IsActivityParty,PrimaryNameAttribute", 200, `"IsActivityParty":true`, `"PrimaryNameAttribute":"new_name"`),
		sent("published", "POST", "PublishXml", `{"ParameterXml":"<importexportxml><entities><entity>new_instructor</entity></entities></importexportxml>"}`, 204),
		sent("an address column", "POST", "EntityDefinitions(LogicalName='new_instructor')/Attributes", columnBody("String", "new_EmailAddress", `,"FormatName":{"Value":"Email"},"MaxLength":100`), 204),
		asked("its format", "EntityDefinitions(LogicalName='new_instructor')/Attributes(LogicalName='new_emailaddress')/"+definitions+"StringAttributeMetadata?$select=Format,FormatName", 200, `"Format":"Email"`, `"FormatName":{"Value":"Email"}`),
		sent("somebody to write to", "POST", "new_instructors", `{"new_name":"Ina","new_emailaddress":"ina@example.com"}`, 204).kept("ina"),
		sent("a mail", "POST", "emails", `{"subject":"Hello","email_activity_parties":[{"partyid_new_instructor@odata.bind":"/new_instructors({ina})","participationtypemask":2}]}`, 204).kept("mail"),
		asked("as it is read", "emails({mail})/email_activity_parties?$select=addressused,_partyid_value", 200, `"_partyid_value":"{ina}"`, `"addressused":"ina@example.com"`),
		sent("it goes", "DELETE", "EntityDefinitions(LogicalName='new_instructor')", "", 204),
	}},
	{"webapi/samples/functions-actions-client-side-javascript", []statement{
		sent("an account", "POST", "accounts", `{"name":"Fourth Coffee"}`, 204).kept("fourth"),
		sent("a case with tasks", "POST", "incidents", `{"title":"Sample Case","customerid_account@odata.bind":"{root}accounts({fourth})","Incident_Tasks":[{"subject":"Task 1","actualdurationminutes":30},{"subject":"Task 2","actualdurationminutes":30}]}`, 204).kept("case"),
		asked("references to the tasks", "incidents({case})/Incident_Tasks/$ref", 200, `"@odata.id":"{root}tasks(`).kept("task=@odata.id"),
		sent("closed", "PATCH", "{task}", `{"statecode":1,"statuscode":5}`, 204),
		sent("a company with an opportunity", "POST", "accounts", `{"name":"Sample Account","opportunity_customer_accounts":[{"name":"Opportunity to win"}]}`, 204).kept("buyer"),
		asked("a reference to it", "accounts({buyer})/opportunity_customer_accounts/$ref", 200, `"@odata.id":"{root}opportunities(`).kept("opportunity=@odata.id"),
		sent("a letter", "POST", "letters", `{"description":"Example letter"}`, 204).kept("letter"),
		sent("a contact", "POST", "contacts", `{"firstname":"Jon","lastname":"Fogg"}`, 204).kept("jon"),
		asked("who I am", "WhoAmI", 200, `"UserId":"{admin}"`),
		asked("my name", "systemusers({admin})?$select=fullname", 200, `"fullname":"`),
		asked("a zone by its name", "GetTimeZoneCodeByLocalizedName(LocalizedStandardName=@p1,LocaleId=@p2)?@p1='Pacific Standard Time'&@p2=1033", 200, `"TimeZoneCode":4`),
		asked("time of the closed tasks", "incidents({case})/"+definitions+"CalculateTotalTimeIncident()", 200, `"TotalTime":30`),
		sent("won", "POST", "WinOpportunity", `{"Status":3,"OpportunityClose":{"subject":"Won Opportunity","opportunityid@odata.bind":"{opportunity}"}}`, 204),
		asked("my queue", "systemusers({admin})/queueid/$ref", 200, `"@odata.id":"{root}queues(`).kept("queue=@odata.id"),
		sent("the letter into it", "POST", "{queue}/"+definitions+"AddToQueue", `{"Target":{"activityid":"{letter}","@odata.type":"Microsoft.Dynamics.CRM.letter"}}`, 200, `"QueueItemId":"`),
		sent("an action of a solution", "POST", "contacts({jon})/"+definitions+"sample_AddNoteToContact", `{"NoteTitle":"T","NoteText":"N"}`, 404, "sample_AddNoteToContact"),
		sent("opened again", "PATCH", "{opportunity}", `{"statecode":0,"statuscode":2}`, 204),
		asked("its closing", "{opportunity}/Opportunity_OpportunityClose/$ref", 200, `"@odata.id":"{root}opportunitycloses(`).kept("closing=@odata.id"),
		sent("goes first", "DELETE", "{closing}", "", 204),
		sent("then it", "DELETE", "{opportunity}", "", 204),
	}},
	{"org-service/samples/query-connections-record-early-bound", []statement{
		sent("a role", "POST", "connectionroles", `{"name":"Example Connection Role","category":1}`, 204).kept("role"),
		sent("for accounts", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"account","connectionroleid@odata.bind":"/connectionroles({role})"}`, 204),
		sent("for contacts", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"contact","connectionroleid@odata.bind":"/connectionroles({role})"}`, 204),
		sent("an account", "POST", "accounts", `{"name":"Example Account 1"}`, 204).kept("one"),
		sent("another", "POST", "accounts", `{"name":"Example Account 2"}`, 204).kept("two"),
		sent("a contact", "POST", "contacts", `{"lastname":"Example Contact"}`, 204).kept("contact"),
		sent("a connection", "POST", "connections", `{"record1id_account@odata.bind":"/accounts({one})","record2id_contact@odata.bind":"/contacts({contact})","record1roleid@odata.bind":"/connectionroles({role})"}`, 204),
		sent("from the other", "POST", "connections", `{"record1id_account@odata.bind":"/accounts({two})","record2id_contact@odata.bind":"/contacts({contact})","record1roleid@odata.bind":"/connectionroles({role})"}`, 204),
		asked("those of the contact", "connections?$select=connectionid&$filter=_record2id_value eq {contact}&$count=true", 200, `"@odata.count":2`),
		asked("the other way", "connections?$select=connectionid&$filter=_record1id_value eq {contact}&$count=true", 200, `"@odata.count":2`),
		asked("by the role", "connectionroles({role})/connection_role_connections1?$select=connectionid", 200, `"connectionid":"`),
	}},
	{"webapi/samples/webapiservice-tpl-dataflow-parallel-operations", []statement{
		asked("how much at once", "WhoAmI", 200, "X-Ms-Dop-Hint"),
		sent("an account", "POST", "accounts", `{"name":"Account 1"}`, 204).kept("first"),
		sent("goes again", "DELETE", "accounts({first})", "", 204),
	}},
	{"activities-data-model-storage", []statement{
		sent("an appointment", "POST", "appointments", `{"subject":"Meeting","description":"Text","scheduledstart":"2026-12-01T09:00:00Z","scheduledend":"2026-12-01T10:00:00Z","regardingobjectid_account@odata.bind":"/accounts({fourth})","appointment_activity_parties":[{"partyid_systemuser@odata.bind":"/systemusers({user})","participationtypemask":7},{"partyid_contact@odata.bind":"/contacts({jon})","participationtypemask":5},{"partyid_systemuser@odata.bind":"/systemusers({other})","participationtypemask":5},{"partyid_contact@odata.bind":"/contacts({contact})","participationtypemask":6}]}`, 204).kept("meeting"),
		asked("is an activity too", "activitypointers({meeting})?$select=subject,description,activitytypecode", 200, `"description":"Text"`, `"activitytypecode":"appointment"`),
		asked("its parties, with owner and regarding", "activityparties?$select=participationtypemask&$filter=_activityid_value eq {meeting}&$count=true", 200, `"@odata.count":6`),
		asked("addresses that mails are found by are internal", "emailsearches", 501, "emailsearches"),
		asked("so are hashes", "emailhashes", 501, "emailhashes"),
		sent("an attachment", "POST", "activitymimeattachments", `{"objectid_activitypointer@odata.bind":"/activitypointers({meeting})","objecttypecode":"appointment","filename":"a.txt","body":"QQ==","mimetype":"text/plain"}`, 204),
		asked("as it is read", "activitymimeattachments?$select=filename&$filter=_objectid_value eq {meeting}", 200, `"a.txt"`),
	}},
}

// emailable is the definition of a table that mails can be sent to.
func emailable(name string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"` + name + `","IsActivityParty":true,"DisplayName":` + english + `,"DisplayCollectionName":` + english + `,"OwnershipType":"UserOwned","IsActivity":false,"HasActivities":false,"HasNotes":false,"Attributes":[` +
		`{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","IsPrimaryName":true,"SchemaName":"new_Name","DisplayName":` + english + `,"RequiredLevel":{"Value":"None"},"MaxLength":100,"FormatName":{"Value":"Text"}}]}`
}
