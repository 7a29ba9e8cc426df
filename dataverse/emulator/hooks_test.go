package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// control calls the control plane.
func (o *site) control(method, name, body string) *response {
	o.t.Helper()
	return o.do(method, o.srv.URL+"/emulator/"+name, body)
}

func (o *site) hook(body string) {
	o.t.Helper()
	o.control("POST", "hooks", body).want(200)
}

func (o *site) contact(lastName string) string {
	o.t.Helper()
	return o.do("POST", "contacts", fmt.Sprintf(`{"firstname":"Ida","lastname":%q}`, lastName)).want(204).id()
}

// values are the columns of a row, nil where there is none.
func (o *site) values(table, id string) map[string]any {
	r := o.server.Row(table, uuid.MustParse(id))
	if r == nil {
		return nil
	}
	return r.Values
}

// TestHooksRefuse: a plug-in that refuses gives its own words and leaves no trace, at every stage and for every message.
func TestHooksRefuse(t *testing.T) {
	for _, stage := range []string{"PreValidation", "PreOperation", "PostOperation"} {
		for _, c := range []struct{ message, method, path, body string }{
			{"Create", "POST", "contacts", `{"lastname":"New"}`},
			{"Update", "PATCH", "contacts(ID)", `{"jobtitle":"Boss"}`},
			{"Delete", "DELETE", "contacts(ID)", ""},
			{"SetState", "PATCH", "contacts(ID)", `{"statecode":1,"statuscode":2}`},
			{"Assign", "PATCH", "contacts(ID)", `{"ownerid@odata.bind":"/teams(TEAM)"}`},
			{"Associate", "POST", "contacts(ID)/contact_as_responsible_contact/$ref", `{"@odata.id":"incidents(CASE)"}`},
		} {
			t.Run(stage+" "+c.message, func(t *testing.T) {
				o := newSite(t, emulator.Options{})
				id := o.contact("Berg")
				account := o.do("POST", "accounts", `{"name":"A"}`).want(204).id()
				team := o.server.Rows("team")[0].ID.String()
				kase := ""
				if c.message == "Associate" {
					kase = o.do("POST", "incidents", `{"title":"T","customerid_account@odata.bind":"/accounts(`+account+`)"}`).want(204).id()
				}
				before, count := fmt.Sprint(o.values("contact", id)), len(o.server.Rows("contact"))
				fill := strings.NewReplacer("ID", id, "TEAM", team, "CASE", kase)
				o.hook(fmt.Sprintf(`{"table":"contact","message":%q,"stage":%q,"refuse":{"code":"0x80048abc","message":"Not {lastname}.","status":409}}`, c.message, stage))
				word := "Not Berg."
				if c.message == "Create" {
					word = "Not New."
				}
				path := strings.Replace(c.path, "(ID)", "("+id+")", 1)
				o.do(c.method, path, fill.Replace(c.body)).want(409, "0x80048abc", word)
				if now := fmt.Sprint(o.values("contact", id)); now != before || len(o.server.Rows("contact")) != count {
					t.Errorf("the refused write left a trace:\n%s\n%s", before, now)
				}
				if h := o.server.Hooks()[0]; h.Hits != 1 {
					t.Errorf("%d hits", h.Hits)
				}
				o.control("DELETE", "hooks", "").want(204)
				o.do(c.method, path, fill.Replace(c.body)).want(204)
			})
		}
	}
}

// TestHooksChangeWhatIsWritten: before the operation a change is part of the write and of what follows from it; after it, it
// is an update of its own.
func TestHooksChangeWhatIsWritten(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.hook(`{"table":"contact","message":"Create","set":{"lastname":"{lastname}-Pre","jobtitle":"Clerk"}}`)
	id := o.contact("Berg")
	if v := o.values("contact", id); v["fullname"] != "Ida Berg-Pre" || v["jobtitle"] != "Clerk" {
		t.Errorf("%v %v", v["fullname"], v["jobtitle"])
	}
	o.control("DELETE", "hooks", "").want(204)
	// What somebody empties is filled again.
	o.hook(`{"table":"contact","message":"Update","stage":"PostOperation","columns":["jobtitle"],"set":{"jobtitle":"{before.jobtitle}"}}`)
	version := o.values("contact", id)["versionnumber"].(int)
	o.do("PATCH", "contacts("+id+")", `{"jobtitle":null}`).want(204)
	if v := o.values("contact", id); v["jobtitle"] != "Clerk" || v["versionnumber"].(int) < version+2 {
		t.Errorf("%v, version %v after %d", v["jobtitle"], v["versionnumber"], version)
	}
	o.do("PATCH", "contacts("+id+")", `{"firstname":"Ann"}`).want(204)
	if h := o.server.Hooks()[0]; h.Hits != 1 {
		t.Errorf("a hook on another column ran %d times", h.Hits)
	}
}

// TestHooksMakeRows: also for each row that a delete takes along, and rows that a hook hangs on what is about to go go too.
func TestHooksMakeRows(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.contact("Berg")
	for i := range 2 {
		o.do("POST", "annotations", fmt.Sprintf(`{"subject":"note %d","objectid_contact@odata.bind":"/contacts(%s)"}`, i, id)).want(204)
	}
	o.hook(`[{"table":"contact","message":"Delete","stage":"PostOperation","create":[{"table":"task","values":{"subject":"{before.fullname} is gone","description":"{id}"}}]},
		{"table":"annotation","message":"Delete","create":[{"table":"task","values":{"subject":"with {subject}"}}]},
		{"table":"contact","message":"Delete","stage":"PreOperation","create":[{"table":"annotation","values":{"subject":"last","objectid_contact@odata.bind":"/contacts({id})"}}]}]`)
	o.do("DELETE", "contacts("+id+")", "").want(204)
	var subjects []string
	for _, r := range o.server.Rows("task") {
		subjects = append(subjects, r.Values["subject"].(string))
	}
	if got := strings.Join(slices.Sorted(slices.Values(subjects)), ", "); got != "Ida Berg is gone, with last, with note 0, with note 1" {
		t.Error(got)
	}
	if n := len(o.server.Rows("annotation")); n != 0 {
		t.Errorf("%d notes are left", n)
	}
}

// TestHooksMeetSomeRows: by id, by a condition, by number.
func TestHooksMeetSomeRows(t *testing.T) {
	o := newSite(t, emulator.Options{})
	a, b := o.contact("Berg"), o.contact("Dahl")
	o.hook(`[{"table":"contact","message":"Delete","row":"` + a + `","refuse":{"message":"by id"}},
		{"table":"contact","message":"Delete","where":"lastname eq 'Dahl' and statecode eq 0","refuse":{"message":"by condition"}},
		{"table":"contact","message":"Create","where":"startswith(lastname,'X')","refuse":{"message":"by what it will be"}},
		{"message":"Create","after":1,"count":1,"refuse":{"message":"the second"}}]`)
	o.do("DELETE", "contacts("+a+")", "").want(400, "0x80040265", "by id")
	o.do("DELETE", "contacts("+b+")", "").want(400, "by condition")
	o.do("PATCH", "contacts("+b+")", `{"statecode":1}`).want(204)
	o.do("DELETE", "contacts("+b+")", "").want(204)
	o.do("POST", "contacts", `{"lastname":"Xu"}`).want(400, "by what it will be")
	o.contact("One")
	o.do("POST", "accounts", `{"name":"Two"}`).want(400, "the second")
	o.contact("Three")
}

// TestHooksInOneTransaction: one that refuses undoes what others did, in a change set everything.
func TestHooksInOneTransaction(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.contact("Berg")
	o.hook(`[{"table":"contact","message":"Update","create":[{"table":"task","values":{"subject":"trace"}}]},
		{"table":"contact","message":"Update","stage":"PostOperation","where":"lastname eq 'Berg'","refuse":{"message":"no"}},
		{"table":"contact","message":"Update","stage":"PostOperation","async":true,"create":[{"table":"task","values":{"subject":"later"}}]}]`)
	o.do("PATCH", "contacts("+id+")", `{"jobtitle":"x"}`).want(400, "no")
	other := o.contact("Other")
	batch := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
		"--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\nPATCH /api/data/v9.2/contacts(" + other + ") HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"jobtitle\":\"y\"}\r\n" +
		"--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 2\r\n\r\nPATCH /api/data/v9.2/contacts(" + id + ") HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"jobtitle\":\"y\"}\r\n" +
		"--c--\r\n--b--\r\n"
	o.do("POST", "$batch", batch, "Content-Type", "multipart/mixed; boundary=b").want(400, "no")
	if rows := o.server.Rows("task"); len(rows) != 0 {
		t.Errorf("what was undone is there: %v", rows)
	}
	if v := o.values("contact", other); v["jobtitle"] != nil {
		t.Error("half a change set is there")
	}
	o.do("PATCH", "contacts("+other+")", `{"jobtitle":"z"}`).want(204)
	if rows := o.server.Rows("task"); len(rows) != 2 {
		t.Errorf("%d tasks", len(rows))
	}
}

// TestAsyncHooks: they run by the emulator's clock, refuse nothing, and one that fails leaves a failed system job.
func TestAsyncHooks(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.hook(`[{"name":"flow","table":"contact","message":"Delete","stage":"PostOperation","async":true,"delay":"2h","create":[{"table":"task","values":{"subject":"{before.fullname}"}}]},
		{"name":"broken","table":"contact","message":"Delete","async":true,"refuse":{"message":"too late"}}]`)
	id := o.contact("Berg")
	o.do("DELETE", "contacts("+id+")", "").want(204)
	if n := len(o.server.Rows("task")); n != 0 {
		t.Errorf("%d tasks before their time", n)
	}
	o.do("GET", "asyncoperations?$filter=statuscode eq 31&$select=name,message,errorcode,messagename", "").want(200, "broken", "too late", "-2147220891", "Delete")
	o.server.Advance(2 * time.Hour)
	if rows := o.server.Rows("task"); len(rows) != 1 || rows[0].Values["subject"] != "Ida Berg" {
		t.Errorf("%v", rows)
	}
}

// TestHooksDoNotRaiseThemselves, and chains of others end at a depth of eight.
func TestHooksDoNotRaiseThemselves(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.hook(`{"table":"contact","message":"Update","stage":"PostOperation","set":{"description":"{description}!"}}`)
	id := o.contact("Berg")
	o.do("PATCH", "contacts("+id+")", `{"description":"a"}`).want(204)
	if v := o.values("contact", id); v["description"] != "a!" {
		t.Errorf("%v", v["description"])
	}
	for range 8 {
		o.hook(`{"table":"contact","message":"Update","stage":"PostOperation","set":{"description":"{description}!"}}`)
	}
	o.do("PATCH", "contacts("+id+")", `{"description":"a"}`).want(400, "infinite loop")
	if v := o.values("contact", id); v["description"] != "a!" {
		t.Errorf("%v", v["description"])
	}
}

// TestHooksAreBypassed by who may say so. Page: bypass-custom-business-logic.
func TestHooksAreBypassed(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.hook(`[{"id":"45e0c603-0d0b-466e-a286-d7fc1cda8361","table":"contact","message":"Create","refuse":{}},
		{"table":"contact","message":"Create","async":true,"create":[{"table":"task","values":{"subject":"t"}}]}]`)
	o.do("POST", "contacts", `{"lastname":"A"}`).want(400, "0x80040265")
	for header, value := range map[string]string{"MSCRM.BypassCustomPluginExecution": "true", "MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync",
		"MSCRM.BypassBusinessLogicExecutionStepIds": "45e0c603-0d0b-466e-a286-d7fc1cda8361"} {
		o.do("POST", "contacts", `{"lastname":"A"}`, header, value).want(204)
	}
	if n := len(o.server.Rows("task")); n != 2 {
		t.Errorf("%d asynchronous hooks ran", n)
	}
}

// TestHooksAreReadStrictly: what makes no sense is refused with its place and what was probably meant, and nothing is registered.
func TestHooksAreReadStrictly(t *testing.T) {
	o := newSite(t, emulator.Options{})
	for body, words := range map[string][]string{
		`{"tabel":"contact","message":"Delete","refuse":{}}`:                                               {"line 1, column 2", "tabel", `is \"table\" meant?`},
		"- table: contact\n  message: Delete\n  refus: {}\n":                                               {"line 3, column 3", `is \"refuse\" meant?`},
		`{"table":"contcat","message":"Delete","refuse":{}}`:                                               {`is \"contact\" meant?`},
		`{"table":"contact","message":"Remove","refuse":{}}`:                                               {"Create, Update, Delete"},
		`{"table":"contact","message":"Delete","stage":"Pre","refuse":{}}`:                                 {"PreValidation, PreOperation"},
		`{"table":"contact","message":"Delete"}`:                                                           {"says what it does"},
		`{"table":"contact","message":"Delete","where":"lastnam eq 'x'","refuse":{}}`:                      {"where", "lastnam"},
		`{"table":"contact","message":"Update","columns":["lastnam"],"refuse":{}}`:                         {`is \"lastname\" meant?`},
		`{"table":"contact","message":"Create","set":{"jobtitel":"x"}}`:                                    {`is \"jobtitle\" meant?`},
		`{"table":"contact","message":"Create","set":{"jobtitle":"{lastnam}"}}`:                            {"{lastnam}", `is \"lastname\" meant?`},
		`{"table":"contact","message":"Delete","stage":"PostOperation","set":{"jobtitle":"x"}}`:            {"deleted row"},
		`{"table":"contact","message":"Delete","refuse":{"code":"80040265"}}`:                              {"0x80040265"},
		`{"table":"contact","message":"Delete","delay":"3m"}`:                                              {"2m0s"},
		`{"table":"contact","message":"Delete","stage":"PreOperation","async":true,"refuse":{}}`:           {"PostOperation"},
		`{"table":"contact","message":"Delete","webhook":{"url":"http://192.0.2.7/hook"}}`:                 {"webhook-remote"},
		`[{"table":"contact","message":"Delete","refuse":{}},{"name":"second","message":"Nope"}]`:          {"hook 2 (second)"},
		`{"table":"contact","message":"Delete","create":[{"table":"nothing","values":{}}]}`:                {"create[0].table"},
		`{"message":"Delete","create":[{"table":"task","values":{"subject":"{lastname}"}}]}`:               {"knows no columns"},
		`{"table":"contact","message":"Update","set":{"parentcustomerid_account@odata.bnid":"/accounts"}}`: {},
	} {
		r := o.control("POST", "hooks", body)
		if strings.Contains(body, "bnid") {
			continue // an annotation that nobody knows is passed over, as in a request
		}
		r.want(400, words...)
	}
	o.control("DELETE", "hooks", "").want(204)
	o.control("POST", "hooks", "- table: contact\n  message: Delete\n  refuse: {message: from YAML}\n").want(200, `"hits":0`, "from YAML")
	id := o.server.Hooks()[0].ID
	o.control("DELETE", "hooks/"+id, "").want(204)
	o.control("DELETE", "hooks/"+id, "").want(404, id)
	o.control("GET", "hooks", "").want(200, "[]")
}

// endpoint is somebody's own process that webhooks call.
type endpoint struct {
	url     string
	status  []int // of the next answers
	bodies  []map[string]any
	headers []http.Header
	queries []string
	arrived chan bool
}

func newEndpoint(t *testing.T, status ...int) *endpoint {
	e := &endpoint{status: status, arrived: make(chan bool, 100)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var body map[string]any
		if err := json.Unmarshal(b, &body); err != nil {
			t.Errorf("the body is no JSON: %v", err)
		}
		e.bodies, e.headers, e.queries = append(e.bodies, body), append(e.headers, r.Header), append(e.queries, r.URL.RawQuery)
		code := http.StatusOK
		if len(e.status) > 0 {
			code, e.status = e.status[0], e.status[1:]
		}
		w.WriteHeader(code)
		e.arrived <- true
	}))
	t.Cleanup(srv.Close)
	e.url = srv.URL
	return e
}

// TestWebhooksCallAsTheServiceDoes: headers, body and images as on use-webhooks.
func TestWebhooksCallAsTheServiceDoes(t *testing.T) {
	o := newSite(t, emulator.Options{})
	e := newEndpoint(t)
	id := o.contact("Berg")
	o.hook(fmt.Sprintf(`{"id":"75417616-4ea2-e711-8122-000d3aa2331c","table":"contact","message":"Update","stage":"PostOperation","columns":["firstname","gendercode"],
		"webhook":{"url":%q,"headers":{"X-Key":"k1"},"key":"k2","query":{"a":"b"},"preImage":"before","postImage":"after"}}`, e.url+"/hook"))
	o.do("PATCH", "contacts("+id+")", `{"firstname":"James","gendercode":1,"creditlimit":12.5,"birthdate":"1990-05-01","emailaddress1":null}`).want(204)
	h := e.headers[0]
	for name, want := range map[string]string{"x-ms-dynamics-organization": strings.TrimPrefix(o.srv.URL, "http://"), "x-ms-dynamics-entity-name": "contact",
		"x-ms-dynamics-request-name": "Update", "X-Key": "k1", "Content-Type": "application/json; charset=utf-8", "x-ms-dynamics-msg-size-exceeded": ""} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if h.Get("x-ms-correlation-request-id") == "" || e.queries[0] != "a=b&code=k2" {
		t.Errorf("%v %s", h, e.queries[0])
	}
	b := e.bodies[0]
	for name, want := range map[string]any{"MessageName": "Update", "PrimaryEntityName": "contact", "PrimaryEntityId": id, "Stage": 40.0, "Mode": 0.0, "Depth": 1.0,
		"IsInTransaction": true, "IsolationMode": 1.0, "SecondaryEntityName": "none"} {
		if b[name] != want {
			t.Errorf("%s: %v", name, b[name])
		}
	}
	target := parameter(t, b["InputParameters"], "Target").(map[string]any)
	if target["__type"] != "Entity:http://schemas.microsoft.com/xrm/2011/Contracts" || target["LogicalName"] != "contact" {
		t.Errorf("%v", target)
	}
	for key, want := range map[string]string{"firstname": "James", "contactid": id, "birthdate": "/Date(641520000000)/", "emailaddress1": "<nil>",
		"gendercode":  "map[Value:1 __type:OptionSetValue:http://schemas.microsoft.com/xrm/2011/Contracts]",
		"creditlimit": "map[Value:12.5 __type:Money:http://schemas.microsoft.com/xrm/2011/Contracts]"} {
		if got := fmt.Sprint(parameter(t, target["Attributes"], key)); got != want {
			t.Errorf("%s: %s", key, got)
		}
	}
	for list, want := range map[string]string{"PreEntityImages": "before Ida", "PostEntityImages": "after James"} {
		name, first, _ := strings.Cut(want, " ")
		image := parameter(t, b[list], name).(map[string]any)
		if got := parameter(t, image["Attributes"], "firstname"); got != first {
			t.Errorf("%s: %v", list, got)
		}
	}
	if extension := b["OwningExtension"].(map[string]any); extension["Id"] != "75417616-4ea2-e711-8122-000d3aa2331c" || extension["LogicalName"] != "sdkmessageprocessingstep" {
		t.Errorf("%v", extension)
	}
}

// parameter is the value of a key in a list of pairs.
func parameter(t *testing.T, list any, key string) any {
	t.Helper()
	pairs, _ := list.([]any)
	for _, p := range pairs {
		if p := p.(map[string]any); p["key"] == key {
			return p["value"]
		}
	}
	t.Errorf("no %s in %v", key, list)
	return map[string]any{}
}

// TestWebhooksThatFail: only a status of 2xx lets the write go on; after 502, 503 and 504 there is one more attempt; a body that would
// be too large loses its rows; what an endpoint redirects to is not called.
func TestWebhooksThatFail(t *testing.T) {
	o := newSite(t, emulator.Options{})
	for _, c := range []struct {
		answers []int
		status  int
		calls   int
		code    string
	}{{[]int{202}, 204, 1, ""}, {[]int{503, 200}, 204, 2, ""}, {[]int{502, 504}, 400, 2, "0x80050201"}, {[]int{500}, 400, 1, "0x80050201"}, {[]int{302}, 400, 1, "0x80050201"}} {
		e := newEndpoint(t, c.answers...)
		o.hook(fmt.Sprintf(`{"table":"contact","message":"Create","webhook":{"url":%q}}`, e.url))
		before := len(o.server.Rows("contact"))
		o.do("POST", "contacts", `{"lastname":"A"}`).want(c.status, c.code)
		if len(e.bodies) != c.calls || len(o.server.Rows("contact"))-before != (404-c.status)/200 {
			t.Errorf("%v: %d calls, %d contacts more", c.answers, len(e.bodies), len(o.server.Rows("contact"))-before)
		}
		o.control("DELETE", "hooks", "").want(204)
	}
	hangs := make(chan bool)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	defer slow.Close()
	defer close(hangs)
	impatient := newSite(t, emulator.Options{WebhookTimeout: time.Millisecond}) // of no endpoint that answers
	impatient.hook(fmt.Sprintf(`{"table":"contact","message":"Create","webhook":{"url":%q}}`, slow.URL))
	impatient.do("POST", "contacts", `{"lastname":"A"}`).want(400, "0x80050202", "timed out")
	o.hook(`{"table":"contact","message":"Create","webhook":{"url":"http://127.0.0.1:1/nobody","key":"topsecret"}}`)
	if r := o.do("POST", "contacts", `{"lastname":"A"}`).want(400, "0x80050205"); strings.Contains(r.text, "topsecret") {
		t.Error("the error tells the key")
	}
	o.control("DELETE", "hooks", "").want(204)

	e := newEndpoint(t)
	big := newSite(t, emulator.Options{})
	big.hook(fmt.Sprintf(`{"table":"annotation","message":"Create","stage":"PostOperation","async":true,"webhook":{"url":%q}}`, e.url))
	big.do("POST", "annotations", fmt.Sprintf(`{"notetext":%q}`, strings.Repeat("x", 100_000))).want(204)
	big.do("POST", "annotations", fmt.Sprintf(`{"notetext":%q,"subject":"s"}`, strings.Repeat("é", 90_000)+strings.Repeat("\t", 9_000))).want(204)
	<-e.arrived
	<-e.arrived
	if e.bodies[0]["InputParameters"] == nil || e.bodies[0]["Mode"] != 1.0 {
		t.Error("a body of 100 kB has lost its rows, or is not asynchronous")
	}
}

func TestWebhookOfADelete(t *testing.T) {
	o := newSite(t, emulator.Options{})
	e := newEndpoint(t)
	id := o.contact("Berg")
	o.hook(fmt.Sprintf(`{"table":"contact","message":"Delete","stage":"PreOperation","webhook":{"url":%q,"preImage":"was"}}`, e.url))
	o.do("DELETE", "contacts("+id+")", "").want(204)
	target := parameter(t, e.bodies[0]["InputParameters"], "Target").(map[string]any)
	if target["Id"] != id || !strings.HasPrefix(target["__type"].(string), "EntityReference:") {
		t.Errorf("%v", target)
	}
}
