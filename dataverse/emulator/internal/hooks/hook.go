package hooks

import (
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Hook is one registered step. Table to Count say which writes it meets; Refuse, Set, Create, Delay and Webhook what it does,
// in the order delay, webhook, refusal, columns, rows.
type Hook struct {
	// ID is given by the emulator where it is left out; a header that bypasses single steps names it.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`

	// Table is a logical name; empty: every table.
	Table string `json:"table,omitempty"`
	// Message is what happens to a row: one of [Messages].
	Message string `json:"message"`
	// Stage is PreValidation, PreOperation or PostOperation; empty: PreOperation, and PostOperation of an async hook.
	Stage string `json:"stage,omitempty"`
	// Async runs it when the write is over and cannot be refused any more.
	Async bool `json:"async,omitempty"`
	// Order ranks the hooks of a stage, lowest first; equal ones run as they were registered.
	Order int `json:"order,omitempty"`
	// Row is the id of the only row that it meets.
	Row string `json:"row,omitempty"`
	// Where is an OData filter on the row: as it was before an update or a delete, as it will be after a create.
	Where string `json:"where,omitempty"`
	// Columns are those of which an update has to have at least one.
	Columns []string `json:"columns,omitempty"`
	// After is how many writes go through before the first that it meets, Count how many it meets at most; 0: all.
	After int `json:"after,omitempty"`
	Count int `json:"count,omitempty"`
	// RunAs is as whom it writes: "caller", the default, or "system", who may do everything.
	RunAs string `json:"runAs,omitempty"`

	// Refuse ends the write with an error.
	Refuse *Refusal `json:"refuse,omitempty"`
	// Set is the body of an update: before the operation it becomes part of what is written; after it, and of an action, it is an update
	// of its own.
	Set map[string]any `json:"set,omitempty"`
	// Create are rows to make.
	Create []NewRow `json:"create,omitempty"`
	// Delay is for how long it runs, by the machine's clock; of an async hook, how much later it begins, by the emulator's.
	Delay string `json:"delay,omitempty"`
	// Webhook is called as the service calls one.
	Webhook *Webhook `json:"webhook,omitempty"`
}

// Refusal is the error of a plug-in that refuses.
type Refusal struct {
	Status  int    `json:"status,omitempty"`  // 400 where it is left out
	Code    string `json:"code,omitempty"`    // 0x80040265 where it is left out: a plug-in has cancelled the operation
	Message string `json:"message,omitempty"` // the plug-in's own words
}

// NewRow is a row that a hook makes: Values is the body of a create.
type NewRow struct {
	Table  string         `json:"table"`
	Values map[string]any `json:"values"`
}

// Webhook is an endpoint outside. Headers, Key and Query are the three ways in which it can be shown who calls; PreImage and
// PostImage are the names under which the row before and after comes along.
type Webhook struct {
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers,omitempty"`
	Key       string            `json:"key,omitempty"`
	Query     map[string]string `json:"query,omitempty"`
	PreImage  string            `json:"preImage,omitempty"`
	PostImage string            `json:"postImage,omitempty"`
}

// Listed is a hook with what it has done so far.
type Listed struct {
	Hook
	Hits int `json:"hits"` // how often it ran
	Seen int `json:"seen"` // how many writes matched it
}

// The stages of a message that hooks can stand at, by their numbers in the service.
const (
	PreValidation = "PreValidation"
	PreOperation  = "PreOperation"
	PostOperation = "PostOperation"
)

var stageNumbers = map[string]int{PreValidation: 10, PreOperation: 20, PostOperation: 40}

// The messages that writes raise.
const (
	Create       = "Create"
	Update       = "Update"
	Delete       = "Delete"
	Assign       = "Assign"
	SetState     = "SetState"
	Associate    = "Associate"
	Disassociate = "Disassociate"
)

// The messages of actions on a row: Win and Close are those of WinOpportunity, WinQuote, CloseQuote and CloseIncident.
const (
	Merge       = "Merge"
	QualifyLead = "QualifyLead"
	Win         = "Win"
	Lose        = "Lose"
	Close       = "Close"
)

// Messages are all of them.
var Messages = []string{Create, Update, Delete, Assign, SetState, Associate, Disassociate, Merge, QualifyLead, Win, Lose, Close}

// actions are the tables that have the message of an action.
var actions = map[string][]string{Merge: {"account", "contact", "incident", "lead"}, QualifyLead: {"lead"}, Win: {"opportunity", "quote"}, Lose: {"opportunity"},
	Close: {"incident", "quote"}}

// Event is one message at one stage.
type Event struct {
	Table   *schema.Table
	Message string
	Stage   string
	ID      uuid.UUID
	Before  *store.Row   // nil for a create
	Target  store.Values // what a create or an update sends
	After   *store.Row   // after the operation; nil before it, and of a deleted row
	Link    Link         // of Associate and Disassociate

	User        uuid.UUID
	Base        string // the service root that was called
	Depth       int    // 1 is what a caller asked for
	Within      []string
	Correlation uuid.UUID
	Bypass      Bypass
	at          time.Time
}

// Link is what Associate and Disassociate join.
type Link struct {
	Relationship string
	Other        store.Ref
}

// Bypass is which hooks a caller asked to leave out.
type Bypass struct {
	Sync, Async bool
	Steps       []string
}

// row is the row that a condition is asked of.
func (ev *Event) row() *store.Row {
	if ev.Before != nil {
		return ev.Before
	}
	if ev.After != nil {
		return ev.After
	}
	r := &store.Row{ID: ev.ID}
	return r.With(ev.Target, 0)
}

// value is the value of a column: as it is sent, else as it is in the row.
func (ev *Event) value(c *schema.Column, before bool) any {
	if !before {
		if v, sent := ev.Target[c.Index]; sent {
			return v
		}
		if ev.After != nil {
			return ev.After.Get(c.Index)
		}
	}
	if ev.Before != nil {
		return ev.Before.Get(c.Index)
	}
	return nil
}

// Writer is what hooks do to rows with.
type Writer interface {
	// View is what the write has done so far.
	View() *store.Snapshot
	// Change merges a body into what is about to be written.
	Change(body map[string]any) error
	// Update changes the row of the event by a body of its own.
	Update(body map[string]any) error
	// Create makes a row.
	Create(table string, body map[string]any) error
	// Later runs fn when what is written has been committed.
	Later(fn func())
}
