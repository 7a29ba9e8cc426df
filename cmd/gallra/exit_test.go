package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/notify"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// plain are the error types that a verb fails on, with exit code 1, as most errors do.
var plain = []string{
	"cmd/gallra.provisionError", "cmd/gallra/rehearsal.foundError",
	"dataverse.Error", "dataverse.Uncertain", "dataverse.brokenError", "dataverse.heldError", "dataverse.meaning", "dataverse.refusedWith",
	"dataverse.tokenError", "dataverse.transportError", "dataverse/provision.FormError",
	"dataverse/fetchxml.Error", "dataverse/odata.NameError", "dataverse/odata.OptionError", "dataverse/odata.SyntaxError", "dataverse/odata.TypeError",
	"retention/evaluate.nobody",
	"retention/ledger.LockedError", "retention/ledger.StorageError", "retention/ledger.hinted",
	"retention/purge.lookError", "retention/state.OffError", "retention/state/blobs.Error",
	"retention/purge/environment.Reason", // stands in the ledger, is never an exit
}

// TestEveryErrorTypeHasAnExitCode demands of each error type in the module that it says its exit code or is one of the plain.
func TestEveryErrorTypeHasAnExitCode(t *testing.T) {
	found, coded := map[string]bool{}, map[string]bool{}
	for _, root := range []string{"cmd", "config", "dataverse", "retention"} {
		err := filepath.WalkDir("../../"+root, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "emulator"): // what the emulator fails on it answers
				return fs.SkipDir
			case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../../")
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Recv == nil || len(f.Type.Params.List) > 0 {
					continue
				}
				receiver := f.Recv.List[0].Type
				if star, ok := receiver.(*ast.StarExpr); ok {
					receiver = star.X
				}
				if name, ok := receiver.(*ast.Ident); ok {
					switch f.Name.Name {
					case "Error":
						found[folder+"."+name.Name] = true
					case "ExitCode":
						coded[folder+"."+name.Name] = true
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 20 {
		t.Fatalf("only %d error types were found", len(found))
	}
	for name := range found {
		if coded[name] == slices.Contains(plain, name) {
			t.Errorf("%s says an exit code: %v; it is listed as plain: %v", name, coded[name], slices.Contains(plain, name))
		}
	}
	for _, name := range plain {
		if !found[name] {
			t.Errorf("%s is listed as plain, and is no error type", name)
		}
	}
}

func TestExitCodesAndHints(t *testing.T) {
	stop := &purge.StopError{Rails: []plan.GuardRail{{Sentence: words.Quote("too many"), Remedy: words.Quote("look")}}}
	tests := map[string]struct {
		err  error
		code int
		hint string
	}{
		"nothing":                 {nil, 0, ""},
		"any error":               {errors.New("x"), 1, ""},
		"usage":                   {&usageError{"x", "say y"}, 2, "say y"},
		"setting":                 {&config.Error{Message: "x", Remedy: "set y"}, 2, "set y"},
		"policy":                  {policy.Problems{{Message: "x", Hint: "y"}}, 2, ""},
		"no plan":                 {&plan.PlanFileError{Why: "x"}, 2, "gallra plan --out FILE makes one"},
		"stale plan":              {&plan.StalePlanError{Sentence: "x", Remedy: "plan again"}, 2, "plan again"},
		"blind":                   {&compile.BlindError{Spots: []compile.BlindSpot{{Remedy: words.Quote("a")}, {Remedy: words.Quote("b")}, {Remedy: words.Quote("a")}}}, 2, "a; b"},
		"another's ledger":        {&ledger.ForeignError{Ledger: uuid.UUID{1}}, 2, "an environment has a ledger of its own: set GALLRA_LEDGER or --ledger to another folder or container"},
		"guard rail of a verb":    {&guardStop{"x"}, 3, ""},
		"guard rails of a run":    {stop, 3, ""}, // each was told with its remedy
		"guard rails, full disk":  {errors.Join(stop, syscall.ENOSPC), 3, "make room; what was done until then is consistent, and the next run finishes what was begun"},
		"nobody knows who":        {notify.ErrNoLedger, 3, ""},
		"incomplete":              {&incomplete{"x"}, 4, ""},
		"Ctrl-C":                  {interrupted{os.Interrupt}, 130, ""},
		"stopped by the platform": {interrupted{syscall.SIGTERM}, 143, ""},
		"cancelled":               {&config.Error{Message: context.Canceled.Error()}, 2, ""},
		"cancelled within":        {errors.Join(&usageError{"x", ""}, context.Canceled), 130, ""},
		"locked":                  {&ledger.LockedError{}, 1, "wait until it has ended; a job that may overlap itself sets GALLRA_SKIP_IF_LOCKED=true"},
		"lock lost":               {ledger.ErrLockLost, 1, "the next run finishes what this one began"},
		"broken chain":            {ledger.ErrBroken, 1, "gallra ledger verify tells where; nothing is written to such a ledger"},
		"storage": {&ledger.StorageError{Status: 403}, 1,
			"the identity needs the role Storage Blob Data Contributor on the container; a shared access signature needs read, add, create, write and list, and must not have expired"},
		"nobody": {evaluate.ErrNobody, 1,
			"an address counts as a whole; rows that name the person only in their text are found by Dataverse search, and anonymised rows that somebody has written to since by gallra doctor"},
		"full disk":      {&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, 1, "make room; what was done until then is consistent, and the next run finishes what was begun"},
		"no right there": {&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, 1, "whoever runs this needs to write there"},
		"refused by the service": {&dataverse.Error{Status: 403, Message: "missing prvReadContact"}, 1,
			"the role lacks prvReadContact: gallra provision, run by an administrator, gives the role gallra what the policy needs"},
		"no answer to a write": {&dataverse.Uncertain{Op: "PATCH", Err: errors.New("x")}, 1, "nobody knows whether it was carried out: run again, which looks first"},
		"a write was refused":  {&dataverse.Uncertain{Op: "PATCH", Err: &dataverse.Error{Status: 418}}, 1, ""},
		"no table":             {dataverse.ErrNoTable, 1, "the name is the table's logical name, in small letters; its solution may not be installed in this environment"},
		"provisioning": {&provisionError{"x", &dataverse.Error{Status: 403}}, 1,
			"provisioning takes a system administrator or customizer: sign in as one, or hand gallra provision --export to whoever is; what was made so far stays"},
	}
	for name, tt := range tests {
		for _, err := range []error{tt.err, wrapped(tt.err)} {
			if code := exitCode(err); code != tt.code {
				t.Errorf("%s: exit code %d, want %d", name, code, tt.code)
			}
			if hint := hintFor(err); hint != tt.hint {
				t.Errorf("%s: hint %q, want %q", name, hint, tt.hint)
			}
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("verb: %w", err)
}
