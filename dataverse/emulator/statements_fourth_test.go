package emulator_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnFourthTime goes on in the order of the third draw.
func TestPagesDrawnFourthTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, bearer := o.person("ada")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "bearer": bearer, "unit": o.server.Rows("businessunit")[0].ID.String(), "organization": o.server.Rows("organization")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	reader, id := admin.user(known["unit"], "prvReadAccount Basic")
	known["reader"], known["readerid"] = "Bearer "+reader.token, id
	o.tryPages(known, "", drawnFourth, drawnFourthRows)
}

// plussed queries by FetchXML in which a space is a plus, as .NET's WebUtility writes it.
func plussed(says, set, fetchXML string, status int, has ...string) statement {
	return asked(says, set+"?fetchXml="+url.QueryEscape(fetchXML), status, has...)
}

// inBatch queries accounts by a FetchXML that is too long for the address of a request.
func inBatch(says, fetchXML, has string) statement {
	body := "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET {root}accounts?fetchXml=" + url.QueryEscape(fetchXML) + " HTTP/1.1\r\n\r\n\r\n--b--\r\n"
	return sent(says, "POST", "$batch", body, 200, has).as("Content-Type", `multipart/mixed; boundary="b"`, "Prefer", "odata.continue-on-error")
}

// manyValues is a condition with so many values.
func manyValues(n int) string {
	return `<fetch><entity name='account'><attribute name='name'/><filter><condition attribute='name' operator='in'>` + strings.Repeat("<value>a</value>", n) + `</condition></filter></entity></fetch>`
}

const filePath = "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_filecolumn')"

func duplicateRule(name string) string {
	return `{"name":"` + name + `","baseentityname":"lead","matchingentityname":"lead","DuplicateRule_DuplicateRuleConditions":[{"baseattributename":"companyname","matchingattributename":"companyname","operatorcode":0}]}`
}

// drawnFourth are the first pages of the fourth draw.
var drawnFourth = []pageStatements{
	{"enable-disable-duplicate-detection", []statement{
		asked("settings of the organisation", "organizations?$select=isduplicatedetectionenabled,isduplicatedetectionenabledforonlinecreateupdate,isduplicatedetectionenabledforofflinesync,isduplicatedetectionenabledforimport", 200, `"isduplicatedetectionenabled":`, `"isduplicatedetectionenabledforimport":`),
		sent("detection is on", "PATCH", "organizations({organization})", `{"isduplicatedetectionenabled":true,"isduplicatedetectionenabledforonlinecreateupdate":true}`, 204),
		sent("a table's is on", "PUT", "EntityDefinitions(LogicalName='lead')", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","LogicalName":"lead","SchemaName":"Lead","DisplayName":`+english+`,"DisplayCollectionName":`+english+`,"OwnershipType":"UserOwned","IsDuplicateDetectionEnabled":{"Value":true}}`, 204),
		sent("a rule", "POST", "duplicaterules", duplicateRule("Leads"), 204).kept("rule"),
		sent("is published", "POST", "PublishDuplicateRule", `{"DuplicateRuleId":"{rule}"}`, 200, `"JobId":`),
		sent("a lead", "POST", "leads", `{"lastname":"One","companyname":"Contoso"}`, 204),
		sent("its duplicate is found", "POST", "leads", `{"lastname":"Two","companyname":"Contoso"}`, 412, "0x80040333").as("MSCRM.SuppressDuplicateDetection", "false"),
		sent("unless nobody asks", "POST", "leads", `{"lastname":"Three","companyname":"Contoso"}`, 204),
		sent("or the rule is not published", "POST", "UnpublishDuplicateRule", `{"DuplicateRuleId":"{rule}"}`, 204),
		sent("or the rule is not published", "POST", "leads", `{"lastname":"Four","companyname":"Contoso"}`, 204).as("MSCRM.SuppressDuplicateDetection", "false"),
		sent("it is published again", "POST", "PublishDuplicateRule", `{"DuplicateRuleId":"{rule}"}`, 200),
		sent("switched off for creates and updates", "PATCH", "organizations({organization})", `{"isduplicatedetectionenabledforonlinecreateupdate":false}`, 204),
		sent("then nothing is found", "POST", "leads", `{"lastname":"Five","companyname":"Contoso"}`, 204).as("MSCRM.SuppressDuplicateDetection", "false"),
		sent("switched on again", "PATCH", "organizations({organization})", `{"isduplicatedetectionenabledforonlinecreateupdate":true}`, 204),
		sent("switched off for the table", "PUT", "EntityDefinitions(LogicalName='lead')", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","LogicalName":"lead","SchemaName":"Lead","DisplayName":`+english+`,"DisplayCollectionName":`+english+`,"OwnershipType":"UserOwned","IsDuplicateDetectionEnabled":{"Value":false}}`, 204),
		asked("which unpublishes its rules", "duplicaterules({rule})?$select=statuscode", 200, `"statuscode":0`),
		sent("and lets nobody make one", "POST", "duplicaterules", duplicateRule("More"), 400),
		asked("rules that are published", "duplicaterules?$select=name&$filter=statuscode eq 2", 200, `"name":`),
		sent("switched off for all", "PATCH", "organizations({organization})", `{"isduplicatedetectionenabled":false}`, 204),
		asked("which unpublishes all rules", "duplicaterules?$select=name&$filter=statuscode eq 2", 200, `"value":[]`),
		sent("a rule is deleted", "DELETE", "duplicaterules({rule})", "", 204),
	}},
	{"webapi/samples/file-operations", []statement{
		sent("a file column of 10 MB", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("File", "sample_FileColumn", `,"MaxSizeInKB":10240`), 204),
		sent("of 100 MB", "PUT", filePath, columnBody("File", "sample_FileColumn", `,"LogicalName":"sample_filecolumn","MaxSizeInKB":102400`), 204),
		asked("as it is read", filePath+"/"+definitions+"FileAttributeMetadata?$select=MaxSizeInKB", 200, `"MaxSizeInKB":102400`),
		sent("an account", "POST", "accounts", `{"name":"Files"}`, 204).kept("files"),
		sent("an upload in blocks begins", "POST", "InitializeFileBlocksUpload", `{"Target":`+on("account", "accountid", "files")+`,"FileAttributeName":"sample_filecolumn","FileName":"25mb.pdf"}`, 200, `"FileContinuationToken":"`).kept("token=FileContinuationToken"),
		sent("a block", "POST", "UploadBlock", `{"BlockId":"YmxvY2sx","BlockData":"JVBERi0xLjQ=","FileContinuationToken":"{token}"}`, 204),
		sent("and ends", "POST", "CommitFileBlocksUpload", `{"FileName":"25mb.pdf","MimeType":"application/pdf","BlockList":["YmxvY2sx"],"FileContinuationToken":"{token}"}`, 200, `"FileId":"`, `"FileSizeInBytes":8`).kept("file=FileId"),
		sent("a download in blocks", "POST", "InitializeFileBlocksDownload", `{"Target":`+on("account", "accountid", "files")+`,"FileAttributeName":"sample_filecolumn"}`, 200, `"FileName":"25mb.pdf"`, `"FileSizeInBytes":8`).kept("token=FileContinuationToken"),
		sent("a block", "POST", "DownloadBlock", `{"Offset":0,"BlockLength":4194304,"FileContinuationToken":"{token}"}`, 200, `"Data":"JVBERi0xLjQ="`),
		sent("deleted by its id", "POST", "DeleteFile", `{"FileId":"{file}"}`, 204),
		sent("uploaded in chunks", "PATCH", "accounts({files})/sample_filecolumn?x-ms-file-name=25mb.pdf", "", 200, "Location", "X-Ms-Chunk-Size").as("x-ms-transfer-mode", "chunked", "x-ms-file-name", "25mb.pdf"),
		sent("or at once", "PATCH", "accounts({files})/sample_filecolumn", "%PDF-1.4", 204).as("Content-Type", "application/octet-stream", "x-ms-file-name", "25mb.pdf"),
		asked("downloaded at once", "accounts({files})/sample_filecolumn/$value", 200, "%PDF-1.4", "25mb.pdf"),
		sent("deleted", "DELETE", "accounts({files})/sample_filecolumn", "", 204),
		sent("a clean end", "DELETE", "accounts({files})", "", 204),
		sent("a clean end", "DELETE", filePath, "", 204),
	}},
	{"org-service/samples/share-records-using-grantaccess-modifyaccess-revokeaccess-messages", []statement{
		asked("users with the role Delegate", "systemusers?$select=fullname&$filter=systemuserroles_association/any(r:r/name eq 'Delegate')", 200, `"value":[`),
		sent("a team", "POST", "teams", `{"name":"Grant Team","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("grant"),
		sent("with a member", "POST", "teams({grant})/"+definitions+"AddMembersTeam", `{"Members":[`+on("systemuser", "systemuserid", "readerid")+`]}`, 204),
		sent("an account with activities", "POST", "accounts", `{"name":"Shared","Account_Tasks":[{"subject":"T"}],"Account_Letters":[{"subject":"L"}]}`, 204).kept("shared"),
		asked("what the caller may", "systemusers({admin})/"+definitions+"RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'accounts({shared})'}", 200, "ReadAccess, WriteAccess", "DeleteAccess", "ShareAccess", "AssignAccess"),
		asked("what the other may", "systemusers({readerid})/"+definitions+"RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'accounts({shared})'}", 200, `"AccessRights":"None"`),
		sent("read access for one", "POST", "GrantAccess", `{"Target":`+on("account", "accountid", "shared")+`,"PrincipalAccess":{"Principal":`+on("systemuser", "systemuserid", "readerid")+`,"AccessMask":"ReadAccess"}}`, 204),
		asked("which it has", "systemusers({readerid})/"+definitions+"RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'accounts({shared})'}", 200, `"AccessRights":"ReadAccess"`),
		asked("and reads by", "accounts({shared})?$select=name", 200, "Shared").as("Authorization", "{reader}"),
		sent("delete access in its place", "POST", "ModifyAccess", `{"Target":`+on("account", "accountid", "shared")+`,"PrincipalAccess":{"Principal":`+on("systemuser", "systemuserid", "readerid")+`,"AccessMask":"DeleteAccess"}}`, 204),
		asked("who has what", "RetrieveSharedPrincipalsAndAccess(Target=@t)?@t={'@odata.id':'accounts({shared})'}", 200, `"AccessMask":"DeleteAccess"`, "{readerid}"),
		sent("and nothing", "POST", "RevokeAccess", `{"Target":`+on("account", "accountid", "shared")+`,"Revokee":`+on("systemuser", "systemuserid", "readerid")+`}`, 204),
		asked("as before", "accounts({shared})?$select=name", 403).as("Authorization", "{reader}"),
	}},
	{"webapi/web-api-functions-actions-sample", []statement{
		asked("WhoAmI", "WhoAmI", 200, `"UserId":"{admin}"`).as("If-None-Match", "null"),
		asked("an address in the United States", "FormatAddress(Line1=@p1,City=@p2,StateOrProvince=@p3,PostalCode=@p4,Country=@p5)?@p1='123%20Maple%20St.'&@p2='Seattle'&@p3='WA'&@p4='98007'&@p5='USA'", 200, `"Address":"123 Maple St.\r\nSeattle, WA 98007\r\nUSA"`),
		asked("one in Japan", "FormatAddress(Line1=@p1,City=@p2,StateOrProvince=@p3,PostalCode=@p4,Country=@p5)?@p1='1-2-3%20Sakura'&@p2='Nagoya'&@p3='Aichi'&@p4='455-2345'&@p5='JAPAN'", 200, `"Address":"455-2345\r\nAichi\r\nNagoya\r\n1-2-3 Sakura\r\nJAPAN"`, "FormatAddressResponse"),
		sent("an original", "POST", "accounts", `{"accountcategorycode":1,"address1_addresstypecode":3,"address1_city":"Redmond","address1_country":"USA","address1_line1":"123 Maple St.","address1_name":"Corporate Headquarters","address1_postalcode":"98000","address1_shippingmethodcode":4,"address1_stateorprovince":"WA","address1_telephone1":"555-1234","customertypecode":3,"description":"Contoso is a business consulting company.","emailaddress1":"info@contoso.com","industrycode":7,"name":"Contoso Consulting","numberofemployees":150,"ownershipcode":2,"preferredcontactmethodcode":2,"telephone1":"(425) 555-1234"}`, 204).kept("original"),
		asked("a row made of it", "InitializeFrom(EntityMoniker=@p1,TargetEntityName=@p2,TargetFieldType=@p3)?@p1={'@odata.id':'accounts({original})'}&@p2='account'&@p3=Microsoft.Dynamics.CRM.TargetFieldType'ValidForCreate'", 200, `$metadata#accounts/$entity"`, `"@odata.type":"#Microsoft.Dynamics.CRM.account"`, `"parentaccountid@odata.bind":"accounts({original})"`),
		sent("is created as it came", "POST", "accounts", `{"@odata.context":"{root}$metadata#accounts/$entity","@odata.type":"#Microsoft.Dynamics.CRM.account","parentaccountid@odata.bind":"accounts({original})","name":"Contoso Consulting Chicago Branch","address1_city":"Chicago","address1_line1":"456 Elm St.","address1_name":"Chicago Branch Office","address1_postalcode":"60007","address1_stateorprovince":"IL","address1_telephone1":"(312) 555-3456","numberofemployees":12}`, 204),
		asked("the organisation", "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'", 200, `"OrganizationId":"{organization}"`, `"FriendlyName":`, `"OrganizationVersion":`, `"EnvironmentId":`, `"DatacenterId":`, `"Geo":`, `"TenantId":`, `"UrlName":`, `"UniqueName":`, `"State":"Enabled"`, `"Count":3,"IsReadOnly":false,"Keys":["WebApplication","OrganizationService","OrganizationDataService"]`, `XRMServices/2011/Organization.svc"`),
		asked("counts of rows", `RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact"]`, 200, `"Keys":["account","contact"]`, `"Count":2`, `"IsReadOnly":false`),
		sent("a row to share", "POST", "accounts", `{"name":"Account to Share"}`, 204).kept("toshare"),
		sent("delete access", "POST", "GrantAccess", `{"Target":{"accountid":"{toshare}","@odata.type":"Microsoft.Dynamics.CRM.account"},"PrincipalAccess":{"AccessMask":"DeleteAccess","Principal":{"systemuserid":"{user}","@odata.type":"Microsoft.Dynamics.CRM.systemuser"}}}`, 204),
		asked("which is there", "systemusers({user})/"+definitions+"RetrievePrincipalAccess(Target=@p1)?@p1={'@odata.id':'accounts({toshare})'}", 200, "RetrievePrincipalAccessResponse", "DeleteAccess"),
		sent("a role", "POST", "roles", `{"businessunitid@odata.bind":"businessunits({unit})","name":"Test Role"}`, 204).kept("test"),
		asked("has nine privileges from the start", "roles({test})?$select=roleid&$expand=roleprivileges_association($select=name)", 200, `$metadata#roles(roleid,roleprivileges_association(name))/$entity"`, "prvReadSharePointData", "prvReadSdkMessage", "prvWriteSharePointData", "prvReadSdkMessageProcessingStepImage", "prvReadPluginAssembly", "prvCreateSharePointData", "prvReadPluginType", "prvReadSharePointDocument"),
		asked("two privileges", "privileges?$select=name&$filter=name eq 'prvCreateAccount' or name eq 'prvReadAccount'", 200, "prvCreateAccount", "prvReadAccount").kept("p1=privilegeid"),
		sent("join it", "POST", "roles({test})/"+definitions+"AddPrivilegesRole", `{"Privileges":[{"Depth":"Basic","PrivilegeId":"{p1}","BusinessUnitId":"{unit}","PrivilegeName":"prvReadAccount"}]}`, 204),
		asked("and are there", "roles({test})?$select=roleid&$expand=roleprivileges_association($select=name)", 200, "Account"),
	}},
	{"webapi/samples/webapiservice-parallel-operations", []statement{
		asked("a hint of how much at once", "WhoAmI", 200, "X-Ms-Dop-Hint"),
		sent("rows are made", "POST", "accounts", `{"name":"Parallel"}`, 204).kept("parallel"),
		sent("and deleted", "DELETE", "accounts({parallel})", "", 204),
	}},
	{"org-service/samples/create-update-entity-metadata", []statement{
		sent("a table", "POST", "EntityDefinitions", strings.ReplaceAll(tableBody("new_BankAccount"), "sample_Name", "new_AccountName"), 204).kept("bank"),
		sent("with the name of a bank", "POST", "EntityDefinitions(LogicalName='new_bankaccount')/Attributes", columnBody("String", "new_BankName", `,"MaxLength":100`), 204),
		sent("a balance", "POST", "EntityDefinitions(LogicalName='new_bankaccount')/Attributes", columnBody("Money", "new_Balance", `,"PrecisionSource":2`), 204),
		sent("a date", "POST", "EntityDefinitions(LogicalName='new_bankaccount')/Attributes", columnBody("DateTime", "new_Checkeddate", `,"Format":"DateOnly"`), 204),
		sent("a customer of it", "POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"contact_new_bankaccount","ReferencedEntity":"contact","ReferencingEntity":"new_bankaccount","Lookup":`+columnBody("Lookup", "new_ParentContactId", "")+`}`, 204),
		asked("what it has", "EntityDefinitions(LogicalName='new_bankaccount')?$select=LogicalName,OwnershipType,PrimaryNameAttribute,EntitySetName&$expand=Attributes($select=LogicalName,AttributeType)", 200, `"OwnershipType":"UserOwned"`, `"PrimaryNameAttribute":"new_accountname"`, `"new_balance"`, `"new_balance_base"`, `"new_checkeddate"`, `"new_parentcontactid"`),
		sent("is mailed to", "PUT", "EntityDefinitions(LogicalName='new_bankaccount')", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","LogicalName":"new_bankaccount","SchemaName":"new_BankAccount","DisplayName":`+english+`,"DisplayCollectionName":`+english+`,"OwnershipType":"UserOwned","IsMailMergeEnabled":{"Value":true}}`, 204),
		sent("its row", "POST", "new_bankaccounts", `{"new_accountname":"A","new_bankname":"B","new_balance":100.5,"new_checkeddate":"2026-01-02T00:00:00Z"}`, 204),
		asked("with an amount in the base currency", "new_bankaccounts?$select=new_balance,new_balance_base,new_checkeddate", 200, `"new_balance_base":100.5`, `"new_checkeddate":"2026-01-02`),
		sent("goes", "DELETE", "EntityDefinitions(LogicalName='new_bankaccount')", "", 204),
	}},
	{"use-fetchxml-construct-query", []statement{
		fetched("all accounts", "accounts", `<fetch mapping='logical'><entity name='account'><attribute name='accountid'/><attribute name='name'/></entity></fetch>`, 200, `"accountid"`, `"name":"Shared"`),
		fetched("whose owner is not called so", "accounts", `<fetch mapping='logical'><entity name='account'><attribute name='accountid'/><attribute name='name'/><link-entity name='systemuser' to='owninguser'><filter type='and'><condition attribute='lastname' operator='ne' value='Cannon'/></filter></link-entity></entity></fetch>`, 200, `"name":"Shared"`),
		fetched("three of them", "accounts", `<fetch mapping='logical' count='3'><entity name='account'><attribute name='name' alias='name'/></entity></fetch>`, 200, `"name":`, "morerecords").as(withNames...),
		fetched("maps of tables and columns", "entitymaps", `<fetch version='1.0' mapping='logical' distinct='false'><entity name='entitymap'><attribute name='sourceentityname'/><attribute name='targetentityname'/><link-entity name='attributemap' alias='attributemap' to='entitymapid' from='entitymapid' link-type='inner'><attribute name='sourceattributename'/><attribute name='targetattributename'/></link-entity></entity></fetch>`, 501, "entitymaps"),
		inBatch("2,000 values of in", manyValues(2000), "200 OK"),
		inBatch("no more", manyValues(2001), "400 Bad Request"),
		fetched("visible has no effect", "accounts", `<fetch><entity name='account'><attribute name='name'/><link-entity name='contact' from='contactid' to='primarycontactid' link-type='outer' visible='false'/></entity></fetch>`, 200, `"name":"Shared"`),
		sent("a query of one's own", "POST", "userqueries", `{"name":"Mine","returnedtypecode":"account","querytype":0,"fetchxml":"<fetch><entity name='account'><attribute name='name'/></entity></fetch>"}`, 204).kept("mine"),
		asked("is executed", "accounts?userQuery={mine}", 200, `"name":"Shared"`),
		fetched("who may read less sees less", "accounts", `<fetch><entity name='account'><attribute name='name'/></entity></fetch>`, 200, `"value":[]`).as("Authorization", "{reader}"),
	}},
	{"column-comparison", []statement{
		sent("a contact of one name", "POST", "contacts", `{"firstname":"Same","lastname":"Same"}`, 204),
		sent("a contact of two", "POST", "contacts", `{"firstname":"One","lastname":"Other"}`, 204),
		fetched("equal columns", "contacts", `<fetch><entity name='contact'><attribute name='firstname'/><filter><condition attribute='firstname' operator='eq' valueof='lastname'/></filter></entity></fetch>`, 200, `"firstname":"Same"`).without(`"firstname":"One"`),
		asked("in OData", "contacts?$select=firstname&$filter=firstname eq lastname", 200, `"firstname":"Same"`).without(`"firstname":"One"`),
		asked("unequal", "contacts?$select=firstname&$filter=firstname ne lastname", 200, `"firstname":"One"`),
		asked("greater", "contacts?$select=firstname&$filter=firstname gt lastname", 200),
		asked("less or equal", "contacts?$select=firstname&$filter=firstname le lastname", 200, `"firstname":"Same"`),
		fetched("not of several values", "contacts", `<fetch><entity name='contact'><attribute name='firstname'/><filter><condition attribute='firstname' operator='in' valueof='lastname'/></filter></entity></fetch>`, 400),
		fetched("not of other types", "contacts", `<fetch><entity name='contact'><attribute name='firstname'/><filter><condition attribute='numberofchildren' operator='eq' valueof='lastname'/></filter></entity></fetch>`, 400),
		asked("nor in OData", "contacts?$select=firstname&$filter=numberofchildren eq lastname", 400),
	}},
	{"webapi/web-api-aaduser-samples", []statement{
		asked("all", "aadusers", 501, "aadusers"),
		asked("by name", "aadusers?$filter=surname eq 'admin'", 501, "aadusers"),
		asked("by two names", "aadusers?$filter=(surname eq 'Admin02') or (surname eq 'Admin')", 501, "aadusers"),
		asked("by a company", "aadusers?$filter=companyname ne null", 501, "aadusers"),
		asked("by a kind", "aadusers?$filter=usertype eq 'Member'", 501, "aadusers"),
		asked("by a telephone", "aadusers?$filter=contains(businessphones, '123-555-1212')", 501, "aadusers"),
		asked("by a beginning", "aadusers?$filter=startswith(givenname, 'test')", 501, "aadusers"),
		asked("and its opposite", "aadusers?$filter=not startswith(givenname, 'test')", 501, "aadusers"),
	}},
}
