package report_test

import (
	"bytes"
	"context"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/retention/report"
)

// Each owner gets a page, a workbook and a sheet with all of their persons and nobody else's; files of an owner who has nobody any
// more go with the next report, and nothing else in the folder does.
func TestEachOwnerGetsTheirOwn(t *testing.T) {
	w := newWorld(t)
	owners := w.sellers()
	w.strangers("Own", 12, owners[:3])
	w.run("first")
	dir := t.TempDir()
	folder := filepath.Join(dir, report.OwnersDir)
	w.must(os.MkdirAll(folder, 0o700))
	stale := filepath.Join(folder, "11111111-2222-3333-4444-555555555555.html")
	for _, name := range []string{stale, filepath.Join(folder, "mine.txt")} {
		w.must(os.WriteFile(name, []byte("x"), 0o600))
	}
	r := w.report(false, report.English)
	r.EachOwner = true
	w.must(r.Save(dir))
	lists := r.Coming.ByOwner()
	if len(lists) < 3 {
		t.Fatalf("%d owners", len(lists))
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("a list of an earlier report is still there")
	}
	if _, err := os.Stat(filepath.Join(folder, "mine.txt")); err != nil {
		t.Error("a file that is no list was taken away")
	}
	all, err := os.ReadFile(filepath.Join(dir, report.HTMLName))
	w.must(err)
	book, err := excelize.OpenFile(filepath.Join(dir, report.XLSXName))
	w.must(err)
	defer func() { _ = book.Close() }()
	for _, l := range lists {
		name := "nobody"
		if l.Index > 0 {
			name = l.Owner.ID.String()
		}
		text, err := os.ReadFile(filepath.Join(folder, name+".html"))
		w.must(err)
		if !bytes.Contains(all, []byte("owners/"+name+".html")) {
			t.Errorf("the report does not lead to the list of %s", name)
		}
		own, err := excelize.OpenFile(filepath.Join(folder, name+".xlsx"))
		w.must(err)
		rows, err := own.GetRows(own.GetSheetName(0))
		w.must(err)
		if err := own.Close(); err != nil || len(rows) != len(l.Persons)+1 {
			t.Errorf("the workbook of %s has %d rows for %d persons", name, len(rows), len(l.Persons))
		}
		if sheet, err := book.GetRows(r.CalledOwner(l.Owner)); err != nil || len(sheet) != len(l.Persons)+1 {
			t.Errorf("the sheet of %s has %d rows for %d persons (%v)", r.CalledOwner(l.Owner), len(sheet), len(l.Persons), err)
		}
		plain := html.UnescapeString(string(text))
		for i := range r.Coming.Persons {
			p := &r.Coming.Persons[i]
			if has, theirs := strings.Contains(plain, p.ID.String()), r.Coming.OwnerOf(p) == l.Owner; has != theirs {
				t.Errorf("the list of %s holds %s: %v, want %v", name, p.ID, has, theirs)
			}
		}
	}
	r.EachOwner = false
	w.must(r.Save(dir))
	left, err := os.ReadDir(folder)
	w.must(err)
	if len(left) != 1 {
		t.Errorf("a report without lists leaves %d files", len(left))
	}
}

// Two owners with one name, and names that a sheet must not have, get sheets all the same.
func TestSheetsOfOwnersWithAwkwardNames(t *testing.T) {
	w := theDay(t)
	r := w.report(false, report.English)
	r.EachOwner = true
	for i, name := range []string{"A/B: [*?]", "A/B: [*?]", strings.Repeat("å", 40), strings.Repeat("Å", 40), "'", "\U0001f30b" + strings.Repeat("\U0001f30b", 30)} {
		if i+1 < len(r.Coming.Owners) {
			r.Coming.Owners[i+1].Name = name
		}
	}
	book := workbook(t, r)
	if sheets, owners := len(book.GetSheetList()), len(r.Coming.ByOwner()); sheets != owners+7 {
		t.Errorf("%d sheets for %d owners", sheets, owners)
	}
}

// The summary fits on two sheets of A4.
func TestSummaryOnTwoSheets(t *testing.T) {
	w := theDay(t)
	r := w.report(false, report.English)
	var b bytes.Buffer
	w.must(r.WriteSummary(&b))
	if text := b.String(); strings.Contains(text, "etn=contact") || !strings.Contains(text, "Retention: the summary") {
		t.Error("the summary lists persons, or is another page")
	}
	ctx := browser(t, b.String())
	background := true
	var pdf []byte
	w.must(chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		res, err := cdp.Call(ctx, target, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: &background, PrintBackground: &background})
		pdf = res.Data
		return err
	})))
	artifact(t, "summary.pdf", pdf)
	shot, err := chromedp.Run(ctx, picture())
	w.must(err)
	artifact(t, "summary.png", shot)
	accessible(t, ctx, "summary", 0)
	if pages := bytes.Count(pdf, []byte("/Type /Page\n")); pages != 2 && pages != 1 {
		t.Errorf("the summary takes %d sheets", pages)
	}
}
