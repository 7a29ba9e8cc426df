package emulator_test

import (
	"encoding/json"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

func TestListMembers(t *testing.T) {
	// AddMemberList, AddListMembersList, RemoveMemberList; web-service-error-codes: InvalidOperationWhenListLocked.
	o := newSite(t, emulator.Options{})
	list := o.create("lists", `{"listname":"News","createdfromcode":2}`)
	a, b := o.create("contacts", `{"lastname":"A"}`), o.create("contacts", `{"lastname":"B"}`)
	lead := o.create("leads", `{"lastname":"L"}`)
	act := func(action, id string) *response {
		return o.do("POST", "lists("+list+")/Microsoft.Dynamics.CRM."+action, `{"EntityId":"`+id+`"}`)
	}
	member := act("AddMemberList", a).want(200, "AddMemberListResponse").object()["Id"]
	if again := act("AddMemberList", a).want(200).object()["Id"]; again != member {
		t.Error("a member twice")
	}
	act("AddMemberList", lead).want(404, "0x80040217")
	many := func(table, id string) *response {
		return o.do("POST", "AddListMembersList", `{"List":{"@odata.type":"Microsoft.Dynamics.CRM.list","listid":"`+list+`"},"Members":[
			{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"`+b+`"},{"@odata.type":"Microsoft.Dynamics.CRM.`+table+`","`+table+`id":"`+id+`"}]}`)
	}
	many("lead", lead).want(400, "lead")
	o.do("GET", "listmembers?$select=_entityid_value", "").want(200, a)
	if n := len(o.do("GET", "listmembers", "").object()["value"].([]any)); n != 1 {
		t.Errorf("%d members after a call that failed", n)
	}
	many("contact", a).want(204)
	if n := len(o.do("GET", "listmembers?$filter=_listid_value eq "+list, "").object()["value"].([]any)); n != 2 {
		t.Errorf("%d members", n)
	}
	act("RemoveMemberList", a).want(204)
	act("RemoveMemberList", a).want(404)
	o.do("PATCH", "lists("+list+")", `{"lockstatus":true}`).want(204)
	act("AddMemberList", a).want(400, "0x80040302", "List is Locked.")
	act("RemoveMemberList", b).want(400, "0x80040302")
	o.do("PATCH", "lists("+list+")", `{"lockstatus":false,"type":true}`).want(204)
	act("AddMemberList", a).want(400, "dynamic")
	o.do("POST", "contacts("+a+")/Microsoft.Dynamics.CRM.AddMemberList", `{}`).want(404)
}

func TestQueues(t *testing.T) {
	// AddToQueue, RemoveFromQueue.
	o := newSite(t, emulator.Options{})
	first, second := o.create("queues", `{"name":"First"}`), o.create("queues", `{"name":"Second"}`)
	task := o.create("tasks", `{"subject":"call Maria"}`)
	contact := o.create("contacts", `{"lastname":"A"}`)
	add := func(queue, table, key, id string) *response {
		return o.do("POST", "queues("+queue+")/Microsoft.Dynamics.CRM.AddToQueue", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.`+table+`","`+key+`":"`+id+`"}}`)
	}
	item := add(first, "task", "activityid", task).want(200, "AddToQueueResponse").object()["QueueItemId"].(string)
	if row := o.row("queueitems", item); row["title"] != "call Maria" || row["_queueid_value"] != first || row["_objectid_value"] != task {
		t.Errorf("%v", row)
	}
	if moved := add(second, "task", "activityid", task).want(200).object()["QueueItemId"]; moved != item || o.row("queueitems", item)["_queueid_value"] != second {
		t.Error("the item moves to the other queue")
	}
	add(first, "contact", "contactid", contact).want(400, "contact")
	o.do("POST", "queueitems("+item+")/Microsoft.Dynamics.CRM.RemoveFromQueue", `{}`).want(204)
	o.gone("queueitems", item)
	o.row("tasks", task)
	o.do("POST", "emails("+o.create("emails", `{"subject":"m"}`)+")/Microsoft.Dynamics.CRM.SendEmail", `{"IssueSend":true}`).want(501, "SendEmail")
}

func TestCloseIncident(t *testing.T) {
	// CloseIncident; web-service-error-codes: IncidentIsAlreadyClosedOrCancelled, CannotCloseIncident with open activities.
	o := newSite(t, emulator.Options{})
	contact := o.create("contacts", `{"lastname":"A"}`)
	id := o.create("incidents", `{"title":"Broken","customerid_contact@odata.bind":"/contacts(`+contact+`)"}`)
	task := o.create("tasks", `{"subject":"t","regardingobjectid_incident@odata.bind":"/incidents(`+id+`)"}`)
	close := func(status string) *response {
		return o.do("POST", "CloseIncident", `{"IncidentResolution":{"subject":"Mended","incidentid@odata.bind":"/incidents(`+id+`)"},"Status":`+status+`}`)
	}
	close("5").want(400, "0x8004440a")
	o.do("PATCH", "tasks("+task+")", `{"statecode":1}`).want(204)
	close("6").want(400, "0x80048408")
	close("5").want(204)
	if row := o.row("incidents", id); row["statecode"] != json.Number("1") || row["statuscode"] != json.Number("5") {
		t.Errorf("%v %v", row["statecode"], row["statuscode"])
	}
	o.do("GET", "incidentresolutions?$filter=_incidentid_value eq "+id, "").want(200, "Mended")
	close("5").want(400, "0x80044411")
}

func TestReviseQuote(t *testing.T) {
	// ReviseQuote: the new draft, and the old quote Closed as Revised (7).
	o := newSite(t, emulator.Options{})
	contact := o.create("contacts", `{"lastname":"A"}`)
	id := o.create("quotes", `{"name":"Q","billto_contactname":"Maria","customerid_contact@odata.bind":"/contacts(`+contact+`)"}`)
	o.create("quotedetails", `{"productdescription":"a thing","quoteid@odata.bind":"/quotes(`+id+`)"}`)
	revise := func() *response {
		return o.do("POST", "ReviseQuote", `{"QuoteId":"`+id+`","ColumnSet":{"AllColumns":true,"Columns":[]}}`)
	}
	revise().want(400, "0x80040233")
	o.do("PATCH", "quotes("+id+")", `{"statecode":1,"statuscode":2}`).want(204)
	draft := revise().want(200).object()
	old := o.row("quotes", id)
	if old["statecode"] != json.Number("3") || old["statuscode"] != json.Number("7") {
		t.Errorf("%v %v", old["statecode"], old["statuscode"])
	}
	if draft["quoteid"] == id || draft["statecode"] != json.Number("0") || draft["billto_contactname"] != "Maria" || draft["quotenumber"] != old["quotenumber"] || draft["revisionnumber"] != json.Number("1") {
		t.Errorf("%v", draft)
	}
	o.do("GET", "quotedetails?$filter=_quoteid_value eq "+draft["quoteid"].(string), "").want(200, "a thing")
	o.do("POST", "ReviseQuote", `{"QuoteId":"`+missing+`","ColumnSet":{"AllColumns":true}}`).want(404)
	o.do("POST", "ReviseQuote", `{"QuoteId":"`+id+`"}`).want(400, "ColumnSet")
	o.do("PATCH", "quotes("+draft["quoteid"].(string)+")", `{"statecode":1,"statuscode":2}`).want(204)
	some := func(columns string) *response {
		return o.do("POST", "ReviseQuote", `{"QuoteId":"`+draft["quoteid"].(string)+`","ColumnSet":{"AllColumns":false,"Columns":[`+columns+`]}}`)
	}
	some(`"nosuch"`).want(400, "0x80041103")
	if row := some(`"name","customerid"`).want(200).object(); row["name"] != "Q" || row["_customerid_value"] != contact || row["billto_contactname"] != nil {
		t.Errorf("%v", row)
	}
}
