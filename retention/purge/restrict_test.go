package purge_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge"
)

// TestKeptRowThatForbidsTheDelete: a kept row whose optional lookup forbids the delete of the person. The policy's record, the
// preview and the purge say the same of it.
func TestKeptRowThatForbidsTheDelete(t *testing.T) {
	tests := []struct{ whenBound, record, code string }{
		{"fail", "freed from it where their lookup may be empty and does not forbid the delete (Restrict)", "bound"},
		{"anonymize", "freed from it where their lookup may be empty; where one stays bound", ""},
	}
	for _, tt := range tests {
		t.Run(tt.whenBound, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    whenBound: `+tt.whenBound+`
    grounds:
      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related:
      - {table: feedback, link: createdbycontact, do: keep, why: Statistics}
      - {table: '*', do: delete}
`)
			w.create("contact", "author", row{"lastname": "Author"})
			w.create("feedback", "praise", row{"title": "Praise", "createdbycontact@odata.bind": bindTo("contacts", "author")})
			checked := w.checked(w.client)
			var record strings.Builder
			w.must(checked.Policy.WriteRecord(&record, nil))
			if !strings.Contains(record.String(), tt.record) {
				t.Errorf("the record does not say %q", tt.record)
			}
			forecasts, err := purge.Preview(t.Context(), w.client, checked, evaluate.EvaluateOptions{Today: retention.DateOf(w.client.Now(), checked.Policy.TimeZone)}, "contact", []uuid.UUID{id("author")})
			if w.must(err); len(forecasts) != 1 || forecasts[0].Code != tt.code {
				t.Errorf("the preview says %+v", forecasts)
			}
			s := w.purgeAll()
			author, praise := w.get("contact", "author"), w.get("feedback", "praise")
			if praise == nil {
				t.Fatal("the kept row is gone")
			}
			if tt.code == "bound" && (author == nil || author.Text("lastname") != "Author" || praise.Null("_createdbycontact_value") || s.Failed() != 1 || s.Failures[0].Code != "bound") {
				t.Errorf("freed and deleted: %v, %v", author, w.outcomes())
			}
			if tt.code == "" && (author != nil || s.Purged() != 1 || !praise.Null("_createdbycontact_value")) {
				t.Errorf("%d purged; the kept row was to be freed: %v", s.Purged(), w.outcomes())
			}
		})
	}
}

// TestFailuresSayWhatStays: whoever failed stays scheduled only if nothing of them was begun; a row that is anonymous already, and
// under a legal hold, stays until its release.
func TestFailuresSayWhatStays(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	unfinished(w)
	w.advance(1)
	w.update("contact", "yvonne", row{"gallra_legalhold": true})
	s := w.run(by(w.actor()))
	if len(s.Failures) != 1 || !strings.Contains(s.Failures[0].Stays(), "until the legal hold is released") {
		t.Errorf("%+v", s.Failures)
	}
	for want, o := range map[string]purge.Outcome{
		"stays scheduled": {Action: retention.Purge, Code: "changed"},
		"is anonymised, and the next run goes on with its row": {Action: retention.Purge, Code: "not-deleted", Begun: true},
		"stays as it is": {Action: retention.Keep, Code: "date-unreadable"},
	} {
		if o.Stays() != want {
			t.Errorf("%+v %q, want %q", o, o.Stays(), want)
		}
	}
}
