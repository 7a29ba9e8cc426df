package emulator

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
)

// predefined answers savedQuery and userQuery: a view's FetchXML over the collection
// (webapi/retrieve-and-execute-predefined-queries).
func (s *queryService) predefined(c *call, e *env, o *queryOptions, from collection) (*answer, error) {
	option, name := "savedQuery", "savedquery"
	if o.has("userQuery") {
		option, name = "userQuery", "userquery"
	}
	t := e.snap.schema.tables[name]
	id, ok := (segment{key: o.values[option]}).id()
	if !ok || t == nil {
		return nil, badQuery("The value of the query parameter %s is not a valid id.", option)
	}
	view := e.source(t).get(e, id)
	if view == nil {
		return nil, noRow(name, id.String())
	}
	if of, _ := view.get(t.byName["returnedtypecode"].index).(string); of != "" && of != from.table.Name {
		return nil, badQuery("The view is of the entity '%s', not of '%s'.", of, from.table.Name)
	}
	text, _ := view.get(t.byName["fetchxml"].index).(string)
	if text == "" {
		return nil, fetchFault(nil)
	}
	return s.fetch(c, e, o, from, text, func(q *fetchQuery) error { return q.viewPage(o) })
}

// viewPage makes a view come in pages of the preferred size, each with a link to the next. The pages do not show such a
// link's form; here it is that of an OData query.
func (q *fetchQuery) viewPage(o *queryOptions) error {
	if q.f.Top > 0 {
		return nil
	}
	q.f.Page, q.f.PagingCookie = 0, ""
	if n := q.call.pageSize(); n > 0 && !q.f.Aggregate {
		q.f.Count = n
	}
	if token, ok := o.values["$skiptoken"]; ok {
		next, err := fetchxml.ParseNextPage(token)
		if err != nil {
			return invalidCookie()
		}
		q.f.Page, q.f.PagingCookie = next.Number, next.Cookie.String()
	}
	q.pageLink = func(next fetchxml.NextPage) string {
		link := q.call.base + "/" + strings.TrimSuffix(q.call.address(), "/") + "?"
		if rest := o.link("$skiptoken"); rest != "" {
			link += rest + "&"
		}
		return link + "$skiptoken=" + next.SkipToken()
	}
	return nil
}

// exclusive refuses more than one query language in one request.
func exclusive(o *queryOptions) error {
	n := 0
	for _, name := range []string{"$apply", "fetchXml", "savedQuery", "userQuery"} {
		if o.has(name) {
			n++
		}
	}
	if n > 1 {
		return newFault(http.StatusBadRequest, "0x80060888", "Only one of the query parameters $apply, fetchXml, savedQuery and userQuery can be used in a request.")
	}
	return nil
}
