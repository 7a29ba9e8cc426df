package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// definitionQuestions are reads of every kind of what is rendered once.
var definitionQuestions = []string{
	"", "?$select=LogicalName,DisplayName,HasNotes,HasActivities,Privileges", "/Attributes",
	"/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet,GlobalOptionSet($select=DisplayName,Options)",
	"?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=IsCustomAttribute eq true),ManyToManyRelationships($select=SchemaName)",
	"/OneToManyRelationships?$select=SchemaName", "/ManyToOneRelationships?$select=SchemaName,ReferencedAttribute", "/ManyToManyRelationships", "/Keys",
	"/DisplayName", "/ObjectTypeCode/$value", "/SettingOf/$value",
}

// TestDefinitionsAreRenderedOnce changes definitions in all kinds of ways, and reads each before and after: what was kept
// of a table must be what rendering it afresh gives.
func TestDefinitionsAreRenderedOnce(t *testing.T) {
	s := New(Options{})
	send := func(method, target, body string) *httptest.ResponseRecorder {
		t.Helper()
		u, err := url.Parse("http://emulator.invalid/api/data/v9.2/" + strings.ReplaceAll(target, " ", "%20"))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(method, "http://emulator.invalid/", strings.NewReader(body))
		r.URL = u
		r.Header.Set("Authorization", "Bearer emulator")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	tables := []string{"contact", "new_thing"}
	changes := 0
	compare := func() {
		t.Helper()
		now := s.engine.Store.View().Schema
		var targets []string
		for _, table := range tables {
			for _, q := range definitionQuestions {
				targets = append(targets, "EntityDefinitions(LogicalName='"+table+"')"+q)
			}
		}
		for _, target := range append(targets, "EntityDefinitions?$select=LogicalName,HasNotes&$filter=IsCustomEntity eq true",
			fmt.Sprintf("EntityDefinitions(%s)/Attributes", metadata.TableID(now.Tables["contact"]))) {
			resource, query, _ := strings.Cut(target, "?")
			p, err := wire.ParsePath(resource)
			if err != nil {
				t.Fatal(err)
			}
			values, err := wire.ParseQuery(strings.ReplaceAll(query, " ", "%20"))
			if err != nil {
				t.Fatal(err)
			}
			c := &wire.Call{Engine: s.engine, Path: p, Query: values, Base: "http://emulator.invalid/api/data/v9.2"}
			var want *wire.Answer
			if fresh, err := metadata.ReadDefinitionText(metadata.CopySchema(now), c); err != nil { // a copy is not published, so that nothing is kept of it
				want = wire.ErrorAnswer(err, c)
			} else {
				want = fresh.Answer(c)
			}
			for range 2 {
				if got := send("GET", target, ""); got.Code != want.Status || got.Body.String() != string(want.Bytes()) {
					t.Fatalf("%s after %d changes: %d %s\nafresh: %d %s", target, changes, got.Code, got.Body, want.Status, want.Bytes())
				}
			}
		}
	}
	// What a query with another blank in it shows is rendered afresh.
	changesAgain := func() {
		t.Helper()
		for _, parts := range []string{`"LogicalName","Attributes"`, `"LogicalName","Keys"`, `"DisplayName","OneToManyRelationships","ManyToManyRelationships"`} {
			ask := func(blanks int) string {
				query := strings.Repeat(" ", blanks) + `{"Properties":{"AllProperties":false,"PropertyNames":[` + parts + `]},"Criteria":{"FilterOperator":"And","Conditions":[` +
					`{"ConditionOperator":"In","PropertyName":"LogicalName","Value":{"Type":"System.String[]","Value":"contact,new_thing"}}]}}`
				w := send("GET", "RetrieveMetadataChanges(Query=@p1)?@p1="+url.QueryEscape(query), "")
				if w.Code != http.StatusOK {
					t.Fatalf("%s: %d %s", parts, w.Code, w.Body)
				}
				_, list, _ := strings.Cut(w.Body.String(), `"EntityMetadata":`)
				return list
			}
			if kept, fresh := ask(0), ask(changes+1); kept != fresh || ask(0) != fresh {
				t.Fatalf("%s after %d changes: what is kept is not what is rendered afresh", parts, changes)
			}
		}
	}
	compare()
	changesAgain()
	label := func(text string) string {
		return `{"LocalizedLabels":[{"Label":"` + text + `","LanguageCode":1033}]}`
	}
	column := func(typ, name, more string) string {
		return `{"@odata.type":"Microsoft.Dynamics.CRM.` + typ + `AttributeMetadata","SchemaName":"` + name + `","DisplayName":` + label(name) + more + `}`
	}
	options := `"Options":[{"Value":1,"Label":` + label("One") + `}]`
	contact := "EntityDefinitions(LogicalName='contact')"
	for _, change := range [][3]string{
		{"POST", contact + "/Attributes", column("String", "new_Text", `,"MaxLength":10`)},
		{"PUT", contact + "/Attributes(LogicalName='new_text')", column("String", "new_Text", `,"MaxLength":20`)},
		{"POST", "GlobalOptionSetDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"new_set","OptionSetType":"Picklist","DisplayName":` + label("Set") + `,` + options + `}`},
		{"POST", contact + "/Attributes", column("Picklist", "new_Choice", `,"GlobalOptionSet@odata.bind":"/GlobalOptionSetDefinitions(Name='new_set')"`)},
		{"PUT", "GlobalOptionSetDefinitions(Name='new_set')", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"new_set","OptionSetType":"Picklist","DisplayName":` + label("Renamed") + `}`},
		{"POST", "InsertOptionValue", `{"OptionSetName":"new_set","Value":2,"Label":` + label("Two") + `}`},
		{"POST", "EntityDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"new_Thing","OwnershipType":"UserOwned","IsActivity":false,"HasActivities":true,"HasNotes":true,"DisplayName":` +
			label("Thing") + `,"DisplayCollectionName":` + label("Things") + `,"Attributes":[` + column("String", "new_Name", `,"IsPrimaryName":true,"MaxLength":10`) + `]}`},
		{"POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"new_account_contact","ReferencedEntity":"account","ReferencingEntity":"contact","Lookup":` +
			column("Lookup", "new_Account", "") + `}`},
		{"POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata","SchemaName":"new_many","Entity1LogicalName":"contact","Entity2LogicalName":"account","IntersectEntityName":"new_many"}`},
		{"POST", contact + "/Keys", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityKeyMetadata","SchemaName":"new_Key","DisplayName":` + label("Key") + `,"KeyAttributes":["employeeid"]}`},
		{"DELETE", "RelationshipDefinitions(SchemaName='new_many')", ""},
		{"DELETE", "RelationshipDefinitions(SchemaName='new_account_contact')", ""},
		{"DELETE", contact + "/Attributes(LogicalName='new_text')", ""},
		{"DELETE", "EntityDefinitions(LogicalName='new_thing')", ""},
	} {
		if w := send(change[0], change[1], change[2]); w.Code >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", change[0], change[1], w.Code, w.Body)
		}
		changes++
		compare()
		changesAgain()
	}
}

// TestDefinitionsAreSharedByServers tells that a server renders nothing that another has rendered.
func TestDefinitionsAreSharedByServers(t *testing.T) {
	one, other := New(Options{}).engine.Store.View().Schema, New(Options{}).engine.Store.View().Schema
	for _, name := range one.TableNames() {
		if a, b := metadata.RenderedOf(one, one.Tables[name]), metadata.RenderedOf(other, other.Tables[name]); a == nil || a != b {
			t.Errorf("%s is rendered twice", name)
		}
	}
}

// TestDefinitionTextsAreBounded asks more of one table than is kept.
func TestDefinitionTextsAreBounded(t *testing.T) {
	r := &metadata.Rendered{}
	for i := range 3 * metadata.MaxTexts {
		want := fmt.Sprint(i)
		for range 2 {
			got, err := r.Text(want, func() (metadata.DefinitionText, error) { return metadata.DefinitionText{Context: want}, nil })
			if err != nil || got.Context != want {
				t.Fatalf("question %d is answered %q, %v", i, got.Context, err)
			}
		}
		if len(r.Texts) > metadata.MaxTexts {
			t.Fatalf("%d texts are kept", len(r.Texts))
		}
	}
}
