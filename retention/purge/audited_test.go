package purge_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// TestNoWriteFollowsTheAuditSweep: two pages of the service tell differently whether what an update sends, and what was the same
// before, is audited. Under either, no row that a purge has touched has audit history after the run that purged it, nor after the
// next: nothing is written to it once its history was deleted.
func TestNoWriteFollowsTheAuditSweep(t *testing.T) {
	for name, changesOnly := range map[string]bool{"all that is sent is audited": false, "only changes are audited": true} {
		for _, engine := range []string{"", "purge: {engine: bulk-delete}\n"} {
			t.Run(name+" "+engine, func(t *testing.T) {
				t.Parallel()
				w := newWorldOf(t, engine+pol[1:], emulator.Options{AuditChangesOnly: changesOnly}, "audit-delay")
				yvonne(w)
				w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon", "emailaddress1": "paul@example.com"})
				w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "paul")})
				w.create("quote", "quote", row{"name": "Q-1", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
				w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
				party := func(who string, mask int) row {
					return row{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": mask}
				}
				w.create("email", "acceptance", row{"subject": "We accept", "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote"), "email_activity_parties": []row{party("yvonne", 1)}})
				w.create("email", "shared", row{"subject": "Meeting", "email_activity_parties": []row{party("yvonne", 1), party("paul", 2)}})
				w.create("annotation", "note", row{"subject": "n", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
				w.create("contact", "bound", row{"lastname": "McKay"})
				w.create("quote", "theirs", row{"name": "Q-2", "customerid_contact@odata.bind": bindTo("contacts", "bound")})
				w.create("lead", "lead", row{"lastname": "McKay", "subject": "s"})
				if s := w.purgeAll(); s.Purged() != 3 {
					t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
				}
				w.leftInAudit("the run")
				w.run()
				w.leftInAudit("the next run")
				for _, p := range w.server.Find("McKay") {
					if p.Where == "audit" {
						t.Errorf("the audit history of %s %s still has the name", p.Table, p.ID)
					}
				}
			})
		}
	}
}

// TestASecondRunBeforeTheHistoryIsWrittenDown: a run that follows within the delay with which Dataverse writes audit history finds none,
// and that proves nothing: the run of the next day looks again.
func TestASecondRunBeforeTheHistoryIsWrittenDown(t *testing.T) {
	for name, policy := range map[string]string{"purges": pol, "stages": stagesPolicy, "rows": rowsPol} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, policy, emulator.Options{AuditDelay: 30 * time.Second})
			who, err := w.client.WhoAmI(t.Context())
			w.must(err)
			w.create("team", "archive", row{"name": "Archive", "businessunitid@odata.bind": "/businessunits(" + who.BusinessUnitID.String() + ")"})
			w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "description": "Sails as McKay"})
			w.create("account", "adventure", row{"name": "Adventure Works"})
			w.create("phonecall", "call", row{"subject": "Call of Cannon", "overriddencreatedon": "2014-01-01T10:00:00Z", "regardingobjectid_account_phonecall@odata.bind": bindTo("accounts", "adventure")})
			text, left := "McKay", func() bool { return w.get("contact", "yvonne") != nil }
			switch name {
			case "stages":
				text, left = "Sails", func() bool { return !w.get("contact", "yvonne").Null("description") }
			case "rows":
				text, left = "Cannon", func() bool { return w.get("phonecall", "call") != nil }
			}
			nights := 0
			for ; left(); nights++ {
				if nights == 40 {
					t.Fatal("it never goes")
				}
				w.advance(31)
				w.run()
				w.run() // at once
			}
			for range 2 {
				w.advance(1)
				w.run()
			}
			for _, p := range w.server.Find(text) {
				if p.Where == "audit" {
					t.Errorf("after %d nights the audit history of %s %s still has it", nights, p.Table, p.ID)
				}
			}
		})
	}
}

// TestALedgerLostBeforeTheHistoryIsWrittenDown: a new ledger knows of no purge, and its first runs may all come before the history of the
// lost one's purges: the history of deleted rows is looked for on the next day, too.
func TestALedgerLostBeforeTheHistoryIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, pol, emulator.Options{AuditDelay: 30 * time.Second})
	yvonne(w)
	if s := w.purgeAll(); s.Purged() != 1 {
		t.Fatalf("%d purged", s.Purged())
	}
	w.must(os.RemoveAll(w.ledgerDir()))
	run := func() {
		t.Helper()
		_, err := w.tryRun(func(d *purge.Deps) { d.Run.ID += "-after" })
		if stoppedBy(err, purge.LedgerBehind) {
			w.must(os.RemoveAll(w.ledgerDir()))
		} else if err != nil && !stoppedBy(err, purge.LedgerUnproven) {
			w.must(err)
		}
	}
	for range 6 {
		run()
	}
	w.advance(1)
	run()
	for _, p := range w.server.Find("McKay") {
		if p.Where == "audit" && p.ID == id("yvonne").String() {
			t.Errorf("the audit history of %s %s still has her", p.Table, p.ID)
		}
	}
}

// leftInAudit reports audit history of rows that purges have touched.
func (w *world) leftInAudit(after string) {
	w.t.Helper()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	touched := map[uuid.UUID]string{}
	for r, err := range l.Records(context.Background()) {
		if w.must(err); r.Kind == ledger.Intent || r.Kind == ledger.Ahead {
			touched[r.ID] = r.Table
			for table, ids := range r.Rows {
				for _, id := range ids {
					touched[id] = table
				}
			}
		}
	}
	if len(touched) < 5 {
		w.t.Fatalf("the purges touched %d rows", len(touched))
	}
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Table: "audit", Select: []string{"auditid", "_objectid_value", "action", "operation"}, Filter: "action ne 111 and operation ne 4"}) {
		w.must(err)
		if table, ok := touched[r.ID("objectid")]; ok {
			w.t.Errorf("after %s there is audit history of %s %s (action %v)", after, table, r.ID("objectid"), r["action"])
		}
	}
}
