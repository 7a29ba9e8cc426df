package emulator

import (
	"strings"
	"testing"
)

// fetchRows runs a fetch and returns one column of its rows.
func (w *world) fetchRows(set, fetch, column string, prefer ...string) []string {
	w.t.Helper()
	return w.rows(set+"?fetchXml="+query(fetch), column, prefer...)
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
