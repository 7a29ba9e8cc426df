package emulator

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// Change tracking. Page: use-change-tracking-synchronize-data-external-systems.

// tracking tells whether a query of a table asks for its changes: by the preference, by a delta link, or by the link to a
// further page of either.
func (c *call) tracking() bool {
	if c.prefer("odata.track-changes") != "" || c.query.Has("$deltatoken") {
		return true
	}
	if !c.query.Has("$skiptoken") {
		return false
	}
	next, err := fetchxml.ParseNextPage(c.query.Get("$skiptoken"))
	return err == nil && next.Tracking
}

// changes is a query of what has changed in a table. What changes while its pages are read belongs to the next query.
type changes struct {
	env   *env
	table *table
	since int64 // the version that the client has; -1: none, it gets every row
	until int64 // the newest version when the first page was read
	begun time.Time

	page  int
	after deletion // the last entry of the page before
	gone  bool     // that entry is a deleted row
}

// readChanges checks what a query of changes asks for.
func (s *queryService) readChanges(c *call, e *env, t *table) (*changes, *queryOptions, error) {
	o, err := readOptions(c, append([]string{"$deltatoken"}, setOptions...)...)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"$filter", "$orderby", "$expand", "$top"} {
		if o.has(name) {
			return nil, nil, badQuery("The \"%s\" query parameter isn't supported when Change Tracking is enabled.", name)
		}
	}
	for _, name := range []string{"$apply", "$count", "fetchXml", "savedQuery", "userQuery"} {
		if o.has(name) {
			return nil, nil, s.notEmulated("odata.track-changes with " + name)
		}
	}
	if !t.tracked {
		return nil, nil, newFault(http.StatusBadRequest, "0x80072491", "Entity %s isn't enabled for change tracking.", t.Name)
	}
	if err := c.readsAll(t); err != nil {
		return nil, nil, err
	}
	if e.source(t).union != nil {
		return nil, nil, s.notEmulated("odata.track-changes of " + t.Name)
	}
	ch := &changes{env: e, table: t, since: -1, until: e.snap.version, begun: e.now, page: 1}
	if token, given := o.values["$deltatoken"]; given {
		if ch.since, err = ch.readToken(token); err != nil {
			return nil, nil, err
		}
	}
	if token, given := o.values["$skiptoken"]; given {
		if err := ch.resume(token); err != nil {
			return nil, nil, err
		}
	}
	return ch, o, nil
}

// readsAll refuses a caller whose right to read a table does not reach every row of the organisation.
func (c *call) readsAll(t *table) error {
	if err := c.allowed("Read", t, nil); err != nil {
		return err
	}
	sn := c.view()
	for _, user := range []uuid.UUID{c.user, c.caller} {
		if user == uuid.Nil {
			continue
		}
		g := c.engine.grantsOf(sn, user)
		p, of, found := sn.schema.right(t, "Read")
		if !found || g.administrator {
			continue
		}
		id := privilegeID(p.Name)
		if !slices.ContainsFunc(g.held[id], func(h held) bool { return h.mask&depthMasks["Global"] != 0 }) {
			return g.missing(p.Name, id, of)
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
	at, err2 := time.Parse(stampLayout, date)
	if !found || err != nil || err2 != nil || version < 0 || version > ch.until {
		return 0, badQuery("Invalid value '%s' for $deltatoken query option found.", token)
	}
	org := ch.env.snap.schema.tables["organization"]
	days, set := org.get(ch.env.snap.data[org.Name].get(ch.env.engine.organizationID), "expirechangetrackingindays").(int64)
	if !set {
		days = defaultTrackingDays
	}
	// Versions go on when a backup is put in place, so that an earlier token would hide what went back.
	if ch.env.now.Sub(at) > time.Duration(days)*24*time.Hour || version < ch.env.snap.restored {
		return 0, newFault(http.StatusBadRequest, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync.")
	}
	return version, nil
}

var tokenEscapes = strings.NewReplacer("!", "%21", "/", "%2f", " ", "%20", ":", "%3a")

func (ch *changes) token() string {
	return tokenEscapes.Replace(strconv.FormatInt(ch.until, 10) + "!" + ch.begun.UTC().Format(stampLayout))
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
	ch.after.version, errs[0] = strconv.ParseInt(version.Last, 10, 64)
	ch.until, errs[1] = strconv.ParseInt(version.First, 10, 64)
	ch.after.id, errs[2] = uuid.Parse(key.Last)
	at, errs[3] = strconv.ParseInt(begun.Last, 10, 64)
	ch.gone = begun.First == "deleted"
	for _, err := range errs {
		if err != nil {
			return invalidCookie()
		}
	}
	if ch.until > ch.env.snap.version || ch.until < ch.since {
		return invalidCookie()
	}
	ch.begun, ch.page = time.Unix(at, 0), next.Number
	return nil
}

// cookie is where the next page begins.
func (ch *changes) cookie(last deletion, gone bool) string {
	kind := "changed"
	if gone {
		kind = "deleted"
	}
	id := "{" + strings.ToUpper(last.id.String()) + "}"
	return fetchxml.NextPage{Number: ch.page + 1, Tracking: true, Cookie: fetchxml.Cookie{Page: ch.page, Columns: []fetchxml.CookieColumn{
		{Name: "versionnumber", Last: strconv.FormatInt(last.version, 10), First: strconv.FormatInt(ch.until, 10)},
		{Name: ch.table.ID, Last: id, First: id},
		{Name: "begun", Last: strconv.FormatInt(ch.begun.Unix(), 10), First: kind},
	}}}.SkipToken()
}

// written calls fn for the rows that were made or changed, in the order of ids.
func (ch *changes) written(fn func(*row)) {
	ch.env.source(ch.table).walk(ch.env, nil, uuid.Nil, func(r *row) bool {
		if r.version > ch.since && r.version <= ch.until {
			fn(r)
		}
		return true
	})
}

// deleted calls fn for the rows that were taken away and are not there again, in the order of their going. Whoever asks
// for the first time hears of none.
func (ch *changes) deleted(after int64, fn func(deletion) bool) {
	data := ch.env.snap.data[ch.table.Name]
	if ch.since < 0 || data == nil || data.gone == nil {
		return
	}
	data.gone.Ascend(deletion{version: max(ch.since, after) + 1}, func(d deletion) bool {
		return d.version <= ch.until && (data.get(d.id) != nil || fn(d))
	})
}

// read finds the entries of one page: rows by version, then deleted ones. There are up to one more than fit.
func (ch *changes) read(limit int) (list []*row, gone []deletion) {
	order := func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.version, b.version), bytes.Compare(a.id[:], b.id[:]))
	}
	last := &row{id: ch.after.id, version: ch.after.version}
	if !ch.gone {
		ch.written(func(r *row) {
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
		after = ch.after.version
	}
	if len(list) <= limit {
		ch.deleted(after, func(d deletion) bool {
			gone = append(gone, d)
			return len(list)+len(gone) <= limit
		})
	}
	return list, gone
}

// listChanges answers a query of changes. Page: use-change-tracking-synchronize-data-external-systems.
func (s *queryService) listChanges(c *call, e *env, t *table) (*answer, error) {
	ch, o, err := s.readChanges(c, e, t)
	if err != nil {
		return nil, err
	}
	sh, err := newCompiler(e).shape(o.values["$select"], "", t)
	if err != nil {
		return nil, err
	}
	limit := maxRows
	if size := c.pageSize(); size > 0 {
		limit = size
	}
	list, gone := ch.read(limit)
	if err := e.finished(); err != nil {
		return nil, err
	}
	var next string
	switch {
	case len(list) > limit:
		list, gone = list[:limit], nil
		next = ch.cookie(deletion{list[limit-1].version, list[limit-1].id}, false)
	case len(list)+len(gone) > limit && len(list) == limit:
		gone = nil
		next = ch.cookie(deletion{list[limit-1].version, list[limit-1].id}, false)
	case len(list)+len(gone) > limit:
		gone = gone[:limit-len(list)]
		next = ch.cookie(gone[len(gone)-1], true)
	}
	link := func(without, name, value string) string {
		rest := o.link(without, "$skiptoken")
		if rest != "" {
			rest += "&"
		}
		return c.base + "/" + c.address() + "?" + rest + name + "=" + value
	}

	w := newEncoder(c, e)
	w.text("{")
	w.key("@odata.context")
	context := c.base + "/$metadata#" + t.Set + sh.context()
	if ch.since >= 0 {
		context += "/$delta"
	}
	w.b = appendJSON(w.b, context)
	if next == "" {
		w.key("@odata.deltaLink")
		w.b = appendJSON(w.b, link("$deltatoken", "$deltatoken", ch.token()))
	}
	w.key("value")
	w.text("[")
	comma := func(i int) {
		if i > 0 {
			w.text(",")
		}
	}
	for i, r := range list {
		comma(i)
		w.row(sh, r, listed)
	}
	for i, d := range gone {
		comma(len(list) + i)
		w.text("{")
		w.key("@odata.context")
		w.b = appendJSON(w.b, c.base+"/$metadata#"+t.Set+"/$deletedEntity")
		w.key("id")
		w.b = appendJSON(w.b, d.id.String())
		w.key("reason")
		w.text(`"deleted"}`)
	}
	w.text("]")
	if next != "" {
		w.key("@odata.nextLink")
		w.b = appendJSON(w.b, link("", "$skiptoken", next))
	}
	w.text("}")
	if err := e.finished(); err != nil {
		return nil, err
	}
	c.readRows(len(list))
	a := &answer{status: http.StatusOK, body: w.b}
	var applied []string
	if c.prefer("odata.track-changes") != "" {
		applied = append(applied, "odata.track-changes")
	}
	if size := c.pageSize(); size > 0 {
		applied = append(applied, "odata.maxpagesize="+strconv.Itoa(size))
	}
	if v := c.applied(applied...); v != "" {
		a.set("Preference-Applied", v)
	}
	return a, nil
}

// countChanges is GET set/$count with a delta token: how many entries its link would give.
func (s *queryService) countChanges(c *call, e *env, t *table) (*answer, error) {
	ch, o, err := s.readChanges(c, e, t)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"$select", "$skiptoken"} {
		if o.has(name) {
			return nil, badQuery("The query parameter %s is not supported.", name)
		}
	}
	n := 0
	ch.written(func(*row) { n++ })
	ch.deleted(0, func(deletion) bool { n++; return true })
	if err := e.finished(); err != nil {
		return nil, err
	}
	return (&answer{status: http.StatusOK, body: countText(min(n, maxRows))}).set("Content-Type", "text/plain"), nil
}

const stampLayout = "01/02/2006 15:04:05"
