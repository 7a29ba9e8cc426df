package policytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// Result is what became of a case.
type Result struct {
	Name     string
	Pos      policy.Pos
	Failures policy.Problems // empty: it passed
}

// Run runs the cases of a file against a policy. The error is [retention.Problems] where the file or the policy does not
// fit what the emulator knows; cases that fail are no error.
//
// Each case runs twice: in a CRM whose negative conditions are true of empty columns and in one whose are not. Which of them
// Dataverse is nobody knows for certain, so a case passes only where it does in both.
func Run(ctx context.Context, f *policy.TestFile, p *policy.Policy) ([]Result, error) {
	results, err := runWith(ctx, f, p, emulator.NullMatchesNegation)
	if err != nil {
		return nil, err
	}
	others, err := runWith(ctx, f, p, emulator.NullMatchesNothing)
	if err != nil {
		return nil, err
	}
	for i := range results {
		results[i].Failures = agreeing(f, results[i], others[i])
	}
	return results, nil
}

// agreeing are the failures of a case in both CRMs.
func agreeing(f *policy.TestFile, one, other Result) policy.Problems {
	if slices.Equal(one.Failures, other.Failures) {
		return one.Failures
	}
	failures := slices.Clone(one.Failures)
	for _, p := range other.Failures {
		if !slices.Contains(failures, p) {
			failures = append(failures, p)
		}
	}
	return append(failures, f.Problem(one.Pos, "the verdict turns on whether the service counts rows in which a column is empty", "say in the rule what becomes of them: or … eq null, and … ne null"))
}

func runWith(ctx context.Context, f *policy.TestFile, p *policy.Policy, nulls emulator.NullNegation) ([]Result, error) {
	crm, err := start(f, p, nulls)
	if err != nil {
		return nil, err
	}
	defer crm.client.Close()
	var results []Result
	for i := range f.Cases {
		r, err := crm.run(ctx, &f.Cases[i])
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// world is the emulator that all cases of a file run on, one after the other.
type world struct {
	file   *policy.TestFile
	policy *policy.Policy
	server *emulator.Server
	client *dataverse.Client
	empty  string // the snapshot without rows
}

// start makes an emulator with the company's columns and those of gallra.
func start(f *policy.TestFile, p *policy.Policy, nulls emulator.NullNegation) (*world, error) {
	w := &world{file: f, policy: p, server: emulator.New(emulator.Options{Token: token, NullNegation: nulls})}
	for _, c := range f.Columns {
		made := emulator.Column{Table: c.Table, SchemaName: c.Name, Label: c.Name}
		switch c.Type {
		case "text":
			made.Type, made.MaxLength = "String", 4000
		case "yes-no":
			made.Type = "Boolean"
		case "number", "choice": // both are whole numbers to a filter
			made.Type = "Integer"
		case "date":
			made.Type, made.Behavior = "DateTime", "DateOnly"
		case "date-time":
			made.Type, made.Behavior = "DateTime", "UserLocal"
		case "date-time-independent":
			made.Type, made.Behavior = "DateTime", "TimeZoneIndependent"
		}
		prefix, _, _ := strings.Cut(c.Name, "_")
		if err := w.server.AddColumns(prefix, made); err != nil {
			return nil, policy.Problems{f.Problem(c.Pos, err.Error(), "")}
		}
	}
	for _, s := range p.Subjects {
		// A subject that the emulator does not have is told by the check, with its place in the policy.
		_ = w.server.AddColumns("gallra", ownColumns(s.Table)...)
	}
	var err error
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		return nil, err
	}
	w.client, err = dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: inProcess{w.server}})
	if err != nil {
		return nil, err
	}
	w.empty = w.server.Snapshot()
	return w, nil
}

const token = "policy-test"

// ownColumns are the columns that provisioning would create.
func ownColumns(table string) []emulator.Column {
	var all []emulator.Column
	for _, c := range provision.GallraColumns() {
		made := emulator.Column{Table: table, SchemaName: c.SchemaName, Label: c.DisplayName, MaxLength: c.MaxLength}
		switch c.Kind {
		case provision.DateColumn:
			made.Type, made.Behavior = "DateTime", "DateOnly"
		case provision.YesNoColumn:
			made.Type = "Boolean"
		default:
			made.Type = "String"
		}
		all = append(all, made)
	}
	return all
}

// pinned is an environment with the id that the policy is pinned to: a test is about rules, not about places.
type pinned struct {
	dataverse.Reader
	organization uuid.UUID
}

func (p pinned) Organization(ctx context.Context) (dataverse.Organization, error) {
	org, err := p.Reader.Organization(ctx)
	org.ID, org.Production = p.organization, false
	return org, err
}

func (w *world) run(ctx context.Context, c *policy.TestCase) (Result, error) {
	result := Result{Name: c.Name, Pos: c.Pos}
	if err := w.server.Restore(w.empty); err != nil {
		return result, err
	}
	y, m, d := c.Today.Time().Date()
	w.server.SetClock(time.Date(y, m, d, 12, 0, 0, 0, w.policy.TimeZone))
	records, err := compile.Records(ctx, w.client, w.file, c)
	if err != nil {
		return result, err
	}
	if err := w.load(records); err != nil {
		return result, err
	}
	reader := pinned{Reader: w.client}
	if reader.organization, err = uuid.Parse(w.policy.Environment.Organization); err != nil {
		return result, fmt.Errorf("the policy's organisation: %w", err)
	}
	checked, err := compile.Check(ctx, w.policy, reader)
	if err != nil {
		return result, err
	}
	proven := traces(c, checked, records)
	evaluation, err := evaluate.Evaluate(ctx, reader, checked, evaluate.EvaluateOptions{Today: c.Today, Traces: proven})
	if err != nil {
		return result, fmt.Errorf("case %q: %w", c.Name, err)
	}
	plan := plan.NewPlan(checked, evaluation, plan.PlanOptions{Traces: proven, All: true})
	for _, x := range c.Expect {
		result.Failures = append(result.Failures, w.judge(x, records, plan)...)
	}
	return result, nil
}

// load loads the rows of a case; what does not fit the schema is told at its place in the file.
func (w *world) load(records []policy.TestRecord) error {
	var rows []emulator.Record
	for _, r := range records {
		row := emulator.Record{Table: r.Table, ID: r.ID, Values: map[string]any{}}
		for name, v := range r.Values {
			row.Values[name] = emulated(v)
		}
		rows = append(rows, row)
	}
	err := w.server.Load(rows...)
	var bad *emulator.RecordError
	if !errors.As(err, &bad) {
		return err
	}
	at, label := policy.Pos{}, ""
	for _, r := range records {
		if r.ID == bad.ID {
			at, label = r.Pos, r.Label
			if p, ok := r.At[bad.Column]; ok {
				at = p
			}
		}
	}
	what := "the row `" + label + "` does not fit `" + bad.Table + "`"
	if bad.Column != "" {
		what = fmt.Sprintf("`%s` of the row `%s` does not fit `%s`", bad.Column, label, bad.Table)
	}
	return policy.Problems{w.file.Problem(at, what+": "+bad.Why, "")}
}

// emulated is a value as the emulator takes it.
func emulated(v any) any {
	switch v := v.(type) {
	case policy.TestRef:
		return emulator.Ref(v.Table, v.ID)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = emulated(v[i])
		}
		return list
	}
	return v
}

// traces is a ledger that proves what stands on the rows.
func traces(c *policy.TestCase, checked *compile.Policy, records []policy.TestRecord) func(string, uuid.UUID) retention.Trace {
	if c.LedgerLost {
		return nil
	}
	proven := map[uuid.UUID]retention.Trace{}
	for _, r := range records {
		s := checked.Subject(r.Table)
		if s == nil {
			continue
		}
		date := func(column string) retention.Date {
			text, _ := r.Values[column].(string)
			d, _ := retention.ParseDate(text)
			return d
		}
		proven[r.ID] = retention.Trace{PurgeOn: date(s.Own.PurgeScheduledOn), NoticedOn: date(s.Own.PurgeNoticedOn)}
	}
	return func(_ string, id uuid.UUID) retention.Trace { return proven[id] }
}

// judge holds an expectation against the plan.
func (w *world) judge(x policy.TestExpect, records []policy.TestRecord, planned *plan.Plan) policy.Problems {
	var failures policy.Problems
	i := slices.IndexFunc(records, func(r policy.TestRecord) bool { return r.Label == x.Label })
	j := slices.IndexFunc(planned.Decisions, func(d plan.Planned) bool { return d.Person.ID == records[i].ID })
	if j < 0 {
		if x.Action != "none" {
			failures = append(failures, w.file.Problem(x.Pos, fmt.Sprintf("%s: want %s, and the row is not judged", x.Label, x.Action),
				"its table is no subject of the policy, or it is anonymised"))
		}
		return failures
	}
	d := &planned.Decisions[j]
	check := func(key, want, got string, same bool) {
		if want == "" || same {
			return
		}
		at, ok := x.At[key]
		if !ok {
			at = x.Pos
		}
		failures = append(failures, w.file.Problem(at, fmt.Sprintf("%s: want %s %s, got %s", x.Label, key, want, got), "why: "+d.Reason()))
	}
	check("action", x.Action, string(d.Action), x.Action == string(d.Action))
	until, on, ground := dateWord(d.Until), dateWord(d.PurgeOn), d.GroundID()
	if ground == "" {
		ground = "none"
	}
	check("retainUntil", x.RetainUntil, until, x.RetainUntil == until)
	check("purgeOn", x.PurgeOn, on, x.PurgeOn == on)
	check("ground", x.Ground, ground, x.Ground == ground)
	check("reason", x.Reason, d.Reason(), strings.Contains(strings.ToLower(d.Reason()), strings.ToLower(x.Reason)))
	return failures
}

func dateWord(d retention.Date) string {
	if d.IsZero() {
		return "none"
	}
	return d.String()
}
