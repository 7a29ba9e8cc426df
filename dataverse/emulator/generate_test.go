package emulator

import (
	"runtime"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var generatedOn = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func generated(t *testing.T, what Generated, now time.Time) *Server {
	t.Helper()
	s := New(Options{Now: func() time.Time { return now }})
	if err := s.Generate(what); err != nil {
		t.Fatal(err)
	}
	return s
}

// content is every row of a server in a form to compare: columns by name.
func content(s *Server, tables ...string) map[string]map[string]any {
	all := map[string]map[string]any{}
	sn := s.engine.store.view()
	for _, name := range tables {
		t := sn.schema.tables[name]
		sn.table(name).scan(uuid.Nil, func(r *row) bool {
			m := map[string]any{}
			for i, v := range r.all() {
				m[t.Columns[i].Name] = v
			}
			all[name+" "+r.id.String()] = m
			return true
		})
	}
	return all
}

var generatedTables = []string{
	"account", "contact", "lead", "opportunity", "quote", "salesorder", "msevtmgt_event", "msevtmgt_eventregistration",
	"msevtmgt_checkin", "msevtmgt_eventteammember", "msdynmkt_contactpointconsent4", "connection", "email", "phonecall", "task",
	"activityparty", "annotation", "listmember", "customeraddress", "leadaddress",
}

func TestGenerateIsDeterministic(t *testing.T) {
	what := Generated{Contacts: 200, Leads: 100, Seed: 7}
	one := content(generated(t, what, generatedOn), generatedTables...)
	// Later on the same day is the same day.
	two := content(generated(t, what, generatedOn.Add(3*time.Hour)), generatedTables...)
	if d := cmp.Diff(one, two); d != "" {
		t.Errorf("the same seed and day give (-one +two):\n%s", d)
	}
	what.Seed = 8
	for id := range content(generated(t, what, generatedOn), "contact", "lead", "email") {
		if one[id] != nil {
			t.Fatalf("another seed gives the same row: %s", id)
		}
	}
}

func TestGenerateFillsEveryTable(t *testing.T) {
	s := generated(t, Generated{Contacts: 2000, Leads: 1000, Seed: 1}, generatedOn)
	sn := s.engine.store.view()
	related := 0
	for _, name := range generatedTables {
		n := sn.table(name).len()
		if n == 0 {
			t.Errorf("no row in %s", name)
		}
		switch name {
		case "contact", "lead", "account", "customeraddress", "leadaddress": // addresses come with the row
		default:
			related += n
		}
	}
	if c, l := sn.table("contact").len(), sn.table("lead").len(); c != 2000 || l != 1000 {
		t.Errorf("%d contacts and %d leads", c, l)
	}
	holdAddresses(t, s)
	if r := float64(related) / 3000; r < 2.3 || r > 3.3 {
		t.Errorf("%.1f related rows a person, want two or three", r)
	}
}

// TestGeneratedRowsFitTheSchema holds every row against what a create would be held against.
func TestGeneratedRowsFitTheSchema(t *testing.T) {
	s := generated(t, Generated{Contacts: 1000, Leads: 500, Seed: 3}, generatedOn)
	sn := s.engine.store.view()
	for _, name := range generatedTables {
		tab := sn.schema.tables[name]
		dangling := map[string]bool{}
		for _, r := range tab.parents {
			dangling[r.Attribute] = r.Delete == "NoCascade"
		}
		sn.table(name).scan(uuid.Nil, func(r *row) bool {
			for i, v := range r.all() {
				col := tab.Columns[i]
				fit := false
				switch v := v.(type) {
				case string:
					fit = (col.kind == kindString || col.kind == kindMemo || col.kind == kindEntityName) && (col.MaxLength == 0 || utf16Length(v) <= col.MaxLength)
				case ref:
					fit = col.kind == kindLookup && (dangling[col.Name] || sn.data[v.Table].get(v.ID) != nil)
				case int64:
					switch col.kind {
					case kindPicklist, kindState, kindStatus:
						fit = len(col.Options) == 0 || col.option(int(v)) != nil
					case kindInteger, kindBigInt:
						fit = true
					}
				case bool:
					fit = col.kind == kindBoolean
				case instant:
					fit = col.kind == kindDateTime && !col.dateOnly()
				case day:
					fit = col.dateOnly()
				case float64:
					fit = col.kind == kindMoney || col.kind == kindDecimal || col.kind == kindDouble
				case uuid.UUID:
					fit = col.kind == kindGUID
				}
				if !fit {
					t.Errorf("%s %s: %s holds a %T that does not fit %s", name, r.id, col.Name, v, col.Type)
					return false
				}
			}
			if tab.column("statecode") != nil && !tab.fits(tab.int(r, "statecode"), tab.int(r, "statuscode")) {
				t.Errorf("%s %s: state %d does not go with status %d", name, r.id, tab.int(r, "statecode"), tab.int(r, "statuscode"))
				return false
			}
			if on, ok := tab.get(r, "createdon").(instant); ok && name != "msevtmgt_event" && name != "msevtmgt_eventteammember" && on.time().After(generatedOn) {
				t.Errorf("%s %s was created on %v, after today", name, r.id, on.time())
				return false
			}
			return true
		})
	}
}

func TestGeneratedNames(t *testing.T) {
	s := generated(t, Generated{Contacts: 2000, Leads: 1000, Seed: 5}, generatedOn)
	sn := s.engine.store.view()
	scripts := map[string]*unicode.RangeTable{
		"Latin": unicode.Latin, "Cyrillic": unicode.Cyrillic, "Greek": unicode.Greek, "Arabic": unicode.Arabic, "Hebrew": unicode.Hebrew,
		"Devanagari": unicode.Devanagari, "Han": unicode.Han, "Hangul": unicode.Hangul, "Thai": unicode.Thai,
	}
	seen, addresses := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"contact", "lead"} {
		tab := sn.schema.tables[name]
		sn.table(name).scan(uuid.Nil, func(r *row) bool {
			address := tab.text(r, "emailaddress1")
			if addresses[address] {
				t.Errorf("two persons have one address")
			}
			addresses[address] = true
			for _, c := range tab.text(r, "fullname") {
				for script, table := range scripts {
					if unicode.Is(table, c) {
						seen[script] = true
					}
				}
				switch {
				case c == '\'' || c == '’':
					seen["apostrophe"] = true
				case c > 0xFFFF:
					seen["emoji"] = true
				}
			}
			return true
		})
	}
	for script := range scripts {
		if !seen[script] {
			t.Errorf("no name in %s", script)
		}
	}
	if !seen["apostrophe"] || !seen["emoji"] {
		t.Error("no name with an apostrophe or an emoji")
	}
}

func TestGenerateWritesTracesOnlyWhereTheColumnsAre(t *testing.T) {
	s := New(Options{Now: func() time.Time { return generatedOn }})
	err := s.AddColumns("gallra",
		Column{Table: "contact", SchemaName: "gallra_PurgeScheduledOn", Type: "DateTime", Behavior: "DateOnly"},
		Column{Table: "contact", SchemaName: "gallra_PurgeNoticedOn", Type: "DateTime", Behavior: "DateOnly"},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Generate(Generated{Contacts: 300, Leads: 300, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	sn := s.engine.store.view()
	tab, n := sn.schema.tables["contact"], 0
	sn.table("contact").scan(uuid.Nil, func(r *row) bool {
		on, off := tab.get(r, "gallra_purgescheduledon"), tab.get(r, "gallra_purgenoticedon")
		if (on == nil) != (off == nil) {
			t.Errorf("a purge date without the day of its notice")
		}
		if on != nil {
			n++
		}
		return true
	})
	if n == 0 {
		t.Error("no contact has a purge date of an earlier run")
	}
}

// BenchmarkGenerate prints what a row costs in memory and how many are made in a second.
func BenchmarkGenerate(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var s *Server
	for b.Loop() {
		s = New(Options{})
		if err := s.Generate(Generated{Contacts: 20000, Leads: 10000, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	rows := 0
	for _, r := range s.engine.store.view().data {
		rows += r.len()
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(rows), "B/row")
	runtime.KeepAlive(s)
}

func TestGeneratedQuotesHaveNumbersOfTheirOwn(t *testing.T) {
	sn := generated(t, Generated{Contacts: 500, Seed: 2}, generatedOn).engine.store.view()
	tab, seen := sn.schema.tables["quote"], map[string]bool{}
	sn.table("quote").scan(uuid.Nil, func(r *row) bool {
		n := tab.text(r, "quotenumber")
		if n == "" || seen[n] {
			t.Errorf("quote %s has the number %q of another", r.id, n)
		}
		seen[n] = true
		return true
	})
}
