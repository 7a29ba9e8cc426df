//go:build unix

package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Take takes the lock on an open file; taken is false where another opening of it holds the lock.
func Take(f *os.File) (taken bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// Release ends the lock for everybody who holds the same opening of the file: a process that is just being started has a copy of every
// descriptor until its program begins, and the lock would stay until then.
func Release(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
