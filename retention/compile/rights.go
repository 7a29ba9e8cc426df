package compile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// generalRights are what a run needs that belongs to no table's rows: to look for audit history and delete it, to delete by a job what
// the recycle bin must not keep, and to read definitions, where the service asks for rights to these.
var generalRights = []string{"prvReadAuditSummary", "prvReadRecordAuditHistory", "prvDeleteRecordChangeHistory", "prvBulkDelete",
	"prvReadEntity", "prvReadAttribute", "prvReadRelationship", "prvReadOptionSet"}

// Privileges are the least rights that a run of the policy needs, over the whole organisation: read where grounds and
// rules read, write and delete only where the policy says so, and the deletion of audit history.
func (c *Policy) Privileges(ctx context.Context, r dataverse.Reader) ([]dataverse.Privilege, error) {
	needs := map[string]map[string]bool{} // table → kind of right
	need := func(table string, kinds ...string) {
		if table == "" || table == policy.AnyTable {
			return
		}
		if needs[table] == nil {
			needs[table] = map[string]bool{}
		}
		for _, k := range kinds {
			needs[table][k] = true
		}
	}
	// What kind of environment this is, what it keeps of deleted rows, and who people's owners are.
	// And where traces of the purged may be: jobs of the system, posts, rows in long-term retention.
	for _, table := range []string{"organization", "recyclebinconfig", "deleteditemreference", "asyncoperation", "systemuser", "bulkdeleteoperation", "retentionoperationdetail", "post", "postcomment"} {
		need(table, "Read")
	}
	// To tell owners: in what language, of which view, whose members a team has; and whether it was done.
	for _, table := range []string{"usersettings", "savedquery", "team"} {
		need(table, "Read")
	}
	need("appnotification", "Create", "Read")
	need("solution", "Read", "Write") // its own note stands in its own solution, and the row's stamp witnesses the day
	if err := c.judged(ctx, r, need); err != nil {
		return nil, err
	}
	secured, err := c.secured(ctx, r)
	if err != nil {
		return nil, err
	}
	if len(secured) > 0 { // whether they may be read has to be found out
		need("fieldsecurityprofile", "Read")
		need("fieldpermission", "Read")
	}
	readAhead(ctx, r, slices.Collect(maps.Keys(needs)))
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

// judged asks for what judging and purging people needs.
func (c *Policy) judged(ctx context.Context, r dataverse.Reader, need func(table string, kinds ...string)) error {
	for i := range c.Subjects {
		s := &c.Subjects[i]
		need(s.Table, "Read", "Write")
		if s.Purge == policy.Delete {
			need(s.Table, "Delete")
		}
		for _, table := range s.Reads {
			need(table, "Read")
		}
		if err := c.ruled(ctx, r, s, need); err != nil {
			return err
		}
		for _, class := range s.Judged() {
			if class.Ask != nil { // the task and its place in the queue are written in one transaction
				need("task", "Create", "Read", "Write", "Delete", "Append", "AppendTo")
				need("queueitem", "Create", "Read", "Write", "Delete", "Append", "AppendTo")
				need("queue", "Read", "AppendTo")
			}
			for i := range class.Stages {
				if rules := class.Stages[i].Rules; rules != nil {
					if err := c.ruled(ctx, r, rules, need); err != nil {
						return err
					}
				}
				if class.Stages[i].Do == policy.Archive {
					need(s.Table, "Assign")
					need("team", "Read")
				}
			}
			class.linked(need)
		}
	}
	return c.rowsJudged(ctx, r, need)
}

// ruled asks for what the rules for related rows of a subject need.
func (c *Policy) ruled(ctx context.Context, r dataverse.Reader, s *Subject, need func(table string, kinds ...string)) error {
	for j := range s.Related {
		rule := &s.Related[j]
		if rule.Do == policy.Leave {
			continue
		}
		if rule.Do != policy.Retain {
			need(rule.Table, "Write")
		}
		if rule.Do == policy.Delete {
			need(rule.Table, "Delete")
		}
		if rule.Party != "" {
			need(rule.Table, "Append")
			need(s.Table, "AppendTo")
		}
	}
	return c.reached(ctx, r, s, need)
}

// linked asks for what a purge needs of the rows that lead to persons and that a delete does not reach.
func (s *Subject) linked(need func(string, ...string)) {
	if s.Map == nil {
		return
	}
	for i := range s.Map.Places {
		p := &s.Map.Places[i]
		star := p.Rule >= 0 && s.Related[p.Rule].Table == policy.AnyTable
		switch {
		case p.Reached() && s.Purge == policy.Delete || p.Via != "":
		case star && p.Do == personmap.Deleted:
			need(p.Table, "Read", "Write", "Delete")
			if p.Kind == personmap.Party {
				need(p.Table, "Append")
				need(s.Table, "AppendTo")
			}
		case p.Kind == personmap.Lookup && (p.Do == personmap.Kept || p.Do == personmap.Undecided) && p.Rule < 0:
			need(p.Table, "Read")
		}
	}
}

// reached asks for what the deletes of a subject's persons and related rows need of the rows that hang on those: they are
// looked for, and what no rule keeps goes along.
func (c *Policy) reached(ctx context.Context, r dataverse.Reader, s *Subject, need func(string, ...string)) error {
	var queue []string
	seen := map[string]bool{}
	goes := func(table string) {
		if !seen[table] && table != policy.AnyTable {
			seen[table] = true
			queue = append(queue, table)
		}
	}
	if s.Purge == policy.Delete {
		goes(s.Table)
	}
	for _, rule := range s.Related {
		if rule.Do == policy.Delete {
			goes(rule.Table)
		}
	}
	for ahead := 0; len(queue) > 0; ahead-- {
		if ahead == 0 {
			ahead = len(queue)
			readAhead(ctx, r, queue)
		}
		t, err := r.Table(ctx, queue[0])
		queue = queue[1:]
		if errors.Is(err, dataverse.ErrNoTable) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read what hangs on rows that go: %w", err)
		}
		readAhead(ctx, r, hanging(t))
		for _, over := range t.OneToMany {
			child := over.Referencing
			if over.Delete != "Cascade" && over.Delete != "Restrict" || personmap.Is(child, personmap.Keeper) || child == "activitypointer" {
				continue
			}
			need(child, "Read")
			rule := personmap.RuleFor(s.Subject, child)
			switch {
			case rule >= 0 && s.Related[rule].Do == policy.Delete, rule < 0 && !personmap.Is(child, personmap.Business) && over.Delete == "Cascade":
				need(child, "Write", "Delete")
				goes(child)
			case rule < 0 || s.Related[rule].Do == policy.Retain: // freed before a cascade could take it, where it can be
				row, err := r.Table(ctx, child)
				if err != nil && !errors.Is(err, dataverse.ErrNoTable) {
					return fmt.Errorf("read what hangs on rows that go: %w", err)
				}
				if row == nil {
					continue
				}
				if a := row.Attributes[over.ReferencingAttribute]; a != nil && a.ForUpdate && !(a.Type == "Customer" && personmap.Is(child, personmap.Business)) {
					need(child, "Write")
				}
			}
		}
	}
	return nil
}
