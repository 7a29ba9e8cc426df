package dataverse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// deviceCode signs a person in by a code, once: the tokens are kept in the operating system's store, and a record of which
// account they belong to in a file. The record holds no secret.
type deviceCode struct {
	*azidentity.DeviceCodeCredential
	record  string // the record's file; empty: nothing is kept
	refusal *refusalKeeper
}

// refusalKeeper remembers the code of Entra's last refusal: the library that polls for a device code reads the answer up
// before it makes an error of it.
type refusalKeeper struct {
	mu   sync.Mutex
	code string
}

// Do implements policy.Policy.
func (k *refusalKeeper) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err == nil && resp.StatusCode >= 400 {
		if body, err := runtime.Payload(resp); err == nil {
			k.mu.Lock()
			k.code = entraCode.FindString(string(body))
			k.mu.Unlock()
		}
	}
	return resp, err
}

// refusedWith is a refusal whose code the error itself does not tell.
type refusedWith struct {
	code string
	err  error
}

func (e *refusedWith) Error() string { return e.code + ": " + e.err.Error() }
func (e *refusedWith) Unwrap() error { return e.err }

func (o CredentialOptions) deviceCode(client azcore.ClientOptions) (azcore.TokenCredential, error) {
	keeper := &refusalKeeper{}
	client.PerCallPolicies = append(slices.Clone(client.PerCallPolicies), keeper)
	options := &azidentity.DeviceCodeCredentialOptions{ClientOptions: client, TenantID: o.TenantID, ClientID: o.ClientID,
		DisableInstanceDiscovery: o.DisableInstanceDiscovery, DisableAutomaticAuthentication: true}
	say := o.Prompt
	if say == nil {
		say = func(string) {}
	} else {
		options.UserPrompt = func(_ context.Context, m azidentity.DeviceCodeMessage) error { say(m.Message); return nil }
	}
	record := ""
	if o.StateDir != "" {
		kept, err := tokenCache()
		if err != nil {
			say("the sign-in is not kept on this machine: there is no safe place for it")
		} else {
			options.Cache, record = kept, o.recordFile()
			options.AuthenticationRecord = readRecord(record)
		}
	}
	cred, err := azidentity.NewDeviceCodeCredential(options)
	if err != nil {
		return made(cred, err)
	}
	return &deviceCode{cred, record, keeper}, nil
}

// recordFile is the file of one sign-in: another tenant or application is another account.
func (o CredentialOptions) recordFile() string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join([]string{o.AuthorityHost, o.TenantID, o.ClientID}, "\n"))))
	return filepath.Join(o.StateDir, "sign-in-"+hex.EncodeToString(sum[:6])+".json")
}

// GetToken asks for a code only where the tokens that are kept do not do.
func (c *deviceCode) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.DeviceCodeCredential.GetToken(ctx, o)
	var asks *azidentity.AuthenticationRequiredError
	if !errors.As(err, &asks) {
		return token, err
	}
	record, err := c.Authenticate(ctx, &o)
	if err != nil {
		c.refusal.mu.Lock()
		defer c.refusal.mu.Unlock()
		if c.refusal.code != "" && len(entraCode.FindString(err.Error())) == 0 {
			err = &refusedWith{c.refusal.code, err}
		}
		return azcore.AccessToken{}, err
	}
	if c.record != "" {
		// Without the record the next run asks for a code again: no reason to end this one.
		_ = writeRecord(c.record, record)
	}
	return c.DeviceCodeCredential.GetToken(ctx, policy.TokenRequestOptions{Scopes: o.Scopes, EnableCAE: o.EnableCAE, TenantID: o.TenantID})
}

func readRecord(file string) azidentity.AuthenticationRecord {
	var record azidentity.AuthenticationRecord
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &record) != nil {
		return azidentity.AuthenticationRecord{}
	}
	return record
}

func writeRecord(file string, record azidentity.AuthenticationRecord) error {
	b, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	// A new file: the permissions of an older one would stay.
	next := file + ".new"
	if err := os.Remove(next); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}
