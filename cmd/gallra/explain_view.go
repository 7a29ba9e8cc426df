package main

import (
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// maxRowsShown keeps an explanation on a screen.
const maxRowsShown = 5

func (a *app) explainWords(x *plan.Explanation, heldBy evaluate.PersonRef, c *compile.Policy, today retention.Date) error {
	w := a.lines()
	w.printf("%s %s, on %s\n\n", x.Person.Table, x.Person.ID, today.Words())
	for _, f := range x.Findings {
		mark, verdict := "  ", "nothing found"
		switch until := f.Until(); {
		case until == retention.Open:
			mark, verdict = "* ", "holds, without an end"
		case until > today:
			mark, verdict = "* ", "holds until "+until.Words()
		case until != 0:
			verdict = "ended on " + until.Words()
		}
		name := f.Ground.ID
		if f.Table != x.Person.Table {
			name += " (of " + f.Table + ")"
		}
		w.printf("%s%-28s %s\n", mark, name, verdict)
		why := f.Ground.Why
		if f.Ground.Basis != "" {
			why += " (" + f.Ground.Basis + ")"
		}
		w.printf("    %s\n", why)
		for i, r := range f.Rows {
			if i == maxRowsShown {
				w.printf("    and %s more\n", plural(len(f.Rows)-i, "row"))
				break
			}
			w.printf("    %s %s: %s\n", r.Table, r.ID, f.Arithmetic(r))
		}
	}
	for _, o := range x.Others {
		w.printf("\nthe same human being, judged together: %s %s\n", o.Table, o.ID)
	}
	a.verdictWords(w, x, heldBy, today)
	if x.Decision.Action != retention.Keep && x.Decision.Action != retention.Clear {
		a.rescueWords(w, x, c, today)
	}
	w.printf("\nwhat happens once nothing justifies them:\n")
	for _, line := range becomes(x, c) {
		w.printf("  - %s\n", line)
	}
	periodWords(w, c.RowsOf(x.Person.Table, x.Person.Class))
	return w.err
}

// periodWords is which rows of the person go by a date of their own.
func periodWords(w *lines, all []*compile.RowRule) {
	if len(all) == 0 {
		return
	}
	w.printf("\nrows that go by a date of their own:\n")
	for _, r := range all {
		what := "whoever they belong to, and no one on them is justified"
		switch {
		case r.Of != "":
			what = "what a purge of the person has kept"
		case r.EvenIf == policy.EvenIfJustified:
			what = "although the person is justified"
		}
		w.printf("  - %s: %s (%s)\n", r.Table, r.Says(policy.Speller{Language: "en"}).Text, what)
	}
}

// verdictWords is what a run would do, and why.
func (a *app) verdictWords(w *lines, x *plan.Explanation, heldBy evaluate.PersonRef, today retention.Date) {
	d := x.Decision
	w.printf("\nverdict: %s, %s\n", d.Action, actionWords[d.Action])
	if d.Class != "" {
		w.printf("  by the rules of the class %s\n", d.Class)
	}
	w.printf("  %s\n", d.Reason())
	switch {
	case x.Person.LegalHold:
		w.printf("  a legal hold is set on the row: nothing is purged while it is, and the notice begins anew after it\n")
	case x.Person.HeldWith:
		w.printf("  a legal hold stands on another row of the same human being: nothing of them is purged while it does\n")
		if heldBy.Table != "" {
			w.printf("  it is that of %s %s\n", heldBy.Table, heldBy.ID)
		}
	case heldBy.Table != "":
		w.printf("  the legal hold of %s %s protects the row, which leads to them by the policy's rules: nothing is purged while it stands\n", heldBy.Table, heldBy.ID)
	}
	if d.PurgeOn.IsZero() || d.Action == retention.Keep {
		return
	}
	if !d.Asked.On.IsZero() {
		w.printf("  asked on %s before the purge of %s\n", d.Asked.On.Words(), d.Asked.PurgeOn.Words())
	}
	if d.Ask {
		w.printf("  the next run asks them, by a task in the policy's queue\n")
	}
	if d.Unasked {
		w.printf("  the purge waits, since they were not asked in time\n")
	}
	switch {
	case d.Action == retention.Purge:
		w.printf("  the purge date %s has come, noticed on %s\n", d.PurgeOn.Words(), d.NoticedOn.Words())
	case d.PurgeOn > today:
		w.printf("  purge scheduled on %s, noticed on %s\n", d.PurgeOn.Words(), d.NoticedOn.Words())
	default:
		w.printf("  purge scheduled on %s\n", d.PurgeOn.Words())
	}
}

// rescueWords is what would keep the person: the grounds of their table, and an extension by hand.
func (a *app) rescueWords(w *lines, x *plan.Explanation, c *compile.Policy, today retention.Date) {
	// Whoever is justified on the day of the purge stays; a day that has passed is today's question.
	day := max(x.Decision.PurgeOn, today)
	w.printf("\nwhat would rescue them, one of these before the run of %s:\n", day.Words())
	for _, f := range x.Findings {
		if f.Table == x.Person.Table {
			w.printf("  - %s\n", f.Rescue(day))
		}
	}
	own := c.Subject(x.Person.Table).Columns
	w.printf("  - an extension by hand: a date in %s with a reason in %s, no later than %s\n", own.RetainUntil, own.RetainReason, today.Add(c.Policy.ManualExtension).Words())
}
