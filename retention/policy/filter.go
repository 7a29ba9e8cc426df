package policy

import (
	"errors"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// where finds what is wrong with a filter without knowing the tables. What it says of them is held against an environment.
func (l *loader) where(text string, at Place, refused ...refusal) {
	if text == "" { // or not a text, which is told already
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

// NotFilter is the problem of a filter that cannot be read.
func (p *Policy) NotFilter(err error, text string, at Place) Problem {
	var syntax *odata.SyntaxError
	pos := at.Pos
	if errors.As(err, &syntax) {
		pos = at.Inside(text, syntax.Pos)
	}
	return p.Problem(pos, "not a filter: "+err.Error(), "an OData filter, such as statecode eq 0 and customertypecode eq 3")
}
