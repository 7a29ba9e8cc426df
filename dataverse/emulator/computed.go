package emulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// stampNew sets who made a row and when.
func (w *writer) stampNew(t *table, v values) {
	caller := ref{"systemuser", w.user}
	v.set(t, "createdon", w.now)
	if given, ok := v.of(t, nil, "overriddencreatedon").(instant); ok {
		v.set(t, "createdon", given)
	}
	v.set(t, "modifiedon", w.now)
	v.set(t, "createdby", caller)
	v.set(t, "modifiedby", caller)
	if w.behalf != uuid.Nil {
		v.set(t, "createdonbehalfby", ref{"systemuser", w.behalf})
		v.set(t, "modifiedonbehalfby", ref{"systemuser", w.behalf})
	}
}

// defaults fills the columns that have a default. Page: create-entity-web-api ("filled by default currency").
func (w *writer) defaults(t *table, id uuid.UUID, v values) {
	for _, c := range t.Columns {
		if old, set := v[c.index]; set && old != nil || c.NoRead {
			continue
		}
		switch d := c.Default.(type) {
		case bool:
			v[c.index] = d
		case float64:
			v[c.index] = int64(d)
		case nil:
			if c.kind == kindPicklist && len(c.Options) == 1 && c.Options[0].Label == "Default Value" {
				v[c.index] = int64(c.Options[0].Value)
			}
		}
	}
	if t.Ownership == "UserOwned" {
		v.setDefault(t, "ownerid", ref{"systemuser", w.user})
	}
	if t.Ownership == "OrganizationOwned" {
		v.set(t, "organizationid", ref{"organization", w.engine.organizationID})
	}
	if currency, ok := w.currency(); ok && !t.Intersect {
		v.setDefault(t, "transactioncurrencyid", currency)
	}
	if t.Activity {
		v.set(t, "activitytypecode", t.Name)
	}
	w.numbers(t, id, v)
}

// currency is the organisation's base currency.
func (w *writer) currency() (ref, bool) {
	t := w.schema.tables["transactioncurrency"]
	if org := w.schema.tables["organization"]; org != nil {
		if base, ok := org.get(w.data["organization"].get(w.engine.organizationID), "basecurrencyid").(ref); ok {
			return base, true
		}
	}
	var found ref
	w.data["transactioncurrency"].scan(uuid.Nil, func(r *row) bool {
		found = ref{t.Name, r.id}
		return false
	})
	return found, found.Table != ""
}

// numbered are the columns that the platform numbers, with the prefix.
var numbered = map[string][2]string{
	"quote": {"quotenumber", "QUO"}, "salesorder": {"ordernumber", "ORD"}, "invoice": {"invoicenumber", "INV"},
	"incident": {"ticketnumber", "CAS"}, "campaign": {"codename", "CMP"},
}

func (w *writer) numbers(t *table, id uuid.UUID, v values) {
	n, ok := numbered[t.Name]
	if !ok {
		return
	}
	text := strings.ToUpper(strings.ReplaceAll(id.String(), "-", ""))
	v.setDefault(t, n[0], fmt.Sprintf("%s-%05d-%s", n[1], 1000+w.data[t.Name].len(), text[:6]))
}

// mandatory are the columns without which the platform cannot make a row. Pages: the tables' reference pages.
var mandatory = map[string][]string{
	"quote": {"customerid"}, "salesorder": {"customerid"}, "invoice": {"customerid"}, "incident": {"customerid"},
	"customeraddress": {"parentid"}, "leadaddress": {"parentid"}, "listmember": {"entityid", "listid"},
	"activityparty": {"activityid", "participationtypemask"}, "opportunityproduct": {"opportunityid"},
	"connection": {"record1id", "record2id"},
}

func (t *table) required(v values) error {
	for _, name := range mandatory[t.Name] {
		if v.of(t, nil, name) == nil {
			return newFault(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity '%s'.", name, t.Name)
		}
	}
	return nil
}

// compute sets the columns that follow from others, for a new row (before is nil) or for changes of one.
func (w *writer) compute(t *table, before *row, v values) {
	computeNames(t, before, v)
	computeAddresses(t, before, v)
	w.computeOwner(t, before, v)
	computeCustomer(t, before, v)
	computeMoney(t, before, v)
	w.computeNote(t, before, v)
	if compute := w.rules[t.Name].compute; compute != nil {
		compute(w, t, before, v)
	}
	computeParty(t, v)
	w.computeLink(t, before, v)
}

func computeNames(t *table, before *row, v values) {
	for full, parts := range map[string][2]string{"fullname": {"firstname", "lastname"}, "yomifullname": {"yomifirstname", "yomilastname"}} {
		if t.column(parts[0]) == nil || !v.has(t, parts[0]) && !v.has(t, parts[1]) {
			continue
		}
		first, _ := v.of(t, before, parts[0]).(string)
		last, _ := v.of(t, before, parts[1]).(string)
		v.setText(t, full, strings.TrimSpace(first+" "+last))
	}
}

// addressParts are the columns that an address's composite is made of.
var addressParts = []string{"line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country"}

// computeAddresses rebuilds the composite of every address in the row of which a part changes.
func computeAddresses(t *table, before *row, v values) {
	for _, c := range t.Columns {
		if c.Name != "composite" && !strings.HasSuffix(c.Name, "_composite") {
			continue
		}
		prefix := strings.TrimSuffix(c.Name, "composite")
		touched := false
		part := map[string]string{}
		for _, p := range addressParts {
			touched = touched || v.has(t, prefix+p)
			part[p], _ = v.of(t, before, prefix+p).(string)
		}
		if !touched {
			continue
		}
		var lines []string
		for _, l := range []string{
			part["line1"], part["line2"], part["line3"],
			joinFilled(" ", joinFilled(", ", part["city"], part["stateorprovince"]), part["postalcode"]),
			part["country"],
		} {
			if l != "" {
				lines = append(lines, l)
			}
		}
		v.setText(t, c.Name, strings.Join(lines, "\r\n"))
	}
}

func joinFilled(sep, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

// computeOwner sets what mirrors the owner.
func (w *writer) computeOwner(t *table, before *row, v values) {
	if !v.has(t, "ownerid") {
		return
	}
	owner, ok := v.of(t, before, "ownerid").(ref)
	if !ok {
		return
	}
	unit := ref{"businessunit", w.engine.rootBusiness}
	who := w.schema.tables[owner.Table]
	if b, ok := who.get(w.data[owner.Table].get(owner.ID), "businessunitid").(ref); ok {
		unit = b
	}
	setLink := func(name string, to any) {
		c := t.column(name)
		if c == nil {
			return
		}
		if r, isRef := to.(ref); isRef && c.kind == kindGUID {
			to = r.ID
		}
		v[c.index] = to
	}
	setLink("owningbusinessunit", unit)
	var user, team any
	if owner.Table == "team" {
		team = owner
	} else {
		user = owner
	}
	setLink("owninguser", user)
	setLink("owningteam", team)
}

// computeCustomer keeps the read-only lookups that mirror a customer.
func computeCustomer(t *table, before *row, v values) {
	name, person := "customerid", "contactid"
	if t.Name == "contact" {
		name, person = "parentcustomerid", "parentcontactid"
	}
	if !v.has(t, name) {
		return
	}
	to, _ := v.of(t, before, name).(ref)
	mirror := func(column, table string) {
		c := t.column(column)
		if c == nil || c.kind != kindLookup || !c.NoCreate || !c.NoUpdate {
			return
		}
		if to.Table == table {
			v[c.index] = to
		} else {
			v[c.index] = nil
		}
	}
	mirror("accountid", "account")
	mirror(person, "contact")
}

// computeMoney keeps the amounts in the base currency; every currency's rate is 1 here.
func computeMoney(t *table, before *row, v values) {
	any := false
	for i, value := range v {
		c := t.Columns[i]
		if c.kind != kindMoney {
			continue
		}
		if base := t.column(c.Name + "_base"); base != nil {
			v[base.index] = value
			any = true
		}
	}
	if any && before == nil {
		v.set(t, "exchangerate", 1.0)
	}
}

// computeNote keeps what a note or an attachment says about its file.
func (w *writer) computeNote(t *table, before *row, v values) {
	body := map[string]string{"annotation": "documentbody", "activitymimeattachment": "body"}[t.Name]
	if body == "" {
		return
	}
	if v.has(t, body) {
		s, _ := v.of(t, before, body).(string)
		size := base64.StdEncoding.DecodedLen(len(s)) - strings.Count(s, "=")
		v.set(t, "filesize", int64(size))
		v.set(t, "isdocument", s != "")
	}
	if to, ok := v.of(t, before, "objectid").(ref); ok {
		v.set(t, "objecttypecode", to.Table)
	}
}

func computeParty(t *table, v values) {
	if t.Name == "listmember" {
		if to, ok := v.of(t, nil, "entityid").(ref); ok {
			v.set(t, "entitytype", to.Table)
		}
	}
}

// computeLink names a connection after its second record, and gives both their kind.
func (w *writer) computeLink(t *table, before *row, v values) {
	if t.Name != "connection" || !v.has(t, "record1id") && !v.has(t, "record2id") {
		return
	}
	for _, side := range []string{"record1", "record2"} {
		if to, ok := v.of(t, before, side+"id").(ref); ok {
			if kind := w.schema.tables[to.Table]; kind != nil {
				v.set(t, side+"objecttypecode", int64(kind.TypeCode))
			}
		}
	}
	if to, ok := v.of(t, before, "record2id").(ref); ok {
		v.setText(t, "name", w.name(to))
	}
}

// name is the primary name of a row.
func (s *snapshot) name(r ref) string {
	t := s.schema.tables[r.Table]
	if t == nil || t.PrimaryName == "" {
		return ""
	}
	return t.text(s.data[r.Table].get(r.ID), t.PrimaryName)
}
