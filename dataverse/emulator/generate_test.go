package emulator

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func TestGenSize(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("GEN"))
	if n == 0 {
		n = 2000
	}
	var m0, m1 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m0)
	s := New(Options{})
	start := time.Now()
	if err := s.Generate(Generated{Contacts: n, Leads: n / 2, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&m1)
	total := 0
	for name, r := range s.store.view().data {
		if r.len() > 10 {
			cols := 0
			n := 0
			r.scan([16]byte{}, func(x *row) bool { cols += len(x.cols); n++; return true })
			t.Log(name, r.len(), "cols", cols/n)
		}
		total += r.len()
	}
	t.Log(total, "rows", took, "bytes/row", (m1.HeapAlloc-m0.HeapAlloc)/uint64(total), "related/person", float64(total)/float64(n+n/2))
	runtime.KeepAlive(s)
}
