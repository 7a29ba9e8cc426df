package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

func newMap(a *app) *cobra.Command {
	var o mapOptions
	c := &cobra.Command{
		Use:   "map [SUBJECT]",
		Short: "Show every place where a person can stand, and what a purge does with it",
		Long: `Lists what leads to the persons of the policy: lookups of every kind, the parties of activities, many-to-many
relationships, columns that hold addresses and numbers, and rows behind the persons' own lookups; how many rows stand there; what
a purge does with them; and which rule of the policy says so. Undecided places stop a run: they are listed as well. Nothing is
written to Dataverse.

EXIT STATUS: 0 every place that holds rows is decided, 1 the environment did not answer, 2 wrong usage or policy, or an undecided
place holds rows.`,
		Example: `  gallra map
  gallra map contact --all
  gallra map contact --svg contact.svg`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.subject = args[0]
			}
			return a.runMap(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.all, "all", false, "list places without a row as well")
	c.Flags().StringVar(&o.svg, "svg", "", "draw the map of one subject into this file")
	config.WritesFile(c.Flags(), "svg")
	return c
}

type mapOptions struct {
	subject string
	all     bool
	svg     string
}

// errUndecided ends a map with places that hold rows and that no rule speaks of.
var errUndecided = &usageError{"places that hold rows are undecided, so a run would purge nobody", "gallra policy check says what to write"}

func (a *app) runMap(ctx context.Context, o mapOptions) error {
	s, checked, err := a.openBy(ctx, compile.Compile)
	if err != nil {
		return a.tellProblems(err)
	}
	drawn, err := checked.Maps(ctx, s.client)
	if err != nil {
		return err
	}
	if o.subject != "" {
		var one []*personmap.Map
		for _, m := range drawn {
			if m.Subject == o.subject || m.Name() == o.subject {
				one = append(one, m)
			}
		}
		if drawn = one; len(one) == 0 {
			return &usageError{"the policy has no subject " + o.subject, "gallra map without a name shows all of them"}
		}
	}
	if o.svg != "" {
		return a.drawMap(drawn, o.svg)
	}
	undecided := false
	for _, m := range drawn {
		if a.json {
			err = a.mapLines(m)
		} else {
			err = a.mapTable(m, o.all)
		}
		if err != nil {
			return err
		}
		for _, p := range m.Undecided() {
			undecided = undecided || p.Rows != 0
		}
	}
	if undecided {
		return errUndecided
	}
	return nil
}

func (a *app) mapLines(m *personmap.Map) error {
	e := json.NewEncoder(a.out)
	for _, p := range m.Places {
		line := map[string]any{"kind": "place", "subject": m.Subject, "class": m.Class, "place": p.Key(), "leads": p.Kind, "table": p.Table, "column": p.Column, "do": p.Do, "binds": p.Binds, "why": p.Why, "set": p.Set, "line": nil, "rows": nil, "via": nil, "delete": nil}
		if p.Rule >= 0 {
			line["line"] = p.Line
		}
		if p.Rows >= 0 {
			line["rows"] = p.Rows
		}
		if p.Via != "" {
			line["via"] = p.Via
		}
		if p.Delete != "" {
			line["delete"] = p.Delete
		}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) mapTable(m *personmap.Map, all bool) error {
	w := a.lines()
	var rows [][]string
	empty := 0
	for _, p := range m.Places {
		if p.Rows == 0 && !all {
			empty++
			continue
		}
		n, where, what := "?", p.Key(), report.English.Treatment(p.Do)
		if p.Rows >= 0 {
			n = strconv.Itoa(p.Rows)
		}
		if p.Via != "" {
			where += " of " + p.Via
		}
		if p.Binds {
			what += ", binds the person"
		}
		rule := ""
		switch {
		case p.Set != "":
			rule = "set " + p.Set
		case p.Rule >= 0:
			rule = "line " + strconv.Itoa(p.Line)
		}
		rows = append(rows, []string{where, string(p.Kind), n, what, rule, p.Why})
	}
	w.printf("what leads to a %s\n%s\n", m.Name(), a.table([]string{"place", "leads by", "rows", "what a purge does", "by", "why"}, rows))
	if empty > 0 {
		w.printf("%d further places hold no rows: --all lists them\n", empty)
	}
	w.printf("\n")
	return w.err
}

// drawMap draws the map of one subject into a file.
func (a *app) drawMap(drawn []*personmap.Map, path string) error {
	if len(drawn) != 1 {
		return &usageError{"a picture is of one subject", fmt.Sprintf("say which, such as gallra map %s --svg %s", drawn[0].Name(), path)}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = drawn[0].WriteSVG(f, personmap.Picture{
		Title: "What leads to a " + drawn[0].Name(), Treatment: report.English.Treatment, Most: 80,
		Rows: func(n int) string { return plural(n, "row") },
		More: func(n int) string { return fmt.Sprintf("and %s", plural(n, "further place")) },
	})
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		_, err = fmt.Fprintf(a.out, "drawn into %s\n", path)
	}
	return err
}

// keptRule is a rule that lets rows stay when a person who should be deleted goes, at one place: whether such a row binds the person, by
// the column's requirement, or lets go of them.
type keptRule struct {
	subject, class, place, table, set string
	line                              int
	binds, fails                      bool // fails: a person who is bound cannot be purged
}

// keptRules are those of a policy, subject by subject, in the order of places.
func keptRules(c *compile.Policy) (out []keptRule) {
	for i := range c.Subjects {
		for _, s := range c.Subjects[i].Judged() {
			for _, p := range s.Map.Places {
				if s.Purge != policy.Delete || p.Kind != personmap.Lookup && p.Kind != personmap.Party || p.Via != "" || p.Rule < 0 || p.Do != personmap.Kept && p.Do != personmap.Anonymized {
					continue
				}
				out = append(out, keptRule{s.Table, s.ClassID, p.Key(), p.Table, p.Set, p.Line, p.Binds, p.Binds && s.WhenBound == policy.BoundFail})
			}
		}
	}
	return out
}

// tellKept says of each subject which kept rows bind, and which lose their link.
func (a *streams) tellKept(rules []keptRule) {
	var order []string
	told := map[string][]string{}
	for _, r := range rules {
		name, does := strings.TrimSuffix(r.subject+"/"+r.class, "/"), "kept rows that lose their link to the person"
		switch {
		case r.fails:
			does = "kept rows that bind the person, so that the purge fails"
		case r.binds:
			does = "kept rows that bind the person, so that the person is anonymised in place"
		}
		key := name + ": " + does
		if told[key] == nil {
			order = append(order, key)
		}
		told[key] = append(told[key], fmt.Sprintf("%s (line %d)", r.place, r.line))
	}
	for _, key := range order {
		fmt.Fprintf(a.out, "%s: %s\n", key, strings.Join(told[key], ", "))
	}
}

func (a *streams) keptJSON(rules []keptRule) error {
	e := json.NewEncoder(a.out)
	for _, r := range rules {
		bound := "freed"
		switch {
		case r.fails:
			bound = "fails"
		case r.binds:
			bound = "binds"
		}
		if err := e.Encode(map[string]any{"kind": "kept", "subject": r.subject, "class": r.class, "place": r.place, "table": r.table, "set": r.set, "line": r.line, "person": bound}); err != nil {
			return err
		}
	}
	return nil
}
