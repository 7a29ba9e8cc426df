package main

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/gallra/gallra/retention/purge"
)

// progress tells how far long work has come: a line that moves on a terminal, and elsewhere a plain log line every few
// seconds, so that a job's log stays readable.
type progress struct {
	mu    sync.Mutex
	log   *slog.Logger
	bars  *mpb.Progress
	bar   *mpb.Bar
	what  string
	count int64
	total int64
	last  time.Time
}

// logEvery is how often progress is logged where nobody watches a bar.
const logEvery = 10 * time.Second

func (a *app) progress(what string) *progress {
	p := &progress{log: a.log, what: what, last: time.Now()}
	if !terminal(a.errs) || a.json || a.plain || a.env("TERM") == "dumb" {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(a.errs), mpb.WithWidth(40), mpb.WithAutoRefresh())
	p.bar = p.bars.AddBar(0,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.what
		}, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CurrentNoUnit("%d"), decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 8})))
	return p
}

// follow tells how far a run has come.
func (p *progress) follow(x purge.Progress) {
	p.set(strings.TrimSpace(x.Phase+" "+x.What), x.Done, x.Total, x.Phase == "evaluate")
}

// add counts n more of what is being worked on.
func (p *progress) add(what string, n int) { p.set(what, n, 0, true) }

// set tells a state: done of total, which is zero where nobody knows; with more, done comes on top.
func (p *progress) set(what string, done, total int, more bool) {
	p.mu.Lock()
	if more {
		p.count += int64(done)
	} else {
		p.count, p.total = int64(done), int64(total)
	}
	p.what = what
	count, bar := p.count, p.bar
	quiet := time.Since(p.last) < logEvery
	if bar == nil && !quiet {
		p.last = time.Now()
	}
	p.mu.Unlock()
	if bar == nil {
		if !quiet {
			p.log.Info(what, "done", count, "total", total)
		}
		return
	}
	if total > 0 {
		bar.SetTotal(int64(total), false)
	}
	bar.SetCurrent(count)
}

// done takes the bar away.
func (p *progress) done() {
	if p.bars == nil {
		return
	}
	p.bar.SetTotal(-1, true)
	p.bars.Wait()
}
