package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// history are the details of a row's audit history, the newest first.
func (o *site) history(set, id string) []map[string]any {
	o.t.Helper()
	path := `RetrieveRecordChangeHistory(Target=@t,PagingInfo=@p)?@t={"@odata.id":"` + set + `(` + id + `)"}&@p={"PageNumber":1,"Count":50,"ReturnTotalRecordCount":true}`
	list := o.do("GET", path, "").want(200).object()["AuditDetailCollection"].(map[string]any)["AuditDetails"].([]any)
	out := make([]map[string]any, len(list))
	for i, v := range list {
		out[i] = v.(map[string]any)
	}
	return out
}

func (o *site) deleteHistory(table, id string) string {
	o.t.Helper()
	m := o.do("POST", "DeleteRecordChangeHistory", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.`+table+`","`+table+`id":"`+id+`"}}`).want(200).object()
	return m["DeletedEntriesCount"].(json.Number).String()
}

// What is sent and stays the same: two pages of the service say different things, and each is an option.
func TestUnchangedValuesAreAudited(t *testing.T) {
	for _, tt := range []struct {
		options emulator.Options
		want    int // entries: the create, the change, and what was sent again
	}{{emulator.Options{}, 3}, {emulator.Options{AuditChangesOnly: true}, 2}} {
		o := newSite(t, tt.options)
		id := o.create("contacts", `{"lastname":"Byron"}`)
		o.do("PATCH", "contacts("+id+")", `{"lastname":"King"}`).want(204)
		o.do("PATCH", "contacts("+id+")", `{"lastname":"King"}`).want(204)
		list := o.history("contacts", id)
		if len(list) != tt.want {
			t.Errorf("%v: %d entries, want %d", tt.options.AuditChangesOnly, len(list), tt.want)
			continue
		}
		if tt.want == 3 {
			if old, now := list[0]["OldValue"].(map[string]any), list[0]["NewValue"].(map[string]any); old["lastname"] != "King" || now["lastname"] != "King" || now["firstname"] != nil {
				t.Errorf("what was sent again: %v -> %v", old, now)
			}
		}
	}
}

func TestAuditKeepsWhatWas(t *testing.T) {
	// auditing/retrieve-audit-data; auditing/delete-audit-data.
	o := newSite(t, emulator.Options{AuditChangesOnly: true})
	id := o.create("contacts", `{"firstname":"Ada","lastname":"Byron"}`)
	o.do("PATCH", "contacts("+id+")", `{"lastname":"King"}`).want(204)
	o.do("PATCH", "contacts("+id+")", `{"lastname":"King"}`).want(204) // unchanged: not logged
	o.do("DELETE", "contacts("+id+")", "").want(204)

	list := o.history("contacts", id)
	if len(list) != 3 {
		t.Fatalf("%d entries: %v", len(list), list)
	}
	gone := list[0]["OldValue"].(map[string]any)
	if gone["firstname"] != "Ada" || gone["lastname"] != "King" || gone["fullname"] != "Ada King" {
		t.Errorf("the delete keeps %v", gone)
	}
	if old, now := list[1]["OldValue"].(map[string]any), list[1]["NewValue"].(map[string]any); old["lastname"] != "Byron" || now["lastname"] != "King" || now["@odata.type"] != "#Microsoft.Dynamics.CRM.contact" {
		t.Errorf("update: %v -> %v", old, now)
	}
	audits := o.do("GET", "audits?$filter=operation eq 3 and objecttypecode eq 'contact' and _objectid_value eq "+id, "").want(200).object()["value"].([]any)
	if len(audits) != 1 {
		t.Fatalf("%d delete rows", len(audits))
	}
	row := audits[0].(map[string]any)
	if n := len(strings.Split(row["attributemask"].(string), ",")); n < 100 {
		t.Errorf("the mask of a delete lists %d columns", n)
	}
	o.do("GET", "audits("+row["auditid"].(string)+")/Microsoft.Dynamics.CRM.RetrieveAuditDetails", "").want(200, `"firstname":"Ada"`, "AttributeAuditDetail")
	one := `RetrieveAttributeChangeHistory(Target=@target,AttributeLogicalName=@a,PagingInfo=@p)?@target={'@odata.id':'contacts(` + id + `)'}&@a='lastname'&@p={"PageNumber":1,"Count":1,"ReturnTotalRecordCount":true}`
	r := o.do("GET", one, "").want(200, `"TotalRecordCount":3`, `"MoreRecords":true`)
	if strings.Contains(r.text, "firstname") {
		t.Errorf("another column: %s", r.text)
	}
	o.do("DELETE", "audits("+row["auditid"].(string)+")", "").want(405)

	if n := o.deleteHistory("contact", id); n != "3" {
		t.Errorf("deleted %s entries", n)
	}
	if n := o.deleteHistory("contact", id); n != "0" {
		t.Errorf("deleted %s entries the second time", n)
	}
	if list := o.history("contacts", id); len(list) != 0 {
		t.Errorf("left: %v", list)
	}
	left := o.do("GET", "audits?$filter=_objectid_value eq "+id, "").want(200, `"action":111`)
	if strings.Contains(left.text, "Ada") {
		t.Error(left.text)
	}
	o.do("POST", "DeleteAuditData", `{"EndDate":"2021-04-09T00:00:00Z"}`).want(400, "0x80040203", "There are no partitions ending before the given date")
}

func TestAuditAppearsLate(t *testing.T) {
	// manage-dataverse-auditing: audit logs may show up with a delay.
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	o := newSite(t, emulator.Options{AuditDelay: time.Minute, Now: func() time.Time { return now }})
	id := o.create("contacts", `{"lastname":"Latecomer"}`)
	if n := o.deleteHistory("contact", id); n != "0" {
		t.Errorf("deleted %s entries before they appeared", n)
	}
	if list := o.history("contacts", id); len(list) != 0 {
		t.Errorf("too early: %v", list)
	}
	if found := o.server.Find("latecomer"); len(found) < 2 {
		t.Errorf("what has been written can be found before it shows: %v", found)
	}
	now = now.Add(time.Minute)
	if list := o.history("contacts", id); len(list) != 1 {
		t.Errorf("%d entries", len(list))
	}
	if n := o.deleteHistory("contact", id); n != "1" {
		t.Errorf("deleted %s entries", n)
	}
}

func TestAuditSwitches(t *testing.T) {
	o := newSite(t, emulator.Options{})
	contact := o.create("contacts", `{"lastname":"L"}`)
	note := o.create("annotations", `{"subject":"secret","objectid_contact@odata.bind":"/contacts(`+contact+`)"}`)
	if list := o.history("annotations", note); len(list) != 0 {
		t.Errorf("notes are not audited: %v", list)
	}
	long := strings.Repeat("ä", 6000)
	mail := o.create("emails", `{"subject":"S","description":"`+long+`"}`)
	kept := o.history("emails", mail)[0]["NewValue"].(map[string]any)["description"].(string)
	if kept != strings.Repeat("ä", 5000)+"…" {
		t.Errorf("%d characters kept", len([]rune(kept)))
	}
	org := o.do("GET", "organizations?$select=organizationid", "").want(200).object()["value"].([]any)[0].(map[string]any)["organizationid"].(string)
	o.do("PATCH", "organizations("+org+")", `{"isauditenabled":false}`).want(204)
	quiet := o.create("contacts", `{"lastname":"Quiet"}`)
	if list := o.history("contacts", quiet); len(list) != 0 {
		t.Errorf("audit is off: %v", list)
	}
}

func TestAuditOfAssociations(t *testing.T) {
	o := newSite(t, emulator.Options{})
	contact, lead := o.create("contacts", `{"lastname":"A"}`), o.create("leads", `{"lastname":"B"}`)
	o.do("POST", "contacts("+contact+")/contactleads_association/$ref", `{"@odata.id":"leads(`+lead+`)"}`).want(204)
	d := o.history("contacts", contact)[0]
	if d["@odata.type"] != "#Microsoft.Dynamics.CRM.RelationshipAuditDetail" || d["RelationshipName"] != "contactleads_association" {
		t.Errorf("%v", d)
	}
}
