package purge_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge"
)

// writeCount counts the batches that write to persons.
type writeCount struct {
	dataverse.Writer
	batches, rows int
}

func (c *writeCount) Batch(ctx context.Context, parts []dataverse.Part) ([]dataverse.Result, error) {
	n := 0
	for _, p := range parts {
		if p.Op != nil && p.Op.Method == http.MethodPatch {
			n++
		}
	}
	if n > 0 {
		c.batches, c.rows = c.batches+1, c.rows+n
	}
	return c.Writer.Batch(ctx, parts)
}

// TestSchedulingInFullBatches: dates are written a hundred persons a batch, whatever tables the persons are in, and who
// does not change is not written.
func TestSchedulingInFullBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	var all []string
	for i := range 130 {
		all = append(all, fmt.Sprintf(`{"lastname":"Contact %d"}`, i))
	}
	w.many("contacts", all)
	for i := range all {
		all[i] = strings.Replace(all[i], "Contact", "Lead", 1)
	}
	w.many("leads", all[:75])
	count := &writeCount{Writer: w.client}
	counting := func(d *purge.Deps) { d.Client = count }
	w.run(counting)
	if count.batches != 3 || count.rows != 205 {
		t.Errorf("%d rows in %d batches, want 205 in 3", count.rows, count.batches)
	}
	count.batches, count.rows = 0, 0
	w.run(counting)
	if count.batches != 0 {
		t.Errorf("%d rows were written again", count.rows)
	}
}

// many makes rows of their JSON.
func (w *world) many(set string, bodies []string) {
	w.t.Helper()
	parts := make([]dataverse.Part, len(bodies))
	for i, b := range bodies {
		var body row
		w.decode([]byte(b), &body)
		parts[i].Op = &dataverse.Operation{Method: http.MethodPost, Path: set, Body: body}
	}
	results, err := w.client.Batch(w.t.Context(), parts)
	w.must(err)
	for _, r := range results {
		w.must(r.Err)
	}
}
