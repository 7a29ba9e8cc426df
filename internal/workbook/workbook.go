// Package workbook writes tables as a workbook for Excel, row by row: what does not fit into memory waits on disk. A head
// stays above the rows, and a filter is over all of it. No cell is a formula.
package workbook

import (
	"archive/zip"
	"fmt"
	"io"
	"time"

	"github.com/xuri/excelize/v2"
)

// The limits of a sheet of Excel's.
const (
	MaxRows = excelize.TotalRows
	MaxText = excelize.TotalCellChars
)

// Look is how a workbook looks; a style that is nil is that of any cell.
type Look struct {
	Head, Number, Link *excelize.Style
	Day, Moment        *excelize.Style
	HeadHeight         float64
	Printed            bool // in landscape, across one page's width, with the head on every page
}

// Bold is a head in bold letters, on that colour if it is not empty.
func Bold(colour string) *excelize.Style {
	s := &excelize.Style{Font: &excelize.Font{Bold: true}}
	if colour != "" {
		s.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}}
	}
	return s
}

// Format shows a number or a moment in that form.
func Format(form string) *excelize.Style { return &excelize.Style{CustomNumFmt: &form} }

// Book is a workbook that is being written.
type Book struct {
	file   *excelize.File
	look   Look
	sheets int

	head, number, link, day, moment int
}

// New begins a workbook. Whatever has to wait until a sheet is whole waits in the folder scratch; empty: in the system's.
func New(scratch string, look Look) (*Book, error) {
	b := &Book{file: excelize.NewFile(excelize.Options{TmpDir: scratch}), look: look}
	for _, s := range []struct {
		id    *int
		style *excelize.Style
	}{{&b.head, look.Head}, {&b.number, look.Number}, {&b.link, look.Link}, {&b.day, look.Day}, {&b.moment, look.Moment}} {
		if s.style == nil {
			continue
		}
		var err error
		if *s.id, err = b.file.NewStyle(s.style); err != nil {
			_ = b.Close()
			return nil, err
		}
	}
	return b, nil
}

// Close takes away what waits on disk.
func (b *Book) Close() error { return b.file.Close() }

// About says in the workbook's properties who made it, when, and what it is.
func (b *Book) About(creator, editor, title string, made time.Time) error {
	at := made.UTC().Format(time.RFC3339)
	return b.file.SetDocProps(&excelize.DocProperties{Creator: creator, LastModifiedBy: editor, Created: at, Modified: at, Title: title})
}

// Write writes the workbook, all of whose sheets are ended, with the first in front. The archive goes to w as it is made: the
// library would have it whole in memory before. What it does to an archive afterwards is for sheets of more than 4 GB, and
// MaxRows is reached before.
func (b *Book) Write(w io.Writer) error {
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) })
	return b.file.Write(io.Discard)
}

// Column is a column of a sheet.
type Column struct {
	Title string
	Width float64
}

// Day is a date as a cell: of the moment no more than its date.
type Day time.Time

// Link is a text as a cell that leads somewhere. The library looks through all links of a sheet for each: a few thousand
// are enough.
type Link struct{ Text, Address string }

// Sheet is a table on a sheet of its own. Rows are added one after the other; End has to be called before the next sheet.
type Sheet struct {
	book    *Book
	name    string
	columns int
	out     *excelize.StreamWriter
	rows    int
	cells   []any
}

// Sheet begins a sheet.
func (b *Book) Sheet(name string, columns ...Column) (*Sheet, error) {
	s := &Sheet{book: b, name: name, columns: len(columns), rows: 1}
	var err error
	if b.sheets++; b.sheets == 1 {
		err = b.file.SetSheetName("Sheet1", name) // that a new workbook comes with
		b.file.SetActiveSheet(0)                  // now: once there are rows, this reads all of all sheets into memory
	} else {
		_, err = b.file.NewSheet(name)
	}
	if err != nil {
		return nil, err
	}
	if b.look.Printed {
		if err := s.printed(); err != nil {
			return nil, err
		}
	}
	if s.out, err = b.file.NewStreamWriter(name); err != nil {
		return nil, err
	}
	head := make([]any, len(columns))
	for i, c := range columns {
		if err := s.out.SetColWidth(i+1, i+1, c.Width); err != nil {
			return nil, err
		}
		head[i] = excelize.Cell{StyleID: b.head, Value: c.Title}
	}
	if err := s.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	if b.look.HeadHeight > 0 {
		return s, s.out.SetRow("A1", head, excelize.RowOpts{Height: b.look.HeadHeight})
	}
	return s, s.out.SetRow("A1", head)
}

func (s *Sheet) printed() error {
	fit, one, all, a4, landscape := true, 1, 0, 9, "landscape"
	if err := s.book.file.SetSheetProps(s.name, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	if err := s.book.file.SetPageLayout(s.name, &excelize.PageLayoutOptions{Size: &a4, Orientation: &landscape, FitToWidth: &one, FitToHeight: &all}); err != nil {
		return err
	}
	return s.book.file.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("'%s'!$1:$1", s.name), Scope: s.name})
}

// Rows is how many rows the sheet has, its head included: there is no room for more than MaxRows.
func (s *Sheet) Rows() int { return s.rows }

// Row adds a row. A cell is a text, a number, a Day, a moment, a Link, or nil for none, which an empty text is as well.
func (s *Sheet) Row(cells ...any) error {
	s.rows++
	s.cells = s.cells[:0]
	for i, c := range cells {
		switch v := c.(type) {
		case string:
			if v == "" {
				c = nil
			}
		case int, int64, uint64:
			c = excelize.Cell{StyleID: s.book.number, Value: v}
		case Day:
			c = excelize.Cell{StyleID: s.book.day, Value: time.Time(v)}
		case time.Time:
			c = excelize.Cell{StyleID: s.book.moment, Value: v.UTC()}
		case Link:
			cell, err := excelize.CoordinatesToCellName(i+1, s.rows)
			if err != nil {
				return err
			}
			if err := s.book.file.SetCellHyperLink(s.name, cell, v.Address, "External"); err != nil {
				return err
			}
			c = excelize.Cell{StyleID: s.book.link, Value: v.Text}
		}
		s.cells = append(s.cells, c)
	}
	return s.out.SetRow(fmt.Sprintf("A%d", s.rows), s.cells)
}

// End finishes the sheet: with a filter in its first row.
func (s *Sheet) End() error {
	corner, err := excelize.CoordinatesToCellName(s.columns, s.rows)
	if err != nil {
		return err
	}
	// Before the sheet is flushed: afterwards all of it would be read into memory.
	if err := s.book.file.AutoFilter(s.name, "A1:"+corner, nil); err != nil {
		return err
	}
	return s.out.Flush()
}
