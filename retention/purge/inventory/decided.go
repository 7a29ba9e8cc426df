package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// A rule is asked once. Its filter may read columns of the person, or of other rows that the purge writes to, and says
// something else after that was done. So what the rules have decided of rows that are handled later (by a bulk delete, after
// the person's own, by the next run, in a later stage) stands in the ledger before anything is written, and holds for as
// long as the policy is the same.

// Decision is what a rule has decided of a row.
type Decision struct {
	Do   policy.Disposition
	Rule int // of an anonymising one: which columns; otherwise NoRule
}

// before is what was decided of a row before: a row that stays for one of its persons stays.
func (it *Item) before() (d Decision, known bool) {
	for _, p := range it.Owners {
		if p.Stays[it.Ref] {
			return Decision{Do: policy.Retain, Rule: NoRule}, true
		}
		if of, ok := p.Decided[it.Ref]; ok && !known {
			d, known = of, true
		}
	}
	return d, known
}

// wavers tells whether a rule that would spare the row, and comes before the one that was found for it, can be asked no
// more: the person whose columns it reads is anonymous. That is of rows that came since, or under another policy.
func (inv *List) wavers(it *Item) bool {
	if !inv.Anonymous {
		return false
	}
	for i := range inv.Subject.Related {
		rule := &inv.Subject.Related[i]
		if i < it.Rule && rule.Table == it.Table && rule.Wavers && rule.Do != policy.Delete {
			return true
		}
	}
	return false
}

// fickle tells whether the rules could find otherwise for a row of the table when they are asked again.
func (inv *List) fickle(table string) bool {
	n := 0
	for i := range inv.Subject.Related {
		if rule := &inv.Subject.Related[i]; rule.Table == table {
			if n++; n > 1 || rule.Filter != "" || rule.Wavers {
				return true
			}
		}
	}
	return false
}

// findByDecisions finds the rows that were decided of and that no rule's filter leads to any more. They must still lead to the
// person: what somebody has moved to another one since is not theirs.
func (inv *List) findByDecisions(ctx context.Context) error {
	type asked struct {
		rule int
		of   *Person
		read compile.Read
	}
	var all []asked
	var qs []dataverse.Query
	absent := make(map[*Person][]environment.Ref)
	for _, p := range inv.Persons {
		missing := make(map[string][]uuid.UUID)
		for _, r := range slices.SortedFunc(maps.Keys(p.Decided), environment.Ref.Compare) {
			if it := inv.Items[r]; (it == nil || !slices.Contains(it.Owners, p)) && !p.Before.dealtWith(r) {
				missing[r.Table] = append(missing[r.Table], r.ID)
				absent[p] = append(absent[p], r)
			}
		}
		for i := range inv.Subject.Related {
			rule := &inv.Subject.Related[i]
			if rule.Person.ByValue() || rule.Behind != "" || rule.Do == policy.Leave {
				continue
			}
			for some := range slices.Chunk(missing[rule.Table], environment.MaxIDs) {
				read := rule.Linking([]uuid.UUID{p.ID}, some)
				all, qs = append(all, asked{i, p, read}), append(qs, environment.Query(read))
			}
		}
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		a := all[i]
		for _, row := range rows {
			if id := environment.FieldID(row, a.read.ID); id != uuid.Nil && id != a.of.ID {
				inv.add(environment.Ref{Table: inv.Subject.Related[a.rule].Table, ID: id}, NoRule, a.of)
			}
		}
	}
	for p, rows := range absent {
		p.absent = rows
	}
	return nil
}

// forgetDecisions drops decisions of rows that are not there any more, or belong to somebody else.
func (inv *List) forgetDecisions() {
	for _, p := range inv.Persons {
		for _, r := range p.absent {
			if inv.Items[r] == nil && inv.listed[r] == nil {
				delete(p.Decided, r)
			}
		}
		p.absent = nil
	}
}

// DecisionsOf are the decisions of an inventory for a person's rows that wanted takes, as far as the ledger has to know.
func (inv *List) DecisionsOf(p *Person, wanted func(*Item) bool) map[environment.Ref]Decision {
	out := make(map[environment.Ref]Decision)
	for _, it := range inv.Items {
		if !slices.Contains(it.Owners, p) || !wanted(it) || !inv.fickle(it.Table) {
			continue
		}
		if _, known := it.before(); known {
			continue
		}
		d := Decision{Do: it.Fate.Do(), Rule: NoRule}
		if it.Fate == Anonymize {
			d.Rule = it.Rule
		}
		out[it.Ref] = d
	}
	return out
}
