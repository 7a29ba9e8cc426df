//go:build unix

package ledger

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/gallra/gallra"
)

// BenchmarkYearsVerbs prints how long verbs of the built command take with a ledger of five years, their processor time,
// which other work on the machine changes less, and the most memory that they held: go test ./retention/ledger -run '^$' -bench YearsVerbs -benchtime 1x
func BenchmarkYearsVerbs(b *testing.B) {
	tmp := b.TempDir()
	binary := filepath.Join(tmp, "gallra")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/gallra/gallra/cmd/gallra").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	policy := filepath.Join(tmp, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		b.Fatal(err)
	}
	crm := exec.Command(binary, "emulator", "--listen", "127.0.0.1:0", "--data", "sample", "--token", "years")
	out, err := crm.StdoutPipe()
	if err == nil {
		err = crm.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = crm.Process.Kill(); _ = crm.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var said struct{ URL string }
	if err != nil || json.Unmarshal(line, &said) != nil {
		b.Fatalf("%s: %v", line, err)
	}
	for _, n := range []int{0, 100_000, 200_000} {
		y := years{nights: 1825, persons: n, rows: 5, grounds: 20}
		if n == 0 {
			y.nights = 1
		}
		dir, entries, _ := y.folder(b)
		env := append(os.Environ(), "GALLRA_URL="+said.URL, "GALLRA_TOKEN=years", "GALLRA_POLICY="+policy, "GALLRA_LEDGER="+dir)
		for _, verb := range [][]string{{"status"}, {"run"}, {"ledger", "verify"}} {
			b.Run(fmt.Sprintf("%s, %d purged", verb[len(verb)-1], n), func(b *testing.B) {
				peak, processor := int64(0), time.Duration(0)
				for b.Loop() {
					c := exec.Command(binary, verb...)
					c.Env = env
					if out, err := c.CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, out)
					}
					peak = max(peak, maxRSS(c))
					processor += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
				b.ReportMetric(processor.Seconds()/float64(b.N), "cpu-s")
				b.ReportMetric(float64(peak)/1e6, "peak-MB")
				b.ReportMetric(float64(entries), "entries")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// maxRSS is the most memory that a process held, in bytes.
func maxRSS(c *exec.Cmd) int64 {
	n := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "darwin" {
		return n
	}
	return n << 10
}
