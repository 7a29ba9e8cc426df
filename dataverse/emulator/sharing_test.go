package emulator_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// access is the body of GrantAccess and ModifyAccess.
func access(table, key, id, user, mask string) map[string]any {
	return map[string]any{
		"Target": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM." + table, key: id},
		"PrincipalAccess": map[string]any{"AccessMask": mask, "Principal": map[string]any{
			"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": user}},
	}
}

func TestSharing(t *testing.T) {
	// security-sharing-assigning: "Sharing lets users give other users or teams access"; "you cannot give a user any rights
	// that he or she would not have for that type of table".
	o := newOrg(t, emulator.Options{})
	reader, id := o.user(o.unit(), "prvReadContact Basic", "prvWriteContact Basic", "prvReadActivity Basic")
	stranger, other := o.user(o.unit(), "prvReadAccount Basic")
	make := func(o *org, set, key string, body map[string]any) string {
		return o.must("POST", set, body, "Prefer", "return=representation").at(key).(string)
	}
	contact := make(o, "contacts", "contactid", map[string]any{"lastname": "Shared"})
	call := make(o, "tasks", "activityid", map[string]any{"subject": "t", "regardingobjectid_contact@odata.bind": "/contacts(" + contact + ")"})
	one := "contacts(" + contact + ")"
	reader.refused(403, "0x80048306", "ReadAccess", "GET", one, nil)
	if n := len(reader.get("contacts?$select=contactid").list()); n != 0 {
		t.Fatalf("%d contacts", n)
	}

	o.must("POST", "GrantAccess", access("contact", "contactid", contact, id, "ReadAccess"))
	reader.must("GET", one, nil)
	if n := len(reader.get("contacts?$select=contactid").list()); n != 1 {
		t.Errorf("%d contacts", n)
	}
	reader.refused(403, "0x80048306", "WriteAccess", "PATCH", one, map[string]any{"firstname": "x"})
	o.must("POST", "GrantAccess", access("contact", "contactid", contact, id, "WriteAccess")) // the union
	reader.must("PATCH", one, map[string]any{"firstname": "x"})
	reader.must("GET", "tasks("+call+")", nil) // what belongs to the contact inherits the share
	later := make(o, "tasks", "activityid", map[string]any{"subject": "later", "regardingobjectid_contact@odata.bind": "/contacts(" + contact + ")"})
	reader.must("GET", "tasks("+later+")", nil)

	list := o.get("RetrieveSharedPrincipalsAndAccess(Target=@t)?@t={'@odata.id':'contacts(" + contact + ")'}")
	if list.at("PrincipalAccesses", 0, "AccessMask") != "ReadAccess, WriteAccess" || list.at("PrincipalAccesses", 0, "Principal", "systemuserid") != id {
		t.Errorf("%s", list.text)
	}
	rows := o.get("principalobjectaccessset?$filter=objectid eq " + contact).list()
	if len(rows) != 1 || rows[0]["accessrightsmask"] != 3.0 || rows[0]["principalid"] != id {
		t.Errorf("%v", rows)
	}
	rights := o.get("systemusers(" + id + ")/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'contacts(" + contact + ")'}")
	if rights.at("AccessRights") != "ReadAccess, WriteAccess" {
		t.Errorf("%s", rights.text)
	}

	o.must("POST", "ModifyAccess", access("contact", "contactid", contact, id, "ReadAccess"))
	reader.refused(403, "0x80048306", "WriteAccess", "PATCH", one, map[string]any{"firstname": "x"})

	o.refused(403, "0x80040220", "prvReadContact", "POST", "GrantAccess", access("contact", "contactid", contact, other, "ReadAccess")) // who may not read is given no share
	stranger.refused(403, "0x80040220", "prvReadContact", "GET", one, nil)
	reader.refused(403, "0x80040220", "prvShareContact", "POST", "GrantAccess", access("contact", "contactid", contact, other, "ReadAccess"))

	o.must("POST", "RevokeAccess", map[string]any{"Target": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": contact},
		"Revokee": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": id}})
	reader.refused(403, "0x80048306", "ReadAccess", "GET", one, nil)
	reader.refused(403, "0x80048306", "ReadAccess", "GET", "tasks("+call+")", nil)

	o.must("DELETE", one, nil)
	if rows := o.get("principalobjectaccessset?$filter=objectid eq " + contact).list(); len(rows) != 0 {
		t.Errorf("a deleted row is still shared: %v", rows)
	}
}

func TestSharingRefusals(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	_, id := o.user(o.unit(), "prvReadContact Basic")
	contact := o.must("POST", "contacts", map[string]any{"lastname": "x"}, "Prefer", "return=representation").at("contactid").(string)
	o.refused(400, "0x80040203", "Reading", "POST", "GrantAccess", access("contact", "contactid", contact, id, "ReadingAccess"))
	o.refused(404, "0x80040217", "contact", "POST", "GrantAccess", access("contact", "contactid", missing, id, "ReadAccess"))
	o.refused(404, "0x80040217", "systemuser", "POST", "GrantAccess", access("contact", "contactid", contact, missing, "ReadAccess"))
	o.refused(400, "0x80040203", "cannot be shared", "POST", "GrantAccess", access("systemuser", "systemuserid", id, id, "ReadAccess"))
	body := access("contact", "contactid", contact, id, "ReadAccess")
	body["PrincipalAccess"].(map[string]any)["Principal"] = body["Target"]
	o.refused(400, "0x80040203", "user or a team", "POST", "GrantAccess", body)
	delete(body, "PrincipalAccess")
	o.refused(400, "0x80048d19", "PrincipalAccess", "POST", "GrantAccess", body)
	o.refused(400, "0x80048d19", "Revokee", "POST", "RevokeAccess", body)
}
