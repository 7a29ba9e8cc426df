package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
	"github.com/gallra/gallra/retention/report"
)

// Whatever the texts are, the drawing is well-formed, holds no element but its own and nothing that a strict content
// security policy would refuse.
func TestTimelineIsSafe(t *testing.T) {
	allowed := map[string]bool{"svg": true, "title": true, "desc": true, "g": true, "a": true, "rect": true, "line": true, "text": true}
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"><script>alert(1)</script>`, "]]>", "</svg>", "\x00\x1b[2J", "\u202egnp", "javascript:alert(1)", "&#x3c;"}))
	rapid.Check(t, func(t *rapid.T) {
		c := report.Chart{ID: "chart", Title: hostile.Draw(t, "title"), Desc: hostile.Draw(t, "desc")}
		for range rapid.IntRange(0, 30).Draw(t, "bars") {
			bar := report.Bar{Label: hostile.Draw(t, "label"), Title: hostile.Draw(t, "bar title")}
			if rapid.Bool().Draw(t, "linked") {
				bar.Href = "?q=" + hostile.Draw(t, "href")
			}
			bar.Parts = rapid.SliceOfN(rapid.IntRange(0, 200000), 0, 8).Draw(t, "parts")
			c.Bars = append(c.Bars, bar)
		}
		var b bytes.Buffer
		if err := report.Timeline(&b, c); err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(&b)
		titles := 0
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("not well-formed: %v", err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			if !allowed[e.Name.Local] {
				t.Fatalf("an element %s", e.Name.Local)
			}
			if e.Name.Local == "title" {
				titles++
			}
			for _, a := range e.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "?q=") {
					t.Fatalf("an attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		}
		if titles != 1+len(c.Bars) {
			t.Fatalf("%d titles for %d bars", titles, len(c.Bars))
		}
	})
}

func TestTimelineSaysWhatItShows(t *testing.T) {
	var b strings.Builder
	err := report.Timeline(&b, report.Chart{ID: "x", Title: "Coming", Desc: "12 persons", Bars: []report.Bar{{Label: "2026-01-12", Parts: []int{5, 7}}, {Label: "next"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`role="img" aria-labelledby="x-title x-desc"`, `<title id="x-title">Coming</title>`, `<desc id="x-desc">12 persons</desc>`, ">12</text>", ">2026-01-12</text>", `class="c0"`, `class="c1"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in %s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "<rect"); n != 2 {
		t.Errorf("%d rectangles", n)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"Anna Åkerlund": "Anna Åkerlund", "": "", "李小龍": "李小龍", " Ann  Lee ": "Ann Lee",
		"\x1b[31mred\x1b]0;title\x07": "[31mred ]0;title", "a\u202eb\u2066c\u200bd\ufeffe": "abcde", "line\r\nbreak\u2028x": "line break x",
		"\xff\xfe": "\ufffd\ufffd", "می\u200cخواهم": "می\u200cخواهم", "a\ue000b\uffff": "ab", "x\u00a0y": "x y", "=1+1": "=1+1",
	} {
		if got := report.Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		once := report.Plain(s)
		if strings.ContainsFunc(once, func(r rune) bool {
			return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		}) {
			t.Fatalf("%q", once)
		}
		if again := report.Plain(once); again != once {
			t.Fatalf("%q, then %q", once, again)
		}
	})
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1000: "-1\u202f000", -100: "-100"} {
		if got := report.Number(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
