package platform

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// A write is a list of stages: the order in which the platform's rules are asked and its work is done. What a caller may
// do, what a row may hold and what else must be there is asked before the row is put. docs/emulator.md tells the lists.

// rowWrite is one row under a create, an update or a delete; the stages fill it in turn.
type rowWrite struct {
	table   *schema.Table
	body    map[string]any // as it came; nil where the platform itself writes
	key     wire.RowKey    // of the address
	input   *Input         // the body, read
	id      uuid.UUID      // of a new row
	values  store.Values
	sent    map[int]bool // the columns of an update's body, changed or not
	before  *store.Row   // nil for a new row
	row     *store.Row   // as it is written
	cascade *Cascade
}

// stage is one step of a write. An error ends the write; the transaction undoes what the stages before it did.
type stage struct {
	name string
	run  func(*Writer, *rowWrite) error
}

// runStages takes a row through the stages.
func (w *Writer) runStages(x *rowWrite, list []stage) error {
	for _, s := range list {
		if err := s.run(w, x); err != nil {
			return err
		}
	}
	return nil
}

// stages are the lists of the writes that are asked for most, each put together once.
var stages struct{ update, change, save, remove, removeRow []stage }

func init() { // not where it is declared: the stages write, too
	stages.update, stages.save, stages.remove, stages.removeRow = onUpdate(), onSave(), onDelete(), onDeleteRow()
	stages.change = append(onChange(), stage{"postOperation", (*Writer).afterChange})
}

// onCreate is a create by a body: POST of a row, a row nested in another one's body, CreateMultiple.
func onCreate() []stage {
	return slices.Concat([]stage{
		{"accepts", func(_ *Writer, x *rowWrite) error { return CheckMessage(x.table, "Create") }},
		{"mayCreate", func(w *Writer, x *rowWrite) error { return w.CheckRight("Create", x.table, nil) }},
		{"readBody", func(w *Writer, x *rowWrite) error { return w.readInput(x, true) }},
	}, onCreateRead())
}

// onUpsert is the create of the row that an upsert did not find. That the caller may create is asked of the row itself.
func onUpsert() []stage {
	return slices.Concat([]stage{
		{"accepts", func(_ *Writer, x *rowWrite) error { return CheckMessage(x.table, "Create") }},
		{"readBody", func(w *Writer, x *rowWrite) error { return w.readInput(x, true) }},
		{"keyValues", (*Writer).takeKeyValues},
	}, onCreateRead())
}

// onCreateRead is a create whose body is read already.
func onCreateRead() []stage {
	return slices.Concat([]stage{
		{"preValidation", (*Writer).beforeCreate},
		{"parents", (*Writer).createParents},
		{"mayValues", func(w *Writer, x *rowWrite) error { return w.checkValueRights(x.table, nil, x.values) }},
	}, onInsert(), []stage{
		{"mayRow", func(w *Writer, x *rowWrite) error { return w.CheckRight("Create", x.table, x.row) }},
		{"duplicates", func(w *Writer, x *rowWrite) error { return w.refuseDuplicate(x.table, x.row) }},
		{"children", (*Writer).createNested},
		{"adopted", (*Writer).adopt},
		{"finish", (*Writer).finishNew},
		{"postOperation", (*Writer).afterCreate},
	})
}

// onInsert is a new row with what the platform adds, whoever asked for it.
func onInsert() []stage {
	return slices.Concat([]stage{
		{"freeID", (*Writer).freeID},
		{"preOperation", (*Writer).duringCreate},
		{"fill", func(w *Writer, x *rowWrite) error { w.completePlatform(x.table, x.id, x.values); return nil }},
		{"files", func(w *Writer, x *rowWrite) error { return w.checkFiles(x.table, x.id, true, x.values) }},
	}, onComplete(), []stage{
		{"build", func(w *Writer, x *rowWrite) error { x.row = w.newRow(x.table, x.id, x.values); return nil }},
		{"unique", func(w *Writer, x *rowWrite) error { return w.checkKeys(x.table, x.row) }},
		{"platform", func(w *Writer, x *rowWrite) error { return w.checkPlatform(x.table, nil, x.row) }},
		{"put", func(w *Writer, x *rowWrite) error { w.Put(x.table, x.row); return nil }},
		{"audit", func(w *Writer, x *rowWrite) error { w.auditCreate(x.table, x.row); return nil }},
		{"beside", func(w *Writer, x *rowWrite) error { return w.makeBeside(x.table, x.row) }},
	})
}

// onComplete adds to a new row's values what the platform sets itself.
func onComplete() []stage {
	return []stage{
		{"stamp", func(w *Writer, x *rowWrite) error { w.stampNew(x.table, x.values); return nil }},
		{"state", func(_ *Writer, x *rowWrite) error { return startState(x.table, x.values) }},
		{"defaults", func(w *Writer, x *rowWrite) error { w.SetDefaults(x.table, x.id, x.values); return nil }},
		{"required", func(_ *Writer, x *rowWrite) error { return required(x.table, x.values) }},
		{"compute", func(w *Writer, x *rowWrite) error { w.Compute(x.table, nil, x.values); return nil }},
	}
}

// onUpdate is an update by a body: PATCH of a row, PUT and DELETE of a property, UpdateMultiple.
func onUpdate() []stage {
	return slices.Concat([]stage{
		{"accepts", func(_ *Writer, x *rowWrite) error { return CheckMessage(x.table, "Update") }},
		{"mayWrite", func(w *Writer, x *rowWrite) error { return w.CheckRight("Write", x.table, x.before) }},
		{"readBody", func(w *Writer, x *rowWrite) error { return w.readInput(x, false) }},
		{"sameID", func(_ *Writer, x *rowWrite) error { return x.keepID() }},
		{"keyValues", func(_ *Writer, x *rowWrite) error { x.dropKeyValues(); x.noteSent(); return nil }},
		{"preValidation", (*Writer).beforeUpdate},
		{"mayValues", func(w *Writer, x *rowWrite) error { return w.checkValueRights(x.table, x.before, x.values) }},
	}, onChange(), []stage{
		{"duplicates", func(w *Writer, x *rowWrite) error { return w.refuseDuplicate(x.table, x.row) }},
		{"parties", (*Writer).replaceNested},
		{"postOperation", (*Writer).afterChange},
	})
}

// onChange is a change of values that somebody asked for: the row's state may forbid it.
func onChange() []stage {
	return slices.Concat([]stage{
		{"preOperation", (*Writer).duringUpdate},
		{"unlocked", func(w *Writer, x *rowWrite) error { return w.unlocked(x.table, x.before, x.values) }},
		{"state", func(w *Writer, x *rowWrite) error { return w.moveState(x.table, x.before, x.values) }},
	}, onSave())
}

// onSave is a change of values, without asking whether they may change.
func onSave() []stage {
	return []stage{
		{"files", func(w *Writer, x *rowWrite) error { return w.checkFiles(x.table, x.before.ID, false, x.values) }},
		{"compute", func(w *Writer, x *rowWrite) error { w.Compute(x.table, x.before, x.values); return nil }},
		{"stamp", func(w *Writer, x *rowWrite) error { w.stampChanged(x.table, x.values); return nil }},
		{"build", func(w *Writer, x *rowWrite) error { x.row = w.NextRow(x.table, x.before, x.values); return nil }},
		{"unique", func(w *Writer, x *rowWrite) error { return w.checkKeys(x.table, x.row) }},
		{"platform", func(w *Writer, x *rowWrite) error { return w.checkPlatform(x.table, x.before, x.row) }},
		{"put", func(w *Writer, x *rowWrite) error { w.Put(x.table, x.row); return nil }},
		{"audit", func(w *Writer, x *rowWrite) error { w.auditUpdate(x.table, x.before, x.row, x.sent); return nil }},
		{"follow", (*Writer).followChange},
	}
}

// onDelete is a delete that somebody asked for.
func onDelete() []stage {
	return slices.Concat([]stage{
		{"mayDelete", func(w *Writer, x *rowWrite) error { return w.CheckRight("Delete", x.table, x.before) }},
	}, onDeleteRow())
}

// onDeleteRow is a delete and what its relationships say: all is worked out before anything changes.
func onDeleteRow() []stage {
	return []stage{
		{"deletable", (*Writer).deletable},
		{"cascade", (*Writer).collectCascade},
		{"preValidation", func(w *Writer, x *rowWrite) error { return w.beforeDelete(x, hooks.PreValidation) }},
		{"preOperation", func(w *Writer, x *rowWrite) error { return w.beforeDelete(x, hooks.PreOperation) }},
		{"bin", func(w *Writer, x *rowWrite) error { w.binDelete(x.cascade); return nil }},
		{"unlink", func(w *Writer, x *rowWrite) error { w.removeLinks(x.cascade); return nil }},
		{"pairs", func(w *Writer, x *rowWrite) error { w.removePairs(x.cascade); return nil }},
		{"remove", func(w *Writer, x *rowWrite) error { w.removeRows(x.cascade); return nil }},
		{"follow", func(w *Writer, x *rowWrite) error { return w.followDelete(x.cascade) }},
		{"postOperation", (*Writer).afterDeletes},
	}
}
