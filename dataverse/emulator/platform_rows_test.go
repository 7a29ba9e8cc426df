package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// labelJSON is a label as it stands in a body.
func labelJSON(text string) string {
	b, _ := json.Marshal(label(text)) // texts always encode
	return string(b)
}

// user is a user without roles.
func (o *site) user(name string) uuid.UUID {
	o.t.Helper()
	user := uuid.New()
	err := o.server.Load(emulator.Record{Table: "systemuser", ID: user, Values: map[string]any{"lastname": name, "domainname": name + "@x.invalid"}})
	if err != nil {
		o.t.Fatal(err)
	}
	return user
}

// person is a user with the role of everybody, and its token.
func (o *site) person(name string) (id, bearer string) {
	o.t.Helper()
	user := o.user(name)
	role := o.do("GET", "roles?$select=roleid&$filter=name eq 'Basic User'", "").want(200).object()["value"].([]any)[0].(map[string]any)["roleid"].(string)
	o.do("POST", "systemusers("+user.String()+")/systemuserroles_association/$ref", `{"@odata.id":"roles(`+role+`)"}`).want(204)
	return user.String(), "Bearer " + o.server.TokenFor(user)
}

func (o *site) owner(table, id string) string {
	return fmt.Sprint(o.values(table, id)["ownerid"].(emulator.Reference).ID)
}

// Page: configure-entity-relationship-cascading-behavior, Assign: Cascade, Active, UserOwned, NoCascade.
func TestAssignCascades(t *testing.T) {
	o := newSite(t, emulator.Options{})
	ada, bo, cy := o.user("ada").String(), o.user("bo").String(), o.user("cy").String()
	contact := o.create("contacts", `{"lastname":"L"}`)
	task := o.create("tasks", `{"subject":"T","regardingobjectid_contact@odata.bind":"/contacts(`+contact+`)"}`)
	note := o.create("annotations", `{"subject":"N","objectid_task@odata.bind":"/tasks(`+task+`)"}`)
	lead := o.create("leads", `{"lastname":"K","parentcontactid@odata.bind":"/contacts(`+contact+`)"}`) // its relationship hands nothing on
	closed := o.create("phonecalls", `{"subject":"P","regardingobjectid_contact@odata.bind":"/contacts(`+contact+`)"}`)
	o.do("PATCH", "phonecalls("+closed+")", `{"statecode":1}`).want(204)
	was := o.owner("lead", lead)
	o.do("PATCH", "contacts("+contact+")", `{"ownerid@odata.bind":"/systemusers(`+ada+`)"}`).want(204)
	for table, id := range map[string]string{"task": task, "annotation": note, "phonecall": closed} {
		if got := o.owner(table, id); got != ada {
			t.Errorf("the %s belongs to %s", table, got)
		}
	}
	if o.owner("lead", lead) != was {
		t.Error("the lead was handed on")
	}

	for how, want := range map[string]string{"Active": "cy cy bo", "UserOwned": "cy ada cy", "NoCascade": "bo ada bo", "Cascade": "cy cy cy"} {
		t.Run(how, func(t *testing.T) {
			o := &site{t: t, server: o.server, srv: o.srv}
			name := "new_" + how
			o.do("POST", "EntityDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"`+name+`","DisplayName":`+labelJSON(how)+`,"DisplayCollectionName":`+labelJSON(how+"s")+`,"OwnershipType":"UserOwned","IsActivity":false,"HasActivities":false,"HasNotes":false,
				"Attributes":[{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"new_Name","IsPrimaryName":true,"MaxLength":100,"DisplayName":`+labelJSON("Name")+`}]}`).want(204)
			o.do("POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"new_account_`+how+`","ReferencedEntity":"account","ReferencingEntity":"new_`+strings.ToLower(how)+`",
				"CascadeConfiguration":{"Assign":"`+how+`","Delete":"RemoveLink"},"Lookup":{"@odata.type":"Microsoft.Dynamics.CRM.LookupAttributeMetadata","SchemaName":"new_Account","DisplayName":`+labelJSON("Account")+`}}`).want(204)
			set := "new_" + strings.ToLower(how)
			entitySet := o.do("GET", "EntityDefinitions(LogicalName='"+set+"')?$select=EntitySetName", "").want(200).object()["EntitySetName"].(string)
			account := o.create("accounts", `{"name":"A","ownerid@odata.bind":"/systemusers(`+bo+`)"}`)
			row := func(owner string) string {
				return o.create(entitySet, `{"new_name":"x","new_Account@odata.bind":"/accounts(`+account+`)","ownerid@odata.bind":"/systemusers(`+owner+`)"}`)
			}
			same, others, inactive := row(bo), row(ada), row(bo)
			o.do("PATCH", entitySet+"("+inactive+")", `{"statecode":1}`).want(204)
			o.do("PATCH", "accounts("+account+")", `{"ownerid@odata.bind":"/systemusers(`+cy+`)"}`).want(204)
			names := map[string]string{ada: "ada", bo: "bo", cy: "cy"}
			if got := names[o.owner(set, same)] + " " + names[o.owner(set, others)] + " " + names[o.owner(set, inactive)]; got != want {
				t.Errorf("%s: the rows belong to %s, want %s", how, got, want)
			}
		})
	}
}

// Page: configure-entity-relationship-cascading-behavior, "About the reparent action".
func TestReparentingGivesAccess(t *testing.T) {
	o := newSite(t, emulator.Options{})
	ada, bearer := o.person("ada")
	account := o.create("accounts", `{"name":"A","ownerid@odata.bind":"/systemusers(`+ada+`)"}`)
	other := o.create("accounts", `{"name":"B"}`)
	below := o.create("contacts", `{"lastname":"L","parentcustomerid_account@odata.bind":"/accounts(`+account+`)"}`)
	apart := o.create("contacts", `{"lastname":"M","parentcustomerid_account@odata.bind":"/accounts(`+other+`)"}`)
	read := func(id string, status int) {
		t.Helper()
		o.do("GET", "contacts("+id+")?$select=lastname", "", "Authorization", bearer).want(status)
	}
	read(below, 200)
	read(apart, 403)
	o.do("PATCH", "contacts("+below+")", `{"jobtitle":"x"}`, "Authorization", bearer).want(403) // to read, not to write
	o.do("PATCH", "contacts("+below+")", `{"parentcustomerid_account@odata.bind":"/accounts(`+other+`)"}`).want(204)
	o.do("PATCH", "contacts("+apart+")", `{"parentcustomerid_account@odata.bind":"/accounts(`+account+`)"}`).want(204)
	read(below, 403)
	read(apart, 200)
}

// Reference: UserSettings; formatted values are in the time zone of who asks.
func TestUsersHaveTheirTimeZone(t *testing.T) {
	o := newSite(t, emulator.Options{})
	ada, bearer := o.person("ada")
	o.do("GET", "usersettingscollection("+ada+")?$select=timezonecode,uilanguageid", "").want(200, `"timezonecode":92`, `"uilanguageid":1033`)
	o.do("POST", "usersettingscollection", `{"systemuserid":"`+ada+`"}`).want(405)
	o.do("PATCH", "usersettingscollection("+ada+")", `{"timezonecode":290}`).want(204) // Auckland
	o.server.SetClock(time.Date(2026, 1, 10, 20, 30, 0, 0, time.UTC))
	id := o.create("contacts", `{"lastname":"L","ownerid@odata.bind":"/systemusers(`+ada+`)"}`)
	annotated := []string{"Prefer", `odata.include-annotations="*"`}
	o.do("GET", "contacts("+id+")?$select=createdon", "", append(annotated, "Authorization", bearer)...).want(200, `"1/11/2026 9:30 AM"`)
	o.do("GET", "contacts("+id+")?$select=createdon", "", annotated...).want(200, `"1/10/2026 8:30 PM"`)
	// today is another day there
	o.do("GET", "contacts?$select=lastname&$filter=Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='2026-01-11')", "", "Authorization", bearer).want(200, `"lastname":"L"`)
}

// Page: transaction-currency-currency-entity. Amounts in the base currency are amounts by the rate of the row's currency.
func TestBaseAmountsFollowTheRate(t *testing.T) {
	o := newSite(t, emulator.Options{})
	crowns := o.create("transactioncurrencies", `{"currencyname":"Krona","isocurrencycode":"SEK","currencysymbol":"kr","currencyprecision":2,"exchangerate":11.5}`)
	id := o.create("contacts", `{"lastname":"L","annualincome":1000,"transactioncurrencyid@odata.bind":"/transactioncurrencies(`+crowns+`)"}`)
	see := func(rate, base string) {
		t.Helper()
		o.do("GET", "contacts("+id+")?$select=annualincome_base,exchangerate,creditlimit_base", "").want(200, `"annualincome_base":`+base, `"exchangerate":`+rate, `"creditlimit_base":null`)
	}
	see("11.5", "86.96")
	o.do("PATCH", "transactioncurrencies("+crowns+")", `{"exchangerate":10}`).want(204)
	see("11.5", "86.96") // until the row changes
	o.do("PATCH", "contacts("+id+")", `{"jobtitle":"x"}`).want(204)
	see("11.5", "86.96")
	o.do("PATCH", "contacts("+id+")", `{"annualincome":2000}`).want(204)
	see("10", "200")
	euro := o.do("GET", "transactioncurrencies?$select=transactioncurrencyid&$filter=isocurrencycode eq 'EUR'", "").want(200).object()["value"].([]any)[0].(map[string]any)["transactioncurrencyid"].(string)
	o.do("PATCH", "contacts("+id+")", `{"transactioncurrencyid@odata.bind":"/transactioncurrencies(`+euro+`)"}`).want(204)
	see("1", "2000")
	o.do("PATCH", "contacts("+id+")", `{"annualincome":null}`).want(204)
	see("1", "null")
}

// Page: web-service-error-codes, the loops of each hierarchy.
func TestNothingStandsBelowItself(t *testing.T) {
	o := newSite(t, emulator.Options{})
	unit := fmt.Sprint(o.server.Rows("businessunit")[0].ID)
	for _, c := range []struct{ set, nav, body, code string }{
		{"accounts", "parentaccountid", `"name":"A"`, "0x80040507"},
		{"contacts", "parentcustomerid_contact", `"lastname":"L"`, "0x8004050a"},
		{"businessunits", "parentbusinessunitid", `"name":"U%d"`, "0x80041d21"},
		{"subjects", "parentsubject", `"title":"S"`, "0x80043e01"},
	} {
		n := 0
		make := func(above string) string {
			n++
			body := c.body
			if c.set == "businessunits" {
				body = fmt.Sprintf(body, n)
				if above == "" {
					above = unit
				}
			}
			if above != "" {
				body += `,"` + c.nav + `@odata.bind":"/` + c.set + `(` + above + `)"`
			}
			return o.create(c.set, "{"+body+"}")
		}
		top := make("")
		middle := make(top)
		low := make(middle)
		for _, below := range []string{top, middle, low} {
			o.do("PATCH", c.set+"("+top+")", `{"`+c.nav+`@odata.bind":"/`+c.set+`(`+below+`)"}`).want(400, c.code, "would create a loop")
		}
		other := make("")
		o.do("PATCH", c.set+"("+middle+")", `{"`+c.nav+`@odata.bind":"/`+c.set+`(`+other+`)"}`).want(204)
		o.do("PATCH", c.set+"("+top+")", `{"`+c.nav+`@odata.bind":"/`+c.set+`(`+low+`)"}`).want(204)
	}
}

// Page: web-service-error-codes. A business unit goes when it is disabled, alone and without rows.
func TestBusinessUnitsInUseStay(t *testing.T) {
	o := newSite(t, emulator.Options{})
	unit := o.create("businessunits", `{"name":"North"}`)
	below := o.create("businessunits", `{"name":"Further","parentbusinessunitid@odata.bind":"/businessunits(`+unit+`)"}`)
	remove := func(id string) *response { return o.do("DELETE", "businessunits("+id+")", "") }
	remove(unit).want(400, "0x80041d61")
	remove(below).want(400, "0x80041d60")
	o.do("PATCH", "businessunits("+below+")", `{"isdisabled":true}`).want(204)
	team := o.do("GET", "teams?$select=teamid&$filter=_businessunitid_value eq "+below+" and isdefault eq true", "").want(200).object()["value"].([]any)[0].(map[string]any)["teamid"].(string)
	contact := o.create("contacts", `{"lastname":"L"}`)
	if err := o.server.Load(emulator.Record{Table: "contact", Values: map[string]any{"lastname": "M", "ownerid": emulator.Ref("team", uuid.MustParse(team))}}); err != nil {
		t.Fatal(err)
	}
	_ = contact
	remove(below).want(400, "0x80041d62")
}

// Page: bypass-custom-business-logic.
func TestBypassNeedsRights(t *testing.T) {
	o := newSite(t, emulator.Options{})
	_, bearer := o.person("ada")
	for header, value := range map[string]string{"MSCRM.BypassCustomPluginExecution": "true", "MSCRM.BypassBusinessLogicExecution": "CustomSync", "MSCRM.BypassBusinessLogicExecutionStepIds": uuid.NewString()} {
		right := "prvBypassCustomBusinessLogic"
		if value == "true" {
			right = "prvBypassCustomPlugins"
		}
		o.do("POST", "contacts", `{"lastname":"L"}`, "Authorization", bearer, header, value).want(403, "0x80040220", right)
		o.do("POST", "contacts", `{"lastname":"L"}`, header, value).want(204)
	}
	o.do("POST", "contacts", `{"lastname":"L"}`, "Authorization", bearer, "MSCRM.BypassCustomPluginExecution", "false").want(204)
}

// Page: send-in-app-notifications. Notifications go by themselves, after 14 days unless they say otherwise.
func TestNotificationsExpire(t *testing.T) {
	o := newSite(t, emulator.Options{})
	ada, _ := o.person("ada")
	note := func(more string) string {
		return o.create("appnotifications", `{"title":"T","body":"B","ownerid@odata.bind":"/systemusers(`+ada+`)"`+more+`}`)
	}
	usual, short := note(""), note(`,"ttlinseconds":3600`)
	o.do("GET", "appnotifications("+usual+")", "").want(200, `"ttlinseconds":1209600`, `"icontype":100000000`, `"toasttype":200000000`)
	o.server.Advance(59 * time.Minute)
	o.do("GET", "appnotifications("+short+")", "").want(200)
	o.server.Advance(2 * time.Minute)
	o.do("GET", "appnotifications("+short+")", "").want(404)
	o.server.Advance(14*24*time.Hour - 62*time.Minute)
	o.do("GET", "appnotifications("+usual+")", "").want(200)
	o.server.Advance(2 * time.Minute)
	o.do("GET", "appnotifications("+usual+")", "").want(404)
}

// Page: create-edit-entity-relationships, "Limitations on behaviors you can set"; CascadeBehaviorNotSupportedInPolymorphicLookup.
func TestWhatMayNotCascade(t *testing.T) {
	o := newSite(t, emulator.Options{})
	table := func(name string) {
		o.do("POST", "EntityDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"`+name+`","DisplayName":`+labelJSON(name)+`,"DisplayCollectionName":`+labelJSON(name+"s")+`,"OwnershipType":"UserOwned","IsActivity":false,"HasActivities":false,"HasNotes":false,
			"Attributes":[{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"new_Name","IsPrimaryName":true,"MaxLength":100,"DisplayName":`+labelJSON("Name")+`}]}`).want(204)
	}
	table("new_top")
	table("new_low")
	relation := func(name, to, from, config string) *response {
		return o.do("POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"`+name+`","ReferencedEntity":"`+to+`","ReferencingEntity":"`+from+`",
			"CascadeConfiguration":{`+config+`},"Lookup":{"@odata.type":"Microsoft.Dynamics.CRM.LookupAttributeMetadata","SchemaName":"`+name+`id","DisplayName":`+labelJSON(name)+`}}`)
	}
	for n, config := range []string{`"Delete":"Cascade"`, `"Assign":"Cascade"`, `"Share":"Active"`, `"Reparent":"UserOwned"`} {
		relation(fmt.Sprintf("new_a%d", n), "new_top", "contact", config).want(400, "0x8004432d")
	}
	relation("new_b", "new_top", "contact", `"Delete":"Restrict"`).want(204)
	relation("new_c", "account", "task", `"Delete":"Cascade"`).want(400, "0x8004432d") // a task belongs to what it is about already
	relation("new_d", "new_top", "new_low", `"Assign":"Cascade"`).want(204)
	relation("new_e", "account", "new_low", `"Share":"Cascade"`).want(400, "0x80047007")
	relation("new_f", "account", "new_low", `"Delete":"RemoveLink"`).want(204)
	o.do("POST", "CreatePolymorphicLookupAttribute", `{"OneToManyRelationships":[{"SchemaName":"new_g_account","ReferencedEntity":"account","ReferencingEntity":"new_top","CascadeConfiguration":{"Assign":"Cascade"}},
		{"SchemaName":"new_g_contact","ReferencedEntity":"contact","ReferencingEntity":"new_top"}],"Lookup":{"@odata.type":"Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata","SchemaName":"new_G","DisplayName":`+labelJSON("G")+`}}`).want(400, "0x80090426")
}
