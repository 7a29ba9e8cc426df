package evaluate

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/state"
)

// folding is the reading of one ground's rows into a table of persons. A row takes no memory of its own, unless it comes
// before the persons are known.
type folding struct {
	t       *personTable
	g       *compile.Ground
	ctx     context.Context
	zone    *time.Location
	table   string // what the rows are of, for an explanation
	options EvaluateOptions

	ids     int // the first columns of a row are ids, or one is a value
	date    int // the column with the date, -1 for none
	instead int // the column that counts for a row without its date, -1 for none
	bound   int // the column that the latest end counts from, -1 for none
	row     int // the column with the row's own id, -1 where nobody asks
	found   GroundResult
	odd     oddDates
	far     retention.Date // a later date is further ahead than anybody plans; zero: none is
	hits    []int32        // the persons of one row
	unheard int            // rows that progress was not told of

	known   bool // the persons are read and sorted
	room    *room
	waiting list[waiting]
}

// waiting is what a row says, until it is known whom it is about: 24 bytes.
type waiting struct {
	key  uuid.UUID // an id, or the hash of a value
	read reading   // its trigger with sameRow, if it is of the same row as the one before
}

// reading is what the dates of a row say.
type reading struct {
	trigger retention.Date // that the period counts from; zero for none
	latest  retention.Date // the end is no later than this; Open: no bound
}

// sameRow is a bit beyond every date, and unreadable stands for what the service wrote and cannot be read as one.
const (
	sameRow    retention.Date = 1 << 30
	unreadable retention.Date = 1 << 29
)

// waitingRows is how many rows of all grounds may wait for their persons: 40 MB. Beyond that a ground stops reading.
var waitingRows int64 = 2_000_000

// room is how many rows may still wait.
type room struct{ left atomic.Int64 }

func newRoom(n int64) *room {
	r := &room{}
	r.left.Store(n)
	return r
}

// progressEvery is how many rows pass between two words of progress: a page.
const progressEvery = 5000

// newFolding is the reading of a ground by a query. It answers the columns that its rows are to have.
func newFolding(ctx context.Context, t *personTable, g *compile.Ground, read compile.Read, zone *time.Location, room *room, o EvaluateOptions) (*folding, []compile.Field) {
	f := &folding{t: t, g: g, ctx: ctx, zone: zone, room: room, options: o, far: o.Today.Add(retention.FarAhead), date: -1, instead: -1, bound: -1, row: -1, table: rowsOf(g, t.subject.Table, read.Table)}
	fields := slices.Clone(g.Person.Fields)
	if g.Person.ByValue() {
		fields = append(fields, g.Person.Value)
	}
	f.ids = len(fields)
	column := func(field compile.Field) int { // a column is asked for once
		if i := slices.Index(fields, field); i >= 0 {
			return i
		}
		fields = append(fields, field)
		return len(fields) - 1
	}
	if g.Date != nil {
		f.date = column(g.Date.Field)
	}
	if g.Instead != nil {
		f.instead = column(g.Instead.Field)
	}
	if g.Bound != nil {
		f.bound = column(g.Bound.Field)
	}
	if (t.trail != nil || g.SinceChanged()) && read.ID != "" {
		f.row = column(read.ID)
	}
	return f, fields
}

// shared is one query for all the grounds that it is the query of.
type shared struct {
	read     compile.Read
	fields   []compile.Field
	foldings []*folding
	columns  [][]int // of each folding, in the rows of the query
}

// begin has the first ground read by the query.
func (s *shared) begin(f *folding, fields []compile.Field) {
	s.fields, s.foldings, s.columns = fields, []*folding{f}, [][]int{nil}
	for i := range fields {
		s.columns[0] = append(s.columns[0], i)
	}
}

// add has a ground read by the query, if it is its query as well.
func (s *shared) add(f *folding, read compile.Read, fields []compile.Field) bool {
	if s.read.Set != read.Set || s.read.Filter != read.Filter || s.read.Expand != read.Expand || s.read.FetchXML != "" || read.FetchXML != "" {
		return false
	}
	s.read.Select = slices.Clone(s.read.Select)
	for _, name := range read.Select {
		if !slices.Contains(s.read.Select, name) {
			s.read.Select = append(s.read.Select, name)
		}
	}
	columns := make([]int, len(fields))
	for i, field := range fields {
		if columns[i] = slices.Index(s.fields, field); columns[i] < 0 {
			columns[i] = len(s.fields)
			s.fields = append(s.fields, field)
		}
	}
	s.foldings, s.columns = append(s.foldings, f), append(s.columns, columns)
	return true
}

// fold reads the rows and gives the persons that they lead to what they justify.
func (s *shared) fold(ctx context.Context, r dataverse.Reader, o EvaluateOptions) error {
	rows, end := s.selection()
	if err := o.scan(ctx, r, rows, s.keeps()); err != nil {
		return s.foldings[0].failed(err)
	}
	return end()
}

// keeps is what is kept of the columns: of a text that leads to persons that it is the same.
func (s *shared) keeps() []state.Keep {
	all := make([]state.Keep, len(s.fields))
	for i, f := range s.foldings {
		if f.g.Person.ByValue() && f.g.Person.Text {
			all[s.columns[i][0]] = state.Joined
		}
	}
	return all
}

// selection is the query; end is called once all its rows are read.
func (s *shared) selection() (rows dataverse.Selection, end func() error) {
	first := s.foldings[0]
	take := first.take
	if len(s.foldings) > 1 {
		own := make([]dataverse.Value, len(s.fields))
		take = func(row []dataverse.Value) error {
			for i, f := range s.foldings {
				for j, column := range s.columns[i] {
					own[j] = row[column]
				}
				if err := f.take(own[:len(s.columns[i])]); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return selection(first.what(), s.read, s.fields, take), func() error {
		for _, f := range s.foldings {
			if err := f.settle(); err != nil {
				return f.failed(err)
			}
			f.options.progress(f.g.ID, f.unheard)
			f.tell()
		}
		return nil
	}
}

func (f *folding) what() string { return "ground " + f.g.ID + " of " + f.t.subject.Table }

func (f *folding) failed(err error) error { return fmt.Errorf("read %s: %w", f.what(), err) }

// tell adds what was found to what is told of the ground.
func (f *folding) tell() {
	t, at := f.t, f.g.Index
	t.counts.Lock()
	defer t.counts.Unlock()
	t.results[at].Rows += f.found.Rows
	t.results[at].Gaps += f.found.Gaps
	t.results[at].Undated += f.found.Undated
	t.odd[at].add(f.odd)
}

// rowsOf is the table that a ground's rows are of: for a party the activity, not the line that leads to it.
func rowsOf(g *compile.Ground, subject, read string) string {
	switch {
	case g.Table != "":
		return g.Table
	case g.View == "" && g.FetchXML == "":
		return subject
	}
	return read
}

// take folds one row.
func (f *folding) take(row []dataverse.Value) error {
	if f.unheard++; f.unheard == progressEvery {
		f.options.progress(f.g.ID, f.unheard)
		f.unheard = 0
	}
	r := reading{latest: retention.Open}
	if f.g.SinceChanged() {
		return f.takeChanged(row, r)
	}
	if f.date >= 0 {
		none := false
		if r, none = f.dates(row); none {
			return nil
		}
	}
	if !f.known {
		if wait, err := f.wait(row, r); wait || err != nil {
			return err
		}
	}
	f.lead(row)
	f.give(r)
	if f.t.trail != nil && !f.ignores(r.trigger) {
		var id uuid.UUID
		if f.row >= 0 {
			id, _ = row[f.row].GUID()
		}
		f.note(id, r)
	}
	return nil
}

// takeChanged folds one row of a ground that counts from a change of the row. It waits until the persons are known: what it is worth
// turns on what the ledger knows of them.
func (f *folding) takeChanged(row []dataverse.Value, r reading) error {
	if err := f.settle(); err != nil {
		return err
	}
	if f.instead >= 0 {
		if d := f.day(f.g.Instead, row[f.instead]); !f.dateless(d) {
			r.trigger = d
		}
	}
	f.lead(row)
	f.hits = f.t.ofClass(f.hits, f.g.Index)
	if len(f.hits) == 0 {
		return nil
	}
	id, _ := row[f.row].GUID()
	f.giveSince(id, r)
	return nil
}

// dates is what the dates of a row say, and tells whether the row gives nothing since it has none. It counts what lacks one.
func (f *folding) dates(row []dataverse.Value) (r reading, none bool) {
	if r = f.read(row); !f.dateless(r.trigger) {
		return r, false
	}
	ignored := f.ignores(r.trigger)
	if own := f.g.Table == "" && f.g.Where == ""; !ignored || !own {
		f.found.Gaps++ // most persons simply have no agreed day: that is no gap in the data
	} else if f.g.After != "" {
		f.found.Undated++
	}
	return r, ignored && r.trigger.IsZero()
}

// read is what the dates of a row say. A date that is none, or of the year 9999, is instead that which counts for such rows.
func (f *folding) read(row []dataverse.Value) reading {
	r := reading{trigger: f.day(f.g.Date, row[f.date]), latest: retention.Open}
	if f.instead >= 0 && f.dateless(r.trigger) {
		if d := f.day(f.g.Instead, row[f.instead]); !f.dateless(d) {
			r.trigger = d
		}
	}
	if f.bound >= 0 {
		// A bound that is missing bounds nothing: what nobody entered costs no customer.
		switch d := f.day(f.g.Bound, row[f.bound]); {
		case d == unreadable:
			r.trigger = unreadable
		case !f.dateless(d):
			r.latest = d.Add(f.g.AtMost.Period)
		}
	}
	return r
}

// day is a date in a row, zero for none.
func (f *folding) day(field *compile.DateField, v dataverse.Value) retention.Date {
	if v.Null() {
		return 0
	}
	d, ok := field.Read(v.Text(), f.zone)
	if !ok {
		return unreadable
	}
	return d
}

// dateless tells whether a date says as much as none.
func (f *folding) dateless(trigger retention.Date) bool {
	return trigger.IsZero() || trigger != unreadable && trigger.Endless()
}

// ignores tells whether a row justifies nobody, since it has no date to count from.
func (f *folding) ignores(trigger retention.Date) bool {
	return f.date >= 0 && f.dateless(trigger) && f.g.MissingDate == policy.MissingIgnored
}

// given is what a row with those dates gives; one without a date gives for as long as it is there.
func (f *folding) given(r reading) retention.Term {
	term := retention.Term{Until: retention.Open, Ground: f.t.base + f.g.Index}
	if r.trigger == unreadable {
		return term
	}
	if !f.dateless(r.trigger) {
		term.Until, term.Trigger = f.g.Keep.End(r.trigger), r.trigger
	}
	term.Until = min(term.Until, r.latest)
	return term
}

// give lets the persons of a row have what it justifies.
func (f *folding) give(r reading) {
	f.hits = f.t.ofClass(f.hits, f.g.Index)
	f.odd.note(r.trigger, f.far, f.hits)
	if f.ignores(r.trigger) {
		return
	}
	if len(f.hits) > 0 {
		f.found.Rows++
		f.t.hold(f.g, f.hits)
	}
	for _, at := range f.hits {
		f.t.give(at, f.given(r))
	}
}

// wait keeps a row whose persons are not known yet. It tells whether it did: not if they have become known.
func (f *folding) wait(row []dataverse.Value, r reading) (bool, error) {
	select {
	case <-f.t.ready:
		return false, f.settle()
	default:
	}
	more := false
	for _, v := range row[:f.ids] {
		w := waiting{read: r}
		if more {
			w.read.trigger |= sameRow
		}
		if f.g.Person.ByValue() {
			h, ok := hashValue(v.Text())
			if !ok {
				continue
			}
			binary.BigEndian.PutUint64(w.key[:], h)
		} else {
			id, ok := v.GUID()
			if !ok {
				continue
			}
			w.key = id
		}
		f.waiting.add(w)
		more = true
	}
	if more && f.room.left.Add(-1) < 0 {
		return true, f.settle() // no more room: the reading stands still until the persons are there
	}
	return true, nil
}

// settle waits until the persons are known and folds the rows that waited for them.
func (f *folding) settle() error {
	if f.known {
		return nil
	}
	select {
	case <-f.t.ready:
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
	f.known = true
	for i := 0; i < f.waiting.len(); {
		f.room.left.Add(1)
		f.hits = f.hits[:0]
		r := f.waiting.at(i).read
		for {
			f.leadKey(f.waiting.at(i).key)
			if i++; i == f.waiting.len() || f.waiting.at(i).read.trigger&sameRow == 0 {
				break
			}
		}
		f.give(r)
	}
	f.waiting = list[waiting]{}
	return nil
}

// leadKey finds the persons of an id or of the hash of a value.
func (f *folding) leadKey(key uuid.UUID) {
	if f.g.Person.ByValue() {
		f.hits = f.t.byHash(f.hits, f.g.Person.Columns, binary.BigEndian.Uint64(key[:]))
	} else if at, ok := f.t.find(key); ok {
		f.hits = append(f.hits, at)
	}
}

// lead finds the persons that a row leads to.
func (f *folding) lead(row []dataverse.Value) {
	f.hits = f.hits[:0]
	if f.g.Person.ByValue() {
		f.hits = f.t.byValue(f.hits, f.g.Person.Columns, row[0].Text())
		return
	}
	for _, v := range row[:f.ids] {
		if id, ok := v.GUID(); ok {
			if at, ok := f.t.find(id); ok {
				f.hits = append(f.hits, at)
			}
		}
	}
}

// note keeps the row for an explanation.
func (f *folding) note(row uuid.UUID, r reading) {
	given := f.given(r)
	found := FoundRow{Table: f.table, ID: row, Date: given.Trigger, Until: given.Until, Unreadable: r.trigger == unreadable}
	for _, at := range f.hits {
		f.t.trail.add(trailKey{f.t.number, at, f.g.Index}, found)
	}
}
