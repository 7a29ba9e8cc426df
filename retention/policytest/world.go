package policytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

	own  *emulator.Server // as the company has it, without gallra's columns
	made *emulator.Server // the same, provisioned; nil until a case needs it
	defs *dataverse.Definitions
}

// crm is an emulator, and a client of it.
type crm struct {
	server *emulator.Server
	client *dataverse.Client
}

const token = "policy-test"

func connect(server *emulator.Server, known *dataverse.Definitions) (crm, error) {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		return crm{}, err
	}
	client, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: inProcess{server}, Definitions: known})
	return crm{server, client}, err
}

// start makes an emulator with the company's tables and columns and those of gallra.
func start(ctx context.Context, f *policy.TestFile, p *policy.Policy, nulls emulator.NullNegation) (*world, error) {
	w := &world{file: f, policy: p, nulls: nulls, own: emulator.New(emulator.Options{Token: token, NullNegation: nulls}), defs: new(dataverse.Definitions)}
	if err := w.company(ctx); err != nil {
		return nil, err
	}
	if err := w.teams(); err != nil {
		return nil, err
	}
	return w, w.open()
}

// teams makes the teams that stages hand rows to: they are no matter of a case.
func (w *world) teams() error {
	var rows []emulator.Record
	for i := range w.policy.Subjects {
		for _, rules := range w.policy.Subjects[i].Judged() {
			for _, stage := range rules.Stages {
				r := emulator.Record{Table: "team", ID: policy.TestID("team " + stage.Team), Values: map[string]any{"name": stage.Team}}
				if stage.Team != "" && !slices.ContainsFunc(rows, func(o emulator.Record) bool { return o.ID == r.ID }) {
					rows = append(rows, r)
				}
			}
		}
	}
	return w.own.Load(rows...)
}

// with is the same world, where negative conditions are otherwise true of empty columns. It shares every definition.
func (w *world) with(nulls emulator.NullNegation) (*world, error) {
	o := emulator.Options{Token: token, NullNegation: nulls}
	other := &world{file: w.file, policy: w.policy, nulls: nulls, own: w.own.Clone(o), defs: w.defs}
	if w.made != nil {
		other.made = w.made.Clone(o)
	}
	return other, other.open()
}

// open makes what the cases are judged in.
func (w *world) open() error {
	server := w.own.Clone(emulator.Options{Token: token, NullNegation: w.nulls})
	for _, s := range w.policy.Subjects {
		// A subject that the emulator does not have is told by the check, with its place in the policy.
		_ = server.AddColumns("gallra", ownColumns(s.Table)...)
	}
	var err error
	if w.crm, err = connect(server, w.defs); err != nil {
		return err
	}
	w.empty = w.server.Snapshot()
	return nil
}

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
		what.Role = provision.Role{} // the cases are run by an administrator
		if _, err := provision.Run(ctx, c.client, what, false, func(provision.Step) {}); err != nil {
			return c, fmt.Errorf("provision the emulator: %w", err)
		}
		w.made = server
	}
	server := w.made.Clone(emulator.Options{Token: token, NullNegation: w.nulls})
	server.SetClock(today)
	return connect(server, w.defs)
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
