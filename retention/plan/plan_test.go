package plan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

func examplePlan() *Plan {
	id := func(n byte) (id uuid.UUID) { id[15] = n; return }
	ground := &compile.Ground{Ground: &policy.Ground{ID: "closed-opportunity", Trigger: "Opportunity closed", After: "actualclosedate", Keep: retention.Keeping{Period: retention.Period{Months: 24}}}, Date: &compile.DateField{}}
	rules := retention.Rules{Notice: retention.Period{Months: 2}, ManualExtension: retention.Period{Months: 12}}
	plan := func(n byte, d retention.Decision, g *compile.Ground) Planned {
		return Planned{Person: evaluate.PersonRow{Person: retention.Person{ID: id(n)}, Table: "contact"}, Decision: d, Ground: g, rules: &rules}
	}
	return &Plan{
		AsOf: date("2026-11-24"), TimeZone: "Europe/Stockholm", Organization: id(9), Policy: "sha256:00",
		Decisions: []Planned{
			plan(1, retention.Decision{Action: retention.Schedule, Term: retention.Term{Trigger: date("2024-05-14"), Until: date("2026-05-14")}, PurgeOn: date("2027-01-24"), NoticedOn: date("2026-11-24")}, ground),
			plan(2, retention.Decision{Action: retention.Clear, Term: retention.Term{Until: retention.Open, Ground: 1}}, &compile.Ground{Ground: &policy.Ground{ID: "open-quote", Why: "A quote <stands>"}}),
			plan(3, retention.Decision{Action: retention.Purge, Term: retention.Term{Ground: retention.NoGround}, PurgeOn: date("2026-11-20"), NoticedOn: date("2026-09-20")}, nil),
			plan(4, retention.Decision{Action: retention.Keep, Term: retention.Term{Until: date("2027-10-01"), Ground: retention.ByHand}, Extension: retention.ExtensionCounts}, nil),
		},
		Tables:  []TableTotals{{Table: "contact", Persons: 40, Actions: map[retention.Action]int{retention.Schedule: 1, retention.Clear: 1, retention.Purge: 1, retention.Keep: 37}}},
		Grounds: []GroundTotals{{Table: "contact", Ground: "closed-opportunity", Rows: 3, Persons: 1, Gaps: 1}, {Table: "contact", Ground: "open-quote"}},
		rules:   rules,
	}
}

func TestPlanLines(t *testing.T) {
	var b bytes.Buffer
	if err := examplePlan().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"plan","asOf":"2026-11-24","timeZone":"Europe/Stockholm","organization":"00000000-0000-0000-0000-000000000009","policy":"sha256:00"}
{"kind":"decision","table":"contact","id":"00000000-0000-0000-0000-000000000001","action":"schedule","retainUntil":"2026-05-14","purgeOn":"2027-01-24","noticedOn":"2026-11-24","ground":"closed-opportunity","reason":"Opportunity closed 14 May 2024, kept 24 months"}
{"kind":"decision","table":"contact","id":"00000000-0000-0000-0000-000000000002","action":"clear","retainUntil":"open","purgeOn":null,"noticedOn":null,"ground":"open-quote","reason":"A quote <stands>"}
{"kind":"decision","table":"contact","id":"00000000-0000-0000-0000-000000000003","action":"purge","retainUntil":null,"purgeOn":"2026-11-20","noticedOn":"2026-09-20","ground":null,"reason":"Nothing registered justifies keeping this person"}
{"kind":"decision","table":"contact","id":"00000000-0000-0000-0000-000000000004","action":"keep","retainUntil":"2027-10-01","purgeOn":null,"noticedOn":null,"ground":"manual-extension","reason":"Extended by hand until 1 October 2027"}
{"kind":"totals","persons":40,"actions":{"clear":1,"keep":37,"purge":1,"schedule":1},"tables":[{"table":"contact","persons":40,"actions":{"clear":1,"keep":37,"purge":1,"schedule":1}}],"grounds":[{"table":"contact","ground":"closed-opportunity","rows":3,"persons":1,"gaps":1},{"table":"contact","ground":"open-quote","rows":0,"persons":0,"gaps":0}]}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for line := range strings.Lines(b.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

func TestGuardRails(t *testing.T) {
	limits := policy.Limits{Purges: 10, Share: 0.1}
	plan := func(persons, purges int) *Plan {
		return &Plan{Tables: []TableTotals{{Table: "contact", Persons: persons, Actions: map[retention.Action]int{retention.Purge: purges}}}}
	}
	sentences := func(rails []GuardRail) (out []string) {
		for _, r := range rails {
			out = append(out, string(r.Rail)+": "+r.Sentence.String()+" → "+r.Remedy.String())
		}
		return out
	}
	tests := []struct {
		name  string
		rails []GuardRail
		want  []string
	}{
		{"as many as the limits allow", plan(100, 10).GuardRails(limits, nil), nil},
		{"nobody", plan(0, 0).GuardRails(policy.Limits{}, nil), nil},
		{"one too many", plan(1000, 11).GuardRails(limits, nil),
			[]string{"too-many: 11 persons would be purged, and the limit of one run is 10: nobody is purged → look at the plan; if it is right, set limits.purges to at least 11 in the policy"}},
		{"too large a share", plan(70, 8).GuardRails(limits, nil),
			[]string{"too-large: 8 of 70 persons in `contact` would be purged (11.5%), and the limit of one run is 10%: nobody is purged → look at the plan; if it is right, set limits.share to at least 11.5% in the policy"}},
		{"the share that it asks for is enough", plan(70, 8).GuardRails(policy.Limits{Purges: 10, Share: 0.115}, nil), nil},
		{"limits of nought allow nothing", plan(100, 1).GuardRails(policy.Limits{Share: 1}, nil),
			[]string{"too-many: 1 person would be purged, and the limit of one run is 0: nobody is purged → look at the plan; if it is right, set limits.purges to at least 1 in the policy"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, sentences(tt.rails)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	p := &Plan{Grounds: []GroundTotals{{Table: "contact", Ground: "a"}, {Table: "contact", Ground: "b", MayBeEmpty: true}, {Table: "contact", Ground: "c", Rows: 450}, {Table: "contact", Ground: "new"}, {Table: "contact", Ground: "never"}}}
	last := map[string]int{"a": 12, "b": 7, "c": 900, "never": 0}
	rails := p.GuardRails(limits, func(table, ground string) (int, bool) { n, ok := last[ground]; return n, ok && table == "contact" })
	if len(rails) != 1 || rails[0].Rail != policy.GroundEmpty || rails[0].Ground != "a" || !strings.Contains(rails[0].Sentence.String(), "matched 12 rows in the last run and matches none now") {
		t.Errorf("a ground that went empty: %q", sentences(rails))
	}
	for _, tt := range []struct {
		before, rows int
		mayBeEmpty   bool
		stops        bool
	}{{15, 1, false, true}, {10, 4, false, true}, {10, 5, false, false}, {9, 1, false, false}, {15, 1, true, false}, {15, 30, false, false}} {
		p := &Plan{Grounds: []GroundTotals{{Table: "contact", Ground: "a", Rows: tt.rows, MayBeEmpty: tt.mayBeEmpty}}}
		rails := p.GuardRails(limits, func(string, string) (int, bool) { return tt.before, true })
		if stops := len(rails) == 1 && rails[0].Rail == policy.GroundShrunk; stops != tt.stops || !stops && len(rails) > 0 {
			t.Errorf("%+v: %q", tt, sentences(rails))
		}
	}
	if rails := p.GuardRails(limits, nil); len(rails) != 0 {
		t.Errorf("a first run has nothing to compare with: %q", sentences(rails))
	}
}
