package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a policy, where it stands and what would mend it.
type Problem struct {
	Pos     Pos
	Message string // what is wrong, one sentence without a full stop
	Hint    string // what to do, such as did you mean `opportunity`?
	Source  string // the line of the file, for the excerpt
}

// Problems are all that is wrong with a policy, in the order of its files. It is the error of [Load] and [Check].
type Problems []Problem

// maxPrinted is how many problems are printed: nobody reads more, and the next look tells the rest.
const maxPrinted = 200

// Error prints the problems with their excerpts.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i == maxPrinted {
			fmt.Fprintf(&b, "\nand %s more, which --json lists", Count(len(ps)-i, "problem"))
			break
		}
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// Hint is empty: each problem has its own.
func (ps Problems) Hint() string { return "" }

// ExitCode is that of wrong usage, settings or policy.
func (ps Problems) ExitCode() int { return 2 }

// String is file:line:column, the message, the line with a caret under the place, and the hint.
func (p Problem) String() string {
	var b strings.Builder
	if at := p.Pos.String(); at != "" {
		b.WriteString(at + ": ")
	}
	b.WriteString(p.Message)
	if p.Source != "" {
		gutter := fmt.Sprintf("%5d | ", p.Pos.Line)
		blank := strings.Repeat(" ", len(gutter)-2) + "| "
		line, column := excerpt(p.Source, p.Pos.Column)
		fmt.Fprintf(&b, "\n%s%s\n%s%s^", gutter, line, blank, padding(line, column))
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// excerpt is the part of a line around a column, where the line is longer than anybody reads.
func excerpt(line string, column int) (string, int) {
	const most, before = 240, 120
	r := []rune(line)
	if len(r) <= most {
		return line, column
	}
	from := min(max(0, column-before), len(r)-1)
	part := string(r[from:min(from+most, len(r))])
	if from+most < len(r) {
		part += "…"
	}
	if from > 0 {
		return "…" + part, column - from + 1
	}
	return part, column
}

// padding is blank and as wide as what stands before the column; tabs stay tabs.
func padding(line string, column int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= column-1 {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteRune(' ')
		}
	}
	return b.String()
}

// String is file:line:column, without what is not known.
func (p Pos) String() string {
	switch {
	case p.File == "" && p.Line == 0:
		return ""
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Sorted orders problems by place; those of one place stay in the order in which they were found.
func (ps Problems) Sorted(files []string) Problems {
	order := func(file string) int { // files that are not of the policy's own language, such as FetchXML, come last
		if i := slices.Index(files, file); i >= 0 {
			return i
		}
		return len(files)
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(order(a.Pos.File), order(b.Pos.File)),
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return ps
}

// DidYouMean suggests the known name that is nearest to a misspelt one, or "" if none is near. A publisher's prefix that
// both have counts for nothing, and letters that were left out count for little: people shorten names that they half
// remember.
func DidYouMean(name string, known []string) string {
	best, bestDistance := "", 0
	for _, k := range known {
		a, b := strings.ToLower(name), strings.ToLower(k)
		if i := strings.IndexByte(a, '_'); i >= 0 && strings.HasPrefix(b, a[:i+1]) {
			a, b = a[i+1:], b[i+1:]
		}
		d := editDistance(a, b)
		if subsequence(a, b) {
			d = (d + 1) / 2
		}
		if d > 1+len(a)/3 || d >= max(len(a), len(b)) {
			continue
		}
		if best == "" || d < bestDistance || d == bestDistance && k < best {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean `" + best + "`?"
}

// subsequence tells whether b is a with letters put in between.
func subsequence(a, b string) bool {
	for i := 0; i < len(b) && a != ""; i++ {
		if a[0] == b[i] {
			a = a[1:]
		}
	}
	return a == ""
}

// editDistance counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
