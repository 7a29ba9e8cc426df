package emulator

import (
	"net/http"
	"time"

	"github.com/google/uuid"
)

// A deleteditemreference keeps behind its columns what Restore needs.
const binContent = 1<<16 - 3 // *binned

// binned is what one delete put into the recycle bin: only ids, the rows themselves lie in snapshot.bin.
type binned struct {
	root  ref
	rows  []ref // with the root
	links []unlink
}

// unbinnable are the tables whose rows are gone for good when they are deleted. Pages: restore-deleted-records,
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

func binConfigID(name string) uuid.UUID { return stableID("recyclebinconfig/" + name) }

// seedBin switches the recycle bin on for every table that can have it. Page: reference/entities/recyclebinconfig.
func (s *platformService) seedBin() {
	t := s.store.begin()
	defer t.commit()
	now, admin := instant(s.clock.now().Unix()), ref{"systemuser", s.administrator}
	add := func(name string, days int64, more fields) {
		f := fields{"name": name, "cleanupintervalindays": days, "isreadyforrecyclebin": true, "statecode": int64(0),
			"statuscode": int64(1), "createdon": now, "modifiedon": now, "createdby": admin, "modifiedby": admin,
			"organizationid": ref{"organization", s.organizationID}, "ismanaged": false}
		for k, v := range more {
			f[k] = v
		}
		t.place("recyclebinconfig", binConfigID(name), f)
	}
	add(binOrganization, binDays, nil)
	for _, name := range t.schema.names() {
		tab := t.schema.tables[name]
		if unbinnable[name] || len(tab.Columns) > maxBinColumns {
			continue
		}
		add(name, -1, fields{"extensionofrecordid": ref{"entity", tab.metaID()}, "bintablename": tab.SchemaName + "Bin"})
	}
}

// binConfig is a row of recyclebinconfig by its name, nil if there is none.
func (s *snapshot) binConfig(name string) *row {
	t := s.schema.tables["recyclebinconfig"]
	if r := s.data[t.Name].get(binConfigID(name)); r != nil && t.text(r, "name") == name {
		return r
	}
	var found *row
	s.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		if t.text(r, "name") == name {
			found = r
		}
		return found == nil
	})
	return found
}

// bins tells whether deleted rows of the table are kept.
func (s *snapshot) bins(t *table) bool {
	if unbinnable[t.Name] || len(t.Columns) > maxBinColumns {
		return false
	}
	config := s.schema.tables["recyclebinconfig"]
	on := func(name string) bool {
		r := s.binConfig(name)
		return r != nil && config.int(r, "statecode") == 0 && config.get(r, "isreadyforrecyclebin") == true
	}
	return on(binOrganization) && on(t.Name)
}

// binLifetime is how long a deleted row of the table is kept.
func (s *snapshot) binLifetime(table string) time.Duration {
	config := s.schema.tables["recyclebinconfig"]
	days := int64(-1)
	if r := s.binConfig(table); r != nil {
		days = config.int(r, "cleanupintervalindays")
	}
	if days < 0 {
		days = binDays
		if r := s.binConfig(binOrganization); r != nil && config.get(r, "cleanupintervalindays") != nil {
			days = config.int(r, "cleanupintervalindays")
		}
	}
	return time.Duration(min(days, 1<<15)) * 24 * time.Hour
}

// binDelete copies what a delete removes into the recycle bin: the root with all that goes with it, and one
// deleteditemreference that names it. Where an older copy of the same key is kept already, nothing happens. Page:
// restore-deleted-records.
func (w *writer) binDelete(e *cascade) {
	root := e.rows[0]
	if w.unbinned || w.schema.joins(root.table) || !w.bins(root.table) || w.bin[root.table.Name].get(root.row.id) != nil {
		return
	}
	content := &binned{root: ref{root.table.Name, root.row.id}, links: e.unlinks}
	kept := map[string]bool{}
	for _, list := range [][]target{e.rows, e.pairs} {
		for _, d := range list {
			on, known := kept[d.table.Name]
			if !known {
				on = w.bins(d.table)
				kept[d.table.Name] = on
			}
			if !on || w.bin[d.table.Name].get(d.row.id) != nil {
				continue
			}
			w.store.put(w.writable(w.bin, d.table), d.row)
			content.rows = append(content.rows, ref{d.table.Name, d.row.id})
		}
	}
	t := w.schema.tables["deleteditemreference"]
	v := values{binContent: content}
	name := ""
	if root.table.PrimaryName != "" {
		name = root.table.text(root.row, root.table.PrimaryName)
	}
	v.setText(t, "name", name)
	v.set(t, "deletedobject", content.root)
	v.set(t, "deletedobjectidtype", root.table.Name)
	v.set(t, "totalrecords", int64(len(content.rows)))
	v.set(t, "processedrecords", int64(0))
	v.set(t, "validforrestore", true)
	if w.job != nil {
		v.set(t, "regardingobjectid", ref{"asyncoperation", *w.job})
	}
	w.platformRow(t, v)
}

// platformRow makes a row of one of the platform's own tables: no audit, no rule.
func (w *writer) platformRow(t *table, v values) *row {
	caller := ref{"systemuser", w.user}
	v.setDefault(t, "createdon", w.now)
	v.setDefault(t, "modifiedon", w.now)
	v.setDefault(t, "createdby", caller)
	v.setDefault(t, "modifiedby", caller)
	v.setDefault(t, "organizationid", ref{"organization", w.engine.organizationID})
	v.setDefault(t, "statecode", int64(0))
	v.setDefault(t, "statuscode", t.firstStatus(0))
	id, ok := v[t.idColumn().index].(uuid.UUID)
	if !ok {
		id = uuid.New()
	}
	r := w.fresh(t, id, v)
	w.put(t, r)
	return r
}

// takeFromBin removes a row from the bin and returns it.
func (w *writer) takeFromBin(of ref) *row {
	t := w.schema.tables[of.Table]
	if t == nil || w.bin[of.Table].get(of.ID) == nil {
		return nil
	}
	return w.writable(w.bin, t).take(of.ID)
}

// binReference is the deleteditemreference of a deleted root with what it put into the bin.
func (s *snapshot) binReference(of ref) (*row, *binned) {
	t := s.schema.tables["deleteditemreference"]
	var found *row
	var content *binned
	s.data[t.Name].pointing(t.column("deletedobject").index, of.ID, func(r *row) bool {
		if c, ok := r.get(binContent).(*binned); ok && c.root == of {
			found, content = r, c
		}
		return found == nil
	})
	return found, content
}

// sweepBin lets the bin forget what it has kept long enough. It looks once an hour, by the emulator's clock.
func (s *platformService) sweepBin(now time.Time) {
	last := time.Unix(s.swept.Load(), 0)
	if d := now.Sub(last); d >= 0 && d < time.Hour {
		return
	}
	s.swept.Store(now.Unix())
	sn := s.store.view()
	t := sn.schema.tables["deleteditemreference"]
	var over []uuid.UUID
	sn.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		since, _ := t.get(r, "createdon").(instant)
		if !now.Before(since.time().Add(sn.binLifetime(t.text(r, "deletedobjectidtype")))) {
			over = append(over, r.id)
		}
		return true
	})
	if len(over) == 0 {
		return
	}
	w := s.platformWriter()
	defer w.commit()
	for _, id := range over {
		if r := w.data[t.Name].get(id); r != nil {
			if c, ok := r.get(binContent).(*binned); ok {
				w.emptyBin(c)
			}
			w.remove(t, id)
		}
	}
}

// emptyBin forgets what one delete put into the bin.
func (w *writer) emptyBin(c *binned) {
	for _, of := range c.rows {
		w.takeFromBin(of)
	}
}

// platformWriter is a writer for what the platform does of its own accord. Its caller commits.
func (s *platformService) platformWriter() *writer {
	return &writer{
		tx: s.store.begin(), engine: s.engine, user: s.administrator, now: instant(s.clock.now().Unix()), rules: s.rules,
	}
}

// restore brings a deleted row back with all that was deleted with it. Page: restore-deleted-records.
func (s *platformService) restore(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	err = s.change(c, func(w *writer) error {
		if body["Target"] == nil {
			return missingArgument("Target", "Restore")
		}
		of, target, err := w.entityArgument(body["Target"])
		if err != nil {
			return err
		}
		id = of.ID
		return w.restoreRow(of, target)
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + "RestoreResponse", "id": id}), nil
}

func (w *writer) restoreRow(of ref, target map[string]any) error {
	t := w.schema.tables[of.Table]
	if w.data[of.Table].get(of.ID) != nil {
		return newFault(http.StatusPreconditionFailed, "0x80044a02", "Please delete the existing conflicting record (%s with primary key %s and value %s) before restoring this record.", t.Name, t.ID, of.ID)
	}
	reference, content := w.binReference(of)
	if reference == nil {
		return noRow(of.Table, of.ID.String())
	}
	if err := w.allow("Create", t, nil); err != nil {
		return err
	}
	in, err := w.readBody(t, target, true)
	if err != nil {
		return err
	}
	delete(in.values, t.idColumn().index)
	restored := map[ref]bool{}
	for _, r := range content.rows {
		restored[r] = true
	}
	for _, r := range content.rows {
		if err := w.restoreOne(r, of, in.values, restored); err != nil {
			return err
		}
	}
	for _, u := range content.links {
		if err := w.relink(u); err != nil {
			return err
		}
	}
	w.remove(w.schema.tables["deleteditemreference"], reference.id)
	return nil
}

// restoreOne puts one row back; the root takes the values that the caller gives in place of its own.
func (w *writer) restoreOne(of, root ref, overrides values, restored map[ref]bool) error {
	t := w.schema.tables[of.Table]
	r := w.takeFromBin(of)
	if r == nil || w.data[of.Table].get(of.ID) != nil {
		return nil
	}
	v := values{}
	if of == root {
		for i, value := range overrides {
			v[i] = value
		}
	}
	for _, rel := range t.parents {
		if rel.Delete == "NoCascade" {
			continue
		}
		if _, given := v[t.column(rel.Attribute).index]; given {
			continue
		}
		to := t.ref(r, rel.Attribute)
		if to.Table == rel.Referenced && !restored[to] && w.data[to.Table].get(to.ID) == nil {
			return newFault(http.StatusBadRequest, "0x80049959", "The record cannot be restored because the related record %s with id %s (column %s) does not exist.", to.Table, to.ID, rel.Attribute)
		}
	}
	w.compute(t, r, v)
	v.set(t, "modifiedon", w.now)
	v.set(t, "modifiedby", ref{"systemuser", w.user})
	back := w.next(t, r, v)
	w.put(t, back)
	w.auditCreate(t, back)
	w.reviveParties(t, of.ID)
	return nil
}

// relink sets a lookup again that the delete had set to null.
func (w *writer) relink(u unlink) error {
	// Metadata may have changed since the delete: the link is known by its names.
	t := w.schema.tables[u.table.Name]
	if t == nil || t.column(u.column.Name) == nil {
		return nil
	}
	u.table, u.column = t, t.column(u.column.Name)
	r := w.data[u.table.Name].get(u.id)
	if r == nil {
		return newFault(http.StatusBadRequest, "0x80049959", "The record cannot be restored because the related record %s with id %s (column %s) does not exist.", u.table.Name, u.id, u.column.Name)
	}
	if r.get(u.column.index) != nil {
		return nil
	}
	v := values{u.column.index: u.was}
	computeCustomer(u.table, r, v)
	after := w.next(u.table, r, v)
	w.put(u.table, after)
	w.auditUpdate(u.table, r, after)
	return nil
}
