package policytest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/retention/policy"
)

func TestMain(m *testing.M) {
	emulatortest.Roomy()
	os.Exit(m.Run())
}

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
			got := noticed(t, tt.from, tt.to, func(c policy.TestCase) bool { return !purges(c) })
			if tt.fails == "..." && len(got) > 5 {
				return
			}
			if diff := cmp.Diff(strings.Split(tt.fails, "|"), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestModelTestsNoticeWhatBecomesOfTheRest: the same of the rules for related rows and of what an anonymised row retains. Only
// the cases that change are run, and one that does not.
func TestModelTestsNoticeWhatBecomesOfTheRest(t *testing.T) {
	const unbound = "A contact whom nothing binds is deleted"
	for _, tt := range []struct{ name, from, to, fails string }{
		{"a column that is not erased", "erase: [emailaddress, ", "erase: [", "Of a quote stays what the business needs, and the contact stays without a name"},
		{"orders go", "- table: salesorder\n        link: customerid\n        do: keep", "- table: salesorder\n        link: customerid\n        do: delete", "Orders and invoices stay as they are, and the contact behind them without a name"},
		{"everything of marketing goes", "      # An objection to advertising", "      - {table: msdynmkt_contactpointconsent4, link: 'msdynmkt_contactpointvalue = emailaddress1', do: delete}\n      # An objection to advertising",
			"Of marketing goes everything but an objection, which stays with the bare address"},
		{"a column that is not retained", "      - leadsourcecode\n", "", "A lead goes, and what the statistics need stays"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := noticed(t, tt.from, tt.to, func(c policy.TestCase) bool { return c.Name == tt.fails || c.Name == unbound })
			if diff := cmp.Diff([]string{tt.fails}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// noticed are the model's cases that fail by another policy.
func noticed(t *testing.T, from, to string, of func(policy.TestCase) bool) []string {
	t.Helper()
	text := strings.Replace(gallra.ModelPolicy, from, to, 1)
	if text == gallra.ModelPolicy {
		t.Fatal("the model policy does not say this any more")
	}
	f, err := policy.LoadTests(modelTests)
	if err != nil {
		t.Fatal(err)
	}
	f.Cases = slices.DeleteFunc(f.Cases, func(c policy.TestCase) bool { return !of(c) })
	p, err := policy.Load(write(t, "policy.yaml", text))
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(t.Context(), f, p)
	if err != nil {
		t.Fatal(err)
	}
	return failed(results)
}

// purges tells whether a case of the model is about what a purge does.
func purges(c policy.TestCase) bool {
	return slices.ContainsFunc(c.Expect, func(x policy.TestExpect) bool {
		return x.OfPurge(c.Rows[x.Label].Table == "contact" || c.Rows[x.Label].Table == "lead")
	})
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
      acme: purge
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
		":24:7 acme: want purge, and the row is not judged",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesThatDoNotFit(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", head + "    expects: {anna: keep}\n", "6:5: unknown key `expects` in a case\n  hint: did you mean `expect`?"},
		{"an action that there is not", head + "    expect: {anna: remove}\n", "6:20: `action` cannot be `remove`"},
		{"nothing expected", head, "3:5: a case needs `expect`"},
		{"nobody of that name", head + "    expect: {ana: keep}\n", "6:14: the case has no row `ana`\n  hint: did you mean `anna`?"},
		{"no day", strings.TrimPrefix(head, "today: 2026-11-24\n") + "    expect: {anna: keep}\n", "2:5: no `today`: on which day is the policy to judge?"},
		{"no date", strings.Replace(head, "2026-11-24", "tomorrow", 1) + "    expect: {anna: keep}\n", "1:8: \"tomorrow\" is not a date"},
		{"a row without its table", strings.Replace(head, "table: contact, ", "", 1) + "    expect: {anna: keep}\n", "5:13: the row `anna` does not say its `table`"},
		{"an unknown table", strings.Replace(head, "table: contact", "table: contct", 1) + "    expect: {anna: keep}\n", "5:21: unknown table `contct`\n  hint: did you mean `contact`?"},
		{"an unknown column", strings.Replace(head, "lastname", "lastnme", 1) + "    expect: {anna: keep}\n", "5:39: unknown column `lastnme` of `contact`\n  hint: did you mean `lastname`?"},
		{"a lookup to nobody", strings.Replace(head, "lastname: Berg", "parentcustomerid: acme", 1) + "    expect: {anna: keep}\n", "5:48: `parentcustomerid` of `contact`: a lookup points at another row"},
		{"a lookup to another table", strings.Replace(head, "lastname: Berg", "ownerid: anna", 1) + "    expect: {anna: keep}\n", "`ownerid` of `contact`: it points at "},
		{"a value of another type", strings.Replace(head, "lastname: Berg", "numberofchildren: many", 1) + "    expect: {anna: keep}\n", "5:48: `numberofchildren` of the row `anna` does not fit `contact`: "},
		{"an option by what it is called", strings.Replace(head, "lastname: Berg", "statecode: Active", 1) + "    expect: {anna: keep}\n", "5:41: `statecode` of `contact`: an option is a number, not 'Active'\n  hint: write 0, which is Active"},
		{"an option that there is not", strings.Replace(head, "lastname: Berg", "statecode: Berg", 1) + "    expect: {anna: keep}\n", "5:41: `statecode` of `contact`: an option is a number, not 'Berg'\n  hint: its options are 0 (Active), 1 (Inactive)"},
		{"yes or no by what it is called", strings.Replace(head, "lastname: Berg", "donotemail: Do Not Allow", 1) + "    expect: {anna: keep}\n", "5:42: `donotemail` of `contact`: it is true or false, not 'Do Not Allow'\n  hint: write true, which is Do Not Allow"},
		{"a column by what it is called", strings.Replace(head, "lastname: Berg", "Last Name: Berg", 1) + "    expect: {anna: keep}\n", "5:41: unknown column `Last Name` of `contact`\n  hint: did you mean `lastname`?"},
		{"two cases of one name", head + "    expect: {anna: keep}\n" + strings.TrimPrefix(head, "today: 2026-11-24\ncases:\n") + "    expect: {anna: keep}\n", "7:11: two cases have the name `one`"},
		{"no cases", "cases: []\n", "1:8: `cases` has no entries"},
		{"a column to keep that there is not", head + "    expect: {anna: {action: purge, retained: {lastnme: Berg}}}\n", "6:56: unknown column `lastnme` of `contact`\n  hint: did you mean `lastname`?"},
		{"a column to go that there is not", head + "    expect: {anna: {action: purge, erased: [jobtitle, lastnme]}}\n", "6:55: unknown column `lastnme` of `contact`\n  hint: did you mean `lastname`?"},
		{"a column that goes and stays", head + "    expect: {anna: {action: purge, retained: {lastname: Berg}, erased: [lastname]}}\n", "6:73: `lastname` cannot be retained and erased"},
		{"a column of a row that is gone", head + "    expect: {anna: {action: delete, erased: [lastname]}}\n", "6:45: `erased` is of a row that stands"},
		{"what stays is no list", head + "    expect: {anna: {action: purge, retained: [lastname]}}\n", "6:46: `retained` is columns and their values, not a list"},
		{"a lookup that is to lead to nobody", head + "    expect: {anna: {action: purge, retained: {parentcustomerid: acme}}}\n", "6:65: `parentcustomerid` of `contact`: a lookup points at another row of the case, by its name"},
		{"parties to stay", strings.Replace(head, "contact, lastname: Berg", "email, subject: Hello", 1) + "    expect: {anna: {action: keep, retained: {to: [a@example.com]}}}\n", "6:50: `to` of `email` are parties, which are rows of their own"},
		{"a table without a prefix", "tables: [{name: membership}]\n" + head + "    expect: {anna: keep}\n", "1:17: `membership` is no table of a company's own\n  hint: its name begins with the publisher's prefix, such as nord_membership"},
		{"a table twice", "tables: [{name: nord_a}, {name: nord_a}]\n" + head + "    expect: {anna: keep}\n", "1:33: the table `nord_a` stands twice"},
		{"a column twice", "columns: [{table: contact, name: nord_a, type: text}, {table: contact, name: nord_a, type: date}]\n" + head + "    expect: {anna: keep}\n", "1:78: the column `nord_a` of `contact` stands twice"},
		{"no logical name", "columns: [{table: contact, name: nord_FollowUp, type: date}]\n" + head + "    expect: {anna: keep}\n", "1:34: `nord_FollowUp` is no logical name\n  hint: did you mean `nord_followup`?"},
		{"a lookup to nowhere", "columns: [{table: contact, name: nord_a, type: lookup}]\n" + head + "    expect: {anna: keep}\n", "1:11: a lookup needs `to`\n  hint: the table that it points at, such as to: contact"},
		{"a lookup to no table", "columns: [{table: contact, name: nord_a, type: lookup, to: {a: b}}]\n" + head + "    expect: {anna: keep}\n", "`to` is a table, or a list of them\n  hint: such as to: contact, or to: [contact, account]"},
		{"a lookup to an unknown table", "columns: [{table: contact, name: nord_a, type: lookup, to: nord_b}]\n" + head + "    expect: {anna: keep}\n", "1:11: the emulator refuses it: The entity with a name = 'nord_b'"},
		{"two parents", "tables: [{name: nord_a}]\ncolumns:\n  - {table: nord_a, name: nord_b, type: lookup, to: contact, onDelete: cascade}\n  - {table: nord_a, name: nord_c, type: lookup, to: lead, onDelete: cascade}\n" + head + "    expect: {anna: keep}\n", "4:5: the emulator refuses it: The entity nord_a already has a parental relationship"},
		{"a text that leads somewhere", "columns: [{table: contact, name: nord_a, type: text, to: lead}]\n" + head + "    expect: {anna: keep}\n", "1:58: `to` is of a lookup, and `nord_a` is a text"},
		{"an unknown cascade", "columns: [{table: contact, name: nord_a, type: lookup, to: lead, onDelete: casade}]\n" + head + "    expect: {anna: keep}\n", "1:76: `onDelete` cannot be `casade`\n  hint: did you mean `cascade`?"},
		{"options of a text", "columns: [{table: contact, name: nord_a, type: text, options: {1: Gold}}]\n" + head + "    expect: {anna: keep}\n", "`options` are those of a choice, and `nord_a` is a text"},
		{"options without labels", "columns: [{table: contact, name: nord_a, type: choice, options: [1, 2]}]\n" + head + "    expect: {anna: keep}\n", "`options` is numbers and their labels, not a list\n  hint: such as options: {1: Gold, 2: Silver}"},
		{"an option by its label", "columns: [{table: contact, name: nord_a, type: choice, options: {Gold: 1}}]\n" + head + "    expect: {anna: keep}\n", "`Gold` is no number of an option"},
		{"an option twice", "columns: [{table: contact, name: nord_a, type: choice, options: {1: Gold, 1: Silver}}]\n" + head + "    expect: {anna: keep}\n", "the option 1 stands twice"},
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
	example, rest, _ := strings.Cut(example, "```")
	_, days, ok := strings.Cut(rest, "```yaml case\n")
	if !ok {
		t.Fatal("the page shows no case of several days")
	}
	days, _, _ = strings.Cut(days, "```")
	example += "  " + strings.ReplaceAll(strings.TrimSpace(days), "\n", "\n  ") + "\n"
	results, err := run(t, write(t, "x.test.yaml", example), "../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if names := failed(results); len(names) > 0 || len(results) != 4 {
		t.Errorf("%d cases, failed: %q", len(results), names)
	}
}
