package emulator_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnThirdTime tries what pages say that were drawn with the seed 20261130, in the order of the draw.
func TestPagesDrawnThirdTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, _ := o.person("ada")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "unit": o.server.Rows("businessunit")[0].ID.String(), "organization": o.server.Rows("organization")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	plain, _ := admin.user(known["unit"], "prvCreateContact Global", "prvReadContact Global", "prvWriteContact Global")
	known["plain"] = "Bearer " + plain.token
	o.tryPages(known, "", drawnThird, drawnThirdRows)
}

// on is a reference to a row, as an action takes it.
func on(table, key, name string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.` + table + `","` + key + `":"{` + name + `}"}`
}

// linked joins two rows over a collection.
func linked(says, row, collection, other string) statement {
	return sent(says, "POST", row+"/"+collection+"/$ref", `{"@odata.id":"{root}`+other+`"}`, 204)
}

// secret is a column that column security keeps.
const secret = `,"IsSecured":true,"MaxLength":100`

// activityBody is the definition of a custom activity.
func activityBody(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(tableBody(name), `"IsActivity":false`, `"IsActivity":true`), "sample_Name", "Subject"), `"HasNotes":false`, `"HasNotes":true`)
}

// drawnThird are the pages of the third draw that are about rights, rows and definitions.
var drawnThird = []pageStatements{
	{"org-service/samples/retrieve-field-permissions", []statement{
		asked("a role by its name", "roles?$select=roleid,name&$filter=name eq 'Marketing Manager' and _businessunitid_value eq {unit}", 200, `"Marketing Manager"`),
		sent("a team", "POST", "teams", `{"name":"Secured","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("team"),
		sent("a profile", "POST", "fieldsecurityprofiles", `{"name":"Profile","description":"D"}`, 204).kept("profile"),
		linked("a team joins it", "fieldsecurityprofiles({profile})", "teamprofiles_association", "teams({team})"),
		linked("so does a user", "fieldsecurityprofiles({profile})", "systemuserprofiles_association", "systemusers({user})"),
		sent("a custom activity", "POST", "EntityDefinitions", activityBody("new_Tweet"), 204),
		asked("its privileges", "privileges?$select=name&$filter=name eq 'prvReadnew_Tweet' or name eq 'prvReadActivity'", 200, "prvReadActivity"),
		sent("a secured column of it", "POST", "EntityDefinitions(LogicalName='new_tweet')/Attributes", columnBody("String", "new_Identity", secret), 204),
		sent("a permission", "POST", "fieldpermissions", `{"attributelogicalname":"new_identity","entityname":"new_tweet","canread":4,"cancreate":0,"canupdate":0,"fieldsecurityprofileid@odata.bind":"/fieldsecurityprofiles({profile})"}`, 204).kept("permission"),
		asked("as it is read", "fieldpermissions({permission})?$select=attributelogicalname,canread,cancreate", 200, `"canread":4`, `"cancreate":0`, `"Allowed"`, `"Not Allowed"`).as(withNames...),
		asked("through the profile", "fieldsecurityprofiles({profile})?$select=name&$expand=lk_fieldpermission_fieldsecurityprofileid($select=attributelogicalname)", 200, "new_identity"),
	}},
	{"org-service/samples/remove-role-for-user", []statement{
		asked("a role", "roles?$select=name&$filter=name eq 'Basic User' and _businessunitid_value eq {unit}", 200, `"Basic User"`).kept("basic=roleid"),
		sent("is taken from a user", "DELETE", "systemusers({user})/systemuserroles_association({basic})/$ref", "", 204),
		asked("who has it no more", "systemusers({user})/systemuserroles_association?$select=name", 200).without("Basic User"),
	}},
	{"org-service/samples/work-activity-party-records", []statement{
		sent("a contact", "POST", "contacts", `{"firstname":"Ana","lastname":"One"}`, 204).kept("one"),
		sent("a contact", "POST", "contacts", `{"firstname":"Bo","lastname":"Two"}`, 204).kept("two"),
		sent("a contact", "POST", "contacts", `{"firstname":"Cy","lastname":"Three"}`, 204).kept("three"),
		sent("a letter with three receivers", "POST", "letters", `{"subject":"Sample Letter","letter_activity_parties":[{"partyid_systemuser@odata.bind":"/systemusers({admin})","participationtypemask":1},{"partyid_contact@odata.bind":"/contacts({one})","participationtypemask":2},{"partyid_contact@odata.bind":"/contacts({two})","participationtypemask":2},{"partyid_contact@odata.bind":"/contacts({three})","participationtypemask":2}]}`, 204).kept("letter"),
		asked("all of them", "letters({letter})?$select=subject&$expand=letter_activity_parties($select=participationtypemask,_partyid_value)", 200, "{one}", "{two}", "{three}", "{admin}", `"participationtypemask":1`, `"participationtypemask":2`),
		sent("is deleted", "DELETE", "letters({letter})", "", 204),
	}},
	{"org-service/samples/issystemadmin-customapi-sample-plugin", []statement{
		sent("a custom API", "POST", "customapis", `{"uniquename":"sample_IsSystemAdmin","allowedcustomprocessingsteptype":0,"bindingtype":1,"boundentitylogicalname":"systemuser","description":"D","name":"Is System Administrator","displayname":"Is System Administrator","executeprivilegename":null,"isfunction":true,"isprivate":false,"workflowsdkstepenabled":false,"iscustomizable":{"Value":false},"CustomAPIResponseProperties":[{"uniquename":"HasRole","name":"Has Role","description":"W","displayname":"Has Role","type":0,"logicalentityname":null,"iscustomizable":{"Value":false}}]}`, 501, "customapis"),
		asked("names of users", "systemusers?$select=fullname", 200, `"fullname":"ada"`, `"systemuserid"`),
		asked("roles by template", "systemusers({admin})/systemuserroles_association?$select=name&$filter=_roletemplateid_value eq 627090ff-40a3-4053-8790-584edc5be201", 200, `"System Administrator"`),
		asked("and those of a user's teams", "teams?$select=name&$filter=teammembership_association/any(u:u/systemuserid eq {admin}) and teamroles_association/any(r:r/roletemplateid/roletemplateid eq 627090ff-40a3-4053-8790-584edc5be201)", 200, `"value":[]`),
	}},
	{"configure-data-import", []statement{
		sent("an import", "POST", "imports", `{"name":"I","modecode":0}`, 501, "imports"),
		sent("its map", "POST", "importmaps", `{"name":"M"}`, 501, "importmaps"),
		sent("its file", "POST", "importfiles", `{"name":"F","filetypecode":0,"datadelimitercode":1,"fielddelimitercode":2,"isfirstrowheader":true,"enableduplicatedetection":true}`, 501, "importfiles"),
	}},
	{"org-service/samples/add-security-principal-user-team-queue-early-bound", []statement{
		sent("a queue", "POST", "queues", `{"name":"Example Queue","description":"D","incomingemailfilteringmethod":0,"incomingemaildeliverymethod":0,"outgoingemaildeliverymethod":0,"queueviewtype":1}`, 204).kept("queue"),
		asked("the unit without one above", "businessunits?$select=businessunitid&$filter=_parentbusinessunitid_value eq null", 200, "{unit}"),
		sent("a team", "POST", "teams", `{"name":"Example Team","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("queueteam"),
		sent("with a member", "POST", "teams({queueteam})/"+definitions+"AddMembersTeam", `{"Members":[`+on("systemuser", "systemuserid", "user")+`]}`, 204),
		sent("a role", "POST", "roles", `{"name":"Example Role","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("queuerole"),
		asked("two privileges", "privileges?$select=privilegeid,name&$filter=name eq 'prvReadQueue' or name eq 'prvAppendToQueue'", 200, "prvReadQueue", "prvAppendToQueue").kept("readqueue=privilegeid"),
		sent("go into the role", "POST", "roles({queuerole})/"+definitions+"AddPrivilegesRole", `{"Privileges":[{"PrivilegeId":"{readqueue}","Depth":"Local"}]}`, 204),
		linked("the team gets it", "teams({queueteam})", "teamroles_association", "roles({queuerole})"),
		sent("the team is added to the queue", "POST", "queues({queue})/"+definitions+"AddPrincipalToQueue", `{"Principal":`+on("team", "teamid", "queueteam")+`}`, 204),
		asked("which adds each member", "queues({queue})/queuemembership_association?$select=systemuserid", 200, "{user}"),
	}},
	{"auditing/overview", []statement{
		asked("settings of the organisation", "organizations?$select=isauditenabled,auditretentionperiodv2,isuseraccessauditenabled,useraccessauditinginterval", 200, `"isauditenabled":`, `"auditretentionperiodv2":`, `"isuseraccessauditenabled":`, `"useraccessauditinginterval":`),
		sent("which change", "PATCH", "organizations({organization})", `{"isuseraccessauditenabled":true,"useraccessauditinginterval":4}`, 204),
		sent("for administrators only", "PATCH", "organizations({organization})", `{"isauditenabled":false}`, 403).as("Authorization", "{plain}"),
		asked("tables that are audited", "EntityDefinitions?$select=LogicalName,IsAuditEnabled&$filter=IsAuditEnabled/Value eq true", 200, `"LogicalName":"account"`),
		asked("columns as well", "EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,IsAuditEnabled&$filter=IsAuditEnabled/Value eq true", 200, `"LogicalName":"name"`),
		sent("one can be taken out", "PUT", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='jobtitle')", `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","LogicalName":"jobtitle","SchemaName":"JobTitle","MaxLength":100,"DisplayName":`+english+`,"RequiredLevel":{"Value":"None"},"IsAuditEnabled":{"Value":false}}`, 204),
		asked("which it then is", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='jobtitle')?$select=IsAuditEnabled", 200, `"Value":false`),
		sent("a row", "POST", "contacts", `{"lastname":"Audited","jobtitle":"J","emailaddress1":"a@x.invalid"}`, 204).kept("audited"),
		asked("its history has the columns that are audited", "RetrieveRecordChangeHistory(Target=@t)?@t={'@odata.id':'contacts({audited})'}", 200, `"lastname":"Audited"`, "a@x.invalid").without(`"jobtitle":"J"`),
		asked("that of a column", "RetrieveAttributeChangeHistory(Target=@t,AttributeLogicalName='emailaddress1')?@t={'@odata.id':'contacts({audited})'}", 200, "a@x.invalid").without("Audited"),
		asked("rows of the audit table", "audits?$select=auditid,action,operation&$filter=_objectid_value eq {audited}", 200, `"operation":1`).kept("auditrow=auditid"),
		asked("with their details", "audits({auditrow})/"+definitions+"RetrieveAuditDetails", 200, "AuditDetail", "a@x.invalid"),
		sent("which nobody can delete directly", "DELETE", "audits({auditrow})", "", 405),
		sent("but with the history of a row", "POST", "DeleteRecordChangeHistory", `{"Target":`+on("contact", "contactid", "audited")+`}`, 200, "DeletedEntriesCount"),
		sent("DeleteAuditData is for customer-managed keys", "POST", "DeleteAuditData", `{"EndDate":"2020-01-01T00:00:00Z"}`, 400),
	}},
	{"add-transformation-mappings-import", []statement{
		sent("a transformation", "POST", "transformationmappings", `{"transformationtypename":"Microsoft.Crm.Transformations.Split"}`, 501, "transformationmappings"),
		sent("its parameters", "POST", "transformationparametermappings", `{"sequence":1}`, 501, "transformationparametermappings"),
	}},
	{"run-data-import", []statement{
		sent("ParseImport", "POST", "ParseImport", `{"ImportId":"{guid}"}`, 501, "ParseImport"),
		asked("GetDistinctValuesImportFile", "GetDistinctValuesImportFile(ImportFileId={guid},columnNumber=1,pageNumber=1,recordsPerPage=10)", 501, "GetDistinctValuesImportFile"),
		asked("RetrieveParsedDataImportFile", "RetrieveParsedDataImportFile(ImportFileId={guid},PagingInfo=@p)?@p={'PageNumber':1,'Count':2}", 501, "RetrieveParsedDataImportFile"),
		sent("TransformImport", "POST", "TransformImport", `{"ImportId":"{guid}"}`, 501, "TransformImport"),
		sent("ImportRecordsImport", "POST", "ImportRecordsImport", `{"ImportId":"{guid}"}`, 501, "ImportRecordsImport"),
		asked("what failed", "importlogs?$select=logphasecode", 501, "importlogs"),
		asked("the number of the last import", "organizations?$select=currentimportsequencenumber", 200, `"currentimportsequencenumber":`),
		sent("a date of creation of one's own", "POST", "contacts", `{"lastname":"Imported","overriddencreatedon":"2010-05-01T10:00:00Z","importsequencenumber":7,"modifiedon":"2011-01-01T00:00:00Z","createdby@odata.bind":"/systemusers({user})"}`, 204).kept("imported"),
		asked("becomes createdon, and the other date is the day of it", "contacts({imported})?$select=createdon,overriddencreatedon,importsequencenumber,modifiedon,_createdby_value", 200, `"createdon":"2010-05-01T10:00:00Z"`, `"importsequencenumber":7`, `"_createdby_value":"{admin}"`).without(`"overriddencreatedon":"2010`, `"overriddencreatedon":null`, `"modifiedon":"2011`),
		sent("without it, it is not set", "POST", "contacts", `{"lastname":"Made"}`, 204).kept("made"),
		asked("without it, it is not set", "contacts({made})?$select=overriddencreatedon", 200, `"overriddencreatedon":null`),
		sent("it takes a privilege", "POST", "contacts", `{"lastname":"Imported","overriddencreatedon":"2010-05-01T10:00:00Z"}`, 403, "prvOverrideCreatedOnCreatedBy").as("Authorization", "{plain}"),
	}},
	{"webapi/use-ps-and-vscode-web-api", []statement{
		asked("who one is", "WhoAmI", 200, `$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"`, `"BusinessUnitId":"{unit}"`, `"UserId":"{admin}"`, `"OrganizationId":"{organization}"`).as("OData-MaxVersion", "4.0", "OData-Version", "4.0", "Accept", "application/json"),
		sent("a row", "POST", "accounts", `{"name":"Example Account","accountcategorycode":1}`, 204, "/accounts(").as("Content-Type", "application/json").kept("example"),
		asked("three rows, with an empty If-None-Match", "accounts?$select=name&$top=3", 200, `"Example Account"`).as("If-None-Match", "", "Prefer", `odata.include-annotations="*"`),
		asked("one, with the name of its choice", "accounts({example})?$select=name,accountcategorycode", 200, `"accountcategorycode@OData.Community.Display.V1.FormattedValue":"Preferred Customer"`).as("If-None-Match", "", "Prefer", `odata.include-annotations="*"`),
		sent("an update that makes none", "PATCH", "accounts({example})", `{"name":"Updated Example account","accountcategorycode":2}`, 204).as("If-Match", "*"),
		asked("as it then is", "accounts({example})?$select=name,accountcategorycode", 200, `"Updated Example account"`, `"Standard"`).as(withNames...),
		sent("is deleted", "DELETE", "accounts({example})", "", 204),
		asked("the name of a table in the place of its set", "account?$select=name&$top=3", 404, `"code":"0x80060888"`, `Resource not found for the segment 'account'.`).known(),
		asked("headers of an answer", "WhoAmI", 200, "X-Ms-Service-Request-Id", "Req_id", "X-Ms-Dop-Hint", "no-cache"),
		{says: "$metadata with annotations", method: "GET", path: "$metadata?annotations=true", headers: []string{"Accept", "application/xml"}, status: 501, has: []string{"annotations"}},
	}},
	{"webapi/samples/functions-actions-csharp", []statement{
		asked("the name of the caller", "systemusers({admin})?$select=fullname", 200, `"fullname":`),
		asked("the code of a time zone", "GetTimeZoneCodeByLocalizedName(LocalizedStandardName=@p1,LocaleId=@p2)?@p1='Pacific Standard Time'&@p2=1033", 200, `"TimeZoneCode":4`),
		asked("without aliases", "GetTimeZoneCodeByLocalizedName(LocalizedStandardName='Pacific Standard Time',LocaleId=1033)", 200, `"TimeZoneCode":4`),
		sent("a customer", "POST", "accounts", `{"name":"Fourth Coffee"}`, 204).kept("coffee"),
		sent("a case", "POST", "incidents", `{"title":"Sample Case","customerid_account@odata.bind":"/accounts({coffee})"}`, 204).kept("case"),
		sent("with tasks", "POST", "tasks", `{"subject":"Task 1","actualdurationminutes":30,"regardingobjectid_incident_task@odata.bind":"/incidents({case})"}`, 204).kept("casetask"),
		sent("that are done", "PATCH", "tasks({casetask})", `{"statecode":1,"statuscode":5}`, 204),
		asked("their time", "incidents({case})/"+definitions+"CalculateTotalTimeIncident()", 200, `"TotalTime":30`),
		sent("an opportunity", "POST", "opportunities", `{"name":"Opportunity to win"}`, 204).kept("towin"),
		sent("is won, by a number in quotes and an absolute bind", "POST", "WinOpportunity", `{"Status":"3","OpportunityClose":{"subject":"Won Opportunity","opportunityid@odata.bind":"{root}opportunities({towin})"}}`, 204),
		sent("a letter", "POST", "letters", `{"subject":"Example letter","description":"Body of the letter"}`, 204).kept("queued"),
		asked("the queue of the caller", "systemusers({admin})/queueid/$ref", 200, `"@odata.id":"{root}queues(`).kept("myqueue=@odata.id"),
		sent("takes it", "POST", "{myqueue}/"+definitions+"AddToQueue", `{"Target":{"activityid":"{queued}","@odata.type":"Microsoft.Dynamics.CRM.letter"}}`, 200, `"QueueItemId":`, "AddToQueueResponse"),
		asked("the first by a name", "accounts?$filter=name eq 'Fourth Coffee'&$select=accountid&$top=1", 200, "{coffee}"),
		sent("the solution of the sample", "POST", "ImportSolution", `{"CustomizationFile":""}`, 501, "ImportSolution"),
	}},
}
