package policytest

import (
	"errors"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/policy"
)

// TestGroundsThatWereLost: a case says when the ledger saw somebody lose a ground that goes on after that, for the decision and for
// the purge alike.
func TestGroundsThatWereLost(t *testing.T) {
	pol := write(t, "policy.yaml", `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
subjects:
  contact:
    purge: delete
    grounds:
      - {id: primary, basis: contract, why: Primary contact, table: account, link: primarycontactid, where: statecode eq 0, after: lost, keep: 6 months}
      - {id: buyer, basis: contract, why: Buys, where: jobtitle eq 'Buyer'}
    related: [{table: '*', do: delete}]
`)
	const head = "today: 2026-11-24\ncases:\n  - name: one\n    rows:\n      anna: {table: contact, lastname: Berg}\n"
	results, err := run(t, write(t, "x.test.yaml", head+`      bert: {table: contact, lastname: Dahl, `+due+`}
      cleo: {table: contact, lastname: Ek, `+due+`}
      note: {table: annotation, subject: Note, objectid: bert}
      kept: {table: annotation, subject: Note, objectid: cleo}
    lost: {anna: {primary: 2026-10-01}, bert: {primary: 2026-03-01}, cleo: {primary: 2026-11-01}}
    expect:
      anna: {action: keep, retainUntil: 2027-04-01, ground: primary}
      bert: delete
      note: delete
      cleo: {action: clear, retainUntil: 2027-05-01}
      kept: leave
  - name: a new ledger knows nothing
    ledger: lost
    rows: {anna: {table: contact, lastname: Berg}}
    lost: {anna: {primary: 2026-10-01}}
    expect: {anna: {action: schedule, ground: none}}
`), pol)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range told(results, true) {
		t.Error(line)
	}
	for _, tt := range []struct{ lost, want string }{
		{"{ana: {primary: 2026-10-01}}", "6:12: the case has no row `ana`"},
		{"{anna: {primary: soon}}", "6:28: `primary` was lost on a day: \"soon\" is not a date"},
		{"{anna: {primry: 2026-10-01}}", "6:27: `primry` is no ground of `contact` that goes on after it was lost\n"},
		{"{anna: {buyer: 2026-10-01}}", "6:26: `buyer` is no ground of `contact` that goes on after it was lost\n"},
		{"{anna: primary}", "6:18: `anna` is columns and their values, not text"},
	} {
		path := write(t, "x.test.yaml", head+"    lost: "+tt.lost+"\n    expect: {anna: keep}\n")
		_, err := run(t, path, pol)
		var problems policy.Problems
		if !errors.As(err, &problems) || !strings.Contains(strings.ReplaceAll(err.Error(), path+":", ""), tt.want) {
			t.Errorf("%s: %v, want %s", tt.lost, err, tt.want)
		}
	}
}
