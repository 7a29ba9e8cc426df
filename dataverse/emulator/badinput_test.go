package emulator

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// raw sends one request without a network, so that nothing but the emulator bounds it.
func (w *world) raw(method, path string, body io.Reader, contentType string) response {
	path, query, _ := strings.Cut(path, "?")
	r := httptest.NewRequest(method, "http://localhost/", body)
	r.URL = &url.URL{Scheme: "http", Host: "localhost", Path: "/api/data/v9.2/" + path, RawQuery: strings.ReplaceAll(query, " ", "%20")}
	r.Header.Set("Authorization", "Bearer emulator")
	r.Header.Set("Content-Type", contentType)
	rec := httptest.NewRecorder()
	w.s.ServeHTTP(rec, r)
	return response{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
}

const onePart = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"

// part is one request of a batch.
func batched(request, body string) string {
	return onePart + request + " HTTP/1.1\r\nContent-Type: application/json\r\n\r\n" + body + "\r\n"
}

// changeSet is a change set of creates.
func changeSet(bodies ...string) string {
	s := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	for i, b := range bodies {
		s += fmt.Sprintf("--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n\r\nPOST /api/data/v9.2/contacts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n%s\r\n", i+1, b)
	}
	return s + "--c--\r\n"
}

// Huge and deeply nested queries. Pages: webapi/query/filter-rows and fetchxml/filter-rows ("TooManyConditionsInQuery",
// 0x8004430C, 500 conditions, in FetchXML together with the links), fetchxml/join-tables (15 links, 0x8004430D),
// webapi/query/join-tables (15 $expand), webapi/query/overview (32,768 characters, in a batch 65,536).
func TestQueriesThatAreTooLarge(t *testing.T) {
	w := crm(t, Options{})
	rep := strings.Repeat
	fetch := func(inner string) string {
		return "contacts?fetchXml=" + url.QueryEscape("<fetch><entity name='contact'>"+inner+"</entity></fetch>")
	}
	condition := "<condition attribute='statecode' operator='null'/>"
	tests := []struct{ name, path, want string }{
		{"501 conditions", "contacts?$filter=statecode eq 0" + rep(" or statecode eq 1", 500), `0x8004430C","message":"Number of conditions in query exceeded maximum limit.`},
		{"501 conditions in an expand", "accounts?$expand=contact_customer_accounts($filter=statecode eq 0" + rep(" or statecode eq 1", 500) + ")", `0x8004430C`},
		{"501 conditions in $apply", "contacts?$apply=filter(statecode eq 0" + rep(" or statecode eq 1", 500) + ")/aggregate($count as n)", `0x8004430C`},
		{"parentheses", "contacts?$filter=" + rep("(", 20_000) + "statecode eq 0" + rep(")", 20_000), "Recursion depth exceeded allowed limit."},
		{"not", "contacts?$filter=" + rep("not ", 10_000) + "statecode eq 0", "Recursion depth exceeded allowed limit."},
		{"a path of joins", "contacts?$filter=" + rep("parentcustomerid_account/primarycontactid/", 700) + "fullname eq 'x'", "Recursion depth exceeded allowed limit."},
		{"an order over joins", "contacts?$orderby=" + rep("parentcustomerid_account/primarycontactid/", 700) + "fullname", "Recursion depth exceeded allowed limit."},
		{"lambdas", "contacts?$filter=" + rep("Contact_Emails/any(c:", 2000) + "true" + rep(")", 2000), `"error"`},
		{"$expand side by side", "contacts?$expand=parentcustomerid_account" + rep(",parentcustomerid_contact", 15), "exceeds the limit of 15."},
		{"$expand nested", "contacts?$expand=" + rep("parentcustomerid_account($expand=primarycontactid($expand=", 300) + "createdby" + rep("))", 300), "exceeds the limit of 15."},
		{"aliases that name each other", "contacts?$filter=fullname eq @a&@a=@b&@b=@a", "The value of a parameter alias is a literal, an array or the name of a column."},
		{"$skiptoken", "contacts?$skiptoken=" + rep("%3C", 10_000), "0x8004112a"},
		{"elements", fetch(rep("<filter>", 500) + rep("</filter>", 500)), "nests deeper than 64 elements"},
		{"501 conditions of a fetch", fetch("<filter>" + rep(condition, 501) + "</filter>"), "0x8004430C"},
		{"500 conditions and a link", fetch("<filter>" + rep(condition, 500) + "</filter><link-entity name='account' from='accountid' to='parentcustomerid'/>"), "0x8004430C"},
		{"16 links", fetch(rep("<link-entity name='account' from='accountid' to='parentcustomerid'/>", 16)), "0x8004430D"},
		{"16 links in each other", fetch(rep("<link-entity name='contact' from='contactid' to='parentcustomerid'>", 16) + rep("</link-entity>", 16)), "0x8004430D"},
		{"entities", "contacts?fetchXml=" + url.QueryEscape("<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><fetch><entity name='contact'/></fetch>"), "0x80040201"},
		{"XML that does not end", "contacts?fetchXml=" + url.QueryEscape(rep("<fetch>", 30)), "0x80040201"},
	}
	before := w.s.engine.Store.View()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			long := w.raw("GET", tt.path, nil, "")
			if len(tt.path) < 32_000 && (long.status != 400 || !strings.Contains(long.text, tt.want)) {
				t.Errorf("%d %s", long.status, long.text)
			}
			if len(tt.path) > 33_000 && long.status != 414 {
				t.Errorf("%d %s", long.status, long.text)
			}
			in := w.raw("POST", "$batch", strings.NewReader(batched("GET /api/data/v9.2/"+strings.ReplaceAll(tt.path, " ", "%20"), "")+"--b--\r\n"), "multipart/mixed; boundary=b")
			if in.status != 400 || !strings.Contains(in.text, tt.want) {
				t.Errorf("in a batch: %d %s", in.status, in.text)
			}
		})
	}
	if w.s.engine.Store.View() != before {
		t.Error("a query has written something")
	}
}

// Bodies that are too large, too deep, broken, or wrong in their last part leave nothing, neither rows nor audit nor
// definitions. Pages: create-entity-web-api, execute-batch-operations-using-web-api ("up to 1,000 individual requests"),
// bulk-operations, troubleshoot Dataverse Web API client errors.
func TestNothingHalfDone(t *testing.T) {
	w := crm(t, Options{})
	rep := strings.Repeat
	const jsonType, batchType = "application/json", "multipart/mixed; boundary=b"
	good, bad := `{"lastname":"good"}`, `{"lastname":"bad","nosuch":1}`
	create := batched("POST /api/data/v9.2/contacts", good)
	targets := func(last string) string {
		return `{"Targets":[` + rep(`{"@odata.type":"Microsoft.Dynamics.CRM.contact","lastname":"good"},`, 50) + last + `]}`
	}
	long := rep("x", 2_000_000)
	tests := []struct {
		name, request, contentType, body, want string
	}{
		{"arrays in arrays", "POST contacts", jsonType, rep("[", 1_000_000), "0x80048d19"},
		{"arrays in a member", "POST contacts", jsonType, `{"lastname":` + rep("[", 1_000_000) + rep("]", 1_000_000) + "}", "The maximum recursion depth of 100 was exceeded."},
		{"objects in objects", "POST contacts", jsonType, rep(`{"parentcustomerid_contact":`, 1000) + good + rep("}", 1000), "The maximum recursion depth of 100 was exceeded."},
		{"definitions in definitions", "POST EntityDefinitions", jsonType, rep(`{"Attributes":[`, 1000) + rep("]}", 1000), "The maximum recursion depth"},
		{"criteria in criteria", "POST BulkDelete", jsonType, `{"QuerySet":[{"EntityName":"contact","Criteria":` + rep(`{"FilterOperator":"And","Filters":[`, 1000) + rep("]}", 1000) + "}]}", "The maximum recursion depth"},
		{"a long text", "POST contacts", jsonType, `{"lastname":"` + long + `"}`, "0x80044331"},
		{"a long number", "POST contacts", jsonType, `{"numberofchildren":` + rep("9", 100_000) + "}", "0x80048d19"},
		{"a long name", "POST contacts", jsonType, `{"` + long + `":1}`, "0x80048d19"},
		{"no end", "POST contacts", jsonType, `{"lastname":"good"`, "0x80048d19"},
		{"two values", "POST contacts", jsonType, good + good, "0x80048d19"},
		{"a name twice", "POST contacts", jsonType, `{"lastname":"a","lastname":"b"}`, "0x80048d19"},
		{"a deep insert that fails at its end", "POST accounts", jsonType, `{"name":"A","primarycontactid":{"lastname":"B"},"contact_customer_accounts":[` + good + "," + good + "," + bad + "]}", "0x80048d19"},
		{"a deep insert that binds to nothing", "POST accounts", jsonType, `{"name":"A","contact_customer_accounts":[{"lastname":"C","parentcustomerid_contact@odata.bind":"contacts(00000000-0000-0000-0000-00000000dead)"}]}`, "0x8"},
		{"CreateMultiple, the last one wrong", "POST contacts/Microsoft.Dynamics.CRM.CreateMultiple", jsonType, targets(`{"@odata.type":"Microsoft.Dynamics.CRM.contact","lastname":"` + rep("x", 60) + `"}`), "0x80044331"},
		{"UpsertMultiple, the last one wrong", "POST contacts/Microsoft.Dynamics.CRM.UpsertMultiple", jsonType, targets(`{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"x"}`), `"error"`},
		{"a batch of 1,001", "POST $batch", batchType, rep(create, 1001) + "--b--\r\n", "exceeds the maximum of 1000"},
		{"a batch of 1,001 in change sets", "POST $batch", batchType, rep(changeSet(good, good, good), 334) + "--b--\r\n", "exceeds the maximum of 1000"},
		{"a batch whose last part cannot be read", "POST $batch", batchType, rep(create, 5) + "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "application/http"},
		{"a batch that breaks off", "POST $batch", batchType, rep(create, 5), "Stream was not readable"},
		{"a batch of nothing but boundaries", "POST $batch", batchType, rep("--b\r\n", 300_000), `"error"`},
		{"a batch of headers", "POST $batch", batchType, "--b\r\n" + rep("X: y\r\n", 100_000) + "--b--\r\n", `"error"`},
		{"a batch in a batch", "POST $batch", batchType, batched("POST /api/data/v9.2/$batch", "--c--") + create + "--b--\r\n", "cannot contain a batch"},
		{"a change set whose last part fails", "POST $batch", batchType, changeSet(good, good, bad) + "--b--\r\n", "0x80048d19"},
		{"a change set whose last part is nested too deeply", "POST $batch", batchType, changeSet(good, rep(`{"parentcustomerid_contact":`, 200)+"{}"+rep("}", 200)) + "--b--\r\n", "The maximum recursion depth"},
		{"a table with a wrong column", "POST EntityDefinitions", jsonType, `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"new_T","OwnershipType":"UserOwned","Attributes":[{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"new_Name","IsPrimaryName":true,"MaxLength":99999}]}`, `"error"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := w.s.engine.Store.View()
			method, path, _ := strings.Cut(tt.request, " ")
			r := w.raw(method, path, strings.NewReader(tt.body), tt.contentType)
			if r.status < 400 || r.status >= 500 || !strings.Contains(r.text, tt.want) {
				t.Errorf("%d %.400s", r.status, r.text)
			}
			if len(r.text) > 3_000_000 {
				t.Errorf("an answer of %d bytes", len(r.text))
			}
			if w.s.engine.Store.View() != before {
				t.Error("it has left something")
			}
		})
	}
}

// Page: compose-http-requests-handle-errors, "413: The request length is too large."
func TestBodiesAreBounded(t *testing.T) {
	w := crm(t, Options{})
	if w.s.bodyLimit != wire.MaxBody {
		t.Fatal(w.s.bodyLimit)
	}
	before := w.s.engine.Store.View()
	told := httptest.NewRequest("POST", "/api/data/v9.2/contacts", unreadable413{t})
	told.ContentLength = wire.MaxBody + 1
	rec := httptest.NewRecorder()
	w.s.ServeHTTP(rec, told)
	if rec.Code != http.StatusRequestEntityTooLarge || !strings.Contains(rec.Body.String(), "too large") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.s.bodyLimit = 1 << 16
	read := &endless{}
	for _, request := range []string{"POST contacts", "POST $batch", "PATCH contacts(" + idOfName("c1").String() + ")", "GET contacts"} {
		method, path, _ := strings.Cut(request, " ")
		read.n = 0
		if r := w.raw(method, path, read, "application/json"); r.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", request, r.status, r.text)
		}
		if read.n > 1<<17 {
			t.Errorf("%s: %d bytes were read", request, read.n)
		}
	}
	if w.s.engine.Store.View() != before {
		t.Error("something was written")
	}
}

// unreadable413 must not be read: the length that the request tells is refused at once.
type unreadable413 struct{ t *testing.T }

func (r unreadable413) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

// endless is a body without an end.
type endless struct{ n int }

func (e *endless) Read(b []byte) (int, error) {
	e.n += len(b)
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// A client that goes away in the middle of its body, also of one that would be whole as far as it came, has done nothing.
func TestBodyThatBreaksOff(t *testing.T) {
	w := crm(t, Options{})
	before := w.s.engine.Store.View()
	for _, framing := range []string{"Content-Length: 1000\r\n\r\n" + `{"lastname":"cut"}`, "Transfer-Encoding: chunked\r\n\r\n12\r\n" + `{"lastname":"cut"}` + "\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "POST /api/data/v9.2/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer emulator\r\nContent-Type: application/json\r\n"+framing)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(conn).ReadString('\n') // that it is answered says that it is over
		if strings.Contains(line, " 2") {
			t.Errorf("answered %q", line)
		}
		conn.Close()
	}
	if w.s.engine.Store.View() != before {
		t.Error("a row was made of half a body")
	}
}

// What callers make up is counted under their own names only as far as that is bounded.
func TestStatisticsAreBounded(t *testing.T) {
	w := crm(t, Options{})
	for i := range maxNames + 100 {
		w.s.stats.Unsupported(fmt.Sprint("made up ", i))
	}
	w.raw("GET", "contacts/"+strings.Repeat("a/", 10_000), nil, "")
	got := w.s.stats.report().Unsupported
	if len(got) > maxNames+1 || got["(others)"] != 101 {
		t.Errorf("%d names, %d others", len(got), got["(others)"])
	}
}
