package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

// reportOptions are the flags of gallra report.
type reportOptions struct {
	out     string
	mask    bool
	byOwner bool
	lang    language
}

func newReport(a *app) *cobra.Command {
	o := reportOptions{}
	c := &cobra.Command{
		Use:   "report",
		Short: "Write what is coming and what the last run did as a page and a workbook",
		Long: `Evaluates everybody as a run does, reads the last run from the ledger, and writes report.html (one page that needs nothing
else, for the screen and for A4), summary.html (the same on two sheets) and report.xlsx into a folder. Persons are grouped
by owner. --by-owner writes besides, into the folder owners, a page and a workbook for each owner to be handed to them, called
by the owner's id, and gives each a sheet of their own in report.xlsx. Nothing is written to the environment.

The files hold names and are readable by you only. With --mask the names of persons, their addresses and what the staff
wrote are not even read, and the report can be mailed: who may see a person in Dynamics 365 follows the link.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra report --out report
  gallra report --out report --by-owner
  gallra report --out report --mask --lang sv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runReport(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "the folder for the files; those of an earlier report are replaced")
	config.WritesFolder(c.Flags(), "out")
	c.Flags().BoolVar(&o.byOwner, "by-owner", false, "write a page and a workbook for each owner as well, and a sheet for each")
	c.Flags().BoolVar(&o.mask, "mask", false, "leave out the names of persons, e-mail addresses and what the staff wrote")
	languageFlag(c, &o.lang)
	return c
}

// language is a flag for one that gallra speaks; empty: the policy's.
type language string

func languageFlag(c *cobra.Command, l *language) {
	c.Flags().Var(l, "lang", "the language: "+strings.Join(words.All(), ", ")+"; the policy's if none is given")
}

func (l *language) String() string { return string(*l) }
func (l *language) Type() string   { return "language" }

// Set takes a language as people write it: sv, sv-SE, no.
func (l *language) Set(name string) error {
	found, ok := words.Find(name)
	if !ok {
		return errors.New("gallra speaks " + strings.Join(words.All(), ", "))
	}
	*l = language(found)
	return nil
}

// or is the language that was asked for, or else the policy's.
func (l *language) or(p *policy.Policy) string {
	return cmp.Or(string(*l), p.Language, words.All()[0])
}

// thrifty is how much garbage a report lets lie before it is collected, in percent of what it holds: who asks for one may do so on
// a small machine, and most of its time passes with waiting.
const thrifty = 40

func (a *app) runReport(ctx context.Context, o reportOptions) error {
	if o.out == "" {
		return &usageError{"--out is missing: the folder for the report", "gallra report --out report"}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(thrifty))
	r, err := a.makeReport(ctx, o)
	if err != nil {
		return err
	}
	r.EachOwner = o.byOwner
	if err := r.Save(o.out); err != nil {
		return err
	}
	page, summary, book := filepath.Join(o.out, report.HTMLName), filepath.Join(o.out, report.SummaryName), filepath.Join(o.out, report.XLSXName)
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "report", "html": page, "summary": summary, "xlsx": book, "byOwner": o.byOwner, "masked": o.mask, "lang": string(r.Lang),
			"persons": len(r.Coming.Persons), "due": r.Coming.Due(), "owners": len(r.Coming.ByOwner())})
	}
	w := a.lines()
	w.printf("%s\n%s\n%s\n", page, summary, book)
	if o.byOwner {
		w.printf("%s\n", filepath.Join(o.out, report.OwnersDir))
	}
	w.printf("  %s with something to tell, of %s\n", plural(len(r.Coming.Persons), "person"), plural(len(r.Coming.ByOwner()), "owner"))
	if !o.mask {
		w.printf("  they hold personal data: only you can read them; with --mask they can be mailed\n")
	}
	return w.err
}

// makeReport reads all that a report tells.
func (a *app) makeReport(ctx context.Context, o reportOptions) (*report.Report, error) {
	s, checked, err := a.open(ctx)
	if err != nil {
		return nil, a.tellProblems(err)
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return nil, err
	}
	a.warnNoLedger(l.Existed())
	bar := a.progress("reading")
	defer bar.done()
	return verb.Report(ctx, s.look(checked, l), verb.ReportOptions{Mask: o.mask, Language: o.lang.or(checked.Policy), URL: s.client.URL(), Name: s.org.Name, Version: version, Made: s.client.Now(),
		Progress: func(what string, rows int) { bar.add("reading "+what, rows) }})
}
