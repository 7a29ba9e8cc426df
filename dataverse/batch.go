package dataverse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// maxBatch is the most operations that the service takes in one batch.
const maxBatch = 1000

// Batch sends the parts in one request, in order; the service goes on after a failed one. There is one Result
// for each part, whose Err tells what became of it; a batch that was carried out with failures is no error.
//
// The error of Batch itself means that nothing of the batch was carried out. When the batch was sent and no answer
// came back, that is not an error of Batch: each part's Err is then an [*Uncertain], and the caller has to look. Parts
// that the service put off (429) were not carried out; they are sent again after the wait that it asks for. So are
// those that failed of something that passes by itself, such as a deadlock. Parts must therefore not count on each
// other's order.
func (c *Client) Batch(ctx context.Context, parts []Part) ([]Result, error) {
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	results := make([]Result, len(parts))
	todo := make([]int, len(parts))
	for i := range todo {
		todo[i] = i
	}
	throttles, faults := 0, 0
	for first := true; len(todo) > 0; first = false {
		send := make([]Part, len(todo))
		for i, at := range todo {
			send[i] = parts[at]
		}
		epoch := c.transport.gate.now()
		some, err := c.batchOnce(ctx, send)
		if err != nil {
			if first {
				return nil, err
			}
			if errors.Is(err, ErrLate) {
				for _, at := range todo {
					results[at] = Result{Err: err}
				}
			}
			return results, nil // which otherwise hold why the parts of this round were sent again
		}
		var again []int
		var put, passed bool
		var wait time.Duration
		for i, at := range todo {
			results[at] = some[i]
			asked, off := putOff(some[i].Err)
			passes := passesByItself(send[i], some[i].Err)
			if off && throttles < mostThrottles || passes && faults < c.retries {
				again = append(again, at)
				put, passed = put || off, passed || passes
				wait = max(wait, asked)
			}
		}
		if put {
			throttles++
		}
		if passed {
			faults++
		}
		wait = c.atLeast(wait, max(throttles, faults))
		if put {
			c.transport.gate.throttled(epoch, wait)
		} else if len(again) > 0 && !Sleep(ctx, wait/2+jitter(wait/2)) {
			return results, nil
		}
		todo = again
	}
	return results, nil
}

// passesByItself tells that a part failed of something that is over a moment later, a deadlock above all, and that
// it may be sent again: the service has said that it failed, so a change set was rolled back, as was a single write
// of a row. Actions may have gone halfway.
func passesByItself(p Part, err error) bool {
	refused, ok := err.(*Error) // not one within an Uncertain
	if !ok || !passing[refused.Code] && refused.Code != "" || !gateway(refused.Status) && refused.Status != http.StatusInternalServerError {
		return false
	}
	if p.Op == nil {
		return true
	}
	switch p.Op.Method {
	case http.MethodGet, http.MethodPatch, http.MethodDelete:
		return true
	}
	return p.Op.Repeatable
}

func Sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// putOff tells that a part was not carried out because of the service protection limits.
func putOff(err error) (time.Duration, bool) {
	refused, ok := err.(*Error) // not one within an Uncertain
	if ok && errors.Is(refused, ErrThrottled) {
		return refused.RetryAfter, true
	}
	return 0, false
}

// batchOnce is one exchange. Its error means that nothing was carried out.
func (c *Client) batchOnce(ctx context.Context, parts []Part) ([]Result, error) {
	w, err := c.writeBatch(parts)
	if err != nil {
		return nil, err
	}
	var results []Result
	header := http.Header{
		"Content-Type": {`multipart/mixed; boundary="` + w.boundary + `"`},
		"Prefer":       {"odata.continue-on-error"},
	}
	u, err := c.address("$batch")
	if err != nil {
		return nil, err
	}
	sent := &request{
		method: http.MethodPost, url: u, header: header, body: w.bytes(), operations: w.next - 1, repeatable: repeatable(parts),
		media: "multipart/mixed", partial: true,
		read: func(ans *answer) (err error) {
			results, err = readBatch(ans, w)
			return err
		},
	}
	if _, err = c.send(ctx, sent); err == nil {
		if results == nil { // a 204
			return doubtful(parts, &Uncertain{Op: "POST $batch", Err: broken("a batch without an answer")}), nil
		}
		return results, nil
	}
	var unsure *Uncertain
	if errors.As(err, &unsure) {
		return doubtful(parts, unsure), nil
	}
	return nil, err
}

func doubtful(parts []Part, err error) []Result {
	results := make([]Result, len(parts))
	for i := range results {
		results[i].Err = err
	}
	return results
}

// repeatable tells whether the whole batch may be sent again blindly.
func repeatable(parts []Part) bool {
	for _, p := range parts {
		if p.Op != nil {
			if !p.Op.repeatable() {
				return false
			}
			continue
		}
		for _, op := range p.Set {
			// Not even deletes: one that is gone already would fail the whole set.
			if !op.Repeatable {
				return false
			}
		}
	}
	return true
}

func (op *Operation) repeatable() bool {
	return op.Repeatable || op.Method == http.MethodGet
}

func checkParts(parts []Part) error {
	n := 0
	for i, p := range parts {
		switch {
		case p.Op != nil && p.Set != nil:
			return fmt.Errorf("batch: part %d is both a change set and an operation", i)
		case p.Op != nil:
			n++
		case len(p.Set) == 0:
			return fmt.Errorf("batch: part %d is empty", i)
		default:
			for _, op := range p.Set {
				if op.Method == http.MethodGet {
					return fmt.Errorf("batch: part %d reads within a change set", i)
				}
			}
			n += len(p.Set)
		}
	}
	if n > maxBatch {
		return fmt.Errorf("batch: %d operations, and the service takes %d", n, maxBatch)
	}
	return nil
}

// readInBatch runs a read whose address is too long for a request of its own.
func (c *Client) readInBatch(ctx context.Context, u *url.URL, header http.Header, take func(*answer) error) error {
	op := Operation{Method: http.MethodGet, Path: u.String(), Header: header}
	w, err := c.writeBatch([]Part{{Op: &op}})
	if err != nil {
		return err
	}
	target, err := c.address("$batch")
	if err != nil {
		return err
	}
	name := opText(http.MethodGet, u.EscapedPath())
	for round := 1; ; round++ {
		var refused error
		epoch := c.transport.gate.now()
		_, err := c.send(ctx, &request{
			method: http.MethodPost, reading: true, url: target, body: w.bytes(), repeatable: true, media: "multipart/mixed", partial: true,
			header: http.Header{"Content-Type": {`multipart/mixed; boundary="` + w.boundary + `"`}},
			read: func(ans *answer) error {
				inner, err := singleAnswer(ans)
				if err != nil {
					return err
				}
				refused = nil
				if gateway(inner.status) {
					return broken("a read within a batch that was not carried out")
				}
				if inner.status >= 300 {
					refused = newError(name, inner)
					return nil
				}
				return take(inner)
			},
		})
		var unsure *Uncertain
		if errors.As(err, &unsure) {
			return unsure.Err // a read: there is nothing to be in doubt about
		}
		if err != nil {
			return err
		}
		wait, ok := putOff(refused)
		if !ok || round == mostThrottles {
			return refused
		}
		c.transport.gate.throttled(epoch, c.atLeast(wait, round))
	}
}
