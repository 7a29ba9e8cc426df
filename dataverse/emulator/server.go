package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Options make a server. The zero value is a sandbox without data, whose token is "emulator".
type Options struct {
	// Token is the bearer token of the application user with the system administrator's role.
	Token string
	// Now is the machine's clock; the emulator's own runs with it until the control plane sets it. nil: time.Now.
	Now func() time.Time
	// AuditDelay is how long after a change its audit row appears, by the emulator's clock.
	AuditDelay time.Duration
	// MetadataLag is for how long reads of definitions still see what was there before a change of metadata, unless
	// they ask for Consistency: Strong. The service's cache may lag by 30 seconds.
	MetadataLag time.Duration
	// CustomizationLock is for how long, by the emulator's clock, a change of metadata or a publish keeps others out: they
	// are answered 429 with 0x80071151, as when a solution import runs.
	CustomizationLock time.Duration
	// Authority is where a 401 sends clients to sign in; "" means https://login.microsoftonline.com. A fake Entra ID has
	// its own address.
	Authority string
	// OrganizationType is what RetrieveCurrentOrganization says of the environment; "" means CustomerTest, a sandbox.
	OrganizationType string
	// Latency is added to every answer of the Web API.
	Latency time.Duration
	// ReadOnlyQuotes says who may change a quote, order or invoice that is not a draft any more: by default an
	// administrator, as dynamics-365-sales-privacy says.
	ReadOnlyQuotes Lock
	// ClosedActivities says who may change a completed or cancelled activity: by default nobody, until it is opened
	// again. The documentation is silent.
	ClosedActivities Lock

	// TimeZone is the time zone of every user: formatted dates and relative dates are in it. nil: UTC.
	TimeZone *time.Location
	// NullNegation says which negative conditions are true of a column without a value.
	NullNegation NullNegation
	// TopBeforePageSize lets $top win over odata.maxpagesize, as an older page says; the newer one says that $top is
	// then ignored.
	TopBeforePageSize bool
	// MaxExpand is how many tables one query may expand, nested ones included: 15 as webapi/query/join-tables says, the
	// default, or 10 as retrieve-entity-using-web-api says.
	MaxExpand int
	// MaxBatchURL is the longest URL of a GET in a batch: 65,536 characters as webapi/query/overview says, the default,
	// or 32,768 as retrieve-and-execute-predefined-queries says.
	MaxBatchURL int
	// LinkAllByName gives the link types all and not all of FetchXML the meaning of their names, as
	// fetchxml/reference/link-entity words it; fetchxml/filter-rows, which shows the SQL, gives them the opposite one.
	LinkAllByName bool
	// MatchFirstOuter keeps rows to which matchfirstrowusingcrossapply finds nothing, as an older page says.
	MatchFirstOuter bool
	// ApplyAllProperties makes an aggregate by $apply carry every property of the table as null, as a capture in
	// web-api-query-data-sample shows; aggregate-data shows compact rows.
	ApplyAllProperties bool
	// ReferenceEmptiesBin lets the delete of a deleteditemreference remove what it names from the recycle bin too. The
	// documentation does not say that it does.
	ReferenceEmptiesBin bool
	// JobStep is how long a bulk delete job takes, by the emulator's clock, to begin when its time has come, for every 100
	// rows, and to end: 0 is 5 ms, a negative duration none, so that a job is over with the next request.
	JobStep time.Duration
	// RetainedQueries is how many queries of long-term retained rows the environment may run a day, by the emulator's
	// clock in UTC: 0 is 100, as data-retention-view says (an older edition: 30); a negative number is without limit.
	RetainedQueries int
	// NoAddressRows leaves out the rows of customeraddress and leadaddress that every account, contact and lead has, and that
	// are kept alike with it.
	NoAddressRows bool
	// DefinitionsNeedRights asks for prvReadEntity, prvReadAttribute, prvReadRelationship or prvReadOptionSet before
	// definitions are read. No page says whether the service does.
	DefinitionsNeedRights bool
	// DuplicateStatus is the status of the error that a duplicate is refused with: 412 as compose-http-requests-handle-errors
	// lists such codes, the default, or 500 as manage-duplicate-detection-create-update shows it.
	DuplicateStatus int
	// Limits are the service protection limits; off unless they are switched on.
	Limits Limits
	// OnPrivilege, if not nil, hears of every privilege that is asked about, and of whom. It may be called by several
	// requests at once.
	OnPrivilege func(user uuid.UUID, privilege string)
	// BatchLF accepts a batch whose lines end in LF alone. The service answers such a batch 400.
	BatchLF bool
}

// Server is a fake Dataverse: an http.Handler for /api/data/v9.x/ and for the control plane under /emulator/.
type Server struct {
	options Options
	store   *store
	clock   *clock
	stats   *stats
	faults  *faults
	limits  *limiter
	routes  map[string]handler
	control map[string]func(*control) (any, error)
	copies  copies

	maxSteps  int   // of one query, in rows looked at; 0 is the ordinary limit
	bodyLimit int64 // of a request's body, in bytes

	tokens      *tokens
	grants      grantCache
	csdl        csdlCache
	customizing struct {
		sync.Mutex
		operation string
		until     time.Time
	}

	organizationID uuid.UUID
	rootBusiness   uuid.UUID
	administrator  uuid.UUID // the application user behind Options.Token

	retainedQuota dailyQuota
	uploads       uploads

	swept atomic.Int64 // when the recycle bin was last looked through, in seconds
}

// handler answers one call. An error that is not a *fault is a bug and becomes 500.
type handler func(*call) (*answer, error)

// call is one request, or one part of a batch.
type call struct {
	ctx    context.Context
	server *Server
	method string
	path   path
	query  url.Values
	raw    string // the query string as it came: parameter aliases and order stand in it
	header http.Header
	body   []byte
	base   string        // "https://host/api/data/v9.2", for links
	user   uuid.UUID     // who it is done as
	caller uuid.UUID     // who asks for it, when that is somebody else: impersonation
	tx     *tx           // the change set's transaction, nil outside one
	part   bool          // of a batch
	fault  *injection    // what a fault rule does to the request, nil if nothing
	rows   *atomic.Int64 // read and written so far, by the whole request

	contents map[string]ref // the rows that the parts of the change set before made, by Content-ID
}

// answer is what goes back. A body is JSON unless it is []byte.
type answer struct {
	status int
	header http.Header
	body   any
	row    ref // the row that a 204 gives the address of
}

func (a *answer) set(key, value string) *answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

// noContent is 204.
func noContent() *answer { return &answer{status: http.StatusNoContent} }

// ok is 200 with a JSON body.
func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

// view is what the call reads: its change set's work so far, else the newest snapshot.
func (c *call) view() *snapshot {
	if c.tx != nil {
		return &c.tx.snapshot
	}
	return c.server.store.view()
}

// write runs fn in the change set's transaction, else in one of its own that commits when fn succeeds. Either way what
// fn wrote is undone when it fails.
func (c *call) write(fn func(*tx) error) error {
	if c.tx != nil {
		sp := c.tx.savepoint()
		if err := fn(c.tx); err != nil {
			c.tx.restore(sp)
			return err
		}
		return nil
	}
	t := c.server.store.begin()
	done := false
	defer func() {
		if !done {
			t.rollback()
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	t.commit()
	done = true
	c.wroteRows(t.written)
	return nil
}

// readRows and wroteRows count rows, for the statistics and for what the request costs its user.
func (c *call) readRows(n int) {
	c.server.stats.read(n)
	if c.rows != nil { // the platform's own calls cost nobody anything
		c.rows.Add(int64(n))
	}
}

func (c *call) wroteRows(n int) {
	c.server.stats.wrote(n)
	if c.rows != nil {
		c.rows.Add(int64(n))
	}
}

// prefer is a preference of the Prefer headers: prefer("return") is "representation", prefer("odata.maxpagesize") "50".
// A preference without a value is "true". Preferences are separated by comma or semicolon, a value may be quoted.
func (c *call) prefer(name string) string {
	for _, line := range c.header.Values("Prefer") {
		for _, p := range splitPreferences(line) {
			k, v, found := strings.Cut(p, "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				if !found {
					return "true"
				}
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	return ""
}

func splitPreferences(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case (s[i] == ',' || s[i] == ';') && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// annotations tells whether the caller asked for the annotation, also by * or a prefix ending in it.
func (c *call) annotations(name string) bool {
	for _, p := range strings.Split(c.prefer("odata.include-annotations"), ",") {
		p = strings.TrimSpace(p)
		if p == name || strings.HasSuffix(p, "*") && strings.HasPrefix(name, strings.TrimSuffix(p, "*")) {
			return true
		}
	}
	return false
}

// decode reads the body as a JSON object; numbers stay json.Number.
func (c *call) decode() (map[string]any, error) {
	return readObject(c.body)
}

// maxBody bounds a request's body. Dataverse allows 116.85 MB where a plug-in is registered.
const maxBody = 128 << 20

const apiRoot = "/api/data/"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/emulator/") {
		s.serveControl(w, r)
		return
	}
	s.serveAPI(w, r)
}

// readBody reads the body of a request before anything is done for it: one that is too large, or that breaks off, has no
// effect. Page: compose-http-requests-handle-errors, "413 request too large".
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	tooLarge := newFault(http.StatusRequestEntityTooLarge, "0x80060888", "The request is too large.")
	if r.ContentLength > s.bodyLimit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.bodyLimit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, badQuery("The body of the request breaks off.")
	}
	return body, nil
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	done := s.stats.begin()
	defer done()
	body, err := s.readBody(w, r)
	if err != nil {
		s.send(w, r, "", faultAnswer(err, nil))
		return
	}
	c, err := s.newCall(r, body)
	if err != nil {
		s.send(w, r, "", faultAnswer(err, nil))
		return
	}
	visit, refused := s.limits.admit(w, r, c)
	if refused != nil {
		s.send(w, r, c.method+" "+c.path.label(), faultAnswer(refused, c))
		return
	}
	defer visit.leave() // when the connection is dropped, too
	s.run(w, r, c, visit)
}

// run does the work of a request, or what a fault rule has in its place.
func (s *Server) run(w http.ResponseWriter, r *http.Request, c *call, visit *visit) {
	route := c.method + " " + c.path.label()
	c.fault = s.faults.next(c.method, c.path, false)
	c.fault.wait(c.ctx)
	drop := func() {
		s.stats.count(route, unanswered)
		abort()
	}
	if c.fault.drops("before") {
		drop()
	}
	if s.options.Latency > 0 {
		time.Sleep(s.options.Latency)
	}
	a := c.fault.answer(c)
	if a == nil {
		if c.fault != nil && c.fault.Duplicate {
			again := *c
			s.serve(&again)
		}
		s.settle()
		a = s.serve(c)
	}
	if c.fault.drops("after") {
		drop()
	}
	if c.fault != nil && c.fault.Truncate {
		b := a.bytes()
		if len(b) == 0 {
			drop()
		}
		a.set("Content-Length", strconv.Itoa(len(b)))
		a.body = b[:len(b)/2]
	}
	visit.leave() // before the caller, who may send the next one at once, has its answer
	s.send(w, r, route, a)
	if c.fault != nil && c.fault.Truncate {
		_ = http.NewResponseController(w).Flush() // else the half would go down with the connection
		abort()
	}
}

// serve answers a call: the whole of a request, or one part of a batch.
func (s *Server) serve(c *call) *answer {
	h := s.routes[c.path.route(c.method)]
	if h == nil {
		return faultAnswer(s.noRoute(c), c)
	}
	if err := c.impersonate(); err != nil {
		return faultAnswer(err, c)
	}
	a, err := h(c)
	if err != nil {
		return faultAnswer(err, c)
	}
	return a
}

// send writes an answer with the headers that every one carries.
func (s *Server) send(w http.ResponseWriter, r *http.Request, route string, a *answer) {
	s.stats.count(route, a.status)
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	id := uuid.NewString()
	h.Set("Date", s.clock.now().UTC().Format(http.TimeFormat))
	h.Set("OData-Version", "4.0")
	h.Set("REQ_ID", id)
	h["X-Ms-Service-Request-Id"] = []string{uuid.NewString(), id}
	h.Set("X-Ms-Dop-Hint", strconv.Itoa(s.limits.hint()))
	h.Set("Cache-Control", "no-cache")
	b := a.bytes()
	if len(b) > 0 {
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json; odata.metadata=minimal")
		}
		if h.Get("Content-Length") == "" { // a truncated answer says the length of the whole
			h.Set("Content-Length", strconv.Itoa(len(b)))
		}
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client is gone: nobody left to tell
	}
}

// bytes is the answer's body on the wire.
func (a *answer) bytes() []byte {
	switch b := a.body.(type) {
	case nil:
		return nil
	case []byte:
		return b
	default:
		var buf bytes.Buffer
		e := json.NewEncoder(&buf)
		e.SetEscapeHTML(false)
		if err := e.Encode(b); err != nil {
			panic("emulator: an answer is not JSON: " + err.Error())
		}
		return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	}
}
