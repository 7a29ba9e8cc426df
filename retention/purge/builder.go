package purge

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// builder makes the change sets of the persons whose rows an inventory lists.
type builder struct {
	*inventory.List
	limit  int                      // how many operations a change set holds; zero: any number
	jobs   bool                     // the policy's engine is bulk-delete
	brief  bool                     // connections are too many to be emptied: the bulk delete that follows leaves nothing of them
	noJobs bool                     // the service refused a bulk delete: rows that cannot be emptied are deleted all the same
	tried  map[environment.Ref]bool // rows that a bulk delete did not delete
}

// own makes the change set of a person; errTooMany says that it would be too large. The person's own columns come first, so
// that a row that changed since the last look ends it before anything else.
func (b *builder) own(ctx context.Context, p *inventory.Person, e *inventory.Eraser, marks map[string]any) (*work, error) {
	w := newWork(p, own, b.Disposition(p))
	if w.do == policy.Delete {
		e = e.Whole()
	}
	body := e.Patch(p.ID, p.Row)
	maps.Copy(body, marks)
	w.rows[p.Table] = append(w.rows[p.Table], p.ID)
	w.add(http.MethodPatch, environment.RowPath(e.Table.EntitySet, p.ID), body, p.Row.ETag())
	for _, f := range e.Files(p.Row) {
		w.add(http.MethodDelete, environment.RowPath(e.Table.EntitySet, p.ID)+"/"+f, nil, "")
	}
	for _, a := range p.Associated {
		if w.do == policy.Delete {
			w.counts[didDelete+" "+a.Place]++ // with the row
			continue
		}
		w.add(http.MethodDelete, environment.RowPath(e.Table.EntitySet, p.ID)+"/"+a.Nav+"("+a.ID.String()+")/$ref", nil, "")
		w.counts[didShare+" "+a.Place]++
	}
	for _, it := range p.Items {
		if err := b.handle(ctx, w, it); err != nil {
			return nil, err
		}
		w.spare(it)
	}
	if p.Before != nil {
		for r := range p.Before.Kept {
			w.stays[r.Table] = append(w.stays[r.Table], r.ID)
		}
	}
	if b.limit > 0 && len(w.set) > b.limit {
		return nil, errTooMany
	}
	w.decided = b.owed(p, w)
	return w, nil
}

// rest makes the change set for the rows that are still there, without the person's own. What does not fit is left for the
// next round: the person is anonymous.
func (b *builder) rest(ctx context.Context, p *inventory.Person) (*work, error) {
	w := newWork(p, rest, b.Disposition(p))
	w.rows[p.Table] = append(w.rows[p.Table], p.ID)
	items := slices.DeleteFunc(slices.Clone(p.Items), func(it *inventory.Item) bool {
		return it.Bin == inventory.BinWithPerson && len(b.Eraser(it).Patch(it.ID, it.Row)) == 0 // emptied, and goes with the person
	})
	for i, it := range items {
		part, err := b.part(ctx, w, it)
		if err != nil {
			return nil, err
		}
		if b.limit > 0 && len(w.set) > 0 && len(w.set)+len(part.set) > b.limit {
			for _, it := range items[i:] {
				w.left = append(w.left, it.Ref)
			}
			break
		}
		w.absorb(part)
		w.spare(it)
	}
	w.decided = b.owed(p, w)
	return w, nil
}

// ahead makes a change set of related rows that go before the person, of as many as fit. Guard is a write to the person's
// row that changes nothing; with it the change set fails if somebody changed the row since the look.
func (b *builder) ahead(ctx context.Context, p *inventory.Person, done *stages, guard map[string]any) (*work, error) {
	w := newWork(p, ahead, b.Disposition(p))
	w.add(http.MethodPatch, environment.RowPath(b.Subject.EntitySet, p.ID), guard, p.Row.ETag())
	for _, it := range p.Items { // what hangs on a row comes before it
		if done.Last[it.Ref] || b.goesLast(it) {
			done.Last[it.Ref] = true
			for _, h := range it.Held {
				if h.Reached() {
					done.Last[h.Parent] = true // its delete would take the row along
				}
			}
			continue
		}
		part, err := b.part(ctx, w, it)
		if err != nil {
			return nil, err
		}
		if len(part.set) == 0 {
			done.Kept[it.Ref] = true
			done.count(part)
			w.spare(it)
			continue
		}
		if len(w.set)+len(part.set) > b.limit {
			break
		}
		w.absorb(part)
		w.spare(it)
		if it.Fate != inventory.Delete {
			w.written = append(w.written, it.Ref)
		}
	}
	return w, nil
}

// part is what becomes of one row, as part of a change set.
func (b *builder) part(ctx context.Context, of *work, it *inventory.Item) (*work, error) {
	part := newWork(of.Person, of.kind, of.do)
	part.mirrors = of.mirrors
	return part, b.handle(ctx, part, it)
}

// goesLast tells whether a row is part of the person, or bears the name by reference.
func (b *builder) goesLast(it *inventory.Item) bool {
	return it.Bin == inventory.BinWithPerson || it.Behind() || it.Unwritable() || it.Binned() && it.Table == "connection" || b.Tables.Persons[it.Table]
}

// owed are the decisions of rows that are to go and that a change set leaves for later, those included whose turn is that
// of another person.
func (b *builder) owed(p *inventory.Person, w *work) map[environment.Ref]inventory.Decision {
	gone := make(map[environment.Ref]bool, len(w.gone))
	for _, r := range w.gone {
		gone[r] = true
	}
	return b.DecisionsOf(p, func(it *inventory.Item) bool {
		return it.Fate.Do() == policy.Delete && it.Bin != inventory.BinWithPerson && !gone[it.Ref]
	})
}

// byJob tells whether a bulk delete job deletes the row, by the policy's engine. The person's change set then leaves it
// alone, and the person's row waits until it is gone. Rows that could not be found again from an anonymous person go with
// the change set.
func (b *builder) byJob(w *work, it *inventory.Item) bool {
	switch {
	case !b.jobs, w.kind == ahead, b.noJobs, b.tried[it.Ref]:
		return false
	case !it.Goes(), it.Table == "connection", b.Tables.Persons[it.Table]:
		return false
	}
	return b.Lasts(it)
}
