package purge

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
)

// handle adds to the change set what becomes of a related row. One that is a person in its own right was judged like one: what
// somebody writes to it since, such as a legal hold, ends the change set.
func (b *builder) handle(ctx context.Context, w *work, it *inventory.Item) error {
	from := len(w.set)
	if err := b.dispose(ctx, w, it); err != nil {
		return err
	}
	if b.Tables.Persons[it.Table] && it.Fate != inventory.Keep && len(w.set) > from && w.set[from].Path == environment.RowPath(it.Def.EntitySet, it.ID) {
		w.set[from].IfMatch = it.Row.ETag()
	}
	return nil
}

func (b *builder) dispose(ctx context.Context, w *work, it *inventory.Item) error {
	switch {
	case it.Fate == inventory.TakeOff:
		return b.takeOff(ctx, w, it)
	case it.Fate == inventory.Delete:
		switch {
		case b.byJob(w, it):
			w.rows[it.Table] = append(w.rows[it.Table], it.ID)
			if w.kind != rest {
				w.left = append(w.left, it.Ref)
			} else {
				w.counts[didDelete+" "+it.Place()]++
				w.gone, w.bulk = append(w.gone, it.Ref), append(w.bulk, it.Ref)
			}
			return nil
		case it.Binned() && w.kind != rest && (it.Table == "connection" || it.Unwritable()):
			// A connection's name is that of whom it leads to and follows the person's; other rows cannot be emptied
			// at all. The next change set, or a bulk delete that leaves nothing in the recycle bin, deletes them.
			if !b.brief {
				b.empty(w, it)
				b.rename(w, it)
			}
			w.left = append(w.left, it.Ref)
			w.rows[it.Table] = append(w.rows[it.Table], it.ID)
			return nil
		case it.Binned() && !b.noJobs && !b.tried[it.Ref] && (it.Unwritable() || b.named(it)):
			w.touch(it, didDelete)
			w.gone, w.bulk = append(w.gone, it.Ref), append(w.bulk, it.Ref)
			return nil
		case it.Table == "connection" && w.mirrors[it.ID]:
			w.touch(it, didDelete)
			w.gone = append(w.gone, it.Ref)
			return nil
		case it.Table == "connection": // it comes in pairs, and the delete of one takes the other along
			if mirror := b.Items[environment.Ref{Table: it.Table, ID: it.Row.ID("relatedconnectionid")}]; mirror != nil {
				w.mirrors[mirror.ID] = true
			}
		}
		if it.Binned() && (b.noJobs || b.tried[it.Ref]) && (it.Unwritable() || b.named(it)) {
			w.binned = append(w.binned, it.Ref)
		}
		b.remove(w, it)
	case it.Fate == inventory.Anonymize:
		if b.edit(w, it, b.Eraser(it), b.Freed(w.Person, w.do, it)) || w.kind != rest {
			w.touch(it, didAnonymize)
			w.blanked = append(w.blanked, search.Blanked{Ref: it.Ref, Columns: b.Subject.Related[it.Rule].Erase})
		}
	default:
		if free := b.Freed(w.Person, w.do, it); len(free) > 0 {
			b.edit(w, it, &inventory.Eraser{Table: it.Def}, free)
			w.touch(it, didFree)
		} else if b.Unlinked(w.Person, w.do, it) {
			w.counts[didFree+" "+it.Place()]++ // by the service, when the row that it points at is deleted
		} else if w.kind != rest {
			w.counts[didKeep+" "+it.Place()]++
		}
	}
	return nil
}

// remove deletes a related row. Where the recycle bin would keep it, it is emptied first.
func (b *builder) remove(w *work, it *inventory.Item) {
	b.empty(w, it)
	if it.Bin == inventory.BinWithPerson && w.do != policy.Delete { // it stays with the person's row
		w.touch(it, didAnonymize)
		w.blanked = append(w.blanked, search.Blanked{Ref: it.Ref, Columns: b.Eraser(it).Columns()})
		return
	}
	w.touch(it, didDelete)
	if it.Bin != inventory.BinWithPerson {
		w.add(http.MethodDelete, environment.RowPath(it.Def.EntitySet, it.ID), nil, "")
		w.gone = append(w.gone, it.Ref)
		if it.SharedFile && it.Binned() {
			w.binned = append(w.binned, it.Ref)
		}
	}
}

// empty erases the texts of a row that the recycle bin would keep: its columns, its files, and its parties.
func (b *builder) empty(w *work, it *inventory.Item) {
	if !it.Binned() && it.Bin != inventory.BinWithPerson || it.Unwritable() {
		return
	}
	e := b.Eraser(it)
	body, files := e.Patch(it.ID, it.Row), e.Files(it.Row)
	nav := ""
	if it.Def.Activity {
		if len(it.Parties) > 0 {
			nav = environment.PartiesNav(it.Def)
		}
		// The service keeps a party line, with the name, for whom the activity regards.
		if target := it.Row.Target("regardingobjectid"); b.Tables.Persons[target] {
			body[environment.LookupNav(it.Def, "regardingobjectid", target)+"@odata.bind"] = nil
		}
	}
	if len(body) == 0 && len(files) == 0 && nav == "" {
		return
	}
	path := environment.RowPath(it.Def.EntitySet, it.ID)
	b.reopen(w, it)
	if nav != "" { // before the columns: the service writes the addresses of the parties into them
		w.add(http.MethodPut, path+"/"+nav, map[string]any{"value": []any{}}, "")
	}
	w.patch(it.Def.EntitySet, it.ID, body)
	for _, f := range files {
		w.add(http.MethodDelete, path+"/"+f, nil, "")
	}
}

// rename has the service name a connection again, after the person whom it leads to and who has no name any more.
func (b *builder) rename(w *work, it *inventory.Item) {
	if it.Table != "connection" || it.Row.ID("record2id") != w.ID {
		return
	}
	if nav := environment.LookupNav(it.Def, "record2id", w.Table); nav != "" {
		w.patch(it.Def.EntitySet, it.ID, map[string]any{nav + "@odata.bind": environment.RowPath(b.Subject.EntitySet, w.ID)})
	}
}

// named tells whether a connection still has the name of a person: of the purged one, or of another whom it leads to and
// who may be purged before the recycle bin forgets the connection. A connection comes in pairs, and the delete of one takes
// the other along, so the one's name is the other's matter.
func (b *builder) named(it *inventory.Item) bool {
	if it.Table != "connection" {
		return false
	}
	bears := func(it *inventory.Item) bool {
		name := it.Row.Text("name")
		return b.Tables.Persons[it.Row.Target("record2id")] && name != "" && !strings.Contains(name, "purged")
	}
	mirror := b.Items[environment.Ref{Table: it.Table, ID: it.Row.ID("relatedconnectionid")}]
	return bears(it) || mirror != nil && bears(mirror)
}

// edit erases columns of a related row that stays, and clears lookups of it.
func (b *builder) edit(w *work, it *inventory.Item, e *inventory.Eraser, free map[string]any) (changed bool) {
	body := e.Patch(it.ID, it.Row)
	maps.Copy(body, free)
	files := e.Files(it.Row)
	if len(body) == 0 && len(files) == 0 {
		return false
	}
	closed := b.reopen(w, it)
	w.patch(it.Def.EntitySet, it.ID, body)
	for _, f := range files {
		w.add(http.MethodDelete, environment.RowPath(it.Def.EntitySet, it.ID)+"/"+f, nil, "")
	}
	if closed {
		b.close(w, it)
	}
	return true
}

// takeOff takes the person off a row that others need: their lookups, and of an activity the party lines and the addresses
// beside them.
func (b *builder) takeOff(ctx context.Context, w *work, it *inventory.Item) error {
	gone := func(id uuid.UUID) bool { return id == w.ID }
	body, _ := b.Emptied(it, w.ID)
	maps.Copy(body, b.Freed(w.Person, w.do, it))
	nav := environment.PartiesNav(it.Def)
	var parties []map[string]any
	if nav != "" {
		var err error
		if parties, err = b.without(ctx, it, gone); err != nil {
			return err
		}
		addresses := addresses(it, gone)
		for _, c := range []string{"sender", "torecipients"} {
			if a := it.Def.Attributes[c]; a != nil && a.ForUpdate {
				if old := it.Row.Text(c); old != "" {
					if kept := strip(old, addresses); kept == "" {
						body[c] = nil
					} else if kept != old {
						body[c] = kept
					}
				}
			}
		}
	}
	if nav == "" && len(body) == 0 {
		if w.kind != rest {
			w.counts[didKeep+" "+it.Place()]++
		}
		w.off = append(w.off, it.Ref)
		return nil
	}
	closed := b.reopen(w, it)
	if nav != "" {
		w.add(http.MethodPut, environment.RowPath(it.Def.EntitySet, it.ID)+"/"+nav, map[string]any{"value": parties}, "")
	}
	w.patch(it.Def.EntitySet, it.ID, body)
	if closed {
		b.close(w, it)
	}
	w.touch(it, didShare)
	w.off = append(w.off, it.Ref)
	return nil
}

// reopen makes a closed activity writable. A change set cannot try first.
func (b *builder) reopen(w *work, it *inventory.Item) bool {
	state, known := it.Row.Int("statecode")
	if !it.Def.Activity || !known || state != 1 && state != 2 {
		return false
	}
	status, ok := environment.OpenStatus(it.Def)
	if !ok {
		return false
	}
	w.patch(it.Def.EntitySet, it.ID, map[string]any{"statecode": 0, "statuscode": status})
	return true
}

// close gives a reopened activity its state back.
func (b *builder) close(w *work, it *inventory.Item) {
	state, _ := it.Row.Int("statecode")
	status, _ := it.Row.Int("statuscode")
	w.patch(it.Def.EntitySet, it.ID, map[string]any{"statecode": state, "statuscode": status})
}

// Kinds of activity parties that the service makes by itself, from the activity's own columns.
const (
	partyRegarding = 8
	partyOwner     = 9
)

// without is the party list of a shared activity without some persons: all that the service does not make by itself.
func (b *builder) without(ctx context.Context, it *inventory.Item, gone func(uuid.UUID) bool) ([]map[string]any, error) {
	parties, err := b.Table(ctx, "activityparty")
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, row := range it.Parties {
		mask, _ := row.Int("participationtypemask")
		id := row.ID("partyid")
		if mask == partyRegarding || mask == partyOwner || gone(id) {
			continue
		}
		p := map[string]any{"participationtypemask": mask}
		if id != uuid.Nil {
			target, err := b.Table(ctx, row.Target("partyid"))
			if err != nil {
				return nil, err
			}
			p[environment.LookupNav(parties, "partyid", target.LogicalName)+"@odata.bind"] = environment.RowPath(target.EntitySet, id)
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
func addresses(it *inventory.Item, gone func(uuid.UUID) bool) []string {
	var out []string
	for _, row := range it.Parties {
		if a := environment.Fold(row.Text("addressused")); a != "" && gone(row.ID("partyid")) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// strip takes addresses out of a list of recipients as e-mails keep it, separated by semicolons.
func strip(list string, addresses []string) string {
	parts := strings.Split(list, ";")
	kept := slices.DeleteFunc(slices.Clone(parts), func(s string) bool {
		return slices.ContainsFunc(addresses, func(a string) bool {
			return environment.Fold(s) == a || strings.Contains(environment.Fold(s), "<"+a+">")
		})
	})
	if len(kept) == len(parts) {
		return list
	}
	return strings.Join(kept, ";")
}
