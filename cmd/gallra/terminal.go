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

// pipe is standard output that is no terminal. When its reader leaves (gallra run --apply --json | head), what would follow is
// let go and the verb goes on to its end: what nobody reads any more is no reason to leave a purge half done, nor a failure.
type pipe struct {
	w   io.Writer
	cut bool
}

// untilCut is where results go.
func untilCut(w io.Writer) io.Writer {
	if terminal(w) {
		return w
	}
	return &pipe{w: w}
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.cut {
		return len(b), nil
	}
	n, err := p.w.Write(b)
	if err != nil && cutPipe(err) {
		p.cut = true
		return len(b), nil
	}
	return n, err
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

// lines writes text and keeps the first error. Lines that are wider than the screen go on below, a little further in.
type lines struct {
	w     io.Writer
	width int  // of the screen; 0: lines stay whole
	begun bool // a line has begun that is not at its end
	err   error
}

// lines writes to standard output.
func (a *streams) lines() *lines { return &lines{w: a.out, width: a.screen().width} }

func (l *lines) printf(format string, args ...any) {
	if l.err != nil {
		return
	}
	text := fmt.Sprintf(format, neutralised(args)...)
	if !l.begun {
		text = folded(text, l.width, 0)
	}
	l.begun = !strings.HasSuffix(text, "\n") && (text != "" || l.begun)
	_, l.err = io.WriteString(l.w, text)
}

// folded breaks lines that are wider than a screen between words, so that ids and addresses stay whole. What goes on below begins after
// that many blanks; 0: after two more than the line itself begins with; [flush]: where it begins itself.
func folded(text string, width, hang int) string {
	if width < narrowest || lipgloss.Width(text) <= width {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = foldedLine(line, width, hang)
	}
	return strings.Join(lines, "\n")
}

// flush is for a text that reads as a paragraph.
const flush = -1

func foldedLine(line string, width, hang int) string {
	if lipgloss.Width(line) <= width {
		return line
	}
	words := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(words)]
	switch hang {
	case 0:
		hang = len(indent) + len(listIndent)
	case flush:
		hang = len(indent)
	}
	if hang > width*3/5 {
		hang = len(listIndent)
	}
	var out strings.Builder
	current := indent
	for first := true; words != ""; first = false {
		word := words
		if i := strings.IndexByte(strings.TrimLeft(words, " "), ' '); i >= 0 {
			word = words[:len(words)-len(strings.TrimLeft(words, " "))+i]
		}
		words = words[len(word):]
		if !first && lipgloss.Width(current)+lipgloss.Width(word) > width {
			out.WriteString(current + "\n")
			current, word = strings.Repeat(" ", hang), strings.TrimLeft(word, " ")
		}
		current += word
	}
	return out.String() + current
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

// list prints rows without a head, aligned like a table. Where they are too wide for the screen, the last column, which is a
// sentence, stands on a line of its own, and then names and dates before it, so that ids stay whole.
func (a *streams) list(rows [][]string) styled {
	if len(rows) == 0 {
		return ""
	}
	s, last := a.screen(), len(rows[0])-1
	plain := func(int, int) (lipgloss.Style, bool) { return lipgloss.Style{}, false }
	clean := make([][]string, len(rows))
	for i, row := range rows {
		for _, cell := range row {
			clean[i] = append(clean[i], report.Plain(cell))
		}
	}
	text := s.layout(clean, plain, 0)
	beside := last + 1 // how many columns stand beside each other
	for room := s.width - len(listIndent); s.width >= narrowest && beside > 1 && lipgloss.Width(text) > room; {
		beside--
		short := make([][]string, len(rows))
		for i, row := range clean {
			short[i] = row[:beside]
		}
		text = s.layout(short, plain, 0)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = listIndent + lines[i]
		if beside < last {
			lines[i] += "\n" + folded(listIndent+listIndent+strings.Join(clean[i][beside:last], "  "), s.width, 0)
		}
		if beside <= last {
			lines[i] += "\n" + folded(listIndent+listIndent+clean[i][last], s.width, 0)
		}
	}
	return trimmed(strings.Join(lines, "\n"))
}

// listIndent is how far a list stands under its title.
const listIndent = "  "

// narrowest is the width below which a table is not squeezed: lines that run over read better than columns of three letters.
const narrowest = 40

// styledTable is a table some of whose cells have a style, where there are styles; nil: none have.
func (a *streams) styledTable(head []string, rows [][]string, styleOf func(row, col int) (lipgloss.Style, bool)) styled {
	return a.screen().table(head, rows, styleOf)
}

// table lays a table out. One that is too wide for the screen and has few rows is turned: a line a column, which fits better
// than heads of three letters; any other is broken within its cells.
func (s screen) table(head []string, rows [][]string, styleOf func(row, col int) (lipgloss.Style, bool)) styled {
	all := make([][]string, 0, len(rows)+1)
	for _, row := range append([][]string{head}, rows...) {
		clean := make([]string, len(row))
		for j, cell := range row {
			clean[j] = report.Plain(cell)
		}
		all = append(all, clean)
	}
	style := func(row, col int) (lipgloss.Style, bool) {
		switch {
		case row == 0:
			return bold, true
		case styleOf != nil:
			return styleOf(row-1, col)
		}
		return lipgloss.Style{}, false
	}
	laid := s.layout(all, style, 0)
	if s.width < narrowest || lipgloss.Width(laid) <= s.width {
		return trimmed(laid)
	}
	if len(head) > len(all) {
		upright := style
		all, style = transposed(all), func(row, col int) (lipgloss.Style, bool) { return upright(col, row) }
		if laid = s.layout(all, style, 0); lipgloss.Width(laid) <= s.width {
			return trimmed(laid)
		}
	}
	return trimmed(s.layout(all, style, s.width))
}

// transposed has a row for each column.
func transposed(rows [][]string) [][]string {
	out := make([][]string, len(rows[0]))
	for i := range out {
		for _, row := range rows {
			out[i] = append(out[i], row[i])
		}
	}
	return out
}

// layout aligns rows by blanks alone and breaks them within their cells where they are to be no wider than that; 0: as they are.
func (s screen) layout(rows [][]string, styleOf func(row, col int) (lipgloss.Style, bool), width int) string {
	t := table.New().Rows(rows...).
		Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).BorderHeader(false).BorderColumn(false).
		StyleFunc(func(row, col int) lipgloss.Style {
			style := lipgloss.NewStyle()
			if own, ok := styleOf(row, col); ok && s.colour {
				style = own
			}
			if col < len(rows[0])-1 {
				style = style.PaddingRight(2)
			}
			if number(rows[row][col]) {
				return style.Align(lipgloss.Right)
			}
			return style
		})
	if width > 0 {
		t = t.Width(width).Wrap(true)
	}
	return t.String()
}

// trimmed has no blanks where lines end.
func trimmed(text string) styled {
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
