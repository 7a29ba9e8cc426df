package console

import (
	"context"
	"encoding/csv"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/language"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
)

// The numbers of the first page are those of the lists that it leads to, and of the plan.
func TestNumbersAddUp(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.serve(nil)
	b := w.console.reading()
	count := func(f filter) int {
		v, err := url.ParseQuery(string(f.Query()))
		w.must(err)
		read, err := readFilter(v, nil)
		w.must(err)
		return len(b.list(read))
	}
	due := b.Due()
	if due == 0 || b.Count(retention.Purge) == 0 {
		t.Fatalf("%d have a date, the day of %d has come", due, b.Count(retention.Purge))
	}
	for _, by := range []string{"ground", "owner"} {
		line, err := b.timeline(newTongue("en"), by)
		w.must(err)
		weeks, parts, groups := 0, 0, 0
		for _, x := range line.Weeks {
			if got := count(x.Filter); got != x.Persons {
				t.Errorf("by %s, week %s: %d in the chart, %d in the list (%s)", by, x.Label, x.Persons, got, x.Filter.Query())
			}
			weeks += x.Persons
			for _, n := range x.Shares {
				parts += n
			}
		}
		for _, g := range line.Groups {
			groups += g.Persons
			if got := count(g.Filter); !g.Rest && got != g.Persons {
				t.Errorf("by %s, %s: %d in the chart, %d in the list", by, g.Name, g.Persons, got)
			}
		}
		if weeks != due || parts != due || groups != due || line.Total != due {
			t.Errorf("by %s: %d in weeks, %d in parts, %d in groups, %d in all, want %d", by, weeks, parts, groups, line.Total, due)
		}
	}
	for _, a := range actions {
		if a == retention.Keep {
			continue
		}
		if got := count(filter{State: string(a), Sort: "name"}); got != b.Count(a) {
			t.Errorf("%s: %d in the plan, %d in the list", a, b.Count(a), got)
		}
	}
}

// Whatever the order and the filter, a list holds each of those who pass once, and its pieces make it up.
func TestListsAreWhole(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	for _, sort := range sorts {
		for _, down := range []bool{false, true} {
			all := b.list(filter{Sort: sort, Down: down, State: everyone})
			if some := b.list(filter{Sort: sort, Down: down}); len(some) != len(all)-b.Count(retention.Keep) || b.Count(retention.Keep) == 0 {
				t.Errorf("by %s: %d of %d without those who are kept", sort, len(some), len(all))
			}
			seen := map[int32]bool{}
			for _, i := range all {
				seen[i] = true
			}
			if len(all) != len(b.Persons) || len(seen) != len(all) {
				t.Errorf("by %s: %d of %d", sort, len(seen), len(b.Persons))
			}
		}
	}
	byName := b.list(filter{Sort: "name", State: everyone})
	for k := 1; k < len(byName); k++ {
		x, y := b.Persons[byName[k-1]].Name, b.Persons[byName[k]].Name
		if order := collated(language.Swedish, 2, func(i int) string { return []string{x, y}[i] }); order[0] != 0 {
			t.Errorf("%q comes before %q", x, y)
		}
	}
	if order := collated(language.Swedish, 5, func(i int) string { return []string{"Öberg", "Ek", "", "ek", "Ågren"}[i] }); order[0] != 3 && order[0] != 1 || order[2] != 4 || order[3] != 0 || order[4] != 2 {
		t.Errorf("the alphabet is %v", order)
	}
	for i := range b.Persons {
		p := &b.Persons[i]
		if at, ok := b.find(b.TableOf(p), p.ID); !ok || at != int32(i) {
			t.Errorf("%s is not found", p.ID)
		}
		if found := b.list(filter{Text: p.ID.String(), Sort: "date"}); len(found) != 1 {
			t.Errorf("the search by id finds %d", len(found))
		}
	}
	p := w.somebodyAt(0)
	for _, text := range []string{p.Name, strings.ToUpper(p.Name), p.Email, strings.Fields(p.Name)[0]} {
		if a := w.post("/people/search", url.Values{"q": {text}}); !strings.Contains(a.body, p.ID.String()) {
			t.Errorf("the search for %q does not find them", text)
		}
	}
}

// somebodyAt is somebody of the plan with a name and an address, whatever becomes of them.
func (w *world) somebodyAt(n int) human {
	w.Helper()
	b := w.console.reading()
	for i := range b.Persons {
		if p := &b.Persons[i]; p.Name != "" && p.Email != "" && b.TableOf(p) == "contact" {
			if n--; n < 0 {
				return human{p.ID, p.Name, p.Email}
			}
		}
	}
	w.Fatal("nobody is there")
	return human{}
}

// A hold, a release and an extension are asked back, written, told, and seen in the list at once.
func TestHoldReleaseExtend(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	p := w.somebody()
	path := personPath("contact", p.ID)
	do := func(act, want string) {
		t.Helper()
		page := w.confirmation(p, act)
		a := w.post(path+"/"+act, url.Values{"reason": {"Agreed on the phone"}, "until": {"2026-06-01"}, "confirm": {"yes"}, "once": {onceOf(t, page)}})
		if !strings.Contains(a.body, words.In(subject, "en").T(want)) {
			t.Errorf("%s does not say %s (%d)", act, want, a.status)
		}
	}
	state := func() retention.Action {
		b := w.console.reading()
		i, _ := b.find("contact", p.ID)
		return b.Persons[i].Action
	}
	held := w.console.reading().Count(retention.Hold)
	do("hold", "act.hold.done")
	if row := w.row(p.ID, "gallra_legalhold", "gallra_purgereason"); !row.Bool("gallra_legalhold") || !strings.Contains(row.Text("gallra_purgereason"), "Agreed on the phone") {
		t.Error("the hold does not stand on the row")
	}
	if state() != retention.Hold || w.console.reading().Count(retention.Hold) != held+1 {
		t.Errorf("in the list they are %s, and %d are held", state(), w.console.reading().Count(retention.Hold))
	}
	do("release", "act.release.done")
	if w.row(p.ID, "gallra_legalhold").Bool("gallra_legalhold") || state() == retention.Hold {
		t.Errorf("the hold was not released: %s", state())
	}
	form := url.Values{"reason": {"Again"}, "confirm": {"yes"}, "once": {secret()}}
	if a := w.post(path+"/release", form); !strings.Contains(a.body, words.In(subject, "en").T("act.notheld")) {
		t.Error("a hold that does not stand was released")
	}
	do("extend", "act.extend.done")
	fresh := *w.console.reading() // moving one person leaves every order as sorting them anew makes it
	fresh.sort()
	for _, sort := range sorts {
		if !slices.Equal(fresh.orders[sort], w.console.reading().orders[sort]) {
			t.Errorf("after the actions the order by %s is not the one that it should be", sort)
		}
	}
	if row := w.row(p.ID, "gallra_retainuntil", "gallra_retainreason"); row.Text("gallra_retainuntil") != "2026-06-01" || row.Text("gallra_retainreason") != "Agreed on the phone" {
		t.Errorf("the extension is %v", row)
	}
	if state() != retention.Clear {
		t.Errorf("extended beyond the notice, they are %s", state())
	}
	l, err := w.ledger()
	w.must(err)
	for r, err := range l.Records(t.Context()) {
		w.must(err)
		if strings.Contains(r.Ground+r.Code+r.Guard, "phone") {
			t.Error("the reason stands in the ledger")
		}
	}
}

// A run is asked back, starts once, does what the plan said that was looked at and nothing else, and is told of.
func TestRunFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	purges := b.Count(retention.Purge)
	if purges < 3 {
		t.Fatalf("the day of %d has come", purges)
	}
	unseen := w.contact(map[string]any{"lastname": "Came after the plan was read"})
	runs := func() int {
		l, err := w.ledger()
		w.must(err)
		return len(l.Runs())
	}
	before := runs()
	page := w.post("/run", url.Values{"once": {secret()}})
	if !strings.Contains(page.body, `name="count"`) || w.console.running() != nil {
		t.Fatal("the run was not asked back")
	}
	form := url.Values{"plan": {b.id}, "once": {onceOf(t, page.body)}, "confirm": {"yes"}, "count": {strconv.Itoa(purges + 1)}}
	if w.post("/run", form); w.console.running() != nil {
		t.Fatal("a run was started with the wrong number")
	}
	form.Set("count", strconv.Itoa(purges))
	form.Set("once", secret())
	form.Set("plan", "another")
	if a := w.post("/run", form); w.console.running() != nil || !strings.Contains(a.body, words.In(subject, "en").T("run.stale")) {
		t.Fatal("a run of another plan was started")
	}
	form.Set("plan", b.id)
	form.Set("once", secret())
	for range 3 { // an impatient finger
		w.post("/run", form)
	}
	w.browser.CloseIdleConnections() // and a closed browser
	w.console.running().wait(t.Context())
	w.console.job("read").wait(t.Context())
	w.post("/run", form)
	if got := runs(); got != before+1 {
		t.Errorf("%d runs were made", got-before)
	}
	c := w.console
	if c.last == nil || c.last.Summary == nil || c.last.Summary.Status != ledger.Done || c.last.Summary.Purged() != purges {
		t.Fatalf("the run: %+v", c.last)
	}
	if w.row(unseen, "gallra_purgescheduledon").Text("gallra_purgescheduledon") != "" {
		t.Error("somebody got a date of whom the plan said nothing")
	}
	if i, ok := c.reading().find("contact", unseen); !ok || c.reading().Persons[i].Action != retention.Schedule {
		t.Error("the plan was not read anew after the run")
	}
	if a := w.get("/run"); !strings.Contains(a.body, c.last.Summary.Run) || strings.Contains(a.body, "gets a date of") {
		t.Error("the page does not tell of the run")
	}
	w.server.Advance(24 * time.Hour)
	form = url.Values{"plan": {c.reading().id}, "once": {secret()}, "confirm": {"yes"}, "count": {strconv.Itoa(c.reading().Count(retention.Purge))}}
	if a := w.post("/run", form); runs() != before+1 || !strings.Contains(a.body, words.In(subject, "en").T("run.stale")) {
		t.Error("yesterday's plan was run")
	}
	proof, err := ledger.Verify(filepath.Join(w.dir, "ledger"))
	if err != nil || len(proof.Problems) > 0 {
		t.Errorf("the ledger: %v %v", proof, err)
	}
}

// While somebody else's run writes to the ledger, none is started, a hold is set all the same, and a release waits.
func TestLedgerLock(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	other, err := w.ledger()
	w.must(err)
	deps := w.deps("run", w.checked, other)
	w.must(other.Begin(t.Context(), ledger.Run{ID: "the-other-run", Verb: "run", Organization: w.checked.Organization, Policy: w.checked.Policy.Hash, Today: deps.Today, Now: w.client.Now}))
	w.post("/run", url.Values{"plan": {w.console.reading().id}, "once": {secret()}, "confirm": {"yes"}, "count": {"0"}})
	w.console.running().wait(t.Context())
	if c := w.console; c.last == nil || c.last.Locked == nil || c.last.Locked.Run != "the-other-run" {
		t.Errorf("the run: %+v", c.last)
	}
	if a := w.get("/run"); !strings.Contains(a.body, "the-other-run") {
		t.Error("the page does not say who writes")
	}
	p := w.somebody()
	path := personPath("contact", p.ID)
	w.post(path+"/hold", url.Values{"reason": {"Quarrel"}, "confirm": {"yes"}, "once": {secret()}})
	if !w.row(p.ID, "gallra_legalhold").Bool("gallra_legalhold") {
		t.Error("the hold was not set")
	}
	if a := w.post(path+"/release", url.Values{"reason": {"Settled"}, "confirm": {"yes"}, "once": {secret()}}); !strings.Contains(a.body, "the-other-run") || !w.row(p.ID, "gallra_legalhold").Bool("gallra_legalhold") {
		t.Error("the release did not wait")
	}
	w.must(other.Close())
}

// A run that is stopped ends consistent, and so does one whose console is stopped.
func TestStopARun(t *testing.T) {
	for _, how := range []string{"the button", "the console's end"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, nil)
			w.run()
			w.server.Advance(62 * 24 * time.Hour)
			w.serve(nil)
			w.enter()
			b := w.console.reading()
			w.post("/run", url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}, "count": {strconv.Itoa(b.Count(retention.Purge))}})
			j := w.console.running()
			if how == "the button" {
				w.post("/run/stop", nil)
			} else {
				w.end()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if j.wait(ctx); !j.ended() {
				t.Fatal("the run does not end")
			}
			proof, err := ledger.Verify(filepath.Join(w.dir, "ledger"))
			if err != nil || len(proof.Problems) > 0 || proof.Unfinished {
				t.Errorf("the ledger: %v %v", proof, err)
			}
			w.run() // picks up
			l, err := w.ledger()
			w.must(err)
			for _, p := range l.Unfinished() {
				if !p.Concluded {
					t.Errorf("%s is left half done", p.ID)
				}
			}
		})
	}
}

// Another period is tried without touching anything, says who moves, and gives the changed file.
func TestTryAnotherPeriod(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(nil)
	w.enter()
	before := w.server.Stats().RowsWritten
	if a := w.post("/policy/simulate", url.Values{"try": {"contact/closed-opportunity"}, "n": {"1"}}); a.status != http.StatusOK {
		t.Fatalf("%d", a.status)
	}
	w.console.job("simulate").wait(t.Context())
	c := w.console
	if c.sims == nil || len(c.sims.result.Changes) == 0 {
		t.Fatal("nobody moves")
	}
	page := w.get("/policy?try=contact/closed-opportunity&n=1").body
	for _, x := range c.sims.result.Changes {
		if !strings.Contains(page, personPath(x.Table, x.ID)) {
			t.Errorf("the page does not name %s", x.ID)
		}
		if x.Effect == plan.Later || x.Effect == plan.NoMore {
			t.Errorf("a shorter period keeps %s %s", x.ID, x.Effect)
		}
	}
	file := w.get("/policy/file?try=contact/closed-opportunity&n=1")
	if !strings.Contains(file.body, "keep: 1 months") && !strings.Contains(file.body, "keep: 1 month") || !strings.Contains(file.header.Get("Content-Disposition"), "sales.yaml") {
		t.Errorf("the changed file: %s", file.header.Get("Content-Disposition"))
	}
	if after := w.server.Stats().RowsWritten; after != before {
		t.Errorf("%d rows were written", after-before)
	}
	for _, bad := range []string{"-1", "999", "x"} { // stay where the slider stands
		if s, ok := c.slider(c.reading(), "contact", "closed-opportunity", bad); !ok || s.Value != 24 {
			t.Errorf("%s: %+v", bad, s)
		}
	}
}

// A ledger is turned over, found in, verified and exported.
func TestLedgerPages(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	p := w.somebody()
	e := w.console.reading().evidence
	if a := w.get("/ledger?row=" + p.ID.String()); strings.Count(a.body, "<tr>") != 2 || !strings.Contains(a.body, p.ID.String()) {
		t.Errorf("the person's entries: %d rows", strings.Count(a.body, "<tr>"))
	}
	if a := w.get("/ledger?kind=scheduled"); strings.Count(a.body, "<tr>")-1 != len(e.list(proofFilter{Kind: "scheduled"})) {
		t.Error("the kind shows others")
	}
	if a := w.post("/ledger/verify", nil); !strings.Contains(a.body, "The chain is whole") {
		t.Error("a whole chain is not proven")
	}
	if a := w.get("/ledger/export.csv"); strings.Count(a.body, "\n") != len(e.entries)+1 {
		t.Errorf("%d lines for %d entries", strings.Count(a.body, "\n"), len(e.entries))
	}
	book, err := excelize.OpenReader(strings.NewReader(w.get("/ledger/export.xlsx").body))
	w.must(err)
	defer func() { _ = book.Close() }()
	if rows, err := book.GetRows(book.GetSheetList()[0]); err != nil || len(rows) < len(e.entries) {
		t.Errorf("%d rows in the workbook for %d entries (%v)", len(rows), len(e.entries), err)
	}
}

// Who cannot be purged has a state of their own, and a person whom somebody else's legal hold protects is told whose it is.
func TestWhatIsInTheWayIsTold(t *testing.T) {
	w := newWorld(t, nil)
	stuck, held, other := uuid.New(), uuid.New(), uuid.New()
	w.change(http.MethodPost, "contacts", map[string]any{"contactid": stuck, "lastname": "Bound"})
	w.change(http.MethodPost, "salesorders", map[string]any{"name": "O", "customerid_contact@odata.bind": "contacts(" + stuck.String() + ")"})
	w.change(http.MethodPost, "contacts", map[string]any{"contactid": held, "lastname": "Claimant", "emailaddress1": "one@claim.example", "gallra_legalhold": true})
	w.change(http.MethodPost, "leads", map[string]any{"leadid": other, "lastname": "Claimant", "subject": "s", "emailaddress1": "one@claim.example"})
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(strings.Replace(gallra.ModelPolicy, "whenBound: anonymize", "whenBound: fail", 1)), 0o600))
	var err error
	w.checked, err = w.policy(t.Context())
	w.must(err)
	w.run()
	w.server.SetClock(day0.AddDate(0, 0, 65))
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	i, ok := b.find("contact", stuck)
	if !ok || b.Persons[i].Action != plan.Stuck || b.Persons[i].Stuck != "bound" || b.Count(plan.Stuck) == 0 {
		t.Fatalf("the list has them as %+v", b.Persons[i])
	}
	en := words.In(subject, "en")
	if a := w.get(personPath("contact", stuck)); !strings.Contains(a.body, en.T("goes.stuck")) || strings.Contains(a.body, en.T("goes.next")) {
		t.Error("their page does not say that they cannot be purged")
	}
	if a := w.get("/people?state=stuck"); !strings.Contains(a.body, "Bound") {
		t.Error("the list of those who cannot be purged lacks them")
	}
	if a := w.get("/people/export.csv?state=stuck"); !strings.Contains(a.body, ",stuck,") || !strings.Contains(a.body, ",bound") {
		t.Errorf("the export says nothing of it: %.300s", a.body)
	}
	a := w.get(personPath("lead", other))
	if !strings.Contains(a.body, en.T("person.heldby")) || !strings.Contains(a.body, personPath("contact", held)) {
		t.Error("the page of the lead does not say whose hold it is")
	}
}

// Every link with a filter, as a page has it, leads to as many people as the filter finds, and so does its export: what is clicked,
// not what the page was made of.
func TestLinksKeepTheirFilter(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	w.loaded()
	all := len(w.console.reading().list(filter{Sort: "date"}))
	hrefs := regexp.MustCompile(`href="(/people(?:/export\.csv)?\?[^"]*)"`)
	looked, narrower := 0, 0
	for _, page := range []string{"/", "/people?state=schedule", "/people?table=lead&state=schedule"} {
		for _, m := range hrefs.FindAllStringSubmatch(w.get(page).body, -1) {
			address := html.UnescapeString(m[1])
			u, err := url.Parse(address)
			w.must(err)
			f, err := readFilter(u.Query(), nil)
			w.must(err)
			if !f.Active() && f.Sort == "date" && !f.Down {
				t.Errorf("%s: %s has lost its filter", page, m[1])
				continue
			}
			want := len(w.console.reading().list(f))
			u.Path = "/people/export.csv"
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.get(u.String()).body, "\ufeff"))).ReadAll()
			w.must(err)
			if got := len(rows) - 1; got != want {
				t.Errorf("%s: %s exports %d, and its filter finds %d", page, address, got, want)
			}
			if looked++; want < all {
				narrower++
			}
		}
	}
	if looked < 10 || narrower == 0 {
		t.Errorf("%d links were followed, %d of them to fewer than all", looked, narrower)
	}
}
