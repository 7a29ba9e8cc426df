package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

const contactID = "3f2c0000-0000-4000-8000-000000000001"

// service is a handler that answers the list of tables and leaves the rest to the test.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // method and request URI, without those for the list of tables
}

func (s *service) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

func serve(t *testing.T, handler http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("OData-Version", "4.0")
		if strings.HasPrefix(r.URL.Path, apiPath+"EntityDefinitions") && r.URL.Path == apiPath+"EntityDefinitions" {
			writeJSON(w, 200, `{"value":[
				{"MetadataId":"00000000-0000-0000-0000-00000000c0de","LogicalName":"contact","SchemaName":"Contact","EntitySetName":"contacts","PrimaryIdAttribute":"contactid","PrimaryNameAttribute":"fullname","ObjectTypeCode":2},
				{"LogicalName":"lead","EntitySetName":"leads","PrimaryIdAttribute":"leadid"}]}`)
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.RequestURI)
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	b, _ := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	writeJSON(w, status, string(b))
}

func connect(t *testing.T, url string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{URL: url, Credential: staticToken("secret-token"), RetryWait: time.Millisecond}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEveryRequestCarriesTheHeadersThatTheServiceWants(t *testing.T) {
	var got http.Header
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Set("Date", "Tue, 24 Nov 2026 08:00:00 GMT")
		w.Header().Set("x-ms-dop-hint", "4")
		w.Header().Add("Set-Cookie", "ARRAffinity=abc; path=/; HttpOnly")
		writeJSON(w, 200, `{"@odata.context":"x","BusinessUnitId":"00000000-0000-0000-0000-0000000000b1","UserId":"00000000-0000-0000-0000-0000000000a1","OrganizationId":"00000000-0000-0000-0000-0000000000c1"}`)
	})
	c := connect(t, s.URL)
	if !c.Now().IsZero() {
		t.Errorf("Now() = %v before the first answer", c.Now())
	}
	for range 2 {
		who, err := c.WhoAmI(context.Background())
		if err != nil || who.UserID != uuid.MustParse("00000000-0000-0000-0000-0000000000a1") {
			t.Fatalf("WhoAmI() = %v, %v", who, err)
		}
	}
	for name, want := range map[string]string{
		"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0",
		"Authorization": "Bearer secret-token", "If-None-Match": "null",
		"Cookie": "", // affinity would tie all requests to one web server and its limits
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	if want := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC); !c.Now().Equal(want) {
		t.Errorf("Now() = %v, want the service's clock", c.Now())
	}
	if limit, _ := c.Concurrency(); limit != 4 {
		t.Errorf("concurrency %d, want the hint 4", limit)
	}
}

func TestAnOperationCarriesItsConditionAndHeaders(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Match") != `W/"7"` || r.Header.Get("MSCRM.BypassCustomPluginExecution") != "true" || r.Header.Get("If-None-Match") != "" ||
			r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("headers %v", r.Header)
		}
		if body := readBody(r); body != `{"lastname":"Öberg <&>"}` {
			t.Errorf("body %s", body)
		}
		w.WriteHeader(204)
	})
	op := Operation{Method: "PATCH", Path: "contacts(" + contactID + ")", IfMatch: `W/"7"`, Body: json.RawMessage(`{"lastname":"Öberg <&>"}`),
		Header: http.Header{"MSCRM.BypassCustomPluginExecution": {"true"}}}
	if err := connect(t, s.URL).Do(context.Background(), op, nil); err != nil {
		t.Error(err)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	for _, address := range []string{"", "org.crm4.dynamics.com", "ftp://org.crm4.dynamics.com", "http://org.crm4.dynamics.com",
		"https://user:pw@org.crm4.dynamics.com", "https://make.powerapps.com/environments/x"} {
		if _, err := New(Options{URL: address, Credential: staticToken("t")}); err == nil {
			t.Errorf("New(%q) took the address", address)
		}
	}
	for _, address := range []string{"https://Org.crm4.dynamics.com/", "https://org.crm4.dynamics.com/api/data/v9.2/", "https://org.crm4.dynamics.com"} {
		c, err := New(Options{URL: address, Credential: staticToken("t")})
		if err != nil || c.URL() != "https://org.crm4.dynamics.com" {
			t.Errorf("New(%q) = %v, %v", address, c, err)
		}
	}
}

func TestErrorsByMeaning(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   error
		not    error
	}{
		{404, "0x80040217", ErrNotFound, ErrChanged},
		{412, "0x80060882", ErrChanged, ErrDuplicate},
		{412, "", ErrChanged, ErrDuplicate},
		{412, "0x80040237", ErrDuplicate, ErrChanged},
		{500, "0x80040333", ErrDuplicate, ErrChanged},
		{401, "", ErrUnauthorized, ErrForbidden},
		{403, "0x80040220", ErrForbidden, ErrUnauthorized},
		{405, "0x80040227", ErrRestricted, ErrNotFound},
	}
	for _, tt := range tests {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("x-ms-service-request-id", "11111111-0000-0000-0000-000000000000")
			w.Header().Add("x-ms-service-request-id", "22222222-0000-0000-0000-000000000000")
			writeError(w, tt.status, tt.code, "Jane Doe <jane@example.com> does not exist")
		})
		c := connect(t, s.URL)
		err := c.Call(context.Background(), "PATCH", "contacts("+contactID+")", map[string]string{"a": "b"}, nil)
		if !errors.Is(err, tt.want) || errors.Is(err, tt.not) {
			t.Errorf("%d %s: %v, want %v and not %v", tt.status, tt.code, err, tt.want, tt.not)
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != tt.code || e.RequestID != "22222222-0000-0000-0000-000000000000" ||
			e.Op != "PATCH contacts("+contactID+")" || !strings.Contains(e.Message, "Jane") {
			t.Errorf("%d %s: fields %+v", tt.status, tt.code, e)
		}
		if text := fmt.Sprint(err, Hint(err)); strings.Contains(text, "Jane") || strings.Contains(text, "jane@") {
			t.Errorf("the error prints the service's message: %s", text)
		}
		if n := len(s.seen()); n != 1 {
			t.Errorf("%d %s: sent %d times", tt.status, tt.code, n)
		}
	}
}
