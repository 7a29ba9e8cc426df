package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	guidText  = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	codeText  = regexp.MustCompile(`^0x[0-9a-fA-F]{1,8}$`)
	etagText  = regexp.MustCompile(`^W/"\d+"$`)
	partLine  = regexp.MustCompile(`(?m)^HTTP/1\.1 (\d\d\d)`)
	entityKey = regexp.MustCompile(`\(([^()]*)\)$`)
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

// hold tells what is wrong with a value; shown says whether it may be named, which a value of somebody's row may not.
func hold(what, kind, value string, v any, shown bool) string {
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
	if !shown {
		got = "another " + kindOf(v)
	}
	return fmt.Sprintf("%s is %s, want %s", what, got, value)
}

// checker holds answers against what is wanted of them.
type checker struct {
	vars vars
	root string
	own  bool // the case reads and writes the suite's own rows alone, so that their values may be reported
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
			if p := hold(place, kind, c.vars.fill(value), v, c.own); p != "" {
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
			say(hold("header "+name, kind, c.vars.fill(value), got, c.own || strings.HasPrefix(name, "OData-V") || name == "Preference-Applied" || name == "Content-Type"))
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
		return hold("the text", "", c.vars.fill(value), got, c.own)
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

// names are the values of a column in the rows of an answer. A row of somebody else is not named.
func (c checker) names(a *answer, column string) ([]string, error) {
	rows, there := at(a.body, "value>*")
	if !there {
		return nil, fmt.Errorf("the answer holds no rows")
	}
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		m, _ := r.(map[string]any)
		v, has := m[column]
		switch {
		case !has || v == nil:
			out = append(out, "null")
		case c.own:
			out = append(out, fmt.Sprint(v))
		default:
			out = append(out, kindOf(v))
		}
	}
	return out, nil
}

// sameRows compares names of rows.
func sameRows(got []string, w want) string {
	want := w.rows
	if !w.ordered {
		got, want = slices.Clone(got), slices.Clone(want)
		slices.Sort(got)
		slices.Sort(want)
	}
	if slices.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("rows %s, want %s", strings.Join(got, ","), strings.Join(want, ","))
}

// keyOf is the key in the answer's OData-EntityId.
func keyOf(h http.Header) string {
	if m := entityKey.FindStringSubmatch(h.Get("OData-EntityId")); m != nil {
		return m[1]
	}
	return ""
}
