package messages

import (
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// changeTeam is AddMembersTeam or RemoveMembersTeam: users join or leave a team, all or none. Page: use-web-api-actions.
func (s *Service) changeTeam(add bool) wire.Handler {
	action := "RemoveMembersTeam"
	if add {
		action = "AddMembersTeam"
	}
	return func(c *wire.Call) (*wire.Answer, error) {
		return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
			t, team, err := w.FindRow(c.Path.Segments[0])
			if err != nil {
				return err
			}
			if t.Name != "team" {
				return wire.NoSegment(wire.CRMNamespace + action)
			}
			body, err := c.Decode()
			if err != nil {
				return err
			}
			list, given := body["Members"].([]any)
			if !given {
				return wire.MissingArgument("Members", action)
			}
			for _, m := range list {
				user, _, err := wire.EntityArgument(&w.Tx.Snapshot, m)
				if err != nil {
					return err
				}
				if user.Table != "systemuser" {
					return wire.BadArgument("The members of a team are users.")
				}
				if err := w.JoinTeam(team, user.ID, add); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
