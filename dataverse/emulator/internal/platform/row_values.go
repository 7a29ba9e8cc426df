package platform

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// stampNew sets who made a row and when. A day of creation that the caller gives becomes the row's, and overriddencreatedon
// the day on which it came. Page: run-data-import.
func (w *Writer) stampNew(t *schema.Table, v store.Values) {
	caller := store.Ref{Table: "systemuser", ID: w.User}
	v.Set(t, "createdon", w.Now)
	if given, ok := v.After(t, nil, "overriddencreatedon").(store.Instant); ok {
		v.Set(t, "createdon", given)
		v.Set(t, "overriddencreatedon", w.Now)
	}
	v.Set(t, "modifiedon", w.Now)
	v.Set(t, "createdby", caller)
	v.Set(t, "modifiedby", caller)
	if w.behalf != uuid.Nil {
		v.Set(t, "createdonbehalfby", store.Ref{Table: "systemuser", ID: w.behalf})
		v.Set(t, "modifiedonbehalfby", store.Ref{Table: "systemuser", ID: w.behalf})
	}
}

// SetDefaults fills the columns that have a default. Page: create-entity-web-api ("filled by default currency").
func (w *Writer) SetDefaults(t *schema.Table, id uuid.UUID, v store.Values) {
	for _, c := range t.Columns {
		if old, set := v[c.Index]; set && old != nil || c.NoRead {
			continue
		}
		if c.AutoNumber != "" {
			v[c.Index] = w.Engine.AutoNumber(t.Name, c.Name, c.AutoNumber)
			continue
		}
		switch d := c.Default.(type) {
		case bool:
			v[c.Index] = d
		case float64:
			v[c.Index] = int64(d)
		case nil:
			if c.Kind == schema.KindPicklist && len(c.Options) == 1 && c.Options[0].Label == "Default Value" && !strings.HasPrefix(c.Name, "address3_") {
				v[c.Index] = int64(c.Options[0].Value)
			}
		}
	}
	if t.Ownership == "UserOwned" {
		v.SetDefault(t, "ownerid", store.Ref{Table: "systemuser", ID: w.User})
	}
	if t.Ownership == "OrganizationOwned" {
		v.Set(t, "organizationid", store.Ref{Table: "organization", ID: w.Engine.OrganizationID})
	}
	if currency, ok := w.currency(); ok && !t.Intersect {
		v.SetDefault(t, "transactioncurrencyid", currency)
	}
	if t.Activity {
		v.Set(t, "activitytypecode", t.Name)
	}
	v.SetDefault(t, "instancetypecode", int64(0)) // no part of a series
	v.SetDefault(t, "attachmentcount", int64(0))
	w.SetNumbers(t, id, v)
}

// currency is the organisation's base currency.
func (w *Writer) currency() (store.Ref, bool) {
	t := w.Schema.Tables["transactioncurrency"]
	if org := w.Schema.Tables["organization"]; org != nil {
		if base, ok := store.Value(org, w.Data["organization"].Get(w.Engine.OrganizationID), "basecurrencyid").(store.Ref); ok {
			return base, true
		}
	}
	var found store.Ref
	w.Data["transactioncurrency"].Scan(uuid.Nil, func(r *store.Row) bool {
		found = store.Ref{Table: t.Name, ID: r.ID}
		return false
	})
	return found, found.Table != ""
}

// NumberedColumns are the columns that the platform numbers, with the prefix.
var NumberedColumns = map[string][2]string{
	"quote": {"quotenumber", "QUO"}, "salesorder": {"ordernumber", "ORD"}, "invoice": {"invoicenumber", "INV"},
	"incident": {"ticketnumber", "CAS"}, "campaign": {"codename", "CMP"},
}

// SetNumbers numbers a new row of a table that the platform numbers, unless it has a number.
func (w *Writer) SetNumbers(t *schema.Table, id uuid.UUID, v store.Values) {
	n, ok := NumberedColumns[t.Name]
	if !ok {
		return
	}
	text := strings.ToUpper(strings.ReplaceAll(id.String(), "-", ""))
	v.SetDefault(t, n[0], fmt.Sprintf("%s-%05d-%s", n[1], 1000+w.Data[t.Name].Len(), text[:6]))
}

// mandatory are the columns without which the platform cannot make a row. Pages: the tables' reference pages.
var mandatory = map[string][]string{
	"quote": {"customerid"}, "salesorder": {"customerid"}, "invoice": {"customerid"}, "incident": {"customerid"},
	"customeraddress": {"parentid"}, "leadaddress": {"parentid"}, "listmember": {"entityid", "listid"},
	"activityparty": {"activityid", "participationtypemask"}, "opportunityproduct": {"opportunityid"},
	"connection": {"record1id", "record2id"},
}

func required(t *schema.Table, v store.Values) error {
	for _, name := range mandatory[t.Name] {
		if v.After(t, nil, name) == nil {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity '%s'.", name, t.Name)
		}
	}
	return nil
}

// Compute sets the columns that follow from others, for a new row (before is nil) or for changes of one.
func (w *Writer) Compute(t *schema.Table, before *store.Row, v store.Values) {
	computeNames(t, before, v)
	normalizeRating(t, before, v)
	computeAddresses(t, before, v)
	w.ComputeOwner(t, before, v)
	computeCustomer(t, before, v)
	w.computeMoney(t, before, v)
	w.computeNote(t, before, v)
	if compute := w.Rules[t.Name].Compute; compute != nil {
		compute(w, t, before, v)
	}
	computeParty(t, v)
	w.computeLink(t, before, v)
}

// computeNames sets the full names. A part that has no spelling of its own is spelled as the name is: yomifullname is never
// without it (recorded from the service).
func computeNames(t *schema.Table, before *store.Row, v store.Values) {
	if t.Column("fullname") == nil || t.Column("firstname") == nil {
		return
	}
	touched := false
	for _, part := range []string{"firstname", "lastname", "yomifirstname", "yomilastname"} {
		touched = touched || v.Has(t, part)
	}
	if !touched {
		return
	}
	part := func(name string) string { s, _ := v.After(t, before, name).(string); return s }
	first, last := part("firstname"), part("lastname")
	if v.Has(t, "firstname") || v.Has(t, "lastname") {
		v.SetText(t, "fullname", strings.TrimSpace(first+" "+last))
	}
	v.SetText(t, "yomifullname", strings.TrimSpace(cmp.Or(part("yomifirstname"), first)+" "+cmp.Or(part("yomilastname"), last)))
}

// normalizeRating brings the rating of a feedback to the range from 0 to 1. Page: use-feedback-entity-manage-feedback-ratings-records.
func normalizeRating(t *schema.Table, before *store.Row, v store.Values) {
	if t.Name != "feedback" || !v.Has(t, "rating") && !v.Has(t, "minrating") && !v.Has(t, "maxrating") {
		return
	}
	rating, rated := v.After(t, before, "rating").(int64)
	least, from := v.After(t, before, "minrating").(int64)
	most, to := v.After(t, before, "maxrating").(int64)
	if !rated || !from || !to || most == least {
		v.Set(t, "normalizedrating", nil)
		return
	}
	v.Set(t, "normalizedrating", float64(rating-least)/float64(most-least))
}

// addressParts are the columns that an address's composite is made of.
var addressParts = []string{"line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country"}

// computeAddresses rebuilds the composite of every address in the row of which a part changes.
func computeAddresses(t *schema.Table, before *store.Row, v store.Values) {
	for _, c := range t.Columns {
		if c.Name != "composite" && !strings.HasSuffix(c.Name, "_composite") {
			continue
		}
		prefix := strings.TrimSuffix(c.Name, "composite")
		touched := false
		part := map[string]string{}
		for _, p := range addressParts {
			touched = touched || v.Has(t, prefix+p)
			part[p], _ = v.After(t, before, prefix+p).(string)
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
		v.SetText(t, c.Name, strings.Join(lines, "\r\n"))
	}
}

func joinFilled(sep, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

// ComputeOwner sets what mirrors the owner.
func (w *Writer) ComputeOwner(t *schema.Table, before *store.Row, v store.Values) {
	if !v.Has(t, "ownerid") {
		return
	}
	owner, ok := v.After(t, before, "ownerid").(store.Ref)
	if !ok {
		return
	}
	unit := store.Ref{Table: "businessunit", ID: w.Engine.RootBusiness}
	who := w.Schema.Tables[owner.Table]
	if b, ok := store.Value(who, w.Data[owner.Table].Get(owner.ID), "businessunitid").(store.Ref); ok {
		unit = b
	}
	setLink := func(name string, to any) {
		c := t.Column(name)
		if c == nil {
			return
		}
		if r, isRef := to.(store.Ref); isRef && c.Kind == schema.KindGUID {
			to = r.ID
		}
		v[c.Index] = to
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
func computeCustomer(t *schema.Table, before *store.Row, v store.Values) {
	name, person := "customerid", "contactid"
	if t.Name == "contact" {
		name, person = "parentcustomerid", "parentcontactid"
	}
	if !v.Has(t, name) {
		return
	}
	to, _ := v.After(t, before, name).(store.Ref)
	mirror := func(column, table string) {
		c := t.Column(column)
		if c == nil || c.Kind != schema.KindLookup || !c.NoCreate || !c.NoUpdate {
			return
		}
		if to.Table == table {
			v[c.Index] = to
		} else {
			v[c.Index] = nil
		}
	}
	mirror("accountid", "account")
	mirror(person, "contact")
}

// computeMoney keeps the amounts in the base currency: an amount divided by the rate of the row's currency on the day of the
// change. A change of an amount or of the currency works all of them out afresh. Page: transaction-currency-currency-entity.
func (w *Writer) computeMoney(t *schema.Table, before *store.Row, v store.Values) {
	changed := before != nil && v.Has(t, "transactioncurrencyid")
	for i := range v {
		if c := t.Columns[i]; c.Kind == schema.KindMoney && t.Column(c.Name+"_base") != nil {
			changed = true
		}
	}
	if !changed {
		return
	}
	rate, digits := w.rate(t, before, v)
	for _, c := range t.Columns {
		base := t.Column(c.Name + "_base")
		if c.Kind != schema.KindMoney || base == nil {
			continue
		}
		amount, set := v.After(t, before, c.Name).(float64)
		switch {
		case !set && (before == nil || before.Get(base.Index) == nil):
		case !set:
			v[base.Index] = nil
		default:
			v[base.Index] = math.Round(amount/rate*digits) / digits
		}
	}
	v.Set(t, "exchangerate", rate)
}

// rate is the exchange rate of a row's currency, and a one with as many zeros as the base currency has digits.
func (w *Writer) rate(t *schema.Table, before *store.Row, v store.Values) (rate, digits float64) {
	currencies := w.Schema.Tables["transactioncurrency"]
	if currencies == nil {
		return 1, 100
	}
	rate, digits = 1, 100
	to, _ := v.After(t, before, "transactioncurrencyid").(store.Ref)
	if r, ok := store.Value(currencies, w.Data[currencies.Name].Get(to.ID), "exchangerate").(float64); ok && r > 0 {
		rate = r
	}
	if base, found := w.currency(); found {
		if n, ok := store.Value(currencies, w.Data[currencies.Name].Get(base.ID), "currencyprecision").(int64); ok {
			digits = math.Pow10(int(n))
		}
	}
	return rate, digits
}

// computeNote keeps what a note or an attachment says about its file.
func (w *Writer) computeNote(t *schema.Table, before *store.Row, v store.Values) {
	body := map[string]string{"annotation": "documentbody", "activitymimeattachment": "body"}[t.Name]
	if body == "" {
		return
	}
	if v.Has(t, body) {
		s, _ := v.After(t, before, body).(string)
		size := base64.StdEncoding.DecodedLen(len(s)) - strings.Count(s, "=")
		v.Set(t, "filesize", int64(size))
		v.Set(t, "isdocument", s != "")
	}
	if to, ok := v.After(t, before, "objectid").(store.Ref); ok {
		v.Set(t, "objecttypecode", to.Table)
	}
}

func computeParty(t *schema.Table, v store.Values) {
	if t.Name == "listmember" {
		if to, ok := v.After(t, nil, "entityid").(store.Ref); ok {
			v.Set(t, "entitytype", to.Table)
		}
	}
}

// computeLink names a connection after its second record, and gives both their kind.
func (w *Writer) computeLink(t *schema.Table, before *store.Row, v store.Values) {
	if t.Name != "connection" || !v.Has(t, "record1id") && !v.Has(t, "record2id") {
		return
	}
	for _, side := range []string{"record1", "record2"} {
		if to, ok := v.After(t, before, side+"id").(store.Ref); ok {
			if kind := w.Schema.Tables[to.Table]; kind != nil {
				v.Set(t, side+"objecttypecode", int64(kind.TypeCode))
			}
		}
	}
	if to, ok := v.After(t, before, "record2id").(store.Ref); ok {
		v.SetText(t, "name", rowName(&w.Tx.Snapshot, to))
	}
}

// rowName is the primary name of a row.
func rowName(s *store.Snapshot, r store.Ref) string {
	t := s.Schema.Tables[r.Table]
	if t == nil || t.PrimaryName == "" {
		return ""
	}
	return store.Text(t, s.Data[r.Table].Get(r.ID), t.PrimaryName)
}
