package ledger

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/internal/workbook"
	"github.com/gallra/gallra/retention/policy"
)

func exportLedger(t *testing.T) *Ledger {
	t.Helper()
	l := begin(t, t.TempDir(), "one")
	announce(t, l, Entry{Kind: Scheduled, Table: "contact", ID: person(1), PurgeOn: date("2027-01-24"), NoticedOn: date("2026-11-24"), Ground: "open-quote"})
	many := make([]uuid.UUID, 2000) // longer than a cell
	for i := range many {
		many[i] = uuid.UUID{0: byte(i), 1: byte(i >> 8)}
	}
	appendAll(t, l, Entry{Kind: Intent, Table: "contact", ID: person(1), Do: policy.Delete, Rows: map[string][]uuid.UUID{"email": many}},
		Entry{Kind: Outcome, Table: "contact", ID: person(1), Status: Done})
	if err := l.End(Done, map[string]int{"swept": 7}); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestXLSX(t *testing.T) {
	l := exportLedger(t)
	var buf bytes.Buffer
	n, err := l.WriteXLSX(t.Context(), &buf)
	if err != nil || n != 6 {
		t.Fatalf("%d entries, %v", n, err)
	}
	x, err := excelize.OpenReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	rows, err := x.GetRows("Ledger")
	if err != nil || len(rows) != 7 || strings.Join(rows[0], " ") != strings.Join(columns, " ") {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if len(rows[6]) != len(columns) || len(rows[6][len(columns)-1]) != 64 {
		t.Fatalf("%d cells in a row of %d columns: %q", len(rows[6]), len(columns), rows[6])
	}
	cell := func(column string, row int) string {
		for i, c := range columns {
			if c == column {
				name, _ := excelize.CoordinatesToCellName(i+1, row)
				return name
			}
		}
		t.Fatalf("no column %s", column)
		return ""
	}
	for _, tt := range []struct {
		column string
		row    int
		shown  string
		kind   excelize.CellType
	}{
		{"seq", 3, "2", excelize.CellTypeUnset},
		{"at", 3, "2026-11-24 08:00:00", excelize.CellTypeUnset},
		{"purgeOn", 3, "2027-01-24", excelize.CellTypeUnset}, // a number with the form of a date
		{"run", 3, "one", excelize.CellTypeInlineString},
		{"table", 3, "contact", excelize.CellTypeInlineString},
		{"counts", 7, "swept: 7", excelize.CellTypeInlineString},
		{"hash", 7, rows[6][len(columns)-1], excelize.CellTypeInlineString},
	} {
		at := cell(tt.column, tt.row)
		shown, _ := x.GetCellValue("Ledger", at)
		kind, _ := x.GetCellType("Ledger", at)
		if shown != tt.shown || kind != tt.kind {
			t.Errorf("%s of row %d is %q of type %v, want %q of type %v", tt.column, tt.row, shown, kind, tt.shown, tt.kind)
		}
	}
	if whole, _ := x.GetCellValue("Ledger", cell("rows", 5)); len(whole) != workbook.MaxText || !strings.HasSuffix(whole, "the CSV has all of it") {
		t.Errorf("a text of %d bytes that does not fit ends with %q", len(whole), whole[max(0, len(whole)-30):])
	}
	if panes, err := x.GetPanes("Ledger"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the header is not frozen: %+v %v", panes, err)
	}
	corner, err := excelize.CoordinatesToCellName(len(columns), 7, true)
	if err != nil {
		t.Fatal(err)
	}
	filtered := false
	for _, name := range x.GetDefinedName() {
		filtered = filtered || strings.Contains(name.Name, "_FilterDatabase") && name.RefersTo == "'Ledger'!$A$1:"+corner
	}
	if !filtered {
		t.Errorf("there is no filter: %+v", x.GetDefinedName())
	}
}

func TestXLSXGoesOnInAnotherSheet(t *testing.T) {
	l := exportLedger(t)
	var buf bytes.Buffer
	if _, err := l.writeXLSX(t.Context(), &buf, 4); err != nil {
		t.Fatal(err)
	}
	x, err := excelize.OpenReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if got := strings.Join(x.GetSheetList(), ", "); got != "Ledger, Ledger 2" {
		t.Errorf("sheets %s", got)
	}
	for _, sheet := range x.GetSheetList() {
		if rows, err := x.GetRows(sheet); err != nil || len(rows) != 4 || rows[0][0] != "seq" {
			t.Errorf("%s has %d rows, %v", sheet, len(rows), err)
		}
	}
}
