package provision_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
)

// The view of who is coming up holds everybody whose date lies within two months or has passed, whichever day it was: whoever waits for an
// approval the day after is still on it.
func TestTheComingViewLosesNobody(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	l := newLand(t, emulator.Options{Now: func() time.Time { return now }})
	c := l.client(&wire{})
	l.provision(c, onContacts())
	var want []string
	for _, days := range []int{-400, -31, -2, -1, 0, 1, 30, 59, 75} {
		name := fmt.Sprintf("%+d", days)
		if _, err := c.Create(t.Context(), "contacts", map[string]any{"lastname": name, "gallra_purgescheduledon": now.AddDate(0, 0, days).Format(time.DateOnly)}, nil); err != nil {
			t.Fatal(err)
		}
		if days < 60 {
			want = append(want, name)
		}
	}
	for row, err := range c.Rows(t.Context(), dataverse.Query{Set: "savedqueries", Select: []string{"name", "fetchxml"}, Filter: "returnedtypecode eq 'contact'"}) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Text("name") != "Contacts to be purged within 2 months" {
			continue
		}
		var got []string
		fetch := row.Text("fetchxml")
		for person, err := range c.Rows(t.Context(), dataverse.Query{Set: "contacts", FetchXML: fetch}) {
			if err != nil {
				t.Fatal(err)
			}
			who, err := c.Get(t.Context(), "contact", person.ID("contactid"), dataverse.Query{Select: []string{"lastname"}})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, who.Text("lastname"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the view holds %v, want %v", got, want)
		}
		return
	}
	t.Errorf("there is no view %s", provision.ComingView)
}
