package purge

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// maxOperations is how many operations the service takes in one batch, and so in one change set.
const maxOperations = 1000

// work is a person's erasure: one change set, and what it stands for.
type work struct {
	*person
	set      dataverse.ChangeSet
	do       retention.Disposition // what becomes of the person's row
	rows     map[string][]uuid.UUID
	counts   map[string]int
	stays    map[string][]uuid.UUID // rows that a rule leaves in place
	decided  map[ref]decision       // of rows that go later
	gone     []ref                  // rows that the change set deletes
	deferred bool                   // rows were prepared for a delete that the next change set does
	second   bool                   // it follows the person's own: rows that were left, or came later
	ahead    bool                   // it goes before the person's own, and leaves the person whole
	brief    bool                   // connections are too many to be emptied: the bulk delete that follows leaves nothing of them
	bulk     []ref                  // rows for a bulk delete
	binned   []ref                  // rows that the change set deletes although the recycle bin keeps what is in them
	refused  error                  // what the last change set of this kind was answered
	written  []ref                  // rows that an ahead one handles and that stay
	before   *stages                // what has gone ahead of it
	actors   []uuid.UUID            // who has begun the purge, other than this run
	columns  int                    // how many of the row's hold something again
	over     bool                   // somebody has written to the row since: only rows that the purge named before still go
	removed  bool                   // the person's row is gone already
	cut      bool                   // a second one that does not hold all that there is to do
	mirrors  map[uuid.UUID]bool     // connections that go with their other half
	effects
}

// effects are what the rows that stay must look like afterwards.
type effects struct {
	blanked []blanked // of which a rule blanks columns
	off     []ref     // activities that the person was taken off
}

func (e *effects) also(more effects) {
	e.blanked = append(e.blanked, more.blanked...)
	e.off = append(e.off, more.off...)
}

// effect is what a purge does with a related row, as the report counts it.
const (
	didDelete    = "delete"
	didAnonymize = "anonymize"
	didKeep      = "keep"
	didFree      = "free"
	didShare     = "share"
)

// spare notes a row that stays.
func (w *work) spare(it *item) {
	if it.do != retention.Delete && !it.shared {
		w.stays[it.table] = append(w.stays[it.table], it.id)
	}
}

func (w *work) touch(r ref, effect string) {
	w.rows[r.table] = append(w.rows[r.table], r.id)
	w.counts[effect+" "+r.table]++
}

func (w *work) add(method, path string, body any, match string) {
	w.set = append(w.set, dataverse.Operation{Method: method, Path: path, Body: body, IfMatch: match})
}

func (w *work) patch(set string, id uuid.UUID, body map[string]any) {
	if len(body) > 0 {
		w.add(http.MethodPatch, rowPath(set, id), body, "*") // never create a row
	}
}

// prepare makes the change set of a person; errTooMany says that it would be too large. The person's own columns come
// first, so that a row that changed since the last look ends it before anything else.
func (inv *inventory) prepare(ctx context.Context, p *person, own *eraser, marks map[string]any, brief bool) (*work, error) {
	w := newWork(p, inv.subject.Purge)
	w.brief = brief
	if w.do == retention.Delete && p.bound() {
		w.do = retention.Anonymize
	}
	body := own.patch(p.id, p.row)
	maps.Copy(body, marks)
	w.rows[p.table] = append(w.rows[p.table], p.id)
	w.add(http.MethodPatch, rowPath(own.table.EntitySet, p.id), body, p.row.ETag())
	for _, f := range own.files(p.row) {
		w.add(http.MethodDelete, rowPath(own.table.EntitySet, p.id)+"/"+f, nil, "")
	}
	for _, it := range p.items {
		if it.done {
			continue
		}
		if err := inv.handle(ctx, w, it); err != nil {
			return nil, err
		}
		w.spare(it)
	}
	if p.stages != nil {
		for r := range p.stages.kept {
			w.stays[r.table] = append(w.stays[r.table], r.id)
		}
	}
	if inv.limit > 0 && len(w.set) > inv.limit {
		return nil, errTooMany
	}
	w.decided = inv.owed(p, w)
	return w, nil
}

func newWork(p *person, do retention.Disposition) *work {
	return &work{person: p, do: do, rows: make(map[string][]uuid.UUID), counts: make(map[string]int), stays: make(map[string][]uuid.UUID), mirrors: make(map[uuid.UUID]bool)}
}

// handle adds to the change set what becomes of a related row. One that is a person in its own right was judged like one: what
// somebody writes to it since, such as a legal hold, ends the change set.
func (inv *inventory) handle(ctx context.Context, w *work, it *item) error {
	from := len(w.set)
	if err := inv.dispose(ctx, w, it); err != nil {
		return err
	}
	if inv.tables.persons[it.table] && it.do != retention.Retain && len(w.set) > from && w.set[from].Path == rowPath(it.def.EntitySet, it.id) {
		w.set[from].IfMatch = it.row.ETag()
	}
	return nil
}

func (inv *inventory) dispose(ctx context.Context, w *work, it *item) error {
	switch {
	case it.shared:
		return inv.takeOff(ctx, w, it)
	case it.do == retention.Delete:
		switch {
		case inv.byJob(w, it):
			w.rows[it.table] = append(w.rows[it.table], it.id)
			if w.deferred = true; inv.second {
				w.counts[didDelete+" "+it.table]++
				w.gone, w.bulk = append(w.gone, it.ref), append(w.bulk, it.ref)
			}
			return nil
		case it.binned && !inv.second && (it.table == "connection" || it.unwritable()):
			// A connection's name is that of whom it leads to and follows the person's; other rows cannot be emptied
			// at all. The next change set, or a bulk delete that leaves nothing in the recycle bin, deletes them.
			if !w.brief {
				inv.empty(w, it)
				inv.rename(w, it)
			}
			w.deferred = true
			w.rows[it.table] = append(w.rows[it.table], it.id)
			return nil
		case it.binned && !inv.plain && !inv.tried[it.ref] && (it.unwritable() || inv.named(it)):
			w.touch(it.ref, didDelete)
			w.gone, w.bulk = append(w.gone, it.ref), append(w.bulk, it.ref)
			return nil
		case it.table == "connection" && w.mirrors[it.id]:
			w.touch(it.ref, didDelete)
			w.gone = append(w.gone, it.ref)
			return nil
		case it.table == "connection": // it comes in pairs, and the delete of one takes the other along
			if mirror := inv.items[ref{it.table, it.row.ID("relatedconnectionid")}]; mirror != nil {
				w.mirrors[mirror.id] = true
			}
		}
		if it.binned && (inv.plain || inv.tried[it.ref]) && (it.unwritable() || inv.named(it)) {
			w.binned = append(w.binned, it.ref)
		}
		inv.remove(w, it)
	case it.do == retention.Anonymize:
		if inv.edit(w, it, inv.eraser(it), inv.freed(w, it)) || !inv.second {
			w.touch(it.ref, didAnonymize)
			w.blanked = append(w.blanked, blanked{it.ref, inv.subject.Related[it.rule].Erase})
		}
	default:
		if free := inv.freed(w, it); len(free) > 0 {
			inv.edit(w, it, &eraser{table: it.def}, free)
			w.touch(it.ref, didFree)
		} else if it.direct && !inv.second {
			w.counts[didKeep+" "+it.table]++
		}
	}
	return nil
}

// remove deletes a related row. Where the recycle bin would keep it, it is emptied first.
func (inv *inventory) remove(w *work, it *item) {
	inv.empty(w, it)
	w.touch(it.ref, didDelete)
	if !it.stays {
		w.add(http.MethodDelete, rowPath(it.def.EntitySet, it.id), nil, "")
		w.gone = append(w.gone, it.ref)
	}
}

// empty erases the texts of a row that the recycle bin would keep: its columns, its files, and its parties.
func (inv *inventory) empty(w *work, it *item) {
	if !it.binned && !it.stays || it.unwritable() {
		return
	}
	e := inv.eraser(it)
	body, files := e.patch(it.id, it.row), e.files(it.row)
	nav := ""
	if it.def.Activity {
		if len(it.parties) > 0 {
			nav = partiesNav(it.def)
		}
		// The service keeps a party line, with the name, for whom the activity regards.
		if target := it.row.Target("regardingobjectid"); inv.tables.persons[target] {
			body[lookupNav(it.def, "regardingobjectid", target)+"@odata.bind"] = nil
		}
	}
	if len(body) == 0 && len(files) == 0 && nav == "" {
		return
	}
	path := rowPath(it.def.EntitySet, it.id)
	inv.reopen(w, it)
	if nav != "" { // before the columns: the service writes the addresses of the parties into them
		w.add(http.MethodPut, path+"/"+nav, map[string]any{"value": []any{}}, "")
	}
	w.patch(it.def.EntitySet, it.id, body)
	for _, f := range files {
		w.add(http.MethodDelete, path+"/"+f, nil, "")
	}
}

// rename has the service name a connection again, after the person whom it leads to and who has no name any more.
func (inv *inventory) rename(w *work, it *item) {
	if it.table != "connection" || it.row.ID("record2id") != w.id {
		return
	}
	if nav := lookupNav(it.def, "record2id", w.table); nav != "" {
		w.patch(it.def.EntitySet, it.id, map[string]any{nav + "@odata.bind": rowPath(inv.subject.EntitySet, w.id)})
	}
}

// named tells whether a connection still has the name of a person: of the purged one, or of another whom it leads to and
// who may be purged before the recycle bin forgets the connection. A connection comes in pairs, and the delete of one takes
// the other along, so the one's name is the other's matter.
func (inv *inventory) named(it *item) bool {
	if it.table != "connection" {
		return false
	}
	bears := func(it *item) bool {
		name := it.row.Text("name")
		return inv.tables.persons[it.row.Target("record2id")] && name != "" && !strings.Contains(name, "purged")
	}
	mirror := inv.items[ref{it.table, it.row.ID("relatedconnectionid")}]
	return bears(it) || mirror != nil && bears(mirror)
}

// edit erases columns of a related row that stays, and clears lookups of it.
func (inv *inventory) edit(w *work, it *item, e *eraser, free map[string]any) (changed bool) {
	body := e.patch(it.id, it.row)
	maps.Copy(body, free)
	files := e.files(it.row)
	if len(body) == 0 && len(files) == 0 {
		return false
	}
	closed := inv.reopen(w, it)
	w.patch(it.def.EntitySet, it.id, body)
	for _, f := range files {
		w.add(http.MethodDelete, rowPath(it.def.EntitySet, it.id)+"/"+f, nil, "")
	}
	if closed {
		inv.close(w, it)
	}
	return true
}

// freed is what clears the lookups by which the deletes of this change set would reach a row that stays.
func (inv *inventory) freed(w *work, it *item) map[string]any {
	body := make(map[string]any)
	for _, h := range it.held {
		if h.parent == w.ref && w.do != retention.Delete {
			continue
		}
		if parent := inv.items[h.parent]; parent != nil && (parent.do != retention.Delete || parent.shared) {
			continue
		}
		if h.over.ReferencingNav != "" {
			body[h.over.ReferencingNav+"@odata.bind"] = nil
		}
	}
	return body
}

// takeOff takes the person off an activity that others need: the party lines, the addresses beside them, the regarding.
func (inv *inventory) takeOff(ctx context.Context, w *work, it *item) error {
	gone := func(id uuid.UUID) bool { return id == w.id }
	parties, err := inv.without(ctx, it, gone)
	if err != nil {
		return err
	}
	body := make(map[string]any)
	addresses := it.addresses(gone)
	for _, c := range []string{"sender", "torecipients"} {
		if a := it.def.Attributes[c]; a != nil && a.ForUpdate {
			if old := it.row.Text(c); old != "" {
				if kept := strip(old, addresses); kept == "" {
					body[c] = nil
				} else if kept != old {
					body[c] = kept
				}
			}
		}
	}
	if gone(it.row.ID("regardingobjectid")) {
		if nav := lookupNav(it.def, "regardingobjectid", it.row.Target("regardingobjectid")); nav != "" {
			body[nav+"@odata.bind"] = nil
		}
	}
	closed := inv.reopen(w, it)
	w.add(http.MethodPut, rowPath(it.def.EntitySet, it.id)+"/"+partiesNav(it.def), map[string]any{"value": parties}, "")
	w.patch(it.def.EntitySet, it.id, body)
	if closed {
		inv.close(w, it)
	}
	w.touch(it.ref, didShare)
	w.off = append(w.off, it.ref)
	return nil
}

// reopen makes a closed activity writable. A change set cannot try first.
func (inv *inventory) reopen(w *work, it *item) bool {
	state, known := it.row.Int("statecode")
	if !it.def.Activity || !known || state != 1 && state != 2 {
		return false
	}
	status, ok := openStatus(it.def)
	if !ok {
		return false
	}
	w.patch(it.def.EntitySet, it.id, map[string]any{"statecode": 0, "statuscode": status})
	return true
}

// close gives a reopened activity its state back.
func (inv *inventory) close(w *work, it *item) {
	state, _ := it.row.Int("statecode")
	status, _ := it.row.Int("statuscode")
	w.patch(it.def.EntitySet, it.id, map[string]any{"statecode": state, "statuscode": status})
}

// cut takes the key of a count apart.
func cut(what string) (effect, table string) {
	effect, table, _ = strings.Cut(what, " ")
	return effect, table
}
