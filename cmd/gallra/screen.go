package main

import (
	"os"
	"strconv"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"

	"github.com/gallra/gallra/retention/report"
)

// screen is where people read: how wide it is and what it can show.
type screen struct {
	width  int  // in cells; 0: as wide as the text
	colour bool // and bold; never the only thing that tells something
	plain  bool // no styles and no broken lines: a file, a pipe, a screen reader
}

// screen is what standard output is. Colours want a terminal and neither NO_COLOR nor TERM=dumb; --plain takes all of it
// away. COLUMNS wins over what the terminal says of itself.
func (a *app) screen() screen {
	width, _ := strconv.Atoi(a.env("COLUMNS"))
	f, ok := a.out.(*os.File)
	if a.plain || a.env("TERM") == "dumb" || !ok || !term.IsTerminal(int(f.Fd())) {
		return screen{plain: true}
	}
	if width <= 0 {
		width, _, _ = term.GetSize(int(f.Fd()))
	}
	return screen{width: max(width, 0), colour: a.env("NO_COLOR") == ""}
}

// styled is a text of ours that may hold the codes of a style. Every other text that is printed loses its control
// characters, wherever it came from.
type styled string

// The styles, of the terminal's own sixteen colours, so that they follow its theme.
var (
	bold   = lipgloss.NewStyle().Bold(true)
	red    = lipgloss.NewStyle().Foreground(lipgloss.Red)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
)

// in shows a text in a style, where there are styles.
func (s screen) in(style lipgloss.Style, text string) styled {
	text = neutral(text)
	if !s.colour || s.plain {
		return styled(text)
	}
	return styled(style.Render(text))
}

// neutral is a text in which nothing steers the terminal or turns the reading order. Lines stay lines, blanks stay.
func neutral(s string) string {
	steers := func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r))
	}
	if !strings.ContainsFunc(s, steers) {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if !strings.ContainsFunc(line, steers) {
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		lines[i] = strings.ReplaceAll(indent, "\t", "    ") + report.Plain(line)
	}
	return strings.ToValidUTF8(strings.Join(lines, "\n"), "\ufffd")
}
