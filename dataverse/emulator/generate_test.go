package emulator

import (
	"runtime"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/generate"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

var generatedOn = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func generated(t *testing.T, what generate.Generated, now time.Time) *Server {
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
	sn := s.engine.Store.View()
	for _, name := range tables {
		t := sn.Schema.Tables[name]
		sn.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			m := map[string]any{}
			for i, v := range r.All() {
				m[t.Columns[i].Name] = v
			}
			all[name+" "+r.ID.String()] = m
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
	what := generate.Generated{Contacts: 200, Leads: 100, Seed: 7}
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
	s := generated(t, generate.Generated{Contacts: 2000, Leads: 1000, Seed: 1}, generatedOn)
	sn := s.engine.Store.View()
	related := 0
	for _, name := range generatedTables {
		n := sn.Rows(name).Len()
		if n == 0 {
			t.Errorf("no row in %s", name)
		}
		switch name {
		case "contact", "lead", "account", "customeraddress", "leadaddress": // addresses come with the row
		default:
			related += n
		}
	}
	if c, l := sn.Rows("contact").Len(), sn.Rows("lead").Len(); c != 2000 || l != 1000 {
		t.Errorf("%d contacts and %d leads", c, l)
	}
	holdAddresses(t, s)
	if r := float64(related) / 3000; r < 2.3 || r > 3.3 {
		t.Errorf("%.1f related rows a person, want two or three", r)
	}
}

// TestGeneratedRowsFitTheSchema holds every row against what a create would be held against.
func TestGeneratedRowsFitTheSchema(t *testing.T) {
	s := generated(t, generate.Generated{Contacts: 1000, Leads: 500, Seed: 3}, generatedOn)
	sn := s.engine.Store.View()
	for _, name := range generatedTables {
		tab := sn.Schema.Tables[name]
		dangling := map[string]bool{}
		for _, r := range tab.Outgoing {
			dangling[r.Attribute] = r.Delete == "NoCascade"
		}
		sn.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			for i, v := range r.All() {
				col := tab.Columns[i]
				fit := false
				switch v := v.(type) {
				case string:
					fit = (col.Kind == schema.KindString || col.Kind == schema.KindMemo || col.Kind == schema.KindEntityName) && (col.MaxLength == 0 || wire.UTF16Length(v) <= col.MaxLength)
				case store.Ref:
					fit = col.Kind == schema.KindLookup && (dangling[col.Name] || sn.Data[v.Table].Get(v.ID) != nil)
				case int64:
					switch col.Kind {
					case schema.KindPicklist, schema.KindState, schema.KindStatus:
						fit = len(col.Options) == 0 || col.Option(int(v)) != nil
					case schema.KindInteger, schema.KindBigInt:
						fit = true
					}
				case bool:
					fit = col.Kind == schema.KindBoolean
				case store.Instant:
					fit = col.Kind == schema.KindDateTime && !col.DateOnly()
				case store.Day:
					fit = col.DateOnly()
				case float64:
					fit = col.Kind == schema.KindMoney || col.Kind == schema.KindDecimal || col.Kind == schema.KindDouble
				case uuid.UUID:
					fit = col.Kind == schema.KindGUID
				}
				if !fit {
					t.Errorf("%s %s: %s holds a %T that does not fit %s", name, r.ID, col.Name, v, col.Type)
					return false
				}
			}
			if tab.Column("statecode") != nil && !platform.StatusFits(tab, store.Int(tab, r, "statecode"), store.Int(tab, r, "statuscode")) {
				t.Errorf("%s %s: state %d does not go with status %d", name, r.ID, store.Int(tab, r, "statecode"), store.Int(tab, r, "statuscode"))
				return false
			}
			if on, ok := store.Value(tab, r, "createdon").(store.Instant); ok && name != "msevtmgt_event" && name != "msevtmgt_eventteammember" && on.Time().After(generatedOn) {
				t.Errorf("%s %s was created on %v, after today", name, r.ID, on.Time())
				return false
			}
			return true
		})
	}
}

func TestGeneratedNames(t *testing.T) {
	s := generated(t, generate.Generated{Contacts: 2000, Leads: 1000, Seed: 5}, generatedOn)
	sn := s.engine.Store.View()
	scripts := map[string]*unicode.RangeTable{
		"Latin": unicode.Latin, "Cyrillic": unicode.Cyrillic, "Greek": unicode.Greek, "Arabic": unicode.Arabic, "Hebrew": unicode.Hebrew,
		"Devanagari": unicode.Devanagari, "Han": unicode.Han, "Hangul": unicode.Hangul, "Thai": unicode.Thai,
	}
	seen, addresses := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"contact", "lead"} {
		tab := sn.Schema.Tables[name]
		sn.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			address := store.Text(tab, r, "emailaddress1")
			if addresses[address] {
				t.Errorf("two persons have one address")
			}
			addresses[address] = true
			for _, c := range store.Text(tab, r, "fullname") {
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
		metadata.Column{Table: "contact", SchemaName: "gallra_PurgeScheduledOn", Type: "DateTime", Behavior: "DateOnly"},
		metadata.Column{Table: "contact", SchemaName: "gallra_PurgeNoticedOn", Type: "DateTime", Behavior: "DateOnly"},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Generate(generate.Generated{Contacts: 300, Leads: 300, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	sn := s.engine.Store.View()
	tab, n := sn.Schema.Tables["contact"], 0
	sn.Rows("contact").Scan(uuid.Nil, func(r *store.Row) bool {
		on, off := store.Value(tab, r, "gallra_purgescheduledon"), store.Value(tab, r, "gallra_purgenoticedon")
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
		if err := s.Generate(generate.Generated{Contacts: 20000, Leads: 10000, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	rows := 0
	for _, r := range s.engine.Store.View().Data {
		rows += r.Len()
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(rows), "B/row")
	runtime.KeepAlive(s)
}

func TestGeneratedQuotesHaveNumbersOfTheirOwn(t *testing.T) {
	sn := generated(t, generate.Generated{Contacts: 500, Seed: 2}, generatedOn).engine.Store.View()
	tab, seen := sn.Schema.Tables["quote"], map[string]bool{}
	sn.Rows("quote").Scan(uuid.Nil, func(r *store.Row) bool {
		n := store.Text(tab, r, "quotenumber")
		if n == "" || seen[n] {
			t.Errorf("quote %s has the number %q of another", r.ID, n)
		}
		seen[n] = true
		return true
	})
}
