package console

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// Many are held, released, extended and taken back at once: chosen by boxes or as the whole list, asked back, done once, told; and whoever
// cannot be is told while the others go on.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	some := b.list(filter{State: string(retention.Wait), Table: "contact", Sort: "name"})[:3]
	form := url.Values{"act": {"hold"}, "list": {"state=wait"}}
	for _, i := range some {
		form.Add("who", "contact/"+b.Persons[i].ID.String())
	}
	form.Add("who", form["who"][1]) // a row that was fetched twice
	held := func(i int32) bool { return w.row(b.Persons[i].ID, "gallra_legalhold").Bool("gallra_legalhold") }
	done := func(act string, deal string, more url.Values) answer {
		t.Helper()
		more.Set("deal", deal)
		more.Set("confirm", "yes")
		w.post("/people/many", more)
		w.console.job("many").wait(t.Context())
		w.post("/people/many", more) // a second click
		w.console.job("many").wait(t.Context())
		return w.get("/people/many")
	}
	ask := w.post("/people/choose", form)
	if !ask.says(en.N("many.about", 3)) || held(some[0]) {
		t.Fatal("it is not asked back")
	}
	if a := w.post("/people/many", url.Values{"deal": {dealOf(t, ask.body)}, "confirm": {"yes"}}); !a.says(en.T("act.noreason")) || held(some[0]) {
		t.Error("it was done without a reason")
	}
	ask = w.post("/people/choose", form)
	w.change(http.MethodDelete, "contacts("+b.Persons[some[2]].ID.String()+")", nil) // between the look and the confirmation
	if a := done("hold", dealOf(t, ask.body), url.Values{"reason": {"Quarrel"}}); !a.says(en.N("many.done", 2)) || !a.says(en.T("act.gone")) || !held(some[0]) || !held(some[1]) {
		t.Error("the holds are not as they should be")
	}
	if got := w.console.reading().Count(retention.Hold); got != b.Count(retention.Hold)+2 {
		t.Errorf("%d are held in the list", got)
	}
	// The whole list, as its filter finds it; whom it does not fit is left out.
	ask = w.post("/people/choose", url.Values{"act": {"release"}, "list": {"state=hold&table=contact"}, "all": {"yes"}})
	if n := len(w.console.reading().list(filter{State: string(retention.Hold), Table: "contact", Sort: "date"})); !ask.says(en.N("many.about", n)) {
		t.Errorf("not all %d are asked for", n)
	}
	if a := done("release", dealOf(t, ask.body), url.Values{"reason": {"Settled"}}); held(some[0]) || held(some[1]) || !a.says(en.T("act.release")) {
		t.Error("the holds were not released")
	}
	form = url.Values{"act": {"extend"}, "who": {"contact/" + b.Persons[some[0]].ID.String(), "contact/" + b.Persons[some[1]].ID.String()}}
	until := w.console.today(b) + 200
	for _, wrong := range []struct{ until, want string }{{"soon", en.T("act.nodate")}} {
		a := w.post("/people/many", url.Values{"deal": {dealOf(t, w.post("/people/choose", form).body)}, "confirm": {"yes"}, "reason": {"Agreed"}, "until": {wrong.until}})
		if !a.says(wrong.want) {
			t.Errorf("until %s: the page does not say %q", wrong.until, wrong.want)
		}
	}
	done("extend", dealOf(t, w.post("/people/choose", form).body), url.Values{"reason": {"Agreed"}, "until": {until.String()}})
	if got := w.row(b.Persons[some[0]].ID, "gallra_retainuntil").Text("gallra_retainuntil"); got != until.String() {
		t.Errorf("extended until %q", got)
	}
	form.Set("act", "takeback")
	done("takeback", dealOf(t, w.post("/people/choose", form).body), url.Values{})
	if row := w.row(b.Persons[some[1]].ID, "gallra_retainuntil", "gallra_retainreason"); !row.Null("gallra_retainuntil") || !row.Null("gallra_retainreason") {
		t.Errorf("taken back: %v", row)
	}
	if a := done("takeback", dealOf(t, w.post("/people/choose", form).body), url.Values{}); !a.says(en.T("act.notextended")) || !a.says(en.N("many.done", 0)) {
		t.Error("what does not stand was taken back")
	}
	for _, bad := range []url.Values{{"act": {"purge"}}, {"act": {"hold"}, "who": {"contact/x"}}, {"act": {"hold"}, "who": {"account/" + uuid.NewString()}}, {"act": {"hold"}, "all": {"yes"}, "list": {"state=garbage"}}} {
		if a := w.post("/people/choose", bad); a.status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, a.status)
		}
	}
	if a := w.post("/people/choose", url.Values{"act": {"hold"}}); !a.says(en.T("many.none")) {
		t.Error("nobody was chosen, and nobody says so")
	}
}

// An extension is taken back on the person's page, which says in one sentence what becomes of them and truly what stands on the row.
func TestThePersonPage(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	p := w.somebody()
	path := personPath("contact", p.ID)
	b := w.console.reading()
	at, _ := b.find("contact", p.ID)
	on := b.Persons[at].PurgeOn
	page := w.get(path)
	if !page.says(en.T("goes.on", on)) || strings.Count(page.body, `class="sentence"`) != 1 || !strings.Contains(page.body, "v-wait") || strings.Contains(page.body, path+"/takeback") {
		t.Error("the page does not say when they go, or offers to take back what does not stand")
	}
	if reason := w.row(p.ID, "gallra_purgereason").Text("gallra_purgereason"); reason == "" || !page.says(reason) {
		t.Error("the page does not say what stands on the row")
	}
	w.change(http.MethodPatch, "contacts("+p.ID.String()+")", map[string]any{"gallra_purgereason": "Somebody wrote this by hand"})
	if a := w.get(path); !a.says("Somebody wrote this by hand") {
		t.Error("the page says what would be written and not what stands there")
	}
	w.server.Advance(time.Duration(on-w.console.today(b)-1) * 24 * time.Hour)
	w.post("/read", nil)
	w.console.job("read").wait(t.Context())
	if a := w.get(path); !a.says(en.T("goes.tomorrow")) {
		t.Errorf("the day before they go the page does not say so")
	}
	until := (w.console.today(w.console.reading()) + 300).String()
	ask := w.post(path+"/extend", url.Values{"reason": {"Agreed"}, "until": {until}})
	w.post(path+"/extend", url.Values{"reason": {"Agreed"}, "until": {until}, "confirm": {"yes"}, "once": {onceOf(t, ask.body)}})
	page = w.get(path)
	if !strings.Contains(page.body, path+"/takeback") || !page.says("Agreed") || !strings.Contains(page.body, "v-clear") && !strings.Contains(page.body, "v-keep") {
		t.Error("the extension is not on the page")
	}
	ask = w.post(path+"/takeback", nil)
	form := url.Values{"confirm": {"yes"}, "once": {onceOf(t, ask.body)}}
	if a := w.post(path+"/takeback", form); !a.says(en.T("act.takeback.done")) || strings.Contains(a.body, path+"/takeback") {
		t.Error("the extension was not taken back")
	}
	if !w.row(p.ID, "gallra_retainuntil").Null("gallra_retainuntil") {
		t.Error("it stands on the row")
	}
	// What would justify them, in the words of the CRM: a row of a table with them as what its lookup is called.
	page = w.get(path)
	if !page.says("Opportunity") || !page.says(" with "+p.Name+" as ") || !strings.Contains(page.body, "etn=opportunity") || !strings.Contains(page.body, "extraqs=") {
		t.Error("the page does not say what would justify them")
	}
	for _, m := range regexp.MustCompile(`href="([^"]*extraqs[^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		u, err := url.Parse(html.UnescapeString(m[1]))
		w.must(err)
		fill, err := url.ParseQuery(u.Query().Get("extraqs"))
		w.must(err)
		if len(fill) != 3 || !strings.Contains(fill.Encode(), p.ID.String()) || strings.Contains(fill.Encode(), strings.Fields(p.Name)[0]) {
			t.Errorf("the form of a new row is opened with %v", fill)
		}
	}
}

// Whoever is kept is in the lists by name, and a search of the whole CRM finds a part of a name and says whose they are.
func TestKeptPersonsByName(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	kept := b.list(filter{State: string(retention.Keep), Sort: "name"})
	if len(kept) != b.Count(retention.Keep) || len(kept) < 5 {
		t.Fatalf("%d of %d are listed", len(kept), b.Count(retention.Keep))
	}
	p := &b.Persons[kept[0]]
	if a := w.get("/people?state=keep"); !a.says(p.Name) || !a.says(p.Email) {
		t.Error("the list of those who are kept lacks their names")
	}
	if a := w.get("/people"); strings.Contains(a.body, p.ID.String()) {
		t.Error("whoever is kept stands in the list of those with a date")
	}
	if a := w.post("/people/search", url.Values{"q": {p.Name}}); !strings.Contains(a.body, p.ID.String()) {
		t.Error("a search does not find whoever is kept")
	}
	withCompany := 0
	for i := range b.Persons {
		if b.Persons[i].Company != "" {
			withCompany++
		}
	}
	if a := w.get("/people?state=everyone&sort=company"); withCompany < 5 || !a.says(b.Persons[b.orders["company"][0]].Company) {
		t.Errorf("%d have a company", withCompany)
	}
	part := strings.Fields(p.Name)[0][:3]
	if a := w.post("/people/find", url.Values{"address": {part}}); !a.says(p.Name) {
		t.Errorf("the search for %q in the whole CRM does not find them", part)
	}
	for _, text := range []string{"", "  ", "no such person '", "%' or '1' eq '1"} {
		if a := w.post("/people/find", url.Values{"address": {text}}); !a.says(en.T("find.nobody")) {
			t.Errorf("%q: %d", text, a.status)
		}
	}
}
