package dataverse_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
)

// sandbox is a client of an emulator of its own, and a function for its control plane.
func sandbox(t *testing.T) (*dataverse.Client, func(path, body string)) {
	t.Helper()
	server := httptest.NewServer(emulator.New(emulatortest.Options(emulator.Options{Token: "t"})))
	t.Cleanup(server.Close)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: server.URL, Credential: credential, RetryWait: time.Millisecond, Retries: 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, func(path, body string) {
		t.Helper()
		req, _ := http.NewRequest("POST", server.URL+"/emulator/"+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer t")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode >= 300 {
			t.Fatalf("POST %s: %v %v", path, resp, err)
		}
		resp.Body.Close()
	}
}

func contacts(t *testing.T, c *dataverse.Client, n int) []uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		var err error
		if ids[i], err = c.Create(t.Context(), "contacts", map[string]any{"lastname": fmt.Sprintf("Öberg \"%02d\"", i), "numberofchildren": i}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func TestReadingFromTheEmulator(t *testing.T) {
	c, control := sandbox(t)
	who, err := c.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	organization, err := c.Organization(t.Context())
	if err != nil || organization.ID != who.OrganizationID || organization.Production {
		t.Errorf("%+v, %v", organization, err)
	}
	contacts(t, c, 10)
	want := []string{}
	for i := range 10 {
		want = append(want, fmt.Sprintf(`Öberg "%02d"`, i))
	}
	fetch := `<fetch><entity name="contact"><attribute name="lastname"/><attribute name="numberofchildren"/><order attribute="numberofchildren"/></entity></fetch>`
	for _, faults := range []string{`[]`, `[{"status":503,"rate":0.2,"seed":1},{"drop":"after","rate":0.2,"seed":2},{"truncate":true,"rate":0.2,"seed":3}]`} {
		control("faults", faults)
		for name, q := range map[string]dataverse.Query{
			"FetchXML": {FetchXML: fetch, PageSize: 3},
			"OData":    {Table: "contact", Select: []string{"lastname", "numberofchildren"}, OrderBy: "numberofchildren", PageSize: 3},
		} {
			var rows, scanned []string
			for row, err := range c.Rows(t.Context(), q) {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				rows = append(rows, row.Text("lastname"))
			}
			if err := c.Scan(t.Context(), q, []string{"lastname"}, func(row []dataverse.Value) error {
				scanned = append(scanned, row[0].String())
				return nil
			}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, rows) + cmp.Diff(want, scanned); diff != "" {
				t.Errorf("%s, faults %s: %s", name, faults, diff)
			}
		}
		if n, err := c.Count(t.Context(), dataverse.Query{Table: "contact", Filter: "numberofchildren ge 3"}); err != nil || n != 7 {
			t.Errorf("Count = %d, %v", n, err)
		}
	}
	long := dataverse.Query{Table: "contact", Filter: "lastname eq '" + strings.Repeat("x", 9000) + "' or numberofchildren eq 4", PageSize: 2}
	n := 0
	for _, err := range c.Rows(t.Context(), long) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d rows by a long filter", n)
	}
}

func TestDefinitionsOfTheEmulator(t *testing.T) {
	c, _ := sandbox(t)
	table, err := c.Table(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	name := table.Attributes["jobtitle"]
	if table.EntitySet != "contacts" || name == nil || name.Type != "String" || name.MaxLength != 100 || len(table.Attributes["statuscode"].Options) == 0 ||
		len(table.Attributes["parentcustomerid"].Targets) != 2 || len(table.OneToMany) < 20 || len(table.ManyToOne) < 5 {
		t.Errorf("contact: set %q, jobtitle %+v, %d and %d relationships", table.EntitySet, name, len(table.OneToMany), len(table.ManyToOne))
	}
	deletes := map[string]string{}
	for _, r := range table.OneToMany {
		deletes[r.Referencing+"."+r.ReferencingAttribute] = r.Delete
	}
	for column, want := range map[string]string{"opportunity.customerid": "Cascade", "salesorder.customerid": "Restrict"} {
		if deletes[column] != want {
			t.Errorf("deleting a contact does %q to %s, want %q", deletes[column], column, want)
		}
	}
	if _, err := c.Table(t.Context(), "kontakt"); !errors.Is(err, dataverse.ErrNoTable) {
		t.Errorf("%v, want no table", err)
	}
}

func TestWritingToTheEmulator(t *testing.T) {
	c, control := sandbox(t)
	ids := contacts(t, c, 4)
	path := func(i int) string { return "contacts(" + ids[i].String() + ")" }
	row, err := c.Get(t.Context(), "contact", ids[1], dataverse.Query{Select: []string{"lastname"}})
	if err != nil {
		t.Fatal(err)
	}
	blank := func(i int, etag string) dataverse.Operation {
		return dataverse.Operation{Method: "PATCH", Path: path(i), IfMatch: etag, Body: map[string]any{"lastname": "purged"}}
	}
	parts := []dataverse.Part{
		{Set: dataverse.ChangeSet{blank(0, "*"), blank(1, row.ETag())}},
		{Set: dataverse.ChangeSet{blank(2, "*"), blank(1, row.ETag())}}, // stale by now: nothing of the set may happen
		{Op: &dataverse.Operation{Method: "GET", Path: path(2) + "?$select=lastname"}},
		{Op: &dataverse.Operation{Method: "DELETE", Path: path(3)}},
		{Op: &dataverse.Operation{Method: "DELETE", Path: path(3)}},
		{Op: &dataverse.Operation{Method: "PATCH", Path: path(3), IfMatch: "*", Body: map[string]any{"lastname": "x"}}}, // must not create it again
	}
	results, err := c.Batch(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, dataverse.ErrChanged, nil, nil, dataverse.ErrNotFound, dataverse.ErrNotFound} {
		if !errors.Is(results[i].Err, want) {
			t.Errorf("part %d: %v, want %v", i, results[i].Err, want)
		}
	}
	if body := string(results[2].Bodies[0]); !strings.Contains(body, "Öberg") {
		t.Errorf("the failed change set left something: %s", body)
	}

	// An answer that is lost leaves the caller in doubt, and the service with the change.
	control("faults", `{"drop":"after","route":"POST $batch","count":1}`)
	results, err = c.Batch(t.Context(), []dataverse.Part{{Set: dataverse.ChangeSet{blank(2, "*")}}})
	var unsure *dataverse.Uncertain
	if err != nil || !errors.As(results[0].Err, &unsure) {
		t.Fatalf("%v, %v", results, err)
	}
	if row, err := c.Get(t.Context(), "contact", ids[2], dataverse.Query{}); err != nil || row.Text("lastname") != "purged" {
		t.Errorf("%v, %v", row.Text("lastname"), err)
	}
	control("faults", `{"drop":"after","route":"DELETE contacts","count":1}`)
	if err := c.Call(t.Context(), "DELETE", path(2), nil, nil); err != nil {
		t.Errorf("a delete whose first answer was lost: %v", err)
	}
	control("faults", `{"status":429,"retryAfter":0,"count":3}`)
	if err := c.Call(t.Context(), "DELETE", path(1), nil, nil); err != nil {
		t.Errorf("a delete that was put off: %v", err)
	}
}
