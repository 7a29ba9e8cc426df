package purge_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/naive"
)

var (
	firstNight = flag.Uint64("purge.firstnight", 9, "the first seed of the nights that are done twice")
	nightSeeds = flag.Uint64("purge.nights", 1, "how many seeds of nights that are done twice")
)

// years are a company's: a policy made at random, a CRM, and people who work in it between the nights.
type years struct {
	*world
	*rand.Rand
	zone     string
	contacts []string
	made     int
	history  []naive.Change // what people have changed that the audit history has
}

func (y *years) one(of ...string) string { return of[y.IntN(len(of))] }

func (y *years) some(of ...string) string {
	if y.IntN(2) == 0 {
		return ""
	}
	return y.one(of...)
}

func (y *years) period() string {
	return y.one("14 days", "1 month", "2 months", "6 months", "1 year", "1 year from end of year", "2 months from end of quarter", "1 month from end of month", "18 months")
}

// text says something else with every seed, in all that the language has for persons, their rows and rows of everybody.
func (y *years) text() string {
	end := func(column string) string {
		return ", after: " + column + ", keep: " + y.period() + ", then: "
	}
	related := "      - {table: phonecall, party: any, where: prioritycode eq 2, do: keep, why: Evidence" + y.some(end("createdon")+"delete", end("actualend")+"anonymize, erase: [description]") + "}\n"
	related += y.some("      - {table: phonecall, party: any, where: prioritycode eq 0, do: anonymize, erase: [description]}\n",
		"      - {table: phonecall, party: any, where: prioritycode eq 0, do: anonymize, erase: [description], evenIf: justified}\n")
	if y.IntN(2) == 0 {
		related += "      - {table: phonecall, party: any, do: keep, why: Statistics" + y.some(end("createdon")+"delete") + "}\n"
	}
	if y.IntN(2) == 0 {
		related += "      - {table: annotation, link: objectid, where: isdocument eq true, do: keep, why: Files" + y.some(end("createdon")+"delete") + "}\n"
	}
	related += y.some("      - {table: salesorder, link: customerid, do: anonymize, erase: [billto_name], why: Accounts"+end("createdon")+"delete}\n",
		"      - {table: salesorder, link: customerid, do: keep, why: Accounts"+end("createdon")+"anonymize, erase: [billto_name, description]}\n",
		"      - {table: salesorder, link: customerid, do: delete}\n")
	related += "      - {table: opportunity, link: parentcontactid, do: leave, why: Statistics}\n      - {table: '*', do: delete}\n"
	rows := "rows:\n"
	evenIf := func() string { return y.some(", evenIf: justified") }
	if y.IntN(2) == 0 {
		rows += "  - {id: files, table: annotation, where: isdocument eq true, after: createdon, keep: 2 years, do: delete" + evenIf() + "}\n"
	}
	if y.IntN(2) == 0 {
		rows += "  - {table: annotation, after: createdon, keep: " + y.period() + ", do: delete" + evenIf() + "}\n"
	}
	rows += y.some("  - {id: urgent, table: phonecall, where: prioritycode eq 2, until: actualend, keep: 3 years, do: anonymize, erase: [description]}\n")
	rows += "  - {table: phonecall, after: " + y.one("actualend", "createdon") + ", keep: " + y.period() + ", do: delete" + evenIf() + "}\n"
	rows += y.some("  - {table: salesorder, where: prioritycode eq 1, after: createdon, keep: 1 year from end of year, do: anonymize, erase: [billto_name]" + evenIf() + "}\n")
	disposition := y.one("delete", "anonymize")
	contact := "    purge: " + disposition + "\n"
	if disposition == "anonymize" {
		contact += "    retain: [address1_country]\n" + y.some("    coarsen: {birthdate: year, address1_postalcode: 2}\n", "    coarsen: {birthdate: quarter}\n", "    coarsen: {birthdate: decade}\n", "    coarsen: {birthdate: month, address1_postalcode: 3}\n")
	}
	contact += "    grounds:\n" +
		"      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}\n" +
		"      - {id: closed, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 1, after: actualclosedate, keep: " + y.period() +
		y.some(", atMost: 2 years", ", atMost: 9 months after actualclosedate") + y.some(", missingDate: createdon", ", missingDate: ignore") + ", mayBeEmpty: true}\n" +
		"      - {id: primary, basis: contract, why: A customer, table: account, link: primarycontactid" + y.one(", after: lost", ", where: statecode eq 0, after: changed(primarycontactid)", ", until: changed(primarycontactid)") +
		", keep: " + y.period() + ", mayBeEmpty: true}\n" +
		y.some("      - {id: running, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, "+y.one("after", "until")+": changed(statecode), keep: "+y.period()+", mayBeEmpty: true}\n") +
		y.some("      - {id: since, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 1, after: changed(statecode), keep: "+y.period()+y.some(", missingDate: ignore", ", missingDate: createdon")+", mayBeEmpty: true}\n") +
		y.some("      - {id: last, basis: contract, why: A company, table: account, link: primarycontactid, after: last changed(statecode), keep: "+y.period()+", missingDate: ignore, mayBeEmpty: true}\n") +
		"    related:\n" + related
	if y.IntN(2) == 0 {
		reduce := y.some(", related: [" + y.one("", "{table: phonecall, party: any, where: prioritycode eq 2, do: keep, why: Evidence}, ") +
			y.one("{table: phonecall, party: any, do: delete}", "{table: phonecall, party: any, do: anonymize, erase: [description]}", "{table: phonecall, party: any, do: anonymize, erase: [description], evenIf: justified}") + y.some(", {table: annotation, link: objectid, do: delete}",
			", {table: annotation, link: objectid, where: isdocument eq true, do: keep, why: Files}, {table: annotation, link: objectid, do: delete}") +
			y.some(", {table: salesorder, link: customerid, do: anonymize, erase: [billto_name]}") + "]")
		contact += "    stages:\n" + y.one("      - {do: archive, team: Archive}\n      - {after: 5 months, do: reduce, erase: [description], coarsen: {birthdate: year}"+reduce+"}\n", "      - {do: archive, team: Archive}\n",
			"      - {do: reduce, erase: [description, jobtitle]"+reduce+"}\n      - {after: 2 months, do: archive, team: Archive}\n", "      - {do: reduce, erase: [jobtitle]"+reduce+"}\n") + "      - {after: " + y.one("8 months", "1 year from end of year") + ", do: purge}\n"
	}
	contact += y.some("    ask: {queue: Retention, before: " + y.one("2 weeks", "10 days, required: 1 week", "2 weeks, required: 2 weeks") + "}\n")
	if y.IntN(2) == 0 {
		contact += "    classes:\n      - {id: short, for: preferredcontactmethodcode eq 2, notice: " + y.one("2 weeks", "3 months") + "}\n      - {id: staff, for: preferredcontactmethodcode eq 3, judged: false, why: Employees}\n      - {id: others}\n"
	}
	return "version: 1\nenvironment: {organization: ORGANIZATION}\ntimeZone: " + y.zone + "\nnotice: " + y.one("1 month", "2 weeks") + "\n" + y.some("yearEnds: 31 March\n", "yearEnds: 28 February\n") +
		"limits: {" + y.some("asks: 2, ") + "purges: 5000, share: 100%, canary: 2, rows: 5000, rowShare: 100%}\n" + rows + "subjects:\n  contact:\n" + contact
}

// moment is some time about a day, mostly where it is another day elsewhere.
func (y *years) moment(now time.Time, days int) time.Time {
	clock := []time.Duration{0, time.Hour, 12 * time.Hour, 22*time.Hour + 30*time.Minute, 23*time.Hour + 59*time.Minute}
	return now.AddDate(0, 0, -y.IntN(days)).Truncate(24 * time.Hour).Add(clock[y.IntN(len(clock))])
}

// begin loads the CRM.
func (y *years) begin(now time.Time) {
	records := []emulator.Record{{Table: "team", ID: id("archive"), Values: row{"name": "Archive"}}, {Table: "queue", ID: id("queue"), Values: row{"name": "Retention"}}}
	add := func(table, name string, values row) {
		records = append(records, emulator.Record{Table: table, ID: id(name), Values: values})
	}
	for i := range 14 {
		name := fmt.Sprint("contact ", i)
		y.contacts = append(y.contacts, name)
		add("contact", name, row{"firstname": "Ilse", "lastname": fmt.Sprintf("Q%dendrix", i), "emailaddress1": fmt.Sprintf("q%d@nord.example", i), "jobtitle": "Buyer", "description": "Sails", "createdon": y.moment(now, 900),
			"birthdate": []any{nil, "1987-05-14", "1988-02-29", "1990-12-31"}[y.IntN(4)], "address1_postalcode": []any{nil, "11455", " 2"}[y.IntN(3)], "address1_country": "Norway", "preferredcontactmethodcode": 1 + y.IntN(3)})
	}
	for range 8 {
		y.made++
		add("opportunity", fmt.Sprint("made ", y.made), row{"name": "A deal", "parentcontactid": y.somebody(), "statecode": y.IntN(2), "actualclosedate": []any{nil, y.moment(now, 700), y.moment(now, 700)}[y.IntN(3)], "createdon": y.moment(now, 900)})
	}
	for range 4 {
		y.made++
		add("account", fmt.Sprint("made ", y.made), row{"name": "A company", "primarycontactid": y.somebody()})
	}
	for range 24 {
		y.made++
		call := fmt.Sprint("made ", y.made)
		parties := []any{y.somebody()}
		if y.IntN(3) == 0 {
			parties = append(parties, y.somebody())
		}
		if y.IntN(6) == 0 {
			parties = []any{"nobody@known.example"}
		}
		add("phonecall", call, row{"subject": "A call", "description": "What was said", "prioritycode": y.IntN(3), "from": parties, "createdon": y.moment(now, 900), "actualend": []any{nil, y.moment(now, 900), y.moment(now, 900)}[y.IntN(3)]})
		on := y.somebody()
		if y.IntN(3) == 0 {
			on = emulator.Ref("phonecall", id(call))
		}
		add("annotation", "on "+call, row{"subject": "A note", "notetext": "Remember", "isdocument": y.IntN(2) == 0, "objectid": on, "createdon": y.moment(now, 900)})
	}
	for range 6 {
		y.made++
		add("salesorder", fmt.Sprint("made ", y.made), row{"name": "An order", "customerid": y.somebody(), "billto_name": "Nord", "description": "Blue", "prioritycode": 1, "createdon": y.moment(now, 900)})
	}
	y.must(y.server.Load(records...))
}

func (y *years) somebody() any {
	return emulator.Ref("contact", id(y.contacts[y.IntN(len(y.contacts))]))
}

// work is what people do between two nights.
func (y *years) work(now time.Time) {
	for range y.IntN(3) {
		who := y.contacts[y.IntN(len(y.contacts))]
		c := y.get("contact", who)
		if c == nil || !c.Null("gallra_anonymizedon") {
			continue
		}
		y.made++
		made := fmt.Sprint("made ", y.made)
		switch y.IntN(10) {
		case 0:
			y.must(y.server.Load(emulator.Record{Table: "opportunity", ID: id(made), Values: row{"name": "A deal", "parentcontactid": emulator.Ref("contact", id(who)), "statecode": y.IntN(2), "actualclosedate": y.moment(now, 60), "createdon": now}}))
		case 1:
			y.must(y.server.Load(emulator.Record{Table: "account", ID: id(made), Values: row{"name": "A company", "primarycontactid": emulator.Ref("contact", id(who))}}))
		case 2:
			q := dataverse.Query{Table: "account", Select: []string{"accountid"}, Filter: "_primarycontactid_value eq " + id(who).String()}
			for a, err := range y.client.Rows(y.t.Context(), q) {
				y.must(err)
				y.change("account", a.Text("accountid"), "primarycontactid", id(who).String(), row{"primarycontactid@odata.bind": nil})
			}
		case 3:
			y.update("contact", who, row{"gallra_legalhold": !c.Bool("gallra_legalhold")})
		case 4:
			y.update("contact", who, row{"gallra_retainuntil": now.AddDate(0, 0, y.IntN(100)).Format(time.DateOnly), "gallra_retainreason": "A deal is near"})
		case 5:
			y.must(y.server.Load(emulator.Record{Table: "phonecall", ID: id(made), Values: row{"subject": "A call", "description": "What was said", "prioritycode": y.IntN(3), "from": []any{emulator.Ref("contact", id(who)), y.standing()}, "createdon": y.moment(now, 60)}}))
		case 6, 7:
			y.anyOf("account", func(a dataverse.Row) {
				if to, ok := y.standing().(emulator.Reference); ok && y.IntN(2) == 0 {
					y.change("account", a.Text("accountid"), "primarycontactid", a.Text("_primarycontactid_value"), row{"primarycontactid@odata.bind": "/contacts(" + to.ID.String() + ")"})
					return
				}
				state, _ := a.Int("statecode")
				y.change("account", a.Text("accountid"), "statecode", fmt.Sprint(state), row{"statecode": 1 - state})
			})
		case 8, 9:
			y.anyOf("opportunity", func(o dataverse.Row) {
				state, _ := o.Int("statecode")
				if state != 0 {
					y.change("opportunity", o.Text("opportunityid"), "statecode", fmt.Sprint(state), row{"statecode": 0})
					return
				}
				y.must(y.client.Call(y.t.Context(), "POST", "WinOpportunity", row{"Status": 3, "OpportunityClose": row{"subject": "Won", "opportunityid@odata.bind": "/opportunities(" + o.Text("opportunityid") + ")"}}, nil))
				y.noted("opportunity", o.Text("opportunityid"), "statecode", "0")
			})
		}
	}
	for task, err := range y.client.Rows(y.t.Context(), dataverse.Query{Table: "task", Filter: "category eq 'gallra' and statecode eq 0"}) {
		y.must(err)
		if y.IntN(6) == 0 { // somebody has asked
			y.must(y.client.Do(y.t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: "tasks(" + task.Text("activityid") + ")", Body: row{"statecode": 1}}, nil))
		}
	}
}

// anyOf does something about some row of a table.
func (y *years) anyOf(table string, do func(dataverse.Row)) {
	var all []dataverse.Row
	for r, err := range y.client.Rows(y.t.Context(), dataverse.Query{Table: table, OrderBy: table + "id"}) {
		y.must(err)
		all = append(all, r)
	}
	if len(all) > 0 {
		do(all[y.IntN(len(all))])
	}
}

// change is a change that somebody makes, and what the audit history has of it.
func (y *years) change(table, key, column, old string, body row) {
	y.must(y.client.Do(y.t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: naive.Tables[table][0] + "(" + key + ")", Body: body}, nil))
	y.noted(table, key, column, old)
}

func (y *years) noted(table, key, column, old string) {
	y.history = append(y.history, naive.Change{Table: table, ID: key, Column: column, Old: old, At: y.server.Now()})
}

// standing is somebody who is there.
func (y *years) standing() any {
	for {
		who := y.contacts[y.IntN(len(y.contacts))]
		if y.get("contact", who) != nil {
			return emulator.Ref("contact", id(who))
		}
	}
}

// steps are days between two nights.
var steps = []int{1, 1, 7, 13, 14, 15, 29, 30, 31, 61, 92, 183}

// Whatever a policy says, and whatever people do between the nights: after each of them the CRM is as the second implementation has it,
// which reads the policy by itself. The nights go over years, in three time zones, with 29 February, ends of years and days on which clocks
// change among them.
func TestNightsAgreeWithTheSecondImplementation(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := *firstNight; seed < *firstNight+*nightSeeds; seed++ {
		for i, zone := range []string{"Europe/Stockholm", "America/Los_Angeles", "Pacific/Auckland"} {
			y := &years{Rand: rand.New(rand.NewPCG(seed, uint64(i)+20)), zone: zone}
			y.world = newWorldOf(t, y.text(), strange(t, 3*seed+uint64(i)))
			y.nights(fmt.Sprintf("seed %d, %s", seed, zone), seen)
		}
	}
	t.Logf("%v", seen)
	for _, what := range []string{"archive", "reduce", "restore", "delete", "anonymize", "ended rows", "asked"} {
		if seen[what] == 0 {
			t.Errorf("never %s: the comparison proves nothing about it", what)
		}
	}
}

func (y *years) nights(name string, seen map[string]int) {
	t, now := y.t, day0.AddDate(0, 0, y.IntN(400))
	y.control("clock", map[string]any{"now": now})
	y.begin(now)
	y.checked(y.client)
	zone, err := time.LoadLocation(y.zone)
	y.must(err)
	policy := naive.Read(t, filepath.Join(y.dir, "policy.yaml"))
	known := new(naive.Ledger)
	before := naive.Download(t.Context(), t, y.url+"/api/data/v9.2/", token)
	for night := range 14 {
		_, err := y.client.WhoAmI(t.Context())
		y.must(err)
		s := y.run()
		if s.Status != ledger.Done {
			t.Errorf("%s, night %d, %s: %s, failures %v, residue %v", name, night, s.Today, s.Status, s.Failures, s.Residue)
		}
		after := naive.Download(t.Context(), t, y.url+"/api/data/v9.2/", token)
		before.History = y.history
		want := policy.Night(t, before, s.Today.Time(), known)
		if diff := unlike(before, want, after, zone); diff != "" {
			t.Fatalf("%s, night %d, %s:\n%s\n%s", name, night, s.Today, diff, y.policy)
		}
		for _, subject := range s.Subjects {
			seen["delete"] += subject.Deleted
			seen["anonymize"] += subject.Anonymized + subject.Bound
		}
		for what, n := range s.Stages {
			seen[what] += n
		}
		seen["ended rows"] += s.RowsEnded()
		seen["asked"] += s.Asked
		seen["taken back"] += s.TakenBack
		seen["unasked"] += s.Unasked()
		y.advance(steps[y.IntN(len(steps))])
		y.work(y.server.Now())
		before = naive.Download(t.Context(), t, y.url+"/api/data/v9.2/", token)
	}
}

// watched are the columns of each table by which a night is seen.
var watched = map[string][]string{
	"contact":    append([]string{"statecode", "_ownerid_value", "gallra_purgescheduledon", "gallra_purgenoticedon", "gallra_anonymizedon"}, naive.Personal...),
	"phonecall":  {"subject", "description", "prioritycode"},
	"annotation": {"subject", "notetext", "_objectid_value"},
	"salesorder": {"name", "billto_name", "description", "_customerid_value"},
}

// unlike says in what two CRMs are not the same, of what stood before.
func unlike(before, want, after *naive.CRM, zone *time.Location) string {
	var b strings.Builder
	for _, table := range slices.Sorted(maps.Keys(watched)) {
		for _, was := range before.Rows[table] {
			key := was.Text(naive.Tables[table][1])
			w, a := want.ByID[key], after.ByID[key]
			for _, column := range watched[table] {
				expected, got := value(w, column), value(a, column)
				if expected == "the team Archive" && got == id("archive").String() {
					continue
				}
				if expected != got {
					fmt.Fprintf(&b, "%s %s %s: was %q, naive %q, run %q\n", table, key, column, value(was, column), expected, got)
				}
			}
		}
	}
	if w, a := tasks(want, zone), tasks(after, zone); !slices.Equal(w, a) {
		fmt.Fprintf(&b, "asked: naive %v, run %v\n", w, a)
	}
	return b.String()
}

// tasks are those by which persons are asked: whom, about which date, and whether somebody has.
func tasks(crm *naive.CRM, zone *time.Location) (all []string) {
	for _, task := range crm.Rows["task"] {
		on := task.Text("scheduledend")
		if at, err := time.Parse(time.RFC3339, on); err == nil { // noon of that day, where the company is
			on = at.In(zone).Format(time.DateOnly)
		}
		all = append(all, fmt.Sprint(task.Text("subcategory"), " ", on, " ", task["statecode"]))
	}
	slices.Sort(all)
	return all
}

// value is what stands in a column, or that the row is gone; a placeholder is nothing.
func value(r naive.Row, column string) string {
	switch {
	case r == nil:
		return "gone"
	case r[column] == nil, strings.HasPrefix(strings.Trim(r.Text(column), "("), "purged"):
		return ""
	}
	return fmt.Sprint(r[column])
}
