package main

import (
	"fmt"
	"strconv"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
)

// effectWords is what each effect means to a reader.
var effectWords = map[plan.Effect]string{
	plan.Newly:   "kept without an end until now, and would get a date",
	plan.Earlier: "would be purged earlier",
	plan.Later:   "would be purged later",
	plan.NoMore:  "would be kept without an end",
}

// shownExamples is how many persons of one effect a terminal shows; --json has them all.
const shownExamples = 5

func (a *streams) simulationWords(s *plan.Simulation, inForce, other string) error {
	w := a.lines()
	w.printf("%s instead of %s, on %s\n\n", other, inForce, s.AsOf.Words())
	rows := [][]string{}
	for _, t := range s.Tables() {
		row := []string{t, strconv.Itoa(s.Persons[t]), strconv.Itoa(s.Purges[t][0]), strconv.Itoa(s.Purges[t][1])}
		for _, e := range plan.Effects {
			row = append(row, strconv.Itoa(s.Count(t, e)))
		}
		rows = append(rows, row)
	}
	w.printf("%s\n", a.table([]string{"table", "persons", "unjustified now", "then", "newly", "earlier", "later", "no more"}, rows))
	a.simulatedRows(w, s.Rows)
	a.simulatedAsks(w, s)
	if len(s.Changes) == 0 {
		w.printf("\nnobody's date would change\n")
		return w.err
	}
	rows = rows[:0]
	for _, g := range s.ByGround() {
		rows = append(rows, []string{g.Table, string(g.Effect), groundOrNone(g.From), groundOrNone(g.To), strconv.Itoa(g.Persons)})
	}
	w.printf("\nby ground\n%s\n", a.table([]string{"table", "effect", "ground now", "ground then", "persons"}, rows))
	for _, e := range plan.Effects {
		total := s.Count("", e)
		if total == 0 {
			continue
		}
		w.printf("\n%s (%d): %s\n", e, total, effectWords[e])
		shown := 0
		for _, c := range s.Changes {
			if c.Effect != e {
				continue
			}
			if shown++; shown > shownExamples {
				w.printf("  … and %d more; --json lists them all\n", total-shownExamples)
				break
			}
			w.printf("  %s %s  %s → %s\n", c.Table, c.ID, endWords(c.From, c.FromGround), endWords(c.To, c.ToGround))
		}
	}
	return w.err
}

// simulatedRows shows how many rows whose own period is over both policies would end.
func (a *streams) simulatedRows(w *lines, all []plan.RowsChange) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{}
	for _, c := range all {
		row := []string{c.Rule, c.Table}
		for _, r := range []*plan.RowTotals{c.Now, c.Then} {
			if r == nil {
				row = append(row, "no rule")
				continue
			}
			row = append(row, strconv.Itoa(r.Due))
		}
		rows = append(rows, row)
	}
	w.printf("\nrows whose own period is over\n%s\n", a.table([]string{"rule", "table", "go now", "then"}, rows))
}

// simulatedAsks shows whom both policies ask before their purge, and who of the other one's stay since nobody has asked them in time.
func (a *streams) simulatedAsks(w *lines, s *plan.Simulation) {
	if len(s.Asks) == 0 {
		return
	}
	rows := [][]string{}
	for _, c := range s.Asks {
		for i, t := range []*plan.AskTotals{c.Now, c.Then} {
			row := []string{c.Table, []string{"now", "then"}[i], "nobody", "", "", ""}
			if t != nil {
				row = []string{c.Table, row[1], strconv.Itoa(t.Persons), strconv.Itoa(t.Today), "", strconv.Itoa(t.Waiting)}
				if !t.First.IsZero() {
					row[4] = t.First.Words() + " to " + t.Last.Words()
				}
			}
			rows = append(rows, row)
		}
	}
	w.printf("\nasked before their purge\n%s\n", a.table([]string{"table", "", "persons", "today", "between", "due and not asked in time"}, rows))
}

func groundOrNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// endWords is a retain-until as people read it.
func endWords(d retention.Date, ground string) string {
	switch {
	case d.IsZero():
		return "no ground"
	case d == retention.Open && ground == "":
		return "not judged"
	case d == retention.Open:
		return "open (" + ground + ")"
	}
	return fmt.Sprintf("%s (%s)", d, ground)
}

func (a *streams) backCastWords(b *plan.BackCast) error {
	w := a.lines()
	sum := b.Total()
	w.printf("back-cast to %s, from %s (policy %s)\n\n", b.AsOf.Words(), b.Today.Words(), short(b.Policy))
	w.printf("By %s this policy would have purged %d of the %d persons who are still in the CRM and were then.\n", b.AsOf.Words(), sum.Purged, sum.Persons)
	w.printf("%d of them became active again since: the regret rate is %.1f%%.\n\n", sum.Regrets, 100*sum.Rate())
	rows := [][]string{}
	for _, t := range b.Tables {
		rows = append(rows, []string{t.Table, strconv.Itoa(t.Persons), strconv.Itoa(t.Purged), strconv.Itoa(t.Regrets), fmt.Sprintf("%.1f%%", 100*t.Rate())})
	}
	w.printf("%s\n", a.table([]string{"table", "persons then", "purged", "active again", "regret rate"}, rows))
	if len(b.Regrets) > 0 {
		w.printf("\nactive again (%d)\n", len(b.Regrets))
	}
	for i, r := range b.Regrets {
		if i == shownDecisions {
			w.printf("  … and %d more; --json lists them all\n", len(b.Regrets)-i)
			break
		}
		since := groundOrNone(r.Ground)
		if !r.Date.IsZero() {
			since += " of " + r.Date.String()
		}
		w.printf("  %s %s  %s, then %s\n", r.Table, r.ID, endWords(r.Until, r.Ended), since)
	}
	w.printf("\nwhat this cannot know: people who were deleted since, holds and extensions of the time, and the former values of columns\n")
	for _, l := range b.Limits {
		w.printf("  - %s\n", l)
	}
	return w.err
}
