package conformance

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// quoted are the texts in a body.
var quoted = regexp.MustCompile(`[^"\x00]+`)

// level is what a case needs, and so when it may run.
type level int

const (
	anywhere level = iota // reads what every environment has
	ownRows               // reads the suite's own rows
	writing               // writes rows of its own
)

// Case is something that the service is said to do.
type Case struct {
	Area, Name string
	Page       string // of Microsoft's documentation, or unsaid
	needs      level
	unless     func(now time.Time) bool // it cannot be said then; nil: always
	steps      []step                   // one after the other; the first that differs ends the case
}

// unsaid is the page of what no page says: the emulator assumes it, and only a service can tell.
const unsaid = "no page says: the emulator's assumption"

// step is one request and what its answer must be. Text in braces stands for a variable.
type step struct {
	request
	want want
	save map[string]string // variables from the answer: "key" is the key in OData-EntityId, else a place in the body
}

// want is what an answer must be. What is left out is not looked at.
type want struct {
	status  int
	code    string   // of the error
	rows    []string // values of column in the rows of the answer; nil is not looked at
	column  string   // "" is the name
	ordered bool
	pages   []int    // how many rows the pages have, following the links
	shape   []string // "place kind" or "place = value" in the body, places apart by blanks: see check.go
	header  []string // the same of headers
	text    string   // kind of the text, or "= value"
	parts   string   // statuses of a batch's answer
}

// list collects the cases of one area.
type list struct {
	area  string
	needs level
	cases []Case
}

func (l *list) add(name, page string, steps ...step) {
	l.cases = append(l.cases, Case{Area: l.area, Name: name, Page: page, needs: l.needs, steps: steps})
}

// get is a GET; headers come in pairs.
func get(path string, w want, headers ...string) step { return send("GET", path, "", w, headers...) }

// send is any request; headers come in pairs.
func send(method, path, body string, w want, headers ...string) step {
	s := step{request: request{method: method, path: path, body: body}, want: w}
	for i := 0; i+1 < len(headers); i += 2 {
		if s.header == nil {
			s.header = map[string]string{}
		}
		s.header[headers[i]] = headers[i+1]
	}
	return s
}

// saving keeps variables of the answer: names and places in turn.
func (s step) saving(names ...string) step {
	s.save = map[string]string{}
	for i := 0; i+1 < len(names); i += 2 {
		s.save[names[i]] = names[i+1]
	}
	return s
}

// ok is an answer 200 of that shape.
func ok(shape ...string) want { return want{status: 200, shape: shape} }

// done is an answer 204 without a body.
func done() want { return want{status: 204, text: "= "} }

// refused is an error.
func refused(status int, code string) want { return want{status: status, code: code} }

// named are rows by their names, in any order.
func named(names ...string) want { return want{status: 200, rows: append([]string{}, names...)} }

// inOrder are rows by their names, in that order.
func inOrder(names ...string) want {
	return want{status: 200, rows: append([]string{}, names...), ordered: true}
}

// shaped looks at the shape as well.
func (w want) shaped(shape ...string) want { w.shape = shape; return w }

// headed looks at headers as well.
func (w want) headed(header ...string) want { w.header = header; return w }

// vars are the variables of a run.
type vars map[string]string

// fill puts the variables in, also where a brace is encoded.
func (v vars) fill(text string) string {
	pairs := make([]string, 0, 4*len(v))
	for name, value := range v {
		pairs = append(pairs, "{"+name+"}", value, "%7B"+name+"%7D", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (v vars) request(r request) request {
	out := request{method: r.method, path: v.fill(r.path), body: v.fill(r.body)}
	if r.header != nil {
		out.header = map[string]string{}
		for name, value := range r.header {
			out.header[name] = v.fill(value)
		}
	}
	return out
}

// known are the texts of a case and of the suite's rows, each between zeros: what a report may name.
func (c Case) known(v vars) string {
	var b strings.Builder
	add := func(texts ...string) {
		for _, t := range texts {
			b.WriteString("\x00" + t + "\x00")
		}
	}
	for _, i := range items {
		add(i.name, i.text, i.code)
	}
	for _, m := range moments {
		add(m.name)
	}
	for _, s := range c.steps {
		add(s.want.rows...)
		add(quoted.FindAllString(v.fill(s.body), -1)...)
		for _, line := range slices.Concat(s.want.shape, s.want.header) {
			_, _, value := expected(line)
			add(v.fill(value))
		}
	}
	add("4.0", "return=representation", "application/json; odata.metadata=minimal")
	return b.String()
}
