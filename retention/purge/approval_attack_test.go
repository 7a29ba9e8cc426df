package purge_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

const eyesPolicy = pol + "approval: four-eyes\n"

// TestFourEyesAttacked tries to purge without a second pair of eyes. Each try is refused, and says why in a sentence of its own.
func TestFourEyesAttacked(t *testing.T) {
	t.Parallel()
	const colleague = "colleague"
	tests := []struct {
		name string
		try  func(a *attack)
		want string // in the sentence; empty: it purges
	}{
		{"a colleague approves", func(a *attack) { a.approve(id(colleague)) }, ""},
		{"nobody approves", func(a *attack) {}, "this policy has not been approved, and it asks for four eyes"},
		{"by oneself", func(a *attack) { a.approve(a.me) }, "approved by the identity that runs it"},
		{"by oneself under another name", func(a *attack) {
			// A user has its id from the directory, and nobody can write it: such a one comes of an account that was synchronised twice.
			a.w.must(a.w.server.Load(emulator.Record{Table: "systemuser", ID: id("alias"), Values: row{"firstname": "A", "lastname": "Lias",
				"internalemailaddress": "alias@example.com", "domainname": "alias@example.com", "businessunitid": emulator.Reference{Table: "businessunit", ID: a.unit},
				"azureactivedirectoryobjectid": emulator.ObjectID(emulator.ApplicationID)}}))
			a.approve(id("alias"))
		}, "who is the same identity in the directory as user "},
		{"by the application's id in place of its user's", func(a *attack) { a.approve(emulator.ApplicationID) }, "who is no user of this environment"},
		{"by the directory's id in place of the user's", func(a *attack) { a.approve(emulator.ObjectID(emulator.ApplicationID)) }, "who is no user of this environment"},
		{"by a user of elsewhere", func(a *attack) { a.approve(id("of another environment")) }, "who is no user of this environment"},
		{"approved, and then edited", func(a *attack) {
			a.approve(id(colleague))
			a.w.policy = strings.Replace(eyesPolicy, "statecode eq 0\n", "statecode eq 1\n", 1)
		}, "this policy is not the one that was approved on "},
		{"a comment more", func(a *attack) { a.approve(id(colleague)); a.w.policy += "# harmless\n" }, "this policy is not the one that was approved on "},
		{"the line left out", func(a *attack) {
			a.inForce(id(colleague))
			a.w.policy = pol
		}, "this policy is not the approved one"},
		{"a week and a day later", func(a *attack) { a.approve(id(colleague)); a.w.advance(8) }, "has lapsed"},
		{"a week later", func(a *attack) { a.approve(id(colleague)); a.w.advance(7) }, ""},
		{"approved for a later day", func(a *attack) {
			a.append(ledger.Entry{Kind: ledger.Approved, Policy: a.hash(), Actor: id(colleague), Today: a.today().Add(retention.Period{Days: 1})})
		}, ", and today is "},
		{"an approval that was used before", func(a *attack) {
			a.inForce(id(colleague))
			first := a.w.policy
			a.w.policy += "# another one\n"
			a.inForce(id(colleague))
			a.w.policy = first
		}, "this policy is not the approved one"},
		{"narrower first, without an approval, and then wide", func(a *attack) {
			a.inForce(id(colleague))
			former := a.w.checked(a.w.client)
			a.w.policy = strings.Replace(eyesPolicy, "        table: account\n        link: primarycontactid\n", "", 1) // whoever is active is kept
			narrow := a.w.checked(a.w.client)
			a.w.run(func(d *purge.Deps) { d.Former, d.Run.Actor = former, a.me })
			a.former = narrow // which has run, and has not been approved
			a.w.policy = strings.Replace(eyesPolicy, "purges: 500", "purges: 900", 1)
		}, "this policy is not the approved one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newAttack(t, colleague)
			tt.try(a)
			s, err := a.run()
			if tt.want == "" {
				if err != nil || s.Purged() != 1 {
					t.Errorf("purged %d: %v", s.Purged(), err)
				}
				return
			}
			var stop *purge.StopError
			if !errors.As(err, &stop) || len(stop.Rails) != 1 || stop.Rails[0].Rail != purge.NotApproved || !strings.Contains(stop.Rails[0].Sentence.String(), tt.want) || stop.Remedy() == "" {
				t.Errorf("it ends with %v, want a sentence with %q", err, tt.want)
			}
			if s.Purged() != 0 || a.w.get("contact", "due") == nil {
				t.Error("somebody was purged")
			}
			d := a.w.requestDeps("erase", func(d *purge.Deps) { d.Run.Actor = a.me })
			if _, err := purge.Erase(t.Context(), d, []evaluate.PersonRef{contact("due")}, []string{"primary-contact"}); !errors.As(err, &stop) {
				t.Errorf("an erasure under it: %v", err)
			}
			a.w.verifyLedger()
		})
	}
}

// attack is a world in which somebody's day has come.
type attack struct {
	w        *world
	me, unit uuid.UUID
	former   *compile.Policy
}

func newAttack(t *testing.T, colleague string) *attack {
	w := newWorld(t, eyesPolicy)
	who, err := w.client.WhoAmI(t.Context())
	w.must(err)
	a := &attack{w: w, me: who.UserID, unit: who.BusinessUnitID}
	w.user(colleague)
	w.create("contact", "due", row{"lastname": "Due"})
	if _, err := a.run(); err != nil { // which writes the date, and purges nobody: nobody is due
		var stop *purge.StopError
		if !errors.As(err, &stop) {
			t.Fatal(err)
		}
	}
	w.advance(62)
	return a
}

func (a *attack) run() (*purge.Summary, error) {
	return a.w.tryRun(func(d *purge.Deps) { d.Run.Actor, d.Former = a.me, a.former })
}

func (a *attack) today() retention.Date { return a.w.deps(a.w.client).Today }

func (a *attack) hash() string { return a.w.checked(a.w.client).Policy.Hash }

// approve approves the policy as a user, as the ledger would say it.
func (a *attack) approve(as uuid.UUID) {
	a.w.t.Helper()
	a.w.must(purge.Approve(a.w.t.Context(), a.w.requestDeps("approve", func(d *purge.Deps) { d.Run.Actor = as })))
}

func (a *attack) append(e ledger.Entry) {
	a.w.t.Helper()
	l, err := ledger.Open(a.w.ledgerDir())
	a.w.must(err)
	a.w.must(l.Begin(a.w.t.Context(), ledger.Run{ID: "by-hand", Verb: "approve", Actor: e.Actor, Today: a.today(), Now: a.w.client.Now}))
	a.w.must(l.Append(e))
	a.w.must(l.End(ledger.Done, nil))
}

// inForce brings the policy into force, by an approval that was used.
func (a *attack) inForce(by uuid.UUID) {
	a.w.t.Helper()
	a.append(ledger.Entry{Kind: ledger.Approved, Policy: a.hash(), Actor: by, Today: a.today()})
	a.append(ledger.Entry{Kind: ledger.Adopted, Policy: a.hash(), Actor: by, Today: a.today(), Guard: string(policy.FourEyes)})
}

// TestApprovalFromElsewhere: the file of an approval that is put into another ledger breaks its chain, and what is left of a
// ledger that was cut back to before a policy was replaced is not read.
func TestApprovalFromElsewhere(t *testing.T) {
	t.Parallel()
	theirs := newAttack(t, "colleague")
	held := ledger.Entry{Kind: ledger.Held, Table: "contact", ID: id("due")}
	theirs.append(held)
	theirs.approve(id("colleague"))
	mine := newAttack(t, "colleague")
	names := func(dir string) []string {
		all, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		theirs.w.must(err)
		return all
	}
	all := names(theirs.w.ledgerDir())
	approval := all[len(all)-1]
	text, err := os.ReadFile(approval)
	mine.w.must(err)
	planted := filepath.Join(mine.w.ledgerDir(), "000099-"+strings.SplitN(filepath.Base(approval), "-", 2)[1])
	mine.w.must(os.WriteFile(planted, text, 0o600))
	if _, err := ledger.Open(mine.w.ledgerDir()); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("it is read: %v", err)
	}
	mine.w.must(os.Remove(planted))

	mine.approve(id("colleague"))
	mine.w.policy += "# replaced\n"
	mine.inForce(id("colleague"))
	for _, file := range names(mine.w.ledgerDir())[2:] { // back to the approval of the first one
		mine.w.must(os.Remove(file))
	}
	if _, err := ledger.Open(mine.w.ledgerDir()); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("a ledger without its end is read: %v", err)
	}
}

// TestApproveByAClockThatGoesBack: an approval counts from its day, which has to be one that a run would take.
func TestApproveByAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	a := newAttack(t, "colleague")
	a.append(ledger.Entry{Kind: ledger.Held, Table: "contact", ID: id("due")}) // a run that was not stopped
	a.w.control("clock", map[string]any{"now": day0.Add(-10 * 24 * time.Hour)})
	a.w.client = a.w.connect(6)
	err := purge.Approve(t.Context(), a.w.requestDeps("approve", func(d *purge.Deps) { d.Run.Actor = id("colleague") }))
	var stop *purge.StopError
	if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.Clock {
		t.Errorf("it is approved: %v", err)
	}
}
