package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// history are the audit rows of a row of data, the newest first. What tells of deleted history is not part of it.
func (s *snapshot) history(of ref) []*row {
	a := s.schema.tables["audit"]
	object, action := a.column("objectid").index, a.column("action").index
	var list []*row
	s.data["audit"].pointing(object, of.ID, func(r *row) bool {
		if held, _ := r.get(object).(ref); held == of && r.get(action) != int64(actionAuditDeleted) {
			list = append(list, r)
		}
		return true
	})
	slices.SortFunc(list, func(x, y *row) int { return int(min(max(y.version-x.version, -1), 1)) })
	return list
}

// recordHistory is RetrieveRecordChangeHistory. It works with the id of a deleted row. Page:
// auditing/retrieve-audit-data.
func (s *messageService) recordHistory(c *call) (*answer, error) {
	return s.changeHistory(c, "RetrieveRecordChangeHistory", false)
}

// attributeHistory is RetrieveAttributeChangeHistory: the changes of one column.
func (s *messageService) attributeHistory(c *call) (*answer, error) {
	return s.changeHistory(c, "RetrieveAttributeChangeHistory", true)
}

func (s *messageService) changeHistory(c *call, function string, oneColumn bool) (*answer, error) {
	for _, p := range []string{"prvReadRecordAuditHistory", "prvReadAuditSummary"} {
		if err := c.holds(p); err != nil {
			return nil, err
		}
	}
	args, err := c.arguments(c.path.segments[0])
	if err != nil {
		return nil, err
	}
	if args["Target"] == "" {
		return nil, missingArgument("Target", function)
	}
	target, err := objectArgument(args["Target"])
	if err != nil {
		return nil, err
	}
	sn := c.view()
	of, _, err := sn.entityArgument(target)
	if err != nil {
		return nil, err
	}
	column := ""
	if oneColumn {
		if column, err = textArgument(args["AttributeLogicalName"]); err != nil {
			return nil, err
		}
		if sn.schema.tables[of.Table].column(column) == nil {
			return nil, newFault(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s'.", of.Table, column)
		}
	}
	list := sn.history(of)
	if column != "" {
		list = slices.DeleteFunc(list, func(r *row) bool { return !touches(r, column) })
	}
	page, count, counted, err := paging(args["PagingInfo"])
	if err != nil {
		return nil, err
	}
	total := len(list)
	from := min((page-1)*count, total)
	to := min(from+count, total)
	w := newEncoder(c, newEnv(c))
	details := make([]any, 0, to-from)
	for _, r := range list[from:to] {
		details = append(details, w.auditDetail(sn, r, column))
	}
	c.readRows(len(details))
	cookie := ""
	if to < total {
		cookie = `[{"token":"+RID:~` + list[to-1].id.String() + `#RT:` + strconv.Itoa(page) + `#TRC:` + strconv.Itoa(to) + `"}]`
	}
	if !counted {
		total = -1
	}
	return ok(map[string]any{
		"@odata.context": c.base + "/$metadata#" + crmNamespace + function + "Response",
		"AuditDetailCollection": map[string]any{
			"MoreRecords": cookie != "", "PagingCookie": cookie, "TotalRecordCount": total, "AuditDetails": details,
		},
	}), nil
}

// paging reads a PagingInfo.
func paging(text string) (page, count int, counted bool, err error) {
	page, count = 1, 5000
	if text == "" || text == "null" {
		return page, count, false, nil
	}
	m, err := objectArgument(text)
	if err != nil {
		return 0, 0, false, err
	}
	if page, err = intMember(m, "PageNumber", 1); err != nil {
		return 0, 0, false, err
	}
	if count, err = intMember(m, "Count", 5000); err != nil {
		return 0, 0, false, err
	}
	if page < 1 || page > 1<<20 || count < 1 || count > 5000 {
		return 0, 0, false, badArgument("PageNumber and Count of PagingInfo must be positive, Count at most 5000.")
	}
	counted, _ = m["ReturnTotalRecordCount"].(bool)
	return page, count, counted, nil
}

// touches tells whether an audit row holds a value of the column.
func touches(r *row, column string) bool {
	for _, side := range []int{auditOld, auditNew} {
		if m, _ := r.get(side).(map[string]any); m != nil {
			if _, ok := m[column]; ok {
				return true
			}
		}
	}
	return false
}

// auditDetails is RetrieveAuditDetails, bound to an audit row.
func (s *messageService) auditDetails(c *call) (*answer, error) {
	sn := c.view()
	seg := c.path.segments[0]
	t, err := sn.schema.set(seg.name)
	if err != nil {
		return nil, err
	}
	if err := c.holds("prvReadAuditSummary"); err != nil {
		return nil, err
	}
	k, err := sn.key(t, seg)
	if err != nil {
		return nil, err
	}
	r := sn.data[t.Name].get(k.id)
	if t.Name != "audit" || r == nil {
		return nil, noRow(t.Name, seg.key)
	}
	c.readRows(1)
	return ok(map[string]any{
		"@odata.context": c.base + "/$metadata#" + crmNamespace + "RetrieveAuditDetailsResponse",
		"AuditDetail":    newEncoder(c, newEnv(c)).auditDetail(sn, r, ""),
	}), nil
}

// auditDetail is what an audit row tells, of all columns or of one.
func (w *encoder) auditDetail(sn *snapshot, r *row, column string) map[string]any {
	a := sn.schema.tables["audit"]
	of := a.ref(r, "objectid")
	old, _ := r.get(auditOld).(map[string]any)
	changed, _ := r.get(auditNew).(map[string]any)
	switch a.int(r, "action") {
	case actionAssociate, actionDisassociate:
		for name, v := range either(changed, old) {
			records := []any{}
			to, _ := v.(ref)
			if t := sn.schema.tables[to.Table]; t != nil {
				records = append(records, map[string]any{"@odata.type": "#" + crmNamespace + to.Table, t.ID: to.ID})
			}
			return map[string]any{
				"@odata.type": "#" + crmNamespace + "RelationshipAuditDetail", "RelationshipName": name, "TargetRecords": records,
			}
		}
	case actionAuditDeleted:
		return map[string]any{"@odata.type": "#" + crmNamespace + "AuditDetail"}
	}
	return map[string]any{
		"@odata.type":               "#" + crmNamespace + "AttributeAuditDetail",
		"InvalidNewValueAttributes": []any{}, "LocLabelLanguageCode": 0,
		"DeletedAttributes": map[string]any{"Count": 0, "Keys": []any{}, "Values": []any{}},
		"OldValue":          w.auditValues(sn, of, old, column), "NewValue": w.auditValues(sn, of, changed, column),
	}
}

func either(a, b map[string]any) map[string]any {
	if len(a) > 0 {
		return a
	}
	return b
}

// auditValues are values before or after a change, as a row of their table.
func (w *encoder) auditValues(sn *snapshot, of ref, m map[string]any, only string) json.RawMessage {
	t := sn.schema.tables[of.Table]
	part := &encoder{e: w.e, base: w.base, formatted: w.formatted, logical: w.logical, navName: w.navName, omitNulls: true}
	part.text("{")
	part.key("@odata.type")
	part.b = appendJSON(part.b, "#"+crmNamespace+of.Table)
	if t != nil {
		v := values{}
		for name, value := range m {
			if c := t.column(name); c != nil && (only == "" || only == name) {
				v[c.index] = value
			}
		}
		r := (&row{id: of.ID}).with(v, 0)
		for i := range r.all() {
			f := t.fieldsOf([]*column{t.Columns[i]})
			part.field(t, r, &f[0])
		}
	}
	part.text("}")
	return json.RawMessage(part.b)
}

// deleteHistory is DeleteRecordChangeHistory: it removes the audit rows that have appeared, also of a deleted row, and
// leaves one that tells of it, without values. Page: auditing/delete-audit-data.
func (s *messageService) deleteHistory(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	n := 0
	err = s.change(c, func(w *writer) error {
		if body["Target"] == nil {
			return missingArgument("Target", "DeleteRecordChangeHistory")
		}
		if err := w.holds("prvDeleteRecordChangeHistory"); err != nil {
			return err
		}
		of, _, err := w.entityArgument(body["Target"])
		if err != nil {
			return err
		}
		n = w.dropHistory(of)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{
		"@odata.context":      c.base + "/$metadata#" + crmNamespace + "DeleteRecordChangeHistoryResponse",
		"DeletedEntriesCount": n,
	}), nil
}

func (w *writer) dropHistory(of ref) int {
	a := w.schema.tables["audit"]
	list := w.history(of)
	for _, r := range list {
		w.remove(a, r.id)
	}
	if len(list) > 0 {
		w.writeAudit(w.schema.tables[of.Table], of.ID, actionAuditDeleted, operationDelete, nil, nil, nil)
	}
	return len(list)
}

// deleteAuditData is DeleteAuditData, which only customers with a key of their own can use. Page:
// auditing/delete-audit-data.
func (s *messageService) deleteAuditData(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	if body["EndDate"] == nil {
		return nil, missingArgument("EndDate", "DeleteAuditData")
	}
	return nil, badArgument("There are no partitions ending before the given date")
}
