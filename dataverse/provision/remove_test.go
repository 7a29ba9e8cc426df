package provision_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
)

func TestRemove(t *testing.T) {
	l := newLand(t, emulator.Options{})
	if err := l.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Held", Type: "Boolean"}); err != nil {
		t.Fatal(err)
	}
	before := l.state()
	c := l.client(&wire{})
	if list, err := provision.Removals(t.Context(), c, onContacts()); err != nil || len(list) > 0 {
		t.Errorf("nothing is there: %v, %v", list, err)
	}
	p := provision.MappedProvisioning([]provision.GallraTable{{Table: "contact", Columns: provision.OwnColumns{LegalHold: "nord_held"}}}, twoRights)
	if _, err := provision.Run(t.Context(), c, p, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), "contacts", map[string]any{"lastname": "A", "gallra_purgereason": "x", "nord_held": true}, nil); err != nil {
		t.Fatal(err)
	}
	n, err := provision.ReadNote(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	n.Ledger = `{"kind":"checkpoint"}`
	if _, err := n.Write(t.Context(), c, "r"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), "annotations", map[string]any{"annotationid": provision.FormerNote, "subject": "gallra, run x"}, nil); err != nil {
		t.Fatal(err)
	}
	list, err := provision.Removals(t.Context(), c, onContacts())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprintf("%s %d", r.What, r.Rows))
	}
	want := []string{`dashboard "Contacts: retention" 0`, `chart "Contacts to be purged, by week" of contact 0`, `section on form "Information" of contact 0`,
		`view "Contacts to be purged within 2 months" of contact 0`, `view "Purge scheduled, mine" of contact 0`, `view "Retained by hand" of contact 0`, `view "Retained by hand, mine" of contact 0`, `view "Under legal hold" of contact 0`, `role "gallra" 0`,
		"column contact.gallra_anonymizedon 0", "column contact.gallra_purgenoticedon 0", "column contact.gallra_purgescheduledon 0", "column contact.gallra_retainreason 0",
		"column contact.gallra_retainuntil 0", "column contact.gallra_purgereason 1", "checkpoint of the ledger in solution gallra 0", "checkpoint of the ledger in a note 0", "solution gallra 0", "publisher gallra 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if list, err = provision.Remove(t.Context(), c, list, nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if !r.Done {
			t.Errorf("%+v", r)
		}
	}
	after := slices.DeleteFunc(l.state(), func(s string) bool { return strings.HasPrefix(s, "solutioncomponents") })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Get(t.Context(), "annotation", provision.FormerNote, dataverse.Query{}); !errors.Is(err, dataverse.ErrNotFound) {
		t.Errorf("gallra's former note is left: %v", err)
	}
	if table, err := c.Table(t.Context(), "contact"); err != nil || table.Attributes["nord_held"] == nil {
		t.Errorf("the mapped column is gone: %v", err)
	}
}

// A removal that was killed is ended by the next one.
func TestRemoveKilledAtEveryRequest(t *testing.T) {
	remove := func(ctx context.Context, c *dataverse.Client) error {
		list, err := provision.Removals(ctx, c, onContacts())
		if err == nil {
			_, err = provision.Remove(ctx, c, list, nil)
		}
		return err
	}
	l := newLand(t, emulator.Options{})
	if _, err := provision.Run(t.Context(), l.client(&wire{}), onContacts(), false, nil); err != nil {
		t.Fatal(err)
	}
	full := l.server.Snapshot()
	undisturbed := &wire{at: map[int]bool{}}
	if err := remove(t.Context(), l.client(undisturbed)); err != nil || len(undisturbed.writes) < 15 {
		t.Fatal(err, undisturbed.writes)
	}
	for _, after := range []bool{false, true} {
		for _, cut := range undisturbed.cuts(after) {
			if err := l.server.Restore(full); err != nil {
				t.Fatal(err)
			}
			ctx, kill := context.WithCancel(t.Context())
			err := remove(ctx, l.client(&wire{cut: cut, after: after, kill: kill}))
			kill()
			if err := remove(t.Context(), l.client(&wire{})); err != nil {
				t.Fatalf("killed at request %d: %v", cut, err)
			}
			for _, s := range l.state() {
				if strings.Contains(s, "gallra") {
					t.Fatalf("killed at request %d, after it: %v: %s is left", cut, after, s)
				}
			}
			if err == nil {
				t.Fatalf("request %d: not killed", cut)
			}
		}
	}
}

// What others put into the solution stays, and so does what their components need.
func TestRemoveLeavesWhatOthersMade(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	if _, err := provision.Run(t.Context(), c, onContacts(), false, nil); err != nil {
		t.Fatal(err)
	}
	inSolution := http.Header{"MSCRM.SolutionUniqueName": {"gallra"}}
	if _, err := c.Create(t.Context(), "savedqueries", map[string]any{"name": "Ours", "returnedtypecode": "contact", "querytype": 0,
		"fetchxml":  `<fetch><entity name="contact"><attribute name="contactid"/><attribute name="gallra_purgereason"/></entity></fetch>`,
		"layoutxml": `<grid name="resultset" object="2"><row name="result" id="contactid"><cell name="gallra_purgereason" width="100"/></row></grid>`}, inSolution); err != nil {
		t.Fatal(err)
	}
	list, err := provision.Removals(t.Context(), c, onContacts())
	if err == nil {
		list, err = provision.Remove(t.Context(), c, list, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]string{}
	for _, r := range list {
		if !r.Done {
			left[r.What] = r.Left
		}
	}
	want := map[string]string{`component view "Ours" of contact`: "gallra did not make it", "column contact.gallra_purgereason": "still used by a view: take it off there first"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}
