package conformance

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// item is a row of the suite's own table; an empty text or a nil is null.
type item struct {
	key, name, text string
	number          *int
	amount          string // a decimal, as it is written
	flag            bool
	kind            string // of choice: a position in it
	kinds           string // positions, apart by commas
	day, at         string
	group, code     string
}

func num(n int) *int { return &n }

// items are what the cases read. Their moments are on the same day from eleven hours behind UTC to twelve ahead.
var items = []item{
	{key: "a", name: "Alpha", text: "red", number: num(10), amount: "1.5", flag: true, kind: "0", kinds: "0", day: "2020-01-01", at: "2020-01-01T10:00:00Z", group: "now", code: "C1"},
	{key: "b", name: "Beta", text: "Green", number: num(20), amount: "2.25", kind: "1", kinds: "0,1", day: "2020-02-29", at: "2020-02-29T11:30:00Z", group: "now", code: "C2"},
	{key: "c", name: "Gamma", code: "C3"},
	{key: "d", name: "Delta", text: "blue%", number: num(-5), amount: "0", flag: true, kind: "2", kinds: "2", day: "1999-12-31", at: "1999-12-31T12:00:00Z", group: "d-1", code: "C4"},
	{key: "e", name: "Épsilon", text: "édge", number: num(0), amount: "99999.99", kind: "0", kinds: "1,2", day: "2024-06-15", at: "2024-06-15T09:00:00Z"},
	{key: "f", name: "Zeta", number: num(2000000), amount: "-3.1", flag: true, day: "2020-02-29", group: "w-1", code: "C 5"},
	{key: "g", name: "eta", text: "O'Brien [x]_y", number: num(20), kind: "1", at: "2020-02-29T11:30:00Z", group: "now", code: "C6"},
}

// moment is a row of the suite's second table, at a time from now.
type moment struct {
	name string
	at   func(now time.Time) time.Time
}

// moments are as far from now as their names say: days, weeks, months and years. They keep now's time of day, so that they
// stand as far away in every time zone without a change of clocks.
var moments = []moment{
	{"now", func(t time.Time) time.Time { return t }},
	{"d-1", later(0, 0, -1)}, {"d+1", later(0, 0, 1)},
	{"w-1", later(0, 0, -7)}, {"w+1", later(0, 0, 7)},
	{"m-1", later(0, -1, 0)}, {"m+1", later(0, 1, 0)},
	{"y-1", later(-1, 0, 0)}, {"y+1", later(1, 0, 0)},
	{"y-3", later(-3, 0, 0)}, {"y+3", later(3, 0, 0)},
}

// later adds to a date. A month without that day gives its 28th, so that the month is the right one.
func later(years, months, days int) func(time.Time) time.Time {
	return func(t time.Time) time.Time {
		to := t.AddDate(years, months, days)
		if days == 0 && to.Day() != t.Day() || months != 0 && t.Day() > 28 {
			to = t.AddDate(0, 0, 28-t.Day()).AddDate(years, months, 0)
		}
		return to
	}
}

// monthEnds tells whether somewhere on earth the next month has begun: which one is the last then depends on the time zone
// of the user, and months differ in length.
func monthEnds(now time.Time) bool { return now.Add(14*time.Hour).Month() != now.Month() }

// rowID is the key of a row of the suite, the same in every run.
func rowID(table, n int) string { return fmt.Sprintf("6c0f0000-c0de-4000-8000-%06d%06d", table, n) }

// choice is the value of an option by its position.
func choice(position string) string {
	n, _ := strconv.Atoi(position) // the rows above hold digits
	return strconv.Itoa(optionPrefix*10000 + n)
}

func choicesOf(positions string) string {
	var out []string
	for p := range strings.SplitSeq(positions, ",") {
		out = append(out, choice(p))
	}
	return strings.Join(out, ",")
}

// body is what a create of the row sends.
func (i item) body(id string) map[string]any {
	b := map[string]any{prefix + "_itemid": id, prefix + "_name": i.name, prefix + "_flag": i.flag}
	set := func(column, text string, v any) {
		if text != "" {
			b[prefix+"_"+column] = v
		}
	}
	set("text", i.text, i.text)
	set("amount", i.amount, rawNumber(i.amount))
	set("day", i.day, i.day)
	set("at", i.at, i.at)
	set("code", i.code, i.code)
	if i.kind != "" {
		set("kind", i.kind, rawNumber(choice(i.kind)))
	}
	if i.kinds != "" {
		set("kinds", i.kinds, choicesOf(i.kinds))
	}
	if i.number != nil {
		b[prefix+"_number"] = *i.number
	}
	if i.group != "" {
		b[prefix+"_groupid@odata.bind"] = "/{groups}({" + i.group + "})"
	}
	return b
}
