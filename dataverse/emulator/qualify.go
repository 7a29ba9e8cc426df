package emulator

import (
	"net/http"
	"strings"
)

// qualifyLead is QualifyLead: it copies a lead into an account, a contact and an opportunity and makes the lead
// Qualified. Pages: QualifyLead; qualify-lead-convert-opportunity-sales.
func (s *messageService) qualifyLead(c *call) (*answer, error) {
	var made []any
	err := s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		if t.Name != "lead" {
			return noSegment("Microsoft.Dynamics.CRM.QualifyLead")
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		made, err = w.qualify(t, r, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#Collection(mscrm.crmbaseentity)", "value": made}), nil
}

// qualification is what QualifyLead was asked for.
type qualification struct {
	account, contact, opportunity bool
	status                        int64
	currency, customer, campaign  ref
}

func (w *writer) readQualification(t *table, body map[string]any) (*qualification, error) {
	q := &qualification{}
	for name, to := range map[string]*bool{"CreateAccount": &q.account, "CreateContact": &q.contact, "CreateOpportunity": &q.opportunity} {
		v, ok := body[name].(bool)
		if !ok {
			return nil, missingArgument(name, "QualifyLead")
		}
		*to = v
	}
	if body["Status"] == nil {
		return nil, missingArgument("Status", "QualifyLead")
	}
	status, err := intMember(body, "Status", -1)
	if err != nil {
		return nil, err
	}
	if q.status, err = t.closingStatus(1, int64(status)); err != nil {
		return nil, err
	}
	for name, to := range map[string]*ref{"OpportunityCurrencyId": &q.currency, "OpportunityCustomerId": &q.customer, "SourceCampaignId": &q.campaign} {
		if body[name] == nil {
			continue
		}
		r, _, err := w.entityArgument(body[name])
		if err != nil {
			return nil, err
		}
		if w.data[r.Table].get(r.ID) == nil {
			return nil, noRow(r.Table, r.ID.String())
		}
		*to = r
	}
	if c := q.customer.Table; c != "" && c != "account" && c != "contact" {
		return nil, badArgument("The OpportunityCustomerId must be an account or a contact.")
	}
	return q, nil
}

func (w *writer) qualify(t *table, lead *row, body map[string]any) ([]any, error) {
	if t.int(lead, "statecode") != 0 {
		return nil, newFault(http.StatusBadRequest, "0x80040519", "The lead is already closed.")
	}
	if err := w.allow("Write", t, lead); err != nil {
		return nil, err
	}
	if err := w.holds("prvQualifyLead"); err != nil {
		return nil, err
	}
	q, err := w.readQualification(t, body)
	if err != nil {
		return nil, err
	}
	made := []any{}
	origin := ref{t.Name, lead.id}
	add := func(name string, v values) (ref, error) {
		x := w.schema.tables[name]
		if err := w.allow("Create", x, nil); err != nil {
			return ref{}, err
		}
		v.set(x, "originatingleadid", origin)
		r, err := w.insert(x, v)
		if err != nil {
			return ref{}, err
		}
		made = append(made, map[string]any{"@odata.type": "#" + crmNamespace + name, x.ID: r.id})
		return ref{name, r.id}, nil
	}
	account, contact := t.ref(lead, "parentaccountid"), t.ref(lead, "parentcontactid")
	if q.account && t.text(lead, "companyname") != "" {
		if account, err = add("account", w.copyLead(t, lead, "account")); err != nil {
			return nil, err
		}
	}
	if q.contact {
		v := w.copyLead(t, lead, "contact")
		if account.Table != "" {
			v.set(w.schema.tables["contact"], "parentcustomerid", account)
		}
		if contact, err = add("contact", v); err != nil {
			return nil, err
		}
		if q.account && account.Table != "" {
			a := w.schema.tables["account"]
			p := values{}
			p.set(a, "primarycontactid", contact)
			if _, err := w.save(a, w.data[a.Name].get(account.ID), p); err != nil {
				return nil, err
			}
		}
	}
	change := values{}
	if q.opportunity {
		opportunity, err := add("opportunity", w.dealOf(t, lead, q, account, contact))
		if err != nil {
			return nil, err
		}
		change.set(t, "qualifyingopportunityid", opportunity)
	}
	change.set(t, "statecode", int64(1))
	change.set(t, "statuscode", q.status)
	if account.Table != "" {
		change.set(t, "parentaccountid", account)
	}
	if contact.Table != "" {
		change.set(t, "parentcontactid", contact)
	}
	_, err = w.save(t, lead, change)
	return made, err
}

// dealOf are the values of the opportunity that a lead becomes.
func (w *writer) dealOf(t *table, lead *row, q *qualification, account, contact ref) values {
	x := w.schema.tables["opportunity"]
	v := values{}
	name := t.text(lead, "subject")
	if name == "" {
		name = t.text(lead, "fullname")
	}
	v.setText(x, "name", name)
	v.setText(x, "description", t.text(lead, "description"))
	customer := q.customer
	switch {
	case customer.Table != "":
	case account.Table != "":
		customer = account
	default:
		customer = contact
	}
	for column, to := range map[string]ref{
		"customerid": customer, "parentaccountid": account, "parentcontactid": contact,
		"transactioncurrencyid": q.currency, "campaignid": q.campaign,
	} {
		if to.Table != "" {
			v.set(x, column, to)
		}
	}
	for from, to := range map[string]string{
		"budgetamount": "budgetamount", "estimatedamount": "estimatedvalue", "estimatedclosedate": "estimatedclosedate",
		"purchasetimeframe": "purchasetimeframe", "need": "need", "initialcommunication": "initialcommunication",
	} {
		if value := t.get(lead, from); value != nil {
			v.set(x, to, value)
		}
	}
	return v
}

// renamed are the columns that a lead's copy has under another name; an account takes the company's.
var renamed = map[string]map[string]string{
	"account": {"name": "companyname"},
	"contact": {},
}

// copied are the columns of a lead that its copies take over, the two addresses besides.
var copied = map[string][]string{
	"account": {"telephone1", "fax", "websiteurl", "emailaddress1", "description", "revenue", "numberofemployees", "sic"},
	"contact": {"firstname", "middlename", "lastname", "yomifirstname", "yomimiddlename", "yomilastname", "salutation",
		"jobtitle", "telephone1", "telephone2", "telephone3", "mobilephone", "fax", "pager", "websiteurl", "emailaddress1",
		"emailaddress2", "emailaddress3", "description", "donotbulkemail", "donotemail", "donotfax", "donotphone",
		"donotpostalmail", "donotsendmm"},
}

// copyLead are the values that a row made from a lead begins with.
func (w *writer) copyLead(t *table, lead *row, name string) values {
	x := w.schema.tables[name]
	v := values{}
	take := func(to, from string) {
		c, have := x.column(to), t.column(from)
		if c == nil || have == nil || c.kind != have.kind || c.NoCreate {
			return
		}
		switch value := t.get(lead, from).(type) {
		case nil:
		case string:
			v.setText(x, to, value)
		default:
			v.set(x, to, value)
		}
	}
	for _, column := range copied[name] {
		take(column, column)
	}
	for to, from := range renamed[name] {
		take(to, from)
	}
	for _, c := range x.Columns {
		address := strings.HasPrefix(c.Name, "address1_") || strings.HasPrefix(c.Name, "address2_")
		if address && (c.kind == kindString || c.kind == kindDouble) {
			take(c.Name, c.Name)
		}
	}
	return v
}
