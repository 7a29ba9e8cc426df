package load

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/snapshot"
)

// Snapshot puts the rows of a file in, as they stand there: nothing is computed, no default filled in, no row made beside them. It
// reads the file to its end, also where rows says that they stay out. What lookups point at need not be there: a file holds the rows of the tables that it was taken for.
func (s *Service) Snapshot(in *snapshot.Reader, rows bool) error {
	return s.Fill(func(l *Loader) error {
		l.Trusted = true
		l.views(in.Views)
		l.bin(in.Head.Settings)
		f := &filling{Loader: l, in: in, skip: !rows, carried: map[string]bool{}, whole: map[int64]any{}, moments: map[int64]any{}, days: map[int64]any{}, texts: map[string]any{}, activity: l.activities()}
		for {
			name, columns, err := in.NextTable()
			if errors.Is(err, io.EOF) {
				return f.pointedAt()
			}
			if err != nil {
				return err
			}
			if err := f.table(name, columns); err != nil {
				return err
			}
		}
	})
}

// filling is a file on its way in. Values that many rows hold are boxed once.
type filling struct {
	*Loader
	in       *snapshot.Reader
	skip     bool
	carried  map[string]bool // tables whose rows the file holds
	whole    map[int64]any
	moments  map[int64]any
	days     map[int64]any
	texts    map[string]any
	activity []string
}

const mostShared = 1 << 16

func (f *filling) table(name string, columns []snapshot.RowColumn) error {
	t := f.Schema.Tables[name]
	if t == nil {
		return fmt.Errorf("the rows of %s have no definition", name)
	}
	f.carried[name] = true
	cols := make([]*schema.Column, len(columns))
	for i, c := range columns {
		cols[i] = t.Column(c.Name) // nil: of a type that the emulator does not have
	}
	base := newBase(t, store.Values{})
	there := f.Writer.Tx.Data[name]
	for {
		v := store.Values{}
		more, err := f.in.NextRow(func(c snapshot.Cell) error {
			col := cols[c.Column]
			if col == nil || f.skip {
				return nil
			}
			x, err := f.value(col, c)
			if err != nil {
				return fmt.Errorf("a value of %s.%s is none: %w", name, col.Name, err)
			}
			v[col.Index] = x
			return nil
		})
		if err != nil {
			return err
		}
		if !more {
			return f.store()
		}
		if f.skip {
			continue
		}
		id, ok := v[t.IDColumn().Index].(uuid.UUID)
		if !ok {
			return fmt.Errorf("a row of %s has no id", name)
		}
		delete(v, t.IDColumn().Index)
		if there.Get(id) != nil {
			continue // the organisation's own, which every emulator has
		}
		if c := t.Column("organizationid"); c != nil && c.Kind == schema.KindLookup {
			v[c.Index] = f.ref("organization", f.Writer.Engine.OrganizationID)
		}
		f.AddWithBase(base, t, id, v)
	}
}

func shared[K comparable](known map[K]any, key K, v any) any {
	if one, ok := known[key]; ok {
		return one
	}
	if len(known) < mostShared {
		known[key] = v
	}
	return v
}

// value is a cell as a row keeps it.
func (f *filling) value(c *schema.Column, cell snapshot.Cell) (any, error) {
	switch c.Kind {
	case schema.KindLookup:
		table, id := "", string(cell.Text)
		if at := strings.IndexByte(id, ' '); at > 0 {
			table, id = id[:at], id[at+1:]
		} else if len(c.Targets) > 0 {
			table = c.Targets[0]
		}
		to, err := uuid.Parse(id)
		if err != nil {
			return nil, err
		}
		return f.ref(f.concrete(table, to), to), nil
	case schema.KindGUID:
		return uuid.ParseBytes(cell.Text)
	case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindInteger, schema.KindBigInt:
		n, err := strconv.ParseInt(string(cell.JSON), 10, 64)
		return shared(f.whole, n, any(n)), err
	case schema.KindBoolean:
		return strconv.ParseBool(string(cell.JSON))
	case schema.KindDecimal, schema.KindDouble, schema.KindMoney:
		return strconv.ParseFloat(string(cell.JSON), 64)
	case schema.KindDateTime:
		if c.DateOnly() {
			d, err := time.Parse(time.DateOnly, string(cell.Text))
			day := d.Unix() / 86400
			return shared(f.days, day, any(store.Day(day))), err
		}
		d, err := time.Parse(time.RFC3339, string(cell.Text))
		return shared(f.moments, d.Unix(), any(store.Instant(d.Unix()))), err
	}
	if one, ok := f.texts[string(cell.Text)]; ok {
		return one, nil
	}
	text := string(cell.Text)
	if len(text) > 32 {
		return text, nil
	}
	return shared(f.texts, text, any(text)), nil
}

// pointedAt makes the rows that others point at and whose tables the file does not hold, such as users, teams and products: by their
// id alone, so that a lookup to them can be written.
func (f *filling) pointedAt() error {
	missing := map[store.Ref]bool{}
	for name := range f.carried {
		f.Writer.Tx.Data[name].Scan(uuid.Nil, func(r *store.Row) bool {
			for _, v := range r.All() {
				if to, ok := v.(store.Ref); ok && !f.carried[to.Table] && !missing[to] && f.Writer.Tx.Data[to.Table].Get(to.ID) == nil {
					missing[to] = true
				}
			}
			return true
		})
	}
	root := f.ref("businessunit", f.Writer.Engine.RootBusiness)
	order := slices.SortedFunc(maps.Keys(missing), func(a, b store.Ref) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), bytes.Compare(a.ID[:], b.ID[:]))
	})
	for _, to := range order {
		t := f.Schema.Tables[to.Table]
		if t == nil || t.Name == schema.ActivityPointer || t.Name == "organization" {
			continue
		}
		v := store.Values{}
		if t.Name == "systemuser" || t.Name == "team" {
			v.Set(t, "businessunitid", root)
		}
		f.AddWithBase(f.Base(t), t, to.ID, v)
	}
	return f.store()
}

// concrete is the table of the activity that a lookup of many tables holds: the service names them all activitypointer. Activities
// come before what points at them.
func (f *filling) concrete(table string, id uuid.UUID) string {
	if table != schema.ActivityPointer {
		return table
	}
	for _, name := range f.activity {
		if f.Writer.Tx.Data[name].Get(id) != nil {
			return name
		}
	}
	return table
}

func (l *Loader) views(views []snapshot.View) {
	made := l.Writer.Now
	for _, v := range views {
		l.Writer.Tx.Place("savedquery", v.ID, store.Fields{"name": v.Name, "returnedtypecode": v.Table, "fetchxml": v.FetchXML, "querytype": int64(v.Type),
			"isdefault": false, "ismanaged": false, "statecode": int64(0), "statuscode": int64(1), "createdon": made, "modifiedon": made, "componentstate": int64(0), "savedqueryidunique": v.ID})
	}
}

// bin sets what the environment says of auditing and of its recycle bin.
func (l *Loader) bin(s snapshot.Settings) {
	tx := l.Writer.Tx
	org := tx.Schema.Tables["organization"]
	if r := tx.Data[org.Name].Get(l.Writer.Engine.OrganizationID); r != nil {
		tx.Put(org, r.With(store.Values{org.Column("isauditenabled").Index: s.Audited, org.Column("auditretentionperiodv2").Index: int64(s.AuditDays)}, tx.NextVersion()))
	}
	t := tx.Schema.Tables["recyclebinconfig"]
	var all []*store.Row
	tx.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool { all = append(all, r); return true })
	for _, r := range all {
		name := store.Text(t, r, "name")
		days, on := s.BinByTable[name]
		if name == "organization" {
			days, on = s.BinDays, s.Bin
		}
		if !on {
			tx.Remove(t, r.ID)
			continue
		}
		tx.Put(t, r.With(store.Values{t.Column("cleanupintervalindays").Index: int64(days)}, tx.NextVersion()))
	}
}
