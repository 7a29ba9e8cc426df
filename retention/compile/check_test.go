package compile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// check loads a policy with one subject and holds it against the test environment.
func check(t *testing.T, e *environment, files ...string) (*Policy, string, error) {
	t.Helper()
	path := write(t, files...)
	p, err := policy.Load(path)
	if err != nil {
		return nil, path, err
	}
	c, err := Check(t.Context(), p, e)
	return c, path, err
}

// onContact is a policy with grounds (YAML entries of a list) and, perhaps, related rules.
func onContact(purge, grounds, related string) string {
	indent := func(s string) string {
		return "      " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n      ") + "\n"
	}
	s := header + "  contact:\n    purge: " + purge + "\n    grounds:\n" + indent(grounds)
	if related != "" {
		s += "    related:\n" + indent(related)
	}
	return s
}

const anyGround = "- {id: any, basis: contract, why: w, where: statecode eq 0}"

func TestCheckRefuses(t *testing.T) {
	ground := func(rest string) string {
		return onContact("anonymize", "- {id: g, basis: contract, why: w, "+rest+"}", "")
	}
	rule := func(r string) string { return onContact("anonymize", anyGround, "- "+r) }
	tests := []struct{ name, policy, at, want, hint string }{
		{"an unknown table", ground("table: oportunity, link: parentcontactid"),
			"oportunity,", "unknown table `oportunity`", "did you mean `opportunity`?"},
		{"an unknown subject", strings.Replace(ground("where: statecode eq 0"), "contact:", "contacts:", 1),
			"contacts:", "unknown table `contacts`", "did you mean `contact`?"},
		{"an unknown column in a filter", ground("table: opportunity, link: parentcontactid, where: statcode eq 0"),
			"statcode eq", "unknown column `statcode` of `opportunity`", "did you mean `statecode`?"},
		{"an unknown column behind a lookup", ground("table: opportunity, link: parentcontactid, where: statecode eq 0 and parentaccountid/nam eq 'x'"),
			"nam eq", "unknown column `nam` of `account`", "did you mean `name`?"},
		{"an option that the column does not have", ground("table: account, link: primarycontactid, where: customertypecode eq 33"),
			"33}", "`customertypecode` has no option 33", "its options are 1 (Competitor), 2 (Consultant), 3 (Customer), 4 (Investor), 5 (Partner), 6 (Influencer), 7 (Press), 8 (Prospect), 9 (Reseller), 10 (Supplier), 11 (Vendor), 12 (Other), 13 (Insurance carrier)"},
		{"an option by what it is called", ground("table: account, link: primarycontactid, where: customertypecode eq 'Prospect'"),
			"'Prospect'", "an option of `customertypecode` is a number, not 'Prospect'", "write 8, which is Prospect; its options are 1 (Competitor), 2 (Consultant), 3 (Customer), 4 (Investor), 5 (Partner), 6 (Influencer), 7 (Press), 8 (Prospect), 9 (Reseller), 10 (Supplier), 11 (Vendor), 12 (Other), 13 (Insurance carrier)"},
		{"a bare word for an option", ground("table: opportunity, link: parentcontactid, where: statecode eq won"),
			"won}", "an option of `statecode` is a number, not 'won'", "write 1, which is Won; its options are 0 (Open), 1 (Won), 2 (Lost)"},
		{"an option in another language", ground("table: opportunity, link: parentcontactid, where: \"'Vunnen' eq statecode\""),
			"'Vunnen'", "an option of `statecode` is a number, not 'Vunnen'", "its options are 0 (Open), 1 (Won), 2 (Lost)"},
		{"an option's number in quotes", ground("table: opportunity, link: parentcontactid, where: statecode ne '1'"),
			"'1'", "an option of `statecode` is a number, not '1'", "write 1, which is Won; its options are 0 (Open), 1 (Won), 2 (Lost)"},
		{"an option in a list", ground("table: opportunity, link: parentcontactid, where: \"statecode in ('Won', 2)\""),
			"'Won'", "an option of `statecode` is a number, not 'Won'", "write 1, which is Won; its options are 0 (Open), 1 (Won), 2 (Lost)"},
		{"an option in a function's list", ground("table: opportunity, link: parentcontactid, where: \"Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['2','Won'])\""),
			"'Won'", "an option of `statecode` is a number, not 'Won'", "write 1, which is Won; its options are 0 (Open), 1 (Won), 2 (Lost)"},
		{"an option behind a lookup", ground("table: opportunity, link: parentcontactid, where: parentaccountid/statecode eq 'Inactive'"),
			"'Inactive'", "an option of `statecode` is a number, not 'Inactive'", "write 1, which is Inactive; its options are 0 (Active), 1 (Inactive)"},
		{"yes or no by what it is called", ground("where: donotemail eq 'Allow' and statecode eq 0"),
			"'Allow'", "`donotemail` is true or false, not 'Allow'", "write false, which is Allow"},
		{"a text where a number belongs", ground("table: opportunity, link: parentcontactid, where: estimatedvalue eq 'much'"),
			"estimatedvalue eq 'much'", "the filter does not fit the columns' types: A binary operator with incompatible types was detected. Found operand types 'Edm.Decimal' and 'Edm.String' for operator kind 'Equal'.", ""},
		{"a table by what it is called", ground("table: Event Registration, link: msevtmgt_contactid"),
			"Event Registration,", "unknown table `Event Registration`", "did you mean `msevtmgt_eventregistration`?"},
		{"a column by what it is called", ground("after: Birthday, keep: 1 month"),
			"Birthday,", "unknown column `Birthday` of `contact`", "did you mean `birthdate`?"},
		{"a column of a filter by what it is called", ground("where: Birthday eq null"),
			"Birthday eq", "unknown column `Birthday` of `contact`", "did you mean `birthdate`?"},
		{"a column of two words", ground("where: Job Title eq 'Author'"),
			"Title eq", "not a filter: Syntax error at position 4 in 'Job Title eq 'Author''.", "a column stands by its logical name, which is one word: jobtitle for Job Title"},
		{"a link by what it is called", ground("table: opportunity, link: Contact"),
			"Contact}", "unknown column `Contact` of `opportunity`", "did you mean `parentcontactid`?"},
		{"a column to retain by what it is called", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    retain: [statecode, Job Title]", 1),
			"Job Title]", "unknown column `Job Title` of `contact`", "did you mean `jobtitle`?"},
		{"a step of a path by what it is called", ground("table: opportunity, link: Account/primarycontactid"),
			"Account/", "unknown column `Account` of `opportunity`", "did you mean `parentaccountid`?"},
		{"a lookup by its bare name", ground("where: parentcustomerid ne null"),
			"parentcustomerid ne", "unknown column `parentcustomerid` of `contact`", "a lookup's value is `_parentcustomerid_value`"},
		{"half a filter", ground("where: statecode eq"),
			"}", "not a filter: Expression expected at position 12 in 'statecode eq'.", "an OData filter, such as statecode eq 0 and customertypecode eq 3"},
		{"a link that leads elsewhere", ground("table: opportunity, link: parentaccountid"),
			"parentaccountid}", "`parentaccountid` of `opportunity` does not lead to a `contact`: it is a lookup to account", "these do: customerid, parentcontactid"},
		{"a link over a text", ground("table: opportunity, link: name/contactid"),
			"name/contactid", "unknown column `name` of `opportunity`", "it is text: only lookups lead on"},
		{"a misspelt step of a path", ground("table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_enddate, keep: 1 month"),
			"msevtmgt_enddate,", "unknown column `msevtmgt_enddate` of `msevtmgt_event`", "did you mean `msevtmgt_eventenddate`?"},
		{"a date that is none", ground("after: fullname, keep: 1 month"),
			"fullname,", "`fullname` of `contact` is text, not a date", "a date, or a whole number that is a year"},
		{"a bound by what is no date", ground("after: createdon, keep: 1 month, atMost: 5 years after fullname"),
			"5 years", "`fullname` of `contact` is text, not a date", "a date, or a whole number that is a year"},
		{"a year that stands in for a date", ground("after: createdon, keep: 1 month, missingDate: numberofchildren"),
			"numberofchildren", "`createdon` and `numberofchildren` are not of one kind: one is a date, the other a year", "missingDate: ignore here, and a ground of its own for the rows without: where … eq null, after: createdon"},
		{"a year end without a year", ground("after: createdon, keep: 1 month, yearEnds: 31 March"),
			"31 March", "`yearEnds` is for a period `from end of year`, or a date that is a year", ""},
		{"a stage that empties a lookup", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    stages: [{do: reduce, erase: [parentcustomerid]}, {after: 1 year, do: purge}]", 1),
			"parentcustomerid]", "`parentcustomerid` of `contact` is a lookup, which a stage cannot empty", "texts, dates, numbers and choices can be; the purge takes the rest"},
		{"a stage that empties the name", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    stages: [{do: reduce, erase: [fullname]}, {after: 1 year, do: purge}]", 1),
			"fullname]", "`fullname` of `contact` cannot be emptied before the purge", "what a person is known by goes with the purge"},
		{"a queue that is not there", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    ask: {before: 30 days, queue: Retention}", 1),
			"Retention}", "0 queues are called `Retention`", "make the queue in the Power Platform admin centre (Email > Queues) or name another; whoever asks persons is a member of it"},
		{"a team that is not there", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    stages: [{do: archive, team: Archive}, {after: 1 year, do: purge}]", 1),
			"Archive}", "0 teams are called `Archive`", "make one that owns archived rows, with no members but those who may still look at them"},
		{"a filter that moves with today", ground("where: \"Microsoft.Dynamics.CRM.LastXYears(PropertyName='createdon',PropertyValue=2)\""),
			"Microsoft", "`LastXYears` moves with today: whoever it keeps is lost on a day that nothing foretells", policy.RollingHint},
		{"a date that gallra moves itself", ground("where: statecode eq 0, after: modifiedon, keep: 1 month"),
			"modifiedon,", "`modifiedon` of `contact` moves with every purge date that is written there: the person would never be purged", "a date that only people or processes of the business set"},
		{"a filter by a date that gallra moves itself", ground("where: \"statecode eq 0 and modifiedon ge 2024-01-01T00:00:00Z\""),
			"modifiedon ge", "`modifiedon` of `contact` moves with every purge date that is written there: the person would never be purged", "a date that only people or processes of the business set"},
		{"a filter by who changed the row", ground("where: _modifiedby_value ne 00000000-0000-0000-0000-000000000001"),
			"_modifiedby_value", "`_modifiedby_value` of `contact` moves with every purge date that is written there: the person would never be purged", "a date that only people or processes of the business set"},
		{"a join of text and lookup", ground("table: opportunity, link: name = parentcustomerid"),
			"parentcustomerid}", "`name` (text) cannot be joined with `parentcustomerid` (a lookup)", "text goes with text, and a lookup with a lookup"},
		{"a party of what is no activity", ground("table: opportunity, party: to"),
			"to}", "`opportunity` is no activity: nobody is a party of it", "use `link` with its lookup to the person"},
		{"a view that is not there", ground("view: Contacts to kep"),
			"Contacts to kep", "`contact` has no system view `Contacts to kep`", "did you mean `Contacts to keep`?"},
		{"a view of whoever asks", ground("view: My contacts"),
			"My contacts", "`eq-userid` in the view `My contacts` means whoever runs the query: the job would keep others than the person who looks at it", policy.CallerHint},
		{"a personal view", ground("view: Mine alone"),
			"Mine alone", "`contact` has no system view `Mine alone`", "a personal view has that name: it belongs to a user, who may change or unshare it, so make a system view of it"},
		{"a function of whoever asks", ground("where: Microsoft.Dynamics.CRM.EqualUserTeams(PropertyName='ownerid')"),
			"Microsoft", "`EqualUserTeams` means whoever runs the query: the job would keep others than the person who looks at it", policy.CallerHint},
		{"the same in a related rule", rule("{table: quote, link: customerid, do: keep, why: w, where: \"statecode eq 0 and Microsoft.Dynamics.CRM.NotEqualUserId(PropertyName='ownerid')\"}"),
			"Microsoft", "`NotEqualUserId` means whoever runs the query: the job would keep others than the person who looks at it", policy.CallerHint},
		{"an identity that is no text", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    identity: birthdate", 1),
			"birthdate", "`identity` is a column of text, and `birthdate` is a date", "such as emailaddress1"},
		{"an unknown column to retain", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    retain: [statecode, jobtitel]", 1),
			"jobtitel]", "unknown column `jobtitel` of `contact`", "did you mean `jobtitle`?"},
		{"columns to stand in that are not there", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    columns: {purgeScheduledOn: nord_followupn}", 1),
			"{purgeS", "unknown column `nord_followupn` of `contact`", "did you mean `nord_followupon`?"},
		{"columns to stand in of the wrong type", strings.Replace(ground("where: statecode eq 0"), "purge: anonymize", "purge: anonymize\n    columns: {legalHold: nord_followupon}", 1),
			"{legalHold", "`nord_followupon` of `contact` is a date, and should be yes/no", ""},
		{"a column to erase that cannot be written", rule("{table: quote, link: customerid, do: anonymize, erase: [billto_contactname, createdon]}"),
			"createdon]", "`createdon` of `quote` cannot be written", ""},
	}
	e := newEnvironment(t)
	e.views = []dataverse.Row{{"name": "Contacts to keep", "returnedtypecode": "contact", "fetchxml": "<fetch/>"},
		{"name": "My contacts", "returnedtypecode": "contact", "fetchxml": `<fetch><entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid"><filter type="or"><condition attribute="ownerid" operator="eq-userid"/></filter></link-entity></entity></fetch>`}}
	e.personal = []string{"Mine alone"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := check(t, e, "policy.yaml", tt.policy)
			var problems policy.Problems
			if !errors.As(err, &problems) || len(problems) != 1 {
				t.Fatalf("not one problem, but %v", err)
			}
			p := problems[0]
			if diff := cmp.Diff(tt.want, p.Message); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if at := p.Source[p.Pos.Column-1:]; !strings.HasPrefix(at, tt.at) {
				t.Errorf("the caret stands at %q, not at %q", at, tt.at)
			}
			if diff := cmp.Diff(tt.hint, p.Hint); diff != "" {
				t.Errorf("hint (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckRefusesOtherEnvironments(t *testing.T) {
	pol := onContact("anonymize", anyGround, "")
	first := func(path string, err error) string {
		line, _, _ := strings.Cut(told(t, path, err), "\n")
		return line
	}
	e := newEnvironment(t)
	e.organization.ID = uuid.MustParse("11111111-1111-1111-1111-111111111111")
	_, path, err := check(t, e, "policy.yaml", pol)
	if got, want := first(path, err), "policy.yaml:2:29: the policy is for the organisation "+modelOrganization+", and this environment is 11111111-1111-1111-1111-111111111111"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	e = newEnvironment(t)
	e.organization.Production = true
	_, path, err = check(t, e, "policy.yaml", pol)
	if got, want := first(path, err), "policy.yaml:2:14: this is a production environment, and the policy does not allow one"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	allowed := strings.Replace(pol, "}", ", allowProduction: true}", 1)
	if c, _, err := check(t, e, "policy.yaml", allowed); err != nil || !c.Production {
		t.Errorf("a production environment that is allowed: %v", err)
	}

	e.err = errors.New("the line is cut")
	_, _, err = check(t, e, "policy.yaml", pol)
	var problems policy.Problems
	if errors.As(err, &problems) || !errors.Is(err, e.err) {
		t.Errorf("an environment that does not answer is no fault of the policy: %v", err)
	}
}

func TestCheckCompilesGrounds(t *testing.T) {
	tests := []struct {
		name, ground string
		read         Read
		person       Link
		bound        string // on 1 March 2026
	}{
		{"the person's own row", "where: statecode eq 0, after: createdon, keep: 1 month",
			Read{Table: "contact", Set: "contacts", Select: []string{"contactid", "createdon"}, Filter: "statecode eq 0", ID: "contactid"},
			Link{Fields: []Field{"contactid"}}, "createdon ge 2026-01-30T00:00:00Z or createdon eq null"},
		{"nothing but a date matches the rows that have it", "until: nord_followupon, keep: 14 days",
			Read{Table: "contact", Set: "contacts", Select: []string{"contactid", "nord_followupon"}, ID: "contactid"},
			Link{Fields: []Field{"contactid"}}, "nord_followupon ge 2026-02-13"},
		{"a lookup", "table: account, link: primarycontactid, where: statecode eq 0",
			Read{Table: "account", Set: "accounts", Select: []string{"accountid", "_primarycontactid_value"}, Filter: "(_primarycontactid_value ne null) and (statecode eq 0)", ID: "accountid"},
			Link{Fields: []Field{"_primarycontactid_value"}}, ""},
		{"a lookup that may lead elsewhere", "table: quote, link: customerid",
			Read{Table: "quote", Set: "quotes", Select: []string{"quoteid", "_customerid_value"}, Filter: "customerid_contact/contactid ne null", ID: "quoteid"},
			Link{Fields: []Field{"_customerid_value"}}, ""},
		{"a path that only one target can go on", "table: quote, link: customerid/primarycontactid",
			Read{Table: "quote", Set: "quotes", Select: []string{"quoteid"}, Expand: "customerid_account($select=_primarycontactid_value)", Filter: "customerid_account/_primarycontactid_value ne null", ID: "quoteid"},
			Link{Fields: []Field{"customerid_account/_primarycontactid_value"}, Between: []string{"account"}}, ""},
		{"a path to a date, by the columns' names", "table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: 3 months, missingDate: ignore",
			Read{Table: "msevtmgt_eventregistration", Set: "msevtmgt_eventregistrations", Select: []string{"msevtmgt_eventregistrationid", "_msevtmgt_contactid_value"}, Expand: "msevtmgt_EventId($select=msevtmgt_eventenddate)", Filter: "_msevtmgt_contactid_value ne null", ID: "msevtmgt_eventregistrationid"},
			Link{Fields: []Field{"_msevtmgt_contactid_value"}}, "msevtmgt_EventId/msevtmgt_eventenddate ge 2025-11-29T00:00:00Z"},
		{"a filter over a lookup's column name", "table: msevtmgt_eventregistration, link: msevtmgt_contactid, where: msevtmgt_eventid/msevtmgt_name ne 'Test' or msevtmgt_eventid/msevtmgt_name eq null",
			Read{Table: "msevtmgt_eventregistration", Set: "msevtmgt_eventregistrations", Select: []string{"msevtmgt_eventregistrationid", "_msevtmgt_contactid_value"}, Filter: "(_msevtmgt_contactid_value ne null) and (msevtmgt_EventId/msevtmgt_name ne 'Test' or msevtmgt_EventId/msevtmgt_name eq null)", ID: "msevtmgt_eventregistrationid"},
			Link{Fields: []Field{"_msevtmgt_contactid_value"}}, ""},
		{"a path in the link", "table: msevtmgt_event, link: msevtmgt_producer/msevtmgt_contact, after: msevtmgt_eventenddate, keep: 1 year",
			Read{Table: "msevtmgt_event", Set: "msevtmgt_events", Select: []string{"msevtmgt_eventid", "msevtmgt_eventenddate"}, Expand: "msevtmgt_producer($select=_msevtmgt_contact_value)", Filter: "msevtmgt_producer/_msevtmgt_contact_value ne null", ID: "msevtmgt_eventid"},
			Link{Fields: []Field{"msevtmgt_producer/_msevtmgt_contact_value"}, Between: []string{"msevtmgt_eventteammember"}}, "msevtmgt_eventenddate ge 2025-02-27T00:00:00Z or msevtmgt_eventenddate eq null"},
		{"a join by value with several columns", "table: msdynmkt_contactpointconsent4, link: 'msdynmkt_contactpointvalue = emailaddress1, mobilephone', where: msdynmkt_value eq 534120001",
			Read{Table: "msdynmkt_contactpointconsent4", Set: "msdynmkt_contactpointconsent4s", Select: []string{"msdynmkt_contactpointconsent4id", "msdynmkt_contactpointvalue"}, Filter: "(msdynmkt_contactpointvalue ne null) and (msdynmkt_value eq 534120001)", ID: "msdynmkt_contactpointconsent4id"},
			Link{Value: "msdynmkt_contactpointvalue", Columns: []string{"emailaddress1", "mobilephone"}, Text: true}, ""},
		{"a join by lookups: whoever works where a deal is open", "table: opportunity, link: parentaccountid = parentcustomerid, where: statecode eq 0",
			Read{Table: "opportunity", Set: "opportunities", Select: []string{"opportunityid", "_parentaccountid_value"}, Filter: "(_parentaccountid_value ne null) and (statecode eq 0)", ID: "opportunityid"},
			Link{Value: "_parentaccountid_value", Columns: []string{"_parentcustomerid_value"}}, ""},
		{"a connection role", "table: connection, link: record1id, where: record2roleid/name eq 'Superuser'",
			Read{Table: "connection", Set: "connections", Select: []string{"connectionid", "_record1id_value"}, Filter: "(record1id_contact/contactid ne null) and (record2roleid/name eq 'Superuser')", ID: "connectionid"},
			Link{Fields: []Field{"_record1id_value"}}, ""},
		{"a list", "table: listmember, link: entityid, where: listid/listname eq 'Advisory board'",
			Read{Table: "listmember", Set: "listmembers", Select: []string{"listmemberid", "_entityid_value"}, Filter: "(entityid_contact/contactid ne null) and (listid/listname eq 'Advisory board')", ID: "listmemberid"},
			Link{Fields: []Field{"_entityid_value"}}, ""},
		{"a party: its lines are asked for, and the filter goes behind them", "table: email, party: to, where: statecode eq 1 and regardingobjectid_quote/statecode eq 2, after: actualend, keep: 1 year",
			Read{Table: "activityparty", Set: "activityparties", Select: []string{"activitypartyid", "_partyid_value", "_activityid_value"}, Expand: "activityid_email($select=actualend)",
				Filter: "((participationtypemask eq 2 and activityid_email/activityid ne null) and (partyid_contact/contactid ne null)) and (activityid_email/statecode eq 1 and activityid_email/regardingobjectid_quote_email/statecode eq 2)", ID: "_activityid_value"},
			Link{Fields: []Field{"_partyid_value"}}, "activityid_email/actualend ge 2025-02-27T00:00:00Z or activityid_email/actualend eq null"},
		{"a view", "view: Contacts to keep",
			Read{Table: "contact", Set: "contacts", FetchXML: `<fetch><entity name="contact"><attribute name="contactid"/><filter><condition attribute="statecode" operator="eq" value="0"/></filter></entity></fetch>`, ID: "contactid"},
			Link{Fields: []Field{"contactid"}}, ""},
		{"a FetchXML file", "fetchXml: superusers.xml, keep: 6 months",
			Read{Table: "opportunity", Set: "opportunities", FetchXML: `<fetch><entity name="opportunity"><attribute name="actualclosedate" alias="after"/><link-entity name="contact" from="contactid" to="parentcontactid" alias="c"><attribute name="contactid" alias="person"/></link-entity></entity></fetch>`},
			Link{Fields: []Field{"person"}}, ""},
	}
	e := newEnvironment(t)
	e.views = []dataverse.Row{{"name": "Contacts to keep", "returnedtypecode": "contact", "fetchxml": `<fetch version="1.0" mapping="logical"><entity name="contact"><attribute name="fullname"/><order attribute="fullname"/><filter type="and"><condition attribute="statecode" operator="eq" value="0"/></filter></entity></fetch>`}}
	const fetch = `<fetch><entity name="opportunity"><attribute name="name"/><attribute name="actualclosedate" alias="after"/><order attribute="name"/><link-entity name="contact" from="contactid" to="parentcontactid" alias="c"><attribute name="contactid" alias="person"/><attribute name="fullname"/></link-entity></entity></fetch>`
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := check(t, e, "policy.yaml", onContact("anonymize", "- {id: g, basis: contract, why: w, "+tt.ground+"}", ""), "superusers.xml", fetch)
			if err != nil {
				t.Fatal(err)
			}
			g := c.Subjects[0].Grounds[0]
			if diff := cmp.Diff(tt.read, g.read); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.person, g.Person); diff != "" {
				t.Errorf("person (-want +got):\n%s", diff)
			}
			if got := g.bound(date("2026-03-01")); got != tt.bound {
				t.Errorf("bound %q, want %q", got, tt.bound)
			}
		})
	}
}

func TestReadingForSomePersons(t *testing.T) {
	e := newEnvironment(t)
	e.views = []dataverse.Row{{"name": "Keep", "returnedtypecode": "contact", "fetchxml": `<fetch><entity name="contact"><attribute name="fullname"/></entity></fetch>`}}
	c, _, err := check(t, e, "policy.yaml", onContact("anonymize", `
- {id: lookup, basis: contract, why: w, table: account, link: primarycontactid, after: modifiedon, keep: 1 month}
- {id: value, basis: consent, why: w, table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1}
- {id: view, basis: contract, why: w, view: Keep}
`, ""))
	if err != nil {
		t.Fatal(err)
	}
	ids := []uuid.UUID{uuid.MustParse("00000000-0000-0000-0000-000000000001"), uuid.MustParse("00000000-0000-0000-0000-000000000002")}
	grounds := c.Subjects[0].Grounds
	if got, want := grounds[0].ReadingFor(ids, nil, nil).Filter, "(_primarycontactid_value ne null) and (_primarycontactid_value eq 00000000-0000-0000-0000-000000000001 or _primarycontactid_value eq 00000000-0000-0000-0000-000000000002)"; got != want {
		t.Errorf("by id, without a bound:\n%s\nwant\n%s", got, want)
	}
	// A row whose value has blanks around it is the person's as well, so those are asked for too.
	if got, want := grounds[1].ReadingFor(nil, []string{"o'brien@example.com"}, nil).Filter, "(msdynmkt_contactpointvalue ne null) and (msdynmkt_contactpointvalue eq 'o''brien@example.com' or startswith("; !strings.HasPrefix(got, want) {
		t.Errorf("by value:\n%s\nwant\n%s…", got, want)
	}
	const want = `<fetch><entity name="contact"><attribute name="contactid"/><filter><condition attribute="contactid" operator="in"><value>00000000-0000-0000-0000-000000000001</value></condition></filter></entity></fetch>`
	if got := grounds[2].ReadingFor(ids[:1], nil, nil).FetchXML; got != want {
		t.Errorf("by view:\n%s\nwant\n%s", got, want)
	}
}

// What goes two steps from the person, with a row of business that a rule deletes, is told.
func TestCheckCascadesOfCascades(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rest  bool // a last rule *
		warns bool
	}{
		{"no word of them", false, true},
		{"the rest may go", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &policy.Subject{Table: "contact", Related: []policy.RelatedRule{{Table: "opportunity", Link: "customerid", Do: policy.Delete}}}
			if tt.rest {
				s.Related = append(s.Related, policy.RelatedRule{Table: policy.AnyTable, Do: policy.Delete})
			}
			e := newEnvironment(t)
			c := &checker{ctx: t.Context(), reader: e, policy: &policy.Policy{}, model: newModel(t.Context(), e), out: &Policy{}}
			s.Purge = policy.Delete
			c.places(c.model.get("contact"), &Subject{Subject: s})
			warned := slices.ContainsFunc(c.warnings, func(p policy.Problem) bool {
				return strings.HasPrefix(p.Message, "with the rows of `opportunity` that go") && strings.Contains(p.Message, "`task`")
			})
			if warned != tt.warns {
				t.Errorf("warned %t, want %t: %v", warned, tt.warns, c.warnings)
			}
		})
	}
}

// Places that hold rows and that no rule speaks of are one problem of the subject, after all others, with what to write.
func TestCheckUndecidedPlaces(t *testing.T) {
	e := newEnvironment(t)
	e.occupied = map[string]int{"annotation": 12, "activityparty": 2, "opportunity": 1, "msdynmkt_marketingformsubmission": 5, "email": 3}
	c, _, err := check(t, e, "policy.yaml", onContact("delete", anyGround, "- {table: email, party: any, do: delete}"))
	if err != nil {
		t.Fatal(err)
	}
	var problems policy.Problems
	if !errors.As(c.Decided(), &problems) || len(problems) != 1 || c.Undecided[0].Table != "contact" {
		t.Fatalf("places with rows pass unmentioned: %v", c.Undecided)
	}
	last := problems[0]
	for _, want := range []string{"`annotation` by objectid (12 rows)", "`phonecall` by party (2 rows)", "`msdynmkt_marketingformsubmission` by msdynmkt_contactableemail (5 rows)"} {
		if !strings.Contains(last.Message, want) {
			t.Errorf("%q does not tell of %s", last.Message, want)
		}
	}
	for _, want := range []string{"- {table: annotation, link: objectid, do: delete}", "- {table: phonecall, party: any, do: delete}"} {
		if !strings.Contains(last.Hint, want) {
			t.Errorf("%q does not say %s", last.Hint, want)
		}
	}
	for _, not := range []string{"`email`", "`opportunity`", "`task` by regardingobjectid", "`systemuser`"} {
		if strings.Contains(last.Message, not) {
			t.Errorf("%s is decided, of business, empty, or no place of a person: %s", not, last.Message)
		}
	}

	for _, leave := range []string{"", "- {set: sales}\n- {set: marketing}\n"} {
		c, _, err := check(t, e, "policy.yaml", onContact("delete", anyGround, leave+"- {table: msdynmkt_marketingformsubmission, do: leave, why: Of the web shop}\n- {table: '*', do: delete}"))
		if err != nil || c.Decided() != nil {
			t.Errorf("every place is decided: %v %v", err, c.Undecided)
		}
	}
	_, _, err = check(t, e, "policy.yaml", onContact("delete", anyGround, "- {table: annotation, do: leave, why: w}\n- {table: '*', do: delete}"))
	if !errors.As(err, &problems) || !strings.Contains(problems.Error(), "`annotation` cannot be left: a delete of a `contact` takes its rows along") {
		t.Errorf("rows that a delete takes along are left: %v", err)
	}
}

// What goes along with rows that go cannot be left, however they lead to the person.
func TestCheckLeavesNothingThatGoesAlong(t *testing.T) {
	e := newEnvironment(t)
	const leaves = "- {table: activitymimeattachment, do: leave, why: w}\n- {table: email, party: any, do: delete}\n- {table: '*', do: delete}"
	for _, purge := range []string{"delete", "anonymize"} {
		e.occupied = map[string]int{"activitymimeattachment": 2, "email": 3}
		var problems policy.Problems
		if _, _, err := check(t, e, "policy.yaml", onContact(purge, anyGround, leaves)); !errors.As(err, &problems) || !strings.Contains(problems.Error(), "`activitymimeattachment` cannot be left: rows of `email` go with a `contact`") {
			t.Errorf("%s: attachments of e-mails that go are left: %v", purge, err)
		}
		e.occupied = map[string]int{"email": 3}
		if _, _, err := check(t, e, "policy.yaml", onContact(purge, anyGround, leaves)); err != nil {
			t.Errorf("%s: there are no attachments: %v", purge, err)
		}
	}
}

func TestCheckCascades(t *testing.T) {
	e := newEnvironment(t)
	e.occupied = map[string]int{"opportunity": 3, "quote": 3, "incident": 3, "lead": 3, "account": 3, "contact": 3}
	c, _, err := check(t, e, "policy.yaml", onContact("delete", anyGround, "- {table: '*', do: delete}"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, w := range c.Warnings {
		kept = append(kept, w.Message)
	}
	for _, want := range []string{"rows of `incident` are kept, since no rule names them, and bind the person", "rows of `account` are kept, since no rule names them, and lose the link"} {
		if !slices.ContainsFunc(kept, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("`*` does not cover rows of business: %q", kept)
		}
	}
	for _, p := range c.Subjects[0].Map.Places {
		if p.Kind == personmap.Lookup && personmap.Is(p.Table, personmap.Business) && p.Rule >= 0 {
			t.Errorf("%s: rule %d", p.Key(), p.Rule)
		}
	}

	// A deal that goes takes its quotes along: they need a word of their own, whoever they are for.
	e.tables["contact"].OneToMany = without(e.tables["contact"].OneToMany, "quote")
	c, _, err = check(t, e, "policy.yaml", onContact("delete", anyGround, "- {table: opportunity, link: customerid, do: delete}\n- {table: '*', do: delete}"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, w := range c.Warnings {
		found = found || strings.Contains(w.Message, "`quote` are kept") && strings.Contains(w.Message, "along with the rows of `opportunity` that go")
	}
	if !found {
		t.Errorf("nothing is said about the quotes of an opportunity that goes: %v", c.Warnings)
	}

	if _, _, err := check(t, e, "policy.yaml", onContact("anonymize", anyGround, "")); err != nil {
		t.Errorf("nothing cascades from an anonymised row, so nothing has to be named: %v", err)
	}
}

func without(rels []dataverse.Relationship, referencing string) []dataverse.Relationship {
	var out []dataverse.Relationship
	for _, r := range rels {
		if r.Referencing != referencing {
			out = append(out, r)
		}
	}
	return out
}

func TestCheckBeforeProvisioning(t *testing.T) {
	e := newEnvironment(t)
	for name := range e.tables["contact"].Attributes {
		if strings.HasPrefix(name, "gallra_") {
			delete(e.tables["contact"].Attributes, name)
		}
	}
	c, _, err := check(t, e, "policy.yaml", onContact("anonymize", anyGround, ""))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Subjects[0]
	if len(s.Unprovisioned) != 7 || s.Own != (policy.ColumnNames{}) || s.Persons.Filter != "" || len(c.Warnings) != 1 {
		t.Errorf("unprovisioned %v, own %+v, persons %+v, warnings %v", s.Unprovisioned, s.Own, s.Persons, c.Warnings)
	}
}

func TestErasedColumns(t *testing.T) {
	c, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", anyGround, "- {table: lead, link: customerid, do: anonymize, retain: [subject, leadsourcecode]}"))
	if err != nil {
		t.Fatal(err)
	}
	erased := map[string]bool{}
	for _, name := range c.Subjects[0].Related[0].Erase {
		erased[name] = true
	}
	for name, want := range map[string]bool{
		"lastname": true, "emailaddress1": true, "description": true, "nord_followupon": true, "industrycode": true,
		"subject": false, "leadsourcecode": false, "statecode": false, "ownerid": false, "leadid": false, "createdon": false, "fullname": false,
	} {
		if erased[name] != want {
			t.Errorf("%s: erased %v, want %v", name, erased[name], want)
		}
	}
}
