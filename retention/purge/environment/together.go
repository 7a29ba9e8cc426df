package environment

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/gallra/gallra/dataverse"
)

// ReadTogether runs functions in turns, one at a time, and sends what they read in batches at the same time in common ones: each runs
// until it reads or ends, and once all have, one batch asks for all of it. What they read by other calls, and what they write,
// goes by itself. Since only one of them runs at a time they may share what they work on; they must not wait for each other by
// other means, nor read in batches from goroutines of their own. The error is that of the first function that failed, in their order.
func ReadTogether(ctx context.Context, c dataverse.Writer, fns ...func(c dataverse.Writer) error) error {
	if len(fns) == 1 {
		return fns[0](c)
	}
	shared := &together{Writer: c}
	open := make([]*task, len(fns))
	for i, fn := range fns {
		t := &task{on: make(chan struct{}), off: make(chan struct{})}
		open[i] = t
		go func() {
			<-t.on
			t.failed = fn(shared)
			t.over = true
			t.off <- struct{}{}
		}()
	}
	all := slices.Clone(open)
	for len(open) > 0 {
		failed := false
		for _, t := range open {
			shared.now = t
			t.on <- struct{}{}
			<-t.off
			failed = failed || t.failed != nil
		}
		open = slices.DeleteFunc(open, func(t *task) bool { return t.over })
		if failed || slices.ContainsFunc(all, func(t *task) bool { return t.failed != nil }) {
			for _, t := range open {
				t.results, t.err = nil, errGivenUp
			}
			continue
		}
		ask(ctx, c, open)
	}
	shared.now = nil // whoever has kept the client reads by themselves from now on
	for _, t := range all {
		if t.failed != nil && !errors.Is(t.failed, errGivenUp) {
			return t.failed
		}
	}
	return nil
}

// errGivenUp ends the functions that were waiting when another one failed.
var errGivenUp = errors.New("given up, since another read failed")

// task is one of the functions of [ReadTogether].
type task struct {
	on, off chan struct{}
	parts   []dataverse.Part // that it waits for
	results []dataverse.Result
	err     error // of the batch
	failed  error // of the function
	over    bool
}

// ask sends what the functions wait for.
func ask(ctx context.Context, c dataverse.Writer, waiting []*task) {
	var parts []dataverse.Part
	var of []*task
	for _, t := range waiting {
		t.results, t.err = nil, nil
		for range t.parts {
			of = append(of, t)
		}
		parts = append(parts, t.parts...)
	}
	for len(parts) > 0 {
		n := min(len(parts), maxReads)
		results, err := c.Batch(ctx, parts[:n])
		for i, t := range of[:n] {
			switch {
			case err != nil:
				t.err = err
			case i < len(results):
				t.results = append(t.results, results[i])
			}
		}
		parts, of = parts[n:], of[n:]
	}
}

// together is the client of the functions.
type together struct {
	dataverse.Writer
	now *task // whose turn it is
}

// Batch waits for the others where nothing but reads is asked for.
func (w *together) Batch(ctx context.Context, parts []dataverse.Part) ([]dataverse.Result, error) {
	if w.now == nil || slices.ContainsFunc(parts, func(p dataverse.Part) bool { return p.Op == nil || p.Op.Method != http.MethodGet }) {
		return w.Writer.Batch(ctx, parts)
	}
	t := w.now
	t.parts = parts
	t.off <- struct{}{}
	<-t.on
	if t.err != nil {
		return nil, t.err
	}
	return t.results, nil
}
