package purge_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// rewrites puts another text into the service's answers. Both are of one length.
type rewrites struct{ text, with string }

func (x rewrites) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Encoding", "identity")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(x.text), []byte(x.with))))
	return res, err
}

const deals = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    grounds:
      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, after: estimatedclosedate, keep: 1 month, mayBeEmpty: true}
    related:
      - {table: opportunity, link: parentcontactid, do: delete}
      - {table: '*', do: delete}
`

// TestUnreadableDateFailsItsPersonAlone: what is wrong with a date of one person's ends nobody else's purge. They stay as they are
// and are named; once the date is mended their turn comes.
func TestUnreadableDateFailsItsPersonAlone(t *testing.T) {
	tests := []struct{ name, text, with string }{
		{"in a row of a ground", "2025-10-24", "2025-10-99"},
		{"in an extension on the row", "2025-11-24", "24.11.2025"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deals)
			w.create("contact", "odd", row{"lastname": "Odd", "gallra_retainuntil": "2025-11-24", "gallra_retainreason": "A fair"})
			w.create("opportunity", "odd", row{"name": "Odd", "parentcontactid@odata.bind": bindTo("contacts", "odd"), "estimatedclosedate": "2025-10-24"})
			w.create("contact", "other", row{"lastname": "Other"})
			w.run()
			w.advance(60)
			garbled := w.connectWith(func(o *dataverse.Options) { o.Transport = rewrites{tt.text, tt.with} })
			s := w.run(func(d *purge.Deps) { d.Client = garbled })
			if w.get("contact", "other") != nil || s.Purged() != 1 {
				t.Errorf("%d purged beside the unreadable date, want 1", s.Purged())
			}
			if w.get("contact", "odd") == nil {
				t.Fatal("purged although a date about them cannot be read")
			}
			if s.Status != ledger.Partial || len(s.Failures) != 1 || s.Failures[0].ID != id("odd") || s.Failures[0].Code != "date-unreadable" {
				t.Errorf("the run is %s and tells of %+v", s.Status, s.Failures)
			}
			if s := w.run(); s.Purged() != 1 || w.get("contact", "odd") != nil {
				t.Errorf("%d purged after the date was mended, want 1: %+v", s.Purged(), w.outcomes()[uuid.UUID(id("odd"))])
			}
		})
	}
}
