package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
)

const candidatePolicy = `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f, allowProduction: false}
timeZone: Europe/Stockholm
limits: {purges: 10, share: 100%}
subjects:
  nord_candidate:
    purge: delete
    grounds:
      - {id: applied, basis: consent, why: Applied for a job, trigger: Applied, after: nord_appliedon, keep: 24 months}
    related:
      - {table: '*', do: delete}
`

func text(s string) map[string]any {
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []any{map[string]any{
		"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": s, "LanguageCode": 1033}}}
}

// TestATableOfTheCompanysOwn takes a table that no product knows from its definition to the purge of its rows.
func TestATableOfTheCompanysOwn(t *testing.T) {
	ctx := context.Background()
	server := emulator.New(emulatortest.Options(emulator.Options{}))
	site := httptest.NewServer(server)
	defer site.Close()
	dir := t.TempDir()
	policy := filepath.Join(dir, "candidates.yaml")
	if err := os.WriteFile(policy, []byte(candidatePolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := &app{streams: streams{in: os.Stdin, out: &out, errs: &bytes.Buffer{}}, log: slog.New(slog.DiscardHandler),
		settings: config.Settings{URL: site.URL, Auth: "token", Token: "emulator", Policy: policy, Ledger: filepath.Join(dir, "ledger")}}
	s, err := a.connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	post := func(path string, body map[string]any) {
		t.Helper()
		if err := s.client.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: path, Body: body}, nil); err != nil {
			t.Fatal(err)
		}
	}
	none := map[string]any{"Value": "None"}
	post("publishers", map[string]any{"friendlyname": "Nord", "uniquename": "nord", "customizationprefix": "nord", "customizationoptionvalueprefix": 72700})
	post("EntityDefinitions", map[string]any{
		"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "nord_Candidate", "DisplayName": text("Candidate"),
		"DisplayCollectionName": text("Candidates"), "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": true,
		"Attributes": []any{map[string]any{
			"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "AttributeType": "String", "AttributeTypeName": map[string]any{"Value": "StringType"},
			"SchemaName": "nord_Name", "IsPrimaryName": true, "FormatName": map[string]any{"Value": "Text"}, "MaxLength": 100, "DisplayName": text("Name"), "RequiredLevel": none,
		}},
	})
	post("EntityDefinitions(LogicalName='nord_candidate')/Attributes", map[string]any{
		"@odata.type": "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata", "AttributeType": "DateTime", "AttributeTypeName": map[string]any{"Value": "DateTimeType"},
		"SchemaName": "nord_AppliedOn", "Format": "DateOnly", "DateTimeBehavior": map[string]any{"Value": "DateOnly"}, "DisplayName": text("Applied"), "RequiredLevel": none,
	})
	today := server.Now()
	post("nord_candidates", map[string]any{"nord_name": "Ada Longago", "nord_appliedon": today.AddDate(-5, 0, 0).Format(time.DateOnly)})
	post("nord_candidates", map[string]any{"nord_name": "Grace Lately", "nord_appliedon": today.AddDate(0, -1, 0).Format(time.DateOnly)})

	if err := a.runProvision(ctx, provisionOptions{}); err != nil {
		t.Fatal(err)
	}
	apply := func() {
		t.Helper()
		if err := a.runApply(ctx, runOptions{apply: true, maxPurges: -1}); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
	apply()
	if len(server.Find("Longago")) == 0 {
		t.Fatal("purged without a notice")
	}
	server.Advance(62 * 24 * time.Hour)
	apply()
	if left := server.Find("Longago"); len(left) > 0 {
		t.Errorf("still found: %v", left)
	}
	if len(server.Find("Lately")) == 0 {
		t.Error("somebody was purged whom a ground justifies")
	}
}
