package platform

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// AddressTables are the tables with addresses in their rows: which table holds the addresses as rows of their own, and
// how many every row has. Pages: customeraddress, leadaddress, contact (address1_addressid).
var AddressTables = map[string]struct {
	Table string
	Count int
}{
	"account": {"customeraddress", 2}, "contact": {"customeraddress", 3}, "lead": {"leadaddress", 2},
}

// ColumnPair is a column of an address row and the column of its parent's row that holds the same.
type ColumnPair struct{ Here, There int }

// AddressPairs are the columns of an address row that stand in its parent's row too, under address1_ and so on.
func AddressPairs(parent, t *schema.Table, number int) []ColumnPair {
	var pairs []ColumnPair
	prefix := "address" + strconv.Itoa(number) + "_"
	name := make([]byte, 0, 64)
	for _, c := range t.Columns {
		name = append(append(name[:0], prefix...), c.Name...)
		if own := parent.ByName[string(name)]; own != nil && own.Kind == c.Kind {
			pairs = append(pairs, ColumnPair{c.Index, own.Index})
		}
	}
	return pairs
}

func addressValues(parent *schema.Table, r *store.Row, t *schema.Table, number int) store.Values {
	v := store.Values{}
	for _, p := range AddressPairs(parent, t, number) {
		v[p.Here] = r.Get(p.There)
	}
	return v
}

// makeAddresses makes the address rows of a new row. The platform makes them whether they hold anything or not.
func (w *Writer) makeAddresses(parent *schema.Table, r *store.Row) error {
	kept, ok := AddressTables[parent.Name]
	if !ok {
		return nil
	}
	t := w.Schema.Tables[kept.Table]
	ids := store.Values{}
	for n := 1; n <= kept.Count; n++ {
		name := "address" + strconv.Itoa(n) + "_addressid"
		id, given := store.Value(parent, r, name).(uuid.UUID)
		if !given {
			id = uuid.New()
			ids.Set(parent, name, id)
		}
		v := addressValues(parent, r, t, n)
		v[t.IDColumn().Index] = id
		v.Set(t, "addressnumber", int64(n))
		v.Set(t, "parentid", store.Ref{Table: parent.Name, ID: r.ID})
		v.Set(t, "objecttypecode", parent.Name)
		if _, err := w.Insert(t, v); err != nil {
			return err
		}
	}
	w.Put(parent, w.Data[parent.Name].Get(r.ID).With(ids, r.Version))
	return nil
}

// followAddresses brings the address rows in line with a changed parent.
func (w *Writer) followAddresses(parent *schema.Table, before, after *store.Row) error {
	kept, ok := AddressTables[parent.Name]
	if !ok {
		return nil
	}
	t := w.Schema.Tables[kept.Table]
	for n := 1; n <= kept.Count; n++ {
		prefix := "address" + strconv.Itoa(n) + "_"
		id, _ := store.Value(parent, after, prefix+"addressid").(uuid.UUID)
		r := w.Data[t.Name].Get(id)
		if r == nil {
			continue
		}
		v := store.Values{}
		for _, p := range AddressPairs(parent, t, n) {
			if value := after.Get(p.There); r.Get(p.Here) != value {
				v[p.Here] = value
			}
		}
		if len(v) > 0 {
			if _, err := w.Save(t, r, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// followAddress brings the parent in line with an address row that has been changed by itself.
func (w *Writer) followAddress(t *schema.Table, r *store.Row) error {
	of := store.Lookup(t, r, "parentid")
	kept, ok := AddressTables[of.Table]
	n := store.Int(t, r, "addressnumber")
	if !ok || kept.Table != t.Name || n < 1 || n > int64(kept.Count) {
		return nil
	}
	parent := w.Schema.Tables[of.Table]
	holder := w.Data[of.Table].Get(of.ID)
	prefix := "address" + strconv.FormatInt(n, 10) + "_"
	if holder == nil || store.Value(parent, holder, prefix+"addressid") != any(r.ID) {
		return nil
	}
	v := store.Values{}
	for _, c := range t.Columns {
		own := parent.Column(prefix + c.Name)
		if own != nil && own.Kind == c.Kind && !strings.HasSuffix(c.Name, "composite") && holder.Get(own.Index) != r.Get(c.Index) {
			v[own.Index] = r.Get(c.Index)
		}
	}
	if len(v) == 0 {
		return nil
	}
	_, err := w.Save(parent, holder, v)
	return err
}
