package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// What every environment has. Pages: the reference of each table and function; query/count-rows; entity-relationship-eligibility.
func TestWhatEveryEnvironmentHas(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.create("contacts", `{"lastname":"Berg"}`)
	for path, words := range map[string][]string{
		"stringmaps?$select=value,attributevalue&$filter=objecttypecode eq 'contact' and attributename eq 'gendercode'&$orderby=displayorder": {`"value":"Male"`, `"value":"Female"`},
		"timezonedefinitions?$select=timezonecode&$filter=standardname eq 'W. Europe Standard Time'":                                          {`"timezonecode":110`},
		"sdkmessages?$select=name&$filter=name eq 'Create'":                                                                                   {`"name":"Create"`},
		"sdkmessagefilters?$select=primaryobjecttypecode&$filter=primaryobjecttypecode eq 'contact' and sdkmessageid/name eq 'Delete'":        {`"primaryobjecttypecode":"contact"`},
		"languagelocale?$select=localeid": {`"localeid":1033`},
		"roletemplates?$select=name":      {"System Administrator"},
		"systemforms?$select=name,type&$filter=objecttypecode eq 'contact' and type eq 2": {`"name":"Information"`},
		"products?$count=true":                                        {`"@odata.count":0`},
		"environmentvariabledefinitions":                              {`"value":[]`},
		"RetrieveProvisionedLanguages()":                              {`"RetrieveProvisionedLanguages":[1033]`},
		"RetrieveAvailableLanguages":                                  {`"LocaleIds":[1033]`},
		"RetrieveDeprovisionedLanguages()":                            {`"RetrieveDeprovisionedLanguages":[]`},
		"RetrieveTimestamp()":                                         {`"Timestamp":"`},
		"RetrieveTotalRecordCount(EntityNames=['contact','lead'])":    {`"Keys":["contact","lead"]`, `"Values":[1,0]`, `"Count":2`},
		"RetrieveTotalRecordCount(EntityNames=@p)?@p=['contact']":     {`"Values":[1]`},
		"GetValidManyToMany()":                                        {`"contact"`},
		"GetValidReferencedEntities(ReferencingEntityName='contact')": {`"account"`},
		"GetTimeZoneCodeByLocalizedName(LocalizedStandardName='Pacific Standard Time',LocaleId=1033)": {`"TimeZoneCode":4`},
		"GetTimeZoneCodeByLocalizedName(LocalizedStandardName=@p1,LocaleId=@p2)?@p1='UTC'&@p2=1033":   nil,
		"systemforms/Microsoft.Dynamics.CRM.RetrieveUnpublishedMultiple()?$select=name&$top=1":        {`"name":"Information"`},
	} {
		r := o.do("GET", path, "")
		if words == nil {
			r.want(404)
			continue
		}
		r.want(200, words...)
	}
	o.do("POST", "CanBeReferenced", `{"EntityName":"contact"}`).want(200, `"CanBeReferenced":true`)
	o.do("POST", "CanManyToMany", `{"EntityName":"nosuch"}`).want(400, "nosuch")
	o.do("GET", "RetrieveTotalRecordCount", "").want(400, "EntityNames")
	for _, set := range []string{"stringmaps", "timezonedefinitions", "sdkmessages"} {
		o.do("POST", set, `{}`).want(405, "does not support entities")
	}
}

// Page: create-entity-web-api, "create a new record from another".
func TestInitializeFrom(t *testing.T) {
	o := newSite(t, emulator.Options{})
	account := o.create("accounts", `{"name":"Nord","telephone1":"555","address1_city":"Kiel"}`)
	path := "InitializeFrom(EntityMoniker=@p1,TargetEntityName=@p2,TargetFieldType=@p3)?@p1={'@odata.id':'accounts(" + account + ")'}&@p2='contact'&@p3='ValidForCreate'"
	body := o.do("GET", path, "").want(200, `"telephone1":"555"`, `"address1_city":"Kiel"`, `"parentcustomerid_account@odata.bind":"accounts(`+account+`)"`).text
	made := o.create("contacts", strings.Replace(body, "{", `{"lastname":"Berg",`, 1))
	if got := o.row("contacts", made)["_parentcustomerid_value"]; got != account {
		t.Errorf("the contact's company is %v", got)
	}
	o.do("GET", strings.Replace(path, "'contact'", "'task'", 1), "").want(501, "InitializeFrom of account for task")
}

// Pages: systemform (reference), form-xml-schema.
func TestForms(t *testing.T) {
	o := newSite(t, emulator.Options{})
	xml := func(tab, control string) string {
		return `<form><tabs><tab id='{` + tab + `}'><labels><label description='A' languagecode='1033'/></labels><columns><column width='100%'><sections><section id='{` + strings.Replace(tab, "1", "2", 1) +
			`}'><rows><row><cell id='{` + strings.Replace(tab, "1", "3", 1) + `}'>` + control + `</cell></row></rows></section></sections></column></columns></tab></tabs></form>`
	}
	good := xml("1e2f3a4b-0000-4000-8000-000000000001", "<control id='lastname' classid='{4273EDBD-AC1D-40d3-9FB2-095C621B552D}' datafieldname='lastname'/>")
	id := o.create("systemforms", `{"name":"Short","objecttypecode":"contact","type":2,"formxml":"`+good+`"}`)
	o.do("PATCH", "systemforms("+id+")", `{"description":"less","formxml":"`+strings.ReplaceAll(good, "lastname", "firstname")+`"}`).want(204)
	if got := o.row("systemforms", id); got["description"] != "less" || !strings.Contains(got["formxml"].(string), "firstname") || got["ismanaged"] != false {
		t.Errorf("%v", got)
	}
	o.do("POST", "PublishXml", `{"ParameterXml":"<importexportxml><entities><entity>contact</entity></entities></importexportxml>"}`).want(204)
	for body, words := range map[string]string{
		`{"objecttypecode":"contact","type":2,"formxml":"` + good + `"}`:                                                          "'name'",
		`{"name":"x","objecttypecode":"nosuch","type":2,"formxml":"` + good + `"}`:                                                "nosuch",
		`{"name":"x","objecttypecode":"contact","type":2}`:                                                                        "'formxml'",
		`{"name":"x","objecttypecode":"contact","type":2,"formxml":"<form>"}`:                                                     "not XML",
		`{"name":"x","objecttypecode":"contact","type":2,"formxml":"<view/>"}`:                                                    "'view' is unknown",
		`{"name":"x","objecttypecode":"contact","type":2,"formxml":"<form><row/></form>"}`:                                        "cannot stand within 'form'",
		`{"name":"x","objecttypecode":"contact","type":2,"formxml":"` + strings.ReplaceAll(good, "'lastname'", "'nosuch'") + `"}`: "'nosuch' of a control",
		`{"name":"x","objecttypecode":"contact","type":2,"formxml":"` + strings.Replace(good, "{1e2f3a4b", "{xyz", 1) + `"}`:      "no Guid",
	} {
		o.do("POST", "systemforms", body).want(400, words)
	}
	o.do("PATCH", "systemforms("+id+")", `{"formxml":"<form><tabs><tab/></tabs></form>"}`).want(400, "'id' of an element 'tab'")
	o.do("DELETE", "systemforms("+id+")", "").want(204)
}

// A mistake in a request is answered as the service does; only what it has and the emulator has not is 501.
// Pages: web-service-error-codes, compose-http-requests-handle-errors.
func TestMistakesAreNotUncovered(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"lastname":"Berg"}`)
	for _, tt := range []struct {
		method, path, body string
		status             int
		words              string
	}{
		{"GET", "Nosuch", "", 404, "0x80060888"}, {"GET", "nosuch", "", 404, "0x80060888"}, {"POST", "Nosuch()", "{}", 404, "segment 'Nosuch'"}, {"GET", "$nosuch", "", 404, "0x80060888"},
		{"GET", "contacts(" + id + ")/Microsoft.Dynamics.CRM.Nosuch", "", 404, "0x80060888"},
		{"GET", "reports", "", 501, "the rows of reports"}, {"GET", "webwizards(" + id + ")", "", 501, "the rows of webwizards"}, {"POST", "plugintypes", "{}", 501, "plugintypes"},
		{"POST", "SendEmail", "{}", 501, "SendEmail"}, {"POST", "emails(" + id + ")/Microsoft.Dynamics.CRM.SendEmail", "{}", 501, "SendEmail"},
		{"DELETE", "contacts", "", 405, "http method 'DELETE'"}, {"PATCH", "contacts", "{}", 405, "PATCH"}, {"PUT", "contacts(" + id + ")", "{}", 405, "PUT"}, {"POST", "contacts(" + id + ")", "{}", 405, "POST"},
		{"POST", "WhoAmI", "{}", 405, "POST"}, {"GET", "WinOpportunity", "", 405, "GET"}, {"GET", "$batch", "", 405, "GET"}, {"DELETE", "$metadata", "", 405, "DELETE"}, {"PUT", "contacts(" + id + ")/$ref", "", 404, ""},
		{"POST", "contacts", `{"lastname":"x","parentcustomerid_account@odata.bind":"/nosuchs(` + id + `)"}`, 400, "0x80048d19"},
	} {
		if tt.words == "" {
			continue
		}
		r := o.do(tt.method, tt.path, tt.body).want(tt.status, tt.words)
		if tt.status == http.StatusMethodNotAllowed && r.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
	}
	if got := o.do("PUT", "contacts("+id+")", "{}").header.Get("Allow"); got != "GET, PATCH, DELETE, HEAD, OPTIONS" {
		t.Errorf("Allow: %s", got)
	}
	if got := o.server.Stats().Unsupported["the rows of reports"]; got != 1 {
		t.Errorf("reports are counted %d times", got)
	}
}

// Page: oauth-cross-origin-resource-sharing-connect-single-page-application.
func TestOtherOrigins(t *testing.T) {
	o := newSite(t, emulator.Options{})
	r := o.do("OPTIONS", "contacts", "", "Authorization", "", "Origin", "https://app.example", "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,if-match").want(200)
	for name, want := range map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE", "Access-Control-Allow-Headers": "authorization,if-match", "Allow": "GET, POST, HEAD, OPTIONS"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	r = o.do("GET", "WhoAmI", "", "Origin", "https://app.example").want(200)
	if r.header.Get("Access-Control-Allow-Origin") != "https://app.example" || !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "OData-EntityId") {
		t.Errorf("%v", r.header)
	}
	if r := o.do("HEAD", "WhoAmI", "").want(200); r.text != "" || r.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %q, %v", r.text, r.header)
	}
	o.do("HEAD", "contacts(00000000-0000-0000-0000-000000000001)", "").want(404)
}
