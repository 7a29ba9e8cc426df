package main

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

func (a *app) statusWords(st *status) error {
	w := a.lines()
	when := func(t time.Time) string {
		t = t.In(st.zone)
		return retention.DateOf(t, st.zone).Words() + t.Format(" 15:04")
	}
	verdict := "acts"
	if !st.acts {
		verdict = "would be refused"
	}
	w.printf("next run: %s\n", verdict)
	switch {
	case !st.next.IsZero():
		w.printf("  when: expected about %s, by the rhythm of the runs before\n", when(st.next))
	default:
		w.printf("  when: not known, fewer than %d runs show a rhythm\n", rhythm)
	}
	if st.app != uuid.Nil {
		w.printf("  as: application user %s (application %s)\n", st.actor, st.app)
	} else {
		w.printf("  as: user %s\n", st.actor)
	}
	w.printf("  policy: %s\n", short(st.policy))
	for _, o := range st.obstacle {
		w.printf("  ! %s\n", o)
	}
	if r := st.last; r == nil {
		w.printf("\nlast run: none stands in the ledger\n")
	} else {
		outcome := string(r.Status)
		if outcome == "" {
			outcome = "without an end"
		}
		w.printf("\nlast run: %s, began %s, %s\n", r.ID, when(r.Began), outcome)
		if r.Actor != st.actor {
			w.printf("  as: user %s, not the one who asks now\n", r.Actor)
		}
		for _, what := range sortedKeys(r.Counts) {
			w.printf("  %s: %d\n", what, r.Counts[what])
		}
	}
	if st.begun > 0 {
		w.printf("\nbegun and not finished: %s; the next run finishes them first\n", plural(st.begun, "purge"))
	}
	if st.rows > 0 {
		w.printf("\nbegun and not finished: the end of %s whose own period is over; the next run finds out what became of them\n", plural(st.rows, "row"))
	}
	if st.sweeps > 0 {
		w.printf("\naudit history that Dataverse may still write: of %s; the next run looks again\n", plural(st.sweeps, "person"))
	}
	rows := [][]string{}
	for _, d := range st.debts {
		oldest := "-"
		if !d.oldest.IsZero() {
			oldest = d.oldest.Words()
		}
		rows = append(rows, []string{d.table, strconv.Itoa(d.past), strconv.Itoa(d.held), oldest})
	}
	w.printf("\npersons whose purge date has come\n%s\n", a.table([]string{"table", "past", "of them held", "oldest date"}, rows))
	if len(st.trend) > 1 {
		rows = rows[:0]
		for _, d := range st.trend {
			rows = append(rows, []string{d.Day.String(), strconv.Itoa(d.Past), strconv.Itoa(d.Left)})
		}
		w.printf("\nat the last runs: it %s\n%s\n", ledger.TrendWord(st.trend),
			a.table([]string{"run of", "past when it began", "left by it"}, rows))
	}
	return w.err
}

func (a *streams) statusJSON(st *status) error {
	stamp := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.UTC().Format(time.RFC3339)
	}
	debts := []map[string]any{}
	for _, d := range st.debts {
		debts = append(debts, map[string]any{"table": d.table, "past": d.past, "held": d.held, "oldest": dateOrNull(d.oldest)})
	}
	trend := []map[string]any{}
	for _, d := range st.trend {
		trend = append(trend, map[string]any{"run": d.Run, "on": dateOrNull(d.Day), "past": d.Past, "left": d.Left})
	}
	var last any
	if r := st.last; r != nil {
		last = map[string]any{"run": r.ID, "began": stamp(r.Began), "ended": stamp(r.Ended), "status": r.Status, "actor": r.Actor, "policy": r.Policy,
			"counts": counts(r), "guardRails": append([]string{}, st.stopped...)}
	}
	var application any
	if st.app != uuid.Nil {
		application = st.app
	}
	return json.NewEncoder(a.out).Encode(map[string]any{"kind": "status", "now": stamp(st.now), "acts": st.acts, "next": stamp(st.next),
		"actor": st.actor, "application": application, "policy": st.policy, "ledger": st.ledger, "warnings": append([]string{}, st.obstacle...),
		"lastRun": last, "begun": st.begun, "rowsBegun": st.rows, "sweeps": st.sweeps, "debt": debts, "trend": trend})
}

func counts(r *ledger.RunInfo) map[string]int {
	if r.Counts == nil {
		return map[string]int{}
	}
	return r.Counts
}
