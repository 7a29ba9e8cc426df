package console

import (
	"archive/zip"
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// dealOf is the key of what a page asks to confirm.
func dealOf(t testing.TB, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="deal" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the page asks for nothing to be confirmed")
	}
	return m[1]
}

// says tells whether a page has a text, whatever its markup.
func (a answer) says(text string) bool { return strings.Contains(html.UnescapeString(a.body), text) }

var en = newTongue("en")

// eraseSomebody erases somebody from the console, from their page to the receipt.
func (w *world) eraseSomebody() uuid.UUID {
	w.Helper()
	id := w.contact(map[string]any{"firstname": "Vera", "lastname": "Forgotten", "emailaddress1": "vera.forgotten@nowhere.example"})
	path := personPath("contact", id)
	look := w.get(path + "/erase")
	ask := w.post("/erase/choose", url.Values{"deal": {dealOf(w, look.body)}, "row": {"contact/" + id.String()}})
	w.post("/erase", url.Values{"deal": {dealOf(w, ask.body)}, "confirm": {"yes"}, "count": {"1"}})
	j := w.console.job("erase")
	if j == nil {
		w.Fatalf("nothing was erased: %s", ask.body)
	}
	j.wait(w.Context())
	w.console.job("read").wait(w.Context())
	return id
}

// An erasure is looked at, asked back with the number of rows typed, done once, and leaves a receipt in the language of whoever asks.
func TestEraseFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	id := w.contact(map[string]any{"firstname": "Vera", "lastname": "Forgotten", "emailaddress1": "vera@nowhere.example"})
	path := personPath("contact", id)
	key := "contact/" + id.String()
	there := func() bool {
		_, err := w.client.Get(t.Context(), "contact", id, queryOf("contactid"))
		return err == nil
	}
	look := w.get(path + "/erase")
	if look.status != http.StatusOK || !look.says("Vera Forgotten") {
		t.Fatalf("the look: %d", look.status)
	}
	for _, tt := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"deal": {dealOf(t, look.body)}}, en.T("erase.norows")},
		{url.Values{"deal": {dealOf(t, look.body)}, "row": {"contact/" + uuid.NewString()}}, en.T("erase.norows")},
		{url.Values{"deal": {dealOf(t, look.body)}, "row": {key}, "despite": {"no-such-ground"}}, en.T("erase.norows")},
		{url.Values{"deal": {"made-up"}, "row": {key}}, en.T("deal.old")},
	} {
		if a := w.post("/erase/choose", tt.form); !a.says(tt.want) {
			t.Errorf("%v: the page does not say %q", tt.form, tt.want)
		}
	}
	ask := w.post("/erase/choose", url.Values{"deal": {dealOf(t, look.body)}, "row": {key}})
	deal := dealOf(t, ask.body)
	if a := w.post("/erase", url.Values{"deal": {deal}, "confirm": {"yes"}, "count": {"2"}}); !a.says(en.T("erase.count", 1)) || w.console.job("erase") != nil {
		t.Error("it was begun with the wrong number")
	}
	if a := w.post("/erase", url.Values{"deal": {deal}, "count": {"1"}}); !a.says(en.T("deal.old")) || w.console.job("erase") != nil {
		t.Error("it was begun without being confirmed")
	}
	other := *w // another tab of somebody else cannot confirm what this one was shown
	other.enter()
	if a := other.post("/erase", url.Values{"deal": {deal}, "confirm": {"yes"}, "count": {"1"}}); !a.says(en.T("deal.old")) || !there() {
		t.Error("another session confirmed it")
	}
	w.change(http.MethodPatch, "contacts("+id.String()+")", map[string]any{"gallra_legalhold": true}) // between the look and the confirmation
	if a := w.post("/erase", url.Values{"deal": {deal}, "confirm": {"yes"}, "count": {"1"}}); !a.says(en.T("erase.changed")) || !there() {
		t.Error("somebody was erased who had changed since they were looked at")
	}
	if a := w.get(path + "/erase"); !a.says(en.T("erase.held")) {
		t.Error("the legal hold is not told")
	}
	w.change(http.MethodPatch, "contacts("+id.String()+")", map[string]any{"gallra_legalhold": false})
	ask = w.post("/erase/choose", url.Values{"deal": {dealOf(t, w.get(path+"/erase").body)}, "row": {key}})
	form := url.Values{"deal": {dealOf(t, ask.body)}, "confirm": {"yes"}, "count": {"1"}}
	for range 3 { // an impatient finger
		w.post("/erase", form)
	}
	w.console.job("erase").wait(t.Context())
	w.console.job("read").wait(t.Context())
	if there() || len(w.console.receipts) != 1 {
		t.Fatalf("there: %v, receipts: %d, %+v", there(), len(w.console.receipts), w.console.erased)
	}
	l, err := w.ledger()
	w.must(err)
	if n := len(slices.DeleteFunc(l.Runs(), func(r ledger.RunInfo) bool { return r.Verb != "erase" })); n != 1 {
		t.Errorf("%d erasures stand in the ledger", n)
	}
	page := w.get("/erase")
	receipt := "/erase/receipt/" + w.console.receipts[0].ID
	if !strings.Contains(page.body, receipt+".html") || !strings.Contains(page.body, receipt+".json") {
		t.Error("the page leads to no receipt")
	}
	for _, lang := range []string{"sv", "de"} {
		if a := w.get(receipt + ".html?lang=" + lang); !strings.Contains(a.body, words.In("receipt", lang).T("title")) || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("the receipt is not in %s", lang)
		}
	}
	shown := w.get(receipt + ".html?show=yes")
	if csp := shown.header.Get("Content-Security-Policy"); shown.header.Get("Content-Disposition") != "" || strings.Contains(csp, "script-src") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("it is shown under %q", csp)
	}
	if a := w.get(receipt + ".json"); !strings.Contains(a.body, l.Head()) || strings.Contains(a.body+shown.body, "Vera") {
		t.Error("the receipt does not point at the ledger, or names the person")
	}
	if a := w.get("/erase/receipt/" + secret()[:16] + ".html"); a.status != http.StatusNotFound {
		t.Errorf("a receipt that is not there: %d", a.status)
	}
}

// While a ground justifies somebody the request is refused until the ground is named, which stands in the ledger.
func TestEraseDespiteAGround(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	for _, i := range b.list(filter{State: string(retention.Keep), Table: "contact", Sort: "name"}) {
		p := &b.Persons[i]
		path := personPath("contact", p.ID)
		look := w.get(path + "/erase")
		grounds := regexp.MustCompile(`name="despite" value="([^"]+)"`).FindAllStringSubmatch(look.body, -1)
		rows := regexp.MustCompile(`name="row" value="([^"]+)"`).FindAllStringSubmatch(look.body, -1)
		if len(grounds) == 0 || strings.Contains(look.body, en.T("erase.held")) {
			continue
		}
		form := url.Values{"deal": {dealOf(t, look.body)}}
		for _, m := range rows {
			form.Add("row", m[1])
		}
		if a := w.post("/erase/choose", form); !a.says(en.T("erase.forbidden")) {
			t.Error("the ground does not forbid it")
		}
		for _, m := range grounds {
			form.Add("despite", m[1])
		}
		ask := w.post("/erase/choose", form)
		w.post("/erase", url.Values{"deal": {dealOf(t, ask.body)}, "confirm": {"yes"}, "count": {strconv.Itoa(len(rows))}})
		w.console.job("erase").wait(t.Context())
		w.console.job("read").wait(t.Context())
		if out := w.console.erased; out == nil || out.Summary == nil || len(w.console.receipts) != 1 || w.console.receipts[0].receipt.Despite[0] != grounds[0][1] {
			t.Fatalf("%+v", w.console.erased)
		}
		return
	}
	t.Fatal("nobody is kept by a ground")
}

// The plan of a day to come counts as gallra plan --as-of does, is exported, and leaves everything as it is.
func TestADayToCome(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	before := w.server.Stats().RowsWritten
	b := w.console.reading()
	today := w.console.today(b)
	for day, want := range map[string]string{today.String(): "ahead.past", (today - 40).String(): "ahead.past", "": "act.nodate", "x": "act.nodate", "2199-01-01": "act.toofar"} {
		if a := w.post("/ahead", url.Values{"day": {day}}); !a.says(en.T(want)) || w.console.job("ahead") != nil {
			t.Errorf("%q: the page does not say %q", day, en.T(want))
		}
	}
	w.post("/ahead", url.Values{"day": {(today + 70).String()}})
	w.console.job("ahead").wait(t.Context())
	x := w.console.ahead
	if x == nil || x.coming.Count(retention.Purge) < 5 {
		t.Fatalf("%+v", x)
	}
	page := w.get("/ahead")
	if !page.says(en.N("ahead.going", x.coming.Count(retention.Purge))) || !page.says(w.somebody().Name) {
		t.Error("the page does not say who would go")
	}
	if a := w.get("/ahead/export.csv"); strings.Count(a.body, "\n") != len(x.planned.Decisions)+1 || strings.Contains(a.body, w.somebody().Name) {
		t.Errorf("the export has %d lines for %d decisions", strings.Count(a.body, "\n"), len(x.planned.Decisions))
	}
	if w.server.Stats().RowsWritten != before {
		t.Error("something was written")
	}
}

// A report is built and downloaded, with names and without, and stays nowhere on the disk.
func TestReportFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	t.Setenv("TMPDIR", t.TempDir())
	w.run()
	w.serve(nil)
	w.enter()
	name := w.somebody().Name
	for _, masked := range []bool{false, true} {
		form := url.Values{"lang": {"de"}, "owners": {"yes"}}
		if masked {
			form.Set("mask", "yes")
		}
		w.post("/report", form)
		w.console.job("report").wait(t.Context())
		a := w.get("/report/file/report.html")
		if !strings.Contains(a.body, `lang="de"`) || strings.Contains(a.body, name) == masked || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("masked %v: the report is not as it was asked for", masked)
		}
		archive := w.get("/report/file/report.zip").body
		z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
		w.must(err)
		if len(z.File) < 5 {
			t.Errorf("the archive holds %d files", len(z.File))
		}
	}
	if left, _ := filepath.Glob(filepath.Join(tempDir(), "gallra-*")); len(left) > 0 {
		t.Errorf("on the disk: %v", left)
	}
	for _, path := range []string{"/report/file/other", "/report/file/..%2freport.html", "/report/file/owners"} {
		if a := w.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// Owners are told once, of what the page has shown, and only when it is confirmed.
func TestOwnersAreToldFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	told := func() (n int) {
		for _, err := range w.client.Rows(t.Context(), tableOf("appnotification", "appnotificationid")) {
			w.must(err)
			n++
		}
		return n
	}
	w.post("/owners/look", nil)
	w.console.job("owners").wait(t.Context())
	owners := len(w.console.told.summary.Digests)
	if owners < 3 || told() != 0 {
		t.Fatalf("%d owners", owners)
	}
	plan := w.console.told.id
	ask := w.post("/owners", url.Values{"plan": {plan}, "once": {secret()}})
	if !ask.says(en.T("owners.confirm")) || told() != 0 {
		t.Error("it is not asked back")
	}
	if a := w.post("/owners", url.Values{"plan": {"another"}, "once": {secret()}, "confirm": {"yes"}}); !a.says(en.T("owners.stale")) || told() != 0 {
		t.Error("another plan was sent")
	}
	form := url.Values{"plan": {plan}, "once": {onceOf(t, ask.body)}, "confirm": {"yes"}}
	for range 2 {
		w.post("/owners", form)
	}
	w.console.job("notify").wait(t.Context())
	if told() != owners {
		t.Errorf("%d were told, want %d", told(), owners)
	}
	if a := w.get("/owners"); !a.says(en.N("owners.sent", owners)) || strings.Count(a.body, ">"+en.T("told.sent")+"<") != owners {
		t.Error("the page does not say who was told")
	}
	w.post("/owners/look", nil)
	w.console.job("owners").wait(t.Context())
	if n := len(w.console.told.summary.Digests); n != 0 {
		t.Errorf("%d would be told again", n)
	}
}

// Whoever is back after a restore is found, and purged again once the number is typed.
func TestReapplyFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	id := w.eraseSomebody()
	w.post("/restore/look", nil)
	w.console.job("back").wait(t.Context())
	if a := w.get("/restore"); !a.says(en.N("restore.back", 0)) {
		t.Error("somebody is back")
	}
	w.change(http.MethodPost, "contacts", map[string]any{"contactid": id.String(), "lastname": "Forgotten", "overriddencreatedon": "2019-01-01T00:00:00Z"})
	w.post("/restore/look", nil)
	w.console.job("back").wait(t.Context())
	if a := w.get("/restore"); !a.says(en.N("restore.back", 1)) || !a.says(id.String()) {
		t.Fatal("whoever is back is not found")
	}
	plan := w.console.back.id
	ask := w.post("/restore", url.Values{"plan": {plan}, "once": {secret()}})
	once := onceOf(t, ask.body)
	for _, wrong := range []url.Values{{"plan": {plan}, "count": {"7"}}, {"plan": {"another"}, "count": {"1"}}} {
		wrong.Set("once", secret())
		wrong.Set("confirm", "yes")
		if w.post("/restore", wrong); w.console.job("reapply") != nil {
			t.Errorf("%v was begun", wrong)
		}
	}
	w.post("/restore", url.Values{"plan": {plan}, "once": {once}, "confirm": {"yes"}, "count": {"1"}})
	w.console.job("reapply").wait(t.Context())
	w.console.job("read").wait(t.Context())
	if out := w.console.reapplied; out == nil || out.Summary == nil || out.Summary.Purged() != 1 {
		t.Fatalf("%+v", out)
	}
	if a := w.get("/restore"); !a.says(w.console.reapplied.Summary.Run) {
		t.Error("the page does not tell of it")
	}
}

// A checkpoint that the console gives is held by the ledger that it was made of.
func TestCheckpointFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(nil)
	w.enter()
	if a := w.post("/ledger/checkpoint", nil); !a.says(en.T("ledger.none")) {
		t.Error("there is no ledger, and nobody says so")
	}
	w.run()
	w.post("/read", nil)
	w.console.job("read").wait(t.Context())
	a := w.post("/ledger/checkpoint", nil)
	filed, err := ledger.ReadCheckpoints(strings.NewReader(a.body))
	if err != nil || len(filed) != 1 || !strings.Contains(a.header.Get("Content-Disposition"), "checkpoint") {
		t.Fatalf("%q: %v", a.body, err)
	}
	proof, err := ledger.Verify(filepath.Join(w.dir, "ledger"), filed...)
	if err != nil || len(proof.Problems) > 0 {
		t.Errorf("%v %v", proof, err)
	}
}

// Progress moves while an erasure goes on, tells its end, and a page that is opened meanwhile shows it.
func TestProgressOfAnErasureMoves(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	id := w.contact(map[string]any{"lastname": "Forgotten"})
	path := personPath("contact", id)
	ask := w.post("/erase/choose", url.Values{"deal": {dealOf(t, w.get(path+"/erase").body)}, "row": {"contact/" + id.String()}})
	w.must(w.server.SetFaults(emulator.Fault{Delay: "10ms"})) // long enough to be told of
	page := w.post("/erase", url.Values{"deal": {dealOf(t, ask.body)}, "confirm": {"yes"}, "count": {"1"}})
	told := w.get("/progress/erase").body // until it has ended
	w.must(w.server.SetFaults())
	w.console.job("read").wait(t.Context())
	if page.path != "/erase" || !strings.Contains(page.body, `data-job="erase"`) {
		t.Errorf("%s shows no erasure under way", page.path)
	}
	events := strings.Split(strings.TrimSpace(told), "\n\n")
	if len(slices.Compact(slices.Clone(events))) < 3 || !strings.HasPrefix(events[0], "event: progress") || !strings.HasPrefix(events[len(events)-1], "event: end") {
		t.Errorf("the progress: %q", told)
	}
}
