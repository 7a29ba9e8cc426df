package take

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/retention/personmap"
)

// birthdays are dates that say something of a person: the first of their year is left.
var birthdays = map[string]bool{"birthdate": true, "anniversary": true, "spousebirthdate": true}

// column is a column of rows as it is read and written.
type column struct {
	snapshot.RowColumn
	at      int // of its value in what is read
	kind    string
	most    int
	day     bool
	several bool // a lookup to rows of several tables: the value names which
	target  int  // of the name of the table in what is read
	person  bool // a lookup to a person
}

// plain tells of which types the values stay: they are choices, states and the like.
var plain = []string{"Picklist", "State", "Status", "Boolean", "MultiSelectPicklist", "EntityName", "BigInt"}

// columns are those of a table's rows, and what is asked for them.
func (t *taker) columns(d *snapshot.Table) (cols []column, asked []string) {
	for i := range d.Columns {
		c := &d.Columns[i]
		made := column{RowColumn: snapshot.RowColumn{Name: c.Name}, kind: c.Type, most: c.MaxLength, day: c.Behavior == "DateOnly"}
		whole := slices.Contains(t.reads[d.Name], c.Name)
		wire := c.Name
		switch {
		case c.NoRead && c.Name != d.ID, c.AttributeOf != "", c.Name == "versionnumber", t.hidden[d.Name+"."+c.Name]:
			continue
		case c.Type == "Lookup", c.Type == "Customer", c.Type == "Owner":
			made.Mask, wire = snapshot.ID, "_"+c.Name+"_value"
			made.several = len(c.Targets) != 1 || c.Type == "Owner" || c.Targets[0] == "activitypointer"
		case c.Type == "Uniqueidentifier":
			made.Mask = snapshot.ID
		case c.Type == "String", c.Type == "Memo" && whole:
			made.Mask = snapshot.Text
		case slices.Contains(plain, c.Type):
			made.Mask = snapshot.Kept
		case c.Type == "DateTime":
			made.Mask = snapshot.Kept
			if birthdays[c.Name] {
				made.Mask = snapshot.OnlyDay
				if whole {
					made.Mask = snapshot.Whole
				}
			}
		case c.Type == "Integer", c.Type == "Decimal", c.Type == "Double", c.Type == "Money":
			made.Mask = snapshot.Kept
			if personmap.PersonalNumber(d.Name, &dataverse.Attribute{LogicalName: c.Name, Custom: c.Custom}) {
				made.Mask = snapshot.Zero
				if whole {
					made.Mask = snapshot.Whole
				}
			}
		default:
			continue // free text, files, and what no row holds
		}
		made.at = len(asked)
		asked = append(asked, wire)
		if made.several {
			made.target = len(asked)
			asked = append(asked, wire+"@Microsoft.Dynamics.CRM.lookuplogicalname")
		}
		for _, target := range c.Targets {
			made.person = made.person || made.Mask == snapshot.ID && t.persons[target]
		}
		cols = append(cols, made)
	}
	return cols, asked
}

// rows writes the rows of a table.
func (t *taker) rows(ctx context.Context, d *snapshot.Table) (int, error) {
	cols, asked := t.columns(d)
	told := make([]snapshot.RowColumn, len(cols))
	key := -1
	for i, c := range cols {
		told[i] = c.RowColumn
		if c.Name == d.ID {
			key = c.at
		}
	}
	if key < 0 {
		return 0, fmt.Errorf("the key of %s cannot be read", d.Name)
	}
	if err := t.out.Rows(d.Name, told); err != nil {
		return 0, err
	}
	n := 0
	err := t.client.Scan(ctx, dataverse.Query{Table: d.Name}, asked, func(row []dataverse.Value) error {
		id, ok := row[key].GUID()
		if !ok {
			return fmt.Errorf("%w: a row of %s without its key", dataverse.ErrAnswer, d.Name)
		}
		if !t.sampled(d.Name, id, cols, row) {
			return nil
		}
		line, err := t.line(cols, row)
		if err != nil {
			return fmt.Errorf("a row of %s: %w", d.Name, err)
		}
		n++
		if n%progressRows == 0 {
			t.progress(d.Name, progressRows)
		}
		return t.out.Row(line)
	})
	if err != nil {
		return 0, err
	}
	t.progress(d.Name, n%progressRows)
	return n, t.out.EndRows(n)
}

const progressRows = 1000

// sampled tells whether a row is part of the sample: a person by chance, every other row where it points at no person or at one
// that is.
func (t *taker) sampled(table string, id uuid.UUID, cols []column, row []dataverse.Value) bool {
	if t.share >= 1 {
		return true
	}
	if t.persons[table] {
		return t.mask.share(id) < t.share
	}
	points := false
	for i := range cols {
		c := &cols[i]
		if !c.person {
			continue
		}
		if c.several && !t.persons[string(row[c.target].Text())] {
			continue
		}
		if to, ok := row[c.at].GUID(); ok {
			if t.mask.share(to) < t.share {
				return true
			}
			points = true
		}
	}
	return !points
}

// line is a row as it stands in the file.
func (t *taker) line(cols []column, row []dataverse.Value) ([]byte, error) {
	b := append(t.scratch[:0], '[')
	for i := range cols {
		c, v := &cols[i], row[cols[i].at]
		if v.Null() {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strconv.AppendInt(b, int64(i), 10), ',')
		var err error
		if b, err = t.value(b, c, v, row); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	t.scratch = append(b, ']')
	return t.scratch, nil
}

func (t *taker) value(b []byte, c *column, v dataverse.Value, row []dataverse.Value) ([]byte, error) {
	switch c.Mask {
	case snapshot.ID:
		id, ok := v.GUID()
		if !ok {
			return nil, fmt.Errorf("%w: no id", dataverse.ErrAnswer)
		}
		b = append(b, '"')
		if c.several {
			b = append(append(b, row[c.target].Text()...), ' ')
		}
		return append(append(b, t.mask.id(id).String()...), '"'), nil
	case snapshot.Text:
		masked := t.mask.text(v.String(), c.most)
		return jsontext.AppendQuote(b, masked)
	case snapshot.Zero:
		return append(b, '0'), nil
	case snapshot.OnlyDay:
		at, ok := v.Time()
		if !ok {
			return nil, fmt.Errorf("%w: no date", dataverse.ErrAnswer)
		}
		return c.date(b, t.mask.moved(time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC))), nil
	}
	if c.kind == "DateTime" {
		at, ok := v.Time()
		if !ok {
			return nil, fmt.Errorf("%w: no date", dataverse.ErrAnswer)
		}
		return c.date(b, t.mask.moved(at)), nil
	}
	if strings.HasPrefix(c.kind, "MultiSelect") || c.kind == "EntityName" {
		return jsontext.AppendQuote(b, v.String())
	}
	if _, truth := v.Bool(); !truth && !isJSONNumber(v.Text()) { // a text would stand there unmasked
		return nil, fmt.Errorf("%w: neither a number nor a truth", dataverse.ErrAnswer)
	}
	return append(b, v.Text()...), nil
}

// isJSONNumber tells whether a value begins as a number does and holds nothing else.
func isJSONNumber(b []byte) bool {
	return len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') && len(bytes.Trim(b, "0123456789+-.eE")) == 0
}

// date prints a date as the service does.
func (c *column) date(b []byte, at time.Time) []byte {
	b = append(b, '"')
	if c.day {
		b = at.AppendFormat(b, time.DateOnly)
	} else {
		b = at.UTC().AppendFormat(b, time.RFC3339)
	}
	return append(b, '"')
}
