package formxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrForm says that a form cannot be edited.
var ErrForm = errors.New("the form's XML cannot be edited")

// element is an element of a form and where its bytes stand.
type element struct {
	name       string
	attributes map[string]string
	parent     *element
	children   []*element
	// start and end are the whole element; open is where its content begins and shut where that ends. An element without content,
	// such as <rows />, has no place between the two.
	start, open, shut, end int
}

// tree reads a form's XML and remembers where each element stands.
func tree(text string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // a declaration of UTF-16 is of what it was once
	var root, at *element
	for {
		before := int(d.InputOffset())
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrForm, err)
		}
		after := int(d.InputOffset())
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attributes: map[string]string{}, parent: at, start: before, open: after}
			for _, a := range token.Attr {
				e.attributes[a.Name.Local] = a.Value
			}
			if at != nil {
				at.children = append(at.children, e)
			} else if root == nil {
				root = e
			}
			at = e
		case xml.EndElement:
			if at == nil || at.name != token.Name.Local {
				return nil, fmt.Errorf("%w: </%s> ends nothing", ErrForm, token.Name.Local)
			}
			at.shut, at.end = before, after
			at = at.parent
		}
	}
	if root == nil || at != nil || root.name != "form" {
		return nil, fmt.Errorf("%w: it is not XML with the root form", ErrForm)
	}
	return root, nil
}

// empty tells whether the element is written without room for content.
func (e *element) empty() bool { return e.open == e.end }

// child is the first child with that name, nil if there is none.
func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	if i := slices.IndexFunc(e.children, func(c *element) bool { return c.name == name }); i >= 0 {
		return e.children[i]
	}
	return nil
}

// named are the children with that name.
func (e *element) named(name string) []*element {
	if e == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.children), func(c *element) bool { return c.name != name })
}

// within is the nearest element around it with that name.
func (e *element) within(name string) *element {
	for e = e.parent; e != nil && e.name != name; e = e.parent {
	}
	return e
}

// find walks the element and everything in it until it finds what is asked for.
func (e *element) find(is func(*element) bool) *element {
	if e == nil || is(e) {
		return e
	}
	for _, c := range e.children {
		if found := c.find(is); found != nil {
			return found
		}
	}
	return nil
}

// change is a piece of the text that is replaced.
type change struct {
	from, to int
	by       string
}

// apply makes the changes, which must not overlap.
func apply(text string, changes []change) string {
	slices.SortStableFunc(changes, func(a, b change) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, c := range changes {
		b.WriteString(text[at:c.from])
		b.WriteString(c.by)
		at = c.to
	}
	b.WriteString(text[at:])
	return b.String()
}
