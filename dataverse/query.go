package dataverse

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// pageRows is the most that the service gives at a time.
const pageRows = 5000

// Query is a read of rows.
type Query struct {
	Table string // logical name
	Set   string // the entity set, instead of Table; may be a path to a collection

	Select  []string
	Filter  string // OData, as it goes into $filter, not yet escaped
	OrderBy string
	Expand  string
	Apply   string
	// FetchXML replaces all of the options above.
	FetchXML string

	Top      int
	PageSize int // 5,000 when zero, which is also the most that the service gives
	// Annotations asks for formatted values and the target tables of lookups as well.
	Annotations bool
	// Strong asks past the service's caches; slow, for reads right after a schema write.
	Strong bool

	only string // the annotations that are asked for, where it is not all of them
}

// set is the entity set that the query reads.
func (c *Client) set(ctx context.Context, q Query) (string, error) {
	if q.Set != "" {
		return q.Set, nil
	}
	table := q.Table
	if table == "" && q.FetchXML != "" {
		var err error
		if table, err = fetchTable(q.FetchXML); err != nil {
			return "", err
		}
	}
	summary, err := c.summary(ctx, table)
	if err != nil {
		return "", err
	}
	return summary.EntitySet, nil
}

// options is the query string.
func (q Query) options() string {
	var b strings.Builder
	add := func(name, value string) {
		if value == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + escapeQuery(value))
	}
	if q.FetchXML != "" {
		add("fetchXml", q.FetchXML)
		return b.String()
	}
	add("$select", strings.Join(q.Select, ","))
	add("$filter", q.Filter)
	add("$orderby", q.OrderBy)
	add("$expand", q.Expand)
	add("$apply", q.Apply)
	// The service ignores $top beside a page size, or the page size beside $top: the documentation says both. So
	// only one of them is ever sent, and the rest is cut off here.
	if q.Top > 0 && q.Top <= q.pageSize() {
		add("$top", strconv.Itoa(q.Top))
	}
	return b.String()
}

func (q Query) pageSize() int {
	if q.PageSize <= 0 || q.PageSize > pageRows {
		return pageRows
	}
	return q.PageSize
}

// keyed tells that each row of the answer has the table's key, so that no two are the same.
func (q Query) keyed() bool { return q.FetchXML == "" && q.Apply == "" }

// fetchPaging are the annotations of FetchXML that paging needs.
const fetchPaging = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords"

func (q Query) header() http.Header {
	var prefer []string
	if q.FetchXML == "" && !(q.Top > 0 && q.Top <= q.pageSize()) {
		prefer = append(prefer, fmt.Sprintf("odata.maxpagesize=%d", q.pageSize()))
	}
	switch {
	case q.Annotations:
		prefer = append(prefer, `odata.include-annotations="*"`)
	case q.FetchXML != "" && q.only != "":
		prefer = append(prefer, `odata.include-annotations="`+q.only+","+fetchPaging+`"`)
	case q.FetchXML != "":
		prefer = append(prefer, `odata.include-annotations="`+fetchPaging+`"`)
	case q.only != "":
		prefer = append(prefer, `odata.include-annotations="`+q.only+`"`)
	}
	h := http.Header{}
	if len(prefer) > 0 {
		h.Set("Prefer", strings.Join(prefer, ","))
	}
	if q.Strong {
		h.Set("Consistency", "Strong")
	}
	return h
}

// first is the address of the query's first page.
func (c *Client) first(ctx context.Context, q Query) (*url.URL, error) {
	set, err := c.set(ctx, q)
	if err != nil {
		return nil, err
	}
	return c.withOptions(set, q.options())
}

func (c *Client) withOptions(path, options string) (*url.URL, error) {
	if options != "" {
		if strings.Contains(path, "?") {
			path += "&" + options
		} else {
			path += "?" + options
		}
	}
	return c.address(path)
}
