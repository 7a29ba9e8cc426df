package policy

import (
	"strings"
	"testing"
)

// A stage applies rules of its own to rows of tables that it names, and every other wish is told at its place.
func TestRulesOfStages(t *testing.T) {
	const head = header + "  contact:\n    purge: anonymize\n    grounds:\n      - {id: g, basis: contract, why: w, where: statecode eq 0}\n    stages:\n"
	for _, tt := range []struct{ stages, want string }{
		{"      - {do: archive, team: A, related: [{table: email, party: any, do: delete}]}\n      - {after: 1 year, do: purge}\n", "10:41: `related` is for do: reduce"},
		{"      - {do: reduce}\n      - {after: 1 year, do: purge}\n", "10:14: do: reduce needs `erase`, `coarsen` or `related`: what goes"},
		{"      - {do: reduce, related: []}\n      - {after: 1 year, do: purge}\n", "`related` has no entries"},
		{"      - {do: reduce, related: [{set: sales}]}\n      - {after: 1 year, do: purge}\n", "a stage takes no set of rules"},
		{"      - {do: reduce, related: [{table: '*', do: delete}]}\n      - {after: 1 year, do: purge}\n", "a stage names its tables: what else leads to the person waits for the purge"},
		{"      - {do: reduce, related: [{table: account, behind: parentcustomerid, do: delete}]}\n      - {after: 1 year, do: purge}\n", "rows behind the person's own lookups go with the person, at the purge"},
		{"      - {do: reduce, related: [{table: email, do: leave, why: w}]}\n      - {after: 1 year, do: purge}\n", "a stage leaves alone what its rules do not name"},
		{"      - {do: reduce, related: [{table: email, party: any, do: keep, why: w, after: createdon, keep: 1 year, then: delete}]}\n      - {after: 1 year, do: purge}\n", "what a stage keeps waits for the purge, whose rules say when it ends"},
		{"      - {do: reduce, related: [{table: email, do: delete}]}\n      - {after: 1 year, do: purge}\n", "10:32: a related rule needs one of"},
	} {
		_, err := loadText(t, head+tt.stages)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s%v, want %s", tt.stages, err, tt.want)
		}
	}
	p, err := loadText(t, head+"      - do: reduce\n        related: [{table: email, party: any, where: statecode eq 1, do: keep, why: w}, {table: email, party: any, do: delete}, {table: annotation, link: objectid, do: anonymize, erase: [notetext]}]\n      - {after: 1 year, do: purge}\n")
	if err != nil || len(p.Subjects[0].Stages[0].Related) != 3 {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.WriteRecord(&b, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"`email` that the person takes part in where `statecode eq 1`: kept.", "`email` that the person takes part in: deleted.", "`annotation` by `objectid`: kept without `notetext`."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the record does not say %q:\n%s", want, b.String())
		}
	}
}
