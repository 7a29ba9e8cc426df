package ledger

import (
	"bytes"
	"encoding/csv"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

func TestWriteCSV(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	person := uuid.MustParse("11111111-2222-3333-4444-555555555555")
	mail := uuid.MustParse("66666666-2222-3333-4444-555555555555")
	for _, run := range []string{"first", "second"} {
		if err := l.Begin(t.Context(), Run{ID: run, Verb: "run", Version: "-1+2"}); err != nil {
			t.Fatal(err)
		}
		day, _ := retention.ParseDate("2026-03-10")
		err := l.Append(
			Entry{Kind: Scheduled, Table: "contact", ID: person, PurgeOn: day, Ground: "not-a-formula"},
			Entry{Kind: Intent, Table: "contact", ID: person, Do: policy.Delete,
				Rows: map[string][]uuid.UUID{"email": {mail}, "contact": {person}}, Counts: map[string]int{"delete email": 1, "keep quote": 2}},
			Entry{Kind: Outcome, Table: "contact", ID: person, Status: Done})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.End(Done, nil); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	n, err := l.WriteCSV(t.Context(), &b)
	if err != nil || n != 10 {
		t.Fatalf("%d entries, %v", n, err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 11 {
		t.Fatalf("%d lines, %v", len(rows), err)
	}
	at := func(line int, column string) string { return rows[line][slices.Index(rows[0], column)] }
	for _, want := range []struct {
		line         int
		column, cell string
	}{
		{1, "kind", "start"}, {1, "version", "'-1+2"}, {2, "run", "first"}, {2, "purgeOn", "2026-03-10"}, {2, "ground", "not-a-formula"},
		{3, "rows", "contact " + person.String() + "; email " + mail.String()}, {3, "counts", "delete email: 1; keep quote: 2"}, {3, "do", "delete"},
		{4, "status", "done"}, {7, "run", "second"}, {10, "kind", "end"}, {10, "hash", l.Head()}, {1, "prev", strings.Repeat("0", 64)},
	} {
		if got := at(want.line, want.column); got != want.cell {
			t.Errorf("line %d, %s: %q, want %q", want.line, want.column, got, want.cell)
		}
	}
	for line := 2; line < len(rows); line++ {
		if at(line, "prev") != at(line-1, "hash") {
			t.Errorf("line %d does not follow the line before it", line)
		}
	}
}

// Every field of an entry has its column.
func TestCSVHasEveryField(t *testing.T) {
	var fields []string
	for _, s := range []any{Record{}, Entry{}} {
		for f := range reflect.TypeOf(s).Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				fields = append(fields, name)
			}
		}
	}
	for _, name := range append(fields, "hash") {
		if !slices.Contains(columns, name) {
			t.Errorf("%s has no column", name)
		}
	}
	if n := len(csvRow(Record{}, "", "")); n != len(columns) {
		t.Errorf("%d cells for %d columns", n, len(columns))
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@sum": "'@sum", "\t=1": "'\t=1", "\r=1": "'\r=1", "a=1": "a=1", "": ""} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}
