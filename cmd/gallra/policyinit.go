package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// initOptions are the flags of gallra policy init.
type initOptions struct {
	out      string
	timeZone string
	notice   string
	keep     []string
	yes      bool
	zoned    bool // the time zone was given
	noticed  bool // and so was the notice
}

func newPolicyInit(a *app) *cobra.Command {
	o := initOptions{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a first policy for this environment by an interview about what is in it",
		Long: `Looks at what leads to contacts and leads in this environment, counts the rows, and asks for how long each kind keeps a
person: customers, deals, quotes, orders, cases, events, consents, activities, dates and tables of your own. The policy has
at most a dozen grounds for a table, only for what has rows, and is pinned to the organisation. Nothing is written to the
environment.

Questions are put on a terminal, each with a default; --yes takes all defaults, and so does whatever is no terminal.
--keep answers beforehand: --keep deals="24 months", --keep events=never, --keep all="5 years" for all that is not named.

EXIT STATUS: 0 written, 1 failed, 2 wrong usage or settings.`,
		Example: `  gallra policy init --time-zone Europe/Stockholm --out policy.yaml
  gallra policy init --yes --keep deals="36 months" --keep activities=never --out policy.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.zoned, o.noticed = cmd.Flags().Changed("time-zone"), cmd.Flags().Changed("notice")
			return a.runPolicyInit(cmd.Context(), o)
		},
	}
	c.Flags().StringVar(&o.out, "out", "", "write to this file, which must not be there yet, instead of standard output")
	config.WritesNewFile(c.Flags(), "out", "a policy is not written over")
	c.Flags().StringVar(&o.timeZone, "time-zone", "UTC", "whose calendar dates count: an IANA name")
	c.Flags().StringVar(&o.notice, "notice", policy.DefaultNotice.String(), "how long a coming purge is visible before it happens")
	c.Flags().StringArrayVar(&o.keep, "keep", nil, "answer a question beforehand, as TOPIC=PERIOD or TOPIC=never; repeatable")
	c.Flags().BoolVar(&o.yes, "yes", false, "ask nothing: take the defaults")
	return c
}

// check reads what was given.
func (o *initOptions) check() (zone *time.Location, notice retention.Period, a compile.Answers, err error) {
	if zone, err = zoneOf(o.timeZone); err != nil {
		return nil, notice, nil, &usageError{"--time-zone: " + err.Error(), "an IANA name, such as Europe/Stockholm"}
	}
	if notice, err = retention.ParsePeriod(o.notice); err != nil || notice.IsZero() {
		return nil, notice, nil, &usageError{fmt.Sprintf("--notice: %q is no period", o.notice), "such as 2 months"}
	}
	a = compile.Answers{}
	for _, answer := range o.keep {
		topic, period, ok := strings.Cut(answer, "=")
		if !ok {
			return nil, notice, nil, &usageError{fmt.Sprintf("--keep %q is not TOPIC=PERIOD", answer), `--keep deals="24 months", or --keep deals=never`}
		}
		if a[topic], err = answered(period); err != nil {
			return nil, notice, nil, &usageError{"--keep " + topic + ": " + err.Error(), "such as 24 months, or never"}
		}
	}
	return zone, notice, a, nil
}

func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return zone, nil
}

// never is how people say that something justifies nobody.
const never = "never"

// answered reads an answer.
func answered(text string) (retention.Period, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, never) {
		return compile.Never, nil
	}
	p, err := retention.ParsePeriod(text)
	if err == nil && p.IsZero() {
		err = errors.New("a period of no length: say never")
	}
	return p, err
}

func (a *app) runPolicyInit(ctx context.Context, o initOptions) error {
	zone, notice, answers, err := o.check()
	if err != nil {
		return err
	}
	asks := !o.yes && !a.json && terminal(a.in)
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if asks {
		if zone, notice, err = a.askFrame(ctx, o, zone, notice); err != nil {
			return err
		}
	}
	starter, err := compile.NewStarter(ctx, s.client, compile.StarterOptions{Today: retention.DateOf(s.client.Now(), zone), TimeZone: zone, Notice: notice})
	if err != nil {
		return err
	}
	topics := starter.Topics()
	for topic := range answers {
		if topic != compile.AllTopics && !slices.ContainsFunc(topics, func(t compile.Topic) bool { return t.ID == topic }) {
			return &usageError{fmt.Sprintf("--keep: nothing here is called %q, or it has no rows", topic), "there are " + topicNames(topics)}
		}
	}
	if asks {
		if err := a.interview(ctx, topics, answers); err != nil {
			return err
		}
	}
	text := starter.Text(answers)
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
	_, err = fmt.Fprintf(a.out, "%[1]s is written: gallra policy record --policy %[1]s says it in words, gallra plan --policy %[1]s shows whom it would schedule\n", o.out)
	return err
}

func topicNames(topics []compile.Topic) string {
	var names []string
	for _, t := range topics {
		names = append(names, t.ID)
	}
	return strings.Join(names, ", ")
}

// askFrame asks for what the whole policy goes by, unless it was given.
func (a *app) askFrame(ctx context.Context, o initOptions, zone *time.Location, notice retention.Period) (*time.Location, retention.Period, error) {
	name, length := zone.String(), notice.String()
	if local := time.Local.String(); !o.zoned && local != "Local" {
		name = local
	}
	var asked []question
	if !o.zoned {
		asked = append(asked, question{"Whose calendar decides which day it is?", "an IANA name, such as Europe/Stockholm", &name,
			func(text string) error { _, err := zoneOf(text); return err }})
	}
	if !o.noticed {
		asked = append(asked, question{"How long is a coming purge visible to the sales staff before it happens?", "such as 2 months", &length, func(text string) error {
			p, err := answered(text)
			if err == nil && p == compile.Never {
				err = errors.New("nobody is purged without notice")
			}
			return err
		}})
	}
	if err := a.put(ctx, asked); err != nil {
		return nil, notice, err
	}
	zone, err := zoneOf(name)
	if err != nil {
		return nil, notice, err
	}
	notice, err = answered(length)
	return zone, notice, err
}

// interview asks for how long each topic keeps a person, as far as that was not said.
func (a *app) interview(ctx context.Context, topics []compile.Topic, answers compile.Answers) error {
	texts := make([]string, len(topics))
	var asked []question
	for i, t := range topics {
		if _, said := answers[t.ID]; said {
			continue
		}
		texts[i] = t.Default.String()
		if all, ok := answers[compile.AllTopics]; ok {
			if texts[i] = all.String(); all == compile.Never {
				texts[i] = never
			}
		}
		asked = append(asked, question{t.Question, fmt.Sprintf("%s today; a period such as 24 months, or never: it justifies nobody", policy.Count(t.Rows, "row")), &texts[i],
			func(text string) error { _, err := answered(text); return err }})
	}
	if err := a.put(ctx, asked); err != nil {
		return err
	}
	for i, t := range topics {
		if texts[i] != "" {
			p, err := answered(texts[i])
			if err != nil {
				return err
			}
			answers[t.ID] = p
		}
	}
	return nil
}

// question is one of an interview: value holds the default, and then the answer.
type question struct {
	title, note string
	value       *string
	check       func(string) error
}

// put puts questions one after the other, as plain lines that every terminal and screen reader can do.
func (a *app) put(ctx context.Context, asked []question) error {
	to := &lines{w: a.in} // the terminal itself, where messages go elsewhere
	if terminal(a.errs) {
		to.w = a.errs
	}
	answers := bufio.NewScanner(a.in)
	for _, q := range asked {
		for {
			to.printf("%s\n  %s [%s] ", q.title, q.note, *q.value)
			if !answers.Scan() || ctx.Err() != nil || to.err != nil {
				return errors.Join(answers.Err(), to.err, &usageError{"the interview was left: nothing is written", "--yes takes the defaults"})
			}
			answer := cmp.Or(strings.TrimSpace(answers.Text()), *q.value)
			err := q.check(answer)
			if err == nil {
				*q.value = answer
				break
			}
			to.printf("  %v\n", err)
		}
	}
	return nil
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
