package console

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/report"
)

// The plan for a day to come, as gallra plan --as-of tells it: who would get a date or go on that day if nothing changed until then.

// ahead is such a plan.
type ahead struct {
	planned *verb.Planned
	coming  *report.Coming
}

// aheadPage shows it.
type aheadPage struct {
	Job     watched
	Day     retention.Date
	First   retention.Date // the earliest day that can be asked for
	Made    bool
	Tables  []report.Table
	States  []retention.Action
	Rows    []listRow
	More    int
	Going   int
	Rails   []plan.GuardRail
	Ended   []plan.RowTotals
	Trouble *trouble
	Kept    bool
	Linked  bool // never: the numbers are of another day
}

// shownAhead is how many of those who would go a page shows; the export has everybody.
const shownAhead = 400

func (c *Console) aheadPage(w http.ResponseWriter, r *http.Request, b *reading) {
	t := c.tongue(r)
	page := aheadPage{Job: c.watch("ahead"), First: c.today(b) + 1, States: actions}
	page.Day = page.First
	page.Trouble = c.trouble(page.Job.Err)
	c.mu.Lock()
	x := c.ahead
	c.mu.Unlock()
	if x != nil {
		page.Made, page.Day, page.Tables, page.Rails, page.Ended = true, x.coming.AsOf, x.coming.Tables, x.planned.Rails, x.planned.Rows
		for i := range x.coming.Persons {
			p := &x.coming.Persons[i]
			if p.Action != retention.Purge {
				continue
			}
			if page.Going++; page.Going > shownAhead {
				continue
			}
			table := x.coming.TableOf(p)
			row := listRow{Name: p.ID.String(), Path: personPath(table, p.ID), Table: table, PurgeOn: p.PurgeOn, State: p.Action, Ground: b.groundWords(t, x.coming.GroundOf(p).ID)}
			if at, ok := b.find(table, p.ID); ok {
				q := &b.Persons[at]
				row.Name, row.Email, row.Company, row.Owner = cmp.Or(q.Name, t.T("person.unnamed")), q.Email, q.Company, ownerWords(t, b.OwnerOf(q))
			}
			page.Rows = append(page.Rows, row)
		}
		page.More = page.Going - len(page.Rows)
	}
	c.show(w, r, http.StatusOK, "ahead", page)
}

// lookAhead makes the plan, in the background.
func (c *Console) lookAhead(w http.ResponseWriter, r *http.Request, b *reading) {
	day, err := retention.ParseDate(r.FormValue("day"))
	switch today := c.today(b); {
	case err != nil:
		c.tell(w, r, "/ahead", true, "act.nodate")
		return
	case day <= today:
		c.tell(w, r, "/ahead", true, "ahead.past")
		return
	case day > today.Add(retention.Period{Years: 30}):
		c.tell(w, r, "/ahead", true, "act.toofar")
		return
	}
	c.begin("ahead", func(ctx context.Context, j *job) error {
		j.phase("evaluate", 0)
		c.mu.Lock()
		c.ahead = nil
		c.mu.Unlock()
		l, err := c.o.Ledger()
		if err != nil {
			return err
		}
		look := verb.Look{Client: c.o.Client, Checked: b.checked, Ledger: l, Today: c.today(b)}
		planned, err := verb.Plan(ctx, look, verb.PlanOptions{Day: day, Runs: c.o.Deps("run", b.checked, l).Run.Actor, Progress: j.rows})
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.ahead = &ahead{planned, report.New(planned.Plan)}
		c.mu.Unlock()
		return nil
	})
	http.Redirect(w, r, "/ahead", http.StatusSeeOther)
}

// exportAhead is everybody of the plan, without names, as gallra plan --csv has it.
func (c *Console) exportAhead(w http.ResponseWriter, r *http.Request, _ *reading) {
	c.mu.Lock()
	x := c.ahead
	c.mu.Unlock()
	if x == nil {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	attach(w, "text/csv; charset=utf-8", fileName("plan", x.coming.AsOf, "csv"))
	_ = report.WriteCSV(w, x.planned.Plan, c.o.URL)
}

// checkpoint is the line that proves later that nothing was taken out of the ledger since, as gallra ledger checkpoint prints it. It is
// signed with the key that the console was started with, if it was: a key belongs into nobody's browser.
func (c *Console) checkpoint(w http.ResponseWriter, r *http.Request, b *reading) {
	if !b.evidence.existed {
		c.tell(w, r, "/ledger", true, "ledger.none")
		return
	}
	proof, err := c.o.Verify()
	var line []byte
	if err == nil {
		line, err = verb.Checkpoint(proof, c.o.Ledger, c.o.Key, time.Now())
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	attach(w, "application/jsonl", fileName("checkpoint", c.today(b), "jsonl"))
	_, _ = w.Write(line)
}

// tools is the page of what is not done every day.
func (c *Console) tools(w http.ResponseWriter, r *http.Request, b *reading) {
	c.show(w, r, http.StatusOK, "tools", map[string]any{"Waiting": len(b.waiting.persons), "Kept": b.kept})
}
