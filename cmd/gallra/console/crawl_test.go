package console

import (
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
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
	"unicode"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/doctor"
)

// element is an element of a page, with the texts right below it.
type element struct {
	name  string
	attrs map[string]string
	text  string // all of it, in the elements below as well
	lang  string // the language that it is marked to be in
}

// said is a text of a page, and the language that it is marked to be in.
type said struct{ text, lang string }

// parse reads a page.
func parse(t *testing.T, page string) (elements []*element, texts []said) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements, texts
		}
		if err != nil {
			t.Fatalf("a page cannot be read: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			e := &element{name: x.Name.Local, attrs: map[string]string{}}
			if len(open) > 0 {
				e.lang = open[len(open)-1].lang
			}
			for _, a := range x.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			if lang, ok := e.attrs["lang"]; ok {
				e.lang = lang
			}
			if e.name == "code" || e.attrs["translate"] == "no" { // of a policy, names of the database: it stands as it is written
				e.lang = "code"
			}
			for _, name := range []string{"aria-label", "title", "alt", "placeholder"} {
				if text := e.attrs[name]; text != "" {
					texts = append(texts, said{strings.Join(strings.Fields(text), " "), e.lang})
				}
			}
			elements, open = append(elements, e), append(open, e)
		case xml.EndElement:
			for i := len(open) - 1; i >= 0; i-- {
				if open[i].name == x.Name.Local {
					open = open[:i]
					break
				}
			}
		case xml.CharData:
			text := strings.Join(strings.Fields(string(x)), " ")
			if text == "" || len(open) == 0 {
				continue
			}
			for _, e := range open {
				e.text += text + " "
			}
			if last := open[len(open)-1]; last.name != "script" && last.name != "style" {
				texts = append(texts, said{text, last.lang})
			}
		}
	}
}

// crawler follows every link of every page.
type crawler struct {
	*world
	t       *testing.T
	lang    string
	say     tongue
	english *english        // nil in English itself
	heard   map[string]bool // texts that were looked at
	names   []string        // of people, in small letters
	seen    map[string]bool
	queue   []string
	counts  int            // promises that were held against a list and its export
	exports map[string]int // by the filter: an export has as many in every language
	gone    string         // the page of somebody who was purged: the ledger leads there, and the page says so
	skip    func(path string) bool
}

// english is what the English texts say, where a language says something else.
type english struct {
	whole    map[string]bool
	patterns []*regexp.Regexp // of texts with places in them, which are few
}

func (e *english) says(text string) bool {
	return e.whole[text] || slices.ContainsFunc(e.patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) })
}

// englishPeriod is a length of time in English, which code puts into a text where nobody has said it in the reader's language.
var englishPeriod = regexp.MustCompile(`\b[0-9]+ (days?|weeks?|months?|years?)\b`)

// spokenSubjects are those whose texts pages say. What stands on a row stands there in the policy's language.
var spokenSubjects = []string{subject, "engine", "rehearsal"}

// spoken are the English texts that the language says in another way.
func spoken(lang string) *english {
	all := &english{whole: map[string]bool{}}
	place := regexp.MustCompile(`\\\{[0-9]+\\\}`)
	letters := regexp.MustCompile(`[a-z]{3,}`)
	other := map[string]bool{}
	for _, subject := range spokenSubjects {
		w := words.In(subject, lang)
		for _, key := range w.Keys() {
			text, _ := w.Lookup(key)
			other[text] = true
		}
	}
	for _, subject := range spokenSubjects {
		w, texts := words.In(subject, lang), words.In(subject, "en")
		for _, key := range texts.Keys() {
			text, _ := texts.Lookup(key)
			own, _ := w.Lookup(key)
			quoted := regexp.QuoteMeta(text)
			switch {
			case own == text || other[text] || !letters.MatchString(place.ReplaceAllString(quoted, "")):
			case place.MatchString(quoted):
				all.patterns = append(all.patterns, regexp.MustCompile(`^`+place.ReplaceAllString(quoted, `.{1,60}`)+`$`))
			default:
				all.whole[text] = true
			}
		}
	}
	return all
}

func (c *crawler) add(path string) {
	if key, _, _ := strings.Cut(path, "#"); !c.seen[key] && !c.skip(key) {
		c.seen[key] = true
		c.queue = append(c.queue, key)
	}
}

// exported is how many persons the export of a list has.
func (c *crawler) exported(query string) int {
	c.t.Helper()
	if n, ok := c.exports[query]; ok {
		return n
	}
	a := c.get("/people/export.csv?" + query)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.body, "\ufeff"))).ReadAll()
	if err != nil || a.status != http.StatusOK {
		c.t.Errorf("%s: the export of %q: %d %v", c.lang, query, a.status, err)
	}
	c.exports[query] = len(rows) - 1
	return len(rows) - 1
}

// page looks at one page: whether it is there, what it says, and where it leads.
func (c *crawler) page(path string) {
	c.t.Helper()
	a := c.get(path)
	if strings.HasPrefix(path, c.gone) && a.status == http.StatusNotFound && a.says(c.say.T("gone.text")) {
		return
	}
	if a.status != http.StatusOK {
		c.t.Errorf("%s: %s answers %d", c.lang, path, a.status)
		return
	}
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") || strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
		if len(a.body) == 0 {
			c.t.Errorf("%s: the file %s is empty", c.lang, path)
		}
		return
	}
	if strings.HasPrefix(path, "/erase/receipt/") { // a page of its own
		return
	}
	if found := inline.FindString(a.body); found != "" {
		c.t.Errorf("%s: %s holds %q", c.lang, path, found)
	}
	elements, texts := parse(c.t, a.body)
	ids := map[string]bool{}
	for _, e := range elements {
		ids[e.attrs["id"]] = true
		if e.name == "html" && e.attrs["lang"] != c.lang {
			c.t.Errorf("%s: %s is in %s", c.lang, path, e.attrs["lang"])
		}
	}
	for _, s := range texts {
		if s.lang == "code" || s.lang == "en" && c.lang != "en" { // what the engine says itself, and is marked so
			continue
		}
		if c.heard[s.text] { // looked at on another page
			continue
		}
		c.heard[s.text] = true
		if c.lang != "en" && englishPeriod.MatchString(s.text) && !strings.Contains(s.text, ", kept ") { // which is what stands on a row
			c.t.Errorf("%s: %s says %q", c.lang, path, s.text)
		}
		if c.english != nil && c.english.says(s.text) {
			c.t.Errorf("%s: %s says %q", c.lang, path, s.text)
		}
	}
	if u, _ := url.Parse(path); u.Path == "/people" {
		c.list(path, u.RawQuery, elements)
	}
	for _, e := range elements {
		href, linked := e.attrs["href"]
		if action, ok := e.attrs["action"]; ok && e.name == "form" && !strings.HasPrefix(action, "/") {
			c.t.Errorf("%s: %s has a form that leads to %q", c.lang, path, action)
		}
		if !linked || e.name != "a" {
			continue
		}
		for _, name := range c.names {
			if strings.Contains(strings.ToLower(href), name) {
				c.t.Errorf("%s: an address of %s holds the name of a person", c.lang, path)
			}
		}
		u, err := url.Parse(href)
		switch {
		case err != nil || strings.Contains(href, "%3d") || strings.Contains(href, "&amp;"):
			c.t.Errorf("%s: %s links to %q", c.lang, path, href)
		case u.Host != "":
			if !strings.HasPrefix(href, "https://nordic.example/main.aspx?") || e.attrs["target"] != "_blank" || !strings.Contains(e.attrs["rel"], "noopener") {
				c.t.Errorf("%s: %s leads out to %q", c.lang, path, href)
			}
		case strings.HasPrefix(href, "#"):
			if !ids[href[1:]] {
				c.t.Errorf("%s: nothing on %s is %s", c.lang, path, href)
			}
		default:
			if promise, ok := e.attrs["data-count"]; ok {
				c.promised(path, href, promise, e)
			}
			c.add(href)
		}
	}
}

// promised holds a number beside a link against the list that it leads to.
func (c *crawler) promised(path, href, promise string, e *element) {
	c.t.Helper()
	n, err := strconv.Atoi(promise)
	u, _ := url.Parse(href)
	if err == nil && u.Path == "/rehearsal" { // of a night, how many go
		if a := c.get(href); !strings.Contains(a.body, fmt.Sprintf(`data-purged="%d"`, n)) {
			c.t.Errorf("%s: %s promises %d purged persons at %s", c.lang, path, n, href)
		}
		c.counts++
		return
	}
	if err != nil || u.Path != "/people" {
		c.t.Errorf("%s: %s promises %q at %s", c.lang, path, promise, href)
		return
	}
	if digits := strings.ContainsFunc(e.text, unicode.IsDigit); digits && strings.HasPrefix(strings.TrimSpace(e.text), promise[:1]) && !strings.Contains(e.text, c.say.Number(n)) {
		c.t.Errorf("%s: %s says %q for %d", c.lang, path, e.text, n)
	}
	if got := c.exported(u.RawQuery); got != n {
		c.t.Errorf("%s: %s promises %d at %s, and the list exports %d", c.lang, path, n, href, got)
	}
	if got := len(c.console.reading().list(c.filter(u.RawQuery))); got != n {
		c.t.Errorf("%s: %s promises %d at %s, and the list has %d", c.lang, path, n, href, got)
	}
	c.counts++
}

func (c *crawler) filter(query string) filter {
	v, err := url.ParseQuery(query)
	c.must(err)
	f, err := readFilter(v, nil)
	c.must(err)
	return f
}

// list holds what a list says about itself against its export.
func (c *crawler) list(path, query string, elements []*element) {
	c.t.Helper()
	want := c.exported(query)
	total, rows := 0, 0
	for _, e := range elements {
		if text, ok := e.attrs["data-total"]; ok {
			total, _ = strconv.Atoi(text)
		}
		if e.name == "input" && e.attrs["name"] == "who" {
			rows++
		}
		if e.name == "p" && e.attrs["role"] == "status" && !strings.HasPrefix(strings.TrimSpace(e.text), c.say.N("people.found", want)) {
			c.t.Errorf("%s: %s says %q and exports %d", c.lang, path, e.text, want)
		}
	}
	if total != want || rows != min(want, chunkOf(want)) && !strings.Contains(query, "at=") {
		c.t.Errorf("%s: %s has %d in all and %d rows, and exports %d", c.lang, path, total, rows, want)
	}
	c.counts++
}

// TestEveryLinkOfEveryPage follows every link of every page, in every language: each leads to a page that is there, each number beside a
// link is the number of persons in the list that it leads to and in its export, no address holds a name, and no page says in
// English what its language has a text for. In English everybody's page is looked at, in the other languages those of a few.
func TestEveryLinkOfEveryPage(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(40 * 24 * time.Hour)
	w.contact(map[string]any{"lastname": "Newcomer"}) // somebody gets a date
	p := w.contact(map[string]any{"lastname": "Heldin"})
	w.change(http.MethodPatch, "contacts("+p.String()+")", map[string]any{"gallra_legalhold": true})
	w.serve(func(o *Options) {
		doctors := o.Doctor
		o.Doctor = func(ctx context.Context) ([]doctor.Finding, error) {
			found, err := doctors(ctx)
			return append(found, everyFinding()...), err
		}
		w.shelve(o)
	})
	w.enter()
	w.prepare()
	gone := personPath("contact", w.eraseSomebody())
	exports := map[string]int{}
	b := w.console.reading()
	var names []string
	for i := range b.Persons {
		if name := strings.ToLower(b.Persons[i].Name); len(name) > 5 {
			names = append(names, name, url.QueryEscape(name))
		}
	}
	who := regexp.MustCompile(`^/person/[a-z]+/[0-9a-f-]+`)
	few := map[string]bool{}
	for _, a := range []retention.Action{retention.Wait, retention.Schedule, retention.Hold, retention.Keep, retention.Purge} {
		for _, i := range b.list(filter{State: string(a), Sort: "name"}) {
			few[personPath(b.TableOf(&b.Persons[i]), b.Persons[i].ID)] = true
			break
		}
	}
	for _, lang := range words.All() {
		w.post("/language", url.Values{"language": {lang}, "back": {"/"}})
		c := &crawler{world: w, t: t, lang: lang, say: newTongue(lang), names: names, seen: map[string]bool{}, heard: map[string]bool{}, exports: exports, gone: gone}
		if lang != "en" {
			c.english = spoken(lang)
			if n := len(c.english.whole) + len(c.english.patterns); n < 200 || len(c.english.patterns) < 20 {
				t.Fatalf("%s: only %d English texts are looked for", lang, n)
			}
		}
		tried := 0
		c.skip = func(path string) bool {
			u, _ := url.Parse(path)
			q := u.Query()
			if person := who.FindString(path); person != "" {
				return !few[person] && (lang != "en" || person != path)
			}
			switch {
			case u.Path == "/people" && (q.Has("sort") || q.Has("down")): // each order of one list: the orders of others are made in the same way
				return lang != "en" || len(q) > 2 || len(q) == 2 && !q.Has("down")
			case u.Path == "/rehearsal" && q.Has("n"): // of each night; those of one policy in each language
				return q.Get("of") == "b" && lang != "en"
			case u.Path == "/rehearsal/page.html":
				return lang != "en"
			case q.Has("try"):
				tried++
				return lang != "en" && tried > 1
			case strings.Contains(path, "export.xlsx"):
				return lang != "en" || u.RawQuery != ""
			case u.Path == "/people/export.csv": // which is asked for with its list
				return true
			}
			return false
		}
		for _, path := range []string{"/", "/people?state=everyone", "/run", "/tools", "/approve", "/people/many"} {
			c.add(path)
		}
		for path := range few {
			c.add(path)
		}
		for i := 0; i < len(c.queue); i++ {
			c.page(c.queue[i])
		}
		if len(c.queue) < 30 || c.counts < 20 {
			t.Errorf("%s: %d pages were looked at and %d numbers", lang, len(c.queue), c.counts)
		}
		for _, path := range []string{"/ahead", "/report", "/owners", "/restore", "/erase", "/map", "/health", "/ledger", "/policy", "/approve", "/rehearsal"} {
			if !c.seen[path] {
				t.Errorf("%s: no link leads to %s", lang, path)
			}
		}
		t.Logf("%s: %d pages, %d numbers", lang, len(c.queue), c.counts)
	}
}

// everyFinding are all texts of the engine as findings, whatever finds them: what guard rails and stops say stands on other pages in the same way.
func everyFinding() (all []doctor.Finding) {
	form := regexp.MustCompile(`\.(one|other)$`)
	for _, key := range words.In("engine", "en").Keys() {
		said := words.Say(key, "A1", "A2", "A3", "A4", "A5", "A6")
		if form.MatchString(key) {
			said = words.Count(form.ReplaceAllString(key, ""), 2)
		}
		all = append(all, doctor.Finding{Subject: "data", Level: doctor.Note, Sentence: said, Remedy: said})
	}
	return all
}

// TestPagesSayNothingByThemselves: what a page says comes from the texts of package words, so that every language can say it.
func TestPagesSayNothingByThemselves(t *testing.T) {
	files, err := filepath.Glob("pages/*.html")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	code, tag, letters := regexp.MustCompile(`\{\{[^{}]*(?:"(?:[^"\\]|\\.)*"[^{}]*)*\}\}`), regexp.MustCompile(`<[^<>]*>`), regexp.MustCompile(`[\p{L}]{2,}`)
	shown := regexp.MustCompile(`(?:aria-label|title|alt|placeholder)="([^"]*)"`)
	known := []string{"gallra", "CSV", "XLSX", "HTML", "JSON", "kB"}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := code.ReplaceAllString(string(text), "")
		var said []string
		for _, m := range shown.FindAllStringSubmatch(page, -1) {
			said = append(said, m[1])
		}
		said = append(said, tag.ReplaceAllString(page, " "))
		for _, s := range said {
			for _, word := range letters.FindAllString(s, -1) {
				if !slices.Contains(known, word) {
					t.Errorf("%s says %q by itself", file, word)
				}
			}
		}
	}
}
