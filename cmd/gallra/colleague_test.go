package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"
)

// makeColleague makes another user with the administrator's role, as an administrator would through the Web API.
func makeColleague(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: colleague VAR")
	}
	api := ts.Getenv("GALLRA_URL") + "/api/data/v9.2/"
	call := func(method, path string, body any) []byte {
		var buf bytes.Buffer
		if body != nil {
			ts.Check(json.NewEncoder(&buf).Encode(body))
		}
		r, err := http.NewRequest(method, api+path, &buf)
		ts.Check(err)
		r.Header.Set("Authorization", "Bearer script-token")
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		ts.Check(err)
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		ts.Check(err)
		if answer.StatusCode >= 300 {
			ts.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, b)
		}
		return b
	}
	one := func(path, column string) string {
		var page struct {
			Value []map[string]any `json:"value"`
		}
		ts.Check(json.Unmarshal(call("GET", path, nil), &page))
		if len(page.Value) != 1 {
			ts.Fatalf("%d rows of %s", len(page.Value), path)
		}
		return page.Value[0][column].(string)
	}
	unit := one("businessunits?$select=businessunitid&$filter=_parentbusinessunitid_value%20eq%20null", "businessunitid")
	role := one("roles?$select=roleid&$filter=name%20eq%20%27System%20Administrator%27", "roleid")
	id := uuid.New()
	call("POST", "systemusers", map[string]any{"systemuserid": id, "firstname": "Second", "lastname": "Pair", "internalemailaddress": "second@example.com",
		"domainname": "second@example.com", "businessunitid@odata.bind": fmt.Sprintf("/businessunits(%s)", unit)})
	call("POST", fmt.Sprintf("systemusers(%s)/systemuserroles_association/$ref", id), map[string]any{"@odata.id": strings.TrimSuffix(api, "/") + "/roles(" + role + ")"})
	ts.Setenv(args[0], crm(ts).TokenFor(id))
}
