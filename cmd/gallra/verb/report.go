package verb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

// ReportOptions are what a report takes.
type ReportOptions struct {
	Mask     bool   // no names of persons, addresses or what the staff wrote: they are not even read
	Language string // en, sv …
	URL      string // of the environment, for links
	Name     string // of the organisation
	Version  string
	Made     time.Time
	// Progress is called with what is being read and how many more rows of it; nil: nobody watches.
	Progress func(what string, rows int)
}

// Report reads all that a report tells. Nothing is written.
func Report(ctx context.Context, l Look, o ReportOptions) (*report.Report, error) {
	planned, _, err := l.Evaluate(ctx, PlanOptions{Progress: o.Progress})
	if err != nil {
		return nil, err
	}
	if _, err := purge.MarkStuck(ctx, l.Client, l.Checked, planned, evaluate.Known(l.Ledger, planned.AsOf)); err != nil {
		return nil, err
	}
	foreign, err := purge.ForeignColumns(ctx, l.Client, l.Checked, l.Ledger)
	if err != nil {
		return nil, err
	}
	r := &report.Report{
		Coming: report.New(planned), Rails: slices.Concat(planned.Able().GuardRails(l.Checked.Policy.Limits, purge.Matched(l.Ledger, l.Checked)), purge.Undecided(l.Checked), foreign),
		Facts: report.FactsOf(planned, l.Checked), URL: o.URL, Name: o.Name, Made: o.Made, Version: o.Version, Mask: o.Mask, Lang: report.Lang(o.Language),
		Names: report.NewCalled(ctx, l.Client),
	}
	if err := r.Coming.ReadNames(ctx, l.Client, l.Checked, report.NamesOptions{Mask: o.Mask, Progress: o.Progress}); err != nil {
		return nil, err
	}
	if r.Last, err = report.ReadLastRun(ctx, l.Ledger); err != nil {
		return nil, err
	}
	settings, err := l.Client.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the organisation's settings: %w", err)
	}
	r.Places = purge.Unreachable(settings, l.Checked)
	if r.Maps, err = l.Checked.Maps(ctx, l.Client); err != nil {
		return nil, err
	}
	return r, nil
}
