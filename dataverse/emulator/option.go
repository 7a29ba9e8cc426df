package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
)

// queryOptions are the options of a request's query string.
type queryOptions struct {
	values  map[string]string
	order   []rawOption
	aliases map[string]odata.Expr
}

// rawOption is an option as it came, for links.
type rawOption struct{ name, raw string }

const (
	maxURL      = 32768 // webapi/query/overview
	maxBatchURL = 65536 // of a GET inside a batch
)

// unsupportedOptions are refused by name (webapi/query/overview).
var unsupportedOptions = map[string]string{
	"$skip":   "Skip Clause is not supported in CRM",
	"$search": "The query parameter $search is not supported.",
	"$format": "The query parameter $format is not supported.",
}

// readOptions reads the query string. The names of options are case-sensitive; only those in allowed may stand there,
// beside parameter aliases.
func readOptions(c *call, allowed ...string) (*queryOptions, error) {
	limit := maxURL
	if c.part {
		limit = maxBatchURL
		if n := c.engine.options.MaxBatchURL; n > 0 {
			limit = n
		}
	}
	if len(c.raw)+len(c.base)+len(c.address()) > limit {
		return nil, newFault(http.StatusRequestURITooLong, "0x80060888", "The request URI is longer than %d characters.", limit)
	}
	o := &queryOptions{values: map[string]string{}, aliases: map[string]odata.Expr{}}
	for part := range strings.SplitSeq(c.raw, "&") {
		if part == "" {
			continue
		}
		name, raw, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(name)
		if err != nil {
			return nil, badQuery("The query string is not valid.")
		}
		value, err := url.QueryUnescape(raw)
		if err != nil {
			return nil, badQuery("The query string is not valid.")
		}
		key = strings.TrimSpace(key)
		if alias, ok := strings.CutPrefix(key, "@"); ok {
			x, err := odata.ParseValue(value)
			if err != nil {
				return nil, queryFault(err)
			}
			o.aliases[alias] = x
			o.order = append(o.order, rawOption{key, part})
			continue
		}
		if err := allow(key, allowed); err != nil {
			return nil, err
		}
		if _, twice := o.values[key]; twice {
			return nil, badQuery("Query option '%s' was specified more than once, but it must be specified at most once.", key)
		}
		o.values[key] = value
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
		return badQuery("%s", text)
	}
	return badQuery("The query parameter %s is not supported.", name)
}

func (o *queryOptions) has(name string) bool { _, ok := o.values[name]; return ok }

// link is the options again, without those named, for a link.
func (o *queryOptions) link(without ...string) string {
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

// flag reads a boolean option.
func (o *queryOptions) flag(name string) (bool, error) {
	switch v := o.values[name]; {
	case !o.has(name), v == "false":
		return false, nil
	case v == "true":
		return true, nil
	default:
		return false, badQuery("Invalid value '%s' for %s query option found. Valid values are 'true' or 'false'.", v, name)
	}
}

// top reads $top; -1 if it is not given.
func (o *queryOptions) top() (int, error) {
	if !o.has("$top") {
		return -1, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(o.values["$top"]))
	if err != nil || n < 0 {
		return 0, badQuery("Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", o.values["$top"])
	}
	return n, nil
}

// address is the path below the service root as it stands in links.
func (c *call) address() string {
	var b strings.Builder
	for i, s := range c.path.segments {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(s.name)
		if s.hasKey {
			b.WriteString("(" + escapeOption(s.key) + ")")
		}
	}
	return b.String()
}

// escapeOption percent-encodes what may not stand in a query string.
func escapeOption(s string) string {
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

const hexDigits = "0123456789abcdef"
