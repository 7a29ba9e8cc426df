package plan

import (
	"cmp"
	"slices"

	"github.com/gallra/gallra/retention"
)

// Coming is whose purge date lies in one week.
type Coming struct {
	Monday  retention.Date // zero for those whose day has come
	Later   bool           // this week and everything after it
	Persons int
	Grounds []GroundShare // the largest first
}

// GroundShare is how many persons a ground has given its date; it ended for them, or will by then.
type GroundShare struct {
	Ground  string // empty: nothing ever justified them
	Persons int
}

// Coming counts the plan's purges week by week, for that many weeks; what lies further ahead is one entry. Weeks in
// which nobody is purged are left out.
func (p *Plan) Coming(weeks int) []Coming {
	monday := p.AsOf - (p.AsOf-epochMonday)%7
	horizon := monday + retention.Date(7*weeks)
	found := map[retention.Date]map[string]int{}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		switch d.Action {
		case retention.Schedule, retention.Move, retention.Wait, retention.Purge:
		default:
			continue
		}
		week := retention.Date(0)
		if d.Action != retention.Purge {
			week = min(d.PurgeOn-(d.PurgeOn-epochMonday)%7, horizon)
		}
		if found[week] == nil {
			found[week] = map[string]int{}
		}
		found[week][d.GroundID()]++
	}
	out := []Coming{}
	for week, grounds := range found {
		c := Coming{Monday: week, Later: week == horizon}
		for g, n := range grounds {
			c.Persons += n
			c.Grounds = append(c.Grounds, GroundShare{g, n})
		}
		slices.SortFunc(c.Grounds, func(a, b GroundShare) int {
			return cmp.Or(cmp.Compare(b.Persons, a.Persons), cmp.Compare(a.Ground, b.Ground))
		})
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Coming) int { return cmp.Compare(a.Monday, b.Monday) })
	return out
}

// epochMonday is a Monday: 1 January of the year 1.
const epochMonday retention.Date = 1

// Changes is what a plan finds other than the ledger's last run left it.
type Changes struct {
	Schedule int // have lost their last ground
	Clear    int // a ground has appeared: the date goes
	Move     int // the date moves later
	Purge    int // their day has come
	Held     int // under a legal hold that no run has seen
	ByHand   int // somebody changed or emptied the date on the row
	Grounds  []GroundChange
}

// GroundChange is a ground that matches another number of rows than in the last run.
type GroundChange struct {
	Table, Ground string
	Before, Now   int
}

// SinceLastRun compares the plan with what the ledger knows; matched is as in [Plan.GuardRails].
func (p *Plan) SinceLastRun(matched func(table, ground string) (rows int, known bool)) Changes {
	var c Changes
	for i := range p.Decisions {
		d := &p.Decisions[i]
		switch d.Action {
		case retention.Schedule:
			c.Schedule++
		case retention.Clear:
			c.Clear++
		case retention.Move:
			c.Move++
		case retention.Purge:
			c.Purge++
		case retention.Hold:
			if !d.Person.Trace.Held {
				c.Held++
			}
		}
		if t := d.Person.Trace.PurgeOn; !t.IsZero() && t != d.Person.Columns.PurgeOn {
			c.ByHand++
		}
	}
	for _, g := range p.Grounds {
		if before, known := matched(g.Table, g.Ground); known && before != g.Rows {
			c.Grounds = append(c.Grounds, GroundChange{g.Table, g.Ground, before, g.Rows})
		}
	}
	return c
}
