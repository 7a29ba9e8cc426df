package dataverse

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A service whose pages never end is asked no more once they lead back, or bring nothing new.
func TestAReadWhosePagesNeverEndIsStopped(t *testing.T) {
	asked := 0
	link := func(r *http.Request, token string) string {
		return `,"@odata.nextLink":"http://` + r.Host + `/api/data/v9.2/contacts?$skiptoken=` + token + `"}`
	}
	fetch := `<fetch><entity name="contact"><attribute name="n"/></entity></fetch>`
	paged := func(cookie string) string {
		return `,"@Microsoft.Dynamics.CRM.morerecords":true,"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":"` + cookie + `"}`
	}
	cookie := func(text string) string {
		return fmt.Sprintf("<cookie pagenumber=%q pagingcookie=%q />", "2", "%253ccookie%2520"+text+"%253e")
	}
	escaped := func(text string) string { return strings.ReplaceAll(text, `"`, `\"`) }
	row := func(n int) string {
		return fmt.Sprintf(`{"value":[{"contactid":"00000000-0000-0000-0000-%012d","n":%d}]`, n, n)
	}
	tests := map[string]struct {
		q      Query
		answer func(r *http.Request) string
		most   int
	}{
		"A, B, A": {Query{Table: "contact"}, func(r *http.Request) string {
			return row(asked) + link(r, map[bool]string{true: "B", false: "A"}[asked%2 == 0])
		}, 3},
		"a round of five": {Query{Table: "contact"}, func(r *http.Request) string { return row(asked) + link(r, fmt.Sprint(asked%5)) }, 6},
		"back to the first page": {Query{Set: "contacts", Select: []string{"n"}}, func(r *http.Request) string {
			return row(asked) + `,"@odata.nextLink":"http://` + r.Host + r.RequestURI + `"}`
		}, 1},
		"the same page under ever new links": {Query{Table: "contact"}, func(r *http.Request) string { return row(0) + link(r, fmt.Sprint(asked)) }, 2},
		"two pages by turns under new links": {Query{Table: "contact"}, func(r *http.Request) string { return row(asked%2) + link(r, fmt.Sprint(asked)) }, 3},
		"ever new pages without rows":        {Query{Table: "contact"}, func(r *http.Request) string { return `{"value":[]` + link(r, fmt.Sprint(asked)) }, mostIdlePages + 1},
		"FetchXML: A, B, A": {Query{Table: "contact", FetchXML: fetch}, func(*http.Request) string {
			return row(asked) + paged(escaped(cookie(fmt.Sprint(asked%2))))
		}, 3},
		"FetchXML: always more, nothing new": {Query{Table: "contact", FetchXML: fetch}, func(*http.Request) string { return row(0) + paged("") }, mostIdlePages + 2},
		"FetchXML: always more of nothing": {Query{Table: "contact", FetchXML: fetch}, func(*http.Request) string {
			return `{"value":[]` + paged(escaped(cookie(fmt.Sprint(asked))))
		}, mostIdlePages + 1},
		"groups without an end": {Query{Table: "contact", Apply: "groupby((n))"}, func(r *http.Request) string { return `{"value":[{"n":1}]` + link(r, fmt.Sprint(asked)) }, mostIdlePages + 2},
	}
	for name, tt := range tests {
		for reader, read := range map[string]func(*testing.T, *Client, Query) ([]int64, error){"Rows": collect, "Scan": scanned} {
			t.Run(name+"/"+reader, func(t *testing.T) {
				asked = 0
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if asked++; asked > 10*mostIdlePages {
						t.Errorf("asked %d times", asked)
						writeJSON(w, 200, `{"value":[]}`)
						return
					}
					writeJSON(w, 200, tt.answer(r))
				})
				_, err := read(t, connect(t, s.URL), tt.q)
				if !errors.Is(err, ErrAnswer) || len(s.seen()) > tt.most {
					t.Errorf("%v after %d requests, want %v after %d", err, len(s.seen()), ErrAnswer, tt.most)
				}
			})
		}
	}
}

// Nor do the rows of an expanded collection go on for ever.
func TestAnExpandedCollectionThatNeverEndsIsStopped(t *testing.T) {
	for name, next := range map[string]func(n int) (row, token string){
		"A, B, A":                           func(n int) (string, string) { return fmt.Sprint(n), fmt.Sprint(n % 2) },
		"the same row under ever new links": func(n int) (string, string) { return "x", fmt.Sprint(n) },
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked > 100 {
					t.Fatal("asked 100 times")
				}
				row, token := next(asked)
				link := `"http://` + r.Host + `/api/data/v9.2/contacts(` + contactID + `)/tasks?$skiptoken=` + token + `"`
				if asked == 1 {
					writeJSON(w, 200, `{"contactid":"`+contactID+`","tasks":[],"tasks@odata.nextLink":`+link+`}`)
					return
				}
				writeJSON(w, 200, `{"value":[{"subject":"`+row+`"}],"@odata.nextLink":`+link+`}`)
			})
			_, err := connect(t, s.URL).Get(t.Context(), "contact", uuid.MustParse(contactID), Query{Expand: "tasks"})
			if !errors.Is(err, ErrAnswer) || asked > 4 {
				t.Errorf("%v after %d requests", err, asked)
			}
		})
	}
}

// Rows that look the same are different where a query asks for no key, and empty pages are no end.
func TestPagesThatOnlyLookTheSameAreRead(t *testing.T) {
	fetch := `<fetch><entity name="contact"><attribute name="n"/><link-entity name="task" from="regardingobjectid" to="contactid"/></entity></fetch>`
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := `{"value":[{"n":7},{"n":7}]`
		if page, _ := fetchPageOf(r); page < 4 {
			body += `,"@Microsoft.Dynamics.CRM.morerecords":true`
		}
		writeJSON(w, 200, body+"}")
	})
	c := connect(t, s.URL)
	for _, read := range []func(*testing.T, *Client, Query) ([]int64, error){collect, scanned} {
		if got, err := read(t, c, Query{Table: "contact", FetchXML: fetch, PageSize: 2}); err != nil || !slices.Equal(got, []int64{7, 7, 7, 7, 7, 7, 7, 7}) {
			t.Errorf("%v, %v", got, err)
		}
	}
	sizes := make([]int, mostIdlePages)
	handler, _ := bookOf(t, append(append([]int{1}, sizes...), 1)...)
	c = connect(t, serve(t, handler).URL)
	if got, err := scanned(t, c, Query{Table: "contact"}); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func fetchPageOf(r *http.Request) (page int, err error) {
	_, rest, _ := strings.Cut(r.URL.Query().Get("fetchXml"), `page="`)
	_, err = fmt.Sscanf(rest, "%d", &page)
	return page, err
}

// Three letters a row would take a hundred times their size in memory.
func TestAPageOfTooManyRowsIsRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, `{"value":[`+strings.Repeat("{},", mostPageRows)+`{}]}`)
	})
	c := connect(t, s.URL)
	for _, read := range []func(*testing.T, *Client, Query) ([]int64, error){collect, scanned} {
		if got, err := read(t, c, Query{Table: "contact"}); !errors.Is(err, ErrAnswer) || got != nil {
			t.Errorf("%d rows, %v", len(got), err)
		}
	}
}
