package platform

import (
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// itemsOf are the ids of the items whose column points to a row.
func (w *Writer) itemsOf(column string, of store.Ref) []*store.Row {
	t := w.Schema.Tables["queueitem"]
	if t == nil || !slices.Contains(t.Column(column).Targets, of.Table) {
		return nil
	}
	var out []*store.Row
	EachPointing(&w.Tx.Snapshot, t, t.Column(column), of, func(r *store.Row) bool {
		out = append(out, r)
		return true
	})
	return out
}

// countItems writes to a queue how many items it has. Page: queue-entities (numberofitems).
func (w *Writer) countItems(of store.Ref) {
	if of.ID != uuid.Nil {
		w.count(of.ID, "numberofitems", len(w.itemsOf("queueid", of)))
	}
}

// count writes a number to a queue.
func (w *Writer) count(queue uuid.UUID, column string, n int) {
	t := w.Schema.Tables["queue"]
	r := w.Data[t.Name].Get(queue)
	if r == nil || store.Value(t, r, column) == any(int64(n)) {
		return
	}
	v := store.Values{}
	v.Set(t, column, int64(n))
	w.Put(t, w.NextRow(t, r, v))
}

// followQueue is what a change of a row is to queues: an item has gone from one to another, or the row that it is about is no
// longer active, and then neither is the item. Page: queue-entities.
func (w *Writer) followQueue(t *schema.Table, before, after *store.Row) {
	if t.Name == "queueitem" {
		from, to := store.Lookup(t, before, "queueid"), store.Lookup(t, after, "queueid")
		if from != to {
			w.countItems(from)
			w.countItems(to)
		}
		return
	}
	if t.Column("statecode") == nil || store.Int(t, before, "statecode") != 0 || store.Int(t, after, "statecode") == 0 {
		return
	}
	items := w.Schema.Tables["queueitem"]
	for _, r := range w.itemsOf("objectid", store.Ref{Table: t.Name, ID: after.ID}) {
		v := store.Values{}
		v.Set(items, "statecode", int64(1))
		v.Set(items, "statuscode", FirstStatus(items, 1))
		w.Put(items, w.NextRow(items, r, v))
	}
}

// emptyQueue refuses to delete a queue that has items. Page: web-service-error-codes (CannotDeleteQueueWithQueueItems).
func (w *Writer) emptyQueue(t *schema.Table, r *store.Row) error {
	if t.Name == "queue" && len(w.itemsOf("queueid", store.Ref{Table: t.Name, ID: r.ID})) > 0 {
		return wire.NewError(http.StatusBadRequest, "0x80631117", "You can't delete this queue because it has items assigned to it. Assign these items to another user, team, or queue and try again.")
	}
	return nil
}

// giveQueue gives a user or a team its own queue. Page: queue-entities.
func (w *Writer) giveQueue(t *schema.Table, r *store.Row, name string) {
	if w.Schema.Tables["queue"] == nil || store.Lookup(t, r, "queueid").ID != uuid.Nil {
		return
	}
	queue := store.Ref{Table: "queue", ID: uuid.New()}
	placeQueue(w.Tx, queue.ID, store.Ref{Table: t.Name, ID: r.ID}, store.Text(t, r, name), w.Now)
	link := store.Values{}
	link.Set(t, "queueid", queue)
	w.Put(t, w.Data[t.Name].Get(r.ID).With(link, r.Version))
}

// giveMailbox gives a new user or queue its mailbox, through which mails would come and go. Page: server-side-synchronization-entities.
func (w *Writer) giveMailbox(t *schema.Table, r *store.Row, name, address string) {
	mailbox := store.Ref{Table: "mailbox", ID: uuid.New()}
	if w.Schema.Tables[mailbox.Table] == nil || store.Lookup(t, r, "defaultmailbox").ID != uuid.Nil {
		return
	}
	user := store.Ref{Table: "systemuser", ID: w.User}
	fields := store.Fields{"name": store.Text(t, r, name), "regardingobjectid": store.Ref{Table: t.Name, ID: r.ID}, "isforwardmailbox": false, "ownerid": user,
		"organizationid": w.Engine.OrganizationID, "statecode": int64(0), "statuscode": int64(1), "createdon": w.Now, "modifiedon": w.Now, "createdby": user, "modifiedby": user}
	if a := store.Text(t, r, address); a != "" {
		fields["emailaddress"] = a
	}
	w.Place(mailbox.Table, mailbox.ID, fields)
	link := store.Values{}
	link.Set(t, "defaultmailbox", mailbox)
	w.Put(t, w.Data[t.Name].Get(r.ID).With(link, r.Version))
}
