// Command testsummary runs go test as it is given, shows what plain go test shows, and then what the run cost: the ten
// slowest tests, the processor time, and the largest process. Its exit code is that of go test.
//
//	go run ./tools/testsummary go test ./...
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// event is a line of test2json, as far as it is looked at.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // seconds
}

// key names a test of a package; the package itself has no test.
type key struct{ pkg, test string }

type timed struct {
	key
	seconds float64
}

const slowestShown = 10

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: testsummary go test [flags] packages")
		os.Exit(2)
	}
	args := slices.Insert(slices.Clone(os.Args[2:]), 1, "-json")
	cmd := exec.Command(os.Args[1], args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	began := time.Now()
	tests := show(out, os.Stdout)
	err = cmd.Wait()
	summarize(os.Stdout, tests)
	if state := cmd.ProcessState; state != nil {
		fmt.Printf("\nwall %s, processor %s%s\n", time.Since(began).Round(time.Second), (state.UserTime() + state.SystemTime()).Round(time.Second), largest(state))
	}
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		os.Exit(failed.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// show prints the output of failed tests and of packages, and answers how long each test took.
func show(in io.Reader, w io.Writer) []timed {
	var tests []timed
	outputs := map[key][]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(w, lines.Text()) // what is not of a test: errors of the build
			continue
		}
		k := key{e.Package, e.Test}
		switch e.Action {
		case "output":
			if e.Test == "" {
				if !strings.HasPrefix(e.Output, "PASS") {
					fmt.Fprint(w, e.Output)
				}
				continue
			}
			outputs[k] = append(outputs[k], e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "pass", "skip", "fail":
			if e.Action == "fail" {
				fmt.Fprint(w, strings.Join(outputs[k], ""))
			}
			delete(outputs, k)
			if e.Test != "" && !strings.Contains(e.Test, "/") {
				tests = append(tests, timed{k, e.Elapsed})
			}
		}
	}
	// A test that never ended, in a process that did.
	for _, k := range slices.SortedFunc(keys(outputs), func(a, b key) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test)) }) {
		fmt.Fprint(w, strings.Join(outputs[k], ""))
	}
	return tests
}

func keys(m map[key][]string) func(func(key) bool) {
	return func(yield func(key) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func summarize(w io.Writer, tests []timed) {
	slices.SortStableFunc(tests, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
	fmt.Fprintf(w, "\nThe slowest of %d tests:\n", len(tests))
	for _, t := range tests[:min(slowestShown, len(tests))] {
		fmt.Fprintf(w, "%8.1f s  %s.%s\n", t.seconds, strings.TrimPrefix(t.pkg, "github.com/gallra/gallra/"), t.test)
	}
}
