package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// getRow is GET set(key) (webapi/retrieve-entity-using-web-api).
func (s *queryService) getRow(c *call) (*answer, error) {
	e := newEnv(c)
	e.slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	return s.oneRow(c, e, t, r)
}

// keyedRow is the row of the path's first segment.
func (s *queryService) keyedRow(c *call, e *env) (*table, *row, error) {
	t, err := e.snap.schema.set(c.path.segments[0].name)
	if err != nil {
		return nil, nil, err
	}
	if err := c.allowed("Read", t, nil); err != nil {
		return nil, nil, err
	}
	k, err := e.snap.key(t, c.path.segments[0])
	if err != nil {
		return nil, nil, err
	}
	r := e.source(t).get(e, k.id)
	if r == nil {
		if there := e.everything(t).get(e, k.id); there != nil {
			if err := c.allowed("Read", t, there); err != nil {
				return nil, nil, err
			}
		}
		return nil, nil, k.noRow(t)
	}
	return t, r, nil
}

// oneRow answers with one row, or that it has not changed.
func (s *queryService) oneRow(c *call, e *env, t *table, r *row) (*answer, error) {
	o, err := readOptions(c, "$select", "$expand")
	if err != nil {
		return nil, err
	}
	sh, err := newCompiler(e).shape(o.values["$select"], o.values["$expand"], t)
	if err != nil {
		return nil, err
	}
	c.readRows(1)
	if notModified(c, o, r) {
		return (&answer{status: http.StatusNotModified}).set("Content-Type", "application/json; odata.metadata=minimal"), nil
	}
	w := newEncoder(c, e)
	w.entity(sh, r)
	if err := e.finished(); err != nil {
		return nil, err
	}
	a := (&answer{status: http.StatusOK, body: w.b}).set("ETag", etagOf(r))
	if v := c.applied(); v != "" {
		a.set("Preference-Applied", v)
	}
	return a, nil
}

// notModified tells whether If-None-Match names the row's version. It does not count beside $expand or annotations
// (webapi/perform-conditional-operations), and the text null is no version.
func notModified(c *call, o *queryOptions, r *row) bool {
	have := c.header.Get("If-None-Match")
	return have == etagOf(r) && !o.has("$expand") && c.prefer("odata.include-annotations") == ""
}

// getProperty is GET set(key)/property: the value of a column, or where a navigation property leads.
func (s *queryService) getProperty(c *call) (*answer, error) {
	e := newEnv(c)
	e.slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	name := c.path.segments[1].name
	if n := t.navigation(e.snap.schema, name); n != nil {
		if n.collection {
			return s.list(c, e, newCompiler(e).relatedRows(n, r.id))
		}
		target, found, err := s.follow(e, t, r, n)
		if err == nil {
			err = e.finished()
		}
		if err != nil || found == nil {
			return noContent(), err
		}
		return s.oneRow(c, e, target, found)
	}
	col := t.propertyColumn(name)
	if col == nil {
		return nil, noSegment(name)
	}
	if c.query.Has("size") && col.isFile() {
		return s.file(c, t, r, col, true)
	}
	if _, err := readOptions(c); err != nil {
		return nil, err
	}
	v := t.value(r, col)
	if v == nil || col.NoRead {
		return noContent(), nil
	}
	c.readRows(1)
	w := newEncoder(c, e)
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, c.base+"/$metadata#"+t.Set+"("+r.id.String()+")/"+name)
	w.key("value")
	w.b = appendValue(w.b, col, v)
	w.text("}")
	return &answer{status: http.StatusOK, body: w.b}, nil
}

// follow is the row that a single-valued navigation property leads to, nil if there is none.
func (s *queryService) follow(e *env, t *table, r *row, n *navigation) (*table, *row, error) {
	to, ok := r.get(n.column).(ref)
	if !ok {
		return nil, nil, nil
	}
	target := n.target
	if n.owner || target.Name != activityPointer && to.Table != activityPointer {
		if !n.owner && to.Table != target.Name {
			return nil, nil, nil
		}
		target = e.snap.schema.tables[to.Table]
	}
	return target, e.source(target).get(e, to.ID), nil
}

// relatedRows is the collection that a navigation property of a row leads to.
func (q *compiler) relatedRows(n *navigation, id uuid.UUID) collection {
	if n.many != nil {
		where := &access{}
		in := map[uuid.UUID]bool{}
		q.related(n)(q.env, id, func(e *env, r *row) bool {
			where.probes = append(where.probes, probe{-1, r.id})
			in[r.id] = true
			return true
		})
		return collection{table: n.target, where: where, filter: func(e *env) truth { return truthOf(in[e.rows[0].id]) }}
	}
	c := collection{table: n.target, filter: func(e *env) truth {
		to, ok := pointsAt(e.rows[0].get(n.column))
		return truthOf(ok && to == id)
	}}
	if q.env.source(n.target).indexed(n.column) {
		c.where = &access{probes: []probe{{n.column, id}}}
	}
	return c
}

// getValue is GET set(key)/property/$value: the column's value as it is.
func (s *queryService) getValue(c *call) (*answer, error) {
	e := newEnv(c)
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	name := c.path.segments[1].name
	col := t.propertyColumn(name)
	if col == nil {
		return nil, noSegment(name)
	}
	if col.isFile() {
		return s.file(c, t, r, col, false)
	}
	if _, err := readOptions(c); err != nil {
		return nil, err
	}
	v := t.value(r, col)
	if v == nil || col.NoRead {
		return noContent(), nil
	}
	c.readRows(1)
	text := []byte{}
	if str, ok := v.(string); ok {
		text = []byte(str)
	} else {
		text = appendValue(text, col, v)
		if len(text) > 1 && text[0] == '"' {
			text = text[1 : len(text)-1]
		}
	}
	return (&answer{status: http.StatusOK, body: text}).set("Content-Type", "text/plain"), nil
}

// countSet is GET set/$count: the number alone (webapi/query/count-rows).
func (s *queryService) countSet(c *call) (*answer, error) {
	e := newEnv(c)
	e.slot()
	t, err := e.snap.schema.set(c.path.segments[0].name)
	if err != nil {
		return nil, err
	}
	if c.query.Has("$deltatoken") {
		return s.countChanges(c, e, t)
	}
	return s.counted(c, e, collection{table: t}, false)
}

// countRelated is GET set(key)/property/$count.
func (s *queryService) countRelated(c *call) (*answer, error) {
	e, from, err := s.relatedTo(c)
	if err != nil {
		return nil, err
	}
	return s.counted(c, e, from, true)
}

// relatedTo is the collection of the path's second segment.
func (s *queryService) relatedTo(c *call) (*env, collection, error) {
	e := newEnv(c)
	e.slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, collection{}, err
	}
	n := t.navigation(e.snap.schema, c.path.segments[1].name)
	if n == nil || !n.collection {
		return nil, collection{}, noSegment(c.path.segments[len(c.path.segments)-1].name)
	}
	return e, newCompiler(e).relatedRows(n, r.id), nil
}

func (s *queryService) counted(c *call, e *env, from collection, bom bool) (*answer, error) {
	o, err := readOptions(c, "$filter", "fetchXml", "savedQuery", "userQuery")
	if err != nil {
		return nil, err
	}
	if o.has("fetchXml") || o.has("savedQuery") || o.has("userQuery") {
		return nil, newFault(http.StatusBadRequest, "0x80060888", "Count Segment is not supported when SavedQuery or UserQuery or FetchXml option is provided")
	}
	q := &rowQuery{call: c, env: e, options: o, from: from, where: from.where}
	if err := q.compileFilter(newCompiler(e)); err != nil {
		return nil, err
	}
	n := min(q.total(), maxRows)
	body := countText(n)
	if bom {
		body = withBOM(n)
	}
	return (&answer{status: http.StatusOK, body: body}).set("Content-Type", "text/plain"), e.finished()
}

// getReference is GET set(key)/property/$ref: the links instead of the rows.
func (s *queryService) getReference(c *call) (*answer, error) {
	e := newEnv(c)
	e.slot()
	t, r, err := s.keyedRow(c, e)
	if err != nil {
		return nil, err
	}
	n := t.navigation(e.snap.schema, c.path.segments[1].name)
	if n == nil {
		return nil, noSegment("$ref")
	}
	w := newEncoder(c, e)
	w.text("{")
	w.key("@odata.context")
	if n.collection {
		return s.references(c, w, newCompiler(e).relatedRows(n, r.id))
	}
	target, found, err := s.follow(e, t, r, n)
	if err != nil || found == nil {
		return noContent(), err
	}
	w.b = appendJSON(w.b, c.base+"/$metadata#$ref")
	w.key("@odata.id")
	w.b = appendJSON(w.b, c.base+"/"+target.Set+"("+found.id.String()+")")
	w.text("}")
	return &answer{status: http.StatusOK, body: w.b}, nil
}

func (s *queryService) references(c *call, w *encoder, from collection) (*answer, error) {
	o, err := readOptions(c, "$filter", "$orderby", "$top", "$count", "$skiptoken")
	if err != nil {
		return nil, err
	}
	q, err := s.newRowQuery(c, w.e, o, from)
	if err != nil {
		return nil, err
	}
	limit := maxRows
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
	w.b = appendJSON(w.b, c.base+"/$metadata#Collection($ref)")
	q.writeCounts(w)
	w.key("value")
	w.text("[")
	for i, h := range col.hits {
		if i > 0 {
			w.text(",")
		}
		w.text(`{"@odata.id":`)
		w.b = appendJSON(w.b, c.base+"/"+from.table.Set+"("+h.row.id.String()+")")
		w.text("}")
	}
	w.text("]")
	if more && q.top < 0 {
		w.key("@odata.nextLink")
		w.b = appendJSON(w.b, q.nextLink(col))
	}
	w.text("}")
	c.readRows(len(col.hits))
	return &answer{status: http.StatusOK, body: w.b}, w.e.finished()
}
