package purge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// policy is what most tests run with.
const pol = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    grounds:
      - id: primary-contact
        basis: contract
        why: Responsible for the agreement of an active customer
        table: account
        link: primarycontactid
        where: statecode eq 0
        mayBeEmpty: true
      - id: closed-deal
        basis: legitimate-interests
        why: Follow-up of a deal
        trigger: Opportunity closed
        table: opportunity
        link: parentcontactid
        where: statecode eq 0
        mayBeEmpty: true
    related:
      - table: email
        party: any
        where: regardingobjectid_quote_email/statecode eq 1
        do: keep
        why: Acceptance of a quote
      - {table: email, party: any, do: delete}
      - {table: email, link: regardingobjectid, do: delete}
      - {table: phonecall, party: any, do: delete}
      - {table: annotation, link: objectid, do: delete}
      - {table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1, do: delete}
      - {table: '*', do: delete}
  lead:
    purge: anonymize
    retain: [leadsourcecode, industrycode, statuscode, statecode, address1_country]
    grounds:
      - id: follow-up
        basis: consent
        why: Asked us to come back
        until: estimatedclosedate
        keep: 14 days
        missingDate: ignore
    related:
      - {table: annotation, link: objectid, do: delete}
      - {table: email, party: any, do: delete}
`

func yvonne(w *world) {
	w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "emailaddress1": "Yvonne.McKay@example.com", "mobilephone": "+46 70 111 22 33",
		"birthdate": "1971-05-06", "address1_line1": "Storgatan 11", "description": "Collects stamps", "gendercode": 2})
}

func TestPurgeLeavesNothing(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": nil})
	w.create("annotation", "note", row{"subject": "About Yvonne McKay", "notetext": "Yvonne McKay called", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.create("email", "mail", row{"subject": "Hello Yvonne McKay", "description": "Dear Yvonne McKay", "email_activity_parties": []row{
		{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 2}}})
	w.update("email", "mail", row{"statecode": 1, "statuscode": 3})
	w.create("phonecall", "call", row{"subject": "Call with Yvonne McKay", "regardingobjectid_contact_phonecall@odata.bind": bindTo("contacts", "yvonne")})
	w.create("msdynmkt_contactpointconsent4", "consent", row{"msdynmkt_contactpointvalue": "yvonne.mckay@example.com",
		"msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120001, "msdynmkt_source": 534120000, "msdynmkt_logicalreason": 534119999})

	s := w.run()
	if got := s.Subjects[0].Decisions[retention.Schedule]; got != 1 {
		t.Fatalf("%d persons scheduled, want 1", got)
	}
	r := w.get("contact", "yvonne")
	if r.Text("gallra_purgescheduledon") != "2026-03-10" || r.Text("gallra_purgenoticedon") != "2026-01-10" || r.Text("gallra_purgereason") == "" {
		t.Fatalf("the dates on the row: %v %v %q", r["gallra_purgescheduledon"], r["gallra_purgenoticedon"], r["gallra_purgereason"])
	}
	w.advance(58)
	if s = w.run(); s.Purged() != 0 {
		t.Fatal("purged a day before the notice was over")
	}
	w.advance(1)
	s = w.run()
	if s.Status != ledger.Done || s.Purged() != 1 || s.Subjects[0].Deleted != 1 {
		t.Fatalf("status %s, %+v, failures %v, residue %v", s.Status, s.Subjects, s.Failures, s.Residue)
	}
	for _, gone := range [][2]string{{"contact", "yvonne"}, {"annotation", "note"}, {"email", "mail"}, {"phonecall", "call"}, {"msdynmkt_contactpointconsent4", "consent"}} {
		if w.get(gone[0], gone[1]) != nil {
			t.Errorf("%s is still there", gone[0])
		}
	}
	for _, text := range []string{"Yvonne", "McKay", "70 111 22 33", "Storgatan 11", "stamps"} {
		w.nothingFound(text)
	}
	w.advance(1)
	if s = w.run(); s.Resumed.Sweeps != 1 || s.Purged() != 0 {
		t.Errorf("the run after: %+v", s.Resumed)
	}
	w.advance(1)
	if s = w.run(); s.Resumed.Sweeps != 0 {
		t.Errorf("swept again although nothing was left: %+v", s.Resumed)
	}
}

func TestLookSavesWhoWasRescued(t *testing.T) {
	tests := []struct {
		name string
		save func(w *world)
		want string
	}{
		{"a ground at the last moment", func(w *world) {
			w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
		}, "skipped justified"},
		{"a legal hold at the last moment", func(w *world) { w.update("contact", "yvonne", row{"gallra_legalhold": true}) }, "skipped legal-hold"},
		{"an extension at the last moment", func(w *world) {
			w.update("contact", "yvonne", row{"gallra_retainuntil": "2026-12-01", "gallra_retainreason": "new project"})
		}, "skipped justified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			w.run()
			w.advance(60)
			s := w.run(func(d *purge.Deps) {
				// Between the plan and the last look.
				d.Progress = func(p purge.Progress) {
					if p.Phase == "look" && p.Done == 0 {
						tt.save(w)
					}
				}
			})
			if w.get("contact", "yvonne").Text("lastname") != "McKay" {
				t.Error("purged all the same")
			}
			if got := w.outcomes()[id("yvonne")]; got != tt.want {
				t.Errorf("outcome %q, want %q", got, tt.want)
			}
			if s.Purged() != 0 || s.Failed() != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestRowThatChangedAfterTheLookIsLeftAlone(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("annotation", "note", row{"subject": "n", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.advance(60)
	s := w.run(func(d *purge.Deps) {
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			if parts[0].Set != nil {
				w.update("contact", "yvonne", row{"jobtitle": "Director"})
			}
		}}
	})
	if r := w.get("contact", "yvonne"); r.Text("lastname") != "McKay" || r.Text("jobtitle") != "Director" || w.get("annotation", "note") == nil {
		t.Errorf("the person is not whole: %v", r)
	}
	if got := w.outcomes()[id("yvonne")]; got != "skipped changed" {
		t.Errorf("outcome %q", got)
	}
	if s.Status != ledger.Done {
		t.Errorf("status %s", s.Status)
	}
	if s = w.run(); s.Purged() != 1 {
		t.Errorf("the next run purged %d", s.Purged())
	}
}

// meddler does something before a batch is sent.
type meddler struct {
	dataverse.Writer
	before func(parts []dataverse.Part)
}

func TestKeptEmailSurvivesAndOthersGo(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon", "emailaddress1": "paul@example.com"})
	w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "paul")})
	w.create("quote", "quote", row{"name": "Q-1", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
	w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
	party := func(who string, mask int) row {
		return row{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": mask}
	}
	w.create("email", "acceptance", row{"subject": "We accept", "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote"), "email_activity_parties": []row{party("yvonne", 1)}})
	w.update("email", "acceptance", row{"statecode": 1, "statuscode": 4})
	w.create("email", "chat", row{"subject": "Lunch", "email_activity_parties": []row{party("yvonne", 1)}})
	w.create("email", "shared", row{"subject": "Meeting", "email_activity_parties": []row{party("yvonne", 1), party("paul", 2)}})
	w.update("email", "shared", row{"statecode": 1, "statuscode": 4})

	s := w.purgeAll()
	if s.Purged() != 1 || w.get("contact", "yvonne") != nil || w.get("contact", "paul") == nil {
		t.Fatalf("purged %d, failures %v", s.Purged(), s.Failures)
	}
	if r := w.get("email", "acceptance"); r == nil || r.Text("subject") != "We accept" {
		t.Error("the acceptance is gone")
	}
	if w.get("email", "chat") != nil {
		t.Error("an e-mail of hers alone is still there")
	}
	shared := w.get("email", "shared")
	if shared == nil || shared.Text("subject") != "Meeting" {
		t.Fatal("the e-mail of a colleague who is still justified is gone")
	}
	if n, _ := shared.Int("statuscode"); n != 4 {
		t.Errorf("the e-mail's status is %d, want 4 as before", n)
	}
	w.nothingFound("yvonne", id("acceptance").String(), "row activityparty") // the kept e-mail and its lines
	for _, at := range w.found("yvonne") {
		if strings.Contains(at, id("shared").String()) {
			t.Errorf("still on the shared e-mail: %s", at)
		}
	}
	for _, tally := range s.Related {
		if tally.Table == "email" && (tally.Deleted != 1 || tally.Kept != 1 || tally.Shared != 1) {
			t.Errorf("counted %+v", tally)
		}
	}
}

func TestBusinessBinds(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("quote", "quote", row{"name": "Q-1", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
	s := w.purgeAll()
	if w.get("quote", "quote") == nil {
		t.Fatal("a quote was swept away")
	}
	r := w.get("contact", "yvonne")
	if r == nil || r.Text("lastname") != "(purged)" || !r.Null("emailaddress1") || !r.Null("birthdate") || !r.Null("gendercode") {
		t.Fatalf("not anonymised in place: %v", r)
	}
	if r.Text("gallra_anonymizedon") != "2026-03-11" || !r.Null("gallra_purgescheduledon") {
		t.Errorf("gallra's columns: %v %v", r["gallra_anonymizedon"], r["gallra_purgescheduledon"])
	}
	if s.Subjects[0].Bound != 1 || s.Status != ledger.Done {
		t.Errorf("%s %+v", s.Status, s.Subjects[0])
	}
	w.nothingFound("mckay", "quote")
	if s = w.run(); s.Subjects[0].Persons != 0 {
		t.Error("an anonymised row is evaluated again")
	}
}

func TestLeadKeepsItsStatistics(t *testing.T) {
	w := newWorld(t, pol)
	w.create("lead", "lead", row{"firstname": "Rene", "lastname": "Valdes", "subject": "Rene Valdes wants bikes", "companyname": "Valdes AB", "emailaddress1": "rene@example.com",
		"leadsourcecode": 3, "industrycode": 5, "address1_country": "Sweden", "address1_city": "Umeå", "description": "met Rene"})
	w.create("annotation", "note", row{"subject": "about Rene", "objectid_lead@odata.bind": bindTo("leads", "lead")})
	w.update("lead", "lead", row{"statecode": 2, "statuscode": 4})
	s := w.purgeAll()
	r := w.get("lead", "lead")
	if r == nil {
		t.Fatal("the lead is gone")
	}
	source, _ := r.Int("leadsourcecode")
	state, _ := r.Int("statecode")
	if source != 3 || state != 2 || r.Text("address1_country") != "Sweden" {
		t.Errorf("the statistics did not survive: %d %d %q", source, state, r.Text("address1_country"))
	}
	if !r.Null("emailaddress1") || !r.Null("address1_city") || r.Text("lastname") != "(purged)" {
		t.Errorf("not anonymised: %v", r)
	}
	if w.get("annotation", "note") != nil {
		t.Error("the note is still there")
	}
	for _, text := range []string{"Rene", "Valdes", "Umeå"} {
		w.nothingFound(text)
	}
	if s.Subjects[1].Anonymized != 1 {
		t.Errorf("%+v", s.Subjects)
	}
}

func TestMergedCopyGoesFirst(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("contact", "copy", row{"firstname": "Yvonne", "lastname": "MacKay", "emailaddress1": "y@example.com"})
	w.must(w.client.Call(t.Context(), "POST", "Merge", row{
		"Target":                 row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id("yvonne").String()},
		"Subordinate":            row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id("copy").String()},
		"PerformParentingChecks": false}, nil))
	s := w.purgeAll()
	if s.Purged() != 2 {
		t.Fatalf("purged %d: %v", s.Purged(), w.outcomes())
	}
	w.nothingFound("Yvonne")
	w.nothingFound("MacKay")
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	var order []string
	for r, err := range l.Records(t.Context()) {
		w.must(err)
		if r.Kind == ledger.Outcome {
			order = append(order, r.ID.String())
		}
	}
	if want := []string{id("copy").String(), id("yvonne").String()}; !cmp.Equal(order, want) {
		t.Errorf("order %v, want the copy before its master", order)
	}
}

func TestConnectionsAndAddressesGo(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam"})
	w.create("connection", "link", row{"description": "Yvonne knows them", "record1id_contact@odata.bind": bindTo("contacts", "yvonne"), "record2id_account@odata.bind": bindTo("accounts", "fabrikam")})
	w.create("customeraddress", "summer", row{"name": "Yvonne's summer house", "line1": "Strandvägen 4", "parentid_contact@odata.bind": bindTo("contacts", "yvonne")})
	s := w.purgeAll()
	if s.Purged() != 1 {
		t.Fatalf("%v %v", w.outcomes(), s.Failures)
	}
	for _, text := range []string{"Yvonne", "Strandvägen"} {
		w.nothingFound(text)
	}
	if w.get("account", "fabrikam") == nil {
		t.Error("the account went along")
	}
}

func TestRowThatCannotBeEmptiedLeavesNothingInTheBin(t *testing.T) {
	for _, refused := range []bool{false, true} {
		t.Run(map[bool]string{false: "by a bulk delete", true: "said, where that is refused"}[refused], func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			w.create("list", "list", row{"listname": "Newsletter", "createdfromcode": 2})
			w.must(w.server.Load(emulator.Record{Table: "listmember", ID: id("member"), Values: row{"name": "Yvonne McKay",
				"entityid": emulator.Ref("contact", id("yvonne")), "listid": emulator.Ref("list", id("list"))}}))
			w.run()
			w.advance(60)
			if refused {
				w.control("faults", []row{{"status": 403, "route": "POST BulkDelete"}})
			}
			s := w.run()
			if s.Purged() != 1 || s.Status != ledger.Done {
				t.Fatalf("%s, purged %d, %v", s.Status, s.Purged(), w.outcomes())
			}
			said := 0
			for _, m := range s.Mentions {
				if m.Where == "bin-until" && m.Table == "listmember" && m.Count > 0 {
					said++
				}
			}
			if w.get("listmember", "member") != nil {
				t.Error("the member is still there")
			}
			if refused && said != 1 || !refused && said != 0 {
				t.Errorf("%d rows are said to stay in the bin", said)
			}
			if !refused {
				w.nothingFound("Yvonne")
			}
		})
	}
}

func TestLimitsPurgeNobody(t *testing.T) {
	for name, change := range map[string]string{
		"count": strings.Replace(pol, "purges: 500", "purges: 2", 1),
		"share": strings.Replace(pol, "share: 100%", "share: 50%", 1),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change)
			for _, n := range []string{"a", "b", "c"} {
				w.create("contact", n, row{"lastname": n})
			}
			w.run()
			w.advance(60)
			s, err := w.tryRun()
			var stop *purge.StopError
			if !errors.As(err, &stop) || s.Status != ledger.Halted {
				t.Fatalf("err %v, status %s", err, s.Status)
			}
			if s.Purged() != 0 || w.get("contact", "a") == nil {
				t.Error("somebody was purged")
			}
			if stop.Remedy() == "" {
				t.Error("it does not say what it would take to go on")
			}
		})
	}
}

func TestGroundThatSuddenlyMatchesNothingStopsTheRun(t *testing.T) {
	w := newWorld(t, strings.ReplaceAll(pol, "        mayBeEmpty: true\n", ""))
	yvonne(w)
	w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.update("account", "adventure", row{"statecode": 1, "statuscode": 2})
	for range 2 { // the second run must not have forgotten
		_, err := w.tryRun()
		var stop *purge.StopError
		if !errors.As(err, &stop) || stop.Rails[0].Rail != policy.GroundEmpty {
			t.Fatalf("err %v", err)
		}
	}
	if !w.get("contact", "yvonne").Null("gallra_purgescheduledon") {
		t.Error("scheduled although the run was stopped")
	}
}

func TestLostLedgerDelays(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	w.advance(60)
	s := w.run(func(d *purge.Deps) {
		fresh, err := ledger.Open(t.TempDir())
		w.must(err)
		d.Ledger = fresh
	})
	if !s.LedgerNew || s.Purged() != 0 {
		t.Fatalf("LedgerNew %v, purged %d", s.LedgerNew, s.Purged())
	}
	if got := w.get("contact", "yvonne").Text("gallra_purgescheduledon"); got != "2026-05-11" {
		t.Errorf("the date is %s, want the whole notice again", got)
	}
}

func TestFailureOfOneNeverStopsTheOthers(t *testing.T) {
	w := newWorld(t, pol)
	for _, n := range []string{"a", "b", "c"} {
		w.create("contact", n, row{"lastname": "Person " + n})
		w.create("annotation", "note "+n, row{"subject": "about " + n, "objectid_contact@odata.bind": bindTo("contacts", n)})
	}
	w.run()
	w.advance(60)
	s := w.run(func(d *purge.Deps) {
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			for i := range parts {
				if len(parts[i].Set) > 0 && strings.Contains(parts[i].Set[0].Path, id("b").String()) {
					parts[i].Set = append(parts[i].Set, dataverse.Operation{Method: "PATCH", Path: bindTo("contacts", "nobody"), Body: row{"lastname": "x"}, IfMatch: "*"})
				}
			}
		}}
	})
	if s.Status != ledger.Partial || s.Purged() != 2 || s.Failed() != 1 {
		t.Fatalf("%s, purged %d, failed %d", s.Status, s.Purged(), s.Failed())
	}
	if r := w.get("contact", "b"); r.Text("lastname") != "Person b" || w.get("annotation", "note b") == nil {
		t.Error("the one that failed is not whole")
	}
	if got := w.outcomes()[id("b")]; got != "failed 0x80040217" {
		t.Errorf("outcome %q", got)
	}
	if s = w.run(); s.Purged() != 1 {
		t.Errorf("the next run purged %d", s.Purged())
	}
}
