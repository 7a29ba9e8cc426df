package emulator_test

import "strings"

const calling = `<fetch><entity name='email'><attribute name='subject'/><filter type='or'@@><condition entityname='ac' attribute='telephone1' operator='eq' value='555-123'/><condition entityname='co' attribute='telephone1' operator='eq' value='555-123'/></filter>@more<link-entity name='account' from='accountid' to='regardingobjectid' link-type='outer' alias='ac'/><link-entity name='contact' from='contactid' to='regardingobjectid' link-type='outer' alias='co'/></entity></fetch>`

// drawnSeventhRows are the rest of the pages of the seventh draw.
var drawnSeventhRows = []pageStatements{
	{"org-service/samples/send-email-template", []statement{
		sent("a contact", "POST", "contacts", `{"firstname":"Adam","lastname":"Carter","emailaddress1":"someone@example.com"}`, 204).kept("adam"),
		asked("a template", "templates?$select=templateid&$filter=title eq 'Contact Reconnect'", 501, "templates"),
		sent("a mail of it", "POST", "SendEmailFromTemplate", `{"TemplateId":"{guid}"}`, 501, "SendEmailFromTemplate"),
	}},
	{"org-service/samples/enable-duplicate-detection-and-retrieve-duplicates", []statement{
		sent("an account", "POST", "accounts", `{"name":"Microsoft"}`, 204).kept("first"),
		sent("the same again", "POST", "accounts", `{"name":"Microsoft"}`, 204),
		sent("a rule", "POST", "duplicaterules", `{"name":"Accounts with the same Account name","baseentityname":"account","matchingentityname":"account"}`, 204).kept("rule"),
		sent("its condition", "POST", "duplicateruleconditions", `{"baseattributename":"name","matchingattributename":"name","operatorcode":0,"regardingobjectid@odata.bind":"/duplicaterules({rule})"}`, 204),
		sent("published", "POST", "PublishDuplicateRule", `{"DuplicateRuleId":"{rule}"}`, 200, `"JobId":"`),
		asked("who is the same", `RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName=@p2,PagingInfo=@p3)?@p1={"@odata.type":"Microsoft.Dynamics.CRM.account","name":"Microsoft"}&@p2='account'&@p3={"PageNumber":1,"Count":50}`, 200, `"name":"Microsoft"`),
	}},
	{"fetchxml/optimize-performance", []statement{
		sent("an account", "POST", "accounts", `{"name":"Called","telephone1":"555-123"}`, 204).kept("called"),
		sent("a mail", "POST", "emails", `{"subject":"For the called","regardingobjectid_account@odata.bind":"/accounts({called})"}`, 204),
		fetched("in parts", "accounts", `<fetch latematerialize='true'><entity name='account'><attribute name='name'/><filter><condition attribute='telephone1' operator='eq' value='555-123'/></filter></entity></fetch>`, 200, `"Called"`),
		fetched("options", "accounts", `<fetch options='ForceOrder,LoopJoin'><entity name='account'><attribute name='name'/></entity></fetch>`, 200, `"Called"`),
		fetched("an old switch", "accounts", `<fetch no-lock='true'><entity name='account'><attribute name='name'/></entity></fetch>`, 200, `"Called"`),
		fetched("columns of two tables", "emails", hinted(calling, " hint='union'"), 200, `"For the called"`),
	}},
	{"org-service/samples/download-report-definition", []statement{
		asked("a report", "reports?$select=name,bodytext&$top=1", 501, "reports"),
		asked("its definition", "reports({guid})/"+definitions+"DownloadReportDefinition()", 501, "reports"),
	}},
	{"subject-entity", []statement{
		sent("a subject", "POST", "subjects", `{"title":"Hardware"}`, 204).kept("hardware"),
		sent("below it", "POST", "subjects", `{"title":"Printers","parentsubject@odata.bind":"/subjects({hardware})"}`, 204).kept("printers"),
		asked("a hierarchy", "subjects?$select=title&$filter=_parentsubject_value eq {hardware}", 200, `"Printers"`).without(`"Hardware"`),
		sent("a case about it", "POST", "incidents", `{"title":"Jam","customerid_account@odata.bind":"/accounts({first})","subjectid@odata.bind":"/subjects({printers})"}`, 204),
		sent("a product about it", "PATCH", "products({product})", `{"subjectid@odata.bind":"/subjects({printers})"}`, 204),
		asked("as it is read", "products({product})?$select=_subjectid_value", 200, "{printers}"),
	}},
	{"webapi/samples/cdswebapiservice-async-parallel-operations", []statement{
		sent("an account", "POST", "accounts", `{"name":"Account created 1"}`, 204).kept("parallel"),
		sent("is deleted", "DELETE", "accounts({parallel})", "", 204),
	}},
	{"org-service/samples/create-retrieve-update-delete-dashboards", []statement{
		asked("a public view", "savedqueries?$select=name&$filter=returnedtypecode eq 'opportunity' and isdefault eq true and querytype eq 0", 200, `"name":"`),
		sent("a dashboard", "POST", "systemforms", `{"name":"Sample Dashboard","description":"D","type":0,"isdefault":false,"formxml":"<form><tabs><tab name='t' verticallayout='true'><labels><label description='T' languagecode='1033'/></labels><columns><column width='100%'><sections/></column></columns></tab></tabs></form>"}`, 204).kept("dashboard"),
		asked("as it is read", "systemforms({dashboard})?$select=name,type,objecttypecode", 200, `"type":0`, `"objecttypecode":"none"`),
		sent("changed", "PATCH", "systemforms({dashboard})", `{"description":"Other"}`, 204),
		sent("gone", "DELETE", "systemforms({dashboard})", "", 204),
		sent("one's own", "POST", "userforms", `{"name":"Mine","type":0}`, 501, "userforms"),
	}},
	{"org-service/samples/reschedule-cancel-recurring-appointment", []statement{
		sent("an appointment", "POST", "appointments", `{"subject":"A","scheduledstart":"2026-01-01T10:00:00Z","scheduledend":"2026-01-01T11:00:00Z"}`, 204).kept("appointment"),
		sent("moved", "POST", "Reschedule", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.appointment","activityid":"{appointment}"},"ReturnNotifications":true}`, 501, "Reschedule"),
		sent("cancelled", "PATCH", "appointments({appointment})", `{"statecode":2,"statuscode":4}`, 204),
		asked("as it is read", "appointments({appointment})?$select=statecode,statuscode", 200, `"statecode":2`, `"statuscode":4`),
	}},
	{"org-service/samples/query-working-hours-user", []statement{
		asked("hours", "QuerySchedule(ResourceId={user},Start=2026-01-01T00:00:00Z,End=2026-01-08T00:00:00Z,TimeCodes=@t)?@t=['Available']", 501, "QuerySchedule"),
	}},
	{"queue-entities", []statement{
		asked("a queue of each user", "systemusers({admin})?$select=_queueid_value", 200, `"_queueid_value":"`).without(`"_queueid_value":null`).kept("own=_queueid_value"),
		sent("a team", "POST", "teams", `{"name":"Queued","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("team"),
		asked("has one too", "teams({team})?$select=_queueid_value", 200).without(`"_queueid_value":null`),
		asked("tables that queues take", "EntityDefinitions?$select=LogicalName,IsValidForQueue", 200, queued("incident"), queued("email"), queued("task"), queued("campaignresponse"), queued("recurringappointmentmaster")).without(queued("account")),
		sent("a queue", "POST", "queues", `{"name":"Q","queueviewtype":0}`, 204).kept("q"),
		sent("another", "POST", "queues", `{"name":"R","queueviewtype":0}`, 204).kept("r"),
		sent("a task", "POST", "tasks", `{"subject":"Queued"}`, 204).kept("task"),
		sent("into one", "POST", "queues({q})/"+definitions+"AddToQueue", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.task","activityid":"{task}"}}`, 200).kept("item=QueueItemId"),
		asked("counted", "queues({q})?$select=numberofitems,numberofmembers", 200, `"numberofitems":1`),
		sent("not deleted with items", "DELETE", "queues({q})", "", 400),
		sent("into the other", "POST", "queues({r})/"+definitions+"AddToQueue", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.task","activityid":"{task}"}}`, 200),
		asked("in one at a time", "queueitems?$select=_queueid_value&$filter=_objectid_value eq {task} and statecode eq 0", 200, "{r}").without("{q}").kept("item=queueitemid"),
		sent("picked", "POST", "queueitems({item})/"+definitions+"PickFromQueue", `{"SystemUser":{"@odata.type":"Microsoft.Dynamics.CRM.systemuser","systemuserid":"{user}"},"RemoveQueueItem":false}`, 501, "PickFromQueue"),
		sent("released", "POST", "queueitems({item})/"+definitions+"ReleaseToQueue", `{}`, 501, "ReleaseToQueue"),
		sent("done", "PATCH", "tasks({task})", `{"statecode":1,"statuscode":5}`, 204),
		asked("no longer active", "queueitems({item})?$select=statecode", 200, `"statecode":1`),
		sent("deleted", "DELETE", "tasks({task})", "", 204),
		asked("with its item", "queueitems({item})?$select=statecode", 404),
		sent("a user's queue is changed", "PATCH", "systemusers({user})", `{"queueid@odata.bind":"/queues({r})"}`, 204),
	}},
	{"org-service/samples/late-bound-entity-operations", []statement{
		sent("an account", "POST", "accounts", `{"name":"Fourth Coffee"}`, 204).kept("late"),
		asked("two columns", "accounts({late})?$select=name,ownerid", 200, "Fourth Coffee", `"_ownerid_value":"`),
		sent("one set, one emptied", "PATCH", "accounts({late})", `{"address1_postalcode":"98052","address2_postalcode":null,"revenue":5000000,"creditonhold":false}`, 204),
		asked("as it is read", "accounts({late})?$select=address1_postalcode,address2_postalcode,revenue,creditonhold", 200, `"address1_postalcode":"98052"`, `"address2_postalcode":null`, `"creditonhold":false`),
		sent("gone", "DELETE", "accounts({late})", "", 204),
	}},
}

func queued(table string) string {
	return `"ManagedPropertyLogicalName":"canmodifyqueuesettings","Value":true},"LogicalName":"` + table + `"`
}

// hinted is a query with a hint in its filter.
func hinted(query, hint string) string {
	return strings.NewReplacer("@@", hint, "@more", "").Replace(query)
}
