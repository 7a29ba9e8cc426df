package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/retention/state"
)

// crm is an emulator with a client, and a folder in which nights keep what they read.
type crm struct {
	t       *testing.T
	server  *emulator.Server
	client  *dataverse.Client
	options state.Options
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newCRM(t *testing.T) *crm {
	t.Helper()
	server := emulator.New(emulatortest.Options(emulator.Options{Token: "t"}))
	server.SetClock(noon)
	for i := range 3 {
		id := company(i)
		if err := server.Load(emulator.Record{Table: "account", ID: id, Values: map[string]any{"name": fmt.Sprintf("Berg %d", i), "statecode": 0}},
			emulator.Record{Table: "contact", ID: person(i), Values: map[string]any{"lastname": "Berg", "emailaddress1": fmt.Sprintf("Berg%d@Nord.example ", i), "parentcustomerid": emulator.Ref("account", id)}}); err != nil {
			t.Fatal(err)
		}
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := dataverse.New(dataverse.Options{URL: listener.URL, Credential: credential, RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := &crm{t: t, server: server, client: client, options: state.Options{
		Folder: filepath.Join(t.TempDir(), "state"), Key: bytes.Repeat([]byte{1}, state.KeySize), Client: client, Policy: "sha256:1", Organization: uuid.New(), User: uuid.New(), Before: 7, After: 7, Writes: true}}
	c.at(noon)
	return c
}

func company(i int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, "company", i)) }
func person(i int) uuid.UUID  { return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, "person", i)) }

// at is another time, of which the client has heard.
func (c *crm) at(now time.Time) {
	c.t.Helper()
	c.server.SetClock(now)
	if _, err := c.client.WhoAmI(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crm) write(path string, values map[string]any) {
	c.t.Helper()
	if err := c.client.Do(c.t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: path, IfMatch: "*", Body: values}, nil); err != nil {
		c.t.Fatal(err)
	}
}

// ofActive reads persons of companies that are active: their address is joined.
func ofActive(take func([]dataverse.Value) error) state.Reading {
	return state.Reading{
		Selection: dataverse.Selection{What: "persons of companies",
			Query: dataverse.Query{Table: "contact", Set: "contacts", Select: []string{"contactid", "emailaddress1", "createdon", "statecode"}, Expand: "parentcustomerid_account($select=modifiedon)",
				Filter: "parentcustomerid_account/statecode eq 0"},
			Columns: []string{"contactid", "emailaddress1", "createdon", "statecode", "parentcustomerid_account/modifiedon", "@odata.etag"}, Take: take},
		Keeps: []state.Keep{state.Plain, state.Joined, state.Plain, state.Plain, state.Plain, state.Plain},
		Same:  func(b []byte) []byte { return bytes.ToLower(bytes.TrimSpace(b)) },
	}
}

// rows are what a night hands out, by id, and how it has read.
func (c *crm) rows(n *state.Night) (map[string]string, state.Count) {
	c.t.Helper()
	rows := map[string]string{}
	if err := n.Scan(c.t.Context(), ofActive(func(row []dataverse.Value) error {
		var all []string
		for _, v := range row[1:] {
			all = append(all, v.String())
		}
		rows[row[0].String()] = strings.Join(all, " ")
		return nil
	})); err != nil {
		c.t.Fatal(err)
	}
	return rows, n.Count()
}

// night reads, and keeps what it has read. In full says why the query was read in full; empty: only changes were asked for.
func (c *crm) night() (rows map[string]string, inFull string) {
	c.t.Helper()
	n, err := state.Open(c.t.Context(), c.options)
	if err != nil {
		c.t.Fatal(err)
	}
	rows, count := c.rows(n)
	n.Keep()
	for _, why := range count.Whole {
		inFull = why
	}
	if inFull == "" && count.Kept == 0 {
		inFull = "nothing was kept"
	}
	full := c.options
	full.Folder, full.Full = filepath.Join(c.t.TempDir(), "other"), true
	n, err = state.Open(c.t.Context(), full)
	if err != nil {
		c.t.Fatal(err)
	}
	if want, _ := c.rows(n); !maps.Equal(rows, want) {
		c.t.Errorf("the night gave %v\na full read %v", rows, want)
	}
	return rows, inFull
}

func TestOnlyChangesAreAskedFor(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	if rows, inFull := c.night(); len(rows) != 3 || inFull != "nothing was kept" {
		t.Errorf("first night: %v, %s", rows, inFull)
	}
	before := c.server.Stats()
	n, err := state.Open(t.Context(), c.options)
	if err != nil {
		t.Fatal(err)
	}
	rows, count := c.rows(n)
	if asked := c.server.Stats().Requests.Total - before.Requests.Total; len(rows) != 3 || count.Kept != 1 || asked != 1 {
		t.Errorf("nothing has changed: %v, %+v, %d requests", rows, count, asked)
	}
	c.write("contacts("+person(0).String()+")", map[string]any{"emailaddress1": "other@nord.example"})
	c.write("accounts("+company(1).String()+")", map[string]any{"statecode": 1, "statuscode": 2}) // of which the person knows nothing
	rows, inFull := c.night()
	if len(rows) != 2 || inFull != "" || rows[person(1).String()] != "" {
		t.Errorf("second night: %v, %s", rows, inFull)
	}
	if err := c.client.Call(t.Context(), http.MethodDelete, "contacts("+person(0).String()+")", nil, nil); err != nil {
		t.Fatal(err)
	}
	c.write("accounts("+company(1).String()+")", map[string]any{"statecode": 0, "statuscode": 1})
	if rows, inFull := c.night(); len(rows) != 2 || inFull != "" || rows[person(1).String()] == "" {
		t.Errorf("third night: %v, %s", rows, inFull)
	}
	if err := c.client.Call(t.Context(), http.MethodDelete, "accounts("+company(2).String()+")", nil, nil); err != nil {
		t.Fatal(err)
	}
	if rows, inFull := c.night(); len(rows) != 1 || inFull != "rows of account were deleted" {
		t.Errorf("fourth night: %v, %s", rows, inFull)
	}
	if rows, inFull := c.night(); len(rows) != 1 || inFull != "" {
		t.Errorf("fifth night: %v, %s", rows, inFull)
	}
}

func TestAnyDoubtIsAFullRead(t *testing.T) {
	t.Parallel()
	files := func(t *testing.T, c *crm, prefix string) (paths []string) {
		t.Helper()
		paths, err := filepath.Glob(filepath.Join(c.options.Folder, prefix+"*"))
		if err != nil || len(paths) == 0 {
			t.Fatal(paths, err)
		}
		return paths
	}
	spoil := func(prefix string, how func([]byte) []byte) func(*testing.T, *crm) {
		return func(t *testing.T, c *crm) {
			for _, path := range files(t, c, prefix) {
				text, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(path, how(text), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[(at+len(b))%len(b)] ^= 1
			return b
		}
	}
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	doubts := map[string]func(*testing.T, *crm){
		"another policy":       func(_ *testing.T, c *crm) { c.options.Policy = "sha256:2" },
		"another organisation": func(_ *testing.T, c *crm) { c.options.Organization = uuid.New() },
		"another user":         func(_ *testing.T, c *crm) { c.options.User = uuid.New() },
		"another address":      func(_ *testing.T, c *crm) { c.options.Address = "https://other.example" },
		"another key":          func(_ *testing.T, c *crm) { c.options.Key = bytes.Repeat([]byte{2}, state.KeySize) },
		"more than six days":   func(_ *testing.T, c *crm) { c.at(noon.Add(6*24*time.Hour + time.Second)) },
		"a clock that goes back": func(_ *testing.T, c *crm) {
			c.options.Client = later{c.client, noon.Add(-time.Hour)}
		},
		"an environment that was put back": func(_ *testing.T, c *crm) { c.options.Before = 6 },
		"an index that is damaged":         spoil("kept", flip(-1)),
		"an index that is cut":             spoil("kept", cut),
		"no index":                         spoil("kept", func([]byte) []byte { return nil }),
		"rows that are damaged":            spoil("rows-", flip(60)),
		"rows that are cut":                spoil("rows-", cut),
		"rows that are gone": func(t *testing.T, c *crm) {
			if err := os.Remove(files(t, c, "rows-")[0]); err != nil {
				t.Fatal(err)
			}
		},
		"a folder in place of rows": func(t *testing.T, c *crm) {
			path := files(t, c, "rows-")[0]
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		},
		"links that have expired": func(t *testing.T, c *crm) {
			for row, err := range c.client.Rows(t.Context(), dataverse.Query{Table: "organization", Select: []string{"organizationid"}}) {
				if err != nil {
					t.Fatal(err)
				}
				c.write("organizations("+row.Text("organizationid")+")", map[string]any{"expirechangetrackingindays": 0})
			}
			c.at(noon.Add(time.Hour))
		},
		"a service that was set back": func(t *testing.T, c *crm) {
			if err := c.server.Restore(c.server.Snapshot()); err != nil {
				t.Fatal(err)
			}
		},
	}
	for _, name := range slices.Sorted(maps.Keys(doubts)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCRM(t)
			c.night()
			if _, inFull := c.night(); inFull != "" {
				t.Fatalf("without doubt it was read in full: %s", inFull)
			}
			doubts[name](t, c)
			if rows, inFull := c.night(); len(rows) != 3 || inFull == "" {
				t.Errorf("%d rows of what was kept", len(rows))
			}
			if slices.Contains([]string{"links that have expired", "a clock that goes back", "an environment that was put back"}, name) {
				return // it stays so
			}
			if _, inFull := c.night(); inFull != "" {
				t.Errorf("the night after was read in full: %s", inFull)
			}
		})
	}
}

// later is a client that hears of another time.
type later struct {
	*dataverse.Client
	now time.Time
}

func (l later) Now() time.Time { return l.now }

func TestWhatOnlyLooksWritesNothing(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	c.options.Writes = false
	if rows, inFull := c.night(); len(rows) != 3 || inFull == "" {
		t.Errorf("%d rows, %s", len(rows), inFull)
	}
	if _, err := os.Stat(c.options.Folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a folder: %v", err)
	}
	c.options.Writes = true
	c.night()
	before := listing(t, c.options.Folder)
	c.write("contacts("+person(0).String()+")", map[string]any{"emailaddress1": "other@nord.example"})
	c.options.Writes = false
	for range 2 {
		if rows, inFull := c.night(); len(rows) != 3 || inFull != "" {
			t.Errorf("%d rows, %s", len(rows), inFull)
		}
	}
	if after := listing(t, c.options.Folder); !maps.Equal(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
}

func listing(t *testing.T, folder string) map[string]int64 {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s may be read by others: %s", e.Name(), info.Mode())
		}
		all[e.Name()] = info.Size()
	}
	return all
}

// A thief of the folder finds no text of a person, and not an id either.
func TestNothingOfAPersonStandsInAFile(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	c.night()
	for name := range listing(t, c.options.Folder) {
		text, err := os.ReadFile(filepath.Join(c.options.Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		id := person(0)
		for _, secret := range []string{"erg0@", "ERG", "contact", id.String(), string(id[:])} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	// Of an address nothing is handed out but a hash, which is the same for what is the same.
	n, err := state.Open(t.Context(), c.options)
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := c.rows(n)
	for _, row := range rows {
		if strings.Contains(row, "@") {
			t.Errorf("an address is handed out: %s", row)
		}
	}
}

// A folder that cannot be written to costs a night nothing but what the next one has to read.
func TestAFolderThatCannotBeWrittenTo(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	if err := os.WriteFile(c.options.Folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, inFull := c.night(); len(rows) != 3 || inFull == "" {
		t.Errorf("%d rows, %s", len(rows), inFull)
	}
}

func TestQueriesThatAreReadInFull(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	tests := []struct {
		q    dataverse.Query
		want string
	}{
		{dataverse.Query{Table: "contact", Select: []string{"contactid"}, Filter: "statecode eq 0 and startswith(lastname,'B')"}, ""},
		{dataverse.Query{Table: "contact", Select: []string{"contactid", "_parentcustomerid_value"}, Filter: "parentcustomerid_account/primarycontactid/statecode eq 0"}, ""},
		{dataverse.Query{Table: "contact", Filter: "Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['0'])"}, ""},
		{dataverse.Query{Table: "contact", Filter: "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=7)"}, "LastXDays depends on more than the row"},
		{dataverse.Query{Table: "contact", Filter: "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"}, "EqualUserId depends on more than the row"},
		{dataverse.Query{Table: "contact", Filter: "address1_city eq 'Umea'"}, "address1_city of contact does not stand on the row itself"},
		{dataverse.Query{Table: "account", Filter: "contact_customer_accounts/any(c:c/statecode eq 0)"}, "it looks into a collection"},
		{dataverse.Query{Table: "activityparty", Filter: "participationtypemask eq 1"}, "change tracking is off for activityparty"},
		{dataverse.Query{Table: "contact", FetchXML: "<fetch><entity name='contact'/></fetch>"}, "it is a view or FetchXML"},
		{dataverse.Query{Table: "contact", Filter: "nosuch eq 1"}, "contact has no column nosuch by its definition"},
		{dataverse.Query{Table: "contact", Top: 1}, "it is no plain list of rows"},
	}
	for _, tt := range tests {
		whole, _, err := state.Look(t.Context(), c.client, dataverse.Selection{Query: tt.q})
		if err != nil || whole != tt.want {
			t.Errorf("%s %s: %q, %v; want %q", tt.q.Table, tt.q.Filter, whole, err, tt.want)
		}
	}
}
