package odata

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// crm is a small schema with one of each kind.
var crm = schema{
	"contact": {
		columns: map[string]Property{
			"fullname": {Type: TypeString}, "lastname": {Type: TypeString}, "contactid": {Type: TypeGUID}, "statecode": {Type: TypeInt32, Options: []int{0, 1}},
			"new_hobbies": {Type: TypeString, Options: []int{1, 2, 9}}, "birthdate": {Type: TypeDate}, "createdon": {Type: TypeDateTimeOffset},
			"annualincome": {Type: TypeDecimal}, "numberofchildren": {Type: TypeInt32}, "donotemail": {Type: TypeBoolean}, "versionnumber": {Type: TypeInt64},
			"entityimage": {Type: TypeBinary}, "_ownerid_value": {Type: TypeGUID}, "_parentcustomerid_value": {Type: TypeGUID}},
		navs: map[string]Navigation{"parentcustomerid_account": {Table: "account"}, "Contact_Emails": {Table: "email", Collection: true}, "ownerid": {Table: "principal"}},
	},
	"account": {
		columns: map[string]Property{"name": {Type: TypeString}, "accountid": {Type: TypeGUID}, "revenue": {Type: TypeDecimal}},
		navs:    map[string]Navigation{"primarycontactid": {Table: "contact"}, "contact_customer_accounts": {Table: "contact", Collection: true}},
	},
	"email":      {columns: map[string]Property{"subject": {Type: TypeString}, "statecode": {Type: TypeInt32}, "createdon": {Type: TypeDateTimeOffset}}},
	"principal":  {columns: map[string]Property{"ownerid": {Type: TypeGUID}}},
	"systemuser": {columns: map[string]Property{"domainname": {Type: TypeString}}},
}

type schema map[string]fakeTable

type fakeTable struct {
	columns map[string]Property
	navs    map[string]Navigation
}

func (s schema) Table(name string) (Table, bool) { t, ok := s[name]; return t, ok }

func (t fakeTable) Property(name string) (Property, bool)     { p, ok := t.columns[name]; return p, ok }
func (t fakeTable) Navigation(name string) (Navigation, bool) { n, ok := t.navs[name]; return n, ok }

func TestCheckAccepts(t *testing.T) {
	for _, text := range []string{
		"fullname eq 'x' and (statecode eq 0 or annualincome ge 5)",
		"true",
		"donotemail",
		"lastname eq fullname",
		"_ownerid_value eq 'a0db1234-0000-4000-8000-000000000001'",
		"contactid eq a0db1234-0000-4000-8000-000000000001",
		"createdon lt 2023-01-31 and createdon gt 2020-01-01T00:00:00Z",
		"birthdate eq null or versionnumber gt 5000000000",
		"parentcustomerid_account/primarycontactid/fullname eq 'x'",
		"Contact_Emails/any(e:contains(e/subject,'x') and e/statecode eq 0 and e/createdon lt 2020-01-01)",
		"not Contact_Emails/any()",
		"ownerid/Microsoft.Dynamics.CRM.systemuser/domainname eq 'x'",
		"statecode in (0,1)",
		"contains(fullname,'x') eq true",
		"fullname eq @p1",
		"statecode eq 7",
		"Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')",
		"Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['0','1'])",
		"Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=['a0db1234-0000-4000-8000-000000000001'])",
		"Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues=['2020-01-01','2021-01-01T00:00:00Z'])",
		"Microsoft.Dynamics.CRM.OnOrAfter(PropertyName='birthdate',PropertyValue='2020-01-01')",
		"Microsoft.Dynamics.CRM.ContainValues(PropertyName='new_hobbies',PropertyValues=['2'])",
		"Microsoft.Dynamics.CRM.Today(PropertyName='parentcustomerid_account/primarycontactid/createdon')",
	} {
		e, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(e, "contact", crm); err != nil {
			t.Errorf("Check(%s): %v", text, err)
		}
	}
}

// Each line: the filter, what is found, and at which byte.
func TestProblems(t *testing.T) {
	tests := []struct{ text, want string }{
		{"lastname eq 'x' and nosuch eq 1", "*odata.NameError 20: Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.contact'."},
		{"parentcustomerid_account/nosuch eq 1", "*odata.NameError 25: Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.account'."},
		{"Contact_Emails/any(e:e/nosuch eq 1)", "*odata.NameError 23: Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.email'."},
		{"ownerid/Microsoft.Dynamics.CRM.ghost/x eq 1", "*odata.NameError 8: The entity with a name = 'ghost' was not found."},
		{"parentcustomerid_account/Microsoft.Dynamics.CRM.contact/fullname eq 'x'", "*odata.NameError 25: Could not find a property named 'Microsoft.Dynamics.CRM.contact' on type 'Microsoft.Dynamics.CRM.account'."},
		{"nosuch/any()", "*odata.NameError 0: Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.contact'."},
		{"fullname/any()", "*odata.TypeError 0: Any/All may only be used following a collection."},
		{"parentcustomerid_account/any()", "*odata.TypeError 0: Any/All may only be used following a collection."},
		{"parentcustomerid_account/contact_customer_accounts/any()", "*odata.TypeError 0: The collection 'contact_customer_accounts' stands behind 'parentcustomerid_account': any and all cannot follow a lookup."},
		{"Contact_Emails/subject eq 'x'", "*odata.TypeError 15: The parent value for a property access of a property 'subject' is not a single value. Property access can only be applied to a single value."},
		{"fullname", "*odata.TypeError 0: The $filter expression must evaluate to a single boolean value."},
		{"Contact_Emails/any(e:e/subject)", "*odata.TypeError 21: The Any/All query expression must evaluate to a single boolean value."},
		{"statecode eq '0'", "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Edm.Int32' and 'Edm.String' for operator kind 'Equal'."},
		{"createdon lt '2023-01-01'", "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Edm.DateTimeOffset' and 'Edm.String' for operator kind 'LessThan'."},
		{"birthdate lt 2023-01-01T00:00:00Z", "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Edm.Date' and 'Edm.DateTimeOffset' for operator kind 'LessThan'."},
		{"donotemail gt false", "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Edm.Boolean' and 'Edm.Boolean' for operator kind 'GreaterThan'."},
		{"parentcustomerid_account eq null", "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Microsoft.Dynamics.CRM.account' and '<null>' for operator kind 'Equal'."},
		{"fullname and donotemail", "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Edm.String' and 'Edm.Boolean' for operator kind 'And'."},
		{"not fullname eq 'x'", "*odata.TypeError 0: A unary operator with an incompatible type was detected. Found operand type 'Edm.String' for operator kind 'Not'."},
		{"fullname eq parentcustomerid_account/name", "*odata.TypeError 0: Columns of different tables cannot be compared."},
		{"contains(statecode,'x')", "*odata.TypeError 0: " + noSignature("contains")},
		{"statecode in (0,'x')", "*odata.TypeError 16: A binary operator with incompatible types was detected. Found operand types 'Edm.Int32' and 'Edm.String' for operator kind 'Equal'."},
		{"Microsoft.Dynamics.CRM.Today(PropertyName='nosuch')", "*odata.NameError 43: Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.contact'."},
		{"Microsoft.Dynamics.CRM.Today(PropertyName='fullname')", "*odata.TypeError 0: The function 'Microsoft.Dynamics.CRM.Today' does not work on 'fullname' of type 'Edm.String'."},
		{"Microsoft.Dynamics.CRM.LastXHours(PropertyName='birthdate',PropertyValue=3)", "*odata.TypeError 0: The function 'Microsoft.Dynamics.CRM.LastXHours' does not work on 'birthdate' of type 'Edm.Date'."},
		{"Microsoft.Dynamics.CRM.On(PropertyName='birthdate',PropertyValue='soon')", "*odata.TypeError 65: A value of 'Microsoft.Dynamics.CRM.On' cannot be compared with 'birthdate' of type 'Edm.Date'."},
		{"Microsoft.Dynamics.CRM.Between(PropertyName='annualincome',PropertyValues=['1'])", "*odata.TypeError 74: The function 'Microsoft.Dynamics.CRM.Between' takes two values."},
		{"statecode eq 7", "*odata.OptionError 13: 'statecode' has no option 7."},
		{"7 ne statecode", "*odata.OptionError 0: 'statecode' has no option 7."},
		{"statecode in (0,7)", "*odata.OptionError 16: 'statecode' has no option 7."},
		{"new_hobbies eq '1, 5'", "*odata.OptionError 15: 'new_hobbies' has no option 5."},
		{"Microsoft.Dynamics.CRM.NotIn(PropertyName='statecode',PropertyValues=['0','7'])", "*odata.OptionError 74: 'statecode' has no option 7."},
		{"a eq 1 and b eq 2", "*odata.NameError 0: Could not find a property named 'a' on type 'Microsoft.Dynamics.CRM.contact'.\n" +
			"*odata.NameError 11: Could not find a property named 'b' on type 'Microsoft.Dynamics.CRM.contact'."},
	}
	for _, tt := range tests {
		e, err := ParseFilter(tt.text)
		if err != nil {
			t.Errorf("ParseFilter(%s): %v", tt.text, err)
			continue
		}
		var lines []string
		for _, err := range Problems(e, "contact", crm) {
			lines = append(lines, describe(err))
		}
		if got := strings.Join(lines, "\n"); got != tt.want {
			t.Errorf("Problems(%s):\n%s\nwant\n%s", tt.text, got, tt.want)
		}
		first := Check(e, "contact", crm)
		if optional := strings.HasPrefix(tt.want, "*odata.OptionError"); (first == nil) != optional {
			t.Errorf("Check(%s) = %v", tt.text, first)
		}
	}
}

func describe(err error) string {
	pos := -1
	var name *NameError
	var typed *TypeError
	var option *OptionError
	switch {
	case errors.As(err, &name):
		pos = name.Pos
	case errors.As(err, &typed):
		pos = typed.Pos
	case errors.As(err, &option):
		pos = option.Pos
	}
	return fmt.Sprintf("%T %d: %v", err, pos, err)
}

// What a parser refuses in place, a check refuses where an alias brought it in.
func TestCheckResolved(t *testing.T) {
	for text, want := range map[string]string{
		"Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=@v)": "*odata.TypeError 72: " + badParams("LastXDays"),
		"Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=@v)":        "*odata.TypeError 65: " + badParams("In"),
		"Microsoft.Dynamics.CRM.Today(PropertyName=@unset)":                           "*odata.TypeError 42: " + badParams("Today"),
		"Microsoft.Dynamics.CRM.Under(PropertyName='contactid',PropertyValue=@v)":     "*odata.TypeError 68: A value of 'Microsoft.Dynamics.CRM.Under' cannot be compared with 'contactid' of type 'Edm.Guid'.",
		"statecode eq @v": "*odata.TypeError 0: A binary operator with incompatible types was detected. Found operand types 'Edm.Int32' and 'Edm.String' for operator kind 'Equal'.",
	} {
		e, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(e, "contact", crm); err != nil {
			t.Errorf("Check(%s) before it is resolved: %v", text, err)
		}
		if got := describe(Check(Resolve(e, map[string]Expr{"v": &Literal{Kind: String, Value: "x"}}), "contact", crm)); got != want {
			t.Errorf("Check(%s):\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestCheckUnknownTable(t *testing.T) {
	e, _ := ParseFilter("a eq 1")
	if got := describe(Check(e, "ghost", crm)); got != "*odata.NameError 0: The entity with a name = 'ghost' was not found." {
		t.Error(got)
	}
}

func TestCheckOptions(t *testing.T) {
	type checked interface {
		Check(string, Model) error
	}
	read := map[string]func(string) (checked, error){
		"$select":  func(s string) (checked, error) { return ParseSelect(s) },
		"$orderby": func(s string) (checked, error) { return ParseOrderBy(s) },
		"$expand":  func(s string) (checked, error) { return ParseExpand(s) },
		"$apply":   func(s string) (checked, error) { return ParseApply(s) },
	}
	const noNosuch = "Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.%s'."
	tests := []struct{ option, text, want string }{
		{"$select", "fullname, _ownerid_value", ""},
		{"$select", "*", ""},
		{"$select", "parentcustomerid_account", ""},
		{"$select", "fullname,nosuch", fmt.Sprintf(noNosuch, "contact")},
		{"$orderby", "lastname desc,contactid", ""},
		{"$orderby", "Contact_Emails", "'Contact_Emails' is not a column."},
		{"$expand", "parentcustomerid_account($select=name;$expand=primarycontactid($select=fullname)),Contact_Emails($filter=statecode eq 0)", ""},
		{"$expand", "parentcustomerid_account/$ref", ""},
		{"$expand", "Contact_Emails/$ref", "Expand with $ref is only supported on lookup type navigation property."},
		{"$expand", "parentcustomerid_account($filter=name eq 'x')", nestedExpand},
		{"$expand", "parentcustomerid_account($select=nosuch)", fmt.Sprintf(noNosuch, "account")},
		{"$expand", "Contact_Emails($filter=nosuch eq 1)", fmt.Sprintf(noNosuch, "email")},
		{"$expand", "Contact_Emails($orderby=nosuch)", fmt.Sprintf(noNosuch, "email")},
		{"$expand", "nosuch", fmt.Sprintf(noNosuch, "contact")},
		{"$apply", "filter(statecode eq 0)/groupby((statecode,parentcustomerid_account/name),aggregate(annualincome with sum as total,$count as n,createdon with max as last))", ""},
		{"$apply", "filter(nosuch eq 0)/aggregate($count as n)", fmt.Sprintf(noNosuch, "contact")},
		{"$apply", "groupby((createdon))", "Rows cannot be grouped by 'createdon' of type 'Edm.DateTimeOffset'."},
		{"$apply", "aggregate(fullname with sum as x)", "The method 'sum' does not work on 'fullname' of type 'Edm.String'."},
	}
	for _, tt := range tests {
		c, err := read[tt.option](tt.text)
		if err != nil {
			t.Errorf("%s=%s: %v", tt.option, tt.text, err)
			continue
		}
		got := ""
		if err := c.Check("contact", crm); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s=%s: %q, want %q", tt.option, tt.text, got, tt.want)
		}
	}
}

// Every function takes some columns and no others; the reference has seventy.
func TestFunctions(t *testing.T) {
	all := []Type{TypeBoolean, TypeInt32, TypeInt64, TypeDecimal, TypeDouble, TypeString, TypeGUID, TypeDate, TypeDateTimeOffset, TypeBinary}
	for _, name := range Functions() {
		n := 0
		for _, k := range all {
			if worksOn(name, k) {
				n++
			}
		}
		if n == 0 || n == len(all) {
			t.Errorf("%s works on %d of %d types", name, n, len(all))
		}
	}
	if len(functions) != 70 {
		t.Errorf("%d functions", len(functions))
	}
}
