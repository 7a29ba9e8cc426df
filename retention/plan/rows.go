package plan

import (
	"slices"

	"github.com/gallra/gallra/retention/policy"
)

// RowTotals are the numbers of one rule for rows with a period of their own.
type RowTotals struct {
	Rule, Table string
	Do          policy.Disposition
	Due         int            // rows that the rule would end
	Stopped     map[string]int // rows whose period is over and that stay, by why
}

// rowsLine is what --json says of such a rule.
type rowsLine struct {
	Kind    string             `json:"kind"` // rows
	Rule    string             `json:"rule"`
	Table   string             `json:"table"`
	Do      policy.Disposition `json:"do"`
	Due     int                `json:"due"`
	Stopped map[string]int     `json:"stopped"`
}

func (r RowTotals) line() rowsLine {
	stopped := r.Stopped
	if stopped == nil {
		stopped = map[string]int{}
	}
	return rowsLine{"rows", r.Rule, r.Table, r.Do, r.Due, stopped}
}

// RowsChange is what two policies would do on the same day by the rules of one name for rows with a period of their own.
type RowsChange struct {
	Rule, Table string
	Now, Then   *RowTotals // under the policy in force, and under the other; nil where it has no such rule
}

// CompareRows notes what two policies do to rows whose own period is over.
func (s *Simulation) CompareRows(now, then []RowTotals) {
	for _, of := range []struct {
		all []RowTotals
		put func(*RowsChange, *RowTotals)
	}{{now, func(c *RowsChange, r *RowTotals) { c.Now = r }}, {then, func(c *RowsChange, r *RowTotals) { c.Then = r }}} {
		for i := range of.all {
			r := &of.all[i]
			at := slices.IndexFunc(s.Rows, func(c RowsChange) bool { return c.Rule == r.Rule && c.Table == r.Table })
			if at < 0 {
				at, s.Rows = len(s.Rows), append(s.Rows, RowsChange{Rule: r.Rule, Table: r.Table})
			}
			of.put(&s.Rows[at], r)
		}
	}
}

// rowsChangeLine is what --json says of it.
type rowsChangeLine struct {
	Kind  string `json:"kind"` // rows
	Rule  string `json:"rule"`
	Table string `json:"table"`
	Now   *int   `json:"now"` // rows that it would end; null: the policy has no such rule
	Then  *int   `json:"then"`
}

func (c RowsChange) line() rowsChangeLine {
	due := func(r *RowTotals) *int {
		if r == nil {
			return nil
		}
		return &r.Due
	}
	return rowsChangeLine{"rows", c.Rule, c.Table, due(c.Now), due(c.Then)}
}

// Rows tells whether a rule may end so many rows: the plan names it, and no more are due than it says.
func (p *Reviewed) Rows(rule string, due int) bool {
	said, ok := p.rows[rule]
	return ok && due <= said
}
