package main

import (
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"github.com/gallra/gallra/retention/report"
)

// table prints rows under a head, aligned by blanks alone: there is nothing that a screen reader would spell out. On a
// terminal it keeps to the width, and the head is bold.
func (a *app) table(head []string, rows [][]string) styled {
	return a.styledTable(head, rows, nil)
}

// narrowest is the width below which a table is not squeezed: lines that run over read better than columns of three letters.
const narrowest = 40

// styledTable is a table some of whose cells have a style, where there are styles; nil: none have.
func (a *app) styledTable(head []string, rows [][]string, styleOf func(row, col int) (lipgloss.Style, bool)) styled {
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
