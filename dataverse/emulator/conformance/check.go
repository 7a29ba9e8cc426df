package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	guidText    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	versionText = regexp.MustCompile(`^[0-9.]+$`)
	codeText    = regexp.MustCompile(`^0x[0-9a-fA-F]{1,8}$`)
	etagText    = regexp.MustCompile(`^W/"\d+"$`)
	partLine    = regexp.MustCompile(`(?m)^HTTP/1\.1 (\d\d\d)`)
	entityKey   = regexp.MustCompile(`\(([^()]*)\)$`)
)

// kinds are the kinds of values that a shape can name.
var kinds = map[string]func(any) bool{
	"string": func(v any) bool { _, is := v.(string); return is },
	"number": func(v any) bool { _, is := v.(json.Number); return is },
	"bool":   func(v any) bool { _, is := v.(bool); return is },
	"null":   func(v any) bool { return v == nil },
	"array":  func(v any) bool { _, is := v.([]any); return is },
	"object": func(v any) bool { _, is := v.(map[string]any); return is },
	"guid":   text(guidText.MatchString),
	"etag":   text(etagText.MatchString),
	"url":    text(func(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }),
	"date":   text(func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }),
	"moment": text(func(s string) bool {
		_, err := time.Parse(time.RFC3339, s)
		return err == nil && strings.HasSuffix(s, "Z")
	}),
	"some":  func(v any) bool { l, is := v.([]any); return is && len(l) > 0 },
	"empty": func(v any) bool { l, is := v.([]any); return is && len(l) == 0 },
}

func text(is func(string) bool) func(any) bool {
	return func(v any) bool { s, ok := v.(string); return ok && is(s) }
}

// kindOf is the kind of a value, as a report may name it.
func kindOf(v any) string {
	for _, k := range []string{"null", "bool", "number", "guid", "etag", "url", "date", "moment", "string", "empty", "array", "object"} {
		if kinds[k](v) {
			return k
		}
	}
	return "unknown"
}

// at is the value at a place: names and positions apart by '>', "*" is every element, "" the body.
func at(body any, place string) (all []any, there bool) {
	all = []any{body}
	if place == "" {
		return all, true
	}
	for _, name := range strings.Split(place, ">") {
		var next []any
		for _, v := range all {
			switch v := v.(type) {
			case map[string]any:
				x, has := v[name]
				if !has {
					return nil, false
				}
				next = append(next, x)
			case []any:
				if name == "*" {
					next = append(next, v...)
				} else if i, err := strconv.Atoi(name); err == nil && i < len(v) {
					next = append(next, v[i])
				} else {
					return nil, false
				}
			default:
				return nil, false
			}
		}
		all = next
	}
	return all, true
}

// expected is one line of a shape: place, and a kind or, after =, a value.
func expected(line string) (place, kind, value string) {
	if p, v, is := strings.Cut(line, " = "); is {
		return p, "", v
	}
	i := strings.LastIndexByte(line, ' ')
	return line[:max(i, 0)], line[i+1:], ""
}

// hold tells what is wrong with a value. One that the case does not know is not named, but its kind.
func (c checker) hold(what, kind, value string, v any) string {
	if kind != "" {
		if kinds[kind](v) {
			return ""
		}
		return fmt.Sprintf("%s is %s, want %s", what, kindOf(v), kind)
	}
	got := fmt.Sprint(v)
	if v == nil {
		got = "null"
	}
	if got == value {
		return ""
	}
	return fmt.Sprintf("%s is %s, want %s", what, c.shown(v), value)
}

// checker holds answers against what is wanted of them.
type checker struct {
	vars vars
	root string
	// known is all that the case and the suite's rows say. Nothing else may stand in a report.
	known string
}

// shown is a value as a report may have it: what the case knows, or the kind of what it does not.
func (c checker) shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case string:
		if v == "" || strings.Contains(c.known, "\x00"+v+"\x00") {
			return v
		}
	case json.Number:
		if strings.Contains(c.known, v.String()) {
			return v.String()
		}
	}
	return "another " + kindOf(v)
}

// check tells what differs, in words without anything that was read from somebody's rows.
func (c checker) check(a *answer, w want) []string {
	var out []string
	say := func(problem string) {
		if problem != "" {
			out = append(out, problem)
		}
	}
	if a.status != w.status {
		say(fmt.Sprintf("status %d, want %d", a.status, w.status))
	}
	if w.code != "" || w.status >= 400 && w.parts == "" && w.text == "" {
		say(c.fault(a, w))
	}
	if w.status != a.status {
		return out // the rest belongs to another answer
	}
	for _, line := range w.shape {
		place, kind, value := expected(line)
		values, there := at(a.body, place)
		if kind == "absent" {
			if there {
				say(place + " is there")
			}
			continue
		}
		if !there {
			say(place + " is missing")
			continue
		}
		for _, v := range values {
			if p := c.hold(place, kind, c.vars.fill(value), v); p != "" {
				say(p)
				break
			}
		}
	}
	for _, line := range w.header {
		name, kind, value := expected(line)
		got := a.header.Get(name)
		switch {
		case kind == "absent" && got != "":
			say("header " + name + " is there")
		case kind != "absent" && got == "":
			say("header " + name + " is missing")
		case kind == "key":
			if key := keyOf(a.header); key == "" {
				say("header " + name + " ends in no key")
			}
		case kind != "absent":
			say(c.hold("header "+name, kind, c.vars.fill(value), got))
		}
	}
	if w.text != "" {
		say(c.plain(a, w.text))
	}
	if w.parts != "" {
		var got []string
		for _, m := range partLine.FindAllStringSubmatch(a.text, -1) {
			got = append(got, m[1])
		}
		if s := strings.Join(got, " "); s != w.parts {
			say(fmt.Sprintf("parts %q, want %q", s, w.parts))
		}
	}
	return out
}

// fault holds the body of an error against its documented form and the code.
func (c checker) fault(a *answer, w want) string {
	code, _ := at(a.body, "error>code")
	if len(code) != 1 || !kinds["string"](code[0]) {
		return "no error with a code, want " + w.code
	}
	message, _ := at(a.body, "error>message")
	if len(message) != 1 || !kinds["string"](message[0]) {
		return "the error has no message"
	}
	if w.code != "" && !strings.EqualFold(code[0].(string), w.code) {
		return fmt.Sprintf("code %s, want %s", codeOf(a), w.code)
	}
	return ""
}

// codeOf is the error's code, if it is one.
func codeOf(a *answer) string {
	if code, _ := at(a.body, "error>code"); len(code) == 1 {
		if s, _ := code[0].(string); codeText.MatchString(s) {
			return s
		}
	}
	return ""
}

func (c checker) plain(a *answer, kind string) string {
	got := strings.TrimPrefix(a.text, "\ufeff")
	if value, is := strings.CutPrefix(kind, "= "); is {
		return c.hold("the text", "", c.vars.fill(value), got)
	}
	switch kind {
	case "number":
		if _, err := strconv.ParseInt(got, 10, 64); err != nil {
			return "the text is no number"
		}
	case "xml":
		if !strings.HasPrefix(strings.TrimSpace(got), "<") {
			return "the text is no XML"
		}
	}
	return ""
}

// names are the values of a column in the rows of an answer.
func names(a *answer, column string) ([]any, error) {
	rows, there := at(a.body, "value>*")
	if !there {
		return nil, errors.New("the answer holds no rows")
	}
	out := make([]any, 0, len(rows))
	for _, r := range rows {
		m, _ := r.(map[string]any)
		out = append(out, m[column])
	}
	return out, nil
}

// sameRows compares values of rows with what they must be.
func (c checker) sameRows(got []any, w want) string {
	have, show := make([]string, len(got)), make([]string, len(got))
	for i, v := range got {
		have[i], show[i] = fmt.Sprint(v), c.shown(v)
		if v == nil {
			have[i] = "null"
		}
	}
	rows := w.rows
	if !w.ordered {
		rows = slices.Sorted(slices.Values(rows))
		slices.Sort(have)
		slices.Sort(show)
	}
	if slices.Equal(have, rows) {
		return ""
	}
	return fmt.Sprintf("rows %s, want %s", strings.Join(show, ","), strings.Join(rows, ","))
}

// keyOf is the key in the answer's OData-EntityId.
func keyOf(h http.Header) string {
	if m := entityKey.FindStringSubmatch(h.Get("OData-EntityId")); m != nil {
		return m[1]
	}
	return ""
}
