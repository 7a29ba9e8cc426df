package emulator

import "github.com/google/uuid"

// rowRules are what a table's rows need beside the rules of every table. Whoever knows them registers them.
type rowRules struct {
	compute func(w *writer, t *table, before *row, v values)
	check   func(w *writer, t *table, r *row) error
	follow  func(w *writer, t *table, before, after *row)
	move    func(from, to, status int64) error // in the place of the rules of states
	remove  func(t *table, r *row) error       // refuses a delete
}

// makeBeside makes what the platform has beside a new row.
func (w *writer) makeBeside(t *table, r *row) error {
	if err := w.afterPlatform(t, r); err != nil {
		return err
	}
	w.inheritShares(t, r)
	if t.Name == "connection" && t.get(r, "relatedconnectionid") == nil {
		return w.mirrorConnection(t, r)
	}
	if w.engine.options.NoAddressRows {
		return nil
	}
	return w.makeAddresses(t, r)
}

// afterUpdate is what follows from a change of a row.
func (w *writer) afterUpdate(t *table, before, after *row) error {
	if follow := w.rules[t.Name].follow; follow != nil {
		follow(w, t, before, after)
	}
	if t.Activity && (t.get(before, "regardingobjectid") != t.get(after, "regardingobjectid") || t.get(before, "ownerid") != t.get(after, "ownerid")) {
		return w.finishActivity(t, after.id)
	}
	if t.Name == "customeraddress" || t.Name == "leadaddress" {
		return w.followAddress(t, after)
	}
	return w.followAddresses(t, before, after)
}

// afterDelete is what follows from the delete of a row.
func (w *writer) afterDelete(t *table, r *row) error {
	switch t.Name {
	case "recyclebinconfig": // without the organisation's row the bin is off, and the others go
		if t.text(r, "name") == binOrganization {
			w.dropAll(t)
		}
	case "bulkdeleteoperation":
		w.dropFailures(r.id)
	case "deleteditemreference":
		if c, ok := r.get(binContent).(*binned); ok && w.engine.options.ReferenceEmptiesBin {
			w.emptyBin(c)
		}
	}
	return nil
}

// dropFailures removes what a bulk delete operation had written down as failed.
func (w *writer) dropFailures(operation uuid.UUID) {
	t := w.schema.tables["bulkdeletefailure"]
	var ids []uuid.UUID
	w.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		if t.get(r, "bulkdeleteoperationid") == operation {
			ids = append(ids, r.id)
		}
		return true
	})
	for _, id := range ids {
		w.remove(t, id)
	}
}

// dropAll removes every row of a table.
func (w *writer) dropAll(t *table) {
	var ids []uuid.UUID
	w.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		ids = append(ids, r.id)
		return true
	})
	for _, id := range ids {
		w.remove(t, id)
	}
}

// mirrored are the columns of a connection that its mirror has the other way round.
var mirrored = map[string]string{
	"record1id": "record2id", "record2id": "record1id", "record1roleid": "record2roleid",
	"record2roleid": "record1roleid",
}

// mirrorConnection makes the second row of a connection: the same seen from the other record. Page:
// connection-entities.
func (w *writer) mirrorConnection(t *table, r *row) error {
	v := values{}
	for _, name := range []string{"description", "effectivestart", "effectiveend", "ownerid", "overriddencreatedon"} {
		v.set(t, name, t.get(r, name))
	}
	for from, to := range mirrored {
		v.set(t, to, t.get(r, from))
	}
	v.set(t, "relatedconnectionid", ref{t.Name, r.id})
	v.set(t, "ismaster", false)
	twin, err := w.insert(t, v)
	if err != nil {
		return err
	}
	link := values{}
	link.set(t, "relatedconnectionid", ref{t.Name, twin.id})
	link.set(t, "ismaster", true)
	w.put(t, w.data[t.Name].get(r.id).with(link, r.version))
	return nil
}
