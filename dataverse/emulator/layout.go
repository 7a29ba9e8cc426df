package emulator

import "slices"

// layouts are the layouts that the rows of a table have, each once: a row whose layout is among them shares it with others and
// finds its values without a search. Only the writer looks into it.
type layouts struct {
	byColumns map[string][]*layout
	count     int
	key       []byte // scratch
}

const (
	maxLayouts = 4096 // a table of rows that all differ keeps the others' layouts with the rows
	maxIndexed = 2048 // values of columns above this one are searched for
)

func newLayouts() *layouts { return &layouts{byColumns: map[string][]*layout{}} }

// share is r with the layout that other rows of the table share, r itself if it has that already. Rows are read while this
// goes on, so that r is never changed.
func (s *layouts) share(r *row) *row {
	if r.layout == nil || r.layout.at != nil {
		return r
	}
	f := s.like(r.layout)
	if f == nil {
		return r
	}
	return &row{id: r.id, version: r.version, layout: f, vals: r.vals}
}

func (s *layouts) like(f *layout) *layout {
	s.key = s.key[:0]
	for _, c := range f.cols {
		s.key = append(s.key, byte(c), byte(c>>8))
	}
	for _, x := range s.byColumns[string(s.key)] {
		if sameBase(x.base, f.base) {
			return x
		}
	}
	if s.count >= maxLayouts {
		return nil
	}
	shared := &layout{cols: f.cols, base: f.base}
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

// index notes where the value of each column is. It is done before a row has the layout.
func (f *layout) index() bool {
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

func (s *layouts) clone() *layouts {
	c := &layouts{byColumns: make(map[string][]*layout, len(s.byColumns)), count: s.count}
	for key, list := range s.byColumns {
		c.byColumns[key] = slices.Clone(list)
	}
	return c
}
