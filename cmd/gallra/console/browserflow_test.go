package console

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// Keys, as the browser takes them.
const (
	keyTab   = "\t"
	keyEnter = "\r"
)

// focused tells what has the focus, and whether that can be seen.
func (t *tab) focused() (what string, seen bool) {
	t.Helper()
	v := value[[]string](t, `(() => {
		const e = document.activeElement;
		if (!e || e === document.body) return ["", ""];
		const s = getComputedStyle(e), r = e.getBoundingClientRect();
		const ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
		const there = r.width > 0 && r.bottom > 0 && r.top < innerHeight;
		return [e.tagName + " " + (e.getAttribute("name") || e.getAttribute("href") || e.className || e.textContent).trim().slice(0, 60), ring && there ? "yes" : ""];
	})()`)
	return v[0], v[1] == "yes"
}

// press presses a key so often.
func (t *tab) press(key string, times int) {
	t.Helper()
	for range times {
		t.act(chromedp.KeyEvent(key))
	}
}

// tabTo goes from one thing to the next until the focus is on what is meant.
func (t *tab) tabTo(part string) {
	t.Helper()
	var passed []string
	for range 80 {
		t.press(keyTab, 1)
		what, seen := t.focused()
		passed = append(passed, what)
		if what != "" && !seen {
			t.Errorf("the focus on %s cannot be seen", what)
		}
		if strings.Contains(what, part) {
			return
		}
	}
	t.Fatalf("the keyboard does not reach %q: %s", part, strings.Join(passed, " | "))
}

// TestKeyboardAlone sets a legal hold on somebody with the keyboard alone: nothing needs a mouse, the focus can always be seen, and
// nothing traps it.
func TestKeyboardAlone(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	tab := w.openTab()
	p := w.somebody()

	tab.press(keyTab, 1)
	if what, seen := tab.focused(); !strings.Contains(what, "#main") || !seen {
		t.Errorf("the first thing is %q (%v) and not the way to the content", what, seen)
	}
	tab.press(keyEnter, 1)
	tab.until("the content", `document.activeElement.id === "main"`)
	tab.open("/")
	tab.tabTo("/people")
	tab.press(keyEnter, 1)
	tab.until("the list", `location.pathname === "/people" && document.querySelector("table.people")`)
	tab.tabTo("INPUT q")
	tab.act(chromedp.KeyEvent(p.Name))
	tab.press(keyEnter, 1)
	tab.until("those who were searched for", `location.search.includes("s=") && document.readyState === "complete"`)
	tab.tabTo(personPath("contact", p.ID))
	tab.press(keyEnter, 1)
	tab.until("the person", `location.pathname.startsWith("/person/") && document.readyState === "complete"`)
	for range 3 { // extend, hold: what has the focus opens with Enter
		tab.tabTo("button")
		if strings.HasPrefix(value[string](tab, `document.activeElement.textContent`), "Set a legal hold") {
			break
		}
	}
	tab.press(keyEnter, 1)
	tab.tabTo("reason")
	tab.act(chromedp.KeyEvent("Quarrel about a delivery"))
	tab.press(keyEnter, 1)
	tab.until("being asked back", `document.querySelector("input[name=confirm]") && document.readyState === "complete"`)
	tab.tabTo("go")
	tab.press(keyEnter, 1)
	tab.until("what became of it", `document.querySelector(".notice[role=status]")`)
	if !w.row(p.ID, "gallra_legalhold").Bool("gallra_legalhold") {
		t.Error("the hold does not stand on the row")
	}
	for _, path := range []string{"/", "/policy?try=contact/closed-opportunity", "/ledger", "/run", "/health"} { // the way out leads past everything
		tab.open(path)
		before, out := map[string]int{}, false
		for range 400 {
			tab.press(keyTab, 1)
			what, _ := tab.focused()
			if out = what == "" || before["BUTTON Read again"]+before[what] > 0 && strings.Contains(what, "back"); out {
				break
			}
			if strings.Contains(value[string](tab, `document.activeElement?.closest("footer") ? "footer" : ""`), "footer") {
				out = true
				break
			}
			if before[what]++; before[what] > 60 {
				t.Fatalf("%s: the focus stays on %s", path, what)
			}
		}
		if !out {
			t.Errorf("%s: the focus does not get out", path)
		}
	}
}

// TestLongList scrolls through a list that is longer than what a page holds: rows come when they are near and go when they are
// far, and the page never holds them all.
func TestLongList(t *testing.T) {
	w := newWorld(t, func(s *emulator.Server) error {
		return s.Generate(emulator.Generated{Contacts: 5000, Leads: 2500, Seed: 5})
	})
	w.serve(nil)
	tab := w.openTab()
	b := w.console.reading()
	total := len(b.list(filter{Sort: "name"}))
	if total < 3000 {
		t.Fatalf("only %d persons", total)
	}
	tab.open("/people?sort=name")
	rows := func() int {
		return value[int](tab, `document.querySelectorAll("table.people tbody tr:not(.gap)").length`)
	}
	if n := rows(); n >= total/2 {
		t.Errorf("the page begins with %d of %d rows", n, total)
	}
	order := b.list(filter{Sort: "name"})
	for _, part := range []float64{0.5, 1, 0.25, 0} {
		value[bool](tab, fmt.Sprintf(`(scrollTo(0, %v * document.documentElement.scrollHeight), true)`, part))
		tab.until(fmt.Sprintf("the rows at %v", part), `(() => {
			const list = document.querySelector("table.people"), seen = document.elementFromPoint(innerWidth / 3, innerHeight * 0.8);
			return seen && seen.closest("tbody") && !seen.closest("tr.gap");
		})()`)
		if n := rows(); n >= total/2 {
			t.Errorf("at %v the page holds %d of %d rows", part, n, total)
		}
		at := value[[]string](tab, `(() => { const r = document.elementFromPoint(innerWidth / 3, innerHeight * 0.8).closest("tr"); return [r.getAttribute("aria-rowindex"), r.querySelector("a").getAttribute("href")]; })()`)
		index, _ := strconv.Atoi(at[0])
		if index < 2 || index > total+1 {
			t.Fatalf("row %q", at[0])
		}
		if p := &b.Persons[order[index-2]]; at[1] != personPath(b.TableOf(p), p.ID) {
			t.Errorf("row %d is %s, want %s", index, at[1], p.ID)
		}
	}
	if last := value[string](tab, `(scrollTo(0, document.documentElement.scrollHeight), document.querySelector("table.people").getAttribute("aria-rowcount"))`); last != strconv.Itoa(total+1) {
		t.Errorf("the list says that it has %s rows", last)
	}
	tab.open("/people")
	value[bool](tab, `(() => { const s = document.querySelector("select[name=table]"); s.value = "lead"; s.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`)
	want := len(b.list(filter{Table: "lead", Sort: "date"}))
	tab.until("the leads", fmt.Sprintf(`document.querySelector("table.people") && document.querySelector("table.people").dataset.total === "%d" && location.search.includes("table=lead")`, want))
}

// TestRunInABrowser watches a run, closes the browser on the way, and finds it done.
func TestRunInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.serve(nil)
	tab := w.openTab()
	purges := w.console.reading().Count(retention.Purge)
	w.must(w.server.SetFaults(emulator.Fault{Delay: "30ms"})) // long enough to be seen
	tab.open("/run")
	tab.shoot("run-plan")
	tab.act(chromedp.Click(chromedp.CSS(".apply button")))
	tab.until("being asked back", `document.querySelector("input[name=count]")`)
	tab.axe("the confirmation")
	tab.shoot("run-confirm")
	tab.act(chromedp.SendKeys(chromedp.CSS("input[name=count]"), strconv.Itoa(purges)), chromedp.Click(chromedp.CSS("button.go")))
	tab.until("the progress", `document.querySelector("[data-job=run]") || document.querySelector("#outcome")`)
	first := value[string](tab, `(document.querySelector("[data-job=run]") || document.body).textContent`)
	tab.until("progress that moves", fmt.Sprintf(`!document.querySelector("[data-job=run]") || document.querySelector("[data-job=run]").textContent !== %q`, first))
	tab.shoot("run-progress")
	tab.act(chromedp.Navigate("about:blank")) // the browser is closed
	w.console.running().wait(t.Context())
	w.must(w.server.SetFaults())
	if s := w.console.last.Summary; s == nil || s.Status != ledger.Done || s.Purged() != purges {
		t.Fatalf("the run ended %+v", w.console.last)
	}
	w.console.job("read").wait(t.Context())
	tab.open("/run")
	tab.until("what the run did", `document.querySelector("#outcome")`)
	tab.axe("the outcome")
	tab.shoot("run-outcome")
}

// TestSliderInABrowser moves a period and sees who moves.
func TestSliderInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(nil)
	tab := w.openTab()
	refused := tab.refusals()
	tab.open("/policy?try=contact/closed-opportunity")
	tab.act(chromedp.Click(chromedp.CSS("#period")))
	value[bool](tab, `(() => { const s = document.getElementById("period"); s.value = 1; s.dispatchEvent(new Event("input", {bubbles: true})); s.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`)
	tab.until("who moves", `document.querySelector("#simulation table") && document.querySelector("#simulation").textContent.includes("1 month")`)
	if file := value[string](tab, `document.getElementById("changed-file").getAttribute("href")`); !strings.HasSuffix(file, "n=1") {
		t.Errorf("the changed file is %s", file)
	}
	if text := value[string](tab, `document.getElementById("period-value").textContent`); !strings.HasPrefix(text, "1 ") {
		t.Errorf("the slider says %s", text)
	}
	tab.axe("who moves")
	tab.shoot("policy-simulated")
	for _, r := range refused() {
		t.Errorf("the browser complains: %s", r)
	}
}

// TestHostileNamesInABrowser lets a real browser show hostile names: no script runs, nothing is fetched from elsewhere, and nothing
// of the pages is kept on disk.
func TestHostileNamesInABrowser(t *testing.T) {
	w := hostileWorld(t)
	tab := w.openTab()
	refused := tab.refusals()
	b := w.console.reading()
	paths := []string{"/", "/?by=owner", "/people?sort=name"}
	for i := range b.Persons {
		if strings.ContainsAny(b.Persons[i].Name, `<"{`) {
			paths = append(paths, personPath(b.TableOf(&b.Persons[i]), b.Persons[i].ID))
		}
	}
	for _, path := range paths {
		tab.open(path)
		if value[bool](tab, `"pwned" in window || document.querySelectorAll("main img, main script").length > 0`) {
			t.Errorf("%s: a name became markup", path)
		}
		// htmx notes the address of the page, in which nobody's name stands, and nothing else.
		if kept := value[string](tab, `JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage).filter(([key, value]) => key !== "htmx-current-path-for-history" || value !== location.pathname + location.search)])`); kept != "[[],[]]" {
			t.Errorf("%s: the page keeps something in the browser: %s", path, kept)
		}
	}
	tab.open("/people")
	tab.act(chromedp.SendKeys(chromedp.CSS("input[type=search]"), hostile[0]+keyEnter))
	tab.until("the search", `location.search.includes("s=")`)
	if value[bool](tab, `"pwned" in window`) {
		t.Error("what was searched for became markup")
	}
	for _, r := range refused() {
		t.Errorf("the browser complains: %s", r)
	}
}

// TestIdleInABrowser leaves a page alone: the names go from the screen when the session does.
func TestIdleInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(func(o *Options) { o.Idle = time.Second })
	tab := w.openTab()
	tab.open("/people")
	tab.until("the names to be gone", `!document.querySelector("table.people") && document.body.className === "outside"`)
	if where := value[string](tab, `document.body.textContent`); strings.Contains(where, "Amy") {
		t.Error("a name is still on the screen")
	}
}

// TestPicturesForTheReadme makes the pictures that the README shows: GALLRA_IMAGES=../../../docs/images go test -run Pictures.
func TestPicturesForTheReadme(t *testing.T) {
	dir := os.Getenv("GALLRA_IMAGES")
	if dir == "" {
		t.Skip("GALLRA_IMAGES names no folder")
	}
	t.Setenv("GALLRA_SCREENSHOTS", dir)
	w := newWorld(t, func(s *emulator.Server) error {
		return s.Generate(emulator.Generated{Contacts: 2500, Leads: 1200, Seed: 11})
	})
	w.run()
	w.server.Advance(21 * 24 * time.Hour)
	w.serve(nil)
	tab := w.openTab()
	tab.act(chromedp.EmulateViewport(1180, 760))
	tab.open("/")
	tab.shoot("console-coming")
	sampled := newWorld(t, nil)
	sampled.run()
	sampled.server.Advance(40 * 24 * time.Hour)
	sampled.serve(nil)
	tab = sampled.openTab()
	tab.act(chromedp.EmulateViewport(1180, 760))
	tab.scheme("dark")
	b := sampled.console.reading()
	for i := range b.Persons {
		if p := &b.Persons[i]; b.GroundOf(p).ID == "closed-opportunity" && p.Action == retention.Wait {
			tab.open(personPath(b.TableOf(p), p.ID))
			tab.shoot("console-person")
			break
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "console-*.png")); len(found) < 2 {
		t.Errorf("%d pictures", len(found))
	}
}

// TestLanguagesInABrowser chooses languages from the list at the top, with the keyboard: the page comes back in each, and nothing
// that is longer in one makes a telephone scroll sideways.
func TestLanguagesInABrowser(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	tab := w.openTab()
	p := w.somebody()
	tab.size(375)
	for _, lang := range []string{"sv", "fi"} {
		tab.open("/people")
		value[bool](tab, `(document.querySelector(".languages summary").focus(), true)`)
		tab.press(keyEnter, 1)
		tab.until("the list of languages", `document.querySelector(".languages").open`)
		tab.fits("the list of languages in front of " + lang)
		if lang == "sv" {
			tab.axe("the list of languages")
			tab.shoot("languages")
		}
		value[bool](tab, `(document.querySelector(".languages button[value=`+lang+`]").focus(), true)`)
		tab.press(keyEnter, 1)
		tab.until(lang, `document.documentElement.lang === "`+lang+`" && location.pathname === "/people" && document.readyState === "complete"`)
	}
	for _, lang := range []string{"da", "nb", "fi"} { // the others are looked at with every page
		tab.speak(lang)
		for _, path := range []string{"/", "/people", personPath("contact", p.ID), "/run", "/ledger"} {
			tab.open(path)
			tab.fits(lang + " " + path)
		}
	}
}
