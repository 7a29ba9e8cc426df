package compile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// identifiers are columns of the standard tables that point at one person by themselves and whose format does not say so.
var identifiers = names(
	"firstname", "middlename", "lastname", "fullname", "nickname", "spousesname", "childrensnames", "assistantname", "managername",
	"contactname", "primarycontactname", "governmentid", "employeeid", "externaluseridentifier", "businesscard", "businesscardattributes",
	"fax", "pager", "mobilephone", "emailaddress", "emailaddress1", "emailaddress2", "emailaddress3",
	"adx_createdbyusername", "adx_modifiedbyusername", "adx_createdbyipaddress", "adx_modifiedbyipaddress", "adx_identity_username",
	"adx_publicprofilecopy", "msevtmgt_aadobjectid", "msdyncrm_contactid", "msdyncrm_leadid", "msdyncrm_profileid",
)

// addressParts are the parts of an address that lead to a home, behind the name of the address: address1_line1.
var addressParts = names(
	"name", "line1", "line2", "line3", "composite", "postofficebox", "latitude", "longitude", "telephone1", "telephone2", "telephone3",
	"telephone", "fax", "contactname", "primarycontactname",
)

// ownIdentifier finds in the name of a company's own column what it can only hold of one person.
var ownIdentifier = regexp.MustCompile(`e?mailaddress|email|phone|mobile|firstname|lastname|fullname|surname|maidenname|person(al)?_?(number|nummer|id)|socialsecurity|ssn|passport|nationalid|username|ipaddress|iban|street|linkedin|facebook|twitter|skype`)

var address = regexp.MustCompile(`^(address\d|billto|shipto)_(.+)$`)

// identifies tells whether a column points at one person by itself: names, addresses, numbers and ids, pictures and files.
func identifies(a *dataverse.Attribute) bool {
	switch a.Type {
	case "Image", "File":
		return true
	case "String", "Memo", "Double":
	default:
		return false
	}
	switch a.Format {
	case "Email", "Phone", "Url", "PhoneticGuide":
		return true
	}
	if part := address.FindStringSubmatch(a.LogicalName); part != nil {
		return addressParts[part[2]]
	}
	if identifiers[a.LogicalName] {
		return true
	}
	_, own, prefixed := strings.Cut(a.LogicalName, "_")
	return prefixed && a.Type != "Double" && ownIdentifier.MatchString(own)
}

// characteristics are columns that point at nobody alone, and at one person where several are known.
var characteristics = names("birthdate", "anniversary", "jobtitle", "department", "companyname", "gendercode", "familystatuscode", "educationcode",
	"haschildrencode", "numberofchildren", "postalcode", "city")

func characterizes(a *dataverse.Attribute) bool {
	name := a.LogicalName
	if part := address.FindStringSubmatch(name); part != nil {
		name = part[2]
	}
	return characteristics[name]
}

// retained holds what stays on an anonymised row against what would say whose it was: the row would be taken for anonymous,
// and never be judged again.
func (c *checker) retained(t *table, columns []string, at policy.Place, person bool) {
	var together []string
	for i, name := range columns {
		a := c.column(t, name, at.Item(i))
		if a == nil {
			continue
		}
		switch {
		case a.Primary && person:
			c.problem(at.Item(i), fmt.Sprintf("`%s` is the row's id: it stays anyhow", name), "")
		case identifies(a), person && a.LogicalName == t.PrimaryName:
			c.unsafe(at.Item(i), fmt.Sprintf("`%s` of `%s` says who the person is: a row that keeps it is not anonymous", name, t.LogicalName), "leave it out; what statistics need is a country, an industry or a source")
		case a.Type == "Memo":
			c.warn(at.Item(i), fmt.Sprintf("`%s` of `%s` is free text, which may say who the person is", name, t.LogicalName), "keep choices and dates rather than texts")
		}
		if characterizes(a) && !slices.Contains(together, a.LogicalName) {
			together = append(together, a.LogicalName)
		}
	}
	if len(together) > 1 {
		c.warn(at.Pos, fmt.Sprintf("%s of `%s` together may point at one person, although the name is gone", inTicks(together), t.LogicalName), "keep one of them, or less of each")
	}
}
