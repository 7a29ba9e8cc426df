package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

// runPage is what a run would do, is doing, or did.
type runPage struct {
	Plan          string // the reading's id
	Today         retention.Date
	Stale         bool // the plan is of another day
	Tables        []report.Table
	States        []retention.Action
	Purges        int
	Unapproved    int // who are due and wait for somebody else's approval
	Unasked       int // who are due and wait since they were not asked in time
	Writes        int // persons for whom anything is written
	Rails         []plan.GuardRail
	Unprovisioned []string
	Limits        policy.Limits
	Running       bool
	Stopped       bool
	Progress      progress
	Outcome       *outcome
	Runs          []ledger.RunInfo // the newest first
	NoLedger      bool
	Rows          []plan.RowTotals // of rows with a period of their own
	RowsDue       int
	Waiting       int // whose purge somebody can approve
	Kept, Linked  bool
}

// outcome is what a run that was started here did.
type outcome struct {
	Summary *purge.Summary
	Trouble *trouble
	Locked  *ledger.Holder
	Rails   []plan.GuardRail
	Stale   bool // it was not any more what the page had shown: nothing was done
	At      time.Time
}

// shownRuns is how many runs the page looks back.
const shownRuns = 12

func (c *Console) run(w http.ResponseWriter, r *http.Request, b *reading) {
	page := runPage{Plan: b.id, Today: b.AsOf, Stale: b.AsOf != c.today(b), Tables: b.Tables, States: actions, Rails: b.rails, Purges: b.purges(), Unapproved: b.unapproved, Unasked: b.unasked,
		Limits: b.checked.Policy.Limits, NoLedger: !b.evidence.existed, Rows: b.ended, RowsDue: b.rowsDue(), Waiting: len(b.waiting.persons), Kept: b.kept, Linked: true}
	page.Writes = page.Purges + b.Count(retention.Schedule) + b.Count(retention.Move) + b.Count(retention.Clear)
	for i := range b.checked.Subjects {
		if s := &b.checked.Subjects[i]; len(s.Unprovisioned) > 0 {
			page.Unprovisioned = append(page.Unprovisioned, s.Table+": "+strings.Join(s.Unprovisioned, ", "))
		}
	}
	if j := c.running(); j != nil {
		page.Progress, _ = j.now()
		page.Running, page.Stopped = !page.Progress.Ended, page.Progress.Stopped
	}
	c.mu.Lock()
	page.Outcome = c.last
	c.mu.Unlock()
	for i := len(b.evidence.runs) - 1; i >= 0 && len(page.Runs) < shownRuns; i-- {
		page.Runs = append(page.Runs, b.evidence.runs[i])
	}
	c.show(w, r, http.StatusOK, "run", page)
}

// runPlan carries the plan out that the page showed: asked back first, once, and only while it is the plan still.
func (c *Console) runPlan(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	purges := b.purges()
	once := r.PostForm.Get("once")
	switch {
	case once == "":
		c.refuse(w, r, errFilter)
		return
	case r.PostForm.Get("confirm") != "yes":
		c.show(w, r, http.StatusOK, "confirm-run", map[string]any{"Rails": bypassable(b), "Plan": b.id, "Purges": purges, "Tables": b.Tables, "Today": b.AsOf, "States": actions, "Rows": b.ended, "RowsDue": b.rowsDue(), "Kept": b.kept, "Linked": false})
		return
	}
	if _, err := c.o.Client.WhoAmI(r.Context()); err != nil { // tells the service's day, which is the plan's only today
		c.fail(w, r, err)
		return
	}
	to := c.once.do("run"+once, func() string {
		switch {
		case r.PostForm.Get("plan") != b.id || b.AsOf != c.today(b):
			sessionOf(r).tell(&notice{true, c.tongue(r).T("run.stale")})
			return "/run"
		case purges > 0 && strings.TrimSpace(r.PostForm.Get("count")) != strconv.Itoa(purges):
			sessionOf(r).tell(&notice{true, c.tongue(r).T("run.count", purges)})
			return "/run"
		}
		c.apply(b, passed(b, r, purge.RunBypass))
		return "/run"
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// apply starts the run, which goes on when nobody watches. A run that is under way already is not begun again.
// The named guard rails are passed over where the policy says that they may be, as by --bypass.
func (c *Console) apply(b *reading, bypass []policy.Rail) {
	c.begin("run", func(ctx context.Context, j *job) error {
		c.mu.Lock()
		c.last = nil
		c.mu.Unlock()
		var summary *purge.Summary
		l, err := c.o.Ledger()
		if err == nil {
			summary, err = purge.Run(ctx, c.runDeps(b, l, j, bypass))
		}
		out := c.conclude(summary, err, b.checked.Policy.TimeZone)
		c.mu.Lock()
		c.last = out
		c.mu.Unlock()
		if c.ctx.Err() == nil {
			c.read()
		}
		return err
	})
}

// runDeps are what the run works with. It does what the plan said that was looked at, as far as that is still true, and leaves everybody
// else alone.
func (c *Console) runDeps(b *reading, l *ledger.Ledger, j *job, bypass []policy.Rail) purge.Deps {
	deps := c.o.Deps("run", b.checked, l)
	for _, g := range b.rails { // those that the page has shown
		if slices.Contains(bypass, g.Rail) {
			deps.Bypass = append(deps.Bypass, g.Rail)
		}
	}
	deps.Only = func(table string, id uuid.UUID, action retention.Action) bool {
		i, ok := b.find(table, id)
		return ok && b.Persons[i].Action == action
	}
	deps.OnlyRows = func(rule string, due int) bool { // no more than the page has shown
		i := slices.IndexFunc(b.ended, func(t plan.RowTotals) bool { return t.Rule == rule })
		return i >= 0 && due <= b.ended[i].Due
	}
	j.follow(&deps)
	return deps
}

// passable is a guard rail that a run would stop at, and whether the policy lets somebody pass over it.
type passable struct {
	plan.GuardRail
	May bool
}

func bypassable(b *reading) (all []passable) {
	for _, g := range b.rails {
		all = append(all, passable{g, slices.Contains(mayPass(b, purge.RunBypass), g.Rail)})
	}
	return all
}

// stopRun asks the run to stop: what is in flight is seen to its end, the rest waits for the next run.
func (c *Console) stopRun(w http.ResponseWriter, r *http.Request) {
	c.stopJob("run")
	http.Redirect(w, r, "/run", http.StatusSeeOther)
}
