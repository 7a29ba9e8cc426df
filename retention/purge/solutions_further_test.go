package purge_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/gallra/gallra/retention/purge"
)

// What a solution has further out: companies of which persons are the primary contact, with rows of their own; leads beside contacts;
// persons who were merged; and a policy by which people are archived and reduced before they are purged. Its choices are drawn apart.

// further are the choices of a further solution.
type further struct {
	*rand.Rand
	staged bool
}

func (f *further) one(in int) bool { return f.IntN(in) == 0 }

// widenFurther adds to a solution's tables.
func (s *solution) widenFurther() {
	for i := range s.tables {
		if s.further.one(3) {
			s.lookup(i, "account")
		}
	}
}

// setOf is the path of a solution's table.
func (s *solution) setOf(table string) string {
	for _, t := range s.tables {
		if t.name == table {
			return t.set
		}
	}
	return table + "s"
}

// companies are accounts of a person: the primary contact of one, a customer of it, or the trader in whose name it stands.
func (s *solution) companies(p, kept solutionPerson) {
	f := s.further
	if p.table != "contact" || !f.one(2) {
		return
	}
	name := p.name + " company"
	body := row{"name": "Company of somebody", "description": "Founded long ago"}
	if f.one(2) {
		body["primarycontactid@odata.bind"] = bindTo("contacts", p.name)
		if f.one(2) {
			body["name"], body["emailaddress1"] = p.full+" Trading", p.mail
		}
	}
	s.create("account", name, body)
	if f.one(2) || body["primarycontactid@odata.bind"] == nil {
		s.update("contact", p.name, row{"parentcustomerid_account@odata.bind": bindTo("accounts", name)})
	}
	// What hangs on a company is said to and by everybody there: it stays, and is searched where the company led to the person.
	who := kept.full
	if body["primarycontactid@odata.bind"] != nil {
		who = p.full + " and " + kept.full
	}
	if f.one(2) {
		s.create("annotation", name+" note", row{"subject": "n", "notetext": who + " decide", "objectid_account@odata.bind": bindTo("accounts", name)})
	}
	if f.one(2) {
		s.create("task", name+" task", row{"subject": "Ask " + who, "regardingobjectid_account_task@odata.bind": bindTo("accounts", name)})
	}
	for i := range s.tables {
		t := &s.tables[i]
		for _, l := range t.lookups {
			if l.target == "account" && f.one(2) {
				s.make(t, kept, row{l.nav + "@odata.bind": bindTo("accounts", name)})
			}
		}
	}
	for i := range s.tables { // rows of the person's own that name the company as well
		t := &s.tables[i]
		more := row{}
		for _, l := range t.lookups {
			if (l.target == "account" || l.target == p.table) && more[l.target] == nil {
				more[l.nav+"@odata.bind"] = bindTo(s.setOf(l.target), map[string]string{"account": name, p.table: p.name}[l.target])
			}
		}
		if len(more) == 2 && f.one(2) {
			s.make(t, p, more)
		}
	}
	s.update("account", name, row{"statecode": 1, "statuscode": 2}) // an active one justifies
}

// besides are further rows of one human being: leads beside the contact, and contacts that were merged into it. It answers how many.
func (s *solution) besides(p solutionPerson) (persons int) {
	f := s.further
	if p.table != "contact" {
		return 0
	}
	if f.one(2) {
		name := p.name + " lead"
		body := row{"firstname": "Ilse", "lastname": p.name + "quendrix", "emailaddress1": p.mail, "description": "Wrote as " + p.full}
		if f.one(2) {
			body["parentcontactid@odata.bind"] = bindTo("contacts", p.name)
		}
		s.create("lead", name, body)
		if f.one(2) {
			s.update("contact", p.name, row{"originatingleadid@odata.bind": bindTo("leads", name)})
		}
		as := p
		as.name, as.table, as.set = name, "lead", "leads"
		s.few(as)
		persons++
	}
	if f.one(2) {
		name := p.name + " copy"
		s.create("contact", name, row{"firstname": "Ilse", "lastname": p.name + "quendrix", "emailaddress1": p.mail, "jobtitle": "Copy of " + p.full})
		as := p
		as.name = name
		s.few(as)
		s.call(http.MethodPost, "Merge", row{"Target": row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": idText(p.name)},
			"Subordinate": row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": idText(name)}, "PerformParentingChecks": false})
		persons++
	}
	return persons
}

// few gives a person a row here and there.
func (s *solution) few(p solutionPerson) {
	f := s.further
	for i := range s.tables {
		t := &s.tables[i]
		for _, l := range t.lookups {
			if l.target == p.table && f.one(2) {
				s.make(t, p, row{l.nav + "@odata.bind": bindTo(p.set, p.name)})
			}
		}
		if t.activity && f.one(2) {
			s.make(t, p, row{t.name + "_activity_parties": []row{{"participationtypemask": 2, "partyid_" + p.table + "@odata.bind": bindTo(p.set, p.name)}}})
		}
	}
	if f.one(2) {
		s.create("annotation", p.name+" own note", row{"subject": "call", "notetext": p.full + " is away", "objectid_" + p.table + "@odata.bind": bindTo(p.set, p.name)})
	}
}

// stage changes the policy: contacts are archived, or reduced along with rows of theirs, before they are purged.
func (s *solution) stage() {
	s.t.Helper()
	f := s.further
	at := strings.Index(s.policy, "    related:\n")
	if at < 0 || !f.one(2) {
		return
	}
	var b strings.Builder
	b.WriteString("    stages:\n")
	if f.one(2) {
		who, err := s.client.WhoAmI(s.t.Context())
		s.must(err)
		s.create("team", "archive", row{"name": "Archive", "businessunitid@odata.bind": "/businessunits(" + who.BusinessUnitID.String() + ")"})
		b.WriteString("      - {do: archive, team: Archive}\n      - {after: 3 months, do: reduce, erase: [description, jobtitle]")
	} else {
		b.WriteString("      - {do: reduce, erase: [description, jobtitle]")
	}
	bare := b.String() + "}\n      - {after: 1 year, do: purge}\n"
	rules := []string{"{table: annotation, link: objectid, do: delete}", "{table: task, link: regardingobjectid, do: delete}"}
	if f.one(2) {
		rules = append([]string{"{table: email, party: any, do: keep, why: Needed till then}"}, rules...)
	} else {
		rules = append(rules, "{table: email, party: any, do: delete}", "{table: appointment, party: any, do: delete}")
	}
	for _, t := range s.tables {
		for _, l := range t.lookups {
			if l.target == "contact" && f.one(2) {
				rules = append(rules, fmt.Sprintf("{table: %s, link: %s, do: %s}", t.name, l.column, []string{"delete", "keep, why: Needed till then", "anonymize, erase: [" + s.prefix + "_text]"}[f.IntN(3)]))
			}
		}
	}
	try := func(stages string) bool {
		text := s.policy[:at] + stages + s.policy[at:]
		if ps := s.problems(text); len(ps) > 0 {
			s.t.Logf("not staged: %v", ps[0])
			return false
		}
		s.policy, f.staged = text, true
		return true
	}
	for ; len(rules) > 0 && f.one(4) == false; rules = rules[:len(rules)-1] {
		if try(b.String() + ", related: [" + strings.Join(rules, ", ") + "]}\n      - {after: 1 year, do: purge}\n") {
			return
		}
	}
	try(bare)
}

// purgesThrough runs until the persons are purged, however many stages come before.
func (s *solution) purgesThrough(gone []solutionPerson, kept solutionPerson, left map[string]bool, persons int) {
	t := s.t
	t.Helper()
	before := s.rowsWith(kept.full)
	var runs []*purge.Summary
	purged, failures := 0, 0
	for night := 0; purged < persons && night < 14; night++ {
		s.update("contact", kept.name, row{"gallra_retainuntil": s.server.Now().AddDate(0, 11, 0).Format(time.DateOnly), "gallra_retainreason": "Works here"})
		sum := s.run()
		runs, purged, failures = append(runs, sum), purged+sum.Purged(), failures+len(sum.Failures)
		if sum.Stop != nil || len(sum.Failures) > 0 {
			t.Errorf("failures %v, stop %v\n%s", sum.Failures, sum.Stop, s.shape())
			return
		}
		s.advance([]int{62, 1}[night%2])
	}
	runs = append(runs, s.run())
	s.nothingSilent(gone, kept, left, before, runs)
	if purged != persons {
		t.Errorf("%d were purged, want %d: %v\n%s", purged, persons, s.outcomes(), s.shape())
	}
}
