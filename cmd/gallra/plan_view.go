package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gallra/gallra/retention"
)

// shownDecisions is how many decisions of one kind a terminal shows; --json has them all.
const shownDecisions = 15

// actionOrder is the order in which people care.
var actionOrder = []retention.Action{retention.Purge, retention.Schedule, retention.Move, retention.Clear, retention.Wait, retention.Hold, retention.Keep}

// actionWords is what each action means to a reader.
var actionWords = map[retention.Action]string{
	retention.Purge:    "purged now: the day has come and nothing justifies them",
	retention.Schedule: "get a purge date: nothing justifies them beyond the notice",
	retention.Move:     "their purge date moves later",
	retention.Clear:    "rescued: their purge date goes",
	retention.Wait:     "wait for their purge date",
	retention.Hold:     "under a legal hold",
	retention.Keep:     "kept",
}

func (a *app) planWords(p *retention.Plan, c *retention.Checked, rails []retention.GuardRail) error {
	w := &lines{w: a.out}
	persons := 0
	for _, t := range p.Tables {
		persons += t.Persons
	}
	w.printf("plan for %s, %d persons (policy %s)\n\n", p.AsOf.Words(), persons, short(p.Policy))

	totals := [][]string{}
	for _, action := range actionOrder {
		row := []string{string(action)}
		sum := 0
		for _, t := range p.Tables {
			row = append(row, strconv.Itoa(t.Actions[action]))
			sum += t.Actions[action]
		}
		if sum > 0 {
			totals = append(totals, append(row, actionWords[action]))
		}
	}
	head := []string{"action"}
	for _, t := range p.Tables {
		head = append(head, t.Table)
	}
	w.printf("%s\n\n", a.table(append(head, ""), totals))
	w.printf("%s\n", a.groundTable(p, c))

	for _, action := range actionOrder {
		some := slices.DeleteFunc(slices.Clone(p.Decisions), func(d retention.Planned) bool { return d.Action != action })
		if len(some) == 0 {
			continue
		}
		w.printf("\n%s (%d): %s\n", action, len(some), actionWords[action])
		for i := range some {
			if i == shownDecisions {
				w.printf("  … and %d more; --json lists them all\n", len(some)-i)
				break
			}
			d := &some[i]
			w.printf("  %s %s  %s  %s\n", d.Person.Table, d.Person.ID, dated(d.Decision), d.Reason())
		}
	}
	for _, r := range rails {
		w.printf("\na run would stop: %s\n  %s\n", r.Sentence, r.Remedy)
	}
	return w.err
}

// groundTable is what justifies whom.
func (a *app) groundTable(p *retention.Plan, c *retention.Checked) string {
	rows := [][]string{}
	for _, g := range p.Grounds {
		s := c.Subject(g.Table)
		i := slices.IndexFunc(s.Grounds, func(x retention.CheckedGround) bool { return x.ID == g.Ground })
		gaps := ""
		if g.Gaps > 0 {
			gaps = fmt.Sprintf("%d without the date", g.Gaps)
		}
		rows = append(rows, []string{g.Table, g.Ground, strconv.Itoa(g.Rows), strconv.Itoa(g.Persons), s.Grounds[i].Basis, gaps})
	}
	return a.table([]string{"table", "ground", "rows", "persons", "basis", "gaps"}, rows)
}

// dated is the date that matters in a decision.
func dated(d retention.Decision) string {
	if d.PurgeOn.IsZero() {
		return "          "
	}
	return d.PurgeOn.String()
}

// short is as much of a hash as people compare.
func short(hash string) string {
	if len(hash) > 19 {
		return hash[:19]
	}
	return hash
}
