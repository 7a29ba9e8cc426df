package policytest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/policytest"
	"github.com/gallra/gallra/retention/take"
)

// TestARuleAboutTheCompanysOwnTablesIsTestedBySnapshot takes the definitions of a CRM with a table of its own, with a lookup that
// restricts, and tests a rule about it.
func TestARuleAboutTheCompanysOwnTablesIsTestedBySnapshot(t *testing.T) {
	server := emulator.New(emulator.Options{})
	if err := server.AddColumns("nord", emulator.CompanyColumns()...); err != nil {
		t.Fatal(err)
	}
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: server.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	type body = map[string]any
	label := func(text string) body {
		return body{"LocalizedLabels": []body{{"Label": text, "LanguageCode": 1033}}}
	}
	for _, x := range []struct {
		path string
		body body
	}{
		{"publishers", body{"friendlyname": "vend", "uniquename": "vend", "customizationprefix": "vend", "customizationoptionvalueprefix": 30001}},
		{"EntityDefinitions", body{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "vend_Card", "DisplayName": label("Card"), "DisplayCollectionName": label("Cards"), "OwnershipType": "UserOwned",
			"IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []body{{"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "vend_Name", "DisplayName": label("Name"), "IsPrimaryName": true, "MaxLength": 100, "RequiredLevel": body{"Value": "None"}}}}},
		{"RelationshipDefinitions", body{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "vend_contact_card", "ReferencedEntity": "contact", "ReferencingEntity": "vend_card",
			"CascadeConfiguration": body{"Assign": "NoCascade", "Delete": "Restrict", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
			"Lookup":               body{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "vend_ContactId", "DisplayName": label("Contact"), "RequiredLevel": body{"Value": "None"}}}},
	} {
		if err := c.Do(t.Context(), dataverse.Operation{Method: http.MethodPost, Path: x.path, Body: x.body}, nil); err != nil {
			t.Fatal(x.path, err)
		}
	}
	dir := t.TempDir()
	if _, err := take.Take(t.Context(), c, take.Options{Path: filepath.Join(dir, "crm.gallra")}); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	at := strings.Index(gallra.ModelPolicy, "    related:\n") + len("    related:\n")
	p, err := policy.Load(write("sales.yaml", gallra.ModelPolicy[:at]+"      - {table: vend_card, link: vend_contactid, do: delete}\n"+gallra.ModelPolicy[at:]))
	if err != nil {
		t.Fatal(err)
	}
	cases := `
schema: SCHEMA
today: 2026-11-24
cases:
  - name: a card goes with its holder
    rows:
      ada: {table: contact, lastname: Berg, createdon: 2015-01-01, gallra_purgescheduledon: 2026-11-01, gallra_purgenoticedon: 2026-08-01}
      card: {table: vend_card, vend_name: Gold, vend_contactid: ada}
    expect:
      ada: {action: purge}
      card: delete
`
	run := func(schema string) ([]policytest.Result, error) {
		f, err := policy.LoadTests(write("cases.yaml", strings.Replace(cases, "SCHEMA", schema, 1)))
		if err != nil {
			return nil, err
		}
		return policytest.Run(t.Context(), f, p)
	}
	results, err := run("crm.gallra")
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || len(results[0].Failures) > 0 {
		t.Errorf("%+v", results)
	}
	if _, err := run("sales.yaml"); err == nil || !strings.Contains(err.Error(), "no snapshot of gallra") {
		t.Errorf("a schema that is none: %v", err)
	}
	if _, err := run("missing.gallra"); err == nil || !strings.Contains(err.Error(), "cases.yaml:2:") {
		t.Errorf("a schema that is not there: %v", err)
	}
}
