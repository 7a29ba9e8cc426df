package purge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// An extension from outside the CRM is one that counts: it rescues the person in the next run, and one that would not
// count is not written.
func TestExtend(t *testing.T) {
	w := newWorld(t, pol)
	w.create("contact", "anna", row{"lastname": "Svensson"})
	w.run()
	who := evaluate.PersonRef{Table: "contact", ID: id("anna")}
	d := w.deps(w.client)
	stands := func() (string, string) {
		t.Helper()
		r, err := w.client.Get(t.Context(), "contact", who.ID, dataverse.Query{Select: []string{"gallra_retainuntil", "gallra_retainreason"}})
		w.must(err)
		return r.Text("gallra_retainuntil"), r.Text("gallra_retainreason")
	}
	for _, wrong := range []struct {
		until  retention.Date
		reason string
		want   error
	}{
		{d.Today + 30, "  ", purge.ErrNoReason},
		{d.Today, "agreed", purge.ErrExtensionPast},
		{d.Today.Add(d.Policy.Policy.ManualExtension) + 1, "agreed", purge.ErrExtensionTooFar},
	} {
		if err := purge.Extend(t.Context(), d, who, wrong.until, wrong.reason); !errors.Is(err, wrong.want) {
			t.Errorf("until %s because %q: %v, want %v", wrong.until, wrong.reason, err, wrong.want)
		}
	}
	if err := purge.Extend(t.Context(), d, evaluate.PersonRef{Table: "contact", ID: uuid.New()}, d.Today+30, "agreed"); !errors.Is(err, dataverse.ErrNotFound) {
		t.Errorf("somebody who is not there: %v", err)
	}
	if until, reason := stands(); until+reason != "" {
		t.Errorf("what does not count was written: %s %s", until, reason)
	}
	last := d.Today.Add(d.Policy.Policy.ManualExtension)
	w.must(purge.Extend(t.Context(), d, who, last, " agreed \n on the phone "))
	if until, reason := stands(); until != last.String() || reason != "agreed on the phone" {
		t.Errorf("on the row: %s %q", until, reason)
	}
	w.must(purge.Extend(t.Context(), d, who, last, strings.Repeat("long ", 300)))
	if _, reason := stands(); len([]rune(reason)) > policy.MaxReason {
		t.Errorf("%d letters", len([]rune(reason)))
	}
	w.run()
	r, err := w.client.Get(t.Context(), "contact", who.ID, dataverse.Query{Select: []string{"gallra_purgescheduledon"}})
	w.must(err)
	if !r.Null("gallra_purgescheduledon") {
		t.Error("the extension did not rescue them")
	}
}

// An extension is taken back as it was given: both columns go, the next run gives the person the whole notice again, and what does not
// stand is not taken back.
func TestTakeBack(t *testing.T) {
	w := newWorld(t, pol)
	w.create("contact", "anna", row{"lastname": "Svensson"})
	w.run()
	who := evaluate.PersonRef{Table: "contact", ID: id("anna")}
	read := func() dataverse.Row {
		t.Helper()
		r, err := w.client.Get(t.Context(), "contact", who.ID, dataverse.Query{Select: []string{"gallra_retainuntil", "gallra_retainreason", "gallra_purgescheduledon"}})
		w.must(err)
		return r
	}
	if err := purge.TakeBack(t.Context(), w.deps(w.client), who); !errors.Is(err, purge.ErrNotExtended) {
		t.Errorf("nothing stands on the row: %v", err)
	}
	d := w.deps(w.client)
	w.must(purge.Extend(t.Context(), d, who, d.Today.Add(d.Policy.Policy.ManualExtension), "agreed"))
	w.run()
	if r := read(); !r.Null("gallra_purgescheduledon") {
		t.Fatalf("extended, they have the purge date %s", r.Text("gallra_purgescheduledon"))
	}
	w.must(purge.TakeBack(t.Context(), w.deps(w.client), who))
	if r := read(); !r.Null("gallra_retainuntil") || !r.Null("gallra_retainreason") {
		t.Errorf("on the row: %v", r)
	}
	w.run()
	if on, want := read().Text("gallra_purgescheduledon"), d.Today.Add(d.Policy.Policy.Notice).String(); on < want {
		t.Errorf("they go on %q, before the notice of %s has passed", on, want)
	}
	if err := purge.TakeBack(t.Context(), d, evaluate.PersonRef{Table: "contact", ID: uuid.New()}); !errors.Is(err, dataverse.ErrNotFound) {
		t.Errorf("somebody who is not there: %v", err)
	}
}

// Staff take an extension back where they gave it, on the form: emptying either column is enough, and the next run counts as if it had not
// been. A person who had lost their purge date gets another with the whole notice; a date that the extension had moved stays, since none
// becomes earlier. A form sends only what was changed.
func TestAnExtensionIsTakenBackOnTheForm(t *testing.T) {
	const announced = "2026-03-10" // two months after day0
	for name, tt := range map[string]struct {
		until          string
		days           int // after the announcement
		back           row
		extended, then string // the purge date after a run of that day, and after one of the 31st day, on which it is taken back
	}{
		"the date is emptied":                    {"2026-08-01", 1, row{"gallra_retainuntil": nil}, "", "2026-04-10"},
		"the reason is emptied":                  {"2026-08-01", 1, row{"gallra_retainreason": nil}, "", "2026-04-10"},
		"both are":                               {"2026-08-01", 1, row{"gallra_retainuntil": nil, "gallra_retainreason": nil}, "", "2026-04-10"},
		"a day that is over":                     {"2026-08-01", 1, row{"gallra_retainuntil": "2026-02-01"}, "", "2026-04-10"},
		"it had moved the date, which stays":     {"2026-03-20", 30, row{"gallra_retainuntil": nil}, "2026-03-20", "2026-03-20"},
		"it ended before, and had moved nothing": {"2026-03-01", 1, row{"gallra_retainuntil": nil}, announced, announced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pol)
			w.create("contact", "anna", row{"lastname": "Svensson"})
			w.run()
			on := func() string { return w.get("contact", "anna").Text("gallra_purgescheduledon") }
			if on() != announced {
				t.Fatalf("announced for %s", on())
			}
			w.advance(tt.days)
			w.update("contact", "anna", row{"gallra_retainuntil": tt.until, "gallra_retainreason": "A trade fair"})
			w.run()
			if on() != tt.extended {
				t.Fatalf("extended until %s: the date is %q, want %q", tt.until, on(), tt.extended)
			}
			w.advance(31 - tt.days)
			w.update("contact", "anna", tt.back)
			w.run()
			if on() != tt.then {
				t.Errorf("taken back: the date is %q, want %q", on(), tt.then)
			}
			if tt.extended == "" {
				if noticed := w.get("contact", "anna").Text("gallra_purgenoticedon"); noticed != "2026-02-10" {
					t.Errorf("the notice counts from %s", noticed)
				}
			}
		})
	}
}
