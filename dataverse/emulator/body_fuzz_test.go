package emulator_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// FuzzBody sends hostile bodies to everything that reads one: nothing may be answered 5xx (501 says what is not
// emulated), and nothing half-done may stay.
func FuzzBody(f *testing.F) {
	h := emulator.New(emulator.Options{})
	paths := []string{
		"POST contacts", "POST emails", "POST connections", "PATCH contacts(" + missing + ")", "PUT contacts(" + missing + ")/jobtitle",
		"PUT emails(" + missing + ")/email_activity_parties", "POST contacts(" + missing + ")/contactleads_association/$ref",
		"POST leads/Microsoft.Dynamics.CRM.UpdateMultiple", "POST leads/Microsoft.Dynamics.CRM.UpsertMultiple", "POST BulkDelete",
		"POST Merge", "POST Restore", "POST WinOpportunity", "POST CloseQuote", "POST DeleteRecordChangeHistory",
		"POST leads(" + missing + ")/Microsoft.Dynamics.CRM.QualifyLead",
	}
	do := func(method, path, body string) (int, string) {
		r := httptest.NewRequest(method, "/api/data/v9.2/"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer emulator")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for set, body := range map[string]string{"contacts": `{"contactid":"` + missing + `"}`, "emails": `{"activityid":"` + missing + `"}`, "leads": `{"leadid":"` + missing + `"}`} {
		if code, text := do("POST", set, body); code != 204 {
			f.Fatal(text)
		}
	}
	f.Add(`{"lastname":"x","numberofchildren":1e400,"birthdate":"0000-00-00"}`)
	f.Add(`{"value":[{"partyid_contact@odata.bind":"contacts(` + missing + `)","participationtypemask":1}]}`)
	f.Add(`{"email_activity_parties":[{"activityid_email@odata.bind":"$1","participationtypemask":13,"addressused":""}]}`)
	f.Add(`{"record1id_contact":{"parentcustomerid_contact":{}},"record2id_contact@odata.bind":"/contacts(` + missing + `)"}`)
	f.Add(`{"Targets":[{"@odata.type":"#Microsoft.Dynamics.CRM.lead","leadid":"` + missing + `","@odata.id":"leads()"}]}`)
	f.Add(bulkDelete("contact", `{"AttributeName":"createdon","Operator":"GreaterThan","Values":[{"Value":"2020-01-01T00:00:00Z"}]}`, "2026-03-01T09:00:00Z", `{}`))
	f.Add(`{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"` + missing + `"},"Subordinate":{"@odata.id":"contacts(` + missing + `)"},"PerformParentingChecks":true}`)
	f.Add(`{"Status":-1,"OpportunityClose":{"opportunityid@odata.bind":"/opportunities(` + missing + `)"},"QuoteClose":{}}`)
	f.Add(`{"CreateAccount":true,"CreateContact":true,"CreateOpportunity":true,"Status":3,"OpportunityCustomerId":{"@odata.id":"leads(` + missing + `)"}}`)
	f.Add(strings.Repeat("[", 5000))
	f.Fuzz(func(t *testing.T, body string) {
		for _, p := range paths {
			method, path, _ := strings.Cut(p, " ")
			if code, text := do(method, path, body); code >= 500 && code != 501 {
				t.Fatalf("%s: %d %s", p, code, text)
			}
		}
	})
}
