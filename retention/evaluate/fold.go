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
	row     int // the column with the row's own id, -1 where nobody asks
	found   GroundResult
	hits    []int32 // the persons of one row
	unheard int     // rows that progress was not told of

	known   bool // the persons are read and sorted
	room    *room
	waiting list[waiting]
}

// waiting is what a row says, until it is known whom it is about: 20 bytes.
type waiting struct {
	key     uuid.UUID      // an id, or the hash of a value
	trigger retention.Date // with sameRow, if it is of the same row as the one before
}

// sameRow is a bit beyond every date.
const sameRow retention.Date = 1 << 30

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

// fold reads the rows of a ground and gives the persons that they lead to what they justify.
func (t *personTable) fold(ctx context.Context, r dataverse.Reader, g *compile.Ground, read compile.Read, zone *time.Location, room *room, o EvaluateOptions) error {
	f := &folding{t: t, g: g, ctx: ctx, zone: zone, room: room, options: o, date: -1, row: -1, table: rowsOf(g, t.subject.Table, read)}
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
	if t.trail != nil && read.ID != "" {
		f.row = column(read.ID)
	}
	err := scan(ctx, r, read, fields, f.take)
	if err == nil {
		err = f.settle()
	}
	if err != nil {
		return fmt.Errorf("read ground %s of %s: %w", g.ID, t.subject.Table, err)
	}
	o.progress(g.ID, f.unheard)
	t.counts.Lock()
	defer t.counts.Unlock()
	t.results[g.Index].Rows += f.found.Rows
	t.results[g.Index].Gaps += f.found.Gaps
	return nil
}

// rowsOf is the table that a ground's rows are of: for a party the activity, not the line that leads to it.
func rowsOf(g *compile.Ground, subject string, read compile.Read) string {
	switch {
	case g.Table != "":
		return g.Table
	case g.View == "" && g.FetchXML == "":
		return subject
	}
	return read.Table
}

// take folds one row.
func (f *folding) take(row []dataverse.Value) error {
	if f.unheard++; f.unheard == progressEvery {
		f.options.progress(f.g.ID, f.unheard)
		f.unheard = 0
	}
	given := f.given(0)
	if f.date >= 0 {
		if date := row[f.date]; date.Null() {
			ignored := f.g.MissingDate == policy.MissingIgnored
			if own := f.g.Table == "" && f.g.Where == ""; !ignored || !own {
				f.found.Gaps++ // most persons simply have no agreed day: that is no gap in the data
			}
			if ignored {
				return nil
			}
		} else {
			d, ok := f.g.Date.Behavior.Read(date.Text(), f.zone)
			if !ok {
				return fmt.Errorf("ground %s: the service wrote a date that cannot be read in column %s", f.g.ID, f.g.Date.Column)
			}
			given = f.given(d)
		}
	}
	if !f.known {
		if wait, err := f.wait(row, given); wait || err != nil {
			return err
		}
	}
	f.lead(row)
	f.give(given)
	if f.t.trail != nil {
		f.note(row, given)
	}
	return nil
}

// given is what a row with that date gives; one without a date gives for as long as it is there.
func (f *folding) given(trigger retention.Date) retention.Term {
	r := retention.Term{Until: retention.Open, Trigger: trigger, Ground: f.t.base + f.g.Index}
	if !trigger.IsZero() {
		r.Until = trigger.Add(f.g.Keep)
	}
	return r
}

// give lets the persons of a row have what it justifies.
func (f *folding) give(given retention.Term) {
	if len(f.hits) > 0 {
		f.found.Rows++
	}
	for _, at := range f.hits {
		f.t.give(at, given)
	}
}

// wait keeps a row whose persons are not known yet. It tells whether it did: not if they have become known.
func (f *folding) wait(row []dataverse.Value, given retention.Term) (bool, error) {
	select {
	case <-f.t.ready:
		return false, f.settle()
	default:
	}
	more := false
	for _, v := range row[:f.ids] {
		w := waiting{trigger: given.Trigger}
		if more {
			w.trigger |= sameRow
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
		given := f.given(f.waiting.at(i).trigger)
		for {
			f.leadKey(f.waiting.at(i).key)
			if i++; i == f.waiting.len() || f.waiting.at(i).trigger&sameRow == 0 {
				break
			}
		}
		f.give(given)
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
func (f *folding) note(row []dataverse.Value, given retention.Term) {
	found := FoundRow{Table: f.table, Date: given.Trigger, Until: given.Until}
	if f.row >= 0 {
		if id, ok := row[f.row].GUID(); ok {
			found.ID = id
		}
	}
	for _, at := range f.hits {
		f.t.trail.add(trailKey{f.t.number, at, f.g.Index}, found)
	}
}
