package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// decodeStrict reads JSON or YAML: a misspelt key must not look like a setting that has no effect. An error says in which
// line and column, and what was probably meant. Nothing at all is an empty value.
func decodeStrict(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if json.Valid(text) {
		return decodeJSON(text, into)
	}
	err := yaml.UnmarshalWithOptions(text, into, yaml.Strict())
	var unknown *yaml.UnknownFieldError
	var shown yaml.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown) && unknown.Token != nil:
		name := unknown.Token.Value
		return placed(unknown.Token.Position.Line, unknown.Token.Position.Column, "there is no key %q%s", name, wire.Nearest(name, keysOf(into)))
	case errors.As(err, &shown) && shown.GetToken() != nil:
		at := shown.GetToken().Position
		return placed(at.Line, at.Column, "%s", shown.GetMessage())
	}
	return fmt.Errorf("%s", strings.TrimSpace(err.Error()))
}

var unknownKey = regexp.MustCompile(`^json: unknown field "(.*)"$`)

func decodeJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	err := d.Decode(into)
	if err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return errors.New("there is more than one JSON value")
		}
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if m := unknownKey.FindStringSubmatch(err.Error()); m != nil {
		line, column := position(text, bytes.Index(text, []byte(`"`+m[1]+`"`)))
		return placed(line, column, "there is no key %q%s", m[1], wire.Nearest(m[1], keysOf(into)))
	}
	if errors.As(err, &wrong) {
		line, column := position(text, int(wrong.Offset))
		return placed(line, column, "%s does not fit here: %s", wrong.Value, cmp.Or(wrong.Field, "the whole"))
	}
	return err
}

func placed(line, column int, format string, args ...any) error {
	return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}

// position is the line and column of a byte, both from 1.
func position(text []byte, at int) (line, column int) {
	at = max(0, min(at, len(text)))
	before := text[:at]
	return bytes.Count(before, []byte("\n")) + 1, at - bytes.LastIndexByte(before, '\n')
}

// keysOf are the names of all keys that a value is read from, nested ones too.
func keysOf(into any) []string {
	seen := map[reflect.Type]bool{}
	var names []string
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(t.Elem())
		case reflect.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			for i := range t.NumField() {
				f := t.Field(i)
				if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
					names = append(names, name)
				}
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeOf(into))
	return names
}

// Nearest is a hint at the name that was probably meant, such as `; is "table" meant?`, and empty where none is near.
func Nearest(name string, of []string) string { return wire.Nearest(name, of) }

// NearestKey is Nearest among the keys that a value is read from.
func NearestKey(name string, into any) string {
	if into == nil {
		return ""
	}
	return Nearest(name, keysOf(into))
}
