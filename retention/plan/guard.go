package plan

import (
	"fmt"
	"slices"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// GuardRail is a rule of prudence that a plan runs into. A run with one purges nobody.
type GuardRail struct {
	Rail     policy.Rail `json:"rail"`
	Table    string      `json:"table,omitempty"`
	Ground   string      `json:"ground,omitempty"`
	Sentence words.Said  `json:"sentence"` // what is the matter
	Remedy   words.Said  `json:"remedy"`   // what it would take to go on
}

// NewRail is a guard rail that says the texts rail.KEY and rail.KEY.do, both filled in with the same.
func NewRail(rail policy.Rail, key string, args ...any) GuardRail {
	return GuardRail{Rail: rail, Sentence: words.Say("rail."+key, args...), Remedy: words.Say("rail."+key+".do", args...)}
}

// At is the guard rail with the table and the ground that it is about.
func (g GuardRail) At(table, ground string) GuardRail {
	g.Table, g.Ground = table, ground
	return g
}

// Bypassing is a guard rail with what it takes to bypass it added to its remedy, where that can be done.
func Bypassing(p *policy.Policy, g GuardRail) GuardRail {
	if !slices.Contains(policy.Bypassable, g.Rail) {
		return g
	}
	key := "bypass"
	if !slices.Contains(p.Bypass, g.Rail) {
		key = "bypass.policy"
	}
	g.Remedy = words.Say(key, g.Remedy, g.Rail)
	return g
}

// smallGround is of how many rows on a ground that lost more than half of them stops a run: in smaller ones that happens.
const smallGround = 10

// GuardRails holds a plan against the limits. Matched tells how many rows a ground led to a person by in the last
// run, where that is known; nil means that nothing is known at all, as before the first run.
func (p *Plan) GuardRails(l policy.Limits, matched func(table, ground string) (rows int, known bool)) []GuardRail {
	var rails []GuardRail
	if purges := p.Count(retention.Purge); purges > l.Purges {
		rails = append(rails, NewRail(policy.TooMany, "too-many", words.Count("persons", purges), l.Purges, fmt.Sprint(purges)))
	}
	for _, t := range p.Tables {
		purges := t.Actions[retention.Purge]
		if purges == 0 || float64(purges) <= l.Share*float64(t.Persons)+1e-9 {
			continue
		}
		share := float64(purges) / float64(t.Persons)
		rails = append(rails, NewRail(policy.TooLarge, "too-large", purges, t.Persons, t.Table, policy.Percentage(share), policy.Percentage(l.Share)).At(t.Table, ""))
	}
	for _, g := range p.Grounds {
		if matched == nil || g.MayBeEmpty {
			continue
		}
		switch before, known := matched(g.Table, g.Ground); {
		case !known:
		case g.Rows > 0 && before >= smallGround && 2*g.Rows < before:
			rails = append(rails, NewRail(policy.GroundShrunk, "ground-shrunk", g.Ground, g.Table, words.Count("rows", before), g.Rows).At(g.Table, g.Ground))
		case g.Rows == 0 && before > 0:
			rails = append(rails, NewRail(policy.GroundEmpty, "ground-empty", g.Ground, g.Table, words.Count("rows", before)).At(g.Table, g.Ground))
		}
	}
	return rails
}
