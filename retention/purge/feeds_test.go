package purge_test

import (
	"slices"
	"testing"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// TestFeeds finds posts that name a purged person, whoever wrote them, and no others.
func TestFeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	yvonne(w)
	for name, text := range map[string]string{"auto": "Contact: Created By CRM for YVONNE MCKAY.", "other": "Yvonne McKaye is somebody else, and so is Yvonne.",
		"address": "write to yvonne.mckay@example.com"} {
		w.create("post", name, row{"text": text, "source": 2, "type": 7})
	}
	s := w.purgeAll()
	var found []string
	for _, f := range s.Mentions {
		if f.Where == "feed" {
			if f.Table != "post" || f.Person != (ledger.Key{Table: "contact", ID: id("yvonne")}) {
				t.Errorf("finding %+v", f)
			}
			found = append(found, f.ID.String())
		}
	}
	want := []string{id("auto").String(), id("address").String()}
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// TestFeedsThatDoNotAnswer are named, asked for once, and stop nothing.
func TestFeedsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	names := ten(w)
	w.control("faults", []row{{"status": 403, "route": "GET posts"}})
	s := w.run(func(d *purge.Deps) { d.Chunk = 2 })
	if s.Status != ledger.Done || s.Purged() != len(names) {
		t.Errorf("status %s, %d purged", s.Status, s.Purged())
	}
	if n := len(slices.DeleteFunc(slices.Clone(s.Unread), func(p search.Place) bool { return p.Name != "Activity feeds (posts)" })); n != 1 {
		t.Errorf("the feeds are named %d times as not searched, want once", n)
	}
}
