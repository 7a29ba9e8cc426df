package messages

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// jobContent is where an asyncoperation keeps, behind its columns, the job that it shows, until the job has ended.
const jobContent = 1<<16 - 4 // *bulkJob

// bulkJob is a bulk delete job. It is immutable: a step of the job makes another one.
type bulkJob struct {
	operation uuid.UUID // the bulkdeleteoperation
	queries   []*bulkQuery
	user      uuid.UUID
	start     store.Instant // StartDateTime
	again     recurrence
	unbinned  bool // CanRecoverDeletedRecords is false
	fast      bool // RunJobForSandbox: neither bin nor audit

	due     time.Time // of the next step
	running bool
	held    bool        // put off by somebody, without saying until when
	left    []foundRows // what this run has yet to delete
	deleted int64
	failed  int64
}

// foundRows are the rows of a job that one of its queries found when the job started.
type foundRows struct {
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
func (s *Service) bulkDelete(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	id := uuid.New()
	err = s.Change(c, func(w *platform.Writer) error {
		if err := w.CheckPrivilege("prvBulkDelete"); err != nil {
			return err
		}
		job, name, text, err := readBulkDelete(w, body)
		if err != nil {
			return err
		}
		pattern, _ := body["RecurrencePattern"].(string)
		makeBulkDelete(w, id, job, name, text, pattern)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "BulkDeleteResponse", "JobId": id}), nil
}

// bulkDeleteParameters are the parameters that BulkDelete cannot do without.
var bulkDeleteParameters = []string{"QuerySet", "JobName", "SendEmailNotification", "ToRecipients", "CCRecipients", "RecurrencePattern", "StartDateTime"}

func readBulkDelete(w *platform.Writer, body map[string]any) (job *bulkJob, name, text string, err error) {
	for _, p := range bulkDeleteParameters {
		if _, ok := body[p]; !ok {
			return nil, "", "", wire.MissingArgument(p, "BulkDelete")
		}
	}
	job = &bulkJob{user: w.User, operation: uuid.New(), start: w.Now}
	name, _ = body["JobName"].(string)
	if name == "" {
		return nil, "", "", wire.MissingArgument("JobName", "BulkDelete")
	}
	pattern, _ := body["RecurrencePattern"].(string)
	if job.again, err = readRecurrence(w.Engine, pattern, "HOURLY DAILY WEEKLY MONTHLY"); err != nil {
		return nil, "", "", err
	}
	if body["SendEmailNotification"] == true {
		return nil, "", "", wire.NotEmulated(w.Engine, "BulkDelete with SendEmailNotification")
	}
	if at, ok := body["StartDateTime"].(string); ok {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, "", "", wire.BadDate()
		}
		job.start = store.Instant(t.Unix())
	}
	if o, ok := body["Options"].(map[string]any); ok {
		job.unbinned = o["CanRecoverDeletedRecords"] == false
		job.fast = o["RunJobForSandbox"] == true && w.Engine.Options.OrganizationType == ""
		if job.unbinned && job.again.unit != "" { // the wizard offers it for jobs without recurrence only
			return nil, "", "", wire.BadArgument("CanRecoverDeletedRecords cannot be false for a recurring bulk delete job.")
		}
	}
	queries, err := readQuerySet(w, body["QuerySet"])
	if err != nil {
		return nil, "", "", err
	}
	job.queries = queries
	for _, q := range queries {
		text += q.fetchXML()
	}
	job.due = jobDue(w.Engine, job.start)
	return job, name, "<OrderedQuerySet>" + text + "</OrderedQuerySet>", nil
}

// makeBulkDelete stores the two rows of a job.
func makeBulkDelete(w *platform.Writer, id uuid.UUID, job *bulkJob, name, text, pattern string) {
	caller := store.Ref{Table: "systemuser", ID: w.User}
	a := w.Schema.Tables["asyncoperation"]
	v := store.Values{a.IDColumn().Index: id, jobContent: job}
	v.SetText(a, "name", name)
	v.Set(a, "operationtype", int64(13))
	v.Set(a, "messagename", "BulkDelete")
	v.SetText(a, "recurrencepattern", pattern)
	if pattern != "" {
		v.Set(a, "recurrencestarttime", store.NowFor(a, job.start, "recurrencestarttime"))
	}
	waitFor(w, a, v, job.start)
	v.Set(a, "ownerid", caller)
	w.PutPlatformRow(a, v)

	b := w.Schema.Tables["bulkdeleteoperation"]
	v = store.Values{b.IDColumn().Index: job.operation}
	v.SetText(b, "name", name)
	v.Set(b, "asyncoperationid", store.Ref{Table: a.Name, ID: id})
	v.Set(b, "orderedquerysetxml", text)
	v.Set(b, "isrecurring", pattern != "")
	v.Set(b, "nextrun", job.start)
	waitFor(w, b, v, job.start)
	v.Set(b, "processingqeindex", int64(0))
	v.Set(b, "successcount", int64(0))
	v.Set(b, "failurecount", int64(0))
	v.Set(b, "ownerid", caller)
	w.PutPlatformRow(b, v)
}

// noteFailure records a row that could not be deleted. Page: reference/entities/bulkdeletefailure.
func noteFailure(w *platform.Writer, job *bulkJob, index int, t *schema.Table, r *store.Row, err error) {
	f := w.Schema.Tables["bulkdeletefailure"]
	v := store.Values{}
	v.Set(f, "asyncoperationid", store.Ref{Table: "asyncoperation", ID: *w.Job})
	v.Set(f, "bulkdeleteoperationid", job.operation)
	v.Set(f, "orderedqueryindex", int64(index))
	v.Set(f, "regardingobjectid", store.Ref{Table: t.Name, ID: r.ID})
	v.Set(f, "regardingobjecttypecode", t.Name)
	if t.PrimaryName != "" {
		v.SetText(f, "regardingobjectidname", store.Text(t, r, t.PrimaryName))
	}
	var refusal *wire.Error
	if errors.As(err, &refusal) {
		code, _ := strconv.ParseUint(wire.TrimHex(refusal.Code), 16, 32)
		v.Set(f, "errornumber", int64(int32(code)))
		v.SetText(f, "errordescription", refusal.Message)
	}
	v.Set(f, "ownerid", store.Ref{Table: "systemuser", ID: w.User})
	w.PutPlatformRow(f, v)
}

// deletable refuses tables that a job cannot delete from.
func deletable(t *schema.Table) error {
	if t.Name == "audit" {
		return nil
	}
	if err := platform.CheckMessage(t, "Delete"); err != nil {
		return wire.NewError(http.StatusBadRequest, "0x80040203", "Bulk delete is not supported for the entity '%s'.", t.Name)
	}
	return nil
}
