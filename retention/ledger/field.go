package ledger

import (
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// field is a field of an entry: what the reader, the check and the exports know of it. Its kind is that of what at points
// to. [Verify] has a list of its own: it shares nothing with those whom it checks.
type field struct {
	name string         // as it stands on a line
	form *regexp.Regexp // of a text, or of the keys of an object; nil where the kind alone is enough
	at   func(*Entry) any
}

// fields are all fields of an entry, in the order in which exports have them as columns.
var fields = []field{
	{"run", wordForm, func(e *Entry) any { return &e.Run }},
	{"kind", wordForm, func(e *Entry) any { return (*string)(&e.Kind) }},
	{"verb", wordForm, func(e *Entry) any { return &e.Verb }},
	{"table", nameForm, func(e *Entry) any { return &e.Table }},
	{"id", nil, func(e *Entry) any { return &e.ID }},
	{"purgeOn", nil, func(e *Entry) any { return &e.PurgeOn }},
	{"noticedOn", nil, func(e *Entry) any { return &e.NoticedOn }},
	{"ground", groundForm, func(e *Entry) any { return &e.Ground }},
	{"class", wordForm, func(e *Entry) any { return &e.Class }},
	{"do", wordForm, func(e *Entry) any { return (*string)(&e.Do) }},
	{"rows", nameForm, func(e *Entry) any { return &e.Rows }},
	{"stays", nameForm, func(e *Entry) any { return &e.Stays }},
	{"decided", decideForm, func(e *Entry) any { return &e.Decided }},
	{"counts", countForm, func(e *Entry) any { return &e.Counts }},
	{"status", wordForm, func(e *Entry) any { return (*string)(&e.Status) }},
	{"code", codeForm, func(e *Entry) any { return &e.Code }},
	{"deleted", nil, func(e *Entry) any { return &e.Deleted }},
	{"guard", wordForm, func(e *Entry) any { return &e.Guard }},
	{"facts", factForm, func(e *Entry) any { return &e.Facts }},
	{"policy", hashForm, func(e *Entry) any { return &e.Policy }},
	{"organization", nil, func(e *Entry) any { return &e.Organization }},
	{"actor", nil, func(e *Entry) any { return &e.Actor }},
	{"today", nil, func(e *Entry) any { return &e.Today }},
	{"version", verForm, func(e *Entry) any { return &e.Version }},
	{"first", nil, func(e *Entry) any { return &e.First }},
	{"last", nil, func(e *Entry) any { return &e.Last }},
	{"file", nil, func(e *Entry) any { return &e.File }},
	{"bytes", nil, func(e *Entry) any { return &e.Bytes }},
}

// fieldAfter is the place of the field of that name, looked for from a place on, since lines have most fields in the
// order of the list; -1 for none.
func fieldAfter(place int, name []byte) int {
	for i := place; i < len(fields); i++ {
		if string(name) == fields[i].name {
			return i
		}
	}
	for i := range place {
		if string(name) == fields[i].name {
			return i
		}
	}
	return -1
}

// check tells whether what the entry has in the field has its form. The error does not quote it: it might be personal data.
func (f *field) check(e *Entry) error {
	sound := true
	if d, ok := f.at(e).(*retention.Date); ok {
		sound = d.Valid() // what its readers do not take for a date would make all that follows unreadable
	}
	if f.form == nil && sound {
		return nil
	}
	keyed := func(key string) { sound = sound && f.form.MatchString(key) }
	switch v := f.at(e).(type) {
	case *string:
		sound = *v == "" || f.form.MatchString(*v)
	case *map[string][]uuid.UUID:
		for key := range *v {
			keyed(key)
		}
	case *map[string]int:
		for key := range *v {
			keyed(key)
		}
	case *map[string]string:
		for key, value := range *v {
			keyed(key)
			sound = sound && valueForm.MatchString(value)
		}
	}
	if !sound {
		return fmt.Errorf("ledger: %s entry: what it has as %s does not have its form", e.Kind, f.name)
	}
	return nil
}

// read takes the field's value off the line.
func (f *field) read(p *plainLine, e *Entry) bool {
	var n int64
	var ok bool
	switch v := f.at(e).(type) {
	case *string:
		var s []byte
		s, ok = p.string()
		*v = p.word(s)
	case *uuid.UUID:
		*v, ok = p.id()
	case *retention.Date:
		*v, ok = p.date()
	case *uint64:
		n, ok = p.number()
		*v = uint64(n)
	case *int:
		n, ok = p.number()
		*v = int(n)
	case *int64:
		*v, ok = p.number()
	case *map[string][]uuid.UUID:
		*v, ok = p.rows()
	case *map[string]int:
		*v, ok = p.counts()
	case *map[string]string:
		*v, ok = p.facts()
	}
	return ok
}

// columns are the columns of an export, in the order of the schema.
var columns = func() []string {
	names := []string{"seq", "at"}
	for _, f := range fields {
		names = append(names, f.name)
	}
	return append(names, "prev", "hash")
}()

// cells are what an export has of a record: run on every line, not only on a run's first, and the record's own hash.
// Each is a pointer to a value of its kind.
func (r *Record) cells(run, hash string) []any {
	cells := append(make([]any, 0, len(columns)), &r.Seq, &r.At)
	r.Run = run
	for i := range fields {
		cells = append(cells, fields[i].at(&r.Entry))
	}
	return append(cells, &r.Prev, &hash)
}

// cellText is the text of an export's cell; empty for none.
func cellText(cell any) string {
	switch v := cell.(type) {
	case *string:
		return *v
	case *time.Time:
		return v.UTC().Format(time.RFC3339)
	case *uuid.UUID:
		return csvID(*v)
	case *retention.Date:
		return csvDate(*v)
	case *map[string][]uuid.UUID:
		return csvRows(*v)
	case *map[string]int:
		return csvCounts(*v)
	case *map[string]string:
		return csvFacts(*v)
	}
	return csvNumber(cellNumber(cell))
}

// cellNumber is the number of an export's cell; 0 for none.
func cellNumber(cell any) int64 {
	switch v := cell.(type) {
	case *int:
		return int64(*v)
	case *int64:
		return *v
	case *uint64:
		return int64(*v)
	}
	return 0
}
