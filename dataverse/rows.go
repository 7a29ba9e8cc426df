package dataverse

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

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
