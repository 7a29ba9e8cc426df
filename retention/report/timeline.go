package report

import (
	"bufio"
	"fmt"
	"html"
	"io"

	"github.com/gallra/gallra/internal/words"
)

// Chart is a bar chart with stacked parts.
type Chart struct {
	ID     string // unique on its page; ids within begin with it
	Title  string
	Desc   string   // what the chart shows in a sentence or two, for those who do not see it
	Series []string // what the parts of a bar are, from the bottom up
	Bars   []Bar

	Width, Height int // of the drawing's own measure; 960 × 280 when zero
}

// Bar is one bar of a chart.
type Bar struct {
	Label string // under it
	Title string // said of it where a pointer rests; the label when empty
	Href  string // makes the bar a link; empty: none
	Parts []int  // by series
}

func (b *Bar) sum() int {
	n := 0
	for _, p := range b.Parts {
		n += p
	}
	return n
}

// ChartCSS colours what [Timeline] and the pictures of maps draw, in light and in dark, from one scale whose steps differ in lightness as well, so
// that they are told apart without colours and on paper. A page embeds it once.
const ChartCSS = `
.chart{display:block;width:100%;height:auto;color:inherit;font:inherit}
.chart text{fill:currentColor;font-size:13px;font-variant-numeric:tabular-nums}
.chart .grid{stroke:currentColor;stroke-opacity:.14}
.chart .axis{stroke:currentColor;stroke-opacity:.5}
.chart .muted{fill-opacity:.72}
.chart rect{fill-opacity:1}
.chart a:focus rect,.chart a:hover rect{stroke:currentColor;stroke-width:2}
.c0{fill:var(--c0,#0b4f6c);background:var(--c0,#0b4f6c)}.c1{fill:var(--c1,#01a7c2);background:var(--c1,#01a7c2)}
.c2{fill:var(--c2,#e3a34f);background:var(--c2,#e3a34f)}.c3{fill:var(--c3,#8c2f39);background:var(--c3,#8c2f39)}
.c4{fill:var(--c4,#7d8597);background:var(--c4,#7d8597)}.c5{fill:var(--c5,#c3cad6);background:var(--c5,#c3cad6)}
@media screen and (prefers-color-scheme:dark){
.map .paper{fill:none}.map .ink,.map .pale,.map .core{fill:currentColor}.map .on-core{fill:var(--panel,var(--bg,#111))}
.map .does-deleted,.map .does-with-row{stroke:#ff8a80}.map .does-anonymized,.map .does-taken-off{stroke:#d9a0e6}
.map .does-kept,.map .does-left{stroke:#81c784}.map .does-judged{stroke:#64b5f6}
.map .does-unlinked,.map .does-searched{stroke:#ffb74d}.map .does-undecided,.map .does-unreachable{stroke:currentColor}}
`

// Colours is how many series ChartCSS has colours for.
const Colours = 6

// Timeline draws the chart as an SVG element to stand in a page: a title and a description, no script, and no style
// attributes, so that a strict content security policy lets it be. Its colours are classes, see [ChartCSS]; without them
// it is drawn in the colour of the text.
func Timeline(w io.Writer, c Chart) error {
	d := drawing{w: bufio.NewWriter(w), Chart: c}
	if d.Width == 0 {
		d.Width = 960
	}
	if d.Height == 0 {
		d.Height = 280
	}
	d.draw()
	if d.err != nil {
		return d.err
	}
	return d.w.Flush()
}

type drawing struct {
	Chart
	w   *bufio.Writer
	err error
}

func (d *drawing) put(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

// The margins around the bars.
const (
	marginTop, marginBottom, marginLeft, marginRight = 24, 30, 52, 8
)

func (d *drawing) draw() {
	role := "img"
	for _, b := range d.Bars {
		if b.Href != "" {
			role = "group" // an image's contents are not told of
		}
	}
	id := html.EscapeString(d.ID)
	d.put(`<svg class="chart" role="%s" aria-labelledby="%s-title %s-desc" viewBox="0 0 %d %d" xmlns="http://www.w3.org/2000/svg">`, role, id, id, d.Width, d.Height)
	d.put(`<title id="%s-title">%s</title><desc id="%s-desc">%s</desc>`, id, escaped(d.Title), id, escaped(d.Desc))
	top := 0
	for i := range d.Bars {
		top = max(top, d.Bars[i].sum())
	}
	step := tick(top)
	ceiling := max(step, (top+step-1)/step*step)
	floor := d.Height - marginBottom
	height := float64(floor - marginTop)
	y := func(n int) float64 { return float64(floor) - height*float64(n)/float64(ceiling) }
	for n := step; n <= ceiling; n += step {
		d.put(`<line class="grid" stroke="currentColor" stroke-opacity=".14" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, marginLeft, d.Width-marginRight, y(n), y(n))
		d.put(`<text class="muted" fill="currentColor" text-anchor="end" x="%d" y="%.1f">%s</text>`, marginLeft-8, y(n)+4.5, Number(n))
	}
	if len(d.Bars) > 0 {
		slot := float64(d.Width-marginLeft-marginRight) / float64(len(d.Bars))
		every := 1
		for float64(every)*slot < labelWidth {
			every++
		}
		for i := range d.Bars {
			d.bar(&d.Bars[i], float64(marginLeft)+slot*float64(i), slot, y, i%every == 0 || i == len(d.Bars)-1 && every < 3)
		}
	}
	d.put(`<line class="axis" stroke="currentColor" stroke-opacity=".5" x1="%d" x2="%d" y1="%d" y2="%d"/></svg>`, marginLeft, d.Width-marginRight, floor, floor)
}

// labelWidth is the room that the label of a bar takes.
const labelWidth = 62

func (d *drawing) bar(b *Bar, x, slot float64, y func(int) float64, labelled bool) {
	width := min(slot*0.72, 64)
	left, middle := x+(slot-width)/2, x+slot/2
	title := b.Title
	if title == "" {
		title = b.Label
	}
	if b.Href != "" {
		d.put(`<a href="%s" aria-label="%s">`, escaped(b.Href), escaped(title))
	} else {
		d.put(`<g>`)
	}
	d.put(`<title>%s</title>`, escaped(title))
	below := 0
	for s, n := range b.Parts {
		if n <= 0 {
			continue
		}
		d.put(`<rect class="c%d" fill="currentColor" fill-opacity="%.2f" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`,
			s%Colours, 1-0.14*float64(s%Colours), left, y(below+n), width, y(below)-y(below+n))
		below += n
	}
	if below > 0 {
		d.put(`<text fill="currentColor" text-anchor="middle" x="%.1f" y="%.1f">%s</text>`, middle, y(below)-6, Number(below))
	}
	if b.Href != "" {
		d.put(`</a>`)
	} else {
		d.put(`</g>`)
	}
	if labelled {
		d.put(`<text class="muted" fill="currentColor" text-anchor="middle" x="%.1f" y="%d">%s</text>`, middle, d.Height-marginBottom+19, escaped(b.Label))
	}
}

// tick is the distance of the grid's lines: 1, 2 or 5 times a power of ten, so that there are about four.
func tick(top int) int {
	for power := 1; ; power *= 10 {
		for _, m := range []int{1, 2, 5} {
			if m*power*5 >= top {
				return m * power
			}
		}
	}
}

// escaped is a text as it may stand in markup and in attributes.
func escaped(s string) string { return html.EscapeString(Plain(s)) }

// Number is n with a thin space between thousands, as it reads well in every language.
func Number(n int) string { return words.Number(n) }
