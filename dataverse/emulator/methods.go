package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// methods are those that a resource of the Web API can have, in the order in which Allow tells them.
var methods = []string{"GET", "POST", "PATCH", "PUT", "DELETE"}

// allowed are the methods that the resource at a path has.
func (s *Server) allowed(p wire.Path) []string {
	var out []string
	for _, m := range methods {
		if s.routes[p.Route(m)] != nil {
			out = append(out, m)
		}
	}
	if slices.Contains(out, "GET") {
		out = append(out, "HEAD")
	}
	return append(out, "OPTIONS")
}

// noRoute says why no handler serves the call, as the service does where it is the caller's mistake: the resource does not
// exist, or it has other methods. What the service has and the emulator does not is refused by name.
func (s *Server) noRoute(c *wire.Call) *wire.Error {
	if err := s.unheld(c); err != nil {
		return err
	}
	p := c.Path
	if can := s.allowed(p); len(can) > 1 {
		e := wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The requested resource does not support http method '%s'.", c.Method)
		e.Header = http.Header{"Allow": {strings.Join(can, ", ")}}
		return e
	}
	last := p.Segments[len(p.Segments)-1].Name
	name, bound := strings.CutPrefix(last, wire.CRMNamespace)
	switch {
	case bound && !schema.PlatformOperations()[name]:
		return wire.NoSegment(last)
	case len(p.Segments) == 1 && strings.HasPrefix(last, "$"):
		return wire.NoSegment(last)
	}
	return wire.NotEmulated(s.engine, p.Route(c.Method))
}

// unheld refuses a path whose first segment is nothing here: the rows of a table that is not held and an operation that is
// not covered by name, what the platform does not have either with 404, whatever its first letter.
func (s *Server) unheld(c *wire.Call) *wire.Error {
	if len(c.Path.Segments) == 0 {
		return nil
	}
	name := c.Path.Segments[0].Name
	if len(c.Path.Segments) == 2 && c.View().Schema.Sets[name] != nil && s.bound(c.Path.Segments[1].Name) {
		// "If you do not include the full name, you will get the following error": use-web-api-actions
		return wire.NewError(http.StatusBadRequest, "0x80060888", "Request message has unresolved parameters.")
	}
	if own, qualified := strings.CutPrefix(name, wire.CRMNamespace); qualified && s.bound(own) {
		return wire.NoSegment(name)
	}
	switch {
	case strings.HasPrefix(name, "$"), wire.DefinitionSets[name]:
		return nil
	case c.View().Schema.Sets[name] != nil:
		return nil
	case schema.PlatformSets()[name]:
		return wire.NotEmulated(s.engine, "the rows of "+name)
	case len(s.allowed(wire.Path{Segments: c.Path.Segments[:1]})) > 1 && wire.IsOperation(name):
		return nil
	case schema.PlatformOperations()[strings.TrimPrefix(name, wire.CRMNamespace)]:
		return wire.NotEmulated(s.engine, name)
	}
	return wire.NoSegment(name)
}

// bound tells whether an operation that is covered is bound to a row or a set.
func (s *Server) bound(name string) bool {
	for _, binding := range []string{"POST set(key)/", "GET set(key)/", "POST set/", "GET set/"} {
		if s.routes[binding+wire.CRMNamespace+name] != nil {
			return true
		}
	}
	return false
}

// exposed are the headers of answers that a script of another origin may read.
const exposed = "Preference-Applied, OData-EntityId, Location, ETag, OData-Version, Content-Encoding, Transfer-Encoding, Content-Length, Retry-After, " +
	"x-ms-ratelimit-time-remaining-xrm-requests, x-ms-ratelimit-burst-remaining-xrm-requests, REQ_ID, x-ms-service-request-id, x-ms-dop-hint, x-ms-file-name, x-ms-file-size, mimetype, x-ms-chunk-size"

// crossOrigin lets scripts of other origins in, as the service does for single-page applications; true if the request asked
// for no more than that. Page: oauth-cross-origin-resource-sharing-connect-single-page-application.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", exposed)
		h.Add("Vary", "Origin")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	can := strings.Join(append(slices.Clone(methods), "HEAD", "OPTIONS"), ", ")
	if rest, found := strings.CutPrefix(r.URL.EscapedPath(), wire.APIRoot); found {
		_, rest, _ = strings.Cut(rest, "/")
		if p, err := wire.ParsePath(rest); err == nil && len(p.Segments) > 0 {
			can = strings.Join(s.allowed(p), ", ")
		}
	}
	h.Set("Allow", can)
	if r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		h.Set("Access-Control-Max-Age", "3600")
	}
	w.WriteHeader(http.StatusOK)
	return true
}

// metadataLevel is how much of what the answer says about itself the caller wants: "" or minimal is the ordinary form.
func metadataLevel(c *wire.Call) string {
	_, level, found := strings.Cut(strings.ReplaceAll(c.Header.Get("Accept"), " ", ""), "odata.metadata=")
	if !found {
		return ""
	}
	level, _, _ = strings.Cut(level, ";")
	level, _, _ = strings.Cut(level, ",")
	return level
}

// withoutMetadata leaves out of an answer what it says about itself, but for the number of rows and the link to the next page.
// Page: compose-http-requests-handle-errors; OData JSON Format, "odata.metadata=none".
func withoutMetadata(a *wire.Answer) *wire.Answer {
	if a.Status >= http.StatusMultipleChoices || a.Header.Get("Content-Type") != "" {
		return a
	}
	b := a.Bytes()
	if len(b) == 0 {
		return a
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return a
	}
	text, err := json.Marshal(stripped(v))
	if err != nil {
		return a
	}
	out := *a
	out.Body = text
	return out.SetHeader("Content-Type", "application/json; odata.metadata=none")
}

func stripped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if _, control, found := strings.Cut(name, "@odata."); found && control != "count" && control != "nextLink" && control != "deltaLink" {
				delete(v, name)
				continue
			}
			v[name] = stripped(v[name])
		}
	case []any:
		for i := range v {
			v[i] = stripped(v[i])
		}
	}
	return v
}
