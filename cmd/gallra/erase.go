package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// eraseOptions are the flags of gallra erase.
type eraseOptions struct {
	apply   bool
	despite []string
	receipt []string
	lang    language
	rows    []string // TABLE/ID; empty: all that were found
	bypass  []string
}

func newErase(a *app) *cobra.Command {
	o := eraseOptions{}
	c := &cobra.Command{
		Use:   "erase TABLE ID | E-MAIL",
		Short: "A data subject's request: purge one human being now, without notice",
		Long: `Finds every row of a human being in all subject tables: by the address in any column for e-mail addresses, by what the
policy's identity joins, and rows that were merged. Shows what would go and which grounds forbid it, with their lawful
basis. With --apply the rows are purged now, with the same care as in a run and without notice.

An address can be that of several human beings (info@). Where the rows bear different names, --apply is refused until --row
TABLE/ID says which of them are meant, each by its own.

While a ground justifies the person the request is refused; --despite GROUND names one that the request outweighs, which
stands in the ledger. A legal hold forbids it always. --bypass drift passes over a change in the environment that a rule depends
on, where the policy allows that by limits.bypass; the night's run is still stopped by it. No other guard rail can be passed
over: whom a ground justifies is what --despite is for, and a missing approval, a clock or what is left behind is none to
argue with. --receipt writes what was done to a new file, without personal data:
.json for machines, .html to hand over, in the language of whoever asked (--lang); both can be asked for.

EXIT STATUS: 0 done, 1 failed or nobody found, 2 wrong usage, settings or policy (nothing was touched), 3 a ground or a
legal hold forbids it (nothing was erased), 4 something was left, and is told.`,
		Example: `  gallra erase anna@example.com
  gallra erase contact 465b158c-541c-e511-80d3-3863bb347ba8 --apply --receipt receipt.html --receipt receipt.json
  gallra erase anna@example.com --despite agreed-follow-up --apply`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := parseWho(args)
			if err != nil {
				return err
			}
			if len(o.receipt) > 0 && !o.apply {
				return &usageError{"--receipt tells what was done, and without --apply nothing is", "add --apply"}
			}
			return a.runErase(cmd.Context(), w, o)
		},
	}
	c.Flags().BoolVar(&o.apply, "apply", false, "write: without it the erasure is only shown")
	c.Flags().StringArrayVar(&o.despite, "despite", nil, "erase although this ground justifies the person; repeatable")
	c.Flags().StringArrayVar(&o.receipt, "receipt", nil, "write a receipt to this .html or .json file, which must not be there yet; repeatable")
	config.WritesNewFile(c.Flags(), "receipt", "evidence is not written over")
	languageFlag(c, &o.lang)
	c.Flags().StringArrayVar(&o.rows, "row", nil, "erase only this row of those that are found, as TABLE/ID; repeatable")
	c.Flags().StringArrayVar(&o.bypass, "bypass", nil, "pass over this guard rail ("+joined(purge.EraseBypass)+"), which the policy has to allow as well")
	return c
}

func (a *app) runErase(ctx context.Context, w who, o eraseOptions) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	names := checked.GroundNames()
	for _, g := range o.despite {
		if !slices.Contains(names, g) {
			return &usageError{fmt.Sprintf("the policy has no ground %q", g), "there are " + strings.Join(names, ", ")}
		}
	}
	if _, err := bypassed(o.bypass, purge.EraseBypass, checked.Policy); err != nil {
		return err
	}
	if o.apply {
		if err := provisioned(checked); err != nil {
			return err
		}
	}
	if err := a.sighted(ctx, s, checked, o.apply); err != nil {
		return err
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	rows, err := w.find(ctx, s, checked)
	if err != nil {
		return err
	}
	found, err := verb.Find(ctx, s.client, checked, s.today(checked.Policy), rows)
	if err != nil {
		return err
	}
	if rows, err = a.chosen(found, o); err != nil {
		return err
	}
	if !o.apply {
		return a.eraseShown(ctx, s, checked, l, rows, o)
	}
	return a.eraseApply(ctx, s, checked, l, rows, o)
}

// chosen are the rows that are meant. Where nobody said which, they must not be those of several human beings.
func (a *streams) chosen(found *verb.Found, o eraseOptions) ([]evaluate.PersonRef, error) {
	if len(o.rows) > 0 {
		var rows []evaluate.PersonRef
		for _, text := range o.rows {
			table, id, _ := strings.Cut(text, "/")
			key, err := uuid.Parse(id)
			row := evaluate.PersonRef{Table: table, ID: key}
			if err != nil || !slices.Contains(found.Rows, row) {
				return nil, &usageError{fmt.Sprintf("--row %q is none of the rows that were found", text), "one of " + strings.Join(rowNames(found.Rows), ", ")}
			}
			if !slices.Contains(rows, row) {
				rows = append(rows, row)
			}
		}
		return rows, nil
	}
	if found.Chosen(found.Rows, false) {
		return found.Rows, nil
	}
	w := &lines{w: a.errs}
	w.printf("the rows that were found bear %d different names:\n", len(found.People))
	for i, rows := range found.People {
		w.printf("  name %d: %s\n", i+1, strings.Join(rowNames(rows), ", "))
	}
	if w.err != nil || !o.apply {
		return found.Rows, w.err
	}
	return nil, &usageError{fmt.Sprintf("these may be %d human beings with one address: nothing was erased", len(found.People)), "say which rows are meant, each with --row TABLE/ID"}
}

func rowNames(rows []evaluate.PersonRef) []string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.Table + "/" + r.ID.String()
	}
	return names
}

// eraseShown is an erasure without --apply.
func (a *app) eraseShown(ctx context.Context, s *session, checked *compile.Policy, l *ledger.Ledger, rows []evaluate.PersonRef, o eraseOptions) error {
	today := s.today(checked.Policy)
	w, err := verb.Weigh(ctx, s.client, checked, evaluate.Known(l, today), rows)
	if err != nil {
		return err
	}
	if a.json {
		return a.eraseShownJSON(w.All, w.Forecasts, o)
	}
	return a.eraseShownWords(w.All, w.Forecasts, o, today)
}

func (a *app) eraseApply(ctx context.Context, s *session, checked *compile.Policy, l *ledger.Ledger, rows []evaluate.PersonRef, o eraseOptions) error {
	receipts, err := newReceipts(o.receipt)
	if err != nil {
		return err
	}
	defer receipts.discard()
	a.warnNoLedger(l.Existed())
	bar := a.progress("starting")
	deps := a.deps("erase", s, checked, l)
	if deps.Bypass, err = bypassed(o.bypass, purge.EraseBypass, checked.Policy); err != nil {
		return err
	}
	deps.Progress = bar.follow
	out := newOutcomeWriter(a.out)
	if a.json {
		deps.Outcome = out.outcome
		if err := out.head("erase", checked, deps.Today); err != nil {
			return err
		}
	}
	done, err := verb.Erase(ctx, deps, rows, o.despite, s.client.Now)
	bar.done()
	if out.err != nil {
		err = errors.Join(err, out.err)
	}
	if err = a.tellRun(done.Summary, err); err != nil {
		return err
	}
	if err := receipts.write(done.Receipt, checked.Policy, o.lang.or(checked.Policy)); err != nil {
		return fmt.Errorf("the erasure is done and in the ledger; its receipt could not be written: %w", err)
	}
	if len(o.receipt) > 0 && !a.json {
		fmt.Fprintf(a.out, "\nreceipt: %s\n", strings.Join(o.receipt, ", "))
	}
	if !done.Whole(rows) {
		return &incomplete{fmt.Sprintf("%d of %s were purged", done.Purged, plural(len(rows), "row"))}
	}
	return nil
}

func (a *streams) eraseShownJSON(all []purge.Assessment, forecasts map[evaluate.PersonRef]purge.Forecast, o eraseOptions) error {
	e := json.NewEncoder(a.out)
	for i := range all {
		p := &all[i]
		grounds := []map[string]any{}
		for _, h := range p.Holding {
			grounds = append(grounds, map[string]any{"table": h.Table, "ground": h.Ground, "basis": h.Basis, "retainUntil": dateOrNull(h.Until),
				"despite": slices.Contains(o.despite, h.Ground)})
		}
		f := forecasts[p.PersonRef]
		err := e.Encode(map[string]any{"kind": "erasure", "table": p.Table, "id": p.ID, "do": f.Do, "bound": f.Bound, "counts": f.Counts, "code": f.Code,
			"legalHold": p.Held, "grounds": grounds, "forbidden": p.Held || len(p.Forbids(o.despite)) > 0})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *app) eraseShownWords(all []purge.Assessment, forecasts map[evaluate.PersonRef]purge.Forecast, o eraseOptions, today retention.Date) error {
	w := a.lines()
	forbidden := false
	w.printf("%s of this human being, on %s\n", plural(len(all), "row"), today.Words())
	for i := range all {
		p := &all[i]
		f := forecasts[p.PersonRef]
		w.printf("\n%s %s: %s\n", p.Table, p.ID, fate(f))
		for _, what := range sortedKeys(f.Counts) {
			w.printf("  %s: %d\n", what, f.Counts[what])
		}
		if p.Held {
			forbidden = true
			w.printf("  forbidden: a legal hold stands on it, or on another row of the same human being\n")
		}
		for _, h := range p.Holding {
			mark := "forbidden"
			if slices.Contains(o.despite, h.Ground) {
				mark = "passed over"
			} else {
				forbidden = true
			}
			basis, end := "", "without an end"
			if h.Basis != "" {
				basis = " (" + h.Basis + ")"
			}
			if h.Until != retention.Open {
				end = "until " + h.Until.Words()
			}
			w.printf("  %s: %s%s holds %s: %s\n", mark, h.Ground, basis, end, h.Why)
		}
	}
	if forbidden {
		w.printf("\nnothing was written, and --apply would be refused: --despite GROUND names a ground that the request outweighs\n")
	} else {
		w.printf("\nnothing was written: add --apply to do this now\n")
	}
	return w.err
}

// fate is what would become of a person's row.
func fate(f purge.Forecast) string {
	switch {
	case f.Code != "":
		return "would be left alone (" + f.Code + ")"
	case f.Bound:
		return "would be anonymised in place, because rows that are kept bind it (" + strings.Join(f.By, ", ") + ")"
	case f.Do == policy.Delete:
		return "would be deleted"
	}
	return "would be anonymised"
}
