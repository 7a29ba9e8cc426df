package emulator

import (
	"net/http"
)

// mergedState are the tables whose rows can be merged, with the state that the row merged into another one gets. Page:
// merge-entity-using-web-api; of a lead no page says it.
var mergedState = map[string]int64{"account": 1, "contact": 1, "lead": 2, "incident": 2}

// merge is Merge: what points at the subordinate points at the target from then on, and the subordinate stays behind,
// inactive, with all its own values.
func (s *messageService) merge(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	return noContent(), s.change(c, func(w *writer) error {
		for _, p := range []string{"Target", "Subordinate", "PerformParentingChecks"} {
			if body[p] == nil {
				return missingArgument(p, "Merge")
			}
		}
		target, _, err := w.entityArgument(body["Target"])
		if err != nil {
			return err
		}
		subordinate, _, err := w.entityArgument(body["Subordinate"])
		if err != nil {
			return err
		}
		checks, _ := body["PerformParentingChecks"].(bool)
		if err := w.mayMerge(target, subordinate, checks); err != nil {
			return err
		}
		return w.act(actionMerge, func() error { return w.mergeRows(target, subordinate, body["UpdateContent"]) })
	})
}

func (w *writer) mayMerge(target, subordinate ref, checks bool) error {
	if _, ok := mergedState[target.Table]; !ok {
		return newFault(http.StatusMethodNotAllowed, "0x80100008", "The 'Merge' method does not support entities of type '%s'.", target.Table)
	}
	t := w.schema.tables[target.Table]
	keep, lose := w.data[target.Table].get(target.ID), w.data[subordinate.Table].get(subordinate.ID)
	switch {
	case subordinate.Table != target.Table:
		return badArgument("The target and the subordinate of a merge must be of the same entity.")
	case keep == nil:
		return noRow(target.Table, target.ID.String())
	case lose == nil:
		return noRow(subordinate.Table, subordinate.ID.String())
	case target == subordinate:
		return newFault(http.StatusBadRequest, "0x80045305", "Merge cannot be performed on sub-entity that is identical to the master entity.")
	case t.ref(keep, "masterid") == subordinate:
		return newFault(http.StatusBadRequest, "0x80045300", "Merge could create cyclical parenting.")
	case t.get(lose, "merged") == true:
		return badArgument("The subordinate has already been merged.")
	}
	for _, r := range []*row{keep, lose} {
		if err := w.allow("Write", t, r); err != nil {
			return err
		}
	}
	if err := w.holds("prvMerge"); err != nil {
		return err
	}
	if checks {
		for _, parent := range []string{"parentcustomerid", "parentaccountid"} {
			if a, b := t.ref(keep, parent), t.ref(lose, parent); a != b && a.Table != "" && b.Table != "" {
				return newFault(http.StatusBadRequest, "0x80045316", "Merge warning: sub-entity will be differently parented.")
			}
		}
	}
	return nil
}

func (w *writer) mergeRows(target, subordinate ref, content any) error {
	t := w.schema.tables[target.Table]
	if m, ok := content.(map[string]any); ok && t.Name != "incident" {
		body := map[string]any{}
		for k, v := range m {
			if k != t.ID {
				body[k] = v
			}
		}
		in, err := w.readBody(t, body, false)
		if err != nil {
			return err
		}
		if len(in.children) > 0 {
			return badArgument("UpdateContent of a merge cannot hold other records.")
		}
		if _, err := w.update(t, w.data[t.Name].get(target.ID), in.values); err != nil {
			return err
		}
	}
	for _, rel := range w.schema.pointingAt(t) {
		if rel.Merge == "Cascade" {
			w.moveChildren(rel, subordinate, target)
		}
	}
	v := values{}
	v.set(t, "merged", true)
	v.set(t, "masterid", target)
	state := mergedState[t.Name]
	v.set(t, "statecode", state)
	v.set(t, "statuscode", t.firstStatus(state))
	if t.Name == "incident" {
		v.set(t, "statuscode", int64(2000)) // Merged
	}
	_, err := w.save(t, w.data[t.Name].get(subordinate.ID), v)
	return err
}

// moveChildren lets what points at one row point at another. It is the platform's doing: locks do not count.
func (w *writer) moveChildren(rel *relationship, from, to ref) {
	child := w.schema.tables[rel.Referencing]
	c := child.column(rel.Attribute)
	if w.data[child.Name].len() == 0 {
		return
	}
	var list []*row
	w.pointers(child, c, from, func(r *row) bool {
		list = append(list, r)
		return true
	})
	for _, r := range list {
		if child.Name == to.Table && r.id == to.ID {
			continue // a row cannot be its own parent
		}
		v := values{c.index: to}
		w.compute(child, r, v)
		after := w.next(child, r, v)
		w.put(child, after)
		w.auditUpdate(child, r, after)
		if child.Activity {
			w.movedActivity(child, after)
		}
	}
}

// movedActivity keeps the party row of an activity that regards another row now.
func (w *writer) movedActivity(t *table, r *row) {
	w.ownParty(t, r, partyRegarding, t.ref(r, "regardingobjectid"))
}
