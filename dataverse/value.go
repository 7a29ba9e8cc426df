package dataverse

import (
	"strconv"
	"time"
	"unsafe"

	"github.com/google/uuid"
)

type valueKind uint8

const (
	kindNull valueKind = iota // also: absent
	kindFalse
	kindTrue
	kindNumber
	kindText
	kindOther // an object or an array
)

// Value is one column of a row that [Client.Scan] hands out. It is valid during that call only; what outlives the
// call must be copied. The zero Value is null.
type Value struct {
	kind valueKind
	b    []byte // the text without quotes and escapes; otherwise the JSON
}

// Null tells that the column is null or was left out.
func (v Value) Null() bool { return v.kind == kindNull }

// Text is the column's text, or the JSON of what is not a text; nil for null.
func (v Value) Text() []byte { return v.b }

// String copies the text.
func (v Value) String() string { return string(v.b) }

// NewText is a value of that text, NewNumber of a whole number as it is printed, NewBool of a truth. They keep what they are given.
func NewText(text []byte) Value { return Value{kind: kindText, b: text} }

// NewNumber is described at [NewText].
func NewNumber(printed []byte) Value { return Value{kind: kindNumber, b: printed} }

// NewBool is described at [NewText].
func NewBool(truth bool) Value {
	if truth {
		return Value{kind: kindTrue, b: []byte("true")}
	}
	return Value{kind: kindFalse, b: []byte("false")}
}

// IsText tells that the column holds a text, be it an id or a date.
func (v Value) IsText() bool { return v.kind == kindText }

// GUID is the column's id; ok is false for null and for anything that is not an id.
func (v Value) GUID() (id uuid.UUID, ok bool) {
	if v.kind != kindText {
		return id, false
	}
	id, err := uuid.ParseBytes(v.b)
	return id, err == nil
}

// Bool is the column's truth; ok is false when it holds none.
func (v Value) Bool() (truth, ok bool) {
	return v.kind == kindTrue, v.kind == kindTrue || v.kind == kindFalse
}

// Int is the column's whole number; ok is false when it holds none.
func (v Value) Int() (n int64, ok bool) {
	if v.kind != kindNumber || len(v.b) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(unsafe.String(&v.b[0], len(v.b)), 10, 64)
	return n, err == nil
}

// Time is the column's instant, or midnight UTC of its date; ok is false when it holds neither.
func (v Value) Time() (t time.Time, ok bool) {
	if v.kind != kindText {
		return t, false
	}
	return parseTime(v.b)
}

// parseTime reads the two forms that Dataverse prints, 2026-11-24 and 2026-11-24T08:00:00Z, without an allocation,
// and leaves fractions and offsets to the time package.
func parseTime(b []byte) (time.Time, bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return time.Time{}, false
	}
	year, ok1 := digits(b[:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 {
		return time.Time{}, false
	}
	var hour, minute, second int
	switch {
	case len(b) == 10:
	case len(b) == 20 && b[10] == 'T' && b[13] == ':' && b[16] == ':' && b[19] == 'Z':
		if hour, ok1 = digits(b[11:13]); !ok1 {
			return time.Time{}, false
		}
		if minute, ok2 = digits(b[14:16]); !ok2 {
			return time.Time{}, false
		}
		if second, ok3 = digits(b[17:19]); !ok3 {
			return time.Time{}, false
		}
	default:
		t, err := time.Parse(time.RFC3339, string(b))
		return t.UTC(), err == nil
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// time.Date normalises 31 February to March: such a text is no date.
	y, m, d := t.Date()
	if y != year || int(m) != month || d != day || t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		return time.Time{}, false
	}
	return t, true
}

func digits(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
