package console

import (
	"context"
	"errors"
	"time"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// keptDeals bounds what a session is asked back for at a time.
const keptDeals = 20

// deal keeps what somebody is shown before they confirm it, and gives the key that the form holds. What is carried out is what was
// shown: the form itself says nothing that could be changed on the way.
func (s *session) deal(x any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := secret()[:24]
	if s.deals == nil {
		s.deals = map[string]any{}
	}
	s.deals[key] = x
	if s.dealt = append(s.dealt, key); len(s.dealt) > keptDeals {
		delete(s.deals, s.dealt[0])
		s.dealt = s.dealt[1:]
	}
	return key
}

// dealt is what a key stands for; nil for one that is not this session's, or too old.
func dealt[T any](s *session, key string) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, _ := s.deals[key].(*T)
	return x
}

// errShownOther says that something is not any more what a page has shown.
var errShownOther = errors.New("it is not what the page has shown")

// conclude is what is told of a run, an erasure or a purge after a restore.
func (c *Console) conclude(summary *purge.Summary, err error, zone *time.Location) *outcome {
	out := &outcome{Summary: summary, At: c.o.Client.Now().In(zone)}
	var (
		stop   *purge.StopError
		locked *ledger.LockedError
	)
	switch {
	case errors.Is(err, errShownOther):
		out.Stale = true
	case errors.As(err, &stop):
		out.Rails = stop.Rails
	case errors.As(err, &locked):
		out.Locked, out.Summary = &locked.Holder, nil
	case errors.Is(err, context.Canceled):
	case err != nil:
		out.Trouble = c.trouble(err)
	}
	if s := out.Summary; s != nil {
		c.log.Info("run ended", "run", s.Run, "status", s.Status, "purged", s.Purged(), "failed", s.Failed())
	}
	return out
}

// follow lets a job tell how a run goes on.
func (j *job) follow(deps *purge.Deps) {
	deps.Progress = func(x purge.Progress) {
		j.update(func(p *progress) {
			if x.Phase == "evaluate" && p.Phase == x.Phase { // it tells how many more
				x.Done += p.Done
			}
			p.Phase, p.What, p.Done, p.Total = x.Phase, x.What, x.Done, x.Total
		})
	}
	deps.Outcome = func(x purge.Outcome) {
		if x.Status == ledger.Failed {
			j.update(func(p *progress) { p.Failed++ })
		}
	}
}

// watched is a job as a page shows it: how far it has come, or nothing where none is under way.
type watched struct {
	progress
	Running bool
}

func (c *Console) watch(kind string) watched {
	p := c.report(kind)
	return watched{p, !p.Ended}
}

// stopJob asks a job to stop: what is in flight is seen to its end.
func (c *Console) stopJob(kind string) {
	if j := c.job(kind); !j.ended() {
		j.cancel()
	}
}
