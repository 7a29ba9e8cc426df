package main

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gallra/gallra/dataverse"
)

// call is the command [!] call gallra ARGS…: a verb in the test's own process. What wants signals, a lock that another one
// holds, a limit of its process or libraries that read the process's environment is for exec.
func call(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || args[0] != "gallra" {
		ts.Fatalf("usage: call gallra ARGS…")
	}
	if code := callGallra(ts, args[1:]); (code == 0) == neg {
		ts.Fatalf("exit code %d", code)
	}
}

// definitions are shared by the verbs that tests call: their environments have most tables in common.
var definitions = new(dataverse.Definitions)

// callGallra calls a verb as if it were a process in the script's folder, with the script's environment, and gives its exit code.
func callGallra(ts *testscript.TestScript, args []string) int {
	in, err := os.Open(os.DevNull)
	ts.Check(err)
	defer func() { _ = in.Close() }()
	here := ts.MkAbs(".")
	getenv := func(name string) string {
		value := ts.Getenv(name)
		if name == "GALLRA_LEDGER" {
			value = cmp.Or(value, "ledger") // which is the setting's default
		}
		if value == "" || strings.Contains(value, "://") || !slices.Contains(fileVariables, name) {
			return value
		}
		return ts.MkAbs(value)
	}
	var out, errs bytes.Buffer
	code := run(&app{streams: streams{in: in, out: &out, errs: &errs, getenv: getenv}, definitions: definitions}, absolute(ts, args))
	// Messages name files as they were named in the script.
	relative := strings.NewReplacer(here+string(filepath.Separator), "")
	_, err = relative.WriteString(ts.Stdout(), out.String())
	ts.Check(err)
	_, err = relative.WriteString(ts.Stderr(), errs.String())
	ts.Check(err)
	return code
}

// fileVariables and fileFlags are the settings and the flags that name a file or a folder.
var (
	fileVariables = []string{"GALLRA_POLICY", "GALLRA_LEDGER", "GALLRA_CERTIFICATE", "GALLRA_CONFIG"}
	fileFlags     = []string{"--policy", "--ledger", "--certificate", "--config", "--out", "--plan", "--approved-policy", "--receipt", "--checkpoint", "--public-key", "--key", "--export", "--html", "--beside"}
)

// absolute are the arguments with the files among them named from the root: what follows a flag for a file, and whatever is
// there in the script's folder.
func absolute(ts *testscript.TestScript, args []string) []string {
	all := slices.Clone(args)
	for i, arg := range args {
		if arg == "" || strings.HasPrefix(arg, "-") || strings.Contains(arg, "://") {
			continue
		}
		path := ts.MkAbs(arg)
		if _, err := os.Lstat(path); err == nil || i > 0 && slices.Contains(fileFlags, args[i-1]) {
			all[i] = path
		}
	}
	return all
}

// TestEveryVerbIsTriedAsBuilt holds that each verb is a process in a script or in a page that TestDocs carries out.
func TestEveryVerbIsTriedAsBuilt(t *testing.T) {
	var tried strings.Builder
	for _, pattern := range []string{"testdata/script/*.txtar", "../../docs/quickstart.md", "../../README.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".md") {
				text = bytes.ReplaceAll(text, []byte("\ngallra "), []byte("\nexec gallra "))
			}
			tried.Write(text)
		}
	}
	for _, c := range newRoot(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr}}).Commands() {
		if c.Name() != "completion" && c.Name() != "help" && !strings.Contains(tried.String(), "exec gallra "+c.Name()) {
			t.Errorf("nothing runs exec gallra %s", c.Name())
		}
	}
}
