package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// scan is the reading of one query.
type scan struct {
	*Night
	Reading
	*basis
	*keeper
	key    string
	id     int // the column with the row's id; -1 where nothing is kept
	opener opener
	buf    []byte
	values []dataverse.Value
}

// columns are those of the reading, and the id where it has none.
func (s *scan) columns() []string {
	if s.id == len(s.Columns) {
		return append(slices.Clone(s.Columns), s.table.PrimaryID)
	}
	return s.Columns
}

// encode is what is kept of a row, nil where a value has no form for that.
func (s *scan) encode(row []dataverse.Value) (kept []byte, id uuid.UUID, err error) {
	id, ok := row[s.id].GUID()
	if !ok {
		return nil, id, fmt.Errorf("%w: a row of %s without its id", dataverse.ErrAnswer, s.table.LogicalName)
	}
	kept, err = s.row(s.buf[:0], id, row[:len(s.Columns)])
	if errors.Is(err, errOdd) {
		return nil, id, nil
	}
	s.buf = kept
	return kept, id, err
}

// hand hands a row out as it is kept.
func (s *scan) hand(kept []byte) error {
	_, values, err := s.opener.row(kept, len(s.Columns))
	if err != nil {
		return err
	}
	return s.Take(values)
}

// bare hands a row out of which nothing is kept: as the service says it, but for texts that are joined.
func (s *scan) bare(row []dataverse.Value) error {
	s.values = append(s.values[:0], row[:len(s.Columns)]...)
	for i, keep := range s.keeps {
		if keep != Joined {
			continue
		}
		one, err := s.value(nil, row[i], Joined)
		if err != nil {
			return err
		}
		if _, err := new(opener).value(one, &s.values[i]); err != nil {
			return err
		}
	}
	return s.Take(s.values)
}

// read reads the query in full and keeps nothing.
func (s *scan) read(ctx context.Context) error {
	return s.o.Client.Scan(ctx, s.Query, s.Columns, s.bare)
}

// keep reads the query in full, and keeps its rows for the next night if it may. What changes from now on has to be told: so the
// tables' changes are asked for before the first row is read.
func (s *scan) keep(ctx context.Context) error {
	if !s.o.Writes {
		return s.read(ctx)
	}
	for _, name := range s.names() {
		t, err := s.o.Client.Table(ctx, name)
		if err != nil {
			return err
		}
		if err := s.track(ctx, t).err; err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.o.Log.Info("a table is read in full", "table", name, "why", "the service does not track its changes for this user", "cause", err)
			s.inFull(s.What, "changes of "+name+" are not told")
			return s.read(ctx)
		}
	}
	w := s.create(s.key)
	odd := false
	var seen []uint64
	err := s.o.Client.Scan(ctx, s.Query, s.columns(), func(row []dataverse.Value) error {
		kept, id, err := s.encode(row)
		if err != nil {
			return err
		}
		if kept == nil {
			odd = true
			return s.bare(row)
		}
		seen = append(seen, binary.BigEndian.Uint64(id[:8])^binary.BigEndian.Uint64(id[8:]))
		w.add(kept)
		return s.hand(kept)
	})
	p, unwritten := w.end()
	if err != nil {
		return err
	}
	// A row that moves between two pages comes twice. What a full read makes of that, the next one would not.
	slices.Sort(seen)
	all := len(seen)
	switch {
	case unwritten != nil:
		s.unwritten(unwritten)
	case odd:
		s.inFull(s.What, errOdd.Error())
	case len(slices.Compact(seen)) < all:
		s.inFull(s.What, "a row came twice")
	default:
		s.kept(p)
	}
	return nil
}

// unwritten says that the next night will read the query in full.
func (s *scan) unwritten(err error) {
	s.o.Log.Warn("what was read is not kept for the next night", "what", s.What, "cause", err)
}

func (s *scan) kept(p part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Tables = s.names()
	s.parts[s.key] = p
}

// cheap is how many queries are always fewer than a full read is worth.
const cheap = 20

// update hands out the rows that are kept and those that have changed since. It tells whether it could; where not, nothing was
// handed out.
func (s *scan) update(ctx context.Context) (done bool, err error) {
	if s.base == nil || s.o.Full {
		return false, nil
	}
	p, ok := s.base.Parts[s.key]
	if !ok {
		s.inFull(s.What, "it was not kept")
		return false, nil
	}
	touched, asked, why, err := s.touched(ctx, p)
	if why != "" {
		s.inFull(s.What, why)
	}
	if why != "" || err != nil {
		return false, err
	}
	fresh, why, err := s.anew(ctx, asked)
	if why != "" {
		s.inFull(s.What, why)
	}
	if why != "" || err != nil {
		return false, err
	}
	var w *partWriter
	if s.o.Writes && len(touched) > 0 {
		w = s.create(s.key)
	}
	handed := false
	pass := func(row []byte) error {
		handed = true
		if w != nil {
			w.add(row)
		}
		return s.hand(row)
	}
	err = s.each(s.key, p, func(row []byte) error {
		if touched[uuid.UUID(row[:16])] {
			return nil
		}
		return pass(row)
	})
	if errors.Is(err, errDamaged) && !handed {
		if w != nil {
			_, _ = w.end()
		}
		s.inFull(s.What, errDamaged.Error())
		return false, nil
	}
	for _, id := range slices.SortedFunc(maps.Keys(fresh), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
		if err == nil {
			err = pass(fresh[id])
		}
	}
	var unwritten error
	if w != nil {
		p, unwritten = w.end()
	}
	switch {
	case err != nil:
		return true, err
	case unwritten != nil:
		s.unwritten(unwritten)
	default:
		s.kept(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count.Kept++
	s.count.Rows += len(asked)
	return true, nil
}

// touched are the rows of the query's table of which anything has changed, those that are gone included; asked are those that are
// there. Why is why the query has to be read in full.
func (s *scan) touched(ctx context.Context, p part) (touched map[uuid.UUID]bool, asked []uuid.UUID, why string, err error) {
	s.mu.Lock()
	tables := maps.Clone(s.tables)
	s.mu.Unlock()
	queries := 0
	for _, name := range s.basis.names() {
		t := tables[name]
		if t == nil || !t.since {
			return nil, nil, "what has changed in " + name + " is not known", nil
		}
	}
	own := tables[s.table.LogicalName].changed
	queries += len(own.Written)/idsAtOnce + 1
	for _, f := range s.far {
		behind := tables[f.of].changed
		if len(behind.Gone) > 0 {
			return nil, nil, "rows of " + f.of + " were deleted", nil // who led there is not known
		}
		if f.looked {
			queries += len(behind.Written)/idsAtOnce + 1
		}
	}
	if queries > max(cheap+len(s.far), 4*(p.Rows/5000+1)) {
		return nil, nil, "much has changed", nil
	}
	touched = map[uuid.UUID]bool{}
	for _, id := range own.Written {
		touched[id] = true
	}
	for _, id := range own.Gone {
		touched[id] = true
	}
	led, err := s.leading(ctx, tables)
	if err != nil {
		return nil, nil, "", err
	}
	if len(led)/idsAtOnce > max(cheap, 4*(p.Rows/5000+1)) {
		return nil, nil, "much has changed", nil
	}
	there := map[uuid.UUID]bool{}
	for _, id := range slices.Concat(own.Written, led) {
		touched[id] = true
		there[id] = true
	}
	asked = slices.SortedFunc(maps.Keys(there), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return touched, asked, "", nil
}

// leading are the rows of the query's table that lead to a row which has changed. Those that led there before and do not now have
// changed themselves, or a row between has.
func (s *scan) leading(ctx context.Context, tables map[string]*tracked) (ids []uuid.UUID, err error) {
	var all []dataverse.Selection
	for _, f := range s.far {
		if !f.looked {
			continue
		}
		for _, filter := range terms(f.path+"/"+f.id, tables[f.of].changed.Written) {
			all = append(all, dataverse.Selection{
				What:    s.What,
				Query:   dataverse.Query{Table: s.Query.Table, Set: s.Query.Set, Select: []string{s.table.PrimaryID}, Filter: filter},
				Columns: []string{s.table.PrimaryID},
				Take: func(row []dataverse.Value) error {
					if id, ok := row[0].GUID(); ok {
						ids = append(ids, id)
					}
					return nil
				},
			})
		}
	}
	return ids, dataverse.ScanAll(ctx, s.o.Client, all)
}

// anew asks for rows by their ids: those that the query still finds, as they are kept.
func (s *scan) anew(ctx context.Context, asked []uuid.UUID) (fresh map[uuid.UUID][]byte, why string, err error) {
	fresh = map[uuid.UUID][]byte{}
	var all []dataverse.Selection
	for _, filter := range terms(s.table.PrimaryID, asked) {
		q := s.Query
		if q.Filter != "" {
			filter = "(" + q.Filter + ") and (" + filter + ")"
		}
		q.Filter = filter
		all = append(all, dataverse.Selection{What: s.What, Query: q, Columns: s.columns(), Take: func(row []dataverse.Value) error {
			kept, id, err := s.encode(row)
			if err != nil {
				return err
			}
			if kept == nil {
				why = errOdd.Error()
				return nil
			}
			fresh[id] = bytes.Clone(kept)
			return nil
		}})
	}
	return fresh, why, dataverse.ScanAll(ctx, s.o.Client, all)
}
