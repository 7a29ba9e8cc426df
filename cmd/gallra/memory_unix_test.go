//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gallra/gallra"
)

// BenchmarkRunMemory prints the most memory that gallra run --apply held while it purged thousands of persons: the built
// command, with the emulator as a process of its own.
//
//	go test ./cmd/gallra -run '^$' -bench RunMemory -benchtime 1x -timeout 30m
func BenchmarkRunMemory(b *testing.B) {
	tmp := b.TempDir()
	binary := filepath.Join(tmp, "gallra")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	policy := filepath.Join(tmp, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, persons := range []int{3_400, 13_400, 33_400} {
		b.Run(fmt.Sprint(persons, " persons"), func(b *testing.B) {
			for b.Loop() {
				measureRun(b, binary, policy, persons)
			}
		})
	}
}

func measureRun(b *testing.B, binary, policy string, persons int) {
	crm := exec.Command(binary, "emulator", "--listen", "127.0.0.1:0", "--data", "generate", "--contacts", fmt.Sprint(persons*2/3), "--leads", fmt.Sprint(persons/3),
		"--seed", "7", "--token", "memory")
	out, err := crm.StdoutPipe()
	if err == nil {
		err = crm.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = crm.Process.Kill(); _ = crm.Wait() }()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var said struct{ URL string }
	if err != nil || json.Unmarshal(line, &said) != nil {
		b.Fatalf("%s: %v", line, err)
	}
	env := append(os.Environ(), "GALLRA_URL="+said.URL, "GALLRA_TOKEN=memory", "GALLRA_POLICY="+policy, "GALLRA_LEDGER="+b.TempDir())
	verb := func(args ...string) (*exec.Cmd, []byte) {
		var errs bytes.Buffer
		c := exec.Command(binary, args...)
		c.Env, c.Stderr = env, &errs
		out, err := c.Output()
		if err != nil && c.ProcessState.ExitCode() != exitIncomplete {
			b.Fatalf("gallra %s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
		}
		return c, out
	}
	verb("provision")
	verb("run", "--apply")
	r, err := http.NewRequest(http.MethodPost, said.URL+"/emulator/clock", strings.NewReader(`{"advance":"1512h"}`))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer memory")
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%v %v", res, err)
	}
	_ = res.Body.Close()
	began := time.Now()
	run, told := verb("run", "--apply", "--json")
	took := time.Since(began)
	purged := 0
	for _, l := range bytes.Split(told, []byte("\n")) {
		var o struct{ Kind, Action, Status string }
		if json.Unmarshal(l, &o) == nil && o.Kind == "outcome" && o.Action == "purge" && o.Status == "done" {
			purged++
		}
	}
	peak := run.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" {
		peak <<= 10
	}
	b.ReportMetric(float64(purged), "purged")
	b.ReportMetric(float64(purged)/took.Seconds(), "purged/s")
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
	b.ReportMetric(0, "ns/op")
}
