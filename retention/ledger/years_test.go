package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// emulatorOrganization is the one that gallra emulator is, so that verbs take the ledger for theirs.
var emulatorOrganization = uuid.MustParse("d09f1406-5373-5ba9-8193-08d22d7fe17f")

// years are many nights of a ledger, as runs write them.
type years struct {
	nights, persons int // persons are purged in all, evenly
	rows            int // that go with each
	grounds         int
}

// write makes the files of the ledger, one a night, and its head. It does not go through the storage, which would make
// every append durable.
func (y years) write(each func(name string, data []byte) error) (entries int, headLine []byte, err error) {
	random := rand.New(rand.NewPCG(1, 2))
	id := func() (u uuid.UUID) {
		binary.BigEndian.PutUint64(u[:], random.Uint64())
		binary.BigEndian.PutUint64(u[8:], random.Uint64())
		return u
	}
	day := retention.DateOf(time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC), time.UTC)
	org, actor := emulatorOrganization, uuid.UUID{15: 7}
	pol := fmt.Sprintf("sha256:%064d", 1)
	var seq uint64
	hash := genesis
	var before []Key // purged the night before: their audit history is looked for again
	var told []Key
	for n := range y.nights {
		var buf bytes.Buffer
		at := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC).AddDate(0, 0, n)
		today := day.Add(retention.Period{Days: n})
		put := func(e Entry) {
			seq++
			if err == nil {
				hash, err = encode(&buf, Record{Seq: seq, Prev: hash, At: at, Entry: e})
			}
		}
		run := fmt.Sprintf("2026-%06d-abcdef01", n+1)
		put(Entry{Kind: Start, Run: run, Verb: "run", Policy: pol, Organization: org, Actor: actor, Today: today, Version: "1.0.0"})
		for _, k := range before {
			put(Entry{Kind: Swept, Table: k.Table, ID: k.ID})
		}
		for g := range y.grounds {
			put(Entry{Kind: Ground, Table: "contact", Ground: fmt.Sprintf("ground-%d", g), Counts: map[string]int{"rows": 1000 + g}})
		}
		due := (n+1)*y.persons/y.nights - n*y.persons/y.nights
		var keys []Key
		first := seq + 1
		for i := range due {
			k := Key{[]string{"contact", "lead"}[i%2], id()}
			keys = append(keys, k)
			put(Entry{Kind: Scheduled, Table: k.Table, ID: k.ID, PurgeOn: today, NoticedOn: today, Ground: "ground-1"})
		}
		if due > 0 {
			put(Entry{Kind: Written, First: first, Last: seq})
			first = seq + 1
			for _, k := range keys {
				put(Entry{Kind: Telling, Table: k.Table, ID: k.ID, Actor: uuid.UUID{0: byte(n % 200), 15: 3}, PurgeOn: today})
			}
			put(Entry{Kind: Told, First: first, Last: seq, Status: Done})
		}
		for _, k := range told {
			rows := map[string][]uuid.UUID{k.Table: {k.ID}}
			for range y.rows {
				rows["email"] = append(rows["email"], id())
			}
			put(Entry{Kind: Intent, Table: k.Table, ID: k.ID, Do: policy.Delete, Rows: rows, Counts: map[string]int{"delete email": y.rows}})
		}
		for _, k := range told {
			put(Entry{Kind: Outcome, Table: k.Table, ID: k.ID, Status: Done})
			put(Entry{Kind: Swept, Table: k.Table, ID: k.ID, Deleted: 3})
		}
		before, told = told, keys // whoever was scheduled goes the night after: what counts here is what is written
		put(Entry{Kind: End, Status: Done, Counts: map[string]int{"delete contact": due}})
		if err == nil {
			err = each(fmt.Sprintf("%06d-%s%s", n+1, run, fileSuffix), buf.Bytes())
		}
		if err != nil {
			return 0, nil, err
		}
	}
	return int(seq), head{Seq: seq, Hash: hash}.encode(), nil
}

// folder writes them into a folder.
func (y years) folder(tb testing.TB) (dir string, entries int, size int64) {
	tb.Helper()
	dir = tb.TempDir()
	entries, headLine, err := y.write(func(name string, data []byte) error {
		size += int64(len(data))
		return os.WriteFile(filepath.Join(dir, name), data, 0o600)
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, headName), headLine, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dir, entries, size
}

// BenchmarkYears prints how long it takes to open a ledger of many nights, as every run, status and plan does, and to
// prove it, and how much memory that takes: go test ./retention/ledger -run '^$' -bench Years -benchtime 1x
func BenchmarkYears(b *testing.B) {
	for _, y := range []struct {
		name string
		years
	}{
		{"5 years, 100,000 purged", years{nights: 1825, persons: 100_000, rows: 5, grounds: 20}},
		{"5 years, 200,000 purged", years{nights: 1825, persons: 200_000, rows: 5, grounds: 20}},
		{"1,000 nights of 2 MB", years{nights: 1000, persons: 1_000_000, rows: 4, grounds: 20}},
	} {
		b.Run(y.name, func(b *testing.B) {
			dir, entries, size := y.folder(b)
			heap := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			report := func(b *testing.B) {
				per := b.Elapsed() / time.Duration(b.N)
				b.ReportMetric(float64(entries), "entries")
				b.ReportMetric(float64(size)/1e6, "MB")
				b.ReportMetric(per.Seconds(), "s")
				b.ReportMetric(float64(entries)/per.Seconds()/1e3, "thousand/s")
				b.ReportMetric(0, "ns/op")
			}
			b.Run("open", func(b *testing.B) {
				before := heap()
				var l *Ledger
				for b.Loop() {
					var err error
					if l, err = Open(dir); err != nil {
						b.Fatal(err)
					}
				}
				report(b)
				b.ReportMetric((float64(heap())-float64(before))/1e6, "held-MB")
				if l.Seq() != uint64(entries) {
					b.Fatal(l.Seq())
				}
			})
			b.Run("verify", func(b *testing.B) {
				for b.Loop() {
					proof, err := VerifySource(context.Background(), plainFolder(dir))
					if err != nil || len(proof.Problems) > 0 || proof.Entries != entries {
						b.Fatal(err, proof)
					}
				}
				report(b)
			})
		})
	}
}
