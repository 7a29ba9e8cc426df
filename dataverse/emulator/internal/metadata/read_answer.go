package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// DefinitionText is the answer to one read of definitions, for any address that the server is reached at.
type DefinitionText struct {
	Context string      // what follows $metadata#
	body    []byte      // the JSON object without @odata.context; nil where $filter leaves the definition out
	value   *definition // in the place of both, where the path ends at a property
}

// readDefinitions answers GET of the metadata sets. Page: query-metadata-web-api.
func (s *Service) readDefinitions(c *wire.Call) (*wire.Answer, error) {
	a, err := s.readInEnglish(c)
	if language := userLanguage(c); err == nil && language != English {
		return inLanguage(a, language)
	}
	return a, err
}

// userLanguage is the language of the caller's user interface.
func userLanguage(c *wire.Call) int {
	sn := c.View()
	if t := sn.Schema.Tables["usersettings"]; t != nil {
		if language, _ := store.Value(t, sn.Rows(t.Name).Get(c.User), "uilanguageid").(int64); language != 0 {
			return int(language)
		}
	}
	return English
}

// inLanguage puts the label of the user's language into UserLocalizedLabel, where there is one; else it stays that of the base
// language. Page: customize-labels-support-multiple-languages.
func inLanguage(a *wire.Answer, language int) (*wire.Answer, error) {
	d := json.NewDecoder(bytes.NewReader(a.Bytes()))
	d.UseNumber()
	var body any
	if err := d.Decode(&body); err != nil {
		return nil, err
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			list, _ := v["LocalizedLabels"].([]any)
			for _, x := range list {
				if m, _ := x.(map[string]any); m["LanguageCode"] == json.Number(strconv.Itoa(language)) && v["UserLocalizedLabel"] != nil {
					v["UserLocalizedLabel"] = m
				}
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(body)
	changed := *a
	changed.Body = body
	return &changed, nil
}

// readInEnglish answers as a user does who has the base language.
func (s *Service) readInEnglish(c *wire.Call) (*wire.Answer, error) {
	if err := checkReadRight(c, c.Path.Segments); err != nil {
		return nil, err
	}
	meta := schemaFor(c)
	switch first := c.Path.Segments[0]; {
	case first.Name == "EntityDefinitions" && first.HasKey:
		return readTable(meta, c)
	case first.Name == "EntityDefinitions" && len(c.Path.Segments) == 1:
		return listTables(meta, c)
	}
	text, err := ReadDefinitionText(meta, c)
	if err != nil {
		return nil, err
	}
	return text.Answer(c), nil
}

// readTable answers with the definition of a table, or what is below it.
func readTable(s *schema.Schema, c *wire.Call) (*wire.Answer, error) {
	t, err := tableByKey(s, c.Path.Segments[0].Key)
	if err != nil {
		return nil, err
	}
	asked := question(c, c.Path.Segments[1:])
	if _, byName := cutKey(c.Path.Segments[0].Key, "LogicalName"); !byName {
		asked = "by id" + asked // the context of the answer is another
	}
	text, err := RenderedOf(s, t).Text(asked, func() (DefinitionText, error) { return ReadDefinitionText(s, c) })
	if err != nil {
		return nil, err
	}
	return text.Answer(c), nil
}

// listTables answers with the definitions of all tables.
func listTables(s *schema.Schema, c *wire.Call) (*wire.Answer, error) {
	const typ = "EntityMetadata"
	query, err := parseMetaQuery(c, typ)
	if err != nil {
		return nil, err
	}
	question := "list" + question(c, nil)
	list := []byte(`{"value":[`)
	for _, name := range s.TableNames() {
		t := s.Tables[name]
		text, err := RenderedOf(s, t).Text(question, func() (DefinitionText, error) {
			o := metaTable(s, t)
			if query.filter != nil && !query.filter(o) {
				return DefinitionText{}, nil
			}
			body, err := project(s, o, typ, query, false)
			if err != nil {
				return DefinitionText{}, err
			}
			return DefinitionText{body: wire.OK(body).Bytes()}, nil
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
	return DefinitionText{Context: "EntityDefinitions" + query.context(), body: append(list, "]}"...)}.Answer(c), nil
}

// ReadDefinitionText is what the call's query shows of the definitions that its path leads to.
func ReadDefinitionText(s *schema.Schema, c *wire.Call) (DefinitionText, error) {
	none := DefinitionText{}
	d, err := resolve(s, c.Path.Segments)
	if err != nil {
		return none, err
	}
	if d.isValue {
		return DefinitionText{value: &d}, nil
	}
	query, err := parseMetaQuery(c, d.typ)
	if err != nil {
		return none, err
	}
	if query.filter != nil && c.Path.Segments[0].Name == "GlobalOptionSetDefinitions" {
		return none, wire.BadQuery("The $filter query option is not supported for GlobalOptionSetDefinitions.")
	}
	if d.single {
		body, err := project(s, d.list[0], d.typ, query, false)
		if err != nil {
			return none, err
		}
		return DefinitionText{Context: d.context + query.context() + "/$entity", body: wire.OK(body).Bytes()}, nil
	}
	rows := make([]any, 0, len(d.list))
	for _, o := range d.list {
		if query.filter != nil && !query.filter(o) {
			continue
		}
		body, err := project(s, o, d.typ, query, false)
		if err != nil {
			return none, err
		}
		rows = append(rows, body)
	}
	return DefinitionText{Context: d.context + query.context(), body: wire.OK(map[string]any{"value": rows}).Bytes()}, nil
}

// question is what a call asks of the definition of a table: the path below it and the query as it came.
func question(c *wire.Call, below []wire.Segment) string {
	var b []byte
	for _, s := range below {
		b = strconv.AppendQuote(b, s.Name) // names come decoded, and may hold anything
		if s.HasKey {
			b = strconv.AppendQuote(append(b, '='), s.Key)
		}
	}
	return string(b) + "?" + c.Raw
}

// Answer is the text as the answer to a call.
func (d DefinitionText) Answer(c *wire.Call) *wire.Answer {
	if d.value != nil {
		return valueAnswer(c, d.value)
	}
	context := wire.OK(c.Base + "/$metadata#" + d.Context).Bytes()
	b := make([]byte, 0, len(`{"@odata.context":,`)+len(context)+len(d.body))
	b = append(append(b, `{"@odata.context":`...), context...)
	if len(d.body) > len(`{}`) {
		b = append(b, ',')
	}
	return wire.OK(append(b, d.body[1:]...))
}

func valueAnswer(c *wire.Call, d *definition) *wire.Answer {
	if strings.HasSuffix(d.context, "/$value") {
		text := "" // null has no raw value
		if d.value == nil {
			return wire.NoContent()
		}
		text = fmt.Sprint(d.value)
		return (&wire.Answer{Status: http.StatusOK, Body: []byte(text)}).SetHeader("Content-Type", "text/plain")
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + d.context, "value": d.value})
}
