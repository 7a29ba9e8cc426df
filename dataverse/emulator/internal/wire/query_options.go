package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
)

// QueryOptions are the options of a request's query string.
type QueryOptions struct {
	Values  map[string]string
	order   []rawOption
	Aliases map[string]odata.Expr
}

// rawOption is an option as it came, for links.
type rawOption struct{ name, raw string }

const (
	maxURL      = 32768 // webapi/query/overview
	MaxBatchURL = 65536 // of a GET inside a batch
)

// unsupportedOptions are refused by name (webapi/query/overview).
var unsupportedOptions = map[string]string{
	"$skip":   "Skip Clause is not supported in CRM",
	"$search": "The query parameter $search is not supported.",
	"$format": "The query parameter $format is not supported.",
}

// ReadOptions reads the query string. The names of options are case-sensitive; only those in allowed may stand there,
// beside parameter aliases.
func ReadOptions(c *Call, allowed ...string) (*QueryOptions, error) {
	limit := maxURL
	if c.Part {
		limit = MaxBatchURL
		if n := c.Engine.Options.MaxBatchURL; n > 0 {
			limit = n
		}
	}
	if len(c.Raw)+len(c.Base)+len(c.Address()) > limit {
		return nil, NewError(http.StatusRequestURITooLong, "0x80060888", "The request URI is longer than %d characters.", limit)
	}
	o := &QueryOptions{Values: map[string]string{}, Aliases: map[string]odata.Expr{}}
	for part := range strings.SplitSeq(c.Raw, "&") {
		if part == "" {
			continue
		}
		name, raw, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(name)
		if err != nil {
			return nil, BadQuery("The query string is not valid.")
		}
		value, err := url.QueryUnescape(raw)
		if err != nil {
			return nil, BadQuery("The query string is not valid.")
		}
		key = strings.TrimSpace(key)
		if alias, ok := strings.CutPrefix(key, "@"); ok {
			x, err := odata.ParseValue(value)
			if err != nil {
				return nil, QueryError(err)
			}
			o.Aliases[alias] = x
			o.order = append(o.order, rawOption{key, part})
			continue
		}
		if err := allow(key, allowed); err != nil {
			return nil, err
		}
		if _, twice := o.Values[key]; twice {
			return nil, BadQuery("Query option '%s' was specified more than once, but it must be specified at most once.", key)
		}
		o.Values[key] = value
		o.order = append(o.order, rawOption{key, part})
	}
	return o, nil
}

func allow(name string, allowed []string) error {
	for _, a := range allowed {
		if a == name {
			return nil
		}
	}
	switch name {
	case "tag": // read by plug-ins only (optional-parameters)
		return nil
	}
	if text, ok := unsupportedOptions[name]; ok {
		return BadQuery("%s", text)
	}
	return BadQuery("The query parameter %s is not supported.", name)
}

// Has tells whether the option is given.
func (o *QueryOptions) Has(name string) bool { _, ok := o.Values[name]; return ok }

// Link is the options again, without those named, for a link.
func (o *QueryOptions) Link(without ...string) string {
	var parts []string
next:
	for _, x := range o.order {
		for _, w := range without {
			if x.name == w {
				continue next
			}
		}
		parts = append(parts, x.raw)
	}
	return strings.Join(parts, "&")
}

// Flag reads a boolean option.
func (o *QueryOptions) Flag(name string) (bool, error) {
	switch v := o.Values[name]; {
	case !o.Has(name), v == "false":
		return false, nil
	case v == "true":
		return true, nil
	default:
		return false, BadQuery("Invalid value '%s' for %s query option found. Valid values are 'true' or 'false'.", v, name)
	}
}

// Top reads $top; -1 if it is not given.
func (o *QueryOptions) Top() (int, error) {
	if !o.Has("$top") {
		return -1, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(o.Values["$top"]))
	if err != nil || n < 0 {
		return 0, BadQuery("Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", o.Values["$top"])
	}
	return n, nil
}

// Address is the path below the service root as it stands in links.
func (c *Call) Address() string {
	var b strings.Builder
	for i, s := range c.Path.Segments {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(s.Name)
		if s.HasKey {
			b.WriteString("(" + EscapeOption(s.Key) + ")")
		}
	}
	return b.String()
}

// EscapeOption percent-encodes what may not stand in a query string.
func EscapeOption(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c > ' ' && c < 0x7f && !strings.ContainsRune(`"#%&+<>\^`+"`{|}", rune(c)):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
