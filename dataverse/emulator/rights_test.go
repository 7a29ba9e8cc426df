package emulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// user makes an application user with a role of its own that holds the privileges, as "prvReadContact Basic", and gives
// an org that speaks with its token.
func (o *org) user(unit string, privileges ...string) (*org, string) {
	o.Helper()
	bind := "/businessunits(" + unit + ")"
	id := o.must("POST", "systemusers", map[string]any{"applicationid": uuid.NewString(), "businessunitid@odata.bind": bind}, "Prefer", "return=representation").at("systemuserid").(string)
	role := o.must("POST", "roles", map[string]any{"name": "Role " + id, "businessunitid@odata.bind": bind}, "Prefer", "return=representation").at("roleid").(string)
	list := []any{}
	for _, p := range privileges {
		name, depth, _ := strings.Cut(p, " ")
		found := o.get("privileges?$select=privilegeid&$filter=name eq '" + name + "'")
		if len(found.list()) != 1 {
			o.Fatalf("%s: %s", name, found.text)
		}
		list = append(list, map[string]any{"PrivilegeId": found.at("value", 0, "privilegeid"), "Depth": depth})
	}
	o.must("POST", "roles("+role+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", map[string]any{"Privileges": list})
	o.must("POST", "systemusers("+id+")/systemuserroles_association/$ref", map[string]any{"@odata.id": o.url + "/api/data/v9.2/roles(" + role + ")"})
	return o.as(id), id
}

// as is an org that speaks with a user's token, which the control plane gives out.
func (o *org) as(user string) *org {
	o.Helper()
	req, err := http.NewRequest("POST", o.url+"/emulator/token", strings.NewReader(`{"user":"`+user+`"}`))
	if err != nil {
		o.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+o.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.Fatal(err)
	}
	defer res.Body.Close()
	var given struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&given); err != nil || given.Token == "" {
		o.Fatal(res.Status, err)
	}
	return &org{T: o.T, url: o.url, token: given.Token}
}

func (o *org) unit() string { return o.get("WhoAmI").at("BusinessUnitId").(string) }

// Pages: security-concepts, security-roles. The message names the missing privilege, as reported of the service.
func TestMissingPrivilege(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	u, id := o.user(o.unit(), "prvReadAccount Global")
	if u.get("WhoAmI").at("UserId") != id {
		t.Error("WhoAmI needs no privilege")
	}
	u.get("accounts?$select=name")
	u.refused(403, "0x80040220", "is missing prvReadContact privilege (Id=", "GET", "contacts?$select=fullname", nil)
	u.refused(403, "0x80040220", "prvReadContact", "GET", "accounts?$select=name&$expand=primarycontactid($select=fullname)&$filter=primarycontactid/fullname eq 'x'", nil)
	u.refused(403, "0x80040220", "prvCreateContact", "POST", "contacts", map[string]any{"lastname": "T"})
	u.refused(403, "0x80040220", "prvCreateAttribute", "POST", contactColumns, define("String", "new_A", map[string]any{"MaxLength": 10}))
	u.refused(403, "0x80040220", "prvPublishCustomization", "POST", "PublishAllXml", nil)
	u.refused(403, "0x80040220", "OTC=2 for entity 'contact'", "GET", "contacts("+uuid.NewString()+")", nil)
}

// Reads leave out silently what lies beyond the depth; a row asked for by its id is refused.
func TestDepths(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	root := o.unit()
	child := o.must("POST", "businessunits", map[string]any{"name": "Child", "parentbusinessunitid@odata.bind": "/businessunits(" + root + ")"}, "Prefer", "return=representation").at("businessunitid").(string)
	grandchild := o.must("POST", "businessunits", map[string]any{"name": "Grandchild", "parentbusinessunitid@odata.bind": "/businessunits(" + child + ")"}, "Prefer", "return=representation").at("businessunitid").(string)
	common := func(depth string) []string {
		return []string{"prvCreateContact Global", "prvWriteContact " + depth, "prvReadContact " + depth, "prvAppendContact Global", "prvAppendToContact Global", "prvReadUser Global"}
	}
	_, other := o.user(child, common("Basic")...)
	_, below := o.user(grandchild, common("Basic")...)
	make := func(name, owner string) string {
		return o.must("POST", "contacts", map[string]any{"lastname": name, "ownerid@odata.bind": "/systemusers(" + owner + ")"}, "Prefer", "return=representation").at("contactid").(string)
	}
	make("other", other)
	make("below", below)
	foreign := make("root", o.get("WhoAmI").at("UserId").(string))
	for depth, want := range map[string]string{"Basic": "own", "Local": "other own", "Deep": "below other own", "Global": "below other own root"} {
		u, id := o.user(child, common(depth)...)
		own := make("own", id)
		var got []string
		for _, r := range u.get("contacts?$select=lastname&$orderby=lastname").list() {
			got = append(got, r["lastname"].(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s sees %v, want %s", depth, got, want)
		}
		if n := u.get("contacts/$count").text; !strings.HasSuffix(n, string(rune('0'+len(got)))) {
			t.Errorf("%s counts %q", depth, n)
		}
		if depth != "Global" {
			u.refused(403, "0x80048306", "ReadAccess", "GET", "contacts("+foreign+")?$select=lastname", nil)
			u.refused(403, "0x80048306", "WriteAccess", "PATCH", "contacts("+foreign+")", map[string]any{"lastname": "x"}, "If-Match", "*")
		}
		if r := u.get("contacts?fetchXml=<fetch aggregate='true'><entity name='contact'><attribute name='contactid' aggregate='count' alias='n'/></entity></fetch>"); r.at("value", 0, "n") != float64(len(got)) {
			t.Errorf("%s aggregates %s", depth, r.text)
		}
		o.must("DELETE", "contacts("+own+")", nil)
	}
}

// No page says whether definitions take rights to read: an option has them take some. Privileges: security-roles.
func TestDefinitionsNeedRights(t *testing.T) {
	for _, strict := range []bool{false, true} {
		o := newOrg(t, emulator.Options{DefinitionsNeedRights: strict})
		nobody, _ := o.user(o.unit())
		tables, _ := o.user(o.unit(), "prvReadEntity Global")
		all, _ := o.user(o.unit(), "prvReadEntity Global", "prvReadAttribute Global", "prvReadRelationship Global", "prvReadOptionSet Global")
		for path, privilege := range map[string]string{
			"EntityDefinitions(LogicalName='contact')?$select=LogicalName":                       "prvReadEntity",
			"EntityDefinitions(LogicalName='contact')/Attributes?$select=LogicalName":            "prvReadAttribute",
			"EntityDefinitions(LogicalName='contact')/OneToManyRelationships?$select=SchemaName": "prvReadRelationship",
			"RelationshipDefinitions(SchemaName='contact_customer_accounts')":                    "prvReadRelationship",
			"GlobalOptionSetDefinitions": "prvReadOptionSet",
			"RetrieveMetadataChanges(Query=@q)?@q={\"Properties\":{\"PropertyNames\":[\"LogicalName\"]}}": "prvReadEntity",
		} {
			all.get(path)
			if !strict {
				nobody.get(path)
				continue
			}
			if privilege == "prvReadEntity" {
				tables.get(path)
				nobody.refused(403, "0x80040220", privilege, "GET", path, nil)
			} else {
				tables.refused(403, "0x80040220", privilege, "GET", path, nil)
			}
		}
	}
}

// Page: impersonate-another-user-web-api.
func TestImpersonate(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	unit := o.unit()
	u, user := o.user(unit, "prvCreateContact Global", "prvReadContact Global", "prvAppendContact Global", "prvAppendToContact Global")
	admin := o.get("WhoAmI").at("UserId").(string)
	id := o.must("POST", "contacts", map[string]any{"lastname": "T"}, "MSCRMCallerID", user, "Prefer", "return=representation").at("contactid").(string)
	r := o.get("contacts(" + id + ")?$select=_createdby_value,_createdonbehalfby_value,_ownerid_value")
	if r.at("_createdby_value") != user || r.at("_createdonbehalfby_value") != admin || r.at("_ownerid_value") != user {
		t.Error(r.text)
	}
	object := o.get("systemusers(" + user + ")?$select=azureactivedirectoryobjectid").at("azureactivedirectoryobjectid").(string)
	if who := o.get("WhoAmI", "CallerObjectId", object); who.at("UserId") != user {
		t.Error(who.text)
	}
	// The rights of both are needed: the administrator can delete, whom he stands for cannot.
	o.refused(403, "0x80040220", "prvDeleteContact", "DELETE", "contacts("+id+")", nil, "MSCRMCallerID", user)
	u.refused(403, "0x8004a110", "act on behalf", "GET", "WhoAmI", nil, "MSCRMCallerID", admin)
	o.refused(403, "0x80072560", "not a member", "GET", "WhoAmI", nil, "MSCRMCallerID", uuid.NewString())
}

// Page: column-level-security.
func TestSecuredColumn(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.must("POST", contactColumns, define("String", "new_Secret", map[string]any{"MaxLength": 10}))
	at := contactColumns + "(LogicalName='new_secret')"
	o.must("PUT", at, define("String", "new_Secret", map[string]any{"MaxLength": 10, "IsSecured": true}))
	if r := o.get(at + "?$select=IsSecured"); r.at("IsSecured") != true {
		t.Fatal(r.text)
	}
	id := o.must("POST", "contacts", map[string]any{"lastname": "T", "new_secret": "abc"}, "Prefer", "return=representation").at("contactid").(string)
	u, user := o.user(o.unit(), "prvCreateContact Global", "prvReadContact Global", "prvWriteContact Global", "prvAppendContact Global")
	read := func() any { return u.get("contacts(" + id + ")?$select=new_secret").at("new_secret") }
	if read() != nil {
		t.Error("a secured column was read")
	}
	if r := u.get("contacts?$select=new_secret&$filter=new_secret eq 'abc'"); len(r.list()) != 0 {
		t.Errorf("found by a secured column: %s", r.text)
	}
	u.refused(403, "0x8004f507", "AttributePrivilegeUpdate", "PATCH", "contacts("+id+")", map[string]any{"new_secret": "x"}, "If-Match", "*")
	u.refused(403, "0x8004f502", "create permissions", "POST", "contacts", map[string]any{"lastname": "T", "new_secret": "x"})

	profile := o.must("POST", "fieldsecurityprofiles", map[string]any{"name": "P"}, "Prefer", "return=representation").at("fieldsecurityprofileid").(string)
	o.must("POST", "fieldpermissions", map[string]any{"entityname": "contact", "attributelogicalname": "new_secret", "canread": 4, "canupdate": 0, "cancreate": 0, "fieldsecurityprofileid@odata.bind": "/fieldsecurityprofiles(" + profile + ")"})
	o.must("POST", "systemusers("+user+")/systemuserprofiles_association/$ref", map[string]any{"@odata.id": o.url + "/api/data/v9.2/fieldsecurityprofiles(" + profile + ")"})
	if read() != "abc" {
		t.Errorf("the profile lets read: %v", read())
	}
	u.refused(403, "0x8004f507", "", "PATCH", "contacts("+id+")", map[string]any{"new_secret": "x"}, "If-Match", "*")
	o.refused(400, "0x80060896", "secured", "POST", "EntityDefinitions(LogicalName='contact')/Keys", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata", "SchemaName": "new_key", "DisplayName": label("K"), "KeyAttributes": []string{"new_secret"}})
}

// privilegeNamed is the privilege of that name, nil if there is none.
func privilegeNamed(privileges []map[string]any, name string) map[string]any {
	for _, p := range privileges {
		if p["PrivilegeName"] == name {
			return p
		}
	}
	return nil
}

// Pages: AddPrivilegesRole, ReplacePrivilegesRole, RetrieveUserPrivileges (reference), security-roles.
func TestRolePrivileges(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	u, user := o.user(o.unit(), "prvReadContact Deep", "prvDeleteContact Basic")
	r := o.get("systemusers(" + user + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")
	if l := r.list("RolePrivileges"); len(l) != 2+9 || privilegeNamed(l, "prvDeleteContact") == nil || privilegeNamed(l, "prvReadContact")["Depth"] != "Deep" { // nine come with every new role
		t.Error(r.text)
	}
	r = u.get("systemusers(" + user + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='prvWriteContact')")
	if l := r.list("RolePrivileges"); len(l) != 0 {
		t.Error(r.text)
	}
	admin := o.get("roles?$select=roleid,name&$filter=_roletemplateid_value eq 627090ff-40a3-4053-8790-584edc5be201")
	if l := admin.list(); len(l) != 1 || l[0]["name"] != "System Administrator" {
		t.Error(admin.text)
	}
	r = o.get("RetrieveRolePrivilegesRole(RoleId=" + admin.at("value", 0, "roleid").(string) + ")")
	if n := len(r.list("RolePrivileges")); n < 300 {
		t.Error(n)
	}
}

// What comes through a team is told at the depth Basic by RetrieveUserPrivileges and at its own by the functions that ask
// for names. Pages: RetrieveUserPrivileges Function (remarks), RetrieveUserSetOfPrivilegesByNames Function.
func TestPrivilegesThroughTeams(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	u, user := o.user(o.unit(), "prvReadContact Basic")
	_, giver := o.user(o.unit(), "prvReadAccount Global", "prvReadContact Deep")
	role := o.get("systemusers("+giver+")/systemuserroles_association?$select=roleid").at("value", 0, "roleid").(string)
	team := o.must("POST", "teams", map[string]any{"name": "Readers", "teamtype": 0, "businessunitid@odata.bind": "/businessunits(" + o.unit() + ")", "administratorid@odata.bind": "/systemusers(" + giver + ")"}, "Prefer", "return=representation").at("teamid").(string)
	o.must("POST", "teams("+team+")/teamroles_association/$ref", map[string]any{"@odata.id": o.url + "/api/data/v9.2/roles(" + role + ")"})
	o.must("POST", "teams("+team+")/teammembership_association/$ref", map[string]any{"@odata.id": o.url + "/api/data/v9.2/systemusers(" + user + ")"})
	depths := func(path string) map[string]any {
		out := map[string]any{}
		for _, p := range u.get("systemusers(" + user + ")/Microsoft.Dynamics.CRM." + path).list("RolePrivileges") {
			out[p["PrivilegeName"].(string)] = p["Depth"]
		}
		return out
	}
	if d := depths("RetrieveUserPrivileges()"); d["prvReadAccount"] != "Basic" || d["prvReadContact"] != "Basic" {
		t.Error(d)
	}
	for _, names := range []string{`["prvReadAccount","prvReadContact","prvReadLead"]`, `['prvReadAccount','prvReadContact','prvReadLead']`} {
		if d := depths("RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p=" + names); len(d) != 2 || d["prvReadAccount"] != "Global" || d["prvReadContact"] != "Deep" {
			t.Error(d)
		}
	}
	u.refused(400, "0x80040203", "prvReadNothing", "GET", "systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p=[\"prvReadNothing\"]", nil)
	u.refused(400, "0x80048d19", "PrivilegeNames", "GET", "systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames()", nil)
	u.get("accounts?$select=name")
}

// A secured column that may not be read is null wherever it is looked at: in answers, filters, paths, orders, joins and
// aggregates. Page: column-level-security.
func TestSecuredColumnIsNullEverywhere(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.must("POST", contactColumns, define("String", "new_Secret", map[string]any{"MaxLength": 10}))
	o.must("PUT", contactColumns+"(LogicalName='new_secret')", define("String", "new_Secret", map[string]any{"MaxLength": 10, "IsSecured": true}))
	contact := o.must("POST", "contacts", map[string]any{"lastname": "T", "new_secret": "abc"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("POST", "accounts", map[string]any{"name": "A", "primarycontactid@odata.bind": "/contacts(" + contact + ")"})
	u, _ := o.user(o.unit(), "prvReadContact Global", "prvReadAccount Global")
	fetch := func(body string) string {
		return "accounts?fetchXml=<fetch><entity name='account'><attribute name='accountid'/>" + body + "</entity></fetch>"
	}
	link := "<link-entity name='contact' from='contactid' to='primarycontactid' alias='c'>"
	for _, q := range []struct {
		path         string
		admin, other int
	}{
		{"accounts?$select=name&$filter=primarycontactid/new_secret eq 'abc'", 1, 0},
		{"accounts?$select=name&$filter=primarycontactid/lastname eq 'T' and primarycontactid/new_secret eq null", 0, 1},
		{"contacts?$select=lastname&$filter=startswith(new_secret,'a')", 1, 0},
		{"contacts?$select=lastname&$filter=account_primary_contact/any(a:a/primarycontactid/new_secret eq 'abc')", 1, 0},
		{fetch(link + "<filter><condition attribute='new_secret' operator='eq' value='abc'/></filter></link-entity>"), 1, 0},
		{fetch(link + "</link-entity><filter><condition entityname='c' attribute='new_secret' operator='not-null'/></filter>"), 1, 0},
		{fetch("<link-entity name='contact' from='new_secret' to='name'/>"), 0, 0},
	} {
		if r := o.get(q.path); len(r.list()) != q.admin {
			t.Errorf("an administrator finds %d by %s: %s", len(r.list()), q.path, r.text)
		}
		if r := u.get(q.path); len(r.list()) != q.other || strings.Contains(r.text, "abc") {
			t.Errorf("without a profile %d are found by %s: %s", len(r.list()), q.path, r.text)
		}
	}
	if r := u.get("accounts?$select=name&$expand=primarycontactid($select=new_secret)"); strings.Contains(r.text, "abc") {
		t.Error(r.text)
	}
	if r := u.get("contacts?$apply=groupby((new_secret),aggregate($count as n))"); strings.Contains(r.text, "abc") {
		t.Error(r.text)
	}
}
