package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/gallra/gallra/cmd/gallra/telemetry"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
)

// version is set by the release build.
var version = "development"

// app is what a verb works with: its streams, the settings, the log, the sign-in.
type app struct {
	streams

	settings config.Settings
	log      *slog.Logger
	told     *telemetry.Telemetry // nil where no collector is configured
	finished func(exit int)       // ends what telemetry knows of the verb
	job      *job                 // what is told about at the end; nil for what is no job

	signedIn    azcore.TokenCredential // nil before the first sign-in
	reads       []*dataverse.Client    // whose definitions are remembered at the end
	states      []*keptNights          // whose folders are taken away at the end
	definitions *dataverse.Definitions // shared with other apps of the process; nil: with none
	labels      int                    // Windows code of the language in which names are wanted; zero: the user's own
}

// streams are what a verb reads and prints, and how. What only tells of a result is a method of theirs: it can neither sign
// in nor reach an environment.
type streams struct {
	in     *os.File
	out    io.Writer
	errs   io.Writer
	getenv func(string) string // the environment; nil: the process's own
	json   bool
	plain  bool
}

// env is the value of an environment variable.
func (a *streams) env(name string) string {
	if a.getenv == nil {
		return os.Getenv(name)
	}
	return a.getenv(name)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "gallra",
		Short: "Erase the personal data that nothing justifies keeping from Dynamics 365 Sales",
		Long: `gallra works out for every contact and lead what still justifies keeping them, writes the coming purge date
where the sales staff see it two months ahead, and when the day has come and still nothing justifies the
person, deletes or anonymises them with everything related, and proves it.

Without --apply nobody is scheduled, told or purged. provision, hold, release and approve do at once what they are
called for, and the console does when you confirm.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if completing(cmd) {
				return nil // what is wrong with the settings is told when a verb is called
			}
			if err := config.Places(cmd.Flags()); err != nil {
				return err
			}
			s, err := config.Load(cmd.Flags(), a.env)
			if err != nil {
				return err
			}
			a.settings = s
			a.log = newLog(a.errs, s)
			if s.From.File != "" {
				a.log.Info("settings from a file", "file", s.From.File, "settings", s.From.Taken)
			}
			return a.observe(cmd)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(a.out, helpOf(cmd, a.helpWidth())) })
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
		newMap(a),
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
	root.AddCommand(rehearsals(a)...)
	completions(root, a)
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	return root
}

// The width of help: as the screen is, between what a paragraph is read well at and what a file and a pager that say nothing take.
const (
	helpUnsaid = 80
	helpWidest = 110
	helpHang   = 10 // where a flag's text goes on that begins far to the right
)

// helpWidth is the width that help keeps to; 0: --plain, where no line is broken.
func (a *streams) helpWidth() int {
	if a.plain {
		return 0
	}
	width, _ := strconv.Atoi(a.env("COLUMNS"))
	if width <= 0 {
		width = a.screen().width
	}
	if width <= 0 {
		width = helpUnsaid
	}
	return min(width, helpWidest)
}

// helpOf is the help of a verb. Lines of an example stay whole: they are there to be copied.
func helpOf(c *cobra.Command, width int) string {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(cmp.Or(c.Long, c.Short)), "\n\n") {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(folded(joinedLines(paragraph), width, flush))
	}
	b.WriteString("\n\nUsage:\n")
	if c.Runnable() {
		b.WriteString(folded("  "+c.UseLine(), width, 0) + "\n")
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("  " + c.CommandPath() + " [command]\n")
	}
	if c.HasExample() {
		b.WriteString("\nExamples:\n" + c.Example + "\n")
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nAvailable Commands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				name := fmt.Sprintf("  %-*s ", sub.NamePadding(), sub.Name())
				b.WriteString(folded(name+sub.Short, width, len(name)) + "\n")
			}
		}
	}
	for _, flags := range []struct {
		title string
		of    *pflag.FlagSet
	}{{"Flags", c.LocalFlags()}, {"Global Flags", c.InheritedFlags()}} {
		if flags.of.HasAvailableFlags() {
			b.WriteString("\n" + flags.title + ":\n")
			for line := range strings.Lines(flags.of.FlagUsages()) {
				line = strings.TrimRight(line, "\n")
				hang := len(flagName.FindString(line))
				if hang > width/2+2 {
					hang = helpHang
				}
				b.WriteString(folded(line, width, hang) + "\n")
			}
		}
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\n" + folded("Use \""+c.CommandPath()+" [command] --help\" for more information about a command.", width, flush) + "\n")
	}
	return b.String()
}

// flagName is what stands before the usage of a flag, up to where all usages begin.
var flagName = regexp.MustCompile(`^ +(-\w, )?--[\w-]+( \S+)? {3,}`)

// joinedLines makes one line of a paragraph. Lines that begin with blanks are those of a list, and stay.
func joinedLines(paragraph string) string {
	lines := strings.Split(paragraph, "\n")
	out := lines[0]
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			out += "\n" + line
		} else {
			out += " " + line
		}
	}
	return out
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
func (a *streams) printError(err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(a.errs, "gallra: %s\n", neutral(err.Error()))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(a.errs, "hint: %s\n", neutral(hint))
	}
}

// hintFor is what an error says of what to do about it, and what is known of errors of the machine, which say nothing.
func hintFor(err error) string {
	var told interface{ Hint() string }
	switch {
	case errors.As(err, &told):
		return told.Hint()
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG):
		return "make room; what was done until then is consistent, and the next run finishes what was begun"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "whoever runs this needs to write there"
	}
	return ""
}
