package emulator

import (
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// path is a resource path below the service root, taken apart. The keys sit inside a segment, so that the patterns of
// http.ServeMux cannot tell contacts from contacts(id).
type path struct {
	segments []segment
}

// segment is one part of a path: name, or name(key).
type segment struct {
	name   string
	hasKey bool
	key    string // what stands between the parentheses, decoded
}

// id is the segment's key as a row id, with or without quotes or braces.
func (s segment) id() (uuid.UUID, bool) {
	k := strings.Trim(strings.TrimSpace(s.key), "'{}")
	if len(k) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(k)
	return id, err == nil
}

// parsePath reads what follows /api/data/v9.x/. The path comes escaped: a key may hold an escaped slash.
func parsePath(escaped string) (path, error) {
	var p path
	escaped = strings.Trim(escaped, "/")
	if escaped == "" {
		return p, nil
	}
	for _, part := range splitPath(escaped) {
		text, err := url.PathUnescape(part)
		if err != nil {
			return p, badQuery("The request URI is not valid.")
		}
		s := segment{name: text}
		if i := strings.IndexByte(text, '('); i >= 0 {
			if !strings.HasSuffix(text, ")") {
				return p, badQuery("Bad Request - Error in query syntax.")
			}
			s = segment{name: text[:i], hasKey: true, key: text[i+1 : len(text)-1]}
		}
		p.segments = append(p.segments, s)
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

// apiRoot is where the versions of the Web API lie.
const apiRoot = "/api/data/"

const crmNamespace = "Microsoft.Dynamics.CRM."

// definitions are the sets of metadata; what follows them in a path is theirs to read.
var definitions = map[string]bool{
	"EntityDefinitions": true, "RelationshipDefinitions": true, "GlobalOptionSetDefinitions": true,
	"ManagedPropertyDefinitions": true,
}

// route is the shape of the path in the words of the route table: "GET set(key)/property". Names that are operations
// stand as they are: "POST BulkDelete", "POST set/Microsoft.Dynamics.CRM.CreateMultiple".
func (p path) route(method string) string {
	if len(p.segments) == 0 {
		return method + " /"
	}
	first := p.segments[0]
	if definitions[first.name] {
		return method + " " + first.name
	}
	if strings.HasPrefix(first.name, "$") {
		return method + " " + first.name
	}
	if isOperation(first.name) {
		return method + " " + first.name
	}
	parts := []string{"set"}
	if first.hasKey {
		parts[0] = "set(key)"
	}
	for _, s := range p.segments[1:] {
		switch {
		case strings.HasPrefix(s.name, "$"), strings.HasPrefix(s.name, crmNamespace):
			parts = append(parts, s.name)
		case s.hasKey:
			parts = append(parts, "property(key)")
		default:
			parts = append(parts, "property")
		}
	}
	return method + " " + strings.Join(parts, "/")
}

// isOperation tells an unbound function or action from an entity set: operations begin with a capital letter.
func isOperation(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

// queryOf takes a query apart. A semicolon separates the options within an $expand, plain in every example of the pages
// join-tables and query-metadata-web-api; url.ParseQuery would not have it.
func queryOf(raw string) (url.Values, error) {
	values, err := url.ParseQuery(strings.ReplaceAll(raw, ";", "%3B"))
	if err != nil {
		return nil, badQuery("The query of the request is not valid.")
	}
	return values, nil
}
