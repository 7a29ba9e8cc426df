package purge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
)

const changedPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
notice: 2 months
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    grounds:
      - {id: primary, basis: contract, why: Primary contact of a customer, table: account, link: primarycontactid, where: statecode eq 0, after: changed(primarycontactid), keep: 6 months, mayBeEmpty: true}
      - {id: closed, basis: legitimate-interests, why: Contact of a customer that has left, table: account, link: primarycontactid, where: statecode eq 1, after: changed(statecode), keep: 1 year, mayBeEmpty: true}
      - {id: seller, basis: contract, why: Has an open deal, table: opportunity, link: parentcontactid, where: statecode eq 0 and estimatedvalue gt 100, until: changed(statecode), keep: 3 months, mayBeEmpty: true}
`

func (w *world) explained(name string) *plan.Planned {
	w.t.Helper()
	d := w.deps(w.client)
	x, err := plan.Explain(w.t.Context(), w.client, w.checked(w.client), "contact", id(name), evaluate.EvaluateOptions{Today: d.Today, Traces: d.Ledger.Trace, Held: d.Ledger.Held, Changes: d.Ledger.Changes, Stages: d.Ledger.Stage})
	w.must(err)
	d.Ledger.Close()
	return &x.Decision
}

func (w *world) today() retention.Date {
	return retention.DateOf(w.server.Now(), w.checked(w.client).Policy.TimeZone)
}

func (w *world) kept(name, ground string, until retention.Date, reason string) {
	w.t.Helper()
	if d := w.explained(name); d.Until != until || d.GroundID() != ground || !strings.Contains(d.Reason(), reason) {
		w.t.Errorf("%s: %s by %s until %s, want until %s: %s", name, d.Action, d.GroundID(), d.Until, until, d.Reason())
	}
}

// auditing switches the audit history of a column on or off.
func (w *world) auditing(table, column string, on bool) {
	w.t.Helper()
	path := "EntityDefinitions(LogicalName='" + table + "')/Attributes(LogicalName='" + column + "')"
	var def map[string]any
	w.must(w.client.Read(w.t.Context(), path+"/Microsoft.Dynamics.CRM.LookupAttributeMetadata", &def))
	def["IsAuditEnabled"] = row{"Value": on, "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyauditsettings"}
	def["@odata.type"] = "Microsoft.Dynamics.CRM.LookupAttributeMetadata"
	w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: http.MethodPut, Path: path, Body: def}, nil))
	w.client = w.connect(6)
}

// The audit history has the day on which somebody was replaced, also before the first run; other changes of the row say nothing.
func TestChangeThatTookAGroundAway(t *testing.T) {
	w := newWorld(t, changedPolicy)
	for _, n := range []string{"ada", "bo", "cia", "dan"} {
		w.create("contact", n, row{"lastname": "Of " + n})
	}
	w.create("account", "north", row{"name": "North", "primarycontactid@odata.bind": bindTo("contacts", "ada")})
	w.create("account", "south", row{"name": "South", "primarycontactid@odata.bind": bindTo("contacts", "cia")})
	w.create("account", "gone", row{"name": "Supplier", "primarycontactid@odata.bind": bindTo("contacts", "dan")})
	w.update("account", "gone", row{"statecode": 1, "statuscode": 2})
	w.create("account", "shut", row{"name": "Another", "primarycontactid@odata.bind": bindTo("contacts", "dan")})
	w.update("account", "shut", row{"statecode": 1, "statuscode": 2})
	w.advance(400)
	w.update("account", "shut", row{"primarycontactid@odata.bind": nil})
	w.update("account", "gone", row{"primarycontactid@odata.bind": bindTo("contacts", "bo")}) // not a customer then, nor since
	w.advance(10)
	w.update("account", "north", row{"primarycontactid@odata.bind": bindTo("contacts", "bo")})
	replaced := w.today()
	w.advance(30)
	w.update("account", "north", row{"name": "North and more"})
	w.update("account", "south", row{"primarycontactid@odata.bind": nil})
	emptied := w.today()
	w.advance(30)
	six := retention.Period{Months: 6}
	w.kept("ada", "primary", replaced.Add(six), "until "+replaced.Words()+", kept 6 months, until "+replaced.Add(six).Words()+". The audit history has that day")
	w.kept("cia", "primary", emptied.Add(six), "The audit history has that day")
	if d := w.explained("dan"); !d.Until.IsZero() {
		t.Errorf("dan was no customer's: %s until %s", d.GroundID(), d.Until)
	}
	if d := w.explained("bo"); d.Until != retention.Open {
		t.Errorf("bo is the primary contact: until %s", d.Until)
	}
	w.run()
	if h := w.deps(w.client).Ledger.Changes("contact", "primary.primarycontactid"); h.On("contact", id("ada")) != replaced || h.Read.IsZero() {
		t.Errorf("the ledger has %s, read up to %s", h.On("contact", id("ada")), h.Read)
	}
	// What was read once is remembered, also where the history itself is gone.
	w.must(w.client.Call(t.Context(), "POST", "DeleteRecordChangeHistory", row{"Target": row{"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": id("north").String()}}, nil))
	w.kept("ada", "primary", replaced.Add(six), "The audit history has that day")
	w.advance(62)
	if s := w.run(); s.Purged() != 1 || !w.anonymous("dan") {
		t.Errorf("%d purged: %v", s.Purged(), w.outcomes())
	}
	w.advance(62)
	w.run()
	w.advance(5)
	if w.run(); !w.anonymous("ada") || w.anonymous("cia") {
		t.Errorf("half a year after she was replaced: %v", w.outcomes())
	}
}

// Where auditing is off the runs' own days count, and a change that is older than the last run that found the ground ended nothing.
func TestChangeWithoutHistory(t *testing.T) {
	w := newWorld(t, changedPolicy)
	w.create("contact", "ada", row{"lastname": "Of ada"})
	w.create("contact", "bo", row{"lastname": "Of bo"})
	w.create("account", "north", row{"name": "North", "primarycontactid@odata.bind": bindTo("contacts", "ada")})
	w.create("account", "south", row{"name": "South", "primarycontactid@odata.bind": bindTo("contacts", "ada")})
	w.advance(1)
	w.update("account", "south", row{"primarycontactid@odata.bind": bindTo("contacts", "bo")}) // in the history, and she is still North's
	w.advance(5)
	w.run()
	w.auditing("account", "primarycontactid", false)
	found := false
	for _, p := range w.checked(w.client).Warnings {
		found = found || strings.Contains(p.Message, "nothing in the environment writes down when `primarycontactid` of `account` changes")
	}
	if !found {
		t.Error("the check says nothing of auditing that is off")
	}
	w.advance(10)
	w.update("account", "north", row{"primarycontactid@odata.bind": bindTo("contacts", "bo")})
	w.advance(3)
	w.run()
	lost := w.today()
	w.advance(1)
	w.kept("ada", "primary", lost.Add(retention.Period{Months: 6}), "It is the day of the first run that found it")
}

// A row that matches since its state changed keeps its person from that day on; a ground that a state takes away does from then on.
func TestChangeOfState(t *testing.T) {
	w := newWorld(t, changedPolicy)
	for _, n := range []string{"ada", "bo", "cia", "dan"} {
		w.create("contact", n, row{"lastname": "Of " + n})
	}
	for n, of := range map[string]string{"old": "ada", "new": "bo"} {
		w.create("account", n, row{"name": n, "primarycontactid@odata.bind": bindTo("contacts", of)})
	}
	w.create("opportunity", "big", row{"name": "B", "estimatedvalue": 500, "isrevenuesystemcalculated": false, "parentcontactid@odata.bind": bindTo("contacts", "cia")})
	w.create("opportunity", "small", row{"name": "S", "estimatedvalue": 5, "isrevenuesystemcalculated": false, "parentcontactid@odata.bind": bindTo("contacts", "dan")})
	w.advance(40)
	w.update("account", "old", row{"statecode": 1, "statuscode": 2})
	for _, n := range []string{"big", "small"} {
		w.must(w.client.Call(t.Context(), "POST", "LoseOpportunity", row{"Status": 4, "OpportunityClose": row{"subject": "L", "opportunityid@odata.bind": bindTo("opportunities", n)}}, nil))
	}
	changed := w.today()
	w.advance(20)
	w.update("account", "old", row{"name": "renamed"})
	w.kept("ada", "closed", changed.Add(retention.Period{Years: 1}), "Change of State Code: "+changed.Words()+", kept 1 year, until "+changed.Add(retention.Period{Years: 1}).Words()+". The audit history has that day")
	w.kept("cia", "seller", changed.Add(retention.Period{Months: 3}), "The audit history has that day")
	if d := w.explained("dan"); !d.Until.IsZero() {
		t.Errorf("the deal was too small: %s until %s", d.GroundID(), d.Until)
	}
	w.run()
	w.kept("ada", "closed", changed.Add(retention.Period{Years: 1}), "The audit history has that day")
	w.advance(100)
	if s := w.run(); s.Purged() != 1 || !w.anonymous("dan") {
		t.Errorf("%v", w.outcomes())
	}
	w.advance(63)
	if w.run(); !w.anonymous("cia") || w.anonymous("ada") || w.anonymous("bo") {
		t.Errorf("%v", w.outcomes())
	}
}
