package retention

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
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// entry is what an evaluation keeps of a person: 40 bytes. What few persons have stands beside it in maps.
type entry struct {
	id      uuid.UUID
	version uint64 // the number in the row's ETag
	until   Date
	trigger Date
	ground  int16 // numbered through all tables, since a row of another table may give it; or negative
	held    bool  // a legal hold stands on another row of the same human being
}

// personTable is a subject table's persons, sorted by id.
type personTable struct {
	subject *CheckedSubject
	number  int32 // of the table among those of the evaluation
	base    int32 // the number of this table's first ground among the grounds of all tables
	entries []entry
	columns map[int32]Columns   // of persons who have any set
	masters map[int32]uuid.UUID // of merged rows
	values  map[string][]hashed // by wire name: the values that grounds or the identity join by, sorted by hash

	// texts are the values themselves, by wire name; kept for a look at some persons only, which asks by them.
	texts map[string]map[string]bool

	trail *trail // keeps the rows that were found, for an explanation; nil otherwise

	stripes [64]sync.Mutex // guard what the grounds give; grounds are folded side by side
	counts  counter
	results []GroundResult
}

// hashed is a value and the person who has it. 64 bits of SHA-256 stand for the value: two different ones that meet
// there would keep somebody longer than they should be, in about one of 10^7 CRMs of a million persons.
type hashed struct {
	hash   uint64
	person int32
}

func newPersonTable(s CheckedSubject, number, base int32) *personTable {
	t := &personTable{
		subject: &s, number: number, base: base,
		columns: map[int32]Columns{}, masters: map[int32]uuid.UUID{}, values: map[string][]hashed{},
		results: make([]GroundResult, len(s.Grounds)),
	}
	for i := range s.Grounds {
		t.results[i] = GroundResult{Table: s.Table, Ground: s.Grounds[i].Ground}
	}
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

// read reads the persons. Called again it adds those that it does not hold yet. With wanted only those come in whose
// identity it takes.
func (t *personTable) read(ctx context.Context, r dataverse.Reader, read Read, wanted func(identity []byte) bool, o EvaluateOptions) error {
	own := t.subject.Own // a column that is not provisioned yet has no name: nothing stands under none
	joined := t.joined()
	fields := []Field{Field(t.subject.PrimaryID), "@odata.etag", Field(own.PurgeScheduledOn), Field(own.PurgeNoticedOn),
		Field(own.LegalHold), Field(own.RetainUntil), Field(own.RetainReason)}
	fixed := len(fields)
	for _, j := range joined {
		fields = append(fields, Field(j))
	}
	if t.subject.Master != "" {
		fields = append(fields, Field(t.subject.Master))
	}
	err := scan(ctx, r, read, fields, func(row []dataverse.Value) error {
		o.progress(t.subject.Table, 1)
		id, ok := row[0].GUID()
		if !ok {
			return fmt.Errorf("a row without its id in %s", t.subject.Table)
		}
		if wanted != nil && !wanted(row[fixed].Text()) { // the identity is the first of what is joined
			return nil
		}
		at := int32(len(t.entries))
		t.entries = append(t.entries, entry{id: id, version: version(row[1].Text()), ground: int16(NoGround)})
		var c Columns
		c.PurgeOn, c.NoticedOn, c.ExtendedUntil = dateOnly(row[2]), dateOnly(row[3]), dateOnly(row[5])
		c.LegalHold, _ = row[4].Bool()
		c.ExtendReason = len(bytes.TrimSpace(row[6].Text())) > 0
		if c != (Columns{}) {
			t.columns[at] = c
		}
		for i, name := range joined {
			h, ok := hashValue(row[fixed+i].Text())
			if !ok {
				continue
			}
			t.values[name] = append(t.values[name], hashed{h, at})
			if t.texts != nil {
				if t.texts[name] == nil {
					t.texts[name] = map[string]bool{}
				}
				t.texts[name][strings.Trim(row[fixed+i].String(), blanks)] = true
			}
		}
		if t.subject.Master != "" {
			if m, ok := row[len(row)-1].GUID(); ok {
				t.masters[at] = m
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the persons of %s: %w", t.subject.Table, err)
	}
	t.sort()
	return nil
}

// sort brings the entries into the order of ids and drops a row that came twice because it moved between two pages.
func (t *personTable) sort() {
	order := make([]int32, len(t.entries))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		return bytes.Compare(t.entries[a].id[:], t.entries[b].id[:])
	})
	place := make([]int32, len(order)) // old index → new; gone for what a later page says anew
	sorted := make([]entry, 0, len(order))
	for i, old := range order {
		if n := len(sorted); n > 0 && sorted[n-1].id == t.entries[old].id {
			sorted[n-1] = t.entries[old] // the later page is the newer
			place[order[i-1]] = gone
		} else {
			sorted = append(sorted, t.entries[old])
		}
		place[old] = int32(len(sorted) - 1)
	}
	t.entries = sorted
	t.columns = remap(t.columns, place)
	t.masters = remap(t.masters, place)
	for name, list := range t.values {
		list = slices.DeleteFunc(list, func(h hashed) bool { return place[h.person] == gone })
		for i := range list {
			list[i].person = place[list[i].person]
		}
		slices.SortFunc(list, func(a, b hashed) int {
			switch {
			case a.hash < b.hash:
				return -1
			case a.hash > b.hash:
				return 1
			}
			return int(a.person - b.person)
		})
		t.values[name] = slices.Compact(list)
	}
}

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
	lo, hi := 0, len(t.entries)
	for lo < hi {
		mid := (lo + hi) / 2
		if bytes.Compare(t.entries[mid].id[:], id[:]) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return int32(lo), lo < len(t.entries) && t.entries[lo].id == id
}

// byValue adds the persons who have the value in one of the columns.
func (t *personTable) byValue(found []int32, columns []string, value []byte) []int32 {
	h, ok := hashValue(value)
	if !ok {
		return found
	}
	for _, name := range columns {
		list := t.values[name]
		i, _ := slices.BinarySearchFunc(list, h, func(e hashed, h uint64) int {
			switch {
			case e.hash < h:
				return -1
			case e.hash > h:
				return 1
			}
			return 0
		})
		for ; i < len(list) && list[i].hash == h; i++ {
			found = append(found, list[i].person)
		}
	}
	return found
}

// give lets a person have what a row of a ground justifies.
func (t *personTable) give(at int32, r Retention) {
	e := &t.entries[at]
	m := &t.stripes[e.id[15]%64]
	m.Lock()
	defer m.Unlock()
	e.set(e.retention().Later(r))
}

func (e *entry) retention() Retention {
	return Retention{Until: e.until, Trigger: e.trigger, Ground: int32(e.ground)}
}

func (e *entry) set(r Retention) { e.until, e.trigger, e.ground = r.Until, r.Trigger, int16(r.Ground) }

// person is the entry as the planner takes it.
func (t *personTable) person(at int32, o EvaluateOptions) PersonRow {
	e := &t.entries[at]
	r := e.retention()
	if r.Ground >= 0 {
		r.Ground -= t.base
		if r.Ground < 0 || int(r.Ground) >= len(t.subject.Grounds) {
			r.Ground = OtherRow
		}
	}
	return PersonRow{
		Person: Person{
			ID: e.id, Retention: r, Columns: t.columns[at], Trace: o.trace(t.subject.Table, e.id),
		},
		Table: t.subject.Table, ETag: `W/"` + strconv.FormatUint(e.version, 10) + `"`,
		Master: t.masters[at], HeldWith: e.held, number: int32(e.ground),
	}
}

// version is the number in an ETag such as W/"1146626"; zero if there is none.
func version(etag []byte) uint64 {
	n, err := strconv.ParseUint(strings.Trim(string(etag), `W/"`), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func dateOnly(v dataverse.Value) Date {
	if v.Null() {
		return 0
	}
	// A customer's own column may stand in that is not date-only; its first ten characters are a date all the same.
	d, ok := DateOnly.Date(string(v.Text()), nil)
	if !ok {
		return 0
	}
	return d
}

// blanks are what may surround a value without making it another one: space, tab, and the space that does not break,
// which comes along when an address is copied from a web page.
const blanks = " \t\u00a0"

// hashValue stands for a value that persons are found by, case and surrounding blanks aside; false for an empty one.
func hashValue(value []byte) (uint64, bool) {
	v := bytes.Trim(value, blanks)
	if len(v) == 0 {
		return 0, false
	}
	var room [128]byte // most values are addresses and fit: they cost no memory
	lower := room[:0]
	for _, c := range v {
		switch {
		case c >= utf8.RuneSelf || len(lower) == len(room):
			return hashed64(bytes.ToLower(v)), true
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	return hashed64(lower), true
}

func hashed64(v []byte) uint64 {
	sum := sha256.Sum256(v)
	return binary.BigEndian.Uint64(sum[:8])
}
