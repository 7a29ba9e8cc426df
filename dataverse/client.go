package dataverse

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Options configure a client.
type Options struct {
	// URL is the environment's: https://org.crm4.dynamics.com, or http://127.0.0.1:PORT for the emulator. Plain HTTP
	// is refused for everything but loopback, since the token would travel in clear.
	URL string
	// Credential signs in. [NewCredential] makes one.
	Credential azcore.TokenCredential
	// Transport carries the requests; a pooled one of its own when nil.
	Transport http.RoundTripper
	Logger    *slog.Logger // nothing is logged when nil
	// MaxConcurrency caps the requests in flight below what the service recommends; zero leaves it to the service.
	MaxConcurrency int
	UserAgent      string
	// Retries is how often a request is sent again after a fault; 6 when zero, none when negative. Being throttled
	// is no fault: that is waited out.
	Retries int
	// RetryWait is the wait after the first fault, which doubles with each; half a second when zero.
	RetryWait time.Duration
	// MaxWait is the longest that a request lets itself be put off by the service; ten minutes when zero.
	MaxWait time.Duration
	// Timeout bounds one attempt of a request up to its answer's head; three minutes when zero, as a write with
	// plug-ins may take two.
	Timeout time.Duration
}
