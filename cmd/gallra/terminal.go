package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"golang.org/x/term"

	"github.com/gallra/gallra/retention/report"
)

// What people read follows these rules: results go to standard output, progress, warnings and errors to standard error;
// sentences begin small and end without a full stop where they are labels; colour only on a terminal and never alone to
// tell something; no name, address or number of a person; nothing that came from elsewhere steers the terminal.

// screen is where people read: how wide it is and what it can show.
type screen struct {
	width  int  // in cells; 0: as wide as the text
	colour bool // and bold; never the only thing that tells something
	plain  bool // no styles and no broken lines: a file, a pipe, a screen reader
}

// screen is what standard output is. Colours want a terminal and neither NO_COLOR nor TERM=dumb; --plain takes all of it
// away. COLUMNS wins over what the terminal says of itself.
func (a *streams) screen() screen {
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

// lines writes text and keeps the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) printf(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format, neutralised(args)...)
	}
}

// neutralised takes control characters out of whatever is a text and not styled by us.
func neutralised(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case styled:
			out[i] = string(v)
		case string:
			out[i] = neutral(v)
		case error:
			out[i] = neutral(v.Error())
		case fmt.Stringer:
			out[i] = neutral(v.String())
		default:
			out[i] = a
		}
	}
	return out
}

// table prints rows under a head, aligned by blanks alone: there is nothing that a screen reader would spell out. On a
// terminal it keeps to the width, and the head is bold.
func (a *streams) table(head []string, rows [][]string) styled {
	return a.styledTable(head, rows, nil)
}

// narrowest is the width below which a table is not squeezed: lines that run over read better than columns of three letters.
const narrowest = 40

// styledTable is a table some of whose cells have a style, where there are styles; nil: none have.
func (a *streams) styledTable(head []string, rows [][]string, styleOf func(row, col int) (lipgloss.Style, bool)) styled {
	s := a.screen()
	clean := make([][]string, len(rows))
	for i, row := range rows {
		clean[i] = make([]string, len(row))
		for j, cell := range row {
			clean[i][j] = report.Plain(cell)
		}
	}
	t := table.New().Headers(head...).Rows(clean...).
		Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).BorderHeader(false).BorderColumn(false).
		StyleFunc(func(row, col int) lipgloss.Style {
			style := lipgloss.NewStyle()
			if s.colour {
				switch {
				case row == table.HeaderRow:
					style = bold
				case styleOf != nil:
					if own, ok := styleOf(row, col); ok {
						style = own
					}
				}
			}
			if col < len(head)-1 {
				style = style.PaddingRight(2)
			}
			if row >= 0 && row < len(clean) && col < len(clean[row]) && number(clean[row][col]) {
				return style.Align(lipgloss.Right)
			}
			return style
		})
	text := t.String()
	if s.width >= narrowest && lipgloss.Width(text) > s.width {
		text = t.Width(s.width).Wrap(true).String()
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return styled(strings.TrimRight(strings.Join(lines, "\n"), "\n"))
}

func number(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// ask puts a question with the answers yes and no on the terminal; no is the one that Enter gives.
func (a *streams) ask(ctx context.Context, question string) (bool, error) {
	var yes bool
	form := huh.NewForm(huh.NewGroup(huh.NewConfirm().Title(question).Affirmative("Remove").Negative("Leave everything").Value(&yes))).
		WithInput(a.in).WithOutput(a.errs)
	err := form.RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return false, nil
	}
	return yes, err
}
