package dataverse

import (
	"context"
	"net/http"
	"net/url"
)

// longURL is the length from which a read travels inside a $batch: the service takes 32 KB as documented, has been
// seen to refuse less, and takes 64 KB within a batch.
const longURL = 8 << 10

// page is one page of rows, read whole and checked before anything of it is handed out.
type page[T any] struct {
	body  []byte
	rows  T
	next  string // the link to the next page, empty on the last
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
		p.next, p.more, p.token, p.list, p.count = "", false, "", nil, 0
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
