package ledger

import (
	"reflect"
	"strings"
	"testing"
)

// Every field of an entry stands in the list once, by the name that it has on a line.
func TestFields(t *testing.T) {
	var e Entry
	v := reflect.ValueOf(&e).Elem()
	if len(fields) != v.NumField() || len(fields) > 64 { // the reader has a bit for each
		t.Fatalf("%d fields, and %d in the list", v.NumField(), len(fields))
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		place := fieldAfter(0, []byte(name))
		if place < 0 || fieldAfter(place, []byte(name)) != place || fieldAfter(len(fields), []byte(name)) != place {
			t.Errorf("%s is not in the list", name)
			continue
		}
		if at := reflect.ValueOf(fields[place].at(&e)).Pointer(); at != v.Field(i).Addr().Pointer() {
			t.Errorf("%s leads to another field", name)
		}
	}
}
