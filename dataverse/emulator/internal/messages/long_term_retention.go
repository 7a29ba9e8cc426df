package messages

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// unretainable are the tables whose rows are not kept in long-term retention: those that data-retention-overview names,
// and the platform's own.
var unretainable = map[string]bool{
	"post": true, "postcomment": true, "postfollow": true, "postlike": true, "postregarding": true, "postrole": true,
	"asyncoperation": true, "audit": true, "bulkdeletefailure": true, "bulkdeleteoperation": true, "businessunit": true,
	"connectionrole": true, "deleteditemreference": true, "duplicaterule": true, "duplicaterulecondition": true, "fieldpermission": true,
	"fieldsecurityprofile": true, "mailbox": true, "organization": true, "principalobjectaccess": true, "privilege": true,
	"publisher": true, "queue": true, "recyclebinconfig": true, "retentionconfig": true, "retentionfailuredetail": true,
	"retentionoperation": true, "retentionoperationdetail": true, "role": true, "savedquery": true, "solution": true,
	"solutioncomponent": true, "systemuser": true, "team": true, "transactioncurrency": true, "userquery": true,
	"workflow": true,
}

// mayRetain tells whether rows of the table can be kept in long-term retention.
func mayRetain(s *schema.Schema, t *schema.Table) bool {
	return !unretainable[t.Name] && !s.HoldsPairs(t) && t.Name != schema.ActivityPointer
}

// The states of a retention policy and of a run of it. Pages: reference/entities/retentionconfig, retentionoperation.
const (
	policyScheduled    = 10
	retentionCompleted = 3
	retentionSucceeded = 30
)

// checkRetention refuses a retention policy that cannot run. Page: long-term-retention. Its sample asks for
// opportunities under the name of incident: that is refused here.
func checkRetention(w *platform.Writer, t *schema.Table, r *store.Row) error {
	name := store.Text(t, r, "entitylogicalname")
	of := w.Schema.Tables[name]
	switch {
	case store.Text(t, r, "uniquename") == "":
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'uniquename' is missing on the entity 'retentionconfig'.")
	case w.IsTaken(t, r, "uniquename"):
		return wire.NewError(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	case of == nil:
		return wire.NoTable(http.StatusBadRequest, "0x80041102", name)
	case !mayRetain(w.Schema, of):
		return wire.BadArgument("Long term retention is not supported for the entity '%s'.", name)
	}
	if _, err := readRecurrence(w.Engine, store.Text(t, r, "recurrence"), "DAILY WEEKLY MONTHLY YEARLY"); err != nil {
		return err
	}
	_, err := retentionQuery(w.Engine, &w.Snapshot, name, store.Text(t, r, "criteria"))
	return err
}

// retentionQuery is the query of a policy, ready to run.
func retentionQuery(e *store.Engine, sn *store.Snapshot, name, text string) (*query.FetchQuery, error) {
	f, err := fetchxml.Parse([]byte(text))
	switch {
	case err != nil:
		return nil, query.FetchError(err)
	case f.Entity.Name != name:
		return nil, wire.BadArgument("The criteria are of the entity '%s', not of '%s'.", f.Entity.Name, name)
	case f.Aggregate || f.DataSource != "" || f.Top > 0 || f.Distinct:
		return nil, wire.BadArgument("The criteria of a retention policy must be a plain query of rows.")
	}
	v := &query.Env{Engine: e, Snap: sn, User: e.Administrator, Now: e.Clock.Now(), Zone: e.Zone(), Sources: map[*schema.Table]*query.Source{}}
	v.Slot()
	q := &query.FetchQuery{Env: v, Fetch: f, From: query.Collection{Table: sn.Schema.Tables[name]}, ByName: map[string]*query.JoinedTable{}}
	return q, q.Prepare()
}

// RunRetention runs the retention policies whose time has come: they mark the rows, copy them to long-term storage and
// delete them at the source, with what the delete cascades to. Page: long-term-retention.
func (s *Service) RunRetention(now store.Instant) {
	sn := s.Store.View()
	t := sn.Schema.Tables["retentionconfig"]
	if sn.Data[t.Name].Len() == 0 {
		return
	}
	var due []uuid.UUID
	sn.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if retentionDue(t, r, now) {
			due = append(due, r.ID)
		}
		return true
	})
	for _, id := range due {
		w := s.PlatformWriter()
		if r := w.Data[t.Name].Get(id); r != nil && retentionDue(t, r, now) { // no other request was faster
			retain(w, t, r)
		}
		w.Commit()
		s.Meter.Wrote(w.Written)
	}
}

// retentionDue tells whether a policy runs now: it is scheduled, and its next run has come.
func retentionDue(t *schema.Table, r *store.Row, now store.Instant) bool {
	at, scheduled := store.Value(t, r, "nextrun").(store.Instant)
	return scheduled && at <= now && store.Int(t, r, "statecode") == 0 && store.Int(t, r, "statuscode") == policyScheduled
}

// scheduleRetention sets when a policy runs: when it was made, and whenever its plan or its state changes.
func scheduleRetention(w *platform.Writer, t *schema.Table, before *store.Row, v store.Values) {
	if before != nil && !v.Has(t, "starttime") && !v.Has(t, "recurrence") && !v.Has(t, "statuscode") {
		return
	}
	start, given := v.After(t, before, "starttime").(store.Instant)
	if !given {
		start = w.Now
		v.Set(t, "starttime", start)
	}
	text, _ := v.After(t, before, "recurrence").(string)
	rule, _ := readRecurrence(w.Engine, text, "DAILY WEEKLY MONTHLY YEARLY") // refused later if it is none
	next, again := start, true
	if before != nil && store.Value(t, before, "nextrun") == nil && store.Value(t, before, "starttime") == any(start) {
		next, again = rule.next(start, w.Now) // it has run: only what recurs runs once more
	}
	v.Set(t, "nextrun", nil)
	if again {
		v.Set(t, "nextrun", next)
	}
}

// retain runs one policy.
func retain(w *platform.Writer, t *schema.Table, policy *store.Row) {
	operations := w.Schema.Tables["retentionoperation"]
	root := w.Schema.Tables[store.Text(t, policy, "entitylogicalname")]
	name, owner := store.Text(t, policy, "name"), store.Value(t, policy, "ownerid")
	v := store.Values{}
	v.SetText(operations, "name", name)
	v.Set(operations, "retentionconfigid", store.Ref{Table: t.Name, ID: policy.ID})
	v.Set(operations, "rootentitylogicalname", store.Text(t, policy, "entitylogicalname"))
	v.SetText(operations, "criteria", store.Text(t, policy, "criteria"))
	v.Set(operations, "starttime", w.Now)
	v.Set(operations, "ownerid", owner)
	operation := w.PutPlatformRow(operations, v)

	var ids []uuid.UUID
	if root != nil { // else the table was deleted
		q, err := retentionQuery(w.Engine, &w.Snapshot, root.Name, store.Text(t, policy, "criteria"))
		if err == nil {
			q.EachMatch(uuid.Nil, func() bool {
				if id := q.Env.Rows[0].ID; len(ids) == 0 || ids[len(ids)-1] != id {
					ids = append(ids, id)
				}
				return true
			})
		}
	}
	kept, failed := map[string]int64{}, int64(0)
	for _, id := range ids {
		r := w.Data[root.Name].Get(id)
		if r == nil {
			continue // gone with another one
		}
		before := w.Savepoint()
		moved, err := copyToRetained(w, root, r)
		if err != nil {
			w.Tx.RollbackTo(before)
			failed++
			retentionFailed(w, operation.ID, root, id, owner, err)
			continue
		}
		w.Release(before)
		for _, table := range moved {
			kept[table]++
		}
	}
	details := w.Schema.Tables["retentionoperationdetail"]
	total := int64(0)
	for _, table := range platform.MemberNames(kept) {
		v := store.Values{}
		v.SetText(details, "name", name)
		v.Set(details, "retentionoperationid", store.Ref{Table: operations.Name, ID: operation.ID})
		v.Set(details, "entitylogicalname", table)
		v.Set(details, "retentioncount", kept[table])
		v.Set(details, "failedcount", int64(0))
		v.Set(details, "isrootentity", table == root.Name)
		v.Set(details, "ownerid", owner)
		if table == root.Name {
			v.Set(details, "failedcount", failed)
		}
		w.PutPlatformRow(details, v)
		total += kept[table]
	}
	v = store.Values{}
	v.Set(operations, "statecode", int64(retentionCompleted))
	v.Set(operations, "statuscode", int64(retentionSucceeded))
	v.Set(operations, "endtime", w.Now)
	v.Set(operations, "retentioncount", total)
	v.Set(operations, "failedcount", failed)
	w.Put(operations, w.NextRow(operations, operation, v))

	v = store.Values{}
	rule, _ := readRecurrence(w.Engine, store.Text(t, policy, "recurrence"), "DAILY WEEKLY MONTHLY YEARLY")
	start, _ := store.Value(t, policy, "starttime").(store.Instant)
	v.Set(t, "nextrun", nil)
	if next, again := rule.next(start, w.Now); again {
		v.Set(t, "nextrun", next)
	}
	w.Put(t, w.NextRow(t, w.Data[t.Name].Get(policy.ID), v))
}

// copyToRetained moves a row, and what its delete cascades to, into long-term retention. The delete is an ordinary one, which
// the audit history has, but for the recycle bin: the rows are kept already.
func copyToRetained(w *platform.Writer, t *schema.Table, r *store.Row) ([]string, error) {
	e, err := w.CascadeOf(t, r)
	if err != nil {
		return nil, err
	}
	var moved []string
	for _, d := range e.Rows {
		if !mayRetain(w.Schema, d.Table) {
			continue
		}
		names := map[string]string{}
		all := query.Env{Engine: w.Engine, Snap: &w.Snapshot}
		for _, c := range d.Table.Columns {
			if to, isLink := d.Row.Get(c.Index).(store.Ref); isLink {
				if name, found := all.PrimaryName(to); found {
					names[c.Name] = name
				}
			}
		}
		w.PutIn(store.Archived, d.Table, d.Row.With(store.Values{store.RetainedNames: names}, d.Row.Version))
		moved = append(moved, d.Table.Name)
	}
	before := w.Unbinned
	w.Unbinned = true
	defer func() { w.Unbinned = before }()
	return moved, w.DeleteRow(t, r)
}

// retentionFailed records a row that could not be moved. Page: reference/entities/retentionfailuredetail.
func retentionFailed(w *platform.Writer, operation uuid.UUID, t *schema.Table, id uuid.UUID, owner any, err error) {
	const deleting = 30
	f := w.Schema.Tables["retentionfailuredetail"]
	v := store.Values{}
	v.SetText(f, "name", t.Name)
	v.Set(f, "entitylogicalname", t.Name)
	v.Set(f, "operation", int64(deleting))
	v.Set(f, "operationid", operation.String())
	v.Set(f, "recordid", id.String())
	v.SetText(f, "message", err.Error())
	v.Set(f, "ownerid", owner)
	w.PutPlatformRow(f, v)
}

// purgeRetained deletes a row from long-term retention, as only a bulk delete job can. Page: delete-data-bulk.
func purgeRetained(w *platform.Writer, t *schema.Table, id uuid.UUID) bool {
	if w.Retained[t.Name].Get(id) == nil {
		return false
	}
	w.RemoveFrom(store.Archived, t, id)
	return true
}
