package dataverse

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"
)

// longURL is the length from which a read travels inside a $batch: the service takes 32 KB as documented, has been
// seen to refuse less, and takes 64 KB within a batch.
const longURL = 8 << 10

// page is one page of rows, read whole and checked before anything of it is handed out.
type page[T any] struct {
	body  []byte
	rows  T
	next  string // the link to the next page, empty on the last
	delta string // the link to what changes from now on, where changes are tracked
	more  bool   // FetchXML: there are more, and cookie leads to them
	token string // FetchXML: the annotation that holds the cookie
	list  []byte // the rows as they stand in the body
	count int
	room  *share // what the body takes of the client's budget
}

// eachPage reads all pages of a query, decodes each by decode and hands it to fn, while the next one is being read.
// Two pages exist at a time; fn's is reused afterwards. It stops when fn says so.
func eachPage[T any](ctx context.Context, c *Client, q Query, decode func(*page[T]) error, fn func(*page[T]) (bool, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	type result struct {
		page *page[T]
		err  error
	}
	free := make(chan *page[T], 2)
	pages := [2]*page[T]{{room: &share{b: c.budget}}, {room: &share{b: c.budget}}}
	free <- pages[0]
	free <- pages[1]
	results := make(chan result)
	done := make(chan struct{})
	// Nothing of a read is under way any more when eachPage returns.
	defer func() {
		cancel()
		<-done
		pages[0].room.read(0)
		pages[1].room.read(0)
	}()

	go func() {
		defer close(done)
		defer close(results)
		at := &pager{c: c, q: q}
		for {
			var p *page[T]
			select {
			case p = <-free:
			case <-ctx.Done():
				return
			}
			err := readPage(ctx, at, p, decode)
			select {
			case results <- result{p, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || at.last {
				return
			}
		}
	}()

	for r := range results {
		if r.err != nil {
			return r.err
		}
		ok, err := fn(r.page)
		if err != nil || !ok {
			return err
		}
		if p := r.page; cap(p.body) > plainPage {
			*p = page[T]{room: p.room}
			p.room.read(0)
		}
		free <- r.page
	}
	return ctx.Err()
}

// pager stands at a place in a query's pages.
type pager struct {
	c      *Client
	q      Query
	number int // pages read so far
	url    *url.URL
	cookie string
	last   bool
	trail  trail
}

func readPage[T any](ctx context.Context, at *pager, p *page[T], decode func(*page[T]) error) error {
	u, err := at.locate(ctx)
	if err != nil {
		return err
	}
	take := func(ans *answer) error {
		p.body = ans.body
		p.next, p.delta, p.more, p.token, p.list, p.count = "", "", false, "", nil, 0
		return decode(p)
	}
	header := at.q.header()
	if len(u.String()) > longURL {
		err = at.c.readInBatch(ctx, u, header, take)
	} else {
		_, err = at.c.send(ctx, &request{method: http.MethodGet, url: u, header: header, read: take, into: p.body, room: p.room})
	}
	if err != nil {
		return err
	}
	p.room.read(int64(cap(p.body)))
	if at.number == 0 {
		if err := at.trail.follow(u.String()); err != nil {
			return err
		}
	}
	if err := at.trail.pass(p.list, p.count, at.q.keyed()); err != nil {
		return err
	}
	return at.advance(p.next, p.more, p.token)
}

func (at *pager) locate(ctx context.Context) (*url.URL, error) {
	if at.url != nil {
		return at.url, nil
	}
	q := at.q
	if q.FetchXML != "" {
		var err error
		if q.FetchXML, err = fetchAtPage(q.FetchXML, at.number+1, q.pageSize(), at.cookie); err != nil {
			return nil, err
		}
	}
	return at.c.first(ctx, q)
}

// advance moves to the next page. A link is taken as it stands: its token is opaque, and re-encoding it has been
// seen to break it.
func (at *pager) advance(next string, more bool, token string) error {
	at.number++
	switch {
	case next != "":
		u, err := at.c.follow(next)
		if err != nil {
			return err
		}
		at.url = u
		return at.trail.follow(u.String())
	case at.q.FetchXML != "" && more:
		cookie, err := fetchCookie(token)
		if err != nil {
			return err
		}
		at.cookie = cookie
		if cookie != "" {
			return at.trail.follow(cookie)
		}
	default:
		at.last = true
	}
	return nil
}

// Since is a table, and from when on its changes are asked for.
type Since struct {
	Table *Table
	Link  string // of an answer before; empty: none, which costs a read of the ids of all rows
}

// Changed is what has changed in a table since a link was given.
type Changed struct {
	Written []uuid.UUID // rows that were made or changed; none of an answer to no link
	Gone    []uuid.UUID // rows that were deleted
	Link    string      // asks for what changes after this answer
	// Err is the service's refusal: a link that has expired, a table whose changes are not tracked, a missing right. Nothing is known
	// then of the table's changes.
	Err error
}

// Changes asks tables for their changes: those with a link in one request, as far as the answers have one page.
// Page: use-change-tracking-synchronize-data-external-systems. The error is of what kept the service from answering.
func (c *Client) Changes(ctx context.Context, asked []Since) ([]Changed, error) {
	out := make([]Changed, len(asked))
	var linked []int
	for i, s := range asked {
		if s.Link != "" {
			linked = append(linked, i)
			continue
		}
		if err := c.beginTracking(ctx, s.Table, &out[i]); err != nil {
			return nil, err
		}
	}
	for some := range slices.Chunk(linked, mostTogether) {
		parts := make([]Part, len(some))
		for i, at := range some {
			if _, err := c.follow(asked[at].Link); err != nil {
				return nil, err
			}
			parts[i].Op = &Operation{Method: http.MethodGet, Path: asked[at].Link}
		}
		results, err := c.Batch(ctx, parts)
		if err != nil {
			return nil, err
		}
		for i, at := range some {
			if err := c.changesIn(ctx, asked[at], results[i], &out[at]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// changesFolder takes a page of changes apart: a row that is there, or what is left of one that is not.
func changesFolder(t *Table) *folder { return newFolder([]string{t.PrimaryID, "id"}) }

// changesIn takes in what a link led to, and goes on to the pages behind it.
func (c *Client) changesIn(ctx context.Context, s Since, r Result, out *Changed) error {
	if refused, ok := r.Err.(*Error); ok {
		out.Err = refused
		return nil
	}
	if r.Err != nil {
		return r.Err
	}
	if len(r.Bodies) != 1 {
		return broken("a batch without an answer")
	}
	f := changesFolder(s.Table)
	p := &page[folded]{body: r.Bodies[0]}
	if err := f.fold(p); err != nil {
		return err
	}
	return c.changePages(ctx, s.Table, f, p, out, true)
}

// beginTracking reads all rows' ids, which the first link comes with.
func (c *Client) beginTracking(ctx context.Context, t *Table, out *Changed) error {
	u, err := c.withOptions(t.EntitySet, "$select="+t.PrimaryID)
	if err != nil {
		return err
	}
	f, p := changesFolder(t), &page[folded]{}
	header := http.Header{"Prefer": {fmt.Sprintf("odata.track-changes,odata.maxpagesize=%d", pageRows)}}
	if err := c.changePage(ctx, u, header, f, p, out); err != nil || out.Err != nil {
		return err
	}
	return c.changePages(ctx, t, f, p, out, false)
}

// changePage reads one page. A refusal is noted.
func (c *Client) changePage(ctx context.Context, u *url.URL, header http.Header, f *folder, p *page[folded], out *Changed) error {
	_, err := c.send(ctx, &request{method: http.MethodGet, url: u, header: header, read: func(ans *answer) error {
		*p = page[folded]{body: ans.body, rows: p.rows}
		return f.fold(p)
	}})
	if refused, ok := err.(*Error); ok {
		out.Err = refused
		return nil
	}
	return err
}

// changePages takes in a page and those behind it, the last of which has the link to what comes after.
func (c *Client) changePages(ctx context.Context, t *Table, f *folder, p *page[folded], out *Changed, collect bool) error {
	header := http.Header{"Prefer": {fmt.Sprintf("odata.maxpagesize=%d", pageRows)}}
	for way := (trail{}); ; {
		if err := way.pass(p.list, p.rows.count, true); err != nil {
			return err
		}
		for i := range p.rows.count {
			row := p.rows.values[i*f.width : (i+1)*f.width]
			id, written := row[0].GUID()
			gone, deleted := row[1].GUID()
			switch {
			case !written && !deleted:
				return fmt.Errorf("%w: a change of %s that names no row", ErrAnswer, t.LogicalName)
			case !collect:
			case written:
				out.Written = append(out.Written, id)
			default:
				out.Gone = append(out.Gone, gone)
			}
		}
		if p.next == "" {
			break
		}
		u, err := c.follow(p.next)
		if err != nil {
			return err
		}
		if err := way.follow(u.String()); err != nil {
			return err
		}
		if err := c.changePage(ctx, u, header, f, p, out); err != nil || out.Err != nil {
			return err
		}
	}
	if p.delta == "" {
		return fmt.Errorf("%w: changes of %s without a link to those that come", ErrAnswer, t.LogicalName)
	}
	if _, err := c.follow(p.delta); err != nil {
		return err
	}
	out.Link = p.delta
	return nil
}
