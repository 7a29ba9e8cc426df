package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
)

// Keep is what is kept of a column's value.
type Keep uint8

const (
	// Plain keeps an id, a number, a truth, a date, or a row's version. Another text is not kept, and the query is read in full.
	Plain Keep = iota
	// Joined keeps a keyed hash of a text, for texts that only matter by being equal.
	Joined
	// Some keeps whether a text holds anything.
	Some
)

// Reading is a query, and what is kept of each of its columns.
type Reading struct {
	dataverse.Selection
	Keeps []Keep
	// Same is what of a text matters where it is joined: equal texts are the same. Empty: it joins nothing.
	Same func(text []byte) []byte
}

// far is a table whose rows a query looks at over lookups.
type far struct {
	path string // navigation properties from the query's table
	id   string // the table's primary id
	of   string // the table
	// looked tells that more than the id of the row is looked at. Otherwise nothing matters but that it is there.
	looked bool
}

// basis is what a query's answer rests on.
type basis struct {
	table *dataverse.Table
	far   []far
	// whole is why the query is read in full each night; empty: it is not.
	whole string
	facts []string // what definitions say of what it looks at
	off   []string // tables whose changes are not tracked
}

// names are the logical names of all tables whose changes change the answer.
func (b *basis) names() []string {
	all := []string{b.table.LogicalName}
	for _, f := range b.far {
		if !slices.Contains(all, f.of) {
			all = append(all, f.of)
		}
	}
	return all
}

// lasting are the query functions whose answer for a row depends on the row alone. Others depend on the day, on who asks, or on
// rows above and below.
var lasting = map[string]bool{"In": true, "NotIn": true, "ContainValues": true, "DoesNotContainValues": true}

// look finds out what a query's answer rests on.
func look(ctx context.Context, r dataverse.Reader, q dataverse.Query, columns []string) (*basis, error) {
	l := &looking{ctx: ctx, reader: r}
	b := &l.basis
	if q.Table == "" || q.FetchXML != "" {
		b.whole = "it is a view or FetchXML"
		return b, nil
	}
	if q.Apply != "" || q.OrderBy != "" || q.Top != 0 {
		b.whole = "it is no plain list of rows"
		return b, nil
	}
	b.table = l.take(q.Table)
	for _, name := range slices.Concat(q.Select, columns) {
		if name != "" && !strings.ContainsAny(name, "/@") {
			l.column(b.table, name)
		}
	}
	if q.Expand != "" {
		items, err := odata.ParseExpand(q.Expand)
		if err != nil {
			l.inFull("what it expands cannot be looked through")
		}
		l.expand(b.table, "", items)
	}
	if q.Filter != "" {
		e, err := odata.ParseFilter(q.Filter)
		if err != nil {
			l.inFull("its filter cannot be looked through")
		} else {
			l.filter(b.table, e)
		}
	}
	if l.err != nil {
		return nil, l.err
	}
	slices.Sort(b.facts)
	b.facts = slices.Compact(b.facts)
	return b, nil
}

// looking walks through a query. After the first fault it goes nowhere.
type looking struct {
	ctx    context.Context
	reader dataverse.Reader
	basis
	err error
}

func (l *looking) inFull(format string, args ...any) {
	if l.whole == "" {
		l.whole = fmt.Sprintf(format, args...)
	}
}

// take is a table that the query looks at; nil after a fault.
func (l *looking) take(name string) *dataverse.Table {
	if l.err != nil {
		return nil
	}
	t, err := l.reader.Table(l.ctx, name)
	switch {
	case errors.Is(err, dataverse.ErrNoTable):
		l.inFull("%s is a table without a definition", name)
		return nil
	case err != nil:
		l.err = err
		return nil
	}
	if !t.Tracked {
		l.inFull("change tracking is off for %s", name)
		l.off = append(l.off, name)
	}
	l.facts = append(l.facts, strings.Join([]string{name, t.EntitySet, t.PrimaryID}, " "))
	return t
}

// column notes a column, by the name that it has in a query.
func (l *looking) column(t *dataverse.Table, name string) {
	if t == nil {
		return
	}
	a := t.Attributes[name]
	if inner, lookup := strings.CutPrefix(name, "_"); a == nil && lookup {
		a = t.Attributes[strings.TrimSuffix(inner, "_value")]
	}
	switch {
	case a == nil:
		l.inFull("%s has no column %s by its definition", t.LogicalName, name)
		return
	case a.Computed:
		l.inFull("%s of %s is worked out by the service", a.LogicalName, t.LogicalName)
	case a.Logical || a.AttributeOf != "":
		l.inFull("%s of %s does not stand on the row itself", a.LogicalName, t.LogicalName)
	}
	l.facts = append(l.facts, fmt.Sprint(t.LogicalName, " ", a.LogicalName, " ", a.Type, " ", a.DateTimeBehavior, " ", a.Format, " ", a.Secured))
}

// over goes over a lookup to the table behind it.
func (l *looking) over(t *dataverse.Table, path, nav string) (*dataverse.Table, string) {
	if t == nil {
		return nil, ""
	}
	at := slices.IndexFunc(t.ManyToOne, func(r dataverse.Relationship) bool { return r.ReferencingNav == nav })
	if at < 0 {
		l.inFull("%s leads from %s to more than one row", nav, t.LogicalName)
		return nil, ""
	}
	l.looked(path)
	rel := t.ManyToOne[at]
	if a := t.Attributes[rel.ReferencingAttribute]; a != nil {
		l.column(t, a.LogicalName)
	}
	to := l.take(rel.Referenced)
	if path != "" {
		path += "/"
	}
	path += nav
	if to != nil {
		if !slices.ContainsFunc(l.far, func(f far) bool { return f.path == path }) {
			l.far = append(l.far, far{path: path, id: to.PrimaryID, of: to.LogicalName})
		}
	}
	return to, path
}

// looked notes that columns of the rows behind a path are looked at.
func (l *looking) looked(path string) {
	for i := range l.far {
		l.far[i].looked = l.far[i].looked || l.far[i].path == path
	}
}

// behind notes a column of the rows behind a path; an empty path leads to the query's own.
func (l *looking) behind(t *dataverse.Table, path, name string) {
	if t != nil && name != t.PrimaryID {
		l.looked(path)
	}
	l.column(t, name)
}

func (l *looking) expand(t *dataverse.Table, path string, items odata.Expand) {
	for _, x := range items {
		if x.Ref || x.Filter != nil || x.Top != nil || len(x.OrderBy) > 0 || len(x.Path.Segments) != 1 {
			l.inFull("it expands rows in a way of its own")
			continue
		}
		to, way := l.over(t, path, x.Path.Segments[0])
		for _, p := range x.Select {
			l.behind(to, way, p.Segments[len(p.Segments)-1])
		}
		l.expand(to, way, x.Expand)
	}
}

// path follows lookups to a column.
func (l *looking) path(t *dataverse.Table, segments []string) {
	way := ""
	for _, nav := range segments[:len(segments)-1] {
		t, way = l.over(t, way, nav)
	}
	l.behind(t, way, segments[len(segments)-1])
}

func (l *looking) filter(t *dataverse.Table, e odata.Expr) {
	odata.Walk(e, func(n odata.Expr) bool {
		switch n := n.(type) {
		case *odata.Lambda:
			l.inFull("it looks into a collection")
			return false
		case *odata.Alias:
			l.inFull("it has parameters")
		case *odata.Function:
			if !lasting[n.Name] {
				l.inFull("%s depends on more than the row", n.Name)
				return false
			}
			if name := n.Property(); name != "" {
				l.path(t, strings.Split(name, "/"))
			} else {
				l.inFull("%s does not say of which column", n.Name)
			}
		case *odata.Path:
			l.path(t, n.Segments)
		}
		return true
	})
}

// key stands for a reading: the same one has the same key, as long as definitions say the same of what it looks at.
func (b *basis) key(r Reading) string {
	text, err := json.Marshal([]any{r.Query.Table, r.Query.Set, r.Query.Select, r.Query.Filter, r.Query.Expand, r.Columns, r.Keeps, b.facts})
	if err != nil {
		panic("state: texts and numbers cannot be written as JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Look says of a query why it is read in full each night; empty: it is not. Off are the tables that it looks at and whose changes are not
// tracked.
func Look(ctx context.Context, r dataverse.Reader, s dataverse.Selection) (whole string, off []string, err error) {
	b, err := look(ctx, r, s.Query, s.Columns)
	if err != nil {
		return "", nil, err
	}
	return b.whole, b.off, nil
}
