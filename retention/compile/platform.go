package compile

import (
	"fmt"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// platform are tables whose rows make the environment work: who may do what, what it consists of, and how it is shown. No
// policy writes to them, neither to persons nor by a rule.
var platform = names(
	"systemuser", "systemuserprofiles", "systemuserroles", "applicationuser", "usersettings", "userentityuisettings", "mailbox",
	"team", "teammembership", "teamprofiles", "teamroles", "teamtemplate", "businessunit", "organization", "territory", "queue",
	"role", "roleprivileges", "roletemplate", "privilege", "principalobjectaccess", "fieldpermission", "fieldsecurityprofile",
	"solution", "solutioncomponent", "publisher", "importjob", "dependency",
	"entity", "attribute", "relationship", "entitykey", "optionset", "environmentvariabledefinition", "environmentvariablevalue",
	"savedquery", "savedqueryvisualization", "userquery", "systemform", "sitemap", "appmodule", "webresource", "workflow",
	"pluginassembly", "plugintype", "sdkmessage", "sdkmessageprocessingstep", "serviceendpoint",
	"connectionrole", "transactioncurrency", "recyclebinconfig", "retentionconfig", "duplicaterule", "duplicaterulecondition",
)

// platformRecords are what the service writes of its own accord: jobs, history, what was deleted.
var platformRecords = names(
	"asyncoperation", "processsession", "workflowlog", "bulkdeleteoperation", "bulkdeletefailure", "bulkoperationlog", "audit",
	"deleteditemreference", "retentionoperation", "retentionoperationdetail", "retentionfailuredetail", "duplicaterecord",
	"plugintracelog", "syncerror", "mailboxtrackingfolder", "principalobjectattributeaccess", "userentityinstancedata",
)

func names(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}

// notOfPersons refuses a table of the platform as a subject: users, teams, the organisation and what else the job itself
// runs by. Besides those known by name, tables are refused whose rows no user and no organisation owns, as all of the
// business are.
func (c *checker) notOfPersons(t *table, at policy.Pos) bool {
	owned := t.Ownership == "" || slices.Contains([]string{"UserOwned", "OrganizationOwned"}, t.Ownership)
	if !platform[t.LogicalName] && !platformRecords[t.LogicalName] && owned {
		return false
	}
	c.problem(at, fmt.Sprintf("`%s` is a table of the platform: its rows are never judged, anonymised or deleted as persons", t.LogicalName),
		"a subject is a table of the business, such as contact, lead or one of your own")
	return true
}

// notByRule refuses a rule that writes to a table of the platform: the user that runs the job is a row of one.
func (c *checker) notByRule(t *dataverse.Table, r *policy.RelatedRule) bool {
	if r.Do == policy.Retain || !platform[t.LogicalName] {
		return false
	}
	c.problem(r.At["table"].Pos, fmt.Sprintf("`%s` is a table of the platform: no rule deletes or anonymises its rows", t.LogicalName), "leave the rule out, or say do: keep")
	return true
}
