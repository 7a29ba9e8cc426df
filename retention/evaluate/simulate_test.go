package evaluate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// policyOf is a policy with these subjects, held against the environment.
func policyOf(t testing.TB, client *dataverse.Client, subjects string) *compile.Policy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := "version: 1\nenvironment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}\ntimeZone: Europe/Stockholm\n" + subjects
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Check(t.Context(), p, client)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func day(t testing.TB, s string) retention.Date {
	t.Helper()
	d, err := retention.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// people gives persons readable ids: contact("anna") is always the same.
func personID(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }

func contact(name, created string, more ...any) emulator.Record {
	values := map[string]any{"lastname": name, "createdon": created + "T09:00:00Z"}
	for i := 0; i < len(more); i += 2 {
		values[more[i].(string)] = more[i+1]
	}
	return emulator.Record{Table: "contact", ID: personID(name), Values: values}
}

func deal(of, created string, more ...any) emulator.Record {
	values := map[string]any{"name": "A deal", "parentcontactid": emulator.Ref("contact", personID(of)), "createdon": created + "T09:00:00Z"}
	for i := 0; i < len(more); i += 2 {
		values[more[i].(string)] = more[i+1]
	}
	return emulator.Record{Table: "opportunity", Values: values}
}

const deals = `
subjects:
  contact:
    purge: anonymize
    identity: emailaddress1
    grounds:
      - {id: open, basis: contract, why: A deal is open, table: opportunity, link: parentcontactid, where: statecode eq 0}
      - {id: closed, basis: legitimate-interests, why: Follow-up, table: opportunity, link: parentcontactid, where: statecode ne 0, after: actualclosedate, keep: 12 months}
`

func TestSimulate(t *testing.T) {
	crm := newCRM(t, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		contact("open", "2020-01-01"), deal("open", "2020-01-01"),
		contact("recent", "2020-01-01"), deal("recent", "2020-01-01", "statecode", 1, "actualclosedate", "2026-08-31"),
		contact("nobody", "2020-01-01"),
		emulator.Record{Table: "lead", ID: personID("lead"), Values: map[string]any{"lastname": "lead"}},
	)
	client := connect(t, serve(t, crm))
	now := policyOf(t, client, deals)
	for _, tt := range []struct {
		name, other string
		want        []string
	}{
		{"the same policy", deals, nil},
		{"a shorter period", strings.Replace(deals, "12 months", "6 months", 1), []string{"contact recent 2027-08-31 → 2027-02-28 earlier closed → closed"}},
		{"a longer one", strings.Replace(deals, "12 months", "18 months", 1), []string{"contact recent 2027-08-31 → 2028-02-29 later closed → closed"}},
		{"a ground that nobody has any more", strings.Replace(deals, "where: statecode eq 0", "where: statecode eq 0 and createdon gt 2025-01-01T00:00:00Z", 1),
			[]string{"contact open open →  newly open → "}},
		{"a ground for everybody", deals + "      - {id: all, basis: contract, why: Everybody, where: createdon ne null}\n",
			[]string{"contact nobody  → open no-more  → all", "contact recent 2027-08-31 → open no-more closed → all"}},
		{"a table that was not judged", deals + "  lead:\n    purge: anonymize\n    grounds:\n      - {id: hot, basis: contract, why: Hot, where: leadqualitycode eq 3}\n",
			[]string{"lead lead open →  newly  → "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			with := policyOf(t, client, tt.other)
			o := evaluate.EvaluateOptions{Today: day(t, "2026-11-24")}
			var got []string
			s := plan.Simulate(now, evaluated(t, client, now, o), with, evaluated(t, client, with, o))
			for _, name := range []string{"lead", "nobody", "open", "recent"} {
				for _, c := range s.Changes {
					if c.ID == personID(name) {
						got = append(got, c.Table+" "+name+" "+c.From.String()+" → "+c.To.String()+" "+string(c.Effect)+" "+c.FromGround+" → "+c.ToGround)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(got) != len(s.Changes) {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	with := policyOf(t, client, strings.Replace(deals, "12 months", "6 months", 1))
	o := evaluate.EvaluateOptions{Today: day(t, "2026-11-24")}
	var b bytes.Buffer
	if err := plan.Simulate(now, evaluated(t, client, now, o), with, evaluated(t, client, with, o)).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"change","table":"contact","id":"` + personID("recent").String() + `","from":"2027-08-31","to":"2027-02-28","effect":"earlier","fromGround":"closed","toGround":"closed"}`
	if !strings.Contains(b.String(), want+"\n") {
		t.Errorf("no line %s in\n%s", want, b.String())
	}
}

func evaluated(t *testing.T, r dataverse.Reader, c *compile.Policy, o evaluate.EvaluateOptions) *evaluate.Evaluation {
	t.Helper()
	e, err := evaluate.Evaluate(t.Context(), r, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestBackCast: one person a line, as of 24 November 2024; today is 24 November 2026.
func TestBackCast(t *testing.T) {
	t.Parallel()
	won := func(on string) []any { return []any{"statecode", 1, "actualclosedate", on} }
	tests := []struct {
		name string
		rows []emulator.Record
		// Whether the person counts, would have been purged by then, and became active again.
		then, purged, regret bool
	}{
		{"never had anything; the hold that is set today says nothing about then", nil, true, true, false},
		{"a deal closed long before", []emulator.Record{deal("p", "2020-01-01", won("2022-01-01")...)}, true, true, false},
		{"a deal closed within the period", []emulator.Record{deal("p", "2020-01-01", won("2023-11-25")...)}, true, false, false},
		{"a deal whose period ended on the day", []emulator.Record{deal("p", "2020-01-01", won("2023-11-24")...)}, true, true, false},
		{"a deal that was open then and is closed now", []emulator.Record{deal("p", "2020-01-01", won("2025-06-01")...)}, true, false, false},
		{"a deal that was closed on the day", []emulator.Record{deal("p", "2020-01-01", won("2024-11-24")...)}, true, false, false},
		{"a deal that is still open", []emulator.Record{deal("p", "2020-01-01")}, true, false, false},
		{"a deal that was registered since", []emulator.Record{deal("p", "2025-01-01")}, true, true, true},
		{"one that was registered and closed since", []emulator.Record{deal("p", "2025-01-01", won("2025-06-01")...)}, true, true, true},
		{"an old deal and a new one", []emulator.Record{deal("p", "2020-01-01", won("2022-01-01")...), deal("p", "2026-01-01")}, true, true, true},
		{"a deal entered late in the evening of the day", []emulator.Record{{Table: "opportunity", Values: map[string]any{
			"name": "x", "parentcontactid": emulator.Ref("contact", personID("p")), "createdon": "2024-11-24T22:30:00Z"}}}, true, false, false}, // 23:30 in Stockholm
		{"a deal entered early the day after", []emulator.Record{{Table: "opportunity", Values: map[string]any{
			"name": "x", "parentcontactid": emulator.Ref("contact", personID("p")), "createdon": "2024-11-24T23:30:00Z"}}}, true, true, true}, // 0:30
		{"another row of the same human being with a deal since", []emulator.Record{contact("q", "2025-01-01", "emailaddress1", "P@example.com"), deal("q", "2025-02-01")}, true, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows := append([]emulator.Record{contact("p", "2020-01-01", "emailaddress1", "p@example.com", "gallra_legalhold", true)}, tt.rows...)
			client := connect(t, serve(t, newCRM(t, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), rows...)))
			b, err := plan.NewBackCast(t.Context(), client, policyOf(t, client, deals), day(t, "2024-11-24"), evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
			if err != nil {
				t.Fatal(err)
			}
			if n := b.Total(); (n.Persons == 1) != tt.then || (n.Purged == 1) != tt.purged || (n.Regrets == 1) != tt.regret {
				t.Errorf("%+v, want then %v, purged %v, regret %v", n, tt.then, tt.purged, tt.regret)
			}
		})
	}
	t.Run("who came within the notice was not due yet", func(t *testing.T) {
		client := connect(t, serve(t, newCRM(t, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), contact("p", "2024-09-26"), contact("q", "2024-09-20"))))
		b, err := plan.NewBackCast(t.Context(), client, policyOf(t, client, deals), day(t, "2024-11-24"), evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
		if err != nil {
			t.Fatal(err)
		}
		if n := b.Total(); n.Persons != 1 || n.Purged != 1 {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a row that was changed since counts from its creation", func(t *testing.T) {
		policy := strings.Replace(strings.Replace(deals, "after: actualclosedate", "after: modifiedon", 1), "statecode ne 0", "statecode eq 0", 1)
		policy = strings.Replace(policy, "      - {id: open,", "      - {id: never, basis: contract, why: x, where: lastname eq 'z'}\n      - {id: open,", 1)
		policy = strings.Replace(policy, "      - {id: open, basis: contract, why: A deal is open, table: opportunity, link: parentcontactid, where: statecode eq 0}\n", "", 1)
		client := connect(t, serve(t, newCRM(t, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
			contact("p", "2020-01-01"), deal("p", "2024-03-01", "modifiedon", "2026-01-01T00:00:00Z"),
			contact("q", "2020-01-01"), deal("q", "2022-03-01", "modifiedon", "2026-01-01T00:00:00Z"),
			contact("r", "2020-01-01"), deal("r", "2022-03-01", "modifiedon", "2024-01-01T00:00:00Z"))))
		b, err := plan.NewBackCast(t.Context(), client, policyOf(t, client, policy), day(t, "2024-11-24"), evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
		if err != nil {
			t.Fatal(err)
		}
		if n := b.Total(); n.Persons != 3 || n.Purged != 1 || len(b.Limits) == 0 {
			t.Errorf("%+v %q", n, b.Limits)
		}
	})
}
