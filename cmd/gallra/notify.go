package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/notify"
)

// notifyOptions are the flags of gallra notify.
type notifyOptions struct {
	apply     bool
	languages []string
}

func newNotify(a *app) *cobra.Command {
	o := notifyOptions{}
	c := &cobra.Command{
		Use:   "notify",
		Short: "Tell owners inside Dynamics 365 which of their people have a purge date",
		Long: `One in-app notification an owner: how many of their people have a purge date, the first of the dates, and links to the
view "Purge scheduled, mine"; no names. In the owner's own language, where gallra speaks it or --language adds it. Nobody is told twice of the same person and date: the ledger knows. A team's people are told to its members. Nothing is sent
without --apply.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy, 3 refused: there is no ledger, or the day or the
ledger cannot be relied on, 4 some could not be told.`,
		Example: `  gallra notify
  gallra notify --apply
  gallra notify --language french.yaml --apply`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runNotify(cmd.Context(), o) },
	}
	c.Flags().BoolVar(&o.apply, "apply", false, "send")
	c.Flags().StringArrayVar(&o.languages, "language", nil, "a file with the texts in another language, or in other words")
	return c
}

// notifyLanguages are those that are built in, and those of files.
func notifyLanguages(files []string) ([]notify.Language, error) {
	languages, err := notify.Languages(files...)
	if err != nil {
		return nil, &config.Error{Message: "language: " + err.Error(), Remedy: "docs/operations.md shows a whole file"}
	}
	return languages, nil
}

func (a *app) runNotify(ctx context.Context, o notifyOptions) error {
	languages, err := notifyLanguages(o.languages)
	if err != nil {
		return err
	}
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if err := provisioned(checked); err != nil {
		return err
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	d := notify.Deps{Client: s.client, Policy: checked, Ledger: l, Languages: languages, Run: a.deps("notify", s, checked, l).Run, Log: a.log}
	d.Run.Policy, d.Run.Today = checked.Policy.Hash, s.today(checked.Policy)
	out := a.lines()
	if !o.apply {
		sum, err := notify.Plan(ctx, d)
		if err != nil {
			return err
		}
		for _, x := range sum.Digests {
			a.tellDigest(out, x, "would be told")
		}
		if !l.Existed() {
			fmt.Fprintln(a.errs, "gallra:", notify.ErrNoLedger)
		}
		a.tellNotified(out, sum, false)
		return out.err
	}
	sum, err := notify.Send(ctx, d, func(x notify.Digest) { a.tellDigest(out, x, x.Status) })
	if errors.Is(err, notify.ErrNoLedger) {
		return err
	}
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	a.tellNotified(out, sum, true)
	if out.err != nil {
		return out.err
	}
	if slices.ContainsFunc(sum.Digests, func(x notify.Digest) bool { return x.Status == notify.Failed || x.Status == notify.Unsure }) {
		return &incomplete{"some owners could not be told: the next run tries again"}
	}
	return nil
}

func (a *streams) tellDigest(out *lines, x notify.Digest, word string) {
	if a.json {
		if out.err == nil {
			out.err = json.NewEncoder(out.w).Encode(map[string]any{"kind": "digest", "owner": x.Owner, "language": x.Language, "persons": x.People, "first": x.First.String(), "status": x.Status})
		}
		return
	}
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(x.People)) {
		parts = append(parts, fmt.Sprintf("%d of %s", x.People[table], table))
	}
	out.printf("%-14s user %s: %s, the first on %s\n", word, x.Owner, strings.Join(parts, ", "), x.First)
}

func (a *app) tellNotified(out *lines, sum *notify.Summary, applied bool) {
	if a.json {
		if out.err == nil {
			out.err = json.NewEncoder(out.w).Encode(map[string]any{"kind": "totals", "digests": len(sum.Digests), "before": sum.Before, "unreachable": sum.Disabled, "defaultTeam": sum.DefaultTeam})
		}
		return
	}
	before := ""
	if sum.Before > 0 {
		before = fmt.Sprintf("; of %s and dates they were told before", plural(sum.Before, "person"))
	}
	out.printf("%s%s\n", plural(len(sum.Digests), "owner"), before)
	if sum.Disabled > 0 {
		out.printf("%s of users who are disabled, or of applications: nobody is told of them\n", plural(sum.Disabled, "person"))
	}
	if sum.DefaultTeam > 0 {
		out.printf("%s of the default team of a business unit: nobody is told of them\n", plural(sum.DefaultTeam, "person"))
	}
	if !applied {
		out.printf("nothing was sent: add --apply\n")
	}
}
