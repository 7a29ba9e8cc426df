package emulator_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestPagesDrawnNinthTime goes on in the order of the eighth draw.
func TestPagesDrawnNinthTime(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, bearer := o.person("cook")
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known := map[string]string{"user": user, "bearer": bearer, "unit": o.server.Rows("businessunit")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/", "organization": o.server.Rows("organization")[0].ID.String()}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	o.tryPages(known, "", drawnNinth, drawnNinthRows)
}

const (
	thumbnail = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	// fiscal is a query of orders by a fiscal condition.
	fiscal = `<fetch><entity name='salesorder'><attribute name='name'/><filter type='and'>@@</filter></entity></fetch>`
	older  = `<fetch><entity name='incident'><attribute name='title'/><attribute name='ticketnumber'/><attribute name='createdon'/><filter type='and'><condition attribute='createdon' operator='@@'/></filter></entity></fetch>`
)

// formatBody is the definition of a text column with a format.
func formatBody(format string) string {
	return `{"AttributeType":"String","AttributeTypeName":{"Value":"StringType"},"Description":` + english + `,"DisplayName":` + english + `,"RequiredLevel":{"Value":"None","CanBeChanged":true,"ManagedPropertyLogicalName":"canmodifyrequirementlevelsettings"},"SchemaName":"sample_Text","@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","FormatName":{"Value":"` + format + `"},"MaxLength":100}`
}

// drawnNinth are the first pages of the ninth draw.
var drawnNinth = []pageStatements{
	{"configure-exchange-folder-level-tracking-rules", []statement{
		sent("an account", "POST", "accounts", `{"name":"Adventure Works"}`, 204).kept("works"),
		sent("a rule", "POST", "mailboxtrackingfolders", `{"exchangefolderid":"123456","exchangefoldername":"Sample Exchange Folder","regardingobjectid_account@odata.bind":"/accounts({works})"}`, 501, "mailboxtrackingfolders"),
		asked("those of a mailbox", "RetrieveMailboxTrackingFolders(MailboxId=@p)?@p='{guid}'", 501, "RetrieveMailboxTrackingFolders"),
		asked("those of an account", "accounts({works})/Account_MailboxTrackingFolder", 501, "Account_MailboxTrackingFolder"),
	}},
	{"webapi/quick-start-ps", []statement{
		asked("who I am", "WhoAmI", 200, `$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"`, `"BusinessUnitId":"{unit}"`, `"UserId":"{admin}"`, `"OrganizationId":"{organization}"`),
	}},
	{"data-type-format-conversions", []statement{
		sent("a column", "POST", "EntityDefinitions(LogicalName='account')/Attributes", formatBody("Text"), 204).kept("column"),
		sent("an address", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("Email"), 204),
		asked("as it is read", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')/"+definitions+"StringAttributeMetadata?$select=FormatName", 200, `"FormatName":{"Value":"Email"}`),
		sent("a link", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("Url"), 204),
		sent("a share", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("TickerSymbol"), 204),
		sent("a telephone", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("Phone"), 204),
		sent("rich text", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("RichText"), 204).known(),
		sent("lines", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("TextArea"), 204),
		sent("JSON is for the log's kind of tables", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("Json"), 400).known(),
		sent("not a kind of text", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_text')", formatBody("DateAndTime"), 400),
		sent("no value is looked at", "POST", "accounts", `{"name":"x","sample_text":"no address"}`, 204),
		sent("a duration", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Integer", "sample_Duration", `,"Format":"Duration","MinValue":0,"MaxValue":1000`), 204),
		sent("a zone", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Integer", "sample_Zone", `,"Format":"TimeZone","MinValue":-1500,"MaxValue":1500`), 204),
		sent("a language", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Integer", "sample_Language", `,"Format":"Language","MinValue":0,"MaxValue":100000`), 204),
		sent("a locale", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Integer", "sample_Locale", `,"Format":"Locale","MinValue":0,"MaxValue":100000`), 204),
		asked("as it is read", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_locale')/"+definitions+"IntegerAttributeMetadata?$select=Format", 200, `"Format":"Locale"`),
		sent("a day", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("DateTime", "sample_Day", `,"Format":"DateOnly","DateTimeBehavior":{"Value":"UserLocal"}`), 204),
		sent("with its time", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_day')", columnBody("DateTime", "sample_Day", `,"Format":"DateAndTime","DateTimeBehavior":{"Value":"UserLocal"}`), 204),
	}},
	{"org-service/samples/set-retrieve-entity-images", []statement{
		asked("the image of a table", "EntityDefinitions(LogicalName='account')?$select=PrimaryImageAttribute", 200, `"PrimaryImageAttribute":"entityimage"`),
		sent("an image column", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("Image", "sample_ImageColumn", `,"CanStoreFullImage":false,"IsPrimaryImage":false,"MaxSizeInKB":30720`), 204),
		sent("made the first", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_imagecolumn')", columnBody("Image", "sample_ImageColumn", `,"CanStoreFullImage":false,"IsPrimaryImage":true,"MaxSizeInKB":30720`), 204),
		asked("as it is read", "EntityDefinitions(LogicalName='account')?$select=PrimaryImageAttribute", 200, `"PrimaryImageAttribute":"sample_imagecolumn"`),
		sent("a row with a small one", "POST", "accounts", `{"name":"CanStoreFullImage false","sample_imagecolumn":"`+thumbnail+`"}`, 204).kept("small"),
		sent("full ones too", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_imagecolumn')", columnBody("Image", "sample_ImageColumn", `,"CanStoreFullImage":true,"IsPrimaryImage":true,"MaxSizeInKB":30720`), 204),
		sent("a row with a full one", "POST", "accounts", `{"name":"CanStoreFullImage true","sample_imagecolumn":"`+thumbnail+`"}`, 204).kept("full"),
		asked("thumbnails", "accounts?$select=name,sample_imagecolumn&$filter=startswith(name,'CanStoreFullImage')", 200, `"sample_imagecolumn":"`),
		sent("no full one of the first", "POST", "InitializeFileBlocksDownload", `{"Target":{"accountid":"{small}","@odata.type":"Microsoft.Dynamics.CRM.account"},"FileAttributeName":"sample_imagecolumn"}`, 404, "No FileAttachment records found for imagedescriptorId"),
		sent("one of the second", "POST", "InitializeFileBlocksDownload", `{"Target":{"accountid":"{full}","@odata.type":"Microsoft.Dynamics.CRM.account"},"FileAttributeName":"sample_imagecolumn"}`, 200, `"FileContinuationToken":"`, `"IsChunkingSupported":`),
		sent("set to null", "PATCH", "accounts({full})", `{"sample_imagecolumn":null}`, 204),
		asked("gone", "accounts({full})?$select=sample_imagecolumn", 200, `"sample_imagecolumn":null`),
		sent("the first again", "PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='entityimage')", columnBody("Image", "EntityImage", `,"IsPrimaryImage":true`), 204),
		sent("the column goes", "DELETE", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='sample_imagecolumn')", "", 204),
	}},
	{"prepare-source-files-import", []statement{
		sent("a file", "POST", "importfiles", `{"fielddelimitercode":2,"isfirstrowheader":true,"content":"name"}`, 501, "importfiles"),
		asked("what delimits its values", "EntityDefinitions(LogicalName='importfile')/Attributes(LogicalName='fielddelimitercode')", 200, "fielddelimitercode").known(),
	}},
	{"org-service/samples/retrieve-email-attachments-email-template", []statement{
		sent("a template", "POST", "templates", `{"title":"Sample E-mail Template for Contact","templatetypecode":"contact","ispersonal":false,"languagecode":1033}`, 501, "templates"),
		sent("attachments of it", "POST", "activitymimeattachments", `{"subject":"Attachment 1","filename":"ExampleAttachment1.txt","body":"U29tZSBUZXh0","mimetype":"text/plain","attachmentnumber":1,"objecttypecode":"template","objectid_template@odata.bind":"/templates({guid})"}`, 501, "template"),
		asked("as they are read", "activitymimeattachments?$select=filename&$filter=_objectid_value eq {guid} and objecttypecode eq 'template'", 200, `"value":[]`),
	}},
	{"org-service/samples/convert-fax-task", []statement{
		asked("who I am", "WhoAmI", 200, `"UserId":"{admin}"`),
		sent("a fax", "POST", "faxes", `{"subject":"Sample Fax","fax_activity_parties":[{"partyid_systemuser@odata.bind":"/systemusers({admin})","participationtypemask":1},{"partyid_systemuser@odata.bind":"/systemusers({admin})","participationtypemask":2}]}`, 204).kept("fax"),
		asked("as it is read", "faxes({fax})?$select=subject,createdon,modifiedon&$expand=fax_activity_parties($select=participationtypemask)", 200, "Sample Fax", `"participationtypemask":1`),
		sent("a task of it", "POST", "tasks", `{"subject":"Follow up: Sample Fax","scheduledend":"2026-12-07T00:00:00Z"}`, 204).kept("task"),
		asked("is there", "tasks({task})?$select=subject,scheduledend", 200, "Follow up"),
		sent("it goes", "DELETE", "tasks({task})", "", 204),
		sent("so does the fax", "DELETE", "faxes({fax})", "", 204),
	}},
	{"data-synchronization", []statement{
		sent("Assign is old", "POST", "Assign", `{}`, 501, "Assign"),
		sent("so is a user's manager", "POST", "systemusers({user})/"+definitions+"SetParentSystemUser", `{}`, 501, "SetParentSystemUser"),
		sent("a team's unit", "POST", "teams({guid})/"+definitions+"SetParentTeam", `{}`, 501, "SetParentTeam"),
		sent("a unit's parent", "POST", "businessunits({unit})/"+definitions+"SetParentBusinessUnit", `{}`, 501, "SetParentBusinessUnit"),
		sent("a state", "POST", "SetState", `{}`, 501, "SetState"),
		sent("an update does it", "PATCH", "accounts({works})", `{"ownerid@odata.bind":"/systemusers({user})","statecode":1,"statuscode":2}`, 204),
		sent("a manager", "PATCH", "systemusers({user})", `{"parentsystemuserid@odata.bind":"/systemusers({admin})"}`, 204),
		sent("a column for a key", "POST", "EntityDefinitions(LogicalName='account')/Attributes", columnBody("String", "sample_Foreign", `,"MaxLength":50`), 204),
		sent("a key", "POST", "EntityDefinitions(LogicalName='account')/Keys", `{"SchemaName":"sample_ForeignKey","DisplayName":`+english+`,"KeyAttributes":["sample_foreign"]}`, 204),
		sent("made by it", "PATCH", "accounts(sample_foreign='ABC123')", `{"name":"Foreign"}`, 204),
		sent("changed by it", "PATCH", "accounts(sample_foreign='ABC123')", `{"name":"Foreign 2"}`, 204),
		sent("a reference by it", "POST", "contacts", `{"lastname":"Of foreign","parentcustomerid_account@odata.bind":"/accounts(sample_foreign='ABC123')"}`, 204),
		asked("changes from now on", "accounts?$select=name", 200, "@odata.deltaLink").as("Prefer", "odata.track-changes").kept("delta=@odata.deltaLink"),
		sent("something new", "POST", "accounts", `{"name":"Since then"}`, 204),
		asked("since then", "{delta}", 200, "Since then").without("Foreign"),
	}},
	{"describe-relationship-entities-connection-roles", []statement{
		asked("kinds of roles", "GlobalOptionSetDefinitions(Name='connectionrole_category')", 200, `"Label":"Business"`, `"Label":"Family"`, `"Label":"Social"`),
		sent("the list may grow", "POST", "InsertOptionValue", `{"OptionSetName":"connectionrole_category","Label":`+english+`,"Value":10000}`, 200, `"NewOptionValue":10000`),
		sent("a role", "POST", "connectionroles", `{"name":"Doctor","description":"D","category":3}`, 204).kept("doctor"),
		sent("its other", "POST", "connectionroles", `{"name":"Patient","category":3}`, 204).kept("patient"),
		sent("for contacts", "POST", "connectionroleobjecttypecodes", `{"associatedobjecttypecode":"contact","connectionroleid@odata.bind":"/connectionroles({doctor})"}`, 204).kept("code"),
		fetched("those for contacts", "connectionroles", `<fetch><entity name='connectionrole'><attribute name='name'/><link-entity name='connectionroleobjecttypecode' from='connectionroleid' to='connectionroleid'><filter><condition attribute='associatedobjecttypecode' operator='eq' value='2'/></filter></link-entity></entity></fetch>`, 200, "Doctor").without("Patient"),
		linked("matching", "connectionroles({doctor})", "connectionroleassociation_association", "connectionroles({patient})"),
		sent("no longer", "DELETE", "connectionroles({doctor})/connectionroleassociation_association({patient})/$ref", "", 204),
		sent("for all again", "DELETE", "connectionroleobjecttypecodes({code})", "", 204),
	}},
	{"webapi/samples/cdswebapiservice-parallel-operations", []statement{
		sent("an account", "POST", "accounts", `{"name":"Account 0"}`, 204).kept("zero"),
		sent("goes again", "DELETE", "accounts({zero})", "", 204),
	}},
}
