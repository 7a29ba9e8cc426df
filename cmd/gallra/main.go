// Command gallra erases the personal data that nothing justifies keeping from Microsoft Dataverse / Dynamics 365 Sales.
//
// Nothing is written without --apply. gallra --help lists the verbs, gallra demo shows the whole life cycle on an
// embedded fake Dataverse.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	// The image holds nothing but the binary: where a machine has no certificates of its own, those that Mozilla trusts, as of
	// the version in go.mod, are used, and where it has no time zones, those that Go was released with.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run is main without the exit and with the environment that getenv tells, so that tests can call a verb in their own
// process, many at the same time.
func run(args []string, in *os.File, out, errs io.Writer, getenv func(string) string) int {
	ignoreFileSizeLimit()
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		s, ok := <-signals
		if !ok {
			return
		}
		cancel(interrupted{s})
		signal.Stop(signals) // a second one kills: whoever asks twice means it
	}()
	defer close(signals)
	a := &app{in: in, out: out, errs: errs, getenv: getenv}
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if cause, ok := context.Cause(ctx).(interrupted); ok && err != nil {
		err = cause
	}
	err = asUsage(err)
	a.printError(err)
	code := exitCode(err)
	a.ended(code)
	return code
}
