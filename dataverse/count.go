package dataverse

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
)

// countCap is where the service stops counting by $count.
const countCap = 5000

// Count tells how many rows a query finds, however many they are. The service counts up to 5,000 by itself and
// aggregates up to 50,000; beyond that, and for FetchXML, the keys are read.
func (c *Client) Count(ctx context.Context, q Query) (int, error) {
	if q.FetchXML != "" {
		return c.countByReading(ctx, q)
	}
	n, err := c.countSegment(ctx, q)
	if err != nil || n < countCap {
		return n, err
	}
	n, err = c.countByAggregate(ctx, q)
	var refused *Error
	if errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusNotImplemented) {
		return c.countByReading(ctx, q)
	}
	return n, err
}

func (c *Client) countSegment(ctx context.Context, q Query) (n int, err error) {
	set, err := c.set(ctx, q)
	if err != nil {
		return 0, err
	}
	u, err := c.withOptions(set+"/$count", Query{Filter: q.Filter}.options())
	if err != nil {
		return 0, err
	}
	_, err = c.send(ctx, &request{method: http.MethodGet, url: u, media: "text/plain", read: func(ans *answer) error {
		// The number may come behind a byte order mark.
		text := bytes.TrimSpace(bytes.TrimPrefix(ans.body, []byte("\xef\xbb\xbf")))
		if n, err = strconv.Atoi(string(text)); err != nil || n < 0 {
			return broken("no count")
		}
		return nil
	}})
	return n, err
}

func (c *Client) countByAggregate(ctx context.Context, q Query) (int, error) {
	apply := "aggregate($count as n)"
	if q.Filter != "" {
		apply = "filter(" + q.Filter + ")/" + apply
	}
	for row, err := range c.Rows(ctx, Query{Table: q.Table, Set: q.Set, Apply: apply, Strong: q.Strong}) {
		if err != nil {
			return 0, err
		}
		if n, ok := row.Int("n"); ok {
			return int(n), nil
		}
	}
	return 0, broken("no count")
}

func (c *Client) countByReading(ctx context.Context, q Query) (int, error) {
	if q.FetchXML == "" && q.Table != "" {
		summary, err := c.summary(ctx, q.Table)
		if err != nil {
			return 0, err
		}
		q.Select = []string{summary.PrimaryID}
	}
	q.OrderBy, q.Expand, q.Annotations, q.Top = "", "", false, 0
	n := 0
	err := c.Scan(ctx, q, nil, func([]Value) error { n++; return nil })
	return n, err
}
