package store

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// numbers are the next numbers of columns with an AutoNumberFormat. As in the service they are used up even where the row is not
// made in the end.
type numbers struct {
	mu   sync.Mutex
	next map[string]int64
}

// firstNumber is where a column's numbers begin. Page: create-auto-number-attributes.
const firstNumber = 1000

// Number takes the next number of a column.
func (e *Engine) Number(table, column string) int64 {
	e.numbers.mu.Lock()
	defer e.numbers.mu.Unlock()
	if e.numbers.next == nil {
		e.numbers.next = map[string]int64{}
	}
	key := table + "." + column
	if e.numbers.next[key] == 0 {
		e.numbers.next[key] = firstNumber
	}
	n := e.numbers.next[key]
	e.numbers.next[key]++
	return n
}

var numberParts = regexp.MustCompile(`\{(SEQNUM|RANDSTRING):(\d+)\}|\{DATETIMEUTC:([^}]+)\}`)

// ValidNumberFormat tells whether a text is an AutoNumberFormat: it has at most one number, and knows its parts.
func ValidNumberFormat(format string) bool {
	rest := numberParts.ReplaceAllString(format, "")
	return !strings.ContainsAny(rest, "{}") && strings.Count(format, "{SEQNUM:") <= 1 && numberParts.MatchString(format)
}

// AutoNumber is a text by a format such as CAR-{SEQNUM:4}-{RANDSTRING:6}-{DATETIMEUTC:yyyyMMddhhmmss}.
func (e *Engine) AutoNumber(table, column, format string) string {
	return numberParts.ReplaceAllStringFunc(format, func(part string) string {
		m := numberParts.FindStringSubmatch(part)
		length, _ := strconv.Atoi(m[2])
		switch m[1] {
		case "SEQNUM":
			return fmt.Sprintf("%0*d", length, e.Number(table, column))
		case "RANDSTRING":
			b := make([]byte, length)
			for i := range b {
				b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[rand.IntN(36)]
			}
			return string(b)
		}
		return netDate(e.Clock.Now().UTC(), m[3])
	})
}

// netDate writes a moment by a format of .NET.
func netDate(t time.Time, format string) string {
	return t.Format(strings.NewReplacer("yyyy", "2006", "yy", "06", "MM", "01", "dd", "02", "HH", "15", "hh", "03", "mm", "04", "ss", "05").Replace(format))
}
