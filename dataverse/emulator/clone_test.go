package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestCloneIsAnotherEnvironment has clones begin with what their original holds, and go their own ways from there.
func TestCloneIsAnotherEnvironment(t *testing.T) {
	original := emulator.New(emulator.Options{})
	original.SetClock(time.Date(2026, 1, 10, 6, 0, 0, 0, time.UTC))
	serve := func(s *emulator.Server, token string) *org {
		srv := httptest.NewServer(s)
		t.Cleanup(srv.Close)
		return &org{T: t, url: srv.URL, token: token, header: http.Header{}}
	}
	first := serve(original, "emulator")
	must := func(o *org, method, path string, body any) {
		t.Helper()
		if r := o.do(method, path, body); r.status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, r.status, r.text)
		}
	}
	const contact = "contacts(00000000-0000-0000-0000-00000000c001)"
	must(first, "POST", "EntityDefinitions(LogicalName='contact')/Attributes", define("String", "new_Before", map[string]any{"MaxLength": 10}))
	must(first, "PATCH", contact, map[string]any{"lastname": "Original", "new_before": "kept"})
	must(first, "POST", "accounts", map[string]any{"name": "Deleted", "accountid": "00000000-0000-0000-0000-00000000a001"})
	must(first, "DELETE", "accounts(00000000-0000-0000-0000-00000000a001)", nil)

	clone := original.Clone(emulator.Options{Token: "other"})
	if d := clone.Now().Sub(original.Now()).Abs(); d > time.Minute {
		t.Errorf("the clocks differ by %v", d)
	}
	second := serve(clone, "other")
	if r := second.do("GET", contact+"?$select=lastname,new_before", nil); r.at("lastname") != "Original" || r.at("new_before") != "kept" {
		t.Errorf("the clone begins with %d %s", r.status, r.text)
	}
	if a, b := original.Find("Deleted"), clone.Find("Deleted"); fmt.Sprint(a) != fmt.Sprint(b) || len(b) == 0 {
		t.Errorf("the bin and the audit of the clone hold %v, those of the original %v", b, a)
	}
	must(second, "POST", "EntityDefinitions(LogicalName='contact')/Attributes", define("String", "new_After", map[string]any{"MaxLength": 10}))
	must(second, "PATCH", contact, map[string]any{"lastname": "Clone", "new_after": "x"})
	clone.Advance(24 * time.Hour)
	if r := first.do("GET", contact+"?$select=lastname", nil); r.at("lastname") != "Original" {
		t.Errorf("the original holds %s", r.text)
	}
	if r := first.do("GET", contact+"?$select=new_after", nil); r.status != http.StatusBadRequest {
		t.Errorf("the original has the clone's column: %d", r.status)
	}
	must(first, "DELETE", contact, nil)
	if r := second.do("GET", contact+"?$select=lastname", nil); r.at("lastname") != "Clone" {
		t.Errorf("the clone holds %s", r.text)
	}
	if d := clone.Now().Sub(original.Now()); d < 23*time.Hour {
		t.Errorf("the clocks go together: %v", d)
	}
}

// TestClonesAreWrittenAtTheSameTime has many clones and their original write at once: with -race it shows what they share.
func TestClonesAreWrittenAtTheSameTime(t *testing.T) {
	original := emulator.New(emulator.Options{})
	servers := []*emulator.Server{original}
	for i := range 3 {
		sendDefinition(t, original, "POST", "contacts", fmt.Sprintf(`{"lastname":"Original %d","jobtitle":"x"}`, i))
		servers = append(servers, original.Clone(emulator.Options{}))
	}
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() {
			for j := range 20 {
				sendDefinition(t, s, "POST", "contacts", fmt.Sprintf(`{"lastname":"Server %d row %d","telephone%d":"1"}`, i, j, j%3+1))
				sendDefinition(t, s, "GET", "contacts?$select=lastname", "")
			}
		})
	}
	wg.Wait()
	for i, s := range servers {
		for j := range servers {
			if found := len(s.Find(fmt.Sprintf("Server %d row", j))) > 0; found != (i == j) {
				t.Errorf("server %d holds rows of server %d: %t", i, j, found)
			}
		}
	}
}
