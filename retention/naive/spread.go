package naive

import (
	"fmt"
	"testing"
	"time"
)

// Spread holds a night with limits.spread against the same night without: only dates that are given this night move, none earlier and
// none further than the spread; where nothing is too much for one run nothing moves; no day before the last of the spread has more
// than a run may purge, all together or of the persons of a table who are left by then; and whoever comes first by their id goes first.
// It answers how many dates have moved.
func Spread(t testing.TB, without, with []Verdict, today time.Time, purges int, share float64, spread string) (moved int) {
	t.Helper()
	persons, gone := map[string]int{}, map[string]int{}
	for _, v := range without {
		if persons[v.Table]++; v.Action == "purge" {
			gone[v.Table]++
		}
	}
	count := func(all []Verdict) map[string]map[string]int { // by day and table
		on := map[string]map[string]int{}
		for _, v := range all {
			if v.Action == "schedule" || v.Action == "move" || v.Action == "wait" {
				if on[v.PurgeOn] == nil {
					on[v.PurgeOn] = map[string]int{}
				}
				on[v.PurgeOn][v.Table]++
			}
		}
		return on
	}
	tooMany := func(on map[string]map[string]int, day string) string {
		left, sum := map[string]int{}, 0
		for table, n := range persons {
			left[table] = n - gone[table]
		}
		for earlier, by := range on {
			for table, n := range by {
				if earlier < day {
					left[table] -= n
				}
			}
		}
		for table, n := range on[day] {
			if sum += n; float64(n) > share*float64(left[table])+1e-6 {
				return fmt.Sprintf("%d of %d of %s", n, left[table], table)
			}
		}
		if sum > purges {
			return fmt.Sprintf("%d in all", sum)
		}
		return ""
	}
	before, after := count(without), count(with)
	last := map[string]string{} // by table and first day, whom and which date the person before has
	for i, was := range without {
		is := with[i]
		was.Ask, is.Ask = false, false // one run asks so many, whoever comes first by then
		if is.PurgeOn == was.PurgeOn {
			if was != is {
				t.Errorf("%+v became %+v", was, is)
			}
		} else {
			moved++
			first := parse(t, was.PurgeOn)
			if day := parse(t, is.PurgeOn); was.Action != "schedule" || day.Before(first) || day.After(plus(t, first, spread)) {
				t.Errorf("%+v was laid out on %s", was, is.PurgeOn)
			}
			if tooMany(before, was.PurgeOn) == "" {
				t.Errorf("%s is too much for nobody, and %+v was laid out on %s", was.PurgeOn, was, is.PurgeOn)
			}
		}
		if was.Action == "schedule" && !was.Merged {
			key := was.Table + was.PurgeOn
			if is.PurgeOn < last[key] {
				t.Errorf("%+v goes on %s, before somebody with a smaller id (%s)", was, is.PurgeOn, last[key])
			}
			last[key] = is.PurgeOn
		}
	}
	for day := range after {
		onLast, laid := false, false
		for i, was := range without {
			if was.Action != "schedule" || tooMany(before, was.PurgeOn) == "" {
				continue
			}
			laid = laid || with[i].PurgeOn == day && with[i].PurgeOn != was.PurgeOn
			onLast = onLast || plus(t, parse(t, was.PurgeOn), spread).Format(time.DateOnly) == day
		}
		if much := tooMany(after, day); much != "" && laid && !onLast {
			t.Errorf("on %s, which is no last day: %s", day, much)
		}
	}
	return moved
}

func parse(t testing.TB, day string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
