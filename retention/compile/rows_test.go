package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/policy"
)

// withRows is a policy with rules of rows.
func withRows(related, rows string) string {
	return onContact("delete", anyGround, related) + "rows:\n  " + strings.ReplaceAll(rows, "\n", "\n  ") + "\n"
}

func TestCheckRefusesRows(t *testing.T) {
	e := newEnvironment(t)
	for _, tt := range []struct{ name, related, rows, want string }{
		{"an unknown table", "", "- {table: emial, after: createdon, keep: 3 years, do: delete}",
			"10:13 unknown table `emial` (did you mean `email`?)"},
		{"a table of the platform", "", "- {table: systemuser, after: createdon, keep: 3 years, do: delete}",
			"10:13 `systemuser` is a table of the platform: no rule deletes or anonymises its rows (leave the rule out)"},
		{"persons whom nobody judges", "", "- {table: lead, after: createdon, keep: 3 years, do: delete}",
			"10:13 rows of `lead` are persons: grounds say for how long they are kept (make it a subject)"},
		{"what all activities have in common", "", "- {table: activitypointer, after: createdon, keep: 3 years, do: delete}",
			"10:13 `activitypointer` only shows what all activities have in common: nothing can be written to it or deleted there (name each kind: email, phonecall, appointment, task, letter, fax)"},
		{"lines of parties", "", "- {table: activityparty, after: createdon, keep: 3 years, do: delete}",
			"10:13 `activityparty` can only be read: its rows go with their activities (say by a rule with `party` what becomes of the activities)"},
		{"an unknown date", "", "- {table: email, after: createdonn, keep: 3 years, do: delete}",
			"10:27 unknown column `createdonn` of `email` (did you mean `createdon`?)"},
		{"a date that is a text", "", "- {table: email, after: subject, keep: 3 years, do: delete}",
			"10:27 `subject` of `email` is text, not a date (a date, or a whole number that is a year)"},
		{"an unknown column in a filter", "", "- {table: email, where: statcode eq 1, after: createdon, keep: 3 years, do: delete}",
			"10:27 unknown column `statcode` of `email` (did you mean `statecode`?)"},
		{"a filter that turns on empty columns", "", "- {table: email, where: subject ne 'x', after: createdon, keep: 3 years, do: delete}",
			"10:27 `subject` of `email` may be empty, as on 3 rows today, and whether this condition counts such rows is not certain (if the rule is to count them, write `(subject ne 'x' or subject eq null)`; if not, `(subject ne 'x' and subject ne null)`)"},
		{"an unknown column to erase", "", "- {table: email, after: createdon, keep: 3 years, do: anonymize, erase: [subjekt]}",
			"10:76 unknown column `subjekt` of `email` (did you mean `subject`?)"},
		{"a column that cannot be written", "", "- {table: email, after: createdon, keep: 3 years, do: anonymize, erase: [createdon]}",
			"10:76 `createdon` of `email` cannot be written ()"},
		{"an end by an unknown date", "- {table: email, party: any, do: keep, why: w, after: acceptedon, keep: 7 years, then: delete}", "- {table: phonecall, after: createdon, keep: 3 years, do: delete}",
			"10:61 unknown column `acceptedon` of `email` (did you mean `createdon`?)"},
		{"an end that empties what is not there", "- {table: email, party: any, do: keep, why: w, after: createdon, keep: 7 years, then: anonymize, erase: [subjekt]}", "- {table: phonecall, after: createdon, keep: 3 years, do: delete}",
			"10:112 unknown column `subjekt` of `email` (did you mean `subject`?)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := check(t, e, "policy.yaml", withRows(tt.related, tt.rows))
			var problems policy.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("taken: %v", err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%d:%d %s (%s)", p.Pos.Line, p.Pos.Column, p.Message, p.Hint))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("-want +got: %s", diff)
			}
		})
	}
}

func TestRowsAsTheyAreCompiled(t *testing.T) {
	e := newEnvironment(t)
	c, _, err := check(t, e, "policy.yaml", withRows(
		"- {table: email, party: any, do: keep, why: w, where: statecode eq 1, after: createdon, keep: 7 years, then: delete}\n"+
			"- {table: quote, link: customerid, do: keep, why: w}\n"+
			"- {table: quote, link: customerid, do: keep, why: w, after: createdon, keep: 7 years, then: anonymize, erase: [description]}",
		"- {table: email, where: statecode eq 1, after: createdon, keep: 3 years, do: delete}\n"+
			"- {table: phonecall, after: createdon, keep: 2 years from end of year, yearEnds: 31 March, do: delete}\n"+
			"- {table: opportunity, where: statecode eq 1, after: importsequencenumber, keep: 2 years, do: delete}\n"+
			"- {table: msevtmgt_eventregistration, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: 1 year, do: delete}"))
	if err != nil {
		t.Fatal(err)
	}
	today := date("2026-01-10")
	a, b := uuid.MustParse("11111111-1111-1111-1111-111111111111"), uuid.MustParse("22222222-2222-2222-2222-222222222222")
	var got []string
	for i := range c.Rows {
		r := &c.Rows[i]
		got = append(got, fmt.Sprintf("%s of %q: %s select %s expand %s", r.Name, r.Of, r.Due(today, nil).Filter, strings.Join(r.Due(today, nil).Select, ","), r.Due(today, nil).Expand))
	}
	want := []string{
		`contact.email of "contact": (statecode eq 1) and (createdon le 2019-01-14T00:00:00Z) select activityid,createdon expand `,
		`contact.quote of "contact": createdon le 2019-01-14T00:00:00Z select quoteid,createdon expand `,
		`email of "": (statecode eq 1) and (createdon le 2023-01-14T00:00:00Z) select activityid,createdon expand `,
		`phonecall of "": createdon le 2023-04-04T00:00:00Z select activityid,createdon expand `,
		`opportunity of "": (statecode eq 1) and (importsequencenumber le 2024) select opportunityid,importsequencenumber expand `,
		`msevtmgt_eventregistration of "": msevtmgt_EventId/msevtmgt_eventenddate le 2025-01-14T00:00:00Z select msevtmgt_eventregistrationid expand msevtmgt_EventId($select=msevtmgt_eventenddate)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
	if got, want := c.Rows[0].Due(today, []uuid.UUID{a, b}).Filter, "((statecode eq 1) and (activityid eq "+a.String()+" or activityid eq "+b.String()+")) and (createdon le 2019-01-14T00:00:00Z)"; got != want {
		t.Errorf("of some rows:\n%s, want\n%s", got, want)
	}
	if c.EndOf(&c.Subjects[0], 0) != &c.Rows[0] || c.EndOf(&c.Subjects[0], 1) != nil {
		t.Error("the ends are not those of their rules")
	}
	if !slices.ContainsFunc(c.Warnings, func(p policy.Problem) bool { return strings.HasPrefix(p.Message, "rows of `quote` stay for good") }) {
		t.Errorf("nothing is said of an end that never comes: %v", c.Warnings)
	}
	if !c.seen["email"]["createdon"] || !c.seen["msevtmgt_event"]["msevtmgt_eventenddate"] {
		t.Error("the dates are not among what the job has to see")
	}
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	for text, over := range map[string]bool{"2023-03-31T12:00:00Z": true, "2023-04-01T12:00:00Z": false, "2023-03-31T22:30:00Z": false} { // until 1 April 2025, and 2026
		if c.Rows[3].Over(text, stockholm, today) != over {
			t.Errorf("two years from the end of a fiscal year, of %q, are over: %v", text, !over)
		}
	}
	for text, over := range map[string]bool{"2023": true, "2024": false, "0": false, "": false} { // the whole of 2025
		if c.Rows[4].Over(text, stockholm, today) != over {
			t.Errorf("two years after %q are over: %v", text, !over)
		}
	}
	for text, over := range map[string]bool{
		"2023-01-09T12:00:00Z": true, "2023-01-10T22:59:00Z": true, "2023-01-10T23:00:00Z": false, "": false, "yesterday": false, "9999-12-31T00:00:00Z": false, "2024-02-29T00:00:00Z": false,
	} {
		if c.Rows[2].Over(text, stockholm, today) != over {
			t.Errorf("the period of a row of %q is over: %v", text, !over)
		}
	}
}

// What ending rows takes of rights: to delete them and what goes with them, and to see of what business they are part.
func TestRightsForRows(t *testing.T) {
	e := newEnvironment(t)
	rights := func(text string) map[string]bool {
		c, _, err := check(t, e, "policy.yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		err = c.judged(t.Context(), e, func(table string, kinds ...string) {
			for _, k := range kinds {
				out[k+" "+table] = true
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	without, with := rights(onContact("anonymize", anyGround, "")), rights(onContact("anonymize", anyGround, "")+"rows:\n  - {table: incident, after: createdon, keep: 3 years, do: delete}\n")
	for _, name := range []string{"Delete incident", "Write incident", "Delete annotation", "Delete email", "Append email", "Read activityparty"} {
		if without[name] || !with[name] {
			t.Errorf("%s: without such a rule %v, with it %v", name, without[name], with[name])
		}
	}
	if with["Delete account"] || with["Delete quote"] || with["Delete contact"] {
		t.Error("rights to delete what never goes with a case")
	}
}
