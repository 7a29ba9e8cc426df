package main

import (
	"fmt"
	"os"
	"syscall"
)

// largest is the most memory that any process of the run had, compilers and linkers included.
func largest(state *os.ProcessState) string {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return ""
	}
	return fmt.Sprintf(", largest process %d MB", usage.Maxrss/1024) // Linux counts it in KB
}
