package emulator_test

import "strings"

// changedQuery is the query of both pages about changes of definitions: choices of contacts.
const changedQuery = `RetrieveMetadataChanges(Query=@q%s)?@q={"Properties":{"AllProperties":false,"PropertyNames":["Attributes"]},"Criteria":{"FilterOperator":"And","Conditions":[{"ConditionOperator":"Equals","PropertyName":"LogicalName","Value":{"Type":"System.String","Value":"contact"}}]},"AttributeQuery":{"Properties":{"AllProperties":false,"PropertyNames":["OptionSet","AttributeType"]},"Criteria":{"FilterOperator":"And","Conditions":[{"ConditionOperator":"Equals","PropertyName":"AttributeType","Value":{"Type":"Microsoft.Xrm.Sdk.Metadata.AttributeTypeCode","Value":"Picklist"}}]}}}`

// changedWith is the query with more parameters.
func changedWith(more string) string { return strings.Replace(changedQuery, "%s", more, 1) }

func twoChoices(name string) string {
	return columnBody("Picklist", name, `,"OptionSet":{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","IsGlobal":false,"OptionSetType":"Picklist","Options":[{"Value":727000000,"Label":`+english+`},{"Value":727000001,"Label":`+english+`}]}`)
}

// changes are the statements of the two pages about changes of definitions.
func changes(column, logical string) []statement {
	since := func(more, tail string) string { return changedWith(more) + tail }
	return []statement{
		asked("choices of a table", since("", ""), 200, `"ServerVersionStamp":"`, "preferredcontactmethodcode", `"Options":[`).kept("stamp=ServerVersionStamp"),
		sent("a choice is added", "POST", "EntityDefinitions(LogicalName='contact')/Attributes", twoChoices(column), 204),
		asked("only that is new", since(",ClientVersionStamp=@s", "&@s='{stamp}'"), 200, logical).without("preferredcontactmethodcode").kept("stamp2=ServerVersionStamp"),
		sent("it is deleted", "DELETE", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='"+logical+"')", "", 204),
		asked("which is told too", since(",ClientVersionStamp=@s,DeletedMetadataFilters=@d", "&@s='{stamp2}'&@d=Microsoft.Dynamics.CRM.DeletedMetadataFilters'Attribute'"), 200, `"DeletedMetadata":{"Count":1`, `"Keys":["Attribute"]`),
	}
}

// drawnFourthRows are the rest of the pages of the fourth draw.
var drawnFourthRows = []pageStatements{
	{"org-service/samples/upload-retrieve-download-attachment", []statement{
		sent("a note with a file", "POST", "annotations", `{"subject":"Sample Annotation Object","documentbody":"U2FtcGxlIEFubm90YXRpb24gVGV4dA==","filename":"SampleAnnotationObject.txt","mimetype":"text/plain"}`, 204).kept("note"),
		asked("with all of it", "annotations({note})?$select=filename,mimetype,documentbody,filesize,isdocument", 200, `"documentbody":"U2FtcGxlIEFubm90YXRpb24gVGV4dA=="`, `"filesize":22`, `"isdocument":true`, `"mimetype":"text/plain"`),
		asked("the file alone", "annotations({note})/documentbody/$value", 200, "U2FtcGxlIEFubm90YXRpb24gVGV4dA=="),
		sent("is deleted", "DELETE", "annotations({note})", "", 204),
	}},
	{"org-service/samples/dump-picklist-information", []statement{
		asked("choices of all tables", "EntityDefinitions?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist')", 200, `"LogicalName":"accountcategorycode"`).without(`"LogicalName":"emailaddress1"`),
		asked("with options, by a cast", "EntityDefinitions(LogicalName='account')/Attributes/"+definitions+"PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Preferred Customer"`),
		asked("states", "EntityDefinitions(LogicalName='account')/Attributes/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"InvariantName":"Active"`, `"DefaultStatus":1`),
		asked("reasons", "EntityDefinitions(LogicalName='account')/Attributes/"+definitions+"StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"State":0`, `"State":1`),
		asked("yes and no", "EntityDefinitions(LogicalName='account')/Attributes/"+definitions+"BooleanAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=TrueOption,FalseOption)", 200, `"TrueOption":{`, `"FalseOption":{`),
	}},
	{"org-service/samples/add-record-queue-early-bound", []statement{
		sent("a queue", "POST", "queues", `{"name":"Source Queue","description":"D","queueviewtype":1}`, 204).kept("source"),
		sent("another", "POST", "queues", `{"name":"Destination Queue","description":"D","queueviewtype":1}`, 204).kept("destination"),
		sent("a letter", "POST", "letters", `{"description":"Example Letter"}`, 204).kept("letter"),
		sent("joins the first", "POST", "queues({source})/"+definitions+"AddToQueue", `{"Target":`+on("letter", "activityid", "letter")+`}`, 200, "QueueItemId").kept("item=QueueItemId"),
		asked("the queues of a user", "systemusers({user})/"+definitions+"RetrieveUserQueues(IncludePublic=false)", 200, `"value":[`),
		sent("moves to the other", "POST", "queues({destination})/"+definitions+"AddToQueue", `{"Target":`+on("letter", "activityid", "letter")+`,"SourceQueue":`+on("queue", "queueid", "source")+`}`, 200, `"QueueItemId":"{item}"`),
		asked("where it then is", "queueitems?$select=_queueid_value&$filter=_objectid_value eq {letter}", 200, "{destination}").without("{source}"),
	}},
	{"org-service/samples/retrieve-multiple-querybyattribute-class", []statement{
		sent("an account", "POST", "accounts", `{"name":"A. Datum Corporation","address1_stateorprovince":"Colorado","address1_telephone1":"(206)555-5555","emailaddress1":"info@datum.com","address1_city":"Redmond"}`, 204),
		sent("another", "POST", "accounts", `{"name":"Adventure Works Cycle","address1_stateorprovince":"Washington","address1_city":"Redmond","emailaddress1":"info@cycle.com"}`, 204),
		asked("by column and value", "accounts?$select=name,address1_city,emailaddress1&$filter=address1_city eq 'Redmond'", 200, "A. Datum Corporation", "Adventure Works Cycle", `"emailaddress1":"info@datum.com"`),
	}},
	{"org-service/samples/query-metadata-changes", changes("new_Cached", "new_cached")},
	{"org-service/samples/dump-entity-relationships", []statement{
		asked("relationships of all tables", "EntityDefinitions?$select=SchemaName&$expand=OneToManyRelationships($select=SchemaName,ReferencedEntity,ReferencingEntity,CascadeConfiguration,AssociatedMenuConfiguration),ManyToManyRelationships($select=SchemaName,Entity1LogicalName,Entity2LogicalName,IntersectEntityName)", 200, `"SchemaName":"Account_Tasks"`, `"IntersectEntityName":"accountleads"`, `"CascadeConfiguration":{`, `"AssociatedMenuConfiguration":{`),
		asked("many to one", "EntityDefinitions(LogicalName='task')?$select=SchemaName&$expand=ManyToOneRelationships($select=SchemaName,ReferencedEntity,ReferencingAttribute,IsCustomRelationship,SecurityTypes)", 200, `"ReferencingAttribute":"regardingobjectid"`, `"IsCustomRelationship":false`, `"SecurityTypes":`),
		asked("all kinds at once", "RelationshipDefinitions?$select=SchemaName", 200, "OneToManyRelationshipMetadata", "ManyToManyRelationshipMetadata"),
	}},
	{"org-service/samples/work-with-option-sets", []statement{
		sent("a global choice without values", "POST", "GlobalOptionSetDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"sample_exampleoptionset","DisplayName":`+english+`,"IsGlobal":true,"OptionSetType":"Picklist","Options":[{"Label":`+english+`,"Value":null},{"Label":`+english+`,"Value":null},{"Label":`+english+`}]}`, 204).kept("set"),
		asked("has values with a prefix", "GlobalOptionSetDefinitions(Name='sample_exampleoptionset')", 200, `"IsGlobal":true`, `"Value":100000000`),
		sent("a column of it", "POST", "EntityDefinitions(LogicalName='contact')/Attributes", columnBody("Picklist", "sample_ExampleChoice", `,"GlobalOptionSet@odata.bind":"/GlobalOptionSetDefinitions({set})"`), 204),
		sent("its name changes", "PUT", "GlobalOptionSetDefinitions({set})", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"sample_exampleoptionset","DisplayName":{"LocalizedLabels":[{"Label":"Updated Option Set","LanguageCode":1033}]},"IsGlobal":true,"OptionSetType":"Picklist"}`, 204),
		sent("is published", "POST", "PublishXml", `{"ParameterXml":"<importexportxml><optionsets><optionset>sample_exampleoptionset</optionset></optionsets></importexportxml>"}`, 204),
		sent("an option more", "POST", "InsertOptionValue", `{"OptionSetName":"sample_exampleoptionset","Label":{"LocalizedLabels":[{"Label":"New Picklist Label","LanguageCode":1033}]}}`, 200, `"NewOptionValue":`).kept("new=NewOptionValue"),
		asked("by name", "GlobalOptionSetDefinitions(Name='sample_exampleoptionset')", 200, "New Picklist Label", "Updated Option Set"),
		sent("an option's text", "POST", "UpdateOptionValue", `{"OptionSetName":"sample_exampleoptionset","Value":100000000,"Label":{"LocalizedLabels":[{"Label":"First","LanguageCode":1033}]},"MergeLabels":true}`, 204),
		asked("all of them", "GlobalOptionSetDefinitions", 200, "sample_exampleoptionset"),
		sent("not while a column needs it", "DELETE", "GlobalOptionSetDefinitions({set})", "", 400),
		sent("the column goes", "DELETE", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='sample_examplechoice')", "", 204),
		sent("then it goes", "DELETE", "GlobalOptionSetDefinitions(Name='sample_exampleoptionset')", "", 204),
	}},
	{"org-service/samples/audit-user-access", []statement{
		asked("the organisation of a user", "systemusers({user})?$select=organizationid", 200, "{organization}"),
		asked("its settings", "organizations({organization})?$select=organizationid,isauditenabled,isuseraccessauditenabled", 200, `"isauditenabled":true`, `"isuseraccessauditenabled":`),
		sent("access is audited", "PATCH", "organizations({organization})", `{"isauditenabled":true,"isuseraccessauditenabled":true}`, 204),
		sent("an account", "POST", "accounts", `{"name":"Example Account"}`, 204).kept("audited"),
		sent("changes", "PATCH", "accounts({audited})", `{"accountnumber":"1-A","accountcategorycode":1,"telephone1":"555-555-5555"}`, 204),
		asked("as its history tells", "RetrieveRecordChangeHistory(Target=@t)?@t={'@odata.id':'accounts({audited})'}", 200, `"accountnumber":"1-A"`, `"telephone1":"555-555-5555"`),
		asked("access by the web services", "audits?$select=action,operation&$filter=action eq 64 or action eq 65", 200, `"operation":4`),
	}},
	{"background-operations", []statement{
		asked("in the background", "WhoAmI", 501, "respond-async").as("Prefer", `respond-async,odata.include-annotations="*"`),
		sent("in the background", "POST", "WinOpportunity", `{"Status":3}`, 501, "respond-async").as("Prefer", "respond-async"),
		asked("where they are", "backgroundoperations?$select=name", 501, "backgroundoperations"),
	}},
	{"webapi/samples/webapiservice-conditional-operations", []statement{
		sent("an account", "POST", "accounts", `{"name":"Contoso Ltd","telephone1":"555-0000","revenue":5000000,"description":"Parent company of Contoso Pharmaceuticals, etc."}`, 204).kept("contoso"),
		asked("with its tag", "accounts({contoso})?$select=name,revenue,telephone1,description", 200, `"@odata.etag":"W/`).kept("etag=@odata.etag"),
		asked("unchanged", "accounts({contoso})?$select=name,revenue,telephone1,description", 304).as("If-None-Match", "{etag}"),
		sent("a new number", "PUT", "accounts({contoso})/telephone1", `{"value":"555-0001"}`, 204),
		asked("changed", "accounts({contoso})?$select=telephone1", 200, "555-0001").as("If-None-Match", "{etag}").kept("newtag=@odata.etag"),
		sent("no delete by the old tag", "DELETE", "accounts({contoso})", "", 412).as("If-Match", "{etag}"),
		sent("no update by the old tag", "PATCH", "accounts({contoso})", `{"telephone1":"555-0002"}`, 412, "0x80060882").as("If-Match", "{etag}"),
		sent("one by the new", "PATCH", "accounts({contoso})", `{"telephone1":"555-0003","revenue":6000000}`, 204).as("If-Match", "{newtag}"),
		sent("deletes in a batch", "POST", "$batch", "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nDELETE {root}accounts({contoso}) HTTP/1.1\r\n\r\n\r\n--b--\r\n", 200, "204 No Content").as("Content-Type", `multipart/mixed; boundary="b"`),
	}},
	{"fetchxml/sample", []statement{
		plussed("a query in which spaces are pluses, names beside values", "accounts", "<fetch top='5'>\n    <entity name='account'>\n    <attribute name='accountclassificationcode' />\n    <attribute name='createdby' />\n    <attribute name='createdon' />\n    <attribute name='name' />\n    </entity>\n</fetch>", 200, `"accountclassificationcode@OData.Community.Display.V1.FormattedValue":"Default Value"`, `"_createdby_value@OData.Community.Display.V1.FormattedValue":"# emulator"`, `"createdon@OData.Community.Display.V1.FormattedValue":"`).as(withNames...),
		fetched("of the table of its set only", "contacts", `<fetch top='5'><entity name='account'><attribute name='name'/></entity></fetch>`, 400),
		fetched("aliases of links", "accounts", `<fetch><entity name='account'><attribute name='name'/><link-entity name='systemuser' from='systemuserid' to='createdby' alias='u'><attribute name='fullname'/></link-entity></entity></fetch>`, 200, `"u.fullname":"# emulator"`),
	}},
}
