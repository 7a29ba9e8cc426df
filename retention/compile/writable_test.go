package compile

import (
	"errors"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Promise of docs/security.md: a policy that is called sound can be carried out, not only read.
func TestRulesThatCannotBeCarriedOutAreRefused(t *testing.T) {
	e := newEnvironment(t)
	e.tables["msevtmgt_speaker"].Privileges = []dataverse.TablePrivilege{{Name: "prvReadmsevtmgt_Speaker", Type: "Read"}}
	for table, want := range map[string]string{
		"email":            "`email` is an activity: once it is completed nobody can write a purge date to it",
		"phonecall":        "`phonecall` is an activity",
		"activitypointer":  "`activitypointer` is an activity",
		"salesorder":       "3 rows of `salesorder` left their first state",
		"msevtmgt_speaker": "the service knows no right to write rows of `msevtmgt_speaker`",
	} {
		_, _, err := check(t, e, "policy.yaml", header+"  "+table+":\n    purge: anonymize\n    grounds:\n      - {id: g, basis: contract, why: w, where: createdon ne null}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", table, err)
		}
	}
	for rule, want := range map[string]string{
		"{table: activitypointer, link: regardingobjectid, do: delete}":              "`activitypointer` only shows what all activities have in common",
		"{table: activitypointer, party: any, do: delete}":                           "`activitypointer` only shows what all activities have in common",
		"{table: activityparty, link: partyid, do: delete}":                          "`activityparty` can only be read",
		"{table: activityparty, link: partyid, do: anonymize, erase: [addressused]}": "`activityparty` can only be read",
		"{table: msevtmgt_speaker, link: msevtmgt_contact, do: delete}":              "the service knows no right to write and delete rows of `msevtmgt_speaker`",
		"{table: activityparty, link: partyid, do: keep, why: w}":                    "",
		"{table: email, party: any, do: delete}":                                     "",
	} {
		_, _, err := check(t, e, "policy.yaml", onContact("anonymize", anyGround, "- "+rule))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// A run writes to a row on the condition that it is as it was looked at, and the service takes no such condition for some tables.
func TestTablesWithoutVersionsAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ table, policy string }{
		"persons": {"contact", onContact("delete", anyGround, "")},
		"rows":    {"phonecall", withRows("", "- {table: phonecall, after: createdon, keep: 3 years, do: delete}")},
		"an end":  {"email", withRows("- {table: email, party: any, do: keep, why: w, after: createdon, keep: 7 years, then: delete}", "- {table: phonecall, after: createdon, keep: 3 years, do: delete}")},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnvironment(t)
			if _, _, err := check(t, e, "policy.yaml", tt.policy); err != nil {
				t.Fatalf("refused although the table takes versions: %v", err)
			}
			e.tables[tt.table].OptimisticConcurrency = false
			_, _, err := check(t, e, "policy.yaml", tt.policy)
			var problems policy.Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "`"+tt.table+"` takes no condition on the version of a row") {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}
