package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Bulk delete jobs are Dataverse's own: it deletes the rows that a query finds, in its own time, outside the limits on
// requests. With CanRecoverDeletedRecords false nothing of them goes to the recycle bin, so that they need not be emptied
// before; their audit history is swept like that of every row that was touched. A job is asked for by ids only: a query by
// condition could take a row that changed since the rules decided, and would stand with the job for everybody to read.

// maxJobIDs is how many rows one query of a job names.
const maxJobIDs = 500

// The states of a job, and how it ended. Page: reference/entities/asyncoperation.
const (
	jobCompleted = 3
	jobSucceeded = 30
)

// bulkDelete has rows deleted by a job and waits for its end. Whether the rows are gone is for the caller to see. The error
// is a reason when the job did not come to its end, and the service's own when there is no job.
func (r *session) bulkDelete(ctx context.Context, rows []environment.Ref) error {
	return r.bulkDeleteFrom(ctx, "", rows)
}

// bulkDeleteFrom is bulkDelete for rows of a data source of its own: retained is long-term retention.
func (r *session) bulkDeleteFrom(ctx context.Context, source string, rows []environment.Ref) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make(map[string][]uuid.UUID)
	var order []string // children before parents, as the rows come
	for _, row := range rows {
		if ids[row.Table] == nil {
			order = append(order, row.Table)
		}
		ids[row.Table] = append(ids[row.Table], row.ID)
	}
	var queries []map[string]any
	for _, table := range order {
		t, err := r.tables.Table(ctx, table)
		if err != nil {
			return err
		}
		slices.SortFunc(ids[table], func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		for some := range slices.Chunk(slices.Compact(ids[table]), maxJobIDs) {
			q := idQuery(t, some)
			if source != "" {
				q["DataSource"] = source
			}
			queries = append(queries, q)
		}
	}
	if err := r.clock(ctx); err != nil { // a job that starts on a wrong day is waited for in vain
		return err
	}
	start := r.Client.Now()
	if start.IsZero() {
		start = time.Now()
	}
	var job struct{ JobID uuid.UUID }
	err := r.Client.Call(ctx, http.MethodPost, "BulkDelete", map[string]any{
		"QuerySet": queries, "JobName": environment.JobName + r.Run.ID, "SendEmailNotification": false, "ToRecipients": []any{}, "CCRecipients": []any{},
		"RecurrencePattern": "", "StartDateTime": start.UTC().Format(time.RFC3339),
		"Options": map[string]any{"CanRecoverDeletedRecords": false, "RunJobForSandbox": false},
	}, &job)
	var unsure *dataverse.Uncertain
	switch {
	case errors.As(err, &unsure):
		return r.awaitJobs(ctx) // if it was begun, it is one of these
	case err != nil:
		return fmt.Errorf("bulk delete: %w", err)
	}
	err = r.await(ctx, job.JobID, time.Now().Add(r.JobWait))
	if errors.Is(err, errJobOpen) {
		r.stalled.Store(true)
	}
	return err
}

// idQuery is a query for rows by their ids.
func idQuery(t *dataverse.Table, ids []uuid.UUID) map[string]any {
	values := make([]map[string]any, len(ids))
	for i, id := range ids {
		values[i] = map[string]any{"Type": "System.Guid", "Value": id.String()}
	}
	return map[string]any{
		"@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", "EntityName": t.LogicalName, "Distinct": false,
		"ColumnSet": map[string]any{"AllColumns": false, "Columns": []string{t.PrimaryID}},
		"Criteria": map[string]any{"FilterOperator": "And", "Filters": []any{},
			"Conditions": []map[string]any{{"AttributeName": t.PrimaryID, "Operator": "In", "Values": values}}},
	}
}

// await asks for a job until it is over, ever less often. A job may wait in a queue, be paused by an administrator, or take
// longer than a run can wait: it then goes on by itself, and the next run finds it.
func (r *session) await(ctx context.Context, job uuid.UUID, deadline time.Time) error {
	wait := r.Poll
	for {
		row, err := r.Client.Get(ctx, "asyncoperation", job, dataverse.Query{Select: []string{"asyncoperationid", "statecode", "statuscode"}})
		switch state, _ := row.Int("statecode"); {
		case errors.Is(err, dataverse.ErrNotFound): // somebody deleted it, at its end or before
			return nil
		case err != nil:
			return fmt.Errorf("bulk delete job: %w", err)
		case state == jobCompleted:
			return r.ended(ctx, job, row)
		case !time.Now().Before(deadline):
			r.Log.Warn("bulk delete job is not over", "job", job)
			return errJobOpen
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		wait = min(wait*2, 15*time.Second)
	}
}

// ended looks how a job ended. One that succeeded may have left rows: why stands in the failures, of which only the codes
// are taken, since they quote rows.
func (r *session) ended(ctx context.Context, job uuid.UUID, row dataverse.Row) error {
	if status, _ := row.Int("statuscode"); status != jobSucceeded {
		r.Log.Warn("bulk delete job did not succeed", "job", job, "status", status)
		return errJobStopped
	}
	if !r.tables.Exists("bulkdeletefailure") {
		return nil
	}
	q := dataverse.Query{Table: "bulkdeletefailure", Select: []string{"bulkdeletefailureid", "errornumber", "_regardingobjectid_value"},
		Filter: "_asyncoperationid_value eq " + job.String()}
	for f, err := range r.Client.Rows(ctx, q) {
		if err != nil { // the rows themselves tell: the next round lists them
			r.Log.Warn("failures of a bulk delete job cannot be read", "job", job, "code", environment.Code(err))
			return ctx.Err()
		}
		number, _ := f.Int("errornumber")
		r.Log.Warn("bulk delete left a row", "job", job, "id", f.ID("regardingobjectid"), "code", fmt.Sprintf("0x%08x", uint32(number)))
	}
	return nil
}

// awaitJobs waits for the jobs that runs before this one have begun. How they ended does not matter: what is left of the
// rows is listed again. One that is not over by then goes on beside another one for the same ids, which does no harm.
// All of them together are waited for no longer than one job is.
func (r *session) awaitJobs(ctx context.Context) error {
	if !r.tables.Exists("asyncoperation") {
		return nil
	}
	q := dataverse.Query{Table: "asyncoperation", Select: []string{"asyncoperationid", "statecode"},
		Filter: fmt.Sprintf("operationtype eq 13 and startswith(name,'%s') and statecode ne %d", environment.JobName, jobCompleted)}
	deadline := time.Now().Add(r.JobWait)
	for job, err := range r.Client.Rows(ctx, q) {
		if err != nil {
			return fmt.Errorf("bulk delete jobs: %w", err)
		}
		var stopped environment.Reason
		if err := r.await(ctx, job.ID("asyncoperationid"), deadline); err != nil && !errors.As(err, &stopped) {
			return err
		}
	}
	return nil
}
