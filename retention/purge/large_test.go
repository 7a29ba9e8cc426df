package purge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// small makes ten operations fill a change set.
func small(d *purge.Deps) { purge.SetOperations(d, 10) }

// busy is somebody with more rows of every kind than a small change set holds.
func busy(w *world) {
	yvonne(w)
	to := func(who string, mask int) row {
		return row{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": mask}
	}
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon", "emailaddress1": "paul@example.com"})
	w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "paul")})
	w.create("quote", "quote", row{"name": "Q-1", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
	w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
	for i := range 6 {
		n := fmt.Sprint(i)
		w.create("email", "mail "+n, row{"subject": "Hello Yvonne McKay " + n, "email_activity_parties": []row{to("yvonne", 2)}})
		w.create("annotation", "note "+n, row{"subject": "McKay " + n, "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
		w.create("annotation", "mail note "+n, row{"subject": "McKay mail " + n, "objectid_email@odata.bind": bindTo("emails", "mail "+n)})
	}
	for i := range 3 {
		n := fmt.Sprint(i)
		w.update("email", "mail "+n, row{"statecode": 1, "statuscode": 3})
		w.create("email", "shared "+n, row{"subject": "Meeting " + n, "email_activity_parties": []row{to("yvonne", 1), to("paul", 2)}})
		w.create("email", "accept "+n, row{"subject": "We accept " + n, "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote"), "email_activity_parties": []row{to("yvonne", 1)}})
		w.create("connection", "link "+n, row{"description": "McKay knows them", "record1id_contact@odata.bind": bindTo("contacts", "yvonne"), "record2id_account@odata.bind": bindTo("accounts", "adventure")})
	}
}

func TestLargePersonGoesInStages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	busy(w)
	w.run()
	w.advance(60)
	s := w.run(small)
	if s.Status != ledger.Done || s.Purged() != 1 || w.get("contact", "yvonne") != nil {
		t.Fatalf("status %s, purged %d, outcomes %v, residue %v", s.Status, s.Purged(), w.outcomes(), s.Residue)
	}
	for _, text := range []string{"Yvonne", "McKay"} {
		w.nothingFound(text, "row email.sender", "row email.torecipients", "row activityparty", id("accept 0").String(), id("accept 1").String(), id("accept 2").String())
	}
	want := map[string]purge.TableTally{
		"email": {Table: "email", Deleted: 6, Kept: 3, Shared: 3}, "annotation": {Table: "annotation", Deleted: 12},
	}
	for _, tally := range s.Related {
		if x, ok := want[tally.Table]; ok && x != tally {
			t.Errorf("counted %+v, want %+v", tally, x)
		}
	}
	if n := w.count(ledger.Ahead); n < 5 {
		t.Errorf("%d stages went ahead", n)
	}
	w.advance(1)
	if s = w.run(small); s.Resumed.Sweeps != 1 || len(s.Failures) != 0 {
		t.Errorf("the run after: %+v", s.Resumed)
	}
}

func TestLargePersonAmongOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	busy(w)
	for _, n := range []string{"ann", "bob", "cid"} { // canaries, and one of the same chunk
		w.create("contact", n, row{"lastname": "Goner " + n})
		w.create("email", "both "+n, row{"subject": "Goner", "email_activity_parties": []row{
			{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1},
			{"partyid_contact@odata.bind": bindTo("contacts", n), "participationtypemask": 2}}})
	}
	w.run()
	w.advance(60)
	s := w.run(small)
	if s.Status != ledger.Done || s.Purged() != 4 {
		t.Fatalf("status %s, purged %d, outcomes %v, residue %v", s.Status, s.Purged(), w.outcomes(), s.Residue)
	}
	w.nothingFound("Goner")
	w.nothingFound("mail note")
}

// count is how many entries of a kind the ledger holds.
func (w *world) count(kind ledger.Kind) int {
	w.t.Helper()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	n := 0
	for r, err := range l.Records(w.t.Context()) {
		w.must(err)
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// What stops between two stages leaves a person who is whole but for the rows that went.
func TestWhatAppearsBetweenStagesStopsThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		meddle     func(w *world)
	}{
		{"a ground", "skipped justified", func(w *world) {
			w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
		}},
		{"a legal hold", "skipped legal-hold", func(w *world) { w.update("contact", "yvonne", row{"gallra_legalhold": true}) }},
		{"an extension", "skipped justified", func(w *world) {
			w.update("contact", "yvonne", row{"gallra_retainuntil": "2026-12-01", "gallra_retainreason": "new project"})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, pol)
			busy(w)
			w.run()
			w.advance(60)
			sets := 0
			s := w.run(small, func(d *purge.Deps) {
				d.Progress = func(p purge.Progress) {
					if p.Phase == "stage" {
						if sets++; sets == 2 {
							tt.meddle(w)
						}
					}
				}
			})
			if s.Purged() != 0 || w.outcomes()[id("yvonne")] != tt.want || sets != 2 {
				t.Fatalf("%d purged, outcome %q, %d stages", s.Purged(), w.outcomes()[id("yvonne")], sets)
			}
			if r := w.get("contact", "yvonne"); r.Text("lastname") != "McKay" || r.Text("address1_line1") != "Storgatan 11" || !r.Null("gallra_anonymizedon") {
				t.Errorf("half anonymised: %v", r)
			}
			left := 0
			for i := range 6 {
				if w.get("email", fmt.Sprintf("mail %d", i)) != nil {
					left++
				}
			}
			if left == 0 {
				t.Error("the stages went on")
			}
			w.advance(1)
			// The audit history of what went is deleted, and whoever was rescued is left alone.
			s = w.run(small)
			if s.Resumed.Sweeps != 1 || s.Resumed.Purges != 0 || s.Purged() != 0 {
				t.Errorf("the run after: %+v, purged %d", s.Resumed, s.Purged())
			}
		})
	}
}

func TestWhoIsBoundIsLeftBeforeTheFirstStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(pol, "    purge: delete\n", "    purge: delete\n    whenBound: fail\n", 1))
	busy(w)
	w.create("quote", "zz", row{"name": "Q-2", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.advance(60)
	before := w.dump("email", "annotation", "contact")
	s := w.run(small)
	if got := w.outcomes()[id("yvonne")]; s.Purged() != 0 || got != "failed bound" {
		t.Errorf("%d purged, outcome %q", s.Purged(), got)
	}
	if diff := differ(before, w.dump("email", "annotation", "contact")); diff != "" {
		t.Errorf("rows were written:\n%s", diff)
	}
}

func TestLargePersonIsBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	busy(w)
	w.create("quote", "zz", row{"name": "Q-2", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.advance(60)
	s := w.run(small)
	r := w.get("contact", "yvonne")
	if s.Purged() != 1 || s.Subjects[0].Bound != 1 || r == nil || r.Text("lastname") != "(purged)" || w.get("quote", "zz") == nil {
		t.Errorf("purged %d, %+v, outcomes %v", s.Purged(), s.Subjects[0], w.outcomes())
	}
}

// Somebody asked, the run was cut between two stages: the next night's run finishes it, without dates, by what was asked.
func TestStagesOfARequestAreFinishedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	busy(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	d := w.requestDeps("erase", small)
	sets := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.Progress = func(p purge.Progress) {
		if p.Phase == "stage" {
			if sets++; sets == 3 {
				cancel()
			}
		}
	}
	if _, err := purge.Erase(ctx, d, []evaluate.PersonRef{contact("yvonne")}, []string{"primary-contact"}); err == nil {
		t.Fatal("the erasure took no notice of its end")
	}
	if w.get("contact", "yvonne").Text("lastname") != "McKay" {
		t.Fatal("half anonymised")
	}
	s := w.run(small)
	if w.get("contact", "yvonne") != nil || s.Resumed.Purges != 1 || s.Purged() != 1 {
		t.Errorf("resumed %+v, purged %d, outcomes %v", s.Resumed, s.Purged(), w.outcomes())
	}
}

// TestTwelveHundredEmails purges somebody with more related rows than fit ten change sets, which are a tenth of the
// service's here.
func TestTwelveHundredEmails(t *testing.T) {
	t.Parallel()
	newWorld(t, pol).manyEmails(1_200, func(d *purge.Deps) { purge.SetOperations(d, 100) })
}

// BenchmarkTwelveThousandEmails is the same with change sets as large as the service takes them.
//
//	go test ./retention/purge -run '^$' -bench TwelveThousand -benchtime 1x -v
func BenchmarkTwelveThousandEmails(b *testing.B) {
	for b.Loop() {
		newWorld(b, pol).manyEmails(12_000)
	}
}

// manyEmails purges somebody to whom so many e-mails went.
func (w *world) manyEmails(emails int, change ...func(*purge.Deps)) {
	w.t.Helper()
	yvonne(w)
	var records []emulator.Record
	for i := range emails {
		mail := id(fmt.Sprint("mail ", i))
		records = append(records,
			emulator.Record{Table: "email", ID: mail, Values: row{"subject": fmt.Sprint("Yvonne McKay ", i)}},
			emulator.Record{Table: "activityparty", ID: id(fmt.Sprint("party ", i)), Values: row{"activityid": emulator.Ref("email", mail),
				"partyid": emulator.Ref("contact", id("yvonne")), "participationtypemask": 2, "addressused": "yvonne.mckay@example.com"}})
	}
	w.must(w.server.Load(records...))
	w.run(change...)
	w.advance(60)
	w.control("stats", row{})
	s := w.run(change...)
	requests := w.requests()
	deleted := 0
	for _, tally := range s.Related {
		if tally.Table == "email" {
			deleted = tally.Deleted
		}
	}
	stages := w.count(ledger.Ahead)
	if s.Purged() != 1 || s.Status != ledger.Done || deleted != emails || stages < 10 {
		w.t.Fatalf("status %s, purged %d in %d stages, %+v, outcomes %v", s.Status, s.Purged(), stages, s.Related, w.outcomes())
	}
	w.t.Logf("%d requests, %d stages", requests, stages)
	w.nothingFound("McKay")
}

// Where as many rows come as go, by a plug-in or a feed, a purge ends all the same: the person is left to the next run.
func TestRowsThatComeAnewForEverEndThePurge(t *testing.T) {
	t.Parallel()
	const enough = 60
	many := func(w *world, n int) {
		for i := range 12 {
			w.create("annotation", fmt.Sprint("anew ", n, " ", i), row{"subject": "again", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
		}
	}
	for _, name := range []string{"between stages", "before the delete"} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, pol, emulator.Options{}, "no-address-rows") // whose change sets have several parts
			if yvonne(w); name == "between stages" {
				many(w, -1)
			}
			w.run()
			w.advance(60)
			came := 0
			s := w.run(small, func(d *purge.Deps) {
				d.Client = &meddler{d.Client, func(parts []dataverse.Part) {
					sends := slices.ContainsFunc(parts, func(p dataverse.Part) bool { return len(p.Set) > 1 })
					if r := w.get("contact", "yvonne"); sends && r != nil && came < enough && (name == "between stages" || !r.Null("gallra_anonymizedon") || came == 0) {
						came++
						many(w, came)
					}
				}}
			})
			if came == enough || s.Purged() != 0 {
				t.Errorf("rows came %d times, purged %d, outcome %s", came, s.Purged(), w.outcomes()[id("yvonne")])
			}
			if r := w.get("contact", "yvonne"); r == nil {
				t.Error("the person's row was deleted beside rows that nobody had listed")
			}
			w.advance(1)
			if s := w.run(small); s.Purged() != 1 {
				t.Errorf("the run after: purged %d, outcome %s", s.Purged(), w.outcomes()[id("yvonne")])
			}
		})
	}
}
