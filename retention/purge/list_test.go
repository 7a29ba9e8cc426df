package purge_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

const listPolicy = pol + "approval: list\n"

// listed is a world of three persons whose day has come, under a policy that asks for an approved list.
type listed struct {
	*attack
	t *testing.T
}

const (
	listColleague = "colleague"
	listDay       = "2026-03-10" // on which their date came
)

func newListed(t *testing.T, text string) *listed { return newListedOf(t, text, 60) }

func newListedOf(t *testing.T, text string, days int) *listed {
	w := newWorld(t, text)
	who, err := w.client.WhoAmI(t.Context())
	w.must(err)
	l := &listed{&attack{w: w, me: who.UserID, unit: who.BusinessUnitID}, t}
	w.user(listColleague)
	for _, name := range []string{"anna", "bo", "cia"} {
		w.create("contact", name, row{"lastname": strings.ToUpper(name)})
	}
	l.stopped("has not been approved")
	w.advance(days)
	return l
}

// list approves persons as a user, by a purge date.
func (l *listed) list(as uuid.UUID, on string, names ...string) {
	l.t.Helper()
	date, err := retention.ParseDate(on)
	l.w.must(err)
	var all []purge.Named
	for _, name := range names {
		all = append(all, purge.Named{Table: "contact", ID: id(name), PurgeOn: date})
	}
	l.w.must(purge.Approve(l.t.Context(), l.w.requestDeps("approve", func(d *purge.Deps) { d.Run.Actor = as }), all...))
}

// night runs and says who is still there and how many wait for an approval.
func (l *listed) night(left string, waiting int) *purge.Summary {
	l.t.Helper()
	s, err := l.run()
	l.w.must(err)
	var there []string
	for _, name := range []string{"anna", "bo", "cia"} {
		if l.w.get("contact", name) != nil {
			there = append(there, name)
		}
	}
	if got := strings.Join(there, " "); got != left || s.Unapproved() != waiting {
		l.t.Errorf("left are %q and %d wait, want %q and %d", got, s.Unapproved(), left, waiting)
	}
	if s.Status != ledger.Done || s.Failed() > 0 {
		l.t.Errorf("the run ends %s with %v", s.Status, s.Failures)
	}
	return s
}

// stopped runs and is stopped by the guard rail of the approval.
func (l *listed) stopped(why string) {
	l.t.Helper()
	s, err := l.run()
	var stop *purge.StopError
	if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.NotApproved || !strings.Contains(stop.Rails[0].Sentence.String(), why) || s.Purged() > 0 {
		l.t.Errorf("purged %d: %v, want a stop with %q", s.Purged(), err, why)
	}
}

// TestListPurgesWhoIsNamed: a run purges whoever is due and named by somebody else under this policy, and leaves the others.
func TestListPurgesWhoIsNamed(t *testing.T) {
	t.Parallel()
	l := newListed(t, strings.Replace(listPolicy, "purges: 500", "purges: 1", 1))
	l.stopped("has not been approved") // the policy itself
	l.list(id(listColleague), listDay, "bo")
	s := l.night("anna cia", 2) // three are due, and the limit of one counts who goes
	if s.Past() != 3 || s.Due != 1 || s.Subjects[0].Deleted != 1 {
		t.Errorf("%d past, %d due: %+v", s.Past(), s.Due, s.Subjects)
	}
	runs := l.w.deps(l.w.client).Ledger.Runs()
	if n := runs[len(runs)-1].Counts["unapproved contact"]; n != 2 {
		t.Errorf("the ledger counts %d who wait", n)
	}
	l.night("anna cia", 2) // once approved the policy is in force: that they wait stops nothing
	l.list(l.me, listDay, "anna")
	l.night("anna cia", 2) // by oneself
	l.list(id(listColleague), listDay, "anna")
	l.night("cia", 1)

	// What is asked for is in no plan: the approved policy is enough.
	d := l.w.requestDeps("erase", func(d *purge.Deps) { d.Run.Actor = l.me })
	if s, err := purge.Erase(t.Context(), d, []evaluate.PersonRef{contact("cia")}, nil); err != nil || s.Purged() != 1 {
		t.Errorf("an erasure: %v", err)
	}
	l.w.verifyLedger()
}

// TestListApprovalsThatDoNotCount: another policy, too late, another date.
func TestListApprovalsThatDoNotCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(l *listed)
		left string
		wait int
	}{
		{"a week later", func(l *listed) { l.list(id(listColleague), listDay, "anna"); l.w.advance(7) }, "bo cia", 2},
		{"a week and a day later", func(l *listed) {
			l.list(id(listColleague), listDay, "anna")
			l.w.advance(4)
			l.list(id(listColleague), listDay, "bo") // the policy stays approved
			l.w.advance(4)
		}, "anna cia", 2},
		{"another policy", func(l *listed) {
			l.list(id(listColleague), listDay, "anna")
			l.night("bo cia", 2)
			l.list(id(listColleague), listDay, "bo")
			l.w.policy += "# changed\n"
			l.list(id(listColleague), listDay, "cia")
		}, "bo", 1},
		{"back to the policy of before", func(l *listed) {
			l.list(id(listColleague), listDay, "anna", "bo")
			first := l.w.policy
			l.w.policy += "# changed\n"
			l.list(id(listColleague), listDay, "cia")
			l.night("anna bo", 2)
			l.w.policy = first
			l.w.must(purge.Approve(l.t.Context(), l.w.requestDeps("approve", func(d *purge.Deps) { d.Run.Actor = id(listColleague) })))
		}, "anna bo", 2},
		{"another date", func(l *listed) {
			l.list(id(listColleague), "2026-03-09", "anna")
			l.list(id(listColleague), listDay, "bo")
		}, "anna cia", 2},
		{"by a user of elsewhere", func(l *listed) { l.list(id("stranger"), listDay, "anna"); l.list(id(listColleague), listDay, "bo") }, "anna cia", 2},
		{"put off by hand", func(l *listed) {
			l.list(id(listColleague), listDay, "anna", "bo")
			l.w.update("contact", "anna", row{"gallra_purgescheduledon": "2026-03-13", "gallra_retainreason": "on holiday"})
			l.w.advance(4)
		}, "anna cia", 2},
		{"rescued and scheduled again", func(l *listed) {
			l.list(id(listColleague), listDay, "anna", "bo")
			l.w.create("opportunity", "deal", row{"name": "Deal", "parentcontactid@odata.bind": bindTo("contacts", "anna")})
			l.night("anna cia", 1)
			l.w.must(l.w.client.Do(l.t.Context(), dataverse.Operation{Method: http.MethodDelete, Path: bindTo("opportunities", "deal")}, nil))
			l.night("anna cia", 1)
			l.list(id(listColleague), listDay, "anna") // by the date of before
			l.w.advance(62)
			l.list(id(listColleague), listDay, "bo", "anna")
		}, "anna cia", 2},
		{"a legal hold in between", func(l *listed) {
			l.list(id(listColleague), listDay, "anna", "bo")
			l.w.update("contact", "anna", row{"gallra_legalhold": true})
			l.night("anna cia", 1)
			l.w.update("contact", "anna", row{"gallra_legalhold": false})
		}, "anna cia", 1}, // her notice begins again
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newListed(t, listPolicy)
			l.t = t
			tt.do(l)
			l.night(tt.left, tt.wait)
		})
	}
}

// TestListEndsWithARescue: whoever was rescued and scheduled again since needs a new approval, though it is for the same date.
func TestListEndsWithARescue(t *testing.T) {
	t.Parallel()
	l := newListedOf(t, "notice: 3 days\n"+strings.TrimPrefix(listPolicy, "\n"), 0)
	const date = "2026-01-13"
	l.list(id(listColleague), date, "anna", "bo")
	l.w.create("opportunity", "deal", row{"name": "Deal", "parentcontactid@odata.bind": bindTo("contacts", "anna")})
	l.night("anna bo cia", 0)
	l.w.must(l.w.client.Do(t.Context(), dataverse.Operation{Method: http.MethodDelete, Path: bindTo("opportunities", "deal")}, nil))
	l.night("anna bo cia", 0)
	if on := l.w.get("contact", "anna").Text("gallra_purgescheduledon"); on != date {
		t.Fatalf("she has %s", on)
	}
	l.w.advance(3)
	l.night("anna cia", 2)
}

// TestListCannotBeLeftOut: dropping the line, or asking for less, needs an approval of the policy.
func TestListCannotBeLeftOut(t *testing.T) {
	t.Parallel()
	l := newListed(t, listPolicy)
	l.list(id(listColleague), listDay, "bo")
	l.night("anna cia", 2)
	former := l.w.checked(l.w.client)
	for _, text := range []string{pol, eyesPolicy} {
		l.w.policy, l.former = text, former
		l.stopped("this policy is not the approved one")
	}
	l.approve(id(listColleague))
	l.night("", 0) // four eyes, approved: everybody who is due
}

// TestListAndRelatedPersons: a related row that is a person in its own right goes with another only when it is on the list itself.
func TestListAndRelatedPersons(t *testing.T) {
	t.Parallel()
	l := newListed(t, strings.Replace(listPolicy, "    related:\n", "    related:\n      - {table: lead, link: customerid, do: delete}\n", 1))
	l.w.create("lead", "of anna", row{"lastname": "Anna", "subject": "Boats", "customerid_contact@odata.bind": bindTo("contacts", "anna")})
	l.night0(t)
	l.w.advance(62)
	lead := l.w.get("lead", "of anna").Text("gallra_purgescheduledon")
	l.list(id(listColleague), listDay, "anna")
	if _, err := l.run(); err != nil {
		t.Fatal(err)
	}
	if x := l.w.get("lead", "of anna"); x == nil || x.Text("lastname") != "Anna" {
		t.Fatalf("the lead went without an approval: %v", x)
	}
	date, err := retention.ParseDate(lead)
	l.w.must(err)
	l.w.must(purge.Approve(t.Context(), l.w.requestDeps("approve", func(d *purge.Deps) { d.Run.Actor = id(listColleague) }),
		purge.Named{Table: "lead", ID: id("of anna"), PurgeOn: date}))
	if _, err := l.run(); err != nil {
		t.Fatal(err)
	}
	if x := l.w.get("lead", "of anna"); x != nil && x.Text("lastname") == "Anna" {
		t.Errorf("the lead is on the list and still there: %v", x)
	}
}

// night0 is a night of which nothing is expected but that it writes dates.
func (l *listed) night0(t *testing.T) {
	t.Helper()
	if s, err := l.run(); s == nil {
		t.Fatal(err)
	}
}
