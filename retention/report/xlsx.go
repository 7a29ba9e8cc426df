package report

import (
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/retention"
)

// linkedPersons is up to how many persons a sheet has its cells linked: the library looks through all links for each. The
// address stands in a column of its own in any case.
const linkedPersons = 5000

// WriteXLSX writes the report as a workbook, a sheet a subject. Whatever has to wait on disk until a sheet is whole waits in
// the folder scratch. No cell is a formula.
func (r *Report) WriteXLSX(w io.Writer, scratch string) (err error) {
	f := excelize.NewFile(excelize.Options{TmpDir: scratch})
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	b := &book{Report: r, f: f}
	if err := b.styles(); err != nil {
		return err
	}
	for _, sheet := range []func() error{b.coming, b.byOwner, b.lastRun, b.related, b.grounds, b.gaps, b.stays, b.about} {
		if err := sheet(); err != nil {
			return fmt.Errorf("workbook: %w", err)
		}
	}
	if err := f.DeleteSheet("Sheet1"); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	f.SetActiveSheet(0)
	made := r.Made.UTC().Format(time.RFC3339)
	if err := f.SetDocProps(&excelize.DocProperties{Creator: "gallra " + r.Version, LastModifiedBy: "gallra", Created: made, Modified: made, Title: r.Lang.T("retention-report")}); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	return f.Write(w)
}

// book is a workbook that is being written.
type book struct {
	*Report
	f                      *excelize.File
	head, date, link, wrap int
	number                 int
}

func (b *book) styles() error {
	dates, thousands := "yyyy-mm-dd", "#,##0"
	top := &excelize.Alignment{Vertical: "top"}
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&b.head, excelize.Style{Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"0B4F6C"}},
			Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}}},
		{&b.date, excelize.Style{CustomNumFmt: &dates, Alignment: &excelize.Alignment{Vertical: "top", Horizontal: "left"}}},
		{&b.link, excelize.Style{Font: &excelize.Font{Color: "0B4F6C", Underline: "single"}, Alignment: top}},
		{&b.wrap, excelize.Style{Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}},
		{&b.number, excelize.Style{CustomNumFmt: &thousands, Alignment: top}},
	} {
		var err error
		if *s.id, err = b.f.NewStyle(&s.style); err != nil {
			return err
		}
	}
	return nil
}

// column is a column of a sheet.
type column struct {
	title string
	width float64
}

// sheet is a table on a sheet: a head that stays, a filter over all of it, printed across one page's width.
type sheet struct {
	*book
	name    string
	columns []column
	out     *excelize.StreamWriter
	rows    int
	cells   []any
	links   bool
}

func (b *book) sheet(name string, columns ...column) (*sheet, error) {
	s := &sheet{book: b, name: name, columns: columns, rows: 1}
	if _, err := b.f.NewSheet(s.name); err != nil {
		return nil, err
	}
	fit, one, all, a4, landscape := true, 1, 0, 9, "landscape"
	if err := b.f.SetSheetProps(s.name, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return nil, err
	}
	if err := b.f.SetPageLayout(s.name, &excelize.PageLayoutOptions{Size: &a4, Orientation: &landscape, FitToWidth: &one, FitToHeight: &all}); err != nil {
		return nil, err
	}
	var err error
	if s.out, err = b.f.NewStreamWriter(s.name); err != nil {
		return nil, err
	}
	for i, c := range columns {
		if err := s.out.SetColWidth(i+1, i+1, c.width); err != nil {
			return nil, err
		}
	}
	if err := s.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	head := make([]any, len(columns))
	for i, c := range columns {
		head[i] = excelize.Cell{StyleID: b.head, Value: b.Lang.T(c.title)}
	}
	return s, s.out.SetRow("A1", head, excelize.RowOpts{Height: 20})
}

// row adds a row; a cell is a text, a number, a date, or an excelize.Cell.
func (s *sheet) row(cells ...any) error {
	s.rows++
	s.cells = s.cells[:0]
	for _, c := range cells {
		switch v := c.(type) {
		case string:
			if v == "" {
				s.cells = append(s.cells, nil)
				continue
			}
			s.cells = append(s.cells, Plain(v))
		case int:
			s.cells = append(s.cells, excelize.Cell{StyleID: s.number, Value: v})
		case retention.Date:
			if v.IsZero() || v == retention.Open {
				s.cells = append(s.cells, v.String())
				continue
			}
			s.cells = append(s.cells, excelize.Cell{StyleID: s.date, Value: int(v - spreadsheetDay)})
		case uuid.UUID:
			s.cells = append(s.cells, v.String())
		default:
			s.cells = append(s.cells, v)
		}
	}
	return s.out.SetRow(fmt.Sprintf("A%d", s.rows), s.cells)
}

// spreadsheetDay is the day from which workbooks count.
var spreadsheetDay = retention.NewDate(1899, time.December, 30)

// linked is the cell in that column of the next row, as a link; just its text where there are too many or no address.
func (s *sheet) linked(at int, text, address string) (any, error) {
	text = Plain(text)
	if address == "" || !s.links {
		return text, nil
	}
	cell, err := excelize.CoordinatesToCellName(at, s.rows+1)
	if err != nil {
		return nil, err
	}
	return excelize.Cell{StyleID: s.link, Value: text}, s.f.SetCellHyperLink(s.name, cell, address, "External")
}

func (s *sheet) end() error {
	last, err := excelize.ColumnNumberToName(len(s.columns))
	if err != nil {
		return err
	}
	if err := s.f.AutoFilter(s.name, fmt.Sprintf("A1:%s%d", last, s.rows), nil); err != nil {
		return err
	}
	if err := s.f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("'%s'!$1:$1", s.name), Scope: s.name}); err != nil {
		return err
	}
	return s.out.Flush()
}
