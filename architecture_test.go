package gallra_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gallra/gallra"

// mayImport is which packages of the module a package may import, in itself and in its tests; a name with /... stands for
// what is below it as well. Imports run one way, as docs/architecture.md says. A package that stands nowhere here takes
// the line of the nearest folder above it.
var mayImport = map[string][]string{
	".":                  {},
	"config":             {},
	"cmd":                {"", "config", "dataverse/...", "retention/...", "cmd/gallra/...", "internal/words"},
	"cmd/gallra/console": {"cmd/gallra/verb", "dataverse", "dataverse/odata", "retention/...", "internal/words", "internal/workbook"},
	// What verbs do, for the command line and the console: it prints nothing.
	"cmd/gallra/verb": {"dataverse", "retention/..."},
	// What a collector is told holds no more than what a run counts.
	"cmd/gallra/telemetry": {"retention/purge"},
	"dataverse":            {"dataverse/odata", "dataverse/fetchxml"},
	"dataverse/provision":  {"dataverse", "dataverse/provision/formxml", "internal/words"},
	// XML in, XML out.
	"dataverse/provision/formxml": {},
	// A file that the one side writes and the other reads: it knows neither.
	"dataverse/snapshot": {"internal/filelock"},
	"dataverse/odata":    {},
	"dataverse/fetchxml": {},
	// The emulator knows nothing of the client: what both got wrong in the same way would never be seen.
	"dataverse/emulator": {"dataverse/emulator/internal/...", "dataverse/snapshot", "dataverse/odata", "dataverse/fetchxml"},
	// Its rooms: each may know those before it.
	"dataverse/emulator/internal/schema":   {"dataverse/odata"},
	"dataverse/emulator/internal/store":    {"dataverse/emulator/internal/schema"},
	"dataverse/emulator/internal/tokens":   {"dataverse/emulator/internal/store"},
	"dataverse/emulator/internal/wire":     {"dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/odata"},
	"dataverse/emulator/internal/access":   {"dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire"},
	"dataverse/emulator/internal/query":    {"dataverse/emulator/internal/access", "dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire", "dataverse/fetchxml", "dataverse/odata"},
	"dataverse/emulator/internal/metadata": {"dataverse/emulator/internal/access", "dataverse/emulator/internal/query", "dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire", "dataverse/fetchxml", "dataverse/odata"},
	"dataverse/emulator/internal/hooks":    {"dataverse/emulator/internal/query", "dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire"},
	"dataverse/emulator/internal/platform": {"dataverse/emulator/internal/access", "dataverse/emulator/internal/hooks", "dataverse/emulator/internal/metadata", "dataverse/emulator/internal/query", "dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire", "dataverse/fetchxml"},
	"dataverse/emulator/internal/messages": {"dataverse/emulator/internal/access", "dataverse/emulator/internal/platform", "dataverse/emulator/internal/query", "dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire", "dataverse/fetchxml"},
	"dataverse/emulator/internal/load":     {"dataverse/snapshot", "dataverse/emulator/internal/metadata", "dataverse/emulator/internal/platform", "dataverse/emulator/internal/schema", "dataverse/emulator/internal/store", "dataverse/emulator/internal/wire"},
	"dataverse/emulator/internal/generate": {"dataverse/emulator/internal/load", "dataverse/emulator/internal/metadata", "dataverse/emulator/internal/platform", "dataverse/emulator/internal/store"},
	"dataverse/emulator/entra":             {"dataverse/emulator", "dataverse/emulator/internal/platform", "dataverse/emulator/internal/store", "dataverse/emulator/internal/tokens"},
	"dataverse/emulator/sample":            {"dataverse/emulator"},
	"dataverse/emulator/scenario":          {"dataverse/emulator", "dataverse/emulator/sample"},
	"dataverse/emulator/emulatortest":      {"dataverse/emulator"},
	"dataverse/emulator/examples":          {},

	// The conformance suite runs against the service as well: it knows neither the emulator nor what reads OData for it.
	"dataverse/emulator/conformance": {},

	// The pure rules know nothing but dates and ids.
	"retention":           {},
	"retention/policy":    {"retention", "dataverse/odata", "dataverse/fetchxml", "internal/words"},
	"retention/personmap": {"retention/policy", "dataverse"},
	"retention/compile":   {"retention", "retention/policy", "retention/personmap", "dataverse", "dataverse/provision", "dataverse/odata", "dataverse/fetchxml", "internal/words"},
	// What nights keep knows no policy and no person: it keeps the rows of queries.
	"retention/state":          {"dataverse", "dataverse/odata"},
	"retention/state/blobs":    {"retention/state"},
	"retention/evaluate":       {"retention", "retention/policy", "retention/compile", "retention/state", "dataverse", "dataverse/odata"},
	"retention/plan":           {"retention", "retention/policy", "retention/compile", "retention/evaluate", "dataverse", "dataverse/odata", "dataverse/fetchxml", "internal/words"},
	"retention/purge":          {"retention", "retention/policy", "retention/personmap", "retention/compile", "retention/evaluate", "retention/plan", "retention/ledger", "retention/state", "retention/purge/...", "dataverse", "dataverse/provision", "dataverse/odata", "dataverse/fetchxml", "internal/words"},
	"retention/notify":         {"retention", "retention/compile", "retention/ledger", "retention/purge", "dataverse", "dataverse/provision", "internal/words"},
	"retention/doctor":         {"retention", "retention/policy", "retention/personmap", "retention/compile", "retention/state", "retention/evaluate", "retention/plan", "retention/ledger", "retention/purge", "retention/purge/inventory", "retention/purge/search", "dataverse", "dataverse/provision", "internal/words"},
	"retention/ledger":         {"retention", "retention/policy", "retention/ledger/...", "internal/filelock", "internal/workbook"},
	"retention/report":         {"retention", "retention/policy", "retention/personmap", "retention/compile", "retention/plan", "retention/ledger", "retention/purge", "retention/purge/search", "dataverse", "internal/words", "internal/workbook"},
	"retention/report/receipt": {"retention", "retention/policy", "retention/personmap", "retention/compile", "retention/evaluate", "retention/ledger", "retention/purge", "retention/purge/search", "internal/words"},
	// The search proves what a purge did: it takes nothing from what decides and erases. The inventory reads and decides, and
	// knows no ledger.
	"retention/purge/ask":         {"retention", "retention/compile", "retention/ledger", "retention/purge/environment", "dataverse", "internal/words"},
	"retention/purge/environment": {"retention/policy", "retention/personmap", "retention/compile", "dataverse"},
	"retention/purge/inventory":   {"retention/policy", "retention/personmap", "retention/compile", "retention/purge/environment", "dataverse", "dataverse/odata"},
	"retention/purge/rows":        {"retention", "retention/policy", "retention/compile", "retention/purge/environment", "retention/purge/inventory", "dataverse"},
	"retention/purge/search":      {"retention/personmap", "retention/compile", "retention/ledger", "retention/purge/environment", "dataverse", "dataverse/odata"},
	// What people read is said without a look at what it is said of.
	"internal/words":           {},
	"internal/words/wordstest": {"internal/words"},
	"internal/workbook":        {},
	// The world of the tests of snapshots and of rehearsals.
	"internal/crmtest": {"retention/policy", "retention/compile", "retention/take", "dataverse", "dataverse/emulator", "dataverse/emulator/emulatortest"},
	// What is given away is built by programs of their own, which know the command only as a folder.
	"deploy": {"deploy/build"},
	// What reads an environment into a file knows no emulator, and what lives on in it goes by the file.
	"retention/take":     {"retention/compile", "retention/personmap", "dataverse", "dataverse/snapshot"},
	"retention/rehearse": {"retention", "retention/policy", "retention/personmap", "retention/compile", "retention/evaluate", "retention/plan", "retention/ledger", "retention/purge", "retention/report", "retention/state", "retention/take", "dataverse", "dataverse/provision", "dataverse/snapshot", "dataverse/emulator/...", "internal/words"},
	// A company's tests of its policy run through the whole evaluation, and through a purge, on the emulator.
	// A second reading of the policy shares nothing with the first.
	"retention/naive":      {},
	"retention/policytest": {"retention", "retention/policy", "retention/compile", "retention/evaluate", "retention/plan", "retention/ledger", "retention/purge", "retention/purge/environment", "dataverse", "dataverse/provision", "dataverse/emulator/..."},
}

// inTests are what tests may import beside: they put the parts together that must not know each other.
var inTests = map[string][]string{
	"dataverse":             {"dataverse", "dataverse/emulator/..."},
	"dataverse/provision":   {"dataverse/..."},
	"dataverse/odata":       {"dataverse/fetchxml"},
	"dataverse/fetchxml":    {"dataverse/odata"},
	"dataverse/emulator":    {"dataverse", "dataverse/emulator/..."},
	"retention":             {"", "retention"},
	"retention/policy":      {"", "retention/policy", "internal/words/..."},
	"retention/compile":     {"", "retention/compile", "dataverse/..."},
	"retention/state":       {"retention/state", "dataverse/..."},
	"retention/state/blobs": {"retention/state/blobs", "retention/ledger", "retention/ledger/azuritetest"},
	"retention/evaluate":    {"", "dataverse/...", "retention/..."},
	"retention/plan":        {"", "retention/plan", "dataverse/...", "internal/words/..."},
	"retention/purge":       {"dataverse/...", "retention/...", "internal/words"},
	"retention/notify":      {"retention/...", "dataverse", "internal/words/wordstest"},
	"retention/doctor":      {"", "dataverse/...", "retention/..."},
	"retention/ledger":      {"", "retention/ledger"},
	"retention/report":      {"dataverse/...", "retention/...", "internal/words/..."},
	"retention/naive":       {"", "retention/...", "dataverse/..."},
	"config":                {"config"},
	"cmd/gallra/console":    {"", "dataverse/...", "retention/...", "cmd/gallra/console", "internal/words/..."},
	"retention/policytest":  {"", "retention/...", "dataverse/..."},
	"retention/take":        {"", "retention/...", "dataverse/...", "internal/crmtest"},
	"retention/rehearse":    {"", "retention/...", "dataverse/...", "internal/words/...", "internal/crmtest"},
	"dataverse/snapshot":    {"dataverse/snapshot"},
	// What the search finds its own tests find with it alone.
	"retention/purge/ask":         {"internal/words/wordstest"},
	"retention/purge/environment": {},
	"retention/purge/inventory":   {},
	"retention/purge/rows":        {},
	"retention/purge/search":      {},
	// Clients that others wrote run against the emulator.
	"clients": {"dataverse/emulator/..."},
	// The sample data is held against the model policy.
	"dataverse/emulator/sample": {"", "dataverse", "dataverse/provision", "dataverse/emulator/...", "retention/..."},

	// Its tests start an emulator, but know no client of ours.
	"dataverse/emulator/conformance": {"dataverse/emulator"},

	".": {""},
}

// pure is what the packages and files that hold the date rules may import beside the module's own: they reach nothing
// outside, so that a forecast, a dry run and a real run cannot differ. A package stands here by its folder, so that a file
// that is new in it is held as well.
var pure = map[string][]string{
	"retention":                {"fmt", "math", "strconv", "strings", "time", "github.com/google/uuid"},
	"retention/plan/plan.go":   {"cmp", "slices", "github.com/google/uuid"},
	"retention/plan/reason.go": {"time"},
	"retention/plan/guard.go":  {"fmt", "slices"},
}

// goFile is a source file of the module.
type goFile struct {
	path    string
	test    bool
	syntax  *ast.File
	imports []string
}

func sources(t *testing.T) []goFile {
	t.Helper()
	var all []goFile
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := goFile{path: filepath.ToSlash(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
		for _, i := range syntax.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d files found", len(all))
	}
	return all
}

// nearest is the entry of the folder or of the one above it that has one.
func nearest(rules map[string][]string, folder string) []string {
	for ; ; folder = path.Dir(folder) {
		if allowed, ok := rules[folder]; ok || folder == "." {
			return allowed
		}
	}
}

func permitted(allowed []string, imported string) bool {
	for _, a := range allowed {
		if below, all := strings.CutSuffix(a, "/..."); a == imported || all && (imported == below || strings.HasPrefix(imported, below+"/")) {
			return true
		}
	}
	return false
}

func TestImportsRunOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t) {
		folder := path.Dir(f.path)
		seen[folder] = true
		for _, imported := range f.imports {
			local, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			local = strings.TrimPrefix(local, "/")
			if permitted(nearest(mayImport, folder), local) || f.test && (local == folder || local == "internal/seeds" || permitted(nearest(inTests, folder), local)) {
				continue
			}
			t.Errorf("%s imports %s: see docs/architecture.md for who may know whom", f.path, imported)
		}
	}
	for _, folder := range []string{"config", "dataverse", "dataverse/emulator", "dataverse/odata", "dataverse/fetchxml", "retention", "retention/policy", "retention/compile", "retention/evaluate", "retention/plan", "retention/ledger", "retention/purge", "retention/purge/ask", "retention/purge/environment", "retention/purge/inventory", "retention/purge/rows", "retention/purge/search"} {
		if !seen[folder] {
			t.Errorf("%s was not looked at: has it moved?", folder)
		}
	}
}

func TestPlannerReachesNothingOutside(t *testing.T) {
	found := map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		folder := path.Dir(f.path)
		// In all that judges persons nothing may ask the machine what day it is: today comes from the service.
		if folder == "retention" || slices.Contains([]string{"policy", "compile", "evaluate", "plan"}, strings.TrimPrefix(folder, "retention/")) {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until" || s.Sel.Name == "Local") {
						t.Errorf("%s uses time.%s: today is an argument", f.path, s.Sel.Name)
					}
				}
				return true
			})
		}
		place := f.path
		allowed, planner := pure[place]
		if !planner {
			place = folder
			allowed, planner = pure[place]
		}
		if !planner {
			continue
		}
		found[place] = true
		for _, imported := range f.imports {
			local, ours := strings.CutPrefix(imported, module+"/")
			if ours && (strings.HasPrefix(local, "retention") || local == "internal/words") || permitted(allowed, imported) {
				continue
			}
			t.Errorf("%s imports %s: the planner does no I/O", f.path, imported)
		}
	}
	if len(found) != len(pure) {
		t.Errorf("%d of the %d places of the planner were found", len(found), len(pure))
	}
}

// A file has at most 500 lines, and a package at most 40 files without its tests, so that a reader finds what they look for.
func TestRoomsAreSmall(t *testing.T) {
	files := make(map[string]int)
	for _, f := range sources(t) {
		text, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\n"); lines > 500 {
			t.Errorf("%s has %d lines", f.path, lines)
		}
		if !f.test {
			files[path.Dir(f.path)]++
		}
	}
	for folder, n := range files {
		if n > 40 {
			t.Errorf("%s has %d files", folder, n)
		}
	}
}
