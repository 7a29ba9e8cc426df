package purge

import (
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/google/uuid"
)

// judge finds the rule for rows that no rule led to. Rules that name their table are asked whether they match; of the
// rows that none matches those of business are kept, and the others go if a rule * says so, or if they are parts of a row
// that goes.
func (inv *inventory) judge(ctx context.Context, fresh []*item) error {
	byTable := make(map[string][]*item)
	for _, it := range fresh {
		byTable[it.table] = append(byTable[it.table], it)
	}
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		for i := range inv.subject.Related {
			rule := &inv.subject.Related[i]
			if rule.Table != name && (rule.Table != retention.AnyTable || retention.Business(name)) {
				continue
			}
			open := slices.DeleteFunc(slices.Clone(byTable[name]), func(it *item) bool { return it.rule != noRule })
			if rule.Filter == "" {
				for _, it := range open {
					it.rule = i
				}
				continue
			}
			t, err := inv.table(ctx, name)
			if err != nil {
				return err
			}
			var qs []dataverse.Query
			for group := range slices.Chunk(open, maxIDs) {
				filter := "(" + rule.Filter + ") and (" + idFilter(t.PrimaryID, itemIDs(group)) + ")"
				qs = append(qs, dataverse.Query{Table: name, Select: []string{t.PrimaryID}, Filter: filter})
			}
			answers, err := inv.reader.queries(ctx, qs)
			if err != nil {
				return err
			}
			for _, rows := range answers {
				for _, row := range rows {
					inv.items[ref{name, row.ID(t.PrimaryID)}].rule = i
				}
			}
		}
	}
	return nil
}

// decide says what is to become of a row by the rule that was found for it.
func (inv *inventory) decide(it *item) {
	if it.fate != fateOpen {
		return
	}
	if d, known := it.before(); known {
		it.fate, it.settled = fateOf(d.do), true
		if d.do == retention.Anonymize {
			it.rule = d.rule
		}
		return
	}
	switch {
	case inv.wavers(it):
		it.fate = fateKeep
	case it.rule == noRule && it.found == foundUnder && !retention.Business(it.table):
		it.fate = fateDelete // a part of the row that it hangs on, such as an attachment
	case it.rule == noRule:
		it.fate = fateKeep // whether that stops the person is decided by bindKept
	default:
		it.fate = fateOf(inv.subject.Related[it.rule].Do)
	}
}

// readDetails reads what writing a row needs to know of it.
func (inv *inventory) readDetails(ctx context.Context) error {
	byTable := make(map[string][]*item)
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		byTable[r.table] = append(byTable[r.table], inv.items[r])
	}
	var asked []*dataverse.Table
	var qs []dataverse.Query
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		t, err := inv.table(ctx, name)
		if err != nil {
			return err
		}
		cols := []string{t.PrimaryID}
		add := func(names ...string) {
			for _, n := range names {
				if !slices.Contains(cols, n) {
					cols = append(cols, n)
				}
			}
		}
		need := func(attribute, wire string) {
			if a := t.Attributes[attribute]; a != nil && a.ForRead {
				add(wire)
			}
		}
		need("statecode", "statecode")
		need("statuscode", "statuscode")
		if name == "connection" {
			add("name", "_relatedconnectionid_value", "_record2id_value")
		}
		if t.Activity {
			need("regardingobjectid", "_regardingobjectid_value")
			need("sender", "sender")
			need("torecipients", "torecipients")
		}
		for _, it := range byTable[name] {
			it.def = t
			switch {
			case it.fate != fateDelete:
			case withPerson[name]:
				it.bin = binWithPerson
			case inv.tables.binned(name):
				it.bin = binKeeps
			}
			add(inv.eraser(it).selects()...)
		}
		for some := range slices.Chunk(byTable[name], maxIDs) {
			asked = append(asked, t)
			qs = append(qs, dataverse.Query{Table: name, Select: cols, Filter: idFilter(t.PrimaryID, itemIDs(some)), Annotations: true})
		}
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		for _, row := range rows {
			if it := inv.items[ref{asked[i].LogicalName, row.ID(asked[i].PrimaryID)}]; it != nil {
				it.row = row
			}
		}
	}
	maps.DeleteFunc(inv.items, func(_ ref, it *item) bool { return it.row == nil }) // gone since they were listed
	return nil
}

func itemIDs(items []*item) []uuid.UUID {
	ids := make([]uuid.UUID, len(items))
	for i, it := range items {
		ids[i] = it.id
	}
	return ids
}

// eraser is what is erased in a related row before it goes, or instead.
func (inv *inventory) eraser(it *item) *eraser {
	switch {
	case it.fate == fateAnonymize:
		return inv.cached(it.def, it.rule, func() *eraser { return eraseNamed(it.def, inv.subject.Related[it.rule].Erase) })
	case it.unwritable():
	case it.binned(), it.bin == binWithPerson:
		return inv.cached(it.def, noRule, func() *eraser { return eraseTexts(it.def) })
	}
	return &eraser{table: it.def}
}

type eraserKey struct {
	table string
	rule  int
}

func (inv *inventory) cached(t *dataverse.Table, rule int, make func() *eraser) *eraser {
	k := eraserKey{t.LogicalName, rule}
	if inv.erasers[k] == nil {
		inv.erasers[k] = make()
	}
	return inv.erasers[k]
}
