package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// world is a server over HTTP whose rows a test puts in itself.
type world struct {
	t   testing.TB
	s   *Server
	url string
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	if o.Now == nil {
		now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { return now }
	}
	s := New(o)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &world{t, s, srv.URL}
}

// put stores a row under the id that belongs to its name, and returns the id. Lookups are refs.
func (w *world) put(table, name string, cols map[string]any) uuid.UUID {
	w.t.Helper()
	tab := schema.BaseSchema().Tables[table]
	if tab == nil {
		w.t.Fatalf("no table %s", table)
	}
	v := store.Values{}
	for k, x := range cols {
		c := tab.ByName[k]
		if c == nil {
			w.t.Fatalf("no column %s.%s", table, k)
		}
		if n, ok := x.(int); ok {
			x = int64(n)
		}
		v[c.Index] = x
	}
	id := idOfName(name)
	tx := w.s.engine.Store.Begin()
	tx.Put(tab, (&store.Row{ID: id}).With(v, tx.NextVersion()))
	tx.Commit()
	return id
}

func (w *world) remove(table, name string) {
	tx := w.s.engine.Store.Begin()
	tx.Remove(schema.BaseSchema().Tables[table], idOfName(name))
	tx.Commit()
}

// idOfName is an id that ends in a number for names like c12, so that ids are in the order of the numbers.
func idOfName(name string) uuid.UUID {
	var n int
	if _, err := fmt.Sscanf(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz"), "%d", &n); err != nil {
		n = 0
	}
	prefix := strings.TrimRight(name, "0123456789")
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(prefix))
	id[0], id[1] = byte(n>>8), byte(n)
	return id
}

func to(table, name string) store.Ref { return store.Ref{Table: table, ID: idOfName(name)} }

func at(s string) store.Instant {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return store.Instant(t.Unix())
}

func dayAt(s string) store.Day {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return store.Day(t.Unix() / 86400)
}

// response is what a GET gave.
type response struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// get asks for a path below the service root; blanks in it are escaped, and nothing else. Prefer headers follow.
func (w *world) get(path string, prefer ...string) response {
	w.t.Helper()
	address := path
	if !strings.HasPrefix(path, "http") {
		address = w.url + "/api/data/v9.2/" + path
	}
	req, err := http.NewRequest(http.MethodGet, strings.ReplaceAll(address, " ", "%20"), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer emulator")
	for _, p := range prefer {
		if k, v, ok := strings.Cut(p, ": "); ok {
			req.Header.Add(k, v)
			continue
		}
		req.Header.Add("Prefer", p)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	out := response{status: res.StatusCode, header: res.Header, text: string(b)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && len(b) > 0 {
		d := json.NewDecoder(strings.NewReader(out.text))
		d.UseNumber()
		if err := d.Decode(&out.body); err != nil {
			w.t.Fatalf("GET %s: %v in %s", path, err, b)
		}
	}
	return out
}

// rows asks for a collection and returns one column of its rows.
func (w *world) rows(path, column string, prefer ...string) []string {
	w.t.Helper()
	r := w.get(path, prefer...)
	if r.status != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", path, r.status, r.text)
	}
	return r.column(column)
}

func (r response) column(name string) []string {
	out := []string{}
	list, _ := r.body["value"].([]any)
	for _, x := range list {
		v := x.(map[string]any)[name]
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// fault is the code and message of an error.
func (r response) fault() string {
	e, _ := r.body["error"].(map[string]any)
	return fmt.Sprintf("%d %v %v", r.status, e["code"], e["message"])
}

func escaped(s string) string { return url.QueryEscape(s) }
