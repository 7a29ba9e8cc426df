package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

func TestBulkMessages(t *testing.T) {
	// bulk-operations; UpsertMultiple action reference.
	o := newSite(t, emulator.Options{})
	const typed = `"@odata.type":"Microsoft.Dynamics.CRM.lead"`
	r := o.do("POST", "leads/Microsoft.Dynamics.CRM.CreateMultiple", `{"Targets":[{`+typed+`,"lastname":"a"},{`+typed+`,"lastname":"b"}]}`).want(200, "CreateMultipleResponse")
	ids := r.object()["Ids"].([]any)
	update := func(body string) *response {
		t.Helper()
		return o.do("POST", "leads/Microsoft.Dynamics.CRM.UpdateMultiple", `{"Targets":[`+body+`]}`)
	}
	one := func(id any, column string) string { return fmt.Sprintf(`{%s,"leadid":"%s",%s}`, typed, id, column) }
	update(one(ids[0], `"firstname":"x"`) + "," + one(ids[1], `"firstname":"y"`)).want(204)
	if got := o.row("leads", ids[1].(string))["fullname"]; got != "y b" {
		t.Errorf("fullname %v", got)
	}
	update(one(ids[0], `"firstname":"changed"`)+","+one(missing, `"firstname":"y"`)).want(404, "Lead With Ids = "+missing+" Do Not Exist")
	if got := o.row("leads", ids[0].(string))["firstname"]; got != "x" {
		t.Errorf("a failed call changed a row: %v", got)
	}
	update(`{"leadid":"`+missing+`"}`).want(400, "@odata.type")
	o.do("POST", "leads/Microsoft.Dynamics.CRM.UpsertMultiple", `{"Targets":[`+one(missing, `"lastname":"new"`)+","+one(ids[0], `"lastname":"old"`)+`]}`).want(204)
	o.row("leads", missing)
	o.do("POST", "leads/Microsoft.Dynamics.CRM.DeleteMultiple", `{"Targets":[`+one(missing, `"lastname":"new"`)+`]}`).want(501, "DeleteMultiple has not yet been implemented.")
	o.row("leads", missing)
}

// bulkDelete is the body of a job over one query.
func bulkDelete(table, conditions, start, options string) string {
	return `{"QuerySet":[{"@odata.type":"Microsoft.Dynamics.CRM.QueryExpression","EntityName":"` + table + `","ColumnSet":{"AllColumns":false,"Columns":[]},"Distinct":false,
		"Criteria":{"FilterOperator":"And","Conditions":[` + conditions + `],"Filters":[]}}],"JobName":"purge","SendEmailNotification":false,
		"ToRecipients":[],"CCRecipients":[],"RecurrencePattern":"","StartDateTime":"` + start + `","Options":` + options + `}`
}

func (o *site) job(id string) map[string]any {
	o.t.Helper()
	list := o.do("GET", "bulkdeleteoperations?$filter=_asyncoperationid_value eq "+id, "").want(200).object()["value"].([]any)
	if len(list) != 1 {
		o.t.Fatalf("%d operations", len(list))
	}
	return list[0].(map[string]any)
}

func TestBulkDelete(t *testing.T) {
	// delete-data-bulk; reference/entities/bulkdeleteoperation and bulkdeletefailure.
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	o := newSite(t, emulator.Options{Now: func() time.Time { return now }, JobStep: -1})
	free := o.create("contacts", `{"lastname":"Free"}`)
	bound := o.create("contacts", `{"lastname":"Bound"}`)
	other := o.create("contacts", `{"lastname":"Other"}`)
	o.create("salesorders", `{"name":"S","customerid_contact@odata.bind":"/contacts(`+bound+`)"}`)
	in := `{"AttributeName":"contactid","Operator":"In","Values":[{"Value":"` + free + `","Type":"System.Guid"},{"Value":"` + bound + `","Type":"System.Guid"}]}`
	id := o.do("POST", "BulkDelete", bulkDelete("contact", in, "2026-03-01T09:00:00Z", `{"CanRecoverDeletedRecords":false}`)).
		want(200, "BulkDeleteResponse").object()["JobId"].(string)
	o.row("contacts", free)
	if job := o.job(id); job["statuscode"] != json.Number("10") || job["statecode"] != json.Number("1") || !strings.Contains(job["orderedquerysetxml"].(string), free) {
		t.Errorf("waiting: %v", job)
	}
	now = now.Add(time.Hour)
	o.gone("contacts", free)
	o.row("contacts", bound)
	o.row("contacts", other)
	job := o.job(id)
	if job["statecode"] != json.Number("3") || job["statuscode"] != json.Number("30") || job["successcount"] != json.Number("1") || job["failurecount"] != json.Number("1") {
		t.Errorf("done: %v", job)
	}
	o.do("GET", "asyncoperations("+id+")?$select=statuscode,operationtype", "").want(200, `"statuscode":30`, `"operationtype":13`)
	o.do("GET", "bulkdeletefailures?$filter=_regardingobjectid_value eq "+bound, "").want(200, fmt.Sprint(int32(-2147220953)), `"regardingobjectidname":"Bound"`)
	if o.inBin("free") {
		t.Error("CanRecoverDeletedRecords false: nothing is kept")
	}
	if len(o.history("contacts", free)) != 2 {
		t.Error("deletes of a job are audited")
	}
	o.do("DELETE", "bulkdeleteoperations("+job["bulkdeleteoperationid"].(string)+")", "").want(204)
	o.do("GET", "bulkdeletefailures", "").want(200, `"value":[]`)

	id = o.do("POST", "BulkDelete", bulkDelete("contact", `{"AttributeName":"lastname","Operator":"Equal","Values":[{"Value":"OTHER","Type":"System.String"}]}`, "2026-03-01T09:00:00Z", `null`)).
		want(200).object()["JobId"].(string)
	o.gone("contacts", other)
	if list := o.binned(other); len(list) != 1 || list[0].(map[string]any)["_regardingobjectid_value"] != id {
		t.Errorf("kept, and regarding the job: %v", list)
	}
	o.do("POST", "BulkDelete", bulkDelete("audit", `{"AttributeName":"objectid","Operator":"Equal","Values":[{"Value":"`+other+`","Type":"System.Guid"}]}`, "2026-03-01T09:00:00Z", `null`)).want(200)
	if list := o.history("contacts", other); len(list) != 0 {
		t.Errorf("audit left: %v", list)
	}
}

func TestBulkDeleteRefusals(t *testing.T) {
	o := newSite(t, emulator.Options{})
	body := func(table, condition string) string {
		return bulkDelete(table, condition, "2026-03-01T09:00:00Z", `{}`)
	}
	o.do("POST", "BulkDelete", body("nosuch", "")).want(400, "0x80041102")
	o.do("POST", "BulkDelete", body("contact", `{"AttributeName":"nosuch","Operator":"Null"}`)).want(400, "0x80041103")
	o.do("POST", "BulkDelete", body("contact", `{"AttributeName":"lastname","Operator":"BeginsWith","Values":[{"Value":"x"}]}`)).want(501, "BeginsWith")
	o.do("POST", "BulkDelete", body("contact", `{"AttributeName":"createdon","Operator":"LessThan","Values":[{"Value":"yesterday"}]}`)).want(400)
	o.do("POST", "BulkDelete", body("activityparty", "")).want(400, "0x80040203")
	recurring := func(pattern, options string) *response {
		body := bulkDelete("contact", "", "2026-03-01T09:00:00Z", options)
		return o.do("POST", "BulkDelete", strings.Replace(body, `"RecurrencePattern":""`, `"RecurrencePattern":"`+pattern+`"`, 1))
	}
	recurring("FREQ=YEARLY;", `null`).want(400, "0x80040203")
	recurring("INTERVAL=2", `null`).want(400, "0x80040203")
	recurring("FREQ=DAILY;INTERVAL=0", `null`).want(400, "0x80040203")
	recurring("FREQ=DAILY;FREQ=DAILY", `null`).want(400, "0x80040203")
	recurring("FREQ=DAILY;BYHOUR=4", `null`).want(501, "BYHOUR")
	recurring("FREQ=DAILY", `{"CanRecoverDeletedRecords":false}`).want(400, "recurring")
	o.do("POST", "BulkDelete", strings.Replace(body("contact", ""), `"SendEmailNotification":false`, `"SendEmailNotification":true`, 1)).want(501, "SendEmailNotification")
	o.do("POST", "BulkDelete", `{"JobName":"x"}`).want(400, "QuerySet")
}
