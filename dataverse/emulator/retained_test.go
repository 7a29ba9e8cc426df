package emulator_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// retentionPolicy is the body of a retention policy.
func retentionPolicy(table, name, filter, start, recurrence string) string {
	b, _ := json.Marshal(map[string]any{"entitylogicalname": table, "name": name, "uniquename": name, "statecode": 0, "statuscode": 10,
		"criteria":  `<fetch><entity name="` + table + `"><attribute name="` + table + `id"/><filter>` + filter + `</filter></entity></fetch>`,
		"starttime": start, "recurrence": recurrence})
	return string(b)
}

// retained reads the rows of a table in long-term retention.
func (o *site) retained(set, table string, prefer ...string) *response {
	o.t.Helper()
	return o.do("GET", set+"?fetchXml="+url.QueryEscape(`<fetch datasource="retained"><entity name="`+table+`"/></fetch>`), "", prefer...)
}

func TestRetention(t *testing.T) {
	// long-term-retention, data-retention-overview, data-retention-view; reference/entities/retentionconfig,
	// retentionoperation, retentionfailuredetail.
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	o := newSite(t, emulator.Options{Now: func() time.Time { return now }, JobStep: -1})
	maria := o.create("contacts", `{"lastname":"Maria"}`)
	lost := o.create("opportunities", `{"name":"Lost deal","customerid_contact@odata.bind":"/contacts(`+maria+`)"}`)
	o.create("tasks", `{"subject":"call Maria","regardingobjectid_opportunity@odata.bind":"/opportunities(`+lost+`)"}`)
	o.do("POST", "LoseOpportunity", `{"OpportunityClose":{"opportunityid@odata.bind":"/opportunities(`+lost+`)"},"Status":-1}`).want(204)
	bound := o.create("opportunities", `{"name":"Ordered","customerid_contact@odata.bind":"/contacts(`+maria+`)"}`)
	o.create("salesorders", `{"name":"S","customerid_contact@odata.bind":"/contacts(`+maria+`)","opportunityid@odata.bind":"/opportunities(`+bound+`)"}`)
	o.do("POST", "WinOpportunity", `{"OpportunityClose":{"opportunityid@odata.bind":"/opportunities(`+bound+`)"},"Status":-1}`).want(204)
	open := o.create("opportunities", `{"name":"Open","customerid_contact@odata.bind":"/contacts(`+maria+`)"}`)

	id := o.create("retentionconfigs", retentionPolicy("opportunity", "closed", `<condition attribute="statecode" operator="ne" value="0"/>`, "2026-03-02T00:00:00Z", "FREQ=DAILY;INTERVAL=2"))
	if got := o.row("retentionconfigs", id)["nextrun"]; got != "2026-03-02T00:00:00Z" {
		t.Errorf("next run %v", got)
	}
	o.row("opportunities", lost)
	o.retained("opportunities", "opportunity").want(200, `"value":[]`)

	now = now.Add(24 * time.Hour)
	o.gone("opportunities", lost)
	o.row("opportunities", open)
	o.row("opportunities", bound)
	operation := o.do("GET", "retentionoperations?$filter=_retentionconfigid_value eq "+id, "").want(200, `"statecode":3`, `"statuscode":30`, `"failedcount":1`).
		object()["value"].([]any)[0].(map[string]any)["retentionoperationid"].(string)
	o.do("GET", "retentionoperationdetails?$filter=entitylogicalname eq 'task' and _retentionoperationid_value eq "+operation, "").want(200, `"retentioncount":1`, `"isrootentity":false`)
	o.do("GET", "retentionfailuredetails?$filter=operationid eq '"+operation+"'", "").want(200, `"recordid":"`+bound+`"`, "0x80040227", `"operation":30`)
	if got := o.row("retentionconfigs", id)["nextrun"]; got != "2026-03-04T00:00:00Z" {
		t.Errorf("next run %v", got)
	}

	// "Once data is moved to the data lake, you can not perform any transactional operations on that data."
	o.do("PATCH", "opportunities("+lost+")", `{"name":"x"}`, "If-Match", "*").want(404)
	o.do("DELETE", "opportunities("+lost+")", "").want(404)
	o.do("GET", "opportunities?$filter=opportunityid eq "+lost, "").want(200, `"value":[]`)
	if o.inBin("Lost deal") {
		t.Error("the recycle bin has it too")
	}
	// The children go along, and a lookup keeps the name that it had.
	o.retained("tasks", "task").want(200, "call Maria")
	o.do("DELETE", "opportunities("+open+")", "").want(204)
	o.do("PATCH", "contacts("+maria+")", `{"lastname":"Gone"}`).want(204)
	formatted := []string{"Prefer", `odata.include-annotations="*"`}
	o.retained("opportunities", "opportunity", formatted...).want(200, `"_customerid_value@OData.Community.Display.V1.FormattedValue":"Maria"`)
	where := map[string]bool{}
	for _, p := range o.server.Find("maria") {
		where[p.Where+" "+p.Table+" "+p.Column] = true
	}
	for _, w := range []string{"retained task subject", "retained opportunity customerid"} {
		if !where[w] {
			t.Errorf("not found: %s in %v", w, where)
		}
	}

	// "Queries are allowed on one table at a time. Joins and aggregation functions aren't allowed."
	ask := func(fetch string) *response { return o.do("GET", "opportunities?fetchXml="+url.QueryEscape(fetch), "") }
	ask(`<fetch datasource="retained"><entity name="opportunity"><link-entity name="contact" from="contactid" to="customerid"/></entity></fetch>`).want(400, "Joins")
	ask(`<fetch datasource="retained" aggregate="true"><entity name="opportunity"><attribute name="opportunityid" aggregate="count" alias="n"/></entity></fetch>`).want(400, "aggregation")
	ask(`<fetch datasource="retained"><entity name="opportunity"><filter><condition attribute="name" operator="eq" value="lost DEAL"/></filter></entity></fetch>`).want(200, lost)

	// delete-data-bulk: "Bulk deletion is also available for long-term retained data."
	body := bulkDelete("opportunity", `{"AttributeName":"opportunityid","Operator":"Equal","Values":[{"Value":"`+lost+`","Type":"System.Guid"}]}`, "2026-03-02T00:00:00Z", `null`)
	job := o.do("POST", "BulkDelete", strings.Replace(body, `"Distinct"`, `"DataSource":"retained","Distinct"`, 1)).want(200).object()["JobId"].(string)
	o.retained("opportunities", "opportunity").want(200, `"value":[]`)
	if got := o.job(job); got["successcount"] != json.Number("1") || !strings.Contains(got["orderedquerysetxml"].(string), `datasource="retained"`) {
		t.Errorf("job: %v", got)
	}
	o.retained("tasks", "task").want(200, "call Maria") // each table is a query of its own

	// A policy goes on by its recurrence, and stops when it is made inactive.
	late := o.create("opportunities", `{"name":"Late","customerid_contact@odata.bind":"/contacts(`+maria+`)"}`)
	o.do("POST", "LoseOpportunity", `{"OpportunityClose":{"opportunityid@odata.bind":"/opportunities(`+late+`)"},"Status":-1}`).want(204)
	o.do("PATCH", "retentionconfigs("+id+")", `{"statecode":1,"statuscode":2}`).want(204)
	now = now.Add(48 * time.Hour)
	o.row("opportunities", late)
	o.do("PATCH", "retentionconfigs("+id+")", `{"statecode":0,"statuscode":10}`).want(204)
	now = now.Add(48 * time.Hour)
	o.gone("opportunities", late)
}

func TestRetentionRefusals(t *testing.T) {
	// long-term-retention ("Valid recurrence parameters are: DAILY, WEEKLY, MONTHLY, and YEARLY"), data-retention-overview
	// ("Tables not currently supported for retention").
	o := newSite(t, emulator.Options{RetainedQueries: 2})
	const all, start = `<condition attribute="createdon" operator="not-null"/>`, "2026-03-01T09:00:00Z"
	o.do("POST", "retentionconfigs", retentionPolicy("post", "a", all, start, "")).want(400, "post")
	o.do("POST", "retentionconfigs", retentionPolicy("nosuch", "a", all, start, "")).want(400, "0x80041102")
	o.do("POST", "retentionconfigs", retentionPolicy("contact", "a", `<condition attribute="nosuch" operator="null"/>`, start, "")).want(400, "0x80041103")
	o.do("POST", "retentionconfigs", retentionPolicy("contact", "a", all, start, "FREQ=HOURLY;")).want(400, "HOURLY")
	o.do("POST", "retentionconfigs", retentionPolicy("contact", "a", all, start, "FREQ=DAILY;COUNT=3")).want(501, "COUNT")
	o.do("POST", "retentionconfigs", strings.Replace(retentionPolicy("contact", "a", all, start, ""), `"entitylogicalname":"contact"`, `"entitylogicalname":"lead"`, 1)).want(400, "contact")
	// data-retention-view: "Up to 100 queries per day are allowed for each environment."
	o.retained("contacts", "contact").want(200)
	o.retained("contacts", "contact").want(200)
	o.retained("contacts", "contact").want(400, "a day")
	o.server.Advance(24 * time.Hour)
	o.retained("contacts", "contact").want(200)
}

func TestRetainedNeedGlobalRead(t *testing.T) {
	// data-retention-view: "requires the system administrator security role or other security role membership that includes
	// organization scope read privileges to the table".
	o := newOrg(t, emulator.Options{})
	basic, _ := o.user(o.unit(), "prvReadContact Deep")
	global, _ := o.user(o.unit(), "prvReadContact Global")
	path := "contacts?fetchXml=" + `<fetch datasource="retained"><entity name="contact"/></fetch>`
	global.must("GET", path, nil)
	basic.refused(403, "0x80040220", "prvReadContact", "GET", path, nil)
}
