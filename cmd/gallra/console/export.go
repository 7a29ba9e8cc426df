package console

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/gallra/gallra/internal/workbook"
	"github.com/gallra/gallra/retention"
)

// exported are the columns of an exported list.
var exported = []string{"table", "id", "name", "email", "company", "owner", "state", "purgeOn", "noticedOn", "retainUntil", "ground", "reason", "link", "stuck"}

// export is the people of a list, for the reader of a file.
func (c *Console) export(w http.ResponseWriter, r *http.Request, b *reading) (found []int32, ok bool) {
	f, err := readFilter(r.URL.Query(), sessionOf(r))
	if err != nil {
		c.refuse(w, r, err)
		return nil, false
	}
	return b.list(f), true
}

const workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

func attach(w http.ResponseWriter, kind, name string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// fileName is what an export is called: nobody's name is in it.
func fileName(what string, d retention.Date, ext string) string {
	return "gallra-" + what + "-" + d.String() + "." + ext
}

func (c *Console) exportCSV(w http.ResponseWriter, r *http.Request, b *reading) {
	found, ok := c.export(w, r, b)
	if !ok {
		return
	}
	attach(w, "text/csv; charset=utf-8", fileName("people", b.AsOf, "csv"))
	_, _ = io.WriteString(w, "\ufeff") // spreadsheets take it for UTF-8
	out := csv.NewWriter(w)
	_ = out.Write(exported)
	for _, i := range found {
		cells := c.cells(c.tongue(r), b, i)
		row := make([]string, len(cells))
		for j, x := range cells {
			row[j] = workbook.Guarded(fmt.Sprint(x))
		}
		if out.Write(row) != nil {
			return // nobody is there any more
		}
	}
	out.Flush()
}

// cells are a person's values, dates as dates.
func (c *Console) cells(t tongue, b *reading, i int32) []any {
	p := &b.Persons[i]
	ground := b.Grounds[p.Ground].ID
	if ground == "" {
		ground = none
	}
	return []any{b.TableOf(p), p.ID.String(), p.Name, p.Email, p.Company, ownerWords(t, b.OwnerOf(p)), string(p.Action), p.PurgeOn, p.NoticedOn, p.Until, ground, b.reason(i), c.link(b.TableOf(p), p.ID), p.Stuck}
}

// exportXLSX writes a workbook. Its writer puts what does not fit its memory into a folder of its own, which goes with the
// answer.
func (c *Console) exportXLSX(w http.ResponseWriter, r *http.Request, b *reading) {
	found, ok := c.export(w, r, b)
	if !ok {
		return
	}
	dir, err := os.MkdirTemp("", "gallra-export-")
	if err != nil {
		c.fail(w, r, err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	book, err := workbook.New(dir, workbook.Look{Head: workbook.Bold(""), Day: workbook.Format("yyyy-mm-dd")})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	defer func() { _ = book.Close() }()
	if err := c.sheet(c.tongue(r), book, b, found); err != nil {
		c.fail(w, r, err)
		return
	}
	attach(w, workbookType, fileName("people", b.AsOf, "xlsx"))
	_ = book.Write(w)
}

func (c *Console) sheet(t tongue, to *workbook.Book, b *reading, found []int32) error {
	columns := make([]workbook.Column, len(exported))
	for i, width := range []float64{10, 38, 28, 30, 28, 24, 11, 12, 12, 12, 26, 60, 40} {
		columns[i] = workbook.Column{Title: exported[i], Width: width}
	}
	s, err := to.Sheet("people", columns...)
	if err != nil {
		return err
	}
	for _, i := range found {
		row := c.cells(t, b, i)
		for j, x := range row {
			if d, ok := x.(retention.Date); ok {
				switch {
				case d.IsZero():
					row[j] = nil
				case d == retention.Open:
					row[j] = d.String()
				default:
					row[j] = workbook.Day(d.Time())
				}
			}
		}
		if err := s.Row(row...); err != nil {
			return err
		}
	}
	return s.End()
}
