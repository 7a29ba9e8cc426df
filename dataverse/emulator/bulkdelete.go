package emulator

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// An asyncoperation keeps behind its columns the job that it stands for, until the job has ended.
const jobContent = 1<<16 - 4 // *bulkJob

// bulkJob is a bulk delete job.
type bulkJob struct {
	operation uuid.UUID // the bulkdeleteoperation
	queries   []*bulkQuery
	user      uuid.UUID
	starts    instant
	unbinned  bool // CanRecoverDeletedRecords is false
	fast      bool // RunJobForSandbox: neither bin nor audit
}

// bulkQuery is what one QueryExpression of a job selects.
type bulkQuery struct {
	table    string
	where    *criteria
	retained bool // of rows in long-term retention
}

// bulkDelete is the action BulkDelete: it makes a job and answers at once. Page: delete-data-bulk.
func (s *Server) bulkDelete(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	id := uuid.New()
	err = c.change(func(w *writer) error {
		if err := w.holds("prvBulkDelete"); err != nil {
			return err
		}
		job, name, text, err := w.readBulkDelete(body)
		if err != nil {
			return err
		}
		w.makeBulkDelete(id, job, name, text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + "BulkDeleteResponse", "JobId": id}), nil
}

// bulkDeleteParameters are the parameters that BulkDelete cannot do without.
var bulkDeleteParameters = []string{"QuerySet", "JobName", "SendEmailNotification", "ToRecipients", "CCRecipients", "RecurrencePattern", "StartDateTime"}

func (w *writer) readBulkDelete(body map[string]any) (job *bulkJob, name, text string, err error) {
	for _, p := range bulkDeleteParameters {
		if _, ok := body[p]; !ok {
			return nil, "", "", missingArgument(p, "BulkDelete")
		}
	}
	job = &bulkJob{user: w.user, operation: uuid.New(), starts: w.now}
	name, _ = body["JobName"].(string)
	if name == "" {
		return nil, "", "", missingArgument("JobName", "BulkDelete")
	}
	if r, _ := body["RecurrencePattern"].(string); r != "" {
		return nil, "", "", w.server.notEmulated("BulkDelete with a RecurrencePattern")
	}
	if at, ok := body["StartDateTime"].(string); ok {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, "", "", badDate()
		}
		job.starts = instant(t.Unix())
	}
	if o, ok := body["Options"].(map[string]any); ok {
		job.unbinned = o["CanRecoverDeletedRecords"] == false
		job.fast = o["RunJobForSandbox"] == true && w.server.options.OrganizationType == ""
	}
	queries, err := w.readQuerySet(body["QuerySet"])
	if err != nil {
		return nil, "", "", err
	}
	job.queries = queries
	for _, q := range queries {
		text += q.fetchXML()
	}
	return job, name, "<OrderedQuerySet>" + text + "</OrderedQuerySet>", nil
}

// makeBulkDelete stores the two rows of a job.
func (w *writer) makeBulkDelete(id uuid.UUID, job *bulkJob, name, text string) {
	caller := ref{"systemuser", w.user}
	a := w.schema.tables["asyncoperation"]
	v := values{a.idColumn().index: id, jobContent: job}
	v.setText(a, "name", name)
	v.set(a, "operationtype", int64(13))
	v.set(a, "messagename", "BulkDelete")
	v.set(a, "postponeuntil", job.starts)
	v.set(a, "ownerid", caller)
	w.platformRow(a, v)

	b := w.schema.tables["bulkdeleteoperation"]
	v = values{b.idColumn().index: job.operation}
	v.setText(b, "name", name)
	v.set(b, "asyncoperationid", ref{a.Name, id})
	v.set(b, "orderedquerysetxml", text)
	v.set(b, "isrecurring", false)
	v.set(b, "nextrun", job.starts)
	v.set(b, "processingqeindex", int64(0))
	v.set(b, "successcount", int64(0))
	v.set(b, "failurecount", int64(0))
	v.set(b, "ownerid", caller)
	w.platformRow(b, v)
}

// The states of a job. Page: reference/entities/asyncoperation.
const (
	jobReady     = 0
	jobCompleted = 3
	jobSucceeded = 30
)

// runJobs runs the jobs whose time has come.
func (s *Server) runJobs(now instant) {
	sn := s.store.view()
	t := sn.schema.tables["asyncoperation"]
	var due []uuid.UUID
	sn.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		if job, ok := r.get(jobContent).(*bulkJob); ok && job.starts <= now && t.int(r, "statecode") == jobReady {
			due = append(due, r.id)
		}
		return true
	})
	for _, id := range due {
		s.runJob(id)
	}
}

// runJob runs one bulk delete job to its end, as its owner.
func (s *Server) runJob(id uuid.UUID) {
	w := s.platform()
	defer func() {
		w.commit()
		s.stats.wrote(w.written)
	}()
	t := w.schema.tables["asyncoperation"]
	r := w.data[t.Name].get(id)
	if r == nil {
		return // deleted in the meantime
	}
	job, ok := r.get(jobContent).(*bulkJob)
	if !ok || t.int(r, "statecode") != jobReady {
		return // another request was faster
	}
	w.user, w.unbinned, w.unaudited, w.job = job.user, job.unbinned || job.fast, job.fast, &id
	var deleted, failed int64
	for i, q := range job.queries {
		d, f := w.runQuery(job, q, i)
		deleted, failed = deleted+d, failed+f
	}
	v := values{jobContent: nil}
	v.set(t, "statecode", int64(jobCompleted))
	v.set(t, "statuscode", int64(jobSucceeded))
	v.set(t, "startedon", w.now)
	v.set(t, "completedon", w.now)
	v.set(t, "modifiedon", w.now)
	w.put(t, w.next(t, r, v))

	b := w.schema.tables["bulkdeleteoperation"]
	if o := w.data[b.Name].get(job.operation); o != nil {
		v := values{}
		v.set(b, "statecode", int64(jobCompleted))
		v.set(b, "statuscode", int64(jobSucceeded))
		v.set(b, "successcount", deleted)
		v.set(b, "failurecount", failed)
		v.set(b, "processingqeindex", int64(len(job.queries)))
		w.put(b, w.next(b, o, v))
	}
}

// runQuery deletes the rows of one query that were there before the job started. What cannot be deleted is written
// down and left.
func (w *writer) runQuery(job *bulkJob, q *bulkQuery, index int) (deleted, failed int64) {
	t := w.schema.tables[q.table]
	if t == nil {
		return 0, 0
	}
	var ids []uuid.UUID
	from := w.data
	if q.retained {
		from = w.retained
	}
	q.where.rows(from[t.Name], t, func(r *row) {
		if w.allow("Read", t, r) != nil {
			return
		}
		if since, ok := t.get(r, "createdon").(instant); !ok || since <= w.now {
			ids = append(ids, r.id)
		}
	})
	for _, id := range ids {
		if q.retained {
			if w.purgeRetained(t, id) {
				deleted++
			}
			continue
		}
		r := w.data[t.Name].get(id)
		if r == nil {
			continue // gone with another one
		}
		if t.Name == "audit" {
			w.remove(t, id)
			deleted++
			continue
		}
		before := w.savepoint()
		err := w.allow("Delete", t, r)
		if err == nil {
			err = w.erase(t, r)
		}
		if err != nil {
			w.tx.restore(before)
			w.fail(job, index, t, r, err)
			failed++
			continue
		}
		deleted++
	}
	return deleted, failed
}

// fail writes down a row that could not be deleted. Page: reference/entities/bulkdeletefailure.
func (w *writer) fail(job *bulkJob, index int, t *table, r *row, err error) {
	f := w.schema.tables["bulkdeletefailure"]
	v := values{}
	v.set(f, "asyncoperationid", ref{"asyncoperation", *w.job})
	v.set(f, "bulkdeleteoperationid", job.operation)
	v.set(f, "orderedqueryindex", int64(index))
	v.set(f, "regardingobjectid", ref{t.Name, r.id})
	v.set(f, "regardingobjecttypecode", t.Name)
	if t.PrimaryName != "" {
		v.setText(f, "regardingobjectidname", t.text(r, t.PrimaryName))
	}
	var refusal *fault
	if errors.As(err, &refusal) {
		code, _ := strconv.ParseUint(trimHex(refusal.code), 16, 32)
		v.set(f, "errornumber", int64(int32(code)))
		v.setText(f, "errordescription", refusal.message)
	}
	v.set(f, "ownerid", ref{"systemuser", w.user})
	w.platformRow(f, v)
}

// deletable refuses tables that a job cannot delete from.
func (t *table) deletable() error {
	if t.Name == "audit" {
		return nil
	}
	if err := t.accepts("Delete"); err != nil {
		return newFault(http.StatusBadRequest, "0x80040203", "Bulk delete is not supported for the entity '%s'.", t.Name)
	}
	return nil
}
