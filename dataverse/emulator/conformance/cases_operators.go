package conformance

import (
	"fmt"
	"strings"
)

// operatorCases are the operators beside comparisons, as FetchXML and as a query function where there is one.
func operatorCases() []Case {
	l := list{area: "operators", needs: ownRows}
	one, two, three := choice("0"), choice("1"), choice("2")
	for _, t := range []struct {
		operator, function, column string
		values                     []string
		page                       string
		want                       string
	}{
		{"in", "In", "number", []string{"10", "0"}, pageOperators, "Alpha Épsilon"},
		{"not-in", "NotIn", "number", []string{"10", "0", "20"}, unsaid, "Gamma Delta Zeta"},
		{"between", "Between", "number", []string{"0", "20"}, pageOperators, "Alpha Beta Épsilon eta"},
		{"between", "Between", "number", []string{"20", "0"}, unsaid, ""},
		{"not-between", "NotBetween", "number", []string{"0", "20"}, unsaid, "Gamma Delta Zeta"},
		{"in", "In", "amount", []string{"1.5", "2.250"}, pageOperators, "Alpha Beta"},
		{"between", "Between", "amount", []string{"-4", "0"}, pageOperators, "Delta Zeta"},
		{"in", "In", "kind", []string{one, three}, pageOperators, "Alpha Delta Épsilon"},
		{"in", "In", "text", []string{"RED", "nothing"}, pageOperators, "Alpha"},
		{"in", "In", "name", []string{"eta", "BETA"}, pageOperators, "Beta eta"},
		{"not-in", "NotIn", "name", []string{"eta", "BETA", "Alpha", "Gamma", "Zeta"}, pageOperators, "Delta Épsilon"},
		{"contain-values", "ContainValues", "kinds", []string{two}, "multi-select-picklist", "Beta Épsilon"},
		{"contain-values", "ContainValues", "kinds", []string{one, three}, "multi-select-picklist", "Alpha Beta Delta Épsilon"},
		{"not-contain-values", "DoesNotContainValues", "kinds", []string{two}, unsaid, "Alpha Gamma Delta Zeta eta"},
		{"in", "In", "kinds", []string{one}, "multi-select-picklist", "Alpha"},
		{"on", "On", "day", []string{"2020-02-29"}, pageOperators, "Beta Zeta"},
		{"on-or-after", "OnOrAfter", "day", []string{"2020-02-29"}, pageOperators, "Beta Épsilon Zeta"},
		{"on-or-before", "OnOrBefore", "day", []string{"2020-01-01"}, pageOperators, "Alpha Delta"},
		{"on", "On", "at", []string{"2020-02-29"}, pageOperators, "Beta eta"},
		{"like", "", "name", []string{"%ETA"}, pageOperators, "Beta Zeta eta"},
		{"not-like", "", "name", []string{"%A"}, pageOperators, "Épsilon"},
		{"not-like", "", "text", []string{"%r%"}, unsaid, "Gamma Delta Épsilon Zeta"},
		{"begins-with", "", "name", []string{"AL"}, pageOperators, "Alpha"},
		{"not-begin-with", "", "name", []string{"A"}, pageOperators, "Beta Gamma Delta Épsilon Zeta eta"},
		{"ends-with", "", "name", []string{"ON"}, pageOperators, "Épsilon"},
		{"not-end-with", "", "name", []string{"a"}, pageOperators, "Épsilon"},
	} {
		condition := fmt.Sprintf(`<condition attribute="gconf_%s" operator="%s"`, t.column, t.operator)
		if len(t.values) == 1 && t.operator != "in" && !strings.HasSuffix(t.operator, "values") {
			condition += fmt.Sprintf(` value="%s"/>`, t.values[0])
		} else {
			condition += "><value>" + strings.Join(t.values, "</value><value>") + "</value></condition>"
		}
		name := fmt.Sprintf("%s %s %s", t.column, t.operator, strings.Join(t.values, ","))
		want := named(strings.Fields(t.want)...)
		l.add("FetchXML: "+name, t.page, get(fetchItems("<filter>"+condition+"</filter>"), want))
		if t.function == "" {
			continue
		}
		value := `PropertyValues=["` + strings.Join(t.values, `","`) + `"]`
		if strings.HasPrefix(t.function, "On") {
			value = "PropertyValue='" + t.values[0] + "'"
		}
		call := fmt.Sprintf("Microsoft.Dynamics.CRM.%s(PropertyName='gconf_%s',%s)", t.function, t.column, value)
		l.add(name, t.page, get(odataItems(call), want))
	}
	const overview = "webapi/query/overview"
	l.add("aliases for a column and its values", overview, get(odataItems(`Microsoft.Dynamics.CRM.In(PropertyName=@p,PropertyValues=@v)&@p='gconf_number'&@v=["20"]`), named("Beta", "eta")))
	l.add("an alias for a literal", overview, get(odataItems("gconf_number gt @p&@p=15"), named("Beta", "Zeta", "eta")))
	l.add("an alias for a column", overview, get(odataItems("@p eq 20&@p=gconf_number"), named("Beta", "eta")))
	l.add("an alias without a value is null", overview, get(odataItems("gconf_text eq @none"), named("Gamma", "Zeta")))
	l.add("a lookup by its id", pageFilter, get(odataItems("_gconf_groupid_value eq {now}"), named("Alpha", "Beta", "eta")))
	l.add("a lookup that is null", pageFilter, get(odataItems("_gconf_groupid_value eq null"), named("Gamma", "Épsilon")))
	l.add("a path over a lookup", pageFilter, get(odataItems("gconf_groupid/gconf_name eq 'NOW'"), named("Alpha", "Beta", "eta")))
	l.add("a path to the key", pageFilter, get(odataItems("gconf_groupid/gconf_groupid eq {now}"), named("Alpha", "Beta", "eta")))
	l.add("a path that leads nowhere is null", pageFilter, get(odataItems("gconf_groupid/gconf_name eq null"), named("Gamma", "Épsilon")))
	l.add("the caller owns them", pageOperators, get(odataItems("Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"), named("Alpha", "Beta", "Gamma", "Delta", "Épsilon", "Zeta", "eta")))
	l.add("nobody else does", pageOperators, get(odataItems("Microsoft.Dynamics.CRM.NotEqualUserId(PropertyName='ownerid')"), named()))
	groups := func(filter string) string { return "{groups}?$select=gconf_name&$filter=" + filter }
	const lambda = "webapi/query/filter-rows"
	for _, t := range []struct{ name, filter, want string }{
		{"any", "gconf_group_items/any(i:i/gconf_number eq 20)", "now"},
		{"any without a body: not empty", "gconf_group_items/any()", "now d-1 w-1"},
		{"any of null", "gconf_group_items/any(i:i/gconf_text eq null)", "w-1"},
		{"two conditions of one row", "gconf_group_items/any(i:i/gconf_number eq 20 and i/gconf_flag eq true)", ""},
		{"two lambdas, each of its own row", "gconf_group_items/any(i:i/gconf_number eq 20) and gconf_group_items/any(i:i/gconf_flag eq true)", "now"},
		{"any over many-to-many", "gconf_item_group/any(i:i/gconf_name eq 'beta')", "now"},
		{"not any", "not gconf_group_items/any() and contains(gconf_name,'-')", "m-1 y-1 y-3"},
		{"all", "gconf_group_items/all(i:i/gconf_flag eq true) and gconf_group_items/any()", "d-1 w-1"},
	} {
		l.add("lambda: "+t.name, lambda, get(groups(t.filter), named(strings.Fields(t.want)...)))
	}
	return l.cases
}

// dateCases are the relative dates, over rows at days, weeks, months and years from now. A condition is asked only of rows
// of which the answer is the same whatever day it is: the others are left out by name.
func dateCases() []Case {
	l := list{area: "relative dates", needs: ownRows}
	all := "now d-1 d+1 w-1 w+1 m-1 m+1 y-1 y+1 y-3 y+3"
	ahead := strings.TrimPrefix(all, "now ") // where the clock of a test stands, now is also what comes
	for _, t := range []struct{ operator, function, value, among, want string }{
		{"today", "Today", "", all, "now"},
		{"yesterday", "Yesterday", "", all, "d-1"},
		{"tomorrow", "Tomorrow", "", all, "d+1"},
		{"last-seven-days", "Last7Days", "", "now d-1 d+1 w+1 m-1 m+1 y-1 y+1", "now d-1"},
		{"next-seven-days", "Next7Days", "", "now d-1 d+1 w-1 m-1 m+1 y-1 y+1", "now d+1"},
		{"this-week", "ThisWeek", "", "now w-1 w+1 m-1 m+1 y-1 y+1", "now"},
		{"last-week", "LastWeek", "", "now w-1 w+1 m-1 m+1 y-1 y+1", "w-1"},
		{"next-week", "NextWeek", "", "now w-1 w+1 m-1 m+1 y-1 y+1", "w+1"},
		{"this-month", "ThisMonth", "", "now m-1 m+1 y-1 y+1", "now"},
		{"last-month", "LastMonth", "", "now m-1 m+1 y-1 y+1", "m-1"},
		{"next-month", "NextMonth", "", "now m-1 m+1 y-1 y+1", "m+1"},
		{"this-year", "ThisYear", "", "now y-1 y+1 y-3 y+3", "now"},
		{"last-year", "LastYear", "", "now y-1 y+1 y-3 y+3", "y-1"},
		{"next-year", "NextYear", "", "now y-1 y+1 y-3 y+3", "y+1"},
		{"last-x-hours", "LastXHours", "20", "now d-1 d+1 w-1 y-1", "now"},
		{"next-x-hours", "NextXHours", "30", "d-1 d+1 w+1 y+1", "d+1"},
		{"last-x-days", "LastXDays", "3", all, "now d-1"},
		{"next-x-days", "NextXDays", "3", ahead, "d+1"},
		{"last-x-weeks", "LastXWeeks", "2", "now d-1 d+1 w-1 w+1 m-1 y-1", "now d-1 w-1"},
		{"next-x-weeks", "NextXWeeks", "2", "d-1 d+1 w-1 w+1 m+1 y+1", "d+1 w+1"},
		{"last-x-months", "LastXMonths", "3", "now d-1 d+1 w-1 m-1 m+1 y-1 y-3", "now d-1 w-1 m-1"},
		{"next-x-months", "NextXMonths", "3", "d-1 d+1 w+1 m-1 m+1 y+1 y+3", "d+1 w+1 m+1"},
		{"last-x-years", "LastXYears", "2", all, "now d-1 w-1 m-1 y-1"},
		{"next-x-years", "NextXYears", "2", ahead, "d+1 w+1 m+1 y+1"},
		{"olderthan-x-hours", "OlderThanXHours", "20", all, "d-1 w-1 m-1 y-1 y-3"},
		{"olderthan-x-days", "OlderThanXDays", "3", all, "w-1 m-1 y-1 y-3"},
		{"olderthan-x-weeks", "OlderThanXWeeks", "3", all, "m-1 y-1 y-3"},
		{"olderthan-x-months", "OlderThanXMonths", "6", all, "y-1 y-3"},
		{"olderthan-x-years", "OlderThanXYears", "2", all, "y-3"},
	} {
		names := strings.Fields(t.among)
		want := named(strings.Fields(t.want)...)
		value, argument := "", ""
		if t.value != "" {
			value, argument = ` value="`+t.value+`"`, ",PropertyValue="+t.value
		}
		l.add("FetchXML: "+t.operator, pageOperators, get("{groups}?fetchXml="+encoded(`<fetch><entity name="gconf_group"><attribute name="gconf_name"/><filter><condition attribute="gconf_at" operator="`+t.operator+`"`+value+
			`/><condition attribute="gconf_name" operator="in"><value>`+strings.Join(names, "</value><value>")+`</value></condition></filter></entity></fetch>`), want))
		l.add(t.function, pageOperators, get("{groups}?$select=gconf_name&$filter=Microsoft.Dynamics.CRM."+t.function+"(PropertyName='gconf_at'"+argument+
			`) and Microsoft.Dynamics.CRM.In(PropertyName='gconf_name',PropertyValues=["`+strings.ReplaceAll(strings.Join(names, `","`), "+", "%2B")+`"])`, want))
		if strings.HasSuffix(t.operator, "-month") {
			for i := range 2 {
				l.cases[len(l.cases)-1-i].unless = monthEnds
			}
		}
	}
	return l.cases
}
