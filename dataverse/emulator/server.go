package emulator

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/messages"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/tokens"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Options make a server. The zero value is a sandbox without data, whose token is "emulator".
type Options struct {
	// Token is the bearer token of the application user with the system administrator's role.
	Token string
	// Now is the machine's clock; the emulator's own runs with it until the control plane sets it. nil: time.Now.
	Now func() time.Time
	// Organization is the friendly name of the organisation; "" means Emulator.
	Organization string
	// UniqueName is the organisation's unique name; "" makes it of the id: org6eadd181.
	UniqueName string
	// OrganizationID is the organisation's id. The zero id stands for one that all emulators have, which policies for trials are pinned to.
	OrganizationID uuid.UUID
	// AuditDelay is how long after a change its audit row appears, by the emulator's clock.
	AuditDelay time.Duration
	// AuditChangesOnly leaves out of the audit history what an update sends and what was the same before, as
	// manage-dataverse-auditing says; update-delete-entities-using-web-api says that it is audited as changed, the default.
	AuditChangesOnly bool
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
	ReadOnlyQuotes store.Lock
	// ClosedActivities says who may change a completed or cancelled activity: by default nobody, until it is opened
	// again. The documentation is silent.
	ClosedActivities store.Lock

	// Languages are provisioned beside English, the base language, by their codes: labels in others are refused.
	Languages []int
	// TimeZone is the time zone of every user: formatted dates and relative dates are in it. nil: UTC.
	TimeZone *time.Location
	// NullNegation says which negative conditions are true of a column without a value.
	NullNegation store.NullNegation
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
	// OwnersNeedRoles refuses rows to users who have no role at all, as the service does. By default they may own rows, since tests
	// put users in without roles; who has roles needs the right to read rows of the table in any case.
	OwnersNeedRoles bool
	// DuplicateStatus is the status of the error that a duplicate is refused with: 412 as compose-http-requests-handle-errors
	// lists such codes, the default, or 500 as manage-duplicate-detection-create-update shows it.
	DuplicateStatus int
	// NewerSegmentCode answers a path segment that names nothing with 0x80060888, as webapi/use-ps-and-vscode-web-api shows and users report,
	// instead of 0x8006088a, which web-service-error-codes has.
	NewerSegmentCode bool
	// NamesNeedPublisher asks for the prefix of a publisher in every name of a table, column or relationship, also where no
	// solution is named. The service asks for some prefix: Microsoft's SDK for Python names without one that is known.
	NamesNeedPublisher bool
	// DatesNeedZone refuses a date and time without a zone, in bodies and in filters. Without it they mean UTC, as
	// behavior-format-date-time-attribute says.
	DatesNeedZone bool
	// Limits are the service protection limits; off unless they are switched on.
	Limits Limits
	// OnPrivilege, if not nil, is called for every privilege that is checked, with the user. It may be called by several
	// requests at once.
	OnPrivilege func(user uuid.UUID, privilege string)
	// WebhookRemote lets hooks call endpoints that are not on this machine: rows leave it then.
	WebhookRemote bool
	// WebhookTimeout is how long the endpoint of a hook may take: 0 is 60 seconds, as use-webhooks says.
	WebhookTimeout time.Duration
	// BatchLF accepts a batch whose lines end in LF alone. The service answers such a batch 400.
	BatchLF bool
	// BatchEndsInCRLF refuses a batch whose last line has no end, or LF alone. Clients send both.
	BatchEndsInCRLF bool
}

// Server is a fake Dataverse: an http.Handler for /api/data/v9.x/ and for the control plane under /emulator/.
type Server struct {
	options Options
	engine  *store.Engine
	stats   *stats
	faults  *faults
	limits  *limiter
	routes  map[string]wire.Handler
	control map[string]func(*control) (any, error)
	copies  copies
	tokens  *tokens.Tokens

	query    *query.Service
	metadata *metadata.Service
	platform *platform.Service
	messages *messages.Service
	loads    *load.Service
	hooks    *hooks.Hooks

	bodyLimit int64 // of a request's body, in bytes
}

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
	tooLarge := wire.NewError(http.StatusRequestEntityTooLarge, "0x80060888", "The request is too large.")
	if r.ContentLength > s.bodyLimit {
		return nil, tooLarge
	}
	var text bytes.Buffer
	if r.ContentLength > 0 {
		text.Grow(int(min(r.ContentLength, 1<<20)) + bytes.MinRead)
	}
	_, err := text.ReadFrom(http.MaxBytesReader(w, r.Body, s.bodyLimit))
	body := text.Bytes()
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, wire.BadQuery("The body of the request breaks off.")
	}
	return body, nil
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	if s.crossOrigin(w, r) {
		return
	}
	done := s.stats.begin()
	defer done()
	body, err := s.readBody(w, r)
	if err != nil {
		s.send(w, r, "", wire.ErrorAnswer(err, nil))
		return
	}
	c, err := s.newCall(r, body)
	if err != nil {
		s.send(w, r, "", wire.ErrorAnswer(err, nil))
		return
	}
	visit, refused := s.limits.admit(w, r, c)
	if refused != nil {
		s.send(w, r, c.Method+" "+label(c.Path), wire.ErrorAnswer(refused, c))
		return
	}
	defer visit.leave() // when the connection is dropped, too
	s.run(w, r, c, visit)
}

// run does the work of a request, or what a fault rule has in its place.
func (s *Server) run(w http.ResponseWriter, r *http.Request, c *wire.Call, visit *visit) {
	route := c.Method + " " + label(c.Path)
	rule := s.faults.next(c.Method, c.Path, false)
	rule.wait(c.Ctx)
	carried := rule.carry(c)
	drop := func() {
		s.stats.count(route, unanswered)
		abort()
	}
	if rule.drops("before") {
		drop()
	}
	if s.options.Latency > 0 {
		time.Sleep(s.options.Latency)
	}
	a := rule.answer(c)
	if a == nil {
		if rule != nil && rule.Duplicate {
			again := *c
			rule.carry(&again) // what befalls its parts is nothing to the connection
			s.serve(&again)
		}
		s.settle()
		s.platform.AuditAccess(c.User)
		a = s.serve(c)
	}
	rule = *carried // that of a part of a batch, if one has a rule for the connection
	if rule.drops("after") {
		drop()
	}
	if rule != nil && rule.Truncate {
		b := a.Bytes()
		if len(b) == 0 {
			drop()
		}
		a.SetHeader("Content-Length", strconv.Itoa(len(b)))
		a.Body = b[:len(b)/2]
	}
	visit.leave() // before the caller, who may send the next one at once, has its answer
	s.send(w, r, route, a)
	if rule != nil && rule.Truncate {
		_ = http.NewResponseController(w).Flush() // else the half would go down with the connection
		abort()
	}
}

// serve answers a call: the whole of a request, or one part of a batch.
func (s *Server) serve(c *wire.Call) *wire.Answer {
	h := s.routes[c.Path.Route(c.Method)]
	if err := s.unheld(c); err != nil {
		return wire.ErrorAnswer(err, c)
	}
	if h == nil {
		return wire.ErrorAnswer(s.noRoute(c), c)
	}
	if err := impersonate(c); err != nil {
		return wire.ErrorAnswer(err, c)
	}
	for name := range c.Query {
		if strings.EqualFold(name, "partitionId") { // in whatever case the pages write it: webapi/azure-storage-partitioning
			return wire.ErrorAnswer(wire.NotEmulated(s.engine, "partitionId: elastic tables"), c)
		}
	}
	if c.Preference("respond-async") != "" {
		return wire.ErrorAnswer(wire.NotEmulated(s.engine, "Prefer: respond-async"), c)
	}
	level := metadataLevel(c)
	if level == "full" {
		return wire.ErrorAnswer(wire.NotEmulated(s.engine, "Accept: odata.metadata=full"), c)
	}
	c.Looked = [2]int{}
	a, err := h(c)
	s.stats.saw(c.Method+" "+label(c.Path), c.Looked)
	if err != nil {
		return wire.ErrorAnswer(err, c)
	}
	if level == "none" {
		a = withoutMetadata(a)
	}
	return a
}

// send writes an answer with the headers that every one carries.
func (s *Server) send(w http.ResponseWriter, r *http.Request, route string, a *wire.Answer) {
	s.stats.count(route, a.Status)
	h := w.Header()
	for k, v := range a.Header {
		h[k] = v
	}
	id := uuid.NewString()
	h.Set("Date", s.engine.Clock.Now().UTC().Format(http.TimeFormat))
	h.Set("OData-Version", "4.0")
	h.Set("REQ_ID", id)
	h["X-Ms-Service-Request-Id"] = []string{uuid.NewString(), id}
	h.Set("X-Ms-Dop-Hint", strconv.Itoa(s.limits.hint()))
	h.Set("Cache-Control", "no-cache")
	b := a.Bytes()
	if len(b) > 0 {
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json; odata.metadata=minimal")
		}
		if h.Get("Content-Length") == "" { // a truncated answer says the length of the whole
			h.Set("Content-Length", strconv.Itoa(len(b)))
		}
	}
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client is gone: nobody left to tell
	}
}

// newCall checks the request's address and token and takes it apart.
func (s *Server) newCall(r *http.Request, body []byte) (*wire.Call, error) {
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), wire.APIRoot)
	if strings.HasPrefix(r.URL.Path, "/api/search/") {
		return nil, wire.NotEmulated(s.engine, "Dataverse search")
	}
	version, rest, _ := strings.Cut(rest, "/")
	if !found || version != "v9.0" && version != "v9.1" && version != "v9.2" {
		return nil, wire.NewError(http.StatusNotFound, "", "No HTTP resource was found that matches the request URI '%s'.", r.URL.Path)
	}
	user, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	p, err := wire.ParsePath(rest)
	if err != nil {
		return nil, err
	}
	query, err := wire.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	method := r.Method
	if method == http.MethodHead { // what a GET would answer, without its body
		method = http.MethodGet
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &wire.Call{
		Ctx: r.Context(), Engine: s.engine, Method: method, Path: p, Query: query, Raw: r.URL.RawQuery,
		Header: r.Header, Body: body, Base: scheme + "://" + r.Host + wire.APIRoot + version, User: user, Rows: new(atomic.Int64),
	}, nil
}

// settle lets the clock do its work before a request is answered: audit rows appear, jobs run, the recycle bin is swept.
func (s *Server) settle() {
	now := s.engine.Clock.Now()
	s.engine.ShowAudit(now)
	s.messages.RunRetention(store.Instant(now.Unix()))
	s.messages.RunJobs(now)
	s.platform.SweepBin(now)
	s.platform.ExpireNotifications(now)
	s.platform.RunHooks(now)
}
