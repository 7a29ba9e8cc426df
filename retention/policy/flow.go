package policy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Within braces a comma ends a value, and filters are full of commas: contains(jobtitle,'x'). YAML then stops at what comes
// after the comma, or takes it for a key.

var (
	flowKey   = regexp.MustCompile(`(?:^\s*-?\s*|[{,]\s*)([A-Za-z]+):\s+`)
	flowValue = regexp.MustCompile(`^[A-Za-z_(]`)
)

// commaHint is how a value is to be written that a comma has cut: of the last key of the line that stands before the column and
// whose value is cut by a comma. It is empty where there is none.
func commaHint(line string, column int) string {
	runes := []rune(line)
	before := string(runes[:min(max(column-1, 0), len(runes))])
	keys := flowKey.FindAllStringSubmatchIndex(line, -1)
	for i := len(keys) - 1; i >= 0; i-- {
		k := keys[i]
		if k[1] >= len(before) || !flowValue.MatchString(line[k[1]:]) {
			continue
		}
		value := wholeFilter(line[k[1]:])
		cut := strings.IndexByte(value, ',')
		if cut < 0 || k[1]+cut >= len(before) {
			continue
		}
		return quoteHint(line[k[2]:k[3]], value)
	}
	return ""
}

func quoteHint(key, value string) string {
	if strings.ContainsAny(value, `"\`) {
		return fmt.Sprintf("within braces a comma ends a value: put that of `%s` in quotes", key)
	}
	return fmt.Sprintf("within braces a comma ends a value: put it in quotes, %s: \"%s\"", key, value)
}

// wholeFilter is the filter at the beginning of a text, up to the comma or brace that stands in none of its parentheses and
// texts.
func wholeFilter(text string) string {
	depth, quoted := 0, false
	for i, c := range text {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case (c == ',' || c == '}') && depth <= 0:
			return strings.TrimSpace(text[:i])
		}
	}
	return strings.TrimSpace(text)
}

// cut tells whether what stands in a mapping as the i-th key is the rest of the value before, which a comma has cut. The place of
// that value is marked, so that nobody complains of half a value.
func (r *strictReader) cut(n ast.Node, i int, p *placed) bool {
	m, ok := n.(*ast.MappingNode)
	if !ok || !m.IsFlowStyle || i == 0 || m.Values[i].Value.Type() != ast.NullType {
		return false
	}
	for ; i > 0; i-- { // several commas make several keys
		key := m.Values[i-1].Key.GetToken().Value
		at, known := p.At[key]
		if !known {
			continue
		}
		if at.cut { // told
			return true
		}
		at.cut = true
		p.At[key] = at
		rest := r.pos(m.Values[i])
		hint := fmt.Sprintf("within braces a comma ends a value: put that of `%s` in quotes", key)
		if rest.Line > 0 && rest.Line <= len(r.lines) {
			if whole := commaHint(r.lines[rest.Line-1], rest.Column); whole != "" {
				hint = whole
			}
		}
		r.problem(rest, fmt.Sprintf("`%s` ends at the comma, and `%s` is no key", key, m.Values[i].Key.GetToken().Value), hint)
		return true
	}
	return false
}
