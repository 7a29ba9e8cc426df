package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// What pages leave open and clients rely on: the default is what they rely on, the option the other reading.
func TestDefaultsFollowTheEvidence(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"lastname":"Berg","lastonholdtime":"2024-06-15T10:30:00"}`)
	if got := o.row("contacts", id)["lastonholdtime"]; got != "2024-06-15T10:30:00Z" {
		t.Errorf("a time without zone is read as %v", got)
	}
	o.do("GET", "contacts?$select=lastname&$filter=lastonholdtime eq 2024-06-15T10:30:00", "").want(200, "Berg")
	o.do("GET", "contacts?$select=lastname&$filter=not contains(firstname,'x')", "").want(200, "Berg")

	zoned := newSite(t, emulator.Options{DatesNeedZone: true})
	zoned.do("POST", "contacts", `{"lastname":"Berg","lastonholdtime":"2024-06-15T10:30:00"}`).want(400, "0x80048d19", "a time zone is required")
	zoned.create("contacts", `{"lastname":"2024-06-15T10:30:00","lastonholdtime":"2024-06-15T10:30:00+02:00"}`)
	zoned.do("GET", "contacts?$filter=lastonholdtime eq 2024-06-15T10:30:00", "").want(400, "has no time zone")
	zoned.do("GET", "contacts?$select=lastname&$filter=lastonholdtime eq 2024-06-15T08:30:00Z and lastname eq '2024-06-15T10:30:00'", "").want(200, "2024-06-15T10:30:00")
}

// A name begins with any prefix, unless a solution is named or Options.NamesNeedPublisher is set.
func TestPrefixOfNames(t *testing.T) {
	text := map[string]any{"MaxLength": 100}
	o := newOrg(t, emulator.Options{})
	o.must("POST", contactColumns, define("String", "acme_Reason", text))
	o.refused(400, "0x80040203", "prefix", "POST", contactColumns, define("String", "Reason", text))
	o.refused(400, "0x80040203", "'mscrm'", "POST", contactColumns, define("String", "mscrm_Reason", text))
	strict := newOrg(t, emulator.Options{NamesNeedPublisher: true})
	strict.refused(400, "0x80040203", "'acme'", "POST", contactColumns, define("String", "acme_Reason", text))
}

// Requests of Microsoft's SDK for Python that pages do not show: a key without its type, the primary name twice.
func TestDefinitionsAsClientsSendThem(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	name := define("String", "new_Name", map[string]any{"MaxLength": 100, "IsPrimaryName": true})
	o.must("POST", "EntityDefinitions", map[string]any{"SchemaName": "new_Thing", "DisplayName": label("Thing"), "DisplayCollectionName": label("Things"),
		"OwnershipType": "UserOwned", "HasActivities": false, "HasNotes": false, "IsActivity": false,
		"Attributes": []any{name, define("String", "new_Name", map[string]any{"MaxLength": 200})}})
	r := o.must("POST", "EntityDefinitions(LogicalName='new_thing')/Keys", map[string]any{"SchemaName": "new_ThingKey", "DisplayName": label("Key"), "KeyAttributes": []any{"new_name"}})
	if r.status != http.StatusNoContent {
		t.Error(r.text)
	}
	if got := o.get("EntityDefinitions(LogicalName='new_thing')/Attributes?$select=LogicalName&$filter=AttributeType eq 'Uniqueidentifier'").text; !strings.Contains(got, "new_thingid") {
		t.Error(got)
	}
}
