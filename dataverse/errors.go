package dataverse

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// What an error means, for errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrNoTable  = error(&meaning{"no such table",
		"the name is the table's logical name, in small letters; its solution may not be installed in this environment"})
	ErrChanged      = errors.New("changed by somebody else in the meantime")
	ErrDuplicate    = errors.New("exists already")
	ErrUnauthorized = errors.New("not signed in")
	ErrForbidden    = errors.New("not allowed")
	ErrThrottled    = error(&meaning{"service protection limit reached",
		"the service asks for a longer pause than the run has time for: run later, or with lower concurrency"})
	ErrRestricted  = errors.New("other rows still depend on it")
	ErrUnavailable = errors.New("service unavailable")
	ErrCustomizing = errors.New("another customisation is under way")
	// ErrSkipped marks parts of a batch that the service never came to.
	ErrSkipped = errors.New("not carried out: the batch ended before")
	// ErrLate is why a request never left, or not again: its time, set by [SendBy], was over before its turn came.
	ErrLate = errors.New("too late: the request waited longer than it may")
	// ErrAnswer marks answers that are not what the service sends: a proxy's page, half a document, a link that
	// leads elsewhere.
	ErrAnswer = error(&meaning{"not an answer of Dataverse",
		"something other than Dataverse answered: the address must be the environment's, such as https://org.crm4.dynamics.com, and no proxy may ask for a sign-in on the way"})
)

// Error is what Dataverse answered instead of what was asked for. Its text quotes no row, so it may be logged.
type Error struct {
	Op         string // "DELETE contacts(3f2c…)": never a query string
	Status     int
	Code       string // Dataverse's own in small letters, such as 0x80040217; may be empty
	RequestID  string // what Microsoft's support asks for
	Message    string // the service's words. They may quote rows: never print or log them
	RetryAfter time.Duration

	audience string // what a refused token was for, where that is another host
}

// Error tells the operation, the status and the codes; the service's message is left out on purpose.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	fmt.Fprintf(&b, "%d", e.Status)
	if t := http.StatusText(e.Status); t != "" {
		b.WriteString(" " + t)
	}
	if e.Code != "" {
		b.WriteString(", code " + e.Code)
	}
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	return b.String()
}

// Is matches the error by its meaning.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrChanged:
		return e.Status == http.StatusPreconditionFailed && !e.duplicate()
	case ErrDuplicate:
		return e.duplicate()
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrThrottled:
		return e.Status == http.StatusTooManyRequests && !e.customizing()
	case ErrCustomizing:
		return e.customizing()
	case ErrRestricted:
		return e.Code == codeRestricted
	case ErrUnavailable:
		return e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable ||
			e.Status == http.StatusGatewayTimeout
	}
	return false
}

// Dataverse's codes that the client itself has to tell apart.
const (
	codeRestricted         = "0x80040227" // CannotDeleteDueToAssociation
	codeNotMember          = "0x80072560" // UserNotMemberOfOrg
	codeAppBlocked         = "0x80095ffc"
	codeCustomizing        = "0x80071151" // SolutionConcurrencyFailure: a 429 that is no service protection limit
	codeConcurrentOp       = "0x80071154" // ConcurrentOperationFailure
	codeDuplicateRecord    = "0x80040237"
	codeDuplicatesFound    = "0x80040333"
	codeDuplicateEntityKey = "0x80060892"
	codeDuplicateName      = "0x80047010"
	codeDuplicateAttribute = "0x80047013"
	CodeDependency         = "0x8004f01f" // a component that others need
)

func (e *Error) duplicate() bool {
	switch e.Code {
	case codeDuplicateRecord, codeDuplicatesFound, codeDuplicateEntityKey, codeDuplicateName, codeDuplicateAttribute:
		return true
	}
	return false
}

func (e *Error) customizing() bool { return e.Code == codeCustomizing || e.Code == codeConcurrentOp }

// Uncertain is the error of a write of which nobody knows whether it happened: it was sent, and no answer came
// back. The caller has to look.
type Uncertain struct {
	Op  string
	Err error // what came instead of an answer
}

func (u *Uncertain) Error() string {
	return u.Op + ": may or may not have been carried out: " + u.Err.Error()
}

func (u *Uncertain) Unwrap() error { return u.Err }

// errorBody is {"error":{"code":…,"message":…}}; both may be empty.
type errorBody struct{ code, message string }

var codeText = regexp.MustCompile(`^(0x)?[0-9A-Za-z]{1,32}$`)

// parseErrorBody reads what it can: a 401 or a proxy's answer need not be JSON at all.
func parseErrorBody(body []byte) errorBody {
	var parsed struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &parsed) != nil {
		return errorBody{}
	}
	code := strings.ToLower(parsed.Error.Code)
	if !codeText.MatchString(code) {
		code = ""
	}
	return errorBody{code: code, message: parsed.Error.Message}
}

func newError(op string, ans *answer) *Error {
	body := parseErrorBody(ans.body)
	wait, _ := retryAfter(ans.header)
	return &Error{
		Op: op, Status: ans.status, Code: body.code, Message: body.message,
		RequestID: requestID(ans.header), RetryAfter: wait, audience: ans.header.Get(audienceHeader),
	}
}
