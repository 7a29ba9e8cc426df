package messages

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// historyOf are the audit rows of a row, the newest first, without those that record deleted history.
func historyOf(s *store.Snapshot, of store.Ref) []*store.Row {
	a := s.Schema.Tables["audit"]
	object, action := a.Column("objectid").Index, a.Column("action").Index
	var list []*store.Row
	s.Data["audit"].Pointing(object, of.ID, func(r *store.Row) bool {
		if held, _ := r.Get(object).(store.Ref); held == of && r.Get(action) != int64(platform.ActionAuditDeleted) {
			list = append(list, r)
		}
		return true
	})
	slices.SortFunc(list, func(x, y *store.Row) int { return int(min(max(y.Version-x.Version, -1), 1)) })
	return list
}

// recordHistory is RetrieveRecordChangeHistory. It works with the id of a deleted row. Page:
// auditing/retrieve-audit-data.
func (s *Service) recordHistory(c *wire.Call) (*wire.Answer, error) {
	return s.changeHistory(c, "RetrieveRecordChangeHistory", false)
}

// attributeHistory is RetrieveAttributeChangeHistory: the changes of one column.
func (s *Service) attributeHistory(c *wire.Call) (*wire.Answer, error) {
	return s.changeHistory(c, "RetrieveAttributeChangeHistory", true)
}

func (s *Service) changeHistory(c *wire.Call, function string, oneColumn bool) (*wire.Answer, error) {
	for _, p := range []string{"prvReadRecordAuditHistory", "prvReadAuditSummary"} {
		if err := access.CheckPrivilege(c, p); err != nil {
			return nil, err
		}
	}
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	if args["Target"] == "" {
		return nil, wire.MissingArgument("Target", function)
	}
	target, err := wire.ObjectArgument(args["Target"])
	if err != nil {
		return nil, err
	}
	sn := c.View()
	of, _, err := wire.EntityArgument(sn, target)
	if err != nil {
		return nil, err
	}
	column := ""
	if oneColumn {
		if column, err = wire.TextArgument(args["AttributeLogicalName"]); err != nil {
			return nil, err
		}
		if sn.Schema.Tables[of.Table].Column(column) == nil {
			return nil, wire.NewError(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s'.", of.Table, column)
		}
	}
	list := historyOf(sn, of)
	if column != "" {
		list = slices.DeleteFunc(list, func(r *store.Row) bool { return !touchesColumn(r, column) })
	}
	page, count, counted, err := paging(args["PagingInfo"])
	if err != nil {
		return nil, err
	}
	total := len(list)
	from := min((page-1)*count, total)
	to := min(from+count, total)
	w := query.NewEncoder(c, query.NewEnv(c))
	details := make([]any, 0, to-from)
	for _, r := range list[from:to] {
		details = append(details, auditDetail(w, sn, r, column))
	}
	c.CountRead(len(details))
	cookie := ""
	if to < total {
		cookie = `[{"token":"+RID:~` + list[to-1].ID.String() + `#RT:` + strconv.Itoa(page) + `#TRC:` + strconv.Itoa(to) + `"}]`
	}
	if !counted {
		total = -1
	}
	return wire.OK(map[string]any{
		"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + function + "Response",
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
	m, err := wire.ObjectArgument(text)
	if err != nil {
		return 0, 0, false, err
	}
	if page, err = wire.IntMember(m, "PageNumber", 1); err != nil {
		return 0, 0, false, err
	}
	if count, err = wire.IntMember(m, "Count", 5000); err != nil {
		return 0, 0, false, err
	}
	if page < 1 || page > 1<<20 || count < 1 || count > 5000 {
		return 0, 0, false, wire.BadArgument("PageNumber and Count of PagingInfo must be positive, Count at most 5000.")
	}
	counted, _ = m["ReturnTotalRecordCount"].(bool)
	return page, count, counted, nil
}

// touchesColumn tells whether an audit row holds a value of the column.
func touchesColumn(r *store.Row, column string) bool {
	for _, side := range []int{platform.AuditOld, platform.AuditNew} {
		if m, _ := r.Get(side).(map[string]any); m != nil {
			if _, ok := m[column]; ok {
				return true
			}
		}
	}
	return false
}

// auditDetails is RetrieveAuditDetails, bound to an audit row.
func (s *Service) auditDetails(c *wire.Call) (*wire.Answer, error) {
	sn := c.View()
	seg := c.Path.Segments[0]
	t, err := wire.TableBySet(sn.Schema, seg.Name)
	if err != nil {
		return nil, err
	}
	if err := access.CheckPrivilege(c, "prvReadAuditSummary"); err != nil {
		return nil, err
	}
	k, err := wire.ReadKey(sn, t, seg)
	if err != nil {
		return nil, err
	}
	r := sn.Data[t.Name].Get(k.ID)
	if t.Name != "audit" || r == nil {
		return nil, wire.NoRow(t.Name, seg.Key)
	}
	c.CountRead(1)
	return wire.OK(map[string]any{
		"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "RetrieveAuditDetailsResponse",
		"AuditDetail":    auditDetail(query.NewEncoder(c, query.NewEnv(c)), sn, r, ""),
	}), nil
}

// auditDetail is what an audit row tells, of all columns or of one.
func auditDetail(w *query.Encoder, sn *store.Snapshot, r *store.Row, column string) map[string]any {
	a := sn.Schema.Tables["audit"]
	of := store.Lookup(a, r, "objectid")
	old, _ := r.Get(platform.AuditOld).(map[string]any)
	changed, _ := r.Get(platform.AuditNew).(map[string]any)
	switch store.Int(a, r, "action") {
	case platform.ActionAssociate, platform.ActionDisassociate:
		for name, v := range mergeColumns(changed, old) {
			records := []any{}
			to, _ := v.(store.Ref)
			if t := sn.Schema.Tables[to.Table]; t != nil {
				records = append(records, map[string]any{"@odata.type": "#" + wire.CRMNamespace + to.Table, t.ID: to.ID})
			}
			return map[string]any{
				"@odata.type": "#" + wire.CRMNamespace + "RelationshipAuditDetail", "RelationshipName": name, "TargetRecords": records,
			}
		}
	case platform.ActionAuditDeleted:
		return map[string]any{"@odata.type": "#" + wire.CRMNamespace + "AuditDetail"}
	}
	return map[string]any{
		"@odata.type":               "#" + wire.CRMNamespace + "AttributeAuditDetail",
		"InvalidNewValueAttributes": []any{}, "LocLabelLanguageCode": 0,
		"DeletedAttributes": map[string]any{"Count": 0, "Keys": []any{}, "Values": []any{}},
		"OldValue":          auditValues(w, sn, of, old, column), "NewValue": auditValues(w, sn, of, changed, column),
	}
}

func mergeColumns(a, b map[string]any) map[string]any {
	if len(a) > 0 {
		return a
	}
	return b
}

// auditValues are values before or after a change, as a row of their table.
func auditValues(w *query.Encoder, sn *store.Snapshot, of store.Ref, m map[string]any, only string) json.RawMessage {
	t := sn.Schema.Tables[of.Table]
	part := &query.Encoder{Env: w.Env, Base: w.Base, Formatted: w.Formatted, Logical: w.Logical, Navigation: w.Navigation, OmitNulls: true}
	part.Text("{")
	part.Key("@odata.type")
	part.Buf = query.AppendJSON(part.Buf, "#"+wire.CRMNamespace+of.Table)
	if t != nil {
		v := store.Values{}
		for name, value := range m {
			if c := t.Column(name); c != nil && (only == "" || only == name) {
				v[c.Index] = value
			}
		}
		r := (&store.Row{ID: of.ID}).With(v, 0)
		for i := range r.All() {
			f := query.FieldsOf(t, []*schema.Column{t.Columns[i]})
			part.Field(t, r, &f[0])
		}
	}
	part.Text("}")
	return json.RawMessage(part.Buf)
}

// deleteHistory is DeleteRecordChangeHistory: it removes the audit rows that have appeared, also of a deleted row, and
// leaves one that tells of it, without values. Page: auditing/delete-audit-data.
func (s *Service) deleteHistory(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	n := 0
	err = s.Change(c, func(w *platform.Writer) error {
		if body["Target"] == nil {
			return wire.MissingArgument("Target", "DeleteRecordChangeHistory")
		}
		if err := w.CheckPrivilege("prvDeleteRecordChangeHistory"); err != nil {
			return err
		}
		of, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
		if err != nil {
			return err
		}
		n = dropHistory(w, of)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// By hand: nearly half of what a purge asks for are these.
	text := query.AppendJSON([]byte(`{"@odata.context":`), c.Base+"/$metadata#"+wire.CRMNamespace+"DeleteRecordChangeHistoryResponse")
	text = strconv.AppendInt(append(text, `,"DeletedEntriesCount":`...), int64(n), 10)
	return wire.OK(append(text, '}')), nil
}

func dropHistory(w *platform.Writer, of store.Ref) int {
	a := w.Schema.Tables["audit"]
	list := historyOf(&w.Tx.Snapshot, of)
	for _, r := range list {
		w.Remove(a, r.ID)
	}
	if len(list) > 0 {
		w.WriteAudit(w.Schema.Tables[of.Table], of.ID, platform.ActionAuditDeleted, platform.OperationDelete, "", nil, nil)
	}
	return len(list)
}

// deleteAuditData is DeleteAuditData, which only customers with a key of their own can use. Page:
// auditing/delete-audit-data.
func (s *Service) deleteAuditData(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	if body["EndDate"] == nil {
		return nil, wire.MissingArgument("EndDate", "DeleteAuditData")
	}
	return nil, wire.BadArgument("There are no partitions ending before the given date")
}
