package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/ledger"
)

func newLedger(a *app) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Prove the evidence, and hand it over"}
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
	c.AddCommand(newLedgerExport(a))
	return c
}

func newLedgerExport(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export --out FILE.csv",
		Short: "Write the ledger as a table for the auditor",
		Long: `Writes every entry of the ledger with all of its fields to a CSV file, one entry a line, the chain checked on the way. It
holds table names, row ids, dates, ids of grounds, counts and codes, and no personal data. The file must not be there yet.

EXIT STATUS: 0 written, 1 failed or the chain is broken, 2 wrong usage, or there is no ledger.`,
		Example: `  gallra ledger export --out evidence.csv`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runLedgerExport(cmd.Context(), out) },
	}
	c.Flags().StringVar(&out, "out", "", "the file to write")
	return c
}

func (a *app) runLedgerExport(ctx context.Context, path string) error {
	if !strings.EqualFold(filepath.Ext(path), ".csv") {
		return &usageError{"--out has to name a file that ends in .csv", ""}
	}
	l, err := a.readLedger()
	if err != nil {
		return err
	}
	if !l.Existed() {
		return &config.Error{Message: fmt.Sprintf("there is no ledger in %s", a.settings.Ledger), Hint: "set GALLRA_LEDGER or --ledger to the ledger's folder"}
	}
	file, err := makeFile(path)
	if err != nil {
		return err
	}
	defer file.discard()
	w := bufio.NewWriter(file.f)
	n, err := l.WriteCSV(ctx, w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = file.keep()
	}
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "export", "file": path, "entries": n, "head": l.Head()})
	}
	_, err = fmt.Fprintf(a.out, "%d entries in %s, last hash %s\n", n, path, l.Head())
	return err
}

// verifyLedger proves the ledger that the settings name.
func (a *app) verifyLedger() (*ledger.Proof, error) {
	dir, err := a.ledgerDir()
	if err != nil {
		return nil, err
	}
	proof, err := ledger.Verify(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &config.Error{Message: fmt.Sprintf("there is no ledger in %s", dir), Hint: "set GALLRA_LEDGER or --ledger to the ledger's folder"}
	}
	return proof, err
}

func (a *app) runLedgerVerify() error {
	proof, err := a.verifyLedger()
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
		return fmt.Errorf("the ledger in %s is not what was written", a.settings.Ledger)
	}
	return nil
}
