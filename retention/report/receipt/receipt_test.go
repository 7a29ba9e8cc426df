package receipt

import (
	"bytes"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

func keeping(t *testing.T, text string) retention.Keeping {
	k, err := retention.ParseKeeping(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestReceiptForPeople(t *testing.T) {
	hostile := `<script>alert(1)</script>`
	pol := &policy.Policy{TimeZone: time.UTC, Subjects: []policy.Subject{{Table: "contact",
		Grounds: []policy.Ground{{ID: "agreed-follow-up", Basis: "consent", Why: "Asked us to come back " + hostile}},
		Related: []policy.RelatedRule{{Table: "email", Do: policy.Retain, Why: "Evidence of a contract " + hostile}, {Table: "quote", Do: policy.Delete, Why: "not this"}}}}}
	id := uuid.MustParse("465b158c-541c-e511-80d3-3863bb347ba8")
	r := &Receipt{Run: "20261124-080000-12345678", Ended: time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC), Despite: []string{"agreed-follow-up"},
		Rows:    []Row{{Table: "contact", ID: id, Do: policy.Delete, Status: "done"}, {Table: "lead", ID: id, Status: "failed", Code: "bound"}},
		Related: []Table{{Table: "email", Deleted: 3, Kept: 2, TakenOff: 1}, {Table: "new_" + hostile, Deleted: 4}},
		Places: []Stood{{Place: "email.party", Table: "email", Leads: personmap.Party, Deleted: 3, Kept: 2, TakenOff: 1, Why: []string{"Evidence of a contract " + hostile},
			Ends: []End{{Rule: "contact.email", After: "createdon", Keep: keeping(t, "7 years from end of year"), Then: policy.Delete}, {Until: "new_on" + hostile, Keep: keeping(t, "1 month"), Then: policy.Anonymize}}},
			{Place: "quote.customerid", Table: "quote", Leads: personmap.Lookup, Freed: 1, Why: []string{}}, {Place: "new_" + hostile, Table: "new_" + hostile, Deleted: 4}},
		Aside: []Aside{{"lead.emailaddress1", "lead", personmap.Left, "Judged by the other office " + hostile}, {"lead.emailaddress2", "lead", personmap.Left, "Judged by the other office " + hostile},
			{"new_virtual.new_contact", "new_virtual", personmap.Unreachable, ""}},
		Unread: []Place{{search.SystemJobs, "jobs", "look"}},
		Audit:  Audit{Deleted: 12, Pending: 1}, Mentions: map[string]int{"email": 2}}
	for _, p := range purge.Unreachable(dataverse.Settings{RecycleBin: true, RecycleBinDays: 30}, &compile.Policy{}) {
		r.ByHand = append(r.ByHand, Place{p.Key, p.Name, p.Remedy})
	}
	wordstest.Check(t, subject, []string{"*.go"}, []string{"row.", "basis.", "table.", "place.", "leads.", "date.", "then."})
	for language, want := range map[string][]string{
		"en": {"Contact " + id.String(), "emptied and deleted", "not erased (bound)", "3 deleted", "1 you were taken off", "E-mails: 2", "Evidence of a contract", "your consent", "Asked us to come back", "2026-11-24 08:30 UTC", "12 deleted", "ends after 7 to 28 days", "The recycle bin", "E-mails that you took part in", "Quotes that led to you: 1", "no longer leads to you", "What was not looked at", "Judged by the other office", "lets nobody read it", "What was not searched, or not to the end", "This is not said of what is listed below",
			"For how long: 7 years from the end of the year of the day it was made; then deleted.", "For how long: 1 month beyond the date in new_on"},
		"sv": {"Kontakt " + id.String(), "tömda och borttagna", "inte raderat (bound)", "3 borttagna", "E-postmeddelanden: 2", "E-postmeddelanden som du deltog i: 2", "Vad som inte har granskats", "ditt samtycke", "upphör efter 7 till 28 dagar", "Papperskorgen", "Hur länge: 7 år från slutet av året för dagen då uppgiften skapades; därefter tas den bort."},
	} {
		var buf bytes.Buffer
		if err := r.WriteHTML(&buf, pol, language); err != nil {
			t.Fatal(err)
		}
		page := buf.String()
		text := html.UnescapeString(page)
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: the page does not say %q", language, w)
			}
		}
		for _, not := range []string{"<script", "http:", "https:", "src=", "<link", "not this"} {
			if strings.Contains(page, not) {
				t.Errorf("%s: the page holds %q", language, not)
			}
		}
		for _, key := range search.PlaceKeys() {
			for _, text := range []string{"place." + string(key), "place." + string(key) + ".how"} {
				if _, ok := words.In(subject, language).Lookup(text); !ok {
					t.Errorf("%s has no %s", language, text)
				}
			}
		}
	}
}
