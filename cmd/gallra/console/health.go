package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gallra/gallra/retention/doctor"
)

// health is what the doctor found, and when.
type health struct {
	Findings []doctor.Finding
	Errors   int
	Warnings int
	At       time.Time
}

// healthView is the doctor's page.
type healthView struct {
	*health
	Running bool
	Trouble *trouble
}

func (c *Console) healthPage(w http.ResponseWriter, r *http.Request) {
	j := c.job("doctor")
	if j == nil {
		c.checkUp()
		j = c.job("doctor")
	}
	p, _ := j.now()
	v := healthView{Running: !p.Ended}
	if p.Ended {
		v.Trouble = c.trouble(p.Err)
	}
	c.mu.Lock()
	v.health = c.visit
	c.mu.Unlock()
	c.show(w, r, http.StatusOK, "health", v)
}

func (c *Console) checkHealth(w http.ResponseWriter, r *http.Request) {
	c.checkUp()
	http.Redirect(w, r, "/health", http.StatusSeeOther)
}

// checkUp has the doctor look, in the background.
func (c *Console) checkUp() {
	c.begin("doctor", func(ctx context.Context, j *job) error {
		j.phase("doctor", 0)
		found, err := c.o.Doctor(ctx)
		if err != nil {
			return err
		}
		v := &health{Findings: found, At: c.o.Clock()}
		for _, f := range found {
			switch f.Level {
			case doctor.Error:
				v.Errors++
			case doctor.Warning:
				v.Warnings++
			}
		}
		levels := []doctor.Level{doctor.Error, doctor.Warning, doctor.Note, doctor.OK}
		slices.SortStableFunc(v.Findings, func(a, b doctor.Finding) int {
			return cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level))
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		c.visit = v
		return nil
	})
}
