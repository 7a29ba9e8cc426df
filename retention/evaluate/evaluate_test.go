package evaluate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
)

// These tests say what each construct of the policy language means. Today is 24 November 2026, and a day that is due is
// announced two months ahead: 24 January 2027.

var judgementDay = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// The people and things of the tests have ids that follow from their table and name.
func idOf(table, name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(table+"/"+name))
}

func person(name string, values ...any) emulator.Record { return record("contact", name, values...) }

// record is a row: its table, its name, and its columns as name, value, name, value.
func record(table, name string, values ...any) emulator.Record {
	r := emulator.Record{Table: table, ID: idOf(table, name), Values: map[string]any{}}
	switch table {
	case "contact", "lead":
		r.Values["lastname"] = name
	case "msevtmgt_event":
		r.Values["msevtmgt_eventstartdate"] = "2020-01-01T00:00:00Z"
		r.Values["msevtmgt_name"] = name
	case "email", "phonecall", "appointment":
		r.Values["subject"] = name
	case "account", "opportunity", "quote", "connectionrole":
		r.Values["name"] = name
	}
	for i := 0; i < len(values); i += 2 {
		r.Values[values[i].(string)] = values[i+1]
	}
	return r
}

func ref(table, name string) emulator.Reference { return emulator.Ref(table, idOf(table, name)) }

// instant is a moment as the service writes it.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// policyFile is a policy given by its subjects.
func policyFile(t *testing.T, zone, subjects string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := "version: 1\nenvironment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}\ntimeZone: " + zone + "\nsubjects:\n" + subjects
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// planFor plans over some rows, by a policy given by its subjects.
func planFor(t *testing.T, today time.Time, zone, subjects string, traces func(string, uuid.UUID) retention.Trace, rows ...emulator.Record) *plan.Plan {
	t.Helper()
	path := policyFile(t, zone, subjects)
	c := connect(t, serve(t, newCRM(t, today, append(rows, keptView)...)))
	policy := checked(t, c, path)
	e, err := evaluate.Evaluate(t.Context(), c, policy, evaluate.EvaluateOptions{Today: dateAt(today), Traces: traces})
	if err != nil {
		t.Fatal(err)
	}
	return plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, All: true})
}

// said is what the plan says about somebody: how long they are justified, and what happens.
func said(t *testing.T, p *plan.Plan, name string) string {
	t.Helper()
	for i := range p.Decisions {
		if d := &p.Decisions[i]; d.Person.ID == idOf(d.Person.Table, name) {
			return strings.TrimSpace(strings.Join([]string{"until", d.Until.String() + ":", string(d.Action), d.PurgeOn.String()}, " "))
		}
	}
	return "not judged"
}

const (
	keptOpen  = "until open: keep"
	announced = "until : schedule 2027-01-24" // nothing justifies them
)

func TestGroundsInWords(t *testing.T) {
	active := record("account", "Customer AB", "customertypecode", 3, "primarycontactid", ref("contact", "Anna"))
	tests := []struct {
		name   string
		ground string // of the table contact, or of lead where it says so
		rows   []emulator.Record
		says   map[string]string
	}{
		{
			name:   "whoever is responsible for the agreement of an active customer is kept for as long as that is so; a colleague is not",
			ground: "table: account, link: primarycontactid, where: statecode eq 0 and customertypecode eq 3",
			rows: []emulator.Record{active, person("Anna"), person("Bo", "parentcustomerid", ref("account", "Customer AB")),
				record("account", "Left AB", "customertypecode", 3, "statecode", 1, "primarycontactid", ref("contact", "Carl")), person("Carl")},
			says: map[string]string{"Anna": keptOpen, "Bo": announced, "Carl": announced},
		},
		{
			name:   "six months after a date: the person stays until that day, and is announced so that the purge is not before it",
			ground: "table: opportunity, link: parentcontactid, where: statecode ne 0, after: actualclosedate, keep: 6 months",
			rows: []emulator.Record{
				person("Long"), record("opportunity", "a", "parentcontactid", ref("contact", "Long"), "statecode", 1, "actualclosedate", "2026-11-01"),
				person("Short"), record("opportunity", "b", "parentcontactid", ref("contact", "Short"), "statecode", 2, "actualclosedate", "2026-06-30"),
				person("Over"), record("opportunity", "c", "parentcontactid", ref("contact", "Over"), "statecode", 2, "actualclosedate", "2025-08-31"),
				person("Within"), record("opportunity", "d", "parentcontactid", ref("contact", "Within"), "statecode", 2, "actualclosedate", "2026-07-24"),
				person("Day after"), record("opportunity", "e", "parentcontactid", ref("contact", "Day after"), "statecode", 2, "actualclosedate", "2026-07-25"),
			},
			says: map[string]string{
				"Long": "until 2027-05-01: keep", "Short": "until 2026-12-30: schedule 2027-01-24",
				"Over":   "until 2026-02-28: schedule 2027-01-24", // 31 August + 6 months: the last day of February
				"Within": "until 2027-01-24: schedule 2027-01-24", "Day after": "until 2027-01-25: keep",
			},
		},
		{
			name:   "of several deals the one that ended last counts",
			ground: "table: opportunity, link: parentcontactid, after: actualclosedate, keep: 12 months",
			rows: []emulator.Record{person("Anna"),
				record("opportunity", "new", "parentcontactid", ref("contact", "Anna"), "actualclosedate", "2026-10-01"),
				record("opportunity", "old", "parentcontactid", ref("contact", "Anna"), "actualclosedate", "2020-10-01")},
			says: map[string]string{"Anna": "until 2027-10-01: keep"},
		},
		{
			name:   "the date may stand on another row: three months after the event ended, by the clock where it took place",
			ground: "table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: 3 months",
			rows: []emulator.Record{person("Anna"), record("msevtmgt_event", "Fair", "msevtmgt_eventenddate", instant("2026-10-31T23:30:00Z")),
				record("msevtmgt_eventregistration", "a", "msevtmgt_contactid", ref("contact", "Anna"), "msevtmgt_eventid", ref("msevtmgt_event", "Fair"))},
			says: map[string]string{"Anna": "until 2027-01-31: keep"},
		},
		{
			name:   "a registration whose event has no end, or that lacks its event, keeps the person until somebody enters it",
			ground: "table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: 3 months",
			rows: []emulator.Record{person("Anna"), person("Bo"), record("msevtmgt_event", "Endless"),
				record("msevtmgt_eventregistration", "a", "msevtmgt_contactid", ref("contact", "Anna"), "msevtmgt_eventid", ref("msevtmgt_event", "Endless")),
				record("msevtmgt_eventregistration", "b", "msevtmgt_contactid", ref("contact", "Bo"))},
			says: map[string]string{"Anna": keptOpen, "Bo": keptOpen},
		},
		{
			name:   "unless the policy says that a missing date is to be ignored",
			ground: "table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: 3 months, missingDate: ignore",
			rows: []emulator.Record{person("Anna"), person("Bo"), record("msevtmgt_event", "Endless"),
				record("msevtmgt_eventregistration", "a", "msevtmgt_contactid", ref("contact", "Anna"), "msevtmgt_eventid", ref("msevtmgt_event", "Endless")),
				record("msevtmgt_eventregistration", "b", "msevtmgt_contactid", ref("contact", "Bo"))},
			says: map[string]string{"Anna": announced, "Bo": announced},
		},
		{
			name:   "a date that was agreed is itself the end, with some slack; who has agreed on nothing is not kept by it",
			ground: "until: nord_followupon, keep: 14 days",
			rows:   []emulator.Record{person("Agreed", "nord_followupon", "2027-03-01"), person("Passed", "nord_followupon", "2026-11-20"), person("Silent")},
			says:   map[string]string{"Agreed": "until 2027-03-15: keep", "Passed": "until 2026-12-04: schedule 2027-01-24", "Silent": announced},
		},
		{
			name:   "a moment counts as the day that it was in the policy's time zone",
			ground: "where: statecode eq 0, after: lastonholdtime, keep: 3 months",
			rows: []emulator.Record{person("Before midnight", "lastonholdtime", instant("2026-10-25T22:59:59Z")),
				person("At midnight", "lastonholdtime", instant("2026-10-25T23:00:00Z")), // the night in which clocks go back
				person("No moment")},
			says: map[string]string{"Before midnight": "until 2027-01-25: keep", "At midnight": "until 2027-01-26: keep", "No moment": keptOpen},
		},
		{
			name:   "the customer of a deal may be a person or a company: the person is kept, the company's contact by a ground of its own",
			ground: "table: opportunity, link: customerid, where: statecode eq 0",
			rows: []emulator.Record{active, person("Anna"), person("Bo"),
				record("opportunity", "with the company", "customerid", ref("account", "Customer AB")), record("opportunity", "with Bo", "customerid", ref("contact", "Bo"))},
			says: map[string]string{"Anna": announced, "Bo": keptOpen},
		},
		{
			name:   "the primary contact of the company that a deal is with",
			ground: "table: opportunity, link: customerid/primarycontactid, where: statecode eq 0",
			rows: []emulator.Record{active, person("Anna"), person("Bo"),
				record("opportunity", "with the company", "customerid", ref("account", "Customer AB")), record("opportunity", "with Bo", "customerid", ref("contact", "Bo"))},
			says: map[string]string{"Anna": keptOpen, "Bo": announced},
		},
		{
			name:   "whom the customer has named as superuser, by the role of a connection",
			ground: "table: connection, link: record1id, where: statecode eq 0 and record1roleid/name eq 'Superuser'",
			rows: []emulator.Record{active, person("Anna"), person("Bo"), person("Carl"), record("connectionrole", "Superuser"), record("connectionrole", "Friend"),
				record("connection", "a", "record1id", ref("contact", "Anna"), "record2id", ref("account", "Customer AB"), "record1roleid", ref("connectionrole", "Superuser")),
				record("connection", "b", "record1id", ref("contact", "Bo"), "record2id", ref("account", "Customer AB"), "record1roleid", ref("connectionrole", "Friend")),
				record("connection", "c", "record1id", ref("contact", "Carl"), "record2id", ref("account", "Customer AB"), "record1roleid", ref("connectionrole", "Superuser"), "statecode", 1)},
			says: map[string]string{"Anna": keptOpen, "Bo": announced, "Carl": announced},
		},
		{
			name:   "who had to do with a call that took place: either end of it, and whom it was about",
			ground: "table: phonecall, party: any, where: statecode eq 1, after: actualend, keep: 6 months",
			rows: []emulator.Record{person("Caller"), person("Called"), person("Planned"), person("Concerned"),
				record("phonecall", "a", "from", []any{ref("contact", "Caller")}, "to", []any{ref("contact", "Called")}, "regardingobjectid", ref("contact", "Concerned"), "statecode", 1, "actualend", instant("2026-10-01T10:00:00Z")),
				record("phonecall", "b", "to", []any{ref("contact", "Planned")})},
			says: map[string]string{"Caller": "until 2027-04-01: keep", "Called": "until 2027-04-01: keep", "Planned": announced, "Concerned": "until 2027-04-01: keep"},
		},
		{
			name:   "only who wrote an e-mail, not who got it",
			ground: "table: email, party: from",
			rows: []emulator.Record{person("Sender"), person("Receiver"),
				record("email", "a", "from", []any{ref("contact", "Sender")}, "to", []any{ref("contact", "Receiver")})},
			says: map[string]string{"Sender": keptOpen, "Receiver": announced},
		},
		{
			name:   "a consent hangs on an address; whoever has the address in one of the columns is kept, however it is spelled",
			ground: "table: msdynmkt_contactpointconsent4, link: 'msdynmkt_contactpointvalue = emailaddress1, emailaddress2', where: msdynmkt_value eq 534120001, after: modifiedon, keep: 24 months",
			rows: []emulator.Record{
				person("First", "emailaddress1", "Anna@Nord.example"), person("Second", "emailaddress1", "x@nord.example", "emailaddress2", "anna@nord.example "),
				person("Third", "emailaddress3", "anna@nord.example"), person("None"), person("Out", "emailaddress1", "out@nord.example"),
				record("msdynmkt_contactpointconsent4", "in", "msdynmkt_contactpointvalue", "anna@nord.example", "msdynmkt_value", 534120001, "modifiedon", instant("2026-01-31T12:00:00Z")),
				record("msdynmkt_contactpointconsent4", "out", "msdynmkt_contactpointvalue", "out@nord.example", "msdynmkt_value", 534120002, "modifiedon", instant("2026-01-31T12:00:00Z")),
				record("msdynmkt_contactpointconsent4", "nobody's", "msdynmkt_value", 534120001, "modifiedon", instant("2026-01-31T12:00:00Z"))},
			says: map[string]string{"First": "until 2028-01-31: keep", "Second": "until 2028-01-31: keep", "Third": announced, "None": announced, "Out": announced},
		},
		{
			name:   "who is in the view that the sales manager maintains",
			ground: "view: Contacts to keep",
			rows: []emulator.Record{active, person("In", "parentcustomerid", ref("account", "Customer AB"), "preferredcontactmethodcode", 2),
				person("Elsewhere", "preferredcontactmethodcode", 2), person("Otherwise", "parentcustomerid", ref("account", "Customer AB"), "preferredcontactmethodcode", 3), person("Anna")},
			says: map[string]string{"In": keptOpen, "Elsewhere": announced, "Otherwise": announced},
		},
		{
			name:   "staff can keep somebody by hand, with a reason and not too far ahead",
			ground: "where: statecode eq 1",
			rows: []emulator.Record{person("Reason", "gallra_retainuntil", "2027-06-01", "gallra_retainreason", "A deal is near"),
				person("No reason", "gallra_retainuntil", "2027-06-01"), person("Blank reason", "gallra_retainuntil", "2027-06-01", "gallra_retainreason", "  "),
				person("As far as allowed", "gallra_retainuntil", "2027-11-24", "gallra_retainreason", "A deal is near"),
				person("Too far", "gallra_retainuntil", "2027-11-25", "gallra_retainreason", "A deal is near")},
			says: map[string]string{"Reason": "until 2027-06-01: keep", "No reason": announced, "Blank reason": announced, "As far as allowed": "until 2027-11-24: keep", "Too far": announced},
		},
		{
			name:   "a legal hold holds, whatever the grounds say; who is anonymised already is judged no more, and the mark alone makes nobody so",
			ground: "where: statecode eq 1",
			rows: []emulator.Record{person("Held", "gallra_legalhold", true), person("Held with a date", "gallra_legalhold", true, "gallra_purgescheduledon", "2026-01-01"),
				person("Released", "gallra_legalhold", false), person("Gone", "lastname", "(purged)", "gallra_anonymizedon", "2026-01-01"), person("Marked by hand", "gallra_anonymizedon", "2026-01-01"),
				person("Filled again", "lastname", "(purged)", "emailaddress2", "anna@nord.example", "gallra_anonymizedon", "2026-01-01")},
			says: map[string]string{"Marked by hand": announced, "Filled again": announced, "Held": "until : hold", "Held with a date": "until : hold 2026-01-01", "Released": announced, "Gone": "not judged"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := planFor(t, judgementDay, "Europe/Stockholm", "  contact:\n    purge: anonymize\n    grounds:\n      - {id: g, basis: contract, why: W, "+tt.ground+"}\n", nil, tt.rows...)
			for name, want := range tt.says {
				if got := said(t, p, name); got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
		})
	}
}

// The day that counts is that of the policy's time zone: the same moment is another day on the other side of the world.
func TestOneMomentIsTwoDays(t *testing.T) {
	moment := instant("2026-11-01T08:30:00Z") // in Los Angeles 01:30 for the first of two times that night
	for zone, want := range map[string]string{
		"America/Los_Angeles": "until 2027-02-01: keep", "Pacific/Auckland": "until 2027-02-01: keep", "UTC": "until 2027-02-01: keep",
		"Pacific/Pago_Pago": "until 2027-01-31: keep",
	} {
		p := planFor(t, judgementDay, zone, "  contact: {purge: anonymize, grounds: [{id: g, basis: contract, why: W, where: statecode eq 0, after: lastonholdtime, keep: 3 months}]}\n",
			nil, person("Anna", "lastonholdtime", moment))
		if got := said(t, p, "Anna"); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
	moment = instant("2026-11-01T11:30:00Z")
	for zone, want := range map[string]string{"Pacific/Auckland": "until 2027-02-02: keep", "Europe/Stockholm": "until 2027-02-01: keep"} {
		p := planFor(t, judgementDay, zone, "  contact: {purge: anonymize, grounds: [{id: g, basis: contract, why: W, where: statecode eq 0, after: lastonholdtime, keep: 3 months}]}\n",
			nil, person("Anna", "lastonholdtime", moment))
		if got := said(t, p, "Anna"); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
}

// Of grounds that end on the same day the one that the policy names first is the reason, whatever order rows come in.
func TestFirstGroundIsTheReason(t *testing.T) {
	p := planFor(t, judgementDay, "Europe/Stockholm", `  contact:
    purge: anonymize
    grounds:
      - {id: first, basis: contract, why: W, table: opportunity, link: parentcontactid, after: actualclosedate, keep: 6 months}
      - {id: second, basis: contract, why: W, until: nord_followupon}
`, nil, person("Anna", "nord_followupon", "2027-05-01", "gallra_retainuntil", "2027-05-01", "gallra_retainreason", "!"),
		record("opportunity", "a", "parentcontactid", ref("contact", "Anna"), "actualclosedate", "2026-11-01"))
	if got := p.Decisions[0].GroundID(); got != "first" {
		t.Errorf("the reason is %s", got)
	}
	for _, g := range p.Grounds {
		if want := map[string]int{"first": 1}[g.Ground]; g.Persons != want || g.Rows != 1 {
			t.Errorf("%s gives %d persons their date, by %d rows", g.Ground, g.Persons, g.Rows)
		}
	}
}

// Rows that lack their date are counted as gaps of the ground, whether they keep the person or not.
func TestGapsAreCounted(t *testing.T) {
	for missing, until := range map[string]string{"keep": keptOpen, "ignore": announced} {
		p := planFor(t, judgementDay, "Europe/Stockholm", "  contact: {purge: anonymize, grounds: [{id: g, basis: contract, why: W, table: opportunity, link: parentcontactid, after: actualclosedate, keep: 6 months, missingDate: "+missing+"}]}\n",
			nil, person("Anna"), record("opportunity", "a", "parentcontactid", ref("contact", "Anna")), record("opportunity", "b", "parentcontactid", ref("contact", "Anna")))
		if g := p.Grounds[0]; g.Gaps != 2 {
			t.Errorf("%s: %d gaps", missing, g.Gaps)
		}
		if got := said(t, p, "Anna"); got != until {
			t.Errorf("%s: %s", missing, got)
		}
	}
}
