package emulator

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

var etagText = regexp.MustCompile(`W/\\"\d+\\"`)

// shown is an answer's text with what differs from run to run replaced: the address, versions, and the ids of crm.
func (w *world) shown(r response) string {
	s := strings.ReplaceAll(r.text, w.url+"/api/data/v9.2", "BASE")
	s = etagText.ReplaceAllString(s, "E")
	for _, name := range []string{"a1", "a2", "a3", "c1", "c2", "c3", "c4", "e1", "e2", "p1", "eur1"} {
		s = strings.ReplaceAll(s, idOfName(name).String(), name)
	}
	return s
}

const allAnnotations = `odata.include-annotations="*"`

// Pages by test: webapi/query/select-columns, join-tables, aggregate-data, webapi/retrieve-entity-using-web-api,
// webapi/retrieve-and-execute-predefined-queries, fetchxml/select-columns, fetchxml/aggregate-data.
func TestShapes(t *testing.T) {
	w := crm(t, Options{})
	a1, c1, a2 := idOfName("a1").String(), idOfName("c1").String(), idOfName("a2").String()
	w.put("systemuser", "u1", map[string]any{"fullname": "Sally"})
	w.put("account", "a3", map[string]any{"name": "Fabrikam", "ownerid": to("systemuser", "u1"), "createdby": to("systemuser", "u1")})
	tests := []struct{ name, path, prefer, want string }{
		{"select-columns: annotations stand before their value, the key and an amount's currency come along", "accounts?$select=revenue,statecode,_parentaccountid_value&$filter=name eq 'adventure works'", allAnnotations,
			`{"@odata.context":"BASE/$metadata#accounts(revenue,statecode,_parentaccountid_value)","@Microsoft.Dynamics.CRM.totalrecordcount":-1,"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded":false,"@Microsoft.Dynamics.CRM.globalmetadataversion":"VERSION","value":[{"@odata.etag":"E","revenue@OData.Community.Display.V1.FormattedValue":"$5,000.00","revenue":5000.0000,"statecode@OData.Community.Display.V1.FormattedValue":"Active","statecode":0,"_parentaccountid_value@OData.Community.Display.V1.FormattedValue":"Contoso","_parentaccountid_value@Microsoft.Dynamics.CRM.associatednavigationproperty":"parentaccountid","_parentaccountid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"account","_parentaccountid_value":"a1","_transactioncurrencyid_value":null,"accountid":"a2"}]}`},
		{"one annotation alone; formats", "contacts?$select=birthdate,createdon,_parentcustomerid_value&$top=1", `odata.include-annotations="OData.Community.Display.V1.FormattedValue"`,
			`{"@odata.context":"BASE/$metadata#contacts(birthdate,createdon,_parentcustomerid_value)","value":[{"@odata.etag":"E","birthdate@OData.Community.Display.V1.FormattedValue":"12/10/1815","birthdate":"1815-12-10","createdon@OData.Community.Display.V1.FormattedValue":"11/1/2026 10:00 AM","createdon":"2026-11-01T10:00:00Z","_parentcustomerid_value@OData.Community.Display.V1.FormattedValue":"Contoso","_parentcustomerid_value":"a1","contactid":"c1"}]}`},
		{"join-tables: a lookup's row has no etag in a collection, a collection has a link though it is complete", "accounts?$select=name&$filter=statecode eq 0 and revenue gt 9&$top=1&$expand=primarycontactid($select=fullname),contact_customer_accounts($select=fullname;$filter=statecode eq 1)", "",
			`{"@odata.context":"BASE/$metadata#accounts(name,primarycontactid(fullname),contact_customer_accounts(fullname))","value":[{"@odata.etag":"E","name":"Contoso","accountid":"a1","primarycontactid":{"fullname":"Ada Lovelace","contactid":"c1"},"contact_customer_accounts":[{"@odata.etag":"E","fullname":"Émile Zola","contactid":"c2","_parentcustomerid_value":"a1"}],"contact_customer_accounts@odata.nextLink":"BASE/accounts(a1)/contact_customer_accounts?$select=fullname&$filter=statecode%20eq%201"}]}`},
		{"a single row: etags inside, no links, no foreign keys", "accounts(" + a1 + ")?$select=name&$expand=primarycontactid($select=fullname),contact_customer_accounts($select=fullname;$top=1)", "",
			`{"@odata.context":"BASE/$metadata#accounts(name,primarycontactid(fullname),contact_customer_accounts(fullname))/$entity","@odata.etag":"E","name":"Contoso","accountid":"a1","primarycontactid":{"@odata.etag":"E","fullname":"Ada Lovelace","contactid":"c1"},"contact_customer_accounts":[{"@odata.etag":"E","fullname":"Ada Lovelace","contactid":"c1"}]}`},
		{"$ref is the link alone, with the lookup beside it", "accounts(" + a1 + ")?$select=name&$expand=primarycontactid/$ref", "",
			`{"@odata.context":"BASE/$metadata#accounts(name,primarycontactid/$ref())/$entity","@odata.etag":"E","name":"Contoso","accountid":"a1","_primarycontactid_value":"c1","primarycontactid":{"@odata.id":"BASE/contacts(c1)"}}`},
		{"a user repeats its id as ownerid", "accounts?$select=name&$filter=name eq 'fabrikam'&$expand=ownerid($select=ownerid),createdby($select=fullname)", "",
			`{"@odata.context":"BASE/$metadata#accounts(name,ownerid(ownerid),createdby(fullname))","value":[{"@odata.etag":"E","name":"Fabrikam","accountid":"a3","ownerid":{"ownerid":"U","systemuserid":"U"},"createdby":{"fullname":"Sally","ownerid":"U","systemuserid":"U"}}]}`},
		{"nested expands over lookups", "contacts(" + c1 + ")?$select=fullname&$expand=parentcustomerid_account($select=name;$expand=primarycontactid($select=fullname))", "",
			`{"@odata.context":"BASE/$metadata#contacts(fullname,parentcustomerid_account(name,primarycontactid(fullname)))/$entity","@odata.etag":"E","fullname":"Ada Lovelace","contactid":"c1","parentcustomerid_account":{"@odata.etag":"E","name":"Contoso","accountid":"a1","primarycontactid":{"@odata.etag":"E","fullname":"Ada Lovelace","contactid":"c1"}}}`},
		{"a property", "contacts(" + c1 + ")/fullname", "", `{"@odata.context":"BASE/$metadata#contacts(c1)/fullname","value":"Ada Lovelace"}`},
		{"a property's value alone", "contacts(" + c1 + ")/birthdate/$value", "", `1815-12-10`},
		{"where a lookup leads", "contacts(" + c1 + ")/parentcustomerid_account?$select=name", "", `{"@odata.context":"BASE/$metadata#accounts(name)/$entity","@odata.etag":"E","name":"Contoso","accountid":"a1"}`},
		{"links of a collection", "accounts(" + a1 + ")/contact_customer_accounts/$ref?$top=1", "", `{"@odata.context":"BASE/$metadata#Collection($ref)","value":[{"@odata.id":"BASE/contacts(c1)"}]}`},
		{"a count of a set", "contacts/$count", "", "4"},
		{"a count of a collection begins with a byte order mark", "accounts(" + a2 + ")/contact_customer_accounts/$count", "", "\ufeff1"},
		{"aggregate-data: groups by a path, compact rows, nine decimals", "contacts?$apply=filter(statecode eq 0)/groupby((parentcustomerid_account/name),aggregate($count as n))", "",
			`{"@odata.context":"BASE/$metadata#contacts","value":[{"n":1},{"account_name":"Adventure Works","n":1},{"account_name":"Contoso","n":1}]}`},
		{"aggregates of all", "accounts?$apply=aggregate(numberofemployees with average as x,revenue with sum as y,revenue with max as z)", `odata.include-annotations="OData.Community.Display.V1.FormattedValue"`,
			`{"@odata.context":"BASE/$metadata#accounts","value":[{"x@OData.Community.Display.V1.FormattedValue":"4,760","x":4760,"y@OData.Community.Display.V1.FormattedValue":"$25,000.00","y":25000.000000000,"z@OData.Community.Display.V1.FormattedValue":"$20,000.00","z":20000.0000}]}`},
		{"fetchxml/select-columns: aliases, nulls left out", "contacts?fetchXml=" + escaped(`<fetch top="1"><entity name="contact"><attribute name="fullname" alias="n"/><attribute name="jobtitle"/><attribute name="parentcustomerid" alias="boss"/></entity></fetch>`), allAnnotations,
			`{"@odata.context":"BASE/$metadata#contacts(fullname,jobtitle,_parentcustomerid_value,contactid)","@Microsoft.Dynamics.CRM.totalrecordcount":-1,"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded":false,"@Microsoft.Dynamics.CRM.globalmetadataversion":"VERSION","value":[{"@odata.etag":"E","n@OData.Community.Display.V1.AttributeName":"fullname","n":"Ada Lovelace","boss@OData.Community.Display.V1.AttributeName":"parentcustomerid","boss@OData.Community.Display.V1.FormattedValue":"Contoso","boss@Microsoft.Dynamics.CRM.lookuplogicalname":"account","boss":"a1","contactid":"c1"}]}`},
		{"fetchxml/aggregate-data: choices sort by label", "accounts?fetchXml=" + escaped(`<fetch aggregate="true"><entity name="account"><attribute name="statecode" groupby="true" alias="s"/><attribute name="numberofemployees" aggregate="avg" alias="a"/><attribute name="accountid" aggregate="count" alias="n"/><order alias="s" descending="true"/></entity></fetch>`), "",
			`{"@odata.context":"BASE/$metadata#accounts","value":[{"s":0,"a":4760,"n":2},{"n":1}]}`},
		{"date groups", "contacts?fetchXml=" + escaped(`<fetch aggregate="true"><entity name="contact"><attribute name="createdon" groupby="true" dategrouping="fiscal-period" alias="p"/><attribute name="emailaddress1" aggregate="countcolumn" distinct="true" alias="n"/></entity></fetch>`), `odata.include-annotations="OData.Community.Display.V1.FormattedValue"`,
			`{"@odata.context":"BASE/$metadata#contacts","value":[{"p@OData.Community.Display.V1.FormattedValue":"Quarter 4 FY2026","p":202604,"n@OData.Community.Display.V1.FormattedValue":"3","n":3}]}`},
		{"distinct rows have neither key nor etag", "contacts?fetchXml=" + escaped(`<fetch distinct="true"><entity name="contact"><attribute name="statecode"/><order attribute="statecode"/></entity></fetch>`), "",
			`{"@odata.context":"BASE/$metadata#contacts(statecode)","value":[{"statecode":0},{"statecode":1}]}`},
		{"count-rows: a fetch counts as well", "contacts?fetchXml=" + escaped(`<fetch count="1" returntotalrecordcount="true"><entity name="contact"><attribute name="contactid"/></entity></fetch>`), "",
			`{"@odata.context":"BASE/$metadata#contacts(contactid)","@odata.count":4,"value":[{"@odata.etag":"E","contactid":"c1"}]}`},
		{"retained rows: there are none", "contacts?fetchXml=" + escaped(`<fetch datasource="retained"><entity name="contact"><attribute name="fullname"/></entity></fetch>`), "",
			`{"@odata.context":"BASE/$metadata#contacts(fullname,contactid)","value":[]}`},
	}
	version := regexp.MustCompile(`globalmetadataversion":"\d+"`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			r := w.get(tt.path, tt.prefer)
			got := strings.ReplaceAll(version.ReplaceAllString(w.shown(r), `globalmetadataversion":"VERSION"`), idOfName("u1").String(), "U")
			if d := cmp.Diff(tt.want, got); d != "" || r.status != http.StatusOK {
				t.Errorf("%d %s\n%s", r.status, got, d)
			}
		})
	}
}

// Page: webapi/perform-conditional-operations.
func TestConditionalGet(t *testing.T) {
	w := crm(t, Options{})
	path := "contacts(" + idOfName("c1").String() + ")?$select=fullname"
	tag := w.get(path).header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	tests := []struct {
		name string
		path string
		send []string
		want int
	}{
		{"the same version", path, []string{"If-None-Match: " + tag}, http.StatusNotModified},
		{"another version", path, []string{`If-None-Match: W/"1"`}, http.StatusOK},
		{"the text null is no version", path, []string{"If-None-Match: null"}, http.StatusOK},
		{"annotations switch it off", path, []string{"If-None-Match: " + tag, allAnnotations}, http.StatusOK},
		{"$expand switches it off", path + "&$expand=createdby", []string{"If-None-Match: " + tag}, http.StatusOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.get(tt.path, tt.send...); got.status != tt.want || tt.want == http.StatusNotModified && got.text != "" {
				t.Errorf("%d %q", got.status, got.text)
			}
		})
	}
}

// Page: webapi/retrieve-and-execute-predefined-queries.
func TestViews(t *testing.T) {
	w := crm(t, Options{})
	const fetch = `<fetch version="1.0" mapping="logical"><entity name ='contact'><attribute name="fullname"/><order attribute="fullname"/><filter type="and"><condition attribute="statecode" operator="eq" value="0"/></filter></entity></fetch>`
	id := w.put("savedquery", "v1", map[string]any{"name": "Active", "returnedtypecode": "contact", "fetchxml": fetch}).String()
	own := w.put("userquery", "v2", map[string]any{"name": "Mine", "returnedtypecode": "contact", "fetchxml": fetch}).String()
	want := []string{"50%_off [sale]", "Ada Lovelace", "emily BRONTË"}
	for _, path := range []string{"contacts?savedQuery=" + id, "contacts?userQuery=" + own} {
		if d := cmp.Diff(want, w.rows(path, "fullname")); d != "" {
			t.Error(d)
		}
	}
	var paged []string
	for next := "contacts?savedQuery=" + id; next != ""; {
		r := w.get(next, "odata.maxpagesize=2")
		paged = append(paged, r.column("fullname")...)
		next, _ = r.body["@odata.nextLink"].(string)
	}
	if d := cmp.Diff(want, paged); d != "" {
		t.Error(d)
	}
	related := w.rows("accounts("+idOfName("a1").String()+")/contact_customer_accounts/?savedQuery="+id, "fullname")
	if d := cmp.Diff([]string{"Ada Lovelace"}, related); d != "" {
		t.Error(d)
	}
	if r := w.get("accounts?savedQuery=" + id); r.status != http.StatusBadRequest {
		t.Errorf("a view of another table: %d", r.status)
	}
}

// Without a nested $expand the rows of a collection are not paged; with one, all are, and the link leads to the rest.
// Page: webapi/query/join-tables.
func TestExpandPages(t *testing.T) {
	w := crm(t, Options{})
	const nav = "contact_customer_accounts"
	first := func(r response) map[string]any { return r.body["value"].([]any)[0].(map[string]any) }
	flat := first(w.get("accounts?$select=name&$expand="+nav+"($select=fullname)", "odata.maxpagesize=1"))
	if n := len(flat[nav].([]any)); n != 2 {
		t.Errorf("%d rows, want both", n)
	}
	again := w.rows(flat[nav+"@odata.nextLink"].(string), "fullname")
	if d := cmp.Diff([]string{"Ada Lovelace", "Émile Zola"}, again); d != "" {
		t.Errorf("the link does not lead to the same rows: %s", d)
	}
	nested := first(w.get("accounts?$select=name&$expand="+nav+"($select=fullname;$expand=createdby)", "odata.maxpagesize=1"))
	child := nested[nav].([]any)[0].(map[string]any)
	if child["@odata.etag"] != nil || child["_parentcustomerid_value"] != nil || len(nested[nav].([]any)) != 1 {
		t.Errorf("paged rows: %v", nested[nav])
	}
	rest := w.rows(nested[nav+"@odata.nextLink"].(string), "fullname", "odata.maxpagesize=1")
	if d := cmp.Diff([]string{"Émile Zola"}, rest); d != "" {
		t.Errorf("the link does not lead to the rest: %s", d)
	}
}

// Page: webapi/query/count-rows.
func TestCountIsCapped(t *testing.T) {
	w := newWorld(t, Options{})
	tab := schema.BaseSchema().Tables["contact"]
	tx := w.s.engine.Store.Begin()
	for i := range 5001 {
		id := idOfName("c")
		id[14], id[15] = byte(i>>8), byte(i)
		tx.Put(tab, (&store.Row{ID: id}).With(store.Values{tab.ByName["fullname"].Index: "x"}, tx.NextVersion()))
	}
	tx.Commit()
	r := w.get("contacts?$select=contactid&$count=true", `odata.include-annotations="Microsoft.Dynamics.CRM.totalrecordcount,Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"`)
	if !strings.Contains(r.text, `"@odata.count":5000,"@Microsoft.Dynamics.CRM.totalrecordcount":5000,"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded":true,"value"`) {
		t.Error(r.text[:300])
	}
	if n := len(r.column("contactid")); n != 5000 || r.body["@odata.nextLink"] == nil {
		t.Errorf("%d rows, link %v", n, r.body["@odata.nextLink"])
	}
	if r := w.get("contacts/$count"); r.text != "5000" {
		t.Errorf("$count: %s", r.text)
	}
}
