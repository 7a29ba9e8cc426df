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

// bulkJob is a bulk delete job. It is immutable: a step of the job makes another one.
type bulkJob struct {
	operation uuid.UUID // the bulkdeleteoperation
	queries   []*bulkQuery
	user      uuid.UUID
	start     instant // StartDateTime
	again     recurrence
	unbinned  bool // CanRecoverDeletedRecords is false
	fast      bool // RunJobForSandbox: neither bin nor audit

	due     time.Time // of the next step
	running bool
	held    bool        // put off by somebody, without saying until when
	left    []condemned // what this run has yet to delete
	deleted int64
	failed  int64
}

// condemned are rows that a job deletes: those that a query found when the job started.
type condemned struct {
	query int
	ids   []uuid.UUID
}

// bulkQuery is what one QueryExpression of a job selects.
type bulkQuery struct {
	table    string
	where    *criteria
	retained bool // of rows in long-term retention
}

// bulkDelete is the action BulkDelete: it makes a job and answers at once. Page: delete-data-bulk.
func (s *messageService) bulkDelete(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	id := uuid.New()
	err = s.change(c, func(w *writer) error {
		if err := w.holds("prvBulkDelete"); err != nil {
			return err
		}
		job, name, text, err := w.readBulkDelete(body)
		if err != nil {
			return err
		}
		pattern, _ := body["RecurrencePattern"].(string)
		w.makeBulkDelete(id, job, name, text, pattern)
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
	job = &bulkJob{user: w.user, operation: uuid.New(), start: w.now}
	name, _ = body["JobName"].(string)
	if name == "" {
		return nil, "", "", missingArgument("JobName", "BulkDelete")
	}
	pattern, _ := body["RecurrencePattern"].(string)
	if job.again, err = w.engine.readRecurrence(pattern, "HOURLY DAILY WEEKLY MONTHLY"); err != nil {
		return nil, "", "", err
	}
	if body["SendEmailNotification"] == true {
		return nil, "", "", w.engine.notEmulated("BulkDelete with SendEmailNotification")
	}
	if at, ok := body["StartDateTime"].(string); ok {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, "", "", badDate()
		}
		job.start = instant(t.Unix())
	}
	if o, ok := body["Options"].(map[string]any); ok {
		job.unbinned = o["CanRecoverDeletedRecords"] == false
		job.fast = o["RunJobForSandbox"] == true && w.engine.options.OrganizationType == ""
		if job.unbinned && job.again.unit != "" { // the wizard offers it for jobs without recurrence only
			return nil, "", "", badArgument("CanRecoverDeletedRecords cannot be false for a recurring bulk delete job.")
		}
	}
	queries, err := w.readQuerySet(body["QuerySet"])
	if err != nil {
		return nil, "", "", err
	}
	job.queries = queries
	for _, q := range queries {
		text += q.fetchXML()
	}
	job.due = w.engine.jobDue(job.start)
	return job, name, "<OrderedQuerySet>" + text + "</OrderedQuerySet>", nil
}

// makeBulkDelete stores the two rows of a job.
func (w *writer) makeBulkDelete(id uuid.UUID, job *bulkJob, name, text, pattern string) {
	caller := ref{"systemuser", w.user}
	a := w.schema.tables["asyncoperation"]
	v := values{a.idColumn().index: id, jobContent: job}
	v.setText(a, "name", name)
	v.set(a, "operationtype", int64(13))
	v.set(a, "messagename", "BulkDelete")
	v.setText(a, "recurrencepattern", pattern)
	if pattern != "" {
		v.set(a, "recurrencestarttime", a.today(job.start, "recurrencestarttime"))
	}
	w.waitFor(a, v, job.start)
	v.set(a, "ownerid", caller)
	w.platformRow(a, v)

	b := w.schema.tables["bulkdeleteoperation"]
	v = values{b.idColumn().index: job.operation}
	v.setText(b, "name", name)
	v.set(b, "asyncoperationid", ref{a.Name, id})
	v.set(b, "orderedquerysetxml", text)
	v.set(b, "isrecurring", pattern != "")
	v.set(b, "nextrun", job.start)
	w.waitFor(b, v, job.start)
	v.set(b, "processingqeindex", int64(0))
	v.set(b, "successcount", int64(0))
	v.set(b, "failurecount", int64(0))
	v.set(b, "ownerid", caller)
	w.platformRow(b, v)
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
