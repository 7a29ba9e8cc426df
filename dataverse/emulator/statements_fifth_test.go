package emulator_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnFifthTime goes on in the order of the third draw and the fourth.
func TestPagesDrawnFifthTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user := o.user("park").String()
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "unit": o.server.Rows("businessunit")[0].ID.String(), "organization": o.server.Rows("organization")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	o.tryPages(known, "", drawnFifth, drawnFifthRows)
}

// aggregated is a query of opportunities that counts.
func aggregated(attributes, more string) string {
	return `<fetch distinct='false' mapping='logical' aggregate='true'><entity name='opportunity'>` + attributes + more + `</entity></fetch>`
}

// byDate groups opportunities that are won by a part of their day.
func byDate(part string) string {
	return aggregated(`<attribute name='opportunityid' alias='opportunity_count' aggregate='count'/><attribute name='estimatedvalue' alias='estimatedvalue_sum' aggregate='sum'/><attribute name='estimatedvalue' alias='estimatedvalue_avg' aggregate='avg'/><attribute name='actualclosedate' groupby='true' dategrouping='`+part+`' alias='`+part+`'/>`,
		`<filter type='and'><condition attribute='statecode' operator='eq' value='Won'/></filter>`)
}

// ofTable are the columns that two samples make, in a table of their own.
func ofTable(table string) []statement {
	at := "EntityDefinitions(LogicalName='" + table + "')/Attributes"
	return []statement{
		sent("of two choices", "POST", at, columnBody("Boolean", "new_Boolean", `,"DefaultValue":true,"OptionSet":{"TrueOption":{"Value":1,"Label":`+english+`},"FalseOption":{"Value":0,"Label":`+english+`}}`), 204),
		sent("of dates", "POST", at, columnBody("DateTime", "new_Datetime", `,"Format":"DateOnly","ImeMode":"Disabled"`), 204),
		sent("of decimals", "POST", at, columnBody("Decimal", "new_Decimal", `,"MaxValue":100,"MinValue":0,"Precision":1`), 204),
		sent("of whole numbers", "POST", at, columnBody("Integer", "new_Integer", `,"Format":"None","MaxValue":100,"MinValue":0`), 204),
		sent("of long texts", "POST", at, columnBody("Memo", "new_Memo", `,"Format":"TextArea","ImeMode":"Disabled","MaxLength":500`), 204),
		sent("of amounts", "POST", at, columnBody("Money", "new_Money", `,"MaxValue":1000.0,"MinValue":0.0,"Precision":1,"PrecisionSource":1,"ImeMode":"Disabled"`), 204),
		sent("of choices", "POST", at, columnBody("Picklist", "new_Picklist", `,"OptionSet":{"IsGlobal":false,"OptionSetType":"Picklist","Options":[{"Label":`+english+`,"Value":null},{"Label":`+english+`,"Value":null}]}`), 204),
		sent("of texts", "POST", at, columnBody("String", "new_String", `,"MaxLength":100`), 204),
		asked("which are there", at+"?$select=LogicalName,AttributeType&$filter=IsCustomAttribute eq true", 200, `"new_boolean"`, `"new_datetime"`, `"new_decimal"`, `"new_integer"`, `"new_memo"`, `"new_money"`, `"new_picklist"`, `"new_string"`),
		sent("an option more", "POST", "InsertOptionValue", `{"EntityLogicalName":"`+table+`","AttributeLogicalName":"new_picklist","Label":`+english+`}`, 200, "NewOptionValue").kept("option=NewOptionValue"),
		sent("a text's label", "PUT", at+"(LogicalName='new_string')", `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","LogicalName":"new_string","SchemaName":"new_String","MaxLength":100,"DisplayName":{"LocalizedLabels":[{"Label":"Changed","LanguageCode":1033}]},"RequiredLevel":{"Value":"None"}}`, 204),
		sent("one goes", "DELETE", at+"(LogicalName='new_memo')", "", 204),
	}
}

// drawnFifth are the first pages of the fifth draw.
var drawnFifth = []pageStatements{
	{"webapi/samples/retrievemetadatachanges", changes("sample_Cached", "sample_cached")},
	{"org-service/samples/use-aggregation-fetchxml", []statement{
		sent("an account", "POST", "accounts", `{"name":"Litware, Inc."}`, 204).kept("litware"),
		sent("an opportunity", "POST", "opportunities", `{"name":"Litware, Inc. Opportunity 1","estimatedvalue":50000.00,"parentaccountid@odata.bind":"/accounts({litware})"}`, 204).kept("o1"),
		sent("an opportunity", "POST", "opportunities", `{"name":"Litware, Inc. Opportunity 2","estimatedvalue":25000.00,"parentaccountid@odata.bind":"/accounts({litware})"}`, 204).kept("o2"),
		sent("an opportunity", "POST", "opportunities", `{"name":"Litware, Inc. Opportunity 3","estimatedvalue":30000.00,"parentaccountid@odata.bind":"/accounts({litware})"}`, 204).kept("o3"),
		sent("is won", "POST", "WinOpportunity", `{"Status":3,"OpportunityClose":{"subject":"W","actualend":"2026-01-05T00:00:00Z","opportunityid@odata.bind":"/opportunities({o1})"}}`, 204),
		sent("is won", "POST", "WinOpportunity", `{"Status":3,"OpportunityClose":{"subject":"W","actualend":"2026-02-05T00:00:00Z","opportunityid@odata.bind":"/opportunities({o2})"}}`, 204),
		fetched("the average", "opportunities", aggregated(`<attribute name='estimatedvalue' alias='estimatedvalue_avg' aggregate='avg'/>`, ""), 200, `"estimatedvalue_avg":35000`),
		fetched("how many", "opportunities", aggregated(`<attribute name='name' alias='opportunity_count' aggregate='count'/>`, ""), 200, `"opportunity_count":3`),
		fetched("how many of a column, and how many different", "opportunities", aggregated(`<attribute name='name' alias='opportunity_colcount' aggregate='countcolumn'/><attribute name='name' alias='opportunity_distcount' aggregate='countcolumn' distinct='true'/>`, ""), 200, `"opportunity_colcount":3`, `"opportunity_distcount":3`),
		fetched("the most", "opportunities", aggregated(`<attribute name='estimatedvalue' alias='estimatedvalue_max' aggregate='max'/>`, ""), 200, `"estimatedvalue_max":50000`),
		fetched("the least", "opportunities", aggregated(`<attribute name='estimatedvalue' alias='estimatedvalue_min' aggregate='min'/>`, ""), 200, `"estimatedvalue_min":25000`),
		fetched("the sum", "opportunities", aggregated(`<attribute name='estimatedvalue' alias='estimatedvalue_sum' aggregate='sum'/>`, ""), 200, `"estimatedvalue_sum":105000`),
		fetched("several at once", "opportunities", aggregated(`<attribute name='opportunityid' alias='opportunity_count' aggregate='count'/><attribute name='estimatedvalue' alias='estimatedvalue_sum' aggregate='sum'/><attribute name='estimatedvalue' alias='estimatedvalue_avg' aggregate='avg'/>`, ""), 200, `"opportunity_count":3`, `"estimatedvalue_sum":105000`, `"estimatedvalue_avg":35000`),
		fetched("by owner", "opportunities", aggregated(`<attribute name='name' alias='opportunity_count' aggregate='count'/><attribute name='ownerid' alias='ownerid' groupby='true'/>`, ""), 200, `"opportunity_count":3`, `"ownerid":"{admin}"`, `"ownerid@OData.Community.Display.V1.FormattedValue":"# emulator"`).as(withNames...),
		fetched("by manager over a link", "opportunities", aggregated(`<attribute name='name' alias='opportunity_count' aggregate='countcolumn'/>`, `<link-entity name='systemuser' from='systemuserid' to='ownerid'><attribute name='parentsystemuserid' alias='managerid' groupby='true'/></link-entity>`), 200, `"opportunity_count":3`),
		fetched("what was won, by year", "opportunities", byDate("year"), 200, `"year":2026`, `"opportunity_count":2`, `"estimatedvalue_sum":75000`),
		fetched("by quarter", "opportunities", byDate("quarter"), 200, `"quarter":1`),
		fetched("by month", "opportunities", byDate("month"), 200, `"month":1`, `"month":2`),
		fetched("by week", "opportunities", byDate("week"), 200, `"week":2`, `"week":6`),
		fetched("by day", "opportunities", byDate("day"), 200, `"day":5`),
		fetched("by year and quarter, in an order", "opportunities", aggregated(`<attribute name='opportunityid' alias='opportunity_count' aggregate='count'/><attribute name='actualclosedate' groupby='true' dategrouping='quarter' alias='quarter'/><attribute name='actualclosedate' groupby='true' dategrouping='year' alias='year'/>`, `<order alias='year' descending='false'/><order alias='quarter' descending='false'/><filter type='and'><condition attribute='statecode' operator='eq' value='Won'/></filter>`), 200, `"year":2026`, `"quarter":1`),
	}},
	{"webapi/samples/basic-operations-powershell", []statement{
		sent("a contact", "POST", "contacts", `{"firstname":"Rafel","lastname":"Shillo"}`, 204).kept("rafel"),
		sent("changes", "PATCH", "contacts({rafel})", `{"annualincome":80000,"jobtitle":"Junior Developer"}`, 204).as("If-Match", "*"),
		asked("is read", "contacts({rafel})?$select=fullname,annualincome,jobtitle,description", 200, "Rafel Shillo"),
		sent("one property", "PUT", "contacts({rafel})/telephone1", `{"value":"555-0105"}`, 204),
		asked("is read", "contacts({rafel})/telephone1", 200, "555-0105"),
		sent("an account of the contact", "POST", "accounts", `{"name":"Contoso Ltd","primarycontactid@odata.bind":"contacts({rafel})"}`, 204).kept("contoso"),
		sent("an account, a contact and tasks", "POST", "accounts", `{"name":"Fourth Coffee","primarycontactid":{"firstname":"Susie","lastname":"Curtis","Contact_Tasks":[{"subject":"Sign invoice"},{"subject":"Setup new display"}]}}`, 204).kept("fourth"),
		linked("a contact joins", "accounts({fourth})", "contact_customer_accounts", "contacts({rafel})"),
		sent("and leaves", "DELETE", "accounts({fourth})/contact_customer_accounts({rafel})/$ref", "", 204),
		sent("a role", "POST", "roles", `{"businessunitid@odata.bind":"businessunits({unit})","name":"Example Security Role"}`, 204).kept("example"),
		linked("is given", "systemusers({user})", "systemuserroles_association", "roles({example})"),
		sent("and taken", "DELETE", "systemusers({user})/systemuserroles_association({example})/$ref", "", 204),
		sent("and deleted", "DELETE", "roles({example})", "", 204),
	}},
	{"link-custom-attributes-recurring-master-appointment-entities", []statement{
		sent("a column of appointments", "POST", "EntityDefinitions(LogicalName='appointment')/Attributes", columnBody("String", "new_Linked", `,"MaxLength":100`), 204),
		asked("and its id", "EntityDefinitions(LogicalName='appointment')/Attributes(LogicalName='new_linked')?$select=MetadataId,LinkedAttributeId", 200, `"LinkedAttributeId":null`).kept("linked=MetadataId"),
		sent("a column that is linked to it", "POST", "EntityDefinitions(LogicalName='recurringappointmentmaster')/Attributes", columnBody("String", "new_Linked", `,"MaxLength":100,"LinkedAttributeId":"{linked}"`), 501, "LinkedAttributeId"),
	}},
	{"org-service/samples/create-retrieve-update-delete-email-attachment", []statement{
		sent("an e-mail", "POST", "emails", `{"subject":"Example email","description":"This is an example email."}`, 204).kept("email"),
		sent("an attachment", "POST", "activitymimeattachments", `{"objectid_email@odata.bind":"/emails({email})","objecttypecode":"email","subject":"Sample Attachment 0","body":"RXhhbXBsZSBBdHRhY2htZW50","filename":"ExampleAttachment0.txt"}`, 204).kept("att0"),
		sent("another", "POST", "activitymimeattachments", `{"objectid_activitypointer@odata.bind":"/activitypointers({email})","objecttypecode":"email","subject":"Sample Attachment 1","body":"RXhhbXBsZSBBdHRhY2htZW50","filename":"ExampleAttachment1.txt"}`, 204).kept("att1"),
		asked("with its parts", "activitymimeattachments({att1})?$select=activitymimeattachmentid,subject,filename,body", 200, `"subject":"Sample Attachment 1"`, `"filename":"ExampleAttachment1.txt"`, `"body":"RXhhbXBsZSBBdHRhY2htZW50"`),
		sent("another name", "PATCH", "activitymimeattachments({att1})", `{"filename":"ExampleAttachmentUpdated.txt"}`, 204),
		asked("all of an e-mail", "activitymimeattachments?$select=filename&$filter=_objectid_value eq {email}", 200, "ExampleAttachment0.txt", "ExampleAttachmentUpdated.txt"),
		asked("by its collection", "emails({email})?$select=attachmentcount&$expand=email_activity_mime_attachment($select=filename)", 200, `"attachmentcount":2`, "ExampleAttachment0.txt"),
		sent("one goes", "DELETE", "activitymimeattachments({att0})", "", 204),
		sent("and the e-mail", "DELETE", "emails({email})", "", 204),
		asked("with what is left", "activitymimeattachments({att1})", 404),
	}},
	{"org-service/samples/send-bulk-email-monitor-results", []statement{
		sent("SendBulkMail", "POST", "SendBulkMail", `{"TemplateId":"{guid}"}`, 501, "SendBulkMail"),
		asked("jobs by an id of one's own", "asyncoperations?$select=statecode,statuscode,requestid&$filter=requestid eq {guid}", 200, `"value":[]`),
	}},
	{"org-service/samples/detect-solution-dependencies", []statement{
		sent("a publisher", "POST", "publishers", `{"uniquename":"dynamicscrmsdk","friendlyname":"Microsoft SDK","customizationprefix":"sample","customizationoptionvalueprefix":10000}`, 204).kept("publisher"),
		sent("a solution", "POST", "solutions", `{"uniquename":"PrimarySolution","friendlyname":"Primary Solution","publisherid@odata.bind":"/publishers({publisher})","version":"1.0.0.0"}`, 204).kept("primary"),
		sent("a global choice in it", "POST", "GlobalOptionSetDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"sample_depends","DisplayName":`+english+`,"IsGlobal":true,"OptionSetType":"Picklist","Options":[{"Label":`+english+`}]}`, 204).as("MSCRM.SolutionUniqueName", "PrimarySolution").kept("depends"),
		sent("is exported", "POST", "ExportSolution", `{"SolutionName":"PrimarySolution","Managed":true}`, 501, "ExportSolution"),
		asked("components of a solution", "solutioncomponents?$select=componenttype,objectid&$filter=_solutionid_value eq {primary}", 200, "{depends}"),
		asked("what depends on one", "RetrieveDependentComponents(ObjectId={depends},ComponentType=9)", 501, "RetrieveDependentComponents"),
		sent("a column of it", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Picklist", "sample_Depends", `,"GlobalOptionSet@odata.bind":"/GlobalOptionSetDefinitions({depends})"`), 204),
		asked("what keeps it", "RetrieveDependenciesForDelete(ObjectId={depends},ComponentType=9)", 501, "RetrieveDependenciesForDelete"),
		sent("so it cannot go", "DELETE", "GlobalOptionSetDefinitions({depends})", "", 400),
	}},
	{"sample-data", []statement{
		sent("InstallSampleData", "POST", "InstallSampleData", "", 501, "InstallSampleData"),
		sent("UninstallSampleData", "POST", "UninstallSampleData", "", 501, "UninstallSampleData"),
	}},
	{"org-service/samples/determine-whether-user-has-role", []statement{
		asked("a user", "systemusers?$select=systemuserid&$filter=lastname eq 'park'", 200, "{user}"),
		asked("a role", "roles?$select=roleid&$filter=name eq 'Salesperson'", 200, `"roleid"`).kept("sales=roleid"),
		fetched("of the user", "roles", `<fetch><entity name='role'><attribute name='name'/><filter><condition attribute='name' operator='eq' value='Salesperson'/></filter><link-entity name='systemuserroles' from='roleid' to='roleid'><link-entity name='systemuser' from='systemuserid' to='systemuserid'><filter><condition attribute='systemuserid' operator='eq' value='{user}'/></filter></link-entity></link-entity></entity></fetch>`, 200, `"value":[]`),
		asked("the same in OData", "systemusers({user})/systemuserroles_association?$select=name&$filter=roleid eq {sales}", 200, `"value":[]`),
	}},
	{"org-service/samples/promote-email-message", []statement{
		sent("DeliverPromoteEmail", "POST", "emails({guid})/"+definitions+"DeliverPromoteEmail", `{"MessageId":"m","Subject":"S","From":"a@x.invalid","To":"b@x.invalid"}`, 501, "DeliverPromoteEmail"),
		asked("e-mails that are sent", "emails?$select=subject&$filter=statuscode eq 3", 200, `"value":[]`),
		asked("the names of their states", "EntityDefinitions(LogicalName='email')/Attributes(LogicalName='statuscode')/"+definitions+"StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"Sent"`, `"Label":"Draft"`, `"Label":"Received"`, `"Label":"Failed"`),
	}},
}

// drawnFifthRows are the rest of the pages of the fifth draw.
var drawnFifthRows = []pageStatements{
	{"org-service/samples/insert-update-record-upsert", []statement{
		sent("a table", "POST", "EntityDefinitions", tableBody("sample_Product"), 204),
		sent("with a code", "POST", "EntityDefinitions(LogicalName='sample_product')/Attributes", columnBody("String", "sample_Code", `,"MaxLength":100`), 204),
		sent("that is a key", "POST", "EntityDefinitions(LogicalName='sample_product')/Keys", `{"SchemaName":"sample_ProductCode","DisplayName":`+english+`,"KeyAttributes":["sample_code"]}`, 204),
		asked("and active", "EntityDefinitions(LogicalName='sample_product')/Keys(LogicalName='sample_productcode')?$select=EntityKeyIndexStatus,KeyAttributes", 200, `"EntityKeyIndexStatus":"Active"`),
		sent("a new row", "PATCH", "sample_products(sample_code='C1')", `{"sample_name":"First"}`, 204, "Odata-Entityid"),
		asked("is there", "sample_products(sample_code='C1')?$select=sample_name,sample_code", 200, `"sample_name":"First"`, `"sample_code":"C1"`),
		sent("and changes", "PATCH", "sample_products(sample_code='C1')", `{"sample_name":"Second"}`, 200, `"sample_name":"Second"`).as("Prefer", "return=representation"),
		sent("many at once", "POST", "sample_products/"+definitions+"UpsertMultiple", `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.sample_product","@odata.id":"sample_products(sample_code='C1')","sample_name":"Third"},{"@odata.type":"Microsoft.Dynamics.CRM.sample_product","@odata.id":"sample_products(sample_code='C2')","sample_name":"Other"}]}`, 204),
		asked("two rows", "sample_products?$select=sample_name&$count=true", 200, `"@odata.count":2`, `"Third"`, `"Other"`),
	}},
	{"org-service/samples/bulk-delete-records-match-common-criteria", []statement{
		sent("an account", "POST", "accounts", `{"name":"Bulk","description":"common"}`, 204),
		sent("a job", "POST", "BulkDelete", `{"QuerySet":[{"EntityName":"account","Criteria":{"FilterOperator":"And","Conditions":[{"AttributeName":"name","Operator":"Equal","Values":[{"Value":"Bulk","Type":"System.String"}]}]}}],"JobName":"Sample Bulk Delete","SendEmailNotification":false,"ToRecipients":[],"CCRecipients":[],"RecurrencePattern":"","StartDateTime":"2026-01-01T00:00:00Z"}`, 200, `"JobId":`).kept("job=JobId"),
		asked("its operation", "bulkdeleteoperations?$select=name,statecode,statuscode,successcount,failurecount,isrecurring,nextrun&$filter=_asyncoperationid_value eq {job}", 200, `"isrecurring":false`),
		asked("the job itself", "asyncoperations({job})?$select=name,operationtype,statecode", 200, `"Sample Bulk Delete"`, `"operationtype":13`),
		sent("one that writes mails", "POST", "BulkDelete", `{"QuerySet":[{"EntityName":"account","Criteria":{"FilterOperator":"And","Conditions":[{"AttributeName":"name","Operator":"Equal","Values":[{"Value":"Bulk","Type":"System.String"}]}]}}],"JobName":"J","SendEmailNotification":true,"ToRecipients":[{"activitypartyid":"{admin}","@odata.type":"Microsoft.Dynamics.CRM.activityparty"}],"CCRecipients":[],"RecurrencePattern":"","StartDateTime":"2026-01-01T00:00:00Z"}`, 501),
	}},
	{"entity-relationship-metadata-messages", []statement{
		sent("many to many", "POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata","SchemaName":"new_account_product","IntersectEntityName":"new_account_product","Entity1LogicalName":"account","Entity2LogicalName":"sample_product"}`, 204).kept("across"),
		sent("one to many", "POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"new_account_product_one","ReferencedEntity":"account","ReferencingEntity":"sample_product","Lookup":`+columnBody("Lookup", "new_AccountId", "")+`}`, 204).kept("one"),
		asked("read", "RelationshipDefinitions({one})", 200, "OneToManyRelationshipMetadata", `"SchemaName":"new_account_product_one"`),
		sent("changed", "PUT", "RelationshipDefinitions({one})", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"new_account_product_one","ReferencedEntity":"account","ReferencingEntity":"sample_product","CascadeConfiguration":{"Assign":"NoCascade","Delete":"Restrict","Merge":"NoCascade","Reparent":"NoCascade","Share":"NoCascade","Unshare":"NoCascade"}}`, 204),
		asked("as it says", "RelationshipDefinitions({one})/"+definitions+"OneToManyRelationshipMetadata?$select=CascadeConfiguration", 200, `"Delete":"Restrict"`),
		sent("deleted", "DELETE", "RelationshipDefinitions({one})", "", 204),
		sent("deleted", "DELETE", "RelationshipDefinitions({across})", "", 204),
	}},
	{"org-service/samples/work-with-attributes", ofTable("sample_product")},
	{"customer-entities-account-contact", []statement{
		sent("an account", "POST", "accounts", `{"name":"Alone"}`, 204).kept("alone"),
		sent("below it", "POST", "accounts", `{"name":"Child","parentaccountid@odata.bind":"/accounts({alone})"}`, 204),
		sent("contacts of it", "POST", "contacts", `{"lastname":"Berg","parentcustomerid_account@odata.bind":"/accounts({alone})"}`, 204).kept("berg"),
		sent("the first of them", "PATCH", "accounts({alone})", `{"primarycontactid@odata.bind":"/contacts({berg})"}`, 204),
		asked("children of both kinds", "accounts({alone})?$select=name&$expand=account_parent_account($select=name),contact_customer_accounts($select=lastname),primarycontactid($select=lastname)", 200, `"Child"`, `"Berg"`),
		asked("address rows come with it, blank ones as well", "customeraddresses?$select=addressnumber&$filter=_parentid_value eq {alone}", 200, `"addressnumber":1`, `"addressnumber":2`),
		asked("of a contact too", "customeraddresses?$select=addressnumber&$filter=_parentid_value eq {berg}", 200, `"addressnumber":1`, `"addressnumber":2`, `"addressnumber":3`),
		sent("one more", "POST", "customeraddresses", `{"name":"Second home","city":"Oslo","parentid_contact@odata.bind":"/contacts({berg})"}`, 204),
		sent("an address of the contact", "PATCH", "contacts({berg})", `{"address1_city":"Bergen"}`, 204),
		asked("is that of its row", "customeraddresses?$select=city&$filter=_parentid_value eq {berg} and addressnumber eq 1", 200, `"city":"Bergen"`),
		asked("activities at the account", "accounts({alone})?$select=name&$expand=Account_ActivityPointers($select=subject)", 200, `"Account_ActivityPointers":[]`),
	}},
	{"webapi/quick-start-console-app-csharp", []statement{
		asked("who one is", "WhoAmI", 200, `"UserId":"{admin}"`, `"BusinessUnitId":"{unit}"`, `"OrganizationId":"{organization}"`).as("OData-MaxVersion", "4.0", "OData-Version", "4.0", "Accept", "application/json"),
	}},
	{"org-service/samples/use-duplicate-detection-when-creating-and-updating-records", []statement{
		sent("an account", "POST", "accounts", `{"name":"Contoso, Ltd","websiteurl":"https://www.contoso.invalid"}`, 204),
		sent("a rule", "POST", "duplicaterules", `{"name":"Accounts with the same Account name and website url","baseentityname":"account","matchingentityname":"account"}`, 204).kept("rule"),
		sent("a condition", "POST", "duplicateruleconditions", `{"baseattributename":"name","matchingattributename":"name","operatorcode":0,"regardingobjectid@odata.bind":"/duplicaterules({rule})"}`, 204),
		sent("another", "POST", "duplicateruleconditions", `{"baseattributename":"websiteurl","matchingattributename":"websiteurl","operatorcode":0,"regardingobjectid@odata.bind":"/duplicaterules({rule})"}`, 204),
		sent("is published", "POST", "PublishDuplicateRule", `{"DuplicateRuleId":"{rule}"}`, 200, "JobId"),
		asked("which its row says", "duplicaterules({rule})?$select=statuscode", 200, `"statuscode":2`, `"Published"`).as(withNames...),
		sent("a create that does not look", "POST", "accounts", `{"name":"Contoso, Ltd","websiteurl":"https://www.contoso.invalid"}`, 204).as("MSCRM.SuppressDuplicateDetection", "true").kept("dup"),
		sent("an update that does", "PATCH", "accounts({dup})", `{"accountnumber":"9999"}`, 412, "0x80040333").as("MSCRM.SuppressDuplicateDetection", "false"),
		sent("an update that makes it another", "PATCH", "accounts({dup})", `{"websiteurl":"https://www.contosoltd.invalid"}`, 204).as("MSCRM.SuppressDuplicateDetection", "false"),
	}},
	{"webapi/samples/cdswebapiservice-conditional-operations", []statement{
		sent("an account", "POST", "accounts", `{"name":"Contoso Ltd","telephone1":"555-0000","revenue":5000000,"description":"Parent company of Contoso Pharmaceuticals, etc."}`, 204).kept("cond"),
		asked("with its tag", "accounts({cond})?$select=name,revenue,telephone1,description", 200, `"revenue":5000000`).kept("etag=@odata.etag"),
		asked("unchanged", "accounts({cond})?$select=name,revenue,telephone1,description", 304).as("If-None-Match", "{etag}"),
		sent("another number", "PUT", "accounts({cond})/telephone1", `{"value":"555-0001"}`, 204),
		asked("changed", "accounts({cond})?$select=name,revenue,telephone1,description", 200, "555-0001").as("If-None-Match", "{etag}").kept("tag2=@odata.etag"),
		sent("no delete", "DELETE", "accounts({cond})", "", 412).as("If-Match", "{etag}"),
		sent("no update", "PATCH", "accounts({cond})", `{"telephone1":"555-0002","revenue":6000000}`, 412).as("If-Match", "{etag}"),
		sent("an update", "PATCH", "accounts({cond})", `{"telephone1":"555-0003","revenue":6000000}`, 204).as("If-Match", "{tag2}"),
		asked("as it is", "accounts({cond})?$select=name,revenue,telephone1,description", 200, "555-0003", `"revenue":6000000`),
	}},
	{"org-service/samples/associate-security-role-user", []statement{
		asked("a role of the unit", "roles?$select=roleid&$filter=name eq 'Salesperson' and _businessunitid_value eq {unit}", 200, `"roleid"`).kept("role=roleid"),
		linked("is given to a user", "systemusers({user})", "systemuserroles_association", "roles({role})"),
		asked("who has it", "systemusers({user})/systemuserroles_association?$select=name", 200, `"Salesperson"`),
	}},
	{"webapi/samples/basic-operations-client-side-javascript", slices.Concat([]statement{
		sent("a contact", "POST", "contacts", `{"firstname":"Rafel","lastname":"Shillo"}`, 204).kept("rafel2"),
		sent("changes", "PATCH", "contacts({rafel2})", `{"annualincome":80000,"jobtitle":"Junior Developer"}`, 204),
		asked("is read", "contacts({rafel2})?$select=fullname,annualincome,telephone1,jobtitle,description", 200, `"annualincome":80000`, `"telephone1":null`),
		sent("again", "PATCH", "contacts({rafel2})", `{"annualincome":95000,"jobtitle":"Senior Developer","description":"Assignment to-be-determined"}`, 204),
		sent("one value", "PUT", "contacts({rafel2})/telephone1", `{"value":"555-0105"}`, 204),
		asked("is read", "contacts({rafel2})/telephone1", 200, `"value":"555-0105"`),
		sent("an account of a contact", "POST", "accounts", `{"name":"Contoso Ltd","telephone1":"555-5555","primarycontactid@odata.bind":"contacts({rafel2})"}`, 204).kept("contoso2"),
		asked("with the contact", "accounts({contoso2})?$select=name&$expand=primarycontactid($select=fullname,jobtitle,annualincome)", 200, `"Rafel Shillo"`),
		sent("deep, with the dates of JavaScript", "POST", "accounts", `{"name":"Fourth Coffee","primarycontactid":{"firstname":"Susie","lastname":"Curtis","jobtitle":"Coffee Master","annualincome":48000,"Contact_Tasks":[{"subject":"Sign invoice","description":"Invoice #12321","scheduledstart":"2025-04-18T20:00:00.000Z","scheduledend":"2025-04-18T21:00:00.000Z","scheduleddurationminutes":60}]}}`, 204).kept("fourth2"),
		asked("its contact", "accounts({fourth2})?$select=name&$expand=primarycontactid($select=fullname,jobtitle,annualincome)", 200, `"Susie Curtis"`).kept("susie=contactid"),
		asked("the contact's tasks", "contacts({susie})?$select=fullname&$expand=Contact_Tasks($select=subject,description,scheduledstart,scheduledend)", 200, `"scheduledstart":"2025-04-18T20:00:00Z"`),
	}, []statement{
		linked("joins", "accounts({fourth2})", "contact_customer_accounts", "contacts({rafel2})"),
		asked("is there", "accounts({fourth2})/contact_customer_accounts?$select=fullname,jobtitle", 200, `"Rafel Shillo"`),
		sent("a role", "POST", "roles", `{"name":"Example Security Role","businessunitid@odata.bind":"businessunits({unit})"}`, 204).kept("role2"),
		linked("is given", "systemusers({admin})", "systemuserroles_association", "roles({role2})"),
		asked("found", "systemusers({admin})/systemuserroles_association?$select=name&$filter=roleid eq {role2}", 200, "Example Security Role"),
		sent("and taken", "DELETE", "systemusers({admin})/systemuserroles_association({role2})/$ref", "", 204),
	})},
}

// FetchXML takes a state by its name, OData does not. Page: use-fetchxml-aggregation and its sample (statecode eq 'Won').
func TestStatesByName(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.create("opportunities", `{"name":"Open one"}`)
	by := func(value string) *response {
		return o.do("GET", "opportunities?fetchXml="+url.QueryEscape(`<fetch><entity name='opportunity'><attribute name='name'/><filter><condition attribute='statecode' operator='eq' value='`+value+`'/></filter></entity></fetch>`), "")
	}
	by("open").want(200, "Open one")
	if by("Won").want(200); strings.Contains(by("Won").text, "Open one") {
		t.Error("an open one is won")
	}
	by("Sold").want(400)
	o.do("GET", "opportunities?$filter=statecode eq 'Open'", "").want(400)
}
