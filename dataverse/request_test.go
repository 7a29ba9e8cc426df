package dataverse

import (
	"errors"
	"net/http"
	"testing"
)

// A link of an answer stays in the service, whatever a proxy makes of its path.
func TestALinkOfAnAnswerDoesNotClimb(t *testing.T) {
	for _, path := range []string{"/api/data/v9.2/../../evil", "/api/data/../evil", "/api/data/v9.2/contacts/..", "/api/data/v9.2/%2e%2e/%2e%2e/evil", "/api/data/v9.2/.%2e/x",
		"/api/data/v9.2/..%2f..%2fevil", "/api/data/v9.2/%252e%252e/evil", "/api/data/v9.2/..\\evil", "/api/data/v9.2/..%5cevil", "/api/data/v9.2/./x", "/api/data/v9.2/..;/..;/evil",
		"/api/data/v9.2/x%25252e%25252e/..", "/api/data/%2525252e/x"} {
		for name, ask := range map[string]func(*testing.T, *Client) error{
			"Rows": func(t *testing.T, c *Client) error { _, err := collect(t, c, Query{Set: "contacts"}); return err },
			"Scan": func(t *testing.T, c *Client) error { _, err := scanned(t, c, Query{Set: "contacts"}); return err },
			"expanded": func(t *testing.T, c *Client) error {
				for _, err := range c.Rows(t.Context(), Query{Set: "accounts", Expand: "tasks"}) {
					return err
				}
				return nil
			},
		} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				link := `"http://` + r.Host + escapeText(path) + `?$skiptoken=x"`
				if r.URL.Path == "/api/data/v9.2/accounts" {
					writeJSON(w, 200, `{"value":[{"n":0,"tasks":[],"tasks@odata.nextLink":`+link+`}]}`)
					return
				}
				writeJSON(w, 200, `{"value":[{"n":0}],"@odata.nextLink":`+link+`}`)
			})
			if err := ask(t, connect(t, s.URL)); !errors.Is(err, ErrAnswer) || len(s.seen()) != 1 {
				t.Errorf("%s follows %s: %v, %q", name, path, err, s.seen())
			}
		}
	}
	c := connect(t, "https://org.crm4.dynamics.com")
	for _, path := range []string{"contacts/../../../evil", "contacts/..", "../evil", "%2e%2e/evil", "contacts\\..\\evil", "..%5cevil"} {
		if u, err := c.address(path); err == nil {
			t.Errorf("%s became %s", path, u)
		}
	}
	for _, path := range []string{"contacts?$filter=lastname eq '/../'", "contacts(emailaddress1='a..b@example.com')", "contacts(name='100%25')", "WhoAmI"} {
		if _, err := c.address(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What answers name is put into addresses: a name is a name.
func TestANameOfAnAnswerIsNoAddress(t *testing.T) {
	for _, set := range []string{"contacts/../../evil", "contacts?$filter=x", "contacts#", "con tacts", "https://evil.example/x", "contacts(1)", "$batch"} {
		asked := 0
		c := connectTo(t, func(r *http.Request) (*http.Response, error) {
			asked++
			return answerOf(r, []byte(`{"value":[{"LogicalName":"contact","EntitySetName":"`+set+`","PrimaryIdAttribute":"contactid"}]}`)), nil
		})
		if _, err := collect(t, c, Query{Table: "contact"}); !errors.Is(err, ErrAnswer) || asked != 1 {
			t.Errorf("%q: %v after %d requests", set, err, asked)
		}
	}
}

// escapeText is a path as it stands in a JSON text.
func escapeText(path string) string {
	var b []byte
	for i := range len(path) {
		if path[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, path[i])
	}
	return string(b)
}
