package console

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/report"
)

// drawTimeline draws a person's grounds on a line of time: what each gives them and until when, today, and the day of the
// purge with the notice before it. What it shows stands in words beside it.
func drawTimeline(t tongue, x *plan.Explanation, today retention.Date, id string, width int) template.HTML {
	l := groundsTimeline{width: width, today: today, t: t}
	for _, f := range x.Findings {
		if len(f.Rows) > 0 {
			l.lanes = append(l.lanes, lane{f.Ground.ID, f.Rows})
		}
	}
	d := x.Decision
	l.purgeOn, l.noticedOn = d.PurgeOn, d.NoticedOn
	if d.Action == retention.Keep || d.Action == retention.Clear {
		l.purgeOn = 0
	}
	if c := x.Person.Columns; d.Extension == retention.ExtensionCounts {
		l.lanes = append(l.lanes, lane{retention.ManualExtension, []evaluate.FoundRow{{Date: today, Until: c.ExtendedUntil}}})
	}
	if len(l.lanes) == 0 && l.purgeOn.IsZero() {
		return ""
	}
	l.draw(id)
	return template.HTML(l.String()) // every text in it went through escape
}

type lane struct {
	name string
	rows []evaluate.FoundRow
}

type groundsTimeline struct {
	strings.Builder
	t                  tongue
	width              int
	lanes              []lane
	today              retention.Date
	purgeOn, noticedOn retention.Date
	from, to           retention.Date
}

const (
	laneHeight = 40
	lifeTop    = 38
	lifeBottom = 26
	lifeMargin = 8
	farBack    = 5 * 365 // what is older begins at the edge
)

func escape(s string) string { return html.EscapeString(report.Plain(s)) }

func (l *groundsTimeline) put(format string, args ...any) { fmt.Fprintf(l, format, args...) }

// span finds the days that the line goes from and to.
func (l *groundsTimeline) span() {
	l.from, l.to = l.today-60, l.today+60
	reach := func(d retention.Date) {
		if d.IsZero() || d == retention.Open {
			return
		}
		l.from, l.to = min(l.from, max(d, l.today-farBack)), max(l.to, min(d, l.today+farBack))
	}
	for _, lane := range l.lanes {
		for _, r := range lane.rows {
			reach(r.Date)
			reach(r.Until)
		}
	}
	reach(l.purgeOn)
	reach(l.noticedOn)
	room := (l.to - l.from) / 20
	l.from, l.to = l.from-room, l.to+room
}

func (l *groundsTimeline) x(d retention.Date) float64 {
	d = min(max(d, l.from), l.to)
	return lifeMargin + float64(d-l.from)/float64(l.to-l.from)*float64(l.width-2*lifeMargin)
}

func (l *groundsTimeline) draw(id string) {
	l.span()
	lanes := max(len(l.lanes), 1)
	height := lifeTop + lanes*laneHeight + lifeBottom
	bottom := height - lifeBottom
	l.put(`<svg class="chart life" role="img" aria-labelledby="life-%[1]s-title life-%[1]s-desc" viewBox="0 0 %[2]d %[3]d" xmlns="http://www.w3.org/2000/svg">`, id, l.width, height)
	l.put(`<title id="life-%s-title">%s</title><desc id="life-%s-desc">%s</desc>`, id, escape(l.t.T("life.title")), id, escape(l.t.T("life.desc")))
	l.years(bottom, height)
	if !l.purgeOn.IsZero() && !l.noticedOn.IsZero() {
		l.put(`<rect class="notice" fill="currentColor" fill-opacity=".08" x="%.1f" y="%d" width="%.1f" height="%d"/>`, l.x(l.noticedOn), lifeTop, max(l.x(l.purgeOn)-l.x(l.noticedOn), 1), bottom-lifeTop)
	}
	l.mark("today", l.today, l.t.T("life.today"), 13, bottom)
	if !l.purgeOn.IsZero() {
		l.mark("due", l.purgeOn, l.t.T("life.purge"), 29, bottom)
	}
	for i, lane := range l.lanes {
		y := lifeTop + i*laneHeight
		for _, r := range lane.rows {
			l.bar(r, y+20)
		}
		l.put(`<text fill="currentColor" x="%d" y="%d">%s</text>`, lifeMargin, y+14, escape(lane.name))
	}
	l.put(`</svg>`)
}

// bar is what one row gives.
func (l *groundsTimeline) bar(r evaluate.FoundRow, y int) {
	class := "ended"
	if r.Until > l.today {
		class = "holds"
	}
	from := r.Date
	if from.IsZero() {
		from = l.from
	}
	if r.Until < from { // a date that is itself the end
		from = r.Until
	}
	left, right := l.x(from), l.x(r.Until)
	l.put(`<rect class="%s" fill="currentColor" fill-opacity="%s" x="%.1f" y="%d" width="%.1f" height="12" rx="2"><title>%s – %s</title></rect>`,
		class, map[string]string{"holds": ".9", "ended": ".35"}[class], left, y, max(right-left, 3), escape(l.t.date(r.Date)), escape(l.t.date(r.Until)))
}

// mark is a day that matters. The two of them have a line each for their words, so that these never meet.
func (l *groundsTimeline) mark(class string, d retention.Date, word string, y, bottom int) {
	x, anchor := l.x(d), "middle"
	switch room := float64(l.width) / 7; {
	case x < room:
		anchor = "start"
	case x > float64(l.width)-room:
		anchor = "end"
	}
	l.put(`<g class="%s"><line stroke="currentColor" stroke-width="1.5" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text fill="currentColor" text-anchor="%s" x="%.1f" y="%d">%s</text></g>`,
		class, x, x, y+4, bottom, anchor, x, y, escape(word))
}

// years are the lines of the calendar.
func (l *groundsTimeline) years(bottom, height int) {
	first, last := l.from.Time().Year()+1, l.to.Time().Year()
	every := 1
	for (last-first)/every > l.width/60 {
		every++
	}
	for y := first; y <= last; y++ {
		x := l.x(retention.NewDate(y, 1, 1))
		l.put(`<line class="grid" stroke="currentColor" stroke-opacity=".14" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, lifeTop-4, bottom)
		if (y-first)%every == 0 {
			l.put(`<text class="muted" fill="currentColor" text-anchor="middle" x="%.1f" y="%d">%d</text>`, min(max(x, 20), float64(l.width)-20), height-8, y)
		}
	}
	l.put(`<line class="axis" stroke="currentColor" stroke-opacity=".5" x1="%d" x2="%d" y1="%d" y2="%d"/>`, lifeMargin, l.width-lifeMargin, bottom, bottom)
}
