package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole life cycle on an embedded fake Dataverse: no configuration, nothing real is touched",
		Long: `Starts the embedded emulator on loopback with the sample data and goes through a life cycle with the same code and over
the same HTTP as in production: provision, the first purge dates, a rescue, two months later the purge, and the proof.

EXIT STATUS: 0 done, 1 failed.`,
		Example: `  gallra demo`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runDemo(cmd.Context()) },
	}
}

// demo tells a story. Every figure and every name in it comes from the run.
type demo struct {
	*app
	w       *lines
	server  *emulator.Server
	session *session
	checked *compile.Policy
	known   map[uuid.UUID]known // what the CRM said about the people before they were purged
}

// known is a person as the CRM knew them.
type known struct{ table, name, email string }

func (a *app) runDemo(ctx context.Context) error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "gallra-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d := &demo{app: a, w: a.lines(), server: emulator.New(emulator.Options{}), known: map[uuid.UUID]known{}}
	stop, err := d.start(dir)
	if err != nil {
		return err
	}
	defer stop()
	for _, chapter := range []func(context.Context) error{
		d.opening, d.provisioning, d.firstRun, d.rescue, d.theDay, d.whatIsKept, d.proof,
	} {
		if err := errors.Join(chapter(ctx), d.w.err); err != nil {
			return err
		}
	}
	d.w.printf(`
What to do next
  gallra emulator --data sample                     this CRM as a server, to play with
  gallra policy record %-28s the policy in words, for your data protection officer
  docs/policy.md                                    write your own policy
  gallra doctor, gallra plan                        try it on a sandbox: both only read

(%s, on an emulator in memory: nothing real was touched)
`, "testdata/policy/sales.yaml", time.Since(began).Round(100*time.Millisecond))
	return d.w.err
}

// start serves the emulator on loopback and points the settings at it.
func (d *demo) start(dir string) (stop func(), err error) {
	if err := sample.Load(d.server); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	hs := &http.Server{Handler: d.server, ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = hs.Serve(listener) }()
	policy := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		return nil, err
	}
	d.settings = config.Settings{
		URL: "http://" + listener.Addr().String(), Auth: "token", Token: "emulator", Policy: policy, Ledger: filepath.Join(dir, "ledger"),
	}
	d.log = slog.New(slog.DiscardHandler) // the story is the output
	return func() { _ = hs.Close() }, nil
}

func (d *demo) heading(text string) {
	d.w.printf("\n── %s %s\n\n", text, strings.Repeat("─", max(3, 76-len([]rune(text)))))
}

// say prints a paragraph of the story.
func (d *demo) say(format string, args ...any) { d.w.printf(format+"\n", args...) }

func (d *demo) opening(ctx context.Context) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	d.session = s
	d.say("gallra demo: a CRM, its people, and what becomes of those whom nothing justifies keeping")
	d.heading("Who is in the CRM")
	for _, table := range []string{"contact", "lead", "account", "opportunity", "quote", "email", "msevtmgt_eventregistration", "msdynmkt_contactpointconsent4"} {
		n, err := s.client.Count(ctx, dataverse.Query{Table: table})
		if err != nil {
			return err
		}
		d.say("  %5d  %s", n, table)
	}
	for _, table := range []string{"contact", "lead"} {
		if err := d.meet(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// meet remembers who the people are, to tell of them when the CRM does not know them any more.
func (d *demo) meet(ctx context.Context, table string) error {
	for row, err := range d.session.client.Rows(ctx, dataverse.Query{Table: table, Select: []string{"fullname", "emailaddress1"}}) {
		if err != nil {
			return err
		}
		d.known[row.ID(table+"id")] = known{table, row.Text("fullname"), row.Text("emailaddress1")}
	}
	return nil
}

func (d *demo) provisioning(ctx context.Context) error {
	d.heading("gallra provision")
	policy, err := d.loadPolicy()
	if err != nil {
		return err
	}
	checked, err := compile.Check(ctx, policy, d.session.client)
	if err != nil {
		return err
	}
	provisioning, err := checked.Provisioning(ctx, d.session.client)
	if err != nil {
		return err
	}
	var tables []string
	for _, s := range checked.Subjects {
		tables = append(tables, s.Table)
	}
	steps, err := provision.Run(ctx, d.session.client, provisioning, false, nil)
	if err != nil {
		return err
	}
	created := 0
	for _, step := range steps {
		if step.Done && !step.Present {
			created++
		}
	}
	d.say("  %d things created: its own columns on %s, views and a dashboard that show what is coming,", created, strings.Join(tables, " and "))
	d.say("  a section on the forms, and a role with the %d rights that the policy needs and no other.", len(provisioning.Role.Privileges))
	for _, c := range sample.AfterProvision(d.session.client.Now()) {
		if err := d.change(ctx, c); err != nil {
			return err
		}
		d.say("  Somebody in the CRM sets %s.", c.What)
	}
	d.checked, err = compile.Check(ctx, policy, d.session.client)
	return err
}

// change is what somebody in the CRM does to a row.
func (d *demo) change(ctx context.Context, c sample.Change) error {
	op := dataverse.Operation{Method: c.Method, Path: c.Path, Body: c.Body}
	if c.Method == http.MethodPatch {
		op.IfMatch = "*"
	}
	return d.session.client.Do(ctx, op, nil)
}

// run is gallra run --apply.
func (d *demo) run(ctx context.Context) (*purge.Summary, error) {
	l, err := ledger.Open(d.settings.Ledger)
	if err != nil {
		return nil, err
	}
	// Anything tells the client the service's day; it moved with the clock.
	if _, err := d.session.client.WhoAmI(ctx); err != nil {
		return nil, err
	}
	return d.purge(ctx, d.session, d.checked, l, runOptions{apply: true, maxPurges: -1})
}

// plan is gallra plan, before the run that does it.
func (d *demo) plan(ctx context.Context) (*plan.Plan, error) {
	l, err := ledger.Open(d.settings.Ledger)
	if err != nil {
		return nil, err
	}
	if _, err := d.session.client.WhoAmI(ctx); err != nil {
		return nil, err
	}
	return d.evaluate(ctx, d.session, d.checked, d.session.today(d.checked.Policy), l, false)
}

// shownPeople is how many people a table of the story holds.
const shownPeople = 12

func (d *demo) firstRun(ctx context.Context) error {
	plan, err := d.plan(ctx)
	if err != nil {
		return err
	}
	d.heading("What justifies them (gallra plan, " + plan.AsOf.Words() + ")")
	rows := [][]string{}
	for _, g := range plan.Grounds {
		if g.Persons == 0 {
			continue
		}
		s := d.checked.Subject(g.Table)
		i := slices.IndexFunc(s.Grounds, func(x compile.Ground) bool { return x.ID == g.Ground })
		rows = append(rows, []string{fmt.Sprint(g.Persons), g.Table, s.Grounds[i].Why, s.Grounds[i].Basis})
	}
	d.say("%s", d.table([]string{"persons", "table", "because", "lawful basis"}, rows))
	summary, err := d.run(ctx)
	if err != nil {
		return err
	}
	d.heading("Who is scheduled and why (gallra run --apply)")
	d.say("  %d persons get a purge date; kept: %d; under a legal hold: %d. Nobody is purged before the notice is over: %d so far.\n",
		plan.Count(retention.Schedule), plan.Count(retention.Keep), plan.Count(retention.Hold), summary.Purged())
	d.people(plan, retention.Schedule)
	d.say("\n  The sales staff see them in the view \"Contacts to be purged within 2 months\", with the reason.")
	return nil
}

func (d *demo) people(plan *plan.Plan, action retention.Action) {
	rows := [][]string{}
	more := 0
	for i := range plan.Decisions {
		p := &plan.Decisions[i]
		if p.Action != action {
			continue
		}
		if len(rows) == shownPeople {
			more++
			continue
		}
		rows = append(rows, []string{p.Person.Table, d.known[p.Person.ID].name, dated(p.Decision), p.Reason()})
	}
	d.say("%s", d.table([]string{"table", "name", "purge on", "reason, as it stands on the row"}, rows))
	if more > 0 {
		d.say("  … and %d more", more)
	}
}

func (d *demo) rescue(ctx context.Context) error {
	d.server.Advance(14 * 24 * time.Hour)
	if err := d.change(ctx, sample.Deal()); err != nil {
		return err
	}
	plan, err := d.plan(ctx)
	if err != nil {
		return err
	}
	d.heading("Two weeks later, " + plan.AsOf.Words() + ": a rescue")
	d.say("  A seller sees one of them in the view and registers the deal that was missing. The next run:\n")
	if _, err := d.run(ctx); err != nil {
		return err
	}
	d.people(plan, retention.Clear)
	return nil
}

func (d *demo) theDay(ctx context.Context) error {
	d.server.Advance(50 * 24 * time.Hour)
	plan, err := d.plan(ctx)
	if err != nil {
		return err
	}
	d.heading("Two months after the first run, " + plan.AsOf.Words() + ": the day has come")
	summary, err := d.run(ctx)
	if err != nil {
		return err
	}
	d.people(plan, retention.Purge)
	d.say("")
	for _, t := range summary.Subjects {
		d.say("  %s: %d deleted, %d anonymised by the policy, %d anonymised in place because a row that is kept binds them; %d failed",
			t.Table, t.Deleted, t.Anonymized, t.Bound, t.Failed)
	}
	d.say("\n  What happened to the rows that belonged to them:\n")
	rows := [][]string{}
	for _, t := range summary.Related {
		rows = append(rows, []string{t.Table, fmt.Sprint(t.Deleted), fmt.Sprint(t.Anonymized), fmt.Sprint(t.Kept), fmt.Sprint(t.Freed), fmt.Sprint(t.Shared)})
	}
	d.say("%s", d.table([]string{"table", "deleted", "anonymised", "kept", "freed", "taken off"}, rows))
	d.purged(plan)
	return nil
}

// purged keeps only the people who were purged among those who were known.
func (d *demo) purged(plan *plan.Plan) {
	gone := map[uuid.UUID]known{}
	for i := range plan.Decisions {
		if p := &plan.Decisions[i]; p.Action == retention.Purge {
			gone[p.Person.ID] = d.known[p.Person.ID]
		}
	}
	d.known = gone
}

func (d *demo) whatIsKept(ctx context.Context) error {
	d.heading("What is kept")
	q := dataverse.Query{Table: "email", Select: []string{"subject", "statecode"}, Annotations: true,
		Filter: "regardingobjectid_quote_email/statecode eq 2"}
	for row, err := range d.session.client.Rows(ctx, q) {
		if err != nil {
			return err
		}
		d.say("  e-mail %q is still there: the acceptance of a quote is evidence of the contract.", row.Text("subject"))
	}
	columns := []string{"fullname", "emailaddress1", "telephone1", "companyname", "leadsourcecode", "statuscode", "address1_country"}
	for row, err := range d.session.client.Rows(ctx, dataverse.Query{Table: "lead", Select: columns, Filter: policy.DefaultColumns.AnonymizedOn + " ne null", Annotations: true}) {
		if err != nil {
			return err
		}
		d.say("\n  A lead, anonymised: the person is gone, the statistics stay.")
		for _, c := range columns {
			value := row.Formatted(c)
			if value == "" {
				value = row.Text(c)
			}
			if value == "" {
				value = "-"
			}
			d.say("    %-18s %s", c, value)
		}
		break
	}
	return nil
}

func (d *demo) proof(context.Context) error {
	d.heading("The proof")
	texts := map[string]bool{}
	for _, k := range d.known {
		for _, t := range []string{k.name, k.email} {
			if t != "" {
				texts[t] = true
			}
		}
	}
	left := map[string]int{}
	for t := range texts {
		for _, p := range d.server.Find(t) {
			left[p.Where+" "+p.Table]++
		}
	}
	d.say("  The emulator was searched for %d names and addresses of %d purged people: rows, audit history, recycle bin, jobs.", len(texts), len(d.known))
	if len(left) == 0 {
		d.say("  Nothing was found.")
	} else {
		d.say("  What is left stands in rows that the policy keeps or that are a company's, and is reported as such:")
	}
	for _, where := range slices.Sorted(maps.Keys(left)) {
		d.say("    %d in %s", left[where], where)
	}
	proof, err := ledger.Verify(d.settings.Ledger)
	if err != nil {
		return err
	}
	if len(proof.Problems) > 0 {
		return fmt.Errorf("the ledger is not what was written: %s", proof.Problems[0])
	}
	d.say("\n  The ledger: %d entries in %d files, its hash chain is whole (last %s). It holds no personal data.", proof.Entries, proof.Files, proof.Head[:16])
	return nil
}
