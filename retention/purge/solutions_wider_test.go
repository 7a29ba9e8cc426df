package purge_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"strings"
)

// What a wider solution has besides: rows of business with what hangs on them, standard activities with attachments, rows and
// profiles of two persons, and columns that only their names tell of. Its choices are drawn apart, so that the narrower solution of a
// seed stays what it was.

// wider are the choices of a wider solution.
type wider struct {
	*rand.Rand
	profiles map[string]string // of leads, and a second one of contacts: the column of the lookup, by the table of persons
	referrer bool              // contacts point at contacts
}

func (w *wider) one(in int) bool { return w.IntN(in) == 0 }

// ofBusiness are the tables of business that rows of the solution point at, and by what these lead to a person.
var ofBusiness = []struct {
	table, set, name, nav string
	message, closing, key string // by which it is closed
	status                int
}{
	{"incident", "incidents", "title", "customerid_", "CloseIncident", "IncidentResolution", "incidentid", 5},
	{"opportunity", "opportunities", "name", "customerid_", "LoseOpportunity", "OpportunityClose", "opportunityid", 4},
	{"salesorder", "salesorders", "name", "customerid_", "", "", "", 0},
}

// widen adds to a solution's tables.
func (s *solution) widen() {
	s.wide.profiles = make(map[string]string)
	for i := range s.tables {
		t := &s.tables[i]
		if s.wide.one(3) {
			s.lookup(i, ofBusiness[s.wide.IntN(len(ofBusiness))].table)
		}
		if s.wide.one(4) {
			column := s.prefix + []string{"_Telephone", "_Mobilephone", "_Phone2"}[s.wide.IntN(3)]
			if t.phone == "" && s.try("EntityDefinitions(LogicalName='"+t.name+"')/Attributes", columnBody("String", column, row{"FormatName": row{"Value": "Text"}})) {
				t.phone = strings.ToLower(column)
			}
		}
		if s.wide.one(4) {
			column := s.prefix + []string{"_Emailaddress1", "_Contactemail", "_Mail"}[s.wide.IntN(3)]
			format := "Text"
			if strings.HasSuffix(column, "_Mail") {
				format = "Email"
			}
			if t.mail == "" && s.try("EntityDefinitions(LogicalName='"+t.name+"')/Attributes", columnBody("String", column, row{"FormatName": row{"Value": format}})) {
				t.mail = strings.ToLower(column)
			}
		}
	}
	for _, person := range []string{"contact", "lead"} {
		if t := s.tables[s.wide.IntN(len(s.tables))]; s.wide.one(3) && !t.activity && s.toOne(person, s.prefix+"_Score"+person, t.name) {
			s.wide.profiles[person] = t.name
		}
	}
	s.wide.referrer = s.wide.one(3) && s.toOne("contact", s.prefix+"_Referrer", "contact")
}

// toOne gives persons a lookup to a row of a table.
func (s *solution) toOne(person, column, target string) bool {
	return s.try("RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": column + "_" + target,
		"ReferencedEntity": target, "ReferencingEntity": person,
		"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
		"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": column, "DisplayName": labelled(column), "RequiredLevel": row{"Value": "None"}}})
}

// more gives a person rows in the places of a wider solution; other is somebody who stays.
func (s *solution) more(p, other solutionPerson) {
	w := s.wide
	for _, b := range ofBusiness {
		if p.table != "contact" || !w.one(2) {
			continue
		}
		name := p.name + " " + b.table
		s.create(b.table, name, row{b.name: "For " + p.full, "description": "Asked by " + p.full, b.nav + "contact@odata.bind": bindTo("contacts", p.name)})
		if w.one(2) {
			s.create("annotation", name+" note", row{"subject": "n", "notetext": p.full + " called", "objectid_" + b.table + "@odata.bind": bindTo(b.set, name)})
		}
		if w.one(2) {
			s.create("task", name+" task", row{"subject": "Call back " + p.full, "regardingobjectid_" + b.table + "_task@odata.bind": bindTo(b.set, name)})
			s.update("task", name+" task", row{"statecode": 1, "statuscode": 5})
		}
		for i := range s.tables {
			t := &s.tables[i]
			for _, l := range t.lookups {
				if l.target == b.table {
					s.make(t, p, row{l.nav + "@odata.bind": bindTo(b.set, name)})
				}
			}
		}
		if b.message == "" {
			s.update(b.table, name, row{"statecode": 3, "statuscode": 100001})
			continue
		}
		s.call(http.MethodPost, b.message, row{b.closing: row{"@odata.type": "Microsoft.Dynamics.CRM." + strings.ToLower(b.closing), "subject": "Agreed with " + p.full,
			b.key + "@odata.bind": "/" + bindTo(b.set, name)}, "Status": b.status}) // an open one justifies
	}
	s.correspondence(p, other)
	for i := range s.tables {
		t := &s.tables[i]
		if t.activity && w.one(2) {
			masks := []int{1, 2, 3, 4}
			s.make(t, p, row{"subject": "Dear " + p.full + " and " + other.full, t.name + "_activity_parties": []row{
				{"participationtypemask": masks[w.IntN(len(masks))], "partyid_" + p.table + "@odata.bind": bindTo(p.set, p.name)},
				{"participationtypemask": 2, "partyid_" + other.table + "@odata.bind": bindTo(other.set, other.name)}}})
		}
		if t.mail != "" && w.one(3) { // what hangs on a row that only an address leads to
			parent := s.make(t, p, row{t.mail: p.mail})
			s.hang(t, parent, p)
		}
		if t.phone != "" && w.one(3) {
			s.make(t, p, row{t.phone: strings.ReplaceAll(p.phone, " ", "")})
		}
	}
	if target := w.profiles[p.table]; target != "" {
		for i := range s.tables {
			if t := &s.tables[i]; t.name == target {
				profile := s.make(t, p, nil)
				s.update(p.table, p.name, row{s.prefix + "_Score" + p.table + "@odata.bind": bindTo(t.set, profile)})
				if p.table == other.table && w.one(3) {
					s.update(other.table, other.name, row{s.prefix + "_Score" + p.table + "@odata.bind": bindTo(t.set, profile)})
				}
				s.hang(t, profile, p)
			}
		}
	}
	if w.referrer && p.table == "contact" && p.name != other.name && w.one(2) {
		s.update("contact", other.name, row{s.prefix + "_Referrer@odata.bind": bindTo("contacts", p.name)})
	}
}

// hang hangs rows on a row, over whatever lookups lead to its table.
func (s *solution) hang(t *solutionTable, parent string, p solutionPerson) {
	for i := range s.tables {
		child := &s.tables[i]
		for _, l := range child.lookups {
			if l.target == t.name && s.wide.one(2) {
				s.make(child, p, row{l.nav + "@odata.bind": bindTo(t.set, parent)})
			}
		}
	}
	if !t.activity && s.wide.one(2) {
		s.create("annotation", parent+" note", row{"subject": "n", "notetext": "Of " + p.full, "objectid_" + t.name + "@odata.bind": bindTo(t.set, parent)})
	}
}

// correspondence are a person's activities and connections of the standard kinds.
func (s *solution) correspondence(p, other solutionPerson) {
	w := s.wide
	party := func(mask int, who solutionPerson) row {
		return row{"participationtypemask": mask, "partyid_" + who.table + "@odata.bind": bindTo(who.set, who.name)}
	}
	if w.one(2) {
		name := p.name + " mail"
		parties, to := []row{party(2, p)}, p.full
		if w.one(2) {
			parties, to = append(parties, party(3, other)), p.full+" and "+other.full
		}
		s.create("email", name, row{"subject": "Dear " + to, "description": "Yours, " + p.full, "email_activity_parties": parties})
		s.create("activitymimeattachment", name+" file", row{"subject": "Of " + p.full, "filename": p.full + ".txt", "body": base64.StdEncoding.EncodeToString([]byte(p.full)),
			"objectid_email@odata.bind": bindTo("emails", name), "objecttypecode": "email"})
	}
	if w.one(2) {
		s.create("appointment", p.name+" meeting", row{"subject": "With " + p.full + " and " + other.full, "scheduledstart": "2026-01-01T10:00:00Z", "scheduledend": "2026-01-01T11:00:00Z",
			"appointment_activity_parties": []row{party(5, p), party(5, other)}})
	}
	if w.one(2) {
		s.create("connection", p.name+" knows", row{"description": p.full + " knows somebody", "record1id_" + p.table + "@odata.bind": bindTo(p.set, p.name),
			"record2id_" + other.table + "@odata.bind": bindTo(other.set, other.name)})
	}
	if w.one(3) {
		s.create("post", p.name+" post", row{"text": "About " + p.full, "source": 2, "type": 7})
	}
	if w.one(3) {
		s.create("campaignresponse", p.name+" answer", row{"subject": "Answer of " + p.full, "lastname": p.full, "campaignresponse_activity_parties": []row{party(11, p)}})
	}
	if p.table == "contact" && w.one(3) {
		s.create("account", p.name+" firm", row{"name": "Firm of somebody", "description": "Ask " + p.full, "primarycontactid@odata.bind": bindTo("contacts", p.name)})
		s.update("account", p.name+" firm", row{"statecode": 1, "statuscode": 2})
	}
}

// varyWider changes the policy in further ways: kept, emptied and filtered rows, leads that are deleted, kinds of contacts.
func (s *solution) varyWider() {
	s.t.Helper()
	w := s.wide
	try := func(text string) bool {
		if text == s.policy || len(s.problems(text)) > 0 {
			return false
		}
		s.policy = text
		return true
	}
	for range 2 {
		t := &s.tables[w.IntN(len(s.tables))]
		for _, l := range t.lookups {
			if l.target != "contact" && l.target != "lead" || !w.one(2) {
				continue
			}
			rule := "{table: " + t.name + ", link: " + l.column + ", "
			primary := s.prefix + "_name"
			if t.activity {
				primary = "subject"
			}
			rule += []string{
				"do: keep, why: Needed}",
				"do: keep, why: Needed, after: createdon, keep: 9 years, then: delete}",
				"do: anonymize, why: Needed for statistics}",
				`where: "contains(` + primary + `,'row 3')", do: keep, why: Needed}`,
				`where: "contains(` + s.prefix + `_text,'quendrix')", do: delete}`,
			}[w.IntN(5)]
			at := strings.Index(s.policy, "    related:\n")
			if l.target == "lead" {
				at = strings.LastIndex(s.policy, "    related:\n")
			}
			at += len("    related:\n")
			try(s.policy[:at] + "      - " + rule + "\n" + s.policy[at:])
		}
	}
	if w.one(3) {
		if at := strings.Index(s.policy, "  lead:\n"); at >= 0 {
			try(s.policy[:at] + strings.Replace(s.policy[at:], "    purge: anonymize", "    purge: delete", 1))
		}
	}
	if w.one(4) {
		does := []string{"purge: anonymize", "purge: delete"}[w.IntN(2)]
		try(strings.Replace(s.policy, "    related:\n", "    classes:\n      - {id: first, who: Some, for: \"startswith(lastname,'anna')\", "+does+"}\n      - {id: rest, who: The others}\n    related:\n", 1))
	}
}
