package dataverse

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The usual mistakes: each is one line that says what, and one that says what to do, without long waiting.
func TestTheUsualMistakesHaveAHint(t *testing.T) {
	refusal := func(status int, code, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { writeError(w, status, code, message) }
	}
	tests := map[string]struct {
		answer    http.HandlerFunc
		is        error
		text, try string
	}{
		"expired token": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.com/x/oauth2/authorize, resource_id=https://org.crm4.dynamics.com/")
			w.WriteHeader(401)
		}, ErrUnauthorized, "401 Unauthorized", "expired"},
		"no application user": {refusal(403, "0x80072560", "The user is not a member of the organization."), ErrForbidden, "0x80072560", "--application-user"},
		"application blocked": {refusal(403, "0x80095ffc", "Access to Dataverse API is restricted for this application Id"), ErrForbidden, "0x80095ffc", "allowed applications"},
		"administration mode": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, ErrForbidden, "403", "administration mode"},
		"missing privilege":   {refusal(403, "0x80040220", "Principal user (Id=1) is missing prvReadContact privilege (Id=2)"), ErrForbidden, "0x80040220", "lacks prvReadContact"},
		"missing depth":       {refusal(403, "0x80048306", "Principal with id 1 does not have WriteAccess right(s) for record with id 2 of entity contact."), ErrForbidden, "0x80048306", "WriteAccess"},
		"not an environment": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(404)
		}, ErrNotFound, "404", "Web API"},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.example", http.StatusFound)
		}, nil, "302", "leads elsewhere"},
		"a sign-in page": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>"))
		}, ErrAnswer, "text/html", "other than Dataverse"},
		"other customiser": {refusal(400, "0x80071151", "CustomizationLockException"), ErrCustomizing, "0x80071151", "import or publication"},
		"restricted":       {refusal(405, "0x80040227", "associated"), ErrRestricted, "0x80040227", "restricts"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tt.answer)
			_, err := connect(t, s.URL).WhoAmI(t.Context())
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if text := fmt.Sprint(err); !strings.Contains(text, tt.text) || strings.Contains(text, "\n") {
				t.Errorf("says %q, want %q in one line", text, tt.text)
			}
			if hint := Hint(fmt.Errorf("connect: %w", err)); !strings.Contains(hint, tt.try) || strings.Contains(hint, "\n") {
				t.Errorf("hint %q, want %q", hint, tt.try)
			}
			if n := len(s.seen()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
	if hint := Hint(nil); hint != "" {
		t.Errorf("no error has the hint %q", hint)
	}
}

func TestAWrongNameAndAnUntrustedCertificateEndAtOnce(t *testing.T) {
	n := 0
	c := connectTo(t, func(*http.Request) (*http.Response, error) {
		n++
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "org.crm4.dynamics.com", IsNotFound: true}}
	})
	_, err := c.WhoAmI(t.Context())
	if err == nil || err.Error() != "GET WhoAmI: no such host" || !strings.Contains(Hint(err), "admin center") || n != 1 {
		t.Errorf("%v, hint %q, %d attempts", err, Hint(err), n)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is what the test is about
	s.StartTLS()
	defer s.Close()
	_, err = connect(t, s.URL).WhoAmI(t.Context())
	if err == nil || err.Error() != "GET WhoAmI: the certificate is not trusted" || !strings.Contains(Hint(err), "SSL_CERT_FILE") {
		t.Errorf("%v, hint %q", err, Hint(err))
	}
}
