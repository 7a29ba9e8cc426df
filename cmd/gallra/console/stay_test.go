package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Wherever a form says that it came from, its answer leads to a page of the console.
func formsStayHere(t *testing.T, w *world) {
	w.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	here, _ := url.Parse(w.url)
	for _, back := range []string{"//evil.example/", "/\t/evil.example", "/\n/evil.example", "/\r\n/evil.example", "\t//evil.example", " //evil.example", "/\\evil.example",
		"\\\\evil.example", "/\t\\evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)", "///evil.example", "/./\t/evil.example", "/people/..//evil.example",
		"/.//evil.example", "/\x00/evil.example", "/\u0085/evil.example", "/\u2028/evil.example", "/%09/evil.example", "/%5cevil.example", "/%2f/evil.example", "evil.example", "?x", "#x", "",
		"/people\r\nSet-Cookie: gallra=x", "/people\xff", "/@evil.example", "/:80"} {
		for _, form := range []string{"/language", "/read"} {
			a := w.post(form, url.Values{"language": {"en"}, "back": {back}})
			to := a.header.Get("Location")
			// What a browser makes of it: control characters are dropped, and slashes lean either way.
			seen := strings.Map(func(r rune) rune {
				switch {
				case r == '\\':
					return '/'
				case r <= ' ':
					return -1
				}
				return r
			}, to)
			u, err := url.Parse(seen)
			if a.status != http.StatusSeeOther || err != nil || seen != to || here.ResolveReference(u).Host != here.Host || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
				a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s with back=%q leads to %q", form, back, to)
			}
		}
	}
	for _, back := range []string{"/people?sort=name&at=50", "/person/contact/" + w.somebody().ID.String(), "/", "/people?q=%C3%A5%20b"} {
		if a := w.post("/language", url.Values{"language": {"en"}, "back": {back}}); a.header.Get("Location") != back {
			t.Errorf("back=%q leads to %q", back, a.header.Get("Location"))
		}
	}
}

// What an action has to tell is told to who reads the page, not to who only looks whether it is there.
func messageWaits(t *testing.T, w *world) {
	w.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.post("/people/find", url.Values{"address": {"nobody@nowhere.example"}})
	w.do(http.MethodHead, "/people", nil, nil)
	w.do(http.MethodGet, "/people", nil, map[string]string{"Sec-Purpose": "prefetch"})
	if a := w.get("/people"); !strings.Contains(a.body, "class=\"notice") {
		t.Error("nobody is told that the address was not found")
	}
	if a := w.get("/people"); strings.Contains(a.body, "class=\"notice") {
		t.Error("it is told twice")
	}
}
