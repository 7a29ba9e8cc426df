package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/state"
	"github.com/gallra/gallra/retention/state/blobs"
)

// credential signs in, at the environment and where the ledger lies: one identity does both.
func (a *app) credential() (azcore.TokenCredential, error) {
	if a.signedIn != nil {
		return a.signedIn, nil
	}
	s := a.settings
	c, err := dataverse.NewCredential(dataverse.CredentialOptions{
		Method: s.Auth, TenantID: s.TenantID, ClientID: s.ClientID, ClientSecret: string(s.ClientSecret),
		CertificatePath: s.CertificatePath, CertificatePassword: string(s.CertificatePassword), Token: string(s.Token),
		AuthorityHost: s.AuthorityHost, DisableInstanceDiscovery: s.DisableInstanceDiscovery, URL: s.URL,
		StateDir: stateDir(), Prompt: func(message string) { fmt.Fprintln(a.errs, message) },
	})
	if err != nil {
		return nil, &config.Error{Message: err.Error(), Remedy: dataverse.SignInHint(err)}
	}
	a.signedIn = c
	return c, nil
}

// ledgerStorage is where the ledger lies: a folder, or a container of Azure Blob Storage.
func (a *app) ledgerStorage() (ledger.Storage, error) {
	s := a.settings
	if !s.LedgerInAzure() {
		dir, err := a.ledgerFolder()
		if err != nil {
			return nil, err
		}
		return ledger.Folder(dir), nil
	}
	o := ledger.ContainerOptions{URL: s.Ledger, SAS: string(s.LedgerSAS), Key: string(s.LedgerKey)}
	if err := a.signInToContainer("ledger", &o, "sign in with another GALLRA_AUTH, or set GALLRA_LEDGER_SAS"); err != nil {
		return nil, err
	}
	storage, err := ledger.Container(o)
	if err != nil {
		return nil, noContainer("ledger", err)
	}
	return storage, nil
}

func (a *app) signInToContainer(setting string, o *ledger.ContainerOptions, otherwise string) (err error) {
	if o.SAS != "" || o.Key != "" {
		return nil
	}
	if a.settings.Auth == "token" {
		return &config.Error{Message: setting + ": the token of GALLRA_TOKEN is for the environment, and is not sent to a storage account", Remedy: otherwise}
	}
	o.Credential, err = a.credential()
	return err
}

func noContainer(setting string, err error) error {
	return &config.Error{Message: setting + ": " + err.Error(), Remedy: "it looks like https://ACCOUNT.blob.core.windows.net/CONTAINER"}
}

// keptNights is where nights keep what they read: a folder, or a folder of this process alone beside a container.
type keptNights struct {
	folder    string
	settings  config.Settings
	log       *slog.Logger
	container *blobs.Container // nil: the folder is all
	fetched   bool
}

// openState is nil where nights keep nothing. What a container holds is fetched; where that fails, everything is read in full, and the
// container is left as it is.
func (a *app) openState(ctx context.Context) (*keptNights, error) {
	s := a.settings
	if s.State == "" {
		return nil, nil
	}
	k := &keptNights{folder: s.State, settings: s, log: a.log}
	if !s.StateInAzure() {
		return k, nil
	}
	o := ledger.ContainerOptions{URL: s.State, Key: string(s.LedgerKey)}
	if err := a.signInToContainer("state", &o, "sign in with another GALLRA_AUTH"); err != nil {
		return nil, err
	}
	client, prefix, err := ledger.ContainerClient(o)
	if err != nil {
		return nil, noContainer("state", err)
	}
	if k.folder, err = os.MkdirTemp("", "gallra-state-"); err != nil {
		return nil, err
	}
	a.states = append(a.states, k)
	k.container = &blobs.Container{Client: client, Prefix: prefix}
	err = k.container.Fetch(ctx, k.folder)
	if k.fetched = err == nil; err != nil {
		k.warn("what nights keep cannot be fetched: everything is read in full", err)
		if err := errors.Join(os.RemoveAll(k.folder), os.Mkdir(k.folder, 0o700)); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (k *keptNights) options(s *session) *state.Options {
	return &state.Options{Folder: k.folder, At: k.settings.State, Key: k.settings.Key(), Address: s.client.URL(), Log: k.log}
}

func (k *keptNights) at() string {
	if k == nil {
		return ""
	}
	return k.folder
}

// store puts what a run has kept into the container, also after a run that was cut: it has said what counts.
func (k *keptNights) store(ctx context.Context) {
	if k.container == nil || !k.fetched {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storing)
	defer cancel()
	if err := k.container.Store(ctx, k.folder); err != nil {
		k.warn("what was read is not kept for the next night", err)
	}
}

// storing bounds what a run waits for at its end.
const storing = 5 * time.Minute

func (k *keptNights) warn(what string, err error) {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		k.log.Warn(what, "cause", err, "hint", hinted.Hint())
		return
	}
	k.log.Warn(what, "cause", err)
}

// closeStates takes the folders of this process away: a night reads from them until its verb ends.
func (a *app) closeStates() {
	for _, k := range a.states {
		if err := os.RemoveAll(k.folder); err != nil {
			k.log.Warn("a folder is left", "cause", err)
		}
	}
}

// ledgerFolder is the folder of a ledger that does not lie in Azure.
func (a *app) ledgerFolder() (string, error) {
	dir := filepath.Clean(cmp.Or(a.settings.Ledger, "ledger"))
	if info, err := os.Stat(dir); err == nil && !info.IsDir() || errors.Is(err, syscall.ENOTDIR) {
		return "", &config.Error{Message: fmt.Sprintf("ledger: %s is, or lies below, a file: a ledger is a folder", dir),
			Remedy: "set GALLRA_LEDGER or --ledger to the ledger's folder or container"}
	}
	return dir, nil
}

// readLedger reads the ledger, whatever environment it is of.
func (a *app) readLedger(ctx context.Context) (*ledger.Ledger, error) {
	storage, err := a.ledgerStorage()
	if err != nil {
		return nil, err
	}
	return ledger.OpenStorage(ctx, storage)
}

// ledgerOf reads the ledger for a verb that judges persons by it. One of another organisation is refused also where
// nothing would be written: what it says of row ids is not true here, or is true of other rows.
func (a *app) ledgerOf(ctx context.Context, s *session) (*ledger.Ledger, error) {
	l, err := a.readLedger(ctx)
	if err != nil {
		return nil, err
	}
	return l, l.Of(s.org.ID)
}

// warnForeign says that a ledger is not that of the organisation which the policy is pinned to, for verbs that are about
// the ledger alone: they do their work on any. Without a policy nobody can know.
func (a *app) warnForeign(of uuid.UUID) {
	if a.settings.Policy == "" || of == uuid.Nil {
		return
	}
	p, err := policy.Load(a.settings.Policy)
	if err != nil || p.Environment.Organization == "" || p.Environment.Organization == of.String() {
		return
	}
	fmt.Fprintf(a.errs, "gallra: warning: this is the ledger of the organisation %s, and the policy %s is for %s\n", of, a.settings.Policy, p.Environment.Organization)
}

// errNoLedger is the error of a verb that is about the ledger where there is none.
func (a *app) errNoLedger() error {
	return &config.Error{Message: fmt.Sprintf("there is no ledger in %s", a.settings.Ledger),
		Remedy: "set GALLRA_LEDGER or --ledger to the ledger's folder or container"}
}

// verifyLedger proves the ledger, and holds checkpoints against it that were filed elsewhere.
func (a *app) verifyLedger(ctx context.Context, filed ...ledger.Checkpoint) (*ledger.Proof, error) {
	if !a.settings.LedgerInAzure() {
		dir, err := a.ledgerFolder()
		if err != nil {
			return nil, err
		}
		proof, err := ledger.Verify(dir, filed...)
		if errors.Is(err, os.ErrNotExist) || err == nil && proof.Files == 0 && len(proof.Problems) == 0 {
			return nil, a.errNoLedger()
		}
		return proof, err
	}
	storage, err := a.ledgerStorage()
	if err != nil {
		return nil, err
	}
	proof, err := ledger.VerifySource(ctx, storage, filed...)
	if err == nil && proof.Files == 0 && len(proof.Problems) == 0 {
		return nil, a.errNoLedger()
	}
	return proof, err
}
