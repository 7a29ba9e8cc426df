package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
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
	if o.SAS == "" && o.Key == "" {
		if s.Auth == "token" {
			return nil, &config.Error{Message: "ledger: the token of GALLRA_TOKEN is for the environment, and is not sent to a storage account",
				Remedy: "sign in with another GALLRA_AUTH, or set GALLRA_LEDGER_SAS"}
		}
		var err error
		if o.Credential, err = a.credential(); err != nil {
			return nil, err
		}
	}
	storage, err := ledger.Container(o)
	if err != nil {
		return nil, &config.Error{Message: "ledger: " + err.Error(), Remedy: "it looks like https://ACCOUNT.blob.core.windows.net/CONTAINER"}
	}
	return storage, nil
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
