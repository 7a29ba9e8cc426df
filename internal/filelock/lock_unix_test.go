//go:build unix

package filelock

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOneHolderAtATime: a second opening does not get the lock until it is released, and gets it then, although a process that was being
// started meanwhile still has a copy of the first one's descriptor.
func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	first, second := open(), open()
	if taken, err := Take(first); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if taken, err := Take(second); err != nil || taken {
		t.Fatal("two hold it: ", err)
	}
	inherited, err := unix.Dup(int(first.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(inherited) })
	if err := Release(first); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if taken, err := Take(second); err != nil || !taken {
		t.Error("nobody holds it, and it is not free: ", err)
	}
}
