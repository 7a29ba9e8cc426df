package emulator_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Labels come in the languages that are provisioned and in no other, and go with their row.
func TestLabels(t *testing.T) {
	o := newOrg(t, emulator.Options{Languages: []int{1053, 1030, 1053}})
	if a := o.must("GET", "RetrieveProvisionedLanguages", nil); !strings.Contains(a.text, `"RetrieveProvisionedLanguages":[1033,1053,1030]`) {
		t.Error(a.text)
	}
	label := func(code int, text string) map[string]any { return map[string]any{"Label": text, "LanguageCode": code} }
	column := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.MemoAttributeMetadata", "SchemaName": "new_Note", "MaxLength": 100,
		"DisplayName": map[string]any{"LocalizedLabels": []any{label(1033, "Note"), label(1036, "Note")}}}
	o.refused(400, "0x80044195", "The language code 1036 is not a valid language for this organization", "POST", "EntityDefinitions(LogicalName='contact')/Attributes", column)

	const id = "aaaaaaaa-0000-4000-8000-000000000007"
	view := map[string]any{"savedqueryid": id, "name": "Mine", "returnedtypecode": "contact", "querytype": 0,
		"fetchxml":  `<fetch><entity name="contact"><attribute name="contactid"/><attribute name="fullname"/></entity></fetch>`,
		"layoutxml": `<grid name="resultset" object="2" jump="fullname" select="1" icon="1" preview="1"><row name="result" id="contactid"><cell name="fullname" width="200"/></row></grid>`}
	o.must("POST", "savedqueries", view)
	read := func() string {
		return o.must("GET", "RetrieveLocLabels(EntityMoniker=@p1,AttributeName=@p2,IncludeUnpublished=@p3)?@p1="+"{'@odata.id':'savedqueries("+id+")'}"+"&@p2='name'&@p3=true", nil).text
	}
	set := func(column string, labels ...any) map[string]any {
		return map[string]any{"EntityMoniker": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.savedquery", "savedqueryid": id}, "AttributeName": column, "Labels": labels}
	}
	o.must("POST", "SetLocLabels", set("name", label(1053, "Mina")))
	o.must("POST", "SetLocLabels", set("name", label(1033, "My own"), label(1030, "Mine egne")))
	if text := read(); !strings.Contains(text, "Mina") || !strings.Contains(text, "Mine egne") || !strings.Contains(text, "My own") {
		t.Error(text)
	}
	if a := o.must("GET", "savedqueries("+id+")?$select=name,fetchxml", nil); !strings.Contains(a.text, `"name":"My own"`) || !strings.Contains(a.text, "fullname") {
		t.Error(a.text)
	}
	o.refused(400, "0x80044195", "1035", "POST", "SetLocLabels", set("name", label(1035, "Omat")))
	o.refused(400, "0x80040203", "fetchxml", "POST", "SetLocLabels", set("fetchxml", label(1053, "x")))
	o.must("DELETE", "savedqueries("+id+")", nil)
	o.must("POST", "savedqueries", view)
	if text := read(); strings.Contains(text, "Mina") {
		t.Errorf("a view that is new has the labels of one that is gone: %s", text)
	}
}
