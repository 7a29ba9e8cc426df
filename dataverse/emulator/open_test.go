package emulator_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/snapshot"
)

// fileOf is a snapshot with two tables of a company: one whose rows are kept elsewhere, and one with a column that is computed.
func fileOf(t *testing.T, organization uuid.UUID) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crm.gallra")
	w, _, err := snapshot.Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	column := func(name, kind string) snapshot.Column {
		return snapshot.Column{Name: name, SchemaName: name, Type: kind, Custom: true, MaxLength: 100}
	}
	table := func(name string, more ...snapshot.Column) snapshot.Table {
		return snapshot.Table{Name: name, SchemaName: name, Set: name + "s", ID: name + "id", PrimaryName: "vend_name", Ownership: "OrganizationOwned", Custom: true,
			Columns: append([]snapshot.Column{{Name: name + "id", SchemaName: name + "Id", Type: "Uniqueidentifier", Required: "SystemRequired"}, column("vend_name", "String")}, more...)}
	}
	sum := column("vend_sum", "Decimal")
	sum.Source, sum.NoCreate, sum.NoUpdate = 3, true, true
	odd := column("vend_odd", "Hologram")
	sensor := table("vend_sensor")
	sensor.Type = "Elastic"
	visit := table("vend_visit", sum, odd, snapshot.Column{Name: "vend_contactid", SchemaName: "vend_ContactId", Type: "Lookup", Custom: true, Targets: []string{"contact"}})
	visit.Relations = []snapshot.Relation{{Name: "vend_contact_visit", Referenced: "contact", Referencing: "vend_visit", Attribute: "vend_contactid", Nav: "vend_ContactId", Collection: "vend_contact_visit", Delete: "Restrict", Custom: true}}
	head := snapshot.Head{Organization: organization, Type: "Customer", Taken: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Settings: snapshot.Settings{Audited: false, AuditDays: 30}}
	for _, name := range []string{"contact", "lead", "account", "vend_sensor", "vend_visit"} {
		head.Tables = append(head.Tables, snapshot.Summary{Name: name})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Part("head", func() error { return w.WriteHead(head) }))
	must(w.Part("definitions", func() error { return errors.Join(w.WriteTable(sensor), w.WriteTable(visit)) }))
	must(w.Part("rows", func() error {
		return errors.Join(w.Rows("vend_visit", []snapshot.RowColumn{{Name: "vend_visitid"}, {Name: "vend_name"}, {Name: "vend_sum"}, {Name: "vend_odd"}, {Name: "vend_contactid"}}),
			w.Row([]byte(`[0,"6f1c9b54-6d0f-4f5e-8a36-7f4f1f1f0001",1,"xkcd",2,12.5,3,"?",4,"6f1c9b54-6d0f-4f5e-8a36-7f4f1f1f0002"]`)), w.EndRows(1))
	}))
	must(w.Finish())
	return path
}

func clientOf(t *testing.T, server *emulator.Server) *dataverse.Client {
	t.Helper()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: server.Transport(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAnOpenedSnapshotIsTheEnvironmentThatItNames(t *testing.T) {
	organization := uuid.New()
	server, head, err := emulator.Open(fileOf(t, organization), emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(t, server)
	ctx := t.Context()
	who, err := c.WhoAmI(ctx)
	if err != nil || who.OrganizationID != organization || head.Organization != organization {
		t.Fatal(who, err)
	}
	if org, err := c.Organization(ctx); err != nil || org.ID != organization || !org.Production {
		t.Error(org, err)
	}
	if at := c.Now(); at.Before(head.Taken) || at.After(head.Taken.Add(time.Hour)) {
		t.Errorf("the clock says %s", at)
	}
	settings, err := c.Settings(ctx)
	if err != nil || settings.Audited || settings.AuditDays != 30 || settings.RecycleBin {
		t.Errorf("%+v %v", settings, err)
	}
	all, err := c.Tables(ctx)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := map[string]bool{}
	for _, x := range all {
		elsewhere[x.LogicalName] = x.Elsewhere
	}
	if !elsewhere["vend_sensor"] || elsewhere["vend_visit"] {
		t.Errorf("an elastic table is told as one, and no other: %v", elsewhere)
	}
	if _, there := elsewhere["opportunity"]; there {
		t.Error("the environment has no opportunities")
	}
	row, err := c.Get(ctx, "vend_visit", uuid.MustParse("6f1c9b54-6d0f-4f5e-8a36-7f4f1f1f0001"), dataverse.Query{Select: []string{"vend_sum", "_vend_contactid_value"}})
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := row["vend_sum"].(interface{ String() string }); !ok || n.String() != "12.5" || row.ID("vend_contactid") == uuid.Nil {
		t.Errorf("%v", row)
	}
	d, err := c.Table(ctx, "vend_visit")
	if err != nil {
		t.Fatal(err)
	}
	if a := d.Attributes["vend_sum"]; a.ForUpdate || a.ForCreate || d.Attributes["vend_odd"] != nil || d.ManyToOne[0].Delete != "Restrict" {
		t.Errorf("%+v", a)
	}
	err = c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "vend_visits(6f1c9b54-6d0f-4f5e-8a36-7f4f1f1f0001)", IfMatch: "*", Body: map[string]any{"vend_sum": 3}}, nil)
	if again, e := c.Get(ctx, "vend_visit", uuid.MustParse("6f1c9b54-6d0f-4f5e-8a36-7f4f1f1f0001"), dataverse.Query{Select: []string{"vend_sum"}}); e != nil || again["vend_sum"].(interface{ String() string }).String() != "12.5" {
		t.Errorf("a computed column was written: %v %v %v", err, again, e)
	}
	if empty, _, err := emulator.OpenEmpty(fileOf(t, organization), emulator.Options{}); err != nil {
		t.Error(err)
	} else if n, err := clientOf(t, empty).Count(ctx, dataverse.Query{Table: "vend_visit"}); err != nil || n != 0 {
		t.Error(n, err)
	}
}

func TestASnapshotThatIsNotWholeIsNotServed(t *testing.T) {
	path := fileOf(t, uuid.New())
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 20, len(text) / 2, len(text) - 1} {
		if err := os.WriteFile(path, text[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		var file *snapshot.FileError
		if server, _, err := emulator.Open(path, emulator.Options{}); server != nil || !errors.As(err, &file) || !strings.Contains(err.Error(), path) {
			t.Errorf("%d of %d bytes: %v", size, len(text), err)
		}
	}
}
