package dataverse

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
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
	// Observe, if set, wraps the transport: it is called for every attempt of a request.
	Observe func(http.RoundTripper) http.RoundTripper
	Logger  *slog.Logger // nothing is logged when nil
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
	// Timeout bounds one attempt of a request; three minutes when zero, as a write with plug-ins may take two.
	Timeout time.Duration
	// Definitions are shared with other clients, if set.
	Definitions *Definitions
	// Labels is the Windows code of the language in which the names of tables, columns and options are wanted, where the
	// environment has them in it; the user's own when zero. Such a client shares no definitions.
	Labels int
}

// Client speaks to one environment. It is safe for concurrent use.
type Client struct {
	base      *url.URL // scheme and host
	Root      string   // https://org.crm4.dynamics.com/api/data/v9.2/
	http      *http.Client
	transport *transport
	userAgent string
	log       *slog.Logger

	retries   int
	RetryWait time.Duration
	maxWait   time.Duration

	budget      *budget
	Schema      schema
	definitions *Definitions
	labels      int
}

// New makes a client. It sends nothing yet: [Client.WhoAmI] is the cheapest way to see whether it works.
func New(o Options) (*Client, error) {
	base, err := environmentURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Credential == nil {
		return nil, errors.New("dataverse: a credential is needed")
	}
	c := &Client{
		base:      base,
		Root:      base.String() + apiPath,
		userAgent: o.UserAgent,
		log:       o.Logger,
		retries:   o.Retries,
		RetryWait: o.RetryWait,
		maxWait:   o.MaxWait,

		budget:      newBudget(),
		definitions: o.Definitions,
		labels:      o.Labels,
	}
	if c.labels != 0 {
		c.definitions = nil
	}
	if c.userAgent == "" {
		c.userAgent = "gallra"
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.retries == 0 {
		c.retries = defaultRetries
	}
	if c.RetryWait <= 0 {
		c.RetryWait = defaultRetryWait
	}
	if c.maxWait <= 0 {
		c.maxWait = defaultMaxWait
	}
	c.transport = &transport{
		base:    o.Transport,
		gate:    newGate(o.MaxConcurrency, c.maxWait),
		tokens:  newTokens(o.Credential, base.String()+"/.default"),
		log:     c.log,
		clock:   &serviceClock{},
		wait:    c.RetryWait,
		timeout: o.Timeout,
	}
	if c.transport.base == nil {
		c.transport.base = newBase()
	}
	if o.Observe != nil {
		c.transport.base = o.Observe(c.transport.base)
	}
	if c.transport.timeout <= 0 {
		c.transport.timeout = 3 * time.Minute
	}
	c.http = &http.Client{
		Transport:     c.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// environmentURL takes what people paste: the environment's address, with or without a path into the API.
func environmentURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("dataverse: the environment's address must look like https://org.crm4.dynamics.com")
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path != "" && !strings.HasPrefix(path+"/", "/api/data/") && path != "/main.aspx" {
		return nil, errors.New("dataverse: the environment's address must have no path: https://org.crm4.dynamics.com")
	}
	switch u.Scheme {
	case "https":
	case "http":
		if !loopback(u.Hostname()) {
			return nil, fmt.Errorf("dataverse: plain http would show the token to the network; use https://%s", u.Host)
		}
	default:
		return nil, errors.New("dataverse: the environment's address must begin with https://")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// URL is the environment's address.
func (c *Client) URL() string { return c.base.String() }

// Now is the service's clock: the newest Date header seen, zero before the first good answer.
func (c *Client) Now() time.Time { return c.transport.clock.time() }

// ClockErr tells why the day cannot be taken from [Client.Now]: no answer has told the time ([ErrNoClock]), or one told a
// time long before what another had told ([ErrClockTurns]), so that nobody knows which of them is right.
func (c *Client) ClockErr() error { return c.transport.clock.check() }

// Concurrency tells how many requests may be in flight at present, and how many there were at most.
func (c *Client) Concurrency() (limit, peak int) {
	g := c.transport.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.places(), g.peak
}

// Waiting tells how many requests wait for their turn: more work at once would only make each wait longer.
func (c *Client) Waiting() int {
	g := c.transport.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

// Close closes idle connections.
func (c *Client) Close() {
	if t, ok := c.transport.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
