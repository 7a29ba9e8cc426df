package fetchxml

import (
	"math"
	"slices"
	"strings"
)

// Parse reads a query. Its errors are *Error.
func Parse(src []byte) (*Fetch, error) {
	root, err := readNodes(src)
	if err != nil {
		return nil, err
	}
	r := &reader{src: src}
	f := r.fetch(root)
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

func (r *reader) fetch(n *node) *Fetch {
	f := &Fetch{}
	if n.name != "fetch" {
		r.badChild(n, "fetch")
		return f
	}
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "top":
			return r.int(n, &f.Top, name, v, MaxRows)
		case "count":
			return r.int(n, &f.Count, name, v, MaxRows)
		case "page":
			return r.int(n, &f.Page, name, v, math.MaxInt32)
		case "paging-cookie":
			f.PagingCookie = v
		case "distinct":
			return r.bool(n, &f.Distinct, v)
		case "aggregate":
			return r.bool(n, &f.Aggregate, v)
		case "returntotalrecordcount":
			return r.bool(n, &f.ReturnTotalRecordCount, v)
		case "aggregatelimit":
			return r.int(n, &f.AggregateLimit, name, v, 50000)
		case "datasource":
			f.DataSource = v
			return v == "retained" || v == "bin"
		case "useraworderby":
			return r.bool(n, &f.RawOrderBy, v)
		case "latematerialize":
			return r.bool(n, &f.LateMaterialize, v)
		case "no-lock":
			return r.bool(n, &f.NoLock, v)
		case "options":
			f.Options = v
		case "mapping", "version", "output-format", "utc-offset", "min-active-row-version", "savedqueryid":
		default:
			return false
		}
		return true
	})
	r.paging(n, f)
	r.aggregate = f.Aggregate
	r.only(n, "entity")
	if len(n.children) != 1 {
		r.fail(n, codeNoEntity, "Entity Name was not specified in FetchXml String.")
		return f
	}
	f.Entity = r.entity(n.children[0])
	return f
}

// paging refuses what top cannot be combined with.
func (r *reader) paging(n *node, f *Fetch) {
	if f.Top == 0 {
		return
	}
	for _, with := range []struct {
		name string
		set  bool
	}{{"page", f.Page > 0}, {"count", f.Count > 0}, {"paging-cookie", f.PagingCookie != ""}, {"returntotalrecordcount", f.ReturnTotalRecordCount}} {
		if with.set {
			r.fail(n, codeInvalidArgument, "The top attribute can't be specified with paging attribute %s", with.name)
		}
	}
}

func (r *reader) entity(n *node) Entity {
	var e Entity
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "name":
			e.Name = v
		case "enableprefiltering", "prefilterparametername": // of reports
		default:
			return false
		}
		return true
	})
	if e.Name == "" {
		r.fail(n, codeNoEntity, "Entity Name was not specified in FetchXml String.")
	}
	e.Body = r.body(n, "filter", "order", "link-entity", "attribute", "all-attributes", "no-attrs")
	return e
}

func (r *reader) body(n *node, valid ...string) Body {
	var b Body
	r.only(n, valid...)
	for _, c := range n.children {
		switch c.name {
		case "attribute":
			b.Attributes = append(b.Attributes, r.attribute(c))
		case "all-attributes", "no-attrs":
			r.attrs(c, func(string, string) bool { return false })
			r.only(c)
			b.AllAttributes = b.AllAttributes || c.name == "all-attributes"
			b.NoAttributes = b.NoAttributes || c.name == "no-attrs"
			if r.aggregate && b.AllAttributes {
				r.fail(c, codeNeitherGroup, "Attribute can not be specified if an aggregate operation is requested.")
			}
		case "order":
			b.Orders = append(b.Orders, r.order(c))
		case "filter":
			b.Filters = append(b.Filters, r.filter(c))
		case "link-entity":
			b.Links = append(b.Links, r.link(c, false))
		}
	}
	return b
}

func (r *reader) attribute(n *node) Attribute {
	var a Attribute
	userTime := true
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "name":
			a.Name = v
		case "alias":
			a.Alias = v
		case "aggregate":
			a.Aggregate = v
		case "groupby":
			return r.bool(n, &a.GroupBy, v)
		case "dategrouping":
			a.DateGrouping = v
		case "distinct":
			return r.bool(n, &a.Distinct, v)
		case "rowaggregate":
			a.RowAggregate = v
		case "usertimezone":
			return r.bool(n, &userTime, v)
		case "build", "addedby": // of the query builders
		default:
			return false
		}
		return true
	})
	a.UTC = !userTime
	r.only(n)
	r.checkAttribute(n, a)
	return a
}

var (
	aggregates    = []string{"avg", "count", "countcolumn", "max", "min", "sum"}
	dateGroupings = []string{"day", "week", "month", "quarter", "year", "fiscal-period", "fiscal-year"}
)

func (r *reader) checkAttribute(n *node, a Attribute) {
	switch {
	case a.Name == "":
		r.missing(n, "name")
	case a.Alias != "" && !isAlias(a.Alias):
		r.fail(n, codeInvalidAlias, "Invalid character specified for alias: %s. Only characters within the ranges [A-Z], [a-z] or [0-9] or _ are allowed.  The first character may only be in the ranges [A-Z], [a-z] or _.", a.Alias)
	case a.Aggregate != "" && !slices.Contains(aggregates, a.Aggregate):
		r.fail(n, codeInvalidAggregate, "Invalid aggregate value. Valid values are: %s. NodeXml: %s", strings.Join(aggregates, ", "), r.xml(n))
	case !r.aggregate && (a.Aggregate != "" || a.GroupBy):
		r.fail(n, codeInvalidArgument, "The attribute '%s' is aggregated, but the query is no aggregate query.", a.Name)
	case r.aggregate && a.Alias == "":
		r.fail(n, codeNoAlias, "An alias must be specified for every attribute in an aggregate query. NodeXml: %s", r.xml(n))
	case r.aggregate && a.Aggregate == "" && !a.GroupBy:
		r.fail(n, codeNeitherGroup, "An attribute can not be requested when an aggregate operation has been specified and its neither groupby nor aggregate.  NodeXml : %s", r.xml(n))
	case a.Aggregate != "" && a.GroupBy:
		r.fail(n, codeInvalidArgument, "The attribute '%s' is both grouped by and aggregated.", a.Name)
	case a.DateGrouping != "" && (!a.GroupBy || !slices.Contains(dateGroupings, a.DateGrouping)):
		r.fail(n, codeInvalidArgument, "The dategrouping '%s' is not known, or '%s' is not grouped by.", a.DateGrouping, a.Name)
	case a.Distinct && a.Aggregate != "countcolumn":
		r.fail(n, codeInvalidArgument, "Only countcolumn counts distinct values.")
	case a.RowAggregate != "" && (r.aggregate || a.RowAggregate != "CountChildren" || a.Alias == ""):
		r.fail(n, codeInvalidArgument, "The rowaggregate '%s' is not known, lacks an alias, or stands in an aggregate query.", a.RowAggregate)
	}
}

func (r *reader) missing(n *node, attr string) {
	r.fail(n, codeInvalidArgument, "The element '%s' needs the attribute '%s'.", n.name, attr)
}

func isAlias(s string) bool {
	for i, c := range s {
		if !('a' <= c|0x20 && c|0x20 <= 'z' && c < 0x80 || c == '_' || i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}

func (r *reader) order(n *node) Order {
	var o Order
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "attribute":
			o.Attribute = v
		case "alias":
			o.Alias = v
		case "entityname":
			o.EntityName = v
		case "descending":
			return r.bool(n, &o.Descending, v)
		default:
			return false
		}
		return true
	})
	r.only(n)
	switch {
	case r.aggregate && o.Attribute != "":
		r.fail(n, "", "An attribute cannot be specified for an order clause for an aggregate Query. Use an alias")
	case r.aggregate && o.Alias == "":
		r.missing(n, "alias")
	case !r.aggregate && o.Alias != "":
		r.fail(n, "", "An alias cannot be specified for an order clause for a non-aggregate Query. Use an attribute")
	case !r.aggregate && o.Attribute == "":
		r.missing(n, "attribute")
	}
	return o
}
