package conformance

import (
	"fmt"
	"net/url"
	"strings"
)

// encoded is FetchXML as it stands in a URL.
func encoded(fetch string) string { return url.QueryEscape(fetch) }

// refusalCases are queries that are refused, over tables that every environment has. A query of contacts or accounts is
// among them only where it must be refused.
func refusalCases() []Case {
	l := list{area: "query errors"}
	const overview, filter = "webapi/query/overview", "webapi/query/filter-rows"
	rep := strings.Repeat
	fetch := func(set, inner string) string { return set + "?fetchXml=" + encoded(inner) }
	links := rep(`<link-entity name="contact" from="parentcustomerid" to="accountid"/>`, 16)
	condition := "<condition attribute='statecode' operator='null'/>"
	for _, t := range []struct{ name, page, path, code string }{
		{"$skip", overview, "contacts?$skip=5", "0x80060888"},
		{"options are case-sensitive", overview, "contacts?$Select=fullname", "0x80060888"},
		{"$format", overview, "contacts?$format=json", "0x80060888"},
		{"$search", overview, "contacts?$search=x", "0x80060888"},
		{"$index", overview, "contacts?$index=1", "0x80060888"},
		{"fetchXml is spelled so", overview, "contacts?fetchxml=x", "0x80060888"},
		{"an option that there is not", overview, "contacts?$nosuch=1", "0x80060888"},
		{"$top that is no number", overview, "contacts?$top=x", ""},
		{"$top below zero", overview, "contacts?$top=-1", ""},
		{"unknown column in $select", "webapi/query/select-columns", "contacts?$select=nosuch", "0x80060888"},
		{"unknown column in $filter", filter, "contacts?$filter=nosuch eq 1", "0x80060888"},
		{"unknown column in $orderby", "webapi/query/order-rows", "contacts?$orderby=nosuch", "0x80060888"},
		{"unknown name in $expand", "webapi/query/join-tables", "contacts?$expand=nosuch", "0x80060888"},
		{"a lookup's plain name is no property", filter, "contacts?$filter=parentcustomerid eq null", "0x80060888"},
		{"columns are case-sensitive", "webapi/query/select-columns", "contacts?$select=FullName", "0x80060888"},
		{"types differ", filter, "contacts?$filter=statecode eq 'x'", ""},
		{"an open quote", filter, "contacts?$filter=lastname eq 'O'Bryan'", "0x80060888"},
		{"an open parenthesis", filter, "contacts?$filter=(lastname eq 'x'", "0x80060888"},
		{"no operand", filter, "contacts?$filter=lastname eq", "0x80060888"},
		{"no operator", filter, "contacts?$filter=lastname 'x'", "0x80060888"},
		{"an operator that there is not", filter, "contacts?$filter=lastname is 'x'", "0x80060888"},
		{"a function that there is not", filter, "contacts?$filter=soundslike(lastname,'x')", "0x80060888"},
		{"a query function that there is not", filter, "contacts?$filter=Microsoft.Dynamics.CRM.NoSuch(PropertyName='createdon')", ""},
		{"not over a query function", filter, "contacts?$filter=not Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", "0x80060888"},
		{"a query function of a date on a text", filter, "contacts?$filter=Microsoft.Dynamics.CRM.Today(PropertyName='lastname')", ""},
		{"a query function of no days", filter, "contacts?$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=0)", ""},
		{"between one value", filter, `contacts?$filter=Microsoft.Dynamics.CRM.Between(PropertyName='numberofchildren',PropertyValues=["1"])`, ""},
		{"a column without a full-text index", filter, "contacts?$filter=Microsoft.Dynamics.CRM.Contains(PropertyName='fullname',PropertyValue='x')", ""},
		{"an alias inside $expand", overview, "systemusers?$expand=businessunitid($filter=isdisabled eq @p)&@p=true", ""},
		{"501 conditions", filter, "contacts?$filter=statecode eq 0" + rep(" or statecode eq 1", 500), "0x8004430C"},
		{"$ref of a collection", "webapi/query/join-tables", "accounts?$expand=contact_customer_accounts/$ref", "0x80060888"},
		{"$top with a nested expand", "webapi/query/join-tables", "accounts?$expand=contact_customer_accounts($top=1;$expand=createdby)", "0x80060888"},
		{"16 expanded tables", "webapi/query/join-tables", "contacts?$expand=createdby" + rep(",modifiedby", 15), ""},
		{"an order by an aggregate", "webapi/query/aggregate-data", "accounts?$apply=groupby((statecode),aggregate($count as n))&$orderby=n", "0x80060888"},
		{"an aggregate that there is not", "webapi/query/aggregate-data", "accounts?$apply=aggregate(revenue with median as m)", ""},
		{"an aggregate of a text", "webapi/query/aggregate-data", "accounts?$apply=aggregate(name with sum as m)", ""},
		{"a transformation that there is not", "webapi/query/aggregate-data", "accounts?$apply=topcount(1,revenue)", ""},
		{"a cookie that is none", "webapi/query/page-results", "contacts?$skiptoken=x", "0x8004112a"},
		{"no such key", "use-alternate-key-reference-record", "contacts(emailaddress1='x')", ""},
		{"a key that is no id", "webapi/retrieve-entity-using-web-api", "contacts(12)", ""},
		{"the body of an e-mail in a condition", filter, "emails?$filter=contains(description,'x')", ""},
		{"a select of a single row: unknown column", "webapi/retrieve-entity-using-web-api", "systemusers({user})?$select=nosuch", "0x80060888"},
		{"$count of a fetch", "webapi/query/count-rows", "contacts/$count?fetchXml=x", "0x80060888"},
		{"unknown table in a fetch", "fetchxml/retrieve-data", fetch("contacts", `<fetch><entity name="nosuch"/></fetch>`), "0x80041102"},
		{"another table in a fetch", "fetchxml/retrieve-data", fetch("contacts", `<fetch><entity name="account"/></fetch>`), ""},
		{"unknown column in a fetch", "fetchxml/select-columns", fetch("contacts", `<fetch><entity name="contact"><attribute name="nosuch"/></entity></fetch>`), "0x80041103"},
		{"unknown column in a condition", "fetchxml/filter-rows", fetch("contacts", `<fetch><entity name="contact"><filter><condition attribute="nosuch" operator="null"/></filter></entity></fetch>`), "0x80041103"},
		{"unknown operator in a fetch", "fetchxml/reference/operators", fetch("contacts", `<fetch><entity name="contact"><filter><condition attribute="lastname" operator="equals" value="x"/></filter></entity></fetch>`), ""},
		{"too many links", "fetchxml/join-tables", fetch("accounts", `<fetch><entity name="account">`+links+`</entity></fetch>`), "0x8004430D"},
		{"501 conditions of a fetch", "fetchxml/filter-rows", fetch("contacts", `<fetch><entity name="contact"><filter>`+rep(condition, 501)+`</filter></entity></fetch>`), "0x8004430C"},
		{"no many-to-many relationship", "fetchxml/join-tables", fetch("accounts", `<fetch><entity name="account"><link-entity name="task"/></entity></fetch>`), "0x80041102"},
		{"pages beyond 50,000 need a cookie", "fetchxml/page-results", fetch("contacts", `<fetch count="5000" page="11"><entity name="contact"/></fetch>`), "0x8004430a"},
		{"no XML", "fetchxml/retrieve-data", fetch("contacts", `fetch`), "0x80040201"},
		{"XML that does not end", "fetchxml/retrieve-data", fetch("contacts", `<fetch><entity name="contact">`), "0x80040201"},
		{"an aggregate without an alias", "fetchxml/aggregate-data", fetch("contacts", `<fetch aggregate="true"><entity name="contact"><attribute name="contactid" aggregate="count"/></entity></fetch>`), ""},
	} {
		if len(t.path) > 32_000 { // it goes where a URL may be longer
			l.add(t.name, t.page, inBatch(t.path, 400))
			continue
		}
		l.add(t.name, t.page, get(t.path, refused(400, t.code)))
	}
	l.add("a URL of 33,000 characters", overview, get("contacts?$filter=fullname eq '"+rep("x", 33_000)+"'", want{status: 414}.bare()))
	for _, set := range []string{"contactz", "contact", "nosuch", "systemuser"} {
		l.add("no such segment: "+set, pageErrors, get(set, refused(404, "0x80060888")))
	}
	l.add("no such property of a row", "webapi/retrieve-entity-using-web-api", get("systemusers({user})/nosuch", refused(404, "0x80060888")))
	return l.cases
}

// bare is an answer of which only the status is known: what stands before the service may give it.
func (w want) bare() want { w.text = "any"; return w }

const single = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"

// lines joins with CRLF, as a batch must.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }

func getPart(path string, headers ...string) string {
	return single + lines(append([]string{"", "GET " + apiPath + escape(path) + " HTTP/1.1", "Accept: application/json"}, append(headers, "", "")...)...)
}

func batch(body string, w want, headers ...string) step {
	return send("POST", "$batch", body, w, append([]string{"Content-Type", `multipart/mixed; boundary="b"`}, headers...)...)
}

func parts(status int, statuses string) want { return want{status: status, parts: statuses} }

// inBatch is a GET in a batch that fails.
func inBatch(path string, status int) step {
	return batch(getPart(path)+lines("--b--"), parts(status, fmt.Sprint(status)))
}

func headerCases() []Case {
	l := list{area: "headers"}
	const page = "webapi/compose-http-requests-handle-errors"
	one := "systemusers({user})?$select=systemuserid"
	l.add("OData-Version", page, get("WhoAmI", ok().headed("OData-Version = 4.0", "Date string")))
	l.add("Content-Type", page, get("WhoAmI", ok().headed("Content-Type = application/json; odata.metadata=minimal")))
	l.add("the request's id", page, get("WhoAmI", ok().headed("REQ_ID guid")))
	l.add("the limits that are left", "api-limits", get("WhoAmI", ok().headed("x-ms-ratelimit-burst-remaining-xrm-requests string", "x-ms-ratelimit-time-remaining-xrm-requests string")))
	l.add("an error's headers", page, get("nosuch", refused(404, "0x80060888").headed("OData-Version = 4.0", "Content-Type string")))
	l.add("ETag of a row", "webapi/perform-conditional-operations", get(one, ok("@odata.etag etag").headed("ETag etag")))
	l.add("no ETag of a collection", "webapi/perform-conditional-operations", get("organizations?$select=organizationid", ok().headed("ETag absent")))
	l.add("If-None-Match with the version", "webapi/perform-conditional-operations",
		get(one, ok("@odata.etag etag")).saving("tag", "header ETag"), get(one, want{status: 304, text: "= "}, "If-None-Match", "{tag}"))
	l.add("If-None-Match with another version", "webapi/perform-conditional-operations", get(one, ok("systemuserid = {user}"), "If-None-Match", `W/"1"`))
	l.add("If-None-Match null is no condition", "webapi/query/join-tables", get(one, ok("systemuserid = {user}"), "If-None-Match", "null"))
	l.add("$expand switches If-None-Match off", "webapi/perform-conditional-operations",
		get(one, ok("@odata.etag etag")).saving("tag", "header ETag"), get(one+"&$expand=businessunitid($select=businessunitid)", ok("systemuserid = {user}"), "If-None-Match", "{tag}"))
	l.add("a preference that was applied", "webapi/query/page-results", get("organizations?$select=organizationid", ok().headed("Preference-Applied = odata.maxpagesize=3"), "Prefer", "odata.maxpagesize=3"))
	l.add("annotations are said to be applied", "webapi/query/select-columns", get("organizations?$select=organizationid", ok().headed(`Preference-Applied = odata.include-annotations="*"`), "Prefer", `odata.include-annotations="*"`))
	l.add("impersonation of nobody", "webapi/impersonate-another-user-web-api", get("WhoAmI", refused(403, ""), "MSCRMCallerID", "{missing}"))
	return l.cases
}

func readBatchCases() []Case {
	l := list{area: "batches of reads"}
	const page = "webapi/execute-batch-operations-using-web-api"
	who := getPart("WhoAmI")
	good := func(kind, body, statuses string) step {
		return send("POST", "$batch", body, parts(200, statuses).headed("Content-Type string"), "Content-Type", kind)
	}
	for _, t := range []struct{ name, kind, body string }{
		{"a quoted boundary", `multipart/mixed; boundary="b"`, who + lines("--b--")},
		{"an unquoted boundary without a blank", `multipart/mixed;boundary=b`, who + lines("--b--")},
		{"capitals in the content type", `Multipart/Mixed; Boundary=b`, who + lines("--b--")},
		{"text before and after", `multipart/mixed; boundary=b`, lines("a preamble") + who + lines("--b--", "an epilogue")},
		{"blanks behind a boundary", `multipart/mixed; boundary=b`, strings.Replace(who, "--b\r\n", "--b \t\r\n", 1) + lines("--b--")},
		{"headers in another order and case", `multipart/mixed; boundary=b`, lines("--b", "content-transfer-encoding:binary", "content-type:application/http", "", "GET "+apiPath+"WhoAmI HTTP/1.1", "", "") + lines("--b--")},
		{"one empty line after a GET", `multipart/mixed; boundary=b`, single + lines("", "GET "+apiPath+"WhoAmI HTTP/1.1", "") + lines("--b--")},
		{"a path below the service root", `multipart/mixed; boundary=b`, single + lines("", "GET WhoAmI HTTP/1.1", "", "") + lines("--b--")},
		{"a whole address", `multipart/mixed; boundary=b`, single + lines("", "GET {root}WhoAmI HTTP/1.1", "", "") + lines("--b--")},
	} {
		l.add(t.name, page, good(t.kind, t.body, "200"))
	}
	l.add("several", page, good(`multipart/mixed; boundary="b"`, who+getPart("organizations?$select=organizationid")+getPart("EntityDefinitions(LogicalName='contact')?$select=LogicalName")+lines("--b--"), "200 200 200"))
	bad := getPart("contacts({missing})")
	l.add("it stops at the first error", page, batch(who+bad+who+lines("--b--"), parts(400, "200 404")))
	l.add("continue-on-error", page, batch(who+bad+who+lines("--b--"), parts(200, "200 404 200"), "Prefer", "odata.continue-on-error"))
	l.add("a part's preference is its own", page, batch(getPart("organizations?$select=organizationid", "Prefer: odata.maxpagesize=1")+lines("--b--"), parts(200, "200")))
	l.add("plain semicolons in a part", "webapi/query/join-tables", batch(getPart("businessunits?$select=businessunitid&$top=1&$expand=business_unit_system_users($select=systemuserid;$top=1)")+lines("--b--"), parts(200, "200")))
	l.add("a long URL fits a batch", "webapi/query/overview", batch(getPart("organizations?$select=organizationid&$filter=name ne '"+strings.Repeat("x", 33_000)+"'")+lines("--b--"), parts(200, "200")))
	return l.cases
}

// batchErrorCases are batches that cannot be read; each holds nothing but reads.
func batchErrorCases() []Case {
	l := list{area: "batch errors"}
	const page = "troubleshoot Dataverse Web API client errors"
	who := getPart("WhoAmI")
	for _, t := range []struct{ name, body string }{
		{"LF alone", strings.ReplaceAll(who+lines("--b--"), "\r\n", "\n")},
		{"no end", who},
		{"no empty line after a GET", single + "\r\nGET " + apiPath + "WhoAmI HTTP/1.1\r\n" + lines("--b--")},
		{"no transfer encoding", lines("--b", "Content-Type: application/http", "", "GET WhoAmI HTTP/1.1", "", "", "--b--")},
		{"another content type", lines("--b", "Content-Type: text/plain", "", "x", "--b--")},
		{"a GET in a change set", lines("--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "Content-ID: 1", "", "GET "+apiPath+"WhoAmI HTTP/1.1", "", "", "--c--", "--b--")},
		{"1,001 requests", strings.Repeat(single+lines("", "GET "+apiPath+"WhoAmI HTTP/1.1", "", ""), 1001) + lines("--b--")},
	} {
		w := want{status: 400}.bare()
		l.add(t.name, page, batch(t.body, w))
	}
	l.add("a batch that is no batch", page, send("POST", "$batch", "x", want{status: 400}.bare()))
	return l.cases
}
