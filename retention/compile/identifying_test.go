package compile

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Promise of docs/security.md: no column that says who the person is stays on a row that is called anonymous.
func TestNothingIdentifyingIsRetained(t *testing.T) {
	retaining := func(name string) string {
		return strings.Replace(onContact("anonymize", anyGround, ""), "purge: anonymize", "purge: anonymize\n    retain: [statecode, "+name+"]", 1)
	}
	e := newEnvironment(t)
	for _, own := range []string{"nord_personnummer", "nord_privateemail", "nord_linkedinprofile"} {
		e.tables["contact"].Attributes[own] = &dataverse.Attribute{LogicalName: own, Type: "String", Format: "Text", ForRead: true, ForUpdate: true, Custom: true}
	}
	for _, name := range []string{"lastname", "firstname", "fullname", "nickname", "emailaddress1", "emailaddress2", "mobilephone", "telephone1", "address3_telephone1",
		"address1_line1", "address1_postofficebox", "address1_composite", "address1_latitude", "address2_primarycontactname", "fax", "pager", "governmentid", "employeeid",
		"externaluseridentifier", "entityimage", "websiteurl", "yomilastname", "spousesname", "childrensnames", "managername", "businesscard",
		"adx_identity_username", "msevtmgt_aadobjectid", "nord_personnummer", "nord_privateemail", "nord_linkedinprofile"} {
		_, path, err := check(t, e, "policy.yaml", retaining(name))
		if err == nil || !strings.Contains(told(t, path, err), "`"+name+"` of `contact` says who the person is: a row that keeps it is not anonymous") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, rule := range []string{
		"{table: quote, link: customerid, do: anonymize, retain: [quotenumber, billto_contactname]}",
		"{table: quote, link: customerid, do: anonymize, retain: [billto_line1]}",
		"{table: lead, link: customerid, do: anonymize, retain: [emailaddress1]}",
	} {
		if _, _, err := check(t, e, "policy.yaml", onContact("anonymize", anyGround, "- "+rule)); err == nil || !strings.Contains(err.Error(), "says who the person is") {
			t.Errorf("%s: %v", rule, err)
		}
	}
	for name, columns := range map[string]int{"leadsourcecode, customertypecode, address1_country": 0, "birthdate": 0, "birthdate, address1_postalcode, jobtitle": 1, "description": 1} {
		c, _, err := check(t, e, "policy.yaml", retaining(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Warnings) != columns {
			t.Errorf("%s: %d warnings, want %d: %v", name, len(c.Warnings), columns, policy.Problems(c.Warnings))
		}
	}
}
