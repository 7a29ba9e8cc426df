package evaluate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/state"
)

// entry is what an evaluation keeps of a person: 44 bytes. What few persons have stands beside it in maps.
type entry struct {
	id                 uuid.UUID
	version            [2]uint32 // the number in the row's ETag, its upper half first
	until, trigger     retention.Date
	purgeOn, noticedOn retention.Date
	ground             int16 // numbered through all tables, since a row of another table may give it; or negative
	held               bool  // a legal hold stands on another row of the same human being
	legalHold          bool
}

// extended is a manual extension.
type extended struct {
	until  retention.Date
	reason bool
}

// personTable is a subject table's persons, sorted by id.
type personTable struct {
	subject *compile.Subject
	rules   retention.Rules
	number  int32 // of the table among those of the evaluation
	base    int32 // the number of this table's first ground among the grounds of all tables
	entries list[entry]
	first   []int32                  // where ids begin with two given bytes, in a large table
	byHand  map[int32]extended       // of persons who have an extension
	masters map[int32]uuid.UUID      // of merged rows
	values  map[string]*list[hashed] // by wire name: the values that grounds or the identity join by, sorted by hash
	ready   chan struct{}            // closed once the persons are read and sorted

	// texts are the values themselves, by wire name; kept for a look at some persons only, which asks by them.
	texts map[string]map[string]bool

	histories map[int32]*history          // of grounds that count from changes, by index
	byHistory map[trailKey]retention.Date // the days that they gave by the audit history

	own []*ownGround // grounds that need no query

	trail *trail // keeps the rows that were found, for an explanation; nil otherwise

	stripes [64]sync.Mutex // guard what the grounds give; grounds are folded side by side
	counts  sync.Mutex     // guards results
	results []GroundResult
	odd     []oddDates // by ground, as results are

	unreadable map[int32]bool           // persons about whom a date cannot be read
	holders    map[int32]map[int32]bool // by a ground that goes on after it was lost: for whom it holds
	classes    []uint8                  // by person: the number of their class; nil where all are alike
}

// hashed is a value and the person who has it: 12 bytes. 64 bits of SHA-256 stand for the value: two different ones that
// meet there would keep somebody longer than they should be, in about one of 10^7 CRMs of a million persons.
type hashed struct {
	hash   [2]uint32 // its upper half first
	person int32
}

func (h *hashed) value() uint64 { return uint64(h.hash[0])<<32 | uint64(h.hash[1]) }

func halves(v uint64) [2]uint32 { return [2]uint32{uint32(v >> 32), uint32(v)} }

func newPersonTable(s compile.Subject, number, base int32, zone *time.Location, today retention.Date) *personTable {
	t := &personTable{
		subject: &s, number: number, base: base,
		byHand: map[int32]extended{}, masters: map[int32]uuid.UUID{}, values: map[string]*list[hashed]{}, ready: make(chan struct{}),
		results: make([]GroundResult, len(s.Grounds)), odd: make([]oddDates, len(s.Grounds)), unreadable: map[int32]bool{},
	}
	for i := range s.Grounds {
		t.results[i] = GroundResult{Table: s.Table, Ground: s.Grounds[i].Ground}
	}
	t.ownGrounds(zone, today)
	return t
}

// joined are the wire names of the columns by whose values something is found.
func (t *personTable) joined() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(t.subject.Identity)
	for i := range t.subject.Grounds {
		for _, c := range t.subject.Grounds[i].Person.Columns {
			add(c)
		}
	}
	for i := range t.subject.Related {
		for _, c := range t.subject.Related[i].Person.Columns {
			add(c)
		}
	}
	return names
}

// joinedText tells of a column that is joined by its value whether that is a text.
func (t *personTable) joinedText(name string) bool {
	if name == t.subject.Identity {
		return true
	}
	texts := func(l compile.Link) bool { return l.Text && slices.Contains(l.Columns, name) }
	return slices.ContainsFunc(t.subject.Grounds, func(g compile.Ground) bool { return texts(g.Person) }) ||
		slices.ContainsFunc(t.subject.Related, func(r compile.Rule) bool { return texts(r.Person) })
}

// read reads all persons.
func (t *personTable) read(ctx context.Context, r dataverse.Reader, reads []compile.Read, o EvaluateOptions) error {
	for i, read := range reads {
		s, keeps, end := t.reading(read, nil, o)
		if i > 0 {
			s.What = "the rows of " + t.subject.Table + " that are marked as anonymised and say whose they are"
		}
		if err := o.scan(ctx, r, s, keeps); err != nil {
			return fmt.Errorf("read %s: %w", s.What, err)
		}
		end()
	}
	t.sort()
	return nil
}

// reading reads persons into the table, which has to be sorted afterwards. Once more it adds those that the table does not hold yet.
// With wanted only those come in whose identity it takes.
func (t *personTable) reading(read compile.Read, wanted func(identity []byte) bool, o EvaluateOptions) (s dataverse.Selection, keeps []state.Keep, end func()) {
	own := t.subject.Own // a column that is not provisioned yet has no name: nothing stands under none
	joined := t.joined()
	fields := []compile.Field{compile.Field(t.subject.PrimaryID), "@odata.etag", compile.Field(own.PurgeScheduledOn), compile.Field(own.PurgeNoticedOn),
		compile.Field(own.LegalHold), compile.Field(own.RetainUntil), compile.Field(own.RetainReason)}
	fixed := len(fields)
	for _, j := range joined {
		fields = append(fields, compile.Field(j))
	}
	master := len(fields)
	if t.subject.Master != "" {
		fields = append(fields, compile.Field(t.subject.Master))
	}
	fields = t.reads(fields)
	keeps = make([]state.Keep, len(fields))
	keeps[fixed-1] = state.Some // the reason of an extension
	for i, name := range joined {
		if t.joinedText(name) {
			keeps[fixed+i] = state.Joined
		}
	}
	read.Select = slices.Clone(read.Select)
	for _, f := range fields {
		if name := string(f); name != "" && name[0] != '@' && !slices.Contains(read.Select, name) {
			read.Select = append(read.Select, name)
		}
	}
	unheard := 0
	s = selection("the persons of "+t.subject.Table, read, fields, func(row []dataverse.Value) error {
		if unheard++; unheard == progressEvery {
			o.progress(t.subject.Table, unheard)
			unheard = 0
		}
		id, ok := row[0].GUID()
		if !ok {
			return fmt.Errorf("a row without its id in %s", t.subject.Table)
		}
		if wanted != nil && !wanted(row[fixed].Text()) { // the identity is the first of what is joined
			return nil
		}
		at := int32(t.entries.len())
		e := entry{id: id, version: halves(version(row[1].Text())), ground: int16(retention.NoGround)}
		sound := [3]bool{}
		e.purgeOn, sound[0] = dateOnly(row[2])
		e.noticedOn, sound[1] = dateOnly(row[3])
		e.legalHold, _ = row[4].Bool()
		until, ok := dateOnly(row[5])
		if sound[2] = ok; sound != [3]bool{true, true, true} {
			t.unreadable[at] = true
		}
		if x := (extended{until, len(bytes.TrimSpace(row[6].Text())) > 0}); x != (extended{}) {
			t.byHand[at] = x
		}
		t.entries.add(e)
		for i, name := range joined {
			h, ok := hashValue(row[fixed+i].Text())
			if !ok {
				continue
			}
			if t.values[name] == nil {
				t.values[name] = &list[hashed]{}
			}
			t.values[name].add(hashed{halves(h), at})
			if t.texts != nil {
				if t.texts[name] == nil {
					t.texts[name] = map[string]bool{}
				}
				t.texts[name][strings.Trim(row[fixed+i].String(), compile.Blanks)] = true
			}
		}
		if t.subject.Master != "" {
			if m, ok := row[master].GUID(); ok {
				t.masters[at] = m
			}
		}
		for _, o := range t.own {
			if err := o.take(at, row); err != nil {
				return err
			}
		}
		return nil
	})
	return s, keeps, func() { o.progress(t.subject.Table, unheard) }
}

// sort brings the entries into the order of ids and drops a row that came twice because it moved between two pages.
// It works in place: nothing has been given to the persons yet, so the field for the end of their retention can hold
// where each stood.
func (t *personTable) sort() {
	n := t.entries.len()
	for i := range n {
		t.entries.at(i).until = retention.Date(i)
	}
	t.entries.sort(func(a, b *entry) bool {
		if c := bytes.Compare(a.id[:], b.id[:]); c != 0 {
			return c < 0
		}
		return a.until < b.until
	})
	place := make([]int32, n) // old index → new; gone for what a later page says anew
	kept := 0
	for i := range n {
		e := *t.entries.at(i)
		if kept > 0 && t.entries.at(kept-1).id == e.id { // the later page is the newer
			place[t.entries.at(kept-1).until] = gone
			kept--
		}
		place[e.until] = int32(kept)
		*t.entries.at(kept) = e
		kept++
	}
	t.entries.cut(kept)
	for i := range kept {
		t.entries.at(i).until = 0
	}
	t.byHand = remap(t.byHand, place)
	t.masters = remap(t.masters, place)
	t.unreadable = remap(t.unreadable, place)
	for _, l := range t.values {
		sortValues(l, place)
	}
	for _, o := range t.own {
		o.move(place)
	}
	t.index()
}

// sortValues sorts values by hash and person, at the persons' new places, without those that are gone or stand twice.
func sortValues(l *list[hashed], place []int32) {
	kept := 0
	for i := range l.len() {
		h := *l.at(i)
		if h.person = place[h.person]; h.person != gone {
			*l.at(kept) = h
			kept++
		}
	}
	l.cut(kept)
	l.sort(func(a, b *hashed) bool {
		if x, y := a.value(), b.value(); x != y {
			return x < y
		}
		return a.person < b.person
	})
	kept = 0
	for i := range l.len() {
		if h := *l.at(i); kept == 0 || *l.at(kept - 1) != h {
			*l.at(kept) = h
			kept++
		}
	}
	l.cut(kept)
}

// indexed is from how many persons on a table has an index, which spares most of a search its steps through memory.
const indexed = 1 << 12

// index notes where ids begin with each two bytes.
func (t *personTable) index() {
	t.first = nil
	if t.entries.len() < indexed {
		return
	}
	t.first = make([]int32, 1<<16+1)
	next := 0
	for i := range t.entries.len() {
		for begin := prefix(t.entries.at(i).id); next <= begin; next++ {
			t.first[next] = int32(i)
		}
	}
	for ; next < len(t.first); next++ {
		t.first[next] = int32(t.entries.len())
	}
}

func prefix(id uuid.UUID) int { return int(id[0])<<8 | int(id[1]) }

// gone is the place of an entry that another one of the same person has replaced.
const gone = -1

func remap[V any](m map[int32]V, place []int32) map[int32]V {
	out := make(map[int32]V, len(m))
	for old, v := range m {
		if place[old] != gone {
			out[place[old]] = v
		}
	}
	return out
}

// find is the index of the person with that id.
func (t *personTable) find(id uuid.UUID) (int32, bool) {
	lo, hi := 0, t.entries.len()
	if t.first != nil {
		lo, hi = int(t.first[prefix(id)]), int(t.first[prefix(id)+1])
	}
	for lo < hi {
		mid := (lo + hi) / 2
		if bytes.Compare(t.entries.at(mid).id[:], id[:]) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return int32(lo), lo < t.entries.len() && t.entries.at(lo).id == id
}

// byValue adds the persons who have the value in one of the columns.
func (t *personTable) byValue(found []int32, columns []string, value []byte) []int32 {
	h, ok := hashValue(value)
	if !ok {
		return found
	}
	return t.byHash(found, columns, h)
}

// byHash does so for the hash of a value.
func (t *personTable) byHash(found []int32, columns []string, h uint64) []int32 {
	for _, name := range columns {
		l := t.values[name]
		if l == nil {
			continue
		}
		lo, hi := 0, l.len()
		for lo < hi {
			if mid := (lo + hi) / 2; l.at(mid).value() < h {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		for ; lo < l.len() && l.at(lo).value() == h; lo++ {
			found = append(found, l.at(lo).person)
		}
	}
	return found
}

// give lets a person have what a row of a ground justifies.
func (t *personTable) give(at int32, r retention.Term) {
	e := t.entries.at(int(at))
	m := &t.stripes[e.id[15]%64]
	m.Lock()
	defer m.Unlock()
	e.set(e.retention().Later(r))
}

func (e *entry) retention() retention.Term {
	return retention.Term{Until: e.until, Trigger: e.trigger, Ground: int32(e.ground)}
}

func (e *entry) set(r retention.Term) {
	e.until, e.trigger, e.ground = r.Until, r.Trigger, int16(r.Ground)
}

// person is the entry as the planner takes it.
func (t *personTable) person(at int32, o EvaluateOptions) PersonRow {
	e := t.entries.at(int(at))
	r := e.retention()
	if r.Ground >= 0 {
		r.Ground -= t.base
		if r.Ground < 0 || int(r.Ground) >= len(t.subject.Grounds) {
			r.Ground = retention.OtherRow
		}
	}
	var stage retention.Stage
	columns, ended := t.columns(at), r
	if columns.ExtensionOn(o.Today, t.rules) == retention.ExtensionCounts {
		ended = ended.Later(retention.Term{Until: columns.ExtendedUntil, Ground: retention.ByHand})
	}
	if o.Stages != nil && t.staged() { // of whatever class: an archived row of somebody whose class has no stages is given back as well
		rules := t.subject.For(t.class(at))
		if stage = o.Stages(t.subject.Table, e.id); ended.Until <= o.Today {
			r = stage.Next(r, rules.After(), o.Today)
		}
	}
	return PersonRow{
		Person: retention.Person{
			ID: e.id, Term: r, Columns: columns, Trace: o.trace(t.subject.Table, e.id), HeldWith: e.held,
			Unreadable: t.unread(at),
		},
		Table: t.subject.Table, Class: t.class(at), Stage: stage, Ended: ended.Until, ETag: `W/"` + strconv.FormatUint(uint64(e.version[0])<<32|uint64(e.version[1]), 10) + `"`,
		ByHistory: r.Ground >= 0 && !r.Trigger.IsZero() && t.byHistory[trailKey{t.number, at, r.Ground}] == r.Trigger,
		Master:    t.masters[at], number: int32(e.ground),
	}
}

// staged tells whether some persons of the table have stages before their purge.
func (t *personTable) staged() bool {
	if len(t.subject.Stages) > 0 {
		return true
	}
	return slices.ContainsFunc(t.subject.Classes, func(k compile.Class) bool { return len(k.Rules.Stages) > 0 })
}

// columns are what stands in the columns that gallra owns.
func (t *personTable) columns(at int32) retention.Columns {
	e, x := t.entries.at(int(at)), t.byHand[at]
	return retention.Columns{PurgeOn: e.purgeOn, NoticedOn: e.noticedOn, LegalHold: e.legalHold, ExtendedUntil: x.until, ExtendReason: x.reason}
}

// version is the number in an ETag such as W/"1146626"; zero if there is none.
func version(etag []byte) (n uint64) {
	for _, c := range bytes.Trim(etag, `W/"`) {
		if c < '0' || c > '9' || n > (1<<64-1)/10-1 {
			return 0
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}

// dateOnly is the date in one of gallra's own columns, zero for none; false for what is no date.
func dateOnly(v dataverse.Value) (retention.Date, bool) {
	if v.Null() {
		return 0, true
	}
	// A customer's own column may stand in that is not date-only; its first ten characters are a date all the same.
	return retention.DateOnly.Read(v.Text(), nil)
}

// hashValue stands for a value that persons are found by, case and surrounding blanks aside; false for an empty one.
func hashValue(value []byte) (uint64, bool) {
	var room [128]byte // most values are addresses and fit: they cost no memory
	same := sameValue(value, room[:0])
	if len(same) == 0 {
		return 0, false
	}
	return hashed64(same), true
}

// sameValue is what of a value matters where persons are found by it: empty for one that finds nobody. It stands in room, if that is
// large enough.
func sameValue(value, room []byte) []byte {
	v := bytes.Trim(value, compile.Blanks)
	lower := room[:0]
	for _, c := range v {
		switch {
		case c >= utf8.RuneSelf || len(lower) == cap(room):
			return bytes.ToLower(v)
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	return lower
}

func hashed64(v []byte) uint64 {
	sum := sha256.Sum256(v)
	return binary.BigEndian.Uint64(sum[:8])
}
