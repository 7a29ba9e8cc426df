package messages

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// memberTables are the tables that a marketing list can have members of, by its createdfromcode.
var memberTables = map[int64]string{1: "account", 2: "contact", 4: "lead"}

// editableList is the list that a change of its members is about: a static one that is not locked. Pages: the list's
// reference page, web-service-error-codes (InvalidOperationWhenListLocked).
func editableList(w *platform.Writer, r *store.Row) error {
	t := w.Schema.Tables["list"]
	if err := w.CheckRight("Write", t, r); err != nil {
		return err
	}
	switch {
	case store.Value(t, r, "lockstatus") == true:
		return wire.NewError(http.StatusBadRequest, "0x80040302", "List is Locked. Cannot perform this action.")
	case store.Value(t, r, "type") == true:
		return wire.BadArgument("Members cannot be added to or removed from a dynamic list.")
	}
	return nil
}

// addMember puts a row on a list and is the id of the listmember: of the one that is there already, if so.
func addMember(w *platform.Writer, list *store.Row, id uuid.UUID) (uuid.UUID, error) {
	t, m := w.Schema.Tables["list"], w.Schema.Tables["listmember"]
	table := memberTables[store.Int(t, list, "createdfromcode")]
	if w.Data[table].Get(id) == nil {
		return uuid.Nil, wire.NoRow(table, id.String())
	}
	if old := memberRow(w, list.ID, store.Ref{Table: table, ID: id}); old != nil {
		return old.ID, nil
	}
	v := store.Values{}
	v.Set(m, "listid", store.Ref{Table: t.Name, ID: list.ID})
	v.Set(m, "entityid", store.Ref{Table: table, ID: id})
	r, err := w.Insert(m, v)
	if err != nil {
		return uuid.Nil, err
	}
	return r.ID, nil
}

// memberRow is the row that puts another one on a list, nil if there is none.
func memberRow(w *platform.Writer, list uuid.UUID, of store.Ref) *store.Row {
	m := w.Schema.Tables["listmember"]
	var found *store.Row
	platform.EachPointing(&w.Tx.Snapshot, m, m.Column("entityid"), of, func(r *store.Row) bool {
		if store.Lookup(m, r, "listid").ID == list {
			found = r
		}
		return found == nil
	})
	return found
}

// boundList is the list of the path, with the id that EntityId names.
func boundList(w *platform.Writer, c *wire.Call, action string) (*store.Row, uuid.UUID, error) {
	t, r, err := w.FindRow(c.Path.Segments[0])
	if err != nil {
		return nil, uuid.Nil, err
	}
	if t.Name != "list" {
		return nil, uuid.Nil, wire.NoSegment(wire.CRMNamespace + action)
	}
	body, err := c.Decode()
	if err != nil {
		return nil, uuid.Nil, err
	}
	text, given := body["EntityId"].(string)
	if !given {
		return nil, uuid.Nil, wire.MissingArgument("EntityId", action)
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, uuid.Nil, wire.BadArgument("The EntityId is not an id.")
	}
	return r, id, editableList(w, r)
}

// addMemberList is AddMemberList. Page: actions/addmemberlist; the name of what it answers with is unconfirmed.
func (s *Service) addMemberList(c *wire.Call) (*wire.Answer, error) {
	var member uuid.UUID
	err := s.Change(c, func(w *platform.Writer) error {
		list, id, err := boundList(w, c, "AddMemberList")
		if err == nil {
			member, err = addMember(w, list, id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "AddMemberListResponse", "Id": member}), nil
}

// removeMemberList is RemoveMemberList. Page: actions/removememberlist.
func (s *Service) removeMemberList(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		list, id, err := boundList(w, c, "RemoveMemberList")
		if err != nil {
			return err
		}
		t := w.Schema.Tables["list"]
		member := memberRow(w, list.ID, store.Ref{Table: memberTables[store.Int(t, list, "createdfromcode")], ID: id})
		if member == nil {
			return wire.NoRow("listmember", id.String())
		}
		return w.DeleteRow(w.Schema.Tables["listmember"], member)
	})
}

// addListMembers is AddListMembersList: many rows at once, all or none. Page: actions/addlistmemberslist.
func (s *Service) addListMembers(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		for _, name := range []string{"List", "Members"} {
			if body[name] == nil {
				return wire.MissingArgument(name, "AddListMembersList")
			}
		}
		of, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["List"])
		if err != nil {
			return err
		}
		t := w.Schema.Tables["list"]
		list := w.Data[t.Name].Get(of.ID)
		if of.Table != t.Name || list == nil {
			return wire.NoRow(t.Name, of.ID.String())
		}
		if err := editableList(w, list); err != nil {
			return err
		}
		members, err := platform.ReadObjects(t, "Members", body["Members"])
		if err != nil {
			return err
		}
		for _, m := range members {
			to, _, err := wire.EntityArgument(&w.Tx.Snapshot, m)
			if err != nil {
				return err
			}
			if table := memberTables[store.Int(t, list, "createdfromcode")]; to.Table != table {
				return wire.BadArgument("The list has members of the entity '%s', not of '%s'.", table, to.Table)
			}
			if _, err := addMember(w, list, to.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// addToQueue is AddToQueue: a row is in one queue at a time. Page: actions/addtoqueue.
func (s *Service) addToQueue(c *wire.Call) (*wire.Answer, error) {
	var item uuid.UUID
	err := s.Change(c, func(w *platform.Writer) error {
		t, queue, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		if t.Name != "queue" {
			return wire.NoSegment(wire.CRMNamespace + "AddToQueue")
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		if body["Target"] == nil {
			return wire.MissingArgument("Target", "AddToQueue")
		}
		if body["QueueItemProperties"] != nil {
			return wire.NotEmulated(w.Engine, "AddToQueue with QueueItemProperties")
		}
		var source store.Ref
		if body["SourceQueue"] != nil {
			if source, _, err = wire.EntityArgument(&w.Tx.Snapshot, body["SourceQueue"]); err != nil {
				return err
			}
		}
		of, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
		if err != nil {
			return err
		}
		q, target := w.Schema.Tables["queueitem"], w.Schema.Tables[of.Table]
		r := w.Data[of.Table].Get(of.ID)
		if r == nil {
			return wire.NoRow(of.Table, of.ID.String())
		}
		if !queueable(q, target) {
			return wire.BadArgument("The entity '%s' cannot be added to a queue.", of.Table)
		}
		if err := w.CheckRight("Read", target, r); err != nil {
			return err
		}
		var old *store.Row
		platform.EachPointing(&w.Tx.Snapshot, q, q.Column("objectid"), of, func(x *store.Row) bool {
			old = x
			return false
		})
		if source.ID != uuid.Nil && (old == nil || store.Lookup(q, old, "queueid").ID != source.ID) {
			return wire.BadArgument("The record is not in the source queue %s.", source.ID)
		}
		v := store.Values{}
		v.Set(q, "queueid", store.Ref{Table: t.Name, ID: queue.ID})
		v.Set(q, "enteredon", w.Now)
		v.SetText(q, "title", store.Text(target, r, target.PrimaryName))
		if old != nil {
			item = old.ID
			if err := w.CheckRight("Write", q, old); err != nil {
				return err
			}
			_, err = w.Save(q, old, v)
			return err
		}
		if err := w.CheckRight("Create", q, nil); err != nil {
			return err
		}
		v.Set(q, "objectid", of)
		v.Set(q, "objecttypecode", int64(target.TypeCode))
		made, err := w.Insert(q, v)
		if err == nil {
			item = made.ID
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "AddToQueueResponse", "QueueItemId": item}), nil
}

// addPrincipalToQueue is AddPrincipalToQueue: a user becomes a member of a queue, or each member of a team. Pages:
// AddPrincipalToQueue Action, org-service/samples/add-security-principal-user-team-queue-early-bound.
func (s *Service) addPrincipalToQueue(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		t, queue, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		if t.Name != "queue" {
			return wire.NoSegment(wire.CRMNamespace + "AddPrincipalToQueue")
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		if body["Principal"] == nil {
			return wire.MissingArgument("Principal", "AddPrincipalToQueue")
		}
		who, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Principal"])
		if err != nil {
			return err
		}
		if who.Table != "systemuser" && who.Table != "team" {
			return wire.BadArgument("The members of a queue are users.")
		}
		if w.Data[who.Table].Get(who.ID) == nil {
			return wire.NoRow(who.Table, who.ID.String())
		}
		if err := w.CheckRight("Write", t, queue); err != nil {
			return err
		}
		users := []uuid.UUID{who.ID}
		if who.Table == "team" {
			users = nil
			m := w.Schema.Tables["teammembership"]
			w.Data[m.Name].Scan(uuid.Nil, func(r *store.Row) bool {
				if user, ok := store.Value(m, r, "systemuserid").(uuid.UUID); ok && store.Value(m, r, "teamid") == who.ID {
					users = append(users, user)
				}
				return true
			})
		}
		for _, user := range users {
			w.JoinQueue(queue.ID, user)
		}
		return nil
	})
}

// userQueues is RetrieveUserQueues: the private queues that a user owns or is a member of, and the public ones if asked. Page:
// RetrieveUserQueues Function.
func (s *Service) userQueues(c *wire.Call) (*wire.Answer, error) {
	e := query.NewEnv(c)
	e.Slot()
	t, err := wire.TableBySet(e.Snap.Schema, c.Path.Segments[0].Name)
	if err != nil {
		return nil, err
	}
	if t.Name != "systemuser" {
		return nil, wire.NoSegment(wire.CRMNamespace + "RetrieveUserQueues")
	}
	k, err := wire.ReadKey(e.Snap, t, c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	if e.Snap.Data[t.Name].Get(k.ID) == nil {
		return nil, wire.NoRow(t.Name, c.Path.Segments[0].Key)
	}
	args, err := c.Arguments(c.Path.Segments[1])
	if err != nil {
		return nil, err
	}
	public := args["IncludePublic"]
	if public != "true" && public != "false" {
		return nil, wire.MissingArgument("IncludePublic", "RetrieveUserQueues")
	}
	member := map[uuid.UUID]bool{}
	m := e.Snap.Schema.Tables["queuemembership"]
	e.Snap.Data[m.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if queue, ok := store.Value(m, r, "queueid").(uuid.UUID); ok && store.Value(m, r, "systemuserid") == k.ID {
			member[queue] = true
		}
		return true
	})
	queues := e.Snap.Schema.Tables["queue"]
	sh, err := query.NewCompiler(e).Shape("", "", queues)
	if err != nil {
		return nil, err
	}
	from := e.Source(queues)
	w := query.NewEncoder(c, e)
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = query.AppendJSON(w.Buf, c.Base+"/$metadata#"+queues.Set)
	w.Key("value")
	w.Text("[")
	n := 0
	e.Snap.Data[queues.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		private := store.Int(queues, r, "queueviewtype") == 1
		if private && !member[r.ID] && store.Lookup(queues, r, "ownerid").ID != k.ID || !private && public == "false" {
			return true
		}
		if r = from.Visible(r); r == nil {
			return true
		}
		if n++; n > 1 {
			w.Text(",")
		}
		w.Row(sh, r, query.Listed)
		return true
	})
	w.Text("]}")
	c.CountRead(n)
	return &wire.Answer{Status: http.StatusOK, Body: w.Buf}, e.Err()
}

// queueable tells whether rows of a table can be in a queue.
func queueable(items, t *schema.Table) bool {
	for _, name := range items.Column("objectid").Targets {
		if name == t.Name {
			return true
		}
	}
	return false
}

// removeFromQueue is RemoveFromQueue: it deletes the queue item, not the row in the queue. Page: actions/removefromqueue.
func (s *Service) removeFromQueue(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		if t.Name != "queueitem" {
			return wire.NoSegment(wire.CRMNamespace + "RemoveFromQueue")
		}
		if err := w.CheckRight("Delete", t, r); err != nil {
			return err
		}
		return w.DeleteRow(t, r)
	})
}
