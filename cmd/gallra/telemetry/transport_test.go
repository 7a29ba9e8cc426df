package telemetry

import "testing"

func TestRoute(t *testing.T) {
	for path, want := range map[string]string{
		"/api/data/v9.2/contacts": "contacts",
		"/api/data/v9.2/contacts(11111111-1111-1111-1111-111111111111)":              "contacts()",
		"/api/data/v9.2/contacts(1)/parentcustomerid_account/$ref":                   "contacts()/parentcustomerid_account/$ref",
		"/api/data/v9.2/contacts(emailaddress1='ann@example.com')/fullname":          "contacts()/fullname",
		"/api/data/v9.2/contacts(emailaddress1='o''hara) ann@example.com')/fullname": "contacts()/fullname",
		"/api/data/v9.2/contacts(emailaddress1='ann":                                 "contacts()",
		"/api/data/v9.2/RetrievePrincipalAccess(Target=@t)":                          "RetrievePrincipalAccess()",
		"/api/data/v9.2/$batch": "$batch",
		"/api/data/v9.2/EntityDefinitions(LogicalName='contact')/Attributes(a)/x(b)c": "EntityDefinitions()/Attributes()/x()c",
	} {
		if got := Route(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
