package naive

import (
	"testing"
	"time"
)

// stage takes account of the stages that were done. A ground that has returned undoes them: whoever is justified begins anew. For
// others the day on which the next stage may come at the earliest stands where the end of the grounds would. It answers whether somebody
// has returned, and which stage comes next, if it is not the purge.
func (p Policy) stage(t testing.TB, n *person, today time.Time) (returned bool, coming string) {
	n.ended = n.until
	stages := n.class.stages
	switch {
	case n.stage.Done == 0:
	case n.until.After(today):
		returned, n.stage = true, Stage{}
	case n.stage.Done < len(stages):
		n.ground, n.rank = "", 2_000_000 // of two equal days that of something that keeps them counts
		n.until = p.kept(t, n.stage.Base, Ground{"keep": stages[n.stage.Done].Ground["after"]})
		if until, counts := p.byHand(t, n.row, today); counts { // it is over, and no run was there while it lasted
			n.justify(until, "manual-extension", 1_000_000)
		}
	}
	if n.stage.Done < len(stages)-1 {
		coming = stages[n.stage.Done].Ground["do"]
	}
	return returned, coming
}
