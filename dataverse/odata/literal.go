package odata

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Kind is the kind of a literal, by how it is written.
type Kind uint8

// The kinds of literals, each with the Go type of its Value.
const (
	Null           Kind = iota // nil
	Bool                       // bool
	Int                        // int64
	Decimal                    // json.Number: exactly what was written
	String                     // string
	GUID                       // uuid.UUID
	Date                       // time.Time, midnight UTC
	DateTimeOffset             // time.Time in UTC; without an offset the text means UTC
	Enum                       // EnumValue, in queries of metadata
)

var kindNames = [...]string{Null: "<null>", Bool: "Edm.Boolean", Int: "Edm.Int32", Decimal: "Edm.Decimal", String: "Edm.String",
	GUID: "Edm.Guid", Date: "Edm.Date", DateTimeOffset: "Edm.DateTimeOffset", Enum: "Edm.Enum"}

func (k Kind) String() string { return kindNames[k] }

// Literal is a value written in the query.
type Literal struct {
	Position
	Kind  Kind
	Value any
}

// EnumValue is a member of an enumeration, Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'.
type EnumValue struct {
	Type   string // without the namespace
	Member string
}

// Text is the literal's value as text, without quotes: what a query function takes.
func (l *Literal) Text() string {
	switch v := l.Value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case json.Number:
		return v.String()
	case string:
		return v
	case uuid.UUID:
		return v.String()
	case time.Time:
		if l.Kind == Date {
			return v.Format(time.DateOnly)
		}
		return v.UTC().Format("2006-01-02T15:04:05.999999999Z")
	case EnumValue:
		return v.Member
	}
	return ""
}

// Quote writes s as a string literal.
func Quote(s string) string { return string(appendQuoted(nil, s)) }

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '\'')
	for {
		i := strings.IndexByte(s, '\'')
		if i < 0 {
			break
		}
		b = append(append(b, s[:i]...), '\'', '\'')
		s = s[i+1:]
	}
	return append(append(b, s...), '\'')
}

// parseWord reads what begins with a digit or a sign: a number, a date, a moment or a GUID.
func parseWord(s string) (Kind, any, bool) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && isGUID(s) {
		return GUID, uuid.MustParse(s), true
	}
	if len(s) >= 10 && s[4] == '-' && s[7] == '-' {
		if len(s) == 10 {
			t, err := time.Parse(time.DateOnly, s)
			return Date, t, err == nil
		}
		t, ok := parseMoment(s)
		return DateTimeOffset, t, ok
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && s[0] != '+' {
		return Int, n, true
	}
	return Decimal, json.Number(s), isNumber(s)
}

// parseMoment takes seconds, fraction and offset as optional: a moment without an offset is UTC
// (behavior-format-date-time-attribute).
func parseMoment(s string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return t, t.Year() >= 1 && t.Year() <= 9999
		}
	}
	return time.Time{}, false
}

// isNumber tells whether s is a number of JSON.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := digits(s)
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	s = s[n:]
	if strings.HasPrefix(s, ".") {
		n = digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n = digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

func digits(s string) int {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < 36; i++ {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'):
			return false
		}
	}
	return true
}
