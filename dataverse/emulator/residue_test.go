package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator"
)

func TestFindFollowsARowThroughItsDelete(t *testing.T) {
	o := newSite(t, emulator.Options{AuditDelay: time.Minute})
	places := func() string {
		var out []string
		for _, p := range o.server.Find("yvonne@example.com") {
			out = append(out, p.Where+" "+p.Table+"."+p.Column)
		}
		return strings.Join(out, ", ")
	}
	id := o.create("contacts", `{"lastname":"McKay","emailaddress1":"Yvonne@example.com"}`)
	// The audit row does not show yet, and is there all the same.
	if got, want := places(), "row contact.emailaddress1, audit contact.emailaddress1"; got != want {
		t.Errorf("after the create: %s, want %s", got, want)
	}
	o.do("PATCH", "contacts("+id+")", `{"emailaddress1":"new@example.com"}`, "If-Match", "*").want(204)
	if got, want := places(), "audit contact.emailaddress1, audit contact.emailaddress1"; got != want {
		t.Errorf("after the change: %s, want %s", got, want)
	}
	o.do("PATCH", "contacts("+id+")", `{"emailaddress1":"yvonne@example.com"}`, "If-Match", "*").want(204)
	o.do("DELETE", "contacts("+id+")", "").want(204)
	o.server.Advance(2 * time.Minute)
	if got := places(); !strings.Contains(got, "bin contact.emailaddress1") || strings.Contains(got, "row contact") {
		t.Errorf("after the delete: %s", got)
	}
	o.do("POST", "DeleteRecordChangeHistory", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"`+id+`"}}`).want(200)
	if got := places(); strings.Contains(got, "audit") {
		t.Errorf("after the history's delete: %s", got)
	}
}

const twoParts = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nPOST contacts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"lastname\":\"one\"}\r\n" +
	"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nPOST accounts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"name\":\"two\"}\r\n--b--\r\n"

func TestFaultInABatch(t *testing.T) {
	o := newSite(t, emulator.Options{})
	fault := func(f emulator.Fault) {
		t.Helper()
		if err := o.server.SetFaults(f); err != nil {
			t.Fatal(err)
		}
	}
	counts := func() [2]int {
		n := [2]int{}
		for i, set := range []string{"contacts", "accounts"} {
			n[i] = len(o.do("GET", set, "").want(200).object()["value"].([]any))
		}
		return n
	}

	fault(emulator.Fault{Status: 503, Route: "POST accounts", Count: 1})
	if got := o.batch(twoParts, "Prefer", "odata.continue-on-error").want(200).statuses(); got != "204 503" {
		t.Errorf("statuses %s, want the second part refused", got)
	}
	if d := cmp.Diff([2]int{1, 0}, counts()); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}

	// A rule without a name is for whole requests: it meets the batch once and not its parts.
	fault(emulator.Fault{Status: 429, Route: "POST"})
	r := o.batch(twoParts)
	if r.want(429); r.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}

	drop := func(when string) {
		t.Helper()
		fault(emulator.Fault{Drop: when, Route: "POST accounts"})
		req, err := http.NewRequest("POST", o.srv.URL+"/api/data/v9.2/$batch", strings.NewReader(twoParts))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer emulator")
		req.Header.Set("Content-Type", "multipart/mixed; boundary=b")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			t.Errorf("drop %s: answered %s", when, resp.Status)
			_ = resp.Body.Close()
		}
		if err := o.server.SetFaults(); err != nil {
			t.Fatal(err)
		}
	}
	drop("before") // at the second part: the first is done
	if d := cmp.Diff([2]int{2, 0}, counts()); d != "" {
		t.Errorf("after a drop before the work (-want +got):\n%s", d)
	}
	drop("after")
	if d := cmp.Diff([2]int{3, 1}, counts()); d != "" {
		t.Errorf("after a drop after the work (-want +got):\n%s", d)
	}
}

func TestFaultInAChangeSetLeavesNothing(t *testing.T) {
	o := newSite(t, emulator.Options{})
	set := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
		"--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\nPOST contacts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"lastname\":\"one\"}\r\n" +
		"--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 2\r\n\r\nPOST accounts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"name\":\"two\"}\r\n--c--\r\n--b--\r\n"
	for _, f := range []emulator.Fault{{Status: 500, Route: "accounts"}, {Drop: "before", Route: "accounts"}} {
		if err := o.server.SetFaults(f); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest("POST", o.srv.URL+"/api/data/v9.2/$batch", strings.NewReader(set))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer emulator")
		req.Header.Set("Content-Type", "multipart/mixed; boundary=b")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
		if err := o.server.SetFaults(); err != nil {
			t.Fatal(err)
		}
		// It also shows that the transaction of the dropped set does not hold up the next writer.
		o.create("tasks", `{"subject":"after"}`)
		if n := len(o.do("GET", "contacts", "").want(200).object()["value"].([]any)); n != 0 {
			t.Errorf("%+v: %d contacts stayed of a change set that failed", f, n)
		}
	}
}
