package evaluate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/compile"
)

// warned is a policy on contacts that is legal, and what is odd about it in a CRM with one contact and one closed deal
// of theirs.
func warned(t *testing.T, client *dataverse.Client, grounds, related string) []string {
	t.Helper()
	text := "subjects:\n  contact:\n    purge: anonymize\n    grounds:\n      - " + grounds + "\n"
	text += "    related:\n" + related + "      - {table: opportunity, link: parentcontactid, do: keep, why: w}\n      - {table: '*', do: delete}\n"
	c := policyOf(t, client, text)
	odd, err := compile.SuspiciousData(t.Context(), client, c)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, w := range append(c.Warnings, odd...) {
		at := strings.TrimSpace(strings.TrimPrefix(w.Source[w.Pos.Column-1:], "- "))
		out = append(out, at[:min(len(at), 12)]+"… | "+strings.ReplaceAll(w.Message, w.Pos.File, "policy.yaml")+" | "+w.Hint)
	}
	return out
}

func TestSuspicious(t *testing.T) {
	client := connect(t, serve(t, newCRM(t, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		contact("anna", "2020-01-01"), deal("anna", "2020-01-01", "statecode", 1, "actualclosedate", "2026-01-01"),
		emulator.Record{Table: "task", Values: map[string]any{"subject": "x", "regardingobjectid": emulator.Ref("contact", personID("anna"))}})))
	const sound = "{id: g, basis: contract, why: w, table: opportunity, link: parentcontactid, where: statecode eq 1}"
	for _, tt := range []struct{ name, grounds, related, want string }{
		{"nothing odd", sound, "", ""},
		{"a period longer than ten years", "{id: g, basis: contract, why: w, after: createdon, keep: 10 years 1 day}", "",
			"10 years 1 d… | the ground `g` lasts for 10 years 1 day | is that long needed for the purpose?"},
		{"one that a law asks for", "{id: g, basis: legal-obligation, why: w, after: createdon, keep: 30 years}", "", ""},
		{"a period of ten years", "{id: g, basis: contract, why: w, after: createdon, keep: 120 months}", "", ""},
		{"a consent without an end", "{id: g, basis: consent, why: w, table: opportunity, link: parentcontactid}", "",
			"consent, why… | the ground `g` rests on a consent that never ends | a consent fades: count from the day it was given, by `after` and `keep`"},
		{"a ground that nothing matches", "{id: g, basis: contract, why: w, table: opportunity, link: parentcontactid, where: statecode eq 0}", "",
			"g, basis: co… | no row matches the ground `g` | was a column, an option or a state renamed? If it may really match nothing, say mayBeEmpty: true"},
		{"one that may be empty", "{id: g, basis: contract, why: w, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}", "", ""},
		{"a date that nobody has", "{id: g, basis: contract, why: w, until: nord_followupon}", "",
			"g, basis: co… | no row matches the ground `g` | was a column, an option or a state renamed? If it may really match nothing, say mayBeEmpty: true"},
		{"a ground for everybody", "{id: g, basis: contract, why: w, where: createdon ne null}", "",
			"g, basis: co… | the ground `g` justifies all 1 persons of `contact`, without an end | then nobody is ever purged: say which of them it is about"},
		{"a keep rule behind one for all rows", sound, "      - {table: task, link: regardingobjectid, do: delete}\n      - {table: task, link: regardingobjectid, where: statecode eq 0, do: keep, why: w}\n",
			"{table: task… | this keep rule for `task` never applies: the rule at policy.yaml:10:9 matches all its rows, and the first that matches decides | put the special case first"},
		{"a keep rule before it", sound, "      - {table: task, link: regardingobjectid, where: statecode eq 0, do: keep, why: w}\n      - {table: task, link: regardingobjectid, do: delete}\n", ""},
		{"a keep rule without a row", sound, "      - {table: task, link: regardingobjectid, where: statecode eq 1, do: keep, why: w}\n",
			"{table: task… | no row matches this keep rule for `task` | nothing is kept by it today: is its filter right?"},
		{"a party rule behind one for any party", sound, "      - {table: email, party: any, do: delete}\n      - {table: email, party: to, do: delete}\n",
			"{table: emai… | this rule for `email` never applies: the rule at policy.yaml:10:9 matches all its rows, and the first that matches decides | put the special case first"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, strings.Join(warned(t, client, tt.grounds, tt.related), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
