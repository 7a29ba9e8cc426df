package purge

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// A rule is asked once. Its filter may read columns of the person, or of other rows that the purge writes to, and says
// something else after that was done. So what the rules have decided of rows that are handled later (by a bulk delete, after
// the person's own, by the next run, in a later stage) stands in the ledger before anything is written, and holds for as
// long as the policy is the same.

// decision is what a rule has decided of a row.
type decision struct {
	do   retention.Disposition
	rule int // of an anonymising one: which columns; otherwise noRule
}

// before is what was decided of a row before: a row that stays for one of its persons stays.
func (it *item) before() (d decision, known bool) {
	for _, p := range it.owners {
		if p.stays[it.ref] {
			return decision{retention.Retain, noRule}, true
		}
		if of, ok := p.decided[it.ref]; ok && !known {
			d, known = of, true
		}
	}
	return d, known
}

// wavers tells whether a rule that would spare the row, and comes before the one that was found for it, can be asked no
// more: the person whose columns it reads is anonymous. That is of rows that came since, or under another policy.
func (inv *inventory) wavers(it *item) bool {
	if !inv.anonymous {
		return false
	}
	for i := range inv.subject.Related {
		rule := &inv.subject.Related[i]
		if i < it.rule && rule.Table == it.table && rule.Wavers && rule.Do != retention.Delete {
			return true
		}
	}
	return false
}

// fickle tells whether the rules could find otherwise for a row of the table when they are asked again.
func (inv *inventory) fickle(table string) bool {
	n := 0
	for i := range inv.subject.Related {
		if rule := &inv.subject.Related[i]; rule.Table == table {
			if n++; n > 1 || rule.Filter != "" || rule.Wavers {
				return true
			}
		}
	}
	return false
}

// findByDecisions finds the rows that were decided of and that no rule's filter leads to any more. They must still lead to the
// person: what somebody has moved to another one since is not theirs.
func (inv *inventory) findByDecisions(ctx context.Context) error {
	type asked struct {
		rule int
		of   *person
		read retention.Read
	}
	var all []asked
	var qs []dataverse.Query
	absent := make(map[*person][]ref)
	for _, p := range inv.persons {
		missing := make(map[string][]uuid.UUID)
		for _, r := range slices.SortedFunc(maps.Keys(p.decided), ref.compare) {
			if it := inv.items[r]; (it == nil || !slices.Contains(it.owners, p)) && !p.before.dealtWith(r) {
				missing[r.table] = append(missing[r.table], r.id)
				absent[p] = append(absent[p], r)
			}
		}
		for i := range inv.subject.Related {
			rule := &inv.subject.Related[i]
			if rule.Person.ByValue() {
				continue
			}
			for some := range slices.Chunk(missing[rule.Table], maxIDs) {
				read := rule.Linking([]uuid.UUID{p.id}, some)
				all, qs = append(all, asked{i, p, read}), append(qs, query(read))
			}
		}
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		a := all[i]
		for _, row := range rows {
			if id := fieldID(row, a.read.ID); id != uuid.Nil && id != a.of.id {
				inv.add(ref{inv.subject.Related[a.rule].Table, id}, noRule, a.of)
			}
		}
	}
	for p, rows := range absent {
		p.absent = rows
	}
	return nil
}

// forgetDecisions drops decisions of rows that are not there any more, or belong to somebody else.
func (inv *inventory) forgetDecisions() {
	for _, p := range inv.persons {
		for _, r := range p.absent {
			if inv.items[r] == nil && inv.listed[r] == nil {
				delete(p.decided, r)
			}
		}
		p.absent = nil
	}
}

// decisionsOf are the decisions of an inventory for a person's rows that wanted takes, as far as the ledger has to know.
func (inv *inventory) decisionsOf(p *person, wanted func(*item) bool) map[ref]decision {
	out := make(map[ref]decision)
	for _, it := range inv.items {
		if !slices.Contains(it.owners, p) || !wanted(it) || !inv.fickle(it.table) {
			continue
		}
		if _, known := it.before(); known {
			continue
		}
		d := decision{it.fate.do(), noRule}
		if it.fate == fateAnonymize {
			d.rule = it.rule
		}
		out[it.ref] = d
	}
	return out
}
