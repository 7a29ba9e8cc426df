package purge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// A plug-in that refuses the new owner, or the new state, leaves the row as it was: not archived, named, and archived once it does not
// refuse any more. The others go on.
func TestPlugInsThatRefuseToArchive(t *testing.T) {
	for _, message := range []string{"Assign", "SetState"} {
		for _, stage := range []string{"PreOperation", "PostOperation"} {
			t.Run(message+" "+stage, func(t *testing.T) {
				t.Parallel()
				w := stagesWorld(t)
				w.create("contact", "bert", row{"lastname": "Of bert"})
				w.run()
				w.advance(31)
				w.must(w.server.AddHooks(emulator.Hook{Table: "contact", Message: message, Stage: stage, Row: id("ada").String(), Refuse: &emulator.Refusal{Message: "Of ada stays ours"}}))
				s := w.run()
				ada, bert := w.get("contact", "ada"), w.get("contact", "bert")
				if state, _ := ada.Int("statecode"); state != 0 || ada.Target("ownerid") != "systemuser" || ada.Text("jobtitle") != "Buyer" {
					t.Errorf("she is half archived: state %d, owner %s", state, ada.Target("ownerid"))
				}
				if bert.Target("ownerid") != "team" || s.Stages["archive"] != 1 {
					t.Errorf("he waits for her: %v", s.Stages)
				}
				if s.Status != ledger.Partial || len(s.Failures) != 1 || s.Failures[0].ID != id("ada") || strings.Contains(fmt.Sprint(s.Failures), "stays ours") {
					t.Errorf("%s, %v", s.Status, s.Failures)
				}
				w.server.ClearHooks()
				w.advance(1)
				if s := w.run(); s.Status != ledger.Done || s.Stages["archive"] != 1 || w.get("contact", "ada").Target("ownerid") != "team" {
					t.Errorf("without the plug-in: %s, %v, %v", s.Status, s.Stages, s.Failures)
				}
			})
		}
	}
}

// A closed activity is reopened so that it can be emptied. Where a plug-in refuses that, its person is left whole and named; others go on.
func TestPlugInsThatRefuseToReopen(t *testing.T) {
	t.Parallel()
	w := hooked(t)
	w.create("phonecall", "call", row{"subject": "Call McKay", "phonecall_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 2}}})
	w.update("phonecall", "call", row{"statecode": 1, "statuscode": 2})
	w.must(w.server.AddHooks(emulator.Hook{Table: "phonecall", Message: "SetState", Refuse: &emulator.Refusal{}}))
	s := w.run(by(w.actor()))
	if s.Status != ledger.Partial || s.Purged() != 2 || len(s.Failures) != 1 || s.Failures[0].ID != id("yvonne") {
		t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
	}
	if y, call := w.get("contact", "yvonne"), w.get("phonecall", "call"); y == nil || y.Text("lastname") != "McKay" || call == nil || call.Text("subject") != "Call McKay" {
		t.Errorf("she is neither whole nor erased: %v, %v", y, call)
	}
	w.server.ClearHooks()
	w.advance(1)
	if s := w.run(by(w.actor())); s.Status != ledger.Done || s.Purged() != 1 {
		t.Errorf("without the plug-in: %s, purged %d, %v", s.Status, s.Purged(), s.Failures)
	}
	w.run(by(w.actor()))
	w.nothingFound("McKay")
}

// Rows that a plug-in hangs on what is about to be deleted go with it, and what it makes of rows that go tells nothing of the person: they
// were emptied before.
func TestRowsThatAPlugInMakesOfWhatGoes(t *testing.T) {
	t.Parallel()
	w := hooked(t,
		emulator.Hook{Table: "contact", Message: "Delete", Stage: "PreOperation", Create: []emulator.NewRow{{Table: "annotation",
			Values: map[string]any{"subject": "last of {before.fullname}", "objectid_contact@odata.bind": "/contacts({id})"}}}},
		emulator.Hook{Table: "annotation", Message: "Delete", Stage: "PostOperation", RunAs: "system", Create: []emulator.NewRow{{Table: "task", Values: map[string]any{"subject": "note gone: {before.subject} {before.notetext}"}}}},
		emulator.Hook{Table: "annotation", Message: "Delete", Stage: "PreOperation", Create: []emulator.NewRow{{Table: "task", Values: map[string]any{"subject": "note goes: {before.subject}"}}}})
	if s := w.run(by(w.actor())); s.Status != ledger.Done || s.Purged() != 3 {
		t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
	}
	w.run(by(w.actor()))
	if n := len(w.server.Rows("task")); n == 0 {
		t.Error("the plug-ins made nothing")
	}
	if n := len(w.server.Rows("annotation")); n != 0 {
		t.Errorf("%d notes are left", n)
	}
	for _, text := range []string{"McKay", "Cannon"} {
		w.nothingFound(text)
	}
}

// What comes to belong to a person between the last look and the write goes also where the row stays as an anonymous one, whoever made it.
func TestRowsThatComeForWhoeverStaysAnonymous(t *testing.T) {
	note := row{"subject": "was Leadman", "objectid_lead@odata.bind": bindTo("leads", "lee")}
	for name, come := range map[string]func(w *world, d *purge.Deps){
		"by a plug-in": func(w *world, _ *purge.Deps) {
			w.must(w.server.AddHooks(emulator.Hook{Table: "lead", Message: "Update", Stage: "PostOperation", Columns: []string{"lastname"}, Count: 1,
				Create: []emulator.NewRow{{Table: "annotation", Values: map[string]any{"subject": "was {before.fullname}", "objectid_lead@odata.bind": "/leads({id})"}}}}))
		},
		"by a colleague": func(w *world, d *purge.Deps) {
			came := false
			d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
				for _, p := range parts {
					if !came && len(p.Set) > 0 && strings.Contains(p.Set[len(p.Set)-1].Path, id("lee").String()) {
						came = true
						w.create("annotation", "late", note)
					}
				}
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := hooked(t)
			s := w.run(by(w.actor()), func(d *purge.Deps) { come(w, d) })
			if s.Status != ledger.Done || s.Purged() != 3 {
				t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
			}
			if n := len(w.server.Rows("annotation")); n != 0 {
				t.Errorf("%d notes are left", n)
			}
			w.run(by(w.actor()))
			w.nothingFound("Leadman")
		})
	}
}

// A plug-in that copies what it sees a related row lose leaves the copy in a row that nothing leads to: the run names it.
func TestALogOfRelatedRowsIsNamed(t *testing.T) {
	t.Parallel()
	w := hooked(t, emulator.Hook{Table: "annotation", Message: "Update", Stage: "PostOperation", RunAs: "system",
		Create: []emulator.NewRow{{Table: "task", Values: map[string]any{"subject": "changed: {before.subject}"}}}})
	s := w.run(by(w.actor()))
	if s.Status != ledger.Done || s.Purged() != 3 {
		t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
	}
	if len(w.found("McKay")) == 0 {
		t.Fatal("the plug-in has copied nothing")
	}
	if !slices.ContainsFunc(s.Mentions, func(f search.Finding) bool { return f.Where == "made" && f.Person.ID == id("yvonne") }) {
		t.Errorf("a copy of her note stays, and nobody is told: %v", s.Mentions)
	}
}

// Rows that go by a job go as they are: a plug-in that copies what goes leaves the copy, and the run names it.
func TestALogOfRowsThatGoByAJobIsNamed(t *testing.T) {
	t.Parallel()
	for _, as := range []string{"caller", "system"} {
		w := newWorldOf(t, "purge: {engine: bulk-delete}\n"+pol[1:], emulator.Options{JobStep: -1})
		yvonne(w)
		w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
		w.run(by(w.actor()))
		w.advance(60)
		w.must(w.server.AddHooks(emulator.Hook{Table: "annotation", Message: "Delete", RunAs: as, Create: []emulator.NewRow{{Table: "task", Values: map[string]any{"subject": "note gone: {before.subject}"}}}}))
		s := w.run(by(w.actor()))
		if s.Status != ledger.Done || s.Purged() != 1 {
			t.Errorf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
		}
		if len(w.found("McKay")) == 0 {
			t.Errorf("as the %s: the plug-in has copied nothing", as)
		} else if !slices.ContainsFunc(s.Mentions, func(f search.Finding) bool { return f.Where == "made" && f.Person.ID == id("yvonne") }) {
			t.Errorf("as the %s: a copy of her note stays, and nobody is told: %v", as, s.Mentions)
		}
	}
}

// A plug-in that fills a column in again hours later, when the run has long ended: the next run takes the mark off,
// and whoever the row speaks of again is judged and purged like everybody, with a notice.
func TestAColumnThatIsFilledInHoursLater(t *testing.T) {
	t.Parallel()
	w := hooked(t, refill("lead", func(h *emulator.Hook) { h.RunAs, h.Async, h.Delay = "system", true, "3h" }))
	if s := w.run(by(w.actor())); s.Status != ledger.Done || s.Purged() != 3 {
		t.Fatalf("%s, purged %d, %v", s.Status, s.Purged(), s.Failures)
	}
	w.advance(1)
	s := w.run(by(w.actor()))
	if lee := w.get("lead", "lee"); lee.Text("lastname") != "Leadman" {
		t.Fatalf("the plug-in has not filled it in: %v", lee.Text("lastname"))
	}
	if s.Unmarked != 1 {
		t.Errorf("the row says whose it is, and bears the mark of an anonymous one: %s, mentioned %v", s.Status, s.Mentioned())
	}
	w.server.ClearHooks()
	w.advance(62)
	if s := w.run(by(w.actor())); s.Status != ledger.Done || s.Purged() != 1 {
		t.Errorf("after another notice: %s, purged %d", s.Status, s.Purged())
	}
	w.nothingFound("Leadman")
}

// What staff merge into another row before the day is one human being with it: nobody is purged twice, nothing of either stays, and a
// plug-in of the merge that writes into both changes nothing of that.
func TestPlugInsOfAMerge(t *testing.T) {
	for name, h := range map[string]emulator.Hook{
		"none":                   {},
		"that writes a remark":   {Table: "contact", Message: "Merge", Stage: "PostOperation", Set: map[string]any{"description": "merged: {fullname}"}},
		"that hangs a note on":   {Table: "contact", Message: "Merge", Create: []emulator.NewRow{{Table: "annotation", Values: map[string]any{"subject": "merged: {before.fullname}", "objectid_contact@odata.bind": "/contacts({id})"}}}},
		"that closes an old one": {Table: "contact", Message: "Merge", Stage: "PostOperation", RunAs: "system", Set: map[string]any{"statecode": 1, "statuscode": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := hooked(t)
			if h.Message != "" {
				w.must(w.server.AddHooks(h))
			}
			one := func(who string) row {
				return row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id(who).String()}
			}
			w.create("contact", "kept", row{"firstname": "Kim", "lastname": "Abercrombie"})
			w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "kept")})
			w.call("POST", "Merge", row{"Target": one("kept"), "Subordinate": one("paul"), "PerformParentingChecks": false})
			w.call("POST", "Merge", row{"Target": one("yvonne"), "Subordinate": func() row {
				w.create("contact", "twin", row{"firstname": "Yvonne", "lastname": "McKay"})
				return one("twin")
			}(), "PerformParentingChecks": false})
			for range 2 {
				w.run(by(w.actor()))
				w.advance(61)
			}
			w.run(by(w.actor()))
			if r := w.get("contact", "kept"); r == nil || r.Text("lastname") != "Abercrombie" {
				t.Errorf("somebody justified was purged: %v", r)
			}
			w.nothingFound("McKay")
		})
	}
}
