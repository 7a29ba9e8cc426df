package retention

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Coarse is how a value is made so coarse that it points at nobody: a date to its year, a text to its first letters, a number to
// the step that it lies in. Statistics need no more. The zero Coarse is none.
type Coarse struct {
	Unit string // of a date: month, quarter, year or decade
	Step int    // how many letters of a text stay; of a number, what it is a multiple of
}

// ParseCoarse reads a unit or a number.
func ParseCoarse(text string) (Coarse, error) {
	switch text = strings.TrimSpace(text); text {
	case "month", "quarter", "year", "decade":
		return Coarse{Unit: text}, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 1_000_000_000 {
		return Coarse{Step: n}, nil
	}
	return Coarse{}, fmt.Errorf("%q is neither month, quarter, year, decade nor a number of letters, or of what a number is rounded down to", text)
}

// String is the form that is read.
func (c Coarse) String() string {
	if c.Unit != "" {
		return c.Unit
	}
	return strconv.Itoa(c.Step)
}

// MarshalText writes the form of String.
func (c Coarse) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the form of String.
func (c *Coarse) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCoarse(string(b))
	return err
}

// Text is the beginning of a text.
func (c Coarse) Text(s string) string {
	r := []rune(strings.TrimSpace(s))
	return strings.TrimSpace(string(r[:min(c.Step, len(r))]))
}

// Date is the value of a date column, made coarse: the first day of the unit, at noon UTC where the column has a time, which is that
// day nearly everywhere. A value that cannot be read becomes none.
func (c Coarse) Date(text string, b DateBehavior, zone *time.Location) string {
	d, ok := b.Date(text, zone)
	if !ok {
		return ""
	}
	year, month, _ := d.Time().Date()
	switch c.Unit {
	case "quarter":
		month -= (month - 1) % 3
	case "year":
		month = time.January
	case "decade":
		year, month = year-year%10, time.January
	}
	first := NewDate(max(year, 1753), month, 1).String()
	if b == DateOnly {
		return first
	}
	return first + "T12:00:00Z"
}

// Number rounds down to a multiple of the step.
func (c Coarse) Number(v float64) float64 { return math.Floor(v/float64(c.Step)) * float64(c.Step) }
