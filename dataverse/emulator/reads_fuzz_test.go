package emulator

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// FuzzQuery asks for whatever it is given: nothing may crash, and nothing may be answered with a fault of the emulator.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"$select=fullname&$filter=contains(fullname,'%[a') and statecode eq 0&$orderby=fullname desc&$top=2",
		"$filter=Contact_Emails/any(e:e/email_activity_parties/all(p:p/_partyid_value eq null)) or not (birthdate le 2020-01-01)",
		"$filter=Microsoft.Dynamics.CRM.In(PropertyName=@a,PropertyValues=@b)&@a='contactid'&@b=[\"x\"]",
		"$filter=Microsoft.Dynamics.CRM.LastXFiscalPeriods(PropertyName='createdon',PropertyValue=3)",
		"$expand=parentcustomerid_account($select=name;$expand=primarycontactid),Contact_Emails($top=1;$orderby=subject)",
		"$apply=filter(statecode eq 0)/groupby((parentcustomerid_account/name),aggregate($count as n))",
		"$skiptoken=<cookie pagenumber=\"2\" pagingcookie=\"<cookie page='1'/>\" istracking=\"False\" />",
		"fetchXml=<fetch count='2' page='2'><entity name='contact'><attribute name='fullname'/><order attribute='statecode'/><filter type='or'><condition attribute='createdon' operator='last-x-days' value='7'/><link-entity name='email' from='regardingobjectid' to='contactid' link-type='not any'/></filter><link-entity name='account' from='accountid' to='parentcustomerid' link-type='outer' alias='a'><attribute name='name'/></link-entity></entity></fetch>",
		"fetchXml=<fetch aggregate='true'><entity name='contact'><attribute name='createdon' groupby='true' dategrouping='week' alias='w'/><attribute name='birthdate' aggregate='max' alias='m'/></entity></fetch>",
		"fetchXml=<fetch distinct='true'><entity name='contact'><attribute name='parentcustomeridname'/><link-entity name='lead'/></entity></fetch>",
	} {
		f.Add(s)
	}
	s := crm(f, Options{}).s
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/api/data/v9.2/contacts", nil)
		r.URL = &url.URL{Scheme: "http", Host: "localhost", Path: "/api/data/v9.2/contacts", RawQuery: raw}
		r.Header.Set("Authorization", "Bearer emulator")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%q: %s", raw, w.Body)
		}
	})
}
