package purge_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// What a keep rule has decided stays decided: freeing a row changes the very columns by which the rule found it, and the
// rows are listed again before the person's own is deleted.
func TestKeptRowStaysKeptWhenItNoLongerMatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   string
		engine string
	}{
		"regarding the person":              {rule: "{table: email, link: regardingobjectid, where: \"subject eq 'We accept'\", do: keep, why: Evidence}"},
		"regarding the person, by jobs":     {rule: "{table: email, link: regardingobjectid, where: \"subject eq 'We accept'\", do: keep, why: Evidence}", engine: "purge: {engine: bulk-delete}\n"},
		"by what stands on the person":      {rule: "{table: email, party: any, where: \"regardingobjectid_contact_email/lastname eq 'McKay'\", do: keep, why: Evidence}"},
		"by what stands on the person jobs": {rule: "{table: email, party: any, where: \"regardingobjectid_contact_email/lastname eq 'McKay'\", do: keep, why: Evidence}", engine: "purge: {engine: bulk-delete}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(pol, `      - table: email
        party: any
        where: regardingobjectid_quote_email/statecode eq 1
        do: keep
        why: Acceptance of a quote
`, "      - "+c.rule+"\n", 1)
			text = strings.Replace(text, "subjects:\n", c.engine+"subjects:\n", 1)
			w := newWorld(t, text)
			yvonne(w)
			w.create("email", "acceptance", row{"subject": "We accept", "regardingobjectid_contact_email@odata.bind": bindTo("contacts", "yvonne"),
				"email_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}})
			w.create("email", "other", row{"subject": "Lunch", "email_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}})
			w.create("annotation", "note", row{"subject": "n", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
			s := w.purgeAll()
			if w.get("email", "acceptance") == nil {
				t.Errorf("the kept e-mail is gone; failures %v", s.Failures)
			}
			if w.get("contact", "yvonne") != nil || w.get("email", "other") != nil {
				t.Errorf("the person or their other e-mail is still there; failures %v", s.Failures)
			}
		})
	}
}

// The same for somebody who goes in stages, cut at every request: what a stage has freed from its person stays, whichever
// run finishes it.
func TestKeptRowStaysKeptThroughStagesAndCuts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(pol, "    related:\n", "    related:\n      - {table: email, link: regardingobjectid, where: \"contains(subject,'contract')\", do: keep, why: Evidence}\n", 1))
	yvonne(w)
	hers := []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}
	for i := range 3 {
		w.create("email", fmt.Sprint("contract ", i), row{"subject": fmt.Sprint("The contract ", i), "regardingobjectid_contact_email@odata.bind": bindTo("contacts", "yvonne"),
			"email_activity_parties": hers})
		w.create("email", fmt.Sprint("mail ", i), row{"subject": "Lunch", "regardingobjectid_contact_email@odata.bind": bindTo("contacts", "yvonne"), "email_activity_parties": hers})
		w.create("annotation", fmt.Sprint("note ", i), row{"subject": "n", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	}
	w.run()
	w.advance(60)
	start := w.snapshot()
	keep := filepath.Join(w.dir, "keep")
	copyLedger(t, w.ledgerDir(), keep)
	end := func(when string) {
		t.Helper()
		if w.get("contact", "yvonne") != nil {
			t.Errorf("%s: the person is still there; outcomes %v", when, w.outcomes())
		}
		for i := range 3 {
			if w.get("email", fmt.Sprint("contract ", i)) == nil {
				t.Errorf("%s: contract %d is gone", when, i)
			}
			if w.get("email", fmt.Sprint("mail ", i)) != nil {
				t.Errorf("%s: mail %d is still there", when, i)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	w.control("stats", row{})
	w.run(small)
	var stats struct{ Requests struct{ Total int } }
	w.must(json.Unmarshal(w.control("stats", nil), &stats))
	end("undisturbed")
	if w.count(ledger.Ahead) < 2 {
		t.Fatal("it did not go in stages")
	}
	client := w.connect(-1)
	w.checked(client)
	thin := thinning(t)
	for n := range stats.Requests.Total {
		if !thin.full && (n%5 != thin.seed%5 || n < stats.Requests.Total/3) { // a third of them only reads
			continue
		}
		w.control("restore", row{"id": start})
		copyLedger(t, keep, w.ledgerDir())
		d := w.deps(client)
		small(&d)
		w.control("faults", []row{{"drop": "after", "after": n}})
		_, _ = purge.Run(t.Context(), d)
		d.Ledger.Close()
		w.control("faults", []row{})
		w.run(small)
		end(fmt.Sprint("cut at request ", n))
	}
}
