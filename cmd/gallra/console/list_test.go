package console

import (
	"html"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

// TestRunUnderAnApprovedList: the page says who waits for an approval, asks back for the number of the others, and the run purges them.
func TestRunUnderAnApprovedList(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(gallra.ModelPolicy+"approval: list\n"), 0o600))
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	due := b.Count(retention.Purge)
	if due < 3 || b.purges() != 0 {
		t.Fatalf("%d are due and %d would be purged", due, b.purges())
	}
	var one purge.Named
	for i := range b.Persons {
		if p := &b.Persons[i]; p.Action == retention.Purge {
			one = purge.Named{Table: b.Tables[p.Table].Name, ID: p.ID, PurgeOn: p.PurgeOn}
		}
	}
	l, err := w.ledger()
	w.must(err)
	deps := w.deps("approve", b.checked, l)
	for row, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "systemuser", Select: []string{"systemuserid"}}) {
		w.must(err)
		deps.Run.Actor = row.ID("systemuserid")
	}
	w.must(purge.Approve(t.Context(), deps, one))

	w.post("/read", nil)
	w.console.job("read").wait(t.Context())
	b = w.console.reading()
	waits := words.In(subject, "en").N("run.unapproved", due-1)
	page := w.get("/run")
	if b.purges() != 1 || !strings.Contains(page.body, waits) {
		t.Fatalf("%d would be purged, and the page does not say %q", b.purges(), waits)
	}
	w.post("/run", url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}, "count": {"1"}})
	w.console.running().wait(t.Context())
	w.console.job("read").wait(t.Context())
	last := w.console.last
	if last == nil || last.Summary == nil || last.Summary.Status != ledger.Done || last.Summary.Purged() != 1 || last.Summary.Unapproved() != due-1 {
		t.Fatalf("the run: %+v", last)
	}
	if page := w.get("/run"); strings.Count(page.body, waits) != 2 {
		t.Error("the page does not tell who waited, and who waits")
	}
}

// otherUser is a user of the environment who does not run the policy.
func (w *world) otherUser() (id uuid.UUID) {
	for row, err := range w.client.Rows(w.Context(), dataverse.Query{Table: "systemuser", Select: []string{"systemuserid"}}) {
		w.must(err)
		id = row.ID("systemuserid")
	}
	return id
}

// waiting makes a world in which persons wait for the approval of whoever is signed in.
func waiting(t *testing.T) *world {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(gallra.ModelPolicy+"approval: list\n"), 0o600))
	other := w.otherUser()
	w.serve(func(o *Options) {
		o.Deps = func(verb string, c *compile.Policy, l *ledger.Ledger) purge.Deps {
			d := w.deps(verb, c, l)
			d.Run.Actor = other
			return d
		}
	})
	return w
}

// listed are the persons whose purge the ledger says was approved under the policy of a reading.
func (w *world) listed(b *reading) (ids []uuid.UUID) {
	l, err := w.ledger()
	w.must(err)
	for k := range l.Listed(b.checked.Policy.Hash) {
		ids = append(ids, k.ID)
	}
	return ids
}

// TestListIsApprovedInABrowser: somebody else than who runs looks at who waits, strikes one out, is asked back and approves the others;
// the run of the other identity purges these and nobody else.
func TestListIsApprovedInABrowser(t *testing.T) {
	w := waiting(t)
	tab := w.openTab()
	b := w.console.reading()
	n := len(b.waiting.persons)
	if n < 3 || b.waiting.same {
		t.Fatalf("%d wait, the same identity: %v", n, b.waiting.same)
	}
	struck := b.waiting.persons[0].ID
	tab.open("/run")
	tab.act(chromedp.Click(chromedp.CSS("a[href='/approve']")))
	tab.until("the list", `document.querySelectorAll("input[name=strike]").length`)
	tab.axe("the list")
	tab.fits("the list")
	tab.act(chromedp.Click(chromedp.CSS("input[name=strike]")), chromedp.Click(chromedp.CSS(".approve button.go")))
	tab.until("being asked back", `document.querySelector("input[name=confirm]")`)
	tab.axe("the confirmation")
	if rows := value[int](tab, `document.querySelectorAll(".approve tbody tr").length`); rows != n-1 || len(w.listed(b)) != 0 {
		t.Fatalf("%d of %d rows, and %d are approved before it was confirmed", rows, n-1, len(w.listed(b)))
	}
	tab.act(chromedp.Click(chromedp.CSS(".approve button.go")))
	tab.until("the answer", `document.querySelector("[role=status], .notice")`)
	w.console.job("read").wait(t.Context())
	ids := w.listed(b)
	if len(ids) != n-1 || slices.Contains(ids, struck) {
		t.Fatalf("%d of %d are approved, whoever was struck out among them: %v", len(ids), n-1, slices.Contains(ids, struck))
	}
	if left := w.console.reading().waiting.persons; len(left) != 1 || left[0].ID != struck {
		t.Errorf("%d wait", len(left))
	}
	l, err := w.ledger()
	w.must(err)
	summary, err := purge.Run(t.Context(), w.deps("run", b.checked, l))
	w.must(err)
	due := 0
	for _, p := range b.waiting.persons {
		if p.State == retention.Purge && p.ID != struck {
			due++
		}
	}
	if summary.Purged() != due || summary.Unapproved() == 0 {
		t.Errorf("%d of %d purged, %d wait", summary.Purged(), due, summary.Unapproved())
	}
}

// TestApprovalsThatDoNotCount: whoever runs the policy cannot approve, nor can a page be approved that was made of another plan, nor nobody.
func TestApprovalsThatDoNotCount(t *testing.T) {
	w := waiting(t)
	w.enter()
	b := w.console.reading()
	var all []string
	for _, p := range b.waiting.persons {
		all = append(all, p.Table+"/"+p.ID.String())
	}
	say := words.In(subject, "en")
	for _, tt := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"plan": {"another"}, "once": {secret()}, "confirm": {"yes"}}, "approve.stale"},
		{url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}, "strike": all}, "approve.nobody"},
	} {
		if page := w.post("/approve", tt.form); !strings.Contains(html.UnescapeString(page.body), say.T(tt.want)) || len(w.listed(b)) > 0 {
			t.Errorf("%v: the page does not say %q, or somebody is approved", tt.form, say.T(tt.want))
		}
	}
	if page := w.post("/approve", url.Values{"plan": {b.id}, "confirm": {"yes"}}); page.status != 400 || len(w.listed(b)) > 0 {
		t.Errorf("a form without its key: %d", page.status)
	}
	once := secret()
	for range 2 {
		w.post("/approve", url.Values{"plan": {b.id}, "once": {once}, "confirm": {"yes"}, "strike": all[1:]})
	}
	if ids := w.listed(b); len(ids) != 1 || ids[0] != b.waiting.persons[0].ID {
		t.Errorf("approved: %v", ids)
	}

	w = newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(gallra.ModelPolicy+"approval: list\n"), 0o600))
	w.serve(nil) // whoever ran is signed in
	w.enter()
	b = w.console.reading()
	page := w.post("/approve", url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}})
	if !strings.Contains(html.UnescapeString(page.body), say.T("approve.same")) || len(w.listed(b)) > 0 || strings.Contains(page.body, "button class=\"go\"") {
		t.Error("whoever runs the policy may approve")
	}
}

// TestRowsOfTheirOwnInTheConsole: the first page, the run's and a person's say which rows go by a date of their own; a run ends no more of
// them than its page has said.
func TestRowsOfTheirOwnInTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	rules := strings.Replace(gallra.ModelPolicy, "limits: {", "limits: {rows: 5000, rowShare: 100%, ", 1) + "rows:\n  - {id: old-mail, table: email, after: createdon, keep: 1 month, do: delete, evenIf: justified}\n"
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(rules), 0o600))
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	due := b.rowsDue()
	if due < 2 {
		t.Fatalf("%d rows are due", due)
	}
	say := words.In(subject, "en")
	for path, want := range map[string][]string{
		"/":    {say.T("rows.title"), "old-mail"},
		"/run": {"old-mail", say.N("run.rows", due)},
		personPath(b.TableOf(&b.Persons[0]), b.Persons[0].ID): {"1 month after “Created On”, then deleted", say.T("person.periods.evenif")},
	} {
		body := html.UnescapeString(w.get(path).body)
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s does not say %q", path, text)
			}
		}
	}
	b.ended[slices.IndexFunc(b.ended, func(t plan.RowTotals) bool { return t.Rule == "old-mail" })].Due-- // as if one had come since
	w.post("/run", url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}, "count": {"0"}})
	w.console.running().wait(t.Context())
	w.console.job("read").wait(t.Context())
	if s := w.console.last.Summary; s == nil || s.RowsEnded() != 0 {
		t.Errorf("more rows were ended than the page has said: %+v", w.console.last)
	}
	b = w.console.reading()
	w.post("/run", url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}, "count": {"0"}})
	w.console.running().wait(t.Context())
	w.console.job("read").wait(t.Context())
	if s := w.console.last.Summary; s == nil || s.RowsEnded() != due || !strings.Contains(w.get("/run").body, say.N("outcome.rows", due)) {
		t.Errorf("the run: %+v", w.console.last)
	}
}

// TestPolicyIsApprovedInTheConsole: under four eyes somebody else than who runs approves the policy, asked back and once; who runs it cannot.
func TestPolicyIsApprovedInTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(gallra.ModelPolicy+"approval: four-eyes\n"), 0o600))
	other := w.otherUser()
	w.serve(func(o *Options) {
		o.Deps = func(verb string, c *compile.Policy, l *ledger.Ledger) purge.Deps {
			d := w.deps(verb, c, l)
			d.Run.Actor = other
			return d
		}
	})
	w.enter()
	approvals := func() int {
		l, err := w.ledger()
		w.must(err)
		return len(l.Approvals())
	}
	b := w.console.reading()
	if a := w.get("/approve"); b.waiting.policy == nil || !a.says(b.checked.Policy.Hash) {
		t.Fatalf("the policy does not wait for an approval: %+v", b.waiting)
	}
	for _, form := range []url.Values{{"plan": {"another"}, "once": {secret()}, "confirm": {"yes"}}, {"plan": {b.id}, "once": {secret()}}, {"plan": {b.id}, "confirm": {"yes"}}} {
		if w.post("/approve/policy", form); approvals() != 0 {
			t.Errorf("%v approved it", form)
		}
	}
	form := url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}}
	for range 2 {
		w.post("/approve/policy", form)
	}
	w.console.job("read").wait(t.Context())
	if approvals() != 1 || w.console.reading().waiting.policy != nil {
		t.Errorf("%d approvals, and it waits for %v", approvals(), w.console.reading().waiting.policy)
	}
}
