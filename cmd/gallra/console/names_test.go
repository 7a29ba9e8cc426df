package console

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention"
)

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
	// logicalName is what no person calls a table or a column.
	logicalName = regexp.MustCompile("`|\\b(msdynmkt|msevtmgt|gallra)_\\w+|\\b(customeraddress|activityparty|salesorder|emailaddress1|parentcontactid|customerid|statecode)\\b")
)

// text is what a page shows of a part of it: from the element with that id to the end of its section.
func (a answer) text(t testing.TB, id string) string {
	t.Helper()
	_, part, found := strings.Cut(a.body, `id="`+id+`"`)
	if !found {
		t.Fatalf("the page has no %s", id)
	}
	part, _, _ = strings.Cut(part, "</section>")
	return spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(part[strings.Index(part, ">")+1:], " ")), " ")
}

// label is what the environment calls the rows of a table.
func (w *world) label(table string) string {
	w.Helper()
	d, err := w.client.Table(w.Context(), table)
	w.must(err)
	return d.DisplayCollectionName
}

// What would go with a person, what would be erased, the rules in words and rows with a period of their own are told by what people call
// tables and columns. The names of the database stand in the titles.
func TestPagesCallThingsAsTheAppDoes(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	var path string
	for _, i := range b.list(filter{State: comingAll, Table: "contact", Sort: "name"}) {
		path = personPath("contact", b.Persons[i].ID)
		if a := w.get(path + "/forecast"); strings.Contains(a.body, "customeraddress") {
			break
		}
	}
	forecast := w.get(path + "/forecast")
	for name, shown := range map[string]string{
		"forecast": forecast.text(t, "main"), "erase": w.get(path+"/erase").text(t, "main"), "becomes": w.get(path).text(t, "becomes"), "periods": w.get(path).text(t, "periods"),
		"grounds": w.get(path).text(t, "grounds"), "policy": w.get("/policy").text(t, "s-contact"),
	} {
		if said := logicalName.FindAllString(shown, -1); len(said) > 0 {
			t.Errorf("%s says %q: %s", name, said, shown)
		}
	}
	if !forecast.says(`title="customeraddress"`) || !forecast.says(">"+w.label("customeraddress")+"<") {
		t.Error("the forecast does not name the addresses by both names")
	}
	for _, m := range regexp.MustCompile(`<span class="num">1</span> <span title="(\w+)">([^<]+)</span>`).FindAllStringSubmatch(w.get(path+"/erase").body, -1) {
		if m[2] == w.label(m[1]) {
			t.Errorf("one row is called %s", m[2])
		}
	}
	home := w.get("/").text(t, "own-rows")
	if !strings.Contains(home, w.label("msdynmkt_contactpointconsent4")) {
		t.Errorf("the first page says %s", home)
	}
}

// The rules in words say of the sets what their rules do, and not that the person's own row is anonymised.
func TestPolicyPageSpeaksOfTheSets(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	shown := w.get("/policy").text(t, "s-contact")
	_, related, _ := strings.Cut(shown, en.T("policy.related"))
	if strings.Contains(related, "the person's own row") {
		t.Errorf("the related rules speak of the person's own row: %s", related)
	}
	for _, want := range []string{w.label("annotation"), "10 years after", "then deleted"} {
		if !strings.Contains(related, want) {
			t.Errorf("the related rules do not say %q: %s", want, related)
		}
	}
}

// One person takes the singular, and of nobody nothing is said.
func TestOneIsNotSeveral(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	w.contact(map[string]any{"lastname": "Newcomer"})
	w.post("/read", nil)
	w.console.job("read").wait(t.Context())
	if n := w.console.reading().Count(retention.Schedule); n != 1 {
		t.Fatalf("%d are scheduled", n)
	}
	for lang, want := range map[string]string{"en": "1 has lost their last ground", "de": "1 hat den letzten Grund verloren", "da": "1 har mistet sin sidste grund"} {
		w.post("/language", url.Values{"language": {lang}, "back": {"/"}})
		if got := w.get("/").text(t, "changes"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", lang, got)
		}
	}
	w.post("/language", url.Values{"language": {"en"}, "back": {"/"}})
	w.post("/owners/look", nil)
	w.console.job("owners").wait(t.Context())
	if a := w.get("/owners"); a.says(en.N("owners.before", 0)) {
		t.Error("the page says that of nobody the owners were told")
	}
}

// The map calls places what the app calls them, with the database's name as a second line, and its picture bears the same names.
func TestTheMapSpeaksAsTheAppDoes(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	w.get("/map")
	w.console.job("map").wait(t.Context())
	shown := w.get("/map")
	for _, want := range []string{"<th scope=\"row\">" + w.label("annotation") + ", ", `<br><code class="muted">annotation.objectid</code></th>`} {
		if !shown.says(want) {
			t.Errorf("the map does not say %q", want)
		}
	}
	picture, _, _ := strings.Cut(shown.body, "</svg>")
	_, picture, _ = strings.Cut(picture, "<svg")
	if strings.Contains(picture, "annotation.objectid") || !strings.Contains(picture, w.label("annotation")+", ") {
		t.Error("the picture speaks in names of the database")
	}
}
