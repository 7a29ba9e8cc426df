package emulator_test

import (
	"net/url"
	"slices"
	"strings"
)

// sent is a statement about a request with a body, asked one about a request without.
func sent(says, method, path, body string, status int, has ...string) statement {
	return statement{says: says, method: method, path: path, body: body, status: status, has: has}
}

func asked(says, path string, status int, has ...string) statement {
	return statement{says: says, method: "GET", path: path, status: status, has: has}
}

// kept keeps what an answer had, as statement.keep says.
func (s statement) kept(what string) statement { s.keep = what; return s }

// as sends it with headers.
func (s statement) as(headers ...string) statement { s.headers = headers; return s }

// known is answered otherwise, which docs/emulator.md says.
func (s statement) known() statement { s.amiss = true; return s }

// without must not be in the answer.
func (s statement) without(text ...string) statement { s.lacks = text; return s }

// csdl reads $metadata.
func csdl(says string, has ...string) statement {
	return statement{says: says, method: "GET", path: "$metadata", headers: []string{"Accept", "application/xml"}, status: 200, has: has}
}

// fetched queries by FetchXML.
func fetched(says, set, fetchXML string, status int, has ...string) statement {
	return asked(says, set+"?fetchXml="+strings.NewReplacer("%7B", "{", "%7D", "}").Replace(url.QueryEscape(fetchXML)), status, has...)
}

// formatted makes a column and reads the format that it has.
func formatted(says, kind, name, more string, has ...string) []statement {
	selected := "Format"
	if kind == "String" || kind == "Memo" {
		selected = "Format,FormatName"
	}
	return []statement{
		sent(says, "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody(kind, name, more), 204),
		asked(says+", as it is read", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='"+strings.ToLower(name)+"')/"+definitions+kind+"AttributeMetadata?$select="+selected, 200, has...),
	}
}

const formats = "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_second')"

var formatPage = slices.Concat(
	formatted("both given: the new one counts", "String", "new_First", `,"MaxLength":100,"Format":"Email","FormatName":{"Value":"Url"}`, `"Format":"Url"`, `"Value":"Url"`),
	formatted("only the old one", "String", "new_Second", `,"MaxLength":100,"Format":"Email"`, `"Format":"Email"`, `"Value":"Email"`),
	formatted("Phone", "String", "new_Third", `,"MaxLength":100,"FormatName":{"Value":"Phone"}`, `"Format":"Text"`, `"Value":"Phone"`),
	formatted("Json", "String", "new_Fourth", `,"MaxLength":100,"FormatName":{"Value":"Json"}`, `"Format":"Text"`, `"Value":"Json"`),
	formatted("Text by default", "String", "new_Fifth", `,"MaxLength":100`, `"Format":"Text"`, `"Value":"Text"`),
	formatted("TextArea", "String", "new_Sixth", `,"MaxLength":100,"FormatName":{"Value":"TextArea"}`, `"Format":"TextArea"`, `"Value":"TextArea"`),
	formatted("TickerSymbol", "String", "new_Seventh", `,"MaxLength":100,"FormatName":{"Value":"TickerSymbol"}`, `"Format":"TickerSymbol"`, `"Value":"TickerSymbol"`),
	formatted("VersionNumber", "String", "new_Eighth", `,"MaxLength":100,"FormatName":{"Value":"VersionNumber"}`, `"Format":"VersionNumber"`, `"Value":"VersionNumber"`),
	[]statement{sent("rich text needs another store", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("String", "new_Ninth", `,"MaxLength":100,"FormatName":{"Value":"RichText"}`), 400)},
	formatted("a memo is Text by default", "Memo", "new_Tenth", `,"MaxLength":100`, `"Format":"Text"`, `"Value":"Text"`),
	formatted("a memo of rich text", "Memo", "new_Eleventh", `,"MaxLength":100,"FormatName":{"Value":"RichText"}`, `"Format":"Text"`, `"Value":"RichText"`),
	formatted("a memo of e-mail", "Memo", "new_Twelfth", `,"MaxLength":100,"FormatName":{"Value":"Email"}`, `"Format":"Email"`, `"Value":"Email"`),
	formatted("a memo of TextArea", "Memo", "new_Thirteenth", `,"MaxLength":100,"FormatName":{"Value":"TextArea"}`, `"Format":"TextArea"`, `"Value":"TextArea"`),
	[]statement{sent("a memo of JSON needs another store", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Memo", "new_Fourteenth", `,"MaxLength":100,"FormatName":{"Value":"Json"}`), 400)},
	formatted("whole numbers have none by default", "Integer", "new_Fifteenth", ``, `"Format":"None"`),
	formatted("durations", "Integer", "new_Sixteenth", `,"Format":"Duration"`, `"Format":"Duration"`),
	formatted("time zones", "Integer", "new_Seventeenth", `,"Format":"TimeZone"`, `"Format":"TimeZone"`),
	formatted("languages", "Integer", "new_Eighteenth", `,"Format":"Language"`, `"Format":"Language"`),
	formatted("locales", "Integer", "new_Nineteenth", `,"Format":"Locale"`, `"Format":"Locale"`),
	formatted("dates have their time by default", "DateTime", "new_Twentieth", ``, `"Format":"DateAndTime"`),
	[]statement{
		sent("an update does not look at the old one", "PUT", formats, `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","LogicalName":"new_second","SchemaName":"new_Second","MaxLength":100,"Format":"Url","DisplayName":`+english+`,"RequiredLevel":{"Value":"None"}}`, 204),
		asked("and leaves what was", formats+"/"+definitions+"StringAttributeMetadata?$select=Format,FormatName", 200, `"Format":"Email"`, `"Value":"Email"`),
		sent("but at the new one", "PUT", formats, `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","LogicalName":"new_second","SchemaName":"new_Second","MaxLength":100,"Format":"Email","FormatName":{"Value":"Phone"},"DisplayName":`+english+`,"RequiredLevel":{"Value":"None"}}`, 204),
		asked("which it takes", formats+"/"+definitions+"StringAttributeMetadata?$select=Format,FormatName", 200, `"Format":"Text"`, `"Value":"Phone"`),
	})

// drawnAgain are the pages of the second draw.
var drawnAgain = []pageStatements{
	{"org-service/page-large-result-sets-with-fetchxml", []statement{
		sent("a parent", "POST", "accounts", `{"name":"Above"}`, 204).kept("above"),
		sent("a child", "POST", "accounts", `{"accountid":"00000000-0000-0000-0000-0000000000a1","name":"Child A","emailaddress1":"a@x.invalid","parentaccountid@odata.bind":"/accounts({above})"}`, 204),
		sent("a child", "POST", "accounts", `{"accountid":"00000000-0000-0000-0000-0000000000a2","name":"Child B","parentaccountid@odata.bind":"/accounts({above})"}`, 204),
		sent("a child", "POST", "accounts", `{"accountid":"00000000-0000-0000-0000-0000000000a3","name":"Child C","parentaccountid@odata.bind":"/accounts({above})"}`, 204),
		fetched("a page says that there is more, with a cookie", "accounts", `<fetch version='1.0' mapping='logical' output-format='xml-platform' page='1' count='2'><entity name='account'><attribute name='name'/><attribute name='emailaddress1'/><order attribute='name' descending='false'/><filter type='and'><condition attribute='parentaccountid' operator='eq' value='{above}' uiname='' uitype=''/></filter></entity></fetch>`, 200, "Child A", "Child B", `fetchxmlpagingcookie"`, `morerecords":true`).as(withNames...).without("Child C"),
		fetched("the next page takes the cookie with braces about the ids", "accounts", `<fetch mapping='logical' paging-cookie='&lt;cookie page=&quot;1&quot;&gt;&lt;accountid last=&quot;{00000000-0000-0000-0000-0000000000A2}&quot; first=&quot;{00000000-0000-0000-0000-0000000000A1}&quot;/&gt;&lt;/cookie&gt;' page='2' count='2'><entity name='account'><all-attributes/><filter><condition attribute='parentaccountid' operator='not-null'/></filter></entity></fetch>`, 200, "Child C").without("Child A", "Child B"),
		fetched("the last page says that there is no more", "accounts", `<fetch page='2' count='2'><entity name='account'><attribute name='name'/><order attribute='name'/><filter><condition attribute='parentaccountid' operator='eq' value='{above}'/></filter></entity></fetch>`, 200, "Child C").as(withNames...).without(`morerecords":true`),
		fetched("pages that do not follow need no cookie", "accounts", `<fetch page='3' count='1'><entity name='account'><attribute name='name'/><order attribute='name'/><filter><condition attribute='parentaccountid' operator='eq' value='{above}'/></filter></entity></fetch>`, 200, "Child C"),
	}},
	{"format-and-formatname-columns", formatPage},
	{"webapi/use-web-api-actions", []statement{
		csdl("WinOpportunity is defined", `<Action Name="WinOpportunity">`, `<Parameter Name="OpportunityClose" Type="mscrm.opportunityclose" Nullable="false"`, `<Parameter Name="Status" Type="Edm.Int32" Nullable="false"`),
		sent("an opportunity", "POST", "opportunities", `{"name":"Big"}`, 204).kept("opportunity"),
		sent("it is won", "POST", "WinOpportunity", `{"Status":3,"OpportunityClose":{"subject":"Won Opportunity","opportunityid@odata.bind":"{root}opportunities({opportunity})"}}`, 204),
		asked("its state is Won", "opportunities({opportunity})?$select=statecode,statuscode", 200, `"statecode":1`, `"statuscode":3`),
		asked("which a row records", "opportunitycloses?$select=subject&$filter=_opportunityid_value eq {opportunity}", 200, `"Won Opportunity"`),
		csdl("AddToQueue is defined", `<Action Name="AddToQueue" IsBound="true">`, `<Parameter Name="entity" Type="mscrm.queue" Nullable="false"`, `<Parameter Name="Target" Type="mscrm.crmbaseentity" Nullable="false"`, `<ReturnType Type="mscrm.AddToQueueResponse" Nullable="false"`),
		csdl("and what it answers", `<ComplexType Name="AddToQueueResponse"`, `<Property Name="QueueItemId" Type="Edm.Guid" Nullable="false"`),
		csdl("with its other parameters", `<Parameter Name="SourceQueue" Type="mscrm.queue"`, `<Parameter Name="QueueItemProperties" Type="mscrm.queueitem"`),
		sent("a queue", "POST", "queues", `{"name":"Letters"}`, 204).kept("queue"),
		sent("a letter", "POST", "letters", `{"subject":"Dear"}`, 204).kept("letter"),
		sent("a bound action needs its full name", "POST", "queues({queue})/AddToQueue", `{"Target":{"activityid":"{letter}","@odata.type":"Microsoft.Dynamics.CRM.letter"}}`, 400),
		sent("the letter is queued", "POST", "queues({queue})/"+definitions+"AddToQueue", `{"Target":{"activityid":"{letter}","@odata.type":"Microsoft.Dynamics.CRM.letter"}}`, 200, `$metadata#Microsoft.Dynamics.CRM.AddToQueueResponse`, `"QueueItemId":`),
		sent("the bound row is no parameter in the body", "POST", definitions+"AddToQueue", `{"entity":{"queueid":"{queue}"},"Target":{"activityid":"{letter}","@odata.type":"Microsoft.Dynamics.CRM.letter"}}`, 404),
		sent("translations are exported", "POST", "solutions/"+definitions+"ExportTranslation", `{"SolutionName":"MySolution"}`, 501, "ExportTranslation"),
		sent("DeliverIncomingEmail", "POST", "emails/"+definitions+"DeliverIncomingEmail", `{}`, 501, "DeliverIncomingEmail"),
		sent("FulfillSalesOrder", "POST", "salesorders/"+definitions+"FulfillSalesOrder", `{}`, 501, "FulfillSalesOrder"),
		sent("ValidateSavedQuery", "POST", "savedqueries/"+definitions+"ValidateSavedQuery", `{"FetchXml":"<fetch/>","QueryType":0}`, 501, "ValidateSavedQuery"),
		sent("a team", "POST", "teams", `{"name":"Crew","businessunitid@odata.bind":"/businessunits({unit})"}`, 204).kept("team"),
		sent("users join it", "POST", "teams({team})/"+definitions+"AddMembersTeam", `{"Members":[{"@odata.type":"Microsoft.Dynamics.CRM.systemuser","ownerid":"{user}"}]}`, 204),
		asked("and are in it", "teams({team})/teammembership_association?$select=systemuserid", 200, "{user}"),
		sent("a member without a type", "POST", "teams({team})/"+definitions+"AddMembersTeam", `{"Members":[{"ownerid":"{user}"}]}`, 400, "EdmEntityObject passed should have the key property value set."),
		sent("users leave it", "POST", "teams({team})/"+definitions+"RemoveMembersTeam", `{"Members":[{"@odata.type":"Microsoft.Dynamics.CRM.systemuser","ownerid":"{user}"}]}`, 204),
	}},
	{"org-service/samples/create-queues", []statement{
		asked("the version is asked for", "RetrieveVersion()", 200, `"Version":"9.`),
		sent("a queue with its properties", "POST", "queues", `{"name":"Example Queue.","description":"This is an example queue.","incomingemaildeliverymethod":0,"incomingemailfilteringmethod":0,"outgoingemaildeliverymethod":0,"queueviewtype":1}`, 204).kept("example"),
		asked("which it has", "queues({example})?$select=incomingemaildeliverymethod,incomingemailfilteringmethod,outgoingemaildeliverymethod,queueviewtype", 200, `"queueviewtype":1`, `"incomingemaildeliverymethod":0`),
		sent("a value out of its range", "POST", "queues", `{"name":"X","incomingemaildeliverymethod":77}`, 400),
		sent("and deleted", "DELETE", "queues({example})", "", 204),
	}},
	{"customize-labels-support-multiple-languages", []statement{
		sent("a label in two languages", "POST", "EntityDefinitions(LogicalName='contact')/Attributes", `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"new_Shirt","MaxLength":100,"RequiredLevel":{"Value":"None"},"DisplayName":`+twoLabels+`}`, 204),
		asked("one string a language", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_shirt')?$select=DisplayName", 200, `"Label":"Shirt"`, `"Label":"Hemd"`, `"LanguageCode":1031`, `"UserLocalizedLabel":{"HasChanged":null,"IsManaged":false,"Label":"Shirt"`),
		asked("UserLocalizedLabel is in the language of the user", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_shirt')?$select=DisplayName", 200, `"UserLocalizedLabel":{"HasChanged":null,"IsManaged":false,"Label":"Hemd"`).as("Authorization", "{german}"),
		asked("and in the base language where there is none", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='lastname')?$select=DisplayName", 200, `"UserLocalizedLabel":{"HasChanged":null,"IsManaged":true,"Label":"Last Name"`).as("Authorization", "{german}"),
		asked("labels of choices", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='statecode')/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet", 200, `"Label":"Active"`),
		asked("RetrieveLocLabels", "RetrieveLocLabels(EntityMoniker=@p1,AttributeName=@p2,IncludeUnpublished=@p3)?@p1={'@odata.id':'savedqueries({view})'}&@p2='name'&@p3=true", 200, "LocalizedLabels"),
		sent("SetLocLabels", "POST", "SetLocLabels", `{"EntityMoniker":{"@odata.type":"Microsoft.Dynamics.CRM.savedquery","savedqueryid":"{view}"},"AttributeName":"name","Labels":[{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"Kontakte","LanguageCode":1031}]}`, 204),
		asked("which reads show", "RetrieveLocLabels(EntityMoniker=@p1,AttributeName=@p2,IncludeUnpublished=@p3)?@p1={'@odata.id':'savedqueries({view})'}&@p2='name'&@p3=true", 200, "Kontakte"),
		sent("ImportTranslation", "POST", "ImportTranslation", `{"ImportJobId":"{guid}"}`, 501, "ImportTranslation"),
		asked("RetrieveFormattedImportJobResults", "RetrieveFormattedImportJobResults(ImportJobId={guid})", 501, "RetrieveFormattedImportJobResults"),
		sent("ProvisionLanguage", "POST", "ProvisionLanguage", `{"Language":1036}`, 501, "ProvisionLanguage"),
		sent("DeprovisionLanguage", "POST", "DeprovisionLanguage", `{"Language":1031}`, 501, "DeprovisionLanguage"),
		asked("RetrieveAvailableLanguages", "RetrieveAvailableLanguages()", 200, "1033", "1031"),
		asked("RetrieveProvisionedLanguages", "RetrieveProvisionedLanguages()", 200, "1031"),
		asked("RetrieveDeprovisionedLanguages", "RetrieveDeprovisionedLanguages()", 200, "RetrieveDeprovisionedLanguages"),
		asked("RetrieveInstalledLanguagePacks", "RetrieveInstalledLanguagePacks()", 200, "1033"),
		asked("RetrieveInstalledLanguagePackVersion", "RetrieveInstalledLanguagePackVersion(Language=1033)", 501, "LanguagePackVersion"),
		asked("RetrieveProvisionedLanguagePackVersion", "RetrieveProvisionedLanguagePackVersion(Language=1033)", 501, "LanguagePackVersion"),
	}},
	{"quick-find-limit", []statement{
		fetched("more than 10,000 before the other filters", "competitors", quickFind("overridequickfindrecordlimitenabled='1'", "<condition attribute='websiteurl' operator='like' value='%A%'/>"), 400, "exceeds", "0x8004e024"),
		fetched("one condition makes a plain query", "competitors", quickFind("overridequickfindrecordlimitenabled='1'", ""), 200, `"value":[]`),
		fetched("the limit is switched off", "competitors", quickFind("overridequickfindrecordlimitenabled='0'", "<condition attribute='websiteurl' operator='like' value='%A%'/>"), 200, `"value":[]`),
	}},
}

const twoLabels = `{"@odata.type":"Microsoft.Dynamics.CRM.Label","LocalizedLabels":[{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"Shirt","LanguageCode":1033},{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"Hemd","LanguageCode":1031}]}`

// quickFind looks for an A, and for a row that is not there.
func quickFind(attributes, more string) string {
	return `<fetch version='1.0' output-format='xml-platform' mapping='logical'><entity name='competitor'><attribute name='name'/><filter type='or' isquickfindfields='1' ` + attributes + `><condition attribute='name' operator='like' value='%A%'/>` + more + `</filter><filter type='and'><condition attribute='name' operator='eq' value='Nobody'/></filter></entity></fetch>`
}
