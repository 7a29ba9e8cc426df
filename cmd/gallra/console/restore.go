package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// After a restore: whoever the ledger says was purged and who is back, and the purge of those again.

// restored is who was found to be back.
type restored struct {
	list    []purge.Returned
	unnamed []string // tables of purged persons that the policy does not judge
	today   retention.Date
	id      string
}

// restorePage shows them.
type restorePage struct {
	Look, Job watched
	Looked    bool
	Plan      string
	Rows      []restoreRow
	Again     int // who would be purged again
	Unnamed   []string
	NoLedger  bool
	Outcome   *outcome
	Left      int
	Trouble   *trouble
	Confirm   bool
	May       []policy.Rail // guard rails that the policy lets somebody pass over
}

type restoreRow struct {
	Path, Table, ID string
	Purged          retention.Date
	Again           bool
	Why             string // a code: why they stay
	Grounds         string
}

// lookBack looks who is back, in the background.
func (c *Console) lookBack(w http.ResponseWriter, r *http.Request, b *reading) {
	c.begin("back", func(ctx context.Context, j *job) error {
		j.phase("back", 0)
		c.mu.Lock()
		c.back = nil
		c.mu.Unlock()
		l, err := c.o.Ledger()
		if err != nil {
			return err
		}
		if _, err := c.o.Client.WhoAmI(ctx); err != nil {
			return err
		}
		found := &restored{today: c.today(b), id: secret()[:16]}
		if found.list, found.unnamed, err = purge.Back(ctx, c.o.Deps("reapply", b.checked, l)); err != nil {
			return err
		}
		c.mu.Lock()
		c.back = found
		c.mu.Unlock()
		return nil
	})
	http.Redirect(w, r, "/restore", http.StatusSeeOther)
}

func (c *Console) restore(w http.ResponseWriter, r *http.Request, b *reading) {
	c.showRestore(w, r, b, false)
}

func (c *Console) showRestore(w http.ResponseWriter, r *http.Request, b *reading, confirm bool) {
	page := restorePage{Look: c.watch("back"), Job: c.watch("reapply"), NoLedger: !b.evidence.existed, Confirm: confirm, May: mayPass(b, purge.ReapplyBypass)}
	page.Trouble = c.trouble(page.Look.Err)
	c.mu.Lock()
	back := c.back
	page.Outcome, page.Left = c.reapplied, c.stillBack
	c.mu.Unlock()
	if page.Looked = back != nil; page.Looked {
		page.Plan, page.Unnamed = back.id, back.unnamed
		for i := range back.list {
			p := &back.list[i]
			row := restoreRow{Path: personPath(p.Purged.Table, p.Purged.ID), Table: p.Purged.Table, ID: p.Purged.ID.String(), Purged: retention.DateOf(p.At, b.checked.Policy.TimeZone)}
			if row.Why, row.Again = p.Again(); row.Again {
				page.Again++
			}
			if p.Written && !p.Held {
				row.Why = "written"
			}
			var grounds []string
			for _, h := range p.Forbids(p.Despite) {
				grounds = append(grounds, h.Ground)
			}
			row.Grounds = strings.Join(grounds, ", ")
			page.Rows = append(page.Rows, row)
		}
	}
	c.show(w, r, http.StatusOK, "restore", page)
}

// reapply purges them again: asked back first, once, and only those whom the page has shown.
func (c *Console) reapply(w http.ResponseWriter, r *http.Request, b *reading) {
	once, ok := c.onceOf(w, r)
	if !ok {
		return
	}
	t, s := c.tongue(r), sessionOf(r)
	c.mu.Lock()
	back := c.back
	c.mu.Unlock()
	again := 0
	if back != nil {
		for i := range back.list {
			if _, ok := back.list[i].Again(); ok {
				again++
			}
		}
	}
	if r.PostForm.Get("confirm") != "yes" && back != nil && again > 0 {
		c.showRestore(w, r, b, true)
		return
	}
	if _, err := c.o.Client.WhoAmI(r.Context()); err != nil {
		c.fail(w, r, err)
		return
	}
	bypass := passed(b, r, purge.ReapplyBypass)
	to := c.once.do("reapply"+once, func() string {
		switch {
		case back == nil || r.PostForm.Get("plan") != back.id || back.today != c.today(b):
			s.tell(&notice{true, t.T("restore.stale")})
		case again == 0 || strings.TrimSpace(r.PostForm.Get("count")) != strconv.Itoa(again):
			s.tell(&notice{true, t.T("run.count", again)})
		default:
			if _, begun := c.begin("reapply", func(ctx context.Context, j *job) error { return c.carryOutReapply(ctx, j, b, back, bypass) }); !begun {
				s.tell(&notice{true, t.T("many.busy")})
			}
		}
		return "/restore"
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *Console) carryOutReapply(ctx context.Context, j *job, b *reading, shown *restored, bypass []policy.Rail) error {
	c.mu.Lock()
	c.reapplied, c.stillBack = nil, 0
	c.mu.Unlock()
	var done *verb.Reapplied
	l, err := c.o.Ledger()
	if err == nil {
		deps := c.o.Deps("reapply", b.checked, l)
		deps.Bypass = bypass
		var now []purge.Returned
		if now, _, err = purge.Back(ctx, deps); err == nil && !slices.EqualFunc(now, shown.list, sameReturned) {
			err = errShownOther
		}
		if err == nil {
			j.follow(&deps)
			done, err = verb.Reapply(ctx, deps)
		}
	}
	var summary *purge.Summary
	if done != nil {
		summary = done.Summary
	}
	out := c.conclude(summary, err, b.checked.Policy.TimeZone)
	c.mu.Lock()
	c.reapplied, c.back = out, nil
	if done != nil {
		c.stillBack = len(done.Left)
	}
	c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.read()
	}
	return err
}

func sameReturned(a, b purge.Returned) bool {
	why, ok := a.Again()
	other, too := b.Again()
	return a.Purged.Table == b.Purged.Table && a.Purged.ID == b.Purged.ID && why == other && ok == too
}

func (c *Console) stopReapply(w http.ResponseWriter, r *http.Request) {
	c.stopJob("reapply")
	http.Redirect(w, r, "/restore", http.StatusSeeOther)
}
