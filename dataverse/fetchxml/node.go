package fetchxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// node is an element, before its meaning is read.
type node struct {
	name       string
	attrs      []xml.Attr
	children   []*node
	text       string
	start, end int // in the source
}

// readNodes reads one element and what is in it. The decoder resolves the five entities of XML and no others.
func readNodes(src []byte) (*node, error) {
	if len(src) > MaxLength {
		return nil, failf(0, codeInvalidArgument, "The query is longer than %d bytes.", MaxLength)
	}
	d := xml.NewDecoder(bytes.NewReader(src))
	var root *node
	var open []*node
	for {
		start := int(d.InputOffset())
		t, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, failf(start, codeInvalidXML, "Invalid XML.")
		}
		switch t := t.(type) {
		case xml.StartElement:
			n, err := newNode(t, start)
			if err != nil {
				return nil, err
			}
			switch {
			case len(open) == MaxDepth:
				return nil, failf(start, codeInvalidArgument, "The query nests deeper than %d elements.", MaxDepth)
			case len(open) > 0:
				top := open[len(open)-1]
				top.children = append(top.children, n)
			case root != nil:
				return nil, failf(start, codeInvalidXML, "Invalid XML.")
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open[len(open)-1].end = int(d.InputOffset())
			open = open[:len(open)-1]
		case xml.CharData:
			if err := addText(open, string(t), start); err != nil {
				return nil, err
			}
		case xml.Directive:
			return nil, failf(start, codeInvalidXML, "A document type is not allowed.")
		}
	}
}

func newNode(t xml.StartElement, start int) (*node, error) {
	n := &node{name: t.Name.Local, attrs: t.Attr, start: start}
	if t.Name.Space != "" {
		n.name = t.Name.Space + ":" + n.name // no element of FetchXML has a namespace
	}
	for i, a := range t.Attr {
		if a.Name.Space != "" || a.Name.Local == "xmlns" {
			return nil, failf(start, codeInvalidArgument, "The attribute '%s' of the element '%s' is in a namespace.", a.Name.Local, n.name)
		}
		if slices.ContainsFunc(t.Attr[:i], func(b xml.Attr) bool { return a.Name == b.Name }) {
			return nil, failf(start, codeInvalidXML, "Invalid XML.") // the decoder lets it pass
		}
	}
	return n, nil
}

func addText(open []*node, text string, pos int) error {
	switch {
	case len(open) > 0 && open[len(open)-1].name == "value":
		open[len(open)-1].text += text
	case strings.Trim(text, " \t\r\n\ufeff") != "":
		return failf(pos, codeInvalidXML, "Text between the elements is not allowed.")
	}
	return nil
}

// reader reads the meaning of nodes, keeping the first error.
type reader struct {
	src               []byte
	aggregate         bool
	links, conditions int
	err               *Error
}

func (r *reader) fail(n *node, code, format string, args ...any) {
	if r.err == nil {
		r.err = failf(n.start, code, format, args...)
	}
}

// xml is the element as the source has it.
func (r *reader) xml(n *node) string { return string(r.src[n.start:n.end]) }

// attrs gives set each attribute in turn; set tells whether it knows it.
func (r *reader) attrs(n *node, set func(name, value string) bool) {
	for _, a := range n.attrs {
		if !set(a.Name.Local, a.Value) {
			r.fail(n, codeInvalidArgument, "The attribute '%s' of the element '%s' is not known.", a.Name.Local, n.name)
		}
	}
}

// only refuses children.
func (r *reader) only(n *node, valid ...string) {
	for _, c := range n.children {
		if !slices.Contains(valid, c.name) {
			r.badChild(c, valid...)
		}
	}
}

func (r *reader) badChild(c *node, valid ...string) {
	if len(valid) == 0 {
		valid = []string{"none"}
	}
	r.fail(c, codeInvalidNode, "Invalid Child Node, valid nodes are %s. NodeName = %s NodeXml = %s", strings.Join(valid, ", "), c.name, r.xml(c))
}

func (r *reader) bool(n *node, into *bool, value string) bool {
	switch value {
	case "true", "1":
		*into = true
	case "false", "0":
		*into = false
	default:
		r.fail(n, codeInvalidArgument, "The value '%s' of the element '%s' is not a boolean.", value, n.name)
	}
	return true
}

func (r *reader) int(n *node, into *int, name, value string, max int) bool {
	v := 0
	for _, c := range value {
		if c < '0' || c > '9' || v > max {
			v = -1
			break
		}
		v = v*10 + int(c-'0')
	}
	if value == "" || v < 1 || v > max {
		r.fail(n, codeInvalidArgument, "%s", fmt.Sprintf("The value '%s' of the attribute '%s' is not a number from 1 to %d.", value, name, max))
		return true
	}
	*into = v
	return true
}
