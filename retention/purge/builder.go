package purge

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/gallra/gallra/retention"
)

// builder makes the change sets of the persons whose rows an inventory lists.
type builder struct {
	*inventory
	limit  int          // how many operations a change set holds; zero: any number
	jobs   bool         // the policy's engine is bulk-delete
	brief  bool         // connections are too many to be emptied: the bulk delete that follows leaves nothing of them
	noJobs bool         // the service refused a bulk delete: rows that cannot be emptied are deleted all the same
	tried  map[ref]bool // rows that a bulk delete did not delete
}

// own makes the change set of a person; errTooMany says that it would be too large. The person's own columns come first, so
// that a row that changed since the last look ends it before anything else.
func (b *builder) own(ctx context.Context, p *person, e *eraser, marks map[string]any) (*work, error) {
	w := newWork(p, own, b.disposition(p))
	body := e.patch(p.id, p.row)
	maps.Copy(body, marks)
	w.rows[p.table] = append(w.rows[p.table], p.id)
	w.add(http.MethodPatch, rowPath(e.table.EntitySet, p.id), body, p.row.ETag())
	for _, f := range e.files(p.row) {
		w.add(http.MethodDelete, rowPath(e.table.EntitySet, p.id)+"/"+f, nil, "")
	}
	for _, it := range p.items {
		if err := b.handle(ctx, w, it); err != nil {
			return nil, err
		}
		w.spare(it)
	}
	if p.before != nil {
		for r := range p.before.kept {
			w.stays[r.table] = append(w.stays[r.table], r.id)
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
func (b *builder) rest(ctx context.Context, p *person) (*work, error) {
	w := newWork(p, rest, b.disposition(p))
	w.rows[p.table] = append(w.rows[p.table], p.id)
	items := slices.DeleteFunc(slices.Clone(p.items), func(it *item) bool {
		return it.bin == binWithPerson && len(b.eraser(it).patch(it.id, it.row)) == 0 // emptied, and goes with the person
	})
	for i, it := range items {
		part, err := b.part(ctx, w, it)
		if err != nil {
			return nil, err
		}
		if b.limit > 0 && len(w.set) > 0 && len(w.set)+len(part.set) > b.limit {
			for _, it := range items[i:] {
				w.left = append(w.left, it.ref)
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
func (b *builder) ahead(ctx context.Context, p *person, done *stages, guard map[string]any) (*work, error) {
	w := newWork(p, ahead, b.disposition(p))
	w.add(http.MethodPatch, rowPath(b.subject.EntitySet, p.id), guard, p.row.ETag())
	for _, it := range p.items { // what hangs on a row comes before it
		if done.last[it.ref] || b.goesLast(it) {
			done.last[it.ref] = true
			for _, h := range it.held {
				done.last[h.parent] = true // its delete would take the row along
			}
			continue
		}
		part, err := b.part(ctx, w, it)
		if err != nil {
			return nil, err
		}
		if len(part.set) == 0 {
			done.kept[it.ref] = true
			done.count(part)
			w.spare(it)
			continue
		}
		if len(w.set)+len(part.set) > b.limit {
			break
		}
		w.absorb(part)
		w.spare(it)
		if it.fate != fateDelete {
			w.written = append(w.written, it.ref)
		}
	}
	return w, nil
}

// part is what becomes of one row, as part of a change set.
func (b *builder) part(ctx context.Context, of *work, it *item) (*work, error) {
	part := newWork(of.person, of.kind, of.do)
	part.mirrors = of.mirrors
	return part, b.handle(ctx, part, it)
}

// goesLast tells whether a row is part of the person, or bears the name by reference.
func (b *builder) goesLast(it *item) bool {
	return it.bin == binWithPerson || it.unwritable() || it.binned() && it.table == "connection" || b.tables.persons[it.table]
}

// owed are the decisions of rows that are to go and that a change set leaves for later, those included whose turn is that
// of another person.
func (b *builder) owed(p *person, w *work) map[ref]decision {
	gone := make(map[ref]bool, len(w.gone))
	for _, r := range w.gone {
		gone[r] = true
	}
	return b.decisionsOf(p, func(it *item) bool {
		return it.fate.do() == retention.Delete && it.bin != binWithPerson && !gone[it.ref]
	})
}

// byJob tells whether a bulk delete job deletes the row, by the policy's engine. The person's change set then leaves it
// alone, and the person's row waits until it is gone. Rows that could not be found again from an anonymous person go with
// the change set.
func (b *builder) byJob(w *work, it *item) bool {
	switch {
	case !b.jobs, w.kind == ahead, b.noJobs, b.tried[it.ref]:
		return false
	case !it.goes(), it.table == "connection", b.tables.persons[it.table]:
		return false
	}
	return b.lasts(it)
}
