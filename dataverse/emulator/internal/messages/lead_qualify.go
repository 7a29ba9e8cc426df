package messages

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// qualifyLead is QualifyLead: it copies a lead into an account, a contact and an opportunity and makes the lead
// Qualified. Pages: QualifyLead; qualify-lead-convert-opportunity-sales.
func (s *Service) qualifyLead(c *wire.Call) (*wire.Answer, error) {
	var made []any
	err := s.Change(c, func(w *platform.Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		if t.Name != "lead" {
			return wire.NoSegment("Microsoft.Dynamics.CRM.QualifyLead")
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		made, err = qualifyRow(w, t, r, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#Collection(mscrm.crmbaseentity)", "value": made}), nil
}

// qualification is what QualifyLead was asked for.
type qualification struct {
	account, contact, opportunity bool
	status                        int64
	currency, customer, campaign  store.Ref
}

func readQualification(w *platform.Writer, t *schema.Table, body map[string]any) (*qualification, error) {
	q := &qualification{}
	for name, to := range map[string]*bool{"CreateAccount": &q.account, "CreateContact": &q.contact, "CreateOpportunity": &q.opportunity} {
		v, ok := body[name].(bool)
		if !ok {
			return nil, wire.MissingArgument(name, "QualifyLead")
		}
		*to = v
	}
	if body["Status"] == nil {
		return nil, wire.MissingArgument("Status", "QualifyLead")
	}
	status, err := wire.IntMember(body, "Status", -1)
	if err != nil {
		return nil, err
	}
	if q.status, err = closingStatus(t, 1, int64(status)); err != nil {
		return nil, err
	}
	for name, to := range map[string]*store.Ref{"OpportunityCurrencyId": &q.currency, "OpportunityCustomerId": &q.customer, "SourceCampaignId": &q.campaign} {
		if body[name] == nil {
			continue
		}
		r, _, err := wire.EntityArgument(&w.Tx.Snapshot, body[name])
		if err != nil {
			return nil, err
		}
		if w.Data[r.Table].Get(r.ID) == nil {
			return nil, wire.NoRow(r.Table, r.ID.String())
		}
		*to = r
	}
	if c := q.customer.Table; c != "" && c != "account" && c != "contact" {
		return nil, wire.BadArgument("The OpportunityCustomerId must be an account or a contact.")
	}
	return q, nil
}

func qualifyRow(w *platform.Writer, t *schema.Table, lead *store.Row, body map[string]any) ([]any, error) {
	if store.Int(t, lead, "statecode") != 0 {
		return nil, wire.NewError(http.StatusBadRequest, "0x80040519", "The lead is already closed.")
	}
	if err := w.CheckRight("Write", t, lead); err != nil {
		return nil, err
	}
	if err := w.CheckPrivilege("prvQualifyLead"); err != nil {
		return nil, err
	}
	q, err := readQualification(w, t, body)
	if err != nil {
		return nil, err
	}
	var made []any
	err = w.Act(platform.QualifyLeadMessage, t, lead, func(lead *store.Row) error {
		made, err = q.carryOut(w, t, lead)
		return err
	})
	return made, err
}

// carryOut makes the rows that the lead becomes.
func (q *qualification) carryOut(w *platform.Writer, t *schema.Table, lead *store.Row) (made []any, err error) {
	made = []any{}
	origin := store.Ref{Table: t.Name, ID: lead.ID}
	add := func(name string, v store.Values) (store.Ref, error) {
		x := w.Schema.Tables[name]
		if err := w.CheckRight("Create", x, nil); err != nil {
			return store.Ref{}, err
		}
		v.Set(x, "originatingleadid", origin)
		r, err := w.Insert(x, v)
		if err != nil {
			return store.Ref{}, err
		}
		made = append(made, map[string]any{"@odata.type": "#" + wire.CRMNamespace + name, x.ID: r.ID})
		return store.Ref{Table: name, ID: r.ID}, nil
	}
	account, contact := store.Lookup(t, lead, "parentaccountid"), store.Lookup(t, lead, "parentcontactid")
	if q.account && store.Text(t, lead, "companyname") != "" {
		if account, err = add("account", copyLead(w, t, lead, "account")); err != nil {
			return nil, err
		}
	}
	if q.contact {
		v := copyLead(w, t, lead, "contact")
		if account.Table != "" {
			v.Set(w.Schema.Tables["contact"], "parentcustomerid", account)
		}
		if contact, err = add("contact", v); err != nil {
			return nil, err
		}
		if q.account && account.Table != "" {
			a := w.Schema.Tables["account"]
			p := store.Values{}
			p.Set(a, "primarycontactid", contact)
			if _, err := w.Save(a, w.Data[a.Name].Get(account.ID), p); err != nil {
				return nil, err
			}
		}
	}
	change := store.Values{}
	if q.opportunity {
		opportunity, err := add("opportunity", dealOf(w, t, lead, q, account, contact))
		if err != nil {
			return nil, err
		}
		change.Set(t, "qualifyingopportunityid", opportunity)
	}
	change.Set(t, "statecode", int64(1))
	change.Set(t, "statuscode", q.status)
	if account.Table != "" {
		change.Set(t, "parentaccountid", account)
	}
	if contact.Table != "" {
		change.Set(t, "parentcontactid", contact)
	}
	_, err = w.Save(t, lead, change)
	return made, err
}

// dealOf are the values of the opportunity that a lead becomes.
func dealOf(w *platform.Writer, t *schema.Table, lead *store.Row, q *qualification, account, contact store.Ref) store.Values {
	x := w.Schema.Tables["opportunity"]
	v := store.Values{}
	name := store.Text(t, lead, "subject")
	if name == "" {
		name = store.Text(t, lead, "fullname")
	}
	v.SetText(x, "name", name)
	v.SetText(x, "description", store.Text(t, lead, "description"))
	customer := q.customer
	switch {
	case customer.Table != "":
	case account.Table != "":
		customer = account
	default:
		customer = contact
	}
	for column, to := range map[string]store.Ref{
		"customerid": customer, "parentaccountid": account, "parentcontactid": contact,
		"transactioncurrencyid": q.currency, "campaignid": q.campaign,
	} {
		if to.Table != "" {
			v.Set(x, column, to)
		}
	}
	for from, to := range map[string]string{
		"budgetamount": "budgetamount", "estimatedamount": "estimatedvalue", "estimatedclosedate": "estimatedclosedate",
		"purchasetimeframe": "purchasetimeframe", "need": "need", "initialcommunication": "initialcommunication",
	} {
		if value := store.Value(t, lead, from); value != nil {
			v.Set(x, to, value)
		}
	}
	return v
}

// leadColumns are the columns that a lead's copy has under another name; an account takes the company's.
var leadColumns = map[string]map[string]string{
	"account": {"name": "companyname"},
	"contact": {},
}

// copiedColumns are the columns of a lead that its copies take over, the two addresses besides.
var copiedColumns = map[string][]string{
	"account": {"telephone1", "fax", "websiteurl", "emailaddress1", "description", "revenue", "numberofemployees", "sic"},
	"contact": {"firstname", "middlename", "lastname", "yomifirstname", "yomimiddlename", "yomilastname", "salutation",
		"jobtitle", "telephone1", "telephone2", "telephone3", "mobilephone", "fax", "pager", "websiteurl", "emailaddress1",
		"emailaddress2", "emailaddress3", "description", "donotbulkemail", "donotemail", "donotfax", "donotphone",
		"donotpostalmail", "donotsendmm"},
}

// copyLead are the values that a row made from a lead begins with.
func copyLead(w *platform.Writer, t *schema.Table, lead *store.Row, name string) store.Values {
	x := w.Schema.Tables[name]
	v := store.Values{}
	take := func(to, from string) {
		c, have := x.Column(to), t.Column(from)
		if c == nil || have == nil || c.Kind != have.Kind || c.NoCreate {
			return
		}
		switch value := store.Value(t, lead, from).(type) {
		case nil:
		case string:
			v.SetText(x, to, value)
		default:
			v.Set(x, to, value)
		}
	}
	for _, column := range copiedColumns[name] {
		take(column, column)
	}
	for to, from := range leadColumns[name] {
		take(to, from)
	}
	for _, c := range x.Columns {
		address := strings.HasPrefix(c.Name, "address1_") || strings.HasPrefix(c.Name, "address2_")
		if address && (c.Kind == schema.KindString || c.Kind == schema.KindDouble) {
			take(c.Name, c.Name)
		}
	}
	return v
}
