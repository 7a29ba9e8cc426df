package workbook

import (
	"bytes"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// A workbook holds what was written: texts that are no formulas, numbers and days as such, and each sheet with its filter.
func TestBook(t *testing.T) {
	b, err := New(t.TempDir(), Look{Head: Bold(""), Day: Format("yyyy-mm-dd"), Printed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, name := range []string{"One", "Two"} {
		s, err := b.Sheet(name, Column{"text", 10}, Column{"number", 10}, Column{"day", 12}, Column{"link", 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Row("=1+1", 7, Day(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), Link{"here", "https://example.invalid/"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Row("", nil, nil); err != nil || s.Rows() != 3 {
			t.Fatal(s.Rows(), err)
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if err := b.Write(&buf); err != nil {
		t.Fatal(err)
	}
	x, err := excelize.OpenReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for _, name := range x.GetSheetList() {
		rows, err := x.GetRows(name)
		if err != nil || len(rows) < 2 {
			t.Fatal(rows, err)
		}
		for i, want := range []string{"=1+1", "7", "2026-11-24", "here"} {
			if rows[1][i] != want {
				t.Errorf("%s: %q, want %q", name, rows[1][i], want)
			}
		}
		if formula, err := x.GetCellFormula(name, "A2"); err != nil || formula != "" {
			t.Errorf("%s: a formula %q, %v", name, formula, err)
		}
		if leads, to, err := x.GetCellHyperLink(name, "D2"); err != nil || !leads || to != "https://example.invalid/" {
			t.Errorf("%s: leads to %q, %v", name, to, err)
		}
	}
	if n := len(x.GetSheetList()); n != 2 {
		t.Errorf("%d sheets", n)
	}
}
