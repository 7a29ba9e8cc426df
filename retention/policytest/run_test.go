package policytest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/retention/policy"
)

const modelTests = "../../testdata/policy/sales.test.yaml"

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, tests, pol string) ([]Result, error) {
	t.Helper()
	f, err := policy.LoadTests(tests)
	if err != nil {
		return nil, err
	}
	p, err := policy.Load(pol)
	if err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), f, p)
}

func failed(results []Result) (names []string) {
	for _, r := range results {
		if len(r.Failures) > 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

func TestModelPolicyPassesItsTests(t *testing.T) {
	results, err := run(t, modelTests, "../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		for _, f := range r.Failures {
			t.Errorf("%s:\n%s", r.Name, f)
		}
	}
	if len(results) < 16 { // the cases that the design lists
		t.Errorf("%d cases", len(results))
	}
}

// TestModelTestsNotice: the model's tests would notice if the policy said something else. Each change of the policy
// fails the cases that are about it, and no other.
func TestModelTestsNotice(t *testing.T) {
	for _, tt := range []struct{ name, from, to, fails string }{
		{"a shorter period", "keep: 24 months\n\n      - id: open-quote\n", "keep: 23 months\n\n      - id: open-quote\n", "24 months after a deal was won or lost, to the day"},
		{"another option", "where: statecode eq 0 and customertypecode eq 3 ", "where: statecode eq 0 and customertypecode eq 8 ",
			"The primary contact of an active customer is kept|The primary contact of somebody who is no customer is not"},
		{"no identity", "    identity: emailaddress1     # rows", "    # rows", "Two rows of one human being are judged together"},
		{"another notice", "notice: 2 months", "notice: 3 months", "..."},
		{"consent by one address only", "emailaddress1, emailaddress2, emailaddress3\n        where: statecode eq 0 and msdynmkt_value eq 534120001            # opted in", "emailaddress1\n        where: statecode eq 0 and msdynmkt_value eq 534120001",
			"Consent given, withdrawn, expired, and given for another of the person's addresses"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(gallra.ModelPolicy, tt.from, tt.to, 1)
			if text == gallra.ModelPolicy {
				t.Fatal("the model policy does not say this any more")
			}
			results, err := run(t, modelTests, write(t, "policy.yaml", text))
			if err != nil {
				t.Fatal(err)
			}
			got := failed(results)
			if tt.fails == "..." && len(got) > 5 {
				return
			}
			if diff := cmp.Diff(strings.Split(tt.fails, "|"), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

const head = "today: 2026-11-24\ncases:\n  - name: one\n    rows:\n      anna: {table: contact, lastname: Berg}\n"

func TestFailuresHaveTheirPlace(t *testing.T) {
	path := write(t, "x.test.yaml", head+`    expect:
      anna: keep
  - name: two
    rows:
      anna: {table: contact, lastname: Berg}
      acme: {table: account, name: Acme}
    expect:
      anna:
        action: schedule
        purgeOn: 2027-01-25
        retainUntil: open
        ground: open-quote
        reason: because
      acme: keep
`)
	results, err := run(t, path, "../../testdata/policy/sales.yaml")
	var problems policy.Problems
	if !errors.As(err, &problems) { // the columns of the company are not declared
		t.Fatalf("%v, %v", results, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	columns := "columns:\n  - {table: contact, name: nord_followupon, type: date}\n  - {table: lead, name: nord_followupon, type: date}\n" +
		"  - {table: lead, name: nord_lastfollowupon, type: date}\n  - {table: lead, name: nord_purchasedlist, type: yes-no}\n"
	if err := os.WriteFile(path, append([]byte(columns), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	results, err = run(t, path, "../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		for _, f := range r.Failures {
			got = append(got, strings.TrimPrefix(f.Pos.String(), path)+" "+f.Message)
		}
	}
	want := []string{
		":12:13 anna: want action keep, got schedule",
		":21:22 anna: want retainUntil open, got none",
		":20:18 anna: want purgeOn 2027-01-25, got 2027-01-24",
		":22:17 anna: want ground open-quote, got none",
		":23:17 anna: want reason because, got Nothing registered justifies keeping this person",
		":24:7 acme: want keep, and the row is not judged",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesThatDoNotFit(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", head + "    expects: {anna: keep}\n", "6:5: unknown key `expects` in a case\n  hint: did you mean `expect`?"},
		{"an action that there is not", head + "    expect: {anna: delete}\n", "6:20: `action` cannot be `delete`"},
		{"nothing expected", head, "3:5: a case needs `expect`"},
		{"nobody of that name", head + "    expect: {ana: keep}\n", "6:14: the case has no row `ana`\n  hint: did you mean `anna`?"},
		{"no day", strings.TrimPrefix(head, "today: 2026-11-24\n") + "    expect: {anna: keep}\n", "2:5: no `today`: on which day is the policy to judge?"},
		{"no date", strings.Replace(head, "2026-11-24", "tomorrow", 1) + "    expect: {anna: keep}\n", "1:8: \"tomorrow\" is not a date"},
		{"a row without its table", strings.Replace(head, "table: contact, ", "", 1) + "    expect: {anna: keep}\n", "5:13: the row `anna` does not say its `table`"},
		{"an unknown table", strings.Replace(head, "table: contact", "table: contct", 1) + "    expect: {anna: keep}\n", "5:21: unknown table `contct`\n  hint: did you mean `contact`?"},
		{"an unknown column", strings.Replace(head, "lastname", "lastnme", 1) + "    expect: {anna: keep}\n", "5:39: unknown column `lastnme` of `contact`\n  hint: did you mean `lastname`?"},
		{"a lookup to nobody", strings.Replace(head, "lastname: Berg", "parentcustomerid: acme", 1) + "    expect: {anna: keep}\n", "5:48: `parentcustomerid` of `contact`: a lookup points at another row"},
		{"a lookup to another table", strings.Replace(head, "lastname: Berg", "ownerid: anna", 1) + "    expect: {anna: keep}\n", "`ownerid` of `contact`: it points at "},
		{"a value of another type", strings.Replace(head, "lastname: Berg", "statecode: Berg", 1) + "    expect: {anna: keep}\n", "5:41: `statecode` of the row `anna` does not fit `contact`: "},
		{"two cases of one name", head + "    expect: {anna: keep}\n" + strings.TrimPrefix(head, "today: 2026-11-24\ncases:\n") + "    expect: {anna: keep}\n", "7:11: two cases have the name `one`"},
		{"no cases", "cases: []\n", "1:8: `cases` has no entries"},
		{"a column of nobody's", "columns: [{table: contact, name: followupon, type: date}]\n" + head + "    expect: {anna: keep}\n", "1:34: `followupon` is no column of a company's own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pol := strings.ReplaceAll(gallra.ModelPolicy, "nord_", "new_") // columns of its own play no part here
			path := write(t, "x.test.yaml", tt.text)
			results, err := run(t, path, write(t, "policy.yaml", pol))
			var problems policy.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("%v, %v", results, err)
			}
			var got []string
			for _, p := range problems {
				p.Source = ""
				got = append(got, strings.ReplaceAll(p.String(), path+":", ""))
			}
			if !strings.Contains(strings.Join(got, "\n"), tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tt.want)
			}
		})
	}
}

// TestExampleOfTheDocumentation: the tests that docs/policy.md shows pass.
func TestExampleOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, ok := strings.Cut(string(text), "```yaml test\n")
	if !ok {
		t.Fatal("the page shows no tests")
	}
	example, _, _ = strings.Cut(example, "```")
	results, err := run(t, write(t, "x.test.yaml", example), "../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if names := failed(results); len(names) > 0 || len(results) != 2 {
		t.Errorf("%d cases, failed: %q", len(results), names)
	}
}
