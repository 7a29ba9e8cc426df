package platform

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// RowRules are one table's rules, beside those of every table. The package that knows them registers them.
type RowRules struct {
	Compute func(w *Writer, t *schema.Table, before *store.Row, v store.Values)
	Check   func(w *Writer, t *schema.Table, r *store.Row) error
	Follow  func(w *Writer, t *schema.Table, before, after *store.Row)
	Move    func(from, to, status int64) error        // in the place of the rules of states
	Remove  func(t *schema.Table, r *store.Row) error // refuses a delete
}

// makeBeside makes the rows that the platform adds to a new one: its mirror, its addresses, inherited shares.
func (w *Writer) makeBeside(t *schema.Table, r *store.Row) error {
	if err := w.afterPlatform(t, r); err != nil {
		return err
	}
	w.inheritShares(t, r)
	w.reparent(t, nil, r)
	if t.Name == "connection" && store.Value(t, r, "relatedconnectionid") == nil {
		return w.mirrorConnection(t, r)
	}
	if w.Engine.Options.NoAddressRows {
		return nil
	}
	return w.makeAddresses(t, r)
}

// afterUpdate is what follows from a change of a row.
func (w *Writer) afterUpdate(t *schema.Table, before, after *store.Row) error {
	if follow := w.Rules[t.Name].Follow; follow != nil {
		follow(w, t, before, after)
	}
	w.reparent(t, before, after)
	w.followQueue(t, before, after)
	if err := w.assignBelow(t, before, after); err != nil {
		return err
	}
	if t.Activity && (store.Value(t, before, "regardingobjectid") != store.Value(t, after, "regardingobjectid") || store.Value(t, before, "ownerid") != store.Value(t, after, "ownerid")) {
		return w.FinishActivity(t, after.ID)
	}
	if t.Name == "organization" {
		w.followSwitch(t, before, after)
	}
	if t.Name == "activitymimeattachment" {
		w.writeFile(t, before, after)
	}
	if t.Name == "customeraddress" || t.Name == "leadaddress" {
		return w.followAddress(t, after)
	}
	return w.followAddresses(t, before, after)
}

// afterDelete is what follows from the delete of a row.
func (w *Writer) afterDelete(t *schema.Table, r *store.Row) error {
	switch t.Name {
	case "activitymimeattachment":
		w.dropUnshown(t, r)
		w.countAttachments(t, r)
	case "queueitem":
		w.countItems(store.Lookup(t, r, "queueid"))
	case "recyclebinconfig": // without the organisation's row the bin is off, and the others go
		if store.Text(t, r, "name") == binOrganization {
			w.dropRows(t)
		}
	case "bulkdeleteoperation":
		w.dropFailures(r.ID)
	case "deleteditemreference":
		if c, ok := r.Get(binContent).(*binned); ok && w.Engine.Options.ReferenceEmptiesBin {
			w.emptyBin(c)
		}
	}
	return nil
}

// dropFailures removes the rows that record what a bulk delete operation could not delete.
func (w *Writer) dropFailures(operation uuid.UUID) {
	t := w.Schema.Tables["bulkdeletefailure"]
	var ids []uuid.UUID
	w.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if store.Value(t, r, "bulkdeleteoperationid") == operation {
			ids = append(ids, r.ID)
		}
		return true
	})
	for _, id := range ids {
		w.Remove(t, id)
	}
}

// dropRows removes every row of a table.
func (w *Writer) dropRows(t *schema.Table) {
	var ids []uuid.UUID
	w.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		ids = append(ids, r.ID)
		return true
	})
	for _, id := range ids {
		w.Remove(t, id)
	}
}

// mirrored are the columns of a connection whose values its mirror has exchanged.
var mirrored = map[string]string{
	"record1id": "record2id", "record2id": "record1id", "record1roleid": "record2roleid",
	"record2roleid": "record1roleid",
}

// mirrorConnection makes the second row of a connection, from the other record to the first. Page:
// connection-entities.
func (w *Writer) mirrorConnection(t *schema.Table, r *store.Row) error {
	v := store.Values{}
	for _, name := range []string{"description", "effectivestart", "effectiveend", "ownerid", "overriddencreatedon"} {
		v.Set(t, name, store.Value(t, r, name))
	}
	for from, to := range mirrored {
		v.Set(t, to, store.Value(t, r, from))
	}
	v.Set(t, "relatedconnectionid", store.Ref{Table: t.Name, ID: r.ID})
	v.Set(t, "ismaster", false)
	twin, err := w.Insert(t, v)
	if err != nil {
		return err
	}
	link := store.Values{}
	link.Set(t, "relatedconnectionid", store.Ref{Table: t.Name, ID: twin.ID})
	link.Set(t, "ismaster", true)
	w.Put(t, w.Data[t.Name].Get(r.ID).With(link, r.Version))
	return nil
}
