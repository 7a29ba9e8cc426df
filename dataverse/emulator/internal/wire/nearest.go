package wire

import (
	"fmt"
	"strings"
)

// Nearest is a hint at the name that was probably meant, "" where none is near.
func Nearest(name string, of []string) string {
	best, at := "", max(2, len(name)/3)+1
	for _, o := range of {
		if d := distance(strings.ToLower(name), strings.ToLower(o), at); d < at {
			best, at = o, d
		}
	}
	if best == "" || name == "" {
		return ""
	}
	return fmt.Sprintf("; is %q meant?", best)
}

// distance is how many letters have to change to make b of a, never more than most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(before+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
