package emulator_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// knownNames are the lines of a file of names that the emulator goes by.
func knownNames(t *testing.T, file string) [][]string {
	text, err := os.ReadFile("internal/schema/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if names := strings.Fields(lines.Text()); len(names) > 0 {
			out = append(out, names)
		}
	}
	if len(out) < 30 {
		t.Fatalf("%s has %d lines", file, len(out))
	}
	return out
}

// Whatever is done with a table of the platform that is not held is refused by its name: never as if the platform had none
// such, never as the caller's mistake, and never taken and dropped.
func TestUnheldTablesAreRefusedByName(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := uuid.NewString()
	account := o.create("accounts", `{"name":"Nord"}`)
	fetch := func(text string) string { return "?fetchXml=" + url.QueryEscape(text) }
	for _, names := range knownNames(t, "entity_sets.txt") {
		set := names[0]
		for _, tt := range [][3]string{
			{"GET", set, ""}, {"POST", set, `{"name":"x"}`}, {"GET", set + "(" + id + ")", ""}, {"PATCH", set + "(" + id + ")", `{"name":"x"}`}, {"DELETE", set + "(" + id + ")", ""},
			{"GET", set + "/$count", ""}, {"GET", set + "(" + id + ")/name", ""}, {"POST", set + "(" + id + ")/nosuch/$ref", `{}`}, {"GET", set + "?$filter=name eq 'x'", ""},
			{"POST", set + "/" + definitions + "CreateMultiple", `{"Targets":[]}`}, {"GET", set + fetch("<fetch><entity name='account'/></fetch>"), ""},
			{"POST", "accounts", `{"name":"x","primarycontactid@odata.bind":"/` + set + `(` + id + `)"}`},
		} {
			if r := o.do(tt[0], tt[1], tt[2]); r.status != 501 || !strings.Contains(r.text, set) {
				t.Errorf("%s %s: %d %s", tt[0], tt[1], r.status, r.text)
			}
		}
		if len(names) < 2 {
			continue
		}
		table := names[1]
		// But who asks for one definition asks whether its app is there: as the list of all tables has it, it is not.
		for _, path := range []string{"?$select=LogicalName", "/Attributes"} {
			o.do("GET", "EntityDefinitions(LogicalName='"+table+"')"+path, "").want(404, "0x80060888", table)
		}
		for _, tt := range [][3]string{
			{"GET", "accounts" + fetch("<fetch><entity name='"+table+"'/></fetch>"), ""},
			{"GET", "accounts" + fetch("<fetch><entity name='account'><link-entity name='"+table+"' from='accountid' to='accountid'/></entity></fetch>"), ""},
			{"GET", "RetrieveTotalRecordCount(EntityNames=['" + table + "'])", ""},
			{"POST", "CanBeReferenced", `{"EntityName":"` + table + `"}`},
			{"GET", "InitializeFrom(EntityMoniker=@p1,TargetEntityName='" + table + "',TargetFieldType='ValidForCreate')?@p1={'@odata.id':'accounts(" + account + ")'}", ""},
			{"POST", "savedqueries", `{"name":"x","querytype":0,"returnedtypecode":"` + table + `","fetchxml":"<fetch><entity name='` + table + `'/></fetch>"}`},
			{"POST", "PublishXml", `{"ParameterXml":"<importexportxml><entities><entity>` + table + `</entity></entities></importexportxml>"}`},
		} {
			if r := o.do(tt[0], tt[1], tt[2]); r.status != 501 || !strings.Contains(r.text, table) {
				t.Errorf("%s %s: %d %s", tt[0], tt[1], r.status, r.text)
			}
		}
	}
}

// A function or an action of the platform is done or refused by name, wherever it is called: not found, or no such method, is only
// the answer for a call that is bound where it is not to be, or the other way round.
func TestOperationsAreDoneOrRefusedByName(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.create("accounts", `{"name":"Nord"}`)
	for _, names := range knownNames(t, "operations.txt") {
		name, refused := names[0], 0
		for _, tt := range [][2]string{
			{"POST", name}, {"GET", name + "()"}, {"POST", "accounts(" + id + ")/" + definitions + name}, {"GET", "accounts(" + id + ")/" + definitions + name + "()"}, {"POST", "accounts/" + definitions + name}, {"GET", "accounts/" + definitions + name + "()"},
		} {
			r := o.do(tt[0], tt[1], `{}`)
			var e struct{ Error struct{ Message string } }
			_ = json.Unmarshal([]byte(r.text), &e) // what has no body says nothing
			switch {
			case r.status == http.StatusNotImplemented && !strings.Contains(e.Error.Message, name):
				t.Errorf("%s %s is refused without its name: %s", tt[0], tt[1], r.text)
			case r.status == http.StatusInternalServerError:
				t.Errorf("%s %s: %s", tt[0], tt[1], r.text)
			case r.status == http.StatusNotFound && strings.Contains(e.Error.Message, "segment"):
				refused++
			}
		}
		if refused == 6 {
			t.Errorf("%s is nowhere", name)
		}
	}
}

// A navigation property that leads to a table which is not held is refused by name wherever it is used.
func TestUnheldPropertiesAreRefusedByName(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id, sets := uuid.NewString(), map[string]string{}
	var held struct {
		Value []struct{ LogicalName, EntitySetName string }
	}
	if err := json.Unmarshal([]byte(o.do("GET", "EntityDefinitions?$select=LogicalName,EntitySetName", "").want(200).text), &held); err != nil {
		t.Fatal(err)
	}
	for _, e := range held.Value {
		sets[e.LogicalName] = e.EntitySetName
	}
	for _, names := range append(knownNames(t, "unheld_properties.txt"), []string{"email", "regardingobjectid_contract", "regardingobjectid_contract_email"}) {
		set := sets[names[0]]
		if set == "" {
			t.Errorf("%s is not held", names[0])
			continue
		}
		for _, name := range names[1:] {
			for _, path := range []string{set + "?$expand=" + name, set + "(" + id + ")/" + name} {
				if r := o.do("GET", path, ""); r.status != 501 && !strings.Contains(r.text, "0x80040217") {
					t.Errorf("GET %s: %d %s", path, r.status, r.text)
				}
			}
		}
	}
	o.do("GET", "accounts?$filter=slaid/name eq 'Gold'", "").want(501, "slaid of account")
	o.do("POST", "accounts", `{"name":"x","slaid@odata.bind":"/slas(`+id+`)"}`).want(501, "slaid of account")
	o.do("POST", "emails", `{"subject":"x","regardingobjectid_contract_email@odata.bind":"/contracts(`+id+`)"}`).want(501, "regardingobjectid_contract_email of email")
	account := o.create("accounts", `{"name":"Nord"}`)
	o.do("GET", "accounts("+account+")/slakpiinstance_account", "").want(501, "slakpiinstance_account of account")
	o.do("POST", "accounts("+account+")/account_actioncard/$ref", `{"@odata.id":"actioncards(`+id+`)"}`).want(501, "account_actioncard of account")
	o.do("GET", "accounts?$expand=nosuch", "").want(400, "nosuch")
}
