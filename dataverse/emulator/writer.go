package emulator

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// writer is one write operation: the transaction it works in, who does it, and when. Its methods know the platform's
// rules: defaults, states, cascades, audit, the recycle bin.
type writer struct {
	*tx
	engine    *engine
	base      string              // the service root, for links
	user      uuid.UUID           // the caller
	behalf    uuid.UUID           // who asks in the caller's name: impersonation
	now       instant             // one moment for all rows of the operation
	contents  map[string]ref      // the rows that the parts of the change set before made, by Content-ID
	job       *uuid.UUID          // the bulk delete job that deletes
	unbinned  bool                // deletes skip the recycle bin
	unaudited bool                // changes are not written down
	detecting bool                // a row that a published rule calls a duplicate is refused
	solution  *joining            // the solution that new components go into
	rules     map[string]rowRules // of single tables, by their names
	action    int64               // what the audit history calls the change, where it is not a plain one
}

// change runs fn in a transaction.
func (s *platformService) change(c *call, fn func(*writer) error) error {
	return c.write(func(t *tx) error {
		w := s.writer(c, t)
		var err error
		if w.solution, err = c.joins(t); err != nil {
			return err
		}
		return fn(w)
	})
}

func (s *platformService) writer(c *call, t *tx) *writer {
	return &writer{
		tx: t, engine: c.engine, base: c.base, user: c.user, behalf: c.caller, contents: c.contents, rules: s.rules,
		now:       instant(c.engine.clock.now().Unix()),
		detecting: strings.EqualFold(c.header.Get("MSCRM.SuppressDuplicateDetection"), "false"),
	}
}

// fresh is a new row with the values; next is a row with changes. Both have a version of their own, which also stands in
// the column versionnumber.
func (w *writer) fresh(t *table, id uuid.UUID, v values) *row {
	v[t.idColumn().index] = id
	return w.next(t, &row{id: id}, v)
}

func (w *writer) next(t *table, before *row, v values) *row {
	n := w.nextVersion()
	v.set(t, "versionnumber", n)
	return before.with(v, n)
}

// messages are the tables that do not take every message: the letters of Create, Update and Delete that they take.
// Pages: the tables' reference pages ("Messages").
var messages = map[string]string{
	"activityparty": "", "audit": "", "activitypointer": "", "bulkdeletefailure": "", "bulkdeleteoperation": "D",
	"listmember": "CD", "organization": "U", "systemuser": "CU", "privilege": "", "attachment": "D",
	"sharepointdocument": "", "principalobjectaccess": "", "deleteditemreference": "CUD",
}

// accepts refuses what a table does not take: "Create", "Update", "Delete".
func (t *table) accepts(message string) error {
	allowed, special := messages[t.Name]
	if t.Intersect && !special {
		allowed, special = "", true
	}
	if special && !strings.Contains(allowed, message[:1]) {
		return newFault(405, "0x80100008", "The '%s' method does not support entities of type '%s'.", message, t.Name)
	}
	return nil
}

// memberNames are the keys of a body in an order that does not change from call to call.
func memberNames[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
