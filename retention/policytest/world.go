package policytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// world is what the cases of a file share: the emulator with the company's tables and columns, and no rows.
type world struct {
	file   *policy.TestFile
	policy *policy.Policy
	nulls  emulator.NullNegation
	crm
	empty string // the snapshot without rows

	own   *emulator.Server // as the company has it, without gallra's columns
	ready *emulator.Server // the same with them, in which cases are judged
	made  *emulator.Server // the same, provisioned; nil until a case needs it
	defs  *dataverse.Definitions
	judge *dataverse.Client // of a copy of ready, nil until there is one: it knows the definitions that the others need
	lived *dataverse.Client // of a copy of made
}

// blank is what a company begins with. Its copies share the definitions that nobody has changed, and what is rendered of them.
var blank = sync.OnceValue(func() *emulator.Server { return emulator.New(emulator.Options{Token: token}) })

// crm is an emulator, and a client of it.
type crm struct {
	server *emulator.Server
	client *dataverse.Client
}

const token = "policy-test"

// definitions are shared by all runs of a process: most tables are the same in each.
var definitions = new(dataverse.Definitions)

func connect(server *emulator.Server, known *dataverse.Definitions) (crm, error) {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		return crm{}, err
	}
	client, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: server.Transport(), Definitions: known})
	return crm{server, client}, err
}

// start makes an emulator with the company's tables and columns and those of gallra.
func start(ctx context.Context, f *policy.TestFile, p *policy.Policy, nulls emulator.NullNegation) (*world, error) {
	w := &world{file: f, policy: p, nulls: nulls, defs: definitions}
	if f.Schema == "" {
		w.own = blank().Clone(emulator.Options{Token: token, NullNegation: nulls})
	} else {
		var err error
		if w.own, _, err = emulator.OpenEmpty(f.Schema, emulator.Options{Token: token, NullNegation: nulls, OrganizationType: "CustomerTest"}); err != nil {
			return nil, notSchema(f, err)
		}
	}
	if err := w.company(ctx); err != nil {
		return nil, err
	}
	if err := w.named(); err != nil {
		return nil, err
	}
	w.ready = w.own.Clone(emulator.Options{Token: token, NullNegation: nulls})
	for _, s := range w.policy.Subjects {
		// A subject that the emulator does not have is told by the check, with its place in the policy.
		_ = w.ready.AddColumns("gallra", ownColumns(s.Table)...)
	}
	return w, w.open()
}

// notSchema is the problem of a snapshot that cannot be opened.
func notSchema(f *policy.TestFile, err error) error {
	remedy := "gallra snapshot --out FILE makes one"
	var told interface{ Hint() string }
	if errors.As(err, &told) {
		remedy = told.Hint()
	}
	return policy.Problems{f.Problem(f.SchemaAt, err.Error(), remedy)}
}

// named makes the teams that stages hand rows to and the queues that persons are asked by: they are no matter of a case.
func (w *world) named() error {
	var rows []emulator.Record
	add := func(table, name string) {
		r := emulator.Record{Table: table, ID: policy.TestID(table + " " + name), Values: map[string]any{"name": name}}
		if name != "" && !slices.ContainsFunc(rows, func(o emulator.Record) bool { return o.ID == r.ID }) {
			rows = append(rows, r)
		}
	}
	for i := range w.policy.Subjects {
		for _, rules := range w.policy.Subjects[i].Judged() {
			for _, stage := range rules.Stages {
				add("team", stage.Team)
			}
			if rules.Ask != nil {
				add("queue", rules.Ask.Queue)
			}
		}
	}
	return w.own.Load(rows...)
}

// with is the same world, where negative conditions are otherwise true of empty columns. It shares every definition.
func (w *world) with(nulls emulator.NullNegation) (*world, error) {
	o := emulator.Options{Token: token, NullNegation: nulls}
	other := &world{file: w.file, policy: w.policy, nulls: nulls, own: w.own.Clone(o), ready: w.ready.Clone(o), defs: w.defs, judge: w.judge, lived: w.lived}
	if w.made != nil {
		other.made = w.made.Clone(o)
	}
	return other, other.open()
}

// open makes what the cases are judged in.
func (w *world) open() error {
	var err error
	if w.crm, err = w.copyOf(w.ready, &w.judge); err != nil {
		return err
	}
	w.empty = w.server.Snapshot()
	return nil
}

// ownColumns are the columns that provisioning would create.
func ownColumns(table string) []emulator.Column {
	var all []emulator.Column
	for _, c := range provision.GallraColumns() {
		made := emulator.Column{Table: table, SchemaName: c.SchemaName, Label: c.DisplayName.In(provision.English), MaxLength: c.MaxLength}
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

// provisioned is a CRM of its own, provisioned as a living one is.
func (w *world) provisioned(ctx context.Context, today time.Time) (crm, error) {
	if w.made == nil {
		server := w.own.Clone(emulator.Options{Token: token, NullNegation: w.nulls})
		server.SetClock(today)
		c, err := connect(server, w.defs)
		if err != nil {
			return c, err
		}
		defer c.client.Close()
		reader, err := w.pinned(c.client)
		if err != nil {
			return c, err
		}
		checked, err := compile.Compile(ctx, w.policy, reader)
		if err != nil {
			return c, err
		}
		what, err := checked.Provisioning(ctx, c.client)
		if err != nil {
			return c, err
		}
		what = what.ColumnsAndViews()
		what.Role = provision.Role{} // the cases are run by an administrator
		if _, err := provision.Run(ctx, c.client, what, false, func(provision.Step) {}); err != nil {
			return c, fmt.Errorf("provision the emulator: %w", err)
		}
		w.made = server
	}
	c, err := w.copyOf(w.made, &w.lived)
	if err == nil {
		c.server.SetClock(today)
	}
	return c, err
}

// copyOf is a copy of a CRM. Its client knows what the last one of such a copy has read of definitions, which are most of all that a
// case would ask for.
func (w *world) copyOf(server *emulator.Server, last **dataverse.Client) (crm, error) {
	c, err := connect(server.Clone(emulator.Options{Token: token, NullNegation: w.nulls}), w.defs)
	if err != nil {
		return c, err
	}
	if *last != nil {
		c.client.KnowLike(*last)
	}
	*last = c.client
	return c, nil
}

// noon is the middle of a day by the policy's clocks.
func (w *world) noon(d retention.Date) time.Time {
	y, m, day := d.Time().Date()
	return time.Date(y, m, day, 12, 0, 0, 0, w.policy.TimeZone)
}

// pinned is an environment with the id that the policy is pinned to: a test is about rules, not about places.
type pinned struct {
	dataverse.Writer
	organization uuid.UUID
}

func (w *world) pinned(c *dataverse.Client) (pinned, error) {
	id, err := uuid.Parse(w.policy.Environment.Organization)
	if err != nil {
		return pinned{}, fmt.Errorf("the policy's organisation: %w", err)
	}
	return pinned{c, id}, nil
}

func (p pinned) Organization(ctx context.Context) (dataverse.Organization, error) {
	org, err := p.Writer.Organization(ctx)
	org.ID, org.Production = p.organization, false
	return org, err
}

// load loads the rows of a case; what does not fit the schema is told at its place in the file.
func (w *world) load(into *emulator.Server, records []policy.TestRecord) error {
	var rows []emulator.Record
	for _, r := range records {
		row := emulator.Record{Table: r.Table, ID: r.ID, Values: map[string]any{}}
		for name, v := range r.Values {
			row.Values[name] = emulated(v)
		}
		rows = append(rows, row)
	}
	err := into.Load(rows...)
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
