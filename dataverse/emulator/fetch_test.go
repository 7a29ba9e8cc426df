package emulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// fetchRows runs a fetch and returns one column of its rows.
func (w *world) fetchRows(set, fetch, column string, prefer ...string) []string {
	w.t.Helper()
	return w.rows(set+"?fetchXml="+escaped(fetch), column, prefer...)
}

// crm is a small CRM: accounts, their contacts, and e-mails to them.
func crm(t testing.TB, o Options) *world {
	w := newWorld(t, o)
	w.put("transactioncurrency", "eur", map[string]any{"currencyname": "Euro", "currencysymbol": "€", "currencyprecision": 2, "isocurrencycode": "EUR"})
	w.put("account", "a1", map[string]any{"name": "Contoso", "statecode": 0, "statuscode": 1, "revenue": 20000.0, "numberofemployees": 9500, "customertypecode": 3, "transactioncurrencyid": to("transactioncurrency", "eur"), "primarycontactid": to("contact", "c1")})
	w.put("account", "a2", map[string]any{"name": "Adventure Works", "statecode": 0, "statuscode": 1, "revenue": 5000.0, "numberofemployees": 20, "parentaccountid": to("account", "a1"), "primarycontactid": to("contact", "c3")})
	w.put("account", "a3", map[string]any{"name": "Fabrikam", "statecode": 1, "statuscode": 2, "parentaccountid": to("account", "a2")})
	for i, c := range []struct {
		name, mail, account string
		state               int
		born                string
	}{
		{"Ada Lovelace", "ada@example.com", "a1", 0, "1815-12-10"},
		{"Émile Zola", "emile@example.com", "a1", 1, "1840-04-02"},
		{"emily BRONTË", "", "a2", 0, ""},
		{"50%_off [sale]", "off@example.com", "", 0, "2000-02-29"},
	} {
		cols := map[string]any{"fullname": c.name, "statecode": c.state, "statuscode": c.state + 1, "createdon": at("2026-11-0" + string(rune('1'+i)) + "T10:00:00Z")}
		if c.mail != "" {
			cols["emailaddress1"] = c.mail
		}
		if c.account != "" {
			cols["parentcustomerid"] = to("account", c.account)
		}
		if c.born != "" {
			cols["birthdate"] = dayAt(c.born)
		}
		w.put("contact", "c"+string(rune('1'+i)), cols)
	}
	w.put("email", "e1", map[string]any{"subject": "Hello", "regardingobjectid": to("contact", "c1"), "statecode": 1, "activitytypecode": "email"})
	w.put("email", "e2", map[string]any{"subject": "Re: Hello", "regardingobjectid": to("contact", "c1"), "statecode": 0, "activitytypecode": "email"})
	w.put("task", "t3", map[string]any{"subject": "Call back", "regardingobjectid": to("contact", "c2"), "statecode": 0, "activitytypecode": "task"})
	w.put("activityparty", "p1", map[string]any{"activityid": to("email", "e1"), "partyid": to("contact", "c1"), "participationtypemask": 2, "addressused": "ada@example.com"})
	w.put("activityparty", "p2", map[string]any{"activityid": to("email", "e2"), "partyid": to("contact", "c2"), "participationtypemask": 1})
	return w
}

// Pages: fetchxml/join-tables, fetchxml/filter-rows, fetchxml/reference/link-entity.
func TestFetchLinks(t *testing.T) {
	w := crm(t, Options{})
	tests := []struct {
		name, set, fetch, column string
		want                     string
	}{
		{"inner keeps what matches, once per match", "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" alias="c"><attribute name="fullname"/></link-entity></entity></fetch>`, "c.fullname", "Ada Lovelace,Émile Zola,emily BRONTË"},
		{"outer keeps what has no match", "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="outer" alias="c"><attribute name="fullname"/></link-entity></entity></fetch>`, "name", "Contoso,Contoso,Adventure Works,Fabrikam"},
		{"a filter in an outer link is part of the join", "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="outer" alias="c"><attribute name="fullname"/><filter><condition attribute="statecode" operator="eq" value="1"/></filter></link-entity></entity></fetch>`, "c.fullname", "Émile Zola,<nil>,<nil>"},
		{"anti-join: entityname and null after the join", "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><condition entityname="c" attribute="contactid" operator="null"/></filter><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="outer" alias="c"/></entity></fetch>`, "name", "Fabrikam"},
		{"exists returns the parent once", "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="exists"/></entity></fetch>`, "name", "Contoso,Adventure Works"},
		{"in returns the parent once", "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="in"><filter><condition attribute="statecode" operator="eq" value="0"/></filter></link-entity></entity></fetch>`, "name", "Contoso,Adventure Works"},
		{"matchfirstrowusingcrossapply takes one row, under schema names", "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="matchfirstrowusingcrossapply"><attribute name="fullname"/></link-entity></entity></fetch>`, "FullName", "Ada Lovelace,emily BRONTË"},
		{"any", "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="any"><filter><condition attribute="statecode" operator="eq" value="1"/></filter></link-entity></filter></entity></fetch>`, "name", "Contoso"},
		{"not any passes what has no related row", "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="not any"><filter><condition attribute="statecode" operator="eq" value="1"/></filter></link-entity></filter></entity></fetch>`, "name", "Adventure Works,Fabrikam"},
		{"not all means any", "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="not all"><filter><condition attribute="statecode" operator="eq" value="1"/></filter></link-entity></filter></entity></fetch>`, "name", "Contoso"},
		{"all means some related row and none that matches", "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="all"><filter><condition attribute="statecode" operator="eq" value="1"/></filter></link-entity></filter></entity></fetch>`, "name", "Adventure Works"},
		{"joins need no relationship", "emails", `<fetch><entity name="email"><attribute name="subject"/><link-entity name="activityparty" from="activityid" to="activityid" alias="p"><link-entity name="contact" from="emailaddress1" to="addressused" alias="c"><attribute name="fullname"/></link-entity></link-entity></entity></fetch>`, "c.fullname", "Ada Lovelace"},
		{"default alias is the table's name and a number", "accounts", `<fetch><entity name="account"><link-entity name="contact" from="contactid" to="primarycontactid"><attribute name="fullname"/></link-entity></entity></fetch>`, "contact1.fullname", "Ada Lovelace,emily BRONTË"},
		{"valueof compares columns across tables", "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><condition attribute="statecode" operator="ne" valueof="c.statecode"/></filter><link-entity name="contact" from="parentcustomerid" to="accountid" alias="c"><attribute name="fullname"/></link-entity></entity></fetch>`, "c.fullname", "Émile Zola"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			if got := strings.Join(w.fetchRows(tt.set, tt.fetch, tt.column), ","); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A query that multiplies its rows beyond all measure is ended as the service's database ends it, and so is a filter
// that looks at too much (webapi/query/query-antipatterns).
func TestEndlessQuery(t *testing.T) {
	w := crm(t, Options{})
	w.s.engine.MaxSteps = 10_000
	links := ""
	for range 14 {
		links += `<link-entity name="contact" from="donotemail" to="donotemail"/>`
	}
	for i := range 8 {
		w.put("contact", "z"+string(rune('1'+i)), map[string]any{"donotemail": true})
	}
	paths := []string{
		"contacts?fetchXml=" + escaped(`<fetch><entity name="contact"><order attribute="fullname"/>`+links+`</entity></fetch>`),
		"contacts?fetchXml=" + escaped(`<fetch aggregate="true"><entity name="contact"><attribute name="contactid" aggregate="count" alias="n"/>`+links+`</entity></fetch>`),
	}
	for _, p := range paths {
		if got := w.get(p).fault(); got != "500 0x80044151 SQL timeout expired." {
			t.Error(got)
		}
	}
	w.s.engine.MaxSteps = 5
	if got := w.get("contacts?$filter=contains(fullname,'x')").fault(); got != "500 0x80044151 SQL timeout expired." {
		t.Error(got)
	}
}

// Page: fetchxml/reference/fetch, and the recycle bin in the facts of erasure: deleted rows are read with
// datasource='bin', and only with it.
func TestFetchFromTheBin(t *testing.T) {
	w := crm(t, Options{})
	req, err := http.NewRequest(http.MethodDelete, w.url+"/api/data/v9.2/tasks("+idOfName("t3").String()+")", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer emulator")
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatal(res, err)
	}
	res.Body.Close()
	const body = `<entity name="task"><attribute name="subject"/></entity></fetch>`
	if got := w.fetchRows("tasks", "<fetch>"+body, "subject"); len(got) != 0 {
		t.Errorf("live: %v", got)
	}
	if got := w.fetchRows("tasks", `<fetch datasource="bin">`+body, "subject"); len(got) != 1 || got[0] != "Call back" {
		t.Errorf("bin: %v", got)
	}
}

// Where pages contradict each other an option decides.
func TestFetchOptions(t *testing.T) {
	w := crm(t, Options{LinkAllByName: true, MatchFirstOuter: true})
	link := func(kind string) string {
		return `<fetch><entity name="account"><attribute name="name"/><filter><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="` + kind + `"><filter><condition attribute="statecode" operator="eq" value="0"/></filter></link-entity></filter></entity></fetch>`
	}
	tests := []struct{ fetch, want string }{
		{link("all"), "Adventure Works"},
		{link("not all"), "Contoso"},
		{link("any"), "Contoso,Adventure Works"},
		{link("not any"), "Fabrikam"},
		{`<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="matchfirstrowusingcrossapply"/></entity></fetch>`, "Contoso,Adventure Works,Fabrikam"},
	}
	for _, tt := range tests {
		if got := strings.Join(w.fetchRows("accounts", tt.fetch, "name"), ","); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.fetch, got, tt.want)
		}
	}
}

func TestQueryOptions(t *testing.T) {
	w := crm(t, Options{MaxExpand: 1, NullNegation: store.NullMatchesNothing, ApplyAllProperties: true})
	if got := w.get("contacts?$expand=createdby,modifiedby").status; got != http.StatusBadRequest {
		t.Errorf("two expands: %d", got)
	}
	if got := w.rows("contacts?$filter=emailaddress1 ne 'ada@example.com'", "fullname"); len(got) != 2 {
		t.Errorf("ne with NullMatchesNothing: %v", got)
	}
	if r := w.get("accounts?$apply=aggregate($count as n)"); !strings.Contains(r.text, `"websiteurl":null`) || !strings.Contains(r.text, `"n":3`) {
		t.Error(r.text)
	}
	w = crm(t, Options{NullNegation: store.NullMatchesNegation})
	got := w.rows("contacts?$filter=Microsoft.Dynamics.CRM.NotIn(PropertyName='emailaddress1',PropertyValues=['ada@example.com'])", "fullname")
	if len(got) != 3 {
		t.Errorf("not in with NullMatchesNegation: %v", got)
	}
}
