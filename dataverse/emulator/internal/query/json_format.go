package query

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Formatted values, in the formats of an English (United States) user (webapi/query/select-columns). Texts and ids have
// none.

// AppendFormatted writes the formatted value of v without its quotes; it writes nothing where there is none.
func (e *Env) AppendFormatted(b []byte, t *schema.Table, r *store.Row, c *schema.Column, v any) []byte {
	switch v := v.(type) {
	case int64:
		switch c.Kind {
		case schema.KindPicklist, schema.KindState, schema.KindStatus:
			if o := c.Option(int(v)); o != nil {
				return AppendEscaped(b, o.Label)
			}
			return b
		}
		return appendThousands(b, v, c)
	case bool:
		return AppendEscaped(b, boolLabel(c, v))
	case store.Instant:
		if c.Behavior != "TimeZoneIndependent" {
			return v.Time().In(e.Zone).AppendFormat(b, dateLayout(c))
		}
		return v.Time().AppendFormat(b, dateLayout(c))
	case store.Day:
		return v.Time().AppendFormat(b, "1/2/2006")
	case float64:
		return e.appendAmount(b, t, r, c, v)
	case string:
		return e.appendLabels(b, c, v)
	}
	return b
}

func dateLayout(c *schema.Column) string {
	if c.Format == "DateOnly" {
		return "1/2/2006"
	}
	return "1/2/2006 3:04 PM"
}

func boolLabel(c *schema.Column, v bool) string {
	n := 0
	if v {
		n = 1
	}
	if o := c.Option(n); o != nil {
		return o.Label
	}
	return [...]string{"No", "Yes"}[n]
}

// appendLabels writes the labels of several choices, or of a table's name.
func (e *Env) appendLabels(b []byte, c *schema.Column, v string) []byte {
	switch c.Kind {
	case schema.KindMultiSelect:
		for i, part := range strings.Split(v, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			o := c.Option(n)
			if err != nil || o == nil {
				continue
			}
			if i > 0 {
				b = append(b, "; "...)
			}
			b = AppendEscaped(b, o.Label)
		}
	case schema.KindEntityName:
		if t := e.Snap.Schema.Tables[v]; t != nil {
			if t.Label != "" {
				return AppendEscaped(b, t.Label)
			}
			return AppendEscaped(b, t.SchemaName)
		}
	}
	return b
}

// AppendEscaped appends s escaped as in a JSON string, without the quotes.
func AppendEscaped(b []byte, s string) []byte {
	start := len(b)
	b = AppendJSON(b, s)
	copy(b[start:], b[start+1:len(b)-1])
	return b[:len(b)-2]
}

// appendThousands writes 9500 as 9,500. Numbers that stand for something else are written as they are.
func appendThousands(b []byte, n int64, c *schema.Column) []byte {
	switch c.Format {
	case "TimeZone", "Language", "Locale", "Duration":
		return strconv.AppendInt(b, n, 10)
	}
	return groupDigits(b, strconv.FormatInt(n, 10))
}

// groupDigits puts a comma before every third digit of the whole part.
func groupDigits(b []byte, s string) []byte {
	if strings.HasPrefix(s, "-") {
		b, s = append(b, '-'), s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	for i, d := range []byte(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, d)
	}
	if fraction != "" {
		b = append(append(b, '.'), fraction...)
	}
	return b
}

func (e *Env) appendAmount(b []byte, t *schema.Table, r *store.Row, c *schema.Column, v float64) []byte {
	digits := 2
	if c.Precision != nil {
		digits = *c.Precision
	}
	if c.Kind != schema.KindMoney {
		return groupDigits(b, strconv.FormatFloat(v, 'f', digits, 64))
	}
	symbol := "$"
	if s, precision, ok := e.currency(t, r, c); ok {
		symbol, digits = s, precision
	}
	if v < 0 && math.Abs(v) > 0 {
		// negative amounts stand in parentheses, as organizations are set up to begin with
		b = append(AppendEscaped(append(b, '('), symbol), groupDigits(nil, strconv.FormatFloat(-v, 'f', digits, 64))...)
		return append(b, ')')
	}
	return groupDigits(AppendEscaped(b, symbol), strconv.FormatFloat(v, 'f', digits, 64))
}

// currency is the symbol and the precision of the row's currency; of the organisation's for a _base column.
func (e *Env) currency(t *schema.Table, r *store.Row, c *schema.Column) (string, int, bool) {
	currencies := e.Snap.Schema.Tables["transactioncurrency"]
	if currencies == nil || t == nil {
		return "", 0, false
	}
	var id uuid.UUID
	if strings.HasSuffix(c.Name, "_base") {
		if org := e.Snap.Schema.Tables["organization"]; org != nil {
			e.liveRows(org).Scan(e, uuid.Nil, func(o *store.Row) bool {
				id, _ = store.TargetID(o.Get(org.ByName["basecurrencyid"].Index))
				return false
			})
		}
	} else if link := t.ByName["transactioncurrencyid"]; link != nil && r != nil {
		id, _ = store.TargetID(r.Get(link.Index))
	}
	found := e.liveRows(currencies).Get(e, id)
	if found == nil {
		return "", 0, false
	}
	symbol, _ := found.Get(currencies.ByName["currencysymbol"].Index).(string)
	precision := 2
	if p, ok := found.Get(currencies.ByName["currencyprecision"].Index).(int64); ok {
		precision = int(p)
	}
	return symbol, precision, symbol != ""
}

// utf8BOM precedes the digits of a counted collection (webapi/query/count-rows).
var utf8BOM = []byte{0xEF, 0xBB, 0xBF}

// withBOM is n as text with a byte order mark.
func withBOM(n int) []byte { return append(bytes.Clone(utf8BOM), strconv.Itoa(n)...) }
