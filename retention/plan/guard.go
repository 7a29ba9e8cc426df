package plan

import (
	"fmt"
	"slices"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// GuardRail is a rule of prudence that a plan runs into. A run with one purges nobody.
type GuardRail struct {
	Rail     policy.Rail `json:"rail"`
	Table    string      `json:"table,omitempty"`
	Ground   string      `json:"ground,omitempty"`
	Sentence string      `json:"sentence"` // what is the matter
	Remedy   string      `json:"remedy"`   // what it would take to go on
}

// Bypassing is a guard rail with what it takes to bypass it added to its remedy, where that can be done.
func Bypassing(p *policy.Policy, g GuardRail) GuardRail {
	if !slices.Contains(policy.Bypassable, g.Rail) {
		return g
	}
	g.Remedy += fmt.Sprintf("; or pass over it once, with --bypass %s", g.Rail)
	if !slices.Contains(p.Bypass, g.Rail) {
		g.Remedy += fmt.Sprintf(" and `limits: {bypass: [%s]}` in the policy", g.Rail)
	}
	return g
}

// smallGround is of how many rows on a ground that lost more than half of them stops a run: in smaller ones that happens.
const smallGround = 10

// GuardRails holds a plan against the limits. Matched tells how many rows a ground led to a person by in the last
// run, where that is known; nil means that nothing is known at all, as before the first run.
func (p *Plan) GuardRails(l policy.Limits, matched func(table, ground string) (rows int, known bool)) []GuardRail {
	var rails []GuardRail
	if purges := p.Count(retention.Purge); purges > l.Purges {
		rails = append(rails, GuardRail{Rail: policy.TooMany,
			Sentence: fmt.Sprintf("%s would be purged, and the limit of one run is %d: nobody is purged", policy.Count(purges, "person"), l.Purges),
			Remedy:   fmt.Sprintf("look at the plan; if it is right, set limits.purges to at least %d in the policy", purges)})
	}
	for _, t := range p.Tables {
		purges := t.Actions[retention.Purge]
		if purges == 0 || float64(purges) <= l.Share*float64(t.Persons)+1e-9 {
			continue
		}
		share := float64(purges) / float64(t.Persons)
		rails = append(rails, GuardRail{Rail: policy.TooLarge, Table: t.Table,
			Sentence: fmt.Sprintf("%d of %d persons in `%s` would be purged (%s), and the limit of one run is %s: nobody is purged", purges, t.Persons, t.Table, policy.Percentage(share), policy.Percentage(l.Share)),
			Remedy:   fmt.Sprintf("look at the plan; if it is right, set limits.share to at least %s in the policy", policy.Percentage(share))})
	}
	for _, g := range p.Grounds {
		if matched == nil || g.MayBeEmpty {
			continue
		}
		switch before, known := matched(g.Table, g.Ground); {
		case !known:
		case g.Rows > 0 && before >= smallGround && 2*g.Rows < before:
			rails = append(rails, GuardRail{Rail: policy.GroundShrunk, Table: g.Table, Ground: g.Ground,
				Sentence: fmt.Sprintf("the ground `%s` of `%s` matched %s in the last run and matches %d now, fewer than half: nobody is purged", g.Ground, g.Table, policy.Count(before, "row"), g.Rows),
				Remedy:   "find out whether a column, an option, a role or a view was renamed or moved; if the ground may really shrink so, say mayBeEmpty: true on it"})
		case g.Rows == 0 && before > 0:
			rails = append(rails, GuardRail{Rail: policy.GroundEmpty, Table: g.Table, Ground: g.Ground,
				Sentence: fmt.Sprintf("the ground `%s` of `%s` matched %s in the last run and matches none now: nobody is purged", g.Ground, g.Table, policy.Count(before, "row")),
				Remedy:   "find out whether a column, an option or a view was renamed; if the ground may really match nothing, say mayBeEmpty: true on it"})
		}
	}
	return rails
}
