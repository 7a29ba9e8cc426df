package policytest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// What a purge does with rows is not worked out here: the persons of a case who are due are purged, by a run as it is at
// night, and what stands afterwards is held against what stood before.

// aftermath is a case before and after the purge of those who are due.
type aftermath struct {
	rows     map[string]change // by label
	outcomes map[uuid.UUID]purge.Outcome
	stop     *purge.StopError // why the run went no further
	ended    int              // rows that went by a period of their own
}

// purge runs the case with a ledger that proves the dates on its rows.
func (w *world) purge(ctx context.Context, c *policy.TestCase, records []policy.TestRecord, expect []policy.TestExpect) (*aftermath, error) {
	crm, client, checked, err := w.living(ctx, c, records)
	if err != nil {
		return nil, err
	}
	defer crm.client.Close()
	out := &aftermath{rows: map[string]change{}, outcomes: map[uuid.UUID]purge.Outcome{}}
	look := lookout{client: crm.client, ours: ourColumns(checked)}
	for _, x := range expect {
		if out.rows[x.Label], err = look.before(ctx, recordOf(records, x.Label)); err != nil {
			return nil, err
		}
	}
	l, err := ledger.OpenStorage(ctx, &memory{})
	if err != nil {
		return nil, err
	}
	deps := purge.Deps{Client: client, Ledger: l, Policy: checked, Today: c.Today, Run: ledger.Run{ID: "case", Verb: "run", Version: "test"}, Poll: time.Millisecond,
		Only:    func(_ string, _ uuid.UUID, a retention.Action) bool { return a == retention.Purge },
		Outcome: func(o purge.Outcome) { out.outcomes[o.ID] = o }}
	if err := prove(ctx, deps, c, traces(c, checked, records), records); err != nil {
		return nil, err
	}
	summary, err := purge.Run(ctx, deps)
	if err != nil && !errors.As(err, &out.stop) {
		return nil, fmt.Errorf("case %q: %w", c.Name, err)
	}
	for _, t := range summary.Rows {
		out.ended += t.Ended
	}
	for label, was := range out.rows {
		if out.rows[label], err = look.after(ctx, was); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// living is a CRM with rows in it, provisioned, on the first day of a case.
func (w *world) living(ctx context.Context, c *policy.TestCase, records []policy.TestRecord) (crm, pinned, *compile.Policy, error) {
	crm, err := w.provisioned(ctx, w.noon(c.Today))
	if err != nil {
		return crm, pinned{}, nil, err
	}
	client, err := w.pinned(crm.client)
	if err == nil {
		err = w.load(crm.server, records)
	}
	var checked *compile.Policy
	if err == nil {
		checked, err = compile.Check(ctx, w.careless(), client)
	}
	if err != nil {
		crm.client.Close()
	}
	return crm, client, checked, err
}

// careless is the policy without what only keeps a run from going too far: a case is smaller than any limit was made for.
func (w *world) careless() *policy.Policy {
	p := *w.policy
	p.Limits = policy.Limits{Purges: math.MaxInt32, Share: 1, Rows: math.MaxInt32, RowShare: 1, Asks: math.MaxInt32}
	p.Approval, p.Engine = policy.NoApproval, policy.WebAPI
	return &p
}

// prove writes into the ledger that the dates on the rows have stood there, and into the environment how far the ledger
// goes: what a run before this one would have left.
func prove(ctx context.Context, d purge.Deps, c *policy.TestCase, proven func(string, uuid.UUID) retention.Trace, records []policy.TestRecord) error {
	if proven == nil {
		return nil
	}
	var seen []ledger.Entry
	for _, r := range records {
		if t := proven(r.Table, r.ID); !t.PurgeOn.IsZero() {
			seen = append(seen, ledger.Entry{Kind: ledger.Seen, Table: r.Table, ID: r.ID, PurgeOn: t.PurgeOn, NoticedOn: t.NoticedOn})
		}
	}
	for _, l := range c.Lost {
		seen = append(seen, ledger.Entry{Kind: ledger.Lost, Ground: l.Ground, Today: l.On, Rows: map[string][]uuid.UUID{c.Rows[l.Label].Table: {policy.TestID(l.Label)}}})
	}
	for _, x := range c.Changed {
		r := recordOf(records, x.Label)
		for i := range d.Policy.Subjects {
			s := &d.Policy.Subjects[i]
			for j := range s.Grounds {
				if g := &s.Grounds[j]; g.ID == x.Ground && g.Change != nil {
					seen = append(seen, ledger.Entry{Kind: ledger.Changed, Table: s.Table, Ground: g.ID + "." + g.Change.Column, Today: x.On, Rows: map[string][]uuid.UUID{r.Table: {r.ID}}})
				}
			}
		}
	}
	for _, a := range c.Asked {
		r := recordOf(records, a.Label)
		e := ledger.Entry{Kind: ledger.Asking, Table: r.Table, ID: r.ID, PurgeOn: proven(r.Table, r.ID).PurgeOn, Today: a.On, Rows: map[string][]uuid.UUID{"task": {policy.TestID("asked " + a.Label)}}}
		done := e
		done.Kind, done.Status = ledger.WasAsked, ledger.Done
		seen = append(seen, e, done)
	}
	run := d.Run
	run.ID, run.Policy, run.Organization, run.Today, run.Now = "before", d.Policy.Policy.Hash, d.Policy.Organization, d.Today, d.Client.Now
	if err := d.Ledger.Begin(ctx, run); err != nil {
		return err
	}
	if err := errors.Join(d.Ledger.Append(seen...), d.Ledger.End(ledger.Done, nil)); err != nil {
		return err
	}
	at := d.Ledger.Checkpoint(d.Client.Now())
	at.Organization = d.Policy.Organization
	line, err := at.Line(nil)
	if err != nil {
		return err
	}
	note, err := provision.ReadNote(ctx, d.Client)
	if err != nil {
		return err
	}
	note.Ledger = strings.TrimSpace(string(line))
	_, err = note.Write(ctx, d.Client, run.ID)
	return err
}

func recordOf(records []policy.TestRecord, label string) policy.TestRecord {
	i := slices.IndexFunc(records, func(r policy.TestRecord) bool { return r.Label == label })
	return records[i]
}

// ourColumns are those that a run writes on persons for itself.
func ourColumns(c *compile.Policy) map[string][]string {
	ours := map[string][]string{}
	for _, s := range c.Subjects {
		o := s.Own
		ours[s.Table] = []string{o.PurgeScheduledOn, o.PurgeNoticedOn, o.PurgeReason, o.RetainUntil, o.RetainReason, o.LegalHold, o.AnonymizedOn}
	}
	return ours
}

// lookout reads rows before and after.
type lookout struct {
	client dataverse.Reader
	ours   map[string][]string
}

// change is a row before and after.
type change struct {
	policy.TestRecord
	was, is          dataverse.Row // is: nil where it is gone
	parties, present []string      // of an activity
	table            *dataverse.Table
	ours             []string
}

func (l lookout) before(ctx context.Context, r policy.TestRecord) (change, error) {
	t, err := l.client.Table(ctx, r.Table)
	if err != nil {
		return change{}, err
	}
	c := change{TestRecord: r, table: t, ours: l.ours[r.Table]}
	c.was, c.parties, err = l.read(ctx, c)
	return c, err
}

func (l lookout) after(ctx context.Context, c change) (change, error) {
	var err error
	c.is, c.present, err = l.read(ctx, c)
	if errors.Is(err, dataverse.ErrNotFound) {
		return c, nil
	}
	return c, err
}

func (l lookout) read(ctx context.Context, c change) (dataverse.Row, []string, error) {
	row, err := l.client.Get(ctx, c.Table, c.ID, dataverse.Query{})
	if err != nil || !c.table.Activity {
		return row, nil, err
	}
	var parties []string
	q := dataverse.Query{Table: "activityparty", Select: []string{"_partyid_value", "participationtypemask", "addressused"}, Filter: "_activityid_value eq " + c.ID.String()}
	for p, err := range l.client.Rows(ctx, q) {
		if err != nil {
			return nil, nil, err
		}
		if n, _ := p.Int("participationtypemask"); n <= 8 { // those behind are the lookups of the activity itself
			parties = append(parties, fmt.Sprint(p["_partyid_value"], n, p["addressused"]))
		}
	}
	return row, parties, nil
}

// stamps are the columns that the platform writes with every update.
var stamps = []string{"modifiedon", "modifiedby", "modifiedonbehalfby", "versionnumber"}

// differs lists the columns that say something else than before, and the lookups that lead nowhere any more.
func (c change) differs() (columns, links []string) {
	for name, a := range c.table.Attributes {
		wire := name
		if isLookup(a) {
			wire = "_" + name + "_value"
		}
		was := c.was[wire]
		if was == nil || slices.Contains(stamps, name) || slices.Contains(c.ours, name) || fmt.Sprint(was) == fmt.Sprint(c.is[wire]) {
			continue
		}
		if isLookup(a) && c.is[wire] == nil {
			links = append(links, name)
			continue
		}
		columns = append(columns, name)
	}
	for _, p := range c.parties {
		if !slices.Contains(c.present, p) {
			links = append(links, "a party")
			break
		}
	}
	slices.Sort(columns)
	slices.Sort(links)
	return columns, links
}

func isLookup(a *dataverse.Attribute) bool {
	return a.Type == "Lookup" || a.Type == "Customer" || a.Type == "Owner"
}

// archived are the columns that say whose a row is and whether it is active.
var archived = []string{"ownerid", "owninguser", "owningteam", "owningbusinessunit", "statecode", "statuscode"}

// fate is what became of the row, by its narrowest word, and what it is seen by.
func (c change) fate() (policy.Fate, string) {
	if c.is == nil {
		return policy.FateDelete, "the row is gone"
	}
	columns, links := c.differs()
	switch {
	case slices.Contains(columns, "ownerid") && !slices.ContainsFunc(columns, func(name string) bool { return !slices.Contains(archived, name) }):
		if !slices.Contains(columns, "statecode") { // an assignment cascades to what belongs to a row
			return policy.FateKeep, "the row went to another owner with the row that it belongs to"
		}
		if state, _ := c.is.Int("statecode"); state == 0 {
			return policy.FateRestore, "the row is active again, and another's"
		}
		return policy.FateArchive, "the row is inactive, and another's"
	case len(columns) > 0:
		return policy.FateAnonymize, "otherwise than before: " + strings.Join(columns, ", ")
	case len(links) > 0:
		return policy.FateFree, "its link is gone: " + strings.Join(links, ", ")
	}
	return policy.FateKeep, "the row stands as it was"
}
