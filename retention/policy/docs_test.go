package policy

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// keysOf are the keys that a file can have, by the type that reads them, and below it.
func keysOf(t reflect.Type, into map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case key == "-":
		case key != "":
			into[key] = true
			keysOf(f.Type, into)
		case f.Anonymous:
			keysOf(f.Type, into)
		}
	}
}

// docs/policy.md says each key of a policy and of its tests, in words and in an example; the schema for editors has each.
func TestDocsSayEveryKey(t *testing.T) {
	b, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	examples := strings.Join(regexp.MustCompile("(?s)```yaml.*?```|`[^`\n]+`").FindAllString(page, -1), "\n")
	schema, err := PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	policies, tests := map[string]bool{}, map[string]bool{}
	keysOf(reflect.TypeFor[filePolicy](), policies)
	keysOf(reflect.TypeFor[fileTests](), tests)
	for _, of := range []map[string]bool{policies, tests} {
		for key := range of {
			word := regexp.MustCompile("`[^`\n]*\\b" + key + "\\b[^`\n]*`")
			example := regexp.MustCompile("(?m)(^|[ {,`-])" + key + ":")
			if !word.MatchString(page) {
				t.Errorf("no word of `%s`", key)
			}
			if !example.MatchString(examples) {
				t.Errorf("no example of `%s`", key)
			}
		}
	}
	for key := range policies {
		if !strings.Contains(string(schema), `"`+key+`": {`) {
			t.Errorf("the schema does not know `%s`", key)
		}
	}
	if len(policies) < 60 || len(tests) < 25 {
		t.Errorf("%d keys of policies and %d of tests", len(policies), len(tests))
	}
}
