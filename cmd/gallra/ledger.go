package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/ledger"
)

func newLedger(a *app) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Prove the evidence, and hand it over"}
	c.AddCommand(newLedgerVerify(a), newLedgerExport(a), newLedgerCheckpoint(a))
	return c
}

// verifyOptions are the flags of gallra ledger verify.
type verifyOptions struct{ checkpoint, publicKey string }

func newLedgerVerify(a *app) *cobra.Command {
	o := verifyOptions{}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing in the ledger was changed, removed or reordered",
		Long: `Reads every line of the ledger and proves its hash chain, by code that shares nothing with what writes it. With a checkpoint
that was filed elsewhere (gallra ledger checkpoint) the proof also shows that the ledger still contains all that it contained
then, whoever can write to it; a file may hold the checkpoints of many nights. With a public key the checkpoint's own
signature is proven first.

EXIT STATUS: 0 proven, 1 broken, 2 wrong usage, or there is no ledger.`,
		Example: `  gallra ledger verify --ledger ./ledger
  gallra ledger verify --checkpoint 2026-11-24.checkpoint --public-key gallra.pub.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runLedgerVerify(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.checkpoint, "checkpoint", "", "hold this checkpoint, or a file with many, against the ledger")
	c.Flags().StringVar(&o.publicKey, "public-key", "", "the Ed25519 public key, as PEM, that the checkpoint has to be signed by")
	return c
}

func newLedgerExport(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export --out FILE.csv|FILE.xlsx",
		Short: "Write the ledger as a table for the auditor",
		Long: `Writes every entry of the ledger with all of its fields to a CSV file or an Excel workbook, one entry a line, the chain
checked on the way. It holds table names, row ids, dates, ids of grounds, counts and codes, and no personal data. The file
must not be there yet.

EXIT STATUS: 0 written, 1 failed or the chain is broken, 2 wrong usage, or there is no ledger.`,
		Example: `  gallra ledger export --out evidence.xlsx`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runLedgerExport(cmd.Context(), out) },
	}
	c.Flags().StringVar(&out, "out", "", "the file to write")
	config.WritesNewFile(c.Flags(), "out", "evidence is not written over")
	return c
}

func (a *app) runLedgerExport(ctx context.Context, path string) error {
	extension := strings.ToLower(filepath.Ext(path))
	if extension != ".csv" && extension != ".xlsx" {
		return &usageError{"--out has to name a file that ends in .csv or .xlsx", ""}
	}
	l, err := a.readLedger(ctx)
	if err != nil {
		return err
	}
	if !l.Existed() {
		return a.errNoLedger()
	}
	a.warnForeign(l.Organization())
	file, err := makeFile(path)
	if err != nil {
		return err
	}
	defer file.discard()
	write := l.WriteCSV
	if extension == ".xlsx" {
		write = l.WriteXLSX
	}
	w := bufio.NewWriter(file.f)
	n, err := write(ctx, w)
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
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "export", "file": path, "entries": n, "head": l.Head(), "organization": l.Organization()})
	}
	_, err = fmt.Fprintf(a.out, "%d entries in %s, last hash %s, of the organisation %s\n", n, path, l.Head(), l.Organization())
	return err
}

func (a *app) runLedgerVerify(ctx context.Context, o verifyOptions) error {
	filed, err := o.read()
	if err != nil {
		return err
	}
	proof, err := a.verifyLedger(ctx, filed...)
	if err != nil {
		return err
	}
	a.warnForeign(proof.Organization)
	if a.json {
		e := json.NewEncoder(a.out)
		for _, p := range proof.Problems {
			if err := e.Encode(map[string]any{"kind": "problem", "file": p.File, "line": p.Line, "what": p.What}); err != nil {
				return err
			}
		}
		err = e.Encode(map[string]any{"kind": "proof", "files": proof.Files, "entries": proof.Entries, "head": proof.Head,
			"unfinished": proof.Unfinished, "problems": len(proof.Problems), "checkpoints": len(filed), "signed": o.publicKey != "",
			"organization": proof.Organization})
	} else {
		err = verifyWords(a.lines(), proof, filed, o)
	}
	if err != nil {
		return err
	}
	if len(proof.Problems) > 0 {
		return fmt.Errorf("the ledger in %s is not what was written", a.settings.Ledger)
	}
	return nil
}

func verifyWords(w *lines, proof *ledger.Proof, filed []ledger.Checkpoint, o verifyOptions) error {
	for _, p := range proof.Problems {
		w.printf("%s\n", p)
	}
	verdict := "the chain is whole"
	if n := len(proof.Problems); n > 0 {
		verdict = "the chain is BROKEN, in " + plural(n, "place")
	}
	w.printf("%s: %d entries in %d files, last hash %s\n", verdict, proof.Entries, proof.Files, proof.Head)
	if proof.Organization != uuid.Nil {
		w.printf("it is the ledger of the organisation %s\n", proof.Organization)
	}
	if proof.Unfinished {
		w.printf("the last line is unfinished: a run was killed while it wrote it, and the next one says so\n")
	}
	if len(filed) > 0 && len(proof.Problems) == 0 {
		whose := "signed by the key"
		switch {
		case o.publicKey != "":
		case filed[0].Signed():
			whose = "its signature was not looked at: --public-key names the key"
		default:
			whose = "not signed"
		}
		w.printf("it contains all that it contained at %s (%s)\n", plural(len(filed), "checkpoint"), whose)
	}
	return w.err
}
