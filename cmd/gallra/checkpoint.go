package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/ledger"
)

func newLedgerCheckpoint(a *app) *cobra.Command {
	var key, out string
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print a line that proves later that nothing was taken out of the ledger since",
		Long: `Checks the chain and prints one line: the number and the hash of the last entry, the time, the organisation. File it where
nobody who can write to the ledger can reach it: in the minutes, with an auditor, in a mailbox. gallra ledger verify
--checkpoint holds it against the ledger. With a key the line is signed (Ed25519):

  openssl genpkey -algorithm ed25519 -out gallra.key.pem
  openssl pkey -in gallra.key.pem -pubout -out gallra.pub.pem

With --out the line is added to a file, so that one file holds the checkpoints of many nights.

EXIT STATUS: 0 printed, 1 failed or the chain is broken, 2 wrong usage, or there is no ledger.`,
		Example: `  gallra ledger checkpoint
  gallra ledger checkpoint --key gallra.key.pem --out checkpoints.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runCheckpoint(cmd.Context(), key, out) },
	}
	c.Flags().StringVar(&key, "key", "", "sign with this Ed25519 private key, as PEM")
	c.Flags().StringVar(&out, "out", "", "add the line to this file, beside printing it")
	config.WritesFile(c.Flags(), "out")
	return c
}

// readKey is the private key in a file, nil where none is named.
func readKey(file string) (key ed25519.PrivateKey, err error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err == nil {
		key, err = ledger.ReadPrivateKey(text)
	}
	if err != nil {
		return nil, &usageError{"--key: " + err.Error(), "openssl genpkey -algorithm ed25519 -out FILE makes one"}
	}
	return key, nil
}

func (a *app) runCheckpoint(ctx context.Context, keyFile, out string) error {
	key, err := readKey(keyFile)
	if err != nil {
		return err
	}
	// By the verifier, which reads everything with its own eyes: what is signed here is taken for true later.
	proof, err := a.verifyLedger(ctx)
	if err != nil {
		return err
	}
	line, err := verb.Checkpoint(proof, func() (*ledger.Ledger, error) { return a.readLedger(ctx) }, key, time.Now())
	if err != nil {
		return err
	}
	a.warnForeign(proof.Organization)
	if out != "" {
		f, err := os.OpenFile(out, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return &usageError{"--out: " + err.Error(), ""}
		}
		_, err = f.Write(line)
		if err == nil {
			err = f.Sync()
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("write the checkpoint: %w", err)
		}
	}
	_, err = a.out.Write(line)
	return err
}

// read reads the checkpoints that are to be held against the ledger, and proves their signatures if there is a key.
func (o verifyOptions) read() ([]ledger.Checkpoint, error) {
	if o.checkpoint == "" {
		if o.publicKey != "" {
			return nil, &usageError{"--public-key proves a checkpoint, and none is named", "add --checkpoint FILE"}
		}
		return nil, nil
	}
	text, err := os.ReadFile(o.checkpoint)
	if err != nil {
		return nil, &usageError{"--checkpoint: " + err.Error(), "gallra ledger checkpoint prints one"}
	}
	filed, err := ledger.ReadCheckpoints(bytes.NewReader(text))
	if err != nil {
		return nil, &usageError{"--checkpoint: " + err.Error(), "gallra ledger checkpoint prints one"}
	}
	if o.publicKey == "" {
		return filed, nil
	}
	text, err = os.ReadFile(o.publicKey)
	var key ed25519.PublicKey
	if err == nil {
		key, err = ledger.ReadPublicKey(text)
	}
	if err != nil {
		return nil, &usageError{"--public-key: " + err.Error(), "openssl pkey -in KEY -pubout -out FILE makes one"}
	}
	for i, c := range filed {
		if err := c.Check(key); err != nil {
			return nil, fmt.Errorf("checkpoint %d (entry %d): %w", i+1, c.Seq, err)
		}
	}
	return filed, nil
}
