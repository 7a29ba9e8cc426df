package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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

func adminClient(ts *testscript.TestScript) *dataverse.Client {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "script-token"})
	ts.Check(err)
	c, err := dataverse.New(dataverse.Options{URL: ts.Getenv("GALLRA_URL"), Credential: credential, Definitions: definitions})
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
	used := worldOf(ts).rights
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

// inCRM is the command crm-do METHOD PATH JSON: what an administrator does in the CRM. ROOT is the root business unit, BASE the
// address of the Web API.
func inCRM(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: crm-do METHOD PATH JSON")
	}
	who, err := adminClient(ts).WhoAmI(context.Background())
	ts.Check(err)
	body := strings.NewReplacer("ROOT", who.BusinessUnitID.String(), "BASE", ts.Getenv("GALLRA_URL")+"/api/data/v9.2").Replace(args[2])
	op := dataverse.Operation{Method: args[0], Path: args[1], Body: json.RawMessage(body)}
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

// changeRole is the command role NAME add|remove PRIVILEGE DEPTH: a change of a role by hand.
func changeRole(ts *testscript.TestScript, neg bool, args []string) {
	c := adminClient(ts)
	id := func(set, key, name string) string {
		for row, err := range c.Rows(context.Background(), dataverse.Query{Set: set, Select: []string{key}, Filter: "name eq '" + name + "'"}) {
			ts.Check(err)
			return row.Text(key)
		}
		ts.Fatalf("no %s in %s", name, set)
		return ""
	}
	path, privilege := "roles("+id("roles", "roleid", args[0])+")/Microsoft.Dynamics.CRM.", id("privileges", "privilegeid", args[2])
	switch args[1] {
	case "add":
		ts.Check(c.Call(context.Background(), http.MethodPost, path+"AddPrivilegesRole", map[string]any{"Privileges": []any{map[string]string{"PrivilegeId": privilege, "Depth": args[3]}}}, nil))
	case "remove":
		ts.Check(c.Call(context.Background(), http.MethodPost, path+"RemovePrivilegeRole", map[string]any{"Privilege": map[string]string{"privilegeid": privilege}}, nil))
	}
}

// giveOwner is the command own N SET ID: that user or team gets N of the administrator's contacts that have a purge date. own
// all gives every user that exists to the administrator.
func giveOwner(ts *testscript.TestScript, neg bool, args []string) {
	c := adminClient(ts)
	who, err := c.WhoAmI(context.Background())
	ts.Check(err)
	scheduled := func(set, key, filter string) (ids []string) {
		q := dataverse.Query{Set: set, Select: []string{key}, OrderBy: key, Filter: "gallra_purgescheduledon ne null" + filter}
		for row, err := range c.Rows(context.Background(), q) {
			ts.Check(err)
			ids = append(ids, row.Text(key))
		}
		return ids
	}
	give := func(path, owner string) {
		ts.Check(c.Do(context.Background(), dataverse.Operation{Method: http.MethodPatch, Path: path, IfMatch: "*", Body: map[string]string{"ownerid@odata.bind": owner}}, nil))
	}
	if args[0] == "all" {
		for set, key := range map[string]string{"contacts": "contactid", "leads": "leadid"} {
			for _, id := range scheduled(set, key, "") {
				give(set+"("+id+")", "/systemusers("+who.UserID.String()+")")
			}
		}
		return
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, id := range scheduled("contacts", "contactid", " and _ownerid_value eq "+who.UserID.String())[:n] {
		give("contacts("+id+")", "/"+args[1]+"("+args[2]+")")
	}
}

// dropAnswer is the command drop before|after ROUTE N: the connection breaks before or after the next N requests of the route were
// carried out.
func dropAnswer(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(crm(ts).SetFaults(emulator.Fault{Drop: args[0], Route: args[1], Count: n}))
}
