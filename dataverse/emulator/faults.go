package emulator

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Fault is a rule for what goes wrong. Status, Drop, Delay, Truncate or Duplicate says what happens; Delay goes together
// with the others. The other fields say to which requests.
type Fault struct {
	// Status is answered instead of doing the work, with the error that Dataverse would give with it.
	Status int `json:"status,omitempty"`
	// Code and Message are those of the error; left out, what Dataverse gives with the status.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// RetryAfter is the header of that name, in seconds. A 429 without it says one second.
	RetryAfter *int `json:"retryAfter,omitempty"`
	// Drop closes the connection without an answer, "before" or "after" the work was done.
	Drop string `json:"drop,omitempty"`
	// Delay is waited before the work, by the machine's clock: a Go duration such as "2s".
	Delay string `json:"delay,omitempty"`
	// Truncate sends half of the body under the Content-Length of the whole, and closes the connection. An answer
	// without a body is dropped.
	Truncate bool `json:"truncate,omitempty"`
	// Duplicate does the work twice, as when a proxy sent the request again; the second answer goes back.
	Duplicate bool `json:"duplicate,omitempty"`

	// Route is a method, an entity set or operation, or both: "PATCH contacts", "POST $batch", "WhoAmI". Empty: every
	// request. A rule with a name also meets the parts of a batch: a status answers the part; a drop or truncation is
	// the whole request's.
	Route string `json:"route,omitempty"`
	// Row is the id of the only row that the rule meets, as the key in the address.
	Row string `json:"row,omitempty"`
	// Later lets the route name an entity set or operation that is not there yet.
	Later bool `json:"later,omitempty"`
	// Rate is the share of the matching requests, drawn by Seed. Left out: all.
	Rate *float64 `json:"rate,omitempty"`
	// After is how many matching requests go through first.
	After int `json:"after,omitempty"`
	// Count is how often it happens at most; 0 is no bound.
	Count int    `json:"count,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
}

// faults are the rules in force. The first rule that fires decides; the rules behind it do not see the request.
type faults struct {
	mu    sync.Mutex
	rules []*faultRule
}

type faultRule struct {
	Fault
	method, name string
	delay        time.Duration
	random       *rand.Rand
	row          uuid.UUID
	seen, fired  int
}

// FaultInForce is a rule with what it has done so far.
type FaultInForce struct {
	Fault
	Hits int `json:"hits"` // how often it happened
	Seen int `json:"seen"` // how many requests and parts of batches matched
}

// check makes a rule of f.
func (f Fault) check() (*faultRule, error) {
	r := &faultRule{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 0))}
	what := 0
	for _, said := range []bool{f.Status != 0, f.Drop != "", f.Duplicate} {
		if said {
			what++
		}
	}
	switch {
	case what == 0 && f.Delay == "" && !f.Truncate:
		return nil, badControl("a fault says what happens: status, drop, delay, truncate or duplicate")
	case what > 1 || f.Truncate && f.Drop != "":
		return nil, badControl("a fault does one of status, drop, truncate and duplicate")
	case f.Status != 0 && (f.Status < 300 || f.Status > 599):
		return nil, badControl("status: %d is not a failure", f.Status)
	case f.Drop != "" && f.Drop != "before" && f.Drop != "after":
		return nil, badControl(`drop: %q is neither "before" nor "after"`, f.Drop)
	case f.RetryAfter != nil && (f.Status == 0 || *f.RetryAfter < 0):
		return nil, badControl("retryAfter: goes with a status and is not negative")
	case f.Rate != nil && !(*f.Rate >= 0 && *f.Rate <= 1):
		return nil, badControl("rate: %v is not between 0 and 1", *f.Rate)
	case (f.Code != "" || f.Message != "") && f.Status == 0:
		return nil, badControl("code and message: go with a status")
	case f.After < 0 || f.Count < 0:
		return nil, badControl("after and count are not negative")
	}
	if f.Delay != "" {
		d, err := time.ParseDuration(f.Delay)
		if err != nil || d < 0 {
			return nil, badControl("delay: %q is not a duration such as 2s", f.Delay)
		}
		r.delay = d
	}
	if f.Row != "" {
		id, err := uuid.Parse(f.Row)
		if err != nil {
			return nil, badControl("row: it is no id of a row")
		}
		r.row = id
	}
	words := strings.Fields(f.Route)
	if len(words) > 0 && words[0] == strings.ToUpper(words[0]) && isMethod(words[0]) {
		r.method, words = words[0], words[1:]
	}
	switch len(words) {
	case 0:
	case 1:
		r.name = words[0]
	default:
		return nil, badControl(`route: %q is not a method and a name, such as "PATCH contacts"`, f.Route)
	}
	return r, nil
}

func isMethod(s string) bool {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

func (s *Server) setFaults(c *control) (any, error) {
	var in []Fault
	if err := c.decodeList(&in, func() any { return new(Fault) }, func(one any) { in = []Fault{*one.(*Fault)} }); err != nil {
		return nil, err
	}
	if err := s.SetFaults(in...); err != nil {
		return nil, err
	}
	return s.faults.inForce(), nil
}

// SetFaults puts these rules in force, in place of those before; none clears them.
func (s *Server) SetFaults(rules ...Fault) error {
	checked := make([]*faultRule, 0, len(rules))
	for _, f := range rules {
		r, err := f.check()
		if err != nil {
			return err
		}
		if err := s.knowsRoute(r); err != nil {
			return err
		}
		checked = append(checked, r)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = checked
	return nil
}

// knowsRoute refuses a rule for what the environment does not have: a misspelt name would never happen.
func (s *Server) knowsRoute(r *faultRule) error {
	if r.name == "" || r.Later || r.name == "/" || strings.HasPrefix(r.name, "$") {
		return nil
	}
	sn := s.engine.Store.View()
	names := slices.Concat(slices.Collect(maps.Keys(sn.Schema.Sets)), s.Operations(), slices.Collect(maps.Keys(wire.DefinitionSets)))
	if slices.Contains(names, r.name) {
		return nil
	}
	slices.Sort(names)
	return badControl("route: there is no entity set or operation %q%s; with later true it may come", r.name, wire.Nearest(r.name, names))
}

// Faults are the rules in force, with how often each happened.
func (s *Server) Faults() []FaultInForce { return s.faults.inForce() }

// inForce are the rules as they were given.
func (f *faults) inForce() []FaultInForce {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]FaultInForce, 0, len(f.rules))
	for _, r := range f.rules {
		out = append(out, FaultInForce{r.Fault, r.fired, r.seen})
	}
	return out
}

// injection is the fault that one request gets; nil is none.
type injection struct {
	Fault
	delay time.Duration
}

// next is the fault that the rules give a request, or a part of a batch.
func (f *faults) next(method string, p wire.Path, part bool) *injection {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if part && r.name == "" || !r.matches(method, p) || !r.fires() {
			continue
		}
		return &injection{r.Fault, r.delay}
	}
	return nil
}

func (r *faultRule) matches(method string, p wire.Path) bool {
	return (r.method == "" || r.method == method) && (r.row == uuid.Nil || keyedBy(p, r.row)) &&
		(r.name == "" || r.name == label(p) || len(p.Segments) > 0 && r.name == p.Segments[0].Name)
}

// keyedBy tells whether the address names the row by its id.
func keyedBy(p wire.Path, row uuid.UUID) bool {
	if len(p.Segments) == 0 {
		return false
	}
	id, err := uuid.Parse(p.Segments[0].Key)
	return err == nil && id == row
}

// fires counts a matching request and tells whether the rule meets it. One number is drawn for each, so that what
// happens to the n-th depends on the seed alone.
func (r *faultRule) fires() bool {
	r.seen++
	hit := r.Rate == nil || r.random.Float64() < *r.Rate
	if !hit || r.seen <= r.After || r.Count > 0 && r.fired >= r.Count {
		return false
	}
	r.fired++
	return true
}

// wait is the rule's delay, cut short when the client goes away.
func (i *injection) wait(ctx context.Context) {
	if i == nil || i.delay <= 0 {
		return
	}
	t := time.NewTimer(i.delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (i *injection) drops(when string) bool { return i != nil && i.Drop == when }

// answer is the error that the rule puts in place of the work, nil if the work is to be done.
func (i *injection) answer(c *wire.Call) *wire.Answer {
	if i == nil || i.Status == 0 {
		return nil
	}
	f := statusError(i.Status)
	if i.Code != "" {
		f.Code = i.Code
	}
	if i.Message != "" {
		f.Message = i.Message
	}
	retry := i.RetryAfter
	if retry == nil && i.Status == http.StatusTooManyRequests {
		retry = new(1)
	}
	a := wire.ErrorAnswer(f, c)
	if retry != nil {
		a.SetHeader("Retry-After", strconv.Itoa(*retry))
	}
	return a
}

// carriedKey is where a request's context holds what a fault rule does to its connection.
type carriedKey struct{}

// carry gives the call's context a place where a part of a batch notes what a fault rule does to the connection.
func (i *injection) carry(c *wire.Call) **injection {
	c.Ctx = context.WithValue(c.Ctx, carriedKey{}, &i)
	return &i
}

// carriedBy is what a call's context holds of it, nil for a call that came over no connection.
func carriedBy(c *wire.Call) **injection {
	i, _ := c.Ctx.Value(carriedKey{}).(**injection)
	return i
}

// servePart answers a part of a batch, or what a fault rule has in its place. A connection carries the whole batch: a
// dropped or truncated part drops or truncates that.
func (s *Server) servePart(batch, part *wire.Call) *wire.Answer {
	i := s.faults.next(part.Method, part.Path, true)
	i.wait(part.Ctx)
	if i.drops("before") {
		s.stats.count(batch.Method+" "+label(batch.Path), unanswered)
		abort()
	}
	if a := i.answer(part); a != nil {
		return a
	}
	if i != nil && (i.Drop != "" || i.Truncate) {
		if carried := carriedBy(batch); carried != nil {
			*carried = i
		}
	}
	if i != nil && i.Duplicate {
		again := *part
		s.serve(&again)
	}
	return s.serve(part)
}

// statusError is an error that Dataverse gives with the status.
func statusError(status int) *wire.Error {
	switch status {
	case http.StatusUnauthorized:
		return &wire.Error{Status: status}
	case http.StatusForbidden:
		return wire.NewError(status, "0x80040220", "Principal user is missing a privilege.")
	case http.StatusNotFound:
		return wire.NewError(status, "0x80040217", "The entity does not exist.")
	case http.StatusPreconditionFailed:
		return wire.VersionMismatch()
	case http.StatusTooManyRequests:
		return wire.NewError(status, "0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds.")
	case http.StatusInternalServerError:
		return wire.NewError(status, "0x80044150", "Generic SQL error.")
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return wire.NewError(status, "0x80040216", "%s", http.StatusText(status))
	default:
		return wire.NewError(status, "0x80040216", "An unexpected error occurred.")
	}
}

// abort closes the connection without an answer, or in the middle of one.
func abort() { panic(http.ErrAbortHandler) }
