package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
	"github.com/gallra/gallra/retention"
)

// TestWhatIsWrittenIsRead: whatever date an entry has, it is refused before it is written, or the next run reads it as it was, and
// the verifier, which has eyes of its own, sees it likewise.
func TestWhatIsWrittenIsRead(t *testing.T) {
	anyDate := rapid.Custom(func(t *rapid.T) retention.Date {
		near := rapid.SampledFrom([]retention.Date{0, retention.First, retention.NewDate(2026, 3, 1), retention.Last, retention.Open}).Draw(t, "near")
		return retention.Date(min(int64(near)+int64(rapid.IntRange(-800, 800).Draw(t, "off")), int64(retention.Open)))
	})
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		l := begin(t, dir, "run-1")
		e := Entry{Kind: Seen, Table: "contact", ID: person(1), PurgeOn: anyDate.Draw(rt, "purge"), NoticedOn: anyDate.Draw(rt, "noticed")}
		err = l.Append(e)
		if sound := e.PurgeOn.Valid() && e.NoticedOn.Valid(); sound != (err == nil) {
			rt.Fatalf("%d and %d: %v", e.PurgeOn, e.NoticedOn, err)
		}
		if err := l.End(Done, nil); err != nil {
			rt.Fatal(err)
		}
		l.Close()
		if found := problems(t, dir); len(found) > 0 {
			rt.Fatalf("%s and %s: the verifier finds %v", e.PurgeOn, e.NoticedOn, found)
		}
		again, err := Open(dir)
		if err != nil {
			rt.Fatalf("%s and %s were written and cannot be read: %v", e.PurgeOn, e.NoticedOn, err)
		}
		want := retention.Trace{PurgeOn: e.PurgeOn, NoticedOn: e.NoticedOn}
		if !want.PurgeOn.Valid() || !want.NoticedOn.Valid() || want.PurgeOn.IsZero() {
			want = retention.Trace{}
		}
		if diff := cmp.Diff(want, again.Trace("contact", person(1))); diff != "" {
			rt.Fatalf("(-written +read):\n%s", diff)
		}
	})
}

// TestVerifyFindsDatesThatNobodyReads: a ledger that no run can read is not whole, though its chain is.
func TestVerifyFindsDatesThatNobodyReads(t *testing.T) {
	for _, bad := range []retention.Date{retention.Last + 13, retention.First - 1000} {
		dir := t.TempDir()
		l := begin(t, dir, "run-1")
		appendAll(t, l, Entry{Kind: Seen, Table: "contact", ID: person(1), PurgeOn: date("2026-03-01"), NoticedOn: date("2026-01-01")})
		var line bytes.Buffer
		r := Record{Seq: l.state.seq + 1, Prev: l.state.hash, At: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
			Entry: Entry{Kind: Seen, Table: "contact", ID: person(2), PurgeOn: bad, NoticedOn: date("2026-01-01")}}
		if _, err := encode(&line, r); err != nil {
			t.Fatal(err)
		}
		l.Close()
		files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(line.Bytes()); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if found := problems(t, dir); len(found) != 1 || !strings.Contains(found[0], "a date that nobody can read") {
			t.Errorf("%s: the verifier finds %v", bad, found)
		}
	}
}
