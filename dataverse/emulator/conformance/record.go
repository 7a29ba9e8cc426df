package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Difference is an answer that is not what the case says. It names the request as the case has it, with its variables, and
// holds nothing that was read: see [Report].
type Difference struct {
	Area     string            `json:"area"`
	Case     string            `json:"case"`
	Page     string            `json:"page"`
	Step     int               `json:"step,omitempty"` // from 1, of a case with several requests
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"`
	Want     Outcome           `json:"want"`
	Got      *Outcome          `json:"got,omitempty"` // nothing if there was no answer
	Problems []string          `json:"problems"`
}

// Outcome is what an answer is, in short.
type Outcome struct {
	Status int      `json:"status"`
	Code   string   `json:"code,omitempty"`
	Rows   []string `json:"rows,omitempty"`
	Shape  []string `json:"shape,omitempty"`
}

// longest is how much of a path or a body a difference holds: some cases send what is too large.
const longest = 2000

func shortened(s string) string {
	if len(s) <= longest {
		return s
	}
	return fmt.Sprintf("%s… (%d characters)", s[:longest], len(s))
}

func difference(c Case, i int, a *answer, problems []string) Difference {
	s := c.steps[i]
	d := Difference{Area: c.Area, Case: c.Name, Page: c.Page, Method: s.method, Path: shortened(s.path), Headers: s.header, Body: shortened(s.body), Problems: problems,
		Want: Outcome{Status: s.want.status, Code: s.want.code, Rows: s.want.rows, Shape: slices.Concat(s.want.shape, s.want.header)}}
	if len(c.steps) > 1 {
		d.Step = i + 1
	}
	if a != nil {
		d.Got = &Outcome{Status: a.status, Code: codeOf(a)}
	}
	return d
}

// String is the difference in a line or two.
func (d Difference) String() string {
	step := ""
	if d.Step > 0 {
		step = fmt.Sprintf(" (request %d)", d.Step)
	}
	path := d.Path
	if len(path) > 200 {
		path = path[:200] + "…"
	}
	return fmt.Sprintf("%s: %s%s: %s\n\t%s %s\n\tpage: %s", d.Area, d.Case, step, strings.Join(d.Problems, "; "), d.Method, path, d.Page)
}

// Record writes the differences as JSON lines.
func (r Report) Record(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, d := range r.Differences {
		if err := e.Encode(d); err != nil {
			return fmt.Errorf("write the record: %w", err)
		}
	}
	return nil
}

// Summary is the report by area, a line each.
func (r Report) Summary() string {
	differ, assumed := map[string]int{}, map[string]int{}
	for _, d := range r.Differences {
		differ[d.Area]++
		if d.Page == unsaid {
			assumed[d.Area]++
		}
	}
	var b strings.Builder
	all := 0
	for _, area := range slices.SortedFunc(maps.Keys(r.Cases), func(a, b string) int { return cmp.Or(differ[b]-differ[a], strings.Compare(a, b)) }) {
		all += r.Cases[area]
		fmt.Fprintf(&b, "%-24s %4d cases", area, r.Cases[area])
		if n := differ[area]; n > 0 {
			fmt.Fprintf(&b, ", %d differ", n)
			if assumed[area] > 0 {
				fmt.Fprintf(&b, ", of which %d where no page says what is right", assumed[area])
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%-24s %4d cases, %d differ; %d requests; service version %s\n", "all", all, len(r.Differences), r.Requests, r.Version)
	if r.LeftOut > 0 {
		fmt.Fprintf(&b, "%d cases left out: in some time zone another month has begun\n", r.LeftOut)
	}
	for _, l := range r.Left {
		fmt.Fprintf(&b, "not removed: %s\n", l)
	}
	return b.String()
}
