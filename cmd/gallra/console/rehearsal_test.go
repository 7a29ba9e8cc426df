package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/rehearse"
	"github.com/gallra/gallra/retention/take"
)

// snapshots are two of the environment with sample data: with its rows, and without. It is taken once for all tests.
var snapshots = sync.OnceValues(func() (files [2][]byte, err error) {
	server, err := sampled()
	if err != nil {
		return files, err
	}
	client, err := connect(server)
	if err != nil {
		return files, err
	}
	dir, err := os.MkdirTemp("", "gallra-console-")
	if err != nil {
		return files, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	at := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(at, []byte(gallra.ModelPolicy), 0o600); err != nil {
		return files, err
	}
	p, err := policy.Load(at)
	if err != nil {
		return files, err
	}
	ctx := context.Background()
	checked, err := compile.Check(ctx, p, client)
	if err != nil {
		return files, err
	}
	for i, share := range []string{"all", "none"} {
		rows, err := take.ParseRows(share)
		if err != nil {
			return files, err
		}
		path := filepath.Join(dir, share)
		if _, err := take.Take(ctx, client, take.Options{Path: path, Rows: rows, Keep: true, Policy: checked, Version: "test"}); err != nil {
			return files, err
		}
		if files[i], err = os.ReadFile(path); err != nil {
			return files, err
		}
	}
	return files, nil
})

// shelve fills the folder of the console with snapshots and policies: what fits, what does not, and what only looks so.
func (w *world) shelve(o *Options) {
	w.Helper()
	files, err := snapshots()
	w.must(err)
	for name, text := range map[string]string{
		"crm.gallra": string(files[0]), "bare.gallra": string(files[1]), "cut.gallra": string(files[0][:len(files[0])/2]), "foreign.gallra": "no snapshot",
		"shorter.yaml": strings.ReplaceAll(gallra.ModelPolicy, "keep: 24 months", "keep: 1 months"), "wrong.yaml": "gallra: 1\nsubjects: 7\n", "cases.yaml": "cases: []\n",
	} {
		w.must(os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
	}
	outside := filepath.Join(w.TempDir(), "outside.gallra")
	w.must(os.WriteFile(outside, files[0], 0o600))
	w.must(os.Symlink(outside, filepath.Join(w.dir, "link.gallra")))
	o.Snapshots = w.dir
}

// rehearsed begins a rehearsal by a form, and waits for its end; where nothing began it gives the answer.
func (w *world) rehearsed(form url.Values) answer {
	w.Helper()
	a := w.post("/rehearsal", form)
	j := w.console.job("rehearse")
	if j == nil {
		return a
	}
	j.wait(w.Context())
	return w.get("/rehearsal")
}

// TestRehearsal rehearses by two policies, side by side: what the page says is what gallra rehearse finds. Nothing but the files of the
// folder can be named, and what is wrong with one is said.
//
// How much is asked is left out: chunks that are looked at side by side share a request or do not.
func TestRehearsal(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(nil)
	w.enter()
	if a := w.get("/rehearsal"); !a.says(newTongue("en").T("rehearsal.nofolder")) {
		t.Error("nothing is said of a console without a folder")
	}
	w.shelve(&w.console.o)
	a := w.get("/rehearsal")
	for text, offered := range map[string]bool{
		`value="crm.gallra"`: true, `value="cut.gallra"`: true, `value="sales.yaml"`: true, `value="shorter.yaml"`: true, `value="wrong.yaml"`: true, `value="cases.yaml"`: false,
		`value="bare.gallra"`: false, `value="link.gallra"`: false, "holds no rows": true, "foreign.gallra": true,
	} {
		if strings.Contains(a.body, text) != offered {
			t.Errorf("%s: offered is not %v", text, offered)
		}
	}
	right := url.Values{"snapshot": {"crm.gallra"}, "policy": {"sales.yaml"}, "months": {"3"}, "every": {"14"}}
	with := func(more ...string) url.Values {
		v := url.Values{}
		for k := range right {
			v.Set(k, right.Get(k))
		}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	for _, wrong := range []url.Values{{}, with("snapshot", "link.gallra"), with("snapshot", "bare.gallra"), with("snapshot", "../"+filepath.Base(w.dir)+"/crm.gallra"),
		with("snapshot", filepath.Join(w.dir, "crm.gallra")), with("policy", "cases.yaml"), with("policy", "/etc/passwd"), with("beside", "../sales.yaml"), with("beside", "crm.gallra"),
		with("months", "0"), with("months", "121"), with("months", "x"), with("every", "32"), with("every", "")} {
		if a := w.rehearsed(wrong); !a.says(newTongue("en").T("rehearsal.choose")) || w.console.job("rehearse") != nil {
			t.Errorf("%v is not refused", wrong)
		}
	}
	if a := w.rehearsed(with("snapshot", "cut.gallra")); !strings.Contains(a.body, `role="alert"`) || !strings.Contains(a.body, "cut") {
		t.Errorf("nothing is said of a file that was cut")
	}
	if a := w.rehearsed(with("policy", "wrong.yaml")); !strings.Contains(a.body, "wrong.yaml:2") {
		t.Errorf("nothing is said of what is wrong with a policy")
	}

	a = w.rehearsed(with("beside", "shorter.yaml"))
	x := w.console.rehearsedLast()
	if len(x.results) != 2 {
		t.Fatalf("%d results: %v", len(x.results), w.console.report("rehearse").Err)
	}
	for i, name := range x.policies { // the command's own rehearsal finds the same
		server, head, err := rehearse.Open(filepath.Join(w.dir, "crm.gallra"))
		w.must(err)
		p, err := policy.Load(filepath.Join(w.dir, name))
		w.must(err)
		want, err := rehearse.Run(t.Context(), server, head, p, rehearse.Options{Months: 3, Every: 14, Ledger: t.TempDir()})
		w.must(err)
		want.Link = x.results[i].Link
		if d := cmp.Diff(want, x.results[i], asksAside); d != "" {
			t.Errorf("%s: (-command +console)\n%s", name, d)
		}
		purged, dated, groups, rescued := 0, 0, [3]int{}, 0
		for _, n := range want.Diary {
			purged, dated, rescued = purged+n.Purged, dated+n.Scheduled, rescued+n.Rescued
		}
		months := [3]int{}
		for _, m := range want.Months {
			months[0], months[1], months[2] = months[0]+m.Scheduled, months[1]+m.Rescued, months[2]+m.Purged
			for _, g := range m.Groups {
				groups[0], groups[1], groups[2] = groups[0]+g.Scheduled, groups[1]+g.Rescued, groups[2]+g.Purged
			}
		}
		if len(want.Diary) != want.Nights || months != groups || months != [3]int{dated, rescued, purged} || purged == 0 {
			t.Errorf("%s: by month %v, by group %v, by night %v in %d of %d nights", name, months, groups, [3]int{dated, rescued, purged}, len(want.Diary), want.Nights)
		}
		last := want.Diary[len(want.Diary)-1]
		left := 0
		for _, p := range want.Persons {
			left += p.After
		}
		if last.Left != left {
			t.Errorf("%s: %d persons are left in the last night, and %d at the end", name, last.Left, left)
		}
	}
	d := rehearse.Compare(x.results[0], x.results[1])
	differs := false
	for i := range d.Months {
		p := &d.Months[i]
		differs = differs || p.Differs()
		if row := fmt.Sprintf(`<th scope="row">%s</th><td class="num first">%d</td><td class="num">%d</td>`, p.Month, p.A.Scheduled, p.B.Scheduled); !strings.Contains(a.body, row) {
			t.Errorf("the page lacks %s", row)
		}
	}
	if !differs || !strings.Contains(a.body, `class="differs"`) {
		t.Error("the policies do not differ: nothing is proven")
	}
	if a := w.get("/rehearsal/page.html?of=b"); !strings.Contains(a.header.Get("Content-Disposition"), "attachment") || !strings.Contains(a.body, "shorter.yaml") || !strings.Contains(a.body, "<svg") {
		t.Errorf("the page to keep: %d", a.status)
	}
	for _, n := range []string{"-1", "99999", "x", "2"} {
		if a := w.get("/rehearsal?of=b&n=" + n); a.status != http.StatusOK || !strings.Contains(a.body, "data-night") {
			t.Errorf("night %s: %d", n, a.status)
		}
	}

	somebody, failed := uuid.New(), uuid.New()
	x.results[0].Unexpected = []rehearse.Unexpected{{Table: "contact", ID: somebody, Why: rehearse.PrimaryContact, Weight: 7, PurgeOn: x.results[0].To}}
	x.results[0].Failed = []rehearse.Failed{{Table: "lead", Code: "restricted", Count: 1, IDs: []uuid.UUID{failed}}}
	for range 2 { // with ids as they are, then with ids that are nobody's
		page, link := w.get("/rehearsal").body, x.results[0].Link
		for text, there := range map[string]bool{
			`href="` + personPath("contact", somebody) + `"`: link != "", `main.aspx?pagetype=entityrecord&amp;etn=lead&amp;id=` + failed.String() + `" target="_blank" rel="noopener`: link != "",
			`<code>` + failed.String(): link == "", "with 7 deals": true, "restricted": true,
		} {
			if strings.Contains(page, text) != there {
				t.Errorf("with the link %q the page holds %s: not %v", link, text, there)
			}
		}
		x.results[0].Link = ""
	}

	w.post("/rehearsal", with("every", "1", "months", "60"))
	w.post("/rehearsal/stop", nil)
	w.console.job("rehearse").wait(t.Context())
	if a := w.get("/rehearsal"); !a.says(newTongue("en").T("rehearsal.stopped")) || strings.Contains(a.body, `role="alert"`) || strings.Contains(a.body, "data-night") {
		t.Error("a rehearsal that was stopped leaves something, or says nothing")
	}
	if w.client.Now().Before(day0) || w.console.reading() == nil {
		t.Error("the real environment was touched")
	}
}

// TestRehearsalInABrowser goes the whole way by clicking: chooses, watches the progress, moves the slider by keys, and follows a link.
func TestRehearsalInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(w.shelve)
	tab := w.openTab()
	refused := tab.refusals()
	tab.act(chromedp.Click(chromedp.CSS(`a[href="/tools"]`)))
	tab.until("the tools", `document.querySelector("a[href='/rehearsal']")`)
	tab.act(chromedp.Click(chromedp.CSS(`a[href="/rehearsal"]`)))
	tab.until("the form", `document.querySelector("select[name=snapshot]")`)
	tab.axe("the form")
	tab.shoot("rehearsal-form")
	value[bool](tab, `(() => { const set = (n, v) => { document.querySelector("[name=" + n + "]").value = v; }; set("snapshot", "crm.gallra"); set("beside", "shorter.yaml"); set("months", 4); set("every", 3); return true; })()`)
	tab.act(chromedp.Click(chromedp.CSS("form.rehearse button.go")))
	tab.until("the progress", `document.querySelector("[data-job=rehearse]") || document.querySelector("#night")`)
	first := value[string](tab, `(document.querySelector("[data-job=rehearse]") || document.body).textContent`)
	tab.until("progress that moves", fmt.Sprintf(`!document.querySelector("[data-job=rehearse]") || document.querySelector("[data-job=rehearse]").textContent !== %q`, first))
	tab.shoot("rehearsal-progress")
	tab.until("the result", `document.querySelector("#night [data-night]")`)
	x := w.console.rehearsedLast()
	if len(x.results) != 2 {
		t.Fatal("there are not two results")
	}
	at := func() string {
		return value[string](tab, `document.querySelector("#night [data-night]").dataset.night`)
	}
	say := newTongue("en")
	now := value[int](tab, `Number(document.getElementById("which").value)`)
	if x.results[0].Diary[now].Purged == 0 || at() != say.date(x.results[0].Diary[now].On) {
		t.Errorf("the page begins with the night %d, %s", now, at())
	}
	value[bool](tab, `(document.getElementById("which").focus(), true)`)
	tab.press("\u0301", 1) // arrow down
	tab.until("the night before", fmt.Sprintf(`document.querySelector("#night [data-night]").dataset.night === %q && document.getElementById("which").getAttribute("aria-valuetext") === %q`, say.date(x.results[0].Diary[now-1].On), say.date(x.results[0].Diary[now-1].On)))
	tab.act(chromedp.Click(chromedp.CSS("#night .line a:last-child")))
	tab.until("the night after", fmt.Sprintf(`document.readyState === "complete" && document.querySelector("#night [data-night]").dataset.night === %q`, say.date(x.results[0].Diary[now].On)))
	tab.act(chromedp.Click(chromedp.CSS(".nights summary")))
	tab.act(chromedp.Click(chromedp.CSS(".nights a[href*='n=2#']")))
	tab.until("a night of the list", fmt.Sprintf(`document.readyState === "complete" && document.querySelector("#night [data-night]").dataset.night === %q`, say.date(x.results[0].Diary[2].On)))
	tab.act(chromedp.Click(chromedp.CSS(".switch a[href*='of=b']")))
	tab.until("policy B", `document.readyState === "complete" && document.getElementById("result").textContent === "shorter.yaml"`)
	for _, lang := range []string{"en", "fi", "de", "sv", "da", "nb"} {
		tab.speak(lang)
		tab.open("/rehearsal?of=b&n=" + strconv.Itoa(now))
		for _, width := range []int{1280, 375} {
			tab.size(width)
			tab.fits(fmt.Sprintf("%s %d", lang, width))
			for _, scheme := range []string{"light", "dark"} {
				if lang == "en" || lang == "de" && os.Getenv("GALLRA_SCREENSHOTS") != "" {
					tab.scheme(scheme)
					where := fmt.Sprintf("rehearsal-%s-%d-%s", lang, width, scheme)
					if lang == "en" {
						tab.check(where, map[string]string{"light": everyRule, "dark": colourRule}[scheme])
					}
					tab.shootAll(where)
				}
			}
		}
	}
	tab.open("/rehearsal")
	tab.size(1280)
	value[bool](tab, `(() => { const set = (n, v) => { document.querySelector("[name=" + n + "]").value = v; }; set("snapshot", "crm.gallra"); set("months", 100); set("every", 1); return true; })()`)
	tab.act(chromedp.Click(chromedp.CSS("form.rehearse button.go")))
	tab.until("the progress", `document.querySelector("form[action='/rehearsal/stop'] button")`)
	tab.axe("the progress")
	tab.act(chromedp.Click(chromedp.CSS("form[action='/rehearsal/stop'] button")))
	tab.until("that it was stopped", `document.querySelector("select[name=snapshot]") && document.querySelector("p.notice[role=status]")`)
	for _, r := range refused() {
		t.Errorf("the browser complains: %s", r)
	}
}

// asksAside leaves out of two results how much was asked of the service.
var asksAside = cmp.FilterPath(func(p cmp.Path) bool {
	return slices.Contains([]string{".Service", ".Requests", ".Operations"}, p.Last().String())
}, cmp.Ignore())
