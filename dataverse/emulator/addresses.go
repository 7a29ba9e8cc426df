package emulator

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// addressTables are the tables with addresses in their rows: which table holds the addresses as rows of their own, and
// how many every row has. Pages: customeraddress, leadaddress, contact (address1_addressid).
var addressTables = map[string]struct {
	table string
	count int
}{
	"account": {"customeraddress", 2}, "contact": {"customeraddress", 3}, "lead": {"leadaddress", 2},
}

// columnPair is a column of an address row and the column of its parent's row that holds the same.
type columnPair struct{ here, there int }

// addressPairs are the columns of an address row that stand in its parent's row too, under address1_ and so on.
func addressPairs(parent, t *table, number int) []columnPair {
	var pairs []columnPair
	prefix := "address" + strconv.Itoa(number) + "_"
	for _, c := range t.Columns {
		if own := parent.column(prefix + c.Name); own != nil && own.kind == c.kind {
			pairs = append(pairs, columnPair{c.index, own.index})
		}
	}
	return pairs
}

func addressValues(parent *table, r *row, t *table, number int) values {
	v := values{}
	for _, p := range addressPairs(parent, t, number) {
		v[p.here] = r.get(p.there)
	}
	return v
}

// makeAddresses makes the address rows of a new row. The platform makes them whether they hold anything or not.
func (w *writer) makeAddresses(parent *table, r *row) error {
	kept, ok := addressTables[parent.Name]
	if !ok {
		return nil
	}
	t := w.schema.tables[kept.table]
	ids := values{}
	for n := 1; n <= kept.count; n++ {
		name := "address" + strconv.Itoa(n) + "_addressid"
		id, given := parent.get(r, name).(uuid.UUID)
		if !given {
			id = uuid.New()
			ids.set(parent, name, id)
		}
		v := addressValues(parent, r, t, n)
		v[t.idColumn().index] = id
		v.set(t, "addressnumber", int64(n))
		v.set(t, "parentid", ref{parent.Name, r.id})
		v.set(t, "objecttypecode", parent.Name)
		if _, err := w.insert(t, v); err != nil {
			return err
		}
	}
	w.put(parent, w.data[parent.Name].get(r.id).with(ids, r.version))
	return nil
}

// followAddresses brings the address rows in line with a changed parent.
func (w *writer) followAddresses(parent *table, before, after *row) error {
	kept, ok := addressTables[parent.Name]
	if !ok {
		return nil
	}
	t := w.schema.tables[kept.table]
	for n := 1; n <= kept.count; n++ {
		prefix := "address" + strconv.Itoa(n) + "_"
		id, _ := parent.get(after, prefix+"addressid").(uuid.UUID)
		r := w.data[t.Name].get(id)
		if r == nil {
			continue
		}
		v := addressValues(parent, after, t, n)
		for i, value := range v {
			if r.get(i) == value {
				delete(v, i)
			}
		}
		if len(v) > 0 {
			if _, err := w.save(t, r, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// followAddress brings the parent in line with an address row that has been changed by itself.
func (w *writer) followAddress(t *table, r *row) error {
	of := t.ref(r, "parentid")
	kept, ok := addressTables[of.Table]
	n := t.int(r, "addressnumber")
	if !ok || kept.table != t.Name || n < 1 || n > int64(kept.count) {
		return nil
	}
	parent := w.schema.tables[of.Table]
	holder := w.data[of.Table].get(of.ID)
	prefix := "address" + strconv.FormatInt(n, 10) + "_"
	if holder == nil || parent.get(holder, prefix+"addressid") != any(r.id) {
		return nil
	}
	v := values{}
	for _, c := range t.Columns {
		own := parent.column(prefix + c.Name)
		if own != nil && own.kind == c.kind && !strings.HasSuffix(c.Name, "composite") && holder.get(own.index) != r.get(c.index) {
			v[own.index] = r.get(c.index)
		}
	}
	if len(v) == 0 {
		return nil
	}
	_, err := w.save(parent, holder, v)
	return err
}
