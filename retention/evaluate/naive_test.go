package evaluate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// This file is a second implementation of the rules: it downloads every row of every table over plain HTTP and joins in
// memory with maps and loops. It is written from the design alone and shares no code with what it checks: it reads the
// policy into maps, knows no metadata, and its dates are time.Time at midnight UTC. It is slow, and meant to be obvious.

// naiveRow is a row as the service's JSON says it.
type naiveRow map[string]any

func (r naiveRow) text(column string) string {
	s, _ := r[column].(string)
	return s
}

// lookup is the id in a lookup column.
func (r naiveRow) lookup(column string) string { return r.text("_" + column + "_value") }

// naiveCRM is everything in the CRM.
type naiveCRM struct {
	tables map[string][]naiveRow
	byID   map[string]naiveRow // of all tables: ids are unique
}

// naiveTables are the tables that the policies of the tests need: entity set and primary key.
var naiveTables = map[string][2]string{
	"account":                       {"accounts", "accountid"},
	"contact":                       {"contacts", "contactid"},
	"lead":                          {"leads", "leadid"},
	"opportunity":                   {"opportunities", "opportunityid"},
	"quote":                         {"quotes", "quoteid"},
	"connection":                    {"connections", "connectionid"},
	"connectionrole":                {"connectionroles", "connectionroleid"},
	"msevtmgt_event":                {"msevtmgt_events", "msevtmgt_eventid"},
	"msevtmgt_eventteammember":      {"msevtmgt_eventteammembers", "msevtmgt_eventteammemberid"},
	"msevtmgt_eventregistration":    {"msevtmgt_eventregistrations", "msevtmgt_eventregistrationid"},
	"msdynmkt_contactpointconsent4": {"msdynmkt_contactpointconsent4s", "msdynmkt_contactpointconsent4id"},
	"phonecall":                     {"phonecalls", "activityid"},
	"appointment":                   {"appointments", "activityid"},
	"email":                         {"emails", "activityid"},
	"activityparty":                 {"activityparties", "activitypartyid"},
}

// download reads the whole CRM at root, the address of its Web API.
func download(ctx context.Context, t *testing.T, root, token string) *naiveCRM {
	t.Helper()
	crm := &naiveCRM{map[string][]naiveRow{}, map[string]naiveRow{}}
	for table, is := range naiveTables {
		for link := root + is[0]; link != ""; {
			req, err := http.NewRequestWithContext(ctx, "GET", link, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Prefer", "odata.maxpagesize=100")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var page struct {
				Value []naiveRow `json:"value"`
				Next  string     `json:"@odata.nextLink"`
			}
			err = json.NewDecoder(resp.Body).Decode(&page)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("download %s: %s, %v", table, resp.Status, err)
			}
			for _, row := range page.Value {
				crm.tables[table] = append(crm.tables[table], row)
				crm.byID[row.text(is[1])] = row
			}
			if link = page.Next; link != "" {
				if _, err := url.Parse(link); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return crm
}

// value follows a path over lookups from a row; nil where the way ends.
func (crm *naiveCRM) value(row naiveRow, path string) any {
	for {
		first, rest, more := strings.Cut(path, "/")
		if !more {
			if v, ok := row["_"+first+"_value"]; ok {
				return v
			}
			return row[first]
		}
		// customerid_account is the lookup customerid as far as it points at accounts.
		id := row.lookup(first)
		if lookup, target, ok := strings.Cut(first, "_"); ok && id == "" && naiveTables[target] != [2]string{} {
			if next := crm.byID[row.lookup(lookup)]; next.text(target+"id") != "" {
				id = row.lookup(lookup)
			}
		}
		row, path = crm.byID[id], rest
		if row == nil {
			return nil
		}
	}
}

// naivePolicy is a policy as a tree of maps.
type naivePolicy struct {
	zone              *time.Location
	notice, extension string
	ahead             string // how far ahead dates are written: the policy's own notice
	yearEnds          string
	subjects          []naiveSubject
}

type naiveSubject struct {
	table, key, identity string
	grounds              []naiveGround
	notice               string
	classes              []naiveClass
}

// naiveClass is a kind of persons.
type naiveClass struct {
	id, where, notice string
	unjudged          bool
	grounds           []naiveGround
	own               bool // it names grounds, if only none
}

// of is the class of a row: the first whose filter it matches.
func (s naiveSubject) of(t *testing.T, crm *naiveCRM, row naiveRow) naiveClass {
	for _, k := range s.classes {
		if k.where == "" || crm.matches(t, row, k.where) {
			return k
		}
	}
	return naiveClass{}
}

type naiveGround map[string]string

func readNaivePolicy(t *testing.T, path string) naivePolicy {
	t.Helper()
	b, err := os.ReadFile(path)
	var tree yaml.MapSlice
	if err == nil {
		err = yaml.UnmarshalWithOptions(b, &tree, yaml.UseOrderedMap())
	}
	if err != nil {
		t.Fatal(err)
	}
	p := naivePolicy{yearEnds: "31 December", notice: "2 months", extension: "12 months"}
	for _, item := range tree {
		switch item.Key {
		case "yearEnds":
			p.yearEnds = item.Value.(string)
		case "timeZone":
			if p.zone, err = time.LoadLocation(item.Value.(string)); err != nil {
				t.Fatal(err)
			}
		case "notice":
			p.notice = item.Value.(string)
		case "manualExtension":
			p.extension = item.Value.(string)
		case "subjects":
			for _, subject := range item.Value.(yaml.MapSlice) {
				s := naiveSubject{table: subject.Key.(string)}
				s.key = naiveTables[s.table][1]
				for _, item := range subject.Value.(yaml.MapSlice) {
					switch item.Key {
					case "identity":
						s.identity = item.Value.(string)
					case "grounds":
						s.grounds = naiveGrounds(item.Value)
					case "notice":
						s.notice = item.Value.(string)
					case "classes":
						for _, class := range item.Value.([]any) {
							k := naiveClass{}
							for _, item := range class.(yaml.MapSlice) {
								switch item.Key {
								case "id":
									k.id = item.Value.(string)
								case "for":
									k.where = item.Value.(string)
								case "notice":
									k.notice = item.Value.(string)
								case "judged":
									k.unjudged = true
								case "grounds":
									k.grounds, k.own = naiveGrounds(item.Value), true
								}
							}
							s.classes = append(s.classes, k)
						}
					}
				}
				p.subjects = append(p.subjects, s)
			}
		}
	}
	return p
}

func naiveGrounds(list any) (out []naiveGround) {
	for _, ground := range list.([]any) {
		g := naiveGround{}
		for _, item := range ground.(yaml.MapSlice) {
			g[item.Key.(string)] = strings.TrimSpace(fmt.Sprint(item.Value))
		}
		out = append(out, g)
	}
	return out
}

// plus is calendar arithmetic: 31 August + 6 months = 28 February.
func plus(t *testing.T, day time.Time, period string) time.Time {
	t.Helper()
	words := strings.Fields(period)
	months, days := 0, 0
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			t.Fatal(err)
		}
		switch strings.TrimSuffix(words[i+1], "s") {
		case "day":
			days += n
		case "week":
			days += 7 * n
		case "month":
			months += n
		case "year":
			months += 12 * n
		default:
			t.Fatalf("no unit in %q", period)
		}
	}
	shifted := day.AddDate(0, months, 0)
	if months != 0 {
		if shifted.Day() != day.Day() { // rolled over into the next month: back to the last day of the right one
			if shifted.Day() > 4 {
				t.Fatalf("%s + %s", day, period)
			}
			shifted = shifted.AddDate(0, 0, -shifted.Day())
		}
	}
	return shifted.AddDate(0, 0, days)
}

// forever is the end of what has no end.
var forever = time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC)

// independent are the columns whose times are the same on every clock in the world, though the service prints a Z.
var independent = map[string]bool{"msevtmgt_eventenddate": true, "msevtmgt_eventstartdate": true}

// day is the calendar day of a date as the service writes it.
func (p naivePolicy) day(t *testing.T, column, text string) time.Time {
	t.Helper()
	if len(text) == len("2026-11-24") || independent[column] {
		d, err := time.Parse("2006-01-02", text[:10])
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := at.In(p.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// naiveVerdict is what is to happen about one person, in words.
type naiveVerdict struct {
	Table, ID                  string
	Until, Ground              string
	Action, PurgeOn, NoticedOn string
}

// naivePerson is one row of a subject table.
type naivePerson struct {
	subject int
	row     naiveRow
	id      string
	human   int // rows with the same number are one human being

	identity, master string

	until  time.Time // zero: nothing justifies the person
	ground string
	rank   int // of the ground in the policy
}

// naiveTrace is what the ledger knows about a person's date.
type naiveTrace struct {
	purgeOn, noticedOn time.Time
	held               bool
}

// saysWho tells whether a row says whose it is, whatever mark it bears: of the columns that the tests fill.
func saysWho(row naiveRow) bool {
	return slices.ContainsFunc([]string{"firstname", "lastname", "emailaddress1", "emailaddress2", "emailaddress3"}, func(column string) bool {
		return row.text(column) != "" && row.text(column) != "(purged)"
	})
}

// judge decides about every person of the CRM.
func (p naivePolicy) judge(t *testing.T, crm *naiveCRM, today time.Time, trace func(table, id string) naiveTrace) []naiveVerdict {
	t.Helper()
	var persons []*naivePerson
	for i, s := range p.subjects {
		for _, row := range crm.tables[s.table] {
			if row["gallra_anonymizedon"] == nil || saysWho(row) {
				person := &naivePerson{subject: i, row: row, id: row.text(s.key), human: len(persons), master: row.lookup("masterid")}
				if s.identity != "" {
					person.identity = same(row.text(s.identity))
				}
				persons = append(persons, person)
			}
		}
	}
	rank := 0
	for i, s := range p.subjects {
		give := func(g naiveGround, class string) {
			rank++
			for _, found := range p.found(t, crm, s, g) {
				for _, person := range persons {
					if person.subject != i || !found.leadsTo(person) {
						continue
					}
					k := s.of(t, crm, person.row)
					if class == k.id || class == "" && !k.own && !k.unjudged {
						person.justify(found.until, g["id"], rank)
					}
				}
			}
		}
		for _, g := range s.grounds {
			give(g, "")
		}
		for _, k := range s.classes {
			if k.unjudged {
				give(naiveGround{"id": "not-judged-" + k.id, "where": k.where}, k.id)
			}
			for _, g := range k.grounds {
				give(g, k.id)
			}
		}
	}
	for i, s := range p.subjects { // what goes on after it was lost
		for rank, g := range s.grounds {
			if g["after"] != "lost" {
				continue
			}
			for _, person := range persons {
				if k := s.of(t, crm, person.row); person.subject != i || k.own || k.unjudged {
					continue
				}
				holds := slices.ContainsFunc(p.found(t, crm, s, g), func(f naiveFound) bool { return f.leadsTo(person) })
				now, on := naiveHeld(person.id, today)
				if now {
					on = today
				}
				if !holds && !on.IsZero() {
					person.justify(p.kept(t, on, g), g["id"], rank+1)
				}
			}
		}
	}
	for _, person := range persons {
		if until, counts := p.byHand(t, person.row, today); counts {
			person.justify(until, "manual-extension", 1_000_000)
		}
	}
	numberHumans(persons)
	for _, a := range persons {
		for _, b := range persons {
			if a.human == b.human && !b.until.IsZero() {
				a.justify(b.until, b.ground, b.rank)
			}
		}
	}
	var out []naiveVerdict
	for _, person := range persons {
		heldElsewhere := false
		for _, other := range persons {
			if other != person && other.human == person.human && other.row["gallra_legalhold"] == true {
				heldElsewhere = true
			}
		}
		table := p.subjects[person.subject].table
		own := p
		own.ahead = p.notice
		s := p.subjects[person.subject]
		for _, notice := range []string{s.notice, s.of(t, crm, person.row).notice} {
			if notice != "" {
				own.notice = notice
			}
		}
		v := own.decide(t, person, heldElsewhere, today, trace(table, person.id))
		v.Table, v.ID = table, person.id
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b naiveVerdict) int {
		ia := slices.IndexFunc(p.subjects, func(s naiveSubject) bool { return s.table == a.Table })
		ib := slices.IndexFunc(p.subjects, func(s naiveSubject) bool { return s.table == b.Table })
		if ia != ib {
			return ia - ib
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// naiveHeld is what the ledger knows of a person and of the ground that goes on after it was lost: nothing, that it held in the
// last run, or since when it does not.
func naiveHeld(id string, today time.Time) (now bool, lostOn time.Time) {
	switch n := int(id[0]) * int(id[1]); n % 4 {
	case 0:
		return true, time.Time{}
	case 1, 2:
		return false, today.AddDate(0, -n%5, -n%29)
	}
	return false, time.Time{}
}

// justify gives a person a date; the latest one counts, and of equal ones that of the ground that comes first.
func (n *naivePerson) justify(until time.Time, ground string, rank int) {
	if n.until.IsZero() || until.After(n.until) || until.Equal(n.until) && rank < n.rank {
		n.until, n.ground, n.rank = until, ground, rank
	}
}

// naiveFound is a row that justifies somebody: by id, or by a value in some columns.
type naiveFound struct {
	ids     []string
	value   string
	columns []string
	until   time.Time
}

func (f naiveFound) leadsTo(p *naivePerson) bool {
	if slices.Contains(f.ids, p.id) {
		return true
	}
	for _, c := range f.columns {
		text := p.row.text(c)
		if text == "" {
			text = p.row.lookup(c)
		}
		if same(text) != "" && same(text) == same(f.value) {
			return true
		}
	}
	return false
}

// same is a value as far as it matters for being the same: case and surrounding blanks aside.
func same(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// found are the rows of a ground that justify somebody.
func (p naivePolicy) found(t *testing.T, crm *naiveCRM, s naiveSubject, g naiveGround) []naiveFound {
	t.Helper()
	if g["view"] != "" || g["fetchXml"] != "" {
		return p.handWritten(t, crm, g)
	}
	var out []naiveFound
	table := g["table"]
	if table == "" {
		table = s.table
	}
	for _, row := range crm.tables[table] {
		if !crm.matches(t, row, g["where"]) {
			continue
		}
		f := naiveFound{until: forever}
		column := g["after"] + g["until"]
		if column == "lost" {
			column = ""
		}
		missing := g["missingDate"]
		instead := ""
		if missing != "" && missing != "keep" && missing != "ignore" {
			instead, missing = missing, ""
		}
		if missing == "" {
			missing = "keep"
			if g["table"] == "" && g["where"] == "" {
				missing = "ignore" // the ground is about those who have the date
			}
		}
		if column != "" {
			day, known := p.date(t, crm, row, column)
			if !known && instead != "" {
				day, known = p.date(t, crm, row, instead)
			}
			switch year, isYear := crm.value(row, column).(float64); {
			case isYear:
				f.until = plus(t, time.Date(int(year)+1, 1, 1, 0, 0, 0, 0, time.UTC), g["keep"])
			case known:
				f.until = p.kept(t, day, g)
			case missing == "ignore":
				continue
			}
			if period, after, _ := strings.Cut(g["atMost"], " after "); period != "" {
				if after == "" {
					after = "createdon"
				}
				if day, known := p.date(t, crm, row, after); known && plus(t, day, period).Before(f.until) {
					f.until = plus(t, day, period)
				}
			}
		}
		left, right, byValue := strings.Cut(g["link"], "=")
		switch {
		case g["table"] == "":
			f.ids = []string{row.text(s.key)}
		case g["party"] != "":
			wanted := map[string]float64{"from": 1, "to": 2, "cc": 3, "bcc": 4, "required-attendee": 5, "optional-attendee": 6}[g["party"]]
			for _, line := range crm.tables["activityparty"] {
				if line.lookup("activityid") == row.text("activityid") && (g["party"] == "any" || line["participationtypemask"] == wanted) {
					f.ids = append(f.ids, line.lookup("partyid"))
				}
			}
		case byValue:
			f.value, _ = crm.value(row, strings.TrimSpace(left)).(string)
			for c := range strings.SplitSeq(right, ",") {
				f.columns = append(f.columns, strings.TrimSpace(c))
			}
		default:
			id, _ := crm.value(row, g["link"]).(string)
			f.ids = []string{id}
		}
		out = append(out, f)
	}
	return out
}

// date is the day in a column of a row, if there is one.
func (p naivePolicy) date(t *testing.T, crm *naiveCRM, row naiveRow, column string) (time.Time, bool) {
	text, _ := crm.value(row, column).(string)
	if text == "" {
		return time.Time{}, false
	}
	return p.day(t, column[strings.LastIndex(column, "/")+1:], text), true
}

// kept is the first day on which a row of that day justifies nothing any more.
func (p naivePolicy) kept(t *testing.T, day time.Time, g naiveGround) time.Time {
	period, from, _ := strings.Cut(g["keep"], " from ")
	if from == "" {
		return plus(t, day, period)
	}
	ends := p.yearEnds
	if g["yearEnds"] != "" {
		ends = g["yearEnds"]
	}
	// From day to day, until one begins a month, a quarter or a year.
	for next := day.AddDate(0, 0, 1); ; next = next.AddDate(0, 0, 1) {
		begins := false
		switch words := strings.Fields(from); words[len(words)-1] {
		case "month":
			begins = next.Day() == 1
		case "quarter":
			begins = next.Day() == 1 && (next.Month()-1)%3 == 0
		case "year":
			begins = next.AddDate(0, 0, -1).Format("2 January") == ends
		}
		if begins {
			return plus(t, next, period)
		}
	}
}

// handWritten says again what the views and FetchXML files of the tests' policies say.
func (p naivePolicy) handWritten(t *testing.T, crm *naiveCRM, g naiveGround) []naiveFound {
	var out []naiveFound
	switch g["view"] + g["fetchXml"] {
	case "Contacts to keep":
		for _, c := range crm.tables["contact"] {
			if account := crm.byID[c.lookup("parentcustomerid")]; c["statecode"] == 0.0 && c["preferredcontactmethodcode"] == 2.0 && account.text("accountid") != "" && account["statecode"] == 0.0 {
				out = append(out, naiveFound{ids: []string{c.text("contactid")}, until: forever})
			}
		}
	case "fetch/deals.xml":
		for _, o := range crm.tables["opportunity"] {
			if o["statecode"] == 0.0 {
				continue
			}
			f := naiveFound{ids: []string{o.lookup("parentcontactid")}, until: forever}
			if closed := o.text("actualclosedate"); closed != "" {
				f.until = plus(t, p.day(t, "actualclosedate", closed), g["keep"])
			}
			out = append(out, f)
		}
	case "fetch/customers.xml":
		for _, l := range crm.tables["lead"] {
			if account := crm.byID[l.lookup("customerid")]; account.text("accountid") != "" && account["customertypecode"] == 3.0 {
				out = append(out, naiveFound{ids: []string{l.text("leadid")}, until: forever})
			}
		}
	default:
		t.Fatalf("nobody has written down what %v means", g)
	}
	return out
}

// byHand is an extension by the staff, if it counts: it has a reason and is not too far ahead.
func (p naivePolicy) byHand(t *testing.T, row naiveRow, today time.Time) (time.Time, bool) {
	text := row.text("gallra_retainuntil")
	if text == "" || strings.TrimSpace(row.text("gallra_retainreason")) == "" {
		return time.Time{}, false
	}
	until := p.day(t, "gallra_retainuntil", text)
	return until, !until.After(plus(t, today, p.extension))
}

// numberHumans gives all rows of one human being one number.
func numberHumans(persons []*naivePerson) {
	for changed := true; changed; {
		changed = false
		for _, a := range persons {
			for _, b := range persons {
				if a.human > b.human && (sameHuman(a, b) || sameHuman(b, a)) {
					a.human, changed = b.human, true
				}
			}
		}
	}
}

// sameHuman tells whether a was merged into b, or has the same identity.
func sameHuman(a, b *naivePerson) bool {
	return a.subject == b.subject && a.master == b.id || a.identity != "" && a.identity == b.identity
}

// decide is section 3 of the design for one person.
func (p naivePolicy) decide(t *testing.T, n *naivePerson, heldElsewhere bool, today time.Time, trace naiveTrace) naiveVerdict {
	onRow := func(column string) time.Time {
		if text := n.row.text(column); text != "" {
			return p.day(t, column, text)
		}
		return time.Time{}
	}
	standing, noticed := onRow("gallra_purgescheduledon"), onRow("gallra_purgenoticedon")
	answer := func(action string, purgeOn, noticedOn time.Time) naiveVerdict {
		return naiveVerdict{Until: words(n.until), Ground: n.ground, Action: action, PurgeOn: words(purgeOn), NoticedOn: words(noticedOn)}
	}
	if n.row["gallra_legalhold"] == true {
		return answer("hold", standing, noticed)
	}
	endOfNotice := plus(t, today, p.notice)
	if n.until.After(latest(endOfNotice, plus(t, today, p.ahead))) {
		if standing.IsZero() && noticed.IsZero() && trace.purgeOn.IsZero() {
			return answer("keep", time.Time{}, time.Time{})
		}
		return answer("clear", time.Time{}, time.Time{})
	}
	// Nothing justifies the person for longer than the notice. What is past moves no date.
	stillUntil := n.until
	if !stillUntil.After(today) {
		stillUntil = time.Time{}
	}
	if standing.IsZero() {
		// Never earlier than a date that was shown before.
		return answer("schedule", latest(endOfNotice, stillUntil, trace.purgeOn), today)
	}
	// The notice counts from what the ledger proves. Nothing proves a date that it does not know, and a hold that
	// ended makes the notice begin anew.
	since := today
	proven := !trace.purgeOn.IsZero() && !trace.noticedOn.IsZero() && !trace.held
	if proven {
		since = trace.noticedOn
		if noticed.After(since) {
			since = noticed
		}
		if noticed.After(today) {
			since = latest(today, trace.noticedOn)
		}
	}
	date := latest(trace.purgeOn, stillUntil, plus(t, since, p.notice))
	if standing.After(date) { // people have put it off, which counts as an extension does
		reason := strings.TrimSpace(n.row.text("gallra_retainreason")) != "" || trace.purgeOn.IsZero()
		if reason && !standing.After(plus(t, today, p.extension)) {
			date = standing
		} else if !date.After(today) {
			date, since = endOfNotice, today
		}
	}
	if heldElsewhere && (!date.After(today) || trace.held) {
		// Another row of the same human being is held: the date stands, and nobody is purged.
		return answer("hold", standing, noticed)
	}
	switch {
	case !date.After(today):
		return answer("purge", date, since)
	case !date.Equal(standing):
		return answer("move", date, since)
	}
	return answer("wait", date, since)
}

func latest(days ...time.Time) time.Time {
	var last time.Time
	for _, d := range days {
		if d.After(last) {
			last = d
		}
	}
	return last
}

func words(d time.Time) string {
	switch {
	case d.IsZero():
		return ""
	case d.Equal(forever):
		return "open"
	}
	return d.Format("2006-01-02")
}
