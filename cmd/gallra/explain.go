package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
)

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain TABLE ID",
		Short: "Tell what justifies one person, ground by ground",
		Long: `Reads every ground for one person: the rows found, their dates, the arithmetic, the verdict, and what would rescue the
person. Nothing is written.

EXIT STATUS: 0 told, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra explain contact 465b158c-541c-e511-80d3-3863bb347ba8`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[1])
			if err != nil {
				return &usageError{fmt.Sprintf("%q is not a row id", args[1]), "the id stands in the address of the person's form in Dynamics 365"}
			}
			return a.runExplain(cmd.Context(), args[0], id)
		},
	}
}

func (a *app) runExplain(ctx context.Context, table string, id uuid.UUID) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return err
	}
	if checked.Subject(table) == nil {
		return &usageError{fmt.Sprintf("the policy has no subject table %q", table), ""}
	}
	l, err := a.readLedger()
	if err != nil {
		return err
	}
	x, err := retention.Explain(ctx, s.client, checked, table, id, retention.EvaluateOptions{
		Today: s.today(checked.Policy), Traces: l.Traces(),
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.explainJSON(x, checked, s)
	}
	return a.explainWords(x, checked, s.today(checked.Policy))
}

func (a *app) explainWords(x *retention.Explanation, c *retention.Checked, today retention.Date) error {
	w := &lines{w: a.out}
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
		w.printf("%s%-28s %s\n", mark, f.Ground.ID, verdict)
		w.printf("    %s (%s)\n", f.Ground.Why, f.Ground.Basis)
		for i, r := range f.Rows {
			if i == maxRowsShown {
				w.printf("    and %d rows more\n", len(f.Rows)-i)
				break
			}
			w.printf("    %s %s%s\n", r.Table, r.ID, arithmetic(f.Ground, r))
		}
	}
	d := x.Decision
	w.printf("\nverdict: %s", d.Action)
	if d.Action != retention.Keep && d.PurgeOn != 0 {
		w.printf(", purge scheduled on %s", d.PurgeOn.Words())
	}
	w.printf("\n%s\n", d.Reason())
	for _, o := range x.Others {
		w.printf("the same human being: %s %s\n", o.Table, o.ID)
	}
	if d.Action != retention.Keep && d.Action != retention.Clear {
		w.printf("\nwhat would rescue them: one of these before that day\n")
		for _, f := range x.Findings {
			w.printf("  - %s\n", f.Ground.Why)
		}
		own := c.Subject(x.Person.Table).Columns
		w.printf("  - an extension by hand: %s with a reason in %s, at most %s ahead\n", own.RetainUntil, own.RetainReason, c.Policy.ManualExtension)
	}
	return w.err
}

// maxRowsShown keeps an explanation on a screen.
const maxRowsShown = 5

// arithmetic is how a row's date became an end: ": 3 May 2026 + 3 months = 3 August 2026".
func arithmetic(g *retention.Ground, r retention.FoundRow) string {
	switch {
	case r.Until == retention.Open && (g.After != "" || g.Until != ""):
		return ": lacks the date that the ground counts from, which keeps the person"
	case r.Until == retention.Open:
		return ": as long as it stays so"
	case g.Keep.IsZero():
		return ": " + r.Date.Words()
	}
	return fmt.Sprintf(": %s + %s = %s", r.Date.Words(), g.Keep, r.Until.Words())
}

func (a *app) explainJSON(x *retention.Explanation, c *retention.Checked, s *session) error {
	e := json.NewEncoder(a.out)
	for _, f := range x.Findings {
		rows := []map[string]any{}
		for _, r := range f.Rows {
			rows = append(rows, map[string]any{"table": r.Table, "id": r.ID, "date": dateOrNull(r.Date)})
		}
		err := e.Encode(map[string]any{"kind": "ground", "subject": f.Table, "ground": f.Ground.ID,
			"holds": f.Until() > s.today(c.Policy), "retainUntil": dateOrNull(f.Until()), "rows": rows})
		if err != nil {
			return err
		}
	}
	return x.Decision.WriteJSON(a.out)
}

// dateOrNull is a date as JSON has it: null for none.
func dateOrNull(d retention.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}
