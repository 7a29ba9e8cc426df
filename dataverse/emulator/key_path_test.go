package emulator_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestKeysAreReadAlikeByEveryVerb: define-alternate-keys-entity, use-alternate-key-reference-record: a key leads to the
// same row, or to the same error, wherever it stands: in the path of any verb, in a bind, in a $ref.
func TestKeysAreReadAlikeByEveryVerb(t *testing.T) {
	o := keyed(t)
	o.do("POST", "EntityDefinitions(LogicalName='contact')/Keys", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityKeyMetadata",
		"SchemaName":"new_Government","DisplayName":{"LocalizedLabels":[{"Label":"Government","LanguageCode":1033}]},"KeyAttributes":["governmentid"]}`).want(204)
	account := o.create("accounts", `{"name":"A"}`)
	o.create("contacts", `{"lastname":"No values"}`)

	verbs := []struct {
		name string
		do   func(key string) *response
	}{
		{"GET", func(key string) *response { return o.do("GET", "contacts("+key+")", "") }},
		{"GET property", func(key string) *response { return o.do("GET", "contacts("+key+")/lastname", "") }},
		{"GET $value", func(key string) *response { return o.do("GET", "contacts("+key+")/lastname/$value", "") }},
		{"GET related", func(key string) *response { return o.do("GET", "contacts("+key+")/Contact_Tasks", "") }},
		{"GET $ref", func(key string) *response { return o.do("GET", "contacts("+key+")/owninguser/$ref", "") }},
		{"PATCH", func(key string) *response {
			return o.do("PATCH", "contacts("+key+")", `{"lastname":"x"}`, "If-Match", "*")
		}},
		{"PUT property", func(key string) *response { return o.do("PUT", "contacts("+key+")/lastname", `{"value":"x"}`) }},
		{"DELETE property", func(key string) *response { return o.do("DELETE", "contacts("+key+")/nickname", "") }},
		{"PUT $ref", func(key string) *response {
			return o.do("PUT", "contacts("+key+")/parentcustomerid_account/$ref", `{"@odata.id":"accounts(`+account+`)"}`)
		}},
		{"bind", func(key string) *response {
			return o.do("PATCH", "accounts("+account+")", `{"primarycontactid@odata.bind":"contacts(`+key+`)"}`)
		}},
		{"PUT $ref to it", func(key string) *response {
			return o.do("PUT", "accounts("+account+")/primarycontactid/$ref", `{"@odata.id":"`+o.srv.URL+`/api/data/v9.2/contacts(`+key+`)"}`)
		}},
		{"POST $ref to it", func(key string) *response {
			return o.do("POST", "accounts("+account+")/contact_customer_accounts/$ref", `{"@odata.id":"contacts(`+key+`)"}`)
		}},
		{"DELETE $ref by address", func(key string) *response {
			return o.do("DELETE", "accounts("+account+")/contact_customer_accounts/$ref?$id="+url.QueryEscape(o.srv.URL+"/api/data/v9.2/contacts("+key+")"), "")
		}},
		{"POST $ref again", func(key string) *response {
			return o.do("POST", "accounts("+account+")/contact_customer_accounts/$ref", `{"@odata.id":"contacts(`+key+`)"}`)
		}},
		{"DELETE $ref by key", func(key string) *response {
			return o.do("DELETE", "accounts("+account+")/contact_customer_accounts("+key+")/$ref", "")
		}},
		{"DELETE", func(key string) *response { return o.do("DELETE", "contacts("+key+")", "") }},
	}

	const nobody = "0a0b0c0d-0000-0000-0000-000000000001"
	badKey := "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.contact'."
	refused := []struct {
		name, key string
		status    int
		words     []string
	}{
		{"an id that no row has", nobody, 404, []string{"0x80040217", nobody}},
		{"the same by name", "contactid=" + nobody, 404, []string{"0x80040217", nobody}},
		{"an id that is none", "contactid=1", 400, []string{"0x80060888", badKey}},
		{"a column that is none", "foo=1", 400, []string{"0x80060888", badKey}},
		{"a column that is no key", "fullname='x'", 400, []string{"0x80060888", badKey}},
		{"half of a key", "employeeid='E-1'", 400, []string{"0x80060888", badKey}},
		{"two keys at once", "employeeid='E-1',governmentid='x'", 400, []string{"0x80060888", badKey}},
		{"a value of another type", "employeeid='E-1',birthdate='soon'", 400, []string{"0x80060888", badKey}},
		{"null", "governmentid=null", 400, []string{"0x80060888", badKey}},
		{"values that no row has", "governmentid='nobody'", 404, []string{"0x80060891"}},
		{"an empty text, which is no null", "governmentid=''", 404, []string{"0x80060891"}},
		{"a text longer than the column", "governmentid='" + strings.Repeat("x", 200) + "'", 404, []string{"0x80060891"}},
		{"no value", "governmentid=", 400, []string{"0x80060888", "Bad Request - Error in query syntax."}},
		{"a column twice", "governmentid='a',governmentid='a'", 400, []string{"0x80060888", "Bad Request - Error in query syntax."}},
	}
	for _, c := range `/<>*%&:\?+#` {
		refused = append(refused, struct {
			name, key string
			status    int
			words     []string
		}{"the character " + string(c), "governmentid='A" + url.PathEscape(string(c)) + "B'", 400, []string{"0x80060888", "Bad Request - Error in query syntax."}})
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range verbs {
				r := v.do(tt.key)
				r.t = t
				t.Log(v.name)
				r.want(tt.status, tt.words...)
			}
		})
	}

	// The row's own id, by name, by either key, and by the key's values in other words.
	for _, key := range []string{"", "contactid", "governmentid='A-1'", "governmentid='a-1'", "employeeid='E-1',birthdate=1990-01-01", "birthdate=1990-01-01,employeeid='e-1'"} {
		t.Run("found by "+key, func(t *testing.T) {
			id := o.create("contacts", `{"lastname":"x","employeeid":"E-1","birthdate":"1990-01-01","governmentid":"A-1"}`)
			at := key
			switch key {
			case "":
				at = id
			case "contactid":
				at += "=" + id
			}
			for _, v := range verbs {
				t.Log(v.name)
				r := v.do(at)
				r.t = t
				if r.status != 200 && r.status != 204 {
					t.Fatalf("%d %s", r.status, r.text)
				}
			}
			o.do("GET", "contacts("+id+")", "").want(404)
		})
	}
}

// TestUpsertWritesNoKeyThatCannotBeRead: what an upsert makes is found by the key that made it.
func TestUpsertWritesNoKeyThatCannotBeRead(t *testing.T) {
	o := keyed(t)
	for _, tt := range []struct {
		name, key, want string
		status          int
	}{
		{"a text longer than the column", "employeeid='" + strings.Repeat("x", 200) + "',birthdate=1990-01-01", "0x80044331", 400},
		{"an empty text", "employeeid='',birthdate=1990-01-01", "0x80060888", 400},
		{"a day before 1753", "employeeid='E-1',birthdate=1700-01-01", "0x80040239", 400},
		{"a character that no key may hold", "employeeid='E%2F1',birthdate=1990-01-01", "0x80060888", 400},
		{"a day without quotes", "employeeid='E-1',birthdate=1990-01-01", "", 204},
		{"a day in quotes", "employeeid='E-2',birthdate='1990-01-01'", "", 204},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o.t = t
			o.do("PATCH", "contacts("+tt.key+")", `{"lastname":"x"}`).want(tt.status, tt.want)
			if tt.status == 204 {
				o.do("GET", "contacts("+tt.key+")", "").want(200)
			}
		})
	}
}
