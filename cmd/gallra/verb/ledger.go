package verb

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// Checkpoint is the line that proves later that nothing was taken out of the ledger since: signed if there is a key. The proof comes
// from the verifier, which reads everything with its own eyes: what is signed is taken for true later.
func Checkpoint(proof *ledger.Proof, open func() (*ledger.Ledger, error), key ed25519.PrivateKey, now time.Time) ([]byte, error) {
	if n := len(proof.Problems); n > 0 {
		problems := "1 problem"
		if n > 1 {
			problems = fmt.Sprintf("%d problems", n)
		}
		return nil, fmt.Errorf("%w: %s (the first of %s)", ledger.ErrBroken, proof.Problems[0], problems)
	}
	l, err := open()
	if err != nil {
		return nil, err
	}
	return l.Checkpoint(now).Line(key)
}

// Reapplied is what purging again did of who was back.
type Reapplied struct {
	Summary *purge.Summary
	Purged  int
	Left    []purge.Returned // who are still back and have not been written to since
}

// Whole tells whether nobody is back any more and nothing failed or was left behind.
func (r *Reapplied) Whole() bool {
	return len(r.Left)+len(r.Summary.Failures)+len(r.Summary.Residue) == 0
}

// Reapply purges again whoever the ledger says was purged and who is back, and looks who is left.
func Reapply(ctx context.Context, d purge.Deps) (*Reapplied, error) {
	out, tell := &Reapplied{}, d.Outcome
	d.Outcome = func(x purge.Outcome) {
		if x.Status == ledger.Done && x.Do != "" {
			out.Purged++
		}
		if tell != nil {
			tell(x)
		}
	}
	var err error
	if out.Summary, err = purge.Reapply(ctx, d); err != nil {
		return out, err
	}
	left, _, err := purge.Back(ctx, d)
	out.Left = slices.DeleteFunc(left, func(p purge.Returned) bool { return p.Written })
	return out, err
}
