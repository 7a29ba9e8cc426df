package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// column is one column of the rows of an answer.
func (r *response) column(name string) []string {
	r.t.Helper()
	out := []string{}
	for _, v := range r.object()["value"].([]any) {
		out = append(out, fmt.Sprint(v.(map[string]any)[name]))
	}
	return out
}

func (r *response) next() string {
	s, _ := r.object()["@odata.nextLink"].(string)
	return s
}

// The cookie of a page names its last row by its values, so that paging goes on where it was also when just that row was
// deleted or changed in between: no other row comes twice or is left out. Page: webapi/query/page-results, "Paging cookies".
func TestTheCookieOutlivesItsRow(t *testing.T) {
	for _, query := range []string{"contacts?$select=lastname", "contacts?$select=lastname&$orderby=lastname", "contacts?$select=lastname&$orderby=jobtitle,lastname"} {
		for _, change := range []string{"delete", "move to the front", "move to the end", "clear"} {
			t.Run(query+" "+change, func(t *testing.T) {
				o := newSite(t, emulator.Options{})
				ids := map[string]string{}
				for i := range 9 {
					name := string(rune('b' + i))
					id := fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", i+1)
					ids[name] = o.create("contacts", `{"contactid":"`+id+`","lastname":"`+name+`","jobtitle":"`+string(rune('p'+i/4))+`"}`)
				}
				page := o.do("GET", query, "", "Prefer", "odata.maxpagesize=3").want(200)
				var got []string
				for n := 1; ; n++ {
					names := page.column("lastname")
					got = append(got, names...)
					link := page.next()
					if link == "" {
						break
					}
					if n == 1 { // the last row of the page, which the cookie names
						one := "contacts(" + ids[names[2]] + ")"
						switch change {
						case "delete":
							o.do("DELETE", one, "").want(204)
						case "move to the front":
							o.do("PATCH", one, `{"lastname":"a","jobtitle":"a"}`).want(204)
						case "move to the end":
							o.do("PATCH", one, `{"lastname":"z","jobtitle":"z"}`).want(204)
						case "clear":
							o.do("PATCH", one, `{"lastname":null,"jobtitle":null}`).want(204)
						}
					}
					page = o.do("GET", link, "", "Prefer", "odata.maxpagesize=3").want(200)
				}
				want := []string{"b", "c", "d", "e", "f", "g", "h", "i", "j"}
				if change == "move to the end" && strings.Contains(query, "orderby") {
					want = append(want, "z") // it is a row behind the cookie now
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

// Definitions change while a client runs: what it asks for is judged by what there is now, in the middle of its pages too.
// Pages: cache-schema-data, webapi/query/select-columns (globalmetadataversion), troubleshoot Web API client errors.
func TestMetadataChangesUnderAClient(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	version := func() any {
		return o.get("contacts?$select=contactid", "Prefer", `odata.include-annotations="*"`).at("@Microsoft.Dynamics.CRM.globalmetadataversion")
	}
	before := version()
	o.refused(400, "0x80060888", "Could not find a property named 'new_x'", "GET", "contacts?$select=new_x", nil)
	o.must("POST", contactColumns, define("String", "new_X", map[string]any{"MaxLength": 10}))
	if after := version(); after == before {
		t.Errorf("globalmetadataversion stays %v", after)
	}
	for _, name := range []string{"a", "b", "c"} {
		o.must("POST", "contacts", map[string]any{"lastname": name, "new_x": "x" + name})
	}
	if doc := o.get("$metadata").text; !strings.Contains(doc, `Name="new_x"`) {
		t.Error("$metadata does not know the column")
	}
	first := o.get("contacts?$select=new_x", "Prefer", "odata.maxpagesize=2")
	next, _ := first.at("@odata.nextLink").(string)
	if first.at("value", 0, "new_x") == nil || next == "" {
		t.Fatal(first.text)
	}
	o.must("DELETE", contactColumns+"(LogicalName='new_x')", nil)
	req, err := http.NewRequest("GET", next, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer emulator")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var fault struct {
		Error struct{ Code, Message string }
	}
	if err := json.NewDecoder(res.Body).Decode(&fault); err != nil || res.StatusCode != 400 || !strings.Contains(fault.Error.Message, "Could not find a property named 'new_x'") {
		t.Errorf("the next page of a column that is gone: %d %+v %v", res.StatusCode, fault, err)
	}
	o.refused(400, "0x80048d19", "new_x", "POST", "contacts", map[string]any{"lastname": "d", "new_x": "x"})
	o.refused(400, "0x80041103", "new_x", "GET", "contacts?fetchXml=<fetch><entity name='contact'><attribute name='new_x'/></entity></fetch>", nil)
	if doc := o.get("$metadata").text; strings.Contains(doc, `Name="new_x"`) {
		t.Error("$metadata still knows the column")
	}
	// Of the same name, another type: nothing is left of the old values.
	o.must("POST", contactColumns, define("Integer", "new_X", nil))
	if got := o.get("contacts?$select=new_x&$filter=new_x eq null"); len(got.list()) != 3 {
		t.Error(got.text)
	}
}

// One clock drives what rows, audit and relative dates say. Pages: auditing/retrieve-audit-data,
// fetchxml/reference/operators.
func TestTheClockDrivesRowsAuditAndRelativeDates(t *testing.T) {
	o := newSite(t, emulator.Options{AuditDelay: time.Hour})
	control := o.srv.URL + "/emulator/clock"
	at := func(now string) { t.Helper(); o.do("POST", control, `{"now":"`+now+`"}`).want(200) }
	at("2026-11-24T08:00:00Z")
	id := o.create("contacts", `{"lastname":"A"}`)
	if got := o.row("contacts", id)["createdon"]; got != "2026-11-24T08:00:00Z" {
		t.Errorf("createdon %v", got)
	}
	found := func(function string) int {
		t.Helper()
		return len(o.do("GET", "contacts?$filter=Microsoft.Dynamics.CRM."+function, "").want(200).column("contactid"))
	}
	if found("Today(PropertyName='createdon')") != 1 || found("OlderThanXDays(PropertyName='createdon',PropertyValue=3)") != 0 {
		t.Error("on the day")
	}
	if n := len(o.history("contacts", id)); n != 0 {
		t.Errorf("%d audit records at once", n)
	}
	o.do("POST", control, `{"advance":"24h"}`).want(200, "2026-11-25T08:00:00Z")
	o.do("PATCH", "contacts("+id+")", `{"lastname":"B"}`).want(204)
	if found("Today(PropertyName='createdon')") != 0 || found("Yesterday(PropertyName='createdon')") != 1 || found("Today(PropertyName='modifiedon')") != 1 {
		t.Error("a day later")
	}
	at("2026-11-29T08:00:00Z")
	if found("OlderThanXDays(PropertyName='createdon',PropertyValue=3)") != 1 {
		t.Error("days later")
	}
	dates := o.do("GET", "audits?$select=createdon&$filter=_objectid_value eq "+id+"&$orderby=createdon", "").want(200).column("createdon")
	if d := cmp.Diff([]string{"2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"}, dates); d != "" {
		t.Errorf("audit dates: %s", d)
	}
	if got := o.do("GET", "WhoAmI", "").header.Get("Date"); got != "Sun, 29 Nov 2026 08:00:00 GMT" {
		t.Errorf("the header Date is %s", got)
	}
}

// What a request that comes twice does to rows: the second delivery finds what the first has left.
func TestDuplicateDelivery(t *testing.T) {
	o := newSite(t, emulator.Options{})
	twice := func(route string) {
		t.Helper()
		o.do("POST", o.srv.URL+"/emulator/faults", `{"duplicate":true,"count":1,"route":"`+route+`"}`).want(200)
	}
	twice("POST contacts")
	o.do("POST", "contacts", `{"lastname":"A"}`).want(204)
	rows := o.do("GET", "contacts?$select=contactid", "").want(200).column("contactid")
	if len(rows) != 2 {
		t.Fatalf("%d rows of a create that came twice", len(rows))
	}
	one := "contacts(" + rows[0] + ")"
	tag := o.row("contacts", rows[0])["@odata.etag"].(string)
	twice("PATCH contacts")
	o.do("PATCH", one, `{"lastname":"B"}`, "If-Match", tag).want(412, "0x80060882")
	if got := o.row("contacts", rows[0])["lastname"]; got != "B" {
		t.Errorf("the first delivery was not carried out: %v", got)
	}
	twice("DELETE contacts")
	o.do("DELETE", one, "").want(404, "0x80040217")
	o.gone("contacts", rows[0])
	twice("PATCH contacts")
	o.do("PATCH", "contacts("+missing+")", `{"lastname":"C"}`, "If-None-Match", "*").want(412)
	if got := o.row("contacts", missing)["lastname"]; got != "C" {
		t.Errorf("the first delivery was not carried out: %v", got)
	}
}

// Slow pages: every page of a query waits, other requests do not; a stall ends when the client gives up.
func TestSlowPagesAndStalls(t *testing.T) {
	o := newSite(t, emulator.Options{})
	for range 3 {
		o.create("contacts", `{"lastname":"A"}`)
	}
	faults := o.srv.URL + "/emulator/faults"
	o.do("POST", faults, `{"delay":"30ms","route":"GET contacts"}`).want(200)
	began, pages := time.Now(), 0
	for path := "contacts?$select=contactid"; path != ""; pages++ {
		path = o.do("GET", path, "", "Prefer", "odata.maxpagesize=1").want(200).next()
	}
	if took := time.Since(began); pages != 3 || took < 3*30*time.Millisecond {
		t.Errorf("%d pages took %v", pages, took)
	}
	o.do("POST", faults, `{"delay":"1h","route":"GET contacts"}`).want(200)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", o.srv.URL+"/api/data/v9.2/contacts", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer emulator")
	if res, err := http.DefaultClient.Do(r); err == nil {
		t.Errorf("a stalled request was answered %d", res.StatusCode)
		res.Body.Close()
	}
	o.do("GET", "WhoAmI", "").want(200)
	o.srv.Close() // waits for every request: the stalled one is over
}

// Page: impersonate-another-user-web-api; execute-batch-operations-using-web-api: each part has headers of its own.
func TestImpersonateInABatch(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	_, user := o.user(o.unit(), "prvCreateContact Global", "prvReadContact Global")
	admin := o.get("WhoAmI").at("UserId").(string)
	part := func(name, header string) string {
		return lines(singlePart, "POST /api/data/v9.2/contacts HTTP/1.1", "Content-Type: application/json"+header, "", `{"lastname":"`+name+`"}`)
	}
	body := part("as user", "\r\nMSCRMCallerID: "+user) + part("as administrator", "") + part("as nobody", "\r\nMSCRMCallerID: "+uuid.NewString()) + lines("--b--")
	req, err := http.NewRequest("POST", o.url+"/api/data/v9.2/$batch", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer emulator")
	req.Header.Set("Content-Type", "multipart/mixed; boundary=b")
	req.Header.Set("Prefer", "odata.continue-on-error")
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	res.Body.Close()
	got := map[any]any{}
	for _, r := range o.get("contacts?$select=lastname,_createdby_value").list() {
		got[r["lastname"]] = r["_createdby_value"]
	}
	if d := cmp.Diff(map[any]any{"as user": user, "as administrator": admin}, got); d != "" {
		t.Error(d)
	}
}
