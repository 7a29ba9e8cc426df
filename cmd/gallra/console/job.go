package console

import (
	"context"
	"sync"
	"time"
)

// job is work that goes on while nobody waits for an answer: reading the plan, a run, a simulation, the doctor. It outlives
// the request that began it and the browser that watches it.
type job struct {
	kind  string // read, run, simulate, doctor
	began time.Time
	stop  context.CancelFunc

	mu      sync.Mutex
	state   progress
	changed chan struct{} // closed and made anew with every change
}

// progress is how far a job has come.
type progress struct {
	Kind    string
	Phase   string
	What    string // a table
	Done    int
	Total   int // zero: not known
	Seconds int
	Ended   bool
	Stopped bool // somebody asked it to stop
	Failed  int  // persons
	Err     error
}

// start begins a job, which ends with the console at the latest.
func (c *Console) start(kind string, work func(context.Context, *job) error) *job {
	ctx, stop := context.WithCancel(c.ctx)
	j := &job{kind: kind, began: time.Now(), stop: stop, changed: make(chan struct{}), state: progress{Kind: kind, Phase: "begin"}}
	c.working.Add(1)
	go func() {
		defer c.working.Done()
		defer stop()
		err := work(ctx, j)
		j.update(func(p *progress) { p.Ended, p.Err = true, err })
	}()
	return j
}

func (j *job) update(change func(*progress)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.state)
	close(j.changed)
	j.changed = make(chan struct{})
}

// phase begins a phase of which the amount may be known.
func (j *job) phase(name string, total int) {
	j.update(func(p *progress) { p.Phase, p.What, p.Done, p.Total = name, "", 0, total })
}

// rows counts what was read of a table.
func (j *job) rows(what string, n int) {
	j.update(func(p *progress) { p.What, p.Done = what, p.Done+n })
}

// now is how far the job has come, and a channel that tells when that is no longer so.
func (j *job) now() (progress, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.state
	p.Seconds = int(time.Since(j.began).Seconds())
	return p, j.changed
}

func (j *job) ended() bool {
	if j == nil {
		return true
	}
	p, _ := j.now()
	return p.Ended
}

// cancel asks the job to stop; what is in flight is seen to its end.
func (j *job) cancel() {
	j.update(func(p *progress) { p.Stopped = true })
	j.stop()
}

// wait returns when the job has ended or the context has.
func (j *job) wait(ctx context.Context) {
	for {
		p, changed := j.now()
		if p.Ended {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
