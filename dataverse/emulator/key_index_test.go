package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// keyed is a site whose contacts have a number as their key.
func keyed(t testing.TB) *site {
	t.Helper()
	o := newSite(t, emulator.Options{NoAddressRows: true})
	o.do("POST", "EntityDefinitions(LogicalName='contact')/Keys", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityKeyMetadata",
		"SchemaName":"new_Number","DisplayName":{"LocalizedLabels":[{"Label":"Number","LanguageCode":1033}]},"KeyAttributes":["employeeid","birthdate"]}`).want(204)
	return o
}

// TestKeyFollowsTheRows: define-alternate-keys-entity, use-upsert-insert-update-record: a key leads to the row that has
// its values now, whatever wrote them.
func TestKeyFollowsTheRows(t *testing.T) {
	o := newSite(t, emulator.Options{})
	early := o.create("contacts", `{"lastname":"Early","employeeid":"E-1","birthdate":"1990-01-01"}`)
	o.do("POST", "EntityDefinitions(LogicalName='contact')/Keys", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityKeyMetadata",
		"SchemaName":"new_Number","DisplayName":{"LocalizedLabels":[{"Label":"Number","LanguageCode":1033}]},"KeyAttributes":["employeeid","birthdate"]}`).want(204)
	at := func(number, born string) string {
		return "contacts(employeeid='" + number + "',birthdate=" + born + ")"
	}

	o.do("GET", at("e-1", "1990-01-01"), "").want(200, early)
	o.do("GET", at("E-1", "1990-01-02"), "").want(404, "0x80060891")
	late := o.do("PATCH", at("E-2", "1990-01-01"), `{"lastname":"Late"}`).want(204).id()
	late = o.row("contacts", late)["contactid"].(string)
	o.do("PATCH", at("E-2", "1990-01-01"), `{"firstname":"Still"}`).want(204)
	if got := o.row("contacts", late); got["firstname"] != "Still" || got["employeeid"] != "E-2" {
		t.Errorf("the second upsert did not find the row of the first: %v", got["fullname"])
	}
	o.do("POST", "contacts", `{"lastname":"x","employeeid":"e-2","birthdate":"1990-01-01"}`).want(412, "0x80060892")
	o.do("PATCH", "contacts("+late+")", `{"employeeid":"E-1"}`).want(412, "0x80060892")
	o.do("POST", "contacts", `{"lastname":"x","employeeid":"E-2"}`).want(204) // a null holds no key

	o.do("PATCH", "contacts("+late+")", `{"employeeid":"E-3"}`).want(204)
	o.do("GET", at("E-2", "1990-01-01"), "").want(404, "0x80060891")
	o.do("GET", at("E-3", "1990-01-01"), "").want(200, late)
	o.do("DELETE", "contacts("+late+")", "").want(204)
	o.do("GET", at("E-3", "1990-01-01"), "").want(404, "0x80060891")
	o.do("PATCH", "contacts("+early+")", `{"birthdate":null}`).want(204)
	o.do("POST", "contacts", `{"lastname":"x","employeeid":"E-1","birthdate":"1990-01-01"}`).want(204)

	// A change set that is undone leaves no key behind.
	o.batch(lines("--b", "Content-Type: multipart/mixed; boundary=c", "", setPart(1), "POST /api/data/v9.2/contacts HTTP/1.1", "Content-Type: application/json", "",
		`{"lastname":"x","employeeid":"E-9","birthdate":"1990-01-01"}`, setPart(2), "POST /api/data/v9.2/contacts HTTP/1.1", "Content-Type: application/json", "",
		`{"lastname":"x","employeeid":"E-9","birthdate":"1990-01-01"}`, "--c--", "--b--"))
	o.do("GET", at("E-9", "1990-01-01"), "").want(404, "0x80060891")
}

// BenchmarkUpsertByKey makes and then finds as many rows by an alternate key: what a row takes must not grow with them.
func BenchmarkUpsertByKey(b *testing.B) {
	for _, n := range []int{2000, 8000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				o := keyed(b)
				for start := 0; start < 2*n; start += 1000 {
					rows := make([]string, 1000)
					for i := range rows {
						rows[i] = fmt.Sprintf(`{"@odata.type":"Microsoft.Dynamics.CRM.contact","@odata.id":"contacts(employeeid='%d',birthdate=1990-01-01)","lastname":"x"}`, (start+i)%n)
					}
					o.do("POST", "contacts/Microsoft.Dynamics.CRM.UpsertMultiple", `{"Targets":[`+strings.Join(rows, ",")+`]}`).want(204)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(2*n)*1e6, "µs/row")
		})
	}
}
