package policy

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Element is an element of a FetchXML file with its place, so that a mistake is told where it stands.
type Element struct {
	name     string
	tag      string // the start tag as it is written
	offset   int
	children []*Element
}

// elements is the tree of a file, nil where it is no XML: what is wrong with it then is told otherwise.
func elements(text string) *Element {
	d := xml.NewDecoder(strings.NewReader(text))
	root := &Element{}
	open := []*Element{root}
	for {
		start := int(d.InputOffset())
		t, err := d.Token()
		if err != nil {
			return root
		}
		switch t := t.(type) {
		case xml.StartElement:
			end := int(d.InputOffset())
			e := &Element{name: t.Name.Local, tag: text[start:end], offset: start}
			top := open[len(open)-1]
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		}
	}
}

// Child is the i-th child of that name, nil if there is none. It may be asked of nil.
func (e *Element) Child(name string, i int) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			if i == 0 {
				return c
			}
			i--
		}
	}
	return nil
}

// each calls f for every element of that name below.
func (e *Element) each(name string, f func(*Element)) {
	for _, c := range e.children {
		if c.name == name {
			f(c)
		}
		c.each(name, f)
	}
}

// attribute is the value of an attribute, "" where there is none.
func (e *Element) attribute(name string) string {
	rest := e.tag
	if i := e.value(name) - e.offset; i > 0 && i <= len(rest) {
		quote := rest[i-1]
		if j := strings.IndexByte(rest[i:], quote); j >= 0 {
			return rest[i : i+j]
		}
	}
	return ""
}

var xmlAttribute = regexp.MustCompile(`([\w-]+)\s*=\s*["']`)

// value is the offset of an attribute's value, that of the element where it has no such attribute.
func (e *Element) value(attribute string) int {
	for _, m := range xmlAttribute.FindAllStringSubmatchIndex(e.tag, -1) {
		if e.tag[m[2]:m[3]] == attribute {
			return e.offset + m[1]
		}
	}
	return e.offset
}

// FetchFile is a ground's FetchXML file: where its places are, and the tree of its elements. A view has none, and its
// problems stand where the policy names it.
type FetchFile struct {
	at   Pos // in the policy
	path string
	text string
	Root *Element // <fetch>
}

// pos is the place of an offset in the file.
func (f *FetchFile) pos(offset int) Pos {
	if f.path == "" {
		return f.at
	}
	offset = min(max(offset, 0), len(f.text))
	before := f.text[:offset]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return Pos{File: f.path, Line: line, Column: column}
}

// Of is the place of an element's attribute, or of the ground where the element is not known.
func (f *FetchFile) Of(e *Element, attribute string) Pos {
	if e == nil || f.path == "" {
		return f.at
	}
	return f.pos(e.value(attribute))
}

// place is the place of an element that a parser found at an offset, which may be before blanks.
func (f *FetchFile) place(offset int) Pos {
	if offset >= 0 && offset < len(f.text) {
		rest := []byte(f.text[offset:])
		offset += len(rest) - len(bytes.TrimLeft(rest, " \t\r\n"))
	}
	return f.pos(offset)
}

// NewFetchFile makes the places of a ground's FetchXML.
func NewFetchFile(g *Ground, at Pos) *FetchFile {
	f := &FetchFile{at: at}
	if g.FetchXML != "" && g.fetchPath != "" {
		f.path, f.text = g.fetchPath, g.FetchXML
		f.Root = elements(f.text).Child("fetch", 0)
	}
	return f
}
