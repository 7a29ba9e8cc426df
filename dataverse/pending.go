package dataverse

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"
)

var errPending = errors.New("pending")

// Client speaks to one environment. It is safe for concurrent use.
type Client struct{}

// New makes a client. It sends nothing yet.
func New(o Options) (*Client, error) { return nil, errPending }

func (c *Client) WhoAmI(ctx context.Context) (Identity, error) { return Identity{}, errPending }
func (c *Client) Organization(ctx context.Context) (Organization, error) {
	return Organization{}, errPending
}
func (c *Client) Now() time.Time                                          { return time.Time{} }
func (c *Client) Rows(ctx context.Context, q Query) iter.Seq2[Row, error] { return nil }
func (c *Client) Scan(ctx context.Context, q Query, cols []string, fn func(row []Value) error) error {
	return errPending
}
func (c *Client) Get(ctx context.Context, table string, id uuid.UUID, q Query) (Row, error) {
	return nil, errPending
}
func (c *Client) Count(ctx context.Context, q Query) (int, error)           { return 0, errPending }
func (c *Client) Read(ctx context.Context, path string, out any) error      { return errPending }
func (c *Client) Table(ctx context.Context, logical string) (*Table, error) { return nil, errPending }
func (c *Client) Tables(ctx context.Context) ([]TableSummary, error)        { return nil, errPending }
func (c *Client) Settings(ctx context.Context) (Settings, error)            { return Settings{}, errPending }
func (c *Client) UserPrivileges(ctx context.Context, user uuid.UUID) ([]Privilege, error) {
	return nil, errPending
}
func (c *Client) Batch(ctx context.Context, parts []Part) ([]Result, error) { return nil, errPending }
func (c *Client) Call(ctx context.Context, method, path string, body, out any) error {
	return errPending
}
func (c *Client) Do(ctx context.Context, op Operation, out any) error { return errPending }

// Hint is a line that tells a person what to do about err, empty when there is nothing to say.
func Hint(err error) string { return "" }

// CredentialOptions choose and configure a sign-in.
type CredentialOptions struct {
	// Method is one of default, managed-identity, client-secret, client-certificate, workload-identity, cli,
	// device-code, token.
	Method                               string
	TenantID, ClientID                   string
	ClientSecret                         string
	CertificatePath, CertificatePassword string
	Token                                string
	// AuthorityHost overrides the sign-in host that follows from the environment's address.
	AuthorityHost            string
	DisableInstanceDiscovery bool
	// URL of the environment; sovereign clouds are told by it.
	URL string
	// Prompt shows a device code's message to the person.
	Prompt func(message string)
}

// Step is a thing that provisioning makes.
type Step struct {
	What    string
	Present bool // was there before
	Done    bool // stands now
}

// NewCredential makes the credential that o asks for.
func NewCredential(o CredentialOptions) (azcore.TokenCredential, error) { return nil, errPending }

// Provisioning is what an environment should hold.
type Provisioning struct {
	Tables     []string // logical names of the subject tables
	Privileges []Privilege
}

// Provision creates what is missing.
func (c *Client) Provision(ctx context.Context, p Provisioning, dryRun bool, report func(Step)) ([]Step, error) {
	return nil, errPending
}
