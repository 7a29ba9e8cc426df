package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
)

// headed is the model policy with a head for the record.
func headed(t *testing.T) *Policy {
	t.Helper()
	text, err := os.ReadFile("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	head := "record:\n  controller: Nordic Example AB, Storgatan 1, Malmö\n  contact: privacy@example.com\n  dataProtectionOfficer: Eva | Ek\n" +
		"  recipients: [Microsoft Ireland (hosting), '<b>Agency</b>']\n  transfers: [none]\n  security: Roles, audit, encryption\n  owner: Sales operations\n  version: \"3\"\n  date: 1 November 2026\n"
	if err := os.WriteFile(path, append(text, head...), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The record begins with who answers for the policy and ends with where they sign, in every language; without a head it has neither.
func TestRecordHasAHeadAndASignature(t *testing.T) {
	p := headed(t)
	for _, lang := range words.All() {
		var b bytes.Buffer
		if err := p.WriteRecordIn(&b, lang, nil); err != nil {
			t.Fatal(err)
		}
		say, got := words.In("record", lang), b.String()
		for _, want := range []string{"| " + say.T("who.controller") + " | Nordic Example AB, Storgatan 1, Malmö |", "| " + say.T("who.officer") + ` | Eva \| Ek |`,
			"Microsoft Ireland (hosting); <b>Agency</b>", "## " + say.T("sign"), "| " + say.T("sign.controller") + " | | | |"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the record does not say %q", lang, want)
			}
		}
	}
	if _, plain := recordOf(t, "../../testdata/policy/sales.yaml"); strings.Contains(plain, "Controller") || strings.Contains(plain, "signature") {
		t.Error("a record without a head has a place for signatures")
	}
}

// The notice says every ground and what stays longer, in every language, and names no column, no table and no filter.
func TestNoticeInPlainWords(t *testing.T) {
	wordstest.Check(t, "privacy", []string{"privacy.go"}, []string{"of.", "title"})
	p := headed(t)
	inner := regexp.MustCompile("[a-z]+_[a-z]+|`| eq |statecode|opportunityid|createdon|msdyn")
	for _, lang := range words.All() {
		var b bytes.Buffer
		if err := p.WriteNotice(&b, lang); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if at := inner.FindString(got); at != "" {
			t.Errorf("%s: the notice says %q", lang, at)
		}
		if strings.ContainsAny(got, "{}") {
			t.Errorf("%s: the notice is not filled in", lang)
		}
		for _, s := range p.Subjects {
			for _, g := range s.Grounds {
				if !strings.Contains(got, Sentence(g.Why)+": ") {
					t.Errorf("%s: the notice does not say %q", lang, g.Why)
				}
			}
		}
		for _, want := range []string{"Nordic Example AB", "privacy@example.com", "Accounting records, seven years by the Bookkeeping Act", words.In("privacy", lang).T("complain")} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the notice does not say %q", lang, want)
			}
		}
	}
	var b bytes.Buffer
	if err := p.WriteNotice(&b, "en"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Follow-up of a deal that was won or lost: 24 months after “Opportunity closed”. Lawful basis under article 6(1) GDPR: (f) legitimate interests.",
		"Steps at the request of the person before a contract: for as long as this is so.", "An objection to advertising: without it the address would be written to again (10 years)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the notice does not say %q:\n%s", want, b.String())
		}
	}
}

// The schedules of all kinds can be said in plain words: with classes, lost grounds, ends of years.
func TestNoticeOfEverySchedule(t *testing.T) {
	names, err := filepath.Glob("../../testdata/schedules/*.yaml")
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".test.yaml") {
			continue
		}
		p, err := Load(name)
		if err != nil {
			t.Fatal(name, err)
		}
		var b bytes.Buffer
		if err := p.WriteNotice(&b, "sv"); err != nil || strings.Contains(b.String(), "`") || strings.Contains(b.String(), "%!") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}

// A notice speaks to the person: it quotes as their language does, and says nothing of what stays of companies and of others.
func TestNoticeSpeaksToThePerson(t *testing.T) {
	p, err := Load("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	quotes := map[string][2]string{"en": {"“", "”"}, "sv": {"”", "”"}, "da": {"»", "«"}, "nb": {"«", "»"}, "fi": {"”", "”"}, "de": {"„", "“"}}
	for _, lang := range words.All() {
		var b strings.Builder
		if err := p.WriteNotice(&b, lang); err != nil {
			t.Fatal(err)
		}
		if want := quotes[lang][0] + "Opportunity closed" + quotes[lang][1]; !strings.Contains(b.String(), want) {
			t.Errorf("%s does not quote by %v", lang, quotes[lang])
		}
		for _, key := range []string{"company", "contacts", "leads", "resource", "site", "thing"} {
			if said := words.In("sets", lang).T(key); strings.Contains(b.String(), said) {
				t.Errorf("%s says to a person: %s", lang, said)
			}
		}
		if said := words.In("sets", lang).T("accounting"); !strings.Contains(b.String(), said) {
			t.Errorf("%s does not say %q", lang, said)
		}
		b.Reset()
		if err := p.WriteRecordIn(&b, lang, nil); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: " 5% of", false: " 5\u00a0% "}[lang == "en"]; !strings.Contains(b.String(), want) {
			t.Errorf("the record in %s does not say %q", lang, want)
		}
	}
}
