package purge_test

import (
	"strings"
	"testing"
)

// Of kinds of persons each has its own end for what it kept.
func TestClassesEndWhatTheyKept(t *testing.T) {
	text := strings.Replace(rowsPol, `    related:
      - table: email
        party: any
        where: regardingobjectid_quote_email/statecode eq 1
        do: keep
        why: Acceptance of a quote
        after: createdon
        keep: 7 years
        then: delete
`, `    classes:
      - id: applicant
        for: jobtitle eq 'Applicant'
        related:
          - {table: phonecall, party: any, do: keep, why: Evidence, after: createdon, keep: 1 year, then: delete}
          - {table: '*', do: delete}
      - id: everybody-else
        related:
          - {table: phonecall, party: any, do: keep, why: Evidence, after: createdon, keep: 3 years, then: anonymize, erase: [subject, description]}
          - {table: '*', do: delete}
    related:
`, 1)
	i := strings.Index(text, "rows:\n  -")
	text = text[:i]
	w := newWorld(t, text)
	for name, title := range map[string]string{"anna": "Applicant", "yvonne": "Director"} {
		w.create("contact", name, row{"lastname": name, "jobtitle": title})
		w.create("phonecall", "of "+name, row{"subject": "Call with " + name, "description": "about " + name, "phonecall_activity_parties": []row{
			{"partyid_contact@odata.bind": bindTo("contacts", name), "participationtypemask": 2}}})
	}
	s := w.purgeAll()
	if s.Purged() != 2 || w.get("phonecall", "of anna") == nil || w.get("phonecall", "of yvonne") == nil {
		t.Fatalf("purged %d, failures %v", s.Purged(), s.Failures)
	}
	w.control("clock", map[string]any{"now": "2027-01-12T06:00:00Z"})
	s = w.run()
	if w.get("phonecall", "of anna") != nil || w.get("phonecall", "of yvonne").Null("subject") || tallyNamed(t, s, "contact.applicant.phonecall").Ended != 1 {
		t.Fatalf("a year later: %+v", s.Rows)
	}
	w.control("clock", map[string]any{"now": "2029-01-12T06:00:00Z"})
	s = w.run()
	if r := w.get("phonecall", "of yvonne"); r == nil || r.Text("subject") == "Call with yvonne" || tallyNamed(t, s, "contact.everybody-else.phonecall").Ended != 1 {
		t.Fatalf("three years later: %+v", s.Rows)
	}
	w.nothingFound("yvonne", "activityparty") // whose lines stay with their activity
	if s = w.run(); s.RowsEnded() != 0 {
		t.Errorf("emptied twice: %+v", s.Rows)
	}
}
