package environment

import (
	"context"
	"errors"

	"github.com/gallra/gallra/dataverse"
)

// administrator remembers whether the caller has the system administrator's role.
type administrator struct {
	turn  Turn
	known bool
	is    bool
}

func (t *Tables) Administers(ctx context.Context) (bool, error) {
	end, err := t.admin.turn.Take(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	if t.admin.known {
		return t.admin.is, nil
	}
	is, err := Administers(ctx, t.client)
	if err == nil {
		t.admin.known, t.admin.is = true, is
	}
	return is, err
}

// Administers tells whether the caller has the system administrator's role, directly or through a team. A caller that may
// not read roles has not.
func Administers(ctx context.Context, client dataverse.Reader) (bool, error) {
	who, err := client.WhoAmI(ctx)
	if err != nil {
		return false, err
	}
	is, err := dataverse.Administrator(ctx, client, who.UserID)
	if errors.Is(err, dataverse.ErrNoTable) {
		return false, nil
	}
	return is, err
}
