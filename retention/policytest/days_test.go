package policytest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention/policy"
)

const daysPolicy = `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Pacific/Auckland
notice: 1 month
rows:
  - {table: phonecall, after: createdon, keep: 3 years, do: delete, why: Calls}
subjects:
  contact:
    purge: anonymize
    grounds:
      - {id: deal, basis: contract, why: A deal, trigger: Deal closed, table: opportunity, link: parentcontactid, after: actualclosedate, keep: 1 month}
      - {id: primary, basis: contract, why: Primary contact, table: account, link: primarycontactid, after: lost, keep: 6 months}
    stages:
      - {do: archive, team: Archive}
      - {after: 1 year, do: reduce, erase: [description], coarsen: {birthdate: year}}
      - {after: 2 years from end of year, do: purge}
    related:
      - {table: email, party: any, do: keep, why: Evidence, after: createdon, keep: 5 years, then: delete}
      - {table: opportunity, link: parentcontactid, do: leave, why: Statistics}
      - {table: '*', do: delete}
`

// A case goes through its days with one ledger: notice, archive, reduction, purge, and the end of what the purge has kept; with a call of
// everybody's that goes by its own date, and a ground that returns.
func TestCasesOfSeveralDays(t *testing.T) {
	results, err := run(t, write(t, "x.test.yaml", `cases:
  - name: From the end of the deal to the last mail
    today: 2024-02-28
    rows:
      anna: {table: contact, lastname: Berg, description: Sails, birthdate: 1988-02-29}
      deal: {table: opportunity, name: Shop, parentcontactid: anna, statecode: 1, actualclosedate: 2024-02-29}
      mail: {table: email, subject: We accept, from: anna, createdon: 2024-02-28T23:30:00Z}
      call: {table: phonecall, subject: Call, from: anna, createdon: 2022-03-01T10:00:00Z}
    expect:
      anna: {action: keep, retainUntil: 2024-03-29, ground: deal}
    later:
      - {today: 2024-02-29, expect: {anna: {action: schedule, purgeOn: 2024-03-29}, mail: leave}}
      - {today: 2024-03-28, expect: {anna: {action: wait, purgeOn: 2024-03-29}}}
      - {today: 2024-03-29, expect: {anna: archive, call: leave}}
      - {today: 2025-02-28, expect: {anna: keep, call: leave}}
      - {today: 2025-03-01, expect: {anna: {action: schedule, purgeOn: 2025-04-01, reason: Nothing has justified keeping this person since 29 March 2024}, call: delete}}
      - {today: 2025-03-31, expect: {anna: {action: wait, purgeOn: 2025-04-01}}}
      - {today: 2025-04-01, expect: {anna: {action: anonymize, erased: [description], retained: {birthdate: 1988-01-01, lastname: Berg}}}}
      - {today: 2026-12-31, expect: {anna: {action: wait, purgeOn: 2027-01-01}, mail: leave}}
      - {today: 2027-01-01, expect: {anna: {action: anonymize, erased: [lastname]}, mail: keep}}
      - {today: 2029-02-27, expect: {anna: none, mail: leave}}
      - {today: 2029-03-01, expect: {mail: delete}}
  - name: A ground that returns
    today: 2026-01-10
    rows:
      anna: {table: contact, lastname: Berg}
    expect: {anna: {action: schedule, purgeOn: 2026-02-10}}
    later:
      - {today: 2026-02-10, expect: {anna: archive}}
      - today: 2026-02-11
        rows:
          acme: {table: account, name: Acme, primarycontactid: anna}
        expect: {anna: {action: keep, ground: primary}}
      - {today: 2026-02-12, expect: {anna: {action: keep, retained: {statecode: 0}}}}
`), write(t, "policy.yaml", daysPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range told(results, true) {
		t.Error(line)
	}
}

// A restored row is told as such, and what is expected of a row that went before fails.
func TestLaterDaysThatDoNotComeTrue(t *testing.T) {
	results, err := run(t, write(t, "x.test.yaml", `cases:
  - name: one
    today: 2026-01-10
    rows:
      anna: {table: contact, lastname: Berg}
      call: {table: phonecall, subject: Call, from: anna, createdon: 2023-01-11T00:00:00Z}
    expect: {anna: {action: schedule, purgeOn: 2026-02-11}}
    later:
      - {today: 2026-02-10, expect: {anna: delete, call: leave}}
      - today: 2026-02-11
        rows: {acme: {table: account, name: Acme, primarycontactid: anna}}
        expect: {anna: restore, call: delete, acme: delete}
`), write(t, "policy.yaml", daysPolicy))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"one: anna: want purgeOn 2026-02-11, got 2026-02-10",
		"one: anna: want action delete, got archive",
		"one: call: want action leave, got delete",
		"one: call: the row is not there any more on 2026-02-11",
		"one: acme: want action delete, got keep",
	}
	got := told(results, false)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLaterDaysAreRead(t *testing.T) {
	const head = "cases:\n  - name: one\n    today: 2026-01-10\n    rows: {anna: {table: contact, lastname: Berg}}\n    expect: {anna: schedule}\n    later:\n"
	for _, tt := range []struct{ later, want string }{
		{"{today: 2026-01-10, expect: {anna: keep}}", "2026-01-10 is no later than the day before it, 2026-01-10"},
		{"{today: soon, expect: {anna: keep}}", `"soon" is not a date`},
		{"{expect: {anna: keep}}", "a later day needs `today`"},
		{"{today: 2026-02-10}", "a later day needs `expect`"},
		{"{today: 2026-02-10, expect: {}}", "the day expects nothing"},
		{"{today: 2026-02-10, expect: {ana: keep}}", "the case has no row `ana`"},
		{"{today: 2026-02-10, rows: {anna: {table: account}}, expect: {anna: keep}}", "`anna` is a row already"},
		{"{today: 2026-02-10, rows: {acme: {table: acount}}, expect: {anna: keep}}", "unknown table `acount`"},
		{"{today: 2026-02-10, expect: {anna: {action: keep, retained: {lastnam: x}}}}", "lastnam"},
		{"{on: 2026-02-10, expect: {anna: keep}}", "unknown key `on` in a later day"},
	} {
		_, err := run(t, write(t, "x.test.yaml", head+"      - "+tt.later+"\n"), write(t, "policy.yaml", daysPolicy))
		var problems policy.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.later, err, tt.want)
		}
	}
}
