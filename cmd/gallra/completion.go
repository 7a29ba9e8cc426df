package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// completions lets the shells complete what can be known without asking the environment: tables and grounds of the policy
// file, names of settings, files.
func completions(root *cobra.Command, a *app) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			completionExamples(c)
		}
	}
	files := func(extensions ...string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return extensions, cobra.ShellCompDirectiveFilterFileExt
		}
	}
	folders := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	// What is said of a flag holds for every verb that has it.
	flags := map[string]cobra.CompletionFunc{
		"policy": files("yaml", "yml"), "config": files("yaml", "yml"), "ledger": folders,
		"auth": fixed(config.AuthMethods...), "log-format": fixed("text", "json"), "log-level": fixed("debug", "info", "warn", "error"), "lang": fixed(words.All()...),
		"table": a.completeTables, "ground": a.completeGrounds, "despite": a.completeGrounds, "plan": files("jsonl"), "as-of": fixed(), "max-purges": fixed(),
		"reason": fixed(), "url": fixed(), "back-cast": fixed("6 months", "12 months", "24 months", "36 months"), "data": fixed("sample", "generate"), "snapshot": files("gallra"), "rows": fixed("none", "all", "10%"), "months": fixed("6", "12", "24"), "every": fixed("1", "7"), "against": folders, "keep-ledger": folders, "limits": fixed("on", "off"),
	}
	arguments := map[string]cobra.CompletionFunc{
		"gallra explain": a.completePerson, "gallra hold": a.completePerson, "gallra release": a.completePerson, "gallra erase": a.completePerson,
		"gallra simulate": files("yaml", "yml"), "gallra policy check": files("yaml", "yml"), "gallra policy record": files("yaml", "yml"), "gallra policy test": files("yaml", "yml"),
		"gallra snapshot inspect": files("gallra"),
	}
	each(root, func(c *cobra.Command) {
		for name, complete := range flags {
			if f := c.LocalFlags().Lookup(name); f != nil && c.Flags().Lookup(name) == f {
				_ = c.RegisterFlagCompletionFunc(name, complete) // the error says that the flag has one already
			}
		}
		if c.ValidArgsFunction == nil && c.HasParent() && c.Parent().Name() != "completion" {
			c.ValidArgsFunction = cobra.NoFileCompletions
			if complete, ok := arguments[c.CommandPath()]; ok {
				c.ValidArgsFunction = complete
			}
		}
	})
}

// completing tells whether a command serves a shell's completion.
func completing(c *cobra.Command) bool {
	return c.Name() == cobra.ShellCompRequestCmd || c.Name() == cobra.ShellCompNoDescRequestCmd || c.HasParent() && c.Parent().Name() == "completion"
}

// each calls fn for a command and all below it.
func each(c *cobra.Command, fn func(*cobra.Command)) {
	fn(c)
	for _, sub := range c.Commands() {
		each(sub, fn)
	}
}

func completionExamples(c *cobra.Command) {
	c.Example = "  gallra completion bash --help      # how to load it"
	for shell, example := range map[string]string{
		"bash": "  gallra completion bash > /etc/bash_completion.d/gallra", "zsh": "  gallra completion zsh > _gallra",
		"fish": "  gallra completion fish > gallra.fish", "powershell": "  gallra completion powershell > gallra.ps1",
	} {
		for _, sub := range c.Commands() {
			if sub.Name() == shell {
				sub.Example = example
			}
		}
	}
}

func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// policyFile is the policy as far as it can be read; completing says nothing of mistakes in it.
func (a *streams) policyFile(cmd *cobra.Command) *policy.Policy {
	s, err := config.Load(cmd.Flags(), a.env)
	if err != nil || s.Policy == "" {
		return nil
	}
	p, err := policy.Load(s.Policy)
	if err != nil {
		return nil
	}
	return p
}

func (a *streams) completeTables(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if p := a.policyFile(cmd); p != nil {
		for i := range p.Subjects {
			names = append(names, p.Subjects[i].Table)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *streams) completeGrounds(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if p := a.policyFile(cmd); p != nil {
		for i := range p.Subjects {
			for _, g := range p.Subjects[i].Grounds {
				if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, g.ID+"\t") }) {
					names = append(names, g.ID+"\t"+neutral(strings.Join(strings.Fields(g.Why), " ")))
				}
			}
		}
		names = append(names, retention.ManualExtension+"\textended by hand", noGround+"\tnothing ever justified them")
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completePerson completes the table of a person; ids are nobody's to guess.
func (a *streams) completePerson(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeTables(cmd, args, toComplete)
}
