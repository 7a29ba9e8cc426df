package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/report"
)

// hostile are names as somebody might enter them in a web form, as far as Dataverse takes them.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `=HYPERLINK("http://x.invalid","click")`, `+1+cmd|' /C calc'!A0`, `@SUM(1)`, `-2+3`,
	"\u202egnp.exe", "tab\tand\nline", `</style></svg><svg onload=alert(1)>`, `{{.Coming}}`, "_x0041_", `'=1+1`, "]]>", "&lt;b&gt;",
}

// elements reads a page as a browser does that is strict about what is open and lenient about the rest.
func elements(t *testing.T, page string, element func(xml.StartElement), text func(string)) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			element(x)
		case xml.CharData:
			text(strings.TrimSpace(string(x)))
		}
	}
}

// Hostile names stay text on the page and in the workbook.
func TestHostileNamesStayText(t *testing.T) {
	w := newWorld(t)
	plan := w.plan()
	for i, name := range hostile {
		p := plan.Decisions[i].Person
		if p.Table != "contact" {
			continue
		}
		w.change("PATCH", "contacts("+p.ID.String()+")", map[string]any{"firstname": nil, "lastname": name, "emailaddress1": "a@b.invalid"})
	}
	w.run("first")
	r := w.report(false, report.English)
	r.Name = `<b onclick="x">Org</b>`
	f := workbook(t, r)
	text := page(t, r)
	seen := map[string]bool{}
	elements(t, text, func(e xml.StartElement) {
		if slices.Contains([]string{"script", "img", "b", "iframe", "object", "link", "form", "input"}, e.Name.Local) {
			t.Errorf("the page has an element %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || a.Name.Local == "src" {
				t.Errorf("the page has an attribute %s=%q", a.Name.Local, a.Value)
			}
			if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "https://example.crm4.dynamics.com/main.aspx?") {
				t.Errorf("the page leads to %q", a.Value)
			}
		}
	}, func(text string) { seen[text] = true })
	rows, err := f.GetRows("Coming")
	w.must(err)
	tried := 0
	for i := range r.Coming.Persons {
		p := &r.Coming.Persons[i]
		if p.Email != "a@b.invalid" {
			continue
		}
		tried++
		if !seen[p.Name] {
			t.Errorf("%q does not stand on the page as it is", p.Name)
		}
		if got := rows[i+1][1]; got != p.Name {
			t.Errorf("the workbook has %q for %q", got, p.Name)
		}
		if formula, err := f.GetCellFormula("Coming", "B"+itoa(i+2)); err != nil || formula != "" {
			t.Errorf("%q is a formula: %q, %v", p.Name, formula, err)
		}
		if p.Name != report.Plain(p.Name) {
			t.Errorf("%q", p.Name)
		}
	}
	if tried < 12 {
		t.Errorf("%d hostile names", tried)
	}
}

// The page needs nothing from anywhere, and its policy forbids what it does not need.
func TestPageIsSelfContained(t *testing.T) {
	w := theDay(t)
	text := page(t, w.report(false, report.English))
	for _, banned := range []string{"<script", "<link", "@import", "url(", "<img", "src=", " style=", "http://"} {
		if i := strings.Index(strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, ""), banned); i >= 0 {
			t.Errorf("the page holds %s", banned)
		}
	}
	if !strings.Contains(text, `content="default-src &#39;none&#39;; style-src &#39;sha256-`) {
		t.Error("no content security policy")
	}
}

func TestSave(t *testing.T) {
	w := theDay(t)
	r := w.report(true, swedish)
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // a second one replaces the first
		w.must(r.Save(dir))
		list, err := os.ReadDir(dir)
		w.must(err)
		var names []string
		for _, f := range list {
			info, err := f.Info()
			w.must(err)
			names = append(names, f.Name())
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has the mode %v", f.Name(), info.Mode())
			}
		}
		if !slices.Equal(names, []string{"report.html", "report.xlsx", "summary.html"}) {
			t.Errorf("the folder holds %q", names)
		}
	}
	// What fails leaves what was there.
	before, err := os.ReadFile(filepath.Join(dir, "report.html"))
	w.must(err)
	w.must(os.Chmod(dir, 0o500))
	defer func() { _ = os.Chmod(dir, 0o700) }()
	if os.Getuid() != 0 {
		if err := r.Save(dir); err == nil {
			t.Error("written into a folder that cannot be written into")
		}
	}
	after, err := os.ReadFile(filepath.Join(dir, "report.html"))
	w.must(err)
	if !bytes.Equal(before, after) {
		t.Error("the report was touched")
	}
}
