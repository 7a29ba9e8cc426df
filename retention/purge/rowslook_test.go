package purge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// What was written to a row, or on whom a hold was set, between the look and the write: the row stays, whole.
func TestARowThatChangesAfterTheLookStays(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world)
		want   string
	}{
		{"written to", func(w *world) { w.update("phonecall", "call", row{"subject": "Call them back"}) }, "skipped delete calls changed"},
		{"deleted", func(w *world) {
			w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: "DELETE", Path: bindTo("phonecalls", "call")}, nil))
		}, "done delete calls"},
	} {
		for _, bin := range []bool{true, false} {
			w := newWorld(t, rowsPol)
			w.bin("phonecall", bin)
			w.create("phonecall", "call", row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z"})
			once := false
			s := w.run(func(d *purge.Deps) {
				d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
					if parts[0].Set != nil && !once {
						once = true
						tt.change(w)
					}
				}}
			})
			if got := w.endings()[id("call")]; got != tt.want || s.RowsFailed() != 0 {
				t.Errorf("%s, recycle bin %v: %q, want %q, failed %d", tt.name, bin, got, tt.want, s.RowsFailed())
			}
		}
	}
	t.Run("held", func(t *testing.T) {
		w := newWorld(t, rowsPol)
		yvonne(w)
		w.create("phonecall", "call", row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z", "regardingobjectid_contact_phonecall@odata.bind": bindTo("contacts", "yvonne")})
		s := w.run(func(d *purge.Deps) {
			d.Progress = func(p purge.Progress) {
				if p.Phase == "rows" {
					w.update("contact", "yvonne", row{"gallra_legalhold": true})
				}
			}
		})
		if w.get("phonecall", "call") == nil || tallyNamed(t, s, "calls").Stopped["legal-hold"] != 1 {
			t.Errorf("%+v", s.Rows)
		}
	})
}

// A hold that is set after it was asked who is on a row, and before the write, stops the write.
func TestAHoldBetweenLookAndWriteStopsARow(t *testing.T) {
	w := newWorld(t, rowsPol)
	yvonne(w)
	w.create("phonecall", "call", row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z", "regardingobjectid_contact_phonecall@odata.bind": bindTo("contacts", "yvonne")})
	set := false
	s := w.run(func(d *purge.Deps) {
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			// The row itself is read last of all, for what has to be written.
			if op := parts[0].Op; !set && op != nil && strings.HasPrefix(op.Path, "phonecalls?") && strings.Contains(op.Path, "statuscode") {
				set = true
				w.update("contact", "yvonne", row{"gallra_legalhold": true})
			}
		}}
	})
	if !set || w.get("phonecall", "call") == nil || tallyNamed(t, s, "calls").Stopped["legal-hold"] != 1 || len(w.endings()) > 0 {
		t.Errorf("set %v, %+v, ledger %v", set, s.Rows, w.endings())
	}
}

// Of the rules of a table the first that matches a row decides, also while its period is not over.
func TestTheFirstRuleDecidesOfARow(t *testing.T) {
	w := newWorld(t, strings.Replace(rowsPol, "  - {id: calls,", "  - {id: long-calls, table: phonecall, where: \"startswith(subject,'Contract')\", after: createdon, keep: 10 years, do: delete}\n  - {id: calls,", 1))
	for name, r := range map[string]row{
		"contract": {"subject": "Contract talks", "overriddencreatedon": "2020-01-01T10:00:00Z"}, "old contract": {"subject": "Contract", "overriddencreatedon": "2015-01-01T10:00:00Z"},
		"chat": {"subject": "Chat", "overriddencreatedon": "2020-01-01T10:00:00Z"},
	} {
		w.create("phonecall", name, r)
	}
	s := w.run()
	if w.get("phonecall", "contract") == nil || w.get("phonecall", "old contract") != nil || w.get("phonecall", "chat") != nil {
		t.Errorf("%+v", s.Rows)
	}
	if got := w.endings()[id("old contract")]; got != "done delete long-calls" {
		t.Errorf("the old contract went by %q", got)
	}
}

// What refuses the first rows would refuse the others: of those none is begun.
func TestARefusedRowStopsTheOthers(t *testing.T) {
	w := newWorld(t, strings.Replace(rowsPol, "canary: 2", "canary: 1", 1))
	w.bin("phonecall", false)
	for i := range 3 {
		w.create("phonecall", fmt.Sprint("call ", i), row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z"})
	}
	w.control("faults", []row{{"status": 403, "route": "DELETE phonecalls"}})
	s, err := w.tryRun()
	if !stoppedBy(err, purge.Residue) || s.RowsEnded() != 0 || s.RowsFailed() != 1 || len(w.endings()) != 1 || len(w.dump("phonecall")) != 3 {
		t.Errorf("%v, %+v, ledger %v", err, s.Rows, w.endings())
	}
	for _, said := range w.endings() {
		if !strings.HasPrefix(said, "failed delete calls ") {
			t.Errorf("the ledger says %q", said)
		}
	}
	w.control("faults", []row{})
	if s = w.run(); s.RowsEnded() != 3 || s.Status != ledger.Done {
		t.Errorf("once nothing refuses it: %s %+v", s.Status, s.Rows)
	}
}

// A policy that nobody has approved, and that purges no person more, ends no row that the approved one would keep.
func TestRowsWaitForTheApprovalOfGrounds(t *testing.T) {
	w := newWorld(t, rowsPol+"approval: four-eyes\n")
	customer(w, "paul")
	w.create("phonecall", "call", row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z", "regardingobjectid_contact_phonecall@odata.bind": bindTo("contacts", "paul")})
	who, err := w.client.WhoAmI(t.Context())
	w.must(err)
	w.user("colleague")
	a := &attack{w: w, me: who.UserID, unit: who.BusinessUnitID}
	a.inForce(id("colleague"))
	a.former = w.checked(w.client)
	w.policy = strings.Replace(w.policy, "where: statecode eq 0, mayBeEmpty", "where: statecode eq 1, mayBeEmpty", 1)
	if s, err := a.run(); !stoppedBy(err, purge.NotApproved) || s.RowsEnded() != 0 || w.get("phonecall", "call") == nil {
		t.Errorf("%v, %+v", err, s.Rows)
	}
	a.approve(id("colleague"))
	if s, err := a.run(); err != nil || s.RowsEnded() != 1 {
		t.Errorf("once it is approved: %v, %+v", err, s.Rows)
	}
}

// Of a run that stopped for residue nobody else is ended: the canary of rows.
func TestTheFirstRowsAreTheCanary(t *testing.T) {
	w := newWorld(t, strings.Replace(rowsPol, "canary: 2", "canary: 1", 1))
	for i := range 3 {
		w.create("phonecall", fmt.Sprint("call ", i), row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z"})
	}
	s, err := w.tryRun(func(d *purge.Deps) {
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			if parts[0].Op != nil && parts[0].Op.Path == "DeleteRecordChangeHistory" { // gone by then, and back before it is looked for
				for i := range 3 {
					if n := fmt.Sprint("call ", i); w.get("phonecall", n) == nil {
						w.create("phonecall", n, row{"subject": "Back"})
					}
				}
			}
		}}
	})
	if !stoppedBy(err, purge.Residue) || s.RowsEnded() != 1 || len(s.Residue) == 0 || len(w.endings()) != 1 {
		t.Errorf("%v, ended %d, residue %v, ledger %v", err, s.RowsEnded(), s.Residue, w.endings())
	}
}

// A run that is told to end while rows are on their way sees these to their end and begins no other.
func TestARunThatEndsAmongRows(t *testing.T) {
	w := newWorld(t, rowsPol)
	for i := range 5 {
		w.create("phonecall", fmt.Sprint("call ", i), row{"subject": "Call", "overriddencreatedon": "2020-01-01T10:00:00Z"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	d := w.deps(w.client)
	d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
		if parts[0].Set != nil {
			cancel()
		}
	}}
	s, err := purge.Run(ctx, d)
	if !errors.Is(err, context.Canceled) || s.Status != ledger.Interrupted || s.RowsEnded() != 2 || len(w.dump("phonecall")) != 3 {
		t.Errorf("%v, %s, ended %d, %d calls are left", err, s.Status, s.RowsEnded(), len(w.dump("phonecall")))
	}
	for row, said := range w.endings() {
		if said != "done delete calls" {
			t.Errorf("the ledger says of %s %q", row, said)
		}
	}
	if s = w.run(); s.RowsEnded() != 3 || s.Resumed.Sweeps != 2 || s.Status != ledger.Done {
		t.Errorf("the next run: %s, ended %d, %+v", s.Status, s.RowsEnded(), s.Resumed)
	}
}
