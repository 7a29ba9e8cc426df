package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/policytest"
)

func newPolicyTest(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "test FILE",
		Short: "Run a company's own tests of its policy, offline",
		Long: `Runs the cases of a file: persons and rows in a few lines of YAML, a day, and what is expected of them. Each is a small CRM
on the embedded emulator, which is evaluated as the living one is, and purged where a case asks what becomes of a row. The
policy is the one that the file names, else --policy. docs/policy.md describes the file.

EXIT STATUS: 0 all cases passed, 1 some failed, 2 the file or the policy has mistakes.`,
		Example: `  gallra policy test testdata/policy/sales.test.yaml`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runPolicyTest(cmd.Context(), args[0]) },
	}
}

// errCasesFailed ends a test in which cases failed. Which ones has been told by then.
var errCasesFailed = errors.New("the policy does not do what its tests expect")

func (a *app) runPolicyTest(ctx context.Context, path string) error {
	file, err := policy.LoadTests(path)
	if err != nil {
		return a.tellProblems(err)
	}
	if file.Policy != "" {
		a.settings.Policy = file.Policy
	}
	policy, err := a.loadPolicy()
	if err != nil {
		return a.tellProblems(err)
	}
	results, err := policytest.Run(ctx, file, policy)
	if err != nil {
		return a.tellProblems(err)
	}
	failed := 0
	for _, r := range results {
		if len(r.Failures) > 0 {
			failed++
		}
		if err := a.tellCase(r); err != nil {
			return err
		}
	}
	if a.json {
		err = json.NewEncoder(a.out).Encode(map[string]any{"kind": "totals", "cases": len(results), "failed": failed})
	} else {
		_, err = fmt.Fprintf(a.out, "%s, %d failed\n", plural(len(results), "case"), failed)
	}
	if err == nil && failed > 0 {
		return errCasesFailed
	}
	return err
}

func (a *streams) tellCase(r policytest.Result) error {
	if a.json {
		failures := []map[string]any{}
		for _, f := range r.Failures {
			failures = append(failures, map[string]any{"file": f.Pos.File, "line": f.Pos.Line, "column": f.Pos.Column, "message": f.Message, "hint": f.Hint})
		}
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "case", "name": r.Name, "passed": len(failures) == 0,
			"file": r.Pos.File, "line": r.Pos.Line, "failures": failures})
	}
	word := "ok  "
	if len(r.Failures) > 0 {
		word = "FAIL"
	}
	w := a.lines()
	w.printf("%s  %s\n", word, r.Name)
	for _, f := range r.Failures {
		w.printf("%s\n", f)
	}
	return w.err
}
