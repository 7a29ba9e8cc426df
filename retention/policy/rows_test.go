package policy

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention"
)

// withRows is a policy with rules of rows (entries of a list in flow style) and related rules.
func withRows(related, rows string) string {
	p := header + "  contact:\n    purge: delete\n    grounds:\n      - {id: g, basis: contract, why: w, where: statecode eq 0}\n"
	if related != "" {
		p += "    related:\n      - " + strings.ReplaceAll(related, "\n", "\n      - ") + "\n"
	}
	if rows != "" {
		p += "rows:\n  - " + strings.ReplaceAll(rows, "\n", "\n  - ") + "\n"
	}
	return p
}

func TestLoadRefusesRows(t *testing.T) {
	for _, tt := range []struct{ name, related, rows, want string }{
		{"no date", "", "{table: email, do: delete}",
			"10:5 a rule of `rows` needs `after` or `until`: a date of the row itself (such as after: createdon, keep: 3 years)"},
		{"no period", "", "{table: email, after: createdon, do: delete}",
			"10:27 `after` needs `keep`: for how long after that date? (such as keep: 3 years)"},
		{"a period of no time", "", "{table: email, after: createdon, keep: 0 days, do: delete}",
			"10:44 a period of no time keeps nothing: every row would go at once (at least 1 day)"},
		{"a period without a unit", "", "{table: email, after: createdon, keep: 3, do: delete}",
			"10:44 `keep`: \"3\": a period is a number and a unit, such as 6 months (did you mean `3 months`?)"},
		{"two dates", "", "{table: email, after: createdon, until: scheduledend, keep: 3 years, do: delete}",
			"10:45 `after` and `until` exclude each other (`after` is where the period begins, `until` is itself the end)"},
		{"a period without a date", "", "{table: email, keep: 3 years, do: delete}",
			"10:5 a rule of `rows` needs `after` or `until`: a date of the row itself (such as after: createdon, keep: 3 years)"},
		{"nothing to do", "", "{table: email, after: createdon, keep: 3 years}",
			"10:5 a rule of `rows` needs `do` ()"},
		{"kept", "", "{table: email, after: createdon, keep: 3 years, do: keep}",
			"10:57 `do` cannot be `keep` (one of delete, anonymize)"},
		{"every table", "", "{table: '*', after: createdon, keep: 3 years, do: delete}",
			"10:13 a rule of `rows` names its table: '*' would take rows that nobody thought of (a rule for each table)"},
		{"a table of persons", "", "{table: contact, after: createdon, keep: 3 years, do: delete}",
			"10:13 rows of `contact` are persons: grounds say for how long they are kept (`rows` is for what persons leave behind: mails, notes, calls, cases, orders)"},
		{"emptied of nothing", "", "{table: email, after: createdon, keep: 3 years, do: anonymize}",
			"10:57 do: anonymize needs one of `erase`, the columns that go, and `retain`, those that stay ()"},
		{"deleted and emptied", "", "{table: email, after: createdon, keep: 3 years, do: delete, erase: [subject]}",
			"10:72 `erase` is for do: anonymize ()"},
		{"an exception that there is not", "", "{table: email, after: createdon, keep: 3 years, do: delete, evenIf: held}",
			"10:73 `evenIf` cannot be `held` (one of justified)"},
		{"an id that is none", "", "{id: Service Mail, table: email, after: createdon, keep: 3 years, do: delete}",
			"10:10 `Service Mail` cannot be the id of a rule (at most 60 of a-z, 0-9 and -, a letter first)"},
		{"one id for two", "", "{id: mail, table: email, after: createdon, keep: 3 years, do: delete}\n{id: mail, table: phonecall, after: createdon, keep: 3 years, do: delete}",
			"11:10 two rules of `rows` are called `mail`, the other at policy.yaml:10:5 (the ledger and the reports name them: give one of them another `id`)"},
		{"half a filter", "", "{table: email, where: statecode eq, after: createdon, keep: 3 years, do: delete}",
			"10:39 not a filter: Expression expected at position 12 in 'statecode eq'. (an OData filter, such as statecode eq 0 and customertypecode eq 3)"},
		{"a misspelt key", "", "{table: email, affter: createdon, keep: 3 years, do: delete}",
			"10:5 a rule of `rows` needs `after` or `until`: a date of the row itself (such as after: createdon, keep: 3 years); 10:20 unknown key `affter` in a rule of `rows` (did you mean `after`?)"},
		{"an end without what then happens", "{table: email, party: any, do: keep, why: w, after: createdon, keep: 7 years}", "",
			"10:61 `after` needs `then`: what happens to the row once its date has come? (then: delete, or then: anonymize with `erase`)"},
		{"an end without a date", "{table: email, party: any, do: keep, why: w, then: delete}", "",
			"10:60 `then` needs `after` or `until`: a date of the row itself (such as after: createdon, keep: 7 years)"},
		{"an end without a period", "{table: email, party: any, do: keep, why: w, after: createdon, then: delete}", "",
			"10:61 `after` needs `keep`: for how long after that date? (such as keep: 3 years)"},
		{"an end of what is deleted", "{table: email, party: any, do: delete, after: createdon, keep: 7 years, then: delete}", "",
			"10:55 `after` is for rules that keep rows when their person goes: do: keep and do: anonymize (a period of rows whoever they belong to stands in `rows`, at the top of the policy)"},
		{"an end of what is left alone", "{table: email, do: leave, why: w, after: createdon, keep: 7 years, then: delete}", "",
			"10:50 `after` is for rules that keep rows when their person goes: do: keep and do: anonymize (a period of rows whoever they belong to stands in `rows`, at the top of the policy)"},
		{"an end that empties nothing", "{table: email, party: any, do: keep, why: w, after: createdon, keep: 7 years, then: anonymize}", "",
			"10:93 then: anonymize needs one of `erase`, the columns that go, and `retain`, those that stay ()"},
		{"emptied twice", "{table: quote, link: customerid, do: anonymize, erase: [description], after: createdon, keep: 7 years, then: anonymize}", "",
			"10:118 the row is anonymised when its person goes (then: delete)"},
		{"columns without an end that empties them", "{table: email, party: any, do: keep, why: w, erase: [subject], after: createdon, keep: 7 years, then: delete}", "",
			"10:61 `erase` is for do: anonymize ()"},
		{"deleted although somebody is justified", "{table: email, party: any, do: delete, evenIf: justified}", "",
			"10:56 `evenIf` is for do: anonymize: from a row that is to be deleted the person is taken, and it stays while somebody else on it is justified (a period of rows whoever they belong to stands in `rows`, at the top of the policy)"},
		{"emptied although somebody is held", "{table: email, party: any, do: anonymize, erase: [subject], evenIf: held}", "",
			"10:77 `evenIf` cannot be `held` (one of justified)"},
		{"an exception to a set", "{set: sales, evenIf: justified}", "",
			"10:30 `evenIf` has no meaning beside `set` (a rule of your own before the set overrides what it says of a table)"},
		{"an end of a set", "{set: sales, after: createdon, keep: 7 years, then: delete}", "",
			"10:29 `after` has no meaning beside `set` (a rule of your own before the set overrides what it says of a table); 10:46 `keep` has no meaning beside `set` (a rule of your own before the set overrides what it says of a table); 10:61 `then` has no meaning beside `set` (a rule of your own before the set overrides what it says of a table)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "policy.yaml", withRows(tt.related, tt.rows))
			_, err := Load(path)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("taken: %v", err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%d:%d %s (%s)", p.Pos.Line, p.Pos.Column, strings.ReplaceAll(p.Message, filepath.Dir(path)+string(filepath.Separator), ""), p.Hint))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("-want +got: %s", diff)
			}
		})
	}
	path := write(t, "policy.yaml", strings.Replace(withRows("", ""), "subjects:", "limits: {rows: -1}\nsubjects:", 1))
	if _, err := Load(path); !strings.Contains(told(t, path, err), "`rows` cannot be below 0") {
		t.Errorf("a limit below nothing: %v", err)
	}
}

func TestRowsAsTheyAreRead(t *testing.T) {
	p, err := Load(write(t, "policy.yaml", strings.Replace(withRows(
		"{table: email, party: any, where: statecode eq 1, do: keep, why: Evidence, after: createdon, keep: 7 years, then: delete}\n"+
			"{table: email, party: from, do: keep, why: Evidence, until: scheduledend, then: anonymize, erase: [subject]}\n"+
			"{table: quote, link: customerid, do: anonymize, erase: [description], after: closedon, keep: 7 years, then: delete}",
		"{table: email, after: createdon, keep: 3 years, do: delete, evenIf: justified, why: Service mail}\n"+
			"{id: closed-calls, table: phonecall, where: statecode eq 1, until: scheduledend, keep: 1 year, do: anonymize, erase: [description]}\n"+
			"{table: email, where: statecode eq 2, after: createdon, keep: 11 years, do: anonymize, retain: [statuscode]}"),
		"subjects:", "limits: {rows: 100, rowShare: 12%}\nsubjects:", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Limits.Rows != 100 || p.Limits.RowShare != 0.12 {
		t.Errorf("limits %+v", p.Limits)
	}
	s := p.Subject("contact")
	if e := s.Related[0].End; e == nil || e.For != (retention.Keeping{Period: retention.Period{Years: 7}}) || e.After != "createdon" || e.Then != Delete {
		t.Errorf("the end is %+v", e)
	}
	for i, want := range []string{"contact.email", "contact.email-2", "contact.quote"} {
		if got := s.EndName("", i); got != want {
			t.Errorf("the end is called %s, want %s", got, want)
		}
	}
	for i, want := range []string{"email", "closed-calls", "email-2"} {
		if p.Rows[i].Name != want {
			t.Errorf("the rule is called %s, want %s", p.Rows[i].Name, want)
		}
	}
	var record strings.Builder
	if err := p.WriteRecord(&record, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `email` that the person takes part in where `statecode eq 1` | kept for 7 years after `createdon`, then deleted | Evidence |",
		"| `email` that the person takes part in as sender | kept until `scheduledend`, then emptied of `subject` | Evidence |",
		"| `quote` by `customerid` | kept without `description` for 7 years after `closedon`, then deleted |  |",
		"One run ends at most 100 rows, and at most 12% of a table's rows; otherwise it ends none.",
		"| email | `email` | 3 years after `createdon` | deleted | yes | Service mail |",
		"| closed-calls | `phonecall` where `statecode eq 1` | 1 year beyond `scheduledend` | emptied of `description` | no |  |",
		"| email-2 | `email` where `statecode eq 2` | 11 years after `createdon` | anonymised, except `statuscode` | no |  |",
	} {
		if !strings.Contains(record.String(), want) {
			t.Errorf("the record does not say %q:\n%s", want, record.String())
		}
	}
	var warned []string
	for _, w := range p.Suspicious() {
		warned = append(warned, w.Message)
	}
	if got := strings.Join(warned, "\n"); !strings.Contains(got, "this rule for `email` never applies") || !strings.Contains(got, "rows of `email` are kept for 11 years") || len(warned) != 2 {
		t.Errorf("warnings: %s", got)
	}
	if got, want := s.Related[1].Text(), `{table: email, party: from, do: keep, erase: [subject], why: "Evidence", until: scheduledend, then: anonymize}`; got != want {
		t.Errorf("as a policy says it: %s, want %s", got, want)
	}
	if got, want := s.Related[0].Text(), `{table: email, party: any, where: "statecode eq 1", do: keep, why: "Evidence", after: createdon, keep: 7 years, then: delete}`; got != want {
		t.Errorf("as a policy says it: %s, want %s", got, want)
	}
}
