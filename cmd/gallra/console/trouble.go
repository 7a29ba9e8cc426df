package console

import (
	"errors"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// trouble is an error for the people at the page: what happened, and what to do about it.
type trouble struct {
	What string
	Hint string
	More []string
}

// trouble makes one of an error, whose text quotes no row.
func (c *Console) trouble(err error) *trouble {
	if err == nil {
		return nil
	}
	t := &trouble{What: err.Error(), Hint: dataverse.Hint(err)}
	var (
		policy policy.Problems
		stop   *purge.StopError
		locked *ledger.LockedError
	)
	switch {
	case errors.As(err, &policy):
		t.What = ""
		for _, p := range policy {
			t.More = append(t.More, strings.TrimSpace(p.Pos.String()+": "+p.Message+". "+p.Hint))
		}
	case errors.As(err, &stop):
		t.Hint = stop.Remedy()
	case errors.As(err, &locked):
		t.Hint = "run " + locked.Holder.Run
	}
	return t
}
