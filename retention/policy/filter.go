package policy

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// where finds what is wrong with a filter without knowing the tables. What it says of them is held against an environment.
func (l *loader) where(text string, at Place, refused ...refusal) {
	if text == "" || at.cut { // or not a text, which is told already
		return
	}
	e, err := odata.ParseFilter(text)
	if err != nil {
		l.problems = append(l.problems, l.policy.NotFilter(err, text, at))
		return
	}
	l.problems = append(l.problems, l.policy.refusedFilter(e, text, at, refused)...)
}

// NotFetch is the problem of a query in FetchXML that cannot be read.
func (p *Policy) NotFetch(err error, g *Ground) Problem {
	at := g.At["fetchXml"].Pos
	if g.View != "" {
		at = g.At["view"].Pos
	}
	var fault *fetchxml.Error
	if errors.As(err, &fault) {
		at = NewFetchFile(g, at).place(fault.Pos)
	}
	return p.Problem(at, "not FetchXML: "+err.Error(), "")
}

// severalWords are words before an operator, of which a column has only one.
var severalWords = regexp.MustCompile(`(?i)(?:^|[(]|\band |\bor |\bnot )\s*([a-z][a-z0-9]*(?: [a-z0-9]+)+) (?:eq|ne|gt|ge|lt|le|in)\b`)

// NotFilter is the problem of a filter that cannot be read.
func (p *Policy) NotFilter(err error, text string, at Place) Problem {
	var syntax *odata.SyntaxError
	pos := at.Pos
	if errors.As(err, &syntax) {
		pos = at.Inside(text, syntax.Pos)
	}
	hint := "an OData filter, such as statecode eq 0 and customertypecode eq 3"
	if m := severalWords.FindStringSubmatch(text); m != nil && !slices.ContainsFunc(strings.Fields(m[1]), reserved) {
		hint = "a column stands by its logical name, which is one word: " + strings.ToLower(strings.ReplaceAll(m[1], " ", "")) + " for " + m[1]
	}
	return p.Problem(pos, "not a filter: "+err.Error(), hint)
}

// reserved tells whether a word is OData's own.
func reserved(word string) bool {
	return slices.Contains([]string{"and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in", "null", "true", "false"}, strings.ToLower(word))
}
