package query

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// runSavedQuery answers savedQuery and userQuery: a view's FetchXML over the collection
// (webapi/retrieve-and-execute-predefined-queries).
func (s *Service) runSavedQuery(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection) (*wire.Answer, error) {
	option, name := "savedQuery", "savedquery"
	if o.Has("userQuery") {
		option, name = "userQuery", "userquery"
	}
	t := e.Snap.Schema.Tables[name]
	id, ok := (wire.Segment{Key: o.Values[option]}).ID()
	if !ok || t == nil {
		return nil, wire.BadQuery("The value of the query parameter %s is not a valid id.", option)
	}
	view := e.Source(t).Get(e, id)
	if view == nil {
		return nil, wire.NoRow(name, id.String())
	}
	if of, _ := view.Get(t.ByName["returnedtypecode"].Index).(string); of != "" && of != from.Table.Name {
		return nil, wire.BadQuery("The view is of the entity '%s', not of '%s'.", of, from.Table.Name)
	}
	text, _ := view.Get(t.ByName["fetchxml"].Index).(string)
	if text == "" {
		return nil, FetchError(nil)
	}
	return s.fetch(c, e, o, from, text, func(q *FetchQuery) error { return q.viewPage(o) })
}

// viewPage makes a view come in pages of the preferred size, each with a link to the next. The pages do not show such a
// link's form; here it is that of an OData query.
func (q *FetchQuery) viewPage(o *wire.QueryOptions) error {
	if q.Fetch.Top > 0 {
		return nil
	}
	q.Fetch.Page, q.Fetch.PagingCookie = 0, ""
	if n := pageSize(q.Call); n > 0 && !q.Fetch.Aggregate {
		q.Fetch.Count = n
	}
	if token, ok := o.Values["$skiptoken"]; ok {
		next, err := fetchxml.ParseNextPage(token)
		if err != nil {
			return invalidCookie()
		}
		q.Fetch.Page, q.Fetch.PagingCookie = next.Number, next.Cookie.String()
	}
	q.pageLink = func(next fetchxml.NextPage) string {
		link := q.Call.Base + "/" + strings.TrimSuffix(q.Call.Address(), "/") + "?"
		if rest := o.Link("$skiptoken"); rest != "" {
			link += rest + "&"
		}
		return link + "$skiptoken=" + next.SkipToken()
	}
	return nil
}

// exclusive refuses more than one query language in one request.
func exclusive(o *wire.QueryOptions) error {
	n := 0
	for _, name := range []string{"$apply", "fetchXml", "savedQuery", "userQuery", "sql"} {
		if o.Has(name) {
			n++
		}
	}
	if n > 1 {
		return wire.NewError(http.StatusBadRequest, "0x80060888", "Only one of the query parameters $apply, fetchXml, savedQuery, userQuery and sql can be used in a request.")
	}
	return nil
}
