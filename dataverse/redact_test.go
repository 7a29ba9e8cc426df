package dataverse

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

func TestNothingPersonalInLogsAndErrors(t *testing.T) {
	secrets := []string{"jane", "Doe", "secret-token", "$filter", "%24filter", "?"}
	answers := map[string]http.HandlerFunc{
		"refused":  func(w http.ResponseWriter, r *http.Request) { writeError(w, 400, "0x80040203", "jane@example.com Doe") },
		"odd code": func(w http.ResponseWriter, r *http.Request) { writeError(w, 400, "jane@example.com", "Doe") },
		"broken":   func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, `{"value":[{"fullname":"jane Doe"`) },
		"type":     func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, `{"value":"jane Doe"}`) },
		"proxy": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/jane")
			w.Write([]byte("jane Doe"))
		},
		"hang up": func(w http.ResponseWriter, r *http.Request) { hangUp(w) },
		"throttled": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "9999")
			writeError(w, 429, "", "jane")
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/?u=jane", http.StatusFound)
		},
		"malformed": func(w http.ResponseWriter, r *http.Request) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			io.WriteString(buf, "HTTP/1.1 jane Doe\r\n\r\n")
			buf.Flush()
			conn.Close()
		},
		"link": func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, 200, `{"value":[],"@odata.nextLink":"https://jane.example.com/Doe?$filter=x"}`)
		},
		"request id": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("REQ_ID", "jane@example.com")
			writeError(w, 400, "", "jane")
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answer)
			var log bytes.Buffer
			c := connect(t, s.URL, func(o *Options) {
				o.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				o.Retries = 1
			})
			var errs []error
			for _, err := range c.Rows(t.Context(), Query{Table: "contact", Filter: "emailaddress1 eq 'jane@example.com'"}) {
				errs = append(errs, err)
			}
			errs = append(errs,
				c.Scan(t.Context(), Query{Table: "contact", Filter: "lastname eq 'Doe'"}, []string{"fullname"}, func([]Value) error { return nil }),
				c.Call(t.Context(), "PATCH", "contacts(emailaddress1='jane@example.com',lastname='D(o)e Doe')?$select=Doe", Row{"a": "jane"}, nil),
				c.Read(t.Context(), "RetrieveX(A=@p)?@p='jane'", new(Row)))
			_, err := c.Batch(t.Context(), []Part{{Op: &Operation{Method: "DELETE", Path: "contacts(emailaddress1='jane@example.com')"}}})
			errs = append(errs, err)
			text := log.String()
			for _, err := range errs {
				if err == nil {
					continue
				}
				text += fmt.Sprintf("%v %s %s\n", err, err, Hint(err))
			}
			if len(text) < 200 {
				t.Errorf("hardly anything was said: %s", text)
			}
			for _, secret := range secrets {
				if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
					t.Errorf("%q stands in:\n%s", secret, text)
				}
			}
		})
	}
}

func TestOpText(t *testing.T) {
	tests := []struct{ method, path, want string }{
		{"DELETE", "contacts(" + contactID + ")", "DELETE contacts(" + contactID + ")"},
		{"GET", "/api/data/v9.2/contacts?$filter=lastname eq 'Doe'", "GET contacts"},
		{"GET", "https://org.crm4.dynamics.com/api/data/v9.2/contacts(emailaddress1='a@b')/x", "GET contacts(…)/x"},
		{"GET", "contacts(emailaddress1=%27a@b%27)", "GET contacts(…)"},
		{"GET", "contacts(lastname='a)b')/owner", "GET contacts(…)/owner"},
		{"GET", "EntityDefinitions(LogicalName='contact')/Attributes", "GET EntityDefinitions(LogicalName='contact')/Attributes"},
		{"GET", "contacts%3Fname=Doe", "GET contacts"},
		{"POST", "$batch", "POST $batch"},
		{"PATCH", "$1/lastname", "PATCH $1/lastname"},
		{"GET", "jane@example.com", "GET jane…example.com"},
		{"GET", "WhoAmI()", "GET WhoAmI()"},
		{"GET", "https://jane@elsewhere.example/x", "GET …"},
	}
	for _, tt := range tests {
		if got := opText(tt.method, tt.path); got != tt.want {
			t.Errorf("opText(%q, %q) = %q, want %q", tt.method, tt.path, got, tt.want)
		}
	}
}

type brokenCredential struct{ err error }

func (b brokenCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, b.err
}

func TestASignInThatFailsIsNotTriedAgainAndHasAHint(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	calls := 0
	c := connect(t, s.URL, func(o *Options) {
		o.Credential = countingCredential{&calls, brokenCredential{fmt.Errorf("AzureCLICredential: please run 'az login'")}}
	})
	_, err := c.WhoAmI(t.Context())
	if err == nil || calls != 1 || Hint(err) != "sign in with: az login" || len(s.seen()) != 0 {
		t.Errorf("%v (hint %q) after %d sign-ins and %d requests", err, Hint(err), calls, len(s.seen()))
	}
}

type countingCredential struct {
	n *int
	azcore.TokenCredential
}

func (c countingCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*c.n++
	return c.TokenCredential.GetToken(ctx, o)
}
