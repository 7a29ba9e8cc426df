package platform

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// The participation types that the platform makes itself. Page: activityparty-entity.
const (
	PartySender    = 1
	PartyTo        = 2
	PartyRegarding = 8
	PartyOwner     = 9
)

// readParties reads the rows of an activity's party list. Page: associate-disassociate-entities-using-web-api.
func (w *Writer) readParties(rows []map[string]any) ([]store.Values, error) {
	t := w.Schema.Tables["activityparty"]
	out := make([]store.Values, 0, len(rows))
	for _, body := range rows {
		in, err := w.ReadBody(t, body, true)
		if err != nil {
			return nil, err
		}
		v := in.Values
		mask, ok := v.After(t, nil, "participationtypemask").(int64)
		if !ok {
			return nil, wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'participationtypemask' is missing on the entity 'activityparty'.")
		}
		if mask < 1 || mask > 13 || mask == PartyRegarding || mask == PartyOwner {
			return nil, wire.BadArgument("The participation type %d is not valid for a party of this activity.", mask)
		}
		to, resolved := v.After(t, nil, "partyid").(store.Ref)
		if !resolved && v.After(t, nil, "addressused") == nil && v.After(t, nil, "unresolvedpartyname") == nil {
			return nil, wire.BadArgument("An activity party needs a party, an address or an unresolved name.")
		}
		if resolved && mask <= 4 {
			if address := DefaultEmail(&w.Tx.Snapshot, to); address != "" {
				v.SetDefault(t, "addressused", address)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// DefaultEmail is the e-mail address that a party is written to by default.
func DefaultEmail(s *store.Snapshot, r store.Ref) string {
	t := s.Schema.Tables[r.Table]
	row := s.Data[r.Table].Get(r.ID)
	if t == nil || row == nil {
		return ""
	}
	for _, name := range []string{"emailaddress1", "internalemailaddress", "emailaddress"} {
		if a := store.Text(t, row, name); a != "" {
			return a
		}
	}
	for _, c := range t.Columns { // the first address of a table of one's own
		if c.Custom && c.Format == "Email" {
			a, _ := row.Get(c.Index).(string)
			return a
		}
	}
	return ""
}

// PutParty stores one party of an activity.
func (w *Writer) PutParty(activity store.Ref, v store.Values) {
	t := w.Schema.Tables["activityparty"]
	v.Set(t, "activityid", activity)
	v.Set(t, "ispartydeleted", false)
	if to, ok := v.After(t, nil, "partyid").(store.Ref); ok {
		v.Set(t, "partyobjecttypecode", to.Table)
		v.SetText(t, "partyidname", rowName(&w.Tx.Snapshot, to))
	}
	if a := w.Schema.Tables[activity.Table]; a != nil {
		r := w.Data[activity.Table].Get(activity.ID)
		v.Set(t, "ownerid", store.Value(a, r, "ownerid"))
		for _, name := range []string{"scheduledstart", "scheduledend"} {
			v.Set(t, name, store.Value(a, r, name))
		}
	}
	id, _ := v[t.IDColumn().Index].(uuid.UUID)
	delete(v, t.IDColumn().Index)
	if id == uuid.Nil || w.Data[t.Name].Get(id) != nil {
		id = uuid.New()
	}
	w.Put(t, w.newRow(t, id, v))
}

// addParties adds rows of a party list to an activity.
func (w *Writer) addParties(t *schema.Table, id uuid.UUID, rows []map[string]any) error {
	parties, err := w.readParties(rows)
	if err != nil {
		return err
	}
	for _, v := range parties {
		w.PutParty(store.Ref{Table: t.Name, ID: id}, v)
	}
	return nil
}

// replaceParties puts a party list in the place of the one before: the whole list, or only the types that are in it.
func (w *Writer) replaceParties(t *schema.Table, id uuid.UUID, rows []map[string]any, whole bool) error {
	parties, err := w.readParties(rows)
	if err != nil {
		return err
	}
	party := w.Schema.Tables["activityparty"]
	types := map[int64]bool{}
	for _, v := range parties {
		mask, _ := v.After(party, nil, "participationtypemask").(int64)
		types[mask] = true
	}
	for _, r := range PartiesOf(&w.Tx.Snapshot, store.Ref{Table: t.Name, ID: id}) {
		mask := store.Int(party, r, "participationtypemask")
		if mask == PartyRegarding || mask == PartyOwner || !whole && !types[mask] {
			continue
		}
		w.Remove(party, r.ID)
	}
	for _, v := range parties {
		w.PutParty(store.Ref{Table: t.Name, ID: id}, v)
	}
	return nil
}

// PartiesOf are an activity's parties by id.
func PartiesOf(s *store.Snapshot, activity store.Ref) []*store.Row {
	t := s.Schema.Tables["activityparty"]
	var list []*store.Row
	EachPointing(s, t, t.Column("activityid"), activity, func(r *store.Row) bool {
		list = append(list, r)
		return true
	})
	return list
}

// FinishActivity brings in line what follows from an activity's parties, its regarding row and its owner: the two
// party rows that the platform makes, and the texts of an e-mail that name sender and receivers.
func (w *Writer) FinishActivity(t *schema.Table, id uuid.UUID) error {
	r := w.Data[t.Name].Get(id)
	w.PutPlatformParty(t, r, PartyRegarding, store.Lookup(t, r, "regardingobjectid"))
	w.PutPlatformParty(t, r, PartyOwner, store.Lookup(t, r, "ownerid"))
	if t.Name != "email" {
		return nil
	}
	v := store.Values{}
	party := w.Schema.Tables["activityparty"]
	var receivers []string
	for _, p := range PartiesOf(&w.Tx.Snapshot, store.Ref{Table: t.Name, ID: id}) {
		address := store.Text(party, p, "addressused")
		switch store.Int(party, p, "participationtypemask") {
		case PartySender:
			v.SetText(t, "sender", address)
			if from := store.Lookup(party, p, "partyid"); from.Table != "" {
				v.Set(t, "emailsender", from)
			}
		case PartyTo:
			if address != "" {
				receivers = append(receivers, address)
			}
		}
	}
	if len(receivers) > 0 {
		slices.Sort(receivers)
		v.SetText(t, "torecipients", strings.Join(receivers, ";")+";")
	}
	for i, value := range v {
		if r.Get(i) == value {
			delete(v, i)
		}
	}
	if len(v) > 0 {
		w.Put(t, r.With(v, r.Version))
	}
	return nil
}

// PutPlatformParty stores one of the party rows that the platform makes, or removes it where there is none to make.
func (w *Writer) PutPlatformParty(t *schema.Table, r *store.Row, mask int64, to store.Ref) {
	party := w.Schema.Tables["activityparty"]
	kept := false
	for _, p := range PartiesOf(&w.Tx.Snapshot, store.Ref{Table: t.Name, ID: r.ID}) {
		if store.Int(party, p, "participationtypemask") != mask {
			continue
		}
		if store.Lookup(party, p, "partyid") == to && !kept {
			kept = true
			continue
		}
		w.Remove(party, p.ID)
	}
	if kept || to.Table == "" {
		return
	}
	v := store.Values{}
	v.Set(party, "participationtypemask", mask)
	v.Set(party, "partyid", to)
	w.PutParty(store.Ref{Table: t.Name, ID: r.ID}, v)
}

// putCollection answers PUT set(key)/collection, which exists for activity parties alone.
func (s *Service) putCollection(c *wire.Call, w *Writer, t *schema.Table, r *store.Row, nav string) error {
	rel := t.ToMany[nav]
	if rel == nil || rel.Referencing != "activityparty" || rel.Attribute != "activityid" {
		return wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The collection '%s' cannot be replaced.", nav)
	}
	body, err := c.Decode()
	if err != nil {
		return err
	}
	rows, err := ReadObjects(t, "value", body["value"])
	if err != nil {
		return err
	}
	if err := w.CheckRight("Write", t, r); err != nil {
		return err
	}
	if err := w.unlocked(t, r, store.Values{}); err != nil {
		return err
	}
	if err := w.replaceParties(t, r.ID, rows, true); err != nil {
		return err
	}
	if _, err := w.Save(t, r, store.Values{}); err != nil {
		return err
	}
	return w.FinishActivity(t, r.ID)
}
