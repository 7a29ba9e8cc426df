package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// site is a server under test, spoken to over HTTP.
type site struct {
	t      testing.TB
	srv    *httptest.Server
	server *emulator.Server
}

func newSite(t testing.TB, o emulator.Options) *site {
	t.Helper()
	server := emulator.New(o)
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	return &site{t, srv, server}
}

// response is an answer, read whole.
type response struct {
	t      testing.TB
	status int
	header http.Header
	text   string
}

func (o *site) do(method, path, body string, headers ...string) *response {
	o.t.Helper()
	url := path
	if !strings.HasPrefix(path, "http") {
		url = o.srv.URL + "/api/data/v9.2/" + path
	}
	r, err := http.NewRequest(method, strings.ReplaceAll(url, " ", "%20"), strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer emulator")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return &response{o.t, res.StatusCode, res.Header, string(b)}
}

// want fails the test unless the answer has the status and, for an error, the code and words.
func (r *response) want(status int, words ...string) *response {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.text)
	}
	for _, w := range words {
		if !strings.Contains(r.text, w) {
			r.t.Fatalf("no %q in %s", w, r.text)
		}
	}
	return r
}

// object is the answer's body.
func (r *response) object() map[string]any {
	r.t.Helper()
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(r.text))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		r.t.Fatalf("%v: %s", err, r.text)
	}
	return m
}

// id is the key in the answer's OData-EntityId.
func (r *response) id() string {
	r.t.Helper()
	_, rest, found := strings.Cut(r.header.Get("OData-EntityId"), "(")
	if !found {
		r.t.Fatalf("no OData-EntityId: %d %s", r.status, r.text)
	}
	return strings.TrimSuffix(rest, ")")
}

// create makes a row and is its id.
func (o *site) create(set, body string) string {
	o.t.Helper()
	return o.do("POST", set, body).want(204).id()
}

// row is a row as it stands: an update with nothing in it answers it.
func (o *site) row(set, id string) map[string]any {
	o.t.Helper()
	return o.do("GET", fmt.Sprintf("%s(%s)", set, id), "").want(200).object()
}

func TestCreateAnswersTheAddress(t *testing.T) {
	// create-entity-web-api: 204 No Content with OData-EntityId; 201 with the row where the caller prefers it.
	o := newSite(t, emulator.Options{})
	r := o.do("POST", "contacts", `{"firstname":"Ada","lastname":"Byron","telephone1":"5"}`).want(204)
	if !strings.HasPrefix(r.header.Get("OData-EntityId"), o.srv.URL+"/api/data/v9.2/contacts(") {
		t.Errorf("OData-EntityId %q is not absolute", r.header.Get("OData-EntityId"))
	}
	if r.header.Get("Location") != r.header.Get("OData-EntityId") {
		t.Errorf("Location %q", r.header.Get("Location"))
	}
	r = o.do("POST", "contacts", `{"contactid":"0a1b2c3d-0000-0000-0000-000000000001","firstname":"Ada","lastname":"Byron","address1_line1":"1 Way","address1_city":"York","address1_postalcode":"Y1"}`, "Prefer", "return=representation").want(201)
	got := r.object()
	for name, want := range map[string]any{
		"contactid": "0a1b2c3d-0000-0000-0000-000000000001", "fullname": "Ada Byron", "address1_composite": "1 Way\r\nYork Y1",
		"statecode": json.Number("0"), "statuscode": json.Number("1"), "donotemail": false,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if r.header.Get("Preference-Applied") != "return=representation" {
		t.Errorf("Preference-Applied %q", r.header.Get("Preference-Applied"))
	}
	o.do("POST", "contacts", `{"contactid":"0a1b2c3d-0000-0000-0000-000000000001"}`).want(412, "0x80040237")
}

func TestCreateRefusesWhatDoesNotFit(t *testing.T) {
	// compose-http-requests-handle-errors, execute-batch-operations-using-web-api (the too long text), troubleshoot
	// Dataverse Web API client errors (undeclared and unknown properties).
	o := newSite(t, emulator.Options{})
	long := strings.Repeat("x", 51)
	for _, tt := range []struct{ name, body, code, words string }{
		{"unknown property", `{"nosuch":1}`, "0x80048d19", "Invalid property 'nosuch' was found in entity 'Microsoft.Dynamics.CRM.contact'"},
		{"wrong case", `{"FirstName":"x"}`, "0x80048d19", "Invalid property 'FirstName'"},
		{"text in a number", `{"numberofchildren":"two"}`, "0x80048d19", "Edm.Int32"},
		{"number in a text", `{"firstname":5}`, "0x80048d19", "Edm.String"},
		{"fraction in a whole number", `{"numberofchildren":1.5}`, "0x80048d19", "Edm.Int32"},
		{"overflow", `{"numberofchildren":99999999999}`, "0x80048d19", "System.OverflowException"},
		{"outside the range", `{"numberofchildren":-1}`, "0x80044330", "numberofchildren"},
		{"no such option", `{"gendercode":99}`, "0x8004431a", "gendercode"},
		{"too long", `{"firstname":"` + long + `"}`, "0x80044331", "A validation error occurred.  The length of the 'firstname' attribute of the 'contact' entity exceeded the maximum allowed length of '50'."},
		{"bad date", `{"birthdate":"31/12/1999"}`, "0x80048d19", "Edm.Date"},
		{"time in a date", `{"birthdate":"1999-12-31T00:00:00Z"}`, "0x80048d19", "Edm.Date"},
		{"date before 1753", `{"birthdate":"1600-01-01"}`, "0x80040239", "date-time"},
		{"bad guid", `{"contactid":"12"}`, "0x80048d19", "Guid"},
		{"flag as text", `{"donotemail":"true"}`, "0x80048d19", "Edm.Boolean"},
		{"object in a text", `{"firstname":{}}`, "0x80048d19", "PrimitiveValue"},
		{"control character", `{"firstname":"a\u0001"}`, "0x80040278", "firstname"},
		{"lookup by column", `{"_parentcustomerid_value":"0a1b2c3d-0000-0000-0000-000000000001"}`, "0x80060888", "Navigation properties"},
		{"bound by logical name", `{"parentcustomerid@odata.bind":"/accounts(0a1b2c3d-0000-0000-0000-000000000001)"}`, "0x80048d19", "An undeclared property 'parentcustomerid' which only has property annotations"},
		{"status of another state", `{"statecode":1,"statuscode":2}`, "0x80048408", "2 is not a valid status code for state code ContactState.Active"},
		{"no object", `[]`, "0x80048d19", "StartObject"},
		{"broken", `{"firstname":`, "0x80048d19", "Unexpected end"},
		{"two objects", `{} {}`, "0x80048d19", "one value"},
		{"twice", `{"firstname":"a","firstname":"b"}`, "0x80048d19", "Multiple properties with the name 'firstname'"},
		{"too deep", strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200), "0x80048d19", "recursion depth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &site{t, o.srv, o.server}
			o.do("POST", "contacts", tt.body).want(400, tt.code, tt.words)
		})
	}
	o.do("POST", "contact", `{}`).want(404, "0x80060888", "Resource not found for the segment 'contact'.")
	o.do("POST", "contacts", `{"parentcustomerid_account@odata.bind":"/accounts(0a1b2c3d-0000-0000-0000-000000000001)"}`).
		want(404, "0x80040217", "Does Not Exist")
}
