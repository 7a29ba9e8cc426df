package retention

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
)

// generalRights are what a run needs that belongs to no table of the policy: to prove who and where it is, and to delete
// audit history and look for what is left of it.
var generalRights = []string{
	"prvReadOrganization", "prvReadUser", "prvReadBusinessUnit", "prvReadQuery",
	"prvReadAuditSummary", "prvReadRecordAuditHistory", "prvDeleteRecordChangeHistory",
}

// Privileges are the least rights that a run of the policy needs, over the whole organisation: read where grounds and
// rules read, write and delete only where the policy says so, and the deletion of audit history.
func (c *Checked) Privileges(ctx context.Context, r dataverse.Reader) ([]dataverse.Privilege, error) {
	needs := map[string]map[string]bool{} // table → kind of right
	need := func(table string, kinds ...string) {
		if table == "" || table == AnyTable {
			return
		}
		if needs[table] == nil {
			needs[table] = map[string]bool{}
		}
		for _, k := range kinds {
			needs[table][k] = true
		}
	}
	for i := range c.Subjects {
		s := &c.Subjects[i]
		need(s.Table, "Read", "Write")
		if s.Purge == Delete {
			need(s.Table, "Delete")
		}
		for _, table := range s.Reads {
			need(table, "Read")
		}
		for j := range s.Related {
			rule := &s.Related[j]
			if rule.Do != Retain {
				need(rule.Table, "Write")
			}
			if rule.Do == Delete {
				need(rule.Table, "Delete")
			}
			if rule.Party != "" {
				need(rule.Table, "Append")
				need(s.Table, "AppendTo")
			}
		}
		for _, reached := range s.Cascades {
			need(reached.Table, "Read")
			if reached.Behavior == "Cascade" && reached.Rule >= 0 && s.Related[reached.Rule].Do == Delete && !reached.Business {
				need(reached.Table, "Write", "Delete")
			}
		}
	}
	var out []dataverse.Privilege
	for _, name := range generalRights {
		out = append(out, dataverse.Privilege{Name: name, Depth: dataverse.Global})
	}
	for table, kinds := range needs {
		t, err := r.Table(ctx, table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue // a target of a lookup that this environment does not have
		}
		if err != nil {
			return nil, fmt.Errorf("read the rights of %s: %w", table, err)
		}
		for _, p := range t.Privileges {
			if kinds[p.Type] {
				out = append(out, dataverse.Privilege{Name: p.Name, Depth: dataverse.Global})
			}
		}
	}
	slices.SortFunc(out, func(a, b dataverse.Privilege) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b dataverse.Privilege) bool { return strings.EqualFold(a.Name, b.Name) }), nil
}
