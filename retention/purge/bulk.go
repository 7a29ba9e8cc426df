package purge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// maxJob is the longest that a run waits for a bulk delete job.
const maxJob = 10 * time.Minute

// The state of a job that is over.
const jobCompleted = 3

// errJob says that a bulk delete job did not come to its end.
var errJob = errors.New("bulk delete job: not completed")

// bulkDelete deletes rows by Dataverse's asynchronous service, which alone can leave nothing of them in the recycle bin.
// It asks by ids: the query is kept with the job. Whether the rows are gone is for the caller to see.
func (r *runner) bulkDelete(ctx context.Context, rows []ref) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make(map[string][]uuid.UUID)
	for _, row := range rows {
		if !slices.Contains(ids[row.table], row.id) {
			ids[row.table] = append(ids[row.table], row.id)
		}
	}
	var queries []map[string]any
	for _, table := range slices.Sorted(maps.Keys(ids)) {
		t, err := r.tables.table(ctx, table)
		if err != nil {
			return err
		}
		var values []map[string]any
		for _, id := range ids[table] {
			values = append(values, map[string]any{"Type": "System.Guid", "Value": id.String()})
		}
		queries = append(queries, map[string]any{
			"@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", "EntityName": table, "Distinct": false,
			"ColumnSet": map[string]any{"AllColumns": false, "Columns": []string{t.PrimaryID}},
			"Criteria": map[string]any{"FilterOperator": "And", "Filters": []any{},
				"Conditions": []map[string]any{{"AttributeName": t.PrimaryID, "Operator": "In", "Values": values}}},
		})
	}
	start := r.Client.Now()
	if start.IsZero() {
		start = time.Now()
	}
	var job struct{ JobID uuid.UUID }
	err := r.Client.Call(ctx, http.MethodPost, "BulkDelete", map[string]any{
		"QuerySet": queries, "JobName": "gallra " + r.Run.ID, "SendEmailNotification": false, "ToRecipients": []any{}, "CCRecipients": []any{},
		"RecurrencePattern": "", "StartDateTime": start.UTC().Format(time.RFC3339),
		"Options": map[string]any{"CanRecoverDeletedRecords": false, "RunJobForSandbox": false},
	}, &job)
	if err != nil {
		return fmt.Errorf("bulk delete: %w", err)
	}
	return r.await(ctx, job.JobID)
}

// await asks for a job until it is over, ever less often.
func (r *runner) await(ctx context.Context, job uuid.UUID) error {
	wait, deadline := r.Poll, time.Now().Add(maxJob)
	for {
		row, err := r.Client.Get(ctx, "asyncoperation", job, dataverse.Query{Select: []string{"asyncoperationid", "statecode", "statuscode"}})
		if err != nil {
			return fmt.Errorf("bulk delete job: %w", err)
		}
		if state, _ := row.Int("statecode"); state == jobCompleted {
			return nil
		}
		if time.Now().After(deadline) {
			return errJob
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(wait*2, 15*time.Second)
	}
}
