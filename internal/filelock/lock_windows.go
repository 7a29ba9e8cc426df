package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// far is a byte far behind every line, so that others can still read the file.
func far() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1} }

// Take takes the lock on an open file; taken is false where another opening of it holds the lock.
func Take(f *os.File) (taken bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// Release ends the lock.
func Release(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, far())
}
