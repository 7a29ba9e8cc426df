package conformance

import "strings"

// aggregateCases are $apply and the aggregates of FetchXML.
func aggregateCases() []Case {
	l := list{area: "aggregates", needs: ownRows}
	const page, fetchPage = "webapi/query/aggregate-data", "fetchxml/aggregate-data"
	for _, t := range []struct{ name, apply, fetch, want string }{
		{"sum", "gconf_number with sum as x", `name="gconf_number" aggregate="sum"`, "2000045"},
		{"min", "gconf_number with min as x", `name="gconf_number" aggregate="min"`, "-5"},
		{"max", "gconf_number with max as x", `name="gconf_number" aggregate="max"`, "2000000"},
		{"count of rows", "$count as x", `name="gconf_itemid" aggregate="count"`, "7"},
		{"count of different values", "", `name="gconf_number" aggregate="countcolumn" distinct="true"`, "5"},
		{"count of values", "", `name="gconf_number" aggregate="countcolumn"`, "6"},
		{"average of whole numbers, without nulls", "gconf_number with average as x", `name="gconf_number" aggregate="avg"`, "333340"},
		{"earliest moment", "gconf_at with min as x", `name="gconf_at" aggregate="min"`, "1999-12-31T12:00:00Z"},
		{"latest moment", "gconf_at with max as x", `name="gconf_at" aggregate="max"`, "2024-06-15T09:00:00Z"},
	} {
		filter := "gconf_number ne 2000000 or gconf_number eq 2000000 or gconf_number eq null" // all, by a filter that must not change anything
		w := want{status: 200, rows: []string{t.want}, column: "x"}.shaped("value>0>gconf_itemid absent", "value>0>@odata.etag absent")
		if t.name == "average of whole numbers, without nulls" {
			w = ok("value>0>x number") // how it is rounded no page says
		}
		if t.apply != "" {
			l.add(t.name, page, get("{items}?$apply=aggregate("+t.apply+")", w))
			l.add(t.name+" behind a filter", page, get("{items}?$apply=filter("+filter+")/aggregate("+t.apply+")", w))
		}
		l.add("FetchXML: "+t.name, fetchPage, get("{items}?fetchXml="+encoded(`<fetch aggregate="true"><entity name="gconf_item"><attribute `+t.fetch+` alias="x"/></entity></fetch>`), w))
	}
	group := func(inside string) string {
		return "{items}?fetchXml=" + encoded(`<fetch aggregate="true"><entity name="gconf_item">`+inside+`</entity></fetch>`)
	}
	count := `<attribute name="gconf_itemid" aggregate="count" alias="n"/>`
	l.add("groups of a choice", page, get("{items}?$apply=groupby((gconf_kind),aggregate($count as n))", want{status: 200, rows: []string{"2", "2", "1", "2"}, column: "n"}))
	l.add("groups of a flag", page, get("{items}?$apply=groupby((gconf_flag),aggregate($count as n))", want{status: 200, rows: []string{"3", "4"}, column: "n"}))
	l.add("groups behind a filter", page, get("{items}?$apply=filter(gconf_number eq 20)/groupby((gconf_number),aggregate($count as n))", want{status: 200, rows: []string{"2"}, column: "n"}.shaped("value>0>gconf_number = 20")))
	l.add("groups of a path", page, get("{items}?$apply=filter(gconf_groupid/gconf_name eq 'now')/groupby((gconf_groupid/gconf_name),aggregate($count as n))", want{status: 200, rows: []string{"3"}, column: "n"}))
	l.add("different values", page, get("{items}?$apply=groupby((gconf_flag))", want{status: 200, rows: []string{"true", "false"}, column: "gconf_flag"}))
	l.add("a null group has no value", page, get("{items}?$apply=filter(gconf_number eq null)/groupby((gconf_number),aggregate($count as n))", want{status: 200, rows: []string{"1"}, column: "n"}.shaped("value>0>gconf_number absent")))
	l.add("FetchXML: groups of a flag", fetchPage, get(group(`<attribute name="gconf_flag" groupby="true" alias="f"/>`+count), want{status: 200, rows: []string{"3", "4"}, column: "n"}))
	l.add("FetchXML: groups of a lookup", fetchPage, get(group(`<attribute name="gconf_groupid" groupby="true" alias="g"/>`+count+`<filter><condition attribute="gconf_groupid" operator="not-null"/></filter>`), want{status: 200, rows: []string{"3", "1", "1"}, column: "n"}))
	l.add("FetchXML: an order by an alias", fetchPage, get(group(`<attribute name="gconf_groupid" groupby="true" alias="g"/>`+count+`<filter><condition attribute="gconf_groupid" operator="not-null"/></filter><order alias="n" descending="true"/>`), want{status: 200, rows: []string{"3", "1", "1"}, column: "n", ordered: true}))
	for _, d := range []struct{ grouping, want string }{{"year", "1999 2020 2024"}, {"month", "1 2 6 12"}, {"quarter", "1 2 4"}, {"day", "1 15 29 31"}} {
		l.add("FetchXML: dates by "+d.grouping, fetchPage, get(group(`<attribute name="gconf_day" groupby="true" dategrouping="`+d.grouping+`" alias="d"/>`+count+`<filter><condition attribute="gconf_day" operator="not-null"/></filter>`), want{status: 200, rows: strings.Fields(d.want), column: "d"}))
	}
	l.add("FetchXML: an aggregate of a link", fetchPage, get(group(`<link-entity name="gconf_group" from="gconf_groupid" to="gconf_groupid" alias="g"><attribute name="gconf_name" groupby="true" alias="name"/></link-entity>`+count), want{status: 200, rows: []string{"now", "d-1", "w-1"}, column: "name"}))
	l.add("FetchXML: an aggregate of nothing", unsaid, get(group(count+`<filter><condition attribute="gconf_name" operator="eq" value="nothing"/></filter>`), want{status: 200, rows: []string{"0"}, column: "n"}))
	l.add("FetchXML: more rows than aggregatelimit", fetchPage, get("{items}?fetchXml="+encoded(`<fetch aggregate="true" aggregatelimit="2"><entity name="gconf_item">`+count+`</entity></fetch>`), refused(400, "0x8004E023")))
	l.add("refused: countdistinct", page, get("{items}?$apply=aggregate(gconf_number with countdistinct as x)", refused(400, "")))
	l.add("refused: groups of moments", page, get("{items}?$apply=groupby((gconf_at))", refused(400, "")))
	l.add("refused: an aggregate of a text", page, get("{items}?$apply=aggregate(gconf_text with sum as x)", refused(400, "")))
	l.add("refused: FetchXML, a column that is neither", fetchPage, get(group(`<attribute name="gconf_text"/>`+count), refused(400, "")))
	return l.cases
}

// fetchCases are links, distinct rows, aliases and orders of FetchXML.
func fetchCases() []Case {
	l := list{area: "FetchXML", needs: ownRows}
	const joins, rows, selects = "fetchxml/join-tables", "fetchxml/filter-rows", "fetchxml/select-columns"
	groups := func(inside string) string {
		return "{groups}?fetchXml=" + encoded(`<fetch><entity name="gconf_group"><attribute name="gconf_name"/>`+inside+`</entity></fetch>`)
	}
	link := func(kind, inside string) string {
		return `<link-entity name="gconf_item" from="gconf_groupid" to="gconf_groupid" link-type="` + kind + `" alias="i">` + inside + `</link-entity>`
	}
	flagged := `<filter><condition attribute="gconf_flag" operator="eq" value="1"/></filter>`
	with := `<filter><condition attribute="gconf_name" operator="in"><value>now</value><value>d-1</value><value>y-1</value></condition></filter>`
	name := `<attribute name="gconf_name"/>`
	for _, t := range []struct{ name, page, inside, column, want string }{
		{"inner keeps what matches, once per match", joins, link("inner", name), "i.gconf_name", "Alpha Beta eta Delta Zeta"},
		{"inner is the default", joins, `<link-entity name="gconf_item" from="gconf_groupid" to="gconf_groupid" alias="i">` + name + `</link-entity>`, "i.gconf_name", "Alpha Beta eta Delta Zeta"},
		{"outer keeps what has no match", joins, with + link("outer", name), "gconf_name", "now now now d-1 y-1"},
		{"a filter in an outer link is part of the join", joins, with + link("outer", name+flagged), "i.gconf_name", "Alpha Delta null"},
		{"anti-join: entityname and null after the join", joins, `<filter><condition entityname="i" attribute="gconf_itemid" operator="null"/></filter>` + with + link("outer", ""), "gconf_name", "y-1"},
		{"exists gives each once", joins, link("exists", ""), "gconf_name", "now d-1 w-1"},
		{"in gives each once", joins, link("in", flagged), "gconf_name", "now d-1 w-1"},
		{"matchfirstrowusingcrossapply takes one row each", joins, link("matchfirstrowusingcrossapply", ""), "gconf_name", "now d-1 w-1"},
		{"any", rows, "<filter>" + link("any", flagged) + "</filter>", "gconf_name", "now d-1 w-1"},
		{"not any passes what has no related row", rows, with + "<filter>" + link("not any", flagged) + "</filter>", "gconf_name", "y-1"},
		{"not all means any", rows, "<filter>" + link("not all", flagged) + "</filter>", "gconf_name", "now d-1 w-1"},
		{"all means some related row and none that matches", rows, "<filter>" + link("all", `<filter><condition attribute="gconf_number" operator="eq" value="20"/></filter>`) + "</filter>", "gconf_name", "d-1 w-1"},
		{"many-to-many through its table", joins, `<link-entity name="gconf_item_group" from="gconf_groupid" to="gconf_groupid" intersect="true"><link-entity name="gconf_item" from="gconf_itemid" to="gconf_itemid" alias="i">` + name + `</link-entity></link-entity>`, "i.gconf_name", "Alpha Beta Alpha"},
		{"valueof compares columns across tables", rows, `<filter><condition attribute="gconf_name" operator="eq" valueof="i.gconf_name"/></filter>` + link("inner", ""), "gconf_name", ""},
		{"a join needs no relationship", joins, `<link-entity name="gconf_item" from="createdby" to="createdby" alias="i">` + name + `<filter><condition attribute="gconf_name" operator="eq" value="Alpha"/></filter></link-entity>` + with, "i.gconf_name", "Alpha Alpha Alpha"},
	} {
		l.add(t.name, t.page, get(groups(t.inside), want{status: 200, rows: append([]string{}, strings.Fields(t.want)...), column: t.column}))
	}
	items := func(head, inside string) string {
		return "{items}?fetchXml=" + encoded(`<fetch `+head+`><entity name="gconf_item">`+inside+`</entity></fetch>`)
	}
	l.add("an alias of a column", selects, get(items("", `<attribute name="gconf_name" alias="n"/><filter><condition attribute="gconf_number" operator="eq" value="10"/></filter>`), ok("value>0>n = Alpha", "value>0>gconf_name absent")))
	l.add("nulls are left out", "webapi/retrieve-and-execute-predefined-queries", get(items("", `<attribute name="gconf_name"/><attribute name="gconf_number"/><filter><condition attribute="gconf_number" operator="null"/></filter>`), ok("value>0>gconf_name = Gamma", "value>0>gconf_number absent")))
	l.add("all-attributes", selects, get(items("", `<all-attributes/><filter><condition attribute="gconf_number" operator="eq" value="10"/></filter>`), ok("value>0>gconf_code = C1", "value>0>gconf_kind = "+choice("0"), "value>0>statecode = 0")))
	l.add("the key comes unasked", selects, get(items(`top="1"`, `<attribute name="gconf_text"/>`), ok("value>0>gconf_itemid guid", "value>0>@odata.etag etag")))
	l.add("distinct rows have neither key nor etag", "fetchxml/select-columns", get(items(`distinct="true"`, `<attribute name="gconf_flag"/>`), want{status: 200, rows: []string{"true", "false"}, column: "gconf_flag"}.shaped("value>0>gconf_itemid absent", "value>0>@odata.etag absent")))
	l.add("an order by two columns", "fetchxml/order-rows", get(items("", `<attribute name="gconf_name"/><order attribute="gconf_flag" descending="true"/><order attribute="gconf_name"/>`), inOrder("Alpha", "Delta", "Zeta", "Beta", "Épsilon", "eta", "Gamma")))
	l.add("an order by a column of a link", "fetchxml/order-rows", get(items("", `<attribute name="gconf_name"/><link-entity name="gconf_group" from="gconf_groupid" to="gconf_groupid" alias="g"><order attribute="gconf_name"/></link-entity><order attribute="gconf_name"/>`), want{status: 200, rows: []string{"Delta", "Alpha", "Beta", "eta", "Zeta"}, column: "gconf_name"}))
	l.add("two columns of a row compare", rows, get(items("", `<attribute name="gconf_name"/><filter><condition attribute="gconf_name" operator="ne" valueof="gconf_text"/><condition attribute="gconf_text" operator="not-null"/></filter>`), named("Alpha", "Beta", "Delta", "Épsilon", "eta")))
	for _, t := range []struct{ name, inside, code string }{
		{"unknown column", `<attribute name="nosuch"/>`, "0x80041103"}, {"unknown table of a link", `<link-entity name="nosuch" from="a" to="b"/>`, "0x80041102"},
		{"unknown column of a link", `<link-entity name="gconf_group" from="gconf_groupid" to="gconf_groupid"><attribute name="nosuch"/></link-entity>`, "0x80041103"},
		{"unknown operator", `<filter><condition attribute="gconf_name" operator="is"/></filter>`, ""}, {"a number that is none", `<filter><condition attribute="gconf_number" operator="eq" value="x"/></filter>`, ""},
		{"no value", `<filter><condition attribute="gconf_number" operator="eq"/></filter>`, ""}, {"a value of null", `<filter><condition attribute="gconf_number" operator="null" value="1"/></filter>`, ""},
		{"an unknown link type", link("sideways", ""), ""}, {"an unknown element", `<having/>`, ""}, {"an alias twice", `<attribute name="gconf_name" alias="x"/><attribute name="gconf_text" alias="x"/>`, ""},
	} {
		l.add("refused: "+t.name, "fetchxml/reference/fetch", get(items("", t.inside), refused(400, t.code)))
	}
	return l.cases
}
