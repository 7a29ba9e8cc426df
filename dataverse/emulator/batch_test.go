package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// lines joins with CRLF, as a batch must.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }

const singlePart = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"

func setPart(id int) string {
	return fmt.Sprintf("--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n", id)
}

func (o *site) batch(body string, headers ...string) *response {
	o.t.Helper()
	return o.do("POST", "$batch", body, append([]string{"Content-Type", `multipart/mixed; boundary="b"`}, headers...)...)
}

var statusLine = regexp.MustCompile(`HTTP/1\.1 (\d\d\d)`)

// statuses are the status codes of the parts of a batch's answer.
func (r *response) statuses() string {
	var out []string
	for _, m := range statusLine.FindAllStringSubmatch(r.text, -1) {
		out = append(out, m[1])
	}
	return strings.Join(out, " ")
}

func TestBatchExample(t *testing.T) {
	// execute-batch-operations-using-web-api: a change set whose parts refer to each other.
	o := newSite(t, emulator.Options{})
	r := o.batch(lines(
		"--b", `Content-Type: multipart/mixed; boundary="c"`, "",
		setPart(1)+"", "POST /api/data/v9.2/leads HTTP/1.1", "Content-Type: application/json", "", `{"firstname":"aaa","lastname":"bbb"}`,
		setPart(2)+"", "POST /api/data/v9.2/contacts HTTP/1.1", "Content-Type: application/json", "", `{"firstname":"ccc","lastname":"ddd"}`,
		setPart(3)+"", "POST "+o.srv.URL+"/api/data/v9.2/accounts HTTP/1.1", "Content-Type: application/json", "",
		`{"name":"IK","originatingleadid@odata.bind":"$1","primarycontactid@odata.bind":"$2"}`,
		setPart(4)+"", "PUT $2/lastname HTTP/1.1", "Content-Type: application/json", "", `{"value":"BBB"}`,
		setPart(5)+"", "PUT $3/primarycontactid/$ref HTTP/1.1", "Content-Type: application/json", "", `{"@odata.id":"$2"}`,
		setPart(6)+"", "PATCH $1 HTTP/1.1", "Content-Type: application/json", "", `{"companyname":"IK"}`,
		"--c--", "",
		singlePart+"", "GET /api/data/v9.2/accounts?$select=name&$expand=primarycontactid($select=fullname) HTTP/1.1", "Accept: application/json", "", "",
		"--b--")).want(200, "ccc BBB", "multipart/mixed; boundary=changesetresponse_", "Content-ID: 3", "OData-EntityId: ", "odata.streaming=true")
	if got := r.statuses(); got != "204 204 204 204 204 204 200" {
		t.Errorf("statuses %s", got)
	}
	if !strings.HasPrefix(r.header.Get("Content-Type"), "multipart/mixed; boundary=batchresponse_") {
		t.Errorf("Content-Type %q", r.header.Get("Content-Type"))
	}
	if strings.Count(strings.ReplaceAll(r.text, "\r\n", ""), "\n") != 0 {
		t.Error("a line of the answer does not end in CRLF")
	}
}

func TestBatchStopsAtTheFirstError(t *testing.T) {
	o := newSite(t, emulator.Options{})
	body := lines(
		singlePart, "POST /api/data/v9.2/contacts HTTP/1.1", "", `{"lastname":"one"}`,
		singlePart, "POST /api/data/v9.2/contacts HTTP/1.1", "", `{"nosuch":1}`,
		singlePart, "POST contacts HTTP/1.1", "", `{"lastname":"three"}`,
		"--b--")
	if got := o.batch(body).want(400, "REQ_ID: ").statuses(); got != "204 400" {
		t.Errorf("statuses %s", got)
	}
	o.do("GET", "contacts?$count=true", "").want(200, `"@odata.count":1`)
	if got := o.batch(body, "Prefer", "odata.continue-on-error").want(200).statuses(); got != "204 400 204" {
		t.Errorf("statuses %s", got)
	}
	o.do("GET", "contacts?$count=true", "").want(200, `"@odata.count":3`)
}

func TestChangeSetIsAllOrNothing(t *testing.T) {
	// A failed change set is answered by one plain part (OData 11.7.7.5), the next one still runs with
	// continue-on-error (powerapps-docs issue 2843).
	o := newSite(t, emulator.Options{})
	set := func(bad string) string {
		return lines("--b", "Content-Type: multipart/mixed;boundary=c", "",
			setPart(1), "POST /api/data/v9.2/contacts HTTP/1.1", "", `{"lastname":"a"}`,
			setPart(2), "POST /api/data/v9.2/contacts HTTP/1.1", "", bad,
			"--c--")
	}
	body := set(`{"nosuch":1}`) + set(`{"lastname":"b"}`) + lines("--b--")
	if got := o.batch(body).want(400).statuses(); got != "400" {
		t.Errorf("statuses %s", got)
	}
	o.do("GET", "contacts?$count=true", "").want(200, `"@odata.count":0`)
	if got := o.batch(body, "Prefer", "odata.continue-on-error").want(200).statuses(); got != "400 204 204" {
		t.Errorf("statuses %s", got)
	}
	o.do("GET", "contacts?$count=true", "").want(200, `"@odata.count":2`)
	o.do("GET", "audits?$filter=operation eq 1", "").want(200)
}

func TestBatchRefusals(t *testing.T) {
	o := newSite(t, emulator.Options{})
	get := lines("", "GET /api/data/v9.2/contacts HTTP/1.1", "", "")
	many := strings.Repeat(singlePart+get, 1001)
	for _, tt := range []struct{ name, body, words string }{
		{"LF alone", strings.ReplaceAll(singlePart+get+lines("--b--"), "\r\n", "\n"), "Stream was not readable"},
		{"no end", singlePart + get, "Stream was not readable"},
		{"no empty line after a GET", singlePart + "\r\nGET /api/data/v9.2/contacts HTTP/1.1\r\n" + lines("--b--"), "The message header '--b' is invalid"},
		{"nested batch", singlePart + lines("", "POST /api/data/v9.2/$batch HTTP/1.1", "", "") + lines("--b--"), "cannot contain a batch"},
		{"no encoding", lines("--b", "Content-Type: application/http", "", "GET contacts HTTP/1.1", "", "", "--b--"), "Content-Transfer-Encoding"},
		{"wrong content type", lines("--b", "Content-Type: text/plain", "", "x", "--b--"), "application/http"},
		{"GET in a change set", lines("--b", "Content-Type: multipart/mixed; boundary=c", "", setPart(1), "GET /api/data/v9.2/contacts HTTP/1.1", "", "", "--c--", "--b--"), "An invalid HTTP method 'GET'"},
		{"no Content-ID", lines("--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "", "DELETE /api/data/v9.2/contacts("+missing+") HTTP/1.1", "", "", "--c--", "--b--"), "Content-ID header not present"},
		{"reference before declaration", lines("--b", "Content-Type: multipart/mixed; boundary=c", "", setPart(1), "PATCH $2 HTTP/1.1", "", "{}", "--c--", "--b--"), "Content-ID Reference: '$2' does not exist in the batch context."},
		{"reference outside a change set", singlePart + lines("", "PATCH $1 HTTP/1.1", "", "{}", "--b--"), "Content-ID Reference: '$1' does not exist"},
		{"1,001 requests", many + lines("--b--"), "exceeds the maximum of 1000"},
		{"bad request line", singlePart + lines("", "FETCH x", "", "", "--b--"), "request line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &site{t, o.srv, o.server}
			o.batch(tt.body).want(400, "--batchresponse_", tt.words)
		})
	}
	o.do("POST", "$batch", "x", "Content-Type", "application/json").want(400)
	lax := newSite(t, emulator.Options{BatchLF: true})
	lax.batch(strings.ReplaceAll(singlePart+get+lines("--b--"), "\r\n", "\n")).want(200)
}

// TestBatchWithOneEmptyLine: "for WCF DS compatibility we do not require the leading line terminator" of a boundary, says
// the reader of Microsoft.OData.Core that answers for the service, so that the empty line after the headers of a GET is
// enough. The npm packages dynamics-web-api and dataverse-webapi write no other.
func TestBatchWithOneEmptyLine(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.batch(singlePart+lines("", "GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1", "Accept: application/json", "")+
		singlePart+lines("", "GET /api/data/v9.2/WhoAmI HTTP/1.1", "")+lines("--b--")).want(200, "#contacts(fullname)", "OrganizationId")
}

// TestPlainSemicolons: "EntityDefinitions(LogicalName='account')?$expand=Attributes($select=LogicalName;$filter=…)".
// Pages: query-metadata-web-api, join-tables.
func TestPlainSemicolons(t *testing.T) {
	o := newSite(t, emulator.Options{})
	const definition = "EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=LogicalName%20eq%20'websiteurl')"
	o.do("GET", definition, "").want(200, `"LogicalName":"websiteurl"`)
	const accounts = "accounts?$select=name&$expand=contact_customer_accounts($select=fullname;$top=1)"
	o.batch(singlePart+lines("", "GET /api/data/v9.2/"+definition+" HTTP/1.1", "", "")+
		singlePart+lines("", "GET /api/data/v9.2/"+accounts+" HTTP/1.1", "", "")+lines("--b--")).want(200, `"LogicalName":"websiteurl"`, "#accounts(name,")
	o.do("GET", "accounts?$select=name&$filter=name%20eq%20'%zz'", "").want(400)
}

func FuzzBatch(f *testing.F) {
	h := emulator.New(emulator.Options{})
	f.Add("b", singlePart+lines("", "GET /api/data/v9.2/contacts HTTP/1.1", "", "", "--b--"))
	f.Add("b", singlePart+lines("", "POST contacts HTTP/1.1", "", `{"lastname":"x","email_activity_parties":[]}`, "--b--"))
	f.Add("b", lines("--b", "Content-Type: multipart/mixed; boundary=c", "", setPart(1), "POST contacts HTTP/1.1", "", "{}", setPart(2), "PATCH $1 HTTP/1.1", "", "{}", "--c--", "--b--"))
	f.Add("b", "--b\n--b--\r\n")
	f.Add("", "----\r\n")
	f.Fuzz(func(t *testing.T, boundary, body string) {
		r := httptest.NewRequest("POST", "/api/data/v9.2/$batch", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer emulator")
		r.Header["Content-Type"] = []string{`multipart/mixed; boundary="` + boundary + `"`}
		r.Header.Set("Prefer", "odata.continue-on-error")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		b, _ := io.ReadAll(w.Result().Body)
		if w.Code >= 500 || strings.Contains(string(b), fmt.Sprint("HTTP/1.1 ", http.StatusInternalServerError)) {
			t.Fatalf("%d %s", w.Code, b)
		}
	})
}
