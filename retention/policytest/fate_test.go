package policytest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

const memberPolicy = `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
limits: {purges: 1, share: 1%}
approval: four-eyes
purge: {engine: bulk-delete}
subjects:
  contact:
    purge: delete
    whenBound: WHENBOUND
    grounds:
      - {id: gold, basis: contract, why: A member, table: nord_membership, link: nord_member, where: nord_kind eq 1 and statecode eq 0}
    related:
      - {table: nord_visit, link: nord_guest, where: nord_paid eq true, do: anonymize, erase: [nord_name, nord_on]}
      - {table: nord_visit, link: nord_guest, do: keep, why: Statistics}
      - {table: nord_badge, link: nord_holder, do: keep, why: Returned badges are counted}
      - {table: nord_talk, party: any, do: delete}
      - {table: nord_profile, behind: nord_profile, do: delete}
      - {table: nord_gift, do: leave, why: Judged by another system}
      - {table: '*', do: delete}
`

const memberSchema = `today: 2026-11-24
tables: [{name: nord_membership}, {name: nord_visit}, {name: nord_badge}, {name: nord_profile}, {name: nord_gift}, {name: nord_talk, activity: true}]
columns:
  - {table: nord_membership, name: nord_member, type: lookup, to: contact, onDelete: cascade}
  - {table: nord_membership, name: nord_kind, type: choice, options: {1: Gold, 2: Silver}}
  - {table: nord_visit, name: nord_guest, type: lookup, to: [contact, lead]}
  - {table: nord_visit, name: nord_paid, type: yes-no}
  - {table: nord_visit, name: nord_on, type: date-time, required: true}
  - {table: nord_visit, name: nord_price, type: number}
  - {table: nord_badge, name: nord_holder, type: lookup, to: contact, onDelete: restrict, required: true}
  - {table: contact, name: nord_profile, type: lookup, to: nord_profile}
  - {table: nord_gift, name: nord_giver, type: lookup, to: contact}
cases:
`

const due = "gallra_purgescheduledon: 2026-11-24, gallra_purgenoticedon: 2026-09-24"

func runText(t *testing.T, cases string, replace ...string) []Result {
	t.Helper()
	pol := strings.NewReplacer(append(replace, "WHENBOUND", "anonymize")...).Replace(memberPolicy)
	results, err := run(t, write(t, "x.test.yaml", memberSchema+strings.ReplaceAll(cases, "DUE", due)), write(t, "policy.yaml", pol))
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// told are the failures by place and message, and with their hints where hint is set.
func told(results []Result, hint bool) []string {
	var all []string
	for _, r := range results {
		for _, f := range r.Failures {
			line := r.Name + ": " + f.Message
			if hint {
				line += " (" + f.Hint + ")"
			}
			all = append(all, line)
		}
	}
	return all
}

// TestFatesOfRows: every fate, over a company's own tables, lookups of each cascade, choices, activities and rows behind a
// person's own lookup; limits, approvals and engines are no matter of a case.
func TestFatesOfRows(t *testing.T) {
	results := runText(t, `  - name: all that can become of a row
    rows:
      profile: {table: nord_profile, nord_name: About Berg}
      anna: {table: contact, lastname: Berg, nord_profile: profile, DUE}
      bert: {table: contact, lastname: Dahl, DUE}
      silver: {table: nord_membership, nord_name: S, nord_member: anna, nord_kind: 2}
      paid: {table: nord_visit, nord_name: Berg was here, nord_guest: anna, nord_paid: true, nord_on: 2020-01-01T10:00:00Z, nord_price: 100}
      seen: {table: nord_visit, nord_name: 'No 7', nord_guest: anna, nord_paid: false, nord_on: 2020-01-01T10:00:00Z}
      talk: {table: nord_talk, subject: Talk, from: anna}
      gift: {table: nord_gift, nord_name: Vase, nord_giver: anna}
      other: {table: nord_membership, nord_name: none}
    expect:
      anna: purge
      bert: delete
      profile: delete
      silver: delete
      paid: {action: anonymize, erased: [nord_name], retained: {nord_price: 100, nord_paid: true}}
      seen: {action: free, retained: {nord_guest: null, nord_name: 'No 7', nord_on: 2020-01-01T10:00:00+00:00}}
      talk: delete
      gift: free
      other: leave
  - name: a badge binds
    rows:
      anna: {table: contact, lastname: Berg, jobtitle: Buyer, DUE}
      badge: {table: nord_badge, nord_name: B, nord_holder: anna}
    expect:
      anna: {action: anonymize, erased: [lastname, jobtitle]}
      badge: {action: keep, retained: {nord_holder: anna}}
  - name: gold keeps
    rows:
      anna: {table: contact, lastname: Berg, DUE}
      gold: {table: nord_membership, nord_name: G, nord_member: anna, nord_kind: 1}
    expect:
      anna: {action: clear, ground: gold}
      gold: leave
`)
	for _, line := range told(results, true) {
		t.Error(line)
	}
	if len(results) != 3 {
		t.Errorf("%d cases", len(results))
	}
}

// TestFatesThatDoNotComeTrue: an expectation that is wrong fails, and says what is seen.
func TestFatesThatDoNotComeTrue(t *testing.T) {
	got := told(runText(t, `  - name: one
    rows:
      anna: {table: contact, lastname: Berg, DUE}
      silver: {table: nord_membership, nord_name: S, nord_member: anna, nord_kind: 2}
      paid: {table: nord_visit, nord_name: Berg was here, nord_guest: anna, nord_paid: true, nord_on: 2020-01-01T10:00:00Z, nord_price: 100}
      seen: {table: nord_visit, nord_name: Seen, nord_guest: anna, nord_paid: false, nord_on: 2020-01-01T10:00:00Z}
    expect:
      anna: anonymize
      silver: keep
      paid: {action: anonymize, erased: [nord_paid], retained: {nord_name: Berg was here, nord_guest: anna, nord_price: 99}}
      seen: leave
  - name: two
    rows:
      anna: {table: contact, lastname: Berg, DUE}
      seen: {table: nord_visit, nord_name: Seen, nord_guest: anna, nord_paid: false, nord_on: 2020-01-01T10:00:00Z}
    expect: {seen: delete, anna: {action: purge, erased: [lastname]}}
  - name: three
    rows:
      anna: {table: contact, lastname: Berg}
      silver: {table: nord_membership, nord_name: S, nord_member: anna, nord_kind: 2}
    expect: {silver: keep}
  - name: four
    rows:
      anna: {table: contact, lastname: Berg, gallra_legalhold: true, DUE}
      seen: {table: nord_visit, nord_name: Seen, nord_guest: anna, nord_paid: false, nord_on: 2020-01-01T10:00:00Z}
    expect: {anna: hold, seen: {action: leave, erased: [nord_price, nord_name]}}
`), false)
	want := []string{
		"one: anna: want action anonymize, got delete",
		"one: silver: want action keep, got delete",
		"one: paid: want `nord_guest` anna, got nothing",
		"one: paid: want `nord_name` Berg was here, got nothing",
		"one: paid: want `nord_price` 99, got 100",
		"one: paid: want `nord_paid` erased, got true",
		"one: seen: want action leave, got free",
		"two: seen: want action delete, got free",
		"two: anna: the row is gone, and columns of it are expected",
		"three: silver: want action keep, and nothing goes in this case",
		"four: seen: `nord_price` is empty before the purge as well",
		"four: seen: want `nord_name` erased, got Seen",
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhoCannotBePurged: a run that leaves somebody, or stops, is told with its reason.
func TestWhoCannotBePurged(t *testing.T) {
	got := told(runText(t, `  - name: bound
    rows:
      anna: {table: contact, lastname: Berg, DUE}
      badge: {table: nord_badge, nord_name: B, nord_holder: anna}
    expect: {anna: purge, badge: keep}
  - name: undecided
    rows:
      anna: {table: contact, lastname: Berg, DUE}
      talk: {table: nord_talk, subject: Talk, from: anna}
      gift: {table: nord_gift, nord_name: Vase, nord_giver: anna}
    expect: {anna: purge, talk: delete}
`, "WHENBOUND", "fail", "      - {table: nord_gift, do: leave, why: Judged by another system}\n      - {table: '*', do: delete}\n", ""), true)
	slices.Sort(got)
	for i, want := range []string{
		"bound: anna: want action purge, and the purge left the row (the row stands as it was; `anna` was not purged (bound))",
		"undecided: anna: want action purge, and the purge left the row (the row stands as it was; the run stopped: rows lead to a `contact`, and no rule says what becomes of them: `nord_gift` by nord_giver (1 row): nobody is purged)",
		"undecided: talk: want action delete, got keep (the row stands as it was; the run stopped: ",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("want %s\nin   %s", want, strings.Join(got, "\n     "))
		}
	}
	if len(got) != 3 {
		t.Errorf("%d failures: %q", len(got), got)
	}
}

// TestWhoIsNotDueIsTold: somebody whose date has come and who is kept all the same is why nothing went.
func TestWhoIsNotDueIsTold(t *testing.T) {
	got := told(runText(t, `  - name: gold keeps
    rows:
      anna: {table: contact, lastname: Berg, DUE}
      gold: {table: nord_membership, nord_name: G, nord_member: anna, nord_kind: 1}
    expect: {gold: delete}
`), true)
	want := "gold keeps: gold: want action delete, got keep (the row stands as it was; `anna` is not due, but clear: A member)"
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOnlyCasesAboutRowsArePurged: whoever asks for no row's fate pays for no purge.
func TestOnlyCasesAboutRowsArePurged(t *testing.T) {
	f, err := policy.LoadTests(modelTests)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := start(t.Context(), f, p, emulator.NullMatchesNothing)
	if err != nil {
		t.Fatal(err)
	}
	defer w.client.Close()
	for _, c := range f.Cases[:3] {
		if r, err := w.run(t.Context(), &c); err != nil || len(r.Failures) > 0 || purges(c) {
			t.Errorf("%s: %v %v", c.Name, r.Failures, err)
		}
	}
	if w.made != nil {
		t.Error("an environment was provisioned for a purge that nobody asked for")
	}
}

// TestModelTestsCoverEveryRule: for every ground and every rule for related rows that the model policy has on the emulator,
// what its sets stand for included, there is a case in which a person has such a row and the rule's word comes true.
func TestModelTestsCoverEveryRule(t *testing.T) {
	f, err := policy.LoadTests(modelTests)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := start(t.Context(), f, p, emulator.NullMatchesNothing)
	if err != nil {
		t.Fatal(err)
	}
	defer w.client.Close()
	reader, err := w.pinned(w.client)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := compile.Check(t.Context(), p, reader)
	if err != nil {
		t.Fatal(err)
	}
	fates := map[policy.Disposition][]string{policy.Delete: {"delete"}, policy.Anonymize: {"anonymize"}, policy.Retain: {"keep", "free", "leave"}, policy.Leave: {"leave"}}
	grounds, rules := 0, 0
	for _, s := range checked.Subjects {
		// covered tells whether a case with somebody of the subject expects this of a row of the table.
		covered := func(table, column string, want func(policy.TestExpect) bool) bool {
			return slices.ContainsFunc(f.Cases, func(c policy.TestCase) bool {
				person := false
				for _, row := range c.Rows {
					person = person || row.Table == s.Table
				}
				return person && slices.ContainsFunc(c.Expect, func(x policy.TestExpect) bool {
					row := c.Rows[x.Label]
					return row.Table == table && (column == "" || column == "party" || row.Values[column] != nil) && want(x)
				})
			})
		}
		for _, g := range s.Grounds {
			if grounds++; !covered(s.Table, "", func(x policy.TestExpect) bool {
				return x.Ground == g.ID || g.Trigger != "" && strings.Contains(x.Reason, g.Trigger)
			}) {
				t.Errorf("no case is about the ground %s of %s", g.ID, s.Table)
			}
		}
		for i, r := range s.Related {
			shadowed := slices.ContainsFunc(s.Related[:i], func(o compile.Rule) bool { return o.Table == r.Table && o.Column() == r.Column() && o.Where == "" })
			if r.Table == "*" || shadowed { // an earlier rule decides of all its rows
				continue
			}
			rules++
			subject := p.Subject(r.Table) != nil // a person in their own right is kept by a decision of their own
			if !covered(r.Table, r.Column(), func(x policy.TestExpect) bool { return subject || slices.Contains(fates[r.Do], x.Action) }) {
				t.Errorf("no case is about the rule of %s that says %s of %s by %s", s.Table, r.Do, r.Table, r.Column())
			}
		}
	}
	if grounds < 20 || rules < 90 {
		t.Errorf("%d grounds and %d rules were looked at", grounds, rules)
	}
}

// TestRowsThatEndByThemselves: rows with a period of their own go in the purge of a case, whoever they belong to, and so do kept
// rows whose rule has an end; the policy's limits on rows are no matter of a case.
func TestRowsThatEndByThemselves(t *testing.T) {
	pol := write(t, "policy.yaml", `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
rows:
  - {id: service, table: email, where: "startswith(subject,'Service')", after: createdon, keep: 3 years, do: delete, evenIf: justified, why: Service mail}
  - {table: phonecall, after: createdon, keep: 3 years, do: delete, why: Calls}
limits: {rows: 1, rowShare: 1%}
subjects:
  contact:
    purge: delete
    grounds:
      - {id: buyer, basis: contract, why: Buys, where: jobtitle eq 'Buyer'}
    related:
      - {table: appointment, party: any, do: keep, why: Meetings, after: createdon, keep: 2 years, then: delete}
      - {table: '*', do: delete}
`)
	results, err := run(t, write(t, "x.test.yaml", `today: 2026-11-24
cases:
  - name: whoever they belong to
    rows:
      anna: {table: contact, lastname: Berg, jobtitle: Buyer}
      old: {table: email, subject: Service 1, to: anna, createdon: 2020-01-01T10:00:00Z}
      late: {table: email, subject: Service 2, to: anna, createdon: 2025-01-01T10:00:00Z}
      other: {table: email, subject: Hello, to: anna, createdon: 2020-01-01T10:00:00Z}
      hers: {table: phonecall, subject: Call, to: anna, createdon: 2020-01-01T10:00:00Z}
      ours: {table: phonecall, subject: Call, to: [sales@example.com], createdon: 2020-01-01T10:00:00Z}
    expect: {old: delete, late: leave, other: leave, hers: leave, ours: delete}
  - name: kept for a time
    rows:
      anna: {table: contact, lastname: Berg, `+due+`}
      old: {table: appointment, subject: Meeting, requiredattendees: anna, createdon: 2020-01-01T10:00:00Z}
      late: {table: appointment, subject: Meeting, requiredattendees: anna, createdon: 2026-01-01T10:00:00Z}
    expect: {anna: delete, old: delete, late: keep}
`), pol)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range told(results, true) {
		t.Error(line)
	}
}
