//go:build unix

package ledger

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestLockEndsWithItsRun: a process that is being started at that moment has a copy of the descriptor, and keeps nobody out by it.
func TestLockEndsWithItsRun(t *testing.T) {
	d := &folder{dir: t.TempDir()}
	for range 2 {
		release, err := d.Lock(t.Context(), Holder{Run: "one"})
		if err != nil {
			t.Fatal(err)
		}
		inherited, err := unix.Dup(int(d.lock.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(inherited) })
		if err := release(); err != nil {
			t.Fatal(err)
		}
	}
}
