package hooks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// A text in a body may hold placeholders: {lastname} is the column as it is being written, {before.lastname} as it was,
// {id}, {table}, {user} and {now} are of the event. A text that is nothing but one placeholder becomes the value itself.

var place = regexp.MustCompile(`\{([a-z0-9_.]+)\}`)

var ofEvent = map[string]bool{"id": true, "table": true, "user": true, "now": true}

// checkPlaces checks that every placeholder in a value names something.
func (s *step) checkPlaces(v any, t *schema.Table) error {
	switch v := v.(type) {
	case string:
		for _, m := range place.FindAllStringSubmatch(v, -1) {
			name := strings.TrimPrefix(m[1], "before.")
			switch {
			case ofEvent[m[1]]:
			case t == nil:
				return fmt.Errorf("%s: a hook on every table knows no columns", m[0])
			case t.Column(name) == nil:
				return fmt.Errorf("%s: %s has no column %q%s", m[0], t.Name, name, wire.Nearest(name, columnNames(t)))
			}
		}
	case map[string]any:
		for _, x := range v {
			if err := s.checkPlaces(x, t); err != nil {
				return err
			}
		}
	case []any:
		for _, x := range v {
			if err := s.checkPlaces(x, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// filled is a body with its placeholders filled, in the types that the body of a request has.
func (ev *Event) filled(body map[string]any) map[string]any {
	out := make(map[string]any, len(body))
	for name, v := range body {
		out[name] = ev.fill(v)
	}
	return out
}

func (ev *Event) fill(v any) any {
	switch v := v.(type) {
	case string:
		if m := place.FindStringSubmatch(v); m != nil && m[0] == v {
			return ev.placed(m[1])
		}
		return ev.text(v)
	case map[string]any:
		return ev.filled(v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = ev.fill(x)
		}
		return out
	case int:
		return json.Number(strconv.Itoa(v))
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case uint64:
		return json.Number(strconv.FormatUint(v, 10))
	case float64:
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64))
	}
	return v
}

// text is a text with its placeholders filled.
func (ev *Event) text(s string) string {
	return place.ReplaceAllStringFunc(s, func(p string) string {
		v := ev.placed(p[1 : len(p)-1])
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	})
}

// placed is what a placeholder stands for, as a body has it.
func (ev *Event) placed(name string) any {
	switch name {
	case "id":
		return ev.ID.String()
	case "table":
		return ev.Table.Name
	case "user":
		return ev.User.String()
	case "now":
		return ev.at.UTC().Format(time.RFC3339)
	}
	name, before := strings.CutPrefix(name, "before.")
	c := ev.Table.Column(name)
	if c == nil {
		return nil
	}
	if name == ev.Table.ID {
		return ev.ID.String()
	}
	return plain(ev.value(c, before))
}

// plain is a row's value as a body has it.
func plain(v any) any {
	switch v := v.(type) {
	case store.Ref:
		return v.ID.String()
	case uuid.UUID:
		return v.String()
	case store.Instant:
		return v.Time().Format(time.RFC3339)
	case store.Day:
		return v.Time().Format(time.DateOnly)
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64))
	}
	return v
}
