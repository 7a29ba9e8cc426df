package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/gallra/gallra/dataverse"
	crmfile "github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/rehearse"
	"github.com/gallra/gallra/retention/report"
)

func newPolicy(a *app) *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Check and describe a retention policy"}
	c.AddCommand(newPolicyCheck(a), newPolicySchema(a), newPolicyRecord(a), newPolicyNotice(a), newPolicyShow(a), newPolicyTest(a), newPolicyInit(a))
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
	var kept []keptRule
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
		kept = keptRules(checked)
	}
	if a.json {
		return cmp.Or(a.problemLines(warnings, "warning"), a.keptJSON(kept))
	}
	for _, w := range warnings {
		fmt.Fprintf(a.out, "warning: %s\n", w)
	}
	a.tellKept(kept)
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
		found = append(found, policy.Problem{Pos: c.Subject(rail.Table).Pos, Message: fmt.Sprintf("a run would be stopped (%s): %s", rail.Rail, rail.Sentence), Hint: rail.Remedy.String()})
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
	html, lang, file := false, language(""), ""
	c := &cobra.Command{
		Use:   "record [FILE]",
		Short: "Print the policy in words, as the record of processing (article 30)",
		Long: `Prints the policy in words, as the part of the record of processing (article 30) that a data protection officer files and signs.
With an environment set (GALLRA_URL), or with the definitions in a snapshot of it, tables, columns and options stand by the
names that people know them by, in the language of the record where the environment has them in it; the names of the
database go to footnotes. It then says as well which categories of data there are, and, where rows can be counted, where
persons stand: what a purge does with each place, and whether a row that is kept binds the person or is freed.

The page of --html prints as it is: from a browser to paper or to PDF.

EXIT STATUS: 0 printed, 1 the environment did not answer, 2 the policy has mistakes.`,
		Example: `  gallra policy record sales.yaml > record.md
  gallra policy record sales.yaml --html --lang sv > record.html
  gallra policy record sales.yaml --snapshot crm.gallra --html > record.html`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.settings.Policy = args[0]
			}
			return a.writeRecord(cmd.Context(), a.out, lang, file, html)
		},
	}
	c.Flags().BoolVar(&html, "html", false, "print a page instead of Markdown")
	c.Flags().StringVar(&file, "snapshot", "", "take the names that people know from this file of gallra snapshot, instead of an environment")
	languageFlag(c, &lang)
	return c
}

func newPolicyNotice(a *app) *cobra.Command {
	html, lang := false, language("")
	c := &cobra.Command{
		Use:   "notice [FILE]",
		Short: "Print the policy in plain words, for the privacy notice on your web page",
		Long: `Prints the policy in plain words for the people it is about (articles 13 and 14 GDPR): why their data are kept, for how long, what
happens then, what stays longer, and whom to ask. Who answers for the data is taken from record in the policy. The reasons
are those of the policy, in the language in which they are written.

EXIT STATUS: 0 printed, 2 the policy has mistakes.`,
		Example: `  gallra policy notice sales.yaml --html --lang sv > notice.html`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.settings.Policy = args[0]
			}
			return a.writeNotice(a.out, lang, html)
		},
	}
	c.Flags().BoolVar(&html, "html", false, "print a page instead of Markdown")
	languageFlag(c, &lang)
	return c
}

// document writes the policy as a page for others.
func (a *app) document(ctx context.Context, kind, lang string, w io.Writer) error {
	if kind == "notice" {
		return a.writeNotice(w, language(lang), true)
	}
	return a.writeRecord(ctx, w, language(lang), "", true)
}

func (a *app) writeRecord(ctx context.Context, out io.Writer, lang language, file string, html bool) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	in := lang.or(p)
	around, err := a.surroundings(ctx, p, in, file)
	if err != nil {
		return err
	}
	if html {
		return markdownPage(out, in, words.In("record", in).T("page"), func(w io.Writer) error { return p.WriteRecordIn(w, in, around) })
	}
	return p.WriteRecordIn(out, in, around)
}

func (a *app) writeNotice(out io.Writer, lang language, html bool) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	in := lang.or(p)
	if html {
		return markdownPage(out, in, words.In("privacy", in).T("title"), func(w io.Writer) error { return p.WriteNotice(w, in) })
	}
	return p.WriteNotice(out, in)
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

// surroundings are what an environment adds to the record, or the definitions in a snapshot; nil where there is neither.
func (a *app) surroundings(ctx context.Context, p *policy.Policy, lang, file string) (*policy.Surroundings, error) {
	var client *dataverse.Client
	counted := true
	switch {
	case file != "":
		server, head, err := rehearse.Open(file)
		var unreadable *fs.PathError
		if errors.As(err, &unreadable) {
			return nil, &usageError{"--snapshot: " + err.Error(), "gallra snapshot --out crm.gallra makes one"}
		} else if err != nil {
			return nil, err
		}
		credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: rehearse.Token})
		if err != nil {
			return nil, err
		}
		client, err = dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: server.Transport(), Labels: words.In("record", lang).Code()})
		if err != nil {
			return nil, err
		}
		defer client.Close()
		counted = head.Masking.Rows != crmfile.NoRows
	case a.settings.URL != "":
		a.labels = words.In("record", lang).Code()
		s, err := a.connect(ctx)
		if err != nil {
			return nil, err
		}
		client = s.client
	default:
		return nil, nil
	}
	checked, err := compile.Compile(ctx, p, client)
	if err != nil {
		return nil, a.tellProblems(err)
	}
	called := report.NewCalled(ctx, client)
	out := &policy.Surroundings{Called: called, Data: map[string][]policy.DataCategory{}}
	if counted {
		out.Where = map[string][]policy.Standing{}
	}
	drawn, err := checked.Maps(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, m := range drawn {
		out.Data[m.Name()] = called.Categories(m.Subject, m)
		if !counted {
			continue
		}
		v, err := report.NewPlaceMap(m, report.Lang(lang), called)
		if err != nil {
			return nil, err
		}
		out.Where[m.Name()] = v.Standing()
	}
	if err := p.WriteRecordIn(io.Discard, lang, out); err != nil { // which asks for every definition that it needs
		return nil, err
	}
	return out, called.Err
}

// recordPage is a page that needs nothing from elsewhere and prints well.
const recordPage = `<!doctype html>
<html lang="%s">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3 { line-height: 1.25 }
table { border-collapse: collapse; width: 100%%; margin: 1rem 0; overflow-wrap: anywhere }
th, td { border: 1px solid #8888; padding: .3rem .6rem; text-align: left; vertical-align: top }
code { font-size: .9em; overflow-wrap: anywhere }
thead:has(th:first-child:empty) { display: none }
sup a { text-decoration: none }
.footnotes { font-size: .85em }
@page { size: A4; margin: 18mm 15mm 20mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt sans-serif } }
@media print {
  :root { color-scheme: light }
  body { margin: 0; padding: 0; max-width: none; font-size: 10pt; color: #000; background: #fff }
  h1, h2, h3 { break-after: avoid }
  h2 { margin-top: 8mm }
  p { orphans: 3; widows: 3 }
  table { font-size: 8.5pt }
  thead { display: table-header-group }
  tr { break-inside: avoid }
  a { color: inherit; text-decoration: none }
  .footnote-backref { display: none }
  tr:has(td:nth-child(2):empty + td:empty + td:empty) td { height: 14mm } /* where somebody signs */
}
</style>
%s</html>
`

// markdownPage prints Markdown as a page. What the policy says is text in it, whatever it looks like.
func markdownPage(w io.Writer, lang, title string, write func(io.Writer) error) error {
	var markdown, page bytes.Buffer
	if err := write(&markdown); err != nil {
		return err
	}
	if err := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Footnote)).Convert(markdown.Bytes(), &page); err != nil {
		return fmt.Errorf("print the policy as a page: %w", err)
	}
	_, err := fmt.Fprintf(w, recordPage, lang, title, page.String())
	return err
}
