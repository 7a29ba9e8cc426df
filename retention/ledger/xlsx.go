package ledger

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/gallra/gallra/internal/workbook"
	"github.com/gallra/gallra/retention"
)

// WriteXLSX writes all entries as a workbook for an auditor, and tells how many there were. The chain is checked on the
// way. Dates are dates, numbers are numbers, and everything else is text: nothing in it is a formula. More entries than a
// sheet holds go on in the next one.
func (l *Ledger) WriteXLSX(ctx context.Context, w io.Writer) (entries int, err error) {
	return l.writeXLSX(ctx, w, workbook.MaxRows)
}

// writeXLSX is WriteXLSX with so many rows to a sheet.
func (l *Ledger) writeXLSX(ctx context.Context, w io.Writer, rows int) (entries int, err error) {
	book, err := workbook.New("", workbook.Look{Head: workbook.Bold("E7E6E6"), Day: workbook.Format("yyyy-mm-dd"), Moment: workbook.Format("yyyy-mm-dd hh:mm:ss")})
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = book.Close() }() // its temporary files
	x := &sheets{book: book, rows: rows}
	if entries, err = l.exported(ctx, x.add); err != nil {
		return entries, err
	}
	if x.sheet == nil {
		err = x.begin()
	}
	if err == nil {
		err = x.sheet.End()
	}
	if err == nil {
		err = book.Write(w)
	}
	if err != nil {
		return entries, fmt.Errorf("ledger: %w", err)
	}
	return entries, nil
}

// sheets are the sheets of a workbook that is being written.
type sheets struct {
	book  *workbook.Book
	rows  int // of a sheet
	sheet *workbook.Sheet
	count int
}

// xlsxWidths are the widths of the columns that hold more than a number or a date.
var xlsxWidths = map[string]float64{"at": 19, "run": 24, "id": 37, "ground": 24, "rows": 50, "stays": 50, "decided": 50, "counts": 40, "policy": 24, "organization": 37,
	"actor": 37, "prev": 24, "hash": 24}

func (x *sheets) begin() (err error) {
	x.count++
	name := "Ledger"
	if x.count > 1 {
		name += " " + strconv.Itoa(x.count)
	}
	head := make([]workbook.Column, len(columns))
	for i, c := range columns {
		head[i] = workbook.Column{Title: c, Width: 13}
		if w, ok := xlsxWidths[c]; ok {
			head[i].Width = w
		}
	}
	x.sheet, err = x.book.Sheet(name, head...)
	return err
}

func (x *sheets) add(r Record, run, hash string) error {
	if x.sheet != nil && x.sheet.Rows() >= x.rows {
		if err := x.sheet.End(); err != nil {
			return err
		}
		x.sheet = nil
	}
	if x.sheet == nil {
		if err := x.begin(); err != nil {
			return err
		}
	}
	cells := r.cells(run, hash)
	for i := range cells {
		cells[i] = xlsxCell(cells[i])
	}
	return x.sheet.Row(cells...)
}

// xlsxCell is a cell of an export in a workbook: a moment and a date as such, a number as such, anything else as a text.
func xlsxCell(cell any) any {
	switch v := cell.(type) {
	case *time.Time:
		return *v
	case *retention.Date:
		if v.IsZero() {
			return nil
		}
		return workbook.Day(v.Time())
	case *int, *int64, *uint64:
		if n := cellNumber(cell); n != 0 {
			return n
		}
		return nil
	}
	return text(cellText(cell))
}

// text is a text, which never becomes a formula. What does not fit a cell says where it stands whole.
func text(s string) string {
	if len(s) > workbook.MaxText { // ids and names of tables: a byte a letter
		const note = " … cut by Excel's limit of a cell: the CSV has all of it"
		return s[:workbook.MaxText-len(note)] + note
	}
	return s
}
