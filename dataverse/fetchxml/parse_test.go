package fetchxml

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const text = `<?xml version="1.0"?>
<fetch mapping='logical' version="1.0" count="50" page='2' returntotalrecordcount='true' datasource='retained' useraworderby="1">
  <!-- who owes us an answer -->
  <entity name ='contact'>
    <attribute name='fullname' alias="n"/>
    <order attribute='fullname' descending='true' />
    <order entityname='acct' attribute='name'/>
    <filter type='or'>
      <condition attribute='lastname' operator='eq' value="O'Brian &amp; &#252;"/>
      <condition attribute='statuscode' operator='in'><value>1</value><value uiname="x"> 2 </value></condition>
      <condition attribute='createdon' operator='last-x-months' value='6'/>
      <condition attribute='firstname' operator='ne' valueof='acct.name'/>
      <condition entityname='acct' attribute='accountid' operator='null'/>
      <filter><condition attribute='lastname' operator='eq' value=''/></filter>
      <link-entity name='email' from='regardingobjectid' to='contactid' link-type='not any'>
        <filter><condition attribute='statecode' operator='not-null'/></filter>
      </link-entity>
    </filter>
    <link-entity name='account' from='accountid' to='parentcustomerid' alias='acct' link-type='outer'>
      <all-attributes />
      <link-entity name='team' intersect='true'/>
    </link-entity>
  </entity>
</fetch>`
	want := &Fetch{
		Count: 50, Page: 2, ReturnTotalRecordCount: true, DataSource: "retained", RawOrderBy: true,
		Entity: Entity{Name: "contact", Body: Body{
			Attributes: []Attribute{{Name: "fullname", Alias: "n"}},
			Orders:     []Order{{Attribute: "fullname", Descending: true}, {EntityName: "acct", Attribute: "name"}},
			Filters: []Filter{{
				Or: true,
				Conditions: []Condition{
					{Attribute: "lastname", Operator: Eq, Value: "O'Brian & ü"},
					{Attribute: "statuscode", Operator: In, Values: []string{"1", " 2 "}},
					{Attribute: "createdon", Operator: LastXMonths, Value: "6"},
					{Attribute: "firstname", Operator: Ne, ValueOf: "acct.name"},
					{EntityName: "acct", Attribute: "accountid", Operator: Null},
				},
				Filters: []Filter{{Conditions: []Condition{{Attribute: "lastname", Operator: Eq}}}},
				Links: []Link{{Name: "email", From: "regardingobjectid", To: "contactid", Type: NotAny, Body: Body{
					Filters: []Filter{{Conditions: []Condition{{Attribute: "statecode", Operator: NotNull}}}}}}},
			}},
			Links: []Link{{Name: "account", From: "accountid", To: "parentcustomerid", Alias: "acct", Type: Outer, Body: Body{
				AllAttributes: true,
				Links:         []Link{{Name: "team", Type: Inner, Intersect: true}},
			}}},
		}},
	}
	got, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := Parse([]byte(got.String()))
	if diff := cmp.Diff(got, again); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", got, err, diff)
	}
}

// The examples of the pages fetchxml/*, and how they print within <fetch><entity name="account">.
func TestDocumentedQueries(t *testing.T) {
	const open, end = `<entity name="account">`, `</entity></fetch>`
	tests := []struct{ fetch, inside string }{
		{`<fetch top="5">`, `<attribute name="name"/>`},
		{`<fetch distinct="true">`, `<attribute name="statecode"/><order attribute="statecode"/>`},
		{`<fetch aggregate="true" aggregatelimit="10">`, `<attribute name="numberofemployees" alias="Average" aggregate="avg"/><attribute name="name" alias="N" aggregate="countcolumn" distinct="true"/>`},
		{`<fetch aggregate="true">`, `<attribute name="createdon" alias="Quarter" groupby="true" dategrouping="quarter" usertimezone="false"/><order alias="Quarter" descending="true"/>`},
		{`<fetch>`, `<attribute name="accountid" alias="n" rowaggregate="CountChildren"/>`},
		{`<fetch latematerialize="true" no-lock="true" options="OptimizeForUnknown,Recompile">`, `<filter type="or" hint="union"><condition attribute="name" operator="like" value="%x%"/></filter>`},
		{`<fetch datasource="bin">`, `<no-attrs/><filter type="or" isquickfindfields="true" overridequickfindrecordlimitenabled="true"><condition attribute="name" operator="like" value="a%"/></filter>`},
		{`<fetch count="3" page="2" paging-cookie="&lt;cookie page=&#34;1&#34;&gt;&lt;accountid last=&#34;{A}&#34; first=&#34;{B}&#34; /&gt;&lt;/cookie&gt;">`, `<attribute name="name"/>`},
		{`<fetch>`, `<filter><condition attribute="createdon" operator="in-fiscal-period-and-year"><value>1</value><value>2023</value></condition></filter>`},
		{`<fetch>`, `<filter><condition attribute="revenue" operator="between"><value>1</value><value>2</value></condition></filter>`},
		{`<fetch>`, `<link-entity name="contact" from="contactid" to="primarycontactid" alias="c" link-type="matchfirstrowusingcrossapply"><attribute name="fullname"/></link-entity>`},
		{`<fetch>`, `<link-entity name="contact" from="fullname" to="name" link-type="exists"/><link-entity name="contact" from="fullname" to="name" link-type="in"/>`},
	}
	for _, tt := range tests {
		text := tt.fetch + open + tt.inside + end
		f, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.String(); got != text {
			t.Errorf("%s prints as %s", text, got)
		}
	}
	for _, typ := range []LinkType{Any, NotAny, All, NotAll} {
		text := fmt.Sprintf(`<fetch>%s<filter><link-entity name="contact" from="a" to="b" link-type="%s"/></filter>%s`, open, typ, end)
		if f, err := Parse([]byte(text)); err != nil || f.String() != text {
			t.Errorf("%s: %v, %v", text, f, err)
		}
	}
}

func TestErrors(t *testing.T) {
	entity := func(inside string) string { return "<fetch><entity name='a'>" + inside + "</entity></fetch>" }
	condition := func(rest string) string { return entity("<filter><condition attribute='x' " + rest + "</filter>") }
	const leaf = " NodeName = n NodeXml = <n/>"
	tests := []struct {
		text, code, msg string
		pos             int
	}{
		{"", codeInvalidXML, "Invalid XML.", 0},
		{"<fetch>", codeInvalidXML, "Invalid XML.", 7},
		{"<fetch/><fetch/>", codeInvalidXML, "Invalid XML.", 8},
		{"<fetch a='1' a='2'/>", codeInvalidXML, "Invalid XML.", 0},
		{"<fetch>x</fetch>", codeInvalidXML, "Text between the elements is not allowed.", 7},
		{"<!DOCTYPE fetch [<!ENTITY a 'b'>]><fetch/>", codeInvalidXML, "A document type is not allowed.", 0},
		{condition("operator='eq' value='&lol;'/>"), codeInvalidXML, "Invalid XML.", 32},
		{"<x:fetch xmlns:x='y'/>", codeInvalidArgument, "The attribute 'x' of the element 'y:fetch' is in a namespace.", 0},
		{"<query/>", codeInvalidNode, "Invalid Child Node, valid nodes are fetch. NodeName = query NodeXml = <query/>", 0},
		{"<fetch/>", codeNoEntity, "Entity Name was not specified in FetchXml String.", 0},
		{"<fetch><entity/></fetch>", codeNoEntity, "Entity Name was not specified in FetchXml String.", 7},
		{"<fetch nolock='true'/>", codeInvalidArgument, "The attribute 'nolock' of the element 'fetch' is not known.", 0},
		{"<fetch distinct='yes'/>", codeInvalidArgument, "The value 'yes' of the element 'fetch' is not a boolean.", 0},
		{"<fetch top='5001'/>", codeInvalidArgument, "The value '5001' of the attribute 'top' is not a number from 1 to 5000.", 0},
		{"<fetch top='0'/>", codeInvalidArgument, "The value '0' of the attribute 'top' is not a number from 1 to 5000.", 0},
		{"<fetch page='99999999999999999999'/>", codeInvalidArgument, "The value '99999999999999999999' of the attribute 'page' is not a number from 1 to 2147483647.", 0},
		{"<fetch top='5' page='1'/>", codeInvalidArgument, "The top attribute can't be specified with paging attribute page", 0},
		{"<fetch top='5' returntotalrecordcount='true'/>", codeInvalidArgument, "The top attribute can't be specified with paging attribute returntotalrecordcount", 0},
		{entity("<n/>"), codeInvalidNode, "Invalid Child Node, valid nodes are filter, order, link-entity, attribute, all-attributes, no-attrs." + leaf, 24},
		{entity("<filter><n/></filter>"), codeInvalidNode, "Invalid Child Node, valid nodes are condition, filter, link-entity." + leaf, 32},
		{entity("<attribute name='x'><n/></attribute>"), codeInvalidNode, "Invalid Child Node, valid nodes are none." + leaf, 44},
		{entity("<attribute/>"), codeInvalidArgument, "The element 'attribute' needs the attribute 'name'.", 24},
		{entity("<attribute name='x' alias='a b'/>"), codeInvalidAlias, "Invalid character specified for alias: a b. Only characters within the ranges [A-Z], [a-z] or [0-9] or _ are allowed.  The first character may only be in the ranges [A-Z], [a-z] or _.", 24},
		{"<fetch aggregate='true'><entity name='a'><attribute name='x'/></entity></fetch>", codeNoAlias, "An alias must be specified for every attribute in an aggregate query. NodeXml: <attribute name='x'/>", 41},
		{"<fetch aggregate='true'><entity name='a'><attribute name='x' alias='y'/></entity></fetch>", codeNeitherGroup, "An attribute can not be requested when an aggregate operation has been specified and its neither groupby nor aggregate.  NodeXml : <attribute name='x' alias='y'/>", 41},
		{"<fetch aggregate='true'><entity name='a'><attribute name='x' alias='y' aggregate='median'/></entity></fetch>", codeInvalidAggregate, "Invalid aggregate value. Valid values are: avg, count, countcolumn, max, min, sum. NodeXml: <attribute name='x' alias='y' aggregate='median'/>", 41},
		{"<fetch aggregate='true'><entity name='a'><all-attributes/></entity></fetch>", codeNeitherGroup, "Attribute can not be specified if an aggregate operation is requested.", 41},
		{"<fetch aggregate='true'><entity name='a'><order attribute='x'/></entity></fetch>", "", "An attribute cannot be specified for an order clause for an aggregate Query. Use an alias", 41},
		{entity("<order alias='x'/>"), "", "An alias cannot be specified for an order clause for a non-aggregate Query. Use an attribute", 24},
		{entity("<attribute name='x' dategrouping='day'/>"), codeInvalidArgument, "The dategrouping 'day' is not known, or 'x' is not grouped by.", 24},
		{entity("<attribute name='x' aggregate='sum' alias='y'/>"), codeInvalidArgument, "The attribute 'x' is aggregated, but the query is no aggregate query.", 24},
		{"<fetch aggregate='true'><entity name='a'><attribute name='x' alias='y' aggregate='sum' groupby='true'/></entity></fetch>", codeInvalidArgument, "The attribute 'x' is both grouped by and aggregated.", 41},
		{"<fetch aggregate='true'><entity name='a'><attribute name='x' alias='y' aggregate='count' distinct='true'/></entity></fetch>", codeInvalidArgument, "Only countcolumn counts distinct values.", 41},
		{"<fetch aggregate='true'><entity name='a'><order/></entity></fetch>", codeInvalidArgument, "The element 'order' needs the attribute 'alias'.", 41},
		{entity("<attribute name='x' alias='y' rowaggregate='Sum'/>"), codeInvalidArgument, "The rowaggregate 'Sum' is not known, lacks an alias, or stands in an aggregate query.", 24},
		{entity("<order/>"), codeInvalidArgument, "The element 'order' needs the attribute 'attribute'.", 24},
		{entity("<filter type='xor'/>"), codeInvalidFilterType, "Invalid filter type specified, valid values are: 'and' and 'or'. type = xor", 24},
		{entity("<filter hint='union'/>"), codeInvalidArgument, "The hint 'union' needs a filter of the type 'or'.", 24},
		{entity("<link-entity name='x' link-type='left'/>"), codeInvalidLinkType, "Invalid link-type specified, valid values are: 'natural', 'inner', 'in', 'matchfirstrowusingcrossapply','exists' and 'outer'. link-type = left", 24},
		{entity("<link-entity name='x' link-type='any'/>"), codeInvalidLinkType, "Invalid link-type specified, valid values are: 'natural', 'inner', 'in', 'matchfirstrowusingcrossapply','exists' and 'outer'. link-type = any", 24},
		{entity("<filter><link-entity name='x'/></filter>"), codeInvalidLinkType, "Invalid link-type specified, valid values in a filter are: 'any', 'not any', 'all' and 'not all'. link-type = inner", 32},
		{condition("operator='equals' value='1'/>"), codeInvalidOperator, "Invalid operator specified. operator = equals", 32},
		{condition("operator='null' value='1'/>"), codeInvalidArgument, "Condition operator 'Null' requires that no values are set. Values.Length: 1", 32},
		{condition("operator='eq'/>"), codeInvalidArgument, "The ConditionOperator.Equal requires 1 value/s, not 0. Parameter Name: x.", 32},
		{condition("operator='between' value='1'/>"), codeInvalidArgument, "The ConditionOperator.Between requires 2 value/s, not 1. Parameter Name: x.", 32},
		{condition("operator='in'/>"), codeInvalidArgument, "The ConditionOperator.In requires 1 value/s, not 0. Parameter Name: x.", 32},
		{condition("operator='last-x-days' value='0'/>"), codeInvalidArgument, "The condition value should be greater than zero.", 32},
		{condition("operator='like' valueof='y'/>"), codeInvalidArgument, "The operator 'like' does not compare columns, or has a value beside.", 32},
		{entity(strings.Repeat("<link-entity name='x'/>", 16)), "0x8004430D", "Number of link entities in query exceeded maximum limit.", 24 + 15*23},
		{entity("<filter>" + strings.Repeat("<condition attribute='x' operator='null'/>", 501) + "</filter>"), "0x8004430C", "Number of conditions in query exceeded maximum limit.", 32 + 500*42},
		{entity("<link-entity name='x'/><filter>" + strings.Repeat("<condition attribute='x' operator='null'/>", 500) + "</filter>"), "0x8004430C", "Number of conditions in query exceeded maximum limit.", 55 + 499*42},
		{strings.Repeat("<filter>", 100), codeInvalidArgument, "The query nests deeper than 64 elements.", 64 * 8},
		{strings.Repeat(" ", MaxLength+1), codeInvalidArgument, "The query is longer than 1048576 bytes.", 0},
	}
	for _, tt := range tests {
		f, err := Parse([]byte(tt.text))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.80s) = %v, %v, want an Error", tt.text, f, err)
			continue
		}
		if want := (Error{tt.pos, tt.code, tt.msg}); *e != want {
			t.Errorf("Parse(%.120s):\n%+v\nwant\n%+v", tt.text, *e, want)
		}
	}
}

func TestWalk(t *testing.T) {
	f, err := Parse([]byte(`<fetch><entity name="a"><filter><filter/><link-entity name="b" link-type="any"><filter/></link-entity></filter>
		<link-entity name="c"><filter/><link-entity name="d"/></link-entity></entity></fetch>`))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	f.Entity.Walk(func(*Filter) { seen = append(seen, "filter") }, func(l *Link) { seen = append(seen, l.Name) })
	if got := strings.Join(seen, " "); got != "filter filter b filter c filter d" {
		t.Error(got)
	}
}

// Each operator can be written with the values it takes.
func TestOperators(t *testing.T) {
	if n := len(Operators()); n != 83 {
		t.Errorf("%d operators", n)
	}
	values := map[Arity][]string{NoValue: nil, OneValue: {"x"}, OneNumber: {"1"}, TwoValues: {"x", "y"}, TwoNumbers: {"1", "2023"}, ManyValues: {"x", "y", "z"}}
	for _, o := range Operators() {
		info, _ := o.Info()
		c := Condition{Attribute: "x", Operator: o, Values: values[info.Arity]}
		if len(c.Values) == 1 {
			c.Value, c.Values = c.Values[0], nil
		}
		f := &Fetch{Entity: Entity{Name: "a", Body: Body{Filters: []Filter{{Conditions: []Condition{c}}}}}}
		got, err := Parse([]byte(f.String()))
		if diff := cmp.Diff(f, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", f, err, diff)
		}
		if info.Types == 0 || info.Name == "" {
			t.Errorf("%s: %+v", o, info)
		}
	}
}
