package conformance

import (
	"fmt"
	"strings"
)

// truth is what a condition is of a row: a comparison with null is neither true nor false.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func not(t truth) truth { return yes - t }

// condition is a condition in both languages, with what it is of each row.
type condition struct {
	odata, fetch string
	of           func(item) truth
}

// holding are the names of the rows of which a condition is true.
func holding(of func(item) truth) []string {
	out := []string{}
	for _, i := range items {
		if of(i) == yes {
			out = append(out, i.name)
		}
	}
	return out
}

// column is a column of the items that compares: its value of a row, with false for null.
type column struct {
	name   string
	value  func(item) (string, bool)
	less   func(a, b string) bool // nil: it has no order that pages tell
	values []string               // to compare with
	quoted bool                   // a literal of OData stands in quotes
}

func whenSet(s string) (string, bool) { return s, s != "" }

func asNumber(a, b string) bool {
	var x, y float64
	if _, err := fmt.Sscan(a+" "+b, &x, &y); err != nil {
		panic(err) // of numbers in this file and rows.go
	}
	return x < y
}

func asText(a, b string) bool { return a < b }

// columns are the columns whose comparisons are generated. Dates order as their texts do.
var columns = []column{
	{"number", func(i item) (string, bool) {
		if i.number == nil {
			return "", false
		}
		return fmt.Sprint(*i.number), true
	}, asNumber, []string{"20", "0", "-6"}, false},
	{"amount", func(i item) (string, bool) { return whenSet(i.amount) }, asNumber, []string{"2.25", "0"}, false},
	{"day", func(i item) (string, bool) { return whenSet(i.day) }, asText, []string{"2020-02-29", "2019-12-31"}, false},
	{"at", func(i item) (string, bool) { return whenSet(i.at) }, asText, []string{"2020-02-29T11:30:00Z", "2020-02-29T11:29:59Z"}, false},
	{"kind", func(i item) (string, bool) {
		if i.kind == "" {
			return "", false
		}
		return choice(i.kind), true
	}, nil, []string{choice("0"), choice("1")}, false},
	{"text", func(i item) (string, bool) { return whenSet(strings.ToLower(i.text)) }, nil, []string{"green", "blue%"}, true},
}

const (
	pageFilter    = "webapi/query/filter-rows"
	pageOperators = "fetchxml/reference/operators"
)

// compare is a condition of a comparison.
func (c column) compare(op, value string) condition {
	literal := value
	if c.quoted {
		literal = "'" + value + "'"
	}
	return condition{
		odata: fmt.Sprintf("%s_%s %s %s", prefix, c.name, op, strings.ReplaceAll(literal, "%", "%25")),
		fetch: fmt.Sprintf(`<condition attribute="%s_%s" operator="%s" value="%s"/>`, prefix, c.name, op, value),
		of: func(i item) truth {
			got, there := c.value(i)
			if !there {
				if op == "ne" {
					return yes // see ne below
				}
				return unknown
			}
			same := got == value || c.less != nil && !c.less(got, value) && !c.less(value, got)
			switch op {
			case "eq":
				return truthOf(same)
			case "ne":
				return truthOf(!same)
			case "lt":
				return truthOf(c.less(got, value))
			case "le":
				return truthOf(c.less(got, value) || same)
			case "gt":
				return truthOf(c.less(value, got))
			default:
				return truthOf(c.less(value, got) || same)
			}
		},
	}
}

func odataItems(filter string) string { return "{items}?$select=gconf_name&$filter=" + filter }

func fetchItems(inside string) string {
	return "{items}?fetchXml=" + encoded(`<fetch><entity name="gconf_item"><attribute name="gconf_name"/>`+inside+`</entity></fetch>`)
}

// comparisonCases compare each column with values that rows have, that lie between them, and with null, in both languages.
func comparisonCases() []Case {
	l := list{area: "comparisons", needs: ownRows}
	for _, c := range columns {
		ops := []string{"eq", "ne", "lt", "le", "gt", "ge"}
		if c.less == nil {
			ops = ops[:2]
		}
		for _, op := range ops {
			for _, value := range c.values {
				x := c.compare(op, value)
				page, pageFetch := pageFilter, pageOperators
				if op == "ne" {
					page, pageFetch = unsaid, unsaid // of null
				}
				name := fmt.Sprintf("%s %s %s", c.name, op, value)
				l.add(name, page, get(odataItems(x.odata), named(holding(x.of)...)))
				l.add("FetchXML: "+name, pageFetch, get(fetchItems("<filter>"+x.fetch+"</filter>"), named(holding(x.of)...)))
			}
		}
		null := func(i item) truth { _, there := c.value(i); return truthOf(!there) }
		set := func(i item) truth { return not(null(i)) }
		l.add(c.name+" eq null", pageFilter, get(odataItems("gconf_"+c.name+" eq null"), named(holding(null)...)))
		l.add(c.name+" ne null", pageFilter, get(odataItems("gconf_"+c.name+" ne null"), named(holding(set)...)))
		l.add("FetchXML: "+c.name+" null", pageOperators, get(fetchItems(`<filter><condition attribute="gconf_`+c.name+`" operator="null"/></filter>`), named(holding(null)...)))
		l.add("FetchXML: "+c.name+" not-null", pageOperators, get(fetchItems(`<filter><condition attribute="gconf_`+c.name+`" operator="not-null"/></filter>`), named(holding(set)...)))
	}
	return l.cases
}

// logicCases put conditions together, each of them true, false and unknown of some row.
func logicCases() []Case {
	l := list{area: "logic", needs: ownRows}
	number, day, kind := columns[0].compare("gt", "5"), columns[2].compare("lt", "2020-02-01"), columns[4].compare("eq", choice("0"))
	add := func(name, odata, fetch string, of func(item) truth) {
		l.add(name, pageFilter, get(odataItems(odata), named(holding(of)...)))
		if fetch != "" {
			l.add("FetchXML: "+name, "fetchxml/filter-rows", get(fetchItems(fetch), named(holding(of)...)))
		}
	}
	opposite := func(c condition, i item) truth { // eq turns into ne, which is true of null
		if c.odata == kind.odata && c.of(i) == unknown {
			return yes
		}
		return not(c.of(i))
	}
	pairs := []struct {
		name string
		a, b condition
	}{{"number, day", number, day}, {"number, kind", number, kind}, {"day, kind", day, kind}}
	for _, p := range pairs {
		a, b := p.a, p.b
		and := func(i item) truth { return min(a.of(i), b.of(i)) }
		or := func(i item) truth { return max(a.of(i), b.of(i)) }
		add("and: "+p.name, a.odata+" and "+b.odata, `<filter type="and">`+a.fetch+b.fetch+`</filter>`, and)
		add("or: "+p.name, a.odata+" or "+b.odata, `<filter type="or">`+a.fetch+b.fetch+`</filter>`, or)
		add("not and: "+p.name, "not ("+a.odata+" and "+b.odata+")", "", func(i item) truth { return max(opposite(a, i), opposite(b, i)) })
		add("not or: "+p.name, "not ("+a.odata+" or "+b.odata+")", "", func(i item) truth { return min(opposite(a, i), opposite(b, i)) })
		add("not of the first: "+p.name, "not ("+a.odata+") and "+b.odata, "", func(i item) truth { return min(not(a.of(i)), b.of(i)) })
	}
	add("not", "not ("+number.odata+")", "", func(i item) truth { return not(number.of(i)) })
	add("not twice", "not (not ("+number.odata+"))", "", number.of)
	add("and binds tighter than or", number.odata+" or "+day.odata+" and "+kind.odata, `<filter type="or">`+number.fetch+`<filter type="and">`+day.fetch+kind.fetch+`</filter></filter>`,
		func(i item) truth { return max(number.of(i), min(day.of(i), kind.of(i))) })
	add("parentheses", "("+number.odata+" or "+day.odata+") and "+kind.odata, `<filter type="and"><filter type="or">`+number.fetch+day.fetch+`</filter>`+kind.fetch+`</filter>`,
		func(i item) truth { return min(max(number.of(i), day.of(i)), kind.of(i)) })
	l.add("FetchXML: two filters side by side", "fetchxml/filter-rows", get(fetchItems("<filter>"+number.fetch+"</filter><filter>"+kind.fetch+"</filter>"), named(holding(func(i item) truth { return min(number.of(i), kind.of(i)) })...)))
	l.add("FetchXML: an empty filter", unsaid, get(fetchItems("<filter/>"), named(holding(func(item) truth { return yes })...)))
	flag := func(i item) truth { return truthOf(i.flag) }
	add("a flag", "gconf_flag eq true", `<filter><condition attribute="gconf_flag" operator="eq" value="1"/></filter>`, flag)
	add("a flag that is not set", "gconf_flag eq false", `<filter><condition attribute="gconf_flag" operator="eq" value="0"/></filter>`, func(i item) truth { return not(flag(i)) })
	l.add("columns of a row compare", pageFilter, get(odataItems("gconf_number lt gconf_kind"), named("Alpha", "Beta", "Delta", "Épsilon", "eta")))
	l.add("statecode and statuscode", pageFilter, get(odataItems("statecode lt statuscode"), named(holding(func(item) truth { return yes })...)))
	return l.cases
}

// textCases are the functions and operators of texts.
func textCases() []Case {
	l := list{area: "texts", needs: ownRows}
	for _, t := range []struct {
		name, page, odata, fetch string
		want                     []string
	}{
		{"equality disregards case", pageFilter, "gconf_name eq 'ALPHA'", `operator="eq" value="ALPHA"`, []string{"Alpha"}},
		{"an accent is no plain letter", unsaid, "gconf_name eq 'epsilon'", `operator="eq" value="epsilon"`, nil},
		{"the case of an accent does not count", unsaid, "gconf_name eq 'éPSILON'", `operator="eq" value="éPSILON"`, []string{"Épsilon"}},
		{"contains", pageFilter, "contains(gconf_name,'ETA')", `operator="like" value="%ETA%"`, []string{"Beta", "Zeta", "eta"}},
		{"startswith", pageFilter, "startswith(gconf_name,'e')", `operator="begins-with" value="e"`, []string{"eta"}},
		{"endswith", pageFilter, "endswith(gconf_name,'TA')", `operator="ends-with" value="TA"`, []string{"Beta", "Delta", "Zeta", "eta"}},
		{"contains of nothing", pageFilter, "contains(gconf_name,'nothing')", `operator="like" value="%nothing%"`, nil},
		{"a doubled quote", pageFilter, "gconf_text eq 'O''Brien [x]_y'", "", []string{"eta"}},
		{"% is any run", "wildcard-characters", "contains(gconf_name,'l%25h')", `operator="like" value="%l%h%"`, []string{"Alpha"}},
		{"_ is one character", "wildcard-characters", "startswith(gconf_name,'_eta')", `operator="like" value="_eta"`, []string{"Beta", "Zeta"}},
		{"a set is one of its characters", "wildcard-characters", "startswith(gconf_name,'[a-c]')", `operator="like" value="[a-c]%"`, []string{"Alpha", "Beta"}},
		{"a negated set is one of the others", "wildcard-characters", "startswith(gconf_name,'[^a-y]')", `operator="like" value="[^a-y]%"`, []string{"Zeta", "Épsilon"}},
		{"brackets make a wildcard a character", "wildcard-characters", "contains(gconf_text,'e[%25]')", "", []string{"Delta"}},
		{"wildcards do not work in eq", "wildcard-characters", "gconf_name eq 'Al%25'", `operator="eq" value="Al%"`, nil},
		{"not contains, of null", unsaid, "not contains(gconf_text,'r')", "", []string{"Gamma", "Delta", "Épsilon", "Zeta"}},
		{"not startswith", pageFilter, "not startswith(gconf_name,'a') and gconf_flag eq true", "", []string{"Delta", "Zeta"}},
		{"the empty text is null", unsaid, "gconf_text eq ''", "", nil},
	} {
		l.add(t.name, t.page, get(odataItems(t.odata), named(t.want...)))
		if t.fetch != "" {
			l.add("FetchXML: "+t.name, t.page, get(fetchItems(`<filter><condition attribute="gconf_name" `+t.fetch+`/></filter>`), named(t.want...)))
		}
	}
	return l.cases
}
