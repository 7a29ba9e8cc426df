package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

// reportOptions are the flags of gallra report.
type reportOptions struct {
	out  string
	mask bool
	lang string
}

func newReport(a *app) *cobra.Command {
	o := reportOptions{}
	c := &cobra.Command{
		Use:   "report",
		Short: "Write what is coming and what the last run did as a page and a workbook",
		Long: `Evaluates everybody as a run does, reads the last run from the ledger, and writes report.html (one page that needs nothing
else, for the screen and for A4) and report.xlsx into a folder. Persons are grouped by owner, so that each seller can be
handed their list. Nothing is written to the environment.

The files hold names and are readable by their owner only. With --mask names, addresses and what the staff wrote are
not even read, and the report can be mailed: who may see a person in Dynamics 365 follows the link.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra report --out report
  gallra report --out report --mask --lang sv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runReport(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "the folder for report.html and report.xlsx; those that are there are replaced")
	c.Flags().BoolVar(&o.mask, "mask", false, "leave out names, e-mail addresses and what the staff wrote")
	c.Flags().StringVar(&o.lang, "lang", "en", "the report's language: en or sv")
	return c
}

// thrifty is how much garbage a report lets lie before it is collected, in percent of what it holds: who asks for one may do so on
// a small machine, and most of its time passes with waiting.
const thrifty = 40

func (a *app) runReport(ctx context.Context, o reportOptions) error {
	if o.out == "" {
		return &usageError{"--out is missing: the folder for the report", "gallra report --out report"}
	}
	lang, err := report.ParseLang(o.lang)
	if err != nil {
		return &usageError{"--lang: " + err.Error(), ""}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(thrifty))
	r, err := a.makeReport(ctx, o.mask)
	if err != nil {
		return err
	}
	r.Lang = lang
	if err := r.Save(o.out); err != nil {
		return err
	}
	page, book := filepath.Join(o.out, report.HTMLName), filepath.Join(o.out, report.XLSXName)
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "report", "html": page, "xlsx": book, "masked": o.mask, "lang": string(lang),
			"persons": len(r.Coming.Persons), "due": r.Coming.Due(), "owners": len(r.Coming.ByOwner())})
	}
	w := &lines{w: a.out}
	w.printf("%s\n%s\n  %s with something to tell, of %s\n", page, book, plural(len(r.Coming.Persons), "person"), plural(len(r.Coming.ByOwner()), "owner"))
	if !o.mask {
		w.printf("  they hold personal data: only you can read them; with --mask they can be mailed\n")
	}
	return w.err
}

// makeReport reads all that a report tells.
func (a *app) makeReport(ctx context.Context, mask bool) (*report.Report, error) {
	s, checked, err := a.open(ctx)
	if err != nil {
		return nil, a.tellProblems(err)
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return nil, err
	}
	a.warnNoLedger(l.Existed())
	plan, err := a.evaluate(ctx, s, checked, s.today(checked.Policy), l, false)
	if err != nil {
		return nil, err
	}
	if _, _, err := purge.MarkStuck(ctx, s.client, checked, plan); err != nil {
		return nil, err
	}
	foreign, err := purge.ForeignColumns(ctx, s.client, checked, l)
	if err != nil {
		return nil, err
	}
	r := &report.Report{
		Coming: report.New(plan), Rails: slices.Concat(plan.Able().GuardRails(checked.Policy.Limits, purge.Matched(l, checked)), purge.Undecided(checked), foreign), Facts: report.FactsOf(plan, checked),
		URL: s.client.URL(), Name: s.org.Name, Made: s.client.Now(), Version: version, Mask: mask,
	}
	bar := a.progress("reading names")
	err = r.Coming.ReadNames(ctx, s.client, checked, report.NamesOptions{Mask: mask, Progress: func(table string, rows int) { bar.add("reading who is in "+table, rows) }})
	bar.done()
	if err != nil {
		return nil, err
	}
	if r.Last, err = report.ReadLastRun(ctx, l); err != nil {
		return nil, err
	}
	settings, err := s.client.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the organisation's settings: %w", err)
	}
	r.Places = purge.Unreachable(settings, checked)
	if r.Maps, err = checked.Maps(ctx, s.client); err != nil {
		return nil, err
	}
	return r, nil
}
