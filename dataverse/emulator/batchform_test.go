package emulator_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// The forms that requests come in. Page: execute-batch-operations-using-web-api, "Each batch request … can contain up to
// 1000 individual requests", boundaries with and without quotes, headers in any order; RFC 2046 for what stands around.
func TestBatchForms(t *testing.T) {
	o := newSite(t, emulator.Options{})
	get := lines("", "GET /api/data/v9.2/WhoAmI HTTP/1.1", "Accept: application/json", "", "")
	for _, tt := range []struct{ name, kind, body string }{
		{"quoted", `multipart/mixed; boundary="b"`, singlePart + get + lines("--b--")},
		{"unquoted, no blank", `multipart/mixed;boundary=b`, singlePart + get + lines("--b--")},
		{"capitals", `Multipart/Mixed; Boundary=b`, singlePart + get + lines("--b--")},
		{"headers without a blank and in another order", `multipart/mixed; boundary=b`, lines("--b", "content-transfer-encoding:binary", "content-type:application/http", "Content-Length: 99") + get + lines("--b--")},
		{"text before and after", `multipart/mixed; boundary=b`, lines("a preamble") + singlePart + get + lines("--b--", "an epilogue")},
		{"no line end at the end", `multipart/mixed; boundary=b`, singlePart + get + "--b--"},
		{"LF at the end", `multipart/mixed; boundary=b`, singlePart + get + "--b--\n"},
		{"two LF at the end", `multipart/mixed; boundary=b`, singlePart + get + "--b--\n\n"},
		{"blanks behind a boundary", `multipart/mixed; boundary=b`, strings.Replace(singlePart, "--b\r\n", "--b \t\r\n", 1) + get + lines("--b--")},
		{"a line that begins like the boundary", `multipart/mixed; boundary=b`, singlePart + lines("", "GET /api/data/v9.2/WhoAmI HTTP/1.1", "", "--bb") + lines("--b--")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &site{t, o.srv, o.server}
			if got := o.do("POST", "$batch", tt.body, "Content-Type", tt.kind).want(200, "OrganizationId").statuses(); got != "200" {
				t.Errorf("statuses %s", got)
			}
		})
	}
	strict := newSite(t, emulator.Options{BatchEndsInCRLF: true})
	for _, end := range []string{"--b--", "--b--\n"} {
		strict.do("POST", "$batch", singlePart+get+end, "Content-Type", `multipart/mixed; boundary=b`).want(400, "0x80048d19", "Stream was not readable")
	}
	r := o.batch(strings.Repeat(singlePart+get, 1000) + lines("--b--")).want(200)
	if got := r.statuses(); got != strings.TrimSuffix(strings.Repeat("200 ", 1000), " ") {
		t.Errorf("a thousand requests: %d answers", strings.Count(got, "200"))
	}
}

// Errors inside a batch keep their own status, headers and body, in order, and change sets between them are whole or not
// at all. Page: execute-batch-operations-using-web-api, "odata.continue-on-error".
func TestErrorsInsideABatch(t *testing.T) {
	o := newSite(t, emulator.Options{})
	set := func(names ...string) string {
		s := lines("--b", "Content-Type: multipart/mixed; boundary=c", "")
		for i, name := range names {
			s += setPart(i+1) + lines("", "POST /api/data/v9.2/contacts HTTP/1.1", "Content-Type: application/json", "", `{"lastname":"`+name+`"}`)
		}
		return s + lines("--c--")
	}
	long := strings.Repeat("x", 51)
	body := singlePart + lines("", "GET /api/data/v9.2/contacts("+missing+") HTTP/1.1", "", "") +
		set("one", "two") + set("three", long) +
		singlePart + lines("", "PATCH /api/data/v9.2/contacts("+missing+") HTTP/1.1", "If-Match: *", "", `{"lastname":"x"}`) +
		singlePart + lines("", "GET /api/data/v9.2/nosuch HTTP/1.1", "", "") + set("four") + lines("--b--")
	r := o.batch(body, "Prefer", "odata.continue-on-error").want(200, "0x80040217", "0x80044331", "Resource not found for the segment 'nosuch'.")
	if got := r.statuses(); got != "404 204 204 400 404 404 204" {
		t.Errorf("statuses %s", got)
	}
	names := o.do("GET", "contacts?$select=lastname&$orderby=lastname", "").want(200).column("lastname")
	if got := strings.Join(names, " "); got != "four one two" {
		t.Errorf("rows: %s", got)
	}
	if got := o.batch(body).want(400).statuses(); got != "404" {
		t.Errorf("without the preference: %s", got)
	}
}

// Page: customize the date of creation (overriddencreatedon): when a row is created only.
func TestOverriddenCreatedOnOnlyOnCreate(t *testing.T) {
	o := newSite(t, emulator.Options{})
	for _, set := range []string{"contacts", "leads", "accounts", "tasks"} {
		name := map[string]string{"accounts": "name", "tasks": "subject"}[set]
		if name == "" {
			name = "lastname"
		}
		id := o.create(set, `{"`+name+`":"x","overriddencreatedon":"2019-05-06T07:08:09Z"}`)
		o.do("PATCH", set+"("+id+")", `{"overriddencreatedon":"2001-01-01T00:00:00Z"}`).want(204)
		if got := o.row(set, id); got["createdon"] != "2019-05-06T07:08:09Z" {
			t.Errorf("%s: createdon %v", set, got["createdon"])
		}
	}
}
