package console

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/notify"
)

// Telling owners inside Dynamics 365 which of their people have a purge date, as gallra notify does it.

// toldOwners is who is to be told, or was.
type toldOwners struct {
	id      string
	summary *notify.Summary
	sent    bool
}

// ownersPage shows them.
type ownersPage struct {
	Look, Job watched
	Known     bool
	Sent      bool
	Plan      string
	NoLedger  bool
	Rows      []ownersRow
	Persons   int
	Summary   *notify.Summary
	Trouble   *trouble
	Locked    string
	Confirm   bool
}

type ownersRow struct {
	Owner   string
	Path    string // the list of their people
	Tables  []tableCount
	First   retention.Date
	Status  string
	Persons int
}

type tableCount struct {
	Table string
	Count int
}

// notifyDeps are what telling works with.
func (c *Console) notifyDeps(b *reading) (notify.Deps, error) {
	languages := c.o.Languages
	if languages == nil {
		built, err := notify.Languages()
		if err != nil {
			return notify.Deps{}, err
		}
		languages = built
	}
	l, err := c.o.Ledger()
	if err != nil {
		return notify.Deps{}, err
	}
	d := c.o.Deps("notify", b.checked, l)
	out := notify.Deps{Client: c.o.Client, Policy: b.checked, Ledger: l, Languages: languages, Run: d.Run, Log: d.Log}
	out.Run.Policy, out.Run.Today = b.checked.Policy.Hash, d.Today
	return out, nil
}

// lookOwners finds out who is to be told what, in the background.
func (c *Console) lookOwners(w http.ResponseWriter, r *http.Request, b *reading) {
	c.begin("owners", func(ctx context.Context, j *job) error {
		j.phase("owners", 0)
		c.keepTold(nil)
		d, err := c.notifyDeps(b)
		if err != nil {
			return err
		}
		sum, err := notify.Plan(ctx, d)
		if err == nil {
			c.keepTold(&toldOwners{id: secret()[:16], summary: sum})
		}
		return err
	})
	http.Redirect(w, r, "/owners", http.StatusSeeOther)
}

func (c *Console) keepTold(t *toldOwners) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = t
}

func (c *Console) owners(w http.ResponseWriter, r *http.Request, b *reading) {
	c.showOwners(w, r, b, false)
}

func (c *Console) showOwners(w http.ResponseWriter, r *http.Request, b *reading, confirm bool) {
	page := ownersPage{Look: c.watch("owners"), Job: c.watch("notify"), NoLedger: !b.evidence.existed, Confirm: confirm}
	err := page.Look.Err
	if page.Job.Err != nil {
		err = page.Job.Err
	}
	var locked *ledger.LockedError
	switch {
	case errors.As(err, &locked):
		page.Locked = locked.Holder.Run
	case errors.Is(err, notify.ErrNoLedger):
		page.NoLedger = true
	case !errors.Is(err, context.Canceled):
		page.Trouble = c.trouble(err)
	}
	c.mu.Lock()
	told := c.told
	c.mu.Unlock()
	if told != nil && told.summary != nil {
		page.Known, page.Sent, page.Plan, page.Summary = true, told.sent, told.id, told.summary
		t := c.tongue(r)
		for i := range told.summary.Digests {
			x := &told.summary.Digests[i]
			row := ownersRow{Owner: x.Owner.String(), First: x.First, Status: x.Status}
			for j := range b.Owners {
				if b.Owners[j].ID == x.Owner && x.Owner != uuid.Nil {
					row.Owner, row.Path = ownerWords(t, &b.Owners[j]), "/people?"+string(filter{Owner: ownerFilter(&b.Owners[j]), Sort: "date"}.Query())
				}
			}
			for _, table := range slices.Sorted(maps.Keys(x.People)) {
				row.Tables = append(row.Tables, tableCount{table, x.People[table]})
				row.Persons += x.People[table]
			}
			page.Persons += row.Persons
			page.Rows = append(page.Rows, row)
		}
	}
	c.show(w, r, http.StatusOK, "owners", page)
}

// tellOwners sends: asked back first, once, and to nobody of whom the page has not said it.
func (c *Console) tellOwners(w http.ResponseWriter, r *http.Request, b *reading) {
	once, ok := c.onceOf(w, r)
	if !ok {
		return
	}
	c.mu.Lock()
	shown := c.told
	c.mu.Unlock()
	t, s := c.tongue(r), sessionOf(r)
	if shown == nil || shown.sent || r.PostForm.Get("plan") != shown.id {
		c.tell(w, r, "/owners", true, "owners.stale")
		return
	}
	if r.PostForm.Get("confirm") != "yes" {
		c.showOwners(w, r, b, true)
		return
	}
	to := c.once.do("notify"+once, func() string {
		if _, begun := c.begin("notify", func(ctx context.Context, j *job) error { return c.send(ctx, j, b, shown) }); !begun {
			s.tell(&notice{true, t.T("many.busy")})
		}
		return "/owners"
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *Console) send(ctx context.Context, j *job, b *reading, shown *toldOwners) error {
	j.phase("tell", len(shown.summary.Digests))
	d, err := c.notifyDeps(b)
	if err != nil {
		return err
	}
	now, err := notify.Plan(ctx, d)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(now.Digests, shown.summary.Digests, func(a, b notify.Digest) bool {
		return a.Owner == b.Owner && a.First == b.First && maps.Equal(a.People, b.People)
	}) {
		c.keepTold(&toldOwners{id: secret()[:16], summary: now}) // which is shown now, and waits to be confirmed
		return nil
	}
	sum, err := notify.Send(ctx, d, func(x notify.Digest) {
		j.update(func(p *progress) {
			p.Done++
			if x.Status == notify.Failed || x.Status == notify.Unsure {
				p.Failed++
			}
		})
	})
	if sum != nil {
		c.keepTold(&toldOwners{id: shown.id, summary: sum, sent: true})
	}
	return err
}
