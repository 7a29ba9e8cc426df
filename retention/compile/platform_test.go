package compile

import (
	"errors"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/policy"
)

// Promise of docs/security.md: users, teams, the organisation and whatever else the platform consists of are no persons.
func TestTablesOfThePlatformAreNoSubjects(t *testing.T) {
	e := newEnvironment(t)
	for _, table := range []string{"systemuser", "organization", "team", "businessunit", "role", "solution", "publisher", "savedquery",
		"asyncoperation", "audit", "principalobjectaccess", "mailbox", "activityparty", "fieldsecurityprofile", "teammembership"} {
		t.Run(table, func(t *testing.T) {
			pol := header + "  " + table + ":\n    purge: anonymize\n    grounds:\n      - {id: g, basis: contract, why: w, where: createdon ne null}\n"
			_, _, err := check(t, e, "policy.yaml", pol)
			var problems policy.Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "`"+table+"` is a table of the platform") || problems[0].Pos.Line != 5 {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}

// A rule reaches a user by an equal address as well as a subject does by its table.
func TestNoRuleWritesToTablesOfThePlatform(t *testing.T) {
	for _, rule := range []string{
		"{table: systemuser, link: internalemailaddress = emailaddress1, do: delete}",
		"{table: systemuser, link: internalemailaddress = emailaddress1, do: anonymize, erase: [firstname]}",
		"{table: queue, link: emailaddress = emailaddress1, do: delete}",
	} {
		_, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", anyGround, "- "+rule))
		if err == nil || !strings.Contains(err.Error(), "is a table of the platform: no rule deletes or anonymises its rows") {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if _, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", anyGround, "- {table: systemuser, link: internalemailaddress = emailaddress1, do: keep, why: w}")); err != nil {
		t.Errorf("what a rule leaves alone may be named: %v", err)
	}
}
