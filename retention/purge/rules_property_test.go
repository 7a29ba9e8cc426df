package purge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gallra/gallra/dataverse/emulator"
	_ "github.com/gallra/gallra/internal/seeds"
	"github.com/gallra/gallra/retention/purge"
)

// ruledKind is a kind of related rows for which random rules are made.
type ruledKind struct {
	table, link, erase string
	way                string // to the person's columns
	columns            func(i int) row
}

var ruledKinds = []ruledKind{
	{"annotation", "link: objectid", "notetext", "objectid_contact/", func(i int) row {
		return row{"subject": fmt.Sprint("n", i), "notetext": "text", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")}
	}},
	{"task", "link: regardingobjectid", "description", "regardingobjectid_contact_task/", func(i int) row {
		return row{"subject": fmt.Sprint("n", i), "description": "text", "regardingobjectid_contact_task@odata.bind": bindTo("contacts", "yvonne")}
	}},
	{"email", "party: any", "description", "regardingobjectid_contact_email/", func(i int) row {
		return row{"subject": fmt.Sprint("n", i), "description": "text", "regardingobjectid_contact_email@odata.bind": bindTo("contacts", "yvonne"),
			"email_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 2}}}
	}},
	{"connection", "link: record1id", "description", "record1id_contact/", func(i int) row {
		return row{"name": fmt.Sprint("n", i), "description": "text", "record1id_contact@odata.bind": bindTo("contacts", "yvonne"), "record2id_account@odata.bind": bindTo("accounts", "adventure")}
	}},
	{"new_guest", "link: new_contact", "new_name", "new_Contact/", func(i int) row {
		return row{"new_name": fmt.Sprint("n", i), "new_Contact@odata.bind": bindTo("contacts", "yvonne")}
	}},
}

// conditions on columns of the person, and what they say of Yvonne before anything is written.
var conditions = []struct {
	text  string // WAY stands for the way to the person
	holds bool
}{
	{"WAYjobtitle eq 'CFO'", true},
	{"(WAYjobtitle ne 'CFO' or WAYjobtitle eq null)", false},
	{"WAYjobtitle eq null", false},
	{"WAYjobtitle ne null", true},
	{"WAYdepartment eq null", true},
	{"WAYlastname eq 'McKay'", true},
	{"(WAYlastname ne 'McKay' or WAYlastname eq null)", false},
	{"WAYgendercode eq 2", true},
	{"WAYgallra_anonymizedon ne null", false},
	{"WAYgallra_anonymizedon eq null", true},
}

// ruledCRM is a random rule set for related rows, which reads the person's own columns, and some rows.
type ruledCRM struct {
	policy string
	rows   map[string]int    // how many of each table
	fate   map[string]string // by table: delete, keep, anonymize
	engine string
	cut    float64 // at which part of its requests a run is cut
	how    string
}

func drawRuled(t *rapid.T) ruledCRM {
	c := ruledCRM{rows: make(map[string]int), fate: make(map[string]string), engine: rapid.SampledFrom([]string{"plain", "bulk-delete", "staged", "staged bulk-delete"}).Draw(t, "engine")}
	c.cut, c.how = rapid.Float64Range(0, 0.999).Draw(t, "cut"), rapid.SampledFrom([]string{"before", "after"}).Draw(t, "how")
	var rules []string
	for _, k := range ruledKinds {
		c.rows[k.table] = rapid.IntRange(0, 3).Draw(t, "rows of "+k.table)
		if strings.HasPrefix(c.engine, "staged") {
			c.rows[k.table] += 2
		}
		n := rapid.IntRange(0, 3).Draw(t, "rules of "+k.table)
		for i := range n + 1 {
			do := rapid.SampledFrom([]string{"delete", "keep", "anonymize"}).Draw(t, "do")
			where, holds := "", true
			if i < n { // the last one takes what is left
				x := rapid.SampledFrom(conditions).Draw(t, "condition")
				where, holds = fmt.Sprintf(", where: \"%s\"", strings.ReplaceAll(x.text, "WAY", k.way)), x.holds
			}
			tail := map[string]string{"delete": "", "keep": ", why: Evidence", "anonymize": ", erase: [" + k.erase + "]"}[do]
			rules = append(rules, fmt.Sprintf("      - {table: %s, %s%s, do: %s%s}\n", k.table, k.link, where, do, tail))
			if holds && c.fate[k.table] == "" {
				c.fate[k.table] = do
			}
		}
	}
	head, tail, _ := strings.Cut(pol, "    related:\n")
	_, tail, _ = strings.Cut(tail, "  lead:\n")
	c.policy = head + "    related:\n" + strings.Join(rules, "") + "      - {table: '*', do: delete}\n  lead:\n" + tail
	if strings.HasSuffix(c.engine, "bulk-delete") {
		c.policy = strings.Replace(c.policy, "limits:", "purge: {engine: bulk-delete}\nlimits:", 1)
	}
	return c
}

// TestRandomRulesAreAskedOnce: whatever rules read the person's own columns, each related row meets the fate that they say
// before anything is written, by every engine, and a run that is cut anywhere ends as an undisturbed one.
func TestRandomRulesAreAskedOnce(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, pol, emulator.Options{}, "metadata-lag") // it goes back to a moment after the definitions were made
	guests(w)
	empty := w.snapshot()
	dumped := []string{"contact", "account", "email", "annotation", "task", "connection", "new_guest", "activityparty"}
	for _, seed := range seeds(t, 8) {
		c := rapid.Custom(drawRuled).Example(int(seed))
		w.control("restore", row{"id": empty})
		w.control("clock", map[string]any{"now": day0})
		w.client = w.connect(6) // which saw no later day
		copyLedger(t, t.TempDir(), w.ledgerDir())
		w.policy = c.policy
		w.create("account", "adventure", row{"name": "Adventure Works"})
		w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "jobtitle": "CFO", "gendercode": 2})
		for _, k := range ruledKinds {
			for i := range c.rows[k.table] {
				w.create(k.table, fmt.Sprint(k.table, i), k.columns(i))
			}
		}
		w.run()
		w.advance(60)
		start := w.snapshot()
		before := t.TempDir()
		copyLedger(t, w.ledgerDir(), before)
		set := func(d *purge.Deps) {
			if strings.HasPrefix(c.engine, "staged") {
				purge.SetOperations(d, 6)
			}
		}
		fates := func(when string) {
			for _, k := range ruledKinds {
				for i := range c.rows[k.table] {
					r := w.get(k.table, fmt.Sprint(k.table, i))
					got := "delete"
					switch {
					case r != nil && r.Null(k.erase):
						got = "anonymize"
					case r != nil && !strings.Contains(r.Text(k.erase), "purged"):
						got = "keep"
					case r != nil:
						got = "anonymize"
					}
					if got != c.fate[k.table] {
						t.Errorf("%s: %s %d met %s, and the rules say %s; outcomes %v", when, k.table, i, got, c.fate[k.table], w.outcomes())
					}
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d, %s\n%s", seed, c.engine, c.policy)
			}
		}
		w.control("stats", row{})
		w.run(set)
		var stats struct{ Requests struct{ Total int } }
		w.must(json.Unmarshal(w.control("stats", nil), &stats))
		fates("undisturbed")
		w.run(set)
		want := w.dump(dumped...)

		n := int(c.cut * float64(stats.Requests.Total))
		w.control("restore", row{"id": start})
		copyLedger(t, before, w.ledgerDir())
		client := w.connect(-1)
		w.checked(client)
		d := w.deps(client)
		set(&d)
		w.control("faults", []row{{"drop": c.how, "after": n}})
		_, _ = purge.Run(t.Context(), d)
		d.Ledger.Close()
		w.control("faults", []row{})
		w.run(set)
		fates(fmt.Sprintf("cut %s request %d of %d", c.how, n, stats.Requests.Total))
		w.run(set)
		if diff := differ(want, w.dump(dumped...)); diff != "" {
			t.Fatalf("seed %d, %s, cut %s request %d: %s\n%s", seed, c.engine, c.how, n, diff, c.policy)
		}
	}
}
