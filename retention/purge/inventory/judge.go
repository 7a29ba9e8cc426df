package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// judge finds the rule for rows that no rule led to. Rules that name their table are asked whether they match; of the
// rows that none matches those of business are kept, and the others go if a rule * says so, or if they are parts of a row
// that goes.
func (inv *List) judge(ctx context.Context, fresh []*Item) error {
	byTable := make(map[string][]*Item)
	for _, it := range fresh {
		byTable[it.Table] = append(byTable[it.Table], it)
	}
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		for i := range inv.Subject.Related {
			rule := &inv.Subject.Related[i]
			if rule.Table != name && (rule.Table != policy.AnyTable || personmap.Is(name, personmap.Business)) {
				continue
			}
			open := slices.DeleteFunc(slices.Clone(byTable[name]), func(it *Item) bool { return it.Rule != NoRule || it.settled })
			if rule.Do == policy.Leave { // the check refuses such a policy; this is for rows that came since
				for _, it := range open {
					if slices.ContainsFunc(it.Held, func(h attachment) bool {
						return personmap.Leaves(rule.RelatedRule, name, h.over.ReferencingAttribute)
					}) {
						it.Fate, it.settled = Keep, true
					}
				}
				continue
			}
			if rule.Filter == "" {
				for _, it := range open {
					it.Rule = i
				}
				continue
			}
			t, err := inv.Table(ctx, name)
			if err != nil {
				return err
			}
			var qs []dataverse.Query
			for group := range slices.Chunk(open, environment.MaxIDs) {
				filter := "(" + rule.Filter + ") and (" + environment.IDFilter(t.PrimaryID, itemIDs(group)) + ")"
				qs = append(qs, dataverse.Query{Table: name, Select: []string{t.PrimaryID}, Filter: filter})
			}
			answers, err := inv.Reader.Queries(ctx, qs)
			if err != nil {
				return err
			}
			for _, rows := range answers {
				for _, row := range rows {
					inv.Items[environment.Ref{Table: name, ID: row.ID(t.PrimaryID)}].Rule = i
				}
			}
		}
	}
	return nil
}

// decide says what becomes of a row, by the rule that led to it.
func (inv *List) decide(it *Item) {
	if it.Fate != Undecided {
		return
	}
	if d, known := it.before(); known {
		it.Fate, it.settled = fateOf(d.Do), true
		if d.Do == policy.Anonymize {
			it.Rule = d.Rule
		}
		return
	}
	switch {
	case inv.wavers(it):
		it.Fate = Keep
	case it.Rule == NoRule && personmap.Is(it.Table, personmap.Part):
		it.Fate = Delete // a part of the person, which the service keeps in step with the person's columns
	case it.Rule == NoRule && it.Found == FoundUnder && it.part() && !personmap.Is(it.Table, personmap.Business):
		it.Fate = Delete // a part of the row that it hangs on, such as an attachment
	case it.Rule == NoRule:
		it.Fate = Keep // whether that stops the person is decided by bindKept
	default:
		it.Fate = fateOf(inv.Subject.Related[it.Rule].Do)
	}
}

// readDetails reads what writing a row needs to know of it.
func (inv *List) readDetails(ctx context.Context) error {
	byTable := make(map[string][]*Item)
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		byTable[r.Table] = append(byTable[r.Table], inv.Items[r])
	}
	var asked []*dataverse.Table
	var qs []dataverse.Query
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		t, err := inv.Table(ctx, name)
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
		if name == attachments {
			need("attachmentid", "_attachmentid_value")
		}
		if t.Activity {
			need("regardingobjectid", "_regardingobjectid_value")
			need("sender", "sender")
			need("torecipients", "torecipients")
		}
		if personmap.Is(name, personmap.Part) {
			need("addressnumber", "addressnumber")
		}
		for _, it := range byTable[name] {
			if it.Def = t; it.Fate == Delete || it.Fate == Anonymize {
				for _, l := range inv.personLookups(t) {
					add("_" + l + "_value")
				}
			}
			switch {
			case it.Fate != Delete:
			case personmap.Is(name, personmap.Part):
				it.Bin = BinWithPerson
			case inv.Tables.Binned(name):
				it.Bin = binKeeps
			}
			add(inv.Eraser(it).selects()...)
		}
		for some := range slices.Chunk(byTable[name], environment.MaxIDs) {
			asked = append(asked, t)
			qs = append(qs, dataverse.Query{Table: name, Select: cols, Filter: environment.IDFilter(t.PrimaryID, itemIDs(some)), Annotations: true})
		}
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		for _, row := range rows {
			if it := inv.Items[environment.Ref{Table: asked[i].LogicalName, ID: row.ID(asked[i].PrimaryID)}]; it != nil {
				it.Row = row
			}
		}
	}
	maps.DeleteFunc(inv.Items, func(_ environment.Ref, it *Item) bool { return it.Row == nil }) // gone since they were listed
	return nil
}

func itemIDs(items []*Item) []uuid.UUID {
	ids := make([]uuid.UUID, len(items))
	for i, it := range items {
		ids[i] = it.ID
	}
	return ids
}

// Eraser is what is erased in a related row before it goes, or instead.
func (inv *List) Eraser(it *Item) *Eraser {
	switch {
	case it.Fate == Anonymize:
		return inv.cached(it.Def, it.Rule, func() *Eraser { return eraseNamed(it.Def, inv.Subject.Related[it.Rule].Erase) })
	case it.Unwritable():
	case it.Bin == BinWithPerson:
		number, _ := it.Row.Int("addressnumber")
		retain := inv.Subject.Survive()
		if inv.goesWithAll(it) { // and so does what it would have kept of the address
			return inv.cached(it.Def, -101-int(number), func() *Eraser { return erasePart(it.Def, nil, int(number)) })
		}
		return inv.cached(it.Def, -1-int(number), func() *Eraser { return erasePart(it.Def, retain, int(number)) })
	case it.Binned():
		e := inv.cached(it.Def, NoRule, func() *Eraser { return eraseTexts(it.Def) })
		if it.SharedFile {
			return e.withoutFile()
		}
		return e
	}
	return &Eraser{Table: it.Def}
}

type eraserKey struct {
	table string
	rule  int
}

func (inv *List) cached(t *dataverse.Table, rule int, make func() *Eraser) *Eraser {
	k := eraserKey{t.LogicalName, rule}
	if inv.erasers[k] == nil {
		inv.erasers[k] = make()
	}
	return inv.erasers[k]
}

// goesWithAll tells whether everybody whose row it is is deleted.
func (inv *List) goesWithAll(it *Item) bool {
	return !slices.ContainsFunc(it.Owners, func(p *Person) bool { return inv.Disposition(p) != policy.Delete })
}
