package purge

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Sight is the guard rail of a run whose user does not see any more what it judges by, or is another. Nothing bypasses it.
const Sight policy.Rail = "sight"

// sightLasts is for how long it counts that the user was proven to see everything: rights can be taken away during a
// purge of hours, and a last look that is blind finds nobody justified.
const sightLasts = time.Minute

// sight is who the run was proven to see everything as, and when that was.
type sight struct {
	turn environment.Turn // of who proves it
	user uuid.UUID
	at   time.Time // by the service's clock
}

func newSight() *sight { return &sight{turn: environment.NewTurn()} }

// begin proves it before anything is read or written. The error is a [*compile.BlindError] where it cannot be proven.
func (s *sight) begin(ctx context.Context, d *Deps) error {
	user, err := d.Policy.Prove(ctx, d.Client)
	if err != nil {
		return err
	}
	if d.Run.Actor != uuid.Nil && d.Run.Actor != user {
		return &compile.BlindError{User: user, Spots: []compile.BlindSpot{{Sentence: anotherUser(d.Run.Actor, user), Remedy: words.Say("sight.user.do")}}}
	}
	s.user, s.at = user, d.Client.Now()
	return nil
}

func anotherUser(before, now uuid.UUID) words.Said { return words.Say("sight.user", before, now) }

// sees stops the run once its user can no longer be shown to see everything; a recent proof counts unless afresh.
func (r *session) sees(ctx context.Context, afresh bool) error {
	s := r.sight
	end, err := s.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer end()
	if age := r.Client.Now().Sub(s.at); !afresh && age >= 0 && age < sightLasts {
		return nil
	}
	user, err := r.Policy.Prove(ctx, r.Client)
	var blind *compile.BlindError
	switch {
	case errors.As(err, &blind):
		return r.stopBecause(blind, plan.GuardRail{Rail: Sight, Table: blind.Spots[0].Table, Sentence: words.Say("rail.sight", blind.Said()), Remedy: blind.Remedy()})
	case err != nil:
		return err
	case user != s.user:
		return r.stop(plan.GuardRail{Rail: Sight, Sentence: words.Say("rail.sight", anotherUser(s.user, user)), Remedy: words.Say("sight.user.do")})
	}
	s.at = r.Client.Now()
	return nil
}
