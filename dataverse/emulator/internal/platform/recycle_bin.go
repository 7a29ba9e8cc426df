package platform

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// binContent is where a deleteditemreference keeps, behind its columns, what Restore needs.
const binContent = 1<<16 - 3 // *binned

// binned is what one delete put into the recycle bin: ids alone, the rows are in Snapshot.Bin.
type binned struct {
	root  store.Ref
	rows  []store.Ref // with the root
	links []unlink
}

// unbinnable are the tables whose deleted rows the recycle bin does not keep. Pages: restore-deleted-records,
// restore-deleted-table-records; the consent tables do not take Restore (reference page, "Messages").
var unbinnable = map[string]bool{
	"appnotification": true, "appointment": true, "asyncoperation": true, "audit": true, "bulkdeleteoperation": true,
	"bulkdeletefailure": true, "businessunit": true, "connectionrole": true, "deleteditemreference": true,
	"mailbox": true, "organization": true, "principalobjectaccess": true, "privilege": true, "publisher": true,
	"queue": true, "recurringappointmentmaster": true, "recyclebinconfig": true, "role": true, "roleprivileges": true,
	"savedquery": true, "solution": true, "solutioncomponent": true, "systemuser": true, "systemuserroles": true,
	"teamroles": true, "transactioncurrency": true, "userquery": true, "workflow": true, "activitypointer": true,
	"duplicaterule": true, "duplicaterulecondition": true, "retentionconfig": true, "retentionfailuredetail": true, "retentionoperation": true,
	"retentionoperationdetail": true, "sharepointdocument": true, "msdynmkt_contactpointconsent": true,
	"msdynmkt_contactpointconsent2": true, "msdynmkt_contactpointconsent3": true,
	"msdynmkt_contactpointconsent4": true,
}

// maxBinColumns is how many columns a table may have and still go to the bin.
const maxBinColumns = 600

// The days that deleted rows are kept when nothing else is said, and the name of the row that says it.
const (
	binDays         = 30
	binOrganization = "organization"
)

func binConfigID(name string) uuid.UUID { return schema.StableID("recyclebinconfig/" + name) }

// SeedBin switches the recycle bin on for every table that can have it. Page: reference/entities/recyclebinconfig.
func (s *Service) SeedBin() {
	t := s.Store.Begin()
	defer t.Commit()
	now, admin := store.Instant(s.Clock.Now().Unix()), store.Ref{Table: "systemuser", ID: s.Administrator}
	add := func(name string, days int64, more store.Fields) {
		f := store.Fields{"name": name, "cleanupintervalindays": days, "isreadyforrecyclebin": true, "statecode": int64(0),
			"statuscode": int64(1), "createdon": now, "modifiedon": now, "createdby": admin, "modifiedby": admin,
			"organizationid": store.Ref{Table: "organization", ID: s.OrganizationID}, "ismanaged": false}
		for k, v := range more {
			f[k] = v
		}
		t.Place("recyclebinconfig", binConfigID(name), f)
	}
	add(binOrganization, binDays, nil)
	for _, name := range t.Schema.TableNames() {
		tab := t.Schema.Tables[name]
		if unbinnable[name] || len(tab.Columns) > maxBinColumns {
			continue
		}
		add(name, -1, store.Fields{"extensionofrecordid": store.Ref{Table: "entity", ID: metadata.TableID(tab)}, "bintablename": tab.SchemaName + "Bin"})
	}
}

// binConfig is a row of recyclebinconfig by its name, nil if there is none.
func binConfig(s *store.Snapshot, name string) *store.Row {
	t := s.Schema.Tables["recyclebinconfig"]
	if r := s.Data[t.Name].Get(binConfigID(name)); r != nil && store.Text(t, r, "name") == name {
		return r
	}
	var found *store.Row
	s.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if store.Text(t, r, "name") == name {
			found = r
		}
		return found == nil
	})
	return found
}

// hasBin tells whether the recycle bin keeps the table's deleted rows.
func hasBin(s *store.Snapshot, t *schema.Table) bool {
	if unbinnable[t.Name] || len(t.Columns) > maxBinColumns {
		return false
	}
	config := s.Schema.Tables["recyclebinconfig"]
	on := func(name string) bool {
		r := binConfig(s, name)
		return r != nil && store.Int(config, r, "statecode") == 0 && store.Value(config, r, "isreadyforrecyclebin") == true
	}
	return on(binOrganization) && on(t.Name)
}

// binLifetime is how long a deleted row of the table is kept.
func binLifetime(s *store.Snapshot, table string) time.Duration {
	config := s.Schema.Tables["recyclebinconfig"]
	days := int64(-1)
	if r := binConfig(s, table); r != nil {
		days = store.Int(config, r, "cleanupintervalindays")
	}
	if days < 0 {
		days = binDays
		if r := binConfig(s, binOrganization); r != nil && store.Value(config, r, "cleanupintervalindays") != nil {
			days = store.Int(config, r, "cleanupintervalindays")
		}
	}
	return time.Duration(min(days, 1<<15)) * 24 * time.Hour
}

// binDelete copies what a delete removes into the recycle bin: the root with all that goes with it, and one
// deleteditemreference that names it. Where an older copy of the same key is kept already, nothing happens. Page:
// restore-deleted-records.
func (w *Writer) binDelete(c *Cascade) {
	root := c.Rows[0]
	if w.Unbinned || w.Schema.HoldsPairs(root.Table) || !hasBin(&w.Tx.Snapshot, root.Table) || w.Bin[root.Table.Name].Get(root.Row.ID) != nil {
		return
	}
	content := &binned{root: store.Ref{Table: root.Table.Name, ID: root.Row.ID}, links: c.unlinks}
	kept := map[string]bool{}
	for _, list := range [][]target{c.Rows, c.pairs} {
		for _, d := range list {
			on, known := kept[d.Table.Name]
			if !known {
				on = hasBin(&w.Tx.Snapshot, d.Table)
				kept[d.Table.Name] = on
			}
			if !on || w.Bin[d.Table.Name].Get(d.Row.ID) != nil {
				continue
			}
			w.PutIn(store.Binned, d.Table, d.Row)
			content.rows = append(content.rows, store.Ref{Table: d.Table.Name, ID: d.Row.ID})
		}
	}
	t := w.Schema.Tables["deleteditemreference"]
	v := store.Values{binContent: content}
	name := ""
	if root.Table.PrimaryName != "" {
		name = store.Text(root.Table, root.Row, root.Table.PrimaryName)
	}
	v.SetText(t, "name", name)
	v.Set(t, "deletedobject", content.root)
	v.Set(t, "deletedobjectidtype", root.Table.Name)
	v.Set(t, "totalrecords", int64(len(content.rows)))
	v.Set(t, "processedrecords", int64(0))
	v.Set(t, "validforrestore", true)
	if w.Job != nil {
		v.Set(t, "regardingobjectid", store.Ref{Table: "asyncoperation", ID: *w.Job})
	}
	w.PutPlatformRow(t, v)
}

// PutPlatformRow makes a row of one of the platform's own tables: no audit, no rule.
func (w *Writer) PutPlatformRow(t *schema.Table, v store.Values) *store.Row {
	caller := store.Ref{Table: "systemuser", ID: w.User}
	v.SetDefault(t, "createdon", w.Now)
	v.SetDefault(t, "modifiedon", w.Now)
	v.SetDefault(t, "createdby", caller)
	v.SetDefault(t, "modifiedby", caller)
	v.SetDefault(t, "organizationid", store.Ref{Table: "organization", ID: w.Engine.OrganizationID})
	v.SetDefault(t, "statecode", int64(0))
	v.SetDefault(t, "statuscode", FirstStatus(t, 0))
	id, ok := v[t.IDColumn().Index].(uuid.UUID)
	if !ok {
		id = uuid.New()
	}
	r := w.newRow(t, id, v)
	w.Put(t, r)
	return r
}

// takeFromBin removes a row from the bin and returns it.
func (w *Writer) takeFromBin(of store.Ref) *store.Row {
	t := w.Schema.Tables[of.Table]
	if t == nil {
		return nil
	}
	return w.RemoveFrom(store.Binned, t, of.ID)
}

// binReference is the deleteditemreference of a deleted root with what it put into the bin.
func binReference(s *store.Snapshot, of store.Ref) (*store.Row, *binned) {
	t := s.Schema.Tables["deleteditemreference"]
	var found *store.Row
	var content *binned
	s.Data[t.Name].Pointing(t.Column("deletedobject").Index, of.ID, func(r *store.Row) bool {
		if c, ok := r.Get(binContent).(*binned); ok && c.root == of {
			found, content = r, c
		}
		return found == nil
	})
	return found, content
}

// SweepBin removes from the bin what it has kept for its lifetime. It looks once an hour, by the emulator's clock.
func (s *Service) SweepBin(now time.Time) {
	last := time.Unix(s.swept.Load(), 0)
	if d := now.Sub(last); d >= 0 && d < time.Hour {
		return
	}
	s.swept.Store(now.Unix())
	sn := s.Store.View()
	t := sn.Schema.Tables["deleteditemreference"]
	var over []uuid.UUID
	sn.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		since, _ := store.Value(t, r, "createdon").(store.Instant)
		if !now.Before(since.Time().Add(binLifetime(sn, store.Text(t, r, "deletedobjectidtype")))) {
			over = append(over, r.ID)
		}
		return true
	})
	if len(over) == 0 {
		return
	}
	w := s.PlatformWriter()
	defer w.Commit()
	for _, id := range over {
		if r := w.Data[t.Name].Get(id); r != nil {
			if c, ok := r.Get(binContent).(*binned); ok {
				w.emptyBin(c)
			}
			w.Remove(t, id)
		}
	}
}

// emptyBin removes from the bin what one delete put there.
func (w *Writer) emptyBin(c *binned) {
	for _, of := range c.rows {
		w.takeFromBin(of)
	}
}

// PlatformWriter is a writer for what the platform does of its own accord. Its caller commits.
func (s *Service) PlatformWriter() *Writer {
	return &Writer{
		Tx: s.Store.Begin(), Engine: s.Engine, User: s.Administrator, Now: store.Instant(s.Clock.Now().Unix()), Rules: s.Rules,
		Hooks: s.Hooks, raising: raising{correlation: uuid.New()},
	}
}

// restore brings a deleted row back with all that was deleted with it. Page: restore-deleted-records.
func (s *Service) restore(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	err = s.Change(c, func(w *Writer) error {
		if body["Target"] == nil {
			return wire.MissingArgument("Target", "Restore")
		}
		of, target, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
		if err != nil {
			return err
		}
		id = of.ID
		return w.restoreRow(of, target)
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "RestoreResponse", "id": id}), nil
}

func (w *Writer) restoreRow(of store.Ref, target map[string]any) error {
	t := w.Schema.Tables[of.Table]
	if w.Data[of.Table].Get(of.ID) != nil {
		return wire.NewError(http.StatusPreconditionFailed, "0x80044a02", "Please delete the existing conflicting record (%s with primary key %s and value %s) before restoring this record.", t.Name, t.ID, of.ID)
	}
	reference, content := binReference(&w.Tx.Snapshot, of)
	if reference == nil {
		return wire.NoRow(of.Table, of.ID.String())
	}
	if err := w.CheckRight("Create", t, nil); err != nil {
		return err
	}
	in, err := w.ReadBody(t, target, true)
	if err != nil {
		return err
	}
	delete(in.Values, t.IDColumn().Index)
	restored := map[store.Ref]bool{}
	for _, r := range content.rows {
		restored[r] = true
	}
	for _, r := range content.rows {
		if err := w.restoreOne(r, of, in.Values, restored); err != nil {
			return err
		}
	}
	for _, u := range content.links {
		if err := w.relink(u); err != nil {
			return err
		}
	}
	w.Remove(w.Schema.Tables["deleteditemreference"], reference.ID)
	return nil
}

// restoreOne puts one row back; the root takes the values that the caller gives in place of its own.
func (w *Writer) restoreOne(of, root store.Ref, overrides store.Values, restored map[store.Ref]bool) error {
	t := w.Schema.Tables[of.Table]
	r := w.takeFromBin(of)
	if r == nil || w.Data[of.Table].Get(of.ID) != nil {
		return nil
	}
	v := store.Values{}
	if of == root {
		for i, value := range overrides {
			v[i] = value
		}
	}
	for _, rel := range t.Outgoing {
		if rel.Delete == "NoCascade" {
			continue
		}
		if _, given := v[t.Column(rel.Attribute).Index]; given {
			continue
		}
		to := store.Lookup(t, r, rel.Attribute)
		if to.Table == rel.Referenced && !restored[to] && w.Data[to.Table].Get(to.ID) == nil {
			return wire.NewError(http.StatusBadRequest, "0x80049959", "The record cannot be restored because the related record %s with id %s (column %s) does not exist.", to.Table, to.ID, rel.Attribute)
		}
	}
	w.Compute(t, r, v)
	v.Set(t, "modifiedon", w.Now)
	v.Set(t, "modifiedby", store.Ref{Table: "systemuser", ID: w.User})
	back := w.NextRow(t, r, v)
	w.Put(t, back)
	w.auditCreate(t, back)
	w.markPartiesRestored(t, of.ID)
	return nil
}

// relink sets a lookup again that the delete had set to null.
func (w *Writer) relink(u unlink) error {
	// Metadata may have changed since the delete: the link is known by its names.
	t := w.Schema.Tables[u.table.Name]
	if t == nil || t.Column(u.column.Name) == nil {
		return nil
	}
	u.table, u.column = t, t.Column(u.column.Name)
	r := w.Data[u.table.Name].Get(u.id)
	if r == nil {
		return wire.NewError(http.StatusBadRequest, "0x80049959", "The record cannot be restored because the related record %s with id %s (column %s) does not exist.", u.table.Name, u.id, u.column.Name)
	}
	if r.Get(u.column.Index) != nil {
		return nil
	}
	v := store.Values{u.column.Index: u.was}
	computeCustomer(u.table, r, v)
	after := w.NextRow(u.table, r, v)
	w.Put(u.table, after)
	w.AuditUpdate(u.table, r, after)
	return nil
}
