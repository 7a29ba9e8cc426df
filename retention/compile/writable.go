package compile

import (
	"fmt"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// writable refuses a subject whose rows cannot take what a run writes to them: purge dates, the anonymised columns, a delete.
func (c *checker) writable(t *table, s *policy.Subject) bool {
	switch {
	case t.Activity || t.LogicalName == "activitypointer":
		c.problem(s.Pos, fmt.Sprintf("`%s` is an activity: once it is completed nobody can write a purge date to it", s.Table), "judge the persons, and let a rule with `party` or `link` say what becomes of their activities")
		return false
	case !can(t.Table, "Write") || s.Purge == policy.Delete && !can(t.Table, "Delete"):
		c.problem(s.Pos, fmt.Sprintf("the service knows no right to %s rows of `%s`, so a run could not", verb(s.Purge), s.Table), "a subject is a table of the business, such as contact, lead or one of your own")
		return false
	}
	if !c.versioned(t.Table, s.Pos) {
		return false
	}
	if personmap.Is(s.Table, personmap.Locked) {
		n, err := c.reader.Count(c.ctx, dataverse.Query{Table: s.Table, Set: t.EntitySet, Filter: "statecode ne 0"})
		if err == nil && n > 0 {
			c.problem(s.Pos, fmt.Sprintf("%s of `%s` left their first state and are closed: nobody but an administrator writes purge dates to such rows", policy.Count(n, "row"), s.Table), "judge the persons, and let a rule say what becomes of their rows")
			return false
		}
	}
	return true
}

// versioned refuses a table whose rows take no version with a write. A run looks at a row and writes to it on the condition that it
// is still the same; the service answers 0x8006088d where the table has that switched off, and a run without it could delete
// somebody whom a colleague has just kept.
func (c *checker) versioned(t *dataverse.Table, at policy.Pos) bool {
	if t.OptimisticConcurrency {
		return true
	}
	c.problem(at, fmt.Sprintf("`%s` takes no condition on the version of a row (IsOptimisticConcurrencyEnabled is false): a run could not tell that somebody changed the row after it was looked at", t.LogicalName),
		"an administrator switches it on in the table's definition; nothing else changes by it")
	return false
}

// carriedOut refuses a rule that the service refuses to carry out, whoever asks.
func (c *checker) carriedOut(t *dataverse.Table, r *policy.RelatedRule) bool {
	switch {
	case r.Do == policy.Retain:
	case r.Table == "activitypointer":
		c.problem(r.At["table"].Pos, "`activitypointer` only shows what all activities have in common: nothing can be written to it or deleted there", "name each kind: email, phonecall, appointment, task, letter, fax")
		return false
	case r.Table == "activityparty":
		c.problem(r.At["table"].Pos, "`activityparty` can only be read: its rows go with their activities", "say by a rule with `party` what becomes of the activities")
		return false
	case !can(t, "Write"), r.Do == policy.Delete && !can(t, "Delete"):
		c.problem(r.At["do"].Pos, fmt.Sprintf("the service knows no right to %s rows of `%s`, so no run can carry this rule out", verb(r.Do), r.Table), "say do: keep, or leave the rule out")
		return false
	}
	return true
}

func verb(d policy.Disposition) string {
	if d == policy.Delete {
		return "write and delete"
	}
	return "write"
}

// can tells whether there is a right of that kind to the table's rows. Tables that have none at all are governed by those of
// the rows that theirs belong to.
func can(t *dataverse.Table, kind string) bool {
	return len(t.Privileges) == 0 || slices.ContainsFunc(t.Privileges, func(p dataverse.TablePrivilege) bool { return p.Type == kind })
}
