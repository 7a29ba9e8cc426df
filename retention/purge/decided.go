package purge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// A rule is asked once. Its filter may read columns of the person, or of other rows that the purge writes to, and says
// something else after that was done. So what the rules have decided of rows that are handled later (by a bulk delete, after
// the person's own, by the next run, in a later stage) stands in the ledger before anything is written, and holds for as
// long as the policy is the same.

// decision is what a rule has decided of a row.
type decision struct {
	do   policy.Disposition
	rule int // of an anonymising one: which columns; otherwise noRule
}

// key is how the ledger names a decision.
func (d decision) key(table string) string {
	if d.do == policy.Anonymize {
		return fmt.Sprintf("%s %s %d", d.do, table, d.rule)
	}
	return string(d.do) + " " + table
}

// decisions reads what the ledger has of a person whose purge is under way.
func (r *runner) decisions(who ref) map[ref]decision {
	known := r.Ledger.Decided(who.table, who.id)
	subject := r.Policy.Subject(who.table)
	if known.Policy != r.Policy.Policy.Hash || subject == nil {
		return nil
	}
	out := make(map[ref]decision)
	for what, ids := range known.Rows {
		words := strings.Fields(what)
		d := decision{do: policy.Disposition(words[0]), rule: noRule}
		if len(words) > 2 {
			if n, err := strconv.Atoi(words[2]); err == nil && n < len(subject.Related) {
				d.rule = n
			}
		}
		if d.do == policy.Anonymize && d.rule == noRule {
			continue
		}
		for _, id := range ids {
			out[ref{words[1], id}] = d
		}
	}
	return out
}

// before is what was decided of a row before: a row that stays for one of its persons stays.
func (it *item) before() (d decision, known bool) {
	for _, p := range it.owners {
		if p.stays[it.ref] {
			return decision{policy.Retain, noRule}, true
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
	if !inv.second {
		return false
	}
	for i := range inv.subject.Related {
		rule := &inv.subject.Related[i]
		if i < it.rule && rule.Table == it.table && rule.Wavers && rule.Do != policy.Delete {
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

// byDecision finds the rows that were decided of and that no rule's filter leads to any more. They must still lead to the
// person: what somebody has moved to another one since is not theirs.
func (inv *inventory) byDecision(ctx context.Context) error {
	type asked struct {
		rule int
		of   *person
		read compile.Read
	}
	var all []asked
	var qs []dataverse.Query
	absent := make(map[*person][]ref)
	for _, p := range inv.persons {
		missing := make(map[string][]uuid.UUID)
		for _, r := range slices.SortedFunc(maps.Keys(p.decided), ref.compare) {
			if it := inv.items[r]; (it == nil || !slices.Contains(it.owners, p)) && !p.stages.looked(r) {
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

// forget drops decisions of rows that are not there any more, or belong to somebody else.
func (inv *inventory) forget() {
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
		d := decision{it.do, noRule}
		if it.do == policy.Anonymize {
			d.rule = it.rule
		}
		out[it.ref] = d
	}
	return out
}

// owed are the decisions of rows that are to go and that a change set leaves for later, those included whose turn is that
// of another person.
func (inv *inventory) owed(p *person, w *work) map[ref]decision {
	gone := make(map[ref]bool, len(w.gone))
	for _, r := range w.gone {
		gone[r] = true
	}
	return inv.decisionsOf(p, func(it *item) bool { return it.do == policy.Delete && !it.stays && !gone[it.ref] })
}

// listed are decisions as the ledger has them.
func listed(decisions map[ref]decision) map[string][]uuid.UUID {
	out := make(map[string][]uuid.UUID)
	for _, r := range slices.SortedFunc(maps.Keys(decisions), ref.compare) {
		what := decisions[r].key(r.table)
		out[what] = append(out[what], r.id)
	}
	return out
}
