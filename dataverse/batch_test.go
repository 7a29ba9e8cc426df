package dataverse

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func readBody(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// single and set are answer parts as the service writes them.
func single(status, headers, body string) string {
	return "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 " + status + "\r\n" + headers + "\r\n" + body
}

func set(answers ...string) string {
	b := "Content-Type: multipart/mixed; boundary=changesetresponse_77aa\r\n\r\n"
	for _, a := range answers {
		b += "--changesetresponse_77aa\r\n" + a + "\r\n"
	}
	return b + "--changesetresponse_77aa--"
}

// withID is an answer within a change set.
func withID(id int, status, headers string) string {
	return fmt.Sprintf("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n\r\nHTTP/1.1 %s\r\n%s\r\n\r\n", id, status, headers)
}

func multipartBody(parts ...string) string {
	b := ""
	for _, p := range parts {
		b += "--batchresponse_5e7c\r\n" + p + "\r\n"
	}
	return b + "--batchresponse_5e7c--\r\n"
}

func writeMultipart(w http.ResponseWriter, status int, parts ...string) {
	w.Header().Set("Content-Type", "multipart/mixed; boundary=batchresponse_5e7c")
	w.WriteHeader(status)
	io.WriteString(w, multipartBody(parts...))
}

const jsonHeader = "REQ_ID: 33333333-0000-0000-0000-000000000000\r\nContent-Type: application/json; odata.metadata=minimal\r\nOData-Version: 4.0\r\n"

var threeParts = []Part{
	{Op: &Operation{Method: "DELETE", Path: "contacts(" + contactID + ")"}},
	{Set: ChangeSet{
		{Method: "PATCH", Path: "leads(" + contactID + ")", Body: Row{"lastname": "purged"}, IfMatch: `W/"7"`},
		{Method: "DELETE", Path: "tasks(" + contactID + ")", Header: http.Header{"MSCRM.BypassCustomPluginExecution": {"true"}}},
	}},
	{Op: &Operation{Method: "GET", Path: "contacts?$select=fullname&$filter=lastname eq 'x'"}},
}

func TestTheBatchToTheLetter(t *testing.T) {
	var got, contentType, prefer string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, contentType, prefer = readBody(r), r.Header.Get("Content-Type"), r.Header.Get("Prefer")
		writeMultipart(w, 200,
			single("404 Not Found", jsonHeader, `{"error":{"code":"0x80040217","message":"contact With Id = x Does Not Exist"}}`),
			set(withID(2, "204 No Content", "OData-Version: 4.0\r\nOData-EntityId: https://x/leads("+contactID+")"), withID(3, "204 No Content", "OData-Version: 4.0")),
			single("200 OK", "Content-Type: application/json; odata.metadata=minimal; odata.streaming=true\r\n", `{"value":[{"fullname":"x"}]}`))
	})
	results, err := connect(t, s.URL).Batch(t.Context(), threeParts)
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`batch_[0-9a-f-]{36}`).FindString(contentType)
	if want := `multipart/mixed; boundary="` + id + `"`; contentType != want || prefer != "odata.continue-on-error" {
		t.Errorf("Content-Type %q, Prefer %q", contentType, prefer)
	}
	want := strings.ReplaceAll(`--BATCH
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

DELETE /api/data/v9.2/contacts(`+contactID+`) HTTP/1.1
Accept: application/json


--BATCH
Content-Type: multipart/mixed; boundary="changeset_2_UID"

--changeset_2_UID
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PATCH /api/data/v9.2/leads(`+contactID+`) HTTP/1.1
Accept: application/json
Content-Length: 21
Content-Type: application/json; charset=utf-8
If-Match: W/"7"

{"lastname":"purged"}
--changeset_2_UID
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 3

DELETE /api/data/v9.2/tasks(`+contactID+`) HTTP/1.1
Accept: application/json
Mscrm.bypasscustompluginexecution: true


--changeset_2_UID--

--BATCH
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 4

GET /api/data/v9.2/contacts?$select=fullname&$filter=lastname%20eq%20'x' HTTP/1.1
Accept: application/json


--BATCH--
`, "\n", "\r\n")
	want = strings.ReplaceAll(strings.ReplaceAll(want, "BATCH", id), "UID", strings.TrimPrefix(id, "batch_"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	if !errors.Is(results[0].Err, ErrNotFound) || results[0].Statuses[0] != 404 {
		t.Errorf("delete: %+v", results[0])
	}
	var e *Error
	if errors.As(results[0].Err, &e); e.Op != "DELETE contacts("+contactID+")" || e.Code != "0x80040217" || e.RequestID == "" {
		t.Errorf("delete: %+v", e)
	}
	if r := results[1]; r.Err != nil || !cmp.Equal(r.Statuses, []int{204, 204}) {
		t.Errorf("change set: %+v", r)
	}
	if id, err := createdID(results[1].Headers[0]); err != nil || id != uuid.MustParse(contactID) {
		t.Errorf("created %v, %v", id, err)
	}
	if r := results[2]; r.Err != nil || string(r.Bodies[0]) != `{"value":[{"fullname":"x"}]}` {
		t.Errorf("read: %+v", r)
	}
}

func TestBatchAnswers(t *testing.T) {
	ok := "OData-Version: 4.0"
	notFound := single("404 Not Found", jsonHeader, `{"error":{"code":"0x80040217","message":"x"}}`)
	changed := single("412 Precondition Failed", jsonHeader, `{"error":{"code":"0x80060882","message":"x"}}`)
	done := set(withID(2, "204 No Content", ok), withID(3, "204 No Content", ok))
	list := single("200 OK", "Content-Type: application/json\r\n", `{"value":[]}`)
	tests := map[string]struct {
		status int
		body   string
		want   []string // what became of each part
	}{
		"a failed change set is answered by one part": {200, multipartBody(notFound, changed, list), []string{"not found", "changed", "done"}},
		"a failed change set answered as a set":       {200, multipartBody(notFound, set(withID(2, "412 Precondition Failed", ok)), list), []string{"not found", "changed", "done"}},
		"fewer parts: the batch ended":                {200, multipartBody(notFound), []string{"not found", "skipped", "skipped"}},
		"stopped at its first failure":                {400, multipartBody(notFound), []string{"not found", "skipped", "skipped"}},
		"no parts":                                    {200, multipartBody(), []string{"skipped", "skipped", "skipped"}},
		"a set whose predecessor left no answer":      {200, multipartBody(done, list), []string{"skipped", "done", "done"}},
		"more parts":                                  {200, multipartBody(notFound, done, list, list), []string{"uncertain", "uncertain", "uncertain"}},
		"a set answered for half":                     {200, multipartBody(notFound, set(withID(2, "204 No Content", ok)), list), []string{"uncertain", "uncertain", "uncertain"}},
		"a single success for a set":                  {200, multipartBody(notFound, list, list), []string{"uncertain", "uncertain", "uncertain"}},
		"cut off between parts":                       {200, strings.TrimSuffix(multipartBody(notFound, done), "--batchresponse_5e7c--\r\n"), []string{"uncertain", "uncertain", "uncertain"}},
		"cut off before its first part":               {200, "", []string{"uncertain", "uncertain", "uncertain"}},
		"a part without headers":                      {200, multipartBody(notFound, "", list), []string{"uncertain", "uncertain", "uncertain"}},
		"blanks behind the boundaries":                {200, strings.ReplaceAll(multipartBody(notFound, done, list), "5e7c\r\n", "5e7c \t\r\n"), []string{"not found", "done", "done"}},
		"text before and after":                       {200, "a preamble\r\n" + multipartBody(notFound, done, list) + "an epilogue", []string{"not found", "done", "done"}},
		"a boundary within a line":                    {200, strings.Replace(multipartBody(notFound, done, list), "REQ_ID: ", "REQ_ID: --batchresponse_5e7c", 1), []string{"not found", "done", "done"}},
		"a boundary that goes on":                     {200, multipartBody(notFound, done, strings.TrimSuffix(list, "}")+"\r\n--batchresponse_5e7cf\r\n"), []string{"uncertain", "uncertain", "uncertain"}},
		"cut off within a part":                       {200, multipartBody(notFound, done, list)[:len(multipartBody(notFound, done))], []string{"uncertain", "uncertain", "uncertain"}},
		"a part that is no document":                  {200, multipartBody(notFound, done, single("200 OK", "Content-Type: application/json\r\n", `{"value":[`)), []string{"uncertain", "uncertain", "uncertain"}},
		"line feeds only":                             {200, strings.ReplaceAll(multipartBody(notFound, done, list), "\r\n", "\n"), []string{"not found", "done", "done"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", `multipart/mixed; boundary=batchresponse_5e7c`)
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			results, err := connect(t, s.URL).Batch(t.Context(), threeParts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outcomes(results)); diff != "" {
				t.Error(diff)
			}
			if n := len(s.seen()); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func outcomes(results []Result) (list []string) {
	for _, r := range results {
		var unsure *Uncertain
		switch {
		case r.Skipped && errors.Is(r.Err, ErrSkipped):
			list = append(list, "skipped")
		case errors.As(r.Err, &unsure):
			list = append(list, "uncertain")
		case errors.Is(r.Err, ErrNotFound):
			list = append(list, "not found")
		case errors.Is(r.Err, ErrChanged):
			list = append(list, "changed")
		case errors.Is(r.Err, ErrThrottled):
			list = append(list, "throttled")
		case r.Err == nil:
			list = append(list, "done")
		default:
			list = append(list, r.Err.Error())
		}
	}
	return list
}

func TestABatchThatGotNoAnswerIsUncertain(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { fault(w) })
			results, err := connect(t, s.URL).Batch(t.Context(), threeParts)
			if err != nil || !cmp.Equal(outcomes(results), []string{"uncertain", "uncertain", "uncertain"}) || len(s.seen()) != 1 {
				t.Errorf("%v, %v after %d attempts", outcomes(results), err, len(s.seen()))
			}
		})
	}
}

func TestASingleSuccessForAChangeSetIsNoAnswer(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { writeMultipart(w, 200, single("204 No Content", "", "")) })
	results, err := connect(t, s.URL).Batch(t.Context(), []Part{{Set: threeParts[1].Set[:1]}})
	if err != nil || !cmp.Equal(outcomes(results), []string{"uncertain"}) {
		t.Errorf("%v, %v", outcomes(results), err)
	}
}

func TestABatchThatWasRefusedIsAnError(t *testing.T) {
	for status, want := range map[int]error{401: ErrUnauthorized, 403: ErrForbidden} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { writeError(w, status, "", "") })
		if _, err := connect(t, s.URL).Batch(t.Context(), threeParts); !errors.Is(err, want) {
			t.Errorf("%d: %v", status, err)
		}
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		writeError(w, 400, "0x80048d19", "System.ArgumentException: Stream was not readable.")
	})
	var e *Error
	if _, err := connect(t, s.URL).Batch(t.Context(), threeParts); !errors.As(err, &e) || e.Code != "0x80048d19" {
		t.Errorf("%v", err)
	}
}

func TestABatchOfReadsIsSentAgain(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			hangUp(w)
			return
		}
		writeMultipart(w, 200, single("200 OK", "Content-Type: application/json\r\n", `{"value":[]}`))
	})
	results, err := connect(t, s.URL).Batch(t.Context(), threeParts[2:])
	if err != nil || results[0].Err != nil || n != 2 {
		t.Errorf("%v, %v after %d attempts", results, err, n)
	}
}

// Throttling comes as a 429 of the whole, or as a 429 in every part, or in some.
func TestPartsThatWerePutOffAreSentAgainAndOnlyThose(t *testing.T) {
	put := single("429 Too Many Requests", "Retry-After: 0.02\r\n"+jsonHeader, `{"error":{"code":"0x80072322","message":"x"}}`)
	notFound := single("404 Not Found", jsonHeader, `{"error":{"code":"0x80040217","message":"x"}}`)
	list := single("200 OK", "Content-Type: application/json\r\n", `{"value":[]}`)
	var bodies []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		bodies = append(bodies, readBody(r))
		switch len(bodies) {
		case 1:
			w.Header().Set("Retry-After", "0.01")
			writeError(w, 429, "0x80072322", "x")
		case 2:
			writeMultipart(w, 200, put, put, put)
		case 3:
			writeMultipart(w, 200, notFound, put, list)
		default:
			writeMultipart(w, 200, set(withID(1, "204 No Content", "OData-Version: 4.0"), withID(2, "204 No Content", "OData-Version: 4.0")))
		}
	})
	c := connect(t, s.URL)
	results, err := c.Batch(t.Context(), threeParts)
	if err != nil || !cmp.Equal(outcomes(results), []string{"not found", "done", "done"}) {
		t.Errorf("%v, %v", outcomes(results), err)
	}
	if len(bodies) != 4 || strings.Contains(bodies[3], "contacts") || !strings.Contains(bodies[3], "leads") {
		t.Errorf("%d requests, the last: %s", len(bodies), bodies[len(bodies)-1])
	}
	if limit, _ := c.Concurrency(); limit >= firstConcurrency {
		t.Errorf("concurrency still %d", limit)
	}
}

// A deadlock's victim was rolled back, and the next attempt usually gets through.
func TestPartsThatFailedOfAPassingThingAreSentAgain(t *testing.T) {
	deadlock := single("500 Internal Server Error", jsonHeader, `{"error":{"code":"0x80044150","message":"Generic SQL error. Sql Number: 1205"}}`)
	plugin := single("500 Internal Server Error", jsonHeader, `{"error":{"code":"0x80040265","message":"x"}}`)
	action := Part{Op: &Operation{Method: "POST", Path: "WinOpportunity", Body: Row{}}}
	parts := []Part{threeParts[0], threeParts[1], action, threeParts[0]}
	var bodies []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		bodies = append(bodies, readBody(r))
		if len(bodies) == 1 {
			writeMultipart(w, 200, plugin, deadlock, deadlock, single("503 Service Unavailable", "", ""))
			return
		}
		writeMultipart(w, 200, set(withID(1, "204 No Content", "OData-Version: 4.0"), withID(2, "204 No Content", "OData-Version: 4.0")),
			single("204 No Content", "OData-Version: 4.0\r\n", ""))
	})
	results, err := connect(t, s.URL).Batch(t.Context(), parts)
	if err != nil || len(bodies) != 2 || strings.Contains(bodies[1], "WinOpportunity") {
		t.Fatalf("%v, %d requests", err, len(bodies))
	}
	var refused *Error
	if !errors.As(results[0].Err, &refused) || refused.Code != "0x80040265" || results[1].Err != nil || !errors.As(results[2].Err, &refused) || results[3].Err != nil {
		t.Errorf("%v", outcomes(results))
	}
}

func TestAPartThatAlwaysFailsOfAPassingThingIsAFailure(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		writeMultipart(w, 200, single("503 Service Unavailable", "", ""))
	})
	c := connect(t, s.URL, func(o *Options) { o.Retries = 3 })
	results, err := c.Batch(t.Context(), threeParts[1:2])
	if err != nil || !errors.Is(results[0].Err, ErrUnavailable) || len(s.seen()) != 4 {
		t.Errorf("%v, %v after %d attempts", results, err, len(s.seen()))
	}
}

func TestBatchesThatCannotBe(t *testing.T) {
	get, del := Operation{Method: "GET", Path: "contacts"}, Operation{Method: "DELETE", Path: "contacts(1)"}
	many := make(ChangeSet, 1001)
	for i := range many {
		many[i] = del
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	c := connect(t, s.URL)
	for name, parts := range map[string][]Part{
		"read in a set": {{Set: ChangeSet{get}}}, "empty part": {{}}, "both": {{Set: ChangeSet{del}, Op: &get}}, "too many": {{Set: many}},
		"a header that ends its line": {{Op: &Operation{Method: "GET", Path: "contacts", Header: http.Header{"X": {"a\r\nb: c"}}}}},
	} {
		if _, err := c.Batch(t.Context(), parts); err == nil || len(s.seen()) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if results, err := c.Batch(t.Context(), nil); err != nil || len(results) != 0 || len(s.seen()) > 0 {
		t.Errorf("nothing to do: %v, %v", results, err)
	}
}

func TestReferencesWithinAChangeSet(t *testing.T) {
	c := connect(t, "http://127.0.0.1:1")
	for path, want := range map[string]string{"$1": "$1", "$1/lastname": "$1/lastname", "contacts(1)": "/api/data/v9.2/contacts(1)", "/contacts(1)": "/api/data/v9.2/contacts(1)"} {
		if got, err := c.partTarget(path); err != nil || got != want {
			t.Errorf("partTarget(%q) = %q, %v", path, got, err)
		}
	}
	if _, err := c.partTarget("https://elsewhere.example/api/data/v9.2/contacts"); err == nil {
		t.Error("a part may address another host")
	}
}
