package console

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/gallra/gallra/dataverse/emulator"
)

// The browser is started once for all tests; it ends with them.
var (
	browserOnce sync.Once
	browserCtx  context.Context
	browserStop []func()
	browserErr  error
)

func TestMain(m *testing.M) {
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
	t.act(chromedp.EmulateViewport(int64(width), map[int]int64{360: 740, 1280: 900, 2560: 1300}[width]))
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

// axe is what the accessibility checker has to say about the page.
func (t *tab) axe(where string) {
	t.Helper()
	source := axeSource(t)
	if source == "" {
		return
	}
	t.act(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](source+";true")(ctx, target)
		return err
	}))
	found := value[[]string](t, `axe.run({include: [["html"]], exclude: [[".ln:nth-child(n+40)"]]}, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r =>
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

// TestPagesInABrowser goes through every page at three widths, in light and dark, on sample and on generated data: nothing
// is wider than the screen, the accessibility checker finds nothing, and the browser refuses nothing.
func TestPagesInABrowser(t *testing.T) {
	worlds := map[string]func(*emulator.Server) error{"sample": nil, "generated": func(s *emulator.Server) error {
		return s.Generate(emulator.Generated{Contacts: 1500, Leads: 700, Seed: 3})
	}}
	for _, name := range []string{"sample", "generated"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, worlds[name])
			w.run()
			w.server.Advance(40 * 24 * time.Hour)
			w.serve(nil)
			tab := w.openTab()
			refused := tab.refusals()
			b := w.console.reading()
			somebody := b.Persons[b.list(filter{State: comingAll, Sort: "name"})[0]]
			pages := []struct{ name, path string }{
				{"coming", "/"}, {"people", "/people"}, {"person", personPath(b.TableOf(&somebody), somebody.ID)},
				{"policy", "/policy?try=contact/closed-opportunity&n=12"}, {"map", "/map"}, {"run", "/run"}, {"ledger", "/ledger"}, {"health", "/health"}, {"coming-owner", "/?by=owner"}, {"missing", "/nowhere"},
			}
			if name == "sample" {
				tab.open("/health")
				tab.until("the doctor", `document.querySelector(".findings")`)
				tab.open("/map")
				tab.until("the maps", `document.querySelector(".panel svg")`)
			}
			for _, width := range []int{1280, 360, 2560} {
				for _, scheme := range []string{"light", "dark"} {
					tab.size(width)
					tab.scheme(scheme)
					for _, p := range pages {
						// What is generated differs from the sample in length and not in kind.
						if name == "generated" && (width == 2560 || (width == 360) != (scheme == "dark") || p.name != "people" && p.name != "coming" && p.name != "ledger") {
							continue
						}
						if (p.name == "coming-owner" || p.name == "missing") && (width != 1280 || scheme == "light") {
							continue
						}
						where := fmt.Sprintf("%s-%s-%d-%s", name, p.name, width, scheme)
						tab.open(p.path)
						tab.fits(where)
						if width == 1280 && scheme == "dark" || width == 360 && scheme == "light" { // colours and structure are those of every width
							tab.axe(where)
						}
						tab.shoot(where)
					}
				}
			}
			for _, r := range refused() {
				if !strings.Contains(r, "404") { // of the page that is not there
					t.Errorf("the browser complains: %s", r)
				}
			}
		})
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
