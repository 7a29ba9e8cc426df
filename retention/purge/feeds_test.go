package purge_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// TestFeeds finds posts that name a purged person, whoever wrote them, and no others.
func TestFeeds(t *testing.T) { bothWays(t, feedsThatName) }

func feedsThatName(t *testing.T, way func(*purge.Deps), read bool) {
	w := newWorld(t, pol)
	yvonne(w)
	for name, text := range map[string]string{"auto": "Contact: Created By CRM for YVONNE MCKAY.", "other": "Yvonne McKaye is somebody else, and so is Yvonne.",
		"address": "write to yvonne.mckay@example.com"} {
		w.create("post", name, row{"text": text, "source": 2, "type": 7})
	}
	s := w.purgeAll(way)
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

// TestPostsThatComeWhileTheRunLasts: what is read once a run misses no post that is written, changed or deleted while it lasts.
func TestPostsThatComeWhileTheRunLasts(t *testing.T) {
	bothWays(t, func(t *testing.T, way func(*purge.Deps), read bool) {
		w := newWorld(t, pol)
		for i := range 6 {
			w.create("contact", fmt.Sprint("n", i), row{"firstname": "Ilse", "lastname": fmt.Sprintf("Q%dendrix", i)})
		}
		w.create("post", "gone", row{"text": "About Ilse Q5endrix, for a while", "source": 2, "type": 7})
		w.create("post", "before", row{"text": "About Ilse Q5endrix", "source": 2, "type": 7})
		w.run()
		w.advance(61)
		looks := 0
		s := w.run(way, func(d *purge.Deps) {
			d.Chunk = 1
			d.Progress = func(p purge.Progress) {
				if p.Phase != "look" {
					return
				}
				if looks++; looks == 3 {
					w.create("post", "new", row{"text": "Rumours of Ilse Q5endrix, and Ilse Q4endrix", "source": 2, "type": 7})
					w.must(w.client.Call(t.Context(), http.MethodDelete, "posts("+id("gone").String()+")", nil, nil))
				}
			}
		})
		told := make(map[string]int)
		for _, f := range s.Mentions {
			if f.Where == "feed" {
				told[f.ID.String()]++
			}
		}
		if told[id("new").String()] != 2 || told[id("before").String()] != 1 || told[id("gone").String()] != 0 {
			t.Errorf("of the new post is told %d times, want 2; of the old %d, want 1; of the deleted %d", told[id("new").String()], told[id("before").String()], told[id("gone").String()])
		}
	})
}
