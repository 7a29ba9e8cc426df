package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gallra/gallra/cmd/gallra/telemetry"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// version is set by the release build.
var version = "development"

// app is what every verb works with: the streams, the settings, the log.
type app struct {
	in   *os.File
	out  io.Writer
	errs io.Writer

	settings config.Settings
	json     bool
	plain    bool
	log      *slog.Logger
	told     *telemetry.Telemetry // nil where no collector is configured
	finished func(exit int)       // ends what telemetry knows of the verb
	job      *job                 // what is told about at the end; nil for what is no job

	signedIn azcore.TokenCredential // nil before the first sign-in
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "gallra",
		Short: "Erase the personal data that nothing justifies keeping from Dynamics 365 Sales",
		Long: `gallra works out for every contact and lead what still justifies keeping them, writes the coming purge date
where the sales staff see it two months ahead, and when the day has come and still nothing justifies the
person, deletes or anonymises them with everything related, and proves it.

Nothing is written without --apply.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if completing(cmd) {
				return nil // what is wrong with the settings is told when a verb is called
			}
			s, err := config.Load(cmd.Flags())
			if err != nil {
				return err
			}
			a.settings = s
			a.log = newLog(a.errs, s)
			return a.observe(cmd)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err.Error(), cmd.CommandPath() + " --help tells what it takes"}
	})
	config.Flags(root.PersistentFlags())
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON lines for machines on standard output")
	root.PersistentFlags().BoolVar(&a.plain, "plain", false, "no colours, no moving progress and no broken lines: for screen readers and files")
	root.AddCommand(
		newDemo(a),
		newProvision(a),
		newDoctor(a),
		newPlan(a),
		newRun(a),
		newExplain(a),
		newSimulate(a),
		newHold(a),
		newRelease(a),
		newErase(a),
		newApprove(a),
		newReapply(a),
		newNotify(a),
		newStatus(a),
		newReport(a),
		newLedger(a),
		newConsole(a),
		newPolicy(a),
		newEmulator(a),
	)
	completions(root, a)
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	return root
}

// wrapArgs makes cobra's complaints about arguments usage errors.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return &usageError{err.Error(), cmd.CommandPath() + " --help tells what it takes"}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// newLog logs lines for people on a terminal and JSON where a machine reads, unless the settings say otherwise.
func newLog(w io.Writer, s config.Settings) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// terminal tells whether w is a terminal.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// asUsage makes cobra's complaint about a verb that there is not a usage error: it is no type of its own.
func asUsage(err error) error {
	if err == nil || !strings.HasPrefix(err.Error(), "unknown command") {
		return err
	}
	return &usageError{strings.SplitN(err.Error(), "\n", 2)[0], "gallra --help lists the verbs"}
}

// printError says what happened in one line, and in another what to do about it. Problems of a policy come one by one
// with their excerpts.
func (a *app) printError(err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(a.errs, "gallra: %s\n", neutral(err.Error()))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(a.errs, "hint: %s\n", neutral(hint))
	}
}

func hintFor(err error) string {
	var (
		usage    *usageError
		settings *config.Error
		policy   policy.Problems
		file     *plan.PlanFileError
		stale    *plan.StalePlanError
		making   *provisionError
		storage  *ledger.StorageError
		locked   *ledger.LockedError
		foreign  *ledger.ForeignError
		blind    *compile.BlindError
	)
	switch {
	case errors.As(err, &foreign):
		return foreign.Hint()
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &making):
		return making.hint()
	case errors.As(err, &settings):
		return settings.Hint
	case errors.As(err, &policy):
		return "" // each problem has its own
	case errors.As(err, &file):
		return "gallra plan --out FILE makes one"
	case errors.As(err, &stale):
		return stale.Hint
	case errors.As(err, &blind):
		return blind.Hint()
	case errors.As(err, &storage):
		return storage.Hint()
	case errors.As(err, &locked):
		return "wait until it has ended; a job that may overlap itself sets GALLRA_SKIP_IF_LOCKED=true"
	case errors.Is(err, ledger.ErrLockLost):
		return "the next run finishes what this one began"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG):
		return "make room; what was done until then is consistent, and the next run finishes what was begun"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "whoever runs this needs to write there"
	case errors.Is(err, ledger.ErrBroken):
		return "gallra ledger verify tells where; nothing is written to such a ledger"
	}
	if errors.Is(err, evaluate.ErrNobody) {
		return "an address counts as a whole; rows that name the person only in their text are found by Dataverse search, and anonymised rows that somebody has written to since by gallra doctor"
	}
	return dataverse.Hint(err)
}
