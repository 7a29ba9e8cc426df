package store

import "github.com/gallra/gallra/dataverse/emulator/internal/schema"

// Value is the value of a column by its name, nil also where the table has no such column.
func Value(t *schema.Table, r *Row, name string) any {
	c := t.Column(name)
	if c == nil || r == nil {
		return nil
	}
	switch name {
	case t.ID:
		return r.ID
	case "versionnumber":
		return r.Version
	}
	return r.Get(c.Index)
}

// Text is the text of a column by its name, "" where there is none.
func Text(t *schema.Table, r *Row, name string) string {
	s, _ := Value(t, r, name).(string)
	return s
}

// Lookup is the row that a lookup holds, by the column's name; the zero Ref where it holds none.
func Lookup(t *schema.Table, r *Row, name string) Ref {
	v, _ := Value(t, r, name).(Ref)
	return v
}

// Int is the number of a column by its name, 0 where there is none.
func Int(t *schema.Table, r *Row, name string) int64 {
	v, _ := Value(t, r, name).(int64)
	return v
}

// Set puts a value under a column's name if the table has that column.
func (v Values) Set(t *schema.Table, name string, value any) {
	if c := t.Column(name); c != nil {
		v[c.Index] = fit(c, value)
	}
}

// SetDefault is set where nothing stands yet.
func (v Values) SetDefault(t *schema.Table, name string, value any) {
	if c := t.Column(name); c != nil {
		if old, ok := v[c.Index]; !ok || old == nil {
			v[c.Index] = fit(c, value)
		}
	}
}

// After is the value under a column's name among the changes, else in the row before them (nil when there is none).
func (v Values) After(t *schema.Table, before *Row, name string) any {
	c := t.Column(name)
	if c == nil {
		return nil
	}
	if value, ok := v[c.Index]; ok {
		return value
	}
	if before == nil {
		return nil
	}
	return before.Get(c.Index)
}

// Has tells whether the column is among the changes.
func (v Values) Has(t *schema.Table, name string) bool {
	c := t.Column(name)
	if c == nil {
		return false
	}
	_, ok := v[c.Index]
	return ok
}

// fit is a reference as the column keeps it: some tables of the platform keep the id alone.
func fit(c *schema.Column, value any) any {
	if r, ok := value.(Ref); ok && c.Kind == schema.KindGUID {
		return r.ID
	}
	return value
}

// SetText sets a text cut to the column's length; an empty one is null.
func (v Values) SetText(t *schema.Table, name, s string) {
	c := t.Column(name)
	if c == nil {
		return
	}
	if c.MaxLength > 0 {
		s = CutText(s, c.MaxLength)
	}
	if s == "" {
		v[c.Index] = nil
		return
	}
	v[c.Index] = s
}

// CutText cuts a text to so many UTF-16 code units.
func CutText(s string, units int) string {
	if len(s) <= units {
		return s
	}
	n := 0
	for i, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
		if n > units {
			return s[:i]
		}
	}
	return s
}

// NowFor is now as a column of dates or of times keeps it.
func NowFor(t *schema.Table, now Instant, name string) any {
	if t.Column(name).DateOnly() {
		return DayOf(now)
	}
	return now
}

// DayOf is the day of a date or of a time, in UTC.
func DayOf(v any) Day {
	switch v := v.(type) {
	case Instant:
		return Day(v / 86400)
	case Day:
		return v
	}
	return 0
}

// ColumnValue is what a row holds in a column; keys and versions are the row's own.
func ColumnValue(t *schema.Table, r *Row, c *schema.Column) any {
	if r == nil {
		return nil
	}
	switch c.Name {
	case t.ID:
		return r.ID
	case VersionNumber:
		return r.Version
	}
	return r.Get(c.Index)
}
