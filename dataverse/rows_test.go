package dataverse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// bookOf answers pages of the given sizes, with rows that count up, and a link whose token must come back as it is.
func bookOf(t *testing.T, sizes ...int) (http.HandlerFunc, func() []string) {
	// A page that nobody waits for any more may still be asked for while the test looks.
	var mu sync.Mutex
	var prefer []string
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		prefer = append(prefer, r.Header.Get("Prefer"))
		mu.Unlock()
		page := 0
		if token := r.URL.Query().Get("$skiptoken"); token != "" {
			if !strings.Contains(r.RequestURI, "$skiptoken=%3Ccookie%20pagenumber=%22") {
				t.Errorf("the link was re-encoded: %s", r.RequestURI)
			}
			page, _ = strconv.Atoi(strings.Split(token, `"`)[1])
			page--
		}
		writeJSON(w, 200, pageBody(r, sizes, page))
	}, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(prefer) }
}

func pageBody(r *http.Request, sizes []int, page int) string {
	first := 0
	for _, n := range sizes[:page] {
		first += n
	}
	var rows []string
	for i := range sizes[page] {
		rows = append(rows, fmt.Sprintf(`{"@odata.etag":"W/\"%d\"","contactid":"00000000-0000-0000-0000-%012d","n":%d}`, first+i, first+i, first+i))
	}
	body := `{"@odata.context":"c","value":[` + strings.Join(rows, ",") + `]`
	if page+1 < len(sizes) {
		body += fmt.Sprintf(`,"@odata.nextLink":"http://%s/api/data/v9.2/contacts?$select=n&$skiptoken=%%3Ccookie%%20pagenumber=%%22%d%%22%%20pagingcookie=%%22%%253ccookie%%22%%20/%%3E"`, r.Host, page+2)
	}
	return body + "}"
}

func collect(t *testing.T, c *Client, q Query) ([]int64, error) {
	t.Helper()
	var got []int64
	for row, err := range c.Rows(t.Context(), q) {
		if err != nil {
			return got, err
		}
		n, ok := row.Int("n")
		if !ok {
			t.Errorf("row without n: %v", row)
		}
		got = append(got, n)
	}
	return got, nil
}

func scanned(t *testing.T, c *Client, q Query) ([]int64, error) {
	t.Helper()
	var got []int64
	err := c.Scan(t.Context(), q, []string{"n"}, func(row []Value) error {
		n, ok := row[0].Int()
		if !ok {
			t.Errorf("row without n")
		}
		got = append(got, n)
		return nil
	})
	return got, err
}

func upTo(n int) (list []int64) {
	for i := range n {
		list = append(list, int64(i))
	}
	return list
}

func TestAllPagesInOrder(t *testing.T) {
	for name, read := range map[string]func(*testing.T, *Client, Query) ([]int64, error){"Rows": collect, "Scan": scanned} {
		t.Run(name, func(t *testing.T) {
			handler, prefer := bookOf(t, 3, 0, 3, 1)
			s := serve(t, handler)
			got, err := read(t, connect(t, s.URL), Query{Table: "contact", Select: []string{"n"}, PageSize: 3})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(upTo(7), got); diff != "" {
				t.Error(diff)
			}
			for _, p := range prefer() {
				if p != "odata.maxpagesize=3" {
					t.Errorf("Prefer: %q on a page", p)
				}
			}
			if n := len(s.seen()); n != 4 {
				t.Errorf("%d requests for four pages", n)
			}
		})
	}
}

// A page that breaks off is read again, and nothing of it was handed out before.
func TestABrokenPageCostsARetryAndNoRowTwice(t *testing.T) {
	breaks := map[string]func(w http.ResponseWriter, body string){
		"cut off with the connection": func(w http.ResponseWriter, body string) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)*2/3])
			buf.Flush()
			conn.Close()
		},
		"cut off without a sign": func(w http.ResponseWriter, body string) { writeJSON(w, 200, body[:len(body)*2/3]) },
		"empty":                  func(w http.ResponseWriter, body string) { writeJSON(w, 200, "") },
		"with something behind":  func(w http.ResponseWriter, body string) { writeJSON(w, 200, body+"{}") },
		"503":                    func(w http.ResponseWriter, body string) { writeError(w, 503, "", "") },
		"hang up":                func(w http.ResponseWriter, body string) { hangUp(w) },
	}
	for name, broken := range breaks {
		for reader, read := range map[string]func(*testing.T, *Client, Query) ([]int64, error){"Rows": collect, "Scan": scanned} {
			t.Run(name+"/"+reader, func(t *testing.T) {
				sizes := []int{4, 4, 2}
				failed := map[int]bool{}
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					page := 0
					if token := r.URL.Query().Get("$skiptoken"); token != "" {
						page, _ = strconv.Atoi(strings.Split(token, `"`)[1])
						page--
					}
					body := pageBody(r, sizes, page)
					if !failed[page] {
						failed[page] = true
						broken(w, body)
						return
					}
					writeJSON(w, 200, body)
				})
				got, err := read(t, connect(t, s.URL), Query{Table: "contact", Select: []string{"n"}})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(upTo(10), got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestAnswersThatAreNoneAreErrors(t *testing.T) {
	tests := map[string]struct {
		answer   http.HandlerFunc
		requests int
	}{
		"a proxy's page": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write([]byte("<html>Sign in</html>"))
		}, 1},
		"a link to another host": {func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, 200, `{"value":[{"n":0}],"@odata.nextLink":"https://elsewhere.example/api/data/v9.2/contacts?$skiptoken=x"}`)
		}, 1},
		"a link to another host by the same scheme": {func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, 200, `{"value":[{"n":0}],"@odata.nextLink":"http://127.0.0.1:1/api/data/v9.2/contacts?$skiptoken=x"}`)
		}, 1},
		"a link out of the service": {func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, 200, `{"value":[{"n":0}],"@odata.nextLink":"http://`+r.Host+`/other"}`)
		}, 1},
		"a page that links to itself": {func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, 200, `{"value":[],"@odata.nextLink":"http://`+r.Host+`/api/data/v9.2/contacts?$skiptoken=x"}`)
		}, 2},
		"a list without rows":  {func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, `{}`) }, 1},
		"rows of another kind": {func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, `{"value":[1,2]}`) }, 1},
		"no list":              {func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, `[]`) }, 1},
	}
	for name, tt := range tests {
		for reader, read := range map[string]func(*testing.T, *Client, Query) ([]int64, error){"Rows": collect, "Scan": scanned} {
			t.Run(name+"/"+reader, func(t *testing.T) {
				s := serve(t, tt.answer)
				_, err := read(t, connect(t, s.URL), Query{Table: "contact"})
				if !errors.Is(err, ErrAnswer) {
					t.Errorf("%v, want %v", err, ErrAnswer)
				}
				if n := len(s.seen()); n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
			})
		}
	}
}

func TestTop(t *testing.T) {
	for _, tt := range []struct{ top, pageSize, want, requests int }{{2, 0, 2, 1}, {5, 3, 5, 2}, {100, 3, 7, 3}} {
		for _, read := range []func(*testing.T, *Client, Query) ([]int64, error){collect, scanned} {
			handler, prefer := bookOf(t, 3, 3, 1)
			s := serve(t, handler)
			got, err := read(t, connect(t, s.URL), Query{Table: "contact", Top: tt.top, PageSize: tt.pageSize})
			if err != nil || len(got) != tt.want {
				t.Errorf("top %d: %d rows, %v", tt.top, len(got), err)
			}
			hasTop := strings.Contains(s.seen()[0], "$top=")
			if sized := prefer()[0] != ""; hasTop == sized {
				t.Errorf("top %d: $top %v beside a page size %v: the service heeds only one", tt.top, hasTop, sized)
			}
		}
	}
}

func TestLeavingAnIterationEarlyEndsTheReading(t *testing.T) {
	handler, _ := bookOf(t, 2, 2, 2, 2, 2, 2)
	s := serve(t, handler)
	c := connect(t, s.URL)
	for range c.Rows(t.Context(), Query{Table: "contact"}) {
		break
	}
	if n := len(s.seen()); n > 3 {
		t.Errorf("%d pages read for one row", n)
	}
	stop := errors.New("stop")
	if err := c.Scan(t.Context(), Query{Table: "contact"}, nil, func([]Value) error { return stop }); err != stop {
		t.Errorf("Scan returned %v, want the caller's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Scan(ctx, Query{Table: "contact"}, nil, func([]Value) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Scan returned %v, want cancelled: half a list is not a list", err)
	}
}

func TestQueryOptionsAreEscaped(t *testing.T) {
	var got url.Values
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query()
		if strings.Contains(r.RequestURI, "+") || strings.Contains(r.RequestURI, "&x=") {
			t.Errorf("badly escaped: %s", r.RequestURI)
		}
		writeJSON(w, 200, `{"value":[]}`)
	})
	q := Query{Table: "contact", Select: []string{"a", "b"}, Filter: "lastname eq 'O''Bryan & Co+#%/?' and x=1&x=2", OrderBy: "a desc", Expand: "owner($select=n)"}
	if _, err := collect(t, connect(t, s.URL), q); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"$select": "a,b", "$filter": q.Filter, "$orderby": q.OrderBy, "$expand": q.Expand} {
		if got.Get(name) != want {
			t.Errorf("%s arrived as %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestFetchXMLPages(t *testing.T) {
	var fetches []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, apiPath+"contacts") {
			t.Errorf("read %s", r.URL.Path)
		}
		fetches = append(fetches, r.URL.Query().Get("fetchXml"))
		if prefer := r.Header.Get("Prefer"); !strings.Contains(prefer, "fetchxmlpagingcookie") {
			t.Errorf("Prefer: %q, and no cookie comes unasked", prefer)
		}
		switch len(fetches) {
		case 1:
			writeJSON(w, 200, `{"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":"<cookie pagenumber=\"2\" pagingcookie=\"%253ccookie%2520page%253d%25221%2522%253e%253ccontactid%2520last%253d%2522%257bA%257d%2522%2520%252f%253e%253c%252fcookie%253e\" istracking=\"False\" />","@Microsoft.Dynamics.CRM.morerecords":true,"value":[{"n":0},{"n":1}]}`)
		case 2: // no cookie: sorted by a linked column
			writeJSON(w, 200, `{"@Microsoft.Dynamics.CRM.morerecords":true,"value":[{"n":2}]}`)
		default:
			writeJSON(w, 200, `{"value":[{"n":3}]}`)
		}
	})
	c := connect(t, s.URL)
	q := Query{FetchXML: `<fetch distinct="true" page='7'><entity name="contact"><attribute name="n"/></entity></fetch>`, PageSize: 2}
	for _, read := range []func(*testing.T, *Client, Query) ([]int64, error){collect, scanned} {
		fetches = nil
		got, err := read(t, c, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(upTo(4), got); diff != "" {
			t.Error(diff)
		}
		tail := `><entity name="contact"><attribute name="n"/></entity></fetch>`
		want := []string{
			`<fetch distinct="true" count="2" page="1"` + tail,
			`<fetch distinct="true" count="2" page="2" paging-cookie="&lt;cookie page=&#34;1&#34;&gt;&lt;contactid last=&#34;{A}&#34; /&gt;&lt;/cookie&gt;"` + tail,
			`<fetch distinct="true" count="2" page="3"` + tail,
		}
		if diff := cmp.Diff(want, fetches); diff != "" {
			t.Error(diff)
		}
	}
}

func TestExpandedCollectionsThatWereCutOffAreCompleted(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("$skiptoken") {
			writeJSON(w, 200, `{"value":[{"subject":"b"}]}`)
			return
		}
		writeJSON(w, 200, `{"value":[{"n":0,"tasks":[{"subject":"a"}],"tasks@odata.nextLink":"http://`+r.Host+`/api/data/v9.2/contacts(1)/tasks?$skiptoken=x",
			"mails":[{"subject":"m"}],"mails@odata.nextLink":"http://`+r.Host+`/api/data/v9.2/contacts(1)/mails?$select=subject"}]}`)
	})
	c := connect(t, s.URL)
	for row, err := range c.Rows(t.Context(), Query{Table: "contact", Expand: "tasks,mails"}) {
		if err != nil {
			t.Fatal(err)
		}
		if tasks := row.Children("tasks"); len(tasks) != 2 || tasks[1].Text("subject") != "b" {
			t.Errorf("tasks: %v", tasks)
		}
		if mails := row.Children("mails"); len(mails) != 1 {
			t.Errorf("mails: %v; a link without a token repeats the same rows", mails)
		}
	}
	if _, err := scanned(t, c, Query{Table: "contact"}); !errors.Is(err, ErrAnswer) {
		t.Errorf("Scan: %v; it cannot complete a collection, so it must say so", err)
	}
}

func TestLongAddressesTravelInABatch(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != apiPath+"$batch" {
			t.Errorf("%s %.60s", r.Method, r.RequestURI)
		}
		body := readBody(r)
		if !strings.Contains(body, "GET /api/data/v9.2/contacts?$filter=n%20eq%20%27xxx") || !strings.Contains(body, "\r\nPrefer: odata.maxpagesize=5000\r\n") {
			t.Errorf("batch: %.400s", body)
		}
		if n++; n == 1 {
			hangUp(w)
			return
		}
		if n == 2 {
			writeMultipart(w, 200, single("429 Too Many Requests", "Retry-After: 0\r\nContent-Type: application/json\r\n", `{"error":{"code":"0x80072322","message":""}}`))
			return
		}
		writeMultipart(w, 200, single("200 OK", "Content-Type: application/json; odata.metadata=minimal; odata.streaming=true\r\n", `{"value":[{"n":0}]}`))
	})
	c := connect(t, s.URL)
	got, err := collect(t, c, Query{Table: "contact", Filter: "n eq '" + strings.Repeat("x", 10_000) + "'"})
	if err != nil || len(got) != 1 || n != 3 {
		t.Errorf("%v, %v after %d attempts", got, err, n)
	}
}

func TestGet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, contactID) {
			writeJSON(w, 200, `{"@odata.etag":"W/\"1\"","fullname":"Ada","_ownerid_value":"00000000-0000-0000-0000-0000000000aa","_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"team","age":7,"since":"2026-11-24"}`)
			return
		}
		writeError(w, 404, "0x80040217", "contact With Id = … Does Not Exist")
	})
	c := connect(t, s.URL)
	row, err := c.Get(t.Context(), "contact", uuid.MustParse(contactID), Query{Select: []string{"fullname"}, Annotations: true})
	if err != nil {
		t.Fatal(err)
	}
	age, _ := row.Int("age")
	since, _ := row.Time("since")
	if row.ETag() != `W/"1"` || row.Text("fullname") != "Ada" || row.ID("ownerid") != row.ID("_ownerid_value") ||
		row.ID("ownerid") == (uuid.UUID{}) || row.Target("ownerid") != "team" || age != 7 || since.Format("2006-01-02") != "2026-11-24" || !row.Null("none") {
		t.Errorf("row %v", row)
	}
	if _, err := c.Get(t.Context(), "contact", uuid.New(), Query{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want not found", err)
	}
	if _, err := c.Get(t.Context(), "kontakt", uuid.New(), Query{}); !errors.Is(err, ErrNoTable) {
		t.Errorf("%v, want no table", err)
	}
}

func TestCount(t *testing.T) {
	segment, aggregate := 17, 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/$count"):
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintf(w, "\xef\xbb\xbf%d", segment)
		case r.URL.Query().Has("$apply"):
			if aggregate == 0 {
				writeError(w, 400, "0x8004e023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")
				return
			}
			if apply := r.URL.Query().Get("$apply"); apply != "filter(n gt 1)/aggregate($count as n)" {
				t.Errorf("$apply=%s", apply)
			}
			writeJSON(w, 200, fmt.Sprintf(`{"value":[{"n":%d}]}`, aggregate))
		default:
			if sel := r.URL.Query().Get("$select"); sel != "contactid" {
				t.Errorf("counted by reading %q", sel)
			}
			writeJSON(w, 200, `{"value":[{},{},{}]}`)
		}
	})
	c := connect(t, s.URL)
	for _, tt := range []struct{ segment, aggregate, want int }{{17, 0, 17}, {5000, 12345, 12345}, {5000, 0, 3}} {
		segment, aggregate = tt.segment, tt.aggregate
		if n, err := c.Count(t.Context(), Query{Table: "contact", Filter: "n gt 1"}); err != nil || n != tt.want {
			t.Errorf("Count = %d, %v, want %d", n, err, tt.want)
		}
	}
}
