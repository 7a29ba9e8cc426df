package store

import "slices"

// layouts are the layouts that the rows of a table have, each once: a row whose layout is among them shares it with
// others and finds its values without a search. Only the writer looks into it.
type layouts struct {
	byColumns map[string][]*Layout
	count     int
	key       []byte // scratch
}

const (
	maxLayouts = 4096 // a table of rows that all differ keeps the others' layouts with the rows
	maxIndexed = 2048 // values of columns above this one are searched for
)

func newLayouts() *layouts { return &layouts{byColumns: map[string][]*Layout{}} }

// share is r with the layout that other rows of the table share, r itself if it has that already. Rows are read while this
// goes on, so that r is never changed.
func (s *layouts) share(r *Row) *Row {
	if r.Layout == nil || r.Layout.at != nil {
		return r
	}
	f := s.like(r.Layout)
	if f == nil {
		return r
	}
	return &Row{ID: r.ID, Version: r.Version, Layout: f, Vals: r.Vals}
}

func (s *layouts) like(f *Layout) *Layout {
	s.key = s.key[:0]
	for _, c := range f.Cols {
		s.key = append(s.key, byte(c), byte(c>>8))
	}
	for _, x := range s.byColumns[string(s.key)] {
		if sameBase(x.Base, f.Base) {
			return x
		}
	}
	if s.count >= maxLayouts {
		return nil
	}
	shared := &Layout{Cols: f.Cols, Base: f.Base}
	if !shared.Index() {
		return nil
	}
	s.count++
	s.byColumns[string(s.key)] = append(s.byColumns[string(s.key)], shared)
	return shared
}

func sameBase(a, b []any) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Index notes where the value of each column is. It is done before a row has the layout.
func (f *Layout) Index() bool {
	n := 0
	if len(f.Cols) > 0 {
		n = int(f.Cols[len(f.Cols)-1]) + 1
	}
	if n > maxIndexed {
		return false
	}
	f.at = make([]uint16, n)
	for i, c := range f.Cols {
		f.at[c] = uint16(i + 1)
	}
	return true
}

func (s *layouts) clone() *layouts {
	c := &layouts{byColumns: make(map[string][]*Layout, len(s.byColumns)), count: s.count}
	for key, list := range s.byColumns {
		c.byColumns[key] = slices.Clone(list)
	}
	return c
}
