package wire

import (
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// Path is a resource path below the service root, taken apart. The keys sit inside a segment, so that the patterns of
// http.ServeMux cannot tell contacts from contacts(id).
type Path struct {
	Segments []Segment
}

// Segment is one part of a path: name, or name(key).
type Segment struct {
	Name   string
	HasKey bool
	Key    string // what stands between the parentheses, decoded
}

// ID is the segment's key as a row id, with or without quotes or braces.
func (s Segment) ID() (uuid.UUID, bool) {
	k := strings.Trim(strings.TrimSpace(s.Key), "'{}")
	if len(k) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(k)
	return id, err == nil
}

// ParsePath reads what follows /api/data/v9.x/. The path comes escaped: a key may hold an escaped slash.
func ParsePath(escaped string) (Path, error) {
	var p Path
	escaped = strings.Trim(escaped, "/")
	if escaped == "" {
		return p, nil
	}
	for _, part := range splitPath(escaped) {
		text, err := url.PathUnescape(part)
		if err != nil {
			return p, BadQuery("The request URI is not valid.")
		}
		s := Segment{Name: text}
		if i := strings.IndexByte(text, '('); i >= 0 {
			if !strings.HasSuffix(text, ")") {
				return p, BadQuery("Bad Request - Error in query syntax.")
			}
			s = Segment{Name: text[:i], HasKey: true, Key: text[i+1 : len(text)-1]}
		}
		p.Segments = append(p.Segments, s)
	}
	return p, nil
}

// splitPath splits at slashes outside parentheses and quotes: an alternate key may hold one.
func splitPath(s string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '/' && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// APIRoot is where the versions of the Web API lie.
const APIRoot = "/api/data/"

// CRMNamespace is the prefix of bound operations and of the types of the Web API.
const CRMNamespace = "Microsoft.Dynamics.CRM."

// DefinitionSets are the sets of metadata; what follows them in a path is theirs to read.
var DefinitionSets = map[string]bool{
	"EntityDefinitions": true, "RelationshipDefinitions": true, "GlobalOptionSetDefinitions": true,
	"ManagedPropertyDefinitions": true,
}

// Route is the shape of the path in the words of the route table: "GET set(key)/property". Names that are operations
// stand as they are: "POST BulkDelete", "POST set/Microsoft.Dynamics.CRM.CreateMultiple".
func (p Path) Route(method string) string {
	if len(p.Segments) == 0 {
		return method + " /"
	}
	first := p.Segments[0]
	if DefinitionSets[first.Name] {
		return method + " " + first.Name
	}
	if strings.HasPrefix(first.Name, "$") {
		return method + " " + first.Name
	}
	if IsOperation(first.Name) {
		return method + " " + first.Name
	}
	parts := []string{"set"}
	if first.HasKey {
		parts[0] = "set(key)"
	}
	for _, s := range p.Segments[1:] {
		switch {
		case strings.HasPrefix(s.Name, "$"), strings.HasPrefix(s.Name, CRMNamespace):
			parts = append(parts, s.Name)
		case s.HasKey:
			parts = append(parts, "property(key)")
		default:
			parts = append(parts, "property")
		}
	}
	return method + " " + strings.Join(parts, "/")
}

// IsOperation tells an unbound function or action from an entity set: operations begin with a capital letter.
func IsOperation(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

// ParseQuery takes a query apart. A semicolon separates the options within an $expand, plain in every example of the pages
// join-tables and query-metadata-web-api; url.ParseQuery would not have it.
func ParseQuery(raw string) (url.Values, error) {
	values, err := url.ParseQuery(strings.ReplaceAll(raw, ";", "%3B"))
	if err != nil {
		return nil, BadQuery("The query of the request is not valid.")
	}
	return values, nil
}
