package policy

import (
	"fmt"
	"math"

	"github.com/gallra/gallra/retention"
)

// Rail names a guard rail for machines.
type Rail string

// The guard rails of a plan.
const (
	TooMany     Rail = "too-many"     // more purges than limits.purges
	TooLarge    Rail = "too-large"    // a larger share of a table than limits.share
	GroundEmpty Rail = "ground-empty" // a ground that used to match rows matches none
	// GroundShrunk is a ground that matches fewer than half of the rows that it used to.
	GroundShrunk Rail = "ground-shrunk"
	// UndecidedPlace is a place that holds rows of persons and of which no rule speaks. Nothing bypasses it.
	UndecidedPlace Rail = "undecided"
	// UnsafePolicy is a policy that fits and that nobody may act by: plans show what it would do, runs are refused.
	UnsafePolicy Rail = "unsafe"
	RowsTooMany  Rail = "rows-too-many"  // more rows at the end of their own period than limits.rows
	RowsTooLarge Rail = "rows-too-large" // a larger share of a table's rows than limits.rowShare
	Drift        Rail = "drift"          // something in the environment changed that a rule depends on
)

// Bypassable are the guard rails that a flag may bypass together with a line of the policy, limits.bypass.
var Bypassable = []Rail{TooMany, TooLarge, GroundEmpty, GroundShrunk, Drift, RowsTooMany, RowsTooLarge}

func railNames(rails []Rail) []string {
	names := make([]string, len(rails))
	for i, r := range rails {
		names[i] = string(r)
	}
	return names
}

// Percentage rounds up, so that what is printed as the share to allow is enough.
func Percentage(share float64) string {
	return fmt.Sprintf("%g%%", math.Max(0, math.Ceil(share*1000-1e-9)/10))
}

// spread reads over how long a backlog's dates are laid out.
func (l *loader) spread(f *fileLimits) {
	if !f.has("spread") || l.blamed(f.At["spread"].Pos) {
		return
	}
	const begin = retention.Date(1)
	switch year := (retention.Period{Years: 1}); {
	case f.Spread.IsZero():
		l.problem(f.At["spread"].Pos, "a spread of no time lays nothing out", "leave `spread` out, or such as 3 months")
	case begin.Add(f.Spread) > begin.Add(year):
		l.problem(f.At["spread"].Pos, fmt.Sprintf("dates cannot be laid out over more than 1 year, and this is %s", f.Spread),
			"nothing justifies these persons: raise `purges` and `share` for the backlog instead")
	default:
		l.policy.Limits.Spread = f.Spread
	}
}
