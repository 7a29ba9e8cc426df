package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/report"
	"github.com/gallra/gallra/retention/state"
)

// planOptions are the flags of gallra plan.
type planOptions struct {
	asOf  string
	all   bool
	table string
	// ground is the id of the ground that gave the persons their date, manual-extension, or none.
	ground string
	out    string
	full   bool // do not look at what nights keep
	names  bool
	owner  string
	csv    bool
	// reviewed leaves only what a reviewed plan says and what is still true of it.
	reviewed *plan.Reviewed
}

func newPlan(a *app) *cobra.Command {
	o := planOptions{}
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what a run would do and why; nothing is written",
		Long: `Evaluates everybody as a run does and shows what the run would write, with the reason for each person. --as-of looks
ahead: who would be scheduled or purged on that day if nothing changed until then. --out keeps the plan in a file, as
--json prints it, for gallra run --plan. --table, --ground and --owner choose whom to list; totals are of everybody.

--names shows beside each id who it is, on a terminal only: a plan in a file, a pipe or a log holds no names. gallra report
writes lists with names for each owner, readable by you only.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra plan
  gallra plan --as-of 2027-02-01 --table contact
  gallra plan --ground closed-opportunity
  gallra plan --owner me --names
  gallra plan --csv > plan.csv
  gallra plan --out plan.jsonl       # review it, then: gallra run --plan plan.jsonl --apply`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkShown(o); err != nil {
				return err
			}
			return a.runPlan(cmd.Context(), o)
		},
	}
	c.Flags().StringVar(&o.asOf, "as-of", "", "plan for this day instead of today (2027-02-01)")
	c.Flags().BoolVar(&o.all, "all", false, "list persons who are kept as well")
	c.Flags().StringVar(&o.table, "table", "", "list the persons of this subject table only")
	c.Flags().StringVar(&o.ground, "ground", "", "list only persons to whom this ground gave their date; none: whom nothing ever justified")
	c.Flags().BoolVar(&o.full, "full", false, "read everything, whatever nights have kept")
	c.Flags().StringVar(&o.owner, "owner", "", "list only the persons of this user or team: me, an id, a sign-in name, an e-mail address or a full name")
	c.Flags().BoolVar(&o.names, "names", false, "show who the persons are; on a terminal only")
	c.Flags().BoolVar(&o.csv, "csv", false, "print the persons as comma-separated values, without names")
	c.Flags().StringVar(&o.out, "out", "", "keep the plan in this file; it must not be there yet")
	config.WritesNewFile(c.Flags(), "out", "a plan that was reviewed is not written over")
	return c
}

// day is the day to plan for: the one that was asked for, or the service's today.
func (o planOptions) day(s *session, p *policy.Policy) (retention.Date, error) {
	today := s.today(p)
	if o.asOf == "" {
		return today, nil
	}
	d, err := retention.ParseDate(o.asOf)
	if err != nil {
		return 0, &usageError{"--as-of: " + err.Error(), ""}
	}
	if d < today {
		return 0, &usageError{fmt.Sprintf("--as-of %s is past: what the rows say today tells nothing of that day", d), "gallra simulate --back-cast looks back: whom today's policy would have purged, and who became active again"}
	}
	return d, nil
}

func (a *app) runPlan(ctx context.Context, o planOptions) error {
	s, checked, err := a.openBy(ctx, compile.Compile) // whoever mends an unsafe policy sees what it does
	if err != nil {
		return a.tellProblems(err)
	}
	if o.table != "" && checked.Subject(o.table) == nil {
		return &usageError{fmt.Sprintf("the policy has no subject table %q", o.table), "its subjects are " + subjectNames(checked)}
	}
	if err := o.checkGround(checked); err != nil {
		return err
	}
	owned, err := ownedBy(ctx, s, checked, o.owner)
	if err != nil {
		return err
	}
	day, err := o.day(s, checked.Policy)
	if err != nil {
		return err
	}
	if o.reviewed != nil {
		if err := o.reviewed.Fits(checked, day); err != nil {
			return err
		}
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	blind, err := a.warnBlind(ctx, s, checked)
	if err != nil {
		return err
	}
	night, err := a.night(ctx, s, checked, blind || o.full)
	if err != nil {
		return err
	}
	bar := a.progress("reading")
	options := verb.PlanOptions{Day: day, Runs: runsAs(s, l), All: o.all, Night: night, Progress: func(what string, rows int) { bar.add("reading "+what, rows) }}
	if o.reviewed != nil {
		options.Only = func(d *plan.Planned) bool { return o.reviewed.Still(d.Person.Table, d.Person.ID, d.Action) }
	}
	looked, err := verb.Plan(ctx, s.look(checked, l), options)
	bar.done()
	if err != nil {
		return err
	}
	planned, drift, places, waiting := looked.Plan, looked.Drift, looked.Places, looked.Unapproved
	planned.Decisions = slices.DeleteFunc(planned.Decisions, func(d plan.Planned) bool { return !o.shows(&d) || owned != nil && !owned[d.Person.ID] })
	if o.out != "" {
		if err := keepPlan(o.out, planned); err != nil {
			return err
		}
	}
	if o.csv {
		a.warnDrift(drift)
		return report.WriteCSV(a.out, planned, s.client.URL())
	}
	if a.json {
		a.warnDrift(drift)
		if err := planned.WriteJSON(a.out); err != nil {
			return err
		}
		e := json.NewEncoder(a.out)
		for _, t := range places {
			if err := e.Encode(tallyLine(t)); err != nil {
				return err
			}
		}
		return a.keptJSON(keptRules(checked))
	}
	a.warnNoLedger(l.Existed())
	var names map[uuid.UUID]string
	if o.names {
		if names, err = namesOf(ctx, s, checked, shown(planned)); err != nil {
			return err
		}
	}
	if err := a.planWords(planned, checked, looked.Rails, l, names); err != nil {
		return err
	}
	if a.tellPlaces(places); len(places) > 0 {
		a.tellKept(keptRules(checked))
	}
	a.tellStuck(looked.Stuck)
	for _, t := range planned.Tables {
		if t.Unlooked > 0 {
			fmt.Fprintf(a.out, "\nof these %s in `%s` were not looked into, since limits stop the run before them: some may be stuck, and their rows are not counted above\n", plural(t.Unlooked, "person"), t.Table)
		}
	}
	if waiting > 0 {
		fmt.Fprintf(a.out, "\nof these %s wait for somebody else's approval: gallra plan --out FILE, and gallra approve FILE; limits do not count them\n", plural(waiting, "person"))
	}
	a.tellAsked(planned)
	for _, c := range drift {
		if !c.Stops {
			fmt.Fprintf(a.out, "\nchanged since the last run: %s\n", c.Sentence)
		}
	}
	closed, err := inventory.ClosedRows(ctx, s.client, checked)
	if err != nil {
		return err
	}
	for _, t := range closed {
		fmt.Fprintf(a.out, "\n%s\n  remedy: %s\n", doctor.ClosedRows(t), words.Say("doctor.closed.do"))
	}
	if o.reviewed != nil {
		return a.tellReviewed(o.reviewed)
	}
	if o.out != "" {
		then := "gallra run --plan " + o.out + " --apply"
		if checked.Policy.Approval == policy.ByList {
			then = "gallra approve " + o.out + ", by somebody else than who runs the policy"
		}
		fmt.Fprintf(a.out, "\nkept in %s: review it, then %s\n", o.out, then)
	}
	return nil
}

// tellPlaces says what would become of the rows of who is purged now, by place of the person map.
func (a *app) tellPlaces(places []purge.TableTally) {
	var rows [][]string
	for _, t := range places {
		row := []string{t.Table}
		for _, n := range []int{t.Deleted, t.Anonymized, t.Kept, t.Freed, t.Shared} {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		fmt.Fprintf(a.out, "\nrows of the purged, by place (gallra map says what leads there)\n%s\n", a.table([]string{"place", "deleted", "anonymised", "kept", "freed", "taken off"}, rows))
	}
}

// markUnapproved marks who is due and waits for an approval by somebody else than who runs the policy. It answers how many
// they are.
func (a *app) markUnapproved(ctx context.Context, s *session, c *compile.Policy, planned *plan.Plan, l *ledger.Ledger) (int, error) {
	list, err := purge.ReadListed(ctx, s.client, l, c.Policy, runsAs(s, l), planned.AsOf)
	if err != nil {
		return 0, err
	}
	return planned.MarkUnapproved(list.Has), nil
}

// runsAs is who runs the policy: whoever ran last, since whoever looks may be the one to approve.
func runsAs(s *session, l *ledger.Ledger) uuid.UUID {
	if last := purge.LastRun(l); last != nil {
		return last.Actor
	}
	return s.identity.UserID
}

// tellStuck counts who cannot be purged, by table and reason.
func (a *app) tellStuck(stuck []purge.Forecast) {
	type of struct{ table, code string }
	counts := make(map[of]int)
	for _, f := range stuck {
		counts[of{f.Table, f.Code}]++
	}
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b of) int { return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.code, b.code)) }) {
		fmt.Fprintf(a.out, "\nof these %s in `%s` cannot be purged and stay as they are: %s; limits do not count them\n", plural(counts[k], "person"), k.table, k.code)
	}
}

// shows tells whether the decision is one that was asked for.
func (o planOptions) shows(d *plan.Planned) bool {
	if o.table != "" && d.Person.Table != o.table {
		return false
	}
	switch o.ground {
	case "":
		return true
	case noGround:
		return d.GroundID() == ""
	}
	return d.GroundID() == o.ground
}

// checkShown refuses what cannot be shown that way.
func (a *streams) checkShown(o planOptions) error {
	switch {
	case o.csv && a.json:
		return &usageError{"--csv and --json exclude each other", ""}
	case o.names && (o.csv || a.json || !terminal(a.out)):
		return &usageError{"--names shows who people are, on a terminal only", "gallra report --out DIR writes lists with names that only you can read"}
	}
	return nil
}

// ownedBy is whose rows a user or a team has, of the subject tables that have owners; nil where nobody was asked for.
func ownedBy(ctx context.Context, s *session, c *compile.Policy, owner string) (map[uuid.UUID]bool, error) {
	if owner == "" {
		return nil, nil
	}
	who, err := ownerOf(ctx, s, owner)
	if err != nil {
		return nil, err
	}
	owned := map[uuid.UUID]bool{}
	for _, subject := range c.Subjects {
		t, err := s.client.Table(ctx, subject.Table)
		if err != nil {
			return nil, err
		}
		if t.Attributes["ownerid"] == nil {
			continue
		}
		q := dataverse.Query{Table: subject.Table, Set: subject.EntitySet, Filter: "_ownerid_value eq " + who.String()}
		err = s.client.Scan(ctx, q, []string{subject.PrimaryID}, func(row []dataverse.Value) error {
			if id, ok := row[0].GUID(); ok {
				owned[id] = true
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read whom %s owns in %s: %w", who, subject.Table, err)
		}
	}
	return owned, nil
}

// ownerOf is the user or the team that is meant.
func ownerOf(ctx context.Context, s *session, owner string) (uuid.UUID, error) {
	if owner == "me" {
		return s.identity.UserID, nil
	}
	if id, err := uuid.Parse(owner); err == nil {
		return id, nil
	}
	text := odata.Quote(owner)
	var found []uuid.UUID
	for _, in := range []struct{ table, filter string }{
		{"systemuser", fmt.Sprintf("domainname eq %[1]s or internalemailaddress eq %[1]s or fullname eq %[1]s", text)},
		{"team", "name eq " + text},
	} {
		for row, err := range s.client.Rows(ctx, dataverse.Query{Table: in.table, Select: []string{in.table + "id"}, Filter: in.filter}) {
			if err != nil {
				return uuid.Nil, fmt.Errorf("look for the owner: %w", err)
			}
			found = append(found, row.ID(in.table+"id"))
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return uuid.Nil, &usageError{"--owner: no user and no team is called that", "me, an id, a sign-in name, an e-mail address, a full name or a team's name"}
	}
	var ids []string
	for _, id := range found {
		ids = append(ids, id.String())
	}
	return uuid.Nil, &usageError{fmt.Sprintf("--owner: %d users and teams are called that", len(found)), "say which by its id: " + strings.Join(ids, ", ")}
}

// noGround is what --ground calls persons whom nothing ever justified.
const noGround = "none"

func (o planOptions) checkGround(c *compile.Policy) error {
	if o.ground == "" || o.ground == noGround || o.ground == retention.ManualExtension {
		return nil
	}
	var known []string
	for _, s := range c.Subjects {
		for _, g := range s.Grounds {
			if g.ID == o.ground {
				return nil
			}
			if !slices.Contains(known, g.ID) {
				known = append(known, g.ID)
			}
		}
	}
	known = append(known, retention.ManualExtension, noGround)
	return &usageError{fmt.Sprintf("the policy has no ground %q", o.ground), "there are " + strings.Join(known, ", ")}
}

// keepPlan writes the plan to a new file, whole or not at all.
func keepPlan(path string, plan *plan.Plan) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &usageError{path + " is there already", "name another file: a plan that was reviewed is not written over"}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".plan-*")
	if err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("keep the plan: %w", err)
		}
	}()
	w := bufio.NewWriter(f)
	if err := errors.Join(plan.WriteJSON(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// evaluate reads everybody and plans, with progress where somebody watches.
func (a *app) evaluate(ctx context.Context, s *session, c *compile.Policy, day retention.Date, l *ledger.Ledger, all bool) (*plan.Plan, error) {
	bar := a.progress("reading")
	defer bar.done()
	planned, _, err := s.look(c, l).Evaluate(ctx, verb.PlanOptions{Day: day, All: all, Progress: func(what string, rows int) { bar.add("reading "+what, rows) }})
	return planned, err
}

// look is what verbs look at.
func (s *session) look(c *compile.Policy, l *ledger.Ledger) verb.Look {
	return verb.Look{Client: s.client, Checked: c, Ledger: l, Today: s.today(c.Policy)}
}

// night is a night that only looks: it reads what runs have kept. There is none where nothing is kept, or full asks for everything.
func (a *app) night(ctx context.Context, s *session, c *compile.Policy, full bool) (*state.Night, error) {
	if full {
		return nil, nil
	}
	kept, err := a.openState(ctx)
	if kept == nil || err != nil {
		return nil, err
	}
	o := kept.options(s)
	o.Client, o.Organization, o.User, o.Policy = s.client, s.org.ID, s.identity.UserID, c.Policy.Hash
	left, err := purge.Left(ctx, s.client, s.org.ID)
	if err != nil {
		return nil, err
	}
	o.Before = left
	n, err := state.Open(ctx, *o)
	var off *state.OffError
	if errors.As(err, &off) {
		fmt.Fprintf(a.errs, "gallra: warning: %s\nhint: %s\n", off, off.Hint())
		return nil, nil
	}
	return n, err
}

// warnDrift says beside the lines for a machine what has changed in the environment since the last run.
func (a *streams) warnDrift(drift []purge.Change) {
	for _, c := range drift {
		what := "changed since the last run"
		if c.Stops {
			what = "gallra run --apply would purge nobody"
		}
		fmt.Fprintf(a.errs, "gallra: %s: %s\n", what, c.Sentence)
	}
}

// warnNoLedger says what a missing ledger means: it delays purges and never hastens them.
func (a *app) warnNoLedger(existed bool) {
	if existed {
		return
	}
	fmt.Fprintf(a.errs, "gallra: there is no ledger in %s: purge dates on the rows that it cannot prove get the whole notice again\n", a.settings.Ledger)
}

func subjectNames(c *compile.Policy) string {
	var names string
	for i, s := range c.Subjects {
		if i > 0 {
			names += ", "
		}
		names += s.Table
	}
	return names
}
