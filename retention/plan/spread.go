package plan

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// spread lays out the purge dates that this night gives to more persons than one run may purge: evenly over the policy's
// spread, in order of id, each on its day or later. Who has a date already counts, and keeps it.
//
// The days are filled so that each run stays within the limits wherever that is possible. The share is of the persons who
// are left by then. What does not fit at all has the last day.
func (p *Plan) spread(limits policy.Limits) {
	if limits.Spread.IsZero() {
		return
	}
	s := &spreading{limits: limits, persons: make([]int, len(p.Tables)), on: make(map[retention.Date][]int), tables: make(map[string]int)}
	for i, t := range p.Tables {
		s.persons[i], s.tables[t.Table] = t.Persons-t.Actions[retention.Purge], i
	}
	scheduled := make(map[retention.Date][]*Planned)
	for i := range p.Decisions {
		switch d := &p.Decisions[i]; d.Action {
		case retention.Schedule:
			scheduled[d.PurgeOn] = append(scheduled[d.PurgeOn], d)
			s.count(d)
		case retention.Wait, retention.Move:
			s.count(d)
		}
	}
	days := make([]retention.Date, 0, len(scheduled))
	for day := range scheduled {
		days = append(days, day)
	}
	slices.Sort(days)
	for _, day := range days {
		if s.over(day) {
			s.lay(day, day.Add(limits.Spread), inTurn(scheduled[day]))
		}
	}
}

// LaidOut is how many persons have a later purge date by limits.spread, and the last of these dates.
func (p *Plan) LaidOut() (persons int, last retention.Date) {
	for i := range p.Decisions {
		if d := &p.Decisions[i]; !d.Unspread.IsZero() {
			persons++
			last = max(last, d.PurgeOn)
		}
	}
	return persons, last
}

// inTurn is the order in which persons get their dates: by id, rows that were merged into others before these, as they are
// purged.
func inTurn(some []*Planned) []*Planned {
	type row struct {
		table string
		id    uuid.UUID
	}
	masters := make(map[row]uuid.UUID)
	for _, d := range some {
		if d.Person.Master != uuid.Nil {
			masters[row{d.Person.Table, d.Person.ID}] = d.Person.Master
		}
	}
	depth := func(d *Planned) (n int) {
		for at, ok := masters[row{d.Person.Table, d.Person.ID}]; ok && n < len(masters); at, ok = masters[row{d.Person.Table, at}] {
			n++
		}
		return n
	}
	some = slices.Clone(some)
	slices.SortStableFunc(some, func(a, b *Planned) int {
		return cmp.Or(cmp.Compare(depth(b), depth(a)), slices.Compare(a.Person.ID[:], b.Person.ID[:]))
	})
	return some
}

// spreading counts who has which date. Numbers of persons are by subject table.
type spreading struct {
	limits  policy.Limits
	tables  map[string]int
	persons []int                    // who are left once this night's run has purged
	on      map[retention.Date][]int // who have the date
}

func (s *spreading) count(d *Planned) {
	if s.on[d.PurgeOn] == nil {
		s.on[d.PurgeOn] = make([]int, len(s.persons))
	}
	s.on[d.PurgeOn][s.tables[d.Person.Table]]++
}

// before is who have an earlier date: they are gone by then.
func (s *spreading) before(day retention.Date) []int {
	gone := make([]int, len(s.persons))
	for other, counts := range s.on {
		if other < day {
			add(gone, counts)
		}
	}
	return gone
}

// over tells whether a run of that day would have more to purge than it may.
func (s *spreading) over(day retention.Date) bool {
	return s.room(day, s.before(day)).all < 0
}

// room is how many more a run may purge, of all tables and of each. Below 0 it has too many, and purges nobody.
type room struct {
	all int
	of  []int
}

func (s *spreading) room(day retention.Date, gone []int) room {
	r := room{all: s.limits.Purges, of: make([]int, len(s.persons))}
	on := s.on[day]
	for t := range r.of {
		r.of[t] = int(math.Floor(s.limits.Share*float64(s.persons[t]-gone[t]) + 1e-9))
		if on != nil {
			r.of[t] -= on[t]
			r.all -= on[t]
		}
	}
	if r.all < 0 || slices.ContainsFunc(r.of, func(n int) bool { return n < 0 }) {
		r.all = -1
		clear(r.of)
	}
	return r
}

// most is how many of those who are left fit into the days from one on: of each table as if the others were not there, or
// of all together.
func (s *spreading) most(day, last retention.Date, gone, left []int, together bool) (of []int) {
	of, gone = make([]int, len(left)), slices.Clone(gone)
	for ; day <= last; day++ {
		r, placed := s.room(day, gone), 0
		for t := range of {
			n := min(r.of[t], left[t]-of[t])
			if together {
				n = min(n, r.all-placed)
			}
			if n > 0 {
				of[t] += n
				gone[t] += n
				placed += n
			}
		}
		if on := s.on[day]; on != nil {
			add(gone, on)
		}
	}
	return of
}

// open is on how many days there is any room, if nobody more than now has one of them.
func (s *spreading) open(day, last retention.Date, gone []int) (n int) {
	gone = slices.Clone(gone)
	for ; day <= last; day++ {
		if r := s.room(day, gone); r.all > 0 && slices.ContainsFunc(r.of, func(n int) bool { return n > 0 }) {
			n++
		}
		if on := s.on[day]; on != nil {
			add(gone, on)
		}
	}
	return n
}

// must is how many of each table have to have this day since the days after it have no room for them: not for their table, or
// not for all.
func (s *spreading) must(day, last retention.Date, r room, gone, left []int) []int {
	later := func(n []int, together bool) []int { // who fits if so many have this day
		gone, left := slices.Clone(gone), slices.Clone(left)
		for t := range n {
			gone[t] += n[t]
			left[t] -= n[t]
		}
		return s.most(day+1, last, gone, left, together)
	}
	must := make([]int, len(left))
	more := func(n int) []int { // so many more, of the first table first
		all := slices.Clone(must)
		n = min(n, r.all-sum(all))
		for t := range all {
			add := max(0, min(n, left[t]-all[t], r.of[t]-all[t]))
			all[t] += add
			n -= add
		}
		return all
	}
	for t := range must {
		alone := make([]int, len(left))
		must[t] = sort.Search(max(0, min(left[t], r.of[t], r.all-sum(must))), func(n int) bool {
			alone[t] = n
			return left[t]-n <= later(alone, false)[t]
		})
	}
	return more(sort.Search(max(0, min(sum(left), r.all)-sum(must)), func(n int) bool {
		all := more(n)
		return sum(left)-sum(all) <= sum(later(all, true))
	}))
}

// lay gives persons who have the first day one from the first to the last.
func (s *spreading) lay(first, last retention.Date, waiting []*Planned) {
	left := make([]int, len(s.persons))
	for _, d := range waiting {
		t := s.tables[d.Person.Table]
		left[t]++
		s.on[first][t]--
	}
	gone := s.before(first)
	for day := first; day <= last && len(waiting) > 0; day++ {
		r := s.room(day, gone)
		if on := s.on[day]; on != nil {
			add(gone, on)
		}
		must := s.must(day, last, r, gone, left)
		open := s.open(day+1, last, gone)
		even := (len(waiting) + open) / (open + 1) // this day's part, rounded up
		more := max(0, min(even, r.all)-sum(must))
		waiting = slices.DeleteFunc(waiting, func(d *Planned) bool {
			t := s.tables[d.Person.Table]
			switch {
			case day == last: // the rest, whether it fits or not
			case must[t] > 0:
				must[t]--
			case more > 0 && r.of[t] > 0:
				more--
			default:
				return false
			}
			r.of[t]--
			left[t]--
			gone[t]++
			s.give(d, day)
			return true
		})
	}
}

func (s *spreading) give(d *Planned, day retention.Date) {
	if day != d.PurgeOn {
		d.Unspread, d.PurgeOn = d.PurgeOn, day
	}
	s.count(d)
}

func add(to, more []int) {
	for i := range to {
		to[i] += more[i]
	}
}

func sum(all []int) (n int) {
	for _, i := range all {
		n += i
	}
	return n
}
