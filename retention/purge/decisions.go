package purge

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// What the ledger has of decisions.

// key is how the ledger names a decision.
func key(d inventory.Decision, table string) string {
	if d.Do == policy.Anonymize {
		return fmt.Sprintf("%s %s %d", d.Do, table, d.Rule)
	}
	return string(d.Do) + " " + table
}

// decisions reads what the ledger has of a person whose purge is under way.
func (r *session) decisions(subject *compile.Subject, who environment.Ref) map[environment.Ref]inventory.Decision {
	known := r.Ledger.Decided(who.Table, who.ID)
	if known.Policy != r.Policy.Policy.Hash {
		return nil
	}
	out := make(map[environment.Ref]inventory.Decision)
	for what, ids := range known.Rows {
		words := strings.Fields(what)
		d := inventory.Decision{Do: policy.Disposition(words[0]), Rule: inventory.NoRule}
		if len(words) > 2 {
			if n, err := strconv.Atoi(words[2]); err == nil && n < len(subject.Related) {
				d.Rule = n
			}
		}
		if d.Do == policy.Anonymize && d.Rule == inventory.NoRule {
			continue
		}
		for _, id := range ids {
			out[environment.Ref{Table: words[1], ID: id}] = d
		}
	}
	return out
}

// listed are decisions as the ledger has them.
func listed(decisions map[environment.Ref]inventory.Decision) map[string][]uuid.UUID {
	out := make(map[string][]uuid.UUID)
	for _, r := range slices.SortedFunc(maps.Keys(decisions), environment.Ref.Compare) {
		what := key(decisions[r], r.Table)
		out[what] = append(out[what], r.ID)
	}
	return out
}
