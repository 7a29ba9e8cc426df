package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// definitionText is the answer to one read of definitions, for any address that the server is reached at.
type definitionText struct {
	context string      // what follows $metadata#
	body    []byte      // the JSON object without @odata.context; nil where $filter leaves the definition out
	value   *definition // in the place of both, where the path ends at a property
}

// readDefinitions answers GET of the metadata sets. Page: query-metadata-web-api.
func (s *metadataService) readDefinitions(c *call) (*answer, error) {
	if err := c.readsDefinitions(c.path.segments); err != nil {
		return nil, err
	}
	meta := c.metadata()
	switch first := c.path.segments[0]; {
	case first.name == "EntityDefinitions" && first.hasKey:
		return meta.readTable(c)
	case first.name == "EntityDefinitions" && len(c.path.segments) == 1:
		return meta.listTables(c)
	}
	text, err := meta.definitionText(c)
	if err != nil {
		return nil, err
	}
	return text.answer(c), nil
}

// readTable answers with the definition of a table, or what is below it.
func (s *schema) readTable(c *call) (*answer, error) {
	t, err := s.tableByKey(c.path.segments[0].key)
	if err != nil {
		return nil, err
	}
	text, err := s.rendered(t).text(c.question(c.path.segments[1:]), func() (definitionText, error) { return s.definitionText(c) })
	if err != nil {
		return nil, err
	}
	return text.answer(c), nil
}

// listTables answers with the definitions of all tables.
func (s *schema) listTables(c *call) (*answer, error) {
	const typ = "EntityMetadata"
	query, err := parseMetaQuery(c, typ)
	if err != nil {
		return nil, err
	}
	question := "list" + c.question(nil)
	list := []byte(`{"value":[`)
	for _, name := range s.names() {
		t := s.tables[name]
		text, err := s.rendered(t).text(question, func() (definitionText, error) {
			o := s.metaTable(t)
			if query.filter != nil && !query.filter(o) {
				return definitionText{}, nil
			}
			body, err := s.project(o, typ, query, false)
			if err != nil {
				return definitionText{}, err
			}
			return definitionText{body: ok(body).bytes()}, nil
		})
		if err != nil {
			return nil, err
		}
		if text.body == nil {
			continue
		}
		if list[len(list)-1] != '[' {
			list = append(list, ',')
		}
		list = append(list, text.body...)
	}
	return definitionText{context: "EntityDefinitions" + query.context(), body: append(list, "]}"...)}.answer(c), nil
}

// definitionText is what the call's query shows of the definitions that its path leads to.
func (s *schema) definitionText(c *call) (definitionText, error) {
	none := definitionText{}
	d, err := s.resolve(c.path.segments)
	if err != nil {
		return none, err
	}
	if d.isValue {
		return definitionText{value: &d}, nil
	}
	query, err := parseMetaQuery(c, d.typ)
	if err != nil {
		return none, err
	}
	if query.filter != nil && c.path.segments[0].name == "GlobalOptionSetDefinitions" {
		return none, badQuery("The $filter query option is not supported for GlobalOptionSetDefinitions.")
	}
	if d.single {
		body, err := s.project(d.list[0], d.typ, query, false)
		if err != nil {
			return none, err
		}
		return definitionText{context: d.context + query.context() + "/$entity", body: ok(body).bytes()}, nil
	}
	rows := make([]any, 0, len(d.list))
	for _, o := range d.list {
		if query.filter != nil && !query.filter(o) {
			continue
		}
		body, err := s.project(o, d.typ, query, false)
		if err != nil {
			return none, err
		}
		rows = append(rows, body)
	}
	return definitionText{context: d.context + query.context(), body: ok(map[string]any{"value": rows}).bytes()}, nil
}

// question is what a call asks of the definition of a table: the path below it and the query as it came.
func (c *call) question(below []segment) string {
	var b []byte
	for _, s := range below {
		b = strconv.AppendQuote(b, s.name) // names come decoded, and may hold anything
		if s.hasKey {
			b = strconv.AppendQuote(append(b, '='), s.key)
		}
	}
	return string(b) + "?" + c.raw
}

// answer is the text as the answer to a call.
func (d definitionText) answer(c *call) *answer {
	if d.value != nil {
		return valueAnswer(c, d.value)
	}
	context := ok(c.base + "/$metadata#" + d.context).bytes()
	b := make([]byte, 0, len(`{"@odata.context":,`)+len(context)+len(d.body))
	b = append(append(b, `{"@odata.context":`...), context...)
	if len(d.body) > len(`{}`) {
		b = append(b, ',')
	}
	return ok(append(b, d.body[1:]...))
}

func valueAnswer(c *call, d *definition) *answer {
	if strings.HasSuffix(d.context, "/$value") {
		text := "" // null has no raw value
		if d.value == nil {
			return noContent()
		}
		text = fmt.Sprint(d.value)
		return (&answer{status: http.StatusOK, body: []byte(text)}).set("Content-Type", "text/plain")
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + d.context, "value": d.value})
}
