package purge_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
)

// someone is a random human being of a random CRM. Every text about them holds their token, which stands nowhere else.
type someone struct {
	table, name, token, address string
	justified                   bool
}

// randomWorld fills a CRM with people and what belongs to them, as chance will have it.
type randomWorld struct {
	*world
	*rand.Rand
	people []someone
	kept   []string // names of e-mails that a keep rule names
	n      int
}

func (w *randomWorld) maybe() bool { return w.IntN(2) == 0 }

func (w *randomWorld) next(what string) string {
	w.n++
	return fmt.Sprint(what, " ", w.n)
}

// texts fills a random half of the columns that people write into.
func (w *randomWorld) texts(table, token string) row {
	t, err := w.client.Table(w.t.Context(), table)
	w.must(err)
	out := row{}
	for _, a := range sortedAttributes(t) {
		if !a.ForCreate || a.AttributeOf != "" || a.Logical || strings.HasPrefix(a.LogicalName, "gallra_") || a.MaxLength < len(token)+4 && a.MaxLength > 0 || !w.maybe() {
			continue
		}
		if a.LogicalName == "traversedpath" { // ids of stages, which Dataverse writes
			continue
		}
		switch a.Type {
		case "String":
			if a.Format == "Email" {
				out[a.LogicalName] = token + "@people.example"
			} else {
				out[a.LogicalName] = token
			}
		case "Memo":
			out[a.LogicalName] = "About " + token + ", at length"
		}
	}
	return out
}

func (w *randomWorld) person(i int) {
	p := someone{table: "contact", name: fmt.Sprint("person ", i), token: fmt.Sprintf("zq%dx%dq", w.IntN(900)+100, i), justified: i%4 == 0}
	if i%5 == 3 {
		p.table = "lead"
		p.justified = false
	}
	p.address = p.token + "@people.example"
	body := w.texts(p.table, p.token)
	body["firstname"], body["lastname"], body["emailaddress1"] = p.token, "Of "+p.token, p.address
	if p.table == "lead" {
		body["subject"] = "Interest of " + p.token
	}
	w.create(p.table, p.name, body)
	if p.justified {
		w.create("account", w.next("account"), row{"name": "Company", "primarycontactid@odata.bind": bindTo("contacts", p.name)})
	}
	w.people = append(w.people, p)
}

// belongings gives a person rows of every kind that the policy speaks of.
func (w *randomWorld) belongings(p someone) {
	set := p.table + "s"
	party := func(q someone, mask int) row {
		return row{"partyid_" + q.table + "@odata.bind": bindTo(q.table+"s", q.name), "participationtypemask": mask}
	}
	other := w.people[w.IntN(len(w.people))]
	for range w.IntN(3) {
		n := w.next("mail")
		w.create("email", n, row{"subject": "To " + p.token, "description": "<p>Dear " + p.token + "</p>", "email_activity_parties": []row{party(p, 2)}})
		if w.maybe() {
			w.create("annotation", w.next("note"), row{"subject": p.token, "objectid_email@odata.bind": bindTo("emails", n)})
		}
		if w.maybe() {
			w.update("email", n, row{"statecode": 1, "statuscode": 3})
		}
	}
	if w.maybe() { // with somebody else, who may be justified; what both share is no text about one of them
		n := w.next("shared")
		w.create("email", n, row{"subject": "Meeting", "email_activity_parties": []row{party(p, 1), party(other, 2)}})
		if w.maybe() {
			w.update("email", n, row{"statecode": 1, "statuscode": 4})
		}
	}
	if w.maybe() {
		w.create("annotation", w.next("note"), row{"subject": p.token, "notetext": "Called " + p.token, "objectid_" + p.table + "@odata.bind": bindTo(set, p.name)})
	}
	for range w.IntN(2) { // old values
		w.update(p.table, p.name, row{"description": "Moved: " + p.token})
	}
	if p.table == "lead" {
		return
	}
	if w.maybe() { // evidence
		n := w.next("acceptance")
		w.create("email", n, row{"subject": "I accept, " + p.token, "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote"), "email_activity_parties": []row{party(p, 1)}})
		w.kept = append(w.kept, n)
	}
	if w.maybe() {
		w.create("email", w.next("about"), row{"subject": "About " + p.token, "regardingobjectid_contact_email@odata.bind": bindTo("contacts", p.name)})
	}
	if w.maybe() {
		w.create("phonecall", w.next("call"), row{"subject": "Call " + p.token, "phonenumber": p.token, "phonecall_activity_parties": []row{party(p, 2)}})
	}
	if w.maybe() {
		w.create("task", w.next("task"), row{"subject": "Ask " + p.token, "regardingobjectid_contact_task@odata.bind": bindTo("contacts", p.name)})
	}
	if w.maybe() {
		w.create("connection", w.next("connection"), row{"description": p.token, "record1id_contact@odata.bind": bindTo("contacts", p.name), "record2id_account@odata.bind": bindTo("accounts", "company")})
	}
	if w.maybe() {
		w.create("msdynmkt_contactpointconsent4", w.next("consent"), row{"msdynmkt_contactpointvalue": p.address, "msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120001})
	}
	if w.maybe() { // bound: anonymised in place
		w.create("quote", w.next("offer"), row{"name": "Offer", "customerid_contact@odata.bind": bindTo("contacts", p.name)})
	}
}

// seeds are the random worlds that are tried: the first so many, or those that GALLRA_SEEDS names: 200, or 100-200.
func seeds(t *testing.T, usual int) []uint64 {
	t.Helper()
	from, to := 0, usual
	if text := os.Getenv("GALLRA_SEEDS"); text != "" {
		first, last, several := strings.Cut(text, "-")
		if !several {
			first, last = "0", first
		}
		var err, err2 error
		from, err = strconv.Atoi(first)
		if to, err2 = strconv.Atoi(last); err != nil || err2 != nil || from >= to {
			t.Fatalf("GALLRA_SEEDS=%s: neither a number nor a range of them", text)
		}
	}
	var out []uint64
	for seed := from; seed < to; seed++ {
		out = append(out, uint64(seed))
	}
	return out
}

// TestRandomPeopleLeaveNothing purges random people from random CRMs. Of whoever is purged nothing is found anywhere, rows
// that a keep rule names aside, and whoever is justified is as they were. A seed that
// failed is its subtest's name.
func TestRandomPeopleLeaveNothing(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds(t, 4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &randomWorld{world: newWorldOf(t, pol, strange(t, seed)), Rand: rand.New(rand.NewPCG(seed, 11))}
			w.create("account", "company", row{"name": "Company"})
			w.create("quote", "quote", row{"name": "Q-1", "customerid_account@odata.bind": bindTo("accounts", "company")})
			w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
			for i := range 8 + w.IntN(5) {
				w.person(i)
			}
			for _, p := range w.people {
				w.belongings(p)
			}
			before := make(map[string]dataverse.Row)
			for _, p := range w.people {
				before[p.name] = w.get(p.table, p.name)
			}
			w.run()
			w.advance(60)
			s := w.run()
			for _, f := range s.Failures {
				t.Errorf("failed: %s %s %s", f.Table, f.ID, f.Code)
			}
			w.advance(1)
			w.run() // what audit history was written late
			except := w.evidence()
			purged := 0
			for _, p := range w.people {
				now := w.get(p.table, p.name)
				if !p.justified {
					purged++
					w.nothingFound(p.token, except...)
					if now != nil && now.Null("gallra_anonymizedon") {
						t.Errorf("%s was not purged", p.name)
					}
					continue
				}
				if now == nil {
					t.Errorf("%s is justified and gone", p.name)
					continue
				}
				for column, value := range before[p.name] {
					if _, text := value.(string); text && column != "modifiedon" && column[0] != '@' && now[column] != value {
						t.Errorf("%s is justified and changed: %s", p.name, column)
					}
				}
			}
			if s.Purged() != purged {
				t.Errorf("%d were purged, want %d", s.Purged(), purged)
			}
			for _, n := range w.kept {
				if w.get("email", n) == nil {
					t.Errorf("%s was to be kept", n)
				}
			}
		})
	}
}

// evidence are the ids of the kept e-mails and of the lines on them.
func (w *randomWorld) evidence() (ids []string) {
	for _, n := range w.kept {
		ids = append(ids, id(n).String())
		q := dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid"}, Filter: "_activityid_value eq " + id(n).String()}
		for r, err := range w.client.Rows(w.t.Context(), q) {
			w.must(err)
			ids = append(ids, r.Text("activitypartyid"))
		}
	}
	return ids
}

func sortedAttributes(t *dataverse.Table) []*dataverse.Attribute {
	return slices.SortedFunc(maps.Values(t.Attributes), func(a, b *dataverse.Attribute) int { return strings.Compare(a.LogicalName, b.LogicalName) })
}
