package emulator

import (
	"strings"
	"testing"
)

// Pages: webapi/query/filter-rows, webapi/use-web-api-functions, webapi/reference, wildcard-characters,
// behavior-format-date-time-attribute. The clock stands at Tuesday, 24 November 2026, 08:00 UTC.
func TestFilter(t *testing.T) {
	w := crm(t, Options{})
	c1 := idOfName("c1").String()
	a1 := idOfName("a1").String()
	const names = "fullname"
	tests := []struct {
		name, path, column string
		want               string
	}{
		{"equality disregards case", "contacts?$filter=fullname eq 'ADA lovelace'", names, "Ada Lovelace"},
		{"accents count, their case does not", "contacts?$filter=startswith(fullname,'éMILE')", names, "Émile Zola"},
		{"an accent is no plain letter", "contacts?$filter=startswith(fullname,'emile')", names, ""},
		{"in an order é stands beside e", "contacts?$orderby=fullname", names, "50%_off [sale],Ada Lovelace,Émile Zola,emily BRONTË"},
		{"% is any run", "contacts?$filter=contains(fullname,'a%25z')", names, ""},
		{"% is any run, here", "contacts?$filter=contains(fullname,'m%25z')", names, "Émile Zola"},
		{"_ is one character", "contacts?$filter=startswith(fullname,'_da')", names, "Ada Lovelace"},
		{"a set is one of its characters", "contacts?$filter=startswith(fullname,'[a-c]')", names, "Ada Lovelace"},
		{"a negated set is one of the others", "contacts?$filter=startswith(fullname,'[^a-z]')", names, "Émile Zola,50%_off [sale]"},
		{"brackets make a wildcard a character", "contacts?$filter=contains(fullname,'[%25][_]off [[]sale')", names, "50%_off [sale]"},
		{"wildcards do not work in eq", "contacts?$filter=fullname eq 'Ada%25'", names, ""},
		{"a doubled quote", "contacts?$filter=fullname eq 'O''Brian'", names, ""},
		{"null", "contacts?$filter=emailaddress1 eq null", names, "emily BRONTË"},
		{"not null", "contacts?$filter=emailaddress1 ne null and statecode eq 0", names, "Ada Lovelace,50%_off [sale]"},
		{"ne is true of null", "contacts?$filter=emailaddress1 ne 'ada@example.com'", names, "Émile Zola,emily BRONTË,50%_off [sale]"},
		{"not contains is true of null", "contacts?$filter=not contains(emailaddress1,'ada')", names, "Émile Zola,emily BRONTË,50%_off [sale]"},
		{"and binds tighter than or", "contacts?$filter=statecode eq 1 or statecode eq 0 and contains(fullname,'ada')", names, "Ada Lovelace,Émile Zola"},
		{"columns of a row compare", "accounts?$filter=statecode lt statuscode and revenue gt 10000", "name", "Contoso"},
		{"a lookup by its id", "contacts?$filter=_parentcustomerid_value eq " + a1, names, "Ada Lovelace,Émile Zola"},
		{"the id may be quoted", "contacts?$filter=_parentcustomerid_value eq '" + a1 + "'", names, "Ada Lovelace,Émile Zola"},
		{"a path over a lookup", "contacts?$filter=parentcustomerid_account/name eq 'contoso'", names, "Ada Lovelace,Émile Zola"},
		{"a path to the key", "contacts?$filter=parentcustomerid_account/accountid eq " + a1, names, "Ada Lovelace,Émile Zola"},
		{"a path over two", "contacts?$filter=parentcustomerid_account/primarycontactid/fullname eq 'ada lovelace'", names, "Ada Lovelace,Émile Zola"},
		{"a path that leads nowhere is null", "contacts?$filter=parentcustomerid_account/name eq null", names, "50%_off [sale]"},
		{"any", "accounts?$filter=contact_customer_accounts/any(c:c/statecode eq 1)", "name", "Contoso"},
		{"any without a body: not empty", "accounts?$filter=contact_customer_accounts/any()", "name", "Contoso,Adventure Works"},
		{"not any", "accounts?$filter=not contact_customer_accounts/any()", "name", "Fabrikam"},
		{"all holds of none", "accounts?$filter=contact_customer_accounts/all(c:c/statecode eq 0)", "name", "Adventure Works,Fabrikam"},
		{"lambdas nest", "accounts?$filter=contact_customer_accounts/any(c:c/Contact_Emails/any(e:contains(e/subject,'RE:')))", "name", "Contoso"},
		{"a lambda over many-to-many finds nothing without links", "contacts?$filter=contactleads_association/any(l:l/statecode eq 0)", names, ""},
		{"parties of an e-mail", "emails?$filter=email_activity_parties/any(p:p/_partyid_value eq " + c1 + ")", "subject", "Hello"},
		{"in", "contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['1','7'])", names, "Émile Zola"},
		{"in over ids", "contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=[\"" + c1 + "\",\"" + a1 + "\"])", names, "Ada Lovelace"},
		{"in through aliases", "contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)&@p1='emailaddress1'&@p2=[\"ADA@example.com\"]", names, "Ada Lovelace"},
		{"not in is true of null", "contacts?$filter=Microsoft.Dynamics.CRM.NotIn(PropertyName='emailaddress1',PropertyValues=['ada@example.com'])", names, "Émile Zola,emily BRONTË,50%_off [sale]"},
		{"between takes both ends", "accounts?$filter=Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=[\"20\",\"2000\"])", "name", "Adventure Works"},
		{"an alias for a column", "accounts?$filter=@p1 gt @p2&@p1=revenue&@p2=10000", "name", "Contoso"},
		{"an alias without a value is null", "contacts?$filter=emailaddress1 eq @none", names, "emily BRONTË"},
		{"a date", "contacts?$filter=birthdate lt 1820-01-01", names, "Ada Lovelace"},
		{"a moment", "contacts?$filter=createdon ge 2026-11-03T10:00:00Z", names, "emily BRONTË,50%_off [sale]"},
		{"a date for a moment is its midnight", "contacts?$filter=createdon lt 2026-11-02", names, "Ada Lovelace"},
		{"an offset", "contacts?$filter=createdon lt 2026-11-01T12:30:00%2B02:00", names, "Ada Lovelace"},
		{"on", "contacts?$filter=Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='2026-11-02')", names, "Émile Zola"},
		{"last x days begins at midnight", "contacts?$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=21)", names, "emily BRONTË,50%_off [sale]"},
		{"older than x days is its complement", "contacts?$filter=Microsoft.Dynamics.CRM.OlderThanXDays(PropertyName='createdon',PropertyValue=21)", names, "Ada Lovelace,Émile Zola"},
		{"this month", "contacts?$filter=Microsoft.Dynamics.CRM.ThisMonth(PropertyName='createdon')", names, "Ada Lovelace,Émile Zola,emily BRONTË,50%_off [sale]"},
		{"in a fiscal period", "contacts?$filter=Microsoft.Dynamics.CRM.InFiscalPeriod(PropertyName='birthdate',PropertyValue=2)", names, "Émile Zola"},
		{"a fiscal period and its year", "contacts?$filter=Microsoft.Dynamics.CRM.InFiscalPeriodAndYear(PropertyName='birthdate',PropertyValue1=1,PropertyValue2=2000)", names, "50%_off [sale]"},
		{"a fiscal period that there is not", "contacts?$filter=Microsoft.Dynamics.CRM.InFiscalPeriodAndYear(PropertyName='birthdate',PropertyValue1=9,PropertyValue2=2000)", names, ""},
		{"under", "accounts?$filter=Microsoft.Dynamics.CRM.Under(PropertyName='accountid',PropertyValue='" + a1 + "')", "name", "Adventure Works,Fabrikam"},
		{"above or equal", "accounts?$filter=Microsoft.Dynamics.CRM.AboveOrEqual(PropertyName='accountid',PropertyValue='" + idOfName("a2").String() + "')", "name", "Contoso,Adventure Works"},
		{"not under", "accounts?$filter=Microsoft.Dynamics.CRM.NotUnder(PropertyName='accountid',PropertyValue='" + a1 + "')", "name", "Contoso"},
		{"activities of all kinds", "activitypointers?$filter=statecode eq 0&$orderby=subject", "subject", "Call back,Re: Hello"},
		{"activities by what they regard", "activitypointers?$filter=_regardingobjectid_value eq " + c1, "activitytypecode", "email,email"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			if got := strings.Join(w.rows(tt.path, tt.column), ","); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Pages: webapi/query/overview, filter-rows, join-tables, page-results, includes/cc-query-aggregation-limitations.
func TestQueryRefusals(t *testing.T) {
	w := crm(t, Options{})
	a1 := idOfName("a1").String()
	many := strings.TrimSuffix(strings.Repeat("statecode eq 0 or ", 501), " or ")
	links := strings.Repeat(`<link-entity name="contact" from="parentcustomerid" to="accountid"/>`, 16)
	tests := []struct{ name, path, want string }{
		{"$skip", "contacts?$skip=5", "400 0x80060888 Skip Clause is not supported in CRM"},
		{"options are case-sensitive", "contacts?$Select=fullname", "400 0x80060888 The query parameter $Select is not supported."},
		{"$format", "contacts?$format=json", "400 0x80060888 The query parameter $format is not supported."},
		{"fetchXml is spelled so", "contacts?fetchxml=x", "400 0x80060888 The query parameter fetchxml is not supported."},
		{"unknown column", "contacts?$select=nam", "400 0x80060888 Could not find a property named 'nam' on type 'Microsoft.Dynamics.CRM.contact'."},
		{"unknown column in a filter", "contacts?$filter=nam eq 1", "400 0x80060888 Could not find a property named 'nam' on type 'Microsoft.Dynamics.CRM.contact'."},
		{"a lookup's plain name is no property", "contacts?$filter=parentcustomerid eq null", "400 0x80060888 Could not find a property named 'parentcustomerid' on type 'Microsoft.Dynamics.CRM.contact'."},
		{"unknown set", "contactz", "404 0x80060888 Resource not found for the segment 'contactz'."},
		{"types differ", "contacts?$filter=statecode eq 'x'", "400 0x0 A binary operator with incompatible types was detected. Found operand types 'Edm.Int32' and 'Edm.String' for operator kind 'Equal'."},
		{"an open quote", "contacts?$filter=lastname eq 'O'Bryan'", "400 0x80060888 There is an unterminated literal at position 21 in 'lastname eq 'O'Bryan''."},
		{"not over a query function", "contacts?$filter=not Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", "400 0x80060888 Not operator along with the Custom Named Condition operators is not allowed"},
		{"too many conditions", "contacts?$filter=" + many, "400 0x8004430C Number of conditions in query exceeded maximum limit."},
		{"$ref of a collection", "accounts?$expand=contact_customer_accounts/$ref", "400 0x80060888 Expand with $ref is only supported on lookup type navigation property."},
		{"$top with a nested expand", "accounts?$expand=contact_customer_accounts($top=1;$expand=createdby)", "400 0x80060888 Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested one-to-many relationship."},
		{"an order by an aggregate", "accounts?$apply=groupby((statecode),aggregate($count as n))&$orderby=n", "400 0x80060888 The query node SingleValueOpenPropertyAccess is not supported"},
		{"bad cookie", "contacts?$skiptoken=x", "400 0x8004112a Invalid page number in paging cookie."},
		{"a missing row", "contacts(" + a1 + ")", "404 0x80040217 contact With Id = " + a1 + " Does Not Exist"},
		{"no such key", "contacts(emailaddress1='x')", "400 0x80060888 The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.contact'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM.contact'."},
		{"the body of an e-mail", "emails?$filter=contains(description,'x')", "400 0x80040203 The attribute 'description' of the entity 'email' cannot be used in a condition."},
		{"unknown table in a fetch", "contacts?fetchXml=" + escaped(`<fetch><entity name="contac"/></fetch>`), "400 0x80041102 The entity with a name = 'contac' with namemapping = 'Logical' was not found in the MetadataCache."},
		{"unknown column in a fetch", "contacts?fetchXml=" + escaped(`<fetch><entity name="contact"><attribute name="x"/></entity></fetch>`), "400 0x80041103 'contact' entity doesn't contain attribute with Name = 'x' and NameMapping = 'Logical'."},
		{"too many links", "accounts?fetchXml=" + escaped(`<fetch><entity name="account">`+links+`</entity></fetch>`), "400 0x8004430D Number of link entities in query exceeded maximum limit."},
		{"no many-to-many relationship", "accounts?fetchXml=" + escaped(`<fetch><entity name="account"><link-entity name="task"/></entity></fetch>`), "400 0x80041102 No system many-to-many relationship exists between account and task.  If attempting to link through a custom many-to-many relationship ensure that you provide the from and to attributes."},
		{"more rows than aggregatelimit", "contacts?fetchXml=" + escaped(`<fetch aggregate="true" aggregatelimit="2"><entity name="contact"><attribute name="contactid" aggregate="count" alias="n"/></entity></fetch>`), "400 0x8004E023 AggregateQueryRecordLimit exceeded. Cannot perform this operation."},
		{"pages beyond 50,000 need a cookie", "contacts?fetchXml=" + escaped(`<fetch count="5000" page="11"><entity name="contact"/></fetch>`), "400 0x8004430a Number of records requested exceeded maximum limit without a paging cookie."},
		{"$count of a fetch", "contacts/$count?fetchXml=x", "400 0x80060888 Count Segment is not supported when SavedQuery or UserQuery or FetchXml option is provided"},
		{"a long URL", "contacts?$filter=fullname eq '" + strings.Repeat("x", 33000) + "'", "414 0x80060888 The request URI is longer than 32768 characters."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			if got := w.get(tt.path).fault(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
