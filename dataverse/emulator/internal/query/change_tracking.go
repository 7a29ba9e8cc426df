package query

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// Change tracking. Page: use-change-tracking-synchronize-data-external-systems.

// asksForChanges tells whether a query of a table asks for its changes: by the preference, by a delta link, or by the
// link to a further page of either.
func asksForChanges(c *wire.Call) bool {
	if c.Preference("odata.track-changes") != "" || c.Query.Has("$deltatoken") {
		return true
	}
	if !c.Query.Has("$skiptoken") {
		return false
	}
	next, err := fetchxml.ParseNextPage(c.Query.Get("$skiptoken"))
	return err == nil && next.Tracking
}

// changes is a query of what has changed in a table. What changes while its pages are read belongs to the next query.
type changes struct {
	env   *Env
	table *schema.Table
	since int64 // the version that the client has; -1: none, it gets every row
	until int64 // the newest version when the first page was read
	begun time.Time

	page  int
	after store.Deletion // the last entry of the page before
	gone  bool           // that entry is a deleted row
}

// readChanges checks what a query of changes asks for.
func (s *Service) readChanges(c *wire.Call, e *Env, t *schema.Table) (*changes, *wire.QueryOptions, error) {
	o, err := wire.ReadOptions(c, append([]string{"$deltatoken"}, setOptions...)...)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"$filter", "$orderby", "$expand", "$top"} {
		if o.Has(name) {
			return nil, nil, wire.BadQuery("The \"%s\" query parameter isn't supported when Change Tracking is enabled.", name)
		}
	}
	for _, name := range []string{"$apply", "$count", "fetchXml", "savedQuery", "userQuery"} {
		if o.Has(name) {
			return nil, nil, wire.NotEmulated(s.Engine, "odata.track-changes with "+name)
		}
	}
	if !t.Tracked {
		return nil, nil, wire.NewError(http.StatusBadRequest, "0x80072491", "Entity %s isn't enabled for change tracking.", t.Name)
	}
	if err := readsAll(c, t); err != nil {
		return nil, nil, err
	}
	if e.Source(t).union != nil {
		return nil, nil, wire.NotEmulated(s.Engine, "odata.track-changes of "+t.Name)
	}
	ch := &changes{env: e, table: t, since: -1, until: e.Snap.Version, begun: e.Now, page: 1}
	if token, given := o.Values["$deltatoken"]; given {
		if ch.since, err = ch.readToken(token); err != nil {
			return nil, nil, err
		}
	}
	if token, given := o.Values["$skiptoken"]; given {
		if err := ch.resume(token); err != nil {
			return nil, nil, err
		}
	}
	return ch, o, nil
}

// readsAll refuses a caller whose right to read a table does not reach every row of the organisation.
func readsAll(c *wire.Call, t *schema.Table) error {
	if err := access.CheckRight(c, "Read", t, nil); err != nil {
		return err
	}
	sn := c.View()
	for _, user := range []uuid.UUID{c.User, c.Caller} {
		if user == uuid.Nil {
			continue
		}
		g := access.GrantsOf(c.Engine, sn, user)
		p, of, found := access.PrivilegeFor(sn.Schema, t, "Read")
		if !found || g.Administrator {
			continue
		}
		id := schema.PrivilegeID(p.Name)
		if !slices.ContainsFunc(g.Held[id], func(h access.HeldPrivilege) bool { return h.Mask&schema.DepthMasks["Global"] != 0 }) {
			return g.Missing(p.Name, id, of)
		}
	}
	return nil
}

// defaultTrackingDays is how long a delta link is good where organization.expirechangetrackingindays says nothing.
const defaultTrackingDays = 7

// readToken reads a delta token: a version and when it was the newest.
func (ch *changes) readToken(token string) (int64, error) {
	number, date, found := strings.Cut(token, "!")
	version, err := strconv.ParseInt(number, 10, 64)
	at, err2 := time.Parse(StampLayout, date)
	if !found || err != nil || err2 != nil || version < 0 || version > ch.until {
		return 0, wire.BadQuery("Invalid value '%s' for $deltatoken query option found.", token)
	}
	org := ch.env.Snap.Schema.Tables["organization"]
	days, set := store.Value(org, ch.env.Snap.Data[org.Name].Get(ch.env.Engine.OrganizationID), "expirechangetrackingindays").(int64)
	if !set {
		days = defaultTrackingDays
	}
	// Versions go on when a backup is put in place, so that an earlier token would hide what went back.
	if ch.env.Now.Sub(at) > time.Duration(days)*24*time.Hour || version < ch.env.Snap.Restored {
		return 0, wire.NewError(http.StatusBadRequest, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync.")
	}
	return version, nil
}

var tokenEscapes = strings.NewReplacer("!", "%21", "/", "%2f", " ", "%20", ":", "%3a")

func (ch *changes) token() string {
	return tokenEscapes.Replace(strconv.FormatInt(ch.until, 10) + "!" + ch.begun.UTC().Format(StampLayout))
}

// resume goes on behind the page that a link to the next one came with.
func (ch *changes) resume(token string) error {
	next, err := fetchxml.ParseNextPage(token)
	if err != nil || !next.Tracking || len(next.Cookie.Columns) != 3 {
		return invalidCookie()
	}
	version, key, begun := next.Cookie.Columns[0], next.Cookie.Columns[1], next.Cookie.Columns[2]
	var errs [4]error
	var at int64
	ch.after.Version, errs[0] = strconv.ParseInt(version.Last, 10, 64)
	ch.until, errs[1] = strconv.ParseInt(version.First, 10, 64)
	ch.after.ID, errs[2] = uuid.Parse(key.Last)
	at, errs[3] = strconv.ParseInt(begun.Last, 10, 64)
	ch.gone = begun.First == "deleted"
	for _, err := range errs {
		if err != nil {
			return invalidCookie()
		}
	}
	if ch.until > ch.env.Snap.Version || ch.until < ch.since {
		return invalidCookie()
	}
	ch.begun, ch.page = time.Unix(at, 0), next.Number
	return nil
}

// cookie is where the next page begins.
func (ch *changes) cookie(last store.Deletion, gone bool) string {
	kind := "changed"
	if gone {
		kind = "deleted"
	}
	id := "{" + strings.ToUpper(last.ID.String()) + "}"
	return fetchxml.NextPage{Number: ch.page + 1, Tracking: true, Cookie: fetchxml.Cookie{Page: ch.page, Columns: []fetchxml.CookieColumn{
		{Name: "versionnumber", Last: strconv.FormatInt(last.Version, 10), First: strconv.FormatInt(ch.until, 10)},
		{Name: ch.table.ID, Last: id, First: id},
		{Name: "begun", Last: strconv.FormatInt(ch.begun.Unix(), 10), First: kind},
	}}}.SkipToken()
}

// written calls fn for the rows that were made or changed, in the order of ids.
func (ch *changes) written(fn func(*store.Row)) {
	ch.env.Source(ch.table).walk(ch.env, nil, uuid.Nil, func(r *store.Row) bool {
		if r.Version > ch.since && r.Version <= ch.until {
			fn(r)
		}
		return true
	})
}

// deleted calls fn for the rows that were taken away and are not there again, in the order of their going. Whoever asks
// for the first time hears of none.
func (ch *changes) deleted(after int64, fn func(store.Deletion) bool) {
	data := ch.env.Snap.Data[ch.table.Name]
	if ch.since < 0 || data == nil || data.Deleted == nil {
		return
	}
	data.Deleted.Ascend(store.Deletion{Version: max(ch.since, after) + 1}, func(d store.Deletion) bool {
		return d.Version <= ch.until && (data.Get(d.ID) != nil || fn(d))
	})
}

// read finds the entries of one page: rows by version, then deleted ones. There are up to one more than fit.
func (ch *changes) read(limit int) (list []*store.Row, gone []store.Deletion) {
	order := func(a, b *store.Row) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), bytes.Compare(a.ID[:], b.ID[:]))
	}
	last := &store.Row{ID: ch.after.ID, Version: ch.after.Version}
	if !ch.gone {
		ch.written(func(r *store.Row) {
			if ch.page > 1 && order(r, last) <= 0 {
				return
			}
			if list = append(list, r); len(list) > 2*limit+2 {
				slices.SortFunc(list, order)
				list = list[:limit+1]
			}
		})
		slices.SortFunc(list, order)
		list = list[:min(len(list), limit+1)]
	}
	after := int64(0)
	if ch.gone {
		after = ch.after.Version
	}
	if len(list) <= limit {
		ch.deleted(after, func(d store.Deletion) bool {
			gone = append(gone, d)
			return len(list)+len(gone) <= limit
		})
	}
	return list, gone
}

// listChanges answers a query of changes. Page: use-change-tracking-synchronize-data-external-systems.
func (s *Service) listChanges(c *wire.Call, e *Env, t *schema.Table) (*wire.Answer, error) {
	ch, o, err := s.readChanges(c, e, t)
	if err != nil {
		return nil, err
	}
	sh, err := NewCompiler(e).Shape(o.Values["$select"], "", t)
	if err != nil {
		return nil, err
	}
	limit := MaxRows
	if size := pageSize(c); size > 0 {
		limit = size
	}
	list, gone := ch.read(limit)
	if err := e.Err(); err != nil {
		return nil, err
	}
	var next string
	switch {
	case len(list) > limit:
		list, gone = list[:limit], nil
		next = ch.cookie(store.Deletion{Version: list[limit-1].Version, ID: list[limit-1].ID}, false)
	case len(list)+len(gone) > limit && len(list) == limit:
		gone = nil
		next = ch.cookie(store.Deletion{Version: list[limit-1].Version, ID: list[limit-1].ID}, false)
	case len(list)+len(gone) > limit:
		gone = gone[:limit-len(list)]
		next = ch.cookie(gone[len(gone)-1], true)
	}
	link := func(without, name, value string) string {
		rest := o.Link(without, "$skiptoken")
		if rest != "" {
			rest += "&"
		}
		return c.Base + "/" + c.Address() + "?" + rest + name + "=" + value
	}

	w := NewEncoder(c, e)
	w.Text("{")
	w.Key("@odata.context")
	context := c.Base + "/$metadata#" + t.Set + sh.context()
	if ch.since >= 0 {
		context += "/$delta"
	}
	w.Buf = AppendJSON(w.Buf, context)
	if next == "" {
		w.Key("@odata.deltaLink")
		w.Buf = AppendJSON(w.Buf, link("$deltatoken", "$deltatoken", ch.token()))
	}
	w.Key("value")
	w.Text("[")
	comma := func(i int) {
		if i > 0 {
			w.Text(",")
		}
	}
	for i, r := range list {
		comma(i)
		w.Row(sh, r, Listed)
	}
	for i, d := range gone {
		comma(len(list) + i)
		w.Text("{")
		w.Key("@odata.context")
		w.Buf = AppendJSON(w.Buf, c.Base+"/$metadata#"+t.Set+"/$deletedEntity")
		w.Key("id")
		w.Buf = AppendJSON(w.Buf, d.ID.String())
		w.Key("reason")
		w.Text(`"deleted"}`)
	}
	w.Text("]")
	if next != "" {
		w.Key("@odata.nextLink")
		w.Buf = AppendJSON(w.Buf, link("", "$skiptoken", next))
	}
	w.Text("}")
	if err := e.Err(); err != nil {
		return nil, err
	}
	c.CountRead(len(list))
	a := &wire.Answer{Status: http.StatusOK, Body: w.Buf}
	var asked []string
	if c.Preference("odata.track-changes") != "" {
		asked = append(asked, "odata.track-changes")
	}
	if size := pageSize(c); size > 0 {
		asked = append(asked, "odata.maxpagesize="+strconv.Itoa(size))
	}
	if v := applied(c, asked...); v != "" {
		a.SetHeader("Preference-Applied", v)
	}
	return a, nil
}

// countChanges is GET set/$count with a delta token: how many entries its link would give.
func (s *Service) countChanges(c *wire.Call, e *Env, t *schema.Table) (*wire.Answer, error) {
	ch, o, err := s.readChanges(c, e, t)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"$select", "$skiptoken"} {
		if o.Has(name) {
			return nil, wire.BadQuery("The query parameter %s is not supported.", name)
		}
	}
	n := 0
	ch.written(func(*store.Row) { n++ })
	ch.deleted(0, func(store.Deletion) bool { n++; return true })
	if err := e.Err(); err != nil {
		return nil, err
	}
	return (&wire.Answer{Status: http.StatusOK, Body: countText(min(n, MaxRows))}).SetHeader("Content-Type", "text/plain"), nil
}

// StampLayout is how a delta token and a ServerVersionStamp write a moment.
const StampLayout = "01/02/2006 15:04:05"
