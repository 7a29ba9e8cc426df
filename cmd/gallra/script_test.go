package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// TestMain is also the gallra that scripts execute. Both make garbage faster than it need be collected.
func TestMain(m *testing.M) {
	// What tests call in this process keeps no definitions, unless they give it a folder. What they execute keeps them as it does for anybody.
	if filepath.Base(os.Args[0]) != "gallra" {
		if err := os.Setenv("GALLRA_CACHE", "none"); err != nil {
			panic(err)
		}
	}
	emulatortest.Roomy()
	testscript.Main(m, map[string]func(){"gallra": main})
}

// TestScripts runs the command through testdata/script: one script a case, many at the same time. call gallra runs a verb in
// the test's own process, exec gallra the built binary; TestEveryVerbIsTriedAsBuilt holds that each verb is tried so.
//
// Besides testscript's own commands: crm [sample | provisioned | generate CONTACTS LEADS] starts an emulator (of the type in CRM_TYPE, with the settings in CRM_SETTINGS), provisioned being the sample
// after gallra provision with the model policy, and points GALLRA_* at it with the model policy and a ledger; code N COMMAND… expects an exit code, of call gallra
// where the command is gallra; clock DURATION|TIME moves the emulator's clock, or sets it; [!] found TEXT searches the
// emulator for a text; fault STATUS ROUTE lets
// requests of a route fail, fault alone lets them be; entra, az, signin, unused and crm-do stand in files of their own; who VAR TABLE TEXT sets VAR to the id of the one row of the table that
// holds the text; snapshot and restore keep the emulator's state and put it back; colleague
// VAR sets VAR to the token of another administrator; keys writes
// an Ed25519 key to key.pem, its public half to pub.pem, and that of another one to other.pem.
// ledger-of and slow stand in a file of their own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			e.Setenv("GALLRA_CACHE", filepath.Join(e.WorkDir, ".cache"))
			e.Values[world{}] = &world{}
			return os.WriteFile(filepath.Join(e.WorkDir, "sales.yaml"), []byte(gallra.ModelPolicy), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"crm": startCRM, "call": call, "code": expectCode, "clock": moveClock, "found": found, "fault": setFault,
			"who": rowOf, "snapshot": snapshot, "restore": restore, "entra": startEntra, "az": fakeAz,
			"signin": signIn, "unused": unusedRights, "crm-do": inCRM, "crm-get": readCRM, "columns": addColumns,
			"role": changeRole, "own": giveOwner, "drop": dropAnswer, "keys": makeKeys, "colleague": makeColleague, "ledger-of": ledgerOf, "slow": slowRoute,
		},
	})
}

func startCRM(ts *testscript.TestScript, neg bool, args []string) {
	used := &usedRights{byUser: map[uuid.UUID]map[string]bool{}}
	options := emulatortest.With(emulator.Options{Token: "script-token", OnPrivilege: used.note, OrganizationType: ts.Getenv("CRM_TYPE")}, ts.Getenv("CRM_SETTINGS"))
	options = emulatortest.Options(options, "read-only-quotes", "owners-need-roles") // stories by whom an order binds, and of owners without a role
	server := emulator.New(options)
	if len(args) == 1 && (args[0] == "sample" || args[0] == "provisioned") {
		loaded, err := map[string]func() (*emulator.Server, error){"sample": sampled, "provisioned": provisionedSample}[args[0]]()
		ts.Check(err)
		server = loaded.Clone(options)
	}
	if len(args) == 3 && args[0] == "generate" {
		contacts, err := strconv.Atoi(args[1])
		ts.Check(err)
		leads, err := strconv.Atoi(args[2])
		ts.Check(err)
		ts.Check(server.Generate(emulator.Generated{Contacts: contacts, Leads: leads, Seed: 7}))
	}
	w := worldOf(ts)
	w.crm, w.rights = server, used
	web := httptest.NewServer(server)
	ts.Defer(web.Close)
	ts.Setenv("GALLRA_URL", web.URL)
	ts.Setenv("GALLRA_TOKEN", "script-token")
	ts.Setenv("GALLRA_POLICY", "sales.yaml")
	ts.Setenv("GALLRA_LEDGER", "evidence")
}

// sampled is an environment with the sample data, which every test that wants them begins with a clone of.
var sampled = sync.OnceValues(func() (*emulator.Server, error) {
	server := emulator.New(emulatortest.Options(emulator.Options{}))
	return server, sample.Load(server)
})

// provisionedSample is such an environment after gallra provision with the model policy.
var provisionedSample = sync.OnceValues(func() (*emulator.Server, error) {
	loaded, err := sampled()
	if err != nil {
		return nil, err
	}
	server := loaded.Clone(emulatortest.Options(emulator.Options{Token: "t"}))
	web := httptest.NewServer(server)
	defer web.Close()
	dir, err := os.MkdirTemp("", "gallra-provisioned-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	policy := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		return nil, err
	}
	env := map[string]string{"GALLRA_URL": web.URL, "GALLRA_TOKEN": "t", "GALLRA_POLICY": policy, "GALLRA_LEDGER": filepath.Join(dir, "ledger")}
	var out bytes.Buffer
	a := &app{streams: streams{in: os.Stdin, out: io.Discard, errs: &out, getenv: func(name string) string { return env[name] }}, definitions: definitions}
	if code := run(a, []string{"provision"}); code != 0 {
		return nil, fmt.Errorf("gallra provision: code %d, %s", code, out.String())
	}
	return server, nil
})

// company is an environment with the sample data.
func company(t *testing.T, o emulator.Options) *emulator.Server {
	t.Helper()
	loaded, err := sampled()
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Clone(emulatortest.Options(o, "read-only-quotes")) // whoever is bound by an order that nobody may change fails
}

// world is what a script has started; it is kept among the script's own values.
type world struct {
	crm    *emulator.Server
	rights *usedRights
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(world{}).(*world) }

func crm(ts *testscript.TestScript) *emulator.Server {
	s := worldOf(ts).crm
	if s == nil {
		ts.Fatalf("no crm was started")
	}
	return s
}

func expectCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := codeOf(ts, args[1:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func codeOf(ts *testscript.TestScript, command []string) int {
	if command[0] == "gallra" {
		return callGallra(ts, command[1:])
	}
	if command[0] == "exec" {
		command = command[1:]
	}
	err := ts.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

func moveClock(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: clock DURATION")
	}
	if at, err := time.Parse(time.RFC3339, args[0]); err == nil {
		crm(ts).SetClock(at)
		return
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	crm(ts).Advance(d)
}

func found(ts *testscript.TestScript, neg bool, args []string) {
	text := strings.Join(args, " ")
	var places []string
	for _, p := range crm(ts).Find(text) {
		places = append(places, fmt.Sprintf("%s %s %s", p.Where, p.Table, p.Column))
	}
	switch {
	case neg && len(places) > 0:
		ts.Fatalf("%q is still found: %s", text, strings.Join(places, "; "))
	case !neg && len(places) == 0:
		ts.Fatalf("%q is not found anywhere", text)
	}
	ts.Logf("%q: %s", text, strings.Join(places, "; "))
}

func setFault(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Check(crm(ts).SetFaults())
		return
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	f := emulator.Fault{Status: status, Route: strings.Join(args[1:], " ")}
	ts.Check(crm(ts).SetFaults(f))
}

func rowOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: who VAR TABLE TEXT")
	}
	ids := map[string]bool{}
	for _, p := range crm(ts).Find(strings.Join(args[2:], " ")) {
		if p.Where == "row" && p.Table == args[1] {
			ids[p.ID] = true
			ts.Setenv(args[0], p.ID)
		}
	}
	if len(ids) != 1 {
		ts.Fatalf("%d rows of %s hold that text", len(ids), args[1])
	}
}

func snapshot(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv("SNAPSHOT", crm(ts).Snapshot())
}

func restore(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(crm(ts).Restore(ts.Getenv("SNAPSHOT")))
}
