package purge_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// colleague is a client of an application's user who has every right that the administrator has but not the role.
func (w *world) colleague() *dataverse.Client {
	w.t.Helper()
	ctx := w.t.Context()
	me, err := w.client.WhoAmI(ctx)
	w.must(err)
	unit := "/businessunits(" + me.BusinessUnitID.String() + ")"
	user := w.create("systemuser", "colleague", row{"applicationid": uuid.NewString(), "businessunitid@odata.bind": unit})
	role := w.create("role", "rights", row{"name": "Purger", "businessunitid@odata.bind": unit})
	var rights []row
	for p, err := range w.client.Rows(ctx, dataverse.Query{Set: "privileges", Select: []string{"privilegeid", "canbeglobal"}}) {
		w.must(err)
		if p.Bool("canbeglobal") {
			rights = append(rights, row{"PrivilegeId": p.Text("privilegeid"), "Depth": "Global"})
		}
	}
	w.must(w.client.Call(ctx, "POST", "roles("+role.String()+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", row{"Privileges": rights}, nil))
	w.must(w.client.Call(ctx, "POST", "systemusers("+user.String()+")/systemuserroles_association/$ref", row{"@odata.id": w.url + "/api/data/v9.2/roles(" + role.String() + ")"}, nil))
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: w.server.TokenFor(user)})
	w.must(err)
	c, err := dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: w.server.Transport(), Definitions: definitions})
	w.must(err)
	return c
}

// withRules is the policy with other related rules of a contact in front.
func withRules(rules string) string {
	return strings.Replace(pol, "    related:\n", "    related:\n"+rules, 1)
}

const anonymizeOrders = "      - {table: salesorder, link: customerid, do: anonymize, erase: [billto_contactname, billto_line1], why: Bookkeeping}\n"

// order makes a submitted order of Yvonne's.
func order(w *world, name string) {
	w.create("salesorder", name, row{"name": "S-1", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_contactname": "Yvonne McKay", "billto_line1": "Storgatan 11"})
	w.update("salesorder", name, row{"statecode": 1, "statuscode": 3})
}

func TestClosedRowsLeaveTheirPersonAlone(t *testing.T) {
	for name, prepare := range map[string]func(*purge.Deps){"in one change set": func(*purge.Deps) {}, "in stages": small} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, withRules(anonymizeOrders), emulator.Options{}, "read-only-quotes")
			yvonne(w)
			order(w, "order")
			for _, note := range []string{"note", "another", "third"} {
				w.create("annotation", note, row{"subject": note, "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
			}
			w.run()
			w.advance(60)
			as := w.client
			w.client = w.colleague()
			s := w.run(prepare)
			w.client = as
			if got := w.outcomes()[id("yvonne")]; got != "failed row-closed" || s.Purged() != 0 {
				t.Errorf("outcome %q, purged %d", got, s.Purged())
			}
			for _, note := range []string{"note", "another", "third"} {
				if w.get("annotation", note) == nil {
					t.Errorf("%s went although its person stays", note)
				}
			}
			if r := w.get("contact", "yvonne"); r.Text("lastname") != "McKay" {
				t.Errorf("the person is not whole: %v", r)
			}
			// Nothing was begun, and an administrator may.
			if s = w.run(prepare); s.Status != ledger.Done || s.Purged() != 1 {
				t.Errorf("by an administrator: %s, failures %v, residue %v", s.Status, s.Failures, s.Residue)
			}
			if r := w.get("salesorder", "order"); r.Text("billto_contactname") != "" || r.Text("name") != "S-1" {
				t.Errorf("the order: %v", r)
			}
			if state, _ := w.get("salesorder", "order").Int("statecode"); state != 1 {
				t.Error("the order was opened again")
			}
		})
	}
}

func TestClosedRowsThatNobodyWritesToStopNobody(t *testing.T) {
	tests := map[string]struct {
		rules string
		state row
		want  string
	}{
		"kept":             {"      - {table: salesorder, link: customerid, do: keep, why: Bookkeeping}\n", row{"statecode": 1, "statuscode": 3}, "done"},
		"open":             {anonymizeOrders, row{"description": "still open"}, "done"},
		"nothing to erase": {"      - {table: salesorder, link: customerid, do: anonymize, erase: [shipto_name], why: Bookkeeping}\n", row{"statecode": 1, "statuscode": 3}, "done"},
		"anonymised":       {anonymizeOrders, row{"statecode": 1, "statuscode": 3}, "failed row-closed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withRules(tt.rules))
			yvonne(w)
			w.create("salesorder", "order", row{"name": "S-1", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_contactname": "Yvonne McKay"})
			w.update("salesorder", "order", tt.state)
			w.run()
			w.advance(60)
			w.client = w.colleague()
			w.run()
			if got := w.outcomes()[id("yvonne")]; got != tt.want {
				t.Errorf("outcome %q, want %q", got, tt.want)
			}
		})
	}
}

// A closed quote that is to go cannot be emptied before: a job deletes it that leaves nothing in the recycle bin.
func TestClosedRowsAreDeletedWithoutBeingEmptied(t *testing.T) {
	w := newWorld(t, withRules("      - {table: quote, link: customerid, do: delete}\n"))
	yvonne(w)
	w.create("quote", "quote", row{"name": "Q for Yvonne McKay", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_contactname": "Yvonne McKay"})
	w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
	w.run()
	w.advance(60)
	as := w.client
	w.client = w.colleague()
	s := w.run()
	w.client = as
	if s.Status != ledger.Done || s.Purged() != 1 || w.get("quote", "quote") != nil {
		t.Errorf("%s, failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	w.nothingFound("Yvonne")
}

func TestPreviewAndCountTellOfClosedRows(t *testing.T) {
	w := newWorld(t, withRules(anonymizeOrders))
	yvonne(w)
	order(w, "order")
	order(w, "another")
	for name, tt := range map[string]struct {
		client *dataverse.Client
		code   string
		rows   int
	}{"administrator": {w.client, "", 0}, "colleague": {w.colleague(), "row-closed", 2}} {
		checked := w.checked(tt.client)
		all, err := purge.Preview(t.Context(), tt.client, checked, evaluate.EvaluateOptions{Today: retention.DateOf(tt.client.Now(), checked.Policy.TimeZone)}, "contact", []uuid.UUID{id("yvonne")})
		w.must(err)
		if len(all) != 1 || all[0].Code != tt.code {
			t.Errorf("%s: forecast %+v", name, all)
		}
		closed, err := inventory.ClosedRows(t.Context(), tt.client, checked)
		w.must(err)
		n := 0
		for _, c := range closed {
			n += c.Rows
		}
		if n != tt.rows {
			t.Errorf("%s: %+v", name, closed)
		}
	}
}

// The role may come through a team, and who may not even read roles has it by no way.
func TestAdministratorByTeam(t *testing.T) {
	w := newWorldOf(t, withRules(anonymizeOrders), emulator.Options{})
	yvonne(w)
	order(w, "order")
	c := w.colleague()
	ctx := t.Context()
	me, err := c.WhoAmI(ctx)
	w.must(err)
	var admin uuid.UUID
	for r, err := range w.client.Rows(ctx, dataverse.Query{Table: "role", Select: []string{"roleid"}, Filter: "name eq 'System Administrator'"}) {
		w.must(err)
		admin = r.ID("roleid")
	}
	team := w.create("team", "purgers", row{"name": "Purgers", "teamtype": 0, "businessunitid@odata.bind": "/businessunits(" + me.BusinessUnitID.String() + ")"})
	w.must(w.client.Call(ctx, "POST", "teams("+team.String()+")/teamroles_association/$ref", row{"@odata.id": w.url + "/api/data/v9.2/roles(" + admin.String() + ")"}, nil))
	w.must(w.client.Call(ctx, "POST", "teams("+team.String()+")/teammembership_association/$ref", row{"@odata.id": w.url + "/api/data/v9.2/systemusers(" + me.UserID.String() + ")"}, nil))
	closed, err := inventory.ClosedRows(ctx, c, w.checked(c))
	w.must(err)
	if len(closed) != 0 {
		t.Errorf("locked for a member of the administrators' team: %+v", closed)
	}
}
