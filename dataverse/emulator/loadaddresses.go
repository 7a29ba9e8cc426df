package emulator

import (
	"strconv"

	"github.com/google/uuid"
)

// addressSlot is one of the addresses that every row of a table has as a row of its own.
type addressSlot struct {
	table *table
	base  *base // with the number, the kind of parent, and what the parent's defaults say
	id    int   // the parent's column that holds the address row's id
	pairs []columnPair

	name string // of the column id
}

// addressSlots are the addresses of a table's rows, none where its rows have none.
func (l *loader) addressSlots(parent *table) []addressSlot {
	if slots, known := l.slots[parent]; known {
		return slots
	}
	kept, ok := addressTables[parent.Name]
	if !ok || l.writer.engine.options.NoAddressRows {
		return nil
	}
	t, of := l.schema.tables[kept.table], l.base(parent)
	var slots []addressSlot
	for n := 1; n <= kept.count; n++ {
		id := parent.column("address" + strconv.Itoa(n) + "_addressid")
		s := addressSlot{table: t, id: id.index, name: id.Name, pairs: addressPairs(parent, t, n)}
		v := values{}
		for i, x := range l.base(t).vals {
			v[i] = x
		}
		for _, p := range s.pairs {
			if x := of.vals[p.there]; x != nil {
				v[p.here] = x
			}
		}
		v.set(t, "addressnumber", int64(n))
		v.set(t, "objecttypecode", parent.Name)
		s.base = newBase(t, v)
		slots = append(slots, s)
	}
	l.slots[parent] = slots
	return slots
}

// addresses adds the address rows of a row that is about to be added, and their ids to its values. Those that are taken
// have a record of their own.
func (l *loader) addresses(parent *table, id uuid.UUID, self any, v values, fresh func(addressSlot) uuid.UUID) {
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
		x := make(values, 8)
		for _, p := range s.pairs {
			if value, said := v[p.there]; said {
				x[p.here] = value
			}
		}
		x.set(s.table, "parentid", self)
		x.set(s.table, "createdon", v.of(parent, nil, "createdon"))
		x.set(s.table, "modifiedon", v.of(parent, nil, "modifiedon"))
		l.addTo(s.base, s.table, its, x)
	}
}

// addressAt is the place of an address: the parent's row, and its column that holds the address row's id.
type addressAt struct {
	parent uuid.UUID
	column string
}

// noteAddress remembers a record that is one of the addresses that its parent has anyway.
func (l *loader) noteAddress(r Record) {
	parent, _ := r.Values["parentid"].(Reference)
	number, ok := r.Values["addressnumber"].(int)
	kept, has := addressTables[parent.Table]
	if ok && has && kept.table == r.Table && number >= 1 && number <= kept.count {
		l.ownAddress[addressAt{parent.ID, "address" + strconv.Itoa(number) + "_addressid"}] = r.ID
	}
}

// stableAddress is an address row's id: the same records make the same rows.
func stableAddress(parent uuid.UUID) func(addressSlot) uuid.UUID {
	return func(s addressSlot) uuid.UUID { return uuid.NewSHA1(parent, []byte(s.name)) }
}
