package plan

import "github.com/gallra/gallra/retention/policy"

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

// Rows tells whether a rule may end so many rows: the plan names it, and no more are due than it says.
func (p *Reviewed) Rows(rule string, due int) bool {
	said, ok := p.rows[rule]
	return ok && due <= said
}
