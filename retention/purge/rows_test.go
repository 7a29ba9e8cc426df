package purge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// rowsPol is a policy in which kept acceptances end, and rows of everybody have a period of their own.
const rowsPol = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2, rows: 500, rowShare: 100%}
subjects:
  contact:
    purge: delete
    grounds:
      - {id: primary-contact, basis: contract, why: Customer, table: account, link: primarycontactid, where: statecode eq 0, mayBeEmpty: true}
    related:
      - table: email
        party: any
        where: regardingobjectid_quote_email/statecode eq 1
        do: keep
        why: Acceptance of a quote
        after: createdon
        keep: 7 years
        then: delete
      - {table: email, party: any, do: delete}
      - {table: annotation, link: objectid, do: delete}
      - {table: phonecall, party: any, do: delete}
      - {table: '*', do: delete}
rows:
  - {id: service-mail, table: email, where: "startswith(subject,'Service')", after: createdon, keep: 3 years, do: delete, evenIf: justified, why: Service mail}
  - {id: calls, table: phonecall, after: createdon, keep: 3 years, do: delete}
  - {id: cases, table: incident, where: statecode eq 2, after: createdon, keep: 3 years, do: anonymize, erase: [title, description]}
`

func mailTo(who string, more row) row {
	r := row{"subject": "Service of your boiler", "description": "Dear " + who, "overriddencreatedon": "2022-06-01T10:00:00Z", "email_activity_parties": []row{
		{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": 2}}}
	for k, v := range more {
		r[k] = v
	}
	return r
}

// customer is a person who is justified.
func customer(w *world, name string) {
	w.create("contact", name, row{"firstname": name, "lastname": "Customer", "emailaddress1": name + "@customer.example"})
	w.create("account", "of "+name, row{"name": "Company of " + name, "primarycontactid@odata.bind": bindTo("contacts", name)})
}

func tallyNamed(t *testing.T, s *purge.Summary, rule string) purge.RowTally {
	t.Helper()
	i := slices.IndexFunc(s.Rows, func(x purge.RowTally) bool { return x.Rule == rule })
	if i < 0 {
		t.Fatalf("nothing is said of the rule %s: %+v", rule, s.Rows)
	}
	return s.Rows[i]
}

// endings are the outcomes of rows in the ledger, the last of each.
func (w *world) endings() map[uuid.UUID]string {
	w.t.Helper()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	out := make(map[uuid.UUID]string)
	for r, err := range l.Records(context.Background()) {
		w.must(err)
		switch r.Kind {
		case ledger.Ending:
			out[r.ID] = "open " + r.Entry.Ground
		case ledger.Ended:
			if said := out[r.ID]; !strings.HasPrefix(said, "open") {
				w.t.Errorf("the ledger says of %s what became of it and has begun nothing: after %q", r.ID, said)
			}
			out[r.ID] = strings.TrimSpace(string(r.Status) + " " + string(r.Do) + " " + r.Entry.Ground + " " + r.Code)
		}
	}
	return out
}

func TestServiceMailOfACustomerGoesByItsOwnDate(t *testing.T) {
	w := newWorldOf(t, rowsPol, emulator.Options{}, "audit-delay") // it counts sweeps
	customer(w, "paul")
	w.create("email", "old", mailTo("paul", nil))
	w.update("email", "old", row{"statecode": 1, "statuscode": 4})
	w.create("email", "young", mailTo("paul", row{"overriddencreatedon": "2023-06-01T10:00:00Z"}))
	w.create("email", "other", mailTo("paul", row{"subject": "Lunch"}))
	w.create("annotation", "in the mail", row{"subject": "note", "objectid_email@odata.bind": bindTo("emails", "old")})

	s := w.run()
	if w.get("email", "old") != nil || w.get("annotation", "in the mail") != nil {
		t.Error("the old mail or its note is still there")
	}
	if w.get("email", "young") == nil || w.get("email", "other") == nil || w.get("contact", "paul") == nil {
		t.Error("more went than the rule says")
	}
	if got := tallyNamed(t, s, "service-mail"); got.Due != 1 || got.Ended != 1 || got.Parts != 1 || s.Status != ledger.Done {
		t.Errorf("%s %+v", s.Status, got)
	}
	if got := w.endings()[id("old")]; got != "done delete service-mail" {
		t.Errorf("the ledger says %q", got)
	}
	w.nothingFound("Dear paul", id("young").String(), id("other").String())
	if s = w.run(); s.Resumed.Sweeps != 1 { // which proves nothing yet
		t.Errorf("the run at once: %+v", s.Resumed)
	}
	w.advance(1)
	if s = w.run(); tallyNamed(t, s, "service-mail").Due != 0 || s.Resumed.Sweeps != 1 {
		t.Errorf("the run after: %+v %+v", s.Rows, s.Resumed)
	}
	if s = w.run(); s.Resumed.Sweeps != 0 {
		t.Errorf("swept again although nothing was left: %+v", s.Resumed)
	}
}

// The day on which a period ends is that of the policy's time zone, and the row stays through the day before.
func TestRowsEndOnTheirDay(t *testing.T) {
	for _, tt := range []struct {
		created string
		gone    bool
	}{
		{"2023-01-09T23:30:00Z", true}, // the 10th in Stockholm: three years are over on the 10th
		{"2023-01-10T22:30:00Z", true},
		{"2023-01-10T23:30:00Z", false}, // the 11th
		{"2023-01-11T12:00:00Z", false},
	} {
		t.Run(tt.created, func(t *testing.T) {
			w := newWorld(t, rowsPol)
			w.create("phonecall", "call", row{"subject": "Call", "overriddencreatedon": tt.created})
			w.run()
			if gone := w.get("phonecall", "call") == nil; gone != tt.gone {
				t.Errorf("gone %v, want %v", gone, tt.gone)
			}
		})
	}
}

func TestWhoStopsARow(t *testing.T) {
	t.Parallel()
	callOf := func(w *world, who string) {
		w.create("phonecall", "call", row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z", "phonecall_activity_parties": []row{
			{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": 2}}})
	}
	old := row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z"}
	with := func(column, set, name string) row {
		r := row{column + "@odata.bind": bindTo(set, name)}
		for k, v := range old {
			r[k] = v
		}
		return r
	}
	for _, tt := range []struct {
		name   string
		policy func(string) string
		make   func(w *world)
		table  string
		rule   string
		stop   string // empty: the row goes
	}{
		{"nobody", nil, func(w *world) { w.create("phonecall", "call", old) }, "phonecall", "calls", ""},
		{"somebody who is not justified", nil, func(w *world) { yvonne(w); callOf(w, "yvonne") }, "phonecall", "calls", ""},
		{"a justified party", nil, func(w *world) { customer(w, "paul"); callOf(w, "paul") }, "phonecall", "calls", "justified"},
		{"a justified person whom it regards", nil, func(w *world) {
			customer(w, "paul")
			w.create("phonecall", "call", with("regardingobjectid_contact_phonecall", "contacts", "paul"))
		}, "phonecall", "calls", "justified"},
		{"the customer of the case that it regards", nil, func(w *world) {
			customer(w, "paul")
			w.create("incident", "case", row{"title": "Leak", "customerid_contact@odata.bind": bindTo("contacts", "paul")})
			w.create("phonecall", "call", with("regardingobjectid_incident_phonecall", "incidents", "case"))
		}, "phonecall", "calls", "justified"},
		{"the contact of the company that it regards says nothing", nil, func(w *world) {
			customer(w, "paul")
			w.create("phonecall", "call", with("regardingobjectid_account_phonecall", "accounts", "of paul"))
		}, "phonecall", "calls", ""},
		{"a held contact of the company that it regards", nil, func(w *world) {
			customer(w, "paul")
			w.update("contact", "paul", row{"gallra_legalhold": true})
			w.create("phonecall", "call", with("regardingobjectid_account_phonecall", "accounts", "of paul"))
		}, "phonecall", "calls", "legal-hold"},
		{"justified, and the rule says even if", func(p string) string { return strings.Replace(p, "{id: calls,", "{id: calls, evenIf: justified,", 1) }, func(w *world) {
			customer(w, "paul")
			callOf(w, "paul")
		}, "phonecall", "calls", ""},
		{"held, whatever the rule says", func(p string) string { return strings.Replace(p, "{id: calls,", "{id: calls, evenIf: justified,", 1) }, func(w *world) {
			yvonne(w)
			w.update("contact", "yvonne", row{"gallra_legalhold": true})
			callOf(w, "yvonne")
		}, "phonecall", "calls", "legal-hold"},
		{"a held contact of the company that it regards, and no related rule speaks of companies", func(p string) string {
			return strings.NewReplacer("      - {table: phonecall, party: any, do: delete}\n", "", "      - {table: '*', do: delete}\n", "", "{id: calls,", "{id: calls, evenIf: justified,").Replace(p)
		}, func(w *world) {
			customer(w, "paul")
			w.update("contact", "paul", row{"gallra_legalhold": true})
			w.create("phonecall", "call", with("regardingobjectid_account_phonecall", "accounts", "of paul"))
		}, "phonecall", "calls", "legal-hold"},
		{"held, and no related rule speaks of the table", func(p string) string {
			return strings.NewReplacer("      - {table: phonecall, party: any, do: delete}\n", "", "      - {table: '*', do: delete}\n", "", "{id: calls,", "{id: calls, evenIf: justified,").Replace(p)
		}, func(w *world) {
			yvonne(w)
			w.update("contact", "yvonne", row{"gallra_legalhold": true})
			callOf(w, "yvonne")
		}, "phonecall", "calls", "legal-hold"},
		{"a lead, whom the policy does not judge", nil, func(w *world) {
			w.create("lead", "lead", row{"lastname": "Lead", "subject": "Lead"})
			w.create("phonecall", "call", with("regardingobjectid_lead_phonecall", "leads", "lead"))
		}, "phonecall", "calls", "justified"},
		{"a note of it that belongs to a held person's own rows", func(p string) string {
			return strings.Replace(p, "{id: calls,", "{id: calls, evenIf: justified,", 1)
		}, func(w *world) {
			yvonne(w)
			w.update("contact", "yvonne", row{"gallra_legalhold": true})
			w.create("phonecall", "call", old)
			w.create("email", "about the call", mailTo("yvonne", row{"subject": "Something"}))
			w.create("annotation", "part", row{"subject": "n", "objectid_phonecall@odata.bind": bindTo("phonecalls", "call")})
		}, "phonecall", "calls", ""},
		{"a kept acceptance with no end", func(p string) string {
			return strings.NewReplacer("        after: createdon\n        keep: 7 years\n        then: delete\n", "").Replace(p)
		}, func(w *world) { acceptance(w, "2010-01-01T10:00:00Z") }, "email", "service-mail", "kept"},
		{"a kept acceptance before its end", nil, func(w *world) { acceptance(w, "2021-01-01T10:00:00Z") }, "email", "service-mail", "kept"},
		{"a kept acceptance after its end", nil, func(w *world) { acceptance(w, "2015-01-01T10:00:00Z") }, "email", "service-mail", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := rowsPol
			if tt.policy != nil {
				if text = tt.policy(rowsPol); text == rowsPol {
					t.Fatal("the policy did not change")
				}
			}
			w := newWorld(t, text)
			tt.make(w)
			d := w.deps(w.client)
			e, err := evaluate.Evaluate(t.Context(), w.client, d.Policy, evaluate.EvaluateOptions{Today: d.Today, Traces: d.Ledger.Trace})
			w.must(err)
			planned, _, err := purge.DueRows(t.Context(), w.client, d.Policy, d.Ledger, e)
			w.must(err)
			s := w.run()
			got := tallyNamed(t, s, tt.rule)
			name := map[string]string{"phonecall": "call", "email": "acceptance"}[tt.table]
			there := w.get(tt.table, name) != nil
			switch {
			case tt.stop == "" && (there || got.Ended != 1 || len(got.Stopped) > 0):
				t.Errorf("there %v, %+v", there, got)
			case tt.stop != "" && (!there || got.Ended+got.Due != 0 || got.Stopped[tt.stop] != 1):
				t.Errorf("there %v, %+v, want stopped by %s", there, got, tt.stop)
			}
			for _, p := range planned {
				if p.Rule == tt.rule && (p.Due != got.Due || fmt.Sprint(p.Stopped) != fmt.Sprint(got.Stopped)) {
					t.Errorf("planned %+v, done %+v", p, got)
				}
			}
		})
	}
}

// acceptance is an e-mail of nobody in particular that belongs to a quote that was won.
func acceptance(w *world, created string) {
	w.create("account", "adventure", row{"name": "Adventure Works"})
	w.create("quote", "quote", row{"name": "Q-1", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
	w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
	w.create("email", "acceptance", row{"subject": "Service: we accept", "overriddencreatedon": created, "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote")})
}

// A kept e-mail stays when its person goes, and goes itself when its own seven years are over; what nobody's purge has kept stays.
func TestAKeptAcceptanceGoesWhenItsYearsAreOver(t *testing.T) {
	w := newWorld(t, rowsPol)
	yvonne(w)
	acceptance(w, "2022-01-20T10:00:00Z")
	w.create("email", "hers", mailTo("yvonne", row{"subject": "We accept", "overriddencreatedon": "2022-01-20T10:00:00Z", "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote")}))
	w.update("email", "hers", row{"statecode": 1, "statuscode": 4})
	s := w.purgeAll()
	if s.Purged() != 1 || w.get("email", "hers") == nil {
		t.Fatalf("purged %d, failures %v, the acceptance is there: %v", s.Purged(), s.Failures, w.get("email", "hers") != nil)
	}
	w.control("clock", map[string]any{"now": "2029-01-19T06:00:00Z"})
	if s = w.run(); w.get("email", "hers") == nil || tallyNamed(t, s, "contact.email").Due != 0 {
		t.Fatalf("gone a day too early: %+v", s.Rows)
	}
	w.advance(1)
	s = w.run()
	if got := tallyNamed(t, s, "contact.email"); w.get("email", "hers") != nil || got.Ended != 1 || s.Status != ledger.Done {
		t.Fatalf("%s %+v", s.Status, got)
	}
	if got := w.endings()[id("hers")]; got != "done delete contact.email" {
		t.Errorf("the ledger says %q", got)
	}
	w.nothingFound("yvonne")
	if w.get("email", "acceptance") != nil { // of nobody: its own rule is service-mail, and it has become seven as well
		t.Error("the other acceptance is still there")
	}
}

// Without the ledger nobody knows that an e-mail was kept by a purge: it stays.
func TestWithoutTheLedgerKeptRowsStay(t *testing.T) {
	w := newWorld(t, strings.Replace(rowsPol, "startswith(subject,'Service')", "startswith(subject,'Boiler')", 1))
	acceptance(w, "2010-01-01T10:00:00Z")
	s := w.run()
	if w.get("email", "acceptance") == nil || tallyNamed(t, s, "contact.email").Due != 0 {
		t.Errorf("%+v", s.Rows)
	}
}

func TestClosedCasesAreEmptiedOnce(t *testing.T) {
	w := newWorld(t, rowsPol)
	w.create("account", "adventure", row{"name": "Adventure Works"})
	for _, n := range []string{"solved", "open"} {
		w.create("incident", n, row{"title": "Mrs McKay's boiler " + n, "description": "McKay called", "overriddencreatedon": "2020-01-01T10:00:00Z", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
	}
	w.update("incident", "solved", row{"statecode": 2, "statuscode": 6})
	s := w.run()
	got := tallyNamed(t, s, "cases")
	solved := w.get("incident", "solved")
	if got.Ended != 1 || solved == nil || solved.Text("title") == "Mrs McKay's boiler solved" || !solved.Null("description") {
		t.Fatalf("%+v %v", got, solved)
	}
	if n, _ := solved.Int("statecode"); n != 2 {
		t.Errorf("its state is %d", n)
	}
	if w.get("incident", "open").Text("description") != "McKay called" {
		t.Error("an open case was emptied")
	}
	w.nothingFound("McKay", id("open").String())
	if s = w.run(); tallyNamed(t, s, "cases").Due != 0 {
		t.Errorf("emptied twice: %+v", s.Rows)
	}
}

func TestRowsHaveLimitsOfTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		limits string
		rail   policy.Rail
	}{
		{"rows: 2, rowShare: 100%", policy.RowsTooMany},
		{"rows: 500, rowShare: 50%", policy.RowsTooLarge},
	} {
		w := newWorld(t, strings.Replace(rowsPol, "rows: 500, rowShare: 100%", tt.limits, 1))
		yvonne(w)
		w.run()
		for i := range 3 {
			w.create("phonecall", fmt.Sprint("call ", i), row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z"})
		}
		w.advance(60)
		s, err := w.tryRun()
		if !stoppedBy(err, tt.rail) || s.Purged() != 1 || s.RowsEnded() != 0 {
			t.Errorf("%s: %v, purged %d, ended %d", tt.rail, err, s.Purged(), s.RowsEnded())
		}
		if n := len(w.dump("phonecall")); n != 3 {
			t.Errorf("%s: %d calls are left", tt.rail, n)
		}
		w.policy = strings.Replace(w.policy, tt.limits, tt.limits+", bypass: ["+string(tt.rail)+"]", 1)
		w.run(func(d *purge.Deps) { d.Bypass = []policy.Rail{tt.rail} })
		if n := len(w.dump("phonecall")); n != 0 || !slices.Contains(w.bypassed(), string(tt.rail)) {
			t.Errorf("%s passed over: %d calls are left, the ledger has %v", tt.rail, n, w.bypassed())
		}
	}
}

// With the recycle bin on, nothing of a row stays in it; what a delete would take along goes with it.
func TestRowsLeaveNothingInTheRecycleBin(t *testing.T) {
	w := newWorldOf(t, rowsPol, emulator.Options{})
	w.bin("phonecall", true)
	yvonne(w)
	w.create("phonecall", "call", row{"subject": "About McKay", "description": "Call with McKay", "phonenumber": "+46701112233", "overriddencreatedon": "2020-01-01T10:00:00Z", "phonecall_activity_parties": []row{
		{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 2}}})
	w.create("annotation", "note", row{"subject": "McKay again", "notetext": "McKay", "objectid_phonecall@odata.bind": bindTo("phonecalls", "call")})
	w.update("phonecall", "call", row{"statecode": 1, "statuscode": 2})
	s := w.run()
	if got := tallyNamed(t, s, "calls"); w.get("phonecall", "call") != nil || got.Ended != 1 || s.Status != ledger.Done {
		t.Fatalf("%s %+v residue %v", s.Status, got, s.Residue)
	}
	w.nothingFound("McKay", id("yvonne").String())
	w.nothingFound("701112233", id("yvonne").String())
}

// A part that has to stay keeps what it is part of.
func TestAPartThatStaysKeepsTheWhole(t *testing.T) {
	text := strings.Replace(rowsPol, "{id: cases, table: incident, where: statecode eq 2, after: createdon, keep: 3 years, do: anonymize, erase: [title, description]}",
		"{id: cases, table: incident, after: createdon, keep: 3 years, do: delete}", 1)
	for _, tt := range []struct {
		name string
		part func(w *world)
		stop string
	}{
		{"a young call", func(w *world) {
			w.create("phonecall", "part", row{"subject": "Call", "regardingobjectid_incident_phonecall@odata.bind": bindTo("incidents", "case")})
		}, "not-over"},
		{"an e-mail of a customer", func(w *world) {
			customer(w, "paul")
			w.create("email", "part", mailTo("paul", row{"subject": "Lunch", "regardingobjectid_incident_email@odata.bind": bindTo("incidents", "case")}))
		}, "justified"},
		{"an e-mail of nobody", func(w *world) {
			w.create("email", "part", row{"subject": "Lunch", "regardingobjectid_incident_email@odata.bind": bindTo("incidents", "case")})
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, text)
			w.create("account", "adventure", row{"name": "Adventure Works"})
			w.create("incident", "case", row{"title": "Leak", "overriddencreatedon": "2020-01-01T10:00:00Z", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
			tt.part(w)
			s := w.run()
			got := tallyNamed(t, s, "cases")
			gone := w.get("incident", "case") == nil
			if gone != (tt.stop == "") || tt.stop != "" && got.Stopped[tt.stop] != 1 {
				t.Errorf("gone %v, %+v", gone, got)
			}
		})
	}
}

// Whatever a rule of rows says counts for four eyes: another policy of rows is no policy of the same care.
func TestRowsCountForFourEyes(t *testing.T) {
	w := newWorld(t, rowsPol)
	of := func(text string) *policy.Policy {
		w.policy = text
		return w.checked(w.client).Policy
	}
	before := of(rowsPol)
	if !purge.SameCare(before, of(rowsPol)) {
		t.Fatal("not of the same care as itself")
	}
	for _, change := range [][2]string{
		{"keep: 7 years", "keep: 6 years"}, {"keep: 7 years", "keep: 7 years from end of year"},
		{"after: createdon\n        keep: 7 years\n        then: delete", "until: createdon\n        keep: 7 years\n        then: delete"},
		{"then: delete", "then: anonymize\n        erase: [subject]"},
		{"'Service'", "'Serv'"}, {"keep: 3 years, do: delete, evenIf", "keep: 2 years, do: delete, evenIf"}, {", evenIf: justified", ""},
		{"keep: 3 years, do: delete}", "keep: 3 years from end of year, do: delete}"}, {"keep: 3 years, do: delete}", "keep: 3 years, do: anonymize, erase: [subject]}"},
		{"erase: [title, description]", "erase: [title]"}, {"table: phonecall, after: createdon", "table: phonecall, after: actualend"},
		{"rows: 500", "rows: 501"}, {"rowShare: 100%", "rowShare: 99%"},
	} {
		text := strings.Replace(rowsPol, change[0], change[1], 1)
		if text == rowsPol {
			t.Fatalf("nothing changed: %s", change[0])
		}
		after := of(text)
		if same := purge.SameCare(before, after); same != (change[0] == "rowShare: 100%") { // a stricter limit is of the same care
			t.Errorf("%s → %s: the same care %v", change[0], change[1], same)
		}
	}
	for _, of7 := range []string{"keep: 7 years", "keep: 3 years"} { // the day on which a year ends, of either kind of rule
		years := strings.ReplaceAll(rowsPol, of7, of7+" from end of year")
		ending := strings.ReplaceAll(rowsPol, of7, of7+" from end of year, yearEnds: 31 March")
		if of7 == "keep: 7 years" {
			ending = strings.ReplaceAll(rowsPol, of7, of7+" from end of year\n        yearEnds: 31 March")
		}
		if purge.SameCare(of(years), of(ending)) {
			t.Errorf("%s from another day on is of the same care", of7)
		}
	}
}
