package emulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// The participation types that the platform makes itself. Page: activityparty-entity.
const (
	partySender    = 1
	partyTo        = 2
	partyRegarding = 8
	partyOwner     = 9
)

// readParties reads the rows of an activity's party list. Page: associate-disassociate-entities-using-web-api.
func (w *writer) readParties(rows []map[string]any) ([]values, error) {
	t := w.schema.tables["activityparty"]
	out := make([]values, 0, len(rows))
	for _, body := range rows {
		in, err := w.readBody(t, body, true)
		if err != nil {
			return nil, err
		}
		v := in.values
		mask, ok := v.of(t, nil, "participationtypemask").(int64)
		if !ok {
			return nil, newFault(http.StatusBadRequest, "0x80040200", "The required field 'participationtypemask' is missing on the entity 'activityparty'.")
		}
		if mask < 1 || mask > 13 || mask == partyRegarding || mask == partyOwner {
			return nil, badArgument("The participation type %d is not valid for a party of this activity.", mask)
		}
		to, resolved := v.of(t, nil, "partyid").(ref)
		if !resolved && v.of(t, nil, "addressused") == nil && v.of(t, nil, "unresolvedpartyname") == nil {
			return nil, badArgument("An activity party needs a party, an address or an unresolved name.")
		}
		if resolved && mask <= 4 {
			if address := w.address1(to); address != "" {
				v.setDefault(t, "addressused", address)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// address1 is the e-mail address that a party is written to by default.
func (s *snapshot) address1(r ref) string {
	t := s.schema.tables[r.Table]
	row := s.data[r.Table].get(r.ID)
	if t == nil || row == nil {
		return ""
	}
	for _, name := range []string{"emailaddress1", "internalemailaddress", "emailaddress"} {
		if a := t.text(row, name); a != "" {
			return a
		}
	}
	return ""
}

// putParty stores one party of an activity.
func (w *writer) putParty(activity ref, v values) {
	t := w.schema.tables["activityparty"]
	v.set(t, "activityid", activity)
	v.set(t, "ispartydeleted", false)
	if to, ok := v.of(t, nil, "partyid").(ref); ok {
		v.set(t, "partyobjecttypecode", to.Table)
		v.setText(t, "partyidname", w.name(to))
	}
	if a := w.schema.tables[activity.Table]; a != nil {
		r := w.data[activity.Table].get(activity.ID)
		v.set(t, "ownerid", a.get(r, "ownerid"))
		for _, name := range []string{"scheduledstart", "scheduledend"} {
			v.set(t, name, a.get(r, name))
		}
	}
	id, _ := v[t.idColumn().index].(uuid.UUID)
	delete(v, t.idColumn().index)
	if id == uuid.Nil || w.data[t.Name].get(id) != nil {
		id = uuid.New()
	}
	w.put(t, w.fresh(t, id, v))
}

// addParties adds rows of a party list to an activity.
func (w *writer) addParties(t *table, id uuid.UUID, rows []map[string]any) error {
	parties, err := w.readParties(rows)
	if err != nil {
		return err
	}
	for _, v := range parties {
		w.putParty(ref{t.Name, id}, v)
	}
	return nil
}

// replaceParties puts a party list in the place of the one before: the whole list, or only the types that are in it.
func (w *writer) replaceParties(t *table, id uuid.UUID, rows []map[string]any, whole bool) error {
	parties, err := w.readParties(rows)
	if err != nil {
		return err
	}
	party := w.schema.tables["activityparty"]
	types := map[int64]bool{}
	for _, v := range parties {
		mask, _ := v.of(party, nil, "participationtypemask").(int64)
		types[mask] = true
	}
	for _, r := range w.parties(ref{t.Name, id}) {
		mask := party.int(r, "participationtypemask")
		if mask == partyRegarding || mask == partyOwner || !whole && !types[mask] {
			continue
		}
		w.remove(party, r.id)
	}
	for _, v := range parties {
		w.putParty(ref{t.Name, id}, v)
	}
	return nil
}

// parties are an activity's parties by id.
func (s *snapshot) parties(activity ref) []*row {
	t := s.schema.tables["activityparty"]
	var list []*row
	s.pointers(t, t.column("activityid"), activity, func(r *row) bool {
		list = append(list, r)
		return true
	})
	return list
}

// finishActivity brings in line what follows from an activity's parties, its regarding row and its owner: the two
// party rows that the platform makes, and the texts of an e-mail that name sender and receivers.
func (w *writer) finishActivity(t *table, id uuid.UUID) error {
	r := w.data[t.Name].get(id)
	w.ownParty(t, r, partyRegarding, t.ref(r, "regardingobjectid"))
	w.ownParty(t, r, partyOwner, t.ref(r, "ownerid"))
	if t.Name != "email" {
		return nil
	}
	v := values{}
	party := w.schema.tables["activityparty"]
	var receivers []string
	for _, p := range w.parties(ref{t.Name, id}) {
		address := party.text(p, "addressused")
		switch party.int(p, "participationtypemask") {
		case partySender:
			v.setText(t, "sender", address)
			if from := party.ref(p, "partyid"); from.Table != "" {
				v.set(t, "emailsender", from)
			}
		case partyTo:
			if address != "" {
				receivers = append(receivers, address)
			}
		}
	}
	if len(receivers) > 0 {
		slices.Sort(receivers)
		v.setText(t, "torecipients", strings.Join(receivers, ";")+";")
	}
	for i, value := range v {
		if r.get(i) == value {
			delete(v, i)
		}
	}
	if len(v) > 0 {
		w.put(t, r.with(v, r.version))
	}
	return nil
}

// ownParty keeps one of the party rows that the platform makes.
func (w *writer) ownParty(t *table, r *row, mask int64, to ref) {
	party := w.schema.tables["activityparty"]
	kept := false
	for _, p := range w.parties(ref{t.Name, r.id}) {
		if party.int(p, "participationtypemask") != mask {
			continue
		}
		if party.ref(p, "partyid") == to && !kept {
			kept = true
			continue
		}
		w.remove(party, p.id)
	}
	if kept || to.Table == "" {
		return
	}
	v := values{}
	v.set(party, "participationtypemask", mask)
	v.set(party, "partyid", to)
	w.putParty(ref{t.Name, r.id}, v)
}

// putCollection answers PUT set(key)/collection, which exists for activity parties alone.
func (s *platformService) putCollection(c *call, w *writer, t *table, r *row, nav string) error {
	rel := t.toMany[nav]
	if rel == nil || rel.Referencing != "activityparty" || rel.Attribute != "activityid" {
		return newFault(http.StatusMethodNotAllowed, "0x80060888", "The collection '%s' cannot be replaced.", nav)
	}
	body, err := c.decode()
	if err != nil {
		return err
	}
	rows, err := objects(t, "value", body["value"])
	if err != nil {
		return err
	}
	if err := w.allow("Write", t, r); err != nil {
		return err
	}
	if err := w.unlocked(t, r, values{}); err != nil {
		return err
	}
	if err := w.replaceParties(t, r.id, rows, true); err != nil {
		return err
	}
	if _, err := w.save(t, r, values{}); err != nil {
		return err
	}
	return w.finishActivity(t, r.id)
}
