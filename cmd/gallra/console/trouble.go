package console

import (
	"errors"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// trouble is an error for the people at the page: what happened, and what to do about it. What the engine finds is said in their language;
// answers of the service and of the machine, and problems of the policy's text, are quoted.
type trouble struct {
	What  words.Said
	Hint  words.Said
	More  []words.Said
	Rails []plan.GuardRail
}

// trouble makes one of an error, whose text quotes no row.
func (c *Console) trouble(err error) *trouble {
	if err == nil {
		return nil
	}
	t := &trouble{What: words.Quote(err.Error()), Hint: words.Quote(dataverse.Hint(err))}
	var (
		problems policy.Problems
		stop     *purge.StopError
		locked   *ledger.LockedError
		foreign  *ledger.ForeignError
		blind    *compile.BlindError
	)
	switch {
	case errors.As(err, &problems):
		t.What = words.Said{}
		for _, p := range problems {
			t.More = append(t.More, words.Quote(strings.TrimSpace(p.Pos.String()+": "+p.Message+". "+p.Hint)))
		}
	case errors.As(err, &stop):
		t.What, t.Hint, t.Rails = words.Said{}, words.Said{}, stop.Rails
	case errors.As(err, &locked):
		t.What, t.Hint = words.Say("locked", locked.Holder.Run), words.Say("locked.do")
	case errors.As(err, &foreign):
		t.What, t.Hint = words.Say("doctor.ledger.foreign", foreign.Ledger, foreign.Environment), words.Say("doctor.ledger.foreign.do")
	case errors.As(err, &blind):
		t.What, t.Hint = blind.Said(), blind.Remedy()
	}
	return t
}
