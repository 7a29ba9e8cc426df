package purge

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/retention"
	"github.com/google/uuid"
)

// What the ledger has of decisions.

// key is how the ledger names a decision.
func (d decision) key(table string) string {
	if d.do == retention.Anonymize {
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
		d := decision{do: retention.Disposition(words[0]), rule: noRule}
		if len(words) > 2 {
			if n, err := strconv.Atoi(words[2]); err == nil && n < len(subject.Related) {
				d.rule = n
			}
		}
		if d.do == retention.Anonymize && d.rule == noRule {
			continue
		}
		for _, id := range ids {
			out[ref{words[1], id}] = d
		}
	}
	return out
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
