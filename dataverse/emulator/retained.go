package emulator

import (
	"net/http"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
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

// retains tells whether rows of the table can be kept in long-term retention.
func (s *schema) retains(t *table) bool {
	return !unretainable[t.Name] && !s.joins(t) && t.Name != activityPointer
}

// The states of a retention policy and of a run of it. Pages: reference/entities/retentionconfig, retentionoperation.
const (
	policyScheduled    = 10
	retentionCompleted = 3
	retentionSucceeded = 30
)

// checkRetention refuses a retention policy that cannot run. Page: long-term-retention. Its sample asks for
// opportunities under the name of incident: that is refused here.
func (w *writer) checkRetention(t *table, r *row) error {
	name := t.text(r, "entitylogicalname")
	of := w.schema.tables[name]
	switch {
	case t.text(r, "uniquename") == "":
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'uniquename' is missing on the entity 'retentionconfig'.")
	case w.taken(t, r, "uniquename"):
		return newFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	case of == nil:
		return newFault(http.StatusBadRequest, "0x80041102", "The entity with a name = '%s' was not found in the MetadataCache.", name)
	case !w.schema.retains(of):
		return badArgument("Long term retention is not supported for the entity '%s'.", name)
	}
	if _, err := w.engine.readRecurrence(t.text(r, "recurrence"), "DAILY WEEKLY MONTHLY YEARLY"); err != nil {
		return err
	}
	_, err := w.engine.retentionQuery(&w.snapshot, name, t.text(r, "criteria"))
	return err
}

// retentionQuery is the query of a policy, ready to run.
func (e *engine) retentionQuery(sn *snapshot, name, text string) (*fetchQuery, error) {
	f, err := fetchxml.Parse([]byte(text))
	switch {
	case err != nil:
		return nil, fetchFault(err)
	case f.Entity.Name != name:
		return nil, badArgument("The criteria are of the entity '%s', not of '%s'.", f.Entity.Name, name)
	case f.Aggregate || f.DataSource != "" || f.Top > 0 || f.Distinct:
		return nil, badArgument("The criteria of a retention policy must be a plain query of rows.")
	}
	v := &env{engine: e, snap: sn, user: e.administrator, now: e.clock.now(), zone: e.zone(), sources: map[*table]*source{}}
	v.slot()
	q := &fetchQuery{env: v, f: f, from: collection{table: sn.schema.tables[name]}, byName: map[string]*joined{}}
	return q, q.prepare()
}

// runRetention runs the retention policies whose time has come: they mark the rows, copy them to long-term storage and
// delete them at the source, with what the delete cascades to. Page: long-term-retention.
func (s *messageService) runRetention(now instant) {
	sn := s.store.view()
	t := sn.schema.tables["retentionconfig"]
	if sn.data[t.Name].len() == 0 {
		return
	}
	var due []uuid.UUID
	sn.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		if t.retentionDue(r, now) {
			due = append(due, r.id)
		}
		return true
	})
	for _, id := range due {
		w := s.platformWriter()
		if r := w.data[t.Name].get(id); r != nil && t.retentionDue(r, now) { // no other request was faster
			w.retain(t, r)
		}
		w.commit()
		s.meter.wrote(w.written)
	}
}

// retentionDue tells whether a policy runs now: it is scheduled, and its next run has come.
func (t *table) retentionDue(r *row, now instant) bool {
	at, scheduled := t.get(r, "nextrun").(instant)
	return scheduled && at <= now && t.int(r, "statecode") == 0 && t.int(r, "statuscode") == policyScheduled
}

// scheduleRetention sets when a policy runs: when it was made, and whenever its plan or its state changes.
func (w *writer) scheduleRetention(t *table, before *row, v values) {
	if before != nil && !v.has(t, "starttime") && !v.has(t, "recurrence") && !v.has(t, "statuscode") {
		return
	}
	start, given := v.of(t, before, "starttime").(instant)
	if !given {
		start = w.now
		v.set(t, "starttime", start)
	}
	text, _ := v.of(t, before, "recurrence").(string)
	rule, _ := w.engine.readRecurrence(text, "DAILY WEEKLY MONTHLY YEARLY") // refused later if it is none
	next, again := start, true
	if before != nil && t.get(before, "nextrun") == nil && t.get(before, "starttime") == any(start) {
		next, again = rule.next(start, w.now) // it has run: only what recurs runs once more
	}
	v.set(t, "nextrun", nil)
	if again {
		v.set(t, "nextrun", next)
	}
}

// retain runs one policy.
func (w *writer) retain(t *table, policy *row) {
	operations := w.schema.tables["retentionoperation"]
	root := w.schema.tables[t.text(policy, "entitylogicalname")]
	name, owner := t.text(policy, "name"), t.get(policy, "ownerid")
	v := values{}
	v.setText(operations, "name", name)
	v.set(operations, "retentionconfigid", ref{t.Name, policy.id})
	v.set(operations, "rootentitylogicalname", t.text(policy, "entitylogicalname"))
	v.setText(operations, "criteria", t.text(policy, "criteria"))
	v.set(operations, "starttime", w.now)
	v.set(operations, "ownerid", owner)
	operation := w.platformRow(operations, v)

	var ids []uuid.UUID
	if root != nil { // else the table was deleted
		q, err := w.engine.retentionQuery(&w.snapshot, root.Name, t.text(policy, "criteria"))
		if err == nil {
			q.each(uuid.Nil, func() bool {
				if id := q.env.rows[0].id; len(ids) == 0 || ids[len(ids)-1] != id {
					ids = append(ids, id)
				}
				return true
			})
		}
	}
	kept, failed := map[string]int64{}, int64(0)
	for _, id := range ids {
		r := w.data[root.Name].get(id)
		if r == nil {
			continue // gone with another one
		}
		before := w.savepoint()
		moved, err := w.archive(root, r)
		if err != nil {
			w.tx.restore(before)
			failed++
			w.retentionFailed(operation.id, root, id, owner, err)
			continue
		}
		for _, table := range moved {
			kept[table]++
		}
	}
	details := w.schema.tables["retentionoperationdetail"]
	total := int64(0)
	for _, table := range memberNames(kept) {
		v := values{}
		v.setText(details, "name", name)
		v.set(details, "retentionoperationid", ref{operations.Name, operation.id})
		v.set(details, "entitylogicalname", table)
		v.set(details, "retentioncount", kept[table])
		v.set(details, "failedcount", int64(0))
		v.set(details, "isrootentity", table == root.Name)
		v.set(details, "ownerid", owner)
		if table == root.Name {
			v.set(details, "failedcount", failed)
		}
		w.platformRow(details, v)
		total += kept[table]
	}
	v = values{}
	v.set(operations, "statecode", int64(retentionCompleted))
	v.set(operations, "statuscode", int64(retentionSucceeded))
	v.set(operations, "endtime", w.now)
	v.set(operations, "retentioncount", total)
	v.set(operations, "failedcount", failed)
	w.put(operations, w.next(operations, operation, v))

	v = values{}
	rule, _ := w.engine.readRecurrence(t.text(policy, "recurrence"), "DAILY WEEKLY MONTHLY YEARLY")
	start, _ := t.get(policy, "starttime").(instant)
	v.set(t, "nextrun", nil)
	if next, again := rule.next(start, w.now); again {
		v.set(t, "nextrun", next)
	}
	w.put(t, w.next(t, w.data[t.Name].get(policy.id), v))
}

// archive moves a row, and what its delete cascades to, into long-term retention. The delete is an ordinary one, which
// the audit history has, but for the recycle bin: the rows are kept already.
func (w *writer) archive(t *table, r *row) ([]string, error) {
	e, err := w.cascadeOf(t, r)
	if err != nil {
		return nil, err
	}
	var moved []string
	for _, d := range e.rows {
		if !w.schema.retains(d.table) {
			continue
		}
		names := map[string]string{}
		all := env{snap: &w.snapshot}
		for _, c := range d.table.Columns {
			if to, isLink := d.row.get(c.index).(ref); isLink {
				if name, found := all.primaryName(to); found {
					names[c.Name] = name
				}
			}
		}
		w.store.put(w.writable(w.retained, d.table), d.row.with(values{retainedNames: names}, d.row.version))
		moved = append(moved, d.table.Name)
	}
	before := w.unbinned
	w.unbinned = true
	defer func() { w.unbinned = before }()
	return moved, w.erase(t, r)
}

// retentionFailed writes down a row that could not be moved. Page: reference/entities/retentionfailuredetail.
func (w *writer) retentionFailed(operation uuid.UUID, t *table, id uuid.UUID, owner any, err error) {
	const deleting = 30
	f := w.schema.tables["retentionfailuredetail"]
	v := values{}
	v.setText(f, "name", t.Name)
	v.set(f, "entitylogicalname", t.Name)
	v.set(f, "operation", int64(deleting))
	v.set(f, "operationid", operation.String())
	v.set(f, "recordid", id.String())
	v.setText(f, "message", err.Error())
	v.set(f, "ownerid", owner)
	w.platformRow(f, v)
}

// purgeRetained takes a row out of long-term retention: only a bulk delete job does so. Page: delete-data-bulk.
func (w *writer) purgeRetained(t *table, id uuid.UUID) bool {
	if w.retained[t.Name].get(id) == nil {
		return false
	}
	w.writable(w.retained, t).take(id)
	return true
}
