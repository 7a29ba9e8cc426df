package purge

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// A chunk asks and waits most of the time, so several are under way at once: the gate of the client decides how many
// requests may be, and no chunk is begun while requests queue there, since then each look would only be older at its
// write. Chunks share nothing but what the claims guard; each counts in a summary of its own.

const (
	// maxChunks is how many chunks are under way at once, at most.
	maxChunks = 8
	// firstChunks is how many are until the first of them has ended: what a run asks once is asked by the first, and a run that
	// has no time for more than a few chunks brings these to their end instead of leaving eight half done.
	firstChunks = 2
)

// queueing is a client that tells how many of its requests wait for their turn.
type queueing interface{ Waiting() int }

// recheck is after how long it is asked again whether requests queue.
const recheck = 50 * time.Millisecond

// chunkResult is what became of a chunk.
type chunkResult struct {
	of     *runner
	chunk  []due
	later  []due
	number int  // of the chunk
	first  bool // no other chunk was under way when it was begun
	err    error
}

// queue is the persons whose turn is to come, deepest merges first, and those who share rows with others that were under
// way: they come when all of their depth are through.
type queue struct {
	waiting, later []due
}

// next takes a chunk from the front. It is nil while the next ones have to wait for those who are under way: rows that
// were merged into others are purged before these are looked at.
func (q *queue) next(size, running, depth int) []due {
	if running == 0 && (len(q.waiting) == 0 || len(q.later) > 0 && q.waiting[0].depth < q.later[0].depth) {
		q.waiting, q.later = append(q.later, q.waiting...), nil
	}
	if len(q.waiting) == 0 || running > 0 && q.waiting[0].depth != depth || len(q.later) > 0 && q.waiting[0].depth < q.later[0].depth {
		return nil
	}
	chunk, rest := split(q.waiting, size)
	q.waiting = rest
	return chunk
}

func (q *queue) left() int { return len(q.waiting) + len(q.later) }

// chunks purges the due in chunks, several at once.
func (r *runner) chunks(ctx context.Context, all []due) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q := queue{waiting: all}
	results := make(chan chunkResult)
	running, begun, depth, persons := 0, 0, 0, 0
	atOnce := firstChunks
	var alone []due // who has too many rows for a chunk
	var failed error
	r.claims = newClaims()
	defer func() { r.claims = nil }()
	begin := func(chunk []due) {
		running, begun = running+1, begun+1
		persons += len(chunk)
		depth = chunk[0].depth
		res := chunkResult{of: r.fork(), chunk: chunk, number: begun, first: running == 1}
		go func() {
			res.later, res.err = res.of.chunk(ctx, chunk)
			results <- res
		}()
	}
	for {
		if r.stalled.Load() && failed == nil {
			for _, d := range slices.Concat(alone, q.waiting, q.later) {
				r.leave(d.Ref, errStalled)
				r.taken[d.Ref] = true
			}
			alone, q = nil, queue{}
		}
		if running == 0 && failed == nil {
			if err := r.large(ctx, alone); err != nil {
				return err
			}
			alone = nil
		}
		for failed == nil && running < atOnce && (running == 0 || !r.queueing()) {
			chunk := q.next(r.Chunk, running, depth)
			if chunk == nil {
				break
			}
			begin(chunk)
		}
		if running == 0 {
			return failed
		}
		var res chunkResult
		select {
		case res = <-results:
		case <-time.After(recheck):
			continue
		}
		running--
		atOnce = maxChunks
		persons -= len(res.chunk)
		r.join(res.of)
		alone = append(alone, res.of.alone...)
		if res.err != nil && failed == nil {
			failed = res.err
			cancel() // what has been sent is seen to its end
		}
		if res.first && res.number == begun && len(res.later) == len(res.chunk) {
			for _, d := range res.later { // cannot be: the first of a chunk waits for nobody in it
				r.leave(d.Ref, errMaster)
			}
			res.later = nil
		}
		q.later = append(q.later, res.later...)
		r.progress(Progress{Phase: "purge", Done: len(all) - q.left() - persons, Total: len(all)})
	}
}

func (r *session) queueing() bool {
	c, ok := r.Client.(queueing)
	return ok && c.Waiting() > 0
}

// fork is a runner for one chunk beside others. What it counts is joined afterwards.
func (r *runner) fork() *runner {
	sub := *r
	sub.summary, sub.taken, sub.alone, sub.retired = &Summary{}, make(map[environment.Ref]bool), nil, nil
	return &sub
}

func (r *runner) join(sub *runner) {
	for who := range sub.taken {
		r.taken[who] = true
	}
	r.retired = append(r.retired, sub.retired...)
	r.summary.add(sub.summary)
}

// add adds what a part of the run did.
func (s *Summary) add(o *Summary) {
	for _, t := range o.Subjects {
		sum := s.subject(t.Table)
		sum.Persons += t.Persons
		for action, n := range t.Decisions {
			sum.Decisions[action] += n
		}
		sum.Written += t.Written
		sum.Deleted += t.Deleted
		sum.Anonymized += t.Anonymized
		sum.Bound += t.Bound
		sum.Skipped += t.Skipped
		sum.Failed += t.Failed
	}
	for _, t := range o.Related {
		tally(&s.Related, t.Table).add(t)
	}
	for _, t := range o.Places {
		tally(&s.Places, t.Table).add(t)
	}
	s.Failures = append(s.Failures, o.Failures...)
	s.Residue = append(s.Residue, o.Residue...)
	s.Mentions = append(s.Mentions, o.Mentions...)
	s.unread(o.Unread)
	s.Resumed.Schedules += o.Resumed.Schedules
	s.Resumed.Purges += o.Resumed.Purges
	s.Resumed.Sweeps += o.Resumed.Sweeps
	s.Swept += o.Swept
	s.Unswept += o.Unswept
	s.ScheduleLeft += o.ScheduleLeft
}

// oneAtATime lets the callers' functions be called from one goroutine at a time, as they were before there were several.
func (d *Deps) oneAtATime() {
	var mu sync.Mutex
	if f := d.Outcome; f != nil {
		d.Outcome = func(o Outcome) { mu.Lock(); defer mu.Unlock(); f(o) }
	}
	if f := d.Progress; f != nil {
		d.Progress = func(p Progress) { mu.Lock(); defer mu.Unlock(); f(p) }
	}
}

// claims keep chunks that are under way at the same time from writing the same row. A row that two persons share, such as
// an e-mail with both of them on it, is listed and written by one chunk only; and a chunk that listed it before another one
// wrote it may not go by what it read.
type claims struct {
	mu    sync.Mutex
	clock int
	// began is, of every chunk that is under way, when it was begun to be read for.
	began map[*runner]int
	held  map[environment.Ref]*runner
	wrote map[environment.Ref]int // when a chunk that is over let go of a row
}

func newClaims() *claims {
	return &claims{began: make(map[*runner]int), held: make(map[environment.Ref]*runner), wrote: make(map[environment.Ref]int)}
}

// begin notes that a chunk begins to read. Nil claims are those of a run that does one chunk after the other.
func (c *claims) begin(of *runner) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began[of] = c.clock
}

// take claims rows, all or none of them.
func (c *claims) take(of *runner, rows []environment.Ref) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, row := range rows {
		if by := c.held[row]; by != nil && by != of {
			return false
		}
		if at, ok := c.wrote[row]; ok && at > c.began[of] {
			return false
		}
	}
	for _, row := range rows {
		c.held[row] = of
	}
	return true
}

// end lets go of a chunk's rows. What was written since the oldest chunk began to read is remembered.
func (c *claims) end(of *runner) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	delete(c.began, of)
	for row, by := range c.held {
		if by == of {
			delete(c.held, row)
			c.wrote[row] = c.clock
		}
	}
	oldest := c.clock
	for _, at := range c.began {
		oldest = min(oldest, at)
	}
	for row, at := range c.wrote {
		if at <= oldest {
			delete(c.wrote, row)
		}
	}
}

// claim claims what belongs to each person of a chunk. Who shares a row with somebody of a chunk that is under way has to
// wait.
func (r *runner) claim(inv *inventory.List) {
	rows := make(map[*inventory.Person][]environment.Ref, len(inv.Persons))
	for _, it := range inv.Items {
		for _, p := range it.Owners {
			rows[p] = append(rows[p], it.Ref)
			if mirror := it.Row.ID("relatedconnectionid"); it.Table == "connection" && mirror != uuid.Nil {
				rows[p] = append(rows[p], environment.Ref{Table: it.Table, ID: mirror}) // it goes with the other
			}
		}
	}
	for _, p := range inv.Persons {
		if !p.Later && p.Err == nil && !r.claims.take(r, append(rows[p], p.Ref)) {
			p.Later, p.Many = true, false
		}
	}
}

// dueOf is the person of a chunk with their depth.
func dueOf(chunk []due, who environment.Ref) due {
	for _, d := range chunk {
		if d.Ref == who {
			return d
		}
	}
	return due{Ref: who}
}

// largeOf is a person of a chunk who has too many rows for it.
func largeOf(chunk []due, p *inventory.Person) due {
	d := dueOf(chunk, p.Ref)
	d.rows = p.Rows
	return d
}
