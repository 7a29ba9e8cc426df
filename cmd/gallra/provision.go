package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention/compile"
)

// provisionOptions are the flags of gallra provision.
type provisionOptions struct {
	dryRun, remove, yes bool
	noForms             bool
	application         string
	export              string
}

func newProvision(a *app) *cobra.Command {
	o := provisionOptions{}
	c := &cobra.Command{
		Use:   "provision",
		Short: "Create what gallra needs in the environment: columns, views, forms, a least-privilege role",
		Long: `Creates what is missing: the publisher and the solution "gallra", its columns on every subject table of the policy, the
system views, a chart and a dashboard that show the coming purges, a section "Retention" on the main forms, and a security role
with just the rights that the policy needs. Its own views and role are brought up to date; what others made is left alone,
columns that the policy maps among it. It can be repeated, and goes on where it was cut off. --dry-run lists what it would do,
each form by its name.

On a form of yours only the section is added; --no-forms leaves forms alone. A table gets a form of its own where some of its
forms may not be changed, or where it has more than 12.

--application-user CLIENT-ID gives the role to the user of that application, or managed identity, and makes the user in the
environment if there is none.

--remove takes back what it made, after a question that --yes answers beforehand: dashboards, charts, the
sections, views, role, columns, and last of all the columns that hold data, which goes with them. Forms are then as they were. What others have put into the solution stays.

--export DIR writes the same as an unpacked solution for your own pipeline instead, and changes nothing in the environment.

EXIT STATUS: 0 done, 1 failed or not everything could be removed, 2 wrong usage, settings or policy.`,
		Example: `  gallra provision --dry-run
  gallra provision --no-forms
  gallra provision --application-user 00000000-0000-0000-0000-000000000000
  gallra provision --export solution
  gallra provision --remove`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if o.remove {
				return a.runRemove(cmd.Context(), o)
			}
			return a.runProvision(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "list what is missing, or would be removed, and change nothing")
	f.BoolVar(&o.noForms, "no-forms", false, "leave the forms of the tables as they are")
	f.StringVar(&o.application, "application-user", "", "the client id of the application or managed identity that gets the role")
	f.BoolVar(&o.remove, "remove", false, "take back what provision made")
	f.BoolVar(&o.yes, "yes", false, "answer the question of --remove beforehand")
	f.StringVar(&o.export, "export", "", "write an unpacked solution into this folder instead")
	config.WritesFolder(f, "export")
	return c
}

func (o *provisionOptions) check() error {
	switch {
	case o.remove && (o.application != "" || o.export != "" || o.noForms):
		return &usageError{"--remove goes with none of --application-user, --export and --no-forms", ""}
	case o.export != "" && (o.application != "" || o.dryRun):
		return &usageError{"--export goes with neither --application-user nor --dry-run", "a solution holds no users: give the role to the application by a second gallra provision"}
	case o.yes && !o.remove:
		return &usageError{"--yes is for --remove: nothing else asks", ""}
	case o.application != "":
		if _, err := uuid.Parse(o.application); err != nil {
			return &usageError{fmt.Sprintf("--application-user: %q is no client id", o.application), "the Application (client) ID of the app registration, or the client id of the managed identity"}
		}
	}
	return nil
}

func (a *app) runProvision(ctx context.Context, o provisionOptions) error {
	s, checked, err := a.openBy(ctx, compile.Compile) // columns do no harm, and are what a policy is tried with
	if err != nil {
		return a.tellProblems(err)
	}
	p, err := checked.Provisioning(ctx, s.client)
	if err != nil {
		return err
	}
	if o.noForms {
		p = p.WithoutForms()
	}
	if o.export != "" {
		return a.runExport(ctx, s, p, o.export)
	}
	if o.application != "" {
		p.Role.Application = uuid.MustParse(o.application)
	}
	created, missing := 0, 0
	steps, err := provision.Run(ctx, s.client, p, o.dryRun, func(step provision.Step) {
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
		return &provisionError{"provision", err}
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

// provisionError is what provisioning failed on.
type provisionError struct {
	what string
	err  error
}

func (e *provisionError) Error() string { return e.what + ": " + e.err.Error() }
func (e *provisionError) Unwrap() error { return e.err }

// Hint knows that whoever provisions is an administrator, and not the user that the role is for.
func (e *provisionError) Hint() string {
	var refused *dataverse.Error
	var form *provision.FormError
	switch {
	case errors.As(e.err, &refused) && errors.Is(e.err, dataverse.ErrForbidden):
		right := refused.MissingPrivilege()
		if right == "prvCreateUser" {
			return "add the application in the Power Platform admin center (Settings, Users, Application users), then run gallra provision again: it gives it the role"
		}
		if right != "" {
			right = " (" + right + ")"
		}
		return "provisioning takes a system administrator or customizer" + right + ": sign in as one, or hand gallra provision --export to whoever is; what was made so far stays"
	case errors.Is(e.err, dataverse.ErrCustomizing):
		return "an import or publication has been under way for all this time: run again when it has ended, it goes on from here"
	case errors.As(e.err, &form):
		return "gallra provision --no-forms makes everything else; put the columns onto that form by hand, or mend it and run again"
	}
	return dataverse.Hint(e.err)
}

func stepWord(s provision.Step) string {
	switch {
	case s.Present:
		return "there"
	case s.Done:
		return "created"
	}
	return "missing"
}

// runRemove takes back what was provisioned. It needs no policy: the solution knows what is in it.
func (a *app) runRemove(ctx context.Context, o provisionOptions) error {
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	list, err := provision.Removals(ctx, s.client, provision.Gallra(nil, nil))
	if err != nil {
		return &provisionError{"remove", err}
	}
	ours, rows := 0, 0
	out := a.lines()
	for _, r := range list {
		if !r.Foreign {
			ours++
			rows += r.Rows
		}
		if o.dryRun || !o.yes {
			a.tellRemoval(out, r, true)
		}
	}
	switch {
	case out.err != nil:
		return out.err
	case ours == 0:
		return a.endRemoval(list, "nothing of gallra's is here")
	case o.dryRun:
		return a.endRemoval(list, fmt.Sprintf("%d things would be removed; nothing was", ours))
	}
	if !o.yes {
		question := fmt.Sprintf("Remove these %d things from %s?", ours, s.org.Name)
		if rows > 0 {
			question = fmt.Sprintf("Remove these %d things from %s, with what stands in the columns?", ours, s.org.Name)
		}
		if err := a.confirm(ctx, question); err != nil {
			return err
		}
	}
	list, err = provision.Remove(ctx, s.client, list, func(r provision.Removal) { a.tellRemoval(out, r, false) })
	if err := errors.Join(err, out.err); err != nil {
		return &provisionError{"remove", err}
	}
	removed, left := 0, 0
	for _, r := range list {
		switch {
		case r.Done:
			removed++
		case !r.Foreign:
			left++
		}
	}
	if err := a.endRemoval(list, fmt.Sprintf("%d things removed, %d left", removed, left)); err != nil {
		return err
	}
	if left > 0 {
		return errors.New("not everything could be removed: see above what still needs it, then run again")
	}
	return nil
}

func (a *streams) tellRemoval(out *lines, r provision.Removal, ahead bool) {
	word := "removed"
	switch {
	case r.Left != "":
		word = "left"
	case ahead:
		word = "remove"
	}
	if a.json {
		if out.err == nil {
			out.err = json.NewEncoder(out.w).Encode(map[string]any{"kind": "removal", "what": r.What, "rows": r.Rows, "done": r.Done, "left": r.Left})
		}
		return
	}
	out.printf("%-8s %s", word, r.What)
	if r.Rows > 0 {
		out.printf(" (holds data in %d rows)", r.Rows)
	}
	if r.Left != "" {
		out.printf(": %s", r.Left)
	}
	out.printf("\n")
}

func (a *streams) endRemoval(list []provision.Removal, sentence string) error {
	if a.json {
		done := 0
		for _, r := range list {
			if r.Done {
				done++
			}
		}
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "totals", "listed": len(list), "removed": done})
	}
	_, err := fmt.Fprintln(a.out, sentence)
	return err
}

// confirm asks on a terminal; elsewhere --yes has to have been given.
func (a *streams) confirm(ctx context.Context, question string) error {
	if !terminal(a.in) || !terminal(a.errs) {
		return &usageError{"there is no terminal to ask on", "--yes answers the question beforehand"}
	}
	yes, err := a.ask(ctx, question)
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("nothing was removed")
	}
	return nil
}

// runExport writes the unpacked solution.
func (a *streams) runExport(ctx context.Context, s *session, p provision.Provisioning, dir string) error {
	files, err := provision.ExportSolution(ctx, s.client, p)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := writeFiles(dir, files); err != nil {
		return &config.Error{Message: "export: " + err.Error()}
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "totals", "files": len(files), "folder": dir})
	}
	_, err = fmt.Fprintf(a.out, "%d files in %s: pack them with pac solution pack --folder %s --zipfile gallra.zip, and import that\n", len(files), dir, dir)
	return err
}

// writeFiles writes files into a folder that is made if it is not there; names are relative to it.
func writeFiles(dir string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
