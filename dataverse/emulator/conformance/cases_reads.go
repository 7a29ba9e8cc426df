package conformance

import (
	"fmt"
	"strings"
)

const everyItem = "Alpha,Beta,Delta,Épsilon,eta,Gamma,Zeta" // as texts are sorted

// optionCases are $select, $orderby, $top and $count.
func optionCases() []Case {
	l := list{area: "query options", needs: ownRows}
	const order, count = "webapi/query/order-rows", "webapi/query/count-rows"
	sorted := func(by string) string { return "{items}?$select=gconf_name&$orderby=" + by }
	words := func(s string) []string { return strings.Split(s, ",") }
	l.add("by a text, é beside e", unsaid, get(sorted("gconf_name"), inOrder(words(everyItem)...)))
	l.add("by a text, descending", order, get(sorted("gconf_name desc")+"&$filter=gconf_flag eq true", inOrder("Zeta", "Delta", "Alpha")))
	l.add("by a number, null first", order, get(sorted("gconf_number,gconf_name"), inOrder("Gamma", "Delta", "Épsilon", "Alpha", "Beta", "eta", "Zeta")))
	l.add("by a number descending, null last", order, get(sorted("gconf_number desc,gconf_name"), inOrder("Zeta", "Beta", "eta", "Alpha", "Épsilon", "Delta", "Gamma")))
	l.add("by a day, then by a name descending", order, get(sorted("gconf_day,gconf_name desc"), inOrder("Gamma", "eta", "Delta", "Alpha", "Zeta", "Beta", "Épsilon")))
	l.add("by a lookup: by the name of its target", order, get(sorted("_gconf_groupid_value,gconf_name"), inOrder("Épsilon", "Gamma", "Delta", "Alpha", "Beta", "eta", "Zeta")))
	l.add("by a flag", order, get(sorted("gconf_flag desc,gconf_name")+"&$top=3", inOrder("Alpha", "Delta", "Zeta")))
	l.add("by an alias", order, get("{items}?$select=gconf_number&$orderby=@p desc&$filter=gconf_number gt 5&@p=gconf_number", want{status: 200, rows: []string{"2000000", "20", "20", "10"}, column: "gconf_number", ordered: true}.shaped("value>0>gconf_name absent")))
	l.add("$top", "webapi/query/overview", get(sorted("gconf_name")+"&$top=2", inOrder("Alpha", "Beta")))
	l.add("$top of more than there are", "webapi/query/overview", get(sorted("gconf_name")+"&$top=50", inOrder(words(everyItem)...).shaped("@odata.nextLink absent")))
	l.add("$count beside rows", count, get("{items}?$select=gconf_name&$count=true&$filter=gconf_flag eq true", named("Alpha", "Delta", "Zeta").shaped("@odata.count = 3")))
	l.add("$count beside $top counts all", count, get("{items}?$select=gconf_name&$count=true&$top=1", ok("@odata.count = 7", "value>1 absent")))
	l.add("$count=false", count, get("{items}?$select=gconf_name&$count=false", ok("@odata.count absent")))
	l.add("/$count", count, get("{items}/$count", want{status: 200, text: "= 7"}))
	l.add("/$count with a filter", count, get("{items}/$count?$filter=gconf_flag eq true", want{status: 200, text: "= 3"}))
	l.add("/$count of a collection", count, get("{groups}({now})/gconf_group_items/$count", want{status: 200, text: "= 3"}))
	for _, o := range []struct{ name, option string }{{"column", "$select=nosuch"}, {"column, among others", "$select=gconf_name,nosuch"}, {"relation", "$expand=nosuch"}, {"order", "$orderby=nosuch"}, {"direction", "$orderby=gconf_name down"}} {
		l.add("refused: unknown "+o.name, pageErrors, get("{items}?"+o.option, refused(400, "0x80060888")))
	}
	l.add("options may come encoded", "webapi/query/overview", get("{items}?%24select=gconf_name&%24filter=gconf_number%20eq%20-5", named("Delta")))
	l.add("a plus is a blank", "webapi/query/overview", get("{items}?$select=gconf_name&$filter=gconf_number+eq+-5", named("Delta")))
	return l.cases
}

// shapeCases are how rows and values look.
func shapeCases() []Case {
	l := list{area: "shapes", needs: ownRows}
	const selects, single = "webapi/query/select-columns", "webapi/retrieve-entity-using-web-api"
	a, c := "{items}({a})", "{items}({c})"
	l.add("values by type", single, get(a+"?$select=gconf_name,gconf_number,gconf_amount,gconf_flag,gconf_kind,gconf_kinds,gconf_day,gconf_at,_gconf_groupid_value",
		ok("gconf_name = Alpha", "gconf_number = 10", "gconf_amount number", "gconf_flag = true", "gconf_kind = "+choice("0"), "gconf_kinds = "+choice("0"), "gconf_day = 2020-01-01", "gconf_at = 2020-01-01T10:00:00Z", "_gconf_groupid_value = {now}", "gconf_itemid = {a}", "@odata.etag etag")))
	l.add("nulls are there", single, get(c+"?$select=gconf_text,gconf_number,gconf_amount,gconf_kind,gconf_kinds,gconf_day,gconf_at,_gconf_groupid_value",
		ok("gconf_text null", "gconf_number null", "gconf_amount null", "gconf_kind null", "gconf_kinds null", "gconf_day null", "gconf_at null", "_gconf_groupid_value null")))
	l.add("the key comes unasked", selects, get("{items}?$select=gconf_text&$filter=gconf_number eq 10", ok("value>0>gconf_itemid = {a}", "value>0>gconf_name absent", "value>0>@odata.etag etag")))
	l.add("the platform's own columns", single, get(a, ok("statecode = 0", "statuscode = 1", "createdon moment", "modifiedon moment", "_ownerid_value = {user}", "_createdby_value = {user}", "_owningbusinessunit_value guid", "versionnumber number")))
	l.add("the context of a row", single, get(a+"?$select=gconf_name", ok("@odata.context = {root}$metadata#{items}(gconf_name)/$entity")))
	l.add("the context of all columns", single, get(a, ok("@odata.context = {root}$metadata#{items}/$entity")))
	l.add("the context of an expand", "webapi/query/join-tables", get("{items}?$select=gconf_name&$expand=gconf_groupid($select=gconf_name)&$top=1", ok("@odata.context = {root}$metadata#{items}(gconf_name,gconf_groupid(gconf_name))")))
	formatted := "@OData.Community.Display.V1.FormattedValue"
	l.add("formatted values", selects, get(a+"?$select=gconf_kind,gconf_flag,gconf_number,_gconf_groupid_value", ok("gconf_kind"+formatted+" = One", "gconf_flag"+formatted+" = Yes", "gconf_number"+formatted+" = 10", "_gconf_groupid_value"+formatted+" = now",
		"_gconf_groupid_value@Microsoft.Dynamics.CRM.lookuplogicalname = gconf_group", "_gconf_groupid_value@Microsoft.Dynamics.CRM.associatednavigationproperty = gconf_groupid"), "Prefer", `odata.include-annotations="*"`))
	l.add("several choices, formatted", "multi-select-picklist", get("{items}({b})?$select=gconf_kinds", ok("gconf_kinds = "+choicesOf("0,1"), "gconf_kinds"+formatted+" = One; Two"), "Prefer", `odata.include-annotations="*"`))
	l.add("a null has no formatted value", selects, get(c+"?$select=gconf_kind", ok("gconf_kind null", "gconf_kind"+formatted+" absent"), "Prefer", `odata.include-annotations="*"`))
	l.add("annotations of a collection", selects, get("{items}?$select=gconf_kind&$top=1", ok("@Microsoft.Dynamics.CRM.totalrecordcount = -1", "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded = false", "@Microsoft.Dynamics.CRM.globalmetadataversion string"), "Prefer", `odata.include-annotations="*"`))
	for _, p := range []struct{ column, value string }{{"gconf_name", "Alpha"}, {"gconf_number", "10"}, {"gconf_day", "2020-01-01"}, {"gconf_flag", "true"}, {"gconf_kind", choice("0")}} {
		l.add("a property: "+p.column, single, get(a+"/"+p.column, ok("value = "+p.value, "@odata.context = {root}$metadata#{items}({a})/"+p.column)))
	}
	l.add("a property's value alone", single, get(a+"/gconf_name/$value", want{status: 200, text: "= Alpha"}))
	l.add("a property that is null", single, get(c+"/gconf_number", done()))
	l.add("where a lookup leads", single, get(a+"/gconf_groupid?$select=gconf_name", ok("gconf_name = now", "@odata.context = {root}$metadata#{groups}(gconf_name)/$entity")))
	l.add("where a null lookup leads", single, get(c+"/gconf_groupid", done()))
	l.add("a lookup's link", single, get(a+"/gconf_groupid/$ref", ok("@odata.id = {root}{groups}({now})")))
	l.add("a collection", single, get("{groups}({now})/gconf_group_items?$select=gconf_name", named("Alpha", "Beta", "eta")))
	l.add("a collection, filtered", single, get("{groups}({now})/gconf_group_items?$select=gconf_name&$filter=gconf_number eq 20&$orderby=gconf_name desc", inOrder("eta", "Beta")))
	l.add("links of a collection", single, get("{groups}({d-1})/gconf_group_items/$ref", ok("value>0>@odata.id = {root}{items}({d})", "value>1 absent", "@odata.context = {root}$metadata#Collection($ref)")))
	l.add("many-to-many from one side", single, get("{items}({a})/gconf_item_group?$select=gconf_name", named("now", "d-1")))
	l.add("many-to-many from the other", single, get("{groups}({now})/gconf_item_group?$select=gconf_name", named("Alpha", "Beta")))
	return l.cases
}

// expandCases are $expand of lookups and collections.
func expandCases() []Case {
	l := list{area: "$expand", needs: ownRows}
	const page = "webapi/query/join-tables"
	l.add("a lookup", page, get("{items}({a})?$select=gconf_name&$expand=gconf_groupid($select=gconf_name)", ok("gconf_groupid>gconf_name = now", "gconf_groupid>gconf_groupid = {now}")))
	l.add("a lookup that is null", page, get("{items}({c})?$select=gconf_name&$expand=gconf_groupid($select=gconf_name)", ok("gconf_groupid null")))
	l.add("a lookup's link", page, get("{items}({a})?$select=gconf_name&$expand=gconf_groupid/$ref", ok("gconf_groupid>@odata.id = {root}{groups}({now})")))
	l.add("a collection of a row", page, get("{groups}({now})?$select=gconf_name&$expand=gconf_group_items($select=gconf_name;$orderby=gconf_name)", ok("gconf_group_items>0>gconf_name = Alpha", "gconf_group_items>2>gconf_name = eta", "gconf_group_items>3 absent")))
	l.add("a collection with a filter", page, get("{groups}({now})?$select=gconf_name&$expand=gconf_group_items($select=gconf_name;$filter=gconf_flag eq true)", ok("gconf_group_items>0>gconf_name = Alpha", "gconf_group_items>1 absent")))
	l.add("a collection with an order and a top", page, get("{groups}({now})?$select=gconf_name&$expand=gconf_group_items($select=gconf_name;$orderby=gconf_name desc;$top=1)", ok("gconf_group_items>0>gconf_name = eta", "gconf_group_items>1 absent")))
	l.add("an empty collection", page, get("{groups}({y-1})?$select=gconf_name&$expand=gconf_group_items($select=gconf_name)", ok("gconf_group_items empty")))
	l.add("collections of rows have a link", page, get("{groups}?$select=gconf_name&$filter=gconf_name eq 'now'&$expand=gconf_group_items($select=gconf_name)", named("now").shaped("value>0>gconf_group_items some", "value>0>gconf_group_items@odata.nextLink url")))
	l.add("many-to-many", page, get("{items}({b})?$select=gconf_name&$expand=gconf_item_group($select=gconf_name)", ok("gconf_item_group>0>gconf_name = now", "gconf_item_group>1 absent")))
	l.add("nested", page, get("{items}({d})?$select=gconf_name&$expand=gconf_groupid($select=gconf_name;$expand=gconf_group_items($select=gconf_name))", ok("gconf_groupid>gconf_group_items>0>gconf_name = Delta", "gconf_groupid>gconf_group_items>1 absent")))
	l.add("two beside each other", page, get("{items}({a})?$select=gconf_name&$expand=gconf_groupid($select=gconf_name),gconf_item_group($select=gconf_name;$orderby=gconf_name)", ok("gconf_groupid>gconf_name = now", "gconf_item_group>1>gconf_name = now")))
	for _, o := range []struct{ name, option string }{
		{"unknown column inside", "$expand=gconf_groupid($select=nosuch)"}, {"$skip inside", "$expand=gconf_groupid($skip=1)"}, {"an option without $", "$expand=gconf_groupid(select=gconf_name)"}, {"an open parenthesis", "$expand=gconf_groupid($select=gconf_name"},
	} {
		l.add("refused: "+o.name, page, get("{items}?"+o.option, refused(400, "")))
	}
	l.add("refused: $ref of a collection", page, get("{groups}?$expand=gconf_group_items/$ref", refused(400, "0x80060888")))
	return l.cases
}

// pagingCases follow links to the end.
func pagingCases() []Case {
	l := list{area: "paging", needs: ownRows}
	const page = "webapi/query/page-results"
	all := strings.Split(everyItem, ",")
	for _, by := range []struct {
		name, option string
		rows         []string
	}{
		{"in no order", "", nil}, {"by name", "&$orderby=gconf_name", all}, {"by a number, with ties and null", "&$orderby=gconf_number desc,gconf_name", []string{"Zeta", "Beta", "eta", "Alpha", "Épsilon", "Delta", "Gamma"}},
		{"by a lookup", "&$orderby=_gconf_groupid_value,gconf_name desc", []string{"Gamma", "Épsilon", "Delta", "eta", "Beta", "Alpha", "Zeta"}},
	} {
		for _, size := range []int{1, 3, 7, 8} {
			w := want{status: 200, rows: all, pages: pagesOf(len(all), size)}
			if by.rows != nil {
				w.rows, w.ordered = by.rows, true
			}
			l.add(fmt.Sprintf("pages of %d %s", size, by.name), page, get("{items}?$select=gconf_name"+by.option, w.headed(fmt.Sprintf("Preference-Applied = odata.maxpagesize=%d", size)), "Prefer", fmt.Sprintf("odata.maxpagesize=%d", size)))
		}
	}
	l.add("a filter goes along", page, get("{items}?$select=gconf_name&$filter=gconf_flag eq true&$orderby=gconf_name", want{status: 200, rows: []string{"Alpha", "Delta", "Zeta"}, ordered: true, pages: []int{2, 1}}, "Prefer", "odata.maxpagesize=2"))
	l.add("the count is of all pages", page, get("{items}?$select=gconf_name&$count=true", want{status: 200, pages: []int{4, 3}, shape: []string{"@odata.count = 7"}}, "Prefer", "odata.maxpagesize=4"))
	l.add("$top beside a page size", page, get("{items}?$select=gconf_name&$top=2", ok("value>2 object"), "Prefer", "odata.maxpagesize=3"))
	l.add("a collection of a row", page, get("{groups}({now})/gconf_group_items?$select=gconf_name", want{status: 200, rows: []string{"Alpha", "Beta", "eta"}, pages: []int{2, 1}}, "Prefer", "odata.maxpagesize=2"))
	l.add("a link's form", page, get("{items}?$select=gconf_name", ok("@odata.nextLink url"), "Prefer", "odata.maxpagesize=2"))
	const cookie = "fetchxml/page-results"
	annotations := `odata.include-annotations="Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords"`
	fetch := func(head string) string {
		return "{items}?fetchXml=" + encoded(`<fetch `+head+`><entity name="gconf_item"><attribute name="gconf_name"/><order attribute="gconf_name"/></entity></fetch>`)
	}
	l.add("FetchXML: a first page", cookie, get(fetch(`count="3" page="1"`), inOrder(all[:3]...).shaped("@Microsoft.Dynamics.CRM.morerecords = true", "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie string"), "Prefer", annotations))
	l.add("FetchXML: a page without a cookie", cookie, get(fetch(`count="3" page="2"`), inOrder(all[3:6]...)))
	l.add("FetchXML: the last page", cookie, get(fetch(`count="3" page="3"`), inOrder(all[6:]...).shaped("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie absent"), "Prefer", annotations))
	l.add("FetchXML: a page behind the last", cookie, get(fetch(`count="3" page="9"`), named()))
	l.add("FetchXML: top", "fetchxml/page-results", get(fetch(`top="2"`), inOrder(all[:2]...)))
	l.add("FetchXML: top beside count", unsaid, get(fetch(`top="2" count="1"`), refused(400, "")))
	l.add("FetchXML: returntotalrecordcount", "fetchxml/count-rows", get(fetch(`count="2" returntotalrecordcount="true"`), inOrder(all[:2]...).shaped("@odata.count = 7")))
	return l.cases
}

func pagesOf(n, size int) []int {
	var out []int
	for ; n > 0; n -= size {
		out = append(out, min(n, size))
	}
	return out
}
