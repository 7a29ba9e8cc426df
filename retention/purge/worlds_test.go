package purge_test

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestAWorldEndsWithItsTest has a test below this one end before this one does: its world is garbage by then. Thousands of
// random worlds fit into a process only so.
func TestAWorldEndsWithItsTest(t *testing.T) {
	var server weak.Pointer[emulator.Server]
	t.Cleanup(func() { // while the test below is still held
		for range 3000 { // its connections end on their own, on a busy machine after a while
			if runtime.GC(); server.Value() == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("the world of a test that has ended is still in memory")
	})
	t.Run("a world", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, pol)
		people(w)
		w.run()
		server = weak.Make(w.server)
	})
}
