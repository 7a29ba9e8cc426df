package main

import (
	"os"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
)

// table prints rows under a head, aligned, without anything that a screen reader would spell out. On a terminal the head
// is bold.
func (a *app) table(head []string, rows [][]string) string {
	bold := terminal(a.out) && os.Getenv("NO_COLOR") == ""
	t := table.New().Headers(head...).Rows(rows...).
		Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).BorderHeader(false).BorderColumn(false).
		StyleFunc(func(row, col int) lipgloss.Style {
			style := lipgloss.NewStyle().PaddingRight(2)
			if row == table.HeaderRow {
				return style.Bold(bold)
			}
			if row >= 0 && row < len(rows) && col < len(rows[row]) && number(rows[row][col]) {
				return style.Align(lipgloss.Right)
			}
			return style
		})
	lines := strings.Split(t.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func number(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
