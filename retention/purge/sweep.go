package purge

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// sweepTarget is a purged person and every row that the purge touched.
type sweepTarget struct {
	ledger.Key
	rows map[string][]uuid.UUID
}

// maxSweeps bounds how often one run asks again for a row whose audit history keeps coming.
const maxSweeps = 10

// sweepBatch is how many rows one batch asks for.
const sweepBatch = 200

// sweep deletes the audit history of every touched row: it holds the values of before, those of the purge's own writes
// among them. It goes on until the service shows no history of any of them. What Dataverse writes later is for the next run,
// which finds the persons in the ledger.
func (r *runner) sweep(ctx context.Context, targets []sweepTarget) error {
	var open []sweptRow
	for i, t := range targets {
		for _, table := range slices.Sorted(maps.Keys(t.rows)) {
			if _, err := r.tables.Table(ctx, table); errors.Is(err, dataverse.ErrNoTable) {
				continue // it was taken away since, and its rows' history with it
			}
			for _, id := range t.rows[table] {
				open = append(open, sweptRow{i, environment.Ref{Table: table, ID: id}})
			}
		}
	}
	deleted := make([]int, len(targets))
	failed := make([]bool, len(targets))
	for range maxSweeps {
		var again []sweptRow
		for group := range slices.Chunk(open, sweepBatch) {
			if err := ctx.Err(); err != nil {
				return err
			}
			parts := make([]dataverse.Part, len(group))
			for i, a := range group {
				t, err := r.tables.Table(ctx, a.Table)
				if err != nil {
					return err
				}
				parts[i].Op = &dataverse.Operation{Method: http.MethodPost, Path: "DeleteRecordChangeHistory", Repeatable: true,
					Body: map[string]any{"Target": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM." + t.LogicalName, t.PrimaryID: a.ID.String()}}}
			}
			results, err := r.Client.Batch(r.writing, parts)
			if len(results) != len(parts) {
				if err == nil {
					err = dataverse.ErrAnswer
				}
				if ctxErr := ctx.Err(); ctxErr != nil {
					return ctxErr
				}
				if errors.Is(err, dataverse.ErrUnauthorized) {
					return err
				}
				results = make([]dataverse.Result, len(parts))
				for i := range results {
					results[i].Err = err
				}
			}
			for i, res := range results {
				n, err := deletedEntries(res)
				switch {
				case err != nil:
					failed[group[i].target] = true
					r.Log.Warn("audit history not deleted", "table", group[i].Table, "id", group[i].ID, "code", environment.Code(err))
				case n > 0:
					deleted[group[i].target] += n
					again = append(again, group[i])
				}
			}
		}
		var err error
		if open, err = r.unswept(ctx, again); err != nil {
			return err
		}
		if len(open) == 0 {
			break
		}
	}
	for _, a := range open {
		failed[a.target] = true
	}
	var entries []ledger.Entry
	for i, t := range targets {
		r.summary.Swept += deleted[i]
		if failed[i] {
			r.summary.Unswept++
			continue // the ledger goes on listing the person
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Swept, Table: t.Table, ID: t.ID, Deleted: deleted[i]})
	}
	return r.Ledger.Append(entries...)
}

// sweptRow is a row whose history is deleted, and whose row it is.
type sweptRow struct {
	target int
	environment.Ref
}

// unswept are those of some rows that still have history. Where the service does not tell, all of them are.
func (r *session) unswept(ctx context.Context, rows []sweptRow) ([]sweptRow, error) {
	var qs []dataverse.Query
	for some := range slices.Chunk(rows, environment.MaxIDs) {
		ids := make([]uuid.UUID, len(some))
		for i, row := range some {
			ids[i] = row.ID
		}
		qs = append(qs, environment.History(ids))
	}
	answers, err := environment.Batched{Client: r.Client}.Queries(ctx, qs)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, dataverse.ErrUnauthorized):
		return nil, err
	case err != nil:
		return rows, nil
	}
	left := make(map[uuid.UUID]bool)
	for _, row := range slices.Concat(answers...) {
		left[row.ID("objectid")] = true
	}
	return slices.DeleteFunc(rows, func(row sweptRow) bool { return !left[row.ID] }), nil
}

func deletedEntries(res dataverse.Result) (int, error) {
	if res.Err != nil {
		return 0, res.Err
	}
	if len(res.Bodies) != 1 {
		return 0, dataverse.ErrAnswer
	}
	var body struct {
		DeletedEntriesCount *int
	}
	if err := json.Unmarshal(res.Bodies[0], &body); err != nil || body.DeletedEntriesCount == nil {
		return 0, dataverse.ErrAnswer
	}
	return *body.DeletedEntriesCount, nil
}
