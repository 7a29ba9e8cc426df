package console

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
)

// The browser is started once for all tests; it ends with them.
var (
	browserOnce sync.Once
	browserCtx  context.Context
	browserStop []func()
	browserErr  error
)

func TestMain(m *testing.M) {
	emulatortest.Roomy()
	code := m.Run()
	for i := len(browserStop) - 1; i >= 0; i-- {
		browserStop[i]()
	}
	os.Exit(code)
}

// tab is a page of a real browser.
type tab struct {
	*world
	ctx   context.Context
	width int
}

// openTab opens the console in a real browser, signed in by a link of its own. Where there is no browser the test is
// skipped, unless GALLRA_BROWSER=required.
func (w *world) openTab() *tab {
	w.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("GALLRA_BROWSER") == "required" {
			w.Fatal(err)
		}
		w.Skip("no chromium: GALLRA_BROWSER=required makes that a failure")
	}
	browserOnce.Do(func() {
		dir, err := os.MkdirTemp("", "gallra-browser-")
		if err != nil {
			browserErr = err
			return
		}
		allocator, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Headless, chromedp.NoFirstRun,
			chromedp.UserDataDir(dir), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true))
		ctx, cancel := chromedp.NewContext(allocator)
		browserStop = append(browserStop, func() { _ = os.RemoveAll(dir) }, stop, cancel)
		browserCtx, browserErr = ctx, chromedp.Do(ctx)
	})
	w.must(browserErr)
	ctx, cancel := chromedp.NewContext(browserCtx)
	w.Cleanup(cancel)
	t := &tab{world: w, ctx: ctx}
	w.must(chromedp.Do(ctx)) // a deadline on the first call would be one on the tab
	t.size(1280)
	t.open(strings.TrimPrefix(w.console.Link(), w.url))
	return t
}

// act does something in the page, within reasonable time.
func (t *tab) act(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func (t *tab) open(path string) {
	t.Helper()
	t.act(chromedp.Navigate(t.url + path))
}

// value is what a script gives.
func value[T any](t *tab, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "navigated") { // a page that waits for a reading loads itself again
		v, err = chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	}
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits for a script to give true.
func (t *tab) until(what, script string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(30 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		cancel()
		if err == nil && ok { // a page that is just going away has no answer
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s (%v)", what, err)
		}
	}
}

func (t *tab) size(width int) {
	t.Helper()
	t.width = width
	t.act(chromedp.EmulateViewport(int64(width), map[int]int64{360: 740, 375: 812, 1280: 900, 2560: 1300}[width]))
}

func (t *tab) scheme(name string) {
	t.Helper()
	_, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	t.must(err)
}

// shoot keeps a picture of the page where GALLRA_SCREENSHOTS says.
func (t *tab) shoot(name string) {
	t.Helper()
	dir := os.Getenv("GALLRA_SCREENSHOTS")
	if dir == "" {
		return
	}
	t.must(os.MkdirAll(dir, 0o755))
	ctx, cancel := context.WithTimeout(t.ctx, 20*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	t.must(err)
	t.must(os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

// Rules of the accessibility checker: all of them, and those that colours decide, of which a page has others in the dark.
const (
	everyRule  = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	colourRule = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// shootAll keeps a picture of the whole page, however long.
func (t *tab) shootAll(name string) {
	t.Helper()
	if os.Getenv("GALLRA_SCREENSHOTS") == "" {
		return
	}
	height := value[int](t, `document.documentElement.scrollHeight`)
	t.act(chromedp.EmulateViewport(int64(t.width), int64(height)))
	t.shoot(name)
	t.size(t.width)
}

// axe is what the accessibility checker has to say about the page.
func (t *tab) axe(where string) {
	t.Helper()
	t.check(where, everyRule)
}

// check holds the page against rules of the accessibility checker. Of long lists it looks at the first rows: the others are made alike.
func (t *tab) check(where, rules string) {
	t.Helper()
	source := axeSource(t)
	if source == "" {
		return
	}
	if !value[bool](t, `"axe" in window`) { // a page stays the same one when its width and its colours change
		t.act(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := chromedp.Evaluate[bool](source+";true")(ctx, target)
			return err
		}))
	}
	found := value[[]string](t, `axe.run({include: [["html"]], exclude: [[".ln:nth-child(n+20)"], ["tbody tr:nth-child(n+8)"]]}, {runOnly: `+rules+`, resultTypes: ["violations"]}).then(r =>
		r.violations.flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ": " + n.target.join(" ") + " — " + n.failureSummary.replaceAll("\n", " "))))`)
	for _, f := range found {
		t.Errorf("%s: %s", where, f)
	}
}

var axeOnce = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("../../../tools/node_modules/axe-core/axe.min.js")
	return string(b), err
})

func axeSource(t *tab) string {
	t.Helper()
	source, err := axeOnce()
	if err != nil && os.Getenv("GALLRA_TOOLS") == "required" {
		t.Fatal(err)
	}
	return source
}

// fits tells whether the page needs no sideways scrolling.
func (t *tab) fits(where string) {
	t.Helper()
	if wide := value[int](t, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
		t.Errorf("%s is %d pixels wider than the screen: %v", where, wide, value[[]string](t,
			`[...document.querySelectorAll("main *, header *, footer *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .source")).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`))
	}
}

// speak chooses a language.
func (t *tab) speak(lang string) {
	t.Helper()
	value[bool](t, `fetch("/language", {method: "POST", body: new URLSearchParams({language: "`+lang+`", back: "/"})}).then(r => r.ok)`)
}

// TestPagesInABrowser goes through the main pages in German, and in English or Swedish, at the width of a telephone and of a desk, in light and
// dark: nothing is wider than the screen, the accessibility checker finds nothing, and the browser refuses nothing. One of the persons
// has a name that is as long as names can be, and no place to break. What the pages say and where their links lead is
// TestEveryLinkOfEveryPage's.
func TestPagesInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	long := w.contact(map[string]any{"lastname": strings.Repeat("Donaudampfschiffahrts", 7)[:50], "firstname": strings.Repeat("W", 50), "emailaddress1": strings.Repeat("w", 60) + "@example.com"})
	w.run()
	w.server.Advance(40 * 24 * time.Hour)
	w.serve(w.shelve)
	w.enter()
	w.prepare()
	tab := w.openTab()
	refused := tab.refusals()
	b := w.console.reading()
	somebody := b.Persons[b.list(filter{State: comingAll, Sort: "name"})[0]]
	path := personPath(b.TableOf(&somebody), somebody.ID)
	pages := []struct{ name, path string }{
		{"several", "/people/many"}, {"erasures", "/erase"}, {"approve", "/approve"}, {"forecast", path + "/forecast"}, {"owner", "/?by=owner"}, {"found", "/people?state=" + comingAll + "&q=a"},
		{"coming", "/"}, {"people", "/people"}, {"person", path}, {"long", personPath("contact", long)}, {"erase", path + "/erase"}, {"policy", "/policy?try=contact/closed-opportunity&n=12"}, {"map", "/map"},
		{"run", "/run"}, {"ledger", "/ledger"}, {"health", "/health"}, {"tools", "/tools"}, {"ahead", "/ahead"}, {"report", "/report"}, {"owners", "/owners"}, {"restore", "/restore"}, {"rehearsal", "/rehearsal"}, {"missing", "/nowhere"},
	}
	// A page is fetched once in a language, and is then given other widths and colours. What it is made of, its colours do not change.
	// The accessibility checker takes most of the time. A page is shown in German, whose words are the longest, and in English or Swedish;
	// in one of the two it is checked as wide as a desk, in the other one as a telephone, and in one of them in the dark. Page by page
	// they take turns. GALLRA_BROWSER=whole has everything looked at.
	whole := os.Getenv("GALLRA_BROWSER") == "whole"
	for l, lang := range []string{"de", "en", "sv"} {
		tab.speak(lang)
		for i, p := range pages {
			if !whole && l == 1+i%2 {
				continue
			}
			tab.scheme("light")
			tab.size(1280)
			tab.open(p.path)
			for turn, width := range []int{1280, 375} {
				tab.size(width)
				tab.fits(fmt.Sprintf("%s-%s-%d", lang, p.name, width))
				if !whole && (i/2+turn)%2 != min(l, 1) {
					continue
				}
				for _, look := range []struct{ scheme, rules string }{{"light", everyRule}, {"dark", colourRule}} {
					if !whole && look.scheme == "dark" && (i/4+turn)%2 == 0 {
						continue
					}
					where := fmt.Sprintf("%s-%s-%d-%s", lang, p.name, width, look.scheme)
					tab.scheme(look.scheme)
					tab.check(where, look.rules)
					tab.shoot(where)
				}
			}
		}
	}
	// On a telephone the ledger and the plan for a day to come are read without moving them to the side.
	tab.size(375)
	for _, path := range []string{"/ledger", "/ahead"} {
		tab.open(path)
		if over := value[int](tab, `Math.max(...[...document.querySelectorAll(".scroll:has(.entries), .scroll:has(.who)")].map(e => e.scrollWidth - e.clientWidth))`); over > 1 {
			t.Errorf("%s: a list is %d pixels wider than a telephone", path, over)
		}
		if hidden := value[int](tab, `[...document.querySelectorAll(".entries tbody tr, .who tbody tr")].filter(e => !e.querySelector(".under")?.checkVisibility()).length`); hidden > 0 {
			t.Errorf("%s: %d entries do not say whose they are", path, hidden)
		}
	}
	// The picture of the map is dark in the dark, and what is written on it is not.
	tab.size(1280)
	tab.scheme("dark")
	tab.open("/map")
	if fill := value[string](tab, `getComputedStyle(document.querySelector(".map .paper")).fill`); fill != "none" {
		t.Errorf("the picture of the map stands on %s in the dark", fill)
	}
	if odd := value[[]string](tab, `[...document.querySelectorAll(".map svg text, .map svg tspan, .map svg path")].map(e => { const s = getComputedStyle(e); return e.tagName == "path" ? s.stroke : s.fill })
		.filter(c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number); return .2126*r + .7152*g + .0722*b < 110 && c != getComputedStyle(document.querySelector(".map .on-core")).fill })`); len(odd) > 0 {
		t.Errorf("the map is drawn in %v in the dark", odd)
	}
	tab.shoot("map-dark")
	tab.size(2560)
	tab.open("/people")
	tab.fits("people on a wide screen")
	for _, r := range refused() {
		if !strings.Contains(r, "404") { // of the page that is not there
			t.Errorf("the browser complains: %s", r)
		}
	}
}

// refusals gathers what the browser complains of, such as a breach of the content security policy.
func (t *tab) refusals() func() []string {
	var mu sync.Mutex
	var all []string
	ctx, cancel := context.WithCancel(t.ctx)
	t.Cleanup(cancel)
	go func() {
		for m := range chromedp.Console(ctx) {
			mu.Lock()
			all = append(all, fmt.Sprint(m))
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// The screens of an erasure that was done, its receipt, and whoever is back after a restore, on a telephone and on a desk: nothing is wider
// than the screen or cut off, and the accessibility checker finds nothing.
func TestEvidenceOfErasuresInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	id := w.eraseSomebody()
	w.change(http.MethodPost, "contacts", map[string]any{"contactid": id.String(), "lastname": "Forgotten", "overriddencreatedon": "2019-01-01T00:00:00Z"})
	w.post("/restore/look", nil)
	w.console.job("back").wait(t.Context())
	tab := w.openTab()
	for _, lang := range []string{"en", "sv", "de"} {
		tab.speak(lang)
		for _, p := range []struct{ name, path string }{{"erased", "/erase"}, {"receipt", "/erase/receipt/" + w.console.receipts[0].ID + ".html?show=yes"}, {"back", "/restore"}} {
			for _, width := range []int{1280, 375} {
				tab.size(width)
				tab.open(p.path)
				where := fmt.Sprintf("%s-%s-%d", lang, p.name, width)
				tab.fits(where)
				if over := value[int](tab, `Math.max(0, ...[...document.querySelectorAll(".scroll")].map(e => e.scrollWidth - e.clientWidth))`); over > 1 {
					t.Errorf("%s: a list is %d pixels wider than the screen", where, over)
				}
				if lang == "de" {
					tab.axe(where)
					if p.name == "receipt" && !value[bool](tab, `document.body.innerText.includes("Adressen, die das System über Sie führte")`) {
						t.Errorf("%s does not say which addresses", where)
					}
				}
				tab.shootAll(where)
			}
		}
	}
}
