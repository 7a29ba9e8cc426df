// Package rehearsal is the verbs gallra snapshot and gallra rehearse: what they ask for and what they print. What they do lies in
// packages take and rehearse. It reaches an environment only by what its [Host] connects it to.
package rehearsal

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

// Host is the command that the verbs are part of.
type Host struct {
	Out, Errs io.Writer
	Version   string
	JSON      func() bool
	// Connect signs in, and holds the policy against the environment if there is one.
	Connect func(context.Context) (*dataverse.Client, *compile.Policy, error)
	Policy  func() (*policy.Policy, error)
	// PolicyOf reads another policy.
	PolicyOf func(file string) (*policy.Policy, error)
	// PolicyFile is where the policy lies.
	PolicyFile func() string
	Ledger     func(ctx context.Context, at string) (*ledger.Ledger, error)
	Table      func(head []string, rows [][]string) string
	// Folded is a text whose lines are no wider than the screen.
	Folded func(text string) string
	// Usage is the error of a wrong call.
	Usage func(message, hint string) error
	// Progress tells how far long work has come.
	Progress func(what string) Progress
	// Problems tells what is wrong with a policy, and gives the error of the verb.
	Problems func(error) error
}

// Progress is a bar, or lines in a log.
type Progress struct {
	Add  func(what string, n int)
	Set  func(what string, done, of int)
	Done func()
}

// Verbs are the commands.
func Verbs(h *Host) []*cobra.Command { return []*cobra.Command{newSnapshot(h), newRehearse(h)} }
