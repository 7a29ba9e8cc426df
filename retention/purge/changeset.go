package purge

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// handle adds to the change set what becomes of a related row. One that is a person in its own right was judged like one: what
// somebody writes to it since, such as a legal hold, ends the change set.
func (b *builder) handle(ctx context.Context, w *work, it *item) error {
	from := len(w.set)
	if err := b.dispose(ctx, w, it); err != nil {
		return err
	}
	if b.tables.persons[it.table] && it.fate != fateKeep && len(w.set) > from && w.set[from].Path == rowPath(it.def.EntitySet, it.id) {
		w.set[from].IfMatch = it.row.ETag()
	}
	return nil
}

func (b *builder) dispose(ctx context.Context, w *work, it *item) error {
	switch {
	case it.fate == fateTakeOff:
		return b.takeOff(ctx, w, it)
	case it.fate == fateDelete:
		switch {
		case b.byJob(w, it):
			w.rows[it.table] = append(w.rows[it.table], it.id)
			if w.kind != rest {
				w.left = append(w.left, it.ref)
			} else {
				w.counts[didDelete+" "+it.table]++
				w.gone, w.bulk = append(w.gone, it.ref), append(w.bulk, it.ref)
			}
			return nil
		case it.binned() && w.kind != rest && (it.table == "connection" || it.unwritable()):
			// A connection's name is that of whom it leads to and follows the person's; other rows cannot be emptied
			// at all. The next change set, or a bulk delete that leaves nothing in the recycle bin, deletes them.
			if !b.brief {
				b.empty(w, it)
				b.rename(w, it)
			}
			w.left = append(w.left, it.ref)
			w.rows[it.table] = append(w.rows[it.table], it.id)
			return nil
		case it.binned() && !b.noJobs && !b.tried[it.ref] && (it.unwritable() || b.named(it)):
			w.touch(it.ref, didDelete)
			w.gone, w.bulk = append(w.gone, it.ref), append(w.bulk, it.ref)
			return nil
		case it.table == "connection" && w.mirrors[it.id]:
			w.touch(it.ref, didDelete)
			w.gone = append(w.gone, it.ref)
			return nil
		case it.table == "connection": // it comes in pairs, and the delete of one takes the other along
			if mirror := b.items[ref{it.table, it.row.ID("relatedconnectionid")}]; mirror != nil {
				w.mirrors[mirror.id] = true
			}
		}
		if it.binned() && (b.noJobs || b.tried[it.ref]) && (it.unwritable() || b.named(it)) {
			w.binned = append(w.binned, it.ref)
		}
		b.remove(w, it)
	case it.fate == fateAnonymize:
		if b.edit(w, it, b.eraser(it), b.freed(w.person, w.do, it)) || w.kind != rest {
			w.touch(it.ref, didAnonymize)
			w.blanked = append(w.blanked, blanked{it.ref, b.subject.Related[it.rule].Erase})
		}
	default:
		if free := b.freed(w.person, w.do, it); len(free) > 0 {
			b.edit(w, it, &eraser{table: it.def}, free)
			w.touch(it.ref, didFree)
		} else if it.found != foundUnder && w.kind != rest {
			w.counts[didKeep+" "+it.table]++
		}
	}
	return nil
}

// remove deletes a related row. Where the recycle bin would keep it, it is emptied first.
func (b *builder) remove(w *work, it *item) {
	b.empty(w, it)
	w.touch(it.ref, didDelete)
	if it.bin != binWithPerson {
		w.add(http.MethodDelete, rowPath(it.def.EntitySet, it.id), nil, "")
		w.gone = append(w.gone, it.ref)
	}
}

// empty erases the texts of a row that the recycle bin would keep: its columns, its files, and its parties.
func (b *builder) empty(w *work, it *item) {
	if !it.binned() && it.bin != binWithPerson || it.unwritable() {
		return
	}
	e := b.eraser(it)
	body, files := e.patch(it.id, it.row), e.files(it.row)
	nav := ""
	if it.def.Activity {
		if len(it.parties) > 0 {
			nav = partiesNav(it.def)
		}
		// The service keeps a party line, with the name, for whom the activity regards.
		if target := it.row.Target("regardingobjectid"); b.tables.persons[target] {
			body[lookupNav(it.def, "regardingobjectid", target)+"@odata.bind"] = nil
		}
	}
	if len(body) == 0 && len(files) == 0 && nav == "" {
		return
	}
	path := rowPath(it.def.EntitySet, it.id)
	b.reopen(w, it)
	if nav != "" { // before the columns: the service writes the addresses of the parties into them
		w.add(http.MethodPut, path+"/"+nav, map[string]any{"value": []any{}}, "")
	}
	w.patch(it.def.EntitySet, it.id, body)
	for _, f := range files {
		w.add(http.MethodDelete, path+"/"+f, nil, "")
	}
}

// rename has the service name a connection again, after the person whom it leads to and who has no name any more.
func (b *builder) rename(w *work, it *item) {
	if it.table != "connection" || it.row.ID("record2id") != w.id {
		return
	}
	if nav := lookupNav(it.def, "record2id", w.table); nav != "" {
		w.patch(it.def.EntitySet, it.id, map[string]any{nav + "@odata.bind": rowPath(b.subject.EntitySet, w.id)})
	}
}

// named tells whether a connection still has the name of a person: of the purged one, or of another whom it leads to and
// who may be purged before the recycle bin forgets the connection. A connection comes in pairs, and the delete of one takes
// the other along, so the one's name is the other's matter.
func (b *builder) named(it *item) bool {
	if it.table != "connection" {
		return false
	}
	bears := func(it *item) bool {
		name := it.row.Text("name")
		return b.tables.persons[it.row.Target("record2id")] && name != "" && !strings.Contains(name, "purged")
	}
	mirror := b.items[ref{it.table, it.row.ID("relatedconnectionid")}]
	return bears(it) || mirror != nil && bears(mirror)
}

// edit erases columns of a related row that stays, and clears lookups of it.
func (b *builder) edit(w *work, it *item, e *eraser, free map[string]any) (changed bool) {
	body := e.patch(it.id, it.row)
	maps.Copy(body, free)
	files := e.files(it.row)
	if len(body) == 0 && len(files) == 0 {
		return false
	}
	closed := b.reopen(w, it)
	w.patch(it.def.EntitySet, it.id, body)
	for _, f := range files {
		w.add(http.MethodDelete, rowPath(it.def.EntitySet, it.id)+"/"+f, nil, "")
	}
	if closed {
		b.close(w, it)
	}
	return true
}

// takeOff takes the person off an activity that others need: the party lines, the addresses beside them, the regarding.
func (b *builder) takeOff(ctx context.Context, w *work, it *item) error {
	gone := func(id uuid.UUID) bool { return id == w.id }
	parties, err := b.without(ctx, it, gone)
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
	closed := b.reopen(w, it)
	w.add(http.MethodPut, rowPath(it.def.EntitySet, it.id)+"/"+partiesNav(it.def), map[string]any{"value": parties}, "")
	w.patch(it.def.EntitySet, it.id, body)
	if closed {
		b.close(w, it)
	}
	w.touch(it.ref, didShare)
	w.off = append(w.off, it.ref)
	return nil
}

// reopen makes a closed activity writable. A change set cannot try first.
func (b *builder) reopen(w *work, it *item) bool {
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
func (b *builder) close(w *work, it *item) {
	state, _ := it.row.Int("statecode")
	status, _ := it.row.Int("statuscode")
	w.patch(it.def.EntitySet, it.id, map[string]any{"statecode": state, "statuscode": status})
}

// Kinds of activity parties that the service makes by itself, from the activity's own columns.
const (
	partyRegarding = 8
	partyOwner     = 9
)

// without is the party list of a shared activity without some persons: all that the service does not make by itself.
func (b *builder) without(ctx context.Context, it *item, gone func(uuid.UUID) bool) ([]map[string]any, error) {
	parties, err := b.table(ctx, "activityparty")
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, row := range it.parties {
		mask, _ := row.Int("participationtypemask")
		id := row.ID("partyid")
		if mask == partyRegarding || mask == partyOwner || gone(id) {
			continue
		}
		p := map[string]any{"participationtypemask": mask}
		if id != uuid.Nil {
			target, err := b.table(ctx, row.Target("partyid"))
			if err != nil {
				return nil, err
			}
			p[lookupNav(parties, "partyid", target.LogicalName)+"@odata.bind"] = rowPath(target.EntitySet, id)
		}
		for _, c := range []string{"addressused", "unresolvedpartyname"} {
			if v := row.Text(c); v != "" {
				p[c] = v
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// addresses are the addresses under which a person is on the activity.
func (it *item) addresses(gone func(uuid.UUID) bool) []string {
	var out []string
	for _, row := range it.parties {
		if a := fold(row.Text("addressused")); a != "" && gone(row.ID("partyid")) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// strip takes addresses out of a list of recipients as e-mails keep it, separated by semicolons.
func strip(list string, addresses []string) string {
	parts := strings.Split(list, ";")
	kept := slices.DeleteFunc(slices.Clone(parts), func(s string) bool {
		return slices.ContainsFunc(addresses, func(a string) bool { return fold(s) == a || strings.Contains(fold(s), "<"+a+">") })
	})
	if len(kept) == len(parts) {
		return list
	}
	return strings.Join(kept, ";")
}
