package workbook

import "strings"

// Guarded is a text as a spreadsheet that opens a CSV file takes it for one: what begins like a formula gets an apostrophe
// before it.
func Guarded(s string) string {
	if t := strings.TrimLeft(s, " \u00a0"); t != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
