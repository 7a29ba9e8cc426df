package query

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// getRow is GET set(key) (webapi/retrieve-entity-using-web-api).
func (s *Service) getRow(c *wire.Call) (*wire.Answer, error) {
	e := NewEnv(c)
	e.Slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	return s.oneRow(c, e, t, r)
}

// keyedRow is the row of the path's first segment.
func (s *Service) keyedRow(c *wire.Call, e *Env) (*schema.Table, *store.Row, error) {
	t, err := wire.TableBySet(e.Snap.Schema, c.Path.Segments[0].Name)
	if err != nil {
		return nil, nil, err
	}
	if err := access.CheckRight(c, "Read", t, nil); err != nil {
		return nil, nil, err
	}
	k, err := wire.ReadKey(e.Snap, t, c.Path.Segments[0])
	if err != nil {
		return nil, nil, err
	}
	r := e.Source(t).Get(e, k.ID)
	if r == nil {
		if there := e.allRows(t).Get(e, k.ID); there != nil {
			if err := access.CheckRight(c, "Read", t, there); err != nil {
				return nil, nil, err
			}
		}
		return nil, nil, k.NoRow(t)
	}
	return t, r, nil
}

// oneRow answers with one row, or that it has not changed.
func (s *Service) oneRow(c *wire.Call, e *Env, t *schema.Table, r *store.Row) (*wire.Answer, error) {
	o, err := wire.ReadOptions(c, "$select", "$expand")
	if err != nil {
		return nil, err
	}
	sh, err := NewCompiler(e).Shape(o.Values["$select"], o.Values["$expand"], t)
	if err != nil {
		return nil, err
	}
	c.CountRead(1)
	if notModified(c, o, r) {
		return (&wire.Answer{Status: http.StatusNotModified}).SetHeader("Content-Type", "application/json; odata.metadata=minimal"), nil
	}
	w := NewEncoder(c, e)
	w.entity(sh, r)
	if err := e.Err(); err != nil {
		return nil, err
	}
	a := (&wire.Answer{Status: http.StatusOK, Body: w.Buf}).SetHeader("ETag", store.ETag(r))
	if v := applied(c); v != "" {
		a.SetHeader("Preference-Applied", v)
	}
	return a, nil
}

// notModified tells whether If-None-Match names the row's version. The service ignores the header beside
// $expand or annotations (webapi/perform-conditional-operations), and the text null is no version.
func notModified(c *wire.Call, o *wire.QueryOptions, r *store.Row) bool {
	have := c.Header.Get("If-None-Match")
	return have == store.ETag(r) && !o.Has("$expand") && c.Preference("odata.include-annotations") == ""
}

// getProperty is GET set(key)/property: the value of a column, or where a navigation property leads.
func (s *Service) getProperty(c *wire.Call) (*wire.Answer, error) {
	e := NewEnv(c)
	e.Slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	name := c.Path.Segments[1].Name
	if n := t.Navigation(e.Snap.Schema, name); n != nil {
		if n.Collection {
			return s.list(c, e, NewCompiler(e).relatedRows(n, r.ID))
		}
		target, found, err := s.follow(e, t, r, n)
		if err == nil {
			err = e.Err()
		}
		if err != nil || found == nil {
			return wire.NoContent(), err
		}
		return s.oneRow(c, e, target, found)
	}
	col := t.PropertyColumn(name)
	if col == nil {
		return nil, wire.NoSegment(name)
	}
	if c.Query.Has("size") && col.IsFile() {
		return s.File(c, t, r, col, true)
	}
	if _, err := wire.ReadOptions(c); err != nil {
		return nil, err
	}
	v := store.ColumnValue(t, r, col)
	if v == nil || col.NoRead {
		return wire.NoContent(), nil
	}
	c.CountRead(1)
	w := NewEncoder(c, e)
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = AppendJSON(w.Buf, c.Base+"/$metadata#"+t.Set+"("+r.ID.String()+")/"+name)
	w.Key("value")
	w.Buf = appendValue(w.Buf, col, v)
	w.Text("}")
	return &wire.Answer{Status: http.StatusOK, Body: w.Buf}, nil
}

// follow is the row that a single-valued navigation property leads to, nil if there is none.
func (s *Service) follow(e *Env, t *schema.Table, r *store.Row, n *schema.Navigation) (*schema.Table, *store.Row, error) {
	to, ok := r.Get(n.Column).(store.Ref)
	if !ok {
		return nil, nil, nil
	}
	target := n.Target
	if n.Owner || target.Name != schema.ActivityPointer && to.Table != schema.ActivityPointer {
		if !n.Owner && to.Table != target.Name {
			return nil, nil, nil
		}
		target = e.Snap.Schema.Tables[to.Table]
	}
	return target, e.Source(target).Get(e, to.ID), nil
}

// relatedRows is the collection that a navigation property of a row leads to.
func (q *Compiler) relatedRows(n *schema.Navigation, id uuid.UUID) Collection {
	if n.Many != nil {
		where := &accessPath{}
		in := map[uuid.UUID]bool{}
		q.related(n)(q.env, id, func(e *Env, r *store.Row) bool {
			where.add(nil, -1, r.ID)
			in[r.ID] = true
			return true
		})
		return Collection{Table: n.Target, where: where, filter: func(e *Env) truth { return truthOf(in[e.Rows[0].ID]) }}
	}
	c := Collection{Table: n.Target, filter: func(e *Env) truth {
		to, ok := store.TargetID(e.Rows[0].Get(n.Column))
		return truthOf(ok && to == id)
	}}
	if q.env.Source(n.Target).indexed(n.Column) {
		c.where = &accessPath{}
		c.where.add(q.env.Source(n.Target).rows, n.Column, id)
	}
	return c
}

// getValue is GET set(key)/property/$value: the column's value as it is.
func (s *Service) getValue(c *wire.Call) (*wire.Answer, error) {
	e := NewEnv(c)
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	name := c.Path.Segments[1].Name
	col := t.PropertyColumn(name)
	if col == nil {
		return nil, wire.NoSegment(name)
	}
	if col.IsFile() {
		return s.File(c, t, r, col, false)
	}
	if _, err := wire.ReadOptions(c); err != nil {
		return nil, err
	}
	v := store.ColumnValue(t, r, col)
	if v == nil || col.NoRead {
		return wire.NoContent(), nil
	}
	c.CountRead(1)
	text := []byte{}
	if str, ok := v.(string); ok {
		text = []byte(str)
	} else {
		text = appendValue(text, col, v)
		if len(text) > 1 && text[0] == '"' {
			text = text[1 : len(text)-1]
		}
	}
	return (&wire.Answer{Status: http.StatusOK, Body: text}).SetHeader("Content-Type", "text/plain"), nil
}

// countSet is GET set/$count: the number alone (webapi/query/count-rows).
func (s *Service) countSet(c *wire.Call) (*wire.Answer, error) {
	e := NewEnv(c)
	e.Slot()
	t, err := wire.TableBySet(e.Snap.Schema, c.Path.Segments[0].Name)
	if err != nil {
		return nil, err
	}
	if c.Query.Has("$deltatoken") {
		return s.countChanges(c, e, t)
	}
	return s.counted(c, e, Collection{Table: t}, false)
}

// countRelated is GET set(key)/property/$count.
func (s *Service) countRelated(c *wire.Call) (*wire.Answer, error) {
	e, from, err := s.relatedTo(c)
	if err != nil {
		return nil, err
	}
	return s.counted(c, e, from, true)
}

// relatedTo is the collection of the path's second segment.
func (s *Service) relatedTo(c *wire.Call) (*Env, Collection, error) {
	e := NewEnv(c)
	e.Slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, Collection{}, err
	}
	n := t.Navigation(e.Snap.Schema, c.Path.Segments[1].Name)
	if n == nil || !n.Collection {
		return nil, Collection{}, wire.NoSegment(c.Path.Segments[len(c.Path.Segments)-1].Name)
	}
	return e, NewCompiler(e).relatedRows(n, r.ID), nil
}

func (s *Service) counted(c *wire.Call, e *Env, from Collection, bom bool) (*wire.Answer, error) {
	o, err := wire.ReadOptions(c, "$filter", "fetchXml", "savedQuery", "userQuery")
	if err != nil {
		return nil, err
	}
	if o.Has("fetchXml") || o.Has("savedQuery") || o.Has("userQuery") {
		return nil, wire.NewError(http.StatusBadRequest, "0x80060888", "Count Segment is not supported when SavedQuery or UserQuery or FetchXml option is provided")
	}
	q := &rowQuery{call: c, env: e, options: o, from: from, where: from.where}
	if err := q.compileFilter(NewCompiler(e)); err != nil {
		return nil, err
	}
	n := min(q.total(), MaxRows)
	body := countText(n)
	if bom {
		body = withBOM(n)
	}
	return (&wire.Answer{Status: http.StatusOK, Body: body}).SetHeader("Content-Type", "text/plain"), e.Err()
}

// getReference is GET set(key)/property/$ref: the links instead of the rows.
func (s *Service) getReference(c *wire.Call) (*wire.Answer, error) {
	e := NewEnv(c)
	e.Slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	n := t.Navigation(e.Snap.Schema, c.Path.Segments[1].Name)
	if n == nil {
		return nil, wire.NoSegment("$ref")
	}
	w := NewEncoder(c, e)
	w.Text("{")
	w.Key("@odata.context")
	if n.Collection {
		return s.references(c, w, NewCompiler(e).relatedRows(n, r.ID))
	}
	target, found, err := s.follow(e, t, r, n)
	if err != nil || found == nil {
		return wire.NoContent(), err
	}
	w.Buf = AppendJSON(w.Buf, c.Base+"/$metadata#$ref")
	w.Key("@odata.id")
	w.Buf = AppendJSON(w.Buf, c.Base+"/"+target.Set+"("+found.ID.String()+")")
	w.Text("}")
	return &wire.Answer{Status: http.StatusOK, Body: w.Buf}, nil
}

func (s *Service) references(c *wire.Call, w *Encoder, from Collection) (*wire.Answer, error) {
	o, err := wire.ReadOptions(c, "$filter", "$orderby", "$top", "$count", "$skiptoken")
	if err != nil {
		return nil, err
	}
	q, err := s.newRowQuery(c, w.Env, o, from)
	if err != nil {
		return nil, err
	}
	limit := MaxRows
	if q.page > 0 {
		limit = q.page
	}
	if q.top >= 0 {
		limit = min(limit, q.top)
	}
	col, more, err := q.run(limit)
	if err != nil {
		return nil, err
	}
	w.Buf = AppendJSON(w.Buf, c.Base+"/$metadata#Collection($ref)")
	q.writeCounts(w)
	w.Key("value")
	w.Text("[")
	for i, h := range col.hits {
		if i > 0 {
			w.Text(",")
		}
		w.Text(`{"@odata.id":`)
		w.Buf = AppendJSON(w.Buf, c.Base+"/"+from.Table.Set+"("+h.row.ID.String()+")")
		w.Text("}")
	}
	w.Text("]")
	if more && q.top < 0 {
		w.Key("@odata.nextLink")
		w.Buf = AppendJSON(w.Buf, q.nextLink(col))
	}
	w.Text("}")
	c.CountRead(len(col.hits))
	return &wire.Answer{Status: http.StatusOK, Body: w.Buf}, w.Env.Err()
}
