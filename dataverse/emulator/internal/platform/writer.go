package platform

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Writer is one write operation: the transaction it works in, who does it, and when. Its methods know the platform's
// rules: defaults, states, cascades, audit, the recycle bin.
type Writer struct {
	*store.Tx
	Engine    *store.Engine
	Base      string               // the service root, for links
	User      uuid.UUID            // the caller
	behalf    uuid.UUID            // who asks in the caller's name: impersonation
	Now       store.Instant        // one moment for all rows of the operation
	contents  map[string]store.Ref // the rows that the parts of the change set before made, by Content-ID
	Job       *uuid.UUID           // the bulk delete job that deletes
	Unbinned  bool                 // deletes skip the recycle bin
	Unaudited bool                 // changes are not written down
	detecting bool                 // a row that a published rule calls a duplicate is refused
	solution  *solutionTarget      // the solution that new components go into
	Rules     map[string]RowRules  // of single tables, by their names
	Action    int64                // what the audit history calls the change, where it is not a plain one
	Hooks     *hooks.Hooks
	raising   raising
}

// Change runs fn in a transaction.
func (s *Service) Change(c *wire.Call, fn func(*Writer) error) error {
	return c.Write(func(t *store.Tx) error {
		if err := mayBypass(c); err != nil {
			return err
		}
		w := s.writer(c, t)
		var err error
		if w.solution, err = solutionFor(c, t); err != nil {
			return err
		}
		return fn(w)
	})
}

func (s *Service) writer(c *wire.Call, t *store.Tx) *Writer {
	return &Writer{
		Tx: t, Engine: c.Engine, Base: c.Base, User: c.User, behalf: c.Caller, contents: c.Contents, Rules: s.Rules,
		Now:       store.Instant(c.Engine.Clock.Now().Unix()),
		detecting: strings.EqualFold(c.Header.Get("MSCRM.SuppressDuplicateDetection"), "false"),
		Hooks:     s.Hooks, raising: raising{correlation: uuid.New(), bypass: bypassOf(c.Header)},
	}
}

// newRow is a new row with the values. It has a version of its own, as every row of [Writer.NextRow].
func (w *Writer) newRow(t *schema.Table, id uuid.UUID, v store.Values) *store.Row {
	v[t.IDColumn().Index] = id
	return w.NextRow(t, &store.Row{ID: id}, v)
}

// NextRow is the row before with the changes and the next version, which it also writes to the column versionnumber.
func (w *Writer) NextRow(t *schema.Table, before *store.Row, v store.Values) *store.Row {
	n := w.NextVersion()
	v.Set(t, "versionnumber", n)
	return before.With(v, n)
}

// messages are the tables that take some messages only: C is Create, U is Update, D is Delete.
// Pages: the tables' reference pages ("Messages").
var messages = map[string]string{
	"activityparty": "", "audit": "", "activitypointer": "", "bulkdeletefailure": "", "bulkdeleteoperation": "D",
	"listmember": "CD", "organization": "U", "systemuser": "CU", "privilege": "", "attachment": "D",
	"stringmap": "", "timezonedefinition": "", "languagelocale": "", "sdkmessage": "", "sdkmessagefilter": "", "roletemplate": "",
	"sharepointdocument": "", "usersettings": "U", "principalobjectaccess": "", "deleteditemreference": "CUD",
}

// CheckMessage refuses what a table does not take: "Create", "Update", "Delete".
func CheckMessage(t *schema.Table, message string) error {
	allowed, special := messages[t.Name]
	if t.Intersect && !special {
		allowed, special = "", true
	}
	if special && !strings.Contains(allowed, message[:1]) {
		return wire.NewError(405, "0x80100008", "The '%s' method does not support entities of type '%s'.", message, t.Name)
	}
	return nil
}

// MemberNames are the keys of a body in an order that does not change from call to call.
func MemberNames[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
