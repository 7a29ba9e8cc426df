package emulator

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Formatted values, in the formats of an English (United States) user (webapi/query/select-columns). Texts and ids have
// none.

// appendFormatted writes the formatted value of v without its quotes; it writes nothing where there is none.
func (e *env) appendFormatted(b []byte, t *table, r *row, c *column, v any) []byte {
	switch v := v.(type) {
	case int64:
		switch c.kind {
		case kindPicklist, kindState, kindStatus:
			if o := c.option(int(v)); o != nil {
				return appendInner(b, o.Label)
			}
			return b
		}
		return appendThousands(b, v, c)
	case bool:
		return appendInner(b, c.boolLabel(v))
	case instant:
		if c.Behavior != "TimeZoneIndependent" {
			return v.time().In(e.zone).AppendFormat(b, c.dateLayout())
		}
		return v.time().AppendFormat(b, c.dateLayout())
	case day:
		return v.time().AppendFormat(b, "1/2/2006")
	case float64:
		return e.appendAmount(b, t, r, c, v)
	case string:
		return e.appendLabels(b, c, v)
	}
	return b
}

func (c *column) dateLayout() string {
	if c.Format == "DateOnly" {
		return "1/2/2006"
	}
	return "1/2/2006 3:04 PM"
}

func (c *column) boolLabel(v bool) string {
	n := 0
	if v {
		n = 1
	}
	if o := c.option(n); o != nil {
		return o.Label
	}
	return [...]string{"No", "Yes"}[n]
}

// appendLabels writes the labels of several choices, or of a table's name.
func (e *env) appendLabels(b []byte, c *column, v string) []byte {
	switch c.kind {
	case kindMultiSelect:
		for i, part := range strings.Split(v, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			o := c.option(n)
			if err != nil || o == nil {
				continue
			}
			if i > 0 {
				b = append(b, "; "...)
			}
			b = appendInner(b, o.Label)
		}
	case kindEntityName:
		if t := e.snap.schema.tables[v]; t != nil {
			if t.Label != "" {
				return appendInner(b, t.Label)
			}
			return appendInner(b, t.SchemaName)
		}
	}
	return b
}

// appendInner writes s as in a JSON string.
func appendInner(b []byte, s string) []byte {
	start := len(b)
	b = appendJSON(b, s)
	copy(b[start:], b[start+1:len(b)-1])
	return b[:len(b)-2]
}

// appendThousands writes 9500 as 9,500. Numbers that stand for something else are written as they are.
func appendThousands(b []byte, n int64, c *column) []byte {
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

func (e *env) appendAmount(b []byte, t *table, r *row, c *column, v float64) []byte {
	digits := 2
	if c.Precision != nil {
		digits = *c.Precision
	}
	if c.kind != kindMoney {
		return groupDigits(b, strconv.FormatFloat(v, 'f', digits, 64))
	}
	symbol := "$"
	if s, precision, ok := e.currency(t, r, c); ok {
		symbol, digits = s, precision
	}
	if v < 0 && math.Abs(v) > 0 {
		// negative amounts stand in parentheses, as organizations are set up to begin with
		b = append(appendInner(append(b, '('), symbol), groupDigits(nil, strconv.FormatFloat(-v, 'f', digits, 64))...)
		return append(b, ')')
	}
	return groupDigits(appendInner(b, symbol), strconv.FormatFloat(v, 'f', digits, 64))
}

// currency is the symbol and the precision of the row's currency; of the organisation's for a _base column.
func (e *env) currency(t *table, r *row, c *column) (string, int, bool) {
	currencies := e.snap.schema.tables["transactioncurrency"]
	if currencies == nil || t == nil {
		return "", 0, false
	}
	var id uuid.UUID
	if strings.HasSuffix(c.Name, "_base") {
		if org := e.snap.schema.tables["organization"]; org != nil {
			e.live(org).scan(uuid.Nil, func(o *row) bool {
				id, _ = pointsAt(o.get(org.byName["basecurrencyid"].index))
				return false
			})
		}
	} else if link := t.byName["transactioncurrencyid"]; link != nil && r != nil {
		id, _ = pointsAt(r.get(link.index))
	}
	found := e.live(currencies).get(e, id)
	if found == nil {
		return "", 0, false
	}
	symbol, _ := found.get(currencies.byName["currencysymbol"].index).(string)
	precision := 2
	if p, ok := found.get(currencies.byName["currencyprecision"].index).(int64); ok {
		precision = int(p)
	}
	return symbol, precision, symbol != ""
}

// utf8BOM precedes the digits of a counted collection (webapi/query/count-rows).
var utf8BOM = []byte{0xEF, 0xBB, 0xBF}

// withBOM is n as text with a byte order mark.
func withBOM(n int) []byte { return append(bytes.Clone(utf8BOM), strconv.Itoa(n)...) }
