package schema

// unaudited are the tables that are not audited: those that the platform cannot audit, and its own. Page:
// manage-dataverse-auditing.
var unaudited = map[string]bool{
	"activitypointer": true, "annotation": true, "bulkoperation": true, "customeropportunityrole": true,
	"incidentresolution": true, "opportunityclose": true, "orderclose": true, "quoteclose": true, "workflow": true,
	"audit": true, "asyncoperation": true, "bulkdeleteoperation": true, "bulkdeletefailure": true,
	"activityparty": true, "deleteditemreference": true, "recyclebinconfig": true, "principalobjectaccess": true,
	"duplicaterecord": true, "duplicaterule": true, "post": true, "postcomment": true, "postfollow": true,
	"postlike": true, "postregarding": true, "mailbox": true,
	"activitymimeattachment": true, "attachment": true, "fileattachment": true, "appnotification": true,
	"sharepointdocument": true,
}

// auditable tells whether changes of a table are audited until somebody switches it off: what people keep and work on
// is, the platform's own records are not.
func auditable(t *Table) bool {
	return !unaudited[t.Name] && !t.Intersect && t.Ownership != "None"
}
