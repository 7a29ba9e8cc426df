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
)

// hooked is a CRM with plug-ins in which the day of three persons has come: Yvonne with a note, Paul, and the lead Lee, who stays
// anonymous.
func hooked(t *testing.T, hooks ...emulator.Hook) *world {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon"})
	w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.create("lead", "lee", row{"firstname": "Lee", "lastname": "Leadman", "emailaddress1": "lee@example.com"})
	w.run(by(w.actor()))
	w.advance(60)
	w.must(w.server.AddHooks(hooks...))
	return w
}

// refill is a plug-in that fills in again what somebody empties.
func refill(table string, change func(*emulator.Hook)) emulator.Hook {
	h := emulator.Hook{Table: table, Message: "Update", Stage: "PostOperation", Columns: []string{"lastname"}, Set: map[string]any{"lastname": "{before.lastname}"}}
	if change != nil {
		change(&h)
	}
	return h
}

// failed are the persons who failed, each with the code.
func failed(s *purge.Summary) (all []string) {
	for _, f := range s.Failures {
		all = append(all, fmt.Sprint(f.Table, " ", f.Code))
	}
	slices.Sort(all)
	return all
}

// A column that a plug-in fills in again is found before anybody says that the person is purged, whoever it writes as and
// whenever; nobody new is begun where nobody could be finished; and once the plug-in is gone the next run empties the column again
// and ends the purge.
func TestColumnsThatAPlugInFillsInAgain(t *testing.T) {
	for name, change := range map[string]func(*emulator.Hook){
		"as the caller":          nil,
		"before the operation":   func(h *emulator.Hook) { h.Stage = "PreOperation" },
		"as the system":          func(h *emulator.Hook) { h.RunAs = "system" },
		"later, as the system":   func(h *emulator.Hook) { h.RunAs, h.Async = "system", true },
		"into another column":    func(h *emulator.Hook) { h.RunAs, h.Set = "system", map[string]any{"jobtitle": "was {before.fullname}"} },
		"another, as the caller": func(h *emulator.Hook) { h.Set = map[string]any{"jobtitle": "was {before.fullname}"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := hooked(t, refill("contact", change), refill("lead", change))
			s, err := w.tryRun(by(w.actor()))
			var stop *purge.StopError
			if !errors.As(err, &stop) || s.Purged() != 0 || !slices.Equal(failed(s), []string{"contact columns-remain", "contact columns-remain"}) {
				t.Fatalf("%v, purged %d, failed %v", err, s.Purged(), failed(s))
			}
			if strings.Contains(err.Error(), "McKay") {
				t.Errorf("the error names her: %v", err)
			}
			for _, who := range []string{"yvonne", "paul", "lee"} {
				if got := w.outcomes()[id(who)]; got != "" {
					t.Errorf("the ledger says of %s: %s", who, got)
				}
			}
			w.server.ClearHooks()
			w.advance(1)
			if s := w.run(by(w.actor())); s.Status != ledger.Done || s.Purged() != 3 {
				t.Errorf("without the plug-in: %s, purged %d, failed %v", s.Status, s.Purged(), failed(s))
			}
			w.run(by(w.actor()))
			for _, text := range []string{"McKay", "Cannon", "Leadman"} {
				w.nothingFound(text)
			}
		})
	}
}

// A person who stays anonymous and whose column was filled in again is named every night, and no other person waits for them.
func TestAnonymousRowsThatAPlugInFillsInAgain(t *testing.T) {
	t.Parallel()
	w := hooked(t, refill("lead", nil))
	for night := range 2 {
		s := w.run(by(w.actor()))
		if s.Status != ledger.Partial || !slices.Equal(failed(s), []string{"lead columns-remain"}) || s.Purged() != 2-2*night {
			t.Errorf("night %d: %s, purged %d, failed %v", night, s.Status, s.Purged(), failed(s))
		}
		w.advance(1)
	}
	if got := w.outcomes()[id("lee")]; got != "" {
		t.Errorf("the ledger says: %s", got)
	}
}

// Whoever cannot be deleted, since a plug-in refuses it for ever, is stuck and named every night. As others were deleted beside them,
// others go on, that night and the nights after.
func TestADeleteThatIsRefusedForEver(t *testing.T) {
	t.Parallel()
	w := hooked(t, emulator.Hook{Table: "contact", Message: "Delete", Row: id("yvonne").String(), Refuse: &emulator.Refusal{Message: "Yvonne McKay is kept"}})
	for night := range 3 {
		s := w.run(by(w.actor()))
		if s.Status != ledger.Partial || len(s.Failures) != 1 || s.Failures[0].ID != id("yvonne") || s.Failures[0].Code != "not-deleted" {
			t.Errorf("night %d: %s, %v", night, s.Status, s.Failures)
		}
		if night == 1 {
			w.create("contact", "late", row{"lastname": "Later"})
			w.run(by(w.actor()))
			w.advance(62)
		}
	}
	if w.get("contact", "paul") != nil || w.get("contact", "late") != nil || w.get("annotation", "note") != nil {
		t.Error("somebody waits for her")
	}
	if r := w.get("contact", "yvonne"); r == nil || r.Text("lastname") == "McKay" {
		t.Errorf("her row: %v", r)
	}
	w.server.ClearHooks()
	if s := w.run(by(w.actor())); s.Status != ledger.Done {
		t.Errorf("without the plug-in: %s, %v", s.Status, s.Failures)
	}
	w.nothingFound("McKay")
}

// A row of a person's that may not go, or an update that is refused, leaves the person whole; others go on.
func TestPlugInsThatRefuseTheChangeSet(t *testing.T) {
	for name, h := range map[string]emulator.Hook{
		"the delete of a note": {Table: "annotation", Message: "Delete", Refuse: &emulator.Refusal{Code: "0x80040265", Message: "About Yvonne McKay"}},
		"her update":           {Table: "contact", Message: "Update", Row: id("yvonne").String(), Refuse: &emulator.Refusal{}},
		"at the end of it":     {Table: "contact", Message: "Update", Stage: "PostOperation", Row: id("yvonne").String(), Refuse: &emulator.Refusal{Code: "0x80048d19", Status: 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := hooked(t, h)
			before := w.dump("contact", "annotation")
			s := w.run(by(w.actor()))
			if s.Status != ledger.Partial || s.Purged() != 2 || len(s.Failures) != 1 || s.Failures[0].ID != id("yvonne") || s.Failures[0].Begun {
				t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
			}
			key := "contact " + id("yvonne").String()
			if diff := differ(map[string]row{key: withoutOurs(before[key])}, map[string]row{key: withoutOurs(w.dump("contact")[key])}); diff != "" || w.get("annotation", "note") == nil {
				t.Errorf("she is neither whole nor erased: %s", diff)
			}
		})
	}
}

// Rows that a plug-in makes of a delete hold no more than the anonymous row did; rows that one hangs on the person when the change set
// is carried out go with the others.
func TestRowsThatAPlugInMakes(t *testing.T) {
	t.Parallel()
	w := hooked(t,
		emulator.Hook{Table: "contact", Message: "Delete", Stage: "PostOperation", Create: []emulator.NewRow{{Table: "task", Values: map[string]any{"subject": "gone: {before.fullname} {before.emailaddress1} {id}"}}}},
		emulator.Hook{Table: "contact", Message: "Update", Stage: "PostOperation", Columns: []string{"lastname"}, Create: []emulator.NewRow{{Table: "annotation",
			Values: map[string]any{"subject": "was {before.fullname}", "objectid_contact@odata.bind": "/contacts({id})"}}}},
		emulator.Hook{Table: "contact", Message: "Delete", Stage: "PostOperation", Create: []emulator.NewRow{{Table: "contact", Values: map[string]any{"lastname": "Again {before.lastname}"}}}})
	if s := w.run(by(w.actor())); s.Status != ledger.Done || s.Purged() != 3 {
		t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
	}
	w.run(by(w.actor()))
	if n := len(w.server.Rows("task")); n != 2 {
		t.Errorf("%d rows were made of two deletes", n)
	}
	for _, text := range []string{"McKay", "Cannon", "yvonne"} {
		w.nothingFound(text)
	}
}

// A plug-in that logs each change copies the name into a row that nothing leads to. The run finds it and names it, whoever the plug-in
// writes as, and names no row that others have made meanwhile.
func TestALogThatAPlugInKeepsIsNamed(t *testing.T) {
	for _, as := range []string{"caller", "system"} {
		t.Run(as, func(t *testing.T) {
			t.Parallel()
			w := hooked(t, emulator.Hook{Table: "contact", Message: "Update", Stage: "PostOperation", Columns: []string{"lastname"}, RunAs: as, Row: id("yvonne").String(),
				Create: []emulator.NewRow{{Table: "task", Values: map[string]any{"subject": "changed: {before.fullname}", "description": "was {before.emailaddress1}"}}}})
			w.call("POST", "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Log", "DisplayName": labelled("Log"), "DisplayCollectionName": labelled("Logs"), "OwnershipType": "UserOwned",
				"IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []row{{"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Name", "DisplayName": labelled("Name"), "RequiredLevel": row{"Value": "None"}, "FormatName": row{"Value": "Text"}, "IsPrimaryName": true, "MaxLength": 100}}})
			w.must(w.server.AddHooks(emulator.Hook{Table: "contact", Message: "Update", Stage: "PostOperation", Columns: []string{"lastname"}, RunAs: as, Async: true, Row: id("yvonne").String(),
				Create: []emulator.NewRow{{Table: "new_log", Values: map[string]any{"new_name": "{before.fullname}"}}}}))
			w.client = w.connect(6)
			unit := w.server.Rows("businessunit")[0].ID
			w.must(w.server.Load(emulator.Record{Table: "systemuser", ID: id("anna"), Values: map[string]any{"firstname": "Anna", "lastname": "Seller", "domainname": "anna@example.com", "businessunitid": emulator.Ref("businessunit", unit)}},
				emulator.Record{Table: "annotation", Values: map[string]any{"subject": "Call Yvonne McKay back", "createdby": emulator.Ref("systemuser", id("anna"))}}))
			s := w.run(by(w.actor()))
			if s.Status != ledger.Done || s.Purged() != 3 {
				t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
			}
			var named []string
			for _, f := range s.Mentions {
				if f.Where == "made" {
					named = append(named, fmt.Sprint(f.Table, " ", f.Count))
					if f.Person.ID != id("yvonne") {
						t.Errorf("of %v", f.Person)
					}
				}
			}
			if slices.Sort(named); !slices.Equal(named, []string{"activitypointer 2", "new_log 1"}) {
				t.Errorf("named: %v", named)
			}
		})
	}
}

// An update that takes longer than gallra waits is carried out all the same: the run looks what became of it, nothing happens twice,
// and nobody is left half erased.
func TestAnUpdateThatTakesLongerThanARequestMay(t *testing.T) {
	t.Parallel()
	w := hooked(t, emulator.Hook{Table: "contact", Message: "Update", Stage: "PostOperation", Row: id("yvonne").String(), Delay: "4s", Count: 1})
	client := w.connectWith(func(o *dataverse.Options) { o.Retries, o.Timeout = 4, 2*time.Second })
	s, err := w.tryRun(by(w.actor()), func(d *purge.Deps) { d.Client = client })
	if err != nil || s.Status != ledger.Done || s.Purged() != 3 {
		t.Errorf("%v, %s, purged %d, %v", err, s.Status, s.Purged(), s.Failures)
	}
	w.run(by(w.actor()))
	for _, r := range w.server.Hooks() {
		if r.Hits != 1 {
			t.Errorf("%d hits", r.Hits)
		}
	}
	w.nothingFound("McKay")
	if n := w.doneOnce()[id("yvonne")]; n != 1 {
		t.Errorf("the ledger says %d times that she was purged", n)
	}
}
