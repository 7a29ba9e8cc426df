package emulator_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnSeventhTime goes on in the order of the draws before.
func TestPagesDrawnSeventhTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, bearer := o.person("cook")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "bearer": bearer, "unit": o.server.Rows("businessunit")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	o.tryPages(known, "", drawnSeventh, drawnSeventhRows)
}

// drawnSeventh are the first pages of the seventh draw.
var drawnSeventh = []pageStatements{
	{"org-service/samples/rollup-goal-data-custom-period-target-revenue", []statement{
		sent("units", "POST", "uomschedules", `{"name":"Sample Unit Group","baseuomname":"Sample Primary Unit"}`, 204).kept("units"),
		asked("with one made for them", "uoms?$select=name&$filter=_uomscheduleid_value eq {units}", 200, `"Sample Primary Unit"`).kept("uom=uomid"),
		sent("a product", "POST", "products", `{"productnumber":"1","name":"Sample Product 1","quantitydecimal":2,"defaultuomscheduleid@odata.bind":"/uomschedules({units})","defaultuomid@odata.bind":"/uoms({uom})"}`, 204).kept("product"),
		sent("a price list", "POST", "pricelevels", `{"name":"Sample Price List"}`, 204).kept("prices"),
		sent("a price", "POST", "productpricelevels", `{"pricelevelid@odata.bind":"/pricelevels({prices})","productid@odata.bind":"/products({product})","uomid@odata.bind":"/uoms({uom})","amount":10}`, 501, "productpricelevels"),
		sent("the product's list", "PATCH", "products({product})", `{"pricelevelid@odata.bind":"/pricelevels({prices})"}`, 204),
		sent("a metric", "POST", "metrics", `{"name":"Sample Revenue","description":"D","isamount":true,"amountdatatype":0}`, 501, "metrics"),
		sent("a rollup column", "POST", "rollupfields", `{"sourceentity":"opportunity"}`, 501, "rollupfields"),
		sent("a query", "POST", "goalrollupqueries", `{"name":"First Query"}`, 501, "goalrollupqueries"),
		sent("a goal", "POST", "goals", `{"title":"Parent Goal"}`, 501, "goals"),
		sent("computed", "POST", "goals({guid})/"+definitions+"Recalculate", `{}`, 501, "goals"),
	}},
	{"org-service/samples/validate-execute-saved-query", []statement{
		sent("accounts", "POST", "accounts", `{"name":"Coho Vineyard"}`, 204),
		sent("a query of one's own", "POST", "userqueries", `{"name":"Sample User Query","querytype":0,"returnedtypecode":"account","fetchxml":"<fetch mapping='logical'><entity name='account'><attribute name='name'/></entity></fetch>"}`, 204).kept("mine"),
		sent("a view", "POST", "savedqueries", `{"name":"Fetch all Account ids","querytype":0,"returnedtypecode":"account","fetchxml":"<fetch mapping='logical'><entity name='account'><attribute name='accountid'/></entity></fetch>"}`, 204).kept("view"),
		sent("is valid", "POST", "ValidateSavedQuery", `{"FetchXml":"<fetch mapping='logical'><entity name='account'><attribute name='name'/></entity></fetch>","QueryType":0}`, 501, "ValidateSavedQuery"),
		asked("is run", "savedqueries({view})/"+definitions+"ExecuteByIdSavedQuery()", 501, "ExecuteByIdSavedQuery"),
		asked("is run too", "userqueries({mine})/"+definitions+"ExecuteByIdUserQuery()", 501, "ExecuteByIdUserQuery"),
		asked("as the Web API runs it", "accounts?userQuery={mine}", 200, "Coho Vineyard"),
	}},
	{"types-calendars", []statement{
		asked("kinds of calendars", "EntityDefinitions(LogicalName='calendar')/Attributes(LogicalName='type')/"+definitions+"PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"Default"`, `"Label":"Customer Service"`, `"Label":"Holiday Schedule"`, `"Label":"Inner Calendar type"`, `"Value":-1`),
		asked("a user's is a lookup", "systemusers({user})?$select=_calendarid_value", 200, `"_calendarid_value"`),
	}},
	{"org-service/samples/solution-stage-and-import", []statement{
		sent("staged", "POST", "StageSolution", `{"CustomizationFile":"UEs="}`, 501, "StageSolution"),
		sent("imported", "POST", "ImportSolutionAsync", `{"OverwriteUnmanagedCustomizations":true,"PublishWorkflows":true}`, 501, "ImportSolutionAsync"),
		asked("the job is a row", "asyncoperations?$select=statecode,statuscode,message,friendlymessage&$filter=asyncoperationid eq {guid}", 200, `"value":[]`),
	}},
	{"webapi/samples/webapiservice-metadata-operations", []statement{
		sent("a publisher", "POST", "publishers", `{"uniquename":"examplepublisher","friendlyname":"Example Publisher","description":"An example publisher for samples","customizationprefix":"sample","customizationoptionvalueprefix":72700}`, 204).kept("publisher"),
		sent("a solution", "POST", "solutions", `{"uniquename":"examplesolution","friendlyname":"Example Solution","description":"An example solution for samples","version":"1.0.0.0","publisherid@odata.bind":"/publishers({publisher})"}`, 204).kept("solution"),
		sent("a table", "POST", "EntityDefinitions", tableBody("sample_BankAccount"), 204).as(inSolution...),
		asked("as it is read", "EntityDefinitions(LogicalName='sample_bankaccount')", 200, `"SchemaName":"sample_BankAccount"`, `"HasActivities":false`).as("Consistency", "Strong"),
		sent("a boolean", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Boolean", "sample_Boolean", `,"DefaultValue":false,"OptionSet":{"@odata.type":"Microsoft.Dynamics.CRM.BooleanOptionSetMetadata","TrueOption":{"Value":1,"Label":`+english+`},"FalseOption":{"Value":0,"Label":`+english+`}}`), 204).as(inSolution...),
		asked("with its two", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes(LogicalName='sample_boolean')/"+definitions+"BooleanAttributeMetadata?$expand=OptionSet", 200, `"TrueOption":{`, `"IsCustomOptionSet":true`),
		sent("a date", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("DateTime", "sample_DateTime", `,"Format":"DateOnly","DateTimeBehavior":{"Value":"UserLocal"}`), 204).as(inSolution...),
		sent("a decimal", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Decimal", "sample_Decimal", `,"MinValue":0,"MaxValue":100,"Precision":1`), 204).as(inSolution...),
		sent("an integer", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Integer", "sample_Integer", `,"MinValue":0,"MaxValue":100,"Format":"None"`), 204).as(inSolution...),
		sent("a memo", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Memo", "sample_Memo", `,"Format":"TextArea","ImeMode":"Disabled","MaxLength":500`), 204).as(inSolution...),
		sent("money", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Money", "sample_Money", `,"MinValue":0,"MaxValue":1000,"Precision":1,"PrecisionSource":1,"ImeMode":"Disabled"`), 204).as(inSolution...),
		sent("a choice", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Picklist", "sample_Choice", `,"OptionSet":{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","IsGlobal":false,"OptionSetType":"Picklist","Options":[{"Value":727000000,"Label":`+english+`},{"Value":727000001,"Label":`+english+`}]}`), 204).as(inSolution...),
		sent("an option more", "POST", "InsertOptionValue", `{"AttributeLogicalName":"sample_choice","EntityLogicalName":"sample_bankaccount","Label":`+english+`,"SolutionUniqueName":"examplesolution"}`, 200, `"NewOptionValue":727000002`),
		sent("another order", "POST", "OrderOption", `{"AttributeLogicalName":"sample_choice","EntityLogicalName":"sample_bankaccount","Values":[727000002,727000001,727000000],"SolutionUniqueName":"examplesolution"}`, 204),
		sent("one less", "POST", "DeleteOptionValue", `{"AttributeLogicalName":"sample_choice","EntityLogicalName":"sample_bankaccount","Value":727000002,"SolutionUniqueName":"examplesolution"}`, 204),
		sent("several choices", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("MultiSelectPicklist", "sample_MultiSelectChoice", `,"OptionSet":{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","IsGlobal":false,"OptionSetType":"Picklist","Options":[{"Value":727000000,"Label":`+english+`}]}`), 204).as(inSolution...),
		asked("as it is read", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes(LogicalName='sample_multiselectchoice')/"+definitions+"MultiSelectPicklistAttributeMetadata?$expand=OptionSet", 200, `"Value":727000000`),
		sent("a status of one's own", "POST", "InsertStatusValue", `{"AttributeLogicalName":"statuscode","EntityLogicalName":"sample_bankaccount","Label":`+english+`,"StateCode":1,"SolutionUniqueName":"examplesolution"}`, 200, `"NewOptionValue":727000000`),
		sent("a global choice", "POST", "GlobalOptionSetDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"sample_colors","DisplayName":`+english+`,"IsGlobal":true,"OptionSetType":"Picklist","Options":[{"Value":727000000,"Label":`+english+`}]}`, 204).as(inSolution...).kept("colors"),
		sent("a column of it", "POST", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes", columnBody("Picklist", "sample_Colors", `,"GlobalOptionSet@odata.bind":"/GlobalOptionSetDefinitions({colors})"`), 204).as(inSolution...),
		asked("as it is read", "EntityDefinitions(LogicalName='sample_bankaccount')/Attributes(LogicalName='sample_colors')/"+definitions+"PicklistAttributeMetadata?$expand=GlobalOptionSet", 200, `"Name":"sample_colors"`),
		sent("a customer", "POST", "CreateCustomerRelationships", `{"Lookup":{"@odata.type":"Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata","SchemaName":"sample_CustomerId","DisplayName":`+english+`},"OneToManyRelationships":[{"SchemaName":"sample_BankAccount_Customer_Account","ReferencedEntity":"account","ReferencingEntity":"sample_bankaccount"},{"SchemaName":"sample_BankAccount_Customer_Contact","ReferencedEntity":"contact","ReferencingEntity":"sample_bankaccount"}],"SolutionUniqueName":"examplesolution"}`, 200, `"RelationshipIds":[`, `"AttributeId":`),
		sent("who can be referenced", "POST", "CanBeReferenced", `{"EntityName":"sample_bankaccount"}`, 200, `"CanBeReferenced":true`),
		sent("who can reference", "POST", "CanBeReferencing", `{"EntityName":"contact"}`, 200, `"CanBeReferencing":true`),
		asked("by whom", "GetValidReferencingEntities(ReferencedEntityName='sample_bankaccount')", 200, `"contact"`),
		sent("a relationship", "POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"sample_BankAccount_Contacts","ReferencedEntity":"sample_bankaccount","ReferencedAttribute":"sample_bankaccountid","ReferencingEntity":"contact","Lookup":{"@odata.type":"Microsoft.Dynamics.CRM.LookupAttributeMetadata","SchemaName":"sample_BankAccountId","DisplayName":`+english+`},"AssociatedMenuConfiguration":{"Behavior":"UseLabel","Group":"Details","Label":`+english+`,"Order":10000},"CascadeConfiguration":{"Assign":"NoCascade","Share":"NoCascade","Unshare":"NoCascade","RollupView":"NoCascade","Reparent":"NoCascade","Delete":"RemoveLink","Merge":"NoCascade"}}`, 204).as(inSolution...).kept("one"),
		asked("as it is read", "RelationshipDefinitions({one})/"+definitions+"OneToManyRelationshipMetadata?$select=ReferencedEntity,ReferencingAttribute", 200, `"ReferencingAttribute":"sample_bankaccountid"`),
		sent("joined by many", "POST", "CanManyToMany", `{"EntityName":"sample_bankaccount"}`, 200, `"CanManyToMany":true`),
		asked("with whom", "GetValidManyToMany()", 200, `"sample_bankaccount"`),
		sent("many to many", "POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata","SchemaName":"sample_sample_BankAccounts_Contacts","IntersectEntityName":"sample_sample_bankaccounts_contacts","Entity1LogicalName":"sample_bankaccount","Entity2LogicalName":"contact","Entity1AssociatedMenuConfiguration":{"Behavior":"UseLabel","Group":"Details","Label":`+english+`,"Order":10000},"Entity2AssociatedMenuConfiguration":{"Behavior":"UseLabel","Group":"Details","Label":`+english+`,"Order":10000}}`, 204).as(inSolution...).kept("many"),
		asked("as it is read", "RelationshipDefinitions({many})/"+definitions+"ManyToManyRelationshipMetadata?$select=IntersectEntityName", 200, `"sample_sample_bankaccounts_contacts"`),
		sent("the solution leaves", "POST", "ExportSolution", `{"SolutionName":"examplesolution","Managed":true}`, 501, "ExportSolution"),
		sent("what was made goes", "DELETE", "RelationshipDefinitions({many})", "", 204),
		sent("and this", "DELETE", "RelationshipDefinitions({one})", "", 204),
		sent("and the table", "DELETE", "EntityDefinitions(LogicalName='sample_bankaccount')", "", 204),
		sent("and the choice", "DELETE", "GlobalOptionSetDefinitions({colors})", "", 204),
		sent("and the solution", "DELETE", "solutions({solution})", "", 204),
		sent("and the publisher", "DELETE", "publishers({publisher})", "", 204),
		sent("and comes back", "POST", "ImportSolution", `{"CustomizationFile":"UEs=","OverwriteUnmanagedCustomizations":false,"PublishWorkflows":false}`, 501, "ImportSolution"),
	}},
	{"entity-attribute-metadata-messages", []statement{
		sent("a status of accounts", "POST", "InsertStatusValue", `{"AttributeLogicalName":"statuscode","EntityLogicalName":"account","Label":`+english+`,"StateCode":1,"Value":100000}`, 200),
		sent("it goes", "POST", "DeleteOptionValue", `{"AttributeLogicalName":"statuscode","EntityLogicalName":"account","Value":100000}`, 204),
		sent("a label of a state", "POST", "UpdateStateValue", `{"AttributeLogicalName":"statecode","EntityLogicalName":"account","Value":0,"Label":{"LocalizedLabels":[{"Label":"Current","LanguageCode":1033}]},"MergeLabels":true}`, 204),
		asked("as it is read", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='statecode')/"+definitions+"StateAttributeMetadata?$select=LogicalName&$expand=OptionSet", 200, `"Label":"Current"`),
	}},
	{"org-service/samples/query-connection-roles-entity-type-code-early-bound", []statement{
		sent("a role", "POST", "connectionroles", `{"name":"Example Connection Role","category":1}`, 204).kept("role"),
		sent("for accounts", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"account","connectionroleid@odata.bind":"/connectionroles({role})"}`, 204),
		sent("for contacts", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"contact","connectionroleid@odata.bind":"/connectionroles({role})"}`, 204),
		fetched("roles of accounts", "connectionroles", `<fetch><entity name='connectionrole'><attribute name='connectionroleid'/><attribute name='name'/><link-entity name='connectionroleobjecttypecode' from='connectionroleid' to='connectionroleid'><filter><condition attribute='associatedobjecttypecode' operator='eq' value='1'/></filter></link-entity></entity></fetch>`, 200, "Example Connection Role"),
		sent("it goes", "DELETE", "connectionroles({role})", "", 204),
	}},
	{"org-service/samples/create-connection-role-early-bound", []statement{
		asked("kinds of roles", "EntityDefinitions(LogicalName='connectionrole')/Attributes(LogicalName='category')/"+definitions+"PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", 200, `"Label":"Business"`, `"Label":"Family"`, `"Label":"Social"`, `"Label":"Sales"`, `"Label":"Other"`),
		sent("a role", "POST", "connectionroles", `{"name":"Example","category":1}`, 204),
	}},
	{"org-service/samples/create-reciprocal-connection-role-early-bound", []statement{
		sent("a role", "POST", "connectionroles", `{"name":"Example Connection Role 1","category":1}`, 204).kept("one"),
		sent("for every table", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"none","connectionroleid@odata.bind":"/connectionroles({one})"}`, 204),
		sent("another", "POST", "connectionroles", `{"name":"Example Connection Role 2","category":1}`, 204).kept("two"),
		linked("each the other's", "connectionroles({one})", "connectionroleassociation_association", "connectionroles({two})"),
		asked("as it is read", "connectionroles({one})/connectionroleassociation_association?$select=name", 200, "Example Connection Role 2"),
	}},
}
