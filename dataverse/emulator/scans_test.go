package emulator

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// scanned is what a query looks at, and the ids that it answers, in order.
func scanned(w *world, query string) (Looked, []string) {
	w.s.stats.reset()
	r := w.raw("GET", query, nil, "")
	if r.status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", query, r.status, r.text)
	}
	table, _, _ := strings.Cut(query, "?")
	var ids []string
	for _, part := range strings.Split(r.text, `"contactid":"`)[1:] {
		ids = append(ids, part[:36])
	}
	return w.s.stats.report().RowsScanned["GET "+table], ids
}

func filtered(filter string) string {
	return "contacts?$select=contactid&$filter=" + url.PathEscape(filter)
}

func TestRowsScanned(t *testing.T) {
	w := newWorld(t, Options{})
	var accounts, contacts []uuid.UUID
	for i := range 20 {
		accounts = append(accounts, w.put("account", fmt.Sprintf("a%d", i), map[string]any{"name": fmt.Sprintf("Company %d", i)}))
	}
	for i := range 4000 {
		contacts = append(contacts, w.put("contact", fmt.Sprintf("c%d", i), map[string]any{
			"firstname": "Ada", "lastname": fmt.Sprintf("Berg %d", i), "emailaddress1": fmt.Sprintf("berg%d@nord.example", i), "parentcustomerid": to("account", fmt.Sprintf("a%d", i%20))}))
	}
	all := Looked{ByScan: 4000}
	for _, tt := range []struct {
		name, query string
		want        Looked
		rows        int
	}{
		{"by id", filtered("contactid eq " + contacts[1].String() + " or contactid eq " + contacts[2].String()), Looked{ByIndex: 2}, 2},
		{"by ids in a list", filtered("contactid in (" + contacts[1].String() + "," + contacts[2].String() + ")"), Looked{ByIndex: 2}, 2},
		{"by a text, whatever its case", filtered("emailaddress1 eq 'BERG7@nord.example'"), Looked{ByIndex: 1}, 1},
		{"by one of several texts", filtered("emailaddress1 eq 'berg7@nord.example' or lastname eq 'Berg 8' or emailaddress1 eq 'berg9@nord.example'"), Looked{ByIndex: 3}, 3},
		{"a text that many rows hold is no way to them", filtered("firstname eq 'Ada' and lastname eq 'Berg 8'"), Looked{ByIndex: 1}, 1},
		{"nor is it alone", filtered("firstname eq 'Ada' and endswith(lastname,'Berg 8')"), all, 1},
		{"by a lookup", filtered("_parentcustomerid_value eq " + accounts[3].String()), Looked{ByIndex: 200}, 200},
		{"by the text of what a lookup leads to", filtered("parentcustomerid_account/name eq 'company 3' or parentcustomerid_account/name eq 'company 4'"), Looked{ByIndex: 400}, 400},
		{"a function looks at all", filtered("endswith(emailaddress1,'7@nord.example')"), all, 400},
		{"one alternative without an index is a scan", filtered("emailaddress1 eq 'berg7@nord.example' or endswith(lastname,' 8')"), all, 2},
		{"FetchXML", "contacts?fetchXml=" + url.QueryEscape(`<fetch><entity name="contact"><attribute name="contactid"/><filter type="or"><condition attribute="emailaddress1" operator="in"><value>berg7@nord.example</value><value>berg8@nord.example</value></condition><condition attribute="lastname" operator="eq" value="berg 9"/></filter></entity></fetch>`), Looked{ByIndex: 3}, 3},
	} {
		got, ids := scanned(w, tt.query)
		if got != tt.want || len(ids) != tt.rows {
			t.Errorf("%s: looked at %+v and found %d, want %+v and %d", tt.name, got, len(ids), tt.want, tt.rows)
		}
	}
}

// What an index finds is what a look at every row finds, whatever was written since the index was made.
func TestIndexesFindWhatAScanFinds(t *testing.T) {
	texts := []string{"Åsa", "åSA", "asa", " asa", "asa ", "É", "é", "Ada", "", "ß", "SS"}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, Options{})
		w.put("account", "a", map[string]any{"name": "Nord"})
		some := rapid.SampledFrom(texts)
		change := func(i int) {
			values := map[string]any{}
			if text := some.Draw(rt, "text"); text != "" {
				values["lastname"] = text
			}
			if rapid.Bool().Draw(rt, "has a company") {
				values["parentcustomerid"] = to("account", "a")
			}
			w.put("contact", fmt.Sprintf("c%d", i), values)
		}
		for i := range rapid.IntRange(1, 8).Draw(rt, "rows") {
			change(i)
		}
		for range 3 {
			a, b := strings.TrimSpace(some.Draw(rt, "a")), some.Draw(rt, "b")
			for _, f := range []string{
				fmt.Sprintf("lastname eq '%s' or lastname eq '%s'", a, b),
				fmt.Sprintf("lastname in ('%s','%s')", a, b),
				fmt.Sprintf("parentcustomerid_account/name eq 'NORD' and lastname eq '%s'", b),
				fmt.Sprintf("not (lastname eq '%s' or lastname eq '%s')", a, b),
				"modifiedon ge 2000-01-01T00:00:00Z",
			} {
				_, byIndex := scanned(w, filtered(f))
				_, byScan := scanned(w, filtered("("+f+") or contains(jobtitle,'~')"))
				if !slices.Equal(byIndex, byScan) {
					rt.Fatalf("%s: %v by index, %v by a scan", f, byIndex, byScan)
				}
			}
			change(rapid.IntRange(0, 8).Draw(rt, "row"))
		}
	})
}

// A scan ends when nobody waits for its answer any more.
func TestAScanEndsWithItsClient(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range 10_000 {
		w.put("contact", fmt.Sprintf("c%d", i), map[string]any{"lastname": "Berg"})
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	w.s.stats.reset()
	r := httptest.NewRequestWithContext(gone, "GET", "/api/data/v9.2/"+filtered("contains(lastname,'~')"), nil)
	r.Header.Set("Authorization", "Bearer emulator")
	w.s.ServeHTTP(httptest.NewRecorder(), r)
	if got := w.s.stats.report().RowsScanned["GET contacts"].ByScan; got == 0 || got > 5000 {
		t.Errorf("looked at %d rows of 10,000 for a client that had left", got)
	}
}
