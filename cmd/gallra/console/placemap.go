package console

import (
	"context"
	"net/http"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/report"
)

// mapPage is where persons can stand, of each subject table.
type mapPage struct {
	Running bool
	Trouble *trouble
	Maps    []*report.PlaceMap
}

// places shows the maps. They are counted in the background, once for each reading of the plan.
func (c *Console) places(w http.ResponseWriter, r *http.Request, b *reading) {
	drawn := c.drawn()
	if drawn == nil || drawn.book != b.id {
		c.drawMaps(b)
	}
	page, t := mapPage{}, c.tongue(r)
	p := c.report("map")
	page.Running = !p.Ended
	if p.Ended {
		page.Trouble = c.trouble(p.Err)
	}
	if !page.Running {
		for _, m := range c.drawn().maps {
			v, err := report.NewPlaceMap(m, report.Lang(t.Language), namesIn{Called: report.NewCalled(r.Context(), c.o.Client), tongue: t})
			if err != nil {
				page.Trouble = c.trouble(err)
				break
			}
			page.Maps = append(page.Maps, v)
		}
	}
	c.show(w, r, http.StatusOK, "map", page)
}

// drawnMaps are the maps of the policy that a reading was made by.
type drawnMaps struct {
	book string // the reading
	maps []*personmap.Map
}

func (c *Console) drawn() *drawnMaps {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.maps
}

// drawMaps has the places of a reading counted. Those of another one are not shown meanwhile.
func (c *Console) drawMaps(b *reading) {
	keep := func(maps []*personmap.Map) {
		c.mu.Lock()
		c.maps = &drawnMaps{b.id, maps}
		c.mu.Unlock()
	}
	if j := c.job("map"); j != nil && !j.ended() {
		return
	}
	keep(nil) // asked for: what fails is not tried again before the plan is read anew
	c.begin("map", func(ctx context.Context, j *job) error {
		j.phase("check", 0)
		maps, err := b.checked.Maps(ctx, c.o.Client)
		if err == nil {
			keep(maps)
		}
		return err
	})
}
