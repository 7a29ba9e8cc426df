package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/internal/workbook"
	"github.com/gallra/gallra/retention"
)

// linkedPersons is up to how many persons a sheet has its cells linked: the library looks through all links for each. The
// address stands in a column of its own in any case.
const linkedPersons = 5000

// WriteXLSX writes the report as a workbook, a sheet a subject. Whatever has to wait on disk until a sheet is whole waits in
// the folder scratch. No cell is a formula.
func (r *Report) WriteXLSX(w io.Writer, scratch string) error {
	return r.writeBook(w, scratch, func(b *workbookSheets) []func() error {
		return []func() error{b.coming, b.byOwner, b.lastRun, b.related, b.grounds, b.gaps, b.stays, b.about}
	})
}

// writeOwnerXLSX writes the persons of one owner.
func (r *Report) writeOwnerXLSX(w io.Writer, scratch string, l OwnerList) error {
	return r.writeBook(w, scratch, func(b *workbookSheets) []func() error {
		return []func() error{func() error { return b.owner(l) }}
	})
}

func (r *Report) writeBook(w io.Writer, scratch string, sheets func(*workbookSheets) []func() error) (err error) {
	top := &excelize.Alignment{Vertical: "top"}
	dates, thousands := "yyyy-mm-dd", "#,##0"
	file, err := workbook.New(scratch, workbook.Look{Printed: true, HeadHeight: 20,
		Head: &excelize.Style{Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"0B4F6C"}},
			Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}},
		Day:    &excelize.Style{CustomNumFmt: &dates, Alignment: &excelize.Alignment{Vertical: "top", Horizontal: "left"}},
		Link:   &excelize.Style{Font: &excelize.Font{Color: "0B4F6C", Underline: "single"}, Alignment: top},
		Number: &excelize.Style{CustomNumFmt: &thousands, Alignment: top}})
	if err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	defer func() {
		if e := file.Close(); err == nil {
			err = e
		}
	}()
	b := &workbookSheets{Report: r, file: file}
	for _, sheet := range sheets(b) {
		if err := sheet(); err != nil {
			return fmt.Errorf("workbook: %w", err)
		}
	}
	if err := file.About("gallra "+r.Version, "gallra", r.Lang.T("retention-report"), r.Made); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	return file.Write(w)
}

// workbookSheets is a workbook that is being written.
type workbookSheets struct {
	*Report
	file  *workbook.Book
	named map[string]bool // the sheets' names, in small letters
}

// sheetName is a name that a sheet may have: of 31 letters at most, without those that formulas need, and no other sheet's.
func (b *workbookSheets) sheetName(title, part string) string {
	const most = 31
	clean := strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) {
			return ' '
		}
		return r
	}, Plain(title)), "' ")
	if clean == "" {
		clean = b.Lang.T("owner")
	}
	if b.named == nil {
		b.named = map[string]bool{}
	}
	for n := 1; ; n++ {
		end := part
		if n > 1 {
			end = fmt.Sprintf(" (%d)%s", n, part)
		}
		letters := []rune(clean)
		for len(utf16.Encode(letters))+len(end) > most {
			letters = letters[:len(letters)-1]
		}
		name := string(letters) + end
		if key := strings.ToLower(name); !b.named[key] {
			b.named[key] = true
			return name
		}
	}
}

// column is a column of a sheet, its title by key.
type column struct {
	title string
	width float64
}

// sheet is a table on a sheet of its own.
type sheet struct {
	*workbook.Sheet
	cells []any
}

func (b *workbookSheets) sheet(name string, columns ...column) (*sheet, error) {
	head := make([]workbook.Column, len(columns))
	for i, c := range columns {
		head[i] = workbook.Column{Title: b.Lang.T(c.title), Width: c.width}
	}
	s, err := b.file.Sheet(name, head...)
	return &sheet{Sheet: s}, err
}

// row adds a row; a cell is a text, a number, a date, an id or a link.
func (s *sheet) row(cells ...any) error {
	s.cells = s.cells[:0]
	for _, c := range cells {
		switch v := c.(type) {
		case string:
			c = Plain(v)
		case retention.Date:
			c = v.String()
			if !v.IsZero() && v != retention.Open {
				c = workbook.Day(v.Time())
			}
		case uuid.UUID:
			c = v.String()
		}
		s.cells = append(s.cells, c)
	}
	return s.Row(s.cells...)
}
