package emulator

import (
	"slices"

	"github.com/google/uuid"
)

// A write is a list of stages: the order in which the platform's rules are asked and its work is done. What a caller may
// do, what a row may hold and what else must be there is asked before the row is put. docs/emulator.md tells the lists.

// rowWrite is one row on its way through the stages of a create, an update or a delete.
type rowWrite struct {
	table   *table
	body    map[string]any // as it came; nil where the platform itself writes
	key     rowKey         // of the address
	input   *input         // the body, read
	id      uuid.UUID      // of a new row
	values  values
	before  *row // nil for a new row
	row     *row // as it is written
	cascade *cascade
}

// stage is one step of a write. An error ends the write; the transaction undoes what the stages before it did.
type stage struct {
	name string
	run  func(*writer, *rowWrite) error
}

// through takes a row through the stages.
func (w *writer) through(x *rowWrite, stages []stage) error {
	for _, s := range stages {
		if err := s.run(w, x); err != nil {
			return err
		}
	}
	return nil
}

// onCreate is a create by a body: POST of a row, a row nested in another one's body, CreateMultiple.
func onCreate() []stage {
	return slices.Concat([]stage{
		{"accepts", func(_ *writer, x *rowWrite) error { return x.table.accepts("Create") }},
		{"mayCreate", func(w *writer, x *rowWrite) error { return w.allow("Create", x.table, nil) }},
		{"readBody", func(w *writer, x *rowWrite) error { return w.readInput(x, true) }},
	}, onCreateRead())
}

// onUpsert is the create of the row that an upsert did not find. That the caller may create is asked of the row itself.
func onUpsert() []stage {
	return slices.Concat([]stage{
		{"accepts", func(_ *writer, x *rowWrite) error { return x.table.accepts("Create") }},
		{"readBody", func(w *writer, x *rowWrite) error { return w.readInput(x, true) }},
		{"keyValues", (*writer).takeKeyValues},
	}, onCreateRead())
}

// onCreateRead is a create whose body is read already.
func onCreateRead() []stage {
	return slices.Concat([]stage{
		{"parents", (*writer).createParents},
		{"mayValues", func(w *writer, x *rowWrite) error { return w.allowValues(x.table, nil, x.values) }},
	}, onInsert(), []stage{
		{"mayRow", func(w *writer, x *rowWrite) error { return w.allow("Create", x.table, x.row) }},
		{"duplicates", func(w *writer, x *rowWrite) error { return w.refuseDuplicate(x.table, x.row) }},
		{"children", (*writer).createNested},
		{"adopted", (*writer).adopt},
		{"finish", (*writer).finishNew},
	})
}

// onInsert is a new row with what the platform adds, whoever asked for it.
func onInsert() []stage {
	return slices.Concat([]stage{
		{"freeID", (*writer).freeID},
		{"fill", func(w *writer, x *rowWrite) error { w.completePlatform(x.table, x.id, x.values); return nil }},
		{"files", func(w *writer, x *rowWrite) error { return w.checkFiles(x.table, x.id, true, x.values) }},
	}, onComplete(), []stage{
		{"build", func(w *writer, x *rowWrite) error { x.row = w.fresh(x.table, x.id, x.values); return nil }},
		{"unique", func(w *writer, x *rowWrite) error { return w.checkKeys(x.table, x.row) }},
		{"platform", func(w *writer, x *rowWrite) error { return w.checkPlatform(x.table, nil, x.row) }},
		{"put", func(w *writer, x *rowWrite) error { w.put(x.table, x.row); return nil }},
		{"audit", func(w *writer, x *rowWrite) error { w.auditCreate(x.table, x.row); return nil }},
		{"beside", func(w *writer, x *rowWrite) error { return w.makeBeside(x.table, x.row) }},
	})
}

// onComplete adds to a new row's values what the platform sets itself.
func onComplete() []stage {
	return []stage{
		{"stamp", func(w *writer, x *rowWrite) error { w.stampNew(x.table, x.values); return nil }},
		{"state", func(_ *writer, x *rowWrite) error { return x.table.startState(x.values) }},
		{"defaults", func(w *writer, x *rowWrite) error { w.defaults(x.table, x.id, x.values); return nil }},
		{"required", func(_ *writer, x *rowWrite) error { return x.table.required(x.values) }},
		{"compute", func(w *writer, x *rowWrite) error { w.compute(x.table, nil, x.values); return nil }},
	}
}

// onUpdate is an update by a body: PATCH of a row, PUT and DELETE of a property, UpdateMultiple.
func onUpdate() []stage {
	return slices.Concat([]stage{
		{"accepts", func(_ *writer, x *rowWrite) error { return x.table.accepts("Update") }},
		{"mayWrite", func(w *writer, x *rowWrite) error { return w.allow("Write", x.table, x.before) }},
		{"readBody", func(w *writer, x *rowWrite) error { return w.readInput(x, false) }},
		{"sameID", func(_ *writer, x *rowWrite) error { return x.keepID() }},
		{"keyValues", func(_ *writer, x *rowWrite) error { x.dropKeyValues(); return nil }},
		{"mayValues", func(w *writer, x *rowWrite) error { return w.allowValues(x.table, x.before, x.values) }},
	}, onChange(), []stage{
		{"duplicates", func(w *writer, x *rowWrite) error { return w.refuseDuplicate(x.table, x.row) }},
		{"parties", (*writer).replaceNested},
	})
}

// onChange is a change of values that somebody asked for: the row's state may forbid it.
func onChange() []stage {
	return slices.Concat([]stage{
		{"unlocked", func(w *writer, x *rowWrite) error { return w.unlocked(x.table, x.before, x.values) }},
		{"state", func(w *writer, x *rowWrite) error { return w.moveState(x.table, x.before, x.values) }},
	}, onSave())
}

// onSave is a change of values, without asking whether they may change.
func onSave() []stage {
	return []stage{
		{"files", func(w *writer, x *rowWrite) error { return w.checkFiles(x.table, x.before.id, false, x.values) }},
		{"compute", func(w *writer, x *rowWrite) error { w.compute(x.table, x.before, x.values); return nil }},
		{"stamp", func(w *writer, x *rowWrite) error { w.stampChanged(x.table, x.values); return nil }},
		{"build", func(w *writer, x *rowWrite) error { x.row = w.next(x.table, x.before, x.values); return nil }},
		{"unique", func(w *writer, x *rowWrite) error { return w.checkKeys(x.table, x.row) }},
		{"platform", func(w *writer, x *rowWrite) error { return w.checkPlatform(x.table, x.before, x.row) }},
		{"put", func(w *writer, x *rowWrite) error { w.put(x.table, x.row); return nil }},
		{"audit", func(w *writer, x *rowWrite) error { w.auditUpdate(x.table, x.before, x.row); return nil }},
		{"follow", (*writer).followChange},
	}
}

// onDelete is a delete that somebody asked for.
func onDelete() []stage {
	return slices.Concat([]stage{
		{"mayDelete", func(w *writer, x *rowWrite) error { return w.allow("Delete", x.table, x.before) }},
	}, onErase())
}

// onErase is a delete with what its relationships say: worked out whole before anything is touched.
func onErase() []stage {
	return []stage{
		{"deletable", (*writer).deletable},
		{"cascade", (*writer).collectCascade},
		{"bin", func(w *writer, x *rowWrite) error { w.binDelete(x.cascade); return nil }},
		{"unlink", func(w *writer, x *rowWrite) error { w.removeLinks(x.cascade); return nil }},
		{"pairs", func(w *writer, x *rowWrite) error { w.removePairs(x.cascade); return nil }},
		{"remove", func(w *writer, x *rowWrite) error { w.removeRows(x.cascade); return nil }},
		{"follow", func(w *writer, x *rowWrite) error { return w.followDelete(x.cascade) }},
	}
}
