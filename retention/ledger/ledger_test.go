package ledger

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

func date(s string) retention.Date {
	d, err := retention.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func person(n byte) uuid.UUID { return uuid.UUID{15: n, 6: 0x40, 8: 0x80} }

func testRun(id string) Run {
	return Run{ID: id, Verb: "run", Policy: "sha256:" + strings.Repeat("ab", 32), Today: date("2026-11-24"), Version: "v0.1.0", Actor: person(77),
		Now: func() time.Time { return time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) }}
}

func mustOpen(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func begin(t *testing.T, dir, id string) *Ledger {
	t.Helper()
	return beginLater(t, dir, id, 0)
}

// beginLater begins a run so long after the others.
func beginLater(t *testing.T, dir, id string, later time.Duration) *Ledger {
	t.Helper()
	l := mustOpen(t, dir)
	run := testRun(id)
	first := run.Now()
	run.Now = func() time.Time { return first.Add(later) }
	if err := l.Begin(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return l
}

func appendAll(t *testing.T, l *Ledger, entries ...Entry) {
	t.Helper()
	if err := l.Append(entries...); err != nil {
		t.Fatal(err)
	}
}

func problems(t *testing.T, dir string) []string {
	t.Helper()
	proof, err := Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range proof.Problems {
		out = append(out, p.String())
	}
	return out
}

// announce is an announcement and the confirmation that it was written.
func announce(t *testing.T, l *Ledger, e Entry) {
	t.Helper()
	appendAll(t, l, e)
	appendAll(t, l, Entry{Kind: Written, First: l.Seq(), Last: l.Seq()})
}

func TestTrace(t *testing.T) {
	scheduled := Entry{Kind: Scheduled, Table: "contact", ID: person(1), PurgeOn: date("2027-01-24"), NoticedOn: date("2026-11-24"), Ground: "open-quote"}
	trace := retention.Trace{PurgeOn: scheduled.PurgeOn, NoticedOn: scheduled.NoticedOn}
	void := Entry{Kind: Void, Table: "contact", ID: person(1)}
	held := Entry{Kind: Held, Table: "contact", ID: person(1)}
	released := scheduled
	released.Kind, released.PurgeOn = Released, date("2027-03-01")

	tests := []struct {
		name string
		do   func(t *testing.T, l *Ledger)
		want retention.Trace
	}{
		{"an announcement proves nothing before it is written", func(t *testing.T, l *Ledger) { appendAll(t, l, scheduled) }, retention.Trace{}},
		{"a written announcement is a trace", func(t *testing.T, l *Ledger) { announce(t, l, scheduled) }, trace},
		{"what was not written leaves no trace", func(t *testing.T, l *Ledger) {
			appendAll(t, l, scheduled, void, Entry{Kind: Written, First: l.Seq() + 1, Last: l.Seq() + 1})
		}, retention.Trace{}},
		{"what was not written leaves the trace before it", func(t *testing.T, l *Ledger) {
			announce(t, l, scheduled)
			appendAll(t, l, Entry{Kind: Cleared, Table: "contact", ID: person(1)}, void)
		}, trace},
		{"a rescue ends the trace", func(t *testing.T, l *Ledger) {
			announce(t, l, scheduled)
			announce(t, l, Entry{Kind: Cleared, Table: "contact", ID: person(1)})
		}, retention.Trace{}},
		{"a hold stays in the trace until its release is written", func(t *testing.T, l *Ledger) {
			announce(t, l, scheduled)
			appendAll(t, l, held, released)
		}, retention.Trace{PurgeOn: trace.PurgeOn, NoticedOn: trace.NoticedOn, Held: true}},
		{"a release begins the notice again", func(t *testing.T, l *Ledger) {
			announce(t, l, scheduled)
			appendAll(t, l, held)
			announce(t, l, released)
		}, retention.Trace{PurgeOn: released.PurgeOn, NoticedOn: released.NoticedOn}},
		{"a purged person has no trace", func(t *testing.T, l *Ledger) {
			announce(t, l, scheduled)
			appendAll(t, l, Entry{Kind: Intent, Table: "contact", ID: person(1)}, Entry{Kind: Outcome, Table: "contact", ID: person(1), Status: Done})
		}, retention.Trace{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l := begin(t, dir, "one")
			tt.do(t, l)
			if got := l.Trace("contact", person(1)); got != tt.want {
				t.Errorf("as written: %+v, want %+v", got, tt.want)
			}
			if err := l.End(Done, nil); err != nil {
				t.Fatal(err)
			}
			if got := mustOpen(t, dir).Trace("contact", person(1)); got != tt.want {
				t.Errorf("as read: %+v, want %+v", got, tt.want)
			}
			if p := problems(t, dir); p != nil {
				t.Errorf("problems: %v", p)
			}
		})
	}
}

func TestUnfinishedUntilALaterRunFindsNothing(t *testing.T) {
	dir := t.TempDir()
	key := Key{"contact", person(1)}
	rows := map[string][]uuid.UUID{"contact": {person(1)}, "email": {person(7), person(8)}}
	swept := func(n int) Entry { return Entry{Kind: Swept, Table: "contact", ID: person(1), Deleted: n} }
	unfinished := func() []Purge { return mustOpen(t, dir).Unfinished() }

	l := begin(t, dir, "one")
	appendAll(t, l, Entry{Kind: Intent, Table: "contact", ID: person(1), Do: policy.Delete, Rows: rows},
		Entry{Kind: Intent, Table: "contact", ID: person(2), Do: policy.Delete})
	if got := unfinished(); len(got) != 2 || got[0].Key != key || got[0].Concluded {
		t.Fatalf("after the intents: %+v", got)
	}
	appendAll(t, l, Entry{Kind: Outcome, Table: "contact", ID: person(2), Status: Failed, Code: "0x80040227"},
		Entry{Kind: Outcome, Table: "contact", ID: person(1), Status: Done}, swept(3), swept(0))
	l.End(Done, nil)
	got := unfinished()
	if len(got) != 1 || !got[0].Concluded || !cmp.Equal(got[0].Rows, rows) {
		t.Fatalf("the purging run's own sweep must not be the last: %+v", got)
	}
	for _, later := range []time.Duration{0, time.Minute, historyComes - time.Second} {
		l = beginLater(t, dir, "after-"+later.String(), later)
		appendAll(t, l, swept(0))
		l.End(Done, nil)
		if len(unfinished()) != 1 {
			t.Fatalf("what was found %s after the purge proves nothing", later)
		}
	}
	l = beginLater(t, dir, "two", historyComes)
	appendAll(t, l, swept(1))
	l.End(Done, nil)
	if len(unfinished()) != 1 {
		t.Fatal("a sweep that found something must not be the last")
	}
	l = beginLater(t, dir, "three", historyComes)
	appendAll(t, l, swept(0))
	l.End(Done, nil)
	if got := unfinished(); len(got) != 0 {
		t.Fatalf("a later run found nothing: %+v", got)
	}
}

func TestNoFreeText(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir, "one")
	who := Entry{Kind: Outcome, Table: "contact", ID: person(1), Status: Failed}
	for name, change := range map[string]func(*Entry){
		"code":   func(e *Entry) { e.Code = "contact Yvonne McKay was not found" },
		"ground": func(e *Entry) { e.Ground = "someone_a@example.com" },
		"table":  func(e *Entry) { e.Table = "Yvonne McKay" },
		"counts": func(e *Entry) { e.Counts = map[string]int{"a@example.com": 1} },
		"rows":   func(e *Entry) { e.Rows = map[string][]uuid.UUID{"a b": nil} },
		"guard":  func(e *Entry) { e.Guard = "Yvonne McKay" },
		"kind":   func(e *Entry) { e.Kind = "note" },
	} {
		e := who
		change(&e)
		err := l.Append(e)
		if err == nil {
			t.Errorf("%s: a sentence was taken", name)
		} else if strings.Contains(err.Error(), "Yvonne") || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error quotes the text: %v", name, err)
		}
	}
	appendAll(t, l, who) // a refused entry does not spoil the ledger
	if p := problems(t, dir); p != nil {
		t.Errorf("problems: %v", p)
	}
}

func TestSecondRunIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := begin(t, dir, "one")
	second := mustOpen(t, dir)
	err := second.Begin(t.Context(), testRun("two"))
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.Run != "one" || locked.Holder.Actor != person(77) {
		t.Fatalf("Begin = %v, want a LockedError that names run one", err)
	}
	first.End(Done, nil)
	if err := second.Begin(t.Context(), testRun("two")); err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	if got := second.Seq(); got != 3 {
		t.Errorf("the second run did not read what the first wrote: seq %d", got)
	}
}

// A ledger of another environment proves nothing here: a copy has the same row ids.
func TestALedgerHasOneOrganization(t *testing.T) {
	dir := t.TempDir()
	of := func(id string, organization uuid.UUID) error {
		l := mustOpen(t, dir)
		r := testRun(id)
		r.Organization = organization
		if err := l.Begin(t.Context(), r); err != nil {
			return err
		}
		return l.End(Done, nil)
	}
	if err := of("one", person(1)); err != nil {
		t.Fatal(err)
	}
	var foreign *ForeignError
	if err := of("two", person(2)); !errors.As(err, &foreign) || foreign.Ledger != person(1) || foreign.Environment != person(2) {
		t.Errorf("a run of another organisation: %v, want a *ForeignError", err)
	}
	if err := of("three", person(1)); err != nil {
		t.Errorf("the lock was not given back, or something was written: %v", err)
	}
	if found := problems(t, dir); len(found) > 0 {
		t.Error(found)
	}
}

func TestExisted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	if mustOpen(t, dir).Existed() {
		t.Error("a missing folder is a ledger")
	}
	begin(t, dir, "one").End(Done, nil)
	if !mustOpen(t, dir).Existed() {
		t.Error("a ledger is missing")
	}
}

// TestTornLine cuts a ledger at every byte of what the last append wrote, as a kill would, with the head as it was before.
func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir, "one")
	headBefore, _ := os.ReadFile(filepath.Join(dir, headName))
	name := filepath.Join(dir, l.name)
	before, _ := os.ReadFile(name)
	appendAll(t, l, Entry{Kind: Held, Table: "contact", ID: person(1)}, Entry{Kind: Held, Table: "contact", ID: person(2)})
	l.Close()
	after, _ := os.ReadFile(name)

	for n := len(before); n <= len(after); n++ {
		cut := t.TempDir()
		os.WriteFile(filepath.Join(cut, l.name), after[:n], 0o600)
		os.WriteFile(filepath.Join(cut, headName), headBefore, 0o600)
		torn := n > len(before) && after[n-1] != '\n'
		proof, err := Verify(cut)
		if err != nil || len(proof.Problems) > 0 || proof.Unfinished != torn {
			t.Fatalf("cut at %d: %+v, %v", n, proof, err)
		}
		next := begin(t, cut, "two")
		next.End(Done, nil)
		if p := problems(t, cut); p != nil {
			t.Fatalf("cut at %d, next run: %v", n, p)
		}
		repaired := 0
		for r, err := range mustOpen(t, cut).Records(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind == Repaired {
				repaired++
			}
		}
		if want := map[bool]int{true: 1}[torn]; repaired != want {
			t.Fatalf("cut at %d: %d repairs stand in the ledger, want %d", n, repaired, want)
		}
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	// Lines 1 to 5 of the first file are entries 1 to 5, lines 1 and 2 of the second 6 and 7.
	build := func(t *testing.T) (dir, one, two string) {
		dir = t.TempDir()
		l := begin(t, dir, "one")
		for n := range byte(3) {
			appendAll(t, l, Entry{Kind: Held, Table: "contact", ID: person(n + 1)})
		}
		l.End(Done, nil)
		one = filepath.Join(dir, l.name)
		l = begin(t, dir, "two")
		l.End(Done, nil)
		return dir, one, filepath.Join(dir, l.name)
	}
	edit := func(f func(lines []string) []string) func(t *testing.T, name string) {
		return func(t *testing.T, name string) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(name, []byte(strings.Join(f(strings.SplitAfter(string(b), "\n")), "")), 0o600)
		}
	}
	tests := []struct {
		name string
		one  func(t *testing.T, name string)
		two  func(t *testing.T, name string)
		want string
	}{
		{"a changed line", edit(func(l []string) []string {
			l[2] = strings.Replace(l[2], person(2).String(), person(9).String(), 1)
			return l
		}), nil, "000001-one.jsonl line 3: the line was changed: it does not match its hash"},
		{"a changed line with a new hash", edit(func(l []string) []string {
			var b strings.Builder
			body := strings.Replace(l[2][:strings.LastIndex(l[2], `,"hash"`)], person(2).String(), person(9).String(), 1)
			b.WriteString(body + `,"hash":"` + hashOf(body) + "\"}\n")
			l[2] = b.String()
			return l
		}), nil, "000001-one.jsonl line 4: the line before it was replaced: this line names another one"},
		{"a missing line", edit(func(l []string) []string { return append(l[:2:2], l[3:]...) }), nil,
			"000001-one.jsonl line 3: entry 3 is missing before this line"},
		{"two lines swapped", edit(func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }), nil,
			"000001-one.jsonl line 2: entry 2 is missing before this line"},
		{"a cut line", edit(func(l []string) []string { l[4] = l[4][:40]; return l }), nil,
			"000001-one.jsonl line 5: the line was cut"},
		{"a missing end", nil, edit(func(l []string) []string { return l[:1] }), "head.json: entry 7 is missing at the end"},
		{"a missing last file", nil, func(t *testing.T, name string) { os.Remove(name) }, "head.json: entries 6 to 7 are missing at the end"},
		{"a missing first file", func(t *testing.T, name string) { os.Remove(name) }, nil,
			"000002-two.jsonl line 1: entries 1 to 5 are missing before this line"},
		{"a field that no entry has", edit(func(l []string) []string {
			body := strings.Replace(l[1][:strings.LastIndex(l[1], `,"hash"`)], `,"kind"`, `,"note":"Yvonne","kind"`, 1)
			l[1] = body + `,"hash":"` + hashOf(body) + "\"}\n"
			return l
		}), nil, "000001-one.jsonl line 2: the line has a field that no entry has"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, one, two := build(t)
			if p := problems(t, dir); p != nil {
				t.Fatalf("before: %v", p)
			}
			if tt.one != nil {
				tt.one(t, one)
			}
			if tt.two != nil {
				tt.two(t, two)
			}
			got := problems(t, dir)
			if len(got) == 0 || got[0] != tt.want {
				t.Errorf("Verify found %q, want first %q", got, tt.want)
			}
			if _, err := Open(dir); !errors.Is(err, ErrBroken) {
				t.Errorf("Open = %v, want ErrBroken", err)
			}
		})
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir, "one")
	l.storage = fullDisk{l.storage}
	if err := l.Append(Entry{Kind: Held, Table: "contact", ID: person(1)}); err == nil {
		t.Fatal("an entry that was not stored was taken")
	}
	if err := l.Append(Entry{Kind: Held, Table: "contact", ID: person(1)}); err == nil {
		t.Fatal("the ledger went on after a failed append")
	}
	l.Close()
	begin(t, dir, "two").End(Done, nil)
	if p := problems(t, dir); p != nil {
		t.Errorf("problems: %v", p)
	}
}

// counting counts how often files are read.
type counting struct {
	Storage
	reads int
}

func (c *counting) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	c.reads++
	return c.Storage.Read(ctx, name)
}

// TestALedgerGoesOnWithoutReading: after a run a ledger holds what would be read, and where somebody else has written, it reads.
func TestALedgerGoesOnWithoutReading(t *testing.T) {
	dir := t.TempDir()
	s := &counting{Storage: RehearsalFolder(dir)}
	l, err := OpenStorage(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	run := func(id string, n byte) {
		t.Helper()
		if err := l.Begin(t.Context(), testRun(id)); err != nil {
			t.Fatal(err)
		}
		announce(t, l, Entry{Kind: Scheduled, Table: "contact", ID: person(n), PurgeOn: date("2027-01-24"), NoticedOn: date("2026-11-24"), Ground: "open-quote"})
		if err := l.End(Done, map[string]int{"scheduled": 1}); err != nil {
			t.Fatal(err)
		}
		if err := l.Again(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range byte(4) {
		run("night-"+string('a'+rune(n)), n+1)
	}
	if s.reads != 0 {
		t.Errorf("%d files were read", s.reads)
	}
	read := mustOpen(t, dir)
	for n := range byte(4) {
		if d := cmp.Diff(read.Trace("contact", person(n+1)), l.Trace("contact", person(n+1))); d != "" || read.Seq() != l.Seq() || read.Head() != l.Head() {
			t.Errorf("person %d, %d and %d entries (-read +kept)\n%s", n+1, read.Seq(), l.Seq(), d)
		}
	}

	other := begin(t, dir, "other")
	announce(t, other, Entry{Kind: Scheduled, Table: "contact", ID: person(9), PurgeOn: date("2027-01-24"), NoticedOn: date("2026-11-24"), Ground: "open-quote"})
	if err := other.End(Done, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	run("night-z", 10)
	if s.reads == 0 || cmp.Diff(l.Trace("contact", person(9)), mustOpen(t, dir).Trace("contact", person(9))) != "" {
		t.Errorf("what somebody else has written is not known, %d files were read", s.reads)
	}
	if p := problems(t, dir); len(p) > 0 {
		t.Error(p)
	}
}
