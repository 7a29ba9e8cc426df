package emulator

import "slices"

// forms are the forms that the rows of a table have, each once: a row whose form is among them shares it with others and
// finds its values without a search. Only the writer looks into it.
type forms struct {
	byColumns map[string][]*form
	count     int
	key       []byte // scratch
}

const (
	maxForms   = 4096 // a table of rows that all differ keeps the others' forms with the rows
	maxIndexed = 2048 // values of columns above this one are searched for
)

func newForms() *forms { return &forms{byColumns: map[string][]*form{}} }

// share is r with the form that other rows of the table share, r itself if it has that already. Rows are read while this
// goes on, so that r is never changed.
func (s *forms) share(r *row) *row {
	if r.form == nil || r.form.at != nil {
		return r
	}
	f := s.like(r.form)
	if f == nil {
		return r
	}
	return &row{id: r.id, version: r.version, form: f, vals: r.vals}
}

func (s *forms) like(f *form) *form {
	s.key = s.key[:0]
	for _, c := range f.cols {
		s.key = append(s.key, byte(c), byte(c>>8))
	}
	for _, x := range s.byColumns[string(s.key)] {
		if sameBase(x.base, f.base) {
			return x
		}
	}
	if s.count >= maxForms {
		return nil
	}
	shared := &form{cols: f.cols, base: f.base}
	if !shared.index() {
		return nil
	}
	s.count++
	s.byColumns[string(s.key)] = append(s.byColumns[string(s.key)], shared)
	return shared
}

func sameBase(a, b []any) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// index notes where the value of each column is. It is done before a row has the form.
func (f *form) index() bool {
	n := 0
	if len(f.cols) > 0 {
		n = int(f.cols[len(f.cols)-1]) + 1
	}
	if n > maxIndexed {
		return false
	}
	f.at = make([]uint16, n)
	for i, c := range f.cols {
		f.at[c] = uint16(i + 1)
	}
	return true
}

func (s *forms) clone() *forms {
	c := &forms{byColumns: make(map[string][]*form, len(s.byColumns)), count: s.count}
	for key, list := range s.byColumns {
		c.byColumns[key] = slices.Clone(list)
	}
	return c
}
