package console

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/rehearse"
	"github.com/gallra/gallra/retention/report"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// pages are the templates in each language.
type pages map[string]*template.Template

func (c *Console) readPages() (pages, error) {
	all := pages{}
	for _, lang := range words.All() {
		t := newTongue(lang)
		set, err := template.New("").Funcs(rehearse.Functions(lang)).Funcs(template.FuncMap{
			"t": t.T, "n": t.N, "num": t.Number, "date": t.date, "day": t.day, "moment": t.moment, "period": t.period,
			"table":   func(name string) string { return c.table(t, name) },
			"one":     func(name string) string { return c.one(t, name) },
			"rowsof":  func(name string) template.HTML { return c.named(t, name) },
			"counted": func(name string, n int) template.HTML { return c.counted(t, name, n) },
			"inapp":   called,
			"menu":    menu,
			"spoken":  func(s words.Said) string { return s.In(lang) },
			"placed":  report.Lang(lang).PlaceName, "remedied": report.Lang(lang).PlaceRemedy,
			"said": report.Lang(lang).T, // as reports say it
			"lang": func() string { return lang }, "languages": words.All, "called": func(lang string) string { return newTongue(lang).T("name") },
			"percent": func(share float64) string { return fmt.Sprintf("%.3g %%", share*100) },
			"join":    strings.Join,
			"filter": func(table, state string) template.URL {
				return filter{Table: table, State: state, Sort: "date"}.Query()
			},
			"action": func(a retention.Action) string { return t.T("state." + string(a)) },
			"add":    func(a, b int) int { return a + b },
		}).ParseFS(pageFiles, "pages/*.html")
		if err == nil {
			_, err = set.New("rehearsal-parts").Parse(rehearse.Parts)
		}
		if err != nil {
			return nil, err
		}
		all[lang] = set
	}
	return all, nil
}

// frame is what every page has around its own content.
type frame struct {
	Page        string // its name in the catalogue and in the menu
	Org         string
	Sandbox     bool
	Lang        string
	Here        string // the page's own address, for the switch of languages
	Idle        int    // seconds after which the session ends
	Notice      *notice
	Job         *progress // a run under way
	Read        string    // when the plan was read
	Touched     int
	Once        string
	Reading     bool     // the plan is being read again
	ReadTrouble *trouble // why it was not
	Content     any
}

// menuItem is one page in the menu.
type menuItem struct {
	Name, Href string
	Here       bool
}

// menu is for the templates.
func menu(f frame, name, href string) menuItem {
	within := map[string]string{"person": "people", "forecast-page": "people", "several": "people", "several-done": "people", "found": "people", "erase": "people", "confirm": "people", "map": "policy", "approve": "run", "confirm-run": "run",
		"erasures": "tools", "restore": "tools", "owners": "tools", "report": "tools", "ahead": "tools", "rehearsal": "tools"}
	here := f.Page == name || within[f.Page] == name
	return menuItem{name, href, here}
}

// Bad and Text are for the templates.
func (n *notice) Bad() bool    { return n.bad }
func (n *notice) Text() string { return n.text }

// tongue is the language of a request: the one that was chosen, or the browser's.
func (c *Console) tongue(r *http.Request) tongue {
	lang := ""
	if s := sessionOf(r); s != nil {
		lang = s.lang()
	}
	if lang == "" {
		lang = cmp.Or(c.o.Language, preferred(r))
	}
	return newTongue(lang)
}

// show answers with a page.
func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, name string, content any) {
	t := c.tongue(r)
	f := frame{Page: name, Org: c.o.Organization.Name, Sandbox: !c.o.Organization.Production, Lang: t.Language, Here: r.URL.RequestURI(),
		Idle: int(c.sessions.idle.Seconds()) + 2, Once: secret()[:24], Content: content}
	if r.Method != http.MethodGet {
		f.Here = "/"
	}
	if s := sessionOf(r); s != nil && !peeks(r) {
		f.Notice = s.told()
	}
	if b := c.reading(); b != nil {
		f.Read, f.Touched = t.moment(b.read.In(b.checked.Policy.TimeZone)), b.touched
	}
	if p := c.report("read"); !p.Ended {
		f.Reading = true
	} else if p.Err != nil {
		f.ReadTrouble = c.trouble(p.Err)
	}
	if j := c.running(); !j.ended() {
		p, _ := j.now()
		f.Job = &p
	}
	c.write(w, r, status, t, name, f)
}

// piece answers with a part of a page.
func (c *Console) piece(w http.ResponseWriter, r *http.Request, name string, content any) {
	c.write(w, r, http.StatusOK, c.tongue(r), name, content)
}

// write renders first: a page that breaks midway would look like one that is whole.
func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, t tongue, name string, data any) {
	var page bytes.Buffer
	if err := c.pages[t.Language].ExecuteTemplate(&page, name, data); err != nil {
		c.log.Error("console: a page cannot be shown", "page", name, "error", templateError(err))
		http.Error(w, t.T("error.page"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "Cookie, Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// templateError is where a template failed, without the values that it was to print.
func templateError(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": error calling")
	return text
}

// outside answers whoever is not signed in.
func (c *Console) outside(w http.ResponseWriter, r *http.Request, status int, why string) {
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", "/")
	}
	t := c.tongue(r)
	c.write(w, r, status, t, "outside", map[string]any{"Why": why})
}

// assets serves the console's own files, and lists none.
func (c *Console) assets() http.Handler {
	files, _ := fs.Sub(assetFiles, "assets") // it is embedded
	serve := http.StripPrefix("/assets/", http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// chartStyle is the style of the charts, which reports have as well.
func chartStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = io.WriteString(w, report.ChartCSS)
}
