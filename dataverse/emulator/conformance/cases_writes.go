package conformance

import (
	"fmt"
	"strings"
)

// newRow makes a row whose key is {id} from then on.
func newRow(body string) step {
	return send("POST", "{items}", body, want{status: 204}).saving("id", "key")
}

// row reads the row {id}.
func row(shape ...string) step { return get("{items}({id})", ok(shape...)) }

// one is the address of the row {id}.
const one = "{items}({id})"

func createCases() []Case {
	l := list{area: "create", needs: writing}
	const page = "webapi/create-entity-web-api"
	l.add("204 with the row's address", page, send("POST", "{items}", `{"gconf_name":"made"}`, done().headed("OData-EntityId key", "OData-EntityId url", "Location url", "OData-Version = 4.0")))
	l.add("201 with the row", page, send("POST", "{items}", `{"gconf_name":"made","gconf_number":5}`, want{status: 201, shape: []string{"gconf_name = made", "gconf_number = 5", "gconf_itemid guid", "statecode = 0", "statuscode = 1", "@odata.etag etag", "gconf_flag = false", "gconf_text null"}}.headed("Preference-Applied = return=representation"), "Prefer", "return=representation"))
	l.add("201 with the columns asked for", page, send("POST", "{items}?$select=gconf_name", `{"gconf_name":"made","gconf_number":5}`, want{status: 201, shape: []string{"gconf_name = made", "gconf_number absent", "gconf_itemid guid"}}, "Prefer", "return=representation"))
	const own = "6c0f0000-c0de-4000-8000-00000000aa01"
	l.add("a key of one's own", page, send("POST", "{items}", `{"gconf_itemid":"`+own+`","gconf_name":"made"}`, done()), get("{items}("+own+")?$select=gconf_name", ok("gconf_name = made")))
	l.add("the same key again", pageErrors, send("POST", "{items}", `{"gconf_itemid":"6c0f0000-c0de-4000-8000-00000000aa02"}`, done()), send("POST", "{items}", `{"gconf_itemid":"6c0f0000-c0de-4000-8000-00000000aa02"}`, refused(412, "0x80040237")))
	l.add("a row of nothing", page, newRow(`{}`), row("gconf_name null", "statecode = 0", "_ownerid_value = {user}"))
	l.add("a lookup by its navigation property", page, newRow(`{"gconf_name":"made","gconf_groupid@odata.bind":"/{groups}({now})"}`), row("_gconf_groupid_value = {now}"))
	l.add("a lookup without a slash", page, newRow(`{"gconf_name":"made","gconf_groupid@odata.bind":"{groups}({now})"}`), row("_gconf_groupid_value = {now}"))
	l.add("a lookup by a whole address", page, newRow(`{"gconf_name":"made","gconf_groupid@odata.bind":"{root}{groups}({now})"}`), row("_gconf_groupid_value = {now}"))
	l.add("a deep insert of a lookup's row", page, newRow(`{"gconf_name":"made","gconf_groupid":{"gconf_name":"deep"}}`), get(one+"?$expand=gconf_groupid($select=gconf_name)", ok("gconf_groupid>gconf_name = deep")))
	l.add("a deep insert of a collection", page, send("POST", "{groups}", `{"gconf_name":"made","gconf_group_items":[{"gconf_name":"in it"},{"gconf_name":"too"}]}`, want{status: 204}).saving("id", "key"), get("{groups}({id})/gconf_group_items?$select=gconf_name", named("in it", "too")))
	l.add("a deep insert that fails makes nothing", page, send("POST", "{groups}", `{"gconf_name":"half made","gconf_group_items":[{"nosuch":1}]}`, refused(400, "")), get("{groups}?$select=gconf_name&$filter=gconf_name eq 'half made'", named()))
	l.add("overriddencreatedon", page, newRow(`{"gconf_name":"made","overriddencreatedon":"2019-05-06T07:08:09Z"}`), row("createdon = 2019-05-06T07:08:09Z"))
	l.add("what may not be written is dropped", page, newRow(`{"gconf_name":"made","createdon":"2001-01-01T00:00:00Z","versionnumber":1}`), get("{items}?$select=gconf_name&$filter=gconf_itemid eq {id} and createdon gt 2002-01-01T00:00:00Z", named("made")))
	for _, v := range []struct{ name, in, out string }{
		{"a text with blanks at its ends", `"gconf_text":" a "`, "gconf_text =  a "}, {"the empty text is null", `"gconf_text":""`, "gconf_text null"}, {"a text of 100 characters", `"gconf_text":"` + strings.Repeat("é", 100) + `"`, "gconf_text = " + strings.Repeat("é", 100)},
		{"a memo of lines", `"gconf_memo":"a\nb"`, "gconf_memo string"}, {"the least number", `"gconf_number":-1000`, "gconf_number = -1000"}, {"the greatest number", `"gconf_number":2000000`, "gconf_number = 2000000"},
		{"a moment with an offset", `"gconf_at":"2020-05-06T02:00:00+02:00"`, "gconf_at = 2020-05-06T00:00:00Z"}, {"a leap day", `"gconf_day":"2024-02-29"`, "gconf_day = 2024-02-29"}, {"the first day", `"gconf_day":"1753-01-01"`, "gconf_day = 1753-01-01"},
		{"several choices", `"gconf_kinds":"` + choicesOf("2,0") + `"`, "gconf_kinds string"}, {"null", `"gconf_number":null`, "gconf_number null"}, {"a flag", `"gconf_flag":true`, "gconf_flag = true"},
	} {
		l.add("value: "+v.name, page, newRow(`{"gconf_name":"made",`+v.in+`}`), row(v.out))
	}
	return l.cases
}

// bodyCases are creates whose body does not fit.
func bodyCases() []Case {
	l := list{area: "refused bodies", needs: writing}
	const page = "troubleshoot Dataverse Web API client errors"
	for _, t := range []struct{ name, body, code string }{
		{"unknown property", `{"nosuch":1}`, "0x80048d19"}, {"wrong case", `{"gconf_Name":"x"}`, "0x80048d19"}, {"text in a number", `{"gconf_number":"two"}`, "0x80048d19"},
		{"number in a text", `{"gconf_name":5}`, "0x80048d19"}, {"fraction in a whole number", `{"gconf_number":1.5}`, "0x80048d19"}, {"overflow", `{"gconf_number":99999999999}`, "0x80048d19"},
		{"below the range", `{"gconf_number":-1001}`, "0x80044330"}, {"above the range", `{"gconf_number":2000001}`, "0x80044330"}, {"no such option", `{"gconf_kind":99}`, "0x8004431a"},
		{"too long", `{"gconf_text":"` + strings.Repeat("x", 101) + `"}`, "0x80044331"}, {"a memo too long", `{"gconf_memo":"` + strings.Repeat("x", 2001) + `"}`, "0x80044331"}, {"a bad date", `{"gconf_day":"31/12/1999"}`, "0x80048d19"},
		{"time in a date", `{"gconf_day":"1999-12-31T00:00:00Z"}`, "0x80048d19"}, {"a day that there is not", `{"gconf_day":"2023-02-29"}`, "0x80048d19"}, {"a date before 1753", `{"gconf_day":"1600-01-01"}`, "0x80040239"},
		{"a bad id", `{"gconf_itemid":"12"}`, "0x80048d19"}, {"a flag as text", `{"gconf_flag":"true"}`, "0x80048d19"},
		{"an object in a text", `{"gconf_name":{}}`, "0x80048d19"}, {"an array in a text", `{"gconf_name":[]}`, "0x80048d19"}, {"a control character", `{"gconf_name":"a\u0001"}`, "0x80040278"},
		{"a lookup by its column", `{"_gconf_groupid_value":"{now}"}`, "0x80060888"}, {"a status of another state", `{"statecode":1,"statuscode":2}`, "0x80048408"},
		{"no object", `[]`, "0x80048d19"}, {"broken", `{"gconf_name":`, "0x80048d19"}, {"no end", `{"gconf_name":"x"`, "0x80048d19"}, {"two objects", `{} {}`, "0x80048d19"}, {"a property twice", `{"gconf_name":"a","gconf_name":"b"}`, "0x80048d19"},
		{"too deep", strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200), "0x80048d19"}, {"a bind of an unknown property", `{"nosuch@odata.bind":"/{groups}({now})"}`, "0x80048d19"},
		{"a bind to another table", `{"gconf_groupid@odata.bind":"/{items}({a})"}`, ""}, {"a bind that is no address", `{"gconf_groupid@odata.bind":"now"}`, ""},
	} {
		l.add(t.name, page, send("POST", "{items}", t.body, refused(400, t.code)))
	}
	l.add("a bind to a row that is not there", pageErrors, send("POST", "{items}", `{"gconf_groupid@odata.bind":"/{groups}({missing})"}`, refused(404, "0x80040217")))
	l.add("no such set", pageErrors, send("POST", "gconf_nothings", `{}`, refused(404, "0x80060888")))
	l.add("a table's name for its set", pageErrors, send("POST", "gconf_item", `{}`, refused(404, "0x80060888")))
	return l.cases
}

func updateCases() []Case {
	l := list{area: "update and delete", needs: writing}
	const page = "webapi/update-delete-entities-using-web-api"
	start := newRow(`{"gconf_name":"made","gconf_number":1,"gconf_text":"t","gconf_groupid@odata.bind":"/{groups}({now})"}`)
	l.add("PATCH changes what it names", page, start, send("PATCH", one, `{"gconf_number":2}`, done()), row("gconf_number = 2", "gconf_text = t", "gconf_name = made"))
	l.add("PATCH answers the row", page, start, send("PATCH", one, `{"gconf_number":2}`, ok("gconf_number = 2", "gconf_name = made").headed("Preference-Applied = return=representation"), "Prefer", "return=representation"))
	l.add("PATCH of null", page, start, send("PATCH", one, `{"gconf_text":null}`, done()), row("gconf_text null"))
	l.add("PATCH of nothing", page, start, send("PATCH", one, `{}`, done()), row("gconf_number = 1"))
	l.add("a new version by every update", "webapi/perform-conditional-operations", start, get(one+"?$select=gconf_name", ok()).saving("tag", "header ETag"), send("PATCH", one, `{"gconf_number":1}`, done()), send("PATCH", one, `{"gconf_number":3}`, refused(412, "0x80060882"), "If-Match", "{tag}"))
	l.add("another key in the body", page, start, send("PATCH", one, `{"gconf_itemid":"{missing}"}`, refused(400, "")))
	l.add("PUT of a property", page, start, send("PUT", one+"/gconf_text", `{"value":"new"}`, done()), row("gconf_text = new"))
	l.add("PUT of a property without a value", page, start, send("PUT", one+"/gconf_text", `{"wrong":1}`, refused(400, "")))
	l.add("DELETE of a property", page, start, send("DELETE", one+"/gconf_text", "", done()), row("gconf_text null"))
	l.add("DELETE of a property that there is not", page, start, send("DELETE", one+"/nosuch", "", refused(404, "")))
	l.add("DELETE", page, start, send("DELETE", one, "", done()), get(one, refused(404, "0x80040217")))
	l.add("DELETE of a row that is not there", page, send("DELETE", "{items}({missing})", "", refused(404, "0x80040217")))
	l.add("a state brings its status", page, start, send("PATCH", one, `{"statecode":1}`, done()), row("statecode = 1", "statuscode = 2"))
	l.add("a status of another state", pageErrors, start, send("PATCH", one, `{"statecode":1,"statuscode":1}`, refused(400, "0x80048408")))
	l.add("an inactive row can be written", page, start, send("PATCH", one, `{"statecode":1}`, done()), send("PATCH", one, `{"gconf_number":9}`, done()), row("gconf_number = 9"))
	l.add("a deep update is refused", page, start, send("PATCH", one, `{"gconf_groupid":{"gconf_name":"x"}}`, refused(400, "")))
	l.add("overriddencreatedon in an update changes nothing", "webapi/create-entity-web-api", newRow(`{"overriddencreatedon":"2019-05-06T07:08:09Z"}`), send("PATCH", one, `{"overriddencreatedon":"2001-01-01T00:00:00Z"}`, done()), row("createdon = 2019-05-06T07:08:09Z"))
	for _, t := range []struct{ name, body, code string }{{"unknown property", `{"nosuch":1}`, "0x80048d19"}, {"text in a number", `{"gconf_number":"x"}`, "0x80048d19"}, {"too long", `{"gconf_text":"` + strings.Repeat("x", 101) + `"}`, "0x80044331"}, {"no such option", `{"gconf_kind":1}`, "0x8004431a"}} {
		l.add("refused: "+t.name, pageErrors, start, send("PATCH", one, t.body, refused(400, t.code)), row("gconf_number = 1", "gconf_text = t"))
	}
	l.add("a delete clears lookups to the row", "configure-entity-relationship-cascading-behavior", send("POST", "{groups}", `{"gconf_name":"goes"}`, want{status: 204}).saving("group", "key"), newRow(`{"gconf_name":"stays","gconf_groupid@odata.bind":"/{groups}({group})"}`),
		send("DELETE", "{groups}({group})", "", done()), row("_gconf_groupid_value null", "gconf_name = stays"))
	return l.cases
}

// conditionCases are If-Match, If-None-Match and what an upsert does.
func conditionCases() []Case {
	l := list{area: "conditions and upserts", needs: writing}
	const page, upsert = "webapi/perform-conditional-operations", "use-upsert-insert-update-record"
	start := newRow(`{"gconf_name":"made","gconf_number":1}`)
	tag := get(one+"?$select=gconf_name", ok("@odata.etag etag").headed("ETag etag")).saving("tag", "header ETag")
	l.add("If-Match with the version", page, start, tag, send("PATCH", one, `{"gconf_number":2}`, done(), "If-Match", "{tag}"), row("gconf_number = 2"))
	l.add("If-Match with an old version", page, start, tag, send("PATCH", one, `{"gconf_number":2}`, done(), "If-Match", "{tag}"), send("PATCH", one, `{"gconf_number":3}`, refused(412, "0x80060882"), "If-Match", "{tag}"), row("gconf_number = 2"))
	l.add("DELETE with the version", page, start, tag, send("DELETE", one, "", done(), "If-Match", "{tag}"))
	l.add("DELETE with an old version", page, start, tag, send("PATCH", one, `{"gconf_number":2}`, done()), send("DELETE", one, "", refused(412, "0x80060882"), "If-Match", "{tag}"), row("gconf_number = 2"))
	l.add("If-None-Match * of a row that is there", page, start, send("PATCH", one, `{"gconf_number":2}`, refused(412, ""), "If-None-Match", "*"), row("gconf_number = 1"))
	l.add("If-Match * of a row that is there", page, start, send("PATCH", one, `{"gconf_number":2}`, done(), "If-Match", "*"), row("gconf_number = 2"))
	l.add("If-Match * of a row that is not there", page, send("PATCH", "{items}({missing})", `{"gconf_number":2}`, refused(404, "0x80040217"), "If-Match", "*"), get("{items}({missing})", refused(404, "0x80040217")))
	l.add("the versions of two reads are the same", page, start, tag, get(one+"?$select=gconf_name", ok("@odata.etag = {tag}")))
	for i, h := range []struct{ name, prefer string }{{"", ""}, {" that answers the row", "return=representation"}} {
		id := fmt.Sprintf("6c0f0000-c0de-4000-8000-00000000bb%02d", i)
		w := done().headed("OData-EntityId key")
		if h.prefer != "" {
			w = want{status: 201, shape: []string{"gconf_name = new", "gconf_itemid = " + id}}
		}
		up := send("PATCH", "{items}("+id+")", `{"gconf_name":"new"}`, w)
		again := send("PATCH", "{items}("+id+")", `{"gconf_number":4}`, done())
		if h.prefer != "" {
			up = send("PATCH", "{items}("+id+")", `{"gconf_name":"new"}`, w, "Prefer", h.prefer)
		}
		l.add("an upsert makes the missing row"+h.name, upsert, up, again, get("{items}("+id+")?$select=gconf_name,gconf_number", ok("gconf_name = new", "gconf_number = 4")))
	}
	l.add("an upsert that may only make", upsert, send("PATCH", "{items}(6c0f0000-c0de-4000-8000-00000000bb10)", `{"gconf_name":"new"}`, done(), "If-None-Match", "*"), get("{items}(6c0f0000-c0de-4000-8000-00000000bb10)?$select=gconf_name", ok("gconf_name = new")))
	return l.cases
}

func keyCases() []Case {
	l := list{area: "alternate keys", needs: writing}
	const page, upsert = "use-alternate-key-reference-record", "use-upsert-insert-update-record"
	by := func(code string) string { return "{items}(gconf_code='" + code + "')" }
	l.add("a read by key", page, get(by("C1")+"?$select=gconf_name", ok("gconf_name = Alpha", "gconf_itemid = {a}")))
	l.add("a key disregards case", unsaid, get(by("c1")+"?$select=gconf_name", ok("gconf_name = Alpha")))
	l.add("a key with a blank", page, get(by("C%205")+"?$select=gconf_name", ok("gconf_name = Zeta")))
	l.add("no row of that key", pageErrors, get(by("none"), refused(404, "0x80060891")))
	l.add("a column that is no key", page, get("{items}(gconf_text='red')", refused(400, "")))
	l.add("a property by key", page, get(by("C2")+"/gconf_name", ok("value = Beta")))
	l.add("a collection by key", page, get(by("C1")+"/gconf_item_group?$select=gconf_name", named("now", "d-1")))
	l.add("a lookup bound by key", page, send("POST", "{items}", `{"gconf_name":"made","gconf_code":"K1"}`, want{status: 204}).saving("id", "key"), send("PATCH", by("K1"), `{"gconf_number":7}`, done()), get("{items}?$select=gconf_name,gconf_number&$filter=gconf_code eq 'K1'", named("made").shaped("value>0>gconf_number = 7")))
	l.add("an upsert by key makes the row with the key's value", upsert, send("PATCH", by("K2"), `{"gconf_name":"made"}`, done()), get(by("K2")+"?$select=gconf_name,gconf_code", ok("gconf_name = made", "gconf_code = K2")))
	l.add("an upsert by key finds the row", upsert, send("PATCH", by("K3"), `{"gconf_name":"made"}`, done()), send("PATCH", by("K3"), `{"gconf_number":3}`, done()), get("{items}?$select=gconf_name&$filter=gconf_code eq 'K3' and gconf_number eq 3", named("made")))
	l.add("the same key again", pageErrors, newRow(`{"gconf_code":"K4"}`), send("POST", "{items}", `{"gconf_code":"K4"}`, refused(412, "0x80060892")))
	l.add("an update to a key that is taken", pageErrors, newRow(`{"gconf_code":"K5"}`), newRow(`{"gconf_code":"K6"}`), send("PATCH", one, `{"gconf_code":"K5"}`, refused(412, "0x80060892")))
	l.add("nulls hold no key", "define-alternate-keys-entity", newRow(`{"gconf_name":"x"}`), newRow(`{"gconf_name":"y"}`))
	l.add("DELETE by key", page, newRow(`{"gconf_code":"K7"}`), send("DELETE", by("K7"), "", done()), get(one, refused(404, "0x80040217")))
	l.add("a key that is free again", page, newRow(`{"gconf_code":"K8"}`), send("PATCH", one, `{"gconf_code":"K9"}`, done()), get(by("K8"), refused(404, "0x80060891")), get(by("K9")+"?$select=gconf_code", ok("gconf_code = K9")))
	return l.cases
}

func linkCases() []Case {
	l := list{area: "associate", needs: writing}
	const page = "webapi/associate-disassociate-entities-using-web-api"
	to := func(target string) string { return `{"@odata.id":"{root}` + target + `"}` }
	start := newRow(`{"gconf_name":"made"}`)
	l.add("a lookup by PUT", page, start, send("PUT", one+"/gconf_groupid/$ref", to("{groups}({now})"), done()), row("_gconf_groupid_value = {now}"))
	l.add("a lookup by DELETE", page, newRow(`{"gconf_groupid@odata.bind":"/{groups}({now})"}`), send("DELETE", one+"/gconf_groupid/$ref", "", done()), row("_gconf_groupid_value null"))
	l.add("a lookup by null", page, newRow(`{"gconf_groupid@odata.bind":"/{groups}({now})"}`), send("PATCH", one, `{"gconf_groupid@odata.bind":null}`, done()), row("_gconf_groupid_value null"))
	l.add("a lookup by the property's null", page, newRow(`{"gconf_groupid@odata.bind":"/{groups}({now})"}`), send("PATCH", one, `{"gconf_groupid":null}`, done()), row("_gconf_groupid_value null"))
	l.add("DELETE of the property itself", page, newRow(`{"gconf_groupid@odata.bind":"/{groups}({now})"}`), send("DELETE", one+"/gconf_groupid", "", want{status: 405}.bare()))
	l.add("into a collection", page, start, send("POST", "{groups}({y-1})/gconf_group_items/$ref", to("{items}({id})"), done()), row("_gconf_groupid_value = {y-1}"))
	l.add("out of a collection", page, newRow(`{"gconf_groupid@odata.bind":"/{groups}({y-1})"}`), send("DELETE", "{groups}({y-1})/gconf_group_items({id})/$ref", "", done()), row("_gconf_groupid_value null"))
	l.add("out of a collection that it is not in", page, start, send("DELETE", "{groups}({y-1})/gconf_group_items({id})/$ref", "", refused(404, "")))
	many := one + "/gconf_item_group"
	l.add("many-to-many", page, start, send("POST", many+"/$ref", to("{groups}({y-1})"), done()), get(many+"?$select=gconf_name", named("y-1")))
	l.add("many-to-many with a relative address", page, start, send("POST", many+"/$ref", `{"@odata.id":"{groups}({y-1})"}`, done()), get(many+"?$select=gconf_name", named("y-1")))
	l.add("many-to-many, twice", page, start, send("POST", many+"/$ref", to("{groups}({y-1})"), done()), send("POST", many+"/$ref", to("{groups}({y-1})"), refused(412, "")))
	l.add("many-to-many, away by key", page, start, send("POST", many+"/$ref", to("{groups}({y-1})"), done()), send("DELETE", many+"({y-1})/$ref", "", done()), get(many+"?$select=gconf_name", named()))
	l.add("many-to-many, away by address", page, start, send("POST", many+"/$ref", to("{groups}({y-1})"), done()), send("DELETE", many+"/$ref?$id={root}{groups}({y-1})", "", done()), get(many+"?$select=gconf_name", named()))
	l.add("many-to-many, away what is not there", page, start, send("DELETE", many+"({y-1})/$ref", "", refused(404, "")))
	l.add("many-to-many with another table", page, start, send("POST", many+"/$ref", to("{items}({a})"), refused(400, "")))
	l.add("many-to-many with a row that is not there", page, start, send("POST", many+"/$ref", to("{groups}({missing})"), refused(404, "0x80040217")))
	l.add("a delete takes links along", page, start, send("POST", many+"/$ref", to("{groups}({y-3})"), done()), send("DELETE", one, "", done()), get("{groups}({y-3})/gconf_item_group?$select=gconf_name", named()))
	return l.cases
}

func part(id int, request, body string, headers ...string) string {
	return lines(append([]string{"--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", fmt.Sprint("Content-ID: ", id), "", request + " HTTP/1.1", "Content-Type: application/json"}, append(headers, "", body)...)...)
}

func changeSet(parts ...string) string {
	return lines("--b", "Content-Type: multipart/mixed; boundary=c", "") + strings.Join(parts, "") + lines("--c--")
}

func changeSetCases() []Case {
	l := list{area: "change sets", needs: writing}
	const page = "webapi/execute-batch-operations-using-web-api"
	create := func(id int, body string) string { return part(id, "POST "+apiPath+"{items}", body) }
	end := lines("--b--")
	plain := func(request, body string, headers ...string) string {
		return single + lines(append([]string{"", request + " HTTP/1.1", "Content-Type: application/json"}, append(headers, "", body)...)...)
	}
	find := func(name string) string { return "{items}?$select=gconf_name&$filter=gconf_name eq '" + name + "'" }
	l.add("writes one after the other", page, batch(plain("POST "+apiPath+"{items}", `{"gconf_name":"b1"}`)+plain("POST {items}", `{"gconf_name":"b1"}`)+end, parts(200, "204 204")), get(find("b1"), named("b1", "b1")))
	l.add("a batch stops at the first error", page, batch(plain("POST {items}", `{"gconf_name":"b2"}`)+plain("POST {items}", `{"nosuch":1}`)+plain("POST {items}", `{"gconf_name":"b2"}`)+end, parts(400, "204 400")), get(find("b2"), named("b2")))
	l.add("continue-on-error", page, batch(plain("POST {items}", `{"gconf_name":"b3"}`)+plain("POST {items}", `{"nosuch":1}`)+plain("POST {items}", `{"gconf_name":"b3"}`)+end, parts(200, "204 400 204"), "Prefer", "odata.continue-on-error"), get(find("b3"), named("b3", "b3")))
	l.add("a change set", page, batch(changeSet(create(1, `{"gconf_name":"b4"}`), create(2, `{"gconf_name":"b4"}`))+end, parts(200, "204 204")), get(find("b4"), named("b4", "b4")))
	l.add("a change set is all or nothing", page, batch(changeSet(create(1, `{"gconf_name":"b5"}`), create(2, `{"nosuch":1}`))+end, parts(400, "400")), get(find("b5"), named()))
	l.add("a change set behind a failed one", page, batch(changeSet(create(1, `{"nosuch":1}`))+changeSet(create(1, `{"gconf_name":"b6"}`))+end, parts(200, "400 204"), "Prefer", "odata.continue-on-error"), get(find("b6"), named("b6")))
	l.add("parts refer to each other", page, batch(changeSet(part(1, "POST "+apiPath+"{groups}", `{"gconf_name":"b7"}`), create(2, `{"gconf_name":"b7","gconf_groupid@odata.bind":"$1"}`), part(3, "PATCH $2", `{"gconf_number":7}`), part(4, "PUT $2/gconf_text", `{"value":"seven"}`))+end, parts(200, "204 204 204 204")),
		get("{items}?$select=gconf_name&$filter=gconf_groupid/gconf_name eq 'b7' and gconf_number eq 7 and gconf_text eq 'seven'", named("b7")))
	l.add("a read sees what stands before it", page, batch(changeSet(create(1, `{"gconf_name":"b8"}`))+getPart("{items}/$count?$filter=gconf_name eq 'b8'")+end, parts(200, "204 200")))
	l.add("conditions in a change set", page, batch(changeSet(part(1, "PATCH "+apiPath+"{items}({missing})", `{"gconf_name":"b9"}`, "If-Match: *"))+end, parts(400, "404")), get(find("b9"), named()))
	l.add("a delete in a change set", page, newRow(`{"gconf_name":"b10"}`), batch(changeSet(lines("--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "Content-ID: 1", "", "DELETE "+apiPath+"{items}({id}) HTTP/1.1", "", ""))+end, parts(200, "204")), get(one, refused(404, "0x80040217")))
	l.add("the same key twice in a change set", page, batch(changeSet(create(1, `{"gconf_code":"B1"}`), create(2, `{"gconf_code":"B1"}`))+end, parts(400, "412")), get("{items}(gconf_code='B1')", refused(404, "0x80060891")))
	for _, t := range []struct{ name, body string }{
		{"no Content-ID in a change set", lines("--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "", "DELETE "+apiPath+"{items}({missing}) HTTP/1.1", "", "", "--c--") + end},
		{"a reference before its declaration", changeSet(part(1, "PATCH $2", `{}`), create(2, `{"gconf_name":"refused"}`)) + end},
		{"a reference outside a change set", plain("PATCH $1", `{}`) + end},
	} {
		l.add("refused: "+t.name, "troubleshoot Dataverse Web API client errors", batch(t.body, want{status: 400}.bare()), get(find("refused"), named()))
	}
	return l.cases
}

func bulkCases() []Case {
	l := list{area: "bulk messages", needs: writing}
	const page = "bulk-operations"
	call := func(name, targets string, w want) step {
		return send("POST", "{items}/Microsoft.Dynamics.CRM."+name, `{"Targets":[`+targets+`]}`, w)
	}
	target := func(inside string) string {
		return `{"@odata.type":"Microsoft.Dynamics.CRM.gconf_item",` + inside + `}`
	}
	l.add("CreateMultiple", page, call("CreateMultiple", target(`"gconf_name":"m1"`)+","+target(`"gconf_name":"m1"`), ok("Ids>0 guid", "Ids>1 guid", "Ids>2 absent")), get("{items}?$select=gconf_name&$filter=gconf_name eq 'm1'", named("m1", "m1")))
	l.add("CreateMultiple is all or nothing", page, call("CreateMultiple", target(`"gconf_name":"m2"`)+","+target(`"gconf_number":-5000`), refused(400, "0x80044330")), get("{items}?$select=gconf_name&$filter=gconf_name eq 'm2'", named()))
	l.add("UpdateMultiple", page, newRow(`{"gconf_name":"m3"}`), call("UpdateMultiple", target(`"gconf_itemid":"{id}","gconf_number":3`), done()), row("gconf_number = 3", "gconf_name = m3"))
	l.add("UpdateMultiple of a row that is not there", page, call("UpdateMultiple", target(`"gconf_itemid":"{missing}","gconf_number":3`), refused(404, "0x80040217")))
	l.add("UpsertMultiple by key", "UpsertMultiple Action", newRow(`{"gconf_code":"M1"}`), call("UpsertMultiple", target(`"@odata.id":"{items}(gconf_code='M1')","gconf_number":4`)+","+target(`"@odata.id":"{items}(gconf_code='M2')","gconf_number":4`), want{status: 204}),
		get("{items}?$select=gconf_code&$filter=gconf_number eq 4 and startswith(gconf_code,'M')", want{status: 200, rows: []string{"M1", "M2"}, column: "gconf_code"}))
	l.add("targets of another table", page, call("CreateMultiple", `{"@odata.type":"Microsoft.Dynamics.CRM.gconf_group","gconf_name":"m6"}`, refused(400, "")))
	l.add("no targets", unsaid, call("CreateMultiple", "", refused(400, "")))
	return l.cases
}
