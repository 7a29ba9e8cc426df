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
