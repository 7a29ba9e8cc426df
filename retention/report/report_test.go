package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
	"github.com/gallra/gallra/retention/report"
)

const swedish report.Lang = "sv"

var update = flag.Bool("update", false, "rewrite the golden files")

// theDay is the sample's story up to the day on which the first are purged, and what comes then. Tests that only read
// share it.
func theDay(t *testing.T) *world {
	t.Helper()
	shared.once.Do(func() { shared.world = story(t) })
	if shared.world == nil {
		t.Fatal("the story failed before")
	}
	w := *shared.world
	w.T = t
	return &w
}

var shared struct {
	once  sync.Once
	world *world
}

func story(t *testing.T) *world {
	dir, err := os.MkdirTemp("", "gallra-report-")
	if err != nil {
		t.Fatal(err)
	}
	leave = append(leave, func() { _ = os.RemoveAll(dir) })
	w := startWorld(t, dir, func(stop func()) { leave = append(leave, stop) })
	w.run("first")
	w.server.Advance(14 * 24 * time.Hour)
	deal := sample.Deal()
	w.change(deal.Method, deal.Path, deal.Body)
	owners := w.sellers()
	w.strangers("A", 14, owners)
	w.run("rescue")
	w.server.Advance(50 * 24 * time.Hour)
	w.strangers("B", 9, owners)
	w.run("the-day")
	w.server.Advance(7 * 24 * time.Hour)
	w.strangers("C", 5, owners)
	return w
}

// sellers are users who own people.
func (w *world) sellers() (owners []uuid.UUID) {
	w.Helper()
	for row, err := range w.client.Rows(w.Context(), dataverse.Query{Table: "systemuser", Select: []string{"systemuserid", "fullname"}, OrderBy: "fullname asc"}) {
		w.must(err)
		owners = append(owners, row.ID("systemuserid"))
	}
	return owners
}

// strangers are contacts whom nothing justifies.
func (w *world) strangers(batch string, n int, owners []uuid.UUID) {
	w.Helper()
	for i := range n {
		w.change(http.MethodPost, "contacts", map[string]any{
			"contactid": uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "https://test.invalid/%s/%d", batch, i)).String(),
			"firstname": fmt.Sprintf("Test%s%d", batch, i), "lastname": "Främling", "emailaddress1": fmt.Sprintf("test%s%d@strangers.example", strings.ToLower(batch), i),
			"ownerid@odata.bind": "/systemusers(" + owners[i%len(owners)].String() + ")",
		})
	}
}

func (w *world) report(mask bool, lang report.Lang) *report.Report {
	w.Helper()
	plan, l := w.plan(), w.ledger()
	r := &report.Report{Coming: report.New(plan), Rails: plan.GuardRails(w.checked.Policy.Limits, purge.Matched(l, w.checked)), Facts: report.FactsOf(plan, w.checked),
		URL: "https://example.crm4.dynamics.com", Name: "Example", Made: day0, Version: "test", Mask: mask, Lang: lang, Names: report.NewCalled(w.Context(), w.client)}
	w.must(r.Coming.ReadNames(w.Context(), w.client, w.checked, report.NamesOptions{Mask: mask}))
	var err error
	r.Last, err = report.ReadLastRun(w.Context(), l)
	w.must(err)
	if r.Last != nil {
		if r.Last.Asked == 0 {
			w.Error("the ledger does not say what the run asked of the service")
		}
		r.Last.Asked = 1234 // how many depends on what is under way at the same time
	}
	settings, err := w.client.Settings(w.Context())
	w.must(err)
	r.Places = purge.Unreachable(settings, w.checked)
	return r
}

func page(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func workbook(t *testing.T, r *report.Report) *excelize.File {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteXLSX(&b, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// cells are all cells of a workbook, as people see them.
func cells(t *testing.T, f *excelize.File) string {
	t.Helper()
	var b strings.Builder
	for _, name := range f.GetSheetList() {
		b.WriteString("== " + name + "\n")
		rows, err := f.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			b.WriteString(strings.Join(row, " | ") + "\n")
		}
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

// leave is what is done when all tests are through.
var leave []func()

func TestMain(m *testing.M) {
	emulatortest.Roomy()
	code := m.Run()
	for _, f := range leave {
		f()
	}
	os.Exit(code)
}

// The masked report of the sample is what the golden files say, in both languages.
func TestMaskedReport(t *testing.T) {
	w := theDay(t)
	for _, lang := range []report.Lang{report.English, swedish} {
		r := w.report(true, lang)
		r.Coming.Policy = "sha256:" + strings.Repeat("0", 64) // a comma in the policy is no matter of the report
		r.Last.Policy = r.Coming.Policy
		// How much Dataverse keeps beside a person is for the tests of purges.
		r.Last.Audit = 112
		r.Last.Related = slices.DeleteFunc(r.Last.Related, func(x report.RunRelated) bool {
			table, _, _ := strings.Cut(x.Place, ".")
			return !slices.Contains([]string{"annotation", "email", "quote"}, table)
		})
		golden(t, "masked-"+string(lang)+".html", page(t, r))
		sheets := cells(t, workbook(t, r))
		golden(t, "masked-"+string(lang)+".txt", sheets)
		// Tables, places and grounds are called as the lists of the page do.
		for _, logical := range []string{"contact | ", "lead | ", "closed-opportunity | ", "annotation.objectid", "contact: "} {
			if strings.Contains(sheets, " | "+logical) || strings.Contains(sheets, "\n"+logical) {
				t.Errorf("%s: the workbook says %q", lang, logical)
			}
		}
	}
}

// names are all texts of the CRM by which a person would be known.
func (w *world) names() []string {
	w.Helper()
	var all []string
	for table, columns := range map[string][]string{
		"contact": {"fullname", "firstname", "lastname", "emailaddress1", "telephone1", "mobilephone", "gallra_retainreason", "address1_line1"},
		"lead":    {"fullname", "firstname", "lastname", "emailaddress1", "telephone1", "companyname"},
	} {
		for row, err := range w.client.Rows(w.Context(), dataverse.Query{Table: table, Select: columns}) {
			w.must(err)
			for _, c := range columns {
				if text := row.Text(c); len(text) > 3 {
					all = append(all, text)
				}
			}
		}
	}
	for row, err := range w.client.Rows(w.Context(), dataverse.Query{Table: "systemuser", Select: []string{"fullname"}}) { // who is called like a seller
		w.must(err)
		all = slices.DeleteFunc(all, func(text string) bool { return strings.Contains(row.Text("fullname"), text) })
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Promise 10 for what is mailed: with the mask nothing names anybody, before and after a purge, in any language; without
// it the same search finds them, so it can fail.
func TestMaskLeavesNobodyNamed(t *testing.T) {
	w := newWorld(t)
	w.run("first")
	names := w.names()
	if len(names) < 100 {
		t.Fatalf("%d names", len(names))
	}
	search := func(mask bool) (found []string) {
		for _, lang := range []report.Lang{report.English, swedish} {
			r := w.report(mask, lang)
			_, body, _ := strings.Cut(page(t, r), "</style>")
			everything := strings.ToLower(html.UnescapeString(body) + "\n" + cells(t, workbook(t, r)))
			for _, n := range names {
				if strings.Contains(everything, strings.ToLower(n)) && regexp.MustCompile(`(^|[^\pL\pN])`+regexp.QuoteMeta(strings.ToLower(n))+`($|[^\pL\pN])`).MatchString(everything) {
					found = append(found, n)
				}
			}
		}
		return found
	}
	if found := search(true); len(found) > 0 {
		t.Errorf("the masked report holds %q", found)
	}
	for _, o := range w.report(true, report.English).Coming.Owners { // who is to look at the list is told
		if o.ID != uuid.Nil && o.Name == "" {
			t.Errorf("the masked report does not say who owner %s is", o.ID)
		}
	}
	if found := search(false); len(found) < 50 {
		t.Errorf("the search finds only %d of %d names in a report that holds them", len(found), len(names))
	}
	w.server.Advance(64 * 24 * time.Hour)
	w.run("the-day")
	if found := search(true); len(found) > 0 {
		t.Errorf("after a purge the masked report holds %q", found)
	}
}

// Every person of the plan stands in the workbook, and on the page in the list of their owner, with the same dates.
func TestReportHoldsEverybody(t *testing.T) {
	w := theDay(t)
	r := w.report(false, report.English)
	f := workbook(t, r)
	whole := page(t, r)
	rows, err := f.GetRows("Coming")
	w.must(err)
	if len(rows) != 1+len(r.Coming.Persons) || len(rows) < 10 {
		t.Fatalf("%d rows for %d persons", len(rows), len(r.Coming.Persons))
	}
	for i := range r.Coming.Persons {
		p := &r.Coming.Persons[i]
		row := rows[i+1]
		if row[0] != p.PurgeOn.String() || row[1] != p.Name || row[2] != p.Email || row[10] != p.ID.String() || row[7] != r.Why(p) {
			t.Errorf("row %d is %q for %s %s", i+2, row, p.Name, p.PurgeOn)
		}
		if !strings.Contains(whole, html.EscapeString(r.Link(r.Coming.TableOf(p), p.ID))) || !strings.Contains(html.UnescapeString(whole), p.Name) {
			t.Errorf("%s is not on the page", p.Name)
		}
		if !p.PurgeOn.IsZero() {
			kind, err := f.GetCellType("Coming", "A"+itoa(i+2))
			w.must(err)
			raw, err := f.GetCellValue("Coming", "A"+itoa(i+2), excelize.Options{RawCellValue: true})
			w.must(err)
			day, err := excelize.ExcelDateToTime(atof(raw), false)
			w.must(err)
			if kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString || !day.Equal(p.PurgeOn.Time()) {
				t.Errorf("the date %s is %q (%v)", p.PurgeOn, raw, kind)
			}
		}
		linked, address, err := f.GetCellHyperLink("Coming", "B"+itoa(i+2))
		w.must(err)
		if !linked || address != r.Link(r.Coming.TableOf(p), p.ID) {
			t.Errorf("%s leads to %q", p.Name, address)
		}
	}
	owned, err := f.GetRows("By owner")
	w.must(err)
	if len(owned) != len(rows) || owned[0][0] != "Owner" || owned[0][2] != "Person" || owned[0][4] != "Table" || len(owned[0]) != len(rows[0]) {
		t.Errorf("by owner: %q", owned[0])
	}
	for _, name := range f.GetSheetList() {
		panes, err := f.GetPanes(name)
		w.must(err)
		if !panes.Freeze || panes.YSplit != 1 {
			t.Errorf("%s: its head does not stay: %+v", name, panes)
		}
	}
}

// The last run tells what its summary told.
func TestLastRun(t *testing.T) {
	w := newWorld(t)
	if last, err := report.ReadLastRun(t.Context(), w.ledger()); err != nil || last != nil {
		t.Fatalf("%+v, %v", last, err)
	}
	check := func(s *purge.Summary) *report.LastRun {
		t.Helper()
		last, err := report.ReadLastRun(t.Context(), w.ledger())
		w.must(err)
		if last.ID != s.Run || last.Status != s.Status || last.Audit != s.Swept || last.Purged() != s.Purged() || last.Failed() != s.Failed() {
			t.Errorf("%+v, the run said %+v", last, s)
		}
		for _, want := range s.Subjects {
			i := slices.IndexFunc(last.Tables, func(x report.RunTable) bool { return x.Table == want.Table })
			var got report.RunTable
			if i >= 0 {
				got = last.Tables[i]
			}
			if got.Scheduled != want.Decisions[retention.Schedule] || got.Rescued != want.Decisions[retention.Clear] || got.Moved != want.Decisions[retention.Move] ||
				got.Deleted != want.Deleted || got.Anonymized != want.Anonymized+want.Bound || got.LeftAlone != want.Skipped {
				t.Errorf("%+v, the run said %+v", got, want)
			}
		}
		var related []report.RunRelated
		for _, x := range s.Places {
			related = append(related, report.RunRelated{Place: x.Table, Deleted: x.Deleted, Anonymized: x.Anonymized, Kept: x.Kept, Freed: x.Freed, Shared: x.Shared})
		}
		if diff := cmp.Diff(related, last.Related); diff != "" {
			t.Error(diff)
		}
		return last
	}
	if last := check(w.run("first")); last.Scheduled() < 20 || last.Purged() != 0 {
		t.Errorf("%+v", last)
	}
	w.server.Advance(14 * 24 * time.Hour)
	deal := sample.Deal()
	w.change(deal.Method, deal.Path, deal.Body)
	if last := check(w.run("rescue")); last.Rescued() != 1 || last.Events[0].What != report.WasRescued || last.Events[0].ID != sample.ID("contact", "olivier") {
		t.Errorf("%+v", last)
	}
	w.server.Advance(50 * 24 * time.Hour)
	w.checked.Policy.Limits.Purges = 3
	if last := check(w.run("too-many")); len(last.Stopped) != 1 || last.Stopped[0].Rail != policy.TooMany || last.Purged() != 0 {
		t.Errorf("%+v", last)
	}
	if text := page(t, w.report(true, report.English)); !strings.Contains(text, "A run would stop now") || !strings.Contains(text, "Guard rails stopped it") {
		t.Error("the page does not tell of the guard rails")
	}
	w.checked.Policy.Limits.Purges = 500
	if last := check(w.run("the-day")); last.Purged() < 20 || last.ToSweep < 20 || len(last.Stopped) != 0 || len(last.Events) != last.Purged() {
		t.Errorf("%+v", last)
	}
}

// Every text of the page and the workbook is there, in every language, and so are the engine's words.
func TestEverySentenceIsTranslated(t *testing.T) {
	wordstest.Check(t, "report", []string{"*.go", "report.html.tmpl"}, []string{"action.", "rail.", "what.", "table.", "status.", "basis.", "map.do.", "map.leads."})
	for _, language := range words.Languages("report") {
		lang := report.Lang(language)
		missing := func(said, word string) {
			if said == word {
				t.Errorf("%s has no words for %q", lang, word)
			}
		}
		for _, a := range []retention.Action{retention.Purge, retention.Schedule, retention.Move, retention.Wait, retention.Clear, retention.Hold, retention.Keep} {
			missing(lang.ActionWord(a), string(a))
		}
		for _, kind := range personmap.Kinds() {
			_, ok := words.In("report", language).Lookup("map.leads." + string(kind))
			if !ok {
				t.Errorf("%s has no words for places that lead by %s", lang, kind)
			}
		}
		for _, do := range personmap.Treatments() {
			if _, ok := words.In("report", language).Lookup("map.do." + string(do)); !ok {
				t.Errorf("%s has no words for %s", lang, do)
			}
		}
		for _, rail := range []policy.Rail{policy.TooMany, policy.TooLarge, policy.GroundEmpty, purge.Residue} {
			missing(lang.RailWords(rail), string(rail))
		}
		if lang == report.English {
			continue // the places' own
		}
		for _, key := range search.PlaceKeys() {
			p := search.Place{Key: key, Name: "name", Remedy: "remedy"}
			missing(lang.PlaceName(p), p.Name)
			missing(lang.PlaceRemedy(p), p.Remedy)
		}
	}
	bin := purge.Unreachable(dataverse.Settings{RecycleBin: true, RecycleBinDays: 14}, &compile.Policy{})
	if got := swedish.PlaceRemedy(bin[len(bin)-1]); !strings.HasSuffix(got, " i 14 dagar.") {
		t.Errorf("of the recycle bin: %q", got)
	}
}

func TestOwnersWithoutNames(t *testing.T) {
	r := &report.Report{Lang: report.English}
	id := uuid.MustParse("3f2c1a90-0000-0000-0000-000000000001")
	for want, o := range map[string]report.Owner{"Without an owner": {}, "Owner 3f2c1a90": {ID: id}, "Anna": {ID: id, Name: "Anna"}} {
		if got := r.CalledOwner(&o); got != want {
			t.Errorf("%q", got)
		}
	}
}

func itoa(n int) string { return strings.ReplaceAll(report.Number(n), "\u202f", "") }

func atof(s string) float64 {
	n := 0.0
	for _, c := range s {
		n = n*10 + float64(c-'0')
	}
	return n
}
