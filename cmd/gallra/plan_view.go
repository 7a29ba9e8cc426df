package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
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

// actionStyles mark what takes somebody away and what brings them back; the words say it as well.
var actionStyles = map[retention.Action]lipgloss.Style{
	retention.Purge: red.Bold(true), retention.Schedule: yellow, retention.Move: bold, retention.Clear: green, retention.Wait: bold, retention.Hold: bold, retention.Keep: bold,
}

// planWords shows a plan. What a person wants to know in ten seconds stands first: how many, when, and what is new.
// Names are of those whom [shown] lists; nil: nobody's.
func (a *app) planWords(p *plan.Plan, c *compile.Policy, rails []plan.GuardRail, l *ledger.Ledger, names map[uuid.UUID]string) error {
	w := a.lines()
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
	w.printf("%s\n", a.styledTable(append(head, ""), totals, func(row, col int) (lipgloss.Style, bool) {
		style, ok := actionStyles[retention.Action(totals[row][0])]
		return style, ok && col == 0
	}))
	for _, r := range rails {
		w.printf("\n%s %s\n  %s\n", a.screen().in(red, "a run would stop:"), r.Sentence, r.Remedy)
	}
	if n, last := p.LaidOut(); n > 0 {
		w.printf("\n%s laid out until %s, since one run may not purge so many (limits.spread)\n", plural(n, "purge date"), last.Words())
	}
	a.comingWords(w, p)
	a.changesWords(w, p, l)
	w.printf("\nwhat justifies them\n%s\n", a.groundTable(p, c))
	a.plannedRows(w, p.Rows)

	for _, action := range actionOrder {
		some := slices.DeleteFunc(slices.Clone(p.Decisions), func(d plan.Planned) bool { return d.Action != action })
		if len(some) == 0 {
			continue
		}
		w.printf("\n%s (%d): %s\n", a.screen().in(actionStyles[action], string(action)), len(some), actionWords[action])
		var rows [][]string
		for i := range some[:min(len(some), shownDecisions)] {
			d := &some[i]
			row := []string{d.Person.Table, d.Person.ID.String(), dated(d.Decision), d.Reason()}
			if names != nil {
				row = slices.Insert(row, 2, names[d.Person.ID])
			}
			rows = append(rows, row)
		}
		w.printf("%s\n", a.list(rows))
		if more := len(some) - len(rows); more > 0 {
			w.printf("  … and %d more; --csv and --json list them all\n", more)
		}
	}
	return w.err
}

// tellAsked says who is asked before their purge, and who waits since they were not.
func (a *app) tellAsked(p *plan.Plan) {
	var ask, later, unasked int
	for _, t := range p.Tables {
		ask, later, unasked = ask+t.Ask, later+t.AskLater, unasked+t.Unasked
	}
	if ask > 0 {
		fmt.Fprintf(a.out, "\na run asks %s before their purge, by a task in the policy's queue\n", plural(ask, "person"))
	}
	if later > 0 {
		fmt.Fprintf(a.out, "%s more are asked by later runs, since one run has so many asked (limits.asks)\n", plural(later, "person"))
	}
	if unasked > 0 {
		fmt.Fprintf(a.out, "\nof these %s are due and wait, since they were not asked in time; limits do not count them\n", plural(unasked, "person"))
	}
}

// shown are the decisions that planWords lists, by table.
func shown(p *plan.Plan) map[string][]uuid.UUID {
	ids, of := map[string][]uuid.UUID{}, map[retention.Action]int{}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if of[d.Action]++; of[d.Action] <= shownDecisions {
			ids[d.Person.Table] = append(ids[d.Person.Table], d.Person.ID)
		}
	}
	return ids
}

// namesOf reads what some persons are called.
func namesOf(ctx context.Context, s *session, c *compile.Policy, ids map[string][]uuid.UUID) (map[uuid.UUID]string, error) {
	names := map[uuid.UUID]string{}
	for _, table := range sortedKeys(ids) {
		subject := c.Subject(table)
		for some := range slices.Chunk(ids[table], compile.MaxPersons) {
			terms := make([]string, len(some))
			for i, id := range some {
				terms[i] = subject.PrimaryID + " eq " + id.String()
			}
			q := dataverse.Query{Table: table, Select: []string{subject.PrimaryID, subject.PrimaryName}, Filter: strings.Join(terms, " or ")}
			for row, err := range s.client.Rows(ctx, q) {
				if err != nil {
					return nil, fmt.Errorf("read the names of %s: %w", table, err)
				}
				names[row.ID(subject.PrimaryID)] = row.Text(subject.PrimaryName)
			}
		}
	}
	return names, nil
}

// comingWeeks is how far ahead a plan shows single weeks: a notice of two months, and some.
const comingWeeks = 10

// comingWords lists who will be purged, and when.
func (a *streams) comingWords(w *lines, p *plan.Plan) {
	rows := [][]string{}
	for _, c := range p.Coming(comingWeeks) {
		week := c.Monday.String()
		switch {
		case c.Monday.IsZero():
			week = "due"
		case c.Later:
			week += " or later"
		}
		var grounds []string
		for i, g := range c.Grounds {
			if i == 3 && len(c.Grounds) > 4 {
				grounds = append(grounds, fmt.Sprintf("%d more grounds", len(c.Grounds)-i))
				break
			}
			name := g.Ground
			if name == "" {
				name = "no ground ever"
			}
			grounds = append(grounds, fmt.Sprintf("%s %d", name, g.Persons))
		}
		rows = append(rows, []string{week, strconv.Itoa(c.Persons), strings.Join(grounds, ", ")})
	}
	if len(rows) > 0 {
		w.printf("\ncoming purges\n%s\n", a.table([]string{"week of", "persons", "the last ground they had"}, rows))
	}
}

// changesWords is what is new since the last run.
func (a *app) changesWords(w *lines, p *plan.Plan, l *ledger.Ledger) {
	var last *ledger.RunInfo
	for i, r := range l.Runs() {
		if r.Verb == "run" {
			last = &l.Runs()[i]
		}
	}
	if last == nil {
		return // there is nothing to compare with
	}
	c := p.SinceLastRun(l.GroundRows)
	w.printf("\nsince the run of %s: %d lost their last ground, %d rescued, %d moved later, %d have reached their day\n",
		last.Today.Words(), c.Schedule, c.Clear, c.Move, c.Purge)
	if c.ByHand > 0 {
		w.printf("  %s changed by hand in the CRM\n", plural(c.ByHand, "purge date"))
	}
	if c.Held > 0 {
		w.printf("  %s came under a legal hold\n", plural(c.Held, "person"))
	}
	for _, g := range c.Grounds {
		w.printf("  %s of %s matches %d rows, %d then\n", g.Ground, g.Table, g.Now, g.Before)
	}
}

// plural is a number of things: 1 person, 2 persons.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// groundTable is what justifies whom.
func (a *streams) groundTable(p *plan.Plan, c *compile.Policy) styled {
	rows := [][]string{}
	for _, g := range p.Grounds {
		s := c.Subject(g.Table)
		i := slices.IndexFunc(s.Grounds, func(x compile.Ground) bool { return x.ID == g.Ground })
		gaps := ""
		if g.Gaps > 0 && s.Grounds[i].MissingDate == policy.MissingKeeps { // otherwise nobody waits for the date
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
