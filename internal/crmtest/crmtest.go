// Package crmtest makes the CRM that tests of snapshots and rehearsals go by: generated data, and tables of the company's own.
package crmtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/take"
)

// Noon is when these worlds are.
var Noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Token is the bearer token of their emulators.
const Token = "emulator"

// definitions are shared by the clients of all tests: the same text is taken apart once.
var definitions = new(dataverse.Definitions)

// Connect makes a client of an emulator with that token, and asks it who it is.
func Connect(t *testing.T, server *emulator.Server, token string) *dataverse.Client {
	t.Helper()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: server.Transport(), Definitions: definitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.WhoAmI(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// Body is what is sent to the service.
type Body = map[string]any

func label(text string) Body {
	return Body{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []Body{{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

func attribute(kind, name string, more Body) Body {
	b := Body{"@odata.type": "Microsoft.Dynamics.CRM." + kind + "AttributeMetadata", "SchemaName": name, "DisplayName": label(name), "RequiredLevel": Body{"Value": "None"}}
	for k, v := range more {
		b[k] = v
	}
	return b
}

// Company is a CRM with tables of its own: visits of contacts, which go with them, cards that keep them, and talks, which are found by
// their address. Who has which the seed decides.
func Company(t *testing.T, contacts, leads int, seed uint64) (*emulator.Server, *dataverse.Client) {
	t.Helper()
	server := emulator.New(emulatortest.Options(emulator.Options{Token: Token, JobStep: -1}, "no-address-rows", "read-only-quotes")) // a rehearsal cannot know of either
	server.SetClock(Noon)
	if err := server.Generate(emulator.Generated{Contacts: contacts, Leads: leads, Seed: seed}); err != nil {
		t.Fatal(err)
	}
	c := Connect(t, server, Token)
	define(t, c)
	var rows []emulator.Record
	random := rand.New(rand.NewPCG(seed, 7))
	n := 0
	for row, err := range c.Rows(t.Context(), dataverse.Query{Table: "contact", Select: []string{"emailaddress1"}, OrderBy: "contactid"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		id, address := row.ID("contactid"), row.Text("emailaddress1")
		put := func(table string, values Body) {
			values["vend_name"] = fmt.Sprintf("%s number %d of the fair, %s", table, n, address)
			rows = append(rows, emulator.Record{Table: table, ID: uuid.NewSHA1(id, []byte(table)), Values: values})
		}
		if random.IntN(3) == 0 {
			put("vend_visit", Body{"vend_contactid": emulator.Ref("contact", id), "vend_saidby": " " + address, "vend_score": 10 + n%80, "vend_kind": 1 + n%2})
		}
		if random.IntN(5) == 0 {
			put("vend_card", Body{"vend_contactid": emulator.Ref("contact", id)})
		}
		if random.IntN(4) == 0 && address != "" {
			put("vend_talk", Body{"vend_email": []string{"", " "}[random.IntN(2)] + address})
		}
	}
	if err := server.Load(rows...); err != nil {
		t.Fatal(err)
	}
	return server, c
}

// define makes the company's tables.
func define(t *testing.T, c *dataverse.Client) {
	t.Helper()
	post := func(path string, b Body) {
		t.Helper()
		if err := c.Do(t.Context(), dataverse.Operation{Method: http.MethodPost, Path: path, Body: b}, nil); err != nil {
			t.Fatal(path, err)
		}
	}
	post("publishers", Body{"friendlyname": "vend", "uniquename": "vend", "customizationprefix": "vend", "customizationoptionvalueprefix": 30001})
	for _, name := range []string{"vend_Visit", "vend_Card", "vend_Talk"} {
		post("EntityDefinitions", Body{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": name, "DisplayName": label(name), "DisplayCollectionName": label(name + "s"),
			"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": true, "HasNotes": true,
			"Attributes": []Body{attribute("String", "vend_Name", Body{"IsPrimaryName": true, "MaxLength": 200})}})
	}
	for table, onDelete := range map[string]string{"vend_visit": "Cascade", "vend_card": "Restrict"} {
		post("RelationshipDefinitions", Body{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "vend_contact_" + table, "ReferencedEntity": "contact", "ReferencingEntity": table,
			"CascadeConfiguration": Body{"Assign": "NoCascade", "Delete": onDelete, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
			"Lookup":               attribute("Lookup", "vend_ContactId", nil)})
	}
	post("EntityDefinitions(LogicalName='vend_talk')/Attributes", attribute("String", "vend_Email", Body{"MaxLength": 200, "FormatName": Body{"Value": "Email"}}))
	// A text like any other, in which addresses stand.
	post("EntityDefinitions(LogicalName='vend_visit')/Attributes", attribute("String", "vend_SaidBy", Body{"MaxLength": 200}))
	post("EntityDefinitions(LogicalName='vend_visit')/Attributes", attribute("Integer", "vend_Score", Body{"MinValue": 0, "MaxValue": 100}))
	post("EntityDefinitions(LogicalName='vend_visit')/Attributes", attribute("Picklist", "vend_Kind", Body{"DefaultFormValue": 2, "OptionSet": Body{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "IsGlobal": false,
		"OptionSetType": "Picklist", "Options": []Body{{"Value": 1, "Label": label("Shop")}, {"Value": 2, "Label": label("Phone")}}}}))
}

// Load is a policy of that text.
func Load(t *testing.T, text string) *policy.Policy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Compiled is a policy held against the environment.
func Compiled(t *testing.T, c *dataverse.Client, p *policy.Policy) *compile.Policy {
	t.Helper()
	checked, err := compile.Compile(t.Context(), p, c)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// Taken is a snapshot in a file of the test's own.
func Taken(t *testing.T, c *dataverse.Client, o take.Options) (string, *take.Result) {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "crm.gallra")
	r, err := take.Take(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return o.Path, r
}

// Rows are the rows that a snapshot is to take, as the flag says them.
func Rows(t *testing.T, text string) take.Rows {
	t.Helper()
	r, err := take.ParseRows(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
