package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Rows iterates over all rows of a query, page by page; the next page is read while this one is used. An error ends
// the iteration. Rows that were handed out before are whole and right.
func (c *Client) Rows(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows := 0
		stopped := false
		err := eachPage(ctx, c, q, decodeRows, func(p *page[[]Row]) (bool, error) {
			for _, row := range p.rows {
				if q.Top > 0 && rows == q.Top {
					return false, nil
				}
				rows++
				if err := c.complete(ctx, q, row); err != nil {
					return false, err
				}
				if !yield(row, nil) {
					stopped = true
					return false, nil
				}
			}
			return q.Top <= 0 || rows < q.Top, nil
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

func decodeRows(p *page[[]Row]) (err error) {
	var body struct {
		Value  *[]Row `json:"value"`
		Next   string `json:"@odata.nextLink"`
		More   bool   `json:"@Microsoft.Dynamics.CRM.morerecords"`
		Cookie string `json:"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"`
	}
	if p.list, p.count, err = outline(p.body); err != nil {
		return err
	}
	if err := decodeJSON(p.body, &body); err != nil {
		return err
	}
	if body.Value == nil {
		return fmt.Errorf("%w: a list without rows", ErrAnswer)
	}
	p.rows, p.next, p.more, p.token = *body.Value, body.Next, body.More, body.Cookie
	return nil
}

// complete reads the rest of expanded collections that the service cut off. It does so where expands are nested; in
// the other cases its link repeats the same rows, and has no token.
func (c *Client) complete(ctx context.Context, q Query, row Row) error {
	for name, value := range row {
		nav, ok := strings.CutSuffix(name, "@odata.nextLink")
		if !ok {
			continue
		}
		link, _ := value.(string)
		delete(row, name)
		if !strings.Contains(link, "skiptoken") {
			continue
		}
		u, err := c.follow(link)
		if err != nil {
			return err
		}
		children, _ := row[nav].([]any)
		var trail trail
		for u != nil {
			if err := trail.follow(u.String()); err != nil {
				return err
			}
			p := new(page[[]Row])
			if _, err := c.send(ctx, &request{method: http.MethodGet, url: u, header: q.header(), read: func(ans *answer) error {
				p.body = ans.body
				return decodeRows(p)
			}}); err != nil {
				return err
			}
			if err := trail.pass(p.list, p.count, true); err != nil {
				return err
			}
			for _, child := range p.rows {
				children = append(children, map[string]any(child))
			}
			if u = nil; p.next != "" {
				if u, err = c.follow(p.next); err != nil {
					return err
				}
			}
		}
		row[nav] = children
	}
	return nil
}

// Get reads one row: of q only Select, Expand, Annotations and Strong count. A missing row is [ErrNotFound].
func (c *Client) Get(ctx context.Context, table string, id uuid.UUID, q Query) (Row, error) {
	q.Table = table
	set, err := c.set(ctx, q)
	if err != nil {
		return nil, err
	}
	options := Query{Select: q.Select, Expand: q.Expand}.options()
	u, err := c.withOptions(set+"("+id.String()+")", options)
	if err != nil {
		return nil, err
	}
	header := Query{Top: 1, Annotations: q.Annotations, Strong: q.Strong}.header()
	var row Row
	if _, err := c.send(ctx, &request{method: http.MethodGet, url: u, header: header, read: decodeInto(&row)}); err != nil {
		return nil, err
	}
	return row, c.complete(ctx, q, row)
}

// Page is the rows of one answer.
type Page struct {
	Rows []Row
	More bool // the answer leads to a further page
}

// ReadPage reads the answer to a query. Errors quote nothing of it.
func ReadPage(body []byte) (Page, error) {
	var p Page
	r := rowReader{dec: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	found := false
	err := r.members(func(name string) error {
		switch name {
		case "value":
			if r.dec.PeekKind() == 'n' {
				return r.dec.SkipValue()
			}
			found = true
			p.Rows = []Row{}
			return r.elements(func() error {
				row, err := r.row()
				p.Rows = append(p.Rows, row)
				return err
			})
		case "@odata.nextLink":
			v, err := r.value()
			link, text := v.(string)
			if err == nil && !text && v != nil {
				return broken("a link that is no text")
			}
			p.More = p.More || link != ""
			return err
		case "@Microsoft.Dynamics.CRM.morerecords":
			v, err := r.value()
			p.More = p.More || v == true
			return err
		}
		return r.dec.SkipValue()
	})
	if err != nil {
		return Page{}, asBroken(err)
	}
	if !found {
		return Page{}, fmt.Errorf("%w: a list without rows", ErrAnswer)
	}
	return p, nil
}

// rowReader makes values of JSON, as encoding/json does with numbers as they were printed. It keeps one copy of each name.
type rowReader struct {
	dec   *jsontext.Decoder
	names map[string]string
	last  int // members of the row before
}

// members calls fn behind each name of an object.
func (r *rowReader) members(fn func(name string) error) error {
	if r.dec.PeekKind() != '{' {
		return r.unexpected()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		v, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		name, known := r.names[string(v)]
		if !known {
			text, _ := jsontext.AppendUnquote(nil, v) // which says where it replaced what is no text
			name = string(text)
			if r.names == nil {
				r.names = map[string]string{}
			}
			r.names[string(v)] = name
		}
		if err := fn(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *rowReader) elements(fn func() error) error {
	if r.dec.PeekKind() != '[' {
		return r.unexpected()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		if err := fn(); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// unexpected is an error of the syntax, or else of what the value is.
func (r *rowReader) unexpected() error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	return broken("a value of another type than expected")
}

func (r *rowReader) row() (Row, error) {
	if r.dec.PeekKind() == 'n' {
		return nil, r.dec.SkipValue()
	}
	row := make(Row, r.last)
	err := r.members(func(name string) (err error) {
		row[name], err = r.value()
		return err
	})
	r.last = len(row)
	return row, err
}

func (r *rowReader) value() (any, error) {
	switch r.dec.PeekKind() {
	case '{':
		m := map[string]any{}
		err := r.members(func(name string) (err error) {
			m[name], err = r.value()
			return err
		})
		return m, err
	case '[':
		list := []any{}
		err := r.elements(func() error {
			v, err := r.value()
			list = append(list, v)
			return err
		})
		return list, err
	}
	t, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case '"':
		return t.String(), nil
	case '0':
		return json.Number(t.String()), nil
	case 't', 'f':
		return t.Bool(), nil
	}
	return nil, nil
}
