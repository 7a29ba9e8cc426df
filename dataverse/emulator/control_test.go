package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// serve starts an emulator whose only Web API route counts how often it did its work.
func serveOne(t *testing.T) (*Server, string, *int) {
	t.Helper()
	s := New(Options{Token: "secret"})
	worked := new(int)
	work := func(*wire.Call) (*wire.Answer, error) {
		*worked++
		return wire.OK(map[string]any{"value": strings.Repeat("x", 100)}), nil
	}
	s.routes = map[string]wire.Handler{"GET set": work, "POST WhoAmI": work, "PATCH set(key)": func(*wire.Call) (*wire.Answer, error) {
		*worked++
		return wire.NoContent(), nil
	}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h.URL, worked
}

// send is a request of its own connection: the transport must not hide a dropped one by trying again.
func send(t *testing.T, method, url, token, body string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

func control200(t *testing.T, method, url, body string, into any) {
	t.Helper()
	resp, b, err := send(t, method, url, "secret", body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s", method, url, resp.StatusCode, b)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, url, err, b)
		}
	}
}

const contactPath = "/api/data/v9.2/contacts(00000000-0000-0000-0000-000000000001)"

func TestControlTakesTheStartToken(t *testing.T) {
	_, url, _ := serveOne(t)
	resp, _, err := send(t, "GET", url+"/emulator/stats", "other", "")
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("another token: %v, %v; want 401", resp, err)
	}
	resp, _, err = send(t, "GET", url+"/emulator/nothing", "secret", "")
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown call: %v, %v; want 404", resp, err)
	}
}

func TestClock(t *testing.T) {
	_, url, _ := serveOne(t)
	var got struct{ Now time.Time }
	control200(t, "POST", url+"/emulator/clock", `{"now":"2026-11-24T08:00:00Z"}`, &got)
	if want := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC); !got.Now.Equal(want) {
		t.Errorf("set: %v, want %v", got.Now, want)
	}
	control200(t, "POST", url+"/emulator/clock", `{"advance":"1464h"}`, &got)
	if want := time.Date(2027, 1, 24, 8, 0, 0, 0, time.UTC); got.Now.Sub(want).Abs() > 10*time.Second {
		t.Errorf("advanced: %v, want %v", got.Now, want)
	}
	resp, _, err := send(t, "GET", url+"/api/data/v9.2/contacts", "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || date.Sub(got.Now).Abs() > 10*time.Second {
		t.Errorf("the Date header says %v, the clock %v (%v)", date, got.Now, err)
	}
	for _, bad := range []string{`{}`, `{"advance":"2 months"}`, `{"now":"today"}`, `{"nwo":"2026-11-24T08:00:00Z"}`, `{"now":"2026-11-24T08:00:00Z","advance":"1h"}`, `[`} {
		if resp, _, err := send(t, "POST", url+"/emulator/clock", "secret", bad); err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("clock %s: %v, %v; want 400", bad, resp, err)
		}
	}
}

func TestStats(t *testing.T) {
	s, url, _ := serveOne(t)
	_, _, _ = send(t, "GET", url+"/api/data/v9.2/contacts", "secret", "")
	_, _, _ = send(t, "PATCH", url+contactPath, "secret", "{}")
	_, _, _ = send(t, "POST", url+"/api/data/v9.2/SendFax", "secret", "{}")
	s.stats.Read(7)
	s.stats.Wrote(3)
	var got Stats
	control200(t, "GET", url+"/emulator/stats", "", &got)
	var want Stats
	want.Requests.Total = 3
	want.Requests.ByStatus = map[int]int{200: 1, 204: 1, 501: 1}
	want.Requests.ByRoute = map[string]int{"GET contacts": 1, "PATCH contacts": 1, "POST SendFax": 1}
	want.RowsRead, want.RowsWritten, want.PeakConcurrency = 7, 3, 1
	want.Unsupported = map[string]int{"SendFax": 1}
	want.RowsScanned = got.RowsScanned // TestRowsScanned has them
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("stats (-want +got):\n%s", d)
	}
	got = Stats{}
	control200(t, "POST", url+"/emulator/stats", "", &got)
	if got.Requests.Total != 0 || len(got.Requests.ByRoute) != 0 || got.RowsRead != 0 {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestSnapshotAndRestore(t *testing.T) {
	s, url, _ := serveOne(t)
	contact := s.engine.Store.View().Schema.Tables["contact"]
	put := func(name string) int64 {
		tx := s.engine.Store.Begin()
		r := (&store.Row{ID: uuid.UUID{15: 1}}).With(store.Values{contact.Column("lastname").Index: name}, tx.NextVersion())
		tx.Put(contact, r)
		tx.Commit()
		return r.Version
	}
	name := func() any {
		return s.engine.Store.View().Rows("contact").Get(uuid.UUID{15: 1}).Get(contact.Column("lastname").Index)
	}
	put("before")
	var first struct{ ID string }
	control200(t, "POST", url+"/emulator/snapshot", "{}", &first)
	put("between")
	control200(t, "POST", url+"/emulator/snapshot", "{}", nil)
	lost := put("after")
	control200(t, "POST", url+"/emulator/clock", `{"now":"2030-01-01T00:00:00Z"}`, nil)

	control200(t, "POST", url+"/emulator/restore", "", nil)
	if name() != "between" {
		t.Errorf("the last snapshot gives %v", name())
	}
	control200(t, "POST", url+"/emulator/restore", `{"id":"`+first.ID+`"}`, nil)
	if name() != "before" {
		t.Errorf("the first snapshot gives %v", name())
	}
	if v := put("anew"); v <= lost {
		t.Errorf("version %d was given before", v)
	}
	if s.Now().Year() != 2030 {
		t.Errorf("the clock went back to %v", s.Now())
	}
	if resp, _, err := send(t, "POST", url+"/emulator/restore", "secret", `{"id":"99"}`); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown snapshot: %v, %v; want 404", resp, err)
	}
}

func TestFindLooksEverywhere(t *testing.T) {
	s, url, _ := serveOne(t)
	schema := s.engine.Store.View().Schema
	tx := s.engine.Store.Begin()
	n := byte(0)
	add := func(into store.Content, table string, set map[string]any) string {
		t.Helper()
		n++
		tab := schema.Tables[table]
		v := store.Values{}
		for name, x := range set {
			c := tab.Column(name)
			if c == nil {
				t.Fatalf("%s has no column %s", table, name)
			}
			v[c.Index] = x
		}
		r := (&store.Row{ID: uuid.UUID{15: n}}).With(v, tx.NextVersion())
		tx.PutIn(into, tab, r)
		return r.ID.String()
	}
	contact := add(store.Live, "contact", map[string]any{"emailaddress1": "Yvonne@Example.com", "lastname": "McKay"})
	party := add(store.Live, "activityparty", map[string]any{"addressused": "yvonne@example.com"})
	bin := add(store.Binned, "lead", map[string]any{"emailaddress1": "yvonne@example.com"})
	item := add(store.Live, "deleteditemreference", map[string]any{"createdon": store.Instant(s.Now().Unix()), schema.Tables["deleteditemreference"].PrimaryName: "yvonne@example.com"})
	job := add(store.Live, "asyncoperation", map[string]any{"name": "Delete YVONNE@example.com"})
	note := add(store.Live, "annotation", map[string]any{"documentbody": "bWFpbCB0byB5dm9ubmVAZXhhbXBsZS5jb20K"})
	tx.Commit()
	tx = s.engine.Store.Begin()
	audit := schema.Tables["audit"]
	object := uuid.MustParse(contact)
	r := (&store.Row{ID: uuid.UUID{15: 200}}).With(store.Values{
		audit.Column("objectid").Index: store.Ref{Table: "contact", ID: object},
		platform.AuditOld:              map[string]any{"emailaddress1": "yvonne@example.com", "lastname": "McKay"},
		platform.AuditNew:              map[string]any{"emailaddress1": "new@example.com", "description": "was yvonne@example.com"},
	}, tx.NextVersion())
	tx.Put(audit, r)
	tx.Commit()

	var got []Place
	control200(t, "GET", url+"/emulator/find?text=yvonne@EXAMPLE.com", "", &got)
	want := []Place{
		{"row", "activityparty", party, "addressused", ""},
		{"row", "annotation", note, "documentbody", ""},
		{"job", "asyncoperation", job, "name", ""},
		{"audit", "contact", contact, "emailaddress1", r.ID.String()},
		{"audit", "contact", contact, "description", r.ID.String()},
		{"row", "contact", contact, "emailaddress1", ""},
		{"bin", "deleteditemreference", item, schema.Tables["deleteditemreference"].PrimaryName, ""},
		{"bin", "lead", bin, "emailaddress1", ""},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("find (-want +got):\n%s", d)
	}
	control200(t, "GET", url+"/emulator/find?text=nobody@example.com", "", &got)
	if len(got) != 0 {
		t.Errorf("find found %v for nobody", got)
	}
	_, b, _ := send(t, "GET", url+"/emulator/find?text=nobody@example.com", "secret", "")
	if !bytes.Equal(bytes.TrimSpace(b), []byte("[]")) {
		t.Errorf("nothing found is %s, want []", b)
	}
}
