package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

func newPolicy(a *app) *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Check and describe a retention policy"}
	c.AddCommand(newPolicyCheck(a), newPolicySchema(a), newPolicyRecord(a), newPolicyShow(a), newPolicyTest(a), newPolicyInit(a))
	return c
}

func newPolicyCheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Find every mistake in a policy, with its place and what would mend it",
		Long: `Checks what can be checked of the file alone; with an environment set (GALLRA_URL) also every table, column, option,
filter, path and view against the living CRM, and by counting rows what is suspicious about it: a ground that nothing
matches or that justifies everybody, a keep rule without a row. All mistakes are told at once; warnings stop nothing.

EXIT STATUS: 0 the policy is sound, 1 the environment did not answer, 2 the policy has mistakes.`,
		Example: `  gallra policy check sales.yaml
  gallra policy check sales.yaml --url https://org.crm4.dynamics.com --auth cli`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.settings.Policy = args[0]
			}
			return a.runPolicyCheck(cmd.Context())
		},
	}
}

func (a *app) runPolicyCheck(ctx context.Context) error {
	policy, err := a.loadPolicy()
	if err != nil {
		return a.tellProblems(err)
	}
	warnings := policy.Suspicious()
	where := "offline: set GALLRA_URL to check it against an environment as well"
	if a.settings.URL != "" {
		s, checked, err := a.open(ctx)
		if err != nil {
			return a.tellProblems(err)
		}
		if err := checked.Decided(); err != nil {
			return a.tellProblems(err)
		}
		odd, err := compile.SuspiciousData(ctx, s.client, checked)
		if err != nil {
			return err
		}
		foreign, err := a.foreignColumns(ctx, s, checked)
		if err != nil {
			return err
		}
		warnings, where = append(append(checked.Warnings, odd...), foreign...), "fits the environment "+s.org.ID.String()
	}
	if a.json {
		return a.problemLines(warnings, "warning")
	}
	for _, w := range warnings {
		fmt.Fprintf(a.out, "warning: %s\n", w)
	}
	grounds := 0
	for _, s := range policy.Subjects {
		grounds += len(s.Grounds)
	}
	_, err = fmt.Fprintf(a.out, "%s is sound: %d subject tables, %d grounds, %s (%s)\n",
		a.settings.Policy, len(policy.Subjects), grounds, policy.Hash, where)
	return err
}

// foreignColumns are warnings of mapped columns in which values stand that no run has written.
func (a *app) foreignColumns(ctx context.Context, s *session, c *compile.Policy) (policy.Problems, error) {
	mapped := slices.IndexFunc(c.Subjects, func(s compile.Subject) bool { return len(s.Foreign()) > 0 })
	if mapped < 0 {
		return nil, nil
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil { // a policy is also checked where the ledger is out of reach
		return policy.Problems{{Pos: c.Subjects[mapped].Pos, Message: fmt.Sprintf("nobody looked whether the mapped columns hold what no run has written: %v", err), Hint: "gallra doctor looks, where the job runs"}}, nil
	}
	rails, err := purge.ForeignColumns(ctx, s.client, c, l)
	if err != nil {
		return nil, err
	}
	var found policy.Problems
	for _, rail := range rails {
		found = append(found, policy.Problem{Pos: c.Subject(rail.Table).Pos, Message: fmt.Sprintf("a run would be stopped (%s): %s", rail.Rail, rail.Sentence), Hint: rail.Remedy})
	}
	return found, nil
}

// tellProblems prints the problems of a policy as JSON lines where a machine listens; people get them with the error.
func (a *streams) tellProblems(err error) error {
	var problems policy.Problems
	if a.json && errors.As(err, &problems) {
		if e := a.problemLines(problems, "problem"); e != nil {
			return e
		}
	}
	return err
}

func (a *streams) problemLines(ps policy.Problems, kind string) error {
	e := json.NewEncoder(a.out)
	for _, p := range ps {
		err := e.Encode(map[string]any{"kind": kind, "file": p.Pos.File, "line": p.Pos.Line, "column": p.Pos.Column,
			"message": p.Message, "hint": p.Hint})
		if err != nil {
			return err
		}
	}
	return nil
}

func newPolicySchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of policies, for editors",
		Long: `Prints the JSON Schema that completes and checks a policy while it is written. Head the policy with
  # yaml-language-server: $schema=./policy.schema.json`,
		Example: `  gallra policy schema > policy.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := policy.PolicySchema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s\n", b)
			return err
		},
	}
}

func newPolicyRecord(a *app) *cobra.Command {
	html := false
	c := &cobra.Command{
		Use:   "record [FILE]",
		Short: "Print the policy in words, as the record of processing (article 30)",
		Long: `Prints the policy in words, as the part of the record of processing (article 30) that a data protection officer files. With an
environment set (GALLRA_URL) it says as well where persons stand there: every place that holds rows, what a purge does with
them, and whether a row that is kept binds the person or is freed.

EXIT STATUS: 0 printed, 1 the environment did not answer, 2 the policy has mistakes.`,
		Example: `  gallra policy record sales.yaml > record.md
  gallra policy record sales.yaml --html > record.html`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.settings.Policy = args[0]
			}
			p, err := a.loadPolicy()
			if err != nil {
				return err
			}
			var where map[string][]policy.Standing
			if a.settings.URL != "" {
				if where, err = a.standing(cmd.Context(), p); err != nil {
					return err
				}
			}
			if html {
				return recordHTML(a.out, p, where)
			}
			return p.WriteRecord(a.out, where)
		},
	}
	c.Flags().BoolVar(&html, "html", false, "print a page instead of Markdown")
	return c
}

func newPolicyShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the policy with the rules that its sets stand for",
		Long: `Prints the policy's files with what the named sets of rules in them say. With an environment set (GALLRA_URL) the rules stand in
the place of each set, as far as the environment has their tables: the text is a policy that says the same without sets.
Without one the sets stay, and what they say stands below each as a comment.

EXIT STATUS: 0 printed, 1 the environment did not answer, 2 the policy has mistakes.`,
		Example: `  gallra policy show sales.yaml
  gallra policy show sales.yaml --url https://org.crm4.dynamics.com --auth cli > spelled-out.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.settings.Policy = args[0]
			}
			return a.runPolicyShow(cmd.Context())
		},
	}
}

func (a *app) runPolicyShow(ctx context.Context) error {
	p, err := a.loadPolicy()
	if err != nil {
		return a.tellProblems(err)
	}
	var became policy.Rules
	where := "no environment asked: sets are printed as they ship"
	if a.settings.URL != "" {
		s, err := a.connect(ctx)
		if err != nil {
			return err
		}
		c, err := compile.Compile(ctx, p, s.client)
		if err != nil {
			return a.tellProblems(err)
		}
		became = policy.Rules{}
		for _, subject := range c.Subjects {
			became[subject.Table] = subject.Subject.Related
		}
		where = "rules as they are in the organisation " + s.org.ID.String()
	}
	if a.json {
		return a.ruleLines(p, became)
	}
	if _, err := fmt.Fprintf(a.out, "# %s, %s, spelled out by gallra %s (%s)\n", filepath.Base(a.settings.Policy), p.Hash, version, where); err != nil {
		return err
	}
	return p.WriteSpelledOut(a.out, became)
}

// ruleLines prints the rules about related rows, one in a line, with the set that each comes from.
func (a *app) ruleLines(p *policy.Policy, became policy.Rules) error {
	e := json.NewEncoder(a.out)
	line := func(subject string, at policy.Pos, r policy.RelatedRule, of *policy.SetRule) error {
		l := map[string]any{"kind": "rule", "policy": p.Hash, "subject": subject, "file": filepath.Base(at.File), "line": at.Line, "set": r.From, "table": r.Table, "link": r.Link, "party": r.Party,
			"behind": r.Behind, "where": r.Where, "do": r.Do, "erase": append([]string{}, r.Erase...), "retain": append([]string{}, r.Keep...), "why": r.Why, "lookups": false, "value": ""}
		if of != nil {
			l["lookups"], l["value"] = of.Lookups, of.Value
		}
		return e.Encode(l)
	}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		rules, asked := became[s.Table]
		if !asked {
			rules = s.AllRelated()
		}
		for _, r := range rules {
			set := policy.SetOf(r.Set)
			if set == nil {
				if err := line(s.Table, r.Pos, r, nil); err != nil {
					return err
				}
				continue
			}
			for j := range set.Rules {
				of := &set.Rules[j]
				r := policy.RelatedRule{From: set.Name, Table: of.Table, Link: of.Link, Party: of.Party, Where: of.Where, Do: of.Do, Erase: of.Erase, Why: of.Why, Pos: r.Pos}
				if err := line(s.Table, r.Pos, r, of); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// standing is where persons stand in the environment, by subject table.
func (a *app) standing(ctx context.Context, p *policy.Policy) (map[string][]policy.Standing, error) {
	s, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	checked, err := compile.Compile(ctx, p, s.client)
	if err != nil {
		return nil, err
	}
	drawn, err := checked.Maps(ctx, s.client)
	if err != nil {
		return nil, err
	}
	out := map[string][]policy.Standing{}
	for _, m := range drawn {
		v, err := report.NewPlaceMap(m, report.English)
		if err != nil {
			return nil, err
		}
		out[m.Name()] = []policy.Standing{}
		for _, x := range v.Rows {
			out[m.Name()] = append(out[m.Name()], policy.Standing{Place: x.Place, Leads: x.Leads, Rows: x.Count, Does: x.Does, By: x.By, Why: x.Why, Kept: x.Holds, Binds: x.Binds})
		}
	}
	return out, nil
}

// recordPage is a page that needs nothing from elsewhere and prints well.
const recordPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Record of processing</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%%; margin: 1rem 0 }
th, td { border: 1px solid #8888; padding: .3rem .6rem; text-align: left; vertical-align: top }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } tr { break-inside: avoid } }
</style>
%s</html>
`

// recordHTML prints the record as a page. What the policy says is text in it, whatever it looks like.
func recordHTML(w io.Writer, p *policy.Policy, where map[string][]policy.Standing) error {
	var markdown, page bytes.Buffer
	if err := p.WriteRecord(&markdown, where); err != nil {
		return err
	}
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert(markdown.Bytes(), &page); err != nil {
		return fmt.Errorf("print the record as a page: %w", err)
	}
	_, err := fmt.Fprintf(w, recordPage, page.String())
	return err
}
