package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Record is a row to load.
type Record struct {
	Table string // logical name
	// ID is the row's id; the zero id is replaced by a random one.
	ID uuid.UUID
	// Values are the columns by logical name, in the types that fit them: string; int or int64 for whole numbers, the
	// number or the label for choices; float64 for decimals and money; bool; time.Time or a text such as "2026-11-24"
	// for dates; uuid.UUID; a [Reference] for a lookup; a []any of references and bare addresses for a list of
	// parties. Columns that the Web API does not let a create set may be set: createdon, statecode.
	Values map[string]any
}

// Reference is a lookup's value.
type Reference struct {
	Table string // logical name
	ID    uuid.UUID
}

// Ref is a reference to a row.
func Ref(table string, id uuid.UUID) Reference { return Reference{table, id} }

// RecordError is a record that does not fit the schema. It quotes no value.
type RecordError struct {
	Table  string
	ID     uuid.UUID
	Column string // empty: the row as such
	Why    string
}

// Error names the table, the row and the column, and no value.
func (e *RecordError) Error() string {
	at := e.Table + " " + e.ID.String()
	if e.Column != "" {
		at += ", column " + e.Column
	}
	return "load " + at + ": " + e.Why
}

// typed makes the row's values of a record's.
func (l *Loader) typed(t *schema.Table, r Record) (store.Values, error) {
	v := make(store.Values, len(r.Values)+16)
	for name, given := range r.Values {
		fail := func(format string, args ...any) error {
			return &RecordError{t.Name, r.ID, name, fmt.Sprintf(format, args...)}
		}
		c := t.Column(name)
		if c == nil {
			return nil, fail("there is no such column")
		}
		if given == nil {
			continue
		}
		x, err := l.value(t, c, given)
		if err != nil {
			return nil, fail("%v", err)
		}
		if x != nil {
			v[c.Index] = x
		}
	}
	return v, nil
}

// value makes a column's value of a Go value.
func (l *Loader) value(t *schema.Table, c *schema.Column, given any) (any, error) {
	wrong := fmt.Errorf("a %T does not fit type %s", given, c.Type)
	switch g := given.(type) {
	case Reference:
		if c.Kind != schema.KindLookup {
			return nil, wrong
		}
		return l.lookup(t, c, g)
	case time.Time:
		switch {
		case c.Kind != schema.KindDateTime:
			return nil, wrong
		case c.DateOnly():
			y, m, d := g.Date()
			return store.Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400), nil
		}
		return store.Instant(g.Unix()), nil
	case uuid.UUID:
		if c.Kind != schema.KindGUID {
			return nil, wrong
		}
		return g, nil
	case bool:
		if c.Kind != schema.KindBoolean && c.Kind != schema.KindManaged {
			return nil, wrong
		}
		return g, nil
	case string:
		switch c.Kind {
		case schema.KindPicklist, schema.KindState, schema.KindStatus:
			return byLabel(c, g)
		case schema.KindDateTime:
			if d, err := time.Parse(time.DateOnly, g); err == nil {
				return l.value(t, c, d)
			}
		case schema.KindFile:
			return nil, errors.New("a file is uploaded")
		}
		return fits(wire.ParseValue(t, c, g))
	case int:
		return fits(wire.ParseValue(t, c, json.Number(strconv.Itoa(g))))
	case int64:
		return fits(wire.ParseValue(t, c, json.Number(strconv.FormatInt(g, 10))))
	case float64:
		return fits(wire.ParseValue(t, c, json.Number(strconv.FormatFloat(g, 'f', -1, 64))))
	default:
		return nil, wrong
	}
}

// byLabel is the option with that label. Quotes have two states with one: those take the number.
func byLabel(c *schema.Column, label string) (any, error) {
	var found any
	for _, o := range c.Options {
		if o.Label != label {
			continue
		}
		if found != nil {
			return nil, errors.New("two options have this label: give the number")
		}
		found = int64(o.Value)
	}
	if found == nil {
		return nil, errors.New("no option has this label")
	}
	return found, nil
}

// fits rewords an error of the Web API so that it quotes no value.
func fits(v any, err error) (any, error) {
	if err != nil { // it quotes the value
		return nil, errors.New("the value does not fit the column")
	}
	return v, nil
}

// lookup checks that the column may point there. Whether the row exists is checked when all records are in.
func (l *Loader) lookup(t *schema.Table, c *schema.Column, r Reference) (any, error) {
	target := l.Schema.Tables[r.Table]
	if target == nil {
		return nil, fmt.Errorf("there is no table %s", r.Table)
	}
	allowed := c.Targets
	if c.Type == "Owner" {
		allowed = []string{"systemuser", "team"}
	}
	for _, a := range allowed {
		if a == r.Table || a == "activitypointer" && target.Activity {
			return l.ref(target.Name, r.ID), nil
		}
	}
	return nil, fmt.Errorf("it does not point at %s", r.Table)
}

// partyMasks are the participation types of the columns that list parties.
var partyMasks = map[string]int{
	"from": 1, "to": 2, "cc": 3, "bcc": 4, "requiredattendees": 5, "optionalattendees": 6, "organizer": 7, "resources": 10,
	"customers": 11, "customer": 11,
}

// partyLists makes records of the party lists in an activity's record. The ids follow from the
// activity's: the same records make the same rows.
func (l *Loader) partyLists(t *schema.Table, r Record) (parties []Record, rest map[string]any, err error) {
	rest = maps.Clone(r.Values)
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		c := t.Column(name)
		if c == nil || c.Kind != schema.KindPartyList {
			continue
		}
		fail := func(why string) ([]Record, map[string]any, error) {
			return nil, nil, &RecordError{t.Name, r.ID, name, why}
		}
		list, ok := r.Values[name].([]any)
		mask := partyMasks[name]
		if !ok || mask == 0 {
			return fail("it takes a []any of references and addresses")
		}
		delete(rest, name)
		for i, p := range list {
			v := map[string]any{"activityid": Ref(t.Name, r.ID), "participationtypemask": mask}
			switch p := p.(type) {
			case Reference:
				v["partyid"] = p
			case string:
				v["addressused"] = p
			default:
				return fail("it takes references and addresses")
			}
			id := uuid.NewSHA1(r.ID, fmt.Appendf(nil, "%s/%d", name, i))
			parties = append(parties, Record{"activityparty", id, v})
		}
	}
	return parties, rest, nil
}
