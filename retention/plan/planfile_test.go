package plan

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

func planText(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := examplePlan().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReviewedPlan: a plan survives its file, and of it only what is decided again is carried out.
func TestReviewedPlan(t *testing.T) {
	r, err := ReadPlan(strings.NewReader(planText(t)))
	if err != nil {
		t.Fatal(err)
	}
	if r.Count() != 3 {
		t.Errorf("%d decisions, want 3: keep is none", r.Count())
	}
	id := func(n byte) (id uuid.UUID) { id[15] = n; return }
	for _, tt := range []struct {
		name   string
		table  string
		id     uuid.UUID
		action retention.Action
		want   bool
	}{
		{"the same", "contact", id(3), retention.Purge, true},
		{"rescued meanwhile", "contact", id(1), retention.Clear, false},
		{"of another table", "lead", id(3), retention.Purge, false},
		{"not in the plan", "contact", id(7), retention.Purge, false},
	} {
		if got := r.Still(tt.table, tt.id, tt.action); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if r.Confirmed() != 1 {
		t.Errorf("%d confirmed, want 1", r.Confirmed())
	}
	// Whoever approves a plan approves that persons go by its dates, not that they are scheduled or rescued.
	if !r.Names("contact", id(3), date("2026-11-20")) || r.Names("contact", id(3), date("2026-11-21")) || r.Names("lead", id(3), date("2026-11-20")) ||
		r.Names("contact", id(1), date("2027-01-24")) || r.Names("contact", id(2), 0) || r.Names("contact", id(7), 0) {
		t.Error("the plan names others than who goes by it")
	}
	if r.Named(date("2026-11-20")) != 1 || r.Named(date("2026-11-19")) != 0 {
		t.Errorf("it names %d until their day and %d before", r.Named(date("2026-11-20")), r.Named(date("2026-11-19")))
	}
}

// TestReadPlanWhateverEditorSavedIt: a review on Windows makes no other plan of it.
func TestReadPlanWhateverEditorSavedIt(t *testing.T) {
	whole := planText(t)
	want, err := ReadPlan(strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	crlf := strings.ReplaceAll(whole, "\n", "\r\n")
	for name, text := range map[string]string{
		"a byte order mark": "\ufeff" + whole, "the line ends of Windows": crlf, "both": "\ufeff" + crlf,
		"no line end at the end": strings.TrimSpace(whole), "a blank line at the end": crlf + "\r\n",
		"what --json prints of related rows": whole + `{"kind":"tally","table":"email","place":"email.party","deleted":3}` + "\n",
	} {
		got, err := ReadPlan(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Reviewed{}, said{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadPlanRefuses(t *testing.T) {
	whole := planText(t)
	lines := slices.Collect(strings.Lines(whole))
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", "not a plan: the file is empty"},
		{"text", "hello\n", "not a plan: line 1: not JSON"},
		{"a mark and nothing else", "\ufeff", "not a plan: the file is empty"},
		{"a mark within", lines[0] + "\ufeff" + lines[1], "not a plan: line 2: not JSON"},
		{"UTF-16", "\xff\xfe{\x00", "not a plan: it is in UTF-16, as > of Windows PowerShell writes it; gallra plan --out FILE writes UTF-8"},
		{"no header", strings.Join(lines[1:], ""), "not a plan: line 1: a plan begins with its header, and has one"},
		{"two headers", lines[0] + lines[0], "not a plan: line 2: a plan begins with its header, and has one"},
		{"cut off", strings.Join(lines[:3], ""), "not a plan: it breaks off before its totals"},
		{"two plans in one", whole + lines[1], "not a plan: line 7: something follows the totals"},
		{"a person twice", lines[0] + lines[1] + lines[1], "not a plan: line 3: a second decision about contact 00000000-0000-0000-0000-000000000001"},
		{"an action of its own", strings.Replace(whole, `"purge"`, `"erase"`, 1), `not a plan: line 4: unknown action "erase"`},
		{"outcomes of a run", lines[0] + `{"kind":"outcome"}`, `not a plan: line 2: unknown kind "outcome"`},
		{"a key of its own", strings.Replace(whole, `"ground":null`, `"name":"Anna"`, 1), "not a plan: line 4: not a line as gallra plan writes it"},
	} {
		_, err := ReadPlan(strings.NewReader(tt.text))
		var file *PlanFileError
		if !errors.As(err, &file) || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestReviewedPlanFits(t *testing.T) {
	c := &compile.Policy{Organization: uuid.UUID{15: 9}, Policy: &policy.Policy{Hash: "sha256:00"}}
	for _, tt := range []struct {
		name  string
		today string
		with  func(*compile.Policy)
		want  string // empty: it fits
	}{
		{"the same day", "2026-11-24", nil, ""},
		{"later in the month", "2026-11-30", nil, ""},
		{"the next month", "2026-12-01", nil, "the plan is of 24 November 2026, an earlier month, and today is 1 December 2026"},
		{"the same month a year on", "2027-11-24", nil, "the plan is of 24 November 2026, an earlier month, and today is 24 November 2027"},
		{"a forecast", "2026-11-23", nil, "the plan looks ahead to 24 November 2026, and today is 23 November 2026"},
		{"another policy", "2026-11-24", func(c *compile.Policy) { c.Policy = &policy.Policy{Hash: "sha256:01"} },
			"the plan was made with another policy (sha256:00, and this one is sha256:01)"},
		{"another organisation", "2026-11-24", func(c *compile.Policy) { c.Organization[15] = 8 },
			"the plan is for the organisation 00000000-0000-0000-0000-000000000009, and this environment is 00000000-0000-0000-0000-000000000008"},
	} {
		r, err := ReadPlan(strings.NewReader(planText(t)))
		if err != nil {
			t.Fatal(err)
		}
		other := *c
		if tt.with != nil {
			tt.with(&other)
		}
		err = r.Fits(&other, date(tt.today))
		var stale *StalePlanError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (!errors.As(err, &stale) || err.Error() != tt.want || stale.Hint() == ""):
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestComing(t *testing.T) {
	p := examplePlan() // for Tuesday, 24 November 2026
	p.Decisions = append(p.Decisions,
		Planned{Decision: retention.Decision{Action: retention.Wait, PurgeOn: date("2026-11-29"), Term: retention.Term{Ground: retention.NoGround}}}, // the Sunday of this week
		Planned{Decision: retention.Decision{Action: retention.Wait, PurgeOn: date("2026-11-30"), Term: retention.Term{Ground: retention.ByHand}}},   // the Monday after
		Planned{Decision: retention.Decision{Action: retention.Move, PurgeOn: date("2026-12-06"), Term: retention.Term{Ground: retention.ByHand}}},   // its Sunday
		Planned{Decision: retention.Decision{Action: retention.Wait, PurgeOn: date("2026-12-01"), Term: retention.Term{Ground: retention.NoGround}}}, //
		Planned{Decision: retention.Decision{Action: retention.Hold, PurgeOn: date("2026-12-01"), Term: retention.Term{Ground: retention.NoGround}}}, // is not coming
		Planned{Decision: retention.Decision{Action: retention.Wait, PurgeOn: date("2030-01-01"), Term: retention.Term{Ground: retention.NoGround}}}) // far ahead
	want := []Coming{
		{Persons: 1, Grounds: []GroundShare{{"", 1}}},
		{Monday: date("2026-11-23"), Persons: 1, Grounds: []GroundShare{{"", 1}}},
		{Monday: date("2026-11-30"), Persons: 3, Grounds: []GroundShare{{retention.ManualExtension, 2}, {"", 1}}},
		{Monday: date("2026-12-21"), Later: true, Persons: 2, Grounds: []GroundShare{{"", 1}, {"closed-opportunity", 1}}},
	}
	if diff := cmp.Diff(want, p.Coming(4)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSinceLastRun(t *testing.T) {
	p := examplePlan()
	p.Decisions = append(p.Decisions, Planned{Decision: retention.Decision{Action: retention.Hold}}, Planned{Decision: retention.Decision{Action: retention.Hold}, Person: evaluate.PersonRow{Person: retention.Person{Trace: retention.Trace{Held: true}}}},
		Planned{Decision: retention.Decision{Action: retention.Wait}, Person: evaluate.PersonRow{Person: retention.Person{Trace: retention.Trace{PurgeOn: date("2027-01-01")}}}})
	got := p.SinceLastRun(func(_, ground string) (int, bool) { return 2, ground == "closed-opportunity" })
	want := Changes{Schedule: 1, Clear: 1, Purge: 1, Held: 1, ByHand: 1, Grounds: []GroundChange{{"contact", "closed-opportunity", 2, 3}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlanOnly(t *testing.T) {
	p := examplePlan().Only(func(d *Planned) bool { return d.Action == retention.Purge })
	if len(p.Decisions) != 1 || p.Count(retention.Purge) != 1 || p.Count(retention.Schedule) != 0 || p.Tables[0].Persons != 40 {
		t.Errorf("%d decisions, %+v", len(p.Decisions), p.Tables)
	}
}

// TestPlansAreWhatTheirReaderTakes: whatever dates stand in a CRM, the plan that is made of them can be read again.
func TestPlansAreWhatTheirReaderTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		anyDate := rapid.Custom(func(t *rapid.T) retention.Date {
			near := rapid.SampledFrom([]retention.Date{0, retention.First, date("2026-11-24"), retention.Last, retention.Open}).Draw(t, "near")
			if near == 0 || near == retention.Open {
				return near
			}
			return min(max(near+retention.Date(rapid.IntRange(-400, 400).Draw(t, "off")), retention.First), retention.Last)
		})
		p := examplePlan()
		rules := retention.Rules{Notice: retention.Period{Years: rapid.IntRange(0, 1000).Draw(t, "notice")}, ManualExtension: retention.Period{Years: rapid.IntRange(0, 1000).Draw(t, "extension")}}
		who := retention.Person{ID: uuid.UUID{15: 9}, Term: retention.Term{Until: anyDate.Draw(t, "until"), Trigger: anyDate.Draw(t, "trigger"), Ground: retention.OtherRow}}
		who.PurgeOn, who.NoticedOn, who.ExtendedUntil, who.ExtendReason = anyDate.Draw(t, "on"), anyDate.Draw(t, "noticed"), anyDate.Draw(t, "extended"), true
		who.Trace = retention.Trace{PurgeOn: anyDate.Draw(t, "trace"), NoticedOn: date("2026-01-01")}
		decision := retention.Decide(who, rules, date("2026-11-24"))
		p.Decisions = []Planned{{Person: evaluate.PersonRow{Person: who, Table: "contact"}, Decision: decision, rules: &rules}}
		var b bytes.Buffer
		if err := p.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPlan(&b); err != nil {
			t.Fatalf("%+v came to %+v: %v", who, decision, err)
		}
	})
}
