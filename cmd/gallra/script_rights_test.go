package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
)

// usedRights are the privileges that the emulator has asked about, by user.
type usedRights struct {
	mu     sync.Mutex
	byUser map[uuid.UUID]map[string]bool
}

func (u *usedRights) note(user uuid.UUID, privilege string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byUser[user] == nil {
		u.byUser[user] = map[string]bool{}
	}
	u.byUser[user][privilege] = true
}

// rightsOf are what the emulators of the scripts have noted, by work directory.
var rightsOf = map[string]*usedRights{}

func adminClient(ts *testscript.TestScript) *dataverse.Client {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "script-token"})
	ts.Check(err)
	c, err := dataverse.New(dataverse.Options{URL: ts.Getenv("GALLRA_URL"), Credential: credential})
	ts.Check(err)
	return c
}

func applicationUser(ts *testscript.TestScript, app string) uuid.UUID {
	for row, err := range adminClient(ts).Rows(context.Background(), dataverse.Query{Set: "systemusers", Select: []string{"systemuserid"}, Filter: "applicationid eq " + app}) {
		ts.Check(err)
		return row.ID("systemuserid")
	}
	ts.Fatalf("application %s has no user", app)
	return uuid.UUID{}
}

// signIn is the command signin CLIENT-ID: from now on gallra is the application's user; signin alone is the administrator.
func signIn(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Setenv("GALLRA_TOKEN", "script-token")
		return
	}
	ts.Setenv("GALLRA_TOKEN", crm(ts).TokenFor(applicationUser(ts, args[0])))
}

// unusedRights is the command unused CLIENT-ID [PRIVILEGE…]: of the rights that the application's user has, exactly those are
// ones that nothing has needed so far.
func unusedRights(ts *testscript.TestScript, neg bool, args []string) {
	user := applicationUser(ts, args[0])
	have, err := adminClient(ts).UserPrivileges(context.Background(), user)
	ts.Check(err)
	used := rightsOf[ts.Getenv("WORK")]
	used.mu.Lock()
	defer used.mu.Unlock()
	var unused []string
	for _, p := range have {
		if !used.byUser[user][p.Name] {
			unused = append(unused, p.Name)
		}
	}
	slices.Sort(unused)
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(unused, want) {
		ts.Fatalf("unused: %s\nwant:   %s", strings.Join(unused, " "), strings.Join(want, " "))
	}
	ts.Logf("%d rights, all but %d of them used", len(have), len(unused))
}

// inCRM is the command crm-do METHOD PATH JSON: what an administrator does in the CRM.
func inCRM(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: crm-do METHOD PATH JSON")
	}
	op := dataverse.Operation{Method: args[0], Path: args[1], Body: json.RawMessage(args[2])}
	if args[0] == http.MethodPatch {
		op.IfMatch = "*"
	}
	ts.Check(adminClient(ts).Do(context.Background(), op, nil))
}

// readCRM is the command crm-get PATH: what the service says to an administrator, on standard output.
func readCRM(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: crm-get PATH")
	}
	var answer json.RawMessage
	ts.Check(adminClient(ts).Read(context.Background(), args[0], &answer))
	fmt.Fprintln(ts.Stdout(), string(answer))
}

// addColumns is the command columns PREFIX TABLE:NAME:TYPE…: columns that a customiser has made; dates are dates only.
func addColumns(ts *testscript.TestScript, neg bool, args []string) {
	for _, arg := range args[1:] {
		part := strings.Split(arg, ":")
		c := emulator.Column{Table: part[0], SchemaName: part[1], Type: part[2], Label: part[1]}
		switch c.Type {
		case "DateTime":
			c.Behavior = "DateOnly"
		case "Memo":
			c.MaxLength = 2000
		}
		ts.Check(crm(ts).AddColumns(args[0], c))
	}
}
