package formxml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

func id(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n)) }

func retention() Section {
	s := Section{ID: id(1), Tab: id(2), Name: "gallra_retention", Labels: map[int]string{1033: "Retention", 1053: `Gallring & "mer" <ö>`}}
	for i, column := range []string{"gallra_on", "gallra_until", "gallra_hold"} {
		s.Cells = append(s.Cells, Cell{ID: id(10 + i), Column: column, Class: DateControl, ReadOnly: i == 0, Labels: map[int]string{1033: column}})
	}
	return s
}

// draw draws a form as people and programs write them: any nesting that the schema has, blanks, comments, attributes in either kind of
// quotes, elements without content in both ways of writing them.
func draw(t *rapid.T) string {
	n := 100
	blank := func() string {
		return rapid.SampledFrom([]string{"", " ", "\n  ", "\r\n\t", "<!-- </section> ö -->"}).Draw(t, "blank")
	}
	leaf := func(name, attrs string) string {
		return rapid.SampledFrom([]string{"<" + name + attrs + "/>", "<" + name + attrs + " />", "<" + name + attrs + "></" + name + ">"}).Draw(t, name)
	}
	own := func() string { n++; return fmt.Sprintf(` id='{%s}'`, id(n)) }
	list := func(of func() string, most int) string {
		var b strings.Builder
		for range rapid.IntRange(0, most).Draw(t, "n") {
			b.WriteString(blank() + of() + blank())
		}
		return b.String()
	}
	label := `<labels><label description="a &gt; b" languagecode="1033" /></labels>`
	cell := func() string {
		column := rapid.SampledFrom([]string{"lastname", "gallra_until", "GALLRA_HOLD", "jobtitle"}).Draw(t, "column")
		return "<cell" + own() + ">" + label + blank() + fmt.Sprintf(`<control id="c%d" classid="%s" datafieldname="%s"/>`, n, TextControl, column) + "</cell>"
	}
	row := func() string { return "<row>" + list(cell, 2) + "</row>" }
	section := func() string {
		if rapid.Bool().Draw(t, "empty") {
			return leaf("section", own())
		}
		return "<section" + own() + ">" + label + "<rows>" + list(row, 2) + "</rows></section>"
	}
	column := func() string {
		if rapid.Bool().Draw(t, "bare") {
			return `<column width="100%">` + leaf("sections", "") + "</column>"
		}
		return `<column width="100%"><sections>` + list(section, 2) + "</sections></column>"
	}
	tab := func() string {
		return "<tab" + own() + rapid.SampledFrom([]string{"", ` visible="false"`, ` visible='true'`}).Draw(t, "visible") + ">" + blank() + "<columns>" + list(column, 2) + "</columns></tab>"
	}
	return rapid.SampledFrom([]string{"", "\ufeff", `<?xml version="1.0" encoding="utf-16"?>`}).Draw(t, "head") + "<form>" + blank() + "<tabs>" + tab() + list(tab, 2) + "</tabs>" + blank() +
		`<events><event name="onload"><Handlers><Handler functionName="f" parameters="&quot;&lt;/section>&quot;"/></Handlers></event></events></form>` + blank()
}

// A section that is put on and taken off leaves every byte as it was; putting it on twice is putting it on once; people see what they are
// to see.
func TestForeignBytesStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form, s := draw(t), retention()
		with, err := With(form, s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := With(with, s)
		if err != nil || again != with {
			t.Fatalf("twice: %v\n%s\n%s", err, with, again)
		}
		for _, c := range s.Cells {
			if !Shows(with, c.Column) {
				t.Fatalf("%s is not shown on %s", c.Column, with)
			}
		}
		without, err := Without(with, s)
		if err != nil || without != form {
			t.Fatalf("taken off: %v\n%q\n%q", err, form, without)
		}
		if nothing, err := Without(form, s); err != nil || nothing != form {
			t.Fatalf("taken off what is not there: %v", err)
		}
	})
}

// A language more adds its labels and nothing else, and a column that takes over changes its control and nothing else.
func TestLabelsAndColumnsFollow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form, s := draw(t), retention()
		with, err := With(form, s)
		if err != nil {
			t.Fatal(err)
		}
		more := retention()
		more.Labels[1035] = "Säilytys"
		for i := range more.Cells {
			more.Cells[i].Labels = map[int]string{1033: "x", 1035: "y"}
		}
		labelled, err := With(with, more)
		if err != nil {
			t.Fatal(err)
		}
		back := strings.NewReplacer(`<label description="Säilytys" languagecode="1035"/>`, "", `<label description="y" languagecode="1035"/>`, "").Replace(labelled)
		if back != with || with != form && labelled == with {
			t.Fatalf("labels:\n%s\n%s", with, labelled)
		}
		other := retention()
		other.Cells[0].Column = "nord_on"
		led, err := With(with, other)
		if err != nil || strings.ReplaceAll(led, "nord_on", "gallra_on") != with || Shows(with, "gallra_on") == Shows(led, "gallra_on") {
			t.Fatalf("led: %v\n%s\n%s", err, with, led)
		}
	})
}

// What is no form is refused, and never made into one.
func TestNoForm(t *testing.T) {
	for _, text := range []string{"", "<form>", "<form></tabs></form>", "<view/>", "<form/>", "<form><tabs/></form>", "text"} {
		if got, err := With(text, retention()); err == nil {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
