package retention

import "time"

// DateBehavior is how a column's value becomes a calendar date.
type DateBehavior uint8

// The behaviours of Dataverse's date columns.
const (
	DateOnly            DateBehavior = iota // 2026-11-24: that date everywhere
	TimeZoneIndependent                     // 2026-11-24T16:00:00Z: the date that it reads, in spite of the Z
	UserLocal                               // 2026-11-24T23:30:00Z: an instant, its date in the policy's time zone
)

// Date is the calendar date of a value as the service writes it; false if it is none.
func (b DateBehavior) Date(text string, zone *time.Location) (Date, bool) {
	return b.Read([]byte(text), zone)
}

// Read is Date for the bytes of an answer: the two forms that the service writes cost no memory.
func (b DateBehavior) Read(text []byte, zone *time.Location) (Date, bool) {
	if len(text) < len(time.DateOnly) {
		return 0, false
	}
	d, ok := readDate(text[:len(time.DateOnly)])
	if b != UserLocal || len(text) == len(time.DateOnly) {
		return d, ok
	}
	if len(text) == len("2006-01-02T15:04:05Z") && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text[19] == 'Z' {
		hour, ok1 := digits(text[11:13])
		minute, ok2 := digits(text[14:16])
		second, ok3 := digits(text[17:19])
		if !ok || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
			return 0, false
		}
		instant := (int64(d)-epochDay)*secondsPerDay + int64(hour*3600+minute*60+second)
		return DateOf(time.Unix(instant, 0), zone), true
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return 0, false
	}
	return DateOf(t, zone), true
}

// readDate reads YYYY-MM-DD.
func readDate(b []byte) (Date, bool) {
	year, ok1 := digits(b[:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 || b[4] != '-' || b[7] != '-' || year < 1 || month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	d := NewDate(year, time.Month(month), day)
	if _, _, got := d.Time().Date(); got != day { // 31 February rolls over
		return 0, false
	}
	return d, true
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
