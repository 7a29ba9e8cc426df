package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// memberTables are the tables that a marketing list can have members of, by its createdfromcode.
var memberTables = map[int64]string{1: "account", 2: "contact", 4: "lead"}

// editableList is the list that a change of its members is about: a static one that is not locked. Pages: the list's
// reference page, web-service-error-codes (InvalidOperationWhenListLocked).
func (w *writer) editableList(r *row) error {
	t := w.schema.tables["list"]
	if err := w.allow("Write", t, r); err != nil {
		return err
	}
	switch {
	case t.get(r, "lockstatus") == true:
		return newFault(http.StatusBadRequest, "0x80040302", "List is Locked. Cannot perform this action.")
	case t.get(r, "type") == true:
		return badArgument("Members cannot be added to or removed from a dynamic list.")
	}
	return nil
}

// addMember puts a row on a list and is the id of the listmember: of the one that is there already, if so.
func (w *writer) addMember(list *row, id uuid.UUID) (uuid.UUID, error) {
	t, m := w.schema.tables["list"], w.schema.tables["listmember"]
	table := memberTables[t.int(list, "createdfromcode")]
	if w.data[table].get(id) == nil {
		return uuid.Nil, noRow(table, id.String())
	}
	if old := w.member(list.id, ref{table, id}); old != nil {
		return old.id, nil
	}
	v := values{}
	v.set(m, "listid", ref{t.Name, list.id})
	v.set(m, "entityid", ref{table, id})
	r, err := w.insert(m, v)
	if err != nil {
		return uuid.Nil, err
	}
	return r.id, nil
}

// member is the row that puts another one on a list, nil if there is none.
func (w *writer) member(list uuid.UUID, of ref) *row {
	m := w.schema.tables["listmember"]
	var found *row
	w.pointers(m, m.column("entityid"), of, func(r *row) bool {
		if m.ref(r, "listid").ID == list {
			found = r
		}
		return found == nil
	})
	return found
}

// boundList is the list of the path, with the id that EntityId names.
func (w *writer) boundList(c *call, action string) (*row, uuid.UUID, error) {
	t, r, err := w.existing(c.path.segments[0])
	if err != nil {
		return nil, uuid.Nil, err
	}
	if t.Name != "list" {
		return nil, uuid.Nil, noSegment(crmNamespace + action)
	}
	body, err := c.decode()
	if err != nil {
		return nil, uuid.Nil, err
	}
	text, given := body["EntityId"].(string)
	if !given {
		return nil, uuid.Nil, missingArgument("EntityId", action)
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, uuid.Nil, badArgument("The EntityId is not an id.")
	}
	return r, id, w.editableList(r)
}

// addMemberList is AddMemberList. Page: actions/addmemberlist; the name of what it answers with is unconfirmed.
func (s *messageService) addMemberList(c *call) (*answer, error) {
	var member uuid.UUID
	err := s.change(c, func(w *writer) error {
		list, id, err := w.boundList(c, "AddMemberList")
		if err == nil {
			member, err = w.addMember(list, id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + "AddMemberListResponse", "Id": member}), nil
}

// removeMemberList is RemoveMemberList. Page: actions/removememberlist.
func (s *messageService) removeMemberList(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		list, id, err := w.boundList(c, "RemoveMemberList")
		if err != nil {
			return err
		}
		t := w.schema.tables["list"]
		member := w.member(list.id, ref{memberTables[t.int(list, "createdfromcode")], id})
		if member == nil {
			return noRow("listmember", id.String())
		}
		return w.erase(w.schema.tables["listmember"], member)
	})
}

// addListMembers is AddListMembersList: many rows at once, all or none. Page: actions/addlistmemberslist.
func (s *messageService) addListMembers(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		for _, name := range []string{"List", "Members"} {
			if body[name] == nil {
				return missingArgument(name, "AddListMembersList")
			}
		}
		of, _, err := w.entityArgument(body["List"])
		if err != nil {
			return err
		}
		t := w.schema.tables["list"]
		list := w.data[t.Name].get(of.ID)
		if of.Table != t.Name || list == nil {
			return noRow(t.Name, of.ID.String())
		}
		if err := w.editableList(list); err != nil {
			return err
		}
		members, err := objects(t, "Members", body["Members"])
		if err != nil {
			return err
		}
		for _, m := range members {
			to, _, err := w.entityArgument(m)
			if err != nil {
				return err
			}
			if table := memberTables[t.int(list, "createdfromcode")]; to.Table != table {
				return badArgument("The list has members of the entity '%s', not of '%s'.", table, to.Table)
			}
			if _, err := w.addMember(list, to.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// addToQueue is AddToQueue: a row stands in one queue at a time. Page: actions/addtoqueue.
func (s *messageService) addToQueue(c *call) (*answer, error) {
	var item uuid.UUID
	err := s.change(c, func(w *writer) error {
		t, queue, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		if t.Name != "queue" {
			return noSegment(crmNamespace + "AddToQueue")
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		if body["Target"] == nil {
			return missingArgument("Target", "AddToQueue")
		}
		for _, name := range []string{"SourceQueue", "QueueItemProperties"} {
			if body[name] != nil {
				return w.engine.notEmulated("AddToQueue with " + name)
			}
		}
		of, _, err := w.entityArgument(body["Target"])
		if err != nil {
			return err
		}
		q, target := w.schema.tables["queueitem"], w.schema.tables[of.Table]
		r := w.data[of.Table].get(of.ID)
		if r == nil {
			return noRow(of.Table, of.ID.String())
		}
		if !queueable(q, target) {
			return badArgument("The entity '%s' cannot be added to a queue.", of.Table)
		}
		if err := w.allow("Read", target, r); err != nil {
			return err
		}
		var old *row
		w.pointers(q, q.column("objectid"), of, func(x *row) bool {
			old = x
			return false
		})
		v := values{}
		v.set(q, "queueid", ref{t.Name, queue.id})
		v.set(q, "enteredon", w.now)
		v.setText(q, "title", target.text(r, target.PrimaryName))
		if old != nil {
			item = old.id
			if err := w.allow("Write", q, old); err != nil {
				return err
			}
			_, err = w.save(q, old, v)
			return err
		}
		if err := w.allow("Create", q, nil); err != nil {
			return err
		}
		v.set(q, "objectid", of)
		v.set(q, "objecttypecode", int64(target.TypeCode))
		made, err := w.insert(q, v)
		if err == nil {
			item = made.id
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + "AddToQueueResponse", "QueueItemId": item}), nil
}

// queueable tells whether rows of a table can stand in a queue.
func queueable(items, t *table) bool {
	for _, name := range items.column("objectid").Targets {
		if name == t.Name {
			return true
		}
	}
	return false
}

// removeFromQueue is RemoveFromQueue: the item goes, what it stands for stays. Page: actions/removefromqueue.
func (s *messageService) removeFromQueue(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		if t.Name != "queueitem" {
			return noSegment(crmNamespace + "RemoveFromQueue")
		}
		if err := w.allow("Delete", t, r); err != nil {
			return err
		}
		return w.erase(t, r)
	})
}
