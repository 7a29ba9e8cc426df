package fetchxml

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
)

// String is the query as canonical XML: no white space between elements, attributes without a meaning left out.
func (f *Fetch) String() string {
	w := &writer{}
	w.open("fetch")
	w.number("top", f.Top)
	w.number("count", f.Count)
	w.number("page", f.Page)
	w.text("paging-cookie", f.PagingCookie)
	w.flag("distinct", f.Distinct)
	w.flag("aggregate", f.Aggregate)
	w.flag("returntotalrecordcount", f.ReturnTotalRecordCount)
	w.number("aggregatelimit", f.AggregateLimit)
	w.text("datasource", f.DataSource)
	w.flag("useraworderby", f.RawOrderBy)
	w.flag("latematerialize", f.LateMaterialize)
	w.flag("no-lock", f.NoLock)
	w.text("options", f.Options)
	w.open("entity")
	w.text("name", f.Entity.Name)
	w.body(f.Entity.Body)
	w.close("entity")
	w.close("fetch")
	return w.buf.String()
}

// writer writes elements; a start tag stays open for attributes until something follows.
type writer struct {
	buf bytes.Buffer
	tag bool
}

func (w *writer) open(name string) {
	w.endTag()
	w.buf.WriteString("<" + name)
	w.tag = true
}

func (w *writer) endTag() {
	if w.tag {
		w.buf.WriteByte('>')
		w.tag = false
	}
}

func (w *writer) close(name string) {
	if w.tag {
		w.buf.WriteString("/>")
		w.tag = false
		return
	}
	w.buf.WriteString("</" + name + ">")
}

// attr writes an attribute, "" included.
func (w *writer) attr(name, value string) {
	w.buf.WriteString(" " + name + `="`)
	_ = xml.EscapeText(&w.buf, []byte(value)) // a bytes.Buffer does not fail
	w.buf.WriteByte('"')
}

func (w *writer) text(name, value string) {
	if value != "" {
		w.attr(name, value)
	}
}

func (w *writer) number(name string, n int) {
	if n != 0 {
		w.attr(name, strconv.Itoa(n))
	}
}

func (w *writer) flag(name string, on bool) {
	if on {
		w.attr(name, "true")
	}
}

func (w *writer) body(b Body) {
	if b.AllAttributes {
		w.open("all-attributes")
		w.close("all-attributes")
	}
	if b.NoAttributes {
		w.open("no-attrs")
		w.close("no-attrs")
	}
	for _, a := range b.Attributes {
		w.open("attribute")
		w.text("name", a.Name)
		w.text("alias", a.Alias)
		w.text("aggregate", a.Aggregate)
		w.flag("groupby", a.GroupBy)
		w.text("dategrouping", a.DateGrouping)
		w.flag("distinct", a.Distinct)
		w.text("rowaggregate", a.RowAggregate)
		if a.UTC {
			w.attr("usertimezone", "false")
		}
		w.close("attribute")
	}
	for _, o := range b.Orders {
		w.open("order")
		w.text("attribute", o.Attribute)
		w.text("alias", o.Alias)
		w.text("entityname", o.EntityName)
		w.flag("descending", o.Descending)
		w.close("order")
	}
	for _, f := range b.Filters {
		w.filter(f)
	}
	for _, l := range b.Links {
		w.link(l)
	}
}

func (w *writer) link(l Link) {
	w.open("link-entity")
	w.text("name", l.Name)
	w.text("from", l.From)
	w.text("to", l.To)
	w.text("alias", l.Alias)
	if l.Type != Inner {
		w.text("link-type", string(l.Type))
	}
	w.flag("intersect", l.Intersect)
	w.body(l.Body)
	w.close("link-entity")
}

func (w *writer) filter(f Filter) {
	w.open("filter")
	if f.Or {
		w.attr("type", "or")
	}
	w.text("hint", f.Hint)
	w.flag("isquickfindfields", f.QuickFind)
	if f.OverrideLimit != "" {
		w.flag("overridequickfindrecordlimit"+f.OverrideLimit, true)
	}
	for _, c := range f.Conditions {
		w.condition(c)
	}
	for _, g := range f.Filters {
		w.filter(g)
	}
	for _, l := range f.Links {
		w.link(l)
	}
	w.close("filter")
}

func (w *writer) condition(c Condition) {
	w.open("condition")
	w.text("entityname", c.EntityName)
	w.text("attribute", c.Attribute)
	w.text("operator", string(c.Operator))
	w.text("valueof", c.ValueOf)
	if info, _ := c.Operator.Info(); c.ValueOf == "" && (info.Arity == OneValue || info.Arity == OneNumber) {
		w.attr("value", c.Value)
	}
	for _, v := range c.Values {
		w.open("value")
		w.endTag()
		_ = xml.EscapeText(&w.buf, []byte(v)) // a bytes.Buffer does not fail
		w.close("value")
	}
	w.close("condition")
}

// Escape writes s so that it can stand in an attribute or between tags.
func Escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
