package emulator_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Pages: web-api-metadata-operations-sample, customize-entity-views, saved-queries.
func TestPlatformRows(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	publisher := func(more ...string) map[string]any {
		p := map[string]any{"friendlyname": "P", "uniquename": "other", "customizationprefix": "oth", "customizationoptionvalueprefix": 10001}
		for i := 0; i+1 < len(more); i += 2 {
			p[more[i]] = more[i+1]
		}
		return p
	}
	o.refused(400, "0x8004f01c", "'a b'", "POST", "publishers", publisher("uniquename", "a b"))
	o.refused(412, "0x80040237", "", "POST", "publishers", publisher("uniquename", "samplepublisher"))
	o.refused(400, "0x80040203", "prefix", "POST", "publishers", publisher("customizationprefix", "mscrmx"))
	o.refused(400, "0x80040203", "prefix", "POST", "publishers", publisher("customizationprefix", "1abc"))
	id := o.get("publishers?$select=publisherid&$filter=uniquename eq 'samplepublisher'").at("value", 0, "publisherid").(string)
	solution := func(name, version string) map[string]any {
		return map[string]any{"friendlyname": "S", "uniquename": name, "version": version, "publisherid@odata.bind": "/publishers(" + id + ")"}
	}
	o.refused(400, "0x8004f002", "'a-b'", "POST", "solutions", solution("a-b", "1.0.0.0"))
	o.refused(400, "0x8004f023", "already", "POST", "solutions", solution("samplesolution", "1.0.0.0"))
	o.refused(400, "0x80040203", "version", "POST", "solutions", solution("fresh", "one"))

	view := func(more ...any) map[string]any {
		v := map[string]any{"name": "Due", "returnedtypecode": "contact", "querytype": 0,
			"fetchxml":  "<fetch><entity name='contact'><attribute name='contactid'/><attribute name='fullname'/><link-entity name='account' from='accountid' to='parentcustomerid' alias='a' visible='false'><attribute name='name'/></link-entity></entity></fetch>",
			"layoutxml": "<grid name='resultset' object='2' jump='fullname' select='1' icon='1' preview='1'><row name='result' id='contactid'><cell name='fullname' width='200'/><cell name='a.name' width='100' disableSorting='1'/></row></grid>"}
		for i := 0; i+1 < len(more); i += 2 {
			v[more[i].(string)] = more[i+1]
		}
		return v
	}
	made := o.must("POST", "savedqueries", view(), "MSCRM.SolutionUniqueName", "samplesolution").header.Get("OData-EntityId")
	at := made[strings.Index(made, "savedqueries("):]
	saved := at[len("savedqueries(") : len(at)-1]
	if r := o.get("solutioncomponents?$select=componenttype&$filter=objectid eq " + saved); r.at("value", 0, "componenttype") != 26.0 {
		t.Error(r.text)
	}
	o.get("contacts?savedQuery=" + saved)
	for _, tt := range []struct {
		code, words string
		body        map[string]any
	}{
		{"0x80060888", "'nope'", view("returnedtypecode", "nope")},
		{"0x80040203", "not of 'lead'", view("returnedtypecode", "lead")},
		{"0x80041103", "nope", view("fetchxml", "<fetch><entity name='contact'><attribute name='nope'/></entity></fetch>")},
		{"0x80040216", "'emailaddress1' is no column", view("layoutxml", "<grid><row id='contactid'><cell name='emailaddress1'/></row></grid>")},
		{"0x80040216", "not XML", view("layoutxml", "<grid>")},
		{"0x80040203", "cannot be created", view("querytype", 4)},
	} {
		o.refused(400, tt.code, tt.words, "POST", "savedqueries", tt.body)
	}
	o.refused(400, "0x80041103", "nope", "PATCH", at, map[string]any{"fetchxml": "<fetch><entity name='contact'><attribute name='nope'/></entity></fetch>"}, "If-Match", "*")
}

// Pages: use-single-tenant-server-server-authentication, security-roles.
func TestUsersAndRoles(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	root := o.unit()
	bind := "/businessunits(" + root + ")"
	app := uuid.NewString()
	user := o.must("POST", "systemusers", map[string]any{"applicationid": app, "businessunitid@odata.bind": bind}, "Prefer", "return=representation")
	if user.at("accessmode") != 4.0 || user.at("fullname") != "# "+app || user.at("azureactivedirectoryobjectid") == nil || user.at("isdisabled") != false {
		t.Error(user.text)
	}
	o.refused(412, "0x80040237", "", "POST", "systemusers", map[string]any{"applicationid": app, "businessunitid@odata.bind": bind})
	o.refused(400, "0x80040200", "'domainname'", "POST", "systemusers", map[string]any{"lastname": "Person", "businessunitid@odata.bind": bind})

	// A role is copied to the business units below, and so are its privileges.
	child := o.must("POST", "businessunits", map[string]any{"name": "Child", "parentbusinessunitid@odata.bind": bind}, "Prefer", "return=representation").at("businessunitid").(string)
	role := o.must("POST", "roles", map[string]any{"name": "R", "businessunitid@odata.bind": bind}, "Prefer", "return=representation").at("roleid").(string)
	copies := o.get("roles?$select=roleid&$filter=name eq 'R' and _businessunitid_value eq " + child)
	if len(copies.list()) != 1 {
		t.Fatal(copies.text)
	}
	inherited := copies.at("value", 0, "roleid").(string)
	privilege := o.get("privileges?$select=privilegeid&$filter=name eq 'prvDeleteContact'").at("value", 0, "privilegeid")
	grant := map[string]any{"Privileges": []any{map[string]any{"PrivilegeId": privilege, "Depth": "3"}}}
	o.must("POST", "roles("+role+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", grant)
	o.refused(400, "0x80040203", "inherited", "POST", "roles("+inherited+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", grant)
	r := o.get("RetrieveRolePrivilegesRole(RoleId=" + inherited + ")")
	if given := privilegeNamed(r.list("RolePrivileges"), "prvDeleteContact"); given == nil || given["Depth"] != "Global" {
		t.Error(r.text)
	}
	id := user.at("systemuserid").(string)
	ref := func(role string) map[string]any {
		return map[string]any{"@odata.id": o.url + "/api/data/v9.2/roles(" + role + ")"}
	}
	o.refused(400, "0x80041d0b", "another business unit", "POST", "systemusers("+id+")/systemuserroles_association/$ref", ref(inherited))
	o.must("POST", "systemusers("+id+")/systemuserroles_association/$ref", ref(role))
	contact := o.must("POST", "contacts", map[string]any{"lastname": "T"}, "Prefer", "return=representation").at("contactid").(string)
	access := "systemusers(" + id + ")/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t={\"@odata.id\":\"contacts(" + contact + ")\"}"
	if r := o.get(access); r.at("AccessRights") != "DeleteAccess" {
		t.Error(r.text)
	}
	o.must("POST", "roles("+role+")/Microsoft.Dynamics.CRM.RemovePrivilegeRole", map[string]any{"Privilege": map[string]any{"privilegeid": privilege}})
	if r := o.get(access); r.at("AccessRights") != "None" {
		t.Error(r.text)
	}
	o.must("DELETE", "systemusers("+id+")/systemuserroles_association/$ref?$id="+o.url+"/api/data/v9.2/roles("+role+")", nil)
	if r := o.get("systemusers(" + id + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"); len(r.list("RolePrivileges")) != 0 {
		t.Error(r.text)
	}
}
