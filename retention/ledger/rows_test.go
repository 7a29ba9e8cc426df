package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/policy"
)

// What a ledger adds up to of rows whose own period was over, run by run, also once it was read again.
func TestEndedRows(t *testing.T) {
	dir := t.TempDir()
	a, b := uuid.MustParse("00000000-0000-4000-8000-00000000000a"), uuid.MustParse("00000000-0000-4000-8000-00000000000b")
	part := uuid.MustParse("00000000-0000-4000-8000-0000000000ff")
	ending := func(id uuid.UUID) Entry {
		return Entry{Kind: Ending, Table: "email", ID: id, Ground: "service-mail", Do: policy.Delete, Rows: map[string][]uuid.UUID{"email": {id}, "annotation": {part}}, Counts: map[string]int{"delete email": 1}}
	}
	ended := func(id uuid.UUID, s Status, code string) Entry {
		return Entry{Kind: Ended, Table: "email", ID: id, Ground: "service-mail", Do: policy.Delete, Status: s, Code: code}
	}
	swept := func(id uuid.UUID, n int) Entry { return Entry{Kind: Swept, Table: "email", ID: id, Deleted: n} }
	for i, step := range []struct {
		entries []Entry
		open    []uuid.UUID // begun, and nobody knows what became of them
		sweep   []uuid.UUID
	}{
		{[]Entry{ending(a), ending(b), ended(b, Done, "")}, []uuid.UUID{a}, []uuid.UUID{b}},
		{[]Entry{ended(a, Skipped, NotBegun), swept(b, 2)}, nil, []uuid.UUID{b}},
		{[]Entry{ending(a), ended(a, Done, ""), swept(a, 1), swept(b, 0)}, nil, []uuid.UUID{a}}, // b was looked for in a later run, and nothing was left
		{[]Entry{swept(a, 0)}, nil, nil},
	} {
		l := mustOpen(t, dir)
		if err := l.Begin(t.Context(), Run{ID: "run-" + string(rune('a'+i)), Verb: "run", Now: func() time.Time { return time.Date(2026, 11, 24+i, 8, 0, 0, 0, time.UTC) }}); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(step.entries...); err != nil {
			t.Fatal(err)
		}
		if err := l.End(Done, nil); err != nil {
			t.Fatal(err)
		}
		for range 2 { // as it was written, and as it is read
			var begun, sweep []uuid.UUID
			for _, e := range l.EndedRows() {
				if e.Rule != "service-mail" || len(e.Rows["annotation"]) != 1 {
					t.Errorf("run %d: %+v", i, e)
				}
				if e.Concluded {
					sweep = append(sweep, e.ID)
				} else {
					begun = append(begun, e.ID)
				}
			}
			if !slices.Equal(begun, step.open) || !slices.Equal(sweep, step.sweep) {
				t.Errorf("run %d: begun %v, to sweep %v; want %v, %v", i, begun, sweep, step.open, step.sweep)
			}
			l = mustOpen(t, dir)
		}
	}
	if n := mustOpen(t, dir).Touched("email"); n != 2 { // grounds that lost these rows are not broken
		t.Errorf("%d rows count as touched, want 2", n)
	}
	proof, err := Verify(dir)
	if err != nil || len(proof.Problems) > 0 {
		t.Errorf("%v %v", err, proof)
	}
}

// Rows count as kept once the purge that left them in place is done, by the class of the purged.
func TestKeptRows(t *testing.T) {
	dir := t.TempDir()
	org := uuid.MustParse("00000000-0000-4000-8000-000000000001")
	person := func(n byte) uuid.UUID { return uuid.UUID{15: n, 8: 0x80, 6: 0x40} }
	row := func(n byte) uuid.UUID { return uuid.UUID{14: n, 8: 0x80, 6: 0x40} }
	intent := func(n byte, class string) Entry {
		return Entry{Kind: Intent, Table: "contact", ID: person(n), Do: policy.Delete, Class: class, Stays: map[string][]uuid.UUID{"email": {row(n)}}}
	}
	outcome := func(n byte, s Status, code string) Entry {
		return Entry{Kind: Outcome, Table: "contact", ID: person(n), Do: policy.Delete, Status: s, Code: code}
	}
	l := mustOpen(t, dir)
	if err := l.Begin(t.Context(), Run{ID: "run", Verb: "run", Organization: org}); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(intent(1, ""), intent(2, "applicant"), intent(3, ""), intent(4, ""), intent(5, ""),
		outcome(1, Done, ""), outcome(2, Done, ""), outcome(3, Skipped, "changed"), outcome(4, Skipped, WrittenSince)); err != nil {
		t.Fatal(err)
	}
	if err := l.End(Done, nil); err != nil {
		t.Fatal(err)
	}
	kept, err := mustOpen(t, dir).Kept(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	all := kept[KeptBy{"contact", "", "email"}]
	if len(kept) != 2 || len(all) != 2 || !all[row(1)] || !all[row(4)] || !kept[KeptBy{"contact", "applicant", "email"}][row(2)] {
		t.Errorf("kept %v", kept)
	}
	if other, err := mustOpen(t, dir).Kept(t.Context(), person(9)); err != nil || len(other) > 0 {
		t.Errorf("of another organisation: %v %v", other, err)
	}
}
