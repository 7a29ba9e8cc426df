package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report/receipt"
)

// tellRun says what a run did, in one log line for the operators and in words or JSON for the caller. It answers the error
// that the verb ends with, which says nothing again that was printed here.
func (a *app) tellRun(s *purge.Summary, err error) error {
	if s == nil { // it did not begin
		return err
	}
	a.told.Run(context.Background(), s)
	a.log.Info("run ended", "run", s.Run, "status", s.Status, "purged", s.Purged(), "failed", s.Failed(), "swept", s.Swept, "unswept", s.Unswept, "unapproved", s.Unapproved(), "asked", s.Asked, "unasked", s.Unasked(), "operations", s.Operations)
	var told error
	if a.json {
		told = newOutcomeWriter(a.out).totals(s)
	} else {
		told = a.runWords(s, err)
	}
	if err == nil {
		return told
	}
	var stop *purge.StopError
	if errors.As(err, &stop) && err.Error() == stop.Error() && told == nil && !a.json { // nothing else went wrong beside it
		return &reasonsTold{stop}
	}
	return err
}

func (a *app) runWords(s *purge.Summary, err error) error {
	w := a.lines()
	w.printf("run %s on %s: %s\n\n", s.Run, s.Today.Words(), s.Status)
	if r := s.Resumed; r.Purges+r.Schedules+r.Sweeps > 0 {
		w.printf("finished first, from runs before: %d purges, %d purge dates, audit history of %d persons\n\n", r.Purges, r.Schedules, r.Sweeps)
	}
	if n := s.Resumed.Rows; n > 0 {
		w.printf("found out first what became of %s that a run before had begun to end\n\n", plural(n, "row"))
	}
	rows := [][]string{}
	judged := 0 // nobody, where a purge was asked for: then there is nothing to say of dates
	for _, t := range s.Subjects {
		judged += t.Persons
	}
	head := []string{"table"}
	if judged > 0 {
		head = append(head, "persons", "scheduled", "moved", "rescued", "waiting", "held")
	}
	for _, t := range s.Subjects {
		row := []string{t.Table}
		numbers := []int{t.Deleted, t.Anonymized, t.Bound, t.Skipped, t.Failed}
		if judged > 0 {
			numbers = append([]int{t.Persons, t.Decisions[retention.Schedule], t.Decisions[retention.Move], t.Decisions[retention.Clear],
				t.Decisions[retention.Wait], t.Decisions[retention.Hold]}, numbers...)
		}
		for _, n := range numbers {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		w.printf("%s\n", a.table(append(head, "deleted", "anonymised", "in place", "left alone", "failed"), rows))
	}
	if past := s.Past(); past > 0 || s.Due > 0 {
		w.printf("\n%d past their date when the run began; %d of %d due were purged\n", past, s.DuePurged(), s.Due)
	}
	if n := s.Unapproved(); n > 0 {
		w.printf("%s due and waiting for approval: gallra plan --out FILE, and gallra approve FILE by somebody else\n", plural(n, "person"))
	}
	if n := s.Unasked(); n > 0 {
		w.printf("%s due and waiting, since they were not asked in time\n", plural(n, "person"))
	}
	if s.Asked > 0 {
		w.printf("%s asked before their purge: a task each in the policy's queue\n", plural(s.Asked, "person"))
	}
	if s.TakenBack > 0 {
		w.printf("%s taken back: something justifies the person again, or the purge date is another\n", plural(s.TakenBack, "such task"))
	}
	if len(s.Related) > 0 {
		rows = rows[:0]
		for _, t := range s.Related {
			rows = append(rows, []string{t.Table, strconv.Itoa(t.Deleted), strconv.Itoa(t.Anonymized), strconv.Itoa(t.Kept), strconv.Itoa(t.Freed), strconv.Itoa(t.Shared)})
		}
		w.printf("\nrelated rows of the purged\n%s\n", a.table([]string{"table", "deleted", "anonymised", "kept", "freed", "taken off"}, rows))
	}
	a.endedRows(w, s.Rows)
	if s.Swept+s.Unswept+s.Purged() > 0 {
		w.printf("\naudit history: %d entries deleted; Dataverse writes it late, so the next run looks again\n", s.Swept)
		if s.Unswept > 0 {
			w.printf("  that of %d persons could not be deleted yet\n", s.Unswept)
		}
	}
	if s.Operations > 0 {
		w.printf("\n%s asked of Dataverse\n", plural(s.Operations, "operation"))
	}
	for _, f := range s.Failures {
		w.printf("%s %s %s (%s), %s\n", a.screen().in(red, "failed:"), f.Table, f.ID, f.Code, f.Stays())
	}
	a.left(w, s)
	for _, what := range slices.Sorted(maps.Keys(s.Stages)) {
		w.printf("%s %s\n", plural(s.Stages[what], "person"), map[string]string{"archive": "archived: the row is inactive and a team's", "reduce": "reduced: columns were emptied", "restore": "restored from the archive: a ground has returned"}[what])
	}
	if s.Unmarked > 0 {
		w.printf("mark of an anonymised row taken off %s that say all the same whose they are: they are judged like every other\n", plural(s.Unmarked, "row"))
	}
	if s.ScheduleLeft > 0 {
		w.printf("%d rows changed while the run looked at them: the next run judges them afresh\n", s.ScheduleLeft)
	}
	for _, c := range s.Drift {
		if !c.Stops {
			w.printf("changed since the last run: %s\n", c.Sentence)
		}
	}
	for _, r := range s.Bypassed {
		w.printf("passed over (%s): %s\n", r.Rail, r.Sentence)
	}
	var stop *purge.StopError
	if errors.As(err, &stop) {
		for _, r := range stop.Rails {
			w.printf("\n%s %s\n  to go on: %s\n", a.screen().in(red, "stopped:"), r.Sentence, r.Remedy)
		}
	}
	if s.Purged() > 0 {
		w.printf("\nout of reach, by hand:\n")
		for _, p := range s.Unreachable {
			w.printf("  %s: %s\n", p.Name, p.Remedy)
		}
	}
	return w.err
}

// outcomeWriter prints a run as JSON lines.
type outcomeWriter struct {
	e   *json.Encoder
	err error
}

func newOutcomeWriter(w io.Writer) *outcomeWriter {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &outcomeWriter{e: e}
}

func (o *outcomeWriter) header(c *compile.Policy, today retention.Date) error {
	return o.head("run", c, today)
}

// head is the first line of what a verb prints.
func (o *outcomeWriter) head(kind string, c *compile.Policy, today retention.Date) error {
	return o.e.Encode(map[string]any{"kind": kind, "asOf": today, "timeZone": c.Policy.TimeZone.String(), "organization": c.Organization, "policy": c.Policy.Hash})
}

func (o *outcomeWriter) outcome(x purge.Outcome) {
	line := struct {
		Kind   string           `json:"kind"`
		Table  string           `json:"table"`
		ID     uuid.UUID        `json:"id"`
		Action retention.Action `json:"action"`
		Do     string           `json:"do,omitempty"`
		Status string           `json:"status"`
		Code   string           `json:"code,omitempty"`
	}{"outcome", x.Table, x.ID, x.Action, string(x.Do), string(x.Status), x.Code}
	o.err = errors.Join(o.err, o.e.Encode(line))
}

func (o *outcomeWriter) totals(s *purge.Summary) error {
	actions := map[retention.Action]int{}
	persons, skipped := 0, 0
	for _, t := range s.Subjects {
		persons += t.Persons
		skipped += t.Skipped
		for a, n := range t.Decisions {
			actions[a] += n
		}
	}
	related := []map[string]any{}
	for _, t := range s.Related {
		related = append(related, map[string]any{"table": t.Table, "deleted": t.Deleted, "anonymized": t.Anonymized, "kept": t.Kept, "freed": t.Freed, "shared": t.Shared})
	}
	rails := []plan.GuardRail{}
	if s.Stop != nil {
		rails = s.Stop.Rails
	}
	changes := []map[string]any{}
	for _, c := range s.Drift {
		changes = append(changes, map[string]any{"what": c.What, "stops": c.Stops, "sentence": c.Sentence})
	}
	bypassed := append([]plan.GuardRail{}, s.Bypassed...)
	for _, l := range leftLines(s) {
		if err := o.e.Encode(l); err != nil {
			return err
		}
	}
	for _, l := range append(placeLines(s), rowLines(s)...) {
		if err := o.e.Encode(l); err != nil {
			return err
		}
	}
	mentioned := s.Mentioned()
	return o.e.Encode(map[string]any{"kind": "totals", "drift": changes, "bypassed": bypassed, "run": s.Run, "status": s.Status, "persons": persons, "actions": actions,
		"past": s.Past(), "due": s.Due, "purged": s.Purged(), "failed": s.Failed(), "skipped": skipped, "unapproved": s.Unapproved(), "asked": s.Asked, "takenBack": s.TakenBack, "unasked": s.Unasked(), "operations": s.Operations, "stages": stagesOf(s), "swept": s.Swept, "unswept": s.Unswept, "residue": len(s.Residue),
		"mentions": sum(mentioned), "mentioned": mentioned, "unread": receipt.Places(s.Unread), "related": related, "guardRails": rails})
}

// stagesOf counts what came before a purge, for a machine.
func stagesOf(s *purge.Summary) map[string]int {
	out := map[string]int{"archive": 0, "reduce": 0, "restore": 0}
	maps.Copy(out, s.Stages)
	return out
}
