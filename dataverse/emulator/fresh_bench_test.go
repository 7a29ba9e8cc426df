package emulator

import (
	"runtime"
	"testing"
)

// BenchmarkFresh is what a server of its own costs a test: the time, and the memory that it keeps.
// go test ./dataverse/emulator -run '^$' -bench Fresh
func BenchmarkFresh(b *testing.B) {
	New(Options{}) // reads the schema, once a process
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var kept []*Server
	for b.Loop() {
		kept = append(kept, New(Options{}))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(kept))/(1<<20), "MB/server")
	runtime.KeepAlive(kept)
}

// TestAFreshServerIsCheap: servers have their schema and the rows that never differ in common, so that every test can have its own.
func TestAFreshServerIsCheap(t *testing.T) {
	New(Options{})
	if n := testing.AllocsPerRun(5, func() { New(Options{}) }); n > 10_000 {
		t.Errorf("a server takes %.0f allocations", n)
	}
	a, b := New(Options{}), New(Options{})
	if len(a.Rows("roleprivileges")) == 0 || len(a.Rows("privilege")) != len(b.Rows("privilege")) {
		t.Error("the rights are not there")
	}
	before := len(b.Rows("roleprivileges"))
	w := a.engine.Store.Begin()
	w.Remove(w.Schema.Tables["roleprivileges"], a.Rows("roleprivileges")[0].ID)
	w.Commit()
	if len(a.Rows("roleprivileges")) != before-1 || len(b.Rows("roleprivileges")) != before || len(New(Options{}).Rows("roleprivileges")) != before {
		t.Error("what one server writes is seen by another")
	}
}
