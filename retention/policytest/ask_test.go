package policytest

import (
	"errors"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/policy"
)

// TestWhoIsAsked: a case says who was asked and when, and expects who is asked now and who waits; the queue is no matter of it.
func TestWhoIsAsked(t *testing.T) {
	pol := write(t, "policy.yaml", `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
subjects:
  contact:
    purge: delete
    ask: {before: 30 days, queue: Retention, required: 14 days}
    grounds:
      - {id: agreed, basis: consent, why: Wants to stay, until: lastusedincampaign}
    related: [{table: '*', do: delete}]
`)
	const head = "today: 2026-11-24\ncases:\n  - name: one\n    rows:\n      anna: {table: contact, lastname: Berg, " + due + "}\n"
	results, err := run(t, write(t, "x.test.yaml", head+`      bert: {table: contact, lastname: Dahl, `+due+`}
      cleo: {table: contact, lastname: Ek, gallra_purgescheduledon: 2026-12-24, gallra_purgenoticedon: 2026-10-24}
      dora: {table: contact, lastname: Fors, gallra_purgescheduledon: 2026-12-25, gallra_purgenoticedon: 2026-10-25}
      eric: {table: contact, lastname: Grip, gallra_purgescheduledon: 2026-12-01, gallra_purgenoticedon: 2026-09-25}
      finn: {table: contact, lastname: Holm, gallra_purgescheduledon: 2026-12-01, gallra_purgenoticedon: 2026-09-25, lastusedincampaign: 2027-11-01}
    asked: {anna: 2026-10-25, bert: 2026-11-11, eric: 2026-11-01, finn: 2026-11-01}
    expect:
      anna: {action: purge, ask: none}
      bert: {action: purge, ask: waits}
      cleo: {action: wait, ask: now}
      dora: {action: wait, ask: none}
      eric: {action: wait, ask: none}
      finn: {action: clear, ask: none, ground: agreed}
  - name: whoever was not asked waits
    rows:
      anna: {table: contact, lastname: Berg, `+due+`}
      note: {table: annotation, subject: Note, objectid: anna}
      bert: {table: contact, lastname: Dahl, `+due+`}
    asked: {bert: 2026-11-01}
    expect: {anna: {action: purge, ask: waits}, note: leave, bert: delete}
  - name: told, asked on the day, and gone
    today: 2026-01-10
    rows: {anna: {table: contact, lastname: Berg}}
    expect: {anna: {action: schedule, ask: none, purgeOn: 2026-03-10}}
    later:
      - {today: 2026-02-07, expect: {anna: {action: wait, ask: none}}}
      - {today: 2026-02-08, expect: {anna: {action: wait, ask: now}}}
      - {today: 2026-02-09, expect: {anna: {action: wait, ask: none}}}
      - {today: 2026-03-09, expect: {anna: {action: wait, ask: none}}}
      - {today: 2026-03-10, expect: {anna: delete}}
  - name: the day of the word needs no line of its own
    today: 2026-01-10
    rows: {anna: {table: contact, lastname: Berg}}
    expect: {anna: schedule}
    later:
      - {today: 2026-03-10, expect: {anna: delete}}
`), pol)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range told(results, true) {
		t.Error(line)
	}
	for _, tt := range []struct{ asked, want string }{
		{"{ana: 2026-10-01}", "6:18: the case has no row `ana`"},
		{"{anna: soon}", "6:19: `anna` was asked on a day: \"soon\" is not a date"},
	} {
		path := write(t, "x.test.yaml", head+"    asked: "+tt.asked+"\n    expect: {anna: keep}\n")
		_, err := run(t, path, pol)
		var problems policy.Problems
		if !errors.As(err, &problems) || !strings.Contains(strings.ReplaceAll(err.Error(), path+":", ""), tt.want) {
			t.Errorf("%s: %v, want %s", tt.asked, err, tt.want)
		}
	}
}
