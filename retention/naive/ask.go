package naive

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Word is a word to a person before their purge: about which date, and when it was put.
type Word struct{ PurgeOn, On time.Time }

// ask finds who is asked today, no more than one run may, and who is due and waits since nobody has asked them in time. Persons are in
// the order of the policy and of their ids.
func (p Policy) ask(t testing.TB, persons []*person, today time.Time, known Known) {
	var near []*person
	for _, n := range persons {
		rule := n.class.ask
		if rule == nil || n.Coming != "" || n.heldElsewhere || !slices.Contains([]string{"schedule", "move", "wait", "purge"}, n.Action) {
			continue
		}
		word := known.Asked(n.Table, n.ID)
		if word.On.IsZero() { // what was said to another row of the same human being was said to this one
			for _, other := range persons {
				if w := known.Asked(other.Table, other.ID); other.human == n.human && w.On.After(word.On) {
					word = Word{PurgeOn: n.announced, On: w.On}
				}
			}
		}
		n.Unasked = n.Action == "purge" && rule["required"] != "" && (word.On.IsZero() || plus(t, word.On, rule["required"]).After(today))
		due := !plus(t, today, rule["before"]).Before(n.announced) && (word.On.IsZero() || !word.PurgeOn.Equal(n.announced))
		if due && (n.Action != "purge" || n.Unasked) {
			near = append(near, n)
		}
	}
	slices.SortStableFunc(near, func(a, b *person) int { return strings.Compare(a.PurgeOn, b.PurgeOn) })
	told := map[int]bool{}
	for _, n := range near {
		if !told[n.human] && len(told) < p.asks {
			told[n.human], n.Ask = true, true
		}
	}
}
