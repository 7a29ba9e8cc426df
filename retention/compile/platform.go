package compile

import (
	"fmt"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// notOfPersons refuses a table of the platform as a subject: users, teams, the organisation and what else the job itself
// runs by. Besides those known by name, tables are refused whose rows no user and no organisation owns, as all of the
// business are.
func (c *checker) notOfPersons(t *table, at policy.Pos) bool {
	owned := t.Ownership == "" || slices.Contains([]string{"UserOwned", "OrganizationOwned"}, t.Ownership)
	if !personmap.Is(t.LogicalName, personmap.Platform) && !personmap.Is(t.LogicalName, personmap.Record) && owned {
		return false
	}
	c.problem(at, fmt.Sprintf("`%s` is a table of the platform: its rows are never judged, anonymised or deleted as persons", t.LogicalName),
		"a subject is a table of the business, such as contact, lead or one of your own")
	return true
}

// notByRule refuses a rule that writes to a table of the platform: the user that runs the job is a row of one.
func (c *checker) notByRule(t *dataverse.Table, r *policy.RelatedRule) bool {
	if r.Do == policy.Retain || !personmap.Is(t.LogicalName, personmap.Platform) {
		return false
	}
	c.problem(r.At["table"].Pos, fmt.Sprintf("`%s` is a table of the platform: no rule deletes or anonymises its rows", t.LogicalName), "leave the rule out, or say do: keep")
	return true
}
