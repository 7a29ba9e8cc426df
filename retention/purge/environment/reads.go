package environment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
)

// MaxIDs is how many ids one query names.
const MaxIDs = 100

// maxReads is how many reads go in one batch. It is well below the 1,000 that the service takes: a batch's whole
// execution time counts against one request's limit.
const maxReads = 200

// Reader answers many queries at once, in the order of the queries.
type Reader interface {
	// Queries answers each with all its rows.
	Queries(ctx context.Context, qs []dataverse.Query) ([][]dataverse.Row, error)
	// Each hands over the rows of each query, to its end or until fn has had enough of it.
	Each(ctx context.Context, qs []dataverse.Query, fn func(i int, row dataverse.Row) bool) error
}

// From reads with a client as well as it can: in batches where it has them. What is asked for is reads, whatever else a batch could do.
func From(client dataverse.Reader) Reader {
	if c, ok := client.(dataverse.Writer); ok {
		return Batched{c}
	}
	return OneByOne{client}
}

// OneByOne reads with a client that has no batches, or what would spoil a batch.
type OneByOne struct{ Client dataverse.Reader }

func (r OneByOne) Queries(ctx context.Context, qs []dataverse.Query) ([][]dataverse.Row, error) {
	return collect(ctx, r, qs)
}

func (r OneByOne) Each(ctx context.Context, qs []dataverse.Query, fn func(i int, row dataverse.Row) bool) error {
	for i, q := range qs {
		if err := stream(ctx, r.Client, q, func(row dataverse.Row) bool { return fn(i, row) }); err != nil {
			return err
		}
	}
	return nil
}

func collect(ctx context.Context, r Reader, qs []dataverse.Query) ([][]dataverse.Row, error) {
	out := make([][]dataverse.Row, len(qs))
	err := r.Each(ctx, qs, func(i int, row dataverse.Row) bool {
		out[i] = append(out[i], row)
		return true
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Batched reads in batches.
type Batched struct{ Client dataverse.Writer }

func (r Batched) Queries(ctx context.Context, qs []dataverse.Query) ([][]dataverse.Row, error) {
	return collect(ctx, r, qs)
}

// Each holds no more than the first pages of a batch.
func (r Batched) Each(ctx context.Context, qs []dataverse.Query, fn func(i int, row dataverse.Row) bool) error {
	sets, err := entitySets(ctx, r.Client, qs)
	if err != nil {
		return err
	}
	at := 0
	for group := range slices.Chunk(qs, maxReads) {
		parts := make([]dataverse.Part, len(group))
		for i, q := range group {
			parts[i].Op = &dataverse.Operation{Method: http.MethodGet, Path: queryPath(cmp.Or(q.Set, sets[q.Table]), q), Header: annotations(q)}
		}
		results, err := r.Client.Batch(ctx, parts)
		if err != nil {
			return err
		}
		for i, res := range results {
			if res.Err != nil {
				return fmt.Errorf("read %s: %w", group[i].Table, res.Err)
			}
			rows, more, err := page(res)
			if err != nil {
				return fmt.Errorf("read %s: %w", group[i].Table, err)
			}
			if more { // rare: more rows than a page holds
				if err := stream(ctx, r.Client, group[i], func(row dataverse.Row) bool { return fn(at, row) }); err != nil {
					return err
				}
				rows = nil
			}
			for _, row := range rows {
				if !fn(at, row) {
					break
				}
			}
			at++
		}
	}
	return nil
}

// entitySets are the sets of the tables that are read, by table.
func entitySets(ctx context.Context, client dataverse.Reader, qs []dataverse.Query) (map[string]string, error) {
	if !slices.ContainsFunc(qs, func(q dataverse.Query) bool { return q.Set == "" }) {
		return nil, nil
	}
	all, err := client.Tables(ctx)
	if err != nil {
		return nil, err
	}
	sets := make(map[string]string, len(all))
	for _, t := range all {
		sets[t.LogicalName] = t.EntitySet
	}
	for _, q := range qs {
		if q.Set == "" && sets[q.Table] == "" {
			_, err := client.Table(ctx, q.Table) // which says what is wrong with it
			return nil, cmp.Or(err, dataverse.ErrNoTable)
		}
	}
	return sets, nil
}

// Together runs functions that read, and share what they read in batches at the same time (see [ReadTogether]); with a reader
// that has no batches they run one after the other.
func Together(ctx context.Context, from Reader, fns ...func(from Reader) error) error {
	b, ok := from.(Batched)
	if !ok {
		for _, fn := range fns {
			if err := fn(from); err != nil {
				return err
			}
		}
		return nil
	}
	all := make([]func(dataverse.Writer) error, len(fns))
	for i, fn := range fns {
		all[i] = func(c dataverse.Writer) error { return fn(Batched{c}) }
	}
	return ReadTogether(ctx, b.Client, all...)
}

func stream(ctx context.Context, client dataverse.Reader, q dataverse.Query, fn func(dataverse.Row) bool) error {
	for row, err := range client.Rows(ctx, q) {
		if err != nil {
			return fmt.Errorf("read %s: %w", q.Table, err)
		}
		if !fn(row) {
			return nil
		}
	}
	return nil
}

func page(res dataverse.Result) (rows []dataverse.Row, more bool, err error) {
	if len(res.Bodies) != 1 {
		return nil, false, errors.New("the batch holds no answer for it")
	}
	p, err := dataverse.ReadPage(res.Bodies[0])
	if err != nil {
		return nil, false, err
	}
	return p.Rows, p.More, nil
}

func annotations(q dataverse.Query) http.Header {
	switch {
	case q.Annotations:
		return http.Header{"Prefer": {`odata.include-annotations="*"`}}
	case q.FetchXML != "": // only an annotation tells whether there are more rows
		return http.Header{"Prefer": {`odata.include-annotations="Microsoft.Dynamics.CRM.morerecords"`}}
	}
	return nil
}

func queryPath(set string, q dataverse.Query) string {
	if q.FetchXML != "" {
		return set + "?fetchXml=" + url.QueryEscape(q.FetchXML)
	}
	path := make([]byte, 0, len(set)+100+20*len(q.Select)+len(q.Filter)+len(q.Filter)/2+len(q.Expand)*2)
	path = append(path, set...)
	between := byte('?')
	add := func(name, value string) {
		if value == "" {
			return
		}
		path = append(append(append(path, between), name...), '=')
		path, between = dataverse.AppendEscaped(path, value), '&'
	}
	add("$select", strings.Join(q.Select, ","))
	add("$filter", q.Filter)
	add("$expand", q.Expand)
	add("$orderby", q.OrderBy)
	return string(path)
}

// IDFilter is a filter for rows whose column holds one of the ids.
func IDFilter(column string, ids []uuid.UUID) string {
	b := make([]byte, 0, len(ids)*(len(column)+len(" eq  or ")+36))
	for i, id := range ids {
		if i > 0 {
			b = append(b, " or "...)
		}
		b = append(append(b, column...), " eq "...)
		text, _ := id.MarshalText() // never fails, and unlike String allocates nothing
		b = append(b, text...)
	}
	return string(b)
}

// History is a query for the audit history of rows: what was written to them, and not who has read them or deleted their history.
func History(ids []uuid.UUID) dataverse.Query {
	return dataverse.Query{Table: "audit", Select: []string{"auditid", "_objectid_value"}, Filter: "(" + IDFilter("_objectid_value", ids) + ") and operation ne 4 and action ne 111"}
}

// Query makes a query of a compiled read.
func Query(r compile.Read, extra ...string) dataverse.Query {
	q := dataverse.Query{Table: r.Table, Set: r.Set, Select: r.Select, Filter: r.Filter, Expand: r.Expand, FetchXML: r.FetchXML}
	for _, c := range extra {
		if len(q.Select) > 0 && !slices.Contains(q.Select, c) {
			q.Select = append(slices.Clone(q.Select), c)
		}
	}
	return q
}

// field finds a field of a compiled read in a row of its answer.
func field(row dataverse.Row, f compile.Field) (dataverse.Row, string) {
	path := strings.Split(string(f), "/")
	for _, nav := range path[:len(path)-1] {
		if row = row.Expanded(nav); row == nil {
			return nil, ""
		}
	}
	return row, path[len(path)-1]
}

func FieldID(row dataverse.Row, f compile.Field) uuid.UUID {
	r, name := field(row, f)
	return r.ID(name)
}

func FieldText(row dataverse.Row, f compile.Field) string {
	r, name := field(row, f)
	return r.Text(name)
}

// FieldWritten is a value as the service writes it: a text, or a number.
func FieldWritten(row dataverse.Row, f compile.Field) string {
	r, name := field(row, f)
	if n, ok := r[name].(json.Number); ok {
		return n.String()
	}
	return r.Text(name)
}

// Fold is the form in which values that join rows to persons are compared.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
