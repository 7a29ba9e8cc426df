package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

const batch = `
tables:
  - name: new_log
    label: Log
    columns:
      - {name: new_text, type: memo}
      - {name: new_kind, type: choice, options: {Deleted: 1, Changed: 2}}
      - {name: new_on, type: date}
      - {name: new_contact, type: lookup, to: contact, onDelete: cascade}
  - name: contact
    columns:
      - {name: acme_score, type: decimal}
rows:
  - table: new_log
    values: {new_name: first, new_kind: Changed, new_on: "2020-02-03", new_contact: {row: berg}}
  - table: contact
    as: berg
    id: 11111111-2222-4333-8444-555555555555
    values: {firstname: Ida, lastname: Berg, createdon: "2019-05-06T07:08:09Z", statecode: 1, acme_score: 1.5, ownerid: {table: team, id: TEAM}, parentcustomerid: {row: acme}}
  - {table: account, as: acme, values: {name: Acme}}
  - {table: email, values: {subject: Hello, to: [{row: berg}, "other@example.com"], statecode: 1}}
`

// TestLoad: own tables and columns, rows in any order with dates, states and owners, in YAML, JSON and NDJSON.
func TestLoad(t *testing.T) {
	o := newSite(t, emulator.Options{})
	text := strings.Replace(batch, "TEAM", o.server.Rows("team")[0].ID.String(), 1)
	r := o.control("POST", "load", text).want(200, `"tables":2`, `"rows":4`, `"berg":"11111111-2222-4333-8444-555555555555"`)
	c := o.do("GET", "contacts(11111111-2222-4333-8444-555555555555)?$select=fullname,createdon,statecode,statuscode,acme_score,_parentcustomerid_value,_ownerid_value&$expand=new_contact_contact_new_log($select=new_name,new_kind,new_on)", "").want(200).object()
	for name, want := range map[string]string{"fullname": "Ida Berg", "createdon": "2019-05-06T07:08:09Z", "statecode": "1", "statuscode": "2", "acme_score": "1.50"} {
		if got := fmt.Sprint(c[name]); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if ids := r.object()["ids"].(map[string]any); c["_parentcustomerid_value"] != ids["acme"] {
		t.Errorf("%v is not %v", c["_parentcustomerid_value"], ids["acme"])
	}
	if logs := fmt.Sprint(c["new_contact_contact_new_log"]); !strings.Contains(logs, "new_kind:2") || !strings.Contains(logs, "2020-02-03") {
		t.Error(logs)
	}
	o.do("DELETE", "contacts(11111111-2222-4333-8444-555555555555)", "").want(204)
	if n := len(o.server.Rows("new_log")); n != 0 {
		t.Errorf("%d logs are left by the cascade", n)
	}
	o.control("POST", "load", `{"table":"contact","values":{"lastname":"A"}}`+"\n"+`{"table":"contact","values":{"lastname":"B","birthdate":"1990-01-02"}}`+"\n").want(200, `"rows":2`)
	o.control("POST", "load", `{"rows":[{"table":"contact","values":{"lastname":"C","numberofchildren":2,"creditlimit":12.5}}]}`).want(200, `"rows":1`)
	if n := len(o.server.Rows("contact")); n != 3 {
		t.Errorf("%d contacts", n)
	}
}

// TestLoadIsAllOrNothing: what makes no sense is refused with its number and a hint, without a value, and nothing of it is there.
func TestLoadIsAllOrNothing(t *testing.T) {
	o := newSite(t, emulator.Options{})
	good := `{"table":"contact","values":{"lastname":"Secret"}}`
	for body, words := range map[string][]string{
		good + "\n" + `{"table":"contcat","values":{}}`:                                                             {"row 2", `is \"contact\" meant?`},
		good + "\n" + `{"table":"contact","values":{"lastnam":"x"}}`:                                                {"row 2", `is \"lastname\" meant?`},
		good + "\n" + `{"table":"contact","valeus":{}}`:                                                             {"row 2", `is \"values\" meant?`},
		good + "\n" + `{"table":"contact","values":{"birthdate":"Secret"}}`:                                         {"row 2", "birthdate", "does not fit"},
		good + "\n" + `{"table":"contact","values":{"parentcustomerid":{"table":"account","id":"` + nobody + `"}}}`: {"row 2", "parentcustomerid", "there is no account"},
		good + "\n" + `{"table":"contact","values":{"parentcustomerid":{"row":"nobody"}}}`:                          {"row 2", "nobody"},
		good + "\n" + `{"table":"contact","values":{"parentcustomerid":{"tabel":"x"}}}`:                             {`is \"table\" meant?`},
		good + "\n" + `{"table":"contact","id":"x","values":{}}`:                                                    {"row 2", "id"},
		good + "\n" + `{"table"`: {"row 2"},
		`{"tables":[{"name":"new_x","columns":[{"name":"new_y","type":"txt"}]}],"rows":[` + good + `]}`: {"table 1", `is \"text\" meant?`},
		`{"tables":[{"name":"nothing"}]}`: {"table 1", "new_nothing"},
		`{"tables":[{"name":"new_x"}],"rows":[` + good + `,{"table":"new_x","values":{"new_nam":"x"}}]}`: {"row 2", `is \"new_name\" meant?`},
		"rows:\n  - table: contact\n    valeus: {}\n":                                                    {"line 3, column 5", `is \"values\" meant?`},
	} {
		if r := o.control("POST", "load", body).want(400, words...); strings.Contains(r.text, "Secret") {
			t.Errorf("a value is quoted: %s", r.text)
		}
	}
	if n := len(o.server.Rows("contact")); n != 0 {
		t.Errorf("%d contacts", n)
	}
	o.do("GET", "EntityDefinitions(LogicalName='new_x')?$select=LogicalName", "").want(404)
}

const nobody = "99999999-9999-4999-8999-999999999999"

// TestRowsCanBeLoadedAgain: what Rows gives is what Load takes.
func TestRowsCanBeLoadedAgain(t *testing.T) {
	a, b := newSite(t, emulator.Options{}), newSite(t, emulator.Options{})
	a.control("POST", "load", `{"rows":[{"table":"account","as":"a","values":{"name":"A","revenue":12.5}},{"table":"contact","values":{"lastname":"B","birthdate":"1990-01-02","parentcustomerid":{"row":"a"},"createdon":"2020-01-01T00:00:00Z"}}]}`).want(200)
	for _, table := range []string{"account", "contact"} {
		for _, r := range a.server.Rows(table) {
			for name := range r.Values { // what belongs to the environment, or is made anew
				switch name {
				case "transactioncurrencyid", "ownerid", "owninguser", "owningbusinessunit", "versionnumber", "createdby", "modifiedby", "address1_addressid", "address2_addressid", "address3_addressid":
					delete(r.Values, name)
				}
			}
			if err := b.server.Load(r); err != nil {
				t.Error(err)
			}
		}
	}
	if got, want := fmt.Sprint(b.server.Rows("contact")[0].Values["birthdate"]), fmt.Sprint(a.server.Rows("contact")[0].Values["birthdate"]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Users that a test loads stand in the root business unit, as nobody can be without one, and take its roles.
func TestLoadedUsersHaveABusinessUnit(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user := uuid.New()
	if err := o.server.Load(emulator.Record{Table: "systemuser", ID: user, Values: map[string]any{"domainname": "a@x.invalid"}}); err != nil {
		t.Fatal(err)
	}
	role := o.do("GET", "roles?$select=roleid&$filter=name eq 'Basic User'", "").want(200).object()["value"].([]any)[0].(map[string]any)["roleid"].(string)
	o.do("POST", "systemusers("+user.String()+")/systemuserroles_association/$ref", `{"@odata.id":"roles(`+role+`)"}`).want(204)
}
