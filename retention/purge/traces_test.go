package purge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// told are findings as "where table", each as often as it was found.
func told(found []search.Finding) []string {
	var out []string
	for _, f := range found {
		if f.Where != "audit" {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s", f.Where, f.Table)))
		}
	}
	slices.Sort(out)
	return out
}

func TestWhatIsSaidElsewhereIsMentioned(t *testing.T) { bothWays(t, whatIsSaidElsewhereIsMentioned) }

func whatIsSaidElsewhereIsMentioned(t *testing.T, way func(*purge.Deps), _ bool) {
	w := newWorld(t, withRules(anonymizeOrders+"      - {table: quote, link: customerid, do: keep, why: Bookkeeping}\n"))
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam"})
	// The same number in another notation, in another column of a lead; another's number is nobody's.
	w.create("lead", "same", row{"lastname": "Lee", "telephone1": "+46701112233", "estimatedclosedate": "2027-01-01"})
	w.create("lead", "other", row{"lastname": "Lu", "telephone1": "+46701112234", "estimatedclosedate": "2027-01-01"})
	w.create("lead", "mail", row{"lastname": "Li", "emailaddress2": "yvonne.mckay@EXAMPLE.com", "estimatedclosedate": "2027-01-01"})
	w.create("quote", "quote", row{"name": "For Yvonne McKay", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_telephone": "+46 70-111 22 33", "description": "Yvonne McKayson"})
	w.create("salesorder", "order", row{"name": "S-1 yvonne mckay", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_contactname": "Yvonne McKay"})
	w.create("quote", "offer", row{"name": "Q-2", "customerid_account@odata.bind": bindTo("accounts", "fabrikam")})
	w.update("quote", "offer", row{"statecode": 1, "statuscode": 2})
	w.create("email", "accepts", row{"subject": "We accept", "description": "<p>Regards, Yvonne McKay</p>", "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "offer"),
		"email_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}})
	s := w.purgeAll(way)
	if s.Status != ledger.Done || s.Purged() != 1 {
		t.Fatalf("%s: failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	want := map[string]bool{"same-number lead": true, "same-address lead": true, "kept-name quote": true, "kept-number quote": true, "kept-name salesorder": true,
		"kept-name email": true, "party activityparty": true}
	got := told(s.Mentions)
	for _, m := range got {
		if !want[m] && m != "kept-address email" {
			t.Errorf("mentioned: %s", m)
		}
		delete(want, m)
	}
	for m := range want {
		t.Errorf("not mentioned: %s of %v", m, got)
	}
	for _, m := range s.Mentions {
		if m.ID == id("other") {
			t.Error("another's number was taken for hers")
		}
	}
}

// A column that a plug-in or the service locks stays as it was although the update is answered with success.
func TestLockedColumnOfARelatedRowIsResidue(t *testing.T) {
	w := newWorldOf(t, withRules(anonymizeOrders), emulator.Options{}, "read-only-quotes")
	yvonne(w)
	order(w, "order")
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon"})
	w.create("contact", "ann", row{"firstname": "Ann", "lastname": "Cho"})
	w.run()
	w.advance(60)
	s, err := w.tryRun(func(d *purge.Deps) {
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			for _, p := range parts {
				for _, op := range p.Set {
					if body, ok := op.Body.(map[string]any); ok && strings.HasPrefix(op.Path, "salesorders") {
						delete(body, "billto_line1")
					}
				}
			}
		}}
	})
	if got := told(s.Residue); !slices.Equal(got, []string{"column salesorder"}) {
		t.Errorf("residue %v", got)
	}
	var stop *purge.StopError
	if !errors.As(err, &stop) || s.Purged() >= 3 {
		t.Errorf("the others were purged all the same: %v, %d", err, s.Purged())
	}
}

func TestJobsThatNameAPersonAreMentioned(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.must(w.client.Call(t.Context(), "POST", "BulkDelete", row{"JobName": "old leads", "SendEmailNotification": false, "ToRecipients": []any{}, "CCRecipients": []any{}, "RecurrencePattern": "",
		"StartDateTime": "2026-01-10T06:00:00Z", "QuerySet": []row{{"EntityName": "lead", "Criteria": row{"FilterOperator": "And", "Filters": []any{}, "Conditions": []row{
			{"AttributeName": "emailaddress1", "Operator": "Equal", "Values": []row{{"Value": "yvonne.mckay@example.com", "Type": "System.String"}}}}}}}}, nil))
	s := w.purgeAll()
	if got := told(s.Mentions); !slices.Contains(got, "job bulkdeleteoperation") || s.Status != ledger.Done {
		t.Errorf("%s, mentions %v", s.Status, got)
	}
}

// retain moves the rows of a table that a condition finds into long-term retention.
func (w *world) retain(table, condition string) {
	w.t.Helper()
	t, err := w.client.Table(w.t.Context(), table)
	w.must(err)
	w.create("retentionconfig", "retain "+table+condition, row{"entitylogicalname": table, "name": table, "uniquename": "r" + id(table+condition).String(), "statecode": 0, "statuscode": 10,
		"starttime": w.client.Now().UTC().Format(time.RFC3339), "criteria": `<fetch><entity name="` + table + `"><attribute name="` + t.PrimaryID + `"/><filter>` + condition + `</filter></entity></fetch>`})
	w.advance(1)
	_, err = w.client.WhoAmI(w.t.Context())
	w.must(err)
}

func TestRetainedRowsGoByTheRules(t *testing.T) {
	w := newWorldOf(t, withRules("      - {table: salesorder, link: customerid, do: keep, why: Bookkeeping}\n      - {table: task, link: regardingobjectid, do: delete}\n"), emulator.Options{JobStep: -1})
	// A keep rule with a condition cannot be asked of retained rows: what it may name stays.
	w.policy = strings.Replace(w.policy, "        where: regardingobjectid_quote_email/statecode eq 1\n        do: keep\n        why: Acceptance of a quote\n", "        where: subject ne 'x' or subject eq null\n        do: delete\n", 1)
	yvonne(w)
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon"})
	w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "paul")})
	w.create("annotation", "note", row{"subject": "old Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.create("annotation", "pauls", row{"subject": "old Paul", "objectid_contact@odata.bind": bindTo("contacts", "paul")})
	w.create("salesorder", "order", row{"name": "old order", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
	party := func(who string, mask int) row {
		return row{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": mask}
	}
	w.create("email", "mail", row{"subject": "old mail", "email_activity_parties": []row{party("yvonne", 2)}})
	w.create("email", "shared", row{"subject": "old shared", "email_activity_parties": []row{party("yvonne", 2), party("paul", 1)}})
	w.retain("annotation", `<condition attribute="subject" operator="like" value="old%"/>`)
	w.retain("salesorder", `<condition attribute="name" operator="like" value="old%"/>`)
	w.retain("email", `<condition attribute="subject" operator="like" value="old%"/>`)
	if w.get("annotation", "note") != nil || len(w.found("old Yvonne")) == 0 {
		t.Fatal("nothing was retained")
	}
	s := w.purgeAll()
	if s.Status != ledger.Done || s.Purged() != 1 {
		t.Fatalf("%s: failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	w.nothingFound("old Yvonne")
	w.nothingFound("old mail", "activityparty.activityid")
	for _, text := range []string{"old Paul", "old order"} {
		if len(w.found(text)) == 0 {
			t.Errorf("%s went although no rule says so", text)
		}
	}
	if len(w.found("old shared")) == 0 {
		t.Error("the e-mail went although somebody else on it is justified")
	}
	got := told(s.Mentions)
	for _, m := range []string{"retained salesorder", "retained email", "retained activityparty"} {
		if !slices.Contains(got, m) {
			t.Errorf("not mentioned: %s of %v", m, got)
		}
	}
	var kinds []string
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	for r, err := range l.Records(t.Context()) {
		w.must(err)
		if r.Kind == ledger.Retained {
			kinds = append(kinds, fmt.Sprint(r.Status, len(r.Rows["annotation"]), len(r.Rows["email"])))
		}
	}
	if fmt.Sprint(kinds) != "[1 1 done0 0]" {
		t.Errorf("the ledger tells of retained rows: %v", kinds)
	}
	w.advance(1)
	if s = w.run(); len(s.Residue) != 0 {
		t.Errorf("the run after: %v", s.Residue)
	}
}

// A condition that can be told from a retained row decides as it does for others; one that cannot keeps the row.
func TestRetainedRowsGoByConditions(t *testing.T) {
	w := newWorldOf(t, withRules("      - {table: task, link: regardingobjectid, where: 'prioritycode eq 2 or startswith(subject,''old receipt'')', do: keep, why: Bookkeeping}\n"+
		"      - {table: task, link: regardingobjectid, where: 'category eq ''keep''', do: keep, why: Bookkeeping}\n"), emulator.Options{JobStep: -1})
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam"})
	w.create("quote", "offer", row{"name": "Q-2", "customerid_account@odata.bind": bindTo("accounts", "fabrikam")})
	w.update("quote", "offer", row{"statecode": 1, "statuscode": 2})
	task := func(name string, more row) {
		body := row{"subject": "old task", "description": "Yvonne McKay", "regardingobjectid_contact_task@odata.bind": bindTo("contacts", "yvonne")}
		for k, v := range more {
			body[k] = v
		}
		w.create("task", name, body)
	}
	task("goes", row{"category": "other"})
	task("urgent", row{"prioritycode": 2, "category": "other"})
	task("receipt", row{"subject": "OLD RECEIPT 7", "category": "other"})
	task("kept", row{"category": "KEEP"})
	task("nothing", nil)                    // compared with nothing
	task("accent", row{"category": "kéep"}) // the collation decides
	party := []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}
	w.create("email", "plain", row{"subject": "old mail", "email_activity_parties": party})
	w.create("email", "accepts", row{"subject": "old acceptance", "email_activity_parties": party, "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "offer")})
	w.retain("task", `<condition attribute="subject" operator="like" value="old%"/>`)
	w.retain("email", `<condition attribute="subject" operator="like" value="old%"/>`)
	s := w.purgeAll()
	if s.Status != ledger.Done || s.Purged() != 1 {
		t.Fatalf("%s: failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	left := make(map[string]bool)
	for _, table := range []string{"task", "email"} {
		for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: table, FetchXML: `<fetch datasource="retained"><entity name="` + table + `"/></fetch>`}) {
			w.must(err)
			left[r.Text("activityid")] = true
		}
	}
	named := make(map[string]bool)
	for _, f := range s.Mentions {
		if f.Where == "retained" {
			named[f.ID.String()] = true
		}
	}
	for name, stays := range map[string]bool{"goes": false, "urgent": true, "receipt": true, "kept": true, "nothing": false, "accent": true, "plain": false, "accepts": true} {
		if got := left[id(name).String()]; got != stays {
			t.Errorf("%s is left: %v", name, got)
		}
		if got := named[id(name).String()]; got != stays {
			t.Errorf("%s is named: %v", name, got)
		}
	}
}

// The few queries of a day are used up: the tables are named, and nothing is taken for clean.
func TestRetainedRowsThatMayNotBeAskedForAreNamed(t *testing.T) {
	w := newWorldOf(t, pol, emulator.Options{JobStep: -1, RetainedQueries: 1})
	yvonne(w)
	w.create("annotation", "note", row{"subject": "old Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.create("task", "task", row{"subject": "old task", "regardingobjectid_contact_task@odata.bind": bindTo("contacts", "yvonne")})
	w.retain("annotation", `<condition attribute="subject" operator="like" value="old%"/>`)
	w.retain("task", `<condition attribute="subject" operator="like" value="old%"/>`)
	s := w.purgeAll()
	if s.Status != ledger.Done || !slices.ContainsFunc(s.Unread, func(p search.Place) bool { return p.Name == "Long-term retained rows" }) {
		t.Errorf("%s, unread %v", s.Status, s.Unread)
	}
}

// A run that was cut after the purge, before it searched: the next one does.
func TestRetainedRowsAreFoundByTheRunAfter(t *testing.T) {
	w := newWorldOf(t, pol, emulator.Options{JobStep: -1, RetainedQueries: 2})
	yvonne(w)
	w.create("annotation", "note", row{"subject": "old Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.retain("annotation", `<condition attribute="subject" operator="like" value="old%"/>`)
	w.run()
	w.advance(60)
	w.control("faults", []row{{"status": 400, "route": "GET retentionoperationdetails"}})
	if _, err := w.tryRun(); err == nil {
		t.Fatal("the run was not cut")
	}
	if w.get("contact", "yvonne") != nil || len(w.found("old Yvonne")) == 0 {
		t.Fatal("the run was cut elsewhere")
	}
	w.control("faults", []row{})
	w.advance(1)
	w.run()
	w.nothingFound("old Yvonne")
}
