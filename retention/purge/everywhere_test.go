package purge_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// createMany makes rows of one kind at once.
func (w *world) createMany(table string, n int, body func(i int) row) {
	w.t.Helper()
	t, err := w.client.Table(w.t.Context(), table)
	w.must(err)
	for start := 0; start < n; start += 500 {
		var parts []dataverse.Part
		for i := start; i < min(n, start+500); i++ {
			parts = append(parts, dataverse.Part{Op: &dataverse.Operation{Method: http.MethodPost, Path: t.EntitySet, Body: body(i)}})
		}
		results, err := w.client.Batch(w.t.Context(), parts)
		w.must(err)
		for _, r := range results {
			w.must(r.Err)
		}
	}
}

// bothWays tries a search that asks the service for values, as for few persons, and one that reads whole tables, as for many.
func bothWays(t *testing.T, try func(t *testing.T, way func(*purge.Deps), read bool)) {
	t.Run("asked", func(t *testing.T) { try(t, func(d *purge.Deps) { purge.SetReadAll(d, 1_000_000) }, false) })
	t.Run("read", func(t *testing.T) { try(t, func(d *purge.Deps) { purge.SetReadAll(d, 1) }, true) })
}

// A switchboard's number: everybody who has it is counted, the first are named, and nobody is counted twice.
func TestEverybodyWithTheNumberIsCounted(t *testing.T) { bothWays(t, everybodyWithTheNumberIsCounted) }

func everybodyWithTheNumberIsCounted(t *testing.T, way func(*purge.Deps), read bool) {
	w := newWorld(t, pol)
	w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "telephone1": "+46 8 123 45 67", "mobilephone": "070-123 45 67", "emailaddress1": "info@example.com", "emailaddress2": "desk@example.com"})
	const many = 1234
	w.createMany("lead", many, func(i int) row {
		return row{"lastname": fmt.Sprint("Lee ", i), "telephone1": "08-123 45 67", "mobilephone": "0701234567", "emailaddress1": "INFO@example.com", "emailaddress2": "desk@example.com", "estimatedclosedate": "2027-01-01"}
	})
	s := w.purgeAll(way)
	if s.Status != ledger.Done || s.Purged() != 1 {
		t.Fatalf("%s: failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	listed := make(map[string]int)
	for _, f := range s.Mentions {
		listed[f.Where]++
	}
	for _, where := range []string{"same-number", "same-address"} {
		if got := s.Mentioned()[where]; got != many {
			t.Errorf("%s: %d counted, want %d", where, got, many)
		}
		if listed[where] != 20 {
			t.Errorf("%s: %d are listed", where, listed[where])
		}
	}
	if len(s.Unread) != 0 {
		t.Errorf("not searched to the end: %v", s.Unread)
	}
}

// Where a search ends before its end, the run says so.
func TestSearchThatIsEndedIsSaid(t *testing.T) { bothWays(t, searchThatIsEndedIsSaid) }

func searchThatIsEndedIsSaid(t *testing.T, way func(*purge.Deps), read bool) {
	w := newWorld(t, pol)
	w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "emailaddress1": "info@example.com"})
	w.createMany("lead", 700, func(i int) row {
		return row{"lastname": fmt.Sprint("Lee ", i), "emailaddress1": "info@example.com", "estimatedclosedate": "2027-01-01"}
	})
	w.run()
	w.advance(60)
	s := w.run(way, func(d *purge.Deps) { purge.SetMost(d, 600) })
	if !slices.ContainsFunc(s.Unread, func(p search.Place) bool { return p.Name == "Rows with the same address or number" }) {
		t.Errorf("it is not said that the search was ended: %v", s.Unread)
	}
	if got := s.Mentioned()["same-address"]; got != 600 {
		t.Errorf("%d counted, want 600", got)
	}
}

// A number is found in whatever notation, as a finding; the other row stays as it is.
func TestNumbersInOtherNotations(t *testing.T) { bothWays(t, numbersInOtherNotations) }

func numbersInOtherNotations(t *testing.T, way func(*purge.Deps), read bool) {
	w := newWorld(t, withRules("      - {table: quote, link: customerid, do: keep, why: Bookkeeping}\n"))
	yvonne(w)
	w.create("contact", "olle", row{"lastname": "Olsson", "telephone1": "08-123 45 67"})
	for name, number := range map[string]string{
		"national": "070-111 22 33", "plain": "0701112233", "blanks": "070 111 22 33", "abroad": "0046701112233", "zero": "+46 (0)70-111 22 33", "bare": "46701112233", "half": "070-1112233",
		"desk": "+46 8 123 45 67", "desk 2": "0046 8 123 45 67",
		"groups": "0701-11 22 33", "words": "tel. 070 111 2233 (ask for Lee)",
		"other": "070-111 22 34", "norway": "+47 70 111 22 33", "short": "111 22 33",
	} {
		w.create("lead", name, row{"lastname": "Lee", "telephone2": number, "estimatedclosedate": "2027-01-01"})
	}
	// In rows that are read anyhow every notation is found.
	w.create("quote", "quote", row{"name": "Q", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_telephone": "(070) 11-12-233 ankn. 7"})
	s := w.purgeAll(way)
	if s.Status != ledger.Done || s.Purged() != 2 {
		t.Fatalf("%s: failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	found := make(map[string]bool)
	for _, f := range s.Mentions {
		found[f.Where+" "+f.ID.String()] = true
	}
	names := []string{"national", "plain", "blanks", "abroad", "zero", "bare", "half", "desk"}
	if read {
		names = append(names, "groups", "words", "desk 2") // which no question for whole texts finds
	}
	for _, name := range names {
		if !found["same-number "+id(name).String()] {
			t.Errorf("%s was not found", name)
		}
	}
	for _, name := range []string{"other", "norway", "short"} {
		if found["same-number "+id(name).String()] {
			t.Errorf("%s was taken for the same number", name)
		}
	}
	if !found["kept-number "+id("quote").String()] {
		t.Errorf("not found in the kept quote: %v", s.Mentions)
	}
	for _, r := range w.dump("lead") {
		if _, anonymous := r["gallra_anonymizedon"]; anonymous || !strings.HasPrefix(fmt.Sprint(r["lastname"]), "Lee") {
			t.Errorf("somebody was touched for a number: %v", r["lastname"])
		}
	}
}

// Whoever gets an address or a number while the run lasts is found as well, though the tables were read before.
func TestWhoComesWhileTheRunLastsIsFound(t *testing.T) { bothWays(t, whoComesWhileTheRunLastsIsFound) }

func whoComesWhileTheRunLastsIsFound(t *testing.T, way func(*purge.Deps), _ bool) {
	w := newWorld(t, pol)
	for i := range 6 {
		w.create("lead", fmt.Sprint("old", i), row{"lastname": "Lee", "estimatedclosedate": "2027-01-01"})
	}
	w.createMany("contact", 6, func(i int) row {
		return row{"contactid": id(fmt.Sprint("p", i)).String(), "lastname": fmt.Sprint("McKay ", i), "emailaddress1": fmt.Sprintf("p%d@example.com", i), "telephone1": fmt.Sprintf("070-111 22 3%d", i)}
	})
	w.run()
	w.advance(60)
	n := 0
	var last purge.Outcome
	s := w.run(way, func(d *purge.Deps) {
		d.Chunk = 1
		d.Outcome = func(o purge.Outcome) {
			if n++; n == 3 { // the tables were read after the first
				w.createMany("lead", 6, func(i int) row {
					return row{"leadid": id(fmt.Sprint("new", i)).String(), "lastname": "Lu", "emailaddress2": fmt.Sprintf("P%d@example.com", i), "estimatedclosedate": "2027-01-01"}
				})
				for i := range 6 {
					w.update("lead", fmt.Sprint("old", i), row{"telephone2": fmt.Sprintf("070111223%d", i)})
				}
			}
			last = o
		}
	})
	if s.Purged() != 6 {
		t.Fatalf("%d purged: %v", s.Purged(), s.Failures)
	}
	found := make(map[string]bool)
	for _, f := range s.Mentions {
		if f.Person.ID == last.ID {
			found[f.Where] = true
		}
	}
	if !found["same-address"] || !found["same-number"] {
		t.Errorf("of the last person was found: %v", found)
	}
}
