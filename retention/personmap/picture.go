package personmap

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
)

// Picture is how a map is drawn: the person in the middle, what leads to them on both sides, coloured by what a purge does.
type Picture struct {
	// Title says whose map it is; Treatment names a treatment for people, Rows a number of rows.
	Title     string
	Treatment func(Treatment) string
	Rows      func(int) string
	// Most is how many places are drawn; those with the most rows, and undecided ones first.
	Most int
	More func(int) string // says how many others there are
	// Place is what people call a place, and Subject the person in the middle; without them the database's names stand.
	Place   func(*Place) string
	Subject string
}

// colours are those of the treatments. Each is told apart from the others by its line's dashes and its words as well.
var colours = map[Treatment][2]string{
	Deleted: {"#b3261e", ""}, Anonymized: {"#8e24aa", ""}, WithRow: {"#b3261e", "2 3"}, TakenOff: {"#8e24aa", "6 3"},
	Kept: {"#1b5e20", ""}, Left: {"#1b5e20", "6 3"}, Judged: {"#01579b", ""},
	Unlinked: {"#b26a00", "6 3"}, Searched: {"#b26a00", ""}, Undecided: {"#000000", "1 4"}, Unreachable: {"#000000", "6 3"},
}

const (
	pictureWidth = 1240
	lineHeight   = 22
)

// WriteSVG draws the map. The picture needs nothing else and runs no script.
func (m *Map) WriteSVG(w io.Writer, p Picture) error {
	shown := m.occupied()
	more := 0
	if p.Most > 0 && len(shown) > p.Most {
		more, shown = len(shown)-p.Most, shown[:p.Most]
	}
	slices.SortStableFunc(shown, func(a, b Place) int {
		return cmp.Or(strings.Compare(string(a.Do), string(b.Do)), strings.Compare(a.Key(), b.Key()))
	})
	half := (len(shown) + 1) / 2
	height := max(half, 6)*lineHeight + 90
	var used []Treatment
	for _, x := range shown {
		if !slices.Contains(used, x.Do) {
			used = append(used, x.Do)
		}
	}
	height += (len(used)+2)/3*20 + 10
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="map-%s" font-family="system-ui, sans-serif" font-size="12"><title id="map-%s">%s</title>`, pictureWidth, height, html.EscapeString(m.Subject), html.EscapeString(m.Subject), html.EscapeString(p.Title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" class="paper" fill="#ffffff"/><text x="16" y="24" font-size="15" class="ink" fill="#111111">%s</text>`, html.EscapeString(p.Title))
	middle := 50 + max(half, 6)*lineHeight/2
	for i, x := range shown {
		left := i < half
		row := i
		if !left {
			row = i - half
		}
		y := 50 + row*lineHeight + lineHeight/2
		from, to, anchor, at := 550, 460, "end", 454
		if !left {
			from, to, anchor, at = 690, 780, "start", 786
		}
		colour := colours[x.Do]
		dash := ""
		if colour[1] != "" {
			dash = fmt.Sprintf(` stroke-dasharray="%s"`, colour[1])
		}
		label := x.Key()
		if x.Via != "" {
			label += " ▸ " + x.Via
		}
		if p.Place != nil {
			label = p.Place(&x)
		}
		rows := ""
		if x.Rows >= 0 {
			rows = " · " + p.Rows(x.Rows)
		}
		fmt.Fprintf(&b, `<g><title>%s: %s%s</title><path d="M%d %d C %d %d, %d %d, %d %d" fill="none" class="does-%s" stroke="%s" stroke-width="1.5"%s/><text x="%d" y="%d" text-anchor="%s" class="ink" fill="#111111">%s<tspan class="pale" fill="#555555">%s</tspan></text></g>`,
			html.EscapeString(label), html.EscapeString(p.Treatment(x.Do)), html.EscapeString(rows), from, middle, (from+to)/2, middle, (from+to)/2, y, to, y, x.Do, colour[0], dash, at, y+4, anchor,
			html.EscapeString(shortened(label, 56)), html.EscapeString(rows))
	}
	fmt.Fprintf(&b, `<rect x="550" y="%d" width="140" height="44" rx="22" class="core" fill="#111111"/><text x="620" y="%d" text-anchor="middle" class="on-core" fill="#ffffff" font-size="14">%s</text>`, middle-22, middle+5, html.EscapeString(cmp.Or(p.Subject, m.Subject)))
	y := 50 + max(half, 6)*lineHeight + 20
	if more > 0 {
		fmt.Fprintf(&b, `<text x="620" y="%d" text-anchor="middle" class="pale" fill="#555555">%s</text>`, y-4, html.EscapeString(p.More(more)))
	}
	for i, do := range used {
		x, line := 20+(i%3)*400, y+16+(i/3)*20
		dash := ""
		if colours[do][1] != "" {
			dash = fmt.Sprintf(` stroke-dasharray="%s"`, colours[do][1])
		}
		fmt.Fprintf(&b, `<path d="M%d %d h 26" class="does-%s" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d" class="ink" fill="#111111">%s</text>`, x, line-4, do, colours[do][0], dash, x+32, line, html.EscapeString(p.Treatment(do)))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// occupied are the places that hold rows, or may: undecided ones first, then by how many.
func (m *Map) occupied() []Place {
	var out []Place
	for _, p := range m.Places {
		if p.Rows != 0 {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Place) int {
		if a.Decided() != b.Decided() {
			if b.Decided() {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Rows, a.Rows)
	})
	return out
}

func shortened(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
