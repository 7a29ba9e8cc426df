// Command gallra erases the personal data that nothing justifies keeping from Microsoft Dataverse / Dynamics 365 Sales.
//
// Without --apply nobody is scheduled, told or purged. gallra --help lists the verbs, gallra demo shows the whole life cycle on an
// embedded fake Dataverse.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	// The image holds nothing but the binary: where a machine has no certificates of its own, those that Mozilla trusts, as of
	// the version in go.mod, are used, and where it has no time zones, those that Go was released with.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	os.Exit(run(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv}}, os.Args[1:]))
}

// run is main without the exit, so that tests can call a verb in their own process, many at the same time.
func run(a *app, args []string) int {
	ignoreFileSizeLimit()
	surviveCutPipe()
	a.out = untilCut(a.out)
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
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if cause, ok := context.Cause(ctx).(interrupted); ok && err != nil {
		err = cause
	}
	err = asUsage(err)
	a.printError(err)
	code := exitCode(err)
	a.remember()
	a.closeStates()
	a.ended(code)
	return code
}
