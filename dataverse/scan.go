package dataverse

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"
)

// Scan reads all rows of a query and hands the named columns of each to fn, in order. A column that the row lacks is
// null. A column of an expanded row is named by its path, parentaccountid/name; an annotation by its whole name,
// _ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname; a column of a FetchXML link as the service prints it,
// acct.name.
//
// A query that selects nothing by itself selects the columns and asks for the annotations that are named here; what
// is expanded it has to say.
//
// The slice and the values are valid during the call only. A page that breaks off is read again before any of its
// rows was handed out, so that no row comes twice and none is missing. An error of fn ends the scan and is returned as
// it is. The next page is read while fn runs.
func (c *Client) Scan(ctx context.Context, q Query, cols []string, fn func(row []Value) error) error {
	plan := newFolder(cols)
	q = q.forColumns(cols)
	rows := 0
	return eachPage(ctx, c, q,
		func(p *page[folded]) error { return plan.fold(p) },
		func(p *page[folded]) (bool, error) {
			n := len(cols)
			for i := range p.rows.count {
				if q.Top > 0 && rows == q.Top {
					return false, nil
				}
				rows++
				if err := fn(p.rows.values[i*n : (i+1)*n : (i+1)*n]); err != nil {
					return false, err
				}
			}
			return q.Top <= 0 || rows < q.Top, nil
		})
}

// folded is a page as values, row after row.
type folded struct {
	values  []Value
	scratch []byte // texts that held escapes
	count   int
}

// folder turns pages into values. The column names of a table come in the same order in every row, so each level
// remembers where the last name was found.
type folder struct {
	width int
	empty []Value // a row of nothing
	root  *level
}

// level is the columns that are wanted of one object.
type level struct {
	names [][]byte // as they stand in the JSON, with their quotes
	after []int    // which name came after each in the last row, and at the end which came first; -1: nobody knows
	index []int    // the place in the row; -1 for an object to go into
	nests []*level
}

func newFolder(cols []string) *folder {
	f := &folder{width: len(cols), empty: make([]Value, len(cols)), root: newLevel()}
	for i, col := range cols {
		at := f.root
		path := splitPath(col)
		for _, nav := range path[:len(path)-1] {
			at = at.nested(nav)
		}
		at.add(path[len(path)-1], i, nil)
	}
	return f
}

// splitPath cuts at slashes, but not within an annotation's name.
func splitPath(col string) []string {
	var path []string
	for {
		slash := bytes.IndexByte([]byte(col), '/')
		at := bytes.IndexByte([]byte(col), '@')
		if slash < 0 || at >= 0 && at < slash {
			return append(path, col)
		}
		path = append(path, col[:slash])
		col = col[slash+1:]
	}
}

func newLevel() *level { return &level{after: []int{-1}} }

func (l *level) add(name string, index int, nest *level) {
	quoted, _ := jsontext.AppendQuote(nil, name)
	l.names = append(l.names, quoted)
	l.index = append(l.index, index)
	l.nests = append(l.nests, nest)
	l.after = append(l.after, -1)
}

func (l *level) nested(name string) *level {
	quoted, _ := jsontext.AppendQuote(nil, name)
	for i, n := range l.names {
		if bytes.Equal(n, quoted) && l.nests[i] != nil {
			return l.nests[i]
		}
	}
	nest := newLevel()
	l.add(name, -1, nest)
	return nest
}

// find looks the name up, starting where the last search ended.
func (l *level) find(name []byte, from int) int {
	n := len(l.names)
	for i := range n {
		at := from + i
		if at >= n {
			at -= n
		}
		if len(l.names[at]) == len(name) && bytes.Equal(l.names[at], name) {
			return at
		}
	}
	return -1
}

// fold reads a page. Any error means that the page is broken and none of it may be used.
func (f *folder) fold(p *page[folded]) error {
	if f.foldPlain(p) {
		return nil
	}
	return f.foldAny(p)
}

// foldAny is fold for pages of every kind.
func (f *folder) foldAny(p *page[folded]) error {
	p.rows.values, p.rows.scratch, p.rows.count = p.rows.values[:0], p.rows.scratch[:0], 0
	r := foldReader{dec: jsontext.NewDecoder(bytes.NewBuffer(p.body), jsontext.AllowDuplicateNames(true)), out: &p.rows, width: f.width}
	found := false
	err := r.object(func(name []byte) error {
		switch string(name) {
		case `"value"`:
			found = true
			from := r.dec.InputOffset()
			err := r.array(func() error {
				if p.rows.count == mostPageRows {
					return tooManyRows()
				}
				return r.row(f.root)
			})
			p.list = bytes.TrimLeft(p.body[from:r.dec.InputOffset()], ": ")
			return err
		case `"@odata.nextLink"`:
			return r.text(&p.next)
		case `"@odata.deltaLink"`:
			return r.text(&p.delta)
		case `"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"`:
			return r.text(&p.token)
		case `"@Microsoft.Dynamics.CRM.morerecords"`:
			v, err := r.dec.ReadValue()
			p.more = string(v) == "true"
			return err
		}
		return r.dec.SkipValue()
	})
	if err != nil {
		return asBroken(err)
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		return broken("more than one JSON document")
	}
	if !found {
		return fmt.Errorf("%w: a list without rows", ErrAnswer)
	}
	p.count = p.rows.count
	return nil
}

// asBroken keeps errors of our own and takes the text, which may quote the input, off the decoder's.
func asBroken(err error) error {
	if isAnswerError(err) {
		return err
	}
	return broken("no whole JSON document")
}

// forColumns asks for what the columns need.
func (q Query) forColumns(cols []string) Query {
	var sel, annotations []string
	add := func(list *[]string, s string) {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, col := range cols {
		column, annotation, annotated := strings.Cut(col, "@")
		if annotated && !strings.HasPrefix(annotation, "odata.") {
			add(&annotations, annotation)
		}
		if column != "" && !strings.Contains(column, "/") {
			add(&sel, column)
		}
	}
	if len(q.Select) == 0 && q.FetchXML == "" && q.Apply == "" {
		q.Select = sel
	}
	q.only = strings.Join(annotations, ",")
	return q
}

// Selection is a query and the columns of it that are handed out, as [Client.Scan] does.
type Selection struct {
	What    string // for errors: the persons of contact
	Query   Query
	Columns []string
	Take    func(row []Value) error
}

// mostTogether is how many queries go in one batch, whose whole time counts against the limit of one request.
const mostTogether = 200

// ScanAll reads several queries and hands the rows of each to its Take, one row at a time. A client that has batches asks for
// them together; queries with more rows than a page holds are read anew by themselves, so that none comes twice. With
// others they are read side by side.
func ScanAll(ctx context.Context, r Reader, all []Selection) error {
	c, ok := r.(interface {
		Batch(ctx context.Context, parts []Part) ([]Result, error)
	})
	if !ok || len(all) == 1 {
		group, ctx := errgroup.WithContext(ctx)
		turn := make(chan struct{}, 1)
		for _, s := range all {
			group.Go(func() error {
				return s.failed(r.Scan(ctx, s.Query, s.Columns, func(row []Value) error {
					turn <- struct{}{}
					defer func() { <-turn }()
					return s.Take(row)
				}))
			})
		}
		return group.Wait()
	}
	for some := range slices.Chunk(all, mostTogether) {
		parts := make([]Part, len(some))
		for i, s := range some {
			q := s.Query.forColumns(s.Columns)
			set := q.Set
			if set == "" {
				t, err := r.Table(ctx, q.Table)
				if err != nil {
					return s.failed(err)
				}
				set = t.EntitySet
			}
			parts[i].Op = &Operation{Method: http.MethodGet, Path: set + "?" + q.options(), Header: q.header()}
		}
		results, err := c.Batch(ctx, parts)
		if err != nil {
			return some[0].failed(err)
		}
		for i, res := range results {
			if err := some[i].failed(some[i].take(ctx, r, res)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Selection) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", s.What, err)
}

func (s *Selection) take(ctx context.Context, r Reader, res Result) error {
	if res.Err != nil {
		return res.Err
	}
	if len(res.Bodies) != 1 {
		return broken("a batch without an answer")
	}
	p := &page[folded]{body: res.Bodies[0]}
	if err := newFolder(s.Columns).fold(p); err != nil {
		return err
	}
	if p.next != "" || p.more {
		return r.Scan(ctx, s.Query, s.Columns, s.Take)
	}
	for i := range p.rows.count {
		n := len(s.Columns)
		if err := s.Take(p.rows.values[i*n : (i+1)*n : (i+1)*n]); err != nil {
			return err
		}
	}
	return nil
}
