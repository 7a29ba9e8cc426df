package messages

import (
	"net/http"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// mergedState are the tables whose rows can be merged, with the state that the row merged into another one gets. Page:
// merge-entity-using-web-api; of a lead no page says it.
var mergedState = map[string]int64{"account": 1, "contact": 1, "lead": 2, "incident": 2}

// merge is Merge: what points at the subordinate points at the target from then on, and the subordinate stays behind,
// inactive, with all its own values.
func (s *Service) merge(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		for _, p := range []string{"Target", "Subordinate", "PerformParentingChecks"} {
			if body[p] == nil {
				return wire.MissingArgument(p, "Merge")
			}
		}
		target, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
		if err != nil {
			return err
		}
		subordinate, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Subordinate"])
		if err != nil {
			return err
		}
		checks, _ := body["PerformParentingChecks"].(bool)
		if err := mayMerge(w, target, subordinate, checks); err != nil {
			return err
		}
		t := w.Schema.Tables[target.Table]
		return w.Act(platform.MergeMessage, t, w.Data[t.Name].Get(target.ID), func(*store.Row) error {
			return withAction(w, platform.ActionMerge, func() error { return mergeRows(w, target, subordinate, body["UpdateContent"]) })
		})
	})
}

func mayMerge(w *platform.Writer, target, subordinate store.Ref, checks bool) error {
	if _, ok := mergedState[target.Table]; !ok {
		return wire.NewError(http.StatusMethodNotAllowed, "0x80100008", "The 'Merge' method does not support entities of type '%s'.", target.Table)
	}
	t := w.Schema.Tables[target.Table]
	keep, lose := w.Data[target.Table].Get(target.ID), w.Data[subordinate.Table].Get(subordinate.ID)
	switch {
	case subordinate.Table != target.Table:
		return wire.BadArgument("The target and the subordinate of a merge must be of the same entity.")
	case keep == nil:
		return wire.NoRow(target.Table, target.ID.String())
	case lose == nil:
		return wire.NoRow(subordinate.Table, subordinate.ID.String())
	case target == subordinate:
		return wire.NewError(http.StatusBadRequest, "0x80045305", "Merge cannot be performed on sub-entity that is identical to the master entity.")
	case store.Lookup(t, keep, "masterid") == subordinate:
		return wire.NewError(http.StatusBadRequest, "0x80045300", "Merge could create cyclical parenting.")
	case store.Value(t, lose, "merged") == true:
		return wire.BadArgument("The subordinate has already been merged.")
	}
	for _, r := range []*store.Row{keep, lose} {
		if err := w.CheckRight("Write", t, r); err != nil {
			return err
		}
	}
	if err := w.CheckPrivilege("prvMerge"); err != nil {
		return err
	}
	if checks {
		for _, parent := range []string{"parentcustomerid", "parentaccountid"} {
			if a, b := store.Lookup(t, keep, parent), store.Lookup(t, lose, parent); a != b && a.Table != "" && b.Table != "" {
				return wire.NewError(http.StatusBadRequest, "0x80045316", "Merge warning: sub-entity will be differently parented.")
			}
		}
	}
	return nil
}

func mergeRows(w *platform.Writer, target, subordinate store.Ref, content any) error {
	t := w.Schema.Tables[target.Table]
	if m, ok := content.(map[string]any); ok && t.Name != "incident" {
		body := map[string]any{}
		for k, v := range m {
			if k != t.ID {
				body[k] = v
			}
		}
		in, err := w.ReadBody(t, body, false)
		if err != nil {
			return err
		}
		if len(in.Children) > 0 {
			return wire.BadArgument("UpdateContent of a merge cannot hold other records.")
		}
		if _, err := w.Update(t, w.Data[t.Name].Get(target.ID), in.Values); err != nil {
			return err
		}
	}
	for _, rel := range w.Schema.PointingAt(t) {
		if rel.Merge == "Cascade" {
			moveChildren(w, rel, subordinate, target)
		}
	}
	v := store.Values{}
	v.Set(t, "merged", true)
	v.Set(t, "masterid", target)
	state := mergedState[t.Name]
	v.Set(t, "statecode", state)
	v.Set(t, "statuscode", platform.FirstStatus(t, state))
	if t.Name == "incident" {
		v.Set(t, "statuscode", int64(2000)) // Merged
	}
	_, err := w.Save(t, w.Data[t.Name].Get(subordinate.ID), v)
	return err
}

// moveChildren makes lookups of one row point at another. The platform does so itself: locks do not count.
func moveChildren(w *platform.Writer, rel *schema.Relationship, from, to store.Ref) {
	child := w.Schema.Tables[rel.Referencing]
	c := child.Column(rel.Attribute)
	if w.Data[child.Name].Len() == 0 {
		return
	}
	var list []*store.Row
	platform.EachPointing(&w.Tx.Snapshot, child, c, from, func(r *store.Row) bool {
		list = append(list, r)
		return true
	})
	for _, r := range list {
		if child.Name == to.Table && r.ID == to.ID {
			continue // a row cannot be its own parent
		}
		v := store.Values{c.Index: to}
		w.Compute(child, r, v)
		after := w.NextRow(child, r, v)
		w.Put(child, after)
		w.AuditUpdate(child, r, after)
		if child.Activity {
			movedActivity(w, child, after)
		}
	}
}

// movedActivity updates the party row of an activity whose regarding row has changed.
func movedActivity(w *platform.Writer, t *schema.Table, r *store.Row) {
	w.PutPlatformParty(t, r, platform.PartyRegarding, store.Lookup(t, r, "regardingobjectid"))
}
