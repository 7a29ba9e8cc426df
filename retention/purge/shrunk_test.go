package purge_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// Promise of docs/security.md: a ground that suddenly justifies fewer than half of those it did purges nobody.
func TestGroundThatShrinksStopsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.ReplaceAll(pol, "        mayBeEmpty: true\n", ""))
	for i := range 15 {
		who := fmt.Sprintf("person %d", i)
		w.create("contact", who, row{"lastname": who})
		w.create("account", "account "+who, row{"name": who, "primarycontactid@odata.bind": bindTo("contacts", who)})
	}
	w.run()
	for i := range 14 {
		w.update("account", fmt.Sprintf("account person %d", i), row{"statecode": 1, "statuscode": 2})
	}
	_, err := w.tryRun()
	var stop *purge.StopError
	if !errors.As(err, &stop) || stop.Rails[0].Rail != policy.GroundShrunk {
		t.Fatalf("not stopped: %v", err)
	}
	if on := w.get("contact", "person 3").Text("gallra_purgescheduledon"); on != "" {
		t.Errorf("a purge date was written: %s", on)
	}
	w.policy = strings.Replace(w.policy, "canary: 2}", "canary: 2, bypass: [ground-shrunk]}", 1)
	if _, err := w.tryRun(); !errors.As(err, &stop) {
		t.Errorf("passed over without the flag: %v", err)
	}
	w.run(func(d *purge.Deps) { d.Bypass = []policy.Rail{policy.GroundShrunk} })
	if on := w.get("contact", "person 3").Text("gallra_purgescheduledon"); on == "" {
		t.Error("passed over knowingly, and no date was written")
	}
}

// What purges have taken of a ground's rows is no alarm, however the rows lead to the person and whatever became of them. What is
// missing besides still is one; where nobody can tell how many went, it is one that none is left.
func TestGroundThatPurgesShrinkStopsNothing(t *testing.T) {
	t.Parallel()
	deal := func(w *world, name string, columns row) {
		columns["name"] = name
		w.create("opportunity", name, columns)
	}
	ofContact := func(w *world, name, who string) {
		deal(w, name, row{"parentcontactid@odata.bind": bindTo("contacts", who)})
	}
	for _, tt := range []struct {
		name, ground, rules string
		make                func(w *world, name, who string)
		set                 string
		untold              bool // how many of the rows went
	}{
		{name: "activities of every kind", ground: "{table: activitypointer, party: any", rules: "      - {table: '*', do: delete}", set: "phonecalls",
			make: func(w *world, name, who string) {
				w.create("phonecall", name, row{"subject": name, "phonecall_activity_parties": []row{{"participationtypemask": 2, "partyid_contact@odata.bind": bindTo("contacts", who)}}})
			}},
		{name: "activities that regard them", ground: "{table: activitypointer, link: regardingobjectid", rules: "      - {table: '*', do: delete}", set: "tasks",
			make: func(w *world, name, who string) {
				w.create("task", name, row{"subject": name, "regardingobjectid_contact_task@odata.bind": bindTo("contacts", who)})
			}},
		{name: "rows that stay", ground: "{table: opportunity, link: parentcontactid", rules: "      - {table: opportunity, link: parentcontactid, do: keep, why: Figures}\n      - {table: '*', do: delete}", set: "opportunities", make: ofContact},
		{name: "rows that stay by their kind", ground: "{table: opportunity, link: parentcontactid", rules: "      - {set: sales}\n      - {table: '*', do: delete}", set: "opportunities", make: ofContact},
		{name: "rows by value", ground: "{table: opportunity, link: emailaddress = emailaddress1", rules: "      - {table: opportunity, link: emailaddress = emailaddress1, do: keep, why: Figures}\n      - {table: '*', do: delete}", set: "opportunities",
			make: func(w *world, name, who string) { deal(w, name, row{"emailaddress": who + "@example.com"}) }},
		{name: "rows that are left", ground: "{table: account, link: primarycontactid", rules: "      - {table: account, do: leave, why: Figures}\n      - {table: '*', do: delete}", set: "accounts", untold: true,
			make: func(w *world, name, who string) {
				w.create("account", name, row{"name": name, "primarycontactid@odata.bind": bindTo("contacts", who)})
			}},
		{name: "rows over others", ground: "{table: opportunity, link: parentaccountid/primarycontactid", rules: "      - {set: sales}\n      - {table: '*', do: delete}", set: "opportunities", untold: true,
			make: func(w *world, name, who string) {
				deal(w, name, row{"parentaccountid@odata.bind": bindTo("accounts", who+" firm")})
			}},
		{name: "rows of FetchXML", ground: "{fetchXml: deals.xml", rules: "      - {table: opportunity, link: parentcontactid, do: keep, why: Figures}\n      - {table: '*', do: delete}", set: "opportunities", make: ofContact},
	} {
		lost, rail := 8, policy.GroundShrunk // of the twelve of who stays
		if tt.untold {
			lost, rail = 12, policy.GroundEmpty
		}
		purged := func(t *testing.T) *world {
			after := ", after: createdon"
			if strings.Contains(tt.ground, "fetchXml") {
				after = ""
			}
			w := newWorld(t, `
version: 1
environment: {organization: ORGANIZATION}
timeZone: UTC
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    whenBound: anonymize
    grounds:
      - `+tt.ground+after+`, id: follow-up, basis: contract, why: Agreed, trigger: Agreed, keep: 1 month}
    related:
`+tt.rules)
			w.must(os.WriteFile(filepath.Join(w.dir, "deals.xml"), []byte(`<fetch><entity name="opportunity"><attribute name="createdon" alias="after"/><attribute name="parentcontactid" alias="person"/></entity></fetch>`), 0o600))
			for _, who := range []string{"anna", "bert", "kim"} {
				w.create("contact", who, row{"lastname": who, "emailaddress1": who + "@example.com"})
				if strings.Contains(tt.ground, "parentaccountid") {
					w.create("account", who+" firm", row{"name": "Firm", "primarycontactid@odata.bind": bindTo("contacts", who)})
				}
				for i := range map[string]int{"anna": 15, "bert": 15, "kim": 12}[who] {
					tt.make(w, fmt.Sprintf("%s %d", who, i), who)
				}
			}
			w.update("contact", "kim", row{"gallra_retainuntil": "2026-12-31", "gallra_retainreason": "Works here"})
			w.advance(100)
			w.run()
			w.advance(62)
			if s := w.run(); s.Purged() != 2 {
				t.Fatalf("%d were purged: %v", s.Purged(), w.outcomes())
			}
			return w
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := purged(t)
			if _, err := w.tryRun(); err != nil {
				t.Fatalf("stopped by what it has purged itself: %v", err)
			}
		})
		t.Run(tt.name+", and others", func(t *testing.T) {
			t.Parallel()
			w := purged(t)
			for i := range lost {
				w.call(http.MethodDelete, tt.set+"("+id(fmt.Sprintf("kim %d", i)).String()+")", nil)
			}
			_, err := w.tryRun()
			var stop *purge.StopError
			if !errors.As(err, &stop) || stop.Rails[0].Rail != rail {
				t.Fatalf("not stopped by %s: %v", rail, err)
			}
		})
	}
}
