package search

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Who else has an address or a number of the purged. A table of persons has many columns for either, a number has many
// notations, and no index of the service leads from one of many texts in one of many columns to a row: each such question
// looks at the whole table. A run that purges many persons would ask it for every hundred of them. It reads the columns once
// instead, keeps of each value a hash, or the last digits, and the row's id, and finds in memory which rows may have a
// value; these are read by id, as they are by then. What was written since the table was read is read before each answer.
//
// What is kept tells nobody's address or number, and ends with the run. Each value takes 24 bytes; of a table that would
// exceed maxEverybody values the service is asked, as in a run that purges few persons.

const (
	// ManyPurged is from how many persons on a run reads whole tables instead of asking for values.
	ManyPurged = 500
	// maxEverybody is how many values are kept in memory, of all tables together: 48 MB.
	maxEverybody = 2_000_000
	// everybodyOverlap is how far back newcomers are read: a row bears the time at which its write began.
	everybodyOverlap = 30 * time.Minute
)

// everybody is what a run has read of whole tables.
type everybody struct {
	turn    environment.Turn
	seed    maphash.Seed
	persons atomic.Int64 // who is to be purged in this run
	many    int
	values  int
	tables  map[string]*tableValues
}

// valuePlace are the columns of a table in which addresses and numbers stand.
type valuePlace struct {
	table         *dataverse.Table
	mails, phones []string
}

func (p valuePlace) key() string {
	return p.table.LogicalName + " " + strings.Join(p.mails, " ") + "; " + strings.Join(p.phones, " ")
}

// tableValues are the values of a table and the rows that have them, ordered by value once the table is read.
type tableValues struct {
	unfit         bool // the service is asked
	mails, phones []rowValue
	lateMail      map[uint64][]uuid.UUID // of rows written since
	lateNumber    map[uint64][]uuid.UUID
	before        time.Time // whatever was written earlier has been read
	loaded        bool
}

type rowValue struct {
	value uint64
	id    uuid.UUID
}

// Expect tells how many persons the run is about to purge.
func (m *Memory) Expect(persons int) { m.all.persons.Store(int64(persons)) }

// ReadAllFrom sets from how many persons on a run reads whole tables; for tests.
func (m *Memory) ReadAllFrom(persons int) { m.all.many = persons }

// tailKey are the last digits of a number, by which all notations of it are found: as many as two of them have in common at
// least, if they are taken for one.
func (n number) tailKey() uint64 {
	most := min(len(n.digits), minNational)
	key := uint64(0)
	for _, d := range n.digits[len(n.digits)-most:] {
		key = key*10 + uint64(d-'0')
	}
	if most < minNational {
		key += 1e9 // by all its digits: it is no part of a longer one
	}
	return key
}

// mailKeys and numberKeys are the keys of what is looked for.
func (e *everybody) mailKeys(of *traces) map[uint64]bool {
	keys := make(map[uint64]bool, len(of.addresses))
	for address := range of.addresses {
		keys[maphash.String(e.seed, address)] = true
	}
	return keys
}

func numberKeys(of *traces) map[uint64]bool {
	keys := make(map[uint64]bool)
	for _, numbers := range of.numbers {
		for _, n := range numbers {
			keys[n.tailKey()] = true
		}
	}
	return keys
}

// having finds the rows of a place that may have one of the addresses or numbers, ordered by id; ok is false where the
// service has to be asked.
func (s *Searcher) having(ctx context.Context, p valuePlace, of *traces) (mails, numbers []uuid.UUID, ok bool, err error) {
	e := &s.Known.all
	if e.persons.Load() < int64(e.many) {
		return nil, nil, false, nil
	}
	end, err := e.turn.Take(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	defer end()
	t := e.tables[p.key()]
	if t == nil {
		t = &tableValues{unfit: p.table.Attributes["modifiedon"] == nil || s.Client.Now().IsZero(), lateMail: make(map[uint64][]uuid.UUID), lateNumber: make(map[uint64][]uuid.UUID)}
		e.tables[p.key()] = t
	}
	if !t.unfit {
		if err := s.readValues(ctx, p, t); err != nil {
			return nil, nil, false, err
		}
	}
	if t.unfit {
		return nil, nil, false, nil
	}
	return find(t.mails, t.lateMail, e.mailKeys(of)), find(t.phones, t.lateNumber, numberKeys(of)), true, nil
}

// readValues reads the whole table the first time, and from then on what was written since.
func (s *Searcher) readValues(ctx context.Context, p valuePlace, t *tableValues) error {
	e := &s.Known.all
	cols := append([]string{p.table.PrimaryID}, p.mails...)
	cols = append(cols, p.phones...)
	some := make([]string, len(cols)-1)
	for i, c := range cols[1:] {
		some[i] = c + " ne null"
	}
	filter := strings.Join(some, " or ")
	if t.loaded {
		filter = "modifiedon ge " + t.before.UTC().Format("2006-01-02T15:04:05Z") + " and (" + filter + ")"
	}
	began := s.Client.Now()
	q := dataverse.Query{Table: p.table.LogicalName, Set: p.table.EntitySet, Select: cols, Filter: filter}
	err := s.Client.Scan(ctx, q, cols, func(row []dataverse.Value) error {
		id, known := row[0].GUID()
		if !known {
			return nil
		}
		for i, v := range row[1:] {
			text := v.String()
			if i < len(p.mails) {
				if a := environment.Fold(text); a != "" {
					t.add(e, &t.mails, t.lateMail, maphash.String(e.seed, a), id)
				}
			} else if n, ok := readNumber(text); ok {
				t.add(e, &t.phones, t.lateNumber, n.tailKey(), id)
			}
		}
		if e.values > maxEverybody {
			return errTooManyValues
		}
		return nil
	})
	switch {
	case err == errTooManyValues:
		e.values -= len(t.mails) + len(t.phones)
		*t = tableValues{unfit: true}
		return nil
	case err != nil:
		return err
	}
	if !t.loaded {
		t.loaded = true
		sortValues(t.mails)
		sortValues(t.phones)
	}
	t.before = began.Add(-everybodyOverlap)
	return nil
}

var errTooManyValues = errors.New("the table has more values than are kept in memory")

func (t *tableValues) add(e *everybody, first *[]rowValue, late map[uint64][]uuid.UUID, key uint64, id uuid.UUID) {
	if !t.loaded {
		*first = append(*first, rowValue{key, id})
		e.values++
		return
	}
	if !slices.Contains(late[key], id) {
		late[key] = append(late[key], id)
		e.values++
	}
}

func compareValues(a, b rowValue) int { return cmp.Compare(a.value, b.value) }

func sortValues(all []rowValue) { slices.SortFunc(all, compareValues) }

// find are the rows that have one of the keys.
func find(all []rowValue, late map[uint64][]uuid.UUID, keys map[uint64]bool) []uuid.UUID {
	var ids []uuid.UUID
	for key := range keys {
		at, _ := slices.BinarySearchFunc(all, rowValue{value: key}, compareValues)
		for ; at < len(all) && all[at].value == key; at++ {
			ids = append(ids, all[at].id)
		}
		ids = append(ids, late[key]...)
	}
	slices.SortFunc(ids, environment.CompareIDs)
	return slices.Compact(ids)
}
