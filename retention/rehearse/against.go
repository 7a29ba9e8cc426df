package rehearse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// Comparison holds a rehearsal against what has happened.
type Comparison struct {
	Until retention.Date `json:"until"` // the last day of which both know
	Runs  int            `json:"runs"`  // real ones
	Lines []Compared     `json:"lines"`
	// Reasons are what explains the differences, as far as the two ledgers tell.
	Reasons []string `json:"reasons"`
}

// Compared is a count of both.
type Compared struct {
	What     string `json:"what"`
	Foretold int    `json:"foretold"`
	Happened int    `json:"happened"`
}

// history is what a ledger tells of some days.
type history struct {
	counts    map[string]int
	runs      int
	days      map[retention.Date]bool
	policies  map[string]bool
	purged    map[uuid.UUID]bool
	scheduled map[uuid.UUID]bool
	cleared   map[uuid.UUID]bool
	held      map[uuid.UUID]bool
	failed    map[uuid.UUID]bool
	asked     map[uuid.UUID]bool // who was erased on request
	stopped   map[string]int
}

// Against compares the rehearsal's own ledger with the real one of the same organisation.
func Against(ctx context.Context, r *Result, own, actual *ledger.Ledger) (*Comparison, error) {
	if err := actual.Of(r.Organization); err != nil {
		return nil, err
	}
	until := r.To
	last := retention.Date(0)
	for _, run := range actual.Runs() {
		last = max(last, run.Today)
	}
	if last.IsZero() {
		return nil, &UnfitError{"the ledger holds no run", "--against takes the ledger of real runs"}
	}
	if until = min(until, last); until < r.From {
		return nil, &UnfitError{"the last run in the ledger is of " + last.Words() + ", before the rehearsal begins", "--against takes the ledger of runs after the snapshot"}
	}
	foretold, err := read(ctx, own, r.From, until)
	if err != nil {
		return nil, err
	}
	happened, err := read(ctx, actual, r.From, until)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Until: until, Runs: happened.runs, Lines: []Compared{}, Reasons: []string{}}
	names := map[string]bool{}
	for what := range foretold.counts {
		names[what] = true
	}
	for what := range happened.counts {
		names[what] = true
	}
	for _, what := range slices.Sorted(maps.Keys(names)) {
		c.Lines = append(c.Lines, Compared{what, foretold.counts[what], happened.counts[what]})
	}
	c.explain(r, foretold, happened)
	return c, nil
}

// read takes out of a ledger what was done from one day to another.
func read(ctx context.Context, l *ledger.Ledger, from, until retention.Date) (*history, error) {
	h := &history{counts: map[string]int{}, days: map[retention.Date]bool{}, policies: map[string]bool{}, purged: map[uuid.UUID]bool{}, scheduled: map[uuid.UUID]bool{},
		cleared: map[uuid.UUID]bool{}, held: map[uuid.UUID]bool{}, failed: map[uuid.UUID]bool{}, asked: map[uuid.UUID]bool{}, stopped: map[string]int{}}
	intents := map[uuid.UUID]map[string]int{}
	verb, before := "", false
	for record, err := range l.Records(ctx) {
		if err != nil {
			return nil, err
		}
		e := &record.Entry
		if e.Kind == ledger.Start {
			if e.Today > until {
				return h, nil
			}
			if before = e.Today < from; before {
				continue
			}
			if verb = e.Verb; verb == "run" {
				h.runs++
				h.days[e.Today], h.policies[e.Policy] = true, true
			}
			continue
		}
		if before {
			continue
		}
		switch e.Kind {
		case ledger.Scheduled:
			h.counts["scheduled "+e.Table]++
			h.scheduled[e.ID] = true
		case ledger.Cleared:
			h.counts["rescued "+e.Table]++
			h.cleared[e.ID] = true
		case ledger.Held:
			h.held[e.ID] = true
		case ledger.Stopped:
			h.stopped[e.Guard]++
		case ledger.Intent, ledger.Ahead:
			if intents[e.ID] == nil {
				intents[e.ID] = map[string]int{}
			}
			for what, n := range e.Counts {
				intents[e.ID][what] += n
			}
		case ledger.Outcome:
			switch {
			case e.Status == ledger.Done && !h.purged[e.ID]:
				h.counts["purged "+e.Table]++
				h.purged[e.ID] = true
				if verb != "run" {
					h.asked[e.ID] = true
				}
				for what, n := range intents[e.ID] {
					do, place, ok := strings.Cut(what, " ")
					if table, _, _ := strings.Cut(place, "."); ok {
						h.counts[do+" "+table+" rows"] += n
					}
				}
			case e.Status == ledger.Failed:
				h.failed[e.ID] = true
			}
			delete(intents, e.ID)
		}
	}
	return h, nil
}

// explain says what of the differences the ledgers can explain.
func (c *Comparison) explain(r *Result, foretold, happened *history) {
	say := func(format string, args ...any) { c.Reasons = append(c.Reasons, fmt.Sprintf(format, args...)) }
	if r.Sample != "all" {
		say("the snapshot holds a sample of the persons (%s): counts are to be compared as shares", r.Sample)
	}
	if len(happened.policies) > 1 || !happened.policies[r.Policy] {
		say("the real runs went by another policy, or by several: the rehearsal knows %s", r.Policy)
	}
	if d := len(foretold.days) - len(happened.days); d != 0 {
		say("nights with a run: %d foretold, %d real", len(foretold.days), len(happened.days))
	}
	for _, guard := range slices.Sorted(maps.Keys(happened.stopped)) {
		say("the guard rail %s stopped %d real runs, whose purges were left to later ones", guard, happened.stopped[guard])
	}
	if n := len(happened.asked); n > 0 {
		say("%d persons were erased on request (gallra erase), which nobody can foretell", n)
	}
	known := 0
	for id := range happened.purged {
		if foretold.scheduled[id] || foretold.purged[id] {
			known++
		}
	}
	if r.Link == "" || known == 0 && len(happened.purged) > 0 && len(foretold.purged) > 0 {
		say("ids are mapped, so that persons cannot be compared one by one: a snapshot with --keep-ids could")
		return
	}
	rescued, held, failed, open, fresh := 0, 0, 0, 0, 0
	for id := range foretold.purged {
		switch {
		case happened.purged[id]:
		case happened.cleared[id] || !happened.scheduled[id]:
			rescued++
		case happened.held[id]:
			held++
		case happened.failed[id]:
			failed++
		default:
			open++
		}
	}
	for id := range happened.purged {
		if !foretold.purged[id] {
			fresh++
		}
	}
	for _, x := range []struct {
		n    int
		says string
	}{
		{rescued, "%d who were foretold to be purged were justified again before it, or never lost their ground: people worked in the CRM"},
		{held, "%d who were foretold to be purged are under a legal hold"},
		{failed, "%d who were foretold to be purged failed, and stay scheduled"},
		{open, "%d who were foretold to be purged are scheduled still"},
		{fresh, "%d were purged whom nobody foretold: they came after the snapshot, or lost a ground since"},
	} {
		if x.n > 0 {
			say(x.says, x.n)
		}
	}
}
