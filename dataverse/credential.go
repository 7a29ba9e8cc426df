package dataverse

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// CredentialMethods are the ways to sign in.
var CredentialMethods = []string{"default", "managed-identity", "client-secret", "client-certificate", "workload-identity",
	"cli", "device-code", "token"}

// CredentialOptions choose and configure a sign-in.
type CredentialOptions struct {
	Method string // one of CredentialMethods

	TenantID string
	// ClientID is the application's, of a managed identity the client id of a user-assigned one.
	ClientID     string
	ClientSecret string
	// CertificatePath is a PEM or PKCS#12 file with certificate and key.
	CertificatePath, CertificatePassword string
	// TokenFile is the file with a workload's own token; AZURE_FEDERATED_TOKEN_FILE when empty.
	TokenFile string
	// Token is a bearer token as it is, for tests.
	Token string

	// URL is the environment's; the sign-in host of a sovereign cloud follows from it.
	URL string
	// AuthorityHost overrides that host.
	AuthorityHost string
	// DisableInstanceDiscovery is for clouds that Microsoft's directory of sign-in hosts does not know.
	DisableInstanceDiscovery bool

	// StateDir is where a person's sign-in by device code is remembered; empty: nowhere.
	StateDir string
	// Prompt shows a device code's message to the person.
	Prompt func(message string)

	// Client is for tests: a transport, and retries that take no time.
	Client azcore.ClientOptions
}

// NewCredential makes the credential that o asks for. It signs in at the first request, not here.
func NewCredential(o CredentialOptions) (azcore.TokenCredential, error) {
	if !slices.Contains(CredentialMethods, o.Method) {
		return nil, fmt.Errorf("sign in: no method %q; there are %s", o.Method, strings.Join(CredentialMethods, ", "))
	}
	need := func(values ...string) error {
		for i := 0; i < len(values); i += 2 {
			if values[i+1] == "" {
				return fmt.Errorf("sign in by %s: %s is needed", o.Method, values[i])
			}
		}
		return nil
	}
	client := o.Client
	if client.Cloud.ActiveDirectoryAuthorityHost == "" {
		client.Cloud = o.cloud()
	}
	switch o.Method {
	case "token":
		if err := need("a token", o.Token); err != nil {
			return nil, err
		}
		return staticToken(o.Token), nil
	case "managed-identity":
		options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: client}
		if o.ClientID != "" {
			options.ID = azidentity.ClientID(o.ClientID)
		}
		return made(azidentity.NewManagedIdentityCredential(options))
	case "client-secret":
		if err := need("the tenant's id", o.TenantID, "the application's client id", o.ClientID, "its secret", o.ClientSecret); err != nil {
			return nil, err
		}
		return made(azidentity.NewClientSecretCredential(o.TenantID, o.ClientID, o.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: o.DisableInstanceDiscovery}))
	case "client-certificate":
		if err := need("the tenant's id", o.TenantID, "the application's client id", o.ClientID, "the certificate's file", o.CertificatePath); err != nil {
			return nil, err
		}
		return o.certificate(client)
	case "workload-identity":
		return made(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: client,
			TenantID: o.TenantID, ClientID: o.ClientID, TokenFilePath: o.TokenFile, DisableInstanceDiscovery: o.DisableInstanceDiscovery}))
	case "cli":
		return made(azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: o.TenantID}))
	case "device-code":
		return o.deviceCode(client)
	}
	// The whole chain would try whatever a machine happens to hold. Whoever wants it says which part:
	// AZURE_TOKEN_CREDENTIALS=prod, dev or the name of one credential.
	return made(azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: client,
		TenantID: o.TenantID, DisableInstanceDiscovery: o.DisableInstanceDiscovery, RequireAzureTokenCredentials: true}))
}

func (o CredentialOptions) certificate(client azcore.ClientOptions) (azcore.TokenCredential, error) {
	data, err := os.ReadFile(o.CertificatePath)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("sign in by %s: the certificate's file: %w", o.Method, err)
	}
	var password []byte
	if o.CertificatePassword != "" {
		password = []byte(o.CertificatePassword)
	}
	certs, key, err := azidentity.ParseCertificates(data, password)
	if err != nil {
		return nil, fmt.Errorf("sign in by %s: the file holds no certificate with its key, or its password is wrong", o.Method)
	}
	// The chain goes along, for applications that trust a certificate by its subject and issuer.
	return made(azidentity.NewClientCertificateCredential(o.TenantID, o.ClientID, certs, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: o.DisableInstanceDiscovery,
			SendCertificateChain: true}))
}

// made keeps a nil credential from becoming a non-nil interface.
func made[T azcore.TokenCredential](cred T, err error) (azcore.TokenCredential, error) {
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return cred, nil
}

// cloud is the cloud whose sign-in host the environment's address calls for. With neither an override nor a
// sovereign address it is left to azidentity, which honours AZURE_AUTHORITY_HOST.
func (o CredentialOptions) cloud() cloud.Configuration {
	if o.AuthorityHost != "" {
		return cloud.Configuration{ActiveDirectoryAuthorityHost: o.AuthorityHost, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{}}
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return cloud.Configuration{}
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case strings.HasSuffix(host, ".crm.dynamics.cn"):
		return cloud.AzureChina
	case strings.HasSuffix(host, ".crm.microsoftdynamics.us"), strings.HasSuffix(host, ".crm.appsplatform.us"):
		return cloud.AzureGovernment // GCC High and DoD. GCC (crm9) signs in at the public host
	}
	return cloud.Configuration{}
}

type staticToken string

func (t staticToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(24 * time.Hour)}, nil
}

// String keeps the token out of whatever prints the options.
func (t staticToken) String() string { return "token" }
