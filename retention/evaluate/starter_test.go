package evaluate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
)

// starterOf writes a starter policy by the answers and holds it against the environment.
func starterOf(t *testing.T, client *dataverse.Client, a compile.Answers) (*compile.Policy, string) {
	t.Helper()
	if _, err := client.WhoAmI(t.Context()); err != nil { // whose answer tells the day
		t.Fatal(err)
	}
	made, err := compile.NewStarter(t.Context(), client, compile.StarterOptions{Today: retention.DateOf(client.Now(), time.UTC), TimeZone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	text := made.Text(a)
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return checked(t, client, path), text
}

// TestStarterKeepsWhatWasAnswered: one person for each topic, kept to the day that the answer says and not beyond it; nobody is
// kept by a topic that was answered with never.
func TestStarterKeepsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	const recent, old = "2024-11-25", "2024-11-24" // two years, of which the last day is kept
	ref := func(name string) emulator.Reference { return emulator.Ref("contact", personID(name)) }
	row := func(table string, on string, values map[string]any) emulator.Record {
		values["createdon"], values["modifiedon"] = on+"T09:00:00Z", on+"T09:00:00Z"
		return emulator.Record{Table: table, Values: values}
	}
	person := func(name string, values ...any) emulator.Record { return contact(name, "2010-01-01", values...) }
	signs := map[string]struct {
		topic string
		rows  func(name, on string) []emulator.Record
	}{
		"entered": {"entered", func(name, on string) []emulator.Record { return []emulator.Record{contact(name, on)} }},
		"follow-up": {"nord_followupon", func(name, on string) []emulator.Record {
			return []emulator.Record{person(name, "nord_followupon", on)}
		}},
		"deal": {"deals", func(name, on string) []emulator.Record {
			return []emulator.Record{person(name), row("opportunity", "2010-01-01", map[string]any{"name": "x", "parentcontactid": ref(name), "statecode": 1, "actualclosedate": on})}
		}},
		"quote": {"quotes", func(name, on string) []emulator.Record {
			return []emulator.Record{person(name), row("quote", "2010-01-01", map[string]any{"name": "x", "customerid": ref(name), "statecode": 3, "closedon": on})}
		}},
		"order": {"orders", func(name, on string) []emulator.Record {
			return []emulator.Record{person(name), row("salesorder", on, map[string]any{"name": "x", "customerid": ref(name)})}
		}},
		"case": {"cases", func(name, on string) []emulator.Record {
			return []emulator.Record{person(name), row("incident", on, map[string]any{"title": "x", "customerid": ref(name), "statecode": 1})}
		}},
		"e-mail": {"activities", func(name, on string) []emulator.Record {
			return []emulator.Record{person(name), row("email", on, map[string]any{"subject": "x", "to": []any{ref(name)}})}
		}},
		"registration": {"events", func(name, on string) []emulator.Record {
			event := uuid.New()
			return []emulator.Record{person(name), {Table: "msevtmgt_event", ID: event, Values: map[string]any{"msevtmgt_name": "x", "msevtmgt_eventenddate": on + "T09:00:00Z"}},
				row("msevtmgt_eventregistration", "2010-01-01", map[string]any{"msevtmgt_contactid": ref(name), "msevtmgt_eventid": emulator.Ref("msevtmgt_event", event)})}
		}},
		"consent": {"consents", func(name, on string) []emulator.Record {
			address := name + "@example.com"
			return []emulator.Record{person(name, "emailaddress2", address),
				row("msdynmkt_contactpointconsent4", on, map[string]any{"msdynmkt_contactpointvalue": address, "msdynmkt_value": 534120001})}
		}},
	}
	var rows []emulator.Record
	for name, sign := range signs {
		rows = append(rows, sign.rows(name+"-recent", recent)...)
		rows = append(rows, sign.rows(name+"-old", old)...)
	}
	open := deal("open", "2010-01-01", "modifiedon", "2010-01-01T00:00:00Z")
	rows = append(rows, person("open"), open, person("touched", "modifiedon", "2026-11-20T09:00:00Z"),
		person("primary"), row("account", "2010-01-01", map[string]any{"name": "x", "primarycontactid": ref("primary"), "customertypecode": 3}),
		person("supplier"), row("account", "2010-01-01", map[string]any{"name": "y", "primarycontactid": ref("supplier"), "customertypecode": 10}))
	client := connect(t, serve(t, newCRM(t, today, rows...)))

	until := func(a compile.Answers) (func(name string) retention.Date, *compile.Policy, string) {
		c, text := starterOf(t, client, a)
		e := evaluated(t, client, c, evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
		return func(name string) retention.Date {
			p, ok := e.Person("contact", personID(name), evaluate.EvaluateOptions{})
			if !ok {
				t.Fatalf("no decision about %s", name)
			}
			return p.Until
		}, c, text
	}
	all := compile.Answers{compile.AllTopics: retention.Period{Years: 2}}
	of, c, text := until(all)
	for name := range signs {
		if of(name+"-recent") != day(t, "2026-11-25") || of(name+"-old") > day(t, "2026-11-24") {
			t.Errorf("%s: until %s and %s, want 2026-11-25 and the day before", name, of(name+"-recent"), of(name+"-old"))
		}
	}
	for name, open := range map[string]bool{"open": true, "primary": true, "supplier": false, "touched": false} {
		if (of(name) == retention.Open) != open {
			t.Errorf("%s: until %s", name, of(name))
		}
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings:\n%s", c.Warnings)
	}
	for _, s := range c.Subjects {
		if len(s.Grounds) > 12 {
			t.Errorf("%d grounds of %s", len(s.Grounds), s.Table)
		}
	}
	for name, sign := range signs {
		of, _, _ := until(compile.Answers{compile.AllTopics: retention.Period{Years: 2}, sign.topic: compile.Never})
		if of(name+"-recent") >= day(t, "2026-11-25") {
			t.Errorf("%s: until %s, although %s justify nobody", name, of(name+"-recent"), sign.topic)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestStarterOfOwnTables: at most a dozen grounds, what has no place among them is named, and a stranger's names of tables and
// columns do no harm.
func TestStarterOfOwnTables(t *testing.T) {
	s := emulator.New(emulatortest.Options(emulator.Options{Token: "t"}))
	for i := range 14 {
		name := fmt.Sprintf("evil_Date%d", i)
		if err := s.AddColumns("evil", emulator.Column{Table: "contact", SchemaName: name, Label: fmt.Sprintf("x\"\n  - id: y%d # : {", i), Type: "DateTime", Behavior: "DateOnly"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Load(emulator.Record{Table: "contact", Values: map[string]any{"lastname": "x", strings.ToLower(name): "2026-01-01"}}); err != nil {
			t.Fatal(err)
		}
	}
	c, text := starterOf(t, connect(t, serve(t, s)), nil)
	if len(c.Subjects) != 2 || len(c.Subjects[0].Grounds) != 12 || !strings.Contains(text, "evil_date9 (1 row)") {
		t.Errorf("%d subjects, %d grounds in\n%s", len(c.Subjects), len(c.Subjects[0].Grounds), text)
	}
}
