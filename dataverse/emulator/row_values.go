package emulator

// get is the value of a column by its name, nil also where the table has no such column.
func (t *table) get(r *row, name string) any {
	c := t.column(name)
	if c == nil || r == nil {
		return nil
	}
	switch name {
	case t.ID:
		return r.id
	case "versionnumber":
		return r.version
	}
	return r.get(c.index)
}

func (t *table) text(r *row, name string) string {
	s, _ := t.get(r, name).(string)
	return s
}

func (t *table) ref(r *row, name string) ref {
	v, _ := t.get(r, name).(ref)
	return v
}

func (t *table) int(r *row, name string) int64 {
	v, _ := t.get(r, name).(int64)
	return v
}

// set puts a value under a column's name if the table has that column.
func (v values) set(t *table, name string, value any) {
	if c := t.column(name); c != nil {
		v[c.index] = c.fit(value)
	}
}

// setDefault is set where nothing stands yet.
func (v values) setDefault(t *table, name string, value any) {
	if c := t.column(name); c != nil {
		if old, ok := v[c.index]; !ok || old == nil {
			v[c.index] = c.fit(value)
		}
	}
}

// of is the value under a column's name among the changes, else in the row before them (nil when there is none).
func (v values) of(t *table, before *row, name string) any {
	c := t.column(name)
	if c == nil {
		return nil
	}
	if value, ok := v[c.index]; ok {
		return value
	}
	if before == nil {
		return nil
	}
	return before.get(c.index)
}

// has tells whether the column is among the changes.
func (v values) has(t *table, name string) bool {
	c := t.column(name)
	if c == nil {
		return false
	}
	_, ok := v[c.index]
	return ok
}

// fit is a reference as the column keeps it: some tables of the platform keep the id alone.
func (c *column) fit(value any) any {
	if r, ok := value.(ref); ok && c.kind == kindGUID {
		return r.ID
	}
	return value
}

// setText sets a text cut to the column's length; an empty one is null.
func (v values) setText(t *table, name, s string) {
	c := t.column(name)
	if c == nil {
		return
	}
	if c.MaxLength > 0 {
		s = cutText(s, c.MaxLength)
	}
	if s == "" {
		v[c.index] = nil
		return
	}
	v[c.index] = s
}

// cutText cuts a text to so many UTF-16 code units.
func cutText(s string, units int) string {
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

// today is now as a column of dates or of times keeps it.
func (t *table) today(now instant, name string) any {
	if t.column(name).dateOnly() {
		return dayIn(now)
	}
	return now
}

// dayIn is the day of a date or of a time, in UTC.
func dayIn(v any) day {
	switch v := v.(type) {
	case instant:
		return day(v / 86400)
	case day:
		return v
	}
	return 0
}

// value is what a row holds in a column; keys and versions are the row's own.
func (t *table) value(r *row, c *column) any {
	if r == nil {
		return nil
	}
	switch c.Name {
	case t.ID:
		return r.id
	case versionNumber:
		return r.version
	}
	return r.get(c.index)
}
