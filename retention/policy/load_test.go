package policy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention"
)

// modelOrganization is the organisation of the model policy.
const modelOrganization = "d09f1406-5373-5ba9-8193-08d22d7fe17f"

// header is what every policy of these tests begins with: 5 lines.
const header = `version: 1
environment: {organization: ` + modelOrganization + `}
timeZone: Europe/Stockholm
subjects:
`

// write puts files into a folder and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// told is what an author is told, without the temporary folder.
func told(t *testing.T, path string, err error) string {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("no problems, but %v", err)
	}
	return strings.ReplaceAll(problems.Error(), filepath.Dir(path)+string(filepath.Separator), "")
}

func TestLoadRefuses(t *testing.T) {
	contact := func(ground string) string {
		return header + "  contact:\n    purge: delete\n    grounds:\n      - " + strings.ReplaceAll(strings.TrimSpace(ground), "\n", "\n        ") + "\n"
	}
	const ground = "{id: g, basis: contract, why: w, where: statecode eq 0}"
	related := func(rule string) string {
		return contact(ground) + "    related:\n      - " + rule + "\n"
	}
	tests := []struct{ name, policy, want string }{
		{"an empty file", "", "policy.yaml: the file is empty"},
		{"no YAML", "version: [1\n", `policy.yaml:1:10: not YAML: sequence end token ']' not found
    1 | version: [1
      |          ^`},
		{"a misspelt key", strings.Replace(header, "timeZone", "timezone", 1) + "  contact: {purge: delete, grounds: [" + ground + "]}", `policy.yaml:1:1: a policy needs ` + "`timeZone`" + `
    1 | version: 1
      | ^
policy.yaml:3:1: unknown key ` + "`timezone` in a policy" + `
    3 | timezone: Europe/Stockholm
      | ^
  hint: did you mean ` + "`timeZone`?"},
		{"a key of its own invention", contact("id: g\nbasis: contract\nwhy: w\nwhere: statecode eq 0\nowner: me"), `policy.yaml:12:9: unknown key ` + "`owner` in a ground" + `
   12 |         owner: me
      |         ^
  hint: known here: id, basis, why, trigger, table, link, party, where, view, fetchXml, after, until, keep, yearEnds, atMost, missingDate, rolling, mayBeEmpty`},
		{"a key twice", contact("id: g\nbasis: contract\nbasis: consent\nwhy: w\nwhere: statecode eq 0"), "policy.yaml:10:9: `basis` stands twice in a ground" + `
   10 |         basis: consent
      |         ^`},
		{"no subject at all", strings.Replace(header, "subjects:\n", "", 1), `policy.yaml:1:1: the policy names no subject table: there is nobody to judge
    1 | version: 1
      | ^
  hint: add ` + "`subjects:` with a table that holds persons, such as contact"},
		{"no ground at all", header + "  contact: {purge: delete, grounds: []}\n", "policy.yaml:5:37: `grounds` has no entries" + `
    5 |   contact: {purge: delete, grounds: []}
      |                                     ^
  hint: nothing would justify anybody: name at least one ground`},
		{"a period without a unit", contact("id: g\nbasis: contract\nwhy: w\nafter: createdon\nkeep: 6"), "policy.yaml:12:15: `keep`: \"6\": a period is a number and a unit, such as 6 months" + `
   12 |         keep: 6
      |               ^
  hint: did you mean ` + "`6 months`?"},
		{"a basis that the law does not know", contact("id: g\nbasis: legitimate-interest\nwhy: w\nwhere: statecode eq 0"), "policy.yaml:9:16: `basis` cannot be `legitimate-interest`" + `
    9 |         basis: legitimate-interest
      |                ^
  hint: did you mean ` + "`legitimate-interests`?"},
		{"two grounds with one id", contact(ground) + "      - " + ground + "\n", "policy.yaml:9:14: two grounds of `contact` have the id `g`, the other at policy.yaml:8:14" + `
    9 |       - {id: g, basis: contract, why: w, where: statecode eq 0}
      |              ^
  hint: the ledger and the reports name grounds by id`},
		{"a ground without its reason", contact("id: g\nbasis: contract\nwhere: statecode eq 0"), "policy.yaml:8:9: a ground needs `why`" + `
    8 |       - id: g
      |         ^`},
		{"a ground for everybody", contact("id: g\nbasis: contract\nwhy: w"), "policy.yaml:8:13: the ground `g` holds for everybody, without an end" + `
    8 |       - id: g
      |             ^
  hint: say which rows, by ` + "`table`, `where`, `after`, `until`, `view` or `fetchXml`"},
		{"a date without a period", contact("id: g\nbasis: contract\nwhy: w\nafter: createdon"), "policy.yaml:11:16: `after` needs `keep`: for how long after that date?" + `
   11 |         after: createdon
      |                ^
  hint: such as keep: 6 months`},
		{"a period without a date", contact("id: g\nbasis: contract\nwhy: w\nwhere: statecode eq 0\nkeep: 6 months"), "policy.yaml:12:15: `keep` needs a date to count from" + `
   12 |         keep: 6 months
      |               ^
  hint: add ` + "`after` or `until`; without one the ground holds for as long as a row matches"},
		{"whoever has no date is kept for ever", contact("id: g\nbasis: contract\nwhy: w\nuntil: lastusedincampaign\nmissingDate: keep"), "policy.yaml:12:22: the ground `g` would keep everybody who lacks the date, for ever" + `
   12 |         missingDate: keep
      |                      ^
  hint: say by ` + "`where` which of the person's rows it is about"},
		{"a table without a way to the person", contact("id: g\nbasis: contract\nwhy: w\ntable: account"), "policy.yaml:8:13: a ground on another table needs one of `link` and `party`: how its rows lead to the person" + `
    8 |       - id: g
      |             ^`},
		{"a FetchXML file that is not there", contact("id: g\nbasis: contract\nwhy: w\nfetchXml: fetch/none.xml"), "policy.yaml:11:19: cannot read fetch/none.xml: there is no such file" + `
   11 |         fetchXml: fetch/none.xml
      |                   ^
  hint: paths start at the folder of the file that names them`},
		{"an organisation by name", strings.Replace(header, modelOrganization, "contoso", 1) + "  contact: {purge: delete, grounds: [" + ground + "]}", "policy.yaml:2:29: `organization` is an id, not `contoso`" + `
    2 | environment: {organization: contoso}
      |                             ^
  hint: gallra doctor prints it; names can be changed by anybody, ids cannot`},
		{"a share without a percent sign", "limits: {share: 0.05}\n" + contact(ground), "policy.yaml:1:17: `share`: a share needs a percent sign, such as 5%" + `
    1 | limits: {share: 0.05}
      |                 ^`},
		{"a spread of no time", "limits: {spread: 0 days}\n" + contact(ground), "policy.yaml:1:18: a spread of no time lays nothing out" + `
    1 | limits: {spread: 0 days}
      |                  ^
  hint: leave ` + "`spread` out, or such as 3 months"},
		{"a spread without a unit", "limits: {spread: 3}\n" + contact(ground), "policy.yaml:1:18: `spread`: \"3\": a period is a number and a unit, such as 6 months" + `
    1 | limits: {spread: 3}
      |                  ^
  hint: did you mean ` + "`3 months`?"},
		{"a spread of years", "limits: {spread: 13 months}\n" + contact(ground), "policy.yaml:1:18: dates cannot be laid out over more than 1 year, and this is 13 months" + `
    1 | limits: {spread: 13 months}
      |                  ^
  hint: nothing justifies these persons: raise ` + "`purges` and `share` for the backlog instead"},
		{"no notice", "notice: 0 days\n" + contact(ground), "policy.yaml:1:9: a notice of no time is no notice" + `
    1 | notice: 0 days
      |         ^
  hint: at least 1 day`},
		{"a keep rule without its reason", related("{table: email, party: any, do: keep}"), "policy.yaml:10:40: do: keep needs `why`: the record states why personal data stays" + `
   10 |       - {table: email, party: any, do: keep}
      |                                        ^`},
		{"the last rule is not the last", related("{table: '*', do: delete}\n      - {table: task, link: regardingobjectid, do: delete}"), "policy.yaml:10:17: table: '*' is not the last rule" + `
   10 |       - {table: '*', do: delete}
      |                 ^
  hint: rules are read in order: those after it would never be reached`},
		{"anonymising what?", related("{table: quote, link: customerid, do: anonymize}"), "policy.yaml:10:46: do: anonymize needs one of `erase`, the columns that go, and `retain`, those that stay" + `
   10 |       - {table: quote, link: customerid, do: anonymize}
      |                                              ^`},
		{"letters of many languages before the place", contact(`{id: g, basis: contract, why: "Ärenden 日本", tabel: x, where: statecode eq 0}`), "policy.yaml:8:53: unknown key `tabel` in a ground" + `
    8 |       - {id: g, basis: contract, why: "Ärenden 日本", tabel: x, where: statecode eq 0}
      |                                                     ^
  hint: did you mean ` + "`table`?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "policy.yaml", tt.policy)
			_, err := Load(path)
			if diff := cmp.Diff(tt.want, told(t, path, err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadTellsAllMistakesAtOnce(t *testing.T) {
	path := write(t, "policy.yaml", `version: 2
environment: {organization: contoso}
timeZone: Europe/Stokholm
notice: 2
limits: {purges: -1}
subjects:
  contact:
    purge: erase
    grounds:
      - {id: G, basis: none, why: 1}
    related:
      - {table: email, do: delete}
`)
	_, err := Load(path)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Pos.Line)
	}
	if want := []int{1, 2, 3, 4, 5, 8, 10, 10, 10, 10, 12}; !slices.Equal(lines, want) {
		t.Errorf("problems on lines %v, want %v:\n%s", lines, want, problems)
	}
}

func TestLoadDefaults(t *testing.T) {
	p, err := Load(write(t, "policy.yaml", header+"  contact: {purge: delete, grounds: [{id: g, basis: contract, why: w, where: statecode eq 0}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Notice != (retention.Period{Months: 2}) || p.ManualExtension != (retention.Period{Months: 12}) || p.Limits != (Limits{Purges: 500, Share: 0.05, Canary: 5, Rows: 5000, RowShare: 0.05, Asks: 500}) {
		t.Errorf("notice %s, extension %s, limits %+v", p.Notice, p.ManualExtension, p.Limits)
	}
	s := p.Subject("contact")
	if s.WhenBound != BoundAnonymize || s.Columns != DefaultColumns || s.Grounds[0].MissingDate != MissingKeeps || p.Environment.AllowProduction {
		t.Errorf("subject %+v", s)
	}
}

func TestLoadIncludes(t *testing.T) {
	main := "include: [leads.yaml]\n" + header + "  contact: {purge: delete, grounds: [{id: g, basis: contract, why: w, where: statecode eq 0}]}\n"
	leads := "subjects:\n  lead: {purge: anonymize, grounds: [{id: g, basis: contract, why: w, fetchXml: all.xml}]}\n"
	load := func(files ...string) (*Policy, string, error) {
		path := write(t, files...)
		p, err := Load(path)
		return p, path, err
	}
	p, _, err := load("policy.yaml", main, "leads.yaml", leads, "all.xml", `<fetch><entity name="lead"/></fetch>`)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Subjects) != 2 || p.Subjects[1].Table != "lead" || p.Subjects[1].Grounds[0].FetchXML != `<fetch><entity name="lead"/></fetch>` || len(p.Files) != 2 {
		t.Errorf("subjects %+v of %v", p.Subjects, p.Files)
	}
	for name, changed := range map[string][]string{
		"the policy file":  {"policy.yaml", main + "#\n", "leads.yaml", leads, "all.xml", `<fetch><entity name="lead"/></fetch>`},
		"an included file": {"policy.yaml", main, "leads.yaml", leads + "#\n", "all.xml", `<fetch><entity name="lead"/></fetch>`},
		"a FetchXML file":  {"policy.yaml", main, "leads.yaml", leads, "all.xml", `<fetch ><entity name="lead"/></fetch>`},
	} {
		q, _, err := load(changed...)
		if err != nil {
			t.Fatal(err)
		}
		if q.Hash == p.Hash {
			t.Errorf("%s changed, and the hash stayed the same", name)
		}
	}

	_, path, err := load("policy.yaml", main, "leads.yaml", strings.Replace(leads, "lead:", "contact:", 1), "all.xml", `<fetch><entity name="lead"/></fetch>`)
	if got := told(t, path, err); !strings.HasPrefix(got, "leads.yaml:2:3: the subject `contact` stands in two files, also at policy.yaml:6:3\n") {
		t.Error(got)
	}
	_, path, err = load("policy.yaml", main, "leads.yaml", "include: [policy.yaml]\n"+leads, "all.xml", `<fetch><entity name="lead"/></fetch>`)
	if got := told(t, path, err); !strings.HasPrefix(got, "leads.yaml:1:11: policy.yaml is part of the policy already\n") {
		t.Error(got)
	}
	_, path, err = load("policy.yaml", main, "leads.yaml", "notice: 1 day\n"+leads, "all.xml", `<fetch><entity name="lead"/></fetch>`)
	if got := told(t, path, err); !strings.HasPrefix(got, "leads.yaml:1:1: unknown key `notice` in an included file\n") {
		t.Error(got)
	}
}

func TestLoadKnowsAnchors(t *testing.T) {
	p, err := Load(write(t, "policy.yaml", header+`  contact: {purge: delete, grounds: [&g {id: g, basis: contract, why: &w The reason, where: statecode eq 0}, {id: h, basis: contract, why: *w, where: statecode eq 1}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Subjects[0].Grounds[1].Why; got != "The reason" {
		t.Errorf("why: %q", got)
	}
}

// The record calls a class by who its persons are, where the policy says so.
func TestRecordNamesClasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
subjects:
  contact:
    purge: anonymize
    classes:
      - {id: minors, who: Members under eighteen, for: numberofchildren eq 1, grounds: []}
      - {id: rest, grounds: [{id: any, basis: contract, why: W, where: statecode eq 0}]}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var record strings.Builder
	if err := p.WriteRecord(&record, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| minors | Members under eighteen (`numberofchildren eq 1`) |", "## Contact, Members under eighteen\n", "Nothing justifies keeping these persons.", "## Contact, class rest\n"} {
		if !strings.Contains(record.String(), want) {
			t.Errorf("the record does not say %q:\n%s", want, record.String())
		}
	}
}
