package load

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// AddressSlot is one of the addresses that every row of a table has as a row of its own.
type AddressSlot struct {
	table *schema.Table
	base  *RowBase // with the number, the kind of parent, and what the parent's defaults say
	id    int      // the parent's column that holds the address row's id
	pairs []platform.ColumnPair

	name string // of the column id
}

// addressSlots are the addresses of a table's rows, none where its rows have none.
func (l *Loader) addressSlots(parent *schema.Table) []AddressSlot {
	if slots, known := l.slots[parent]; known {
		return slots
	}
	kept, ok := platform.AddressTables[parent.Name]
	if !ok || l.Writer.Engine.Options.NoAddressRows {
		return nil
	}
	t, of := l.Schema.Tables[kept.Table], l.Base(parent)
	var slots []AddressSlot
	for n := 1; n <= kept.Count; n++ {
		id := parent.Column("address" + strconv.Itoa(n) + "_addressid")
		s := AddressSlot{table: t, id: id.Index, name: id.Name, pairs: platform.AddressPairs(parent, t, n)}
		v := store.Values{}
		for i, x := range l.Base(t).Vals {
			v[i] = x
		}
		for _, p := range s.pairs {
			if x := of.Vals[p.There]; x != nil {
				v[p.Here] = x
			}
		}
		v.Set(t, "addressnumber", int64(n))
		v.Set(t, "objecttypecode", parent.Name)
		s.base = newBase(t, v)
		slots = append(slots, s)
	}
	l.slots[parent] = slots
	return slots
}

// Addresses adds the address rows of a row that is about to be added, and their ids to its values. Those that are taken
// have a record of their own.
func (l *Loader) Addresses(parent *schema.Table, id uuid.UUID, self any, v store.Values, fresh func(AddressSlot) uuid.UUID) {
	for _, s := range l.addressSlots(parent) {
		if own, taken := l.ownAddress[addressAt{id, s.name}]; taken {
			v[s.id] = own
			continue
		}
		its, given := v[s.id].(uuid.UUID)
		if !given {
			its = fresh(s)
			v[s.id] = its
		}
		x := make(store.Values, 8)
		for _, p := range s.pairs {
			if value, said := v[p.There]; said {
				x[p.Here] = value
			}
		}
		x.Set(s.table, "parentid", self)
		x.Set(s.table, "createdon", v.After(parent, nil, "createdon"))
		x.Set(s.table, "modifiedon", v.After(parent, nil, "modifiedon"))
		l.AddWithBase(s.base, s.table, its, x)
	}
}

// addressAt is the place of an address: the parent's row, and its column that holds the address row's id.
type addressAt struct {
	parent uuid.UUID
	column string
}

// noteAddress remembers a record that is one of the addresses that its parent has anyway.
func (l *Loader) noteAddress(r Record) {
	parent, _ := r.Values["parentid"].(Reference)
	number, ok := r.Values["addressnumber"].(int)
	kept, has := platform.AddressTables[parent.Table]
	if ok && has && kept.Table == r.Table && number >= 1 && number <= kept.Count {
		l.ownAddress[addressAt{parent.ID, "address" + strconv.Itoa(number) + "_addressid"}] = r.ID
	}
}

// stableAddress is an address row's id: the same records make the same rows.
func stableAddress(parent uuid.UUID) func(AddressSlot) uuid.UUID {
	return func(s AddressSlot) uuid.UUID { return uuid.NewSHA1(parent, []byte(s.name)) }
}
