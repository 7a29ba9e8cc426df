package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// initOptions are the flags of gallra policy init.
type initOptions struct {
	out      string
	timeZone string
	years    int
}

func newPolicyInit(a *app) *cobra.Command {
	o := initOptions{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a starter policy for this environment, from its own tables and row counts",
		Long: `Looks at what points at contacts and leads in this environment, counts the rows, and writes a policy with a suggestion
for each, pinned to the organisation. Run as it stands, the policy schedules nobody who has any sign of life within the
years: it is made to be narrowed. Nothing is written to the environment.

EXIT STATUS: 0 written, 1 failed, 2 wrong usage or settings.`,
		Example: `  gallra policy init --time-zone Europe/Stockholm --out policy.yaml`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runPolicyInit(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "write to this file, which must not be there yet, instead of standard output")
	c.Flags().StringVar(&o.timeZone, "time-zone", "UTC", "whose calendar dates count: an IANA name")
	c.Flags().IntVar(&o.years, "years", 5, "how long any sign of life keeps a person")
	return c
}

func (o initOptions) check() (*time.Location, error) {
	zone, err := time.LoadLocation(o.timeZone)
	switch {
	case err != nil || o.timeZone == "" || o.timeZone == "Local":
		return nil, &usageError{fmt.Sprintf("--time-zone: unknown time zone %q", o.timeZone), "an IANA name, such as Europe/Stockholm"}
	case o.years < 1 || o.years > 10:
		return nil, &usageError{"--years is from 1 to 10", ""}
	}
	if o.out != "" {
		if _, err := os.Lstat(o.out); err == nil {
			return nil, &usageError{o.out + " is there already", "name another file: a policy is not written over"}
		}
	}
	return zone, nil
}

func (a *app) runPolicyInit(ctx context.Context, o initOptions) error {
	zone, err := o.check()
	if err != nil {
		return err
	}
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	text, err := compile.Starter(ctx, s.client, compile.StarterOptions{
		Today: retention.DateOf(s.client.Now(), zone), TimeZone: zone, Years: o.years, User: s.identity.UserID,
	})
	if err != nil {
		return err
	}
	if err := a.provesFit(ctx, s, text); err != nil {
		return err
	}
	if o.out == "" {
		_, err := io.WriteString(a.out, text)
		return err
	}
	if err := os.WriteFile(o.out, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "%s is written: read it, narrow it, then gallra policy check %s\n", o.out, o.out)
	return err
}

// provesFit holds the policy against the environment before anybody sees it. That a production environment is not
// allowed yet is for people to decide.
func (a *streams) provesFit(ctx context.Context, s *session, text string) error {
	dir, err := os.MkdirTemp("", "gallra-init-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	pol, err := readPolicy(path)
	if err == nil {
		pol.Environment.AllowProduction = true
		_, err = compile.Check(ctx, pol, s.client)
	}
	var problems policy.Problems
	if errors.As(err, &problems) {
		return fmt.Errorf("the starter policy does not fit this environment, which should not be: %s", problems.Error())
	}
	return err
}
