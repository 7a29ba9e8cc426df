package report

import (
	"cmp"
	"slices"

	"github.com/gallra/gallra/retention"
)

// Week is whose purge date lies in one week.
type Week struct {
	Monday  retention.Date // zero for those whose day has come
	Later   bool           // this week and everything after it
	Persons int
	Shares  []int // by series, in the order of Weeks.Series
}

// Weeks is when who is to be purged.
type Weeks struct {
	Series []Series // the largest first; the last may be the rest
	Weeks  []Week   // without gaps: weeks in which nobody is purged are in it
}

// Series is what the persons of a timeline are counted by.
type Series struct {
	Index   int // of the ground or owner; -1: the rest
	Persons int
}

// By says what a timeline counts by.
type By int

// What a timeline can count by.
const (
	ByGround By = iota
	ByOwner
)

// Timeline counts whom a purge is coming for, week by week for that many weeks; what lies further ahead is one entry.
// The largest groups are counted each for itself, at most that many series in all. With filter only persons count whom it
// takes. The weeks add up to the persons that are [Person.Due].
func (c *Coming) Timeline(by By, weeks, series int, filter func(*Person) bool) Weeks {
	monday := c.AsOf - (c.AsOf-epochMonday)%7
	horizon := monday + retention.Date(7*weeks)
	type cell struct {
		week  int // 0: due, then the weeks, then later
		group int32
	}
	cells, groups := map[cell]int{}, map[int32]int{}
	for i := range c.Persons {
		p := &c.Persons[i]
		if !p.Due() || filter != nil && !filter(p) {
			continue
		}
		week := 0
		if p.Action != retention.Purge {
			week = 1 + int(max(min(p.PurgeOn, horizon)-monday, 0))/7
		}
		group := p.Ground
		if by == ByOwner {
			group = p.Owner
		}
		cells[cell{week, group}]++
		groups[group]++
	}
	out := Weeks{}
	for g, n := range groups {
		out.Series = append(out.Series, Series{int(g), n})
	}
	slices.SortFunc(out.Series, func(a, b Series) int { return cmp.Or(cmp.Compare(b.Persons, a.Persons), cmp.Compare(a.Index, b.Index)) })
	if len(out.Series) > series && series > 0 {
		rest := Series{Index: -1}
		for _, s := range out.Series[series-1:] {
			rest.Persons += s.Persons
		}
		out.Series = append(out.Series[:series-1:series-1], rest)
	}
	place := map[int32]int{}
	for i, s := range out.Series {
		place[int32(s.Index)] = i
	}
	out.Weeks = make([]Week, weeks+2)
	for i := range out.Weeks {
		w := &out.Weeks[i]
		w.Shares = make([]int, len(out.Series))
		if i > 0 {
			w.Monday, w.Later = monday+retention.Date(7*(i-1)), i == weeks+1
		}
	}
	for at, n := range cells {
		w := &out.Weeks[at.week]
		w.Persons += n
		s, ok := place[at.group]
		if !ok {
			s = len(out.Series) - 1
		}
		w.Shares[s] += n
	}
	return out
}

// epochMonday is a Monday: 1 January of the year 1.
const epochMonday retention.Date = 1
