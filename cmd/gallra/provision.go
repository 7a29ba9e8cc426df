package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/dataverse"
)

// provisionOptions are the flags of gallra provision.
type provisionOptions struct{ dryRun bool }

func newProvision(a *app) *cobra.Command {
	o := provisionOptions{}
	c := &cobra.Command{
		Use:   "provision",
		Short: "Create what gallra needs in the environment: columns, views, a least-privilege role",
		Long: `Creates what is missing, and changes nothing that is there: the publisher and the solution "gallra", its columns on
every subject table of the policy, the system views that show the coming purges, and a security role with just the
rights that the policy needs. It can be repeated and resumed at will. --dry-run lists what it would create.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra provision --dry-run
  gallra provision`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runProvision(cmd.Context(), o) },
	}
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "list what is missing and create nothing")
	return c
}

func (a *app) runProvision(ctx context.Context, o provisionOptions) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	privileges, err := checked.Privileges(ctx, s.client)
	if err != nil {
		return err
	}
	var tables []string
	for _, subject := range checked.Subjects {
		tables = append(tables, subject.Table)
	}
	created, missing := 0, 0
	steps, err := s.client.Provision(ctx, dataverse.GallraProvisioning(tables, privileges), o.dryRun, func(step dataverse.Step) {
		if !a.json {
			fmt.Fprintf(a.out, "%-8s %s\n", stepWord(step), step.What)
		}
	})
	for _, step := range steps {
		switch {
		case step.Present:
		case step.Done:
			created++
		default:
			missing++
		}
		if a.json {
			if e := json.NewEncoder(a.out).Encode(map[string]any{"kind": "step", "what": step.What, "present": step.Present, "done": step.Done}); e != nil {
				return e
			}
		}
	}
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "totals", "steps": len(steps), "created": created, "missing": missing})
	}
	if o.dryRun {
		_, err = fmt.Fprintf(a.out, "%d of %d things are missing; nothing was created\n", missing, len(steps))
		return err
	}
	_, err = fmt.Fprintf(a.out, "%d things created, %d were there\n", created, len(steps)-created)
	return err
}

func stepWord(s dataverse.Step) string {
	switch {
	case s.Present:
		return "there"
	case s.Done:
		return "created"
	}
	return "missing"
}
