package evaluate_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
)

// starterOf writes a starter policy and holds it against the environment.
func starterOf(t *testing.T, client *dataverse.Client) (*compile.Policy, string) {
	t.Helper()
	me, err := client.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := compile.Starter(t.Context(), client, compile.StarterOptions{
		Today: retention.DateOf(client.Now(), time.UTC), TimeZone: time.UTC, Years: 5, User: me.UserID,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return checked(t, client, path), text
}

// TestStarterSchedulesNobodyWithASignOfLife: one person for each sign of life, none of whom is scheduled, and beside each
// one whose sign is too old.
func TestStarterSchedulesNobodyWithASignOfLife(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	const recent, old = "2021-11-24", "2021-08-23" // five years ago to the day, and longer ago than the margin for the notice
	ref := func(name string) emulator.Reference { return emulator.Ref("contact", personID(name)) }
	row := func(table string, on string, values map[string]any) emulator.Record {
		values["createdon"], values["modifiedon"] = on+"T09:00:00Z", on+"T09:00:00Z"
		return emulator.Record{Table: table, Values: values}
	}
	signs := map[string]func(name, on string) []emulator.Record{
		"entered": func(name, on string) []emulator.Record { return []emulator.Record{contact(name, on)} },
		"changed": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01", "modifiedon", on+"T09:00:00Z")}
		},
		"follow-up": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01", "nord_followupon", on)}
		},
		"deal": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("opportunity", on, map[string]any{"name": "x", "parentcontactid": ref(name), "statecode": 1})}
		},
		"customer of a deal": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("opportunity", on, map[string]any{"name": "x", "customerid": ref(name), "statecode": 2})}
		},
		"quote": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("quote", on, map[string]any{"name": "x", "customerid": ref(name), "statecode": 3})}
		},
		"e-mail": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("email", on, map[string]any{"subject": "x", "to": []any{ref(name)}})}
		},
		"task": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("task", on, map[string]any{"subject": "x", "regardingobjectid": ref(name)})}
		},
		"note": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("annotation", on, map[string]any{"subject": "x", "objectid": ref(name)})}
		},
		"registration": func(name, on string) []emulator.Record {
			event := uuid.New()
			return []emulator.Record{contact(name, "2010-01-01"), {Table: "msevtmgt_event", ID: event, Values: map[string]any{"msevtmgt_name": "x"}},
				row("msevtmgt_eventregistration", on, map[string]any{"msevtmgt_contactid": ref(name), "msevtmgt_eventid": emulator.Ref("msevtmgt_event", event)})}
		},
		"consent": func(name, on string) []emulator.Record {
			address := strings.ReplaceAll(name, " ", "-") + "@example.com"
			return []emulator.Record{contact(name, "2010-01-01", "emailaddress2", address),
				row("msdynmkt_contactpointconsent4", on, map[string]any{"msdynmkt_contactpointvalue": address, "msdynmkt_value": 534120001})}
		},
		"primary contact": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("account", on, map[string]any{"name": "x", "primarycontactid": ref(name), "statecode": 1})}
		},
		"lead": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01"), row("lead", on, map[string]any{"lastname": "x", "parentcontactid": ref(name), "statecode": 2})}
		},
		"another row of the same person": func(name, on string) []emulator.Record {
			return []emulator.Record{contact(name, "2010-01-01", "emailaddress1", name+"@example.com"),
				{Table: "lead", Values: map[string]any{"lastname": "x", "emailaddress1": name + "@example.com", "createdon": on + "T09:00:00Z"}}}
		},
	}
	var rows []emulator.Record
	for name, make := range signs {
		name = strings.ReplaceAll(name, " ", "-")
		rows = append(rows, make(name+"-recent", recent)...)
		rows = append(rows, make(name+"-old", old)...)
	}
	open := deal("open", "2010-01-01", "modifiedon", "2010-01-01T00:00:00Z")
	rows = append(rows, contact("open", "2010-01-01"), open)
	client := connect(t, serve(t, newCRM(t, today, rows...)))
	c, text := starterOf(t, client)

	e := evaluated(t, client, c, evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
	planned := plan.NewPlan(c, e, plan.PlanOptions{All: true})
	action := func(name string) retention.Action {
		i := slices.IndexFunc(planned.Decisions, func(d plan.Planned) bool { return d.Person.ID == personID(name) })
		if i < 0 {
			t.Fatalf("no decision about %s", name)
		}
		return planned.Decisions[i].Action
	}
	for name := range signs {
		name = strings.ReplaceAll(name, " ", "-")
		if a := action(name + "-recent"); a != retention.Keep {
			t.Errorf("%s: %s, in spite of the sign of life", name, a)
		}
		if a := action(name + "-old"); a != retention.Schedule {
			t.Errorf("%s: %s, the sign is more than five years old", name, a)
		}
	}
	if a := action("open"); a != retention.Keep {
		t.Errorf("an open deal: %s", a)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings:\n%s", c.Warnings)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestStarterKeepsNobodyByItsOwnWriting: a purge date that gallra wrote is no sign of life, an edit by hand is.
func TestStarterKeepsNobodyByItsOwnWriting(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	me := connect(t, serve(t, newCRM(t, today)))
	who, err := me.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	colleague := uuid.New()
	client := connect(t, serve(t, newCRM(t, today,
		emulator.Record{Table: "systemuser", ID: colleague, Values: map[string]any{"domainname": "colleague@example.com", "lastname": "x"}},
		contact("written", "2010-01-01", "modifiedon", "2026-11-20T09:00:00Z", "modifiedby", emulator.Ref("systemuser", who.UserID), "gallra_purgescheduledon", "2027-01-20", "gallra_purgenoticedon", "2026-11-20"),
		contact("edited", "2010-01-01", "modifiedon", "2026-11-20T09:00:00Z", "modifiedby", emulator.Ref("systemuser", colleague), "gallra_purgescheduledon", "2027-01-20", "gallra_purgenoticedon", "2026-11-10"))))
	c, _ := starterOf(t, client)
	e := evaluated(t, client, c, evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
	for name, want := range map[string]retention.Date{"written": 0, "edited": retention.Open} {
		p, ok := e.Person("contact", personID(name), evaluate.EvaluateOptions{})
		if !ok || (p.Until == retention.Open) != (want == retention.Open) {
			t.Errorf("%s: until %s, want %s", name, p.Until, want)
		}
	}
}

// TestStarterBeforeProvisioning: the policy fits an environment without the columns of gallra, and a stranger's names
// of tables do no harm.
func TestStarterBeforeProvisioning(t *testing.T) {
	s := emulator.New(emulator.Options{Token: "t"})
	if err := s.AddColumns("evil", emulator.Column{Table: "contact", SchemaName: "evil_Date", Label: "x\"\n  - id: y # : {", Type: "DateTime", Behavior: "DateOnly"}); err != nil {
		t.Fatal(err)
	}
	c, text := starterOf(t, connect(t, serve(t, s)))
	if len(c.Subjects) != 2 || !strings.Contains(text, "add after gallra provision") {
		t.Errorf("%d subjects in\n%s", len(c.Subjects), text)
	}
}
