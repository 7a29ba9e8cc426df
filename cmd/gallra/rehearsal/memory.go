package rehearsal

import (
	"bytes"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
)

// A rehearsal makes a megabyte of garbage for each person who goes, beside a CRM that stays. Each collection walks through the CRM, so the
// fewer the better: the heap may grow by half of the memory that nothing else uses. Who sets GOGC decides themselves.

// roomy sets how far the heap may grow until it is collected, from what lives in it: between its own size and eight times that.
func roomy(spare uint64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	debug.SetGCPercent(growth(sample[0].Value.Uint64(), spare))
}

// growth is the percentage for a heap of that size and so much memory beside it.
func growth(live, spare uint64) int {
	return int(min(max(spare/2/max(live/100, 1), 100), 800))
}

// spareMemory is how many bytes nothing uses, of the machine and of the group that the process may be bound to. Where neither can be told
// it is 1 GB.
func spareMemory() uint64 {
	spare, known := uint64(1<<30), false
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, rest, found := bytes.Cut(text, []byte("MemAvailable:")); found {
			line, _, _ := bytes.Cut(rest, []byte("kB"))
			if n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 10, 44); err == nil {
				spare, known = n<<10, true
			}
		}
	}
	most, bound := number("/sys/fs/cgroup/memory.max")
	used, counted := number("/sys/fs/cgroup/memory.current")
	if bound && counted {
		left := most - min(used, most)
		if !known || left < spare {
			spare = left
		}
	}
	return spare
}

func number(file string) (uint64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil
}
