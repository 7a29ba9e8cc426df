package platform

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// An audit row keeps the values before and after a change, by column name, behind its columns.
const (
	AuditOld = 1<<16 - 2 // map[string]any
	AuditNew = 1<<16 - 1 // map[string]any
)

// The actions and operations of an audit row. Page: auditing/retrieve-audit-data.
const (
	actionCreate       = 1
	actionUpdate       = 2
	actionDelete       = 3
	actionActivate     = 4
	actionDeactivate   = 5
	ActionMerge        = 12
	actionAssign       = 13
	actionQualify      = 24
	actionDisqualify   = 25
	ActionAssociate    = 33
	ActionDisassociate = 34
	actionSetState     = 41
	ActionWin          = 44
	ActionLose         = 45
	ActionAuditDeleted = 111

	actionAccess = 65 // User Access via Web Services

	operationCreate = 1
	operationUpdate = 2
	OperationDelete = 3
	operationAccess = 4
)

// accessInterval is how many hours pass before the access of a user is written down again. Pages: auditing/overview, organization.
const accessInterval = 4

// checkAuditSettings: the days are -1 or 1 to 365,000; of the settings in auditsettings one is not done here, one nobody but the
// service may set, and one has no effect. Page: auditing/configure.
func (w *Writer) checkAuditSettings(t *schema.Table, r *store.Row) error {
	if days, set := store.Value(t, r, "auditretentionperiodv2").(int64); set && days != -1 && (days < 1 || days > 365000) {
		return wire.BadArgument("The audit retention period of %d days is not between 1 and 365000, nor -1.", days)
	}
	text := store.Text(t, r, "auditsettings")
	if text == "" {
		return nil
	}
	settings := map[string]any{}
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return wire.BadArgument("The audit settings are no JSON.")
	}
	if settings["IsSqlAuditWriteDisabled"] == true {
		return wire.BadArgument("The audit setting IsSqlAuditWriteDisabled cannot be changed.")
	}
	if settings["StoreLabelNameforPicklistAudits"] == true {
		return wire.NotEmulated(w.Engine, "the audit setting StoreLabelNameforPicklistAudits")
	}
	return nil
}

// AuditAccess writes down that a user came by the Web API, where the organisation audits that: once in each interval. Pages:
// auditing/overview, org-service/samples/audit-user-access.
func (s *Service) AuditAccess(user uuid.UUID) {
	sn := s.Store.View()
	t := sn.Schema.Tables["organization"]
	org := sn.Data[t.Name].Get(s.OrganizationID)
	if org == nil || store.Value(t, org, "isuseraccessauditenabled") != true || store.Value(t, org, "isauditenabled") == false {
		return
	}
	hours, given := store.Value(t, org, "useraccessauditinginterval").(int64)
	if !given {
		hours = accessInterval
	}
	now := s.Clock.Now()
	if last, came := s.accessed.Load(user); came {
		if since := now.Sub(last.(time.Time)); since >= 0 && since < time.Duration(hours)*time.Hour {
			return
		}
	}
	s.accessed.Store(user, now)
	w := s.PlatformWriter()
	defer w.Commit()
	w.User = user
	w.WriteAudit(sn.Schema.Tables["systemuser"], user, actionAccess, operationAccess, "", map[string]any{}, map[string]any{})
}

// auditCut is how much of a long text an audit row keeps. Page: manage-dataverse-auditing.
const auditCut = 5000

// unauditedColumns change with every write.
var unauditedColumns = map[string]bool{"versionnumber": true, "modifiedon": true, "modifiedby": true, "modifiedonbehalfby": true}

// audited tells whether the audit history records changes of the column.
func audited(c *schema.Column) bool { return c.Audit && !unauditedColumns[c.Name] }

// audits tells whether the audit history records the table: both the organisation and the table must be switched on.
func (w *Writer) audits(t *schema.Table) bool {
	if !t.Audited || w.Unaudited {
		return false
	}
	org := w.Schema.Tables["organization"]
	on, set := store.Value(org, w.Data["organization"].Get(w.Engine.OrganizationID), "isauditenabled").(bool)
	return on || !set
}

func (w *Writer) auditCreate(t *schema.Table, r *store.Row) {
	if w.audits(t) {
		w.auditChange(t, actionCreate, operationCreate, &store.Row{ID: r.ID}, r, nil)
	}
}

// AuditUpdate writes down what really changed, nothing if nothing did.
func (w *Writer) AuditUpdate(t *schema.Table, before, after *store.Row) {
	w.auditUpdate(t, before, after, nil)
}

// auditUpdate writes down what changed and what was sent, although it is the same: update-delete-entities-using-web-api warns that
// unchanged values are audited as changed.
func (w *Writer) auditUpdate(t *schema.Table, before, after *store.Row, sent map[int]bool) {
	if w.Engine.Options.AuditChangesOnly {
		sent = nil
	}
	if w.audits(t) {
		w.auditChange(t, w.updateAction(t, before, after), operationUpdate, before, after, sent)
	}
}

// updateAction names the kind of an update.
func (w *Writer) updateAction(t *schema.Table, before, after *store.Row) int64 {
	if w.Action != 0 {
		return w.Action
	}
	if was, is := store.Value(t, before, "statecode"), store.Value(t, after, "statecode"); was != is {
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
	if store.Value(t, before, "ownerid") != store.Value(t, after, "ownerid") {
		return actionAssign
	}
	return actionUpdate
}

// auditDelete keeps every value of the deleted row.
func (w *Writer) auditDelete(t *schema.Table, r *store.Row) {
	if r == nil || !w.audits(t) {
		return
	}
	old := map[string]any{}
	for i, v := range r.All() {
		if i < len(t.Columns) && audited(t.Columns[i]) {
			old[t.Columns[i].Name] = cutAudit(v)
		}
	}
	mask := make([]byte, 0, 4*len(t.Columns))
	for _, c := range t.Columns {
		if audited(c) && !c.NoRead {
			mask = appendNumber(mask, c)
		}
	}
	w.WriteAudit(t, r.ID, actionDelete, OperationDelete, string(mask), old, map[string]any{})
}

func (w *Writer) auditChange(t *schema.Table, action, operation int64, before, after *store.Row, sent map[int]bool) {
	old, changed := map[string]any{}, map[string]any{}
	var mask []byte
	for _, c := range t.Columns {
		was, is := before.Get(c.Index), after.Get(c.Index)
		if was == is && !sent[c.Index] || !audited(c) {
			continue
		}
		mask = appendNumber(mask, c)
		if was != nil {
			old[c.Name] = cutAudit(was)
		}
		if is != nil {
			changed[c.Name] = cutAudit(is)
		}
	}
	if len(mask) > 0 {
		w.WriteAudit(t, after.ID, action, operation, string(mask), old, changed)
	}
}

// appendNumber adds a column to a mask.
func appendNumber(mask []byte, c *schema.Column) []byte {
	if len(mask) > 0 {
		mask = append(mask, ',')
	}
	return strconv.AppendInt(mask, int64(c.Number()), 10)
}

func cutAudit(v any) any {
	s, ok := v.(string)
	if !ok || len(s) <= auditCut {
		return v
	}
	if short := store.CutText(s, auditCut); short != s {
		return short + "…"
	}
	return v
}

// WriteAudit stores an audit row, or puts it off by the delay that the server was given. The mask is the numbers of columns, with commas.
func (w *Writer) WriteAudit(t *schema.Table, id uuid.UUID, action, operation int64, mask string, old, changed map[string]any) {
	a := w.Schema.Tables["audit"]
	v := store.Values{AuditOld: old, AuditNew: changed}
	v.Set(a, "action", action)
	v.Set(a, "operation", operation)
	v.Set(a, "attributemask", mask)
	v.Set(a, "createdon", w.Now)
	v.Set(a, "objectid", store.Ref{Table: t.Name, ID: id})
	v.Set(a, "objecttypecode", t.Name)
	v.Set(a, "userid", store.Ref{Table: "systemuser", ID: w.User})
	if w.behalf != uuid.Nil {
		v.Set(a, "callinguserid", w.behalf)
	}
	v.Set(a, "transactionid", uuid.Nil)
	r := w.newRow(a, uuid.New(), v)
	if delay := w.Engine.Options.AuditDelay; delay > 0 {
		w.Pending = w.Pending.Add(store.PendingAudit{Due: w.Now.Time().Add(delay).Unix(), Row: r})
		return
	}
	w.Put(a, r)
}

// auditAssociation records that two rows were associated or disassociated.
func (w *Writer) auditAssociation(action int64, relation string, t *schema.Table, id uuid.UUID, other store.Ref) {
	if !w.audits(t) {
		return
	}
	values := map[string]any{relation: other}
	old, changed := map[string]any{}, values
	if action == ActionDisassociate {
		old, changed = values, old
	}
	w.WriteAudit(t, id, action, operationUpdate, "", old, changed)
}
