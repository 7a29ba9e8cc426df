package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain TABLE ID | E-MAIL",
		Short: "Tell what justifies one person, ground by ground",
		Long: `Reads every ground for one person: the rows found, their dates, the arithmetic, the verdict, and what would rescue the
person. An e-mail address is looked for in all subject tables of the policy. Nothing is written.

EXIT STATUS: 0 told, 1 failed or nobody found, 2 wrong usage, settings or policy.`,
		Example: `  gallra explain contact 465b158c-541c-e511-80d3-3863bb347ba8
  gallra explain anna@example.com`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			who, err := parseWho(args)
			if err != nil {
				return err
			}
			return a.runExplain(cmd.Context(), who)
		},
	}
}

// who is a person, named as on the command line.
type who struct {
	row     evaluate.PersonRef
	address string // instead
}

func parseWho(args []string) (who, error) {
	if len(args) == 1 {
		if !strings.Contains(args[0], "@") {
			return who{}, &usageError{fmt.Sprintf("%q is no e-mail address", args[0]), "name a table and a row id, or an e-mail address"}
		}
		return who{address: args[0]}, nil
	}
	id, err := uuid.Parse(args[1])
	if err != nil {
		return who{}, &usageError{fmt.Sprintf("%q is not a row id", args[1]), "the id stands in the address of the person's form in Dynamics 365"}
	}
	return who{row: evaluate.PersonRef{Table: args[0], ID: id}}, nil
}

// find is the rows that are meant.
func (w who) find(ctx context.Context, s *session, c *compile.Policy) ([]evaluate.PersonRef, error) {
	if w.address != "" {
		return evaluate.FindByEmail(ctx, s.client, c, w.address)
	}
	if c.Subject(w.row.Table) == nil {
		return nil, &usageError{fmt.Sprintf("the policy has no subject table %q", w.row.Table), "its subjects are " + subjectNames(c)}
	}
	return []evaluate.PersonRef{w.row}, nil
}

func (a *app) runExplain(ctx context.Context, w who) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if _, err := a.warnBlind(ctx, s, checked); err != nil {
		return err
	}
	people, err := w.find(ctx, s, checked)
	if err != nil {
		return err
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	today := s.today(checked.Policy)
	all, err := plan.ExplainAll(ctx, s.client, checked, people, evaluate.Known(l, today))
	if err != nil {
		return err
	}
	held, err := purge.HeldBy(ctx, s.client, checked, people)
	if err != nil {
		return err
	}
	for i, x := range all {
		by := held[people[i]]
		if a.json {
			err = a.explainJSON(x, by, checked, today)
		} else {
			if i > 0 {
				fmt.Fprintln(a.out)
			}
			err = a.explainWords(x, by, checked, today)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *streams) explainJSON(x *plan.Explanation, heldBy evaluate.PersonRef, c *compile.Policy, today retention.Date) error {
	e := json.NewEncoder(a.out)
	if heldBy.Table != "" {
		if err := e.Encode(map[string]any{"kind": "hold", "table": x.Person.Table, "id": x.Person.ID, "byTable": heldBy.Table, "by": heldBy.ID}); err != nil {
			return err
		}
	}
	for _, f := range x.Findings {
		rows := []map[string]any{}
		for _, r := range f.Rows {
			rows = append(rows, map[string]any{"table": r.Table, "id": r.ID, "date": dateOrNull(r.Date)})
		}
		err := e.Encode(map[string]any{"kind": "ground", "subject": f.Table, "ground": f.Ground.ID, "basis": f.Ground.Basis, "why": f.Ground.Why, "trigger": f.Ground.Trigger,
			"holds": f.Until() > today, "retainUntil": dateOrNull(f.Until()), "rows": rows})
		if err != nil {
			return err
		}
	}
	if err := e.Encode(map[string]any{"kind": "then", "subject": x.Person.Table, "says": becomes(x, c)}); err != nil {
		return err
	}
	for _, r := range c.RowsOf(x.Person.Table, x.Person.Class) {
		err := e.Encode(map[string]any{"kind": "period", "rule": r.Name, "table": r.Table, "do": r.Do, "period": policy.PeriodIn("en", r.For, "`"+r.Span.Date()+"`", r.Until != ""), "ofKept": r.Of != "", "evenIfJustified": r.EvenIf == policy.EvenIfJustified})
		if err != nil {
			return err
		}
	}
	return x.Decision.WriteJSON(a.out)
}

// becomes is what becomes of the person and of the rows around them once nothing justifies them, by the rules of their class.
func becomes(x *plan.Explanation, c *compile.Policy) []string {
	var out []string
	for _, said := range (policy.Speller{Language: "en"}).Becomes(c.Subject(x.Person.Table).For(x.Person.Class).Subject, c.Policy.Notice) {
		out = append(out, said.Text)
	}
	return out
}

// dateOrNull is a date as JSON has it: null for none.
func dateOrNull(d retention.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}
