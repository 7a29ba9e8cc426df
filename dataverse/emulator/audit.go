package emulator

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// An audit row keeps the values before and after a change, by column name, behind its columns.
const (
	auditOld = 1<<16 - 2 // map[string]any
	auditNew = 1<<16 - 1 // map[string]any
)

// The actions and operations of an audit row. Page: auditing/retrieve-audit-data.
const (
	actionCreate       = 1
	actionUpdate       = 2
	actionDelete       = 3
	actionActivate     = 4
	actionDeactivate   = 5
	actionMerge        = 12
	actionAssign       = 13
	actionQualify      = 24
	actionDisqualify   = 25
	actionAssociate    = 33
	actionDisassociate = 34
	actionSetState     = 41
	actionWin          = 44
	actionLose         = 45
	actionAuditDeleted = 111

	operationCreate = 1
	operationUpdate = 2
	operationDelete = 3
)

// auditCut is how much of a long text an audit row keeps. Page: manage-dataverse-auditing.
const auditCut = 5000

// unauditedColumns change with every write.
var unauditedColumns = map[string]bool{"versionnumber": true, "modifiedon": true, "modifiedby": true, "modifiedonbehalfby": true}

// audited tells whether changes of the column are written down.
func (c *column) audited() bool { return c.audit && !unauditedColumns[c.Name] }

// columnNumber is the number by which audit rows name a column.
func (c *column) columnNumber() int { return c.index + 1 }

// audits tells whether changes of the table are written down: by the organisation's switch and the table's.
func (w *writer) audits(t *table) bool {
	if !t.audited || w.unaudited {
		return false
	}
	org := w.schema.tables["organization"]
	on, set := org.get(w.data["organization"].get(w.engine.organizationID), "isauditenabled").(bool)
	return on || !set
}

func (w *writer) auditCreate(t *table, r *row) {
	if w.audits(t) {
		w.auditChange(t, actionCreate, operationCreate, &row{id: r.id}, r)
	}
}

// auditUpdate writes down what really changed, nothing if nothing did.
func (w *writer) auditUpdate(t *table, before, after *row) {
	if w.audits(t) {
		w.auditChange(t, w.updateAction(t, before, after), operationUpdate, before, after)
	}
}

// updateAction names the kind of an update.
func (w *writer) updateAction(t *table, before, after *row) int64 {
	if w.action != 0 {
		return w.action
	}
	if was, is := t.get(before, "statecode"), t.get(after, "statecode"); was != is {
		switch {
		case t.Name == "lead" && is == int64(2):
			return actionDisqualify
		case t.Name == "lead" && is == int64(1):
			return actionQualify
		case is == int64(0):
			return actionActivate
		case t.Name == "contact" || t.Name == "account":
			return actionDeactivate
		}
		return actionSetState
	}
	if t.get(before, "ownerid") != t.get(after, "ownerid") {
		return actionAssign
	}
	return actionUpdate
}

// auditDelete keeps every value of the deleted row.
func (w *writer) auditDelete(t *table, r *row) {
	if r == nil || !w.audits(t) {
		return
	}
	old := map[string]any{}
	var mask []string
	for i, v := range r.all() {
		if i < len(t.Columns) && t.Columns[i].audited() {
			old[t.Columns[i].Name] = cutAudit(v)
		}
	}
	for _, c := range t.Columns {
		if c.audited() && !c.NoRead {
			mask = append(mask, strconv.Itoa(c.columnNumber()))
		}
	}
	w.writeAudit(t, r.id, actionDelete, operationDelete, mask, old, map[string]any{})
}

func (w *writer) auditChange(t *table, action, operation int64, before, after *row) {
	old, changed := map[string]any{}, map[string]any{}
	var mask []string
	for _, c := range t.Columns {
		if !c.audited() {
			continue
		}
		was, is := before.get(c.index), after.get(c.index)
		if was == is {
			continue
		}
		mask = append(mask, strconv.Itoa(c.columnNumber()))
		if was != nil {
			old[c.Name] = cutAudit(was)
		}
		if is != nil {
			changed[c.Name] = cutAudit(is)
		}
	}
	if len(mask) > 0 {
		w.writeAudit(t, after.id, action, operation, mask, old, changed)
	}
}

func cutAudit(v any) any {
	s, ok := v.(string)
	if !ok || len(s) <= auditCut {
		return v
	}
	if short := cutText(s, auditCut); short != s {
		return short + "…"
	}
	return v
}

// writeAudit stores an audit row, or puts it off by the delay that the server was given.
func (w *writer) writeAudit(t *table, id uuid.UUID, action, operation int64, mask []string, old, changed map[string]any) {
	a := w.schema.tables["audit"]
	v := values{auditOld: old, auditNew: changed}
	v.set(a, "action", action)
	v.set(a, "operation", operation)
	v.set(a, "attributemask", strings.Join(mask, ","))
	v.set(a, "createdon", w.now)
	v.set(a, "objectid", ref{t.Name, id})
	v.set(a, "objecttypecode", t.Name)
	v.set(a, "userid", ref{"systemuser", w.user})
	if w.behalf != uuid.Nil {
		v.set(a, "callinguserid", w.behalf)
	}
	v.set(a, "transactionid", uuid.Nil)
	r := w.fresh(a, uuid.New(), v)
	if delay := w.engine.options.AuditDelay; delay > 0 {
		w.pending = w.pending.add(pendingAudit{due: w.now.time().Add(delay).Unix(), row: r})
		return
	}
	w.put(a, r)
}

// auditAssociation writes down that two rows were joined or parted.
func (w *writer) auditAssociation(action int64, relation string, t *table, id uuid.UUID, other ref) {
	if !w.audits(t) {
		return
	}
	values := map[string]any{relation: other}
	old, changed := map[string]any{}, values
	if action == actionDisassociate {
		old, changed = values, old
	}
	w.writeAudit(t, id, action, operationUpdate, nil, old, changed)
}
