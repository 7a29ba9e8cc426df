package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// jobSite is a site whose clock stands still between steps of ten seconds, with many leads.
func jobSite(t *testing.T, leads int) (*site, func(steps int)) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	o := newSite(t, emulator.Options{Now: func() time.Time { return now }, JobStep: 10 * time.Second, NoAddressRows: true})
	records := make([]emulator.Record, leads)
	for i := range records {
		records[i] = emulator.Record{Table: "lead", Values: map[string]any{"lastname": fmt.Sprint("L", i), "createdon": now.Add(-time.Hour)}}
	}
	if err := o.server.Load(records...); err != nil {
		t.Fatal(err)
	}
	return o, func(steps int) { now = now.Add(time.Duration(steps) * 10 * time.Second) }
}

// state is a job as somebody who waits for it sees it: state, status, deleted, failed, in both of its rows.
func (o *site) state(job string) string {
	o.t.Helper()
	op := o.job(job)
	system := o.row("asyncoperations", job)
	if op["statecode"] != system["statecode"] || op["statuscode"] != system["statuscode"] {
		o.t.Errorf("the two rows of a job differ: %v %v, %v %v", op["statecode"], op["statuscode"], system["statecode"], system["statuscode"])
	}
	return fmt.Sprintf("%v/%v %v+%v", op["statecode"], op["statuscode"], op["successcount"], op["failurecount"])
}

func (o *site) startJob(start, pattern string) string {
	o.t.Helper()
	body := strings.Replace(bulkDelete("lead", "", start, `null`), `"RecurrencePattern":""`, `"RecurrencePattern":"`+pattern+`"`, 1)
	return o.do("POST", "BulkDelete", body).want(200).object()["JobId"].(string)
}

func TestJobStates(t *testing.T) {
	// asynchronous operation states: Ready, Suspended (waiting), Locked (in progress), Completed; delete-data-bulk: "The bulk
	// delete job runs asynchronously", "only deletes records that were created before the job starts to run".
	o, step := jobSite(t, 250)
	id := o.startJob("2026-03-01T08:00:20Z", "")
	see := func(want string) {
		t.Helper()
		if got := o.state(id); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	see("1/10 0+0")
	step(2)
	see("1/10 0+0") // its time has come, the service has yet to take it up
	step(1)
	see("2/20 0+0")
	late := o.create("leads", `{"lastname":"made while the job runs"}`)
	step(1)
	see("2/20 100+0")
	o.do("GET", "leads/$count", "").want(200, "151")
	step(2)
	see("2/20 250+0")
	o.row("leads", late)
	step(1)
	see("3/30 250+0")
	o.do("GET", "asyncoperations("+id+")?$select=startedon,completedon", "").want(200, `"startedon":"2026-03-01T08:00:30Z"`, `"completedon":"2026-03-01T08:01:10Z"`)
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":3,"statuscode":32}`).want(400, "0x80044f00")
}

func TestJobCanceled(t *testing.T) {
	// delete-data-bulk: "If a bulk delete job fails or ends prematurely, the operation doesn't roll back any deleted records."
	o, step := jobSite(t, 250)
	id := o.startJob("2026-03-01T08:00:00Z", "")
	if got := o.state(id); got != "0/0 0+0" {
		t.Errorf("waiting for resources: %s", got)
	}
	o.do("DELETE", "asyncoperations("+id+")", "").want(400, "0x8004416a")
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":2,"statuscode":20}`).want(400)
	step(2)
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":3,"statuscode":30}`).want(400, "0x80040203")
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":1,"statuscode":10}`).want(204)
	step(10)
	if got := o.state(id); got != "1/10 100+0" {
		t.Errorf("put off: %s", got)
	}
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":0,"statuscode":0}`).want(204)
	step(1)
	if got := o.state(id); got != "2/20 200+0" {
		t.Errorf("taken up again: %s", got)
	}
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":3,"statuscode":32}`).want(204)
	step(10)
	if got := o.state(id); got != "3/32 200+0" {
		t.Errorf("canceled: %s", got)
	}
	o.do("GET", "leads/$count", "").want(200, "50")
	o.do("DELETE", "asyncoperations("+id+")", "").want(204)
}

func TestJobRecurs(t *testing.T) {
	// recurrence pattern in asynchronous job execution: "FREQ=DAILY;INTERVAL=3;".
	o, step := jobSite(t, 1)
	id := o.startJob("2026-03-01T08:00:00Z", "FREQ=DAILY;INTERVAL=3;")
	step(10)
	if got := o.state(id); got != "1/10 1+0" {
		t.Errorf("after the first run: %s", got)
	}
	if job := o.job(id); job["isrecurring"] != true || job["nextrun"] != "2026-03-04T08:00:00Z" {
		t.Errorf("next run: %v", job)
	}
	second := o.create("leads", `{"lastname":"second"}`)
	step(2 * 24 * 360)
	o.row("leads", second)
	step(24 * 360)
	o.gone("leads", second)
	if job := o.job(id); job["nextrun"] != "2026-03-07T08:00:00Z" || job["successcount"] != json.Number("1") {
		t.Errorf("next run: %v", job)
	}
	o.do("PATCH", "asyncoperations("+id+")", `{"statecode":3,"statuscode":32}`).want(204)
	third := o.create("leads", `{"lastname":"third"}`)
	step(4 * 24 * 360)
	o.row("leads", third)
}

func TestJobFails(t *testing.T) {
	// admin/delete-bulk-records: Failed is a job that could not begin. Here the rights of its owner are gone by then.
	server := emulator.New(emulator.Options{})
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	o := &org{T: t, url: srv.URL, token: "emulator", header: http.Header{}}
	u, user := o.user(o.unit(), "prvBulkDelete Global", "prvDeleteLead Global", "prvReadLead Global")
	id := u.must("POST", "BulkDelete", json.RawMessage(bulkDelete("lead", "", "2099-03-01T08:00:00Z", `null`))).at("JobId").(string)
	for _, role := range o.get("systemusers(" + user + ")/systemuserroles_association?$select=roleid").list() {
		o.must("DELETE", "systemusers("+user+")/systemuserroles_association("+role["roleid"].(string)+")/$ref", nil)
	}
	server.Advance(75 * 365 * 24 * time.Hour)
	job := o.get("asyncoperations(" + id + ")")
	if job.at("statecode") != 3.0 || job.at("statuscode") != 31.0 || !strings.Contains(job.text, "prvBulkDelete") {
		t.Errorf("%s", job.text)
	}
}
