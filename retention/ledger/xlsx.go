package ledger

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/retention"
)

// The limits of a sheet of Excel's.
const (
	maxSheetRows = 1_048_576
	maxCellText  = 32_767
)

// WriteXLSX writes all entries as a workbook for an auditor, and tells how many there were. The chain is checked on the
// way. Dates are dates, numbers are numbers, and everything else is text: nothing in it is a formula. More entries than a
// sheet holds go on in the next one.
func (l *Ledger) WriteXLSX(ctx context.Context, w io.Writer) (entries int, err error) {
	x := &workbook{file: excelize.NewFile(), rows: maxSheetRows}
	defer func() { _ = x.file.Close() }() // its temporary files
	if err := x.styles(); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	if entries, err = l.exported(ctx, x.add); err != nil {
		return entries, err
	}
	if err := x.end(); err != nil {
		return entries, fmt.Errorf("ledger: %w", err)
	}
	if err := x.file.Write(w); err != nil {
		return entries, fmt.Errorf("ledger: %w", err)
	}
	return entries, nil
}

// workbook is a workbook that is being written.
type workbook struct {
	file  *excelize.File
	rows  int // of a sheet
	sheet *excelize.StreamWriter
	name  string
	count int
	row   int

	head, day, moment int // styles
}

func (x *workbook) styles() (err error) {
	if x.head, err = x.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E7E6E6"}}}); err != nil {
		return err
	}
	if x.day, err = x.file.NewStyle(&excelize.Style{CustomNumFmt: ptr("yyyy-mm-dd")}); err != nil {
		return err
	}
	x.moment, err = x.file.NewStyle(&excelize.Style{CustomNumFmt: ptr("yyyy-mm-dd hh:mm:ss")})
	return err
}

func ptr[T any](v T) *T { return &v }

// xlsxWidths are the widths of the columns that hold more than a number or a date.
var xlsxWidths = map[string]float64{"at": 19, "run": 24, "id": 37, "ground": 24, "rows": 50, "stays": 50, "decided": 50, "counts": 40, "policy": 24, "organization": 37,
	"actor": 37, "prev": 24, "hash": 24}

func (x *workbook) begin() (err error) {
	x.count++
	x.name, x.row = "Ledger", 1
	if x.count > 1 {
		x.name += " " + strconv.Itoa(x.count)
		_, err = x.file.NewSheet(x.name)
	} else {
		err = x.file.SetSheetName("Sheet1", x.name)
	}
	if err != nil {
		return err
	}
	if x.sheet, err = x.file.NewStreamWriter(x.name); err != nil {
		return err
	}
	for i, c := range columns {
		width := 13.0
		if w, ok := xlsxWidths[c]; ok {
			width = w
		}
		if err := x.sheet.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	if err := x.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	head := make([]any, len(columns))
	for i, c := range columns {
		head[i] = excelize.Cell{StyleID: x.head, Value: c}
	}
	return x.sheet.SetRow("A1", head)
}

// end finishes the sheet: with a filter in its first row.
func (x *workbook) end() error {
	if x.sheet == nil {
		if err := x.begin(); err != nil {
			return err
		}
	}
	corner, err := excelize.CoordinatesToCellName(len(columns), x.row)
	if err != nil {
		return err
	}
	// Before the sheet is flushed: afterwards all of it would be read into memory.
	if err := x.file.AutoFilter(x.name, "A1:"+corner, nil); err != nil {
		return err
	}
	err = x.sheet.Flush()
	x.sheet = nil
	return err
}

func (x *workbook) add(r Record, run, hash string) error {
	if x.sheet != nil && x.row >= x.rows {
		if err := x.end(); err != nil {
			return err
		}
	}
	if x.sheet == nil {
		if err := x.begin(); err != nil {
			return err
		}
	}
	x.row++
	cell, err := excelize.CoordinatesToCellName(1, x.row)
	if err != nil {
		return err
	}
	cells := r.cells(run, hash)
	for i := range cells {
		cells[i] = x.cell(cells[i])
	}
	return x.sheet.SetRow(cell, cells)
}

// cell is a cell of an export in a workbook: a moment and a date as such, a number as such, anything else as a text.
func (x *workbook) cell(cell any) any {
	switch v := cell.(type) {
	case *time.Time:
		return excelize.Cell{StyleID: x.moment, Value: v.UTC()}
	case *retention.Date:
		if v.IsZero() {
			return nil
		}
		return excelize.Cell{StyleID: x.day, Value: v.Time()}
	case *int, *int64, *uint64:
		return number(cellNumber(cell))
	}
	return text(cellText(cell))
}

// text is a text, which never becomes a formula; nil for none. What does not fit a cell says where it stands whole.
func text(s string) any {
	switch {
	case s == "":
		return nil
	case len(s) > maxCellText: // ids and names of tables: a byte a letter
		const note = " … cut by Excel's limit of a cell: the CSV has all of it"
		return s[:maxCellText-len(note)] + note
	}
	return s
}

func number(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
