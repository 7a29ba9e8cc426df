//go:build unix

package emulator

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used so far: on a machine that is busy with other things it says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
