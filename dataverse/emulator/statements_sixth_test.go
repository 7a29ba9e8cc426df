package emulator_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnSixthTime goes on in the order of the draws before.
func TestPagesDrawnSixthTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, bearer := o.person("cook")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "bearer": bearer, "unit": o.server.Rows("businessunit")[0].ID.String(), "organization": o.server.Rows("organization")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	o.tryPages(known, "", drawnSixth, drawnSixthRows)
}

const wealth = `$select=fullname,jobtitle,annualincome&$filter=contains(fullname,'(sample)') and `

// drawnSixth are the first pages of the sixth draw.
var drawnSixth = []pageStatements{
	{"org-service/samples/retrieve-field-sharing-records", []statement{
		sent("a secured column", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("String", "new_Shared", `,"IsSecured":true,"MaxLength":100`), 204),
		asked("whether a user may", "systemusers({admin})/"+definitions+"RetrieveUserPrivileges()", 200, `"RolePrivileges":[`),
		sent("a column that is shared", "POST", "principalobjectattributeaccessset", `{"readaccess":true,"updateaccess":true}`, 501, "principalobjectattributeaccessset"),
		asked("what is shared", "principalobjectattributeaccessset?$select=readaccess", 501, "principalobjectattributeaccessset"),
	}},
	{"org-service/samples/validate-record-state", []statement{
		sent("a case", "POST", "contacts", `{"firstname":"Luke","lastname":"S"}`, 204).kept("luke"),
		sent("a case", "POST", "incidents", `{"title":"Open Case","customerid_contact@odata.bind":"/contacts({luke})"}`, 204).kept("case"),
		asked("whether it can be resolved", "IsValidStateTransition(Entity=@e,NewState=@s,NewStatus=@t)?@e={'@odata.id':'incidents({case})'}&@s='Resolved'&@t=5", 200, `"IsValid":true`),
		sent("it is", "POST", "CloseIncident", `{"IncidentResolution":{"subject":"R","incidentid@odata.bind":"/incidents({case})"},"Status":5}`, 204),
		asked("as its row says", "incidents({case})?$select=statecode,statuscode", 200, `"statecode":1`, `"statuscode":5`, `"Problem Solved"`).as(withNames...),
	}},
	{"webapi/samples/cdswebapiservice-query-data", []statement{
		sent("all rows at once", "POST", "accounts", `{"name":"Contoso, Ltd. (sample)","Account_Tasks":[{"subject":"Task 1 for Contoso, Ltd.","description":"D","actualdurationminutes":10},{"subject":"Task 2 for Contoso, Ltd.","actualdurationminutes":10}],"primarycontactid":{"firstname":"Yvonne","lastname":"McKay (sample)","jobtitle":"Coffee Master","annualincome":45000,"Contact_Tasks":[{"subject":"Task 1 for Yvonne McKay","actualdurationminutes":5}]},"contact_customer_accounts":[{"firstname":"Susanna","lastname":"Stubberod (sample)","jobtitle":"Senior Purchaser","annualincome":52000,"Contact_Tasks":[{"subject":"Task 1 for Susanna Stubberod"}]},{"firstname":"Nancy","lastname":"Anderson (sample)","jobtitle":"Activities Manager","annualincome":55500,"Contact_Tasks":[{"subject":"Task 1 for Nancy Anderson"}]},{"firstname":"Maria","lastname":"Cambell (sample)","jobtitle":"Accounts Manager","annualincome":31000}]}`, 204).kept("contoso"),
		asked("one function", "contacts?"+wealth+"_parentcustomerid_value eq {contoso}", 200, "Susanna", "Nancy", "Maria").without("Yvonne").as("Prefer", `odata.include-annotations="OData.Community.Display.V1.FormattedValue"`),
		asked("in the last hour, by a number in quotes", "contacts?$select=fullname&$filter=Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon',PropertyValue='1') and _parentcustomerid_value eq {contoso}", 200, "Susanna", "Nancy"),
		asked("a comparison, two spaces", "contacts?"+wealth+"annualincome gt 55000  and _parentcustomerid_value eq {contoso}", 200, "Nancy", `"€55,500.00"`).without("Susanna", "Maria").as(withNames...),
		asked("parentheses", "contacts?"+wealth+"(contains(jobtitle, 'senior') or contains(jobtitle,'manager')) and annualincome gt 55000 and _parentcustomerid_value eq {contoso}", 200, "Nancy").without("Susanna", "Maria"),
		asked("an order; no space before and", "contacts?$select=fullname,jobtitle,annualincome&$filter=contains(fullname,'(sample)')and _parentcustomerid_value eq {contoso}&$orderby=jobtitle asc, annualincome desc", 200, "Maria"),
		asked("aliases for all of it", "contacts?$select=fullname,jobtitle,annualincome&$filter=contains(@p1,'(sample)') and @p2 eq @p3&$orderby=@p4 asc, @p5 desc&@p1=fullname&@p2=_parentcustomerid_value&@p3={contoso}&@p4=jobtitle&@p5=annualincome", 200, "Maria", "Nancy"),
		asked("five at most", "contacts?"+wealth+"_parentcustomerid_value eq {contoso}&$top=5", 200, "Maria"),
		asked("a count alone", "contacts/$count", 200, "5"),
		asked("a count beside", "contacts?$select=fullname&$filter=(contains(jobtitle,'senior') or contains(jobtitle, 'manager')) and _parentcustomerid_value eq {contoso}&$count=true", 200, `"@odata.count":3`),
		asked("a lookup's row", "accounts({contoso})?$select=name&$expand=primarycontactid($select=fullname,jobtitle,annualincome)", 200, "Yvonne McKay (sample)").kept("yvonne=contactid"),
		asked("the other end", "contacts({yvonne})?$select=fullname&$expand=account_primary_contact($select=name)", 200, "Contoso, Ltd. (sample)"),
		asked("three at once", "accounts({contoso})?$select=name&$expand=primarycontactid($select=fullname),contact_customer_accounts($select=fullname,jobtitle,annualincome),Account_Tasks($select=subject,description)", 200, "Yvonne", "Susanna", "Task 1 for Contoso"),
		asked("several levels, filtered by what a lookup's lookup is", "tasks?$select=subject&$filter=regardingobjectid_contact_task/_accountid_value eq {contoso}&$expand=regardingobjectid_contact_task($select=fullname;$expand=parentcustomerid_account($select=name;$expand=createdby($select=fullname)))", 200, "Task 1 for Susanna Stubberod", `"parentcustomerid_account":{`, `"createdby":{`),
		asked("aggregates of a collection", "accounts({contoso})/contact_customer_accounts?$apply=aggregate(annualincome with average as average, annualincome with sum as total, annualincome with min as minimum, annualincome with max as maximum)", 200, `"total":138500`, `"maximum@OData.Community.Display.V1.FormattedValue":"`).as(withNames...),
		plussed("FetchXML with a space before =", "contacts", `<fetch mapping='logical' output-format='xml-platform' version='1.0' distinct='false'><entity name ='contact'><attribute name ='fullname' /><attribute name ='jobtitle' /><order descending ='true' attribute='fullname' /><filter type ='and'><condition value ='%(sample)%' attribute='fullname' operator='like' /></filter></entity></fetch>`, 200, "Susanna Stubberod (sample)"),
		asked("a view by its name", "savedqueries?$select=name,savedqueryid&$filter=name eq 'Active Accounts'", 200, "Active Accounts").kept("view=savedqueryid"),
		asked("is run", "accounts?savedQuery={view}", 200, "Contoso, Ltd. (sample)"),
		sent("a query of one's own", "POST", "userqueries", `{"name":"My User Query","description":"User query to display contact info.","querytype":0,"returnedtypecode":"contact","fetchxml":"<fetch mapping='logical' output-format='xml-platform' version='1.0' distinct='false'><entity name ='contact'><attribute name ='fullname' /><attribute name ='contactid' /><order descending ='false' attribute='fullname' /><filter type ='and'><condition value ='%(sample)%' attribute='fullname' operator='like' /><condition value ='%Manager%' attribute='jobtitle' operator='like' /><condition value ='55000' attribute='annualincome' operator='gt' /></filter></entity></fetch>"}`, 204).kept("mine"),
		asked("its id alone", "userqueries({mine})/userqueryid", 200, `"value":"{mine}"`),
		asked("is run", "contacts?userQuery={mine}", 200, "Nancy").without("Susanna"),
	}},
	{"org-service/samples/share-queue", []statement{
		sent("a queue", "POST", "queues", `{"name":"Example queue","queueviewtype":1}`, 204).kept("queue"),
		sent("a team", "POST", "teams", `{"name":"Queue Team","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("team"),
		sent("with a member", "POST", "teams({team})/"+definitions+"AddMembersTeam", `{"Members":[`+on("systemuser", "systemuserid", "user")+`]}`, 204),
		sent("is shared", "POST", "queues({queue})/"+definitions+"AddPrincipalToQueue", `{"Principal":`+on("team", "teamid", "team")+`}`, 204),
		asked("with each of them", "systemusers({user})/queuemembership_association?$select=name", 200, `"Example queue"`),
	}},
	{"org-service/samples/export-import-data-map", []statement{
		sent("a map", "POST", "importmaps", `{"name":"M"}`, 501, "importmaps"),
		sent("exported", "POST", "importmaps({guid})/"+definitions+"ExportMappingsImportMap", `{"ExportIds":true}`, 501, "importmaps"),
		sent("imported", "POST", "ImportMappingsImportMap", `{"MappingsXml":"<Map/>","ReplaceIds":true}`, 501, "ImportMappingsImportMap"),
	}},
	{"webapi/azure-storage-partitioning", []statement{
		sent("a create in a partition", "POST", `accounts?partitionid="CustomerPartition"`, `{"name":"P"}`, 501, "partition"),
		asked("a read of one", `accounts({contoso})?partitionId="CustomerPartition"`, 501, "partition"),
		asked("a read of all", `accounts?partitionId="CustomerPartition"`, 501, "partition"),
		sent("an update", "PATCH", `accounts({contoso})?partitionid="CustomerPartition"`, `{"name":"P"}`, 501, "partition"),
		sent("a delete", "DELETE", `accounts({contoso})?partitionId="CustomerPartition"`, "", 501, "partition"),
	}},
	{"update-recurring-appointment", []statement{
		sent("an appointment", "POST", "appointments", `{"subject":"A","scheduledstart":"2026-01-01T10:00:00Z","scheduledend":"2026-01-01T11:00:00Z"}`, 204).kept("appointment"),
		sent("changes", "PATCH", "appointments({appointment})", `{"location":"Room 1"}`, 204),
		sent("an exception", "POST", "CreateException", `{"IsDeleted":false}`, 501, "CreateException"),
		asked("columns of a series", "EntityDefinitions(LogicalName='recurringappointmentmaster')/Attributes?$select=LogicalName", 200, `"effectiveenddate"`, `"effectivestartdate"`, `"groupid"`, `"deletedexceptionslist"`),
	}},
	{"org-service/samples/use-optimistic-concurrency-update-delete-operations", []statement{
		sent("an account", "POST", "accounts", `{"name":"Fourth Coffee","creditlimit":50000}`, 204).kept("credit"),
		asked("with its version", "accounts({credit})?$select=name,creditlimit,versionnumber", 200, `"creditlimit":50000`, `"versionnumber":`).kept("tag=@odata.etag"),
		sent("more credit for that version", "PATCH", "accounts({credit})", `{"creditlimit":1000000}`, 204).as("If-Match", "{tag}"),
		sent("the old version is gone", "DELETE", "accounts({credit})", "", 412, "0x80060882").as("If-Match", "{tag}"),
		asked("the new one", "accounts({credit})?$select=creditlimit", 200, `"creditlimit":1000000`).kept("tag=@odata.etag"),
		sent("goes", "DELETE", "accounts({credit})", "", 204).as("If-Match", "{tag}"),
	}},
	{"activitypointer-activity-entity", []statement{
		sent("an e-mail", "POST", "emails", `{"subject":"E"}`, 204).kept("email"),
		asked("has a pointer of the same id", "activitypointers({email})?$select=subject,activitytypecode,sortdate", 200, `"activitytypecode":"email"`, `"sortdate":null`),
		asked("four states of activities", "EntityDefinitions(LogicalName='activitypointer')/Attributes(LogicalName='statecode')/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"Open"`, `"Label":"Completed"`, `"Label":"Canceled"`, `"Label":"Scheduled"`, `"Value":3`),
		asked("three of tasks", "EntityDefinitions(LogicalName='task')/Attributes(LogicalName='statecode')/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Value":2`).without(`"Value":3`),
		asked("four of appointments", "EntityDefinitions(LogicalName='appointment')/Attributes(LogicalName='statecode')/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Value":3`),
		sent("its status is 1", "PATCH", "appointments({appointment})", `{"statecode":0,"statuscode":1}`, 204),
		asked("as an appointment it is Free", "appointments({appointment})?$select=statuscode", 200, `FormattedValue":"Free"`).as(withNames...),
		asked("as an activity it is Open", "activitypointers({appointment})?$select=statuscode", 200, `FormattedValue":"Open"`).as(withNames...),
		asked("the kinds of activities are a global choice", "GlobalOptionSetDefinitions(Name='activitypointer_activitytypecode')", 200, `"activitypointer_activitytypecode"`),
		sent("a date to sort by", "PATCH", "emails({email})", `{"sortdate":"2026-01-01T00:00:00Z"}`, 204),
		asked("orders activities", "activitypointers?$select=subject&$orderby=sortdate desc&$top=1&$filter=sortdate ne null", 200, `"E"`),
	}},
}

// aChart is a chart of accounts.
const aChart = `"primaryentitytypecode":"opportunity","datadescription":"<datadefinition><fetchcollection><fetch mapping='logical' count='10' aggregate='true'><entity name='opportunity'><attribute name='actualvalue_base' aggregate='sum' alias='sum_actualvalue_base'/><attribute name='name' groupby='true' alias='name'/><order alias='sum_actualvalue_base' descending='true'/></entity></fetch></fetchcollection><categorycollection><category><measurecollection><measure alias='sum_actualvalue_base'/></measurecollection></category></categorycollection></datadefinition>","presentationdescription":"<Chart><Series><Series ChartType='Bar'/></Series><ChartAreas><ChartArea/></ChartAreas></Chart>"`

// drawnSixthRows are the rest of the pages of the sixth draw.
var drawnSixthRows = []pageStatements{
	{"org-service/samples/assign-chart-to-another-user", []statement{
		sent("an opportunity", "POST", "opportunities", `{"name":"Opportunity 1","actualvalue":100}`, 204),
		sent("a chart of one's own", "POST", "userqueryvisualizations", `{"name":"Sample User-Owned Chart",`+aChart+`}`, 501, "userqueryvisualizations"),
		sent("an account to hand over", "POST", "accounts", `{"name":"Handed"}`, 204).kept("handed"),
		sent("rows are handed over by their owner", "PATCH", "accounts({handed})", `{"ownerid@odata.bind":"/systemusers({user})"}`, 204),
		asked("who then has it", "accounts({handed})?$select=_ownerid_value", 200, `"_ownerid_value":"{user}"`),
	}},
	{"org-service/samples/audit-entity-data-changes", []statement{
		asked("the organisation of the caller", "systemusers({admin})?$select=organizationid", 200, "{organization}"),
		sent("is audited", "PATCH", "organizations({organization})", `{"isauditenabled":true}`, 204),
		sent("so are accounts", "PUT", "EntityDefinitions(LogicalName='account')", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","LogicalName":"account","SchemaName":"Account","DisplayName":`+english+`,"DisplayCollectionName":`+english+`,"OwnershipType":"UserOwned","IsAuditEnabled":{"Value":true}}`, 204),
		sent("an account", "POST", "accounts", `{"name":"Fourth Coffee"}`, 204).kept("audited"),
		sent("changes", "PATCH", "accounts({audited})", `{"accountnumber":"1-A","accountcategorycode":1,"telephone1":"555-555-5555"}`, 204),
		asked("its history", "RetrieveRecordChangeHistory(Target=@t)?@t={'@odata.id':'accounts({audited})'}", 200, `"accountnumber":"1-A"`, "AuditDetailCollection"),
		asked("of one column", "RetrieveAttributeChangeHistory(Target=@t,AttributeLogicalName=@a)?@t={'@odata.id':'accounts({audited})'}&@a='telephone1'", 200, "555-555-5555"),
		sent("one column is not audited", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='telephone1')", `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","LogicalName":"telephone1","SchemaName":"Telephone1","MaxLength":50,"DisplayName":`+english+`,"RequiredLevel":{"Value":"None"},"IsAuditEnabled":{"Value":false}}`, 204),
		sent("changes", "PATCH", "accounts({audited})", `{"telephone1":"123-555-5555"}`, 204),
		asked("which is not written down", "RetrieveRecordChangeHistory(Target=@t)?@t={'@odata.id':'accounts({audited})'}", 200).without("123-555-5555"),
		sent("the history goes", "POST", "DeleteRecordChangeHistory", `{"Target":`+on("account", "accountid", "audited")+`}`, 200, "DeletedEntriesCount"),
	}},
	{"auditing/configure", []statement{
		asked("four settings", "organizations?$select=isauditenabled,auditretentionperiodv2,isuseraccessauditenabled,useraccessauditinginterval", 200, `$metadata#organizations(isauditenabled,auditretentionperiodv2,isuseraccessauditenabled,useraccessauditinginterval)"`, `"useraccessauditinginterval":4`, `"organizationid":"{organization}"`).as("If-None-Match", "null"),
		sent("a retention period", "PATCH", "organizations({organization})", `{"auditretentionperiodv2":365}`, 204),
		sent("forever", "PATCH", "organizations({organization})", `{"auditretentionperiodv2":-1}`, 204),
		sent("not none", "PATCH", "organizations({organization})", `{"auditretentionperiodv2":0}`, 400),
		sent("nor more than a thousand years", "PATCH", "organizations({organization})", `{"auditretentionperiodv2":365001}`, 400),
		sent("for administrators only", "PATCH", "organizations({organization})", `{"isauditenabled":false}`, 403).as("Authorization", "{bearer}"),
		asked("which everybody may see", "organizations?$select=isauditenabled", 200, `"isauditenabled":true`).as("Authorization", "{bearer}"),
		sent("other settings", "PATCH", "organizations({organization})", `{"auditsettings":"{\"StoreLabelNameforPicklistAudits\":true}"}`, 501, "StoreLabelNameforPicklistAudits"),
		sent("one that is not self-serve", "PATCH", "organizations({organization})", `{"auditsettings":"{\"IsSqlAuditWriteDisabled\":true}"}`, 400),
		sent("a choice", "POST", "accounts", `{"name":"With a choice","accountcategorycode":1}`, 204).kept("choice"),
		asked("and is audited by its value", "RetrieveRecordChangeHistory(Target=@t)?@t={'@odata.id':'accounts({choice})'}", 200, `"accountcategorycode":1`),
		asked("tables", "EntityDefinitions?$select=LogicalName,IsAuditEnabled&$filter=IsAuditEnabled/Value eq true and IsPrivate eq false", 200, `$metadata#EntityDefinitions(LogicalName,IsAuditEnabled)"`, `"ManagedPropertyLogicalName":"canmodifyauditsettings"`, `"LogicalName":"account"`),
		asked("columns", "EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,IsAuditEnabled&$filter=IsAuditEnabled/Value eq true", 200, `$metadata#EntityDefinitions('account')/Attributes(LogicalName,IsAuditEnabled)"`, `"emailaddress3"`),
		asked("what can be changed of tables", `RetrieveMetadataChanges(Query=@q)?@q={"Criteria":{"FilterOperator":"And","Conditions":[{"ConditionOperator":"Equals","PropertyName":"IsPrivate","Value":{"Type":"System.Boolean","Value":"false"}}]},"Properties":{"AllProperties":false,"PropertyNames":["IsAuditEnabled"]}}`, 200, `"IsAuditEnabled":{`),
		sent("published", "POST", "PublishXml", `{"ParameterXml":"<importexportxml><entities><entity>account</entity></entities></importexportxml>"}`, 204),
		asked("changes of the settings are in the history", "audits?$select=action,objecttypecode&$filter=objecttypecode eq 'organization'", 200, `"objecttypecode":"organization"`),
	}},
	{"webapi/enhanced-quick-start", []statement{
		asked("who one is", "WhoAmI", 200, `"UserId":"{admin}"`),
	}},
	{"apply-slas-entities", []statement{
		asked("cases are enabled", "EntityDefinitions(LogicalName='incident')?$select=IsSLAEnabled", 200, `"IsSLAEnabled":true`),
		asked("accounts are not", "EntityDefinitions(LogicalName='account')?$select=IsSLAEnabled", 200, `"IsSLAEnabled":false`),
		sent("a table", "POST", "EntityDefinitions", tableBody("new_Served"), 204),
		sent("is enabled", "PUT", "EntityDefinitions(LogicalName='new_served')", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","LogicalName":"new_served","SchemaName":"new_Served","DisplayName":`+english+`,"DisplayCollectionName":`+english+`,"OwnershipType":"UserOwned","IsSLAEnabled":true}`, 501, "IsSLAEnabled"),
		asked("agreements", "slas?$select=name", 501, "slas"),
		asked("what they measure", "slakpiinstances?$select=name", 501, "slakpiinstances"),
	}},
	{"create-data-maps-for-import", []statement{
		sent("columns", "POST", "columnmappings", `{}`, 501, "columnmappings"),
		sent("values", "POST", "picklistmappings", `{}`, 501, "picklistmappings"),
		sent("lookups", "POST", "lookupmappings", `{}`, 501, "lookupmappings"),
		sent("owners", "POST", "ownermappings", `{}`, 501, "ownermappings"),
		sent("a note", "POST", "annotations", `{"notetext":"Text","isdocument":false}`, 204).kept("note"),
		asked("is no document", "annotations({note})?$select=isdocument", 200, `"isdocument":false`),
		asked("the largest file", "organizations?$select=maxuploadfilesize", 200, `"maxuploadfilesize":5242880`),
	}},
	{"create-custom-api-maker-portal", []statement{
		sent("a custom API", "POST", "customapis", `{"uniquename":"sample_CustomAPIExample"}`, 501, "customapis"),
		sent("a parameter", "POST", "customapirequestparameters", `{"uniquename":"StringParameter"}`, 501, "customapirequestparameters"),
		sent("a property", "POST", "customapiresponseproperties", `{"uniquename":"StringProperty"}`, 501, "customapiresponseproperties"),
	}},
	{"org-service/samples/retrieve-roles-for-organization", []statement{
		asked("all roles", "roles?$select=name,roleid", 200, "System Administrator", "System Customizer", "Basic User"),
		fetched("the same", "roles", `<fetch><entity name='role'><all-attributes/></entity></fetch>`, 200, "System Administrator"),
	}},
	{"webapi/web-api-conditional-operations-sample", []statement{
		sent("an account", "POST", "accounts", `{"name":"Contoso Ltd","revenue":5000000,"telephone1":"555-0000","description":"Parent company of Contoso Pharmaceuticals, etc."}`, 204).kept("cond"),
		asked("read", "accounts({cond})?$select=name,revenue,telephone1,description", 200, `$metadata#accounts(name,revenue,telephone1,description)/$entity"`, `"_transactioncurrencyid_value":"`).kept("tag=@odata.etag"),
		asked("unchanged", "accounts({cond})?$select=name,revenue,telephone1,description", 304).as("If-None-Match", "{tag}"),
		sent("changed", "PUT", "accounts({cond})/telephone1", `{"value":"555-0001"}`, 204),
		asked("changed, with the tag in a header too", "accounts({cond})?$select=name,revenue,telephone1,description", 200, "555-0001", "Etag:[W/", "odata.metadata=minimal").as("If-None-Match", "{tag}").kept("tag2=@odata.etag"),
		sent("no delete", "DELETE", "accounts({cond})", "", 412, "The version of the existing record doesn't match the RowVersion property provided.").as("If-Match", "{tag}"),
		sent("no update", "PATCH", "accounts({cond})", `{"telephone1":"555-0002","revenue":6000000}`, 412, "The version of the existing record doesn't match the RowVersion property provided.").as("If-Match", "{tag}"),
		sent("an update", "PATCH", "accounts({cond})", `{"telephone1":"555-0003","revenue":6000000}`, 204).as("If-Match", "{tag2}"),
		asked("as it is", "accounts({cond})?$select=name,revenue,telephone1,description", 200, `"revenue":6000000`),
		sent("no insert of what is there", "PATCH", "accounts({cond})", `{"telephone1":"555-0004","revenue":7500000}`, 412, "A record with matching key values already exists.").as("If-None-Match", "*"),
		sent("an update of what is there", "PATCH", "accounts({cond})", `{"telephone1":"555-0005","revenue":7500000}`, 204).as("If-Match", "*"),
		sent("a delete", "DELETE", "accounts({cond})", "", 204),
		sent("no update of what is gone", "PATCH", "accounts({cond})", `{"telephone1":"555-0006","revenue":7500000}`, 404, "Does Not Exist").as("If-Match", "*"),
	}},
	{"org-service/samples/retrieve-license-information", []statement{
		asked("licences", "RetrieveLicenseInfo(AccessMode=0)", 501, "RetrieveLicenseInfo"),
		asked("the kind of deployment", "RetrieveDeploymentLicenseType()", 501, "RetrieveDeploymentLicenseType"),
	}},
	{"org-service/samples/create-custom-activity", []statement{
		sent("a custom activity", "POST", "EntityDefinitions", activityBody("new_InstantMessage"), 204),
		sent("is published", "POST", "PublishXml", `{"ParameterXml":"<importexportxml><entities><entity>new_instantmessage</entity></entities></importexportxml>"}`, 204),
		sent("a column", "POST", "EntityDefinitions(LogicalName='new_instantmessage')/Attributes", columnBody("String", "new_FontFamily", `,"MaxLength":100`), 204),
		sent("a column", "POST", "EntityDefinitions(LogicalName='new_instantmessage')/Attributes", columnBody("Picklist", "new_FontSize", `,"OptionSet":{"IsGlobal":false,"OptionSetType":"Picklist","Options":[{"Label":`+english+`,"Value":1}]}`), 204),
		asked("what it is", "EntityDefinitions(LogicalName='new_instantmessage')?$select=IsActivity,PrimaryIdAttribute,EntitySetName", 200, `"IsActivity":true`, `"PrimaryIdAttribute":"activityid"`, `"EntitySetName":"new_instantmessages"`),
		sent("a row", "POST", "new_instantmessages", `{"subject":"Hi","new_fontfamily":"Times New Roman","new_fontsize":1}`, 204).kept("message"),
		asked("is an activity", "activitypointers({message})?$select=subject,activitytypecode", 200, `"activitytypecode":"new_instantmessage"`),
		sent("it goes", "DELETE", "EntityDefinitions(LogicalName='new_instantmessage')", "", 204),
	}},
}
