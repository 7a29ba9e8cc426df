package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/ledger"
)

func newLedger(a *app) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Prove the evidence"}
	c.AddCommand(&cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing in the ledger was changed, removed or reordered",
		Long: `Reads every line of the ledger and proves its hash chain, by code that shares nothing with what writes it. File the
hash of the last entry elsewhere: with it a later proof also shows that nothing was cut off the end.

EXIT STATUS: 0 proven, 1 broken, 2 there is no ledger.`,
		Example: `  gallra ledger verify --ledger ./ledger`,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.runLedgerVerify() },
	})
	return c
}

func (a *app) runLedgerVerify() error {
	dir, err := a.ledgerDir()
	if err != nil {
		return err
	}
	proof, err := ledger.Verify(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &config.Error{Message: fmt.Sprintf("there is no ledger in %s", dir), Hint: "set GALLRA_LEDGER or --ledger to the ledger's folder"}
	}
	if err != nil {
		return err
	}
	if a.json {
		e := json.NewEncoder(a.out)
		for _, p := range proof.Problems {
			if err := e.Encode(map[string]any{"kind": "problem", "file": p.File, "line": p.Line, "what": p.What}); err != nil {
				return err
			}
		}
		err = e.Encode(map[string]any{"kind": "proof", "files": proof.Files, "entries": proof.Entries, "head": proof.Head,
			"unfinished": proof.Unfinished, "problems": len(proof.Problems)})
	} else {
		for _, p := range proof.Problems {
			fmt.Fprintln(a.out, p)
		}
		verdict := "the chain is whole"
		if len(proof.Problems) > 0 {
			verdict = fmt.Sprintf("the chain is BROKEN, in %d places", len(proof.Problems))
		}
		_, err = fmt.Fprintf(a.out, "%s: %d entries in %d files, last hash %s\n", verdict, proof.Entries, proof.Files, proof.Head)
		if proof.Unfinished {
			fmt.Fprintln(a.out, "the last line is unfinished: a run was killed while it wrote it, and the next one takes it off")
		}
	}
	if err != nil {
		return err
	}
	if len(proof.Problems) > 0 {
		return fmt.Errorf("the ledger in %s is not what was written", dir)
	}
	return nil
}
