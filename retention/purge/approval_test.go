package purge

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

func TestConsent(t *testing.T) {
	day := func(text string) retention.Date {
		d, err := retention.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	hash := func(n string) string { return "sha256:" + strings.Repeat(n, 64) }
	runner, approver, other := uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}
	today := day("2026-11-24")
	approved := func(policy string, who uuid.UUID, on string) ledger.Entry {
		return ledger.Entry{Kind: ledger.Approved, Policy: hash(policy), Actor: who, Today: day(on)}
	}
	adopted := func(policy string, who uuid.UUID, guard string) ledger.Entry {
		return ledger.Entry{Kind: ledger.Adopted, Policy: hash(policy), Actor: who, Today: day("2026-01-01"), Guard: guard}
	}
	const eyes = string(policy.FourEyes)
	tests := []struct {
		name    string
		entries []ledger.Entry
		policy  string
		asks    bool
		by      uuid.UUID // whose approval lets it run; Nil: none is needed
		stops   string    // why it stops
	}{
		{"it does not ask", nil, "a", false, uuid.Nil, ""},
		{"the first one", nil, "a", true, uuid.Nil, "has not been approved"},
		{"approved by another", []ledger.Entry{approved("a", approver, "2026-11-24")}, "a", true, approver, ""},
		{"on the last day", []ledger.Entry{approved("a", approver, "2026-11-17")}, "a", true, approver, ""},
		{"a day too late", []ledger.Entry{approved("a", approver, "2026-11-16")}, "a", true, uuid.Nil, "has lapsed"},
		{"approved anew after it lapsed", []ledger.Entry{approved("a", approver, "2026-10-01"), approved("a", other, "2026-11-20")}, "a", true, other, ""},
		{"approved for a day to come", []ledger.Entry{approved("a", approver, "2026-11-25")}, "a", true, uuid.Nil, "is of 25 November 2026, and today is 24 November 2026"},
		{"approved by oneself", []ledger.Entry{approved("a", runner, "2026-11-24")}, "a", true, uuid.Nil, "identity that runs it"},
		{"another one was approved", []ledger.Entry{approved("b", approver, "2026-11-23")}, "a", true, uuid.Nil, "is not the one that was approved on 23 November 2026 (sha256:bbbbbbbbbbbb"},
		{"approved and then edited, with one in force", []ledger.Entry{adopted("c", approver, eyes), approved("b", approver, "2026-11-24")}, "a", true, uuid.Nil, "is not the one that was approved on 24 November 2026"},
		{"widened again after a narrower one came into force", []ledger.Entry{adopted("a", approver, eyes), approved("b", approver, "2026-11-20"), adopted("b", approver, eyes)}, "a", true, uuid.Nil, "is not the approved one"},
		{"an approval that was used before, of one that was in force before", []ledger.Entry{approved("a", approver, "2026-11-23"), adopted("a", approver, eyes), approved("b", other, "2026-11-24"), adopted("b", other, eyes)}, "a", true, uuid.Nil, "is not the approved one"},
		{"in force, long ago", []ledger.Entry{adopted("a", approver, eyes)}, "a", true, uuid.Nil, ""},
		{"in force by the approval of who runs it now", []ledger.Entry{adopted("a", runner, eyes)}, "a", true, uuid.Nil, "identity that runs it"},
		{"in force by oneself, and approved by another", []ledger.Entry{adopted("a", runner, eyes), approved("a", other, "2026-11-24")}, "a", true, other, ""},
		{"changed", []ledger.Entry{adopted("a", approver, eyes)}, "b", true, uuid.Nil, "is not the approved one"},
		{"changed by leaving the rule out", []ledger.Entry{adopted("a", approver, eyes)}, "b", false, uuid.Nil, "is not the approved one"},
		{"approved without the rule, and not run yet", []ledger.Entry{adopted("a", approver, eyes), approved("b", approver, "2026-11-24")}, "c", false, uuid.Nil, "is not the one that was approved"},
		{"left with an approval", []ledger.Entry{adopted("a", approver, eyes), adopted("b", approver, "")}, "c", false, uuid.Nil, ""},
		{"back to one that was in force before", []ledger.Entry{adopted("a", approver, eyes), adopted("b", approver, eyes)}, "a", true, uuid.Nil, "is not the approved one"},
		{"approved before another came into force", []ledger.Entry{approved("b", approver, "2026-11-23"), adopted("a", approver, eyes)}, "b", true, uuid.Nil, "is not the approved one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := ledger.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Begin(t.Context(), ledger.Run{ID: "one", Verb: "run", Now: func() time.Time { return today.Time() }}); err != nil {
				t.Fatal(err)
			}
			if err := l.Append(tt.entries...); err != nil {
				t.Fatal(err)
			}
			if err := l.End(ledger.Done, nil); err != nil {
				t.Fatal(err)
			}
			if l, err = ledger.Open(dir); err != nil { // as the next run reads it
				t.Fatal(err)
			}
			got, rail := consent(l, &policy.Policy{Hash: hash(tt.policy), Approval: map[bool]policy.Approval{true: policy.FourEyes}[tt.asks]}, runner, today)
			switch {
			case tt.stops == "" && rail != nil:
				t.Errorf("it stops: %s", rail.Sentence)
			case tt.stops != "" && (rail == nil || !strings.Contains(rail.Sentence.String(), tt.stops) || rail.Rail != NotApproved || rail.Remedy.IsZero()):
				t.Errorf("it stops with %+v, want something about %q", rail, tt.stops)
			case got.Actor != tt.by:
				t.Errorf("by the approval of %v, want %v", got.Actor, tt.by)
			}
		})
	}
}

func TestSameCare(t *testing.T) {
	base := func() *policy.Policy {
		return &policy.Policy{TimeZone: time.UTC, Approval: policy.FourEyes, Notice: retention.Period{Months: 2}, Limits: policy.Limits{Purges: 500, Share: .05, Canary: 5},
			Subjects: []policy.Subject{{Table: "contact", Purge: policy.Delete, Grounds: []policy.Ground{{ID: "one"}},
				Related: []policy.RelatedRule{{Table: "email", Do: policy.Retain}}}}}
	}
	tests := []struct {
		name   string
		change func(*policy.Policy)
		want   bool
	}{
		{"nothing", func(*policy.Policy) {}, true},
		{"the files and where a word stands in them", func(p *policy.Policy) {
			p.Dir, p.Files, p.Sources = "elsewhere", []string{"b.yaml"}, map[string][]string{"b.yaml": {"version: 1"}}
			p.At = map[string]policy.Place{"notice": {}}
			p.Subjects[0].Pos.Line, p.Subjects[0].At = 7, map[string]policy.Place{"purge": {}}
		}, true},
		{"whom it keeps", func(p *policy.Policy) { p.Subjects[0].Grounds = nil }, true},
		{"the notice", func(p *policy.Policy) { p.Notice = retention.Period{Days: 1} }, true}, // the persons are compared
		{"a lower limit", func(p *policy.Policy) { p.Limits.Purges = 100 }, true},
		{"a higher limit", func(p *policy.Policy) { p.Limits.Purges = 501 }, false},
		{"a larger share", func(p *policy.Policy) { p.Limits.Share = 1 }, false},
		{"no canary", func(p *policy.Policy) { p.Limits.Canary = 0 }, false},
		{"no four eyes", func(p *policy.Policy) { p.Approval = policy.NoApproval }, false},
		{"lists on top of four eyes", func(p *policy.Policy) { p.Approval = policy.ByList }, true},
		{"what it deletes", func(p *policy.Policy) { p.Subjects[0].Related[0].Do = policy.Delete }, false},
		{"one more table", func(p *policy.Policy) { p.Subjects = append(p.Subjects, policy.Subject{Table: "lead"}) }, false},
		{"another environment", func(p *policy.Policy) { p.Environment.Organization = uuid.NewString() }, false},
		{"another calendar", func(p *policy.Policy) { p.TimeZone = time.FixedZone("x", 3600) }, false},
	}
	for _, tt := range tests {
		changed := base()
		tt.change(changed)
		if got := SameCare(base(), changed); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAListGoesIntoTheLedgerInPortions: each entry names persons of one table and date, at most a thousand, and together they name
// everybody once.
func TestAListGoesIntoTheLedgerInPortions(t *testing.T) {
	hash, day := "sha256:"+strings.Repeat("a", 64), retention.NewDate(2026, 11, 20)
	d := Deps{Policy: &compile.Policy{Policy: &policy.Policy{Hash: hash}}, Run: ledger.Run{Actor: uuid.New()}, Today: day + 4}
	var list []Named
	for i := range 3*heldAtOnce + 7 {
		n := Named{Table: "contact", ID: uuid.New(), PurgeOn: day}
		switch {
		case i%heldAtOnce == 3:
			n.Table = "lead"
		case i%3 == 0:
			n.PurgeOn++
		}
		list = append(list, n)
	}
	named := make(map[Named]int)
	entries := approvals(d, list)
	for _, e := range entries {
		if e.Kind != ledger.Approved || e.Policy != hash || e.Actor != d.Run.Actor || e.Today != d.Today || len(e.Rows) != 1 {
			t.Errorf("an entry %+v", e)
		}
		for table, ids := range e.Rows {
			if len(ids) > heldAtOnce {
				t.Errorf("%d persons in one entry", len(ids))
			}
			for _, id := range ids {
				named[Named{table, id, e.PurgeOn}]++
			}
		}
	}
	for _, n := range list {
		if named[n] != 1 {
			t.Errorf("%+v is named %d times", n, named[n])
		}
	}
	if len(named) != len(list) || len(entries) != 6 { // 2 of the later date, 3 of the first, and the leads
		t.Errorf("%d persons in %d entries", len(named), len(entries))
	}
	if alone := approvals(d, nil); len(alone) != 1 || alone[0].Rows != nil {
		t.Errorf("without a list: %+v", alone)
	}
}
