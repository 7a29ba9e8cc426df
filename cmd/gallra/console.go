package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/console"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// consoleOptions are the flags of gallra console.
type consoleOptions struct {
	listen string
	noOpen bool
	idle   time.Duration
	lang   language

	key       string   // signs checkpoints
	languages []string // in which owners are told
	shelf     string
}

func newConsole(a *app) *cobra.Command {
	o := consoleOptions{}
	c := &cobra.Command{
		Use:   "console",
		Short: "The admin console: see what is coming, understand every case, mend it, run and prove it, in a browser",
		Long: `Serves the admin console on loopback and opens it in the browser: the coming weeks, the list of people, one person with
every ground, the policy with another period tried out, a rehearsal, a run with its progress, the ledger, the health of the CRM. It signs
in as whoever calls it and reads and writes with their rights.

The link lets one browser in, once and for ten minutes; Enter in the terminal makes another one. A session ends after --idle
without work. A run that was started in the browser goes on when it is closed. Ctrl-C stops the console, and a run with it,
consistently.

EXIT STATUS: 0 stopped, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra console
  gallra console --listen 127.0.0.1:8765 --no-open      # prints {"url": …}: the link`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runConsole(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:0", "address to listen on, on loopback; port 0 takes a free one")
	c.Flags().BoolVar(&o.noOpen, "no-open", false, "open no browser")
	languageFlag(c, &o.lang)
	c.Flags().StringVar(&o.key, "key", "", "sign the checkpoints that the console gives out with this Ed25519 private key, as PEM")
	c.Flags().StringArrayVar(&o.languages, "language", nil, "a file with the texts of notifications in another language, or in other words")
	c.Flags().StringVar(&o.shelf, "snapshots", "", "folder of the snapshots to rehearse on, and of policies to compare; the policy's own when empty")
	c.Flags().DurationVar(&o.idle, "idle", 30*time.Minute, "end a session after so long without work")
	return c
}

func (a *app) runConsole(ctx context.Context, o consoleOptions) error {
	if o.idle < time.Minute {
		return &usageError{"--idle is shorter than a minute", ""}
	}
	key, err := readKey(o.key)
	if err != nil {
		return err
	}
	languages, err := notifyLanguages(o.languages)
	if err != nil {
		return err
	}
	shelf := cmp.Or(o.shelf, filepath.Dir(a.settings.Policy))
	if info, err := os.Stat(shelf); o.shelf != "" && (err != nil || !info.IsDir()) {
		return &usageError{"--snapshots: " + o.shelf + " is no folder", "name the folder in which gallra snapshot --out put its file"}
	}
	listener, err := console.Listen(o.listen)
	if err != nil {
		return &usageError{"--listen: " + err.Error(), "such as --listen 127.0.0.1:8765"}
	}
	defer func() { _ = listener.Close() }()
	s, _, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if _, err := a.ledgerOf(ctx, s); err != nil { // before a browser opens on what cannot be shown
		return err
	}
	c, err := console.New(console.Options{
		Client: s.client, URL: a.settings.URL, Organization: s.org, Language: string(o.lang), Idle: o.idle, Log: a.log, Key: key, Languages: languages, Document: a.document, Snapshots: shelf,
		Policy: func(ctx context.Context) (*compile.Policy, error) {
			policy, err := a.loadPolicy()
			if err != nil {
				return nil, err
			}
			return compile.Check(ctx, policy, s.client)
		},
		Ledger: func() (*ledger.Ledger, error) { return a.ledgerOf(ctx, s) },
		Verify: func() (*ledger.Proof, error) { return a.verifyLedger(ctx) },
		Deps: func(verb string, c *compile.Policy, l *ledger.Ledger) purge.Deps {
			return a.deps(verb, s, c, l)
		},
		Doctor: a.findings,
	})
	if err != nil {
		return err
	}
	return c.Serve(ctx, listener, func() {
		a.showLink(c.Link(), o)
		go a.linkOnEnter(c)
	})
}

// showLink prints the link, as the first line for machines, and opens it for people.
func (a *streams) showLink(link string, o consoleOptions) {
	if o.noOpen || a.json {
		a.printLink(link)
		return
	}
	if err := openBrowser(link); err != nil {
		fmt.Fprintf(a.errs, "gallra: no browser could be opened (%v): open the link yourself, it counts once\n", err)
		a.printLink(link)
		return
	}
	fmt.Fprintln(a.errs, "gallra: the console is open in your browser; Enter makes another link, Ctrl-C stops it")
}

func (a *streams) printLink(link string) {
	_ = json.NewEncoder(a.out).Encode(map[string]string{"url": link})
}

// linkOnEnter prints a new link for every line on standard input. A console in the background of a shell reads none.
func (a *streams) linkOnEnter(c *console.Console) {
	if a.in == nil || terminal(a.in) && !foreground(a.in) {
		return
	}
	for in := bufio.NewScanner(a.in); in.Scan(); {
		a.printLink(c.Link())
	}
}

func openBrowser(link string) error {
	switch runtime.GOOS {
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", link).Start()
	case "darwin":
		return exec.Command("open", link).Start()
	}
	return exec.Command("xdg-open", link).Start()
}

// findings are what gallra doctor tells, all together.
func (a *app) findings(ctx context.Context) (found []doctor.Finding, err error) {
	quiet := *a
	quiet.json = true // no progress beside the link
	_, err = quiet.examine(ctx, func(f doctor.Finding) error {
		found = append(found, f)
		return nil
	})
	return found, err
}
